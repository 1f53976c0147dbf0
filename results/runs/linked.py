"""Which runs are dubs of one source, so that their dubs can be read side by side?"""

from django.db import transaction

from results.models import Run, Source


def link_runs(run: Run, other: Run) -> None:
    """Say that both runs, and whatever runs each was linked with, are of one source. They are of one team."""
    with transaction.atomic():
        source = run.source or other.source or Source.objects.create(team_id=run.team_id)
        if other.source and other.source != source:
            other.source.runs.update(source=source)
            other.source.delete()
        Run.objects.filter(pk__in=[run.pk, other.pk]).update(source=source)


def unlink_run(run: Run) -> None:
    """Say that this run is of a source of its own; a source that is left with one run says nothing, and goes."""
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(source=None)
        if run.source and run.source.runs.count() < 2:
            run.source.delete()

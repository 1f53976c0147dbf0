"""Links runs that are dubs of the same source, so that their dubs can be read side by side."""

from django.db import transaction

from results.models import Run, Source


def link_runs(run: Run, other: Run) -> None:
    """Link two runs of one team, and all runs that either is linked with, as dubs of one source."""
    with transaction.atomic():
        source = run.source or other.source or Source.objects.create(team_id=run.team_id)
        if other.source and other.source != source:
            other.source.runs.update(source=source)
            other.source.delete()
        Run.objects.filter(pk__in=[run.pk, other.pk]).update(source=source)


def unlink_run(run: Run) -> None:
    """Unlink this run from its source. A source that is left with a single run links nothing and is deleted."""
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(source=None)
        if run.source and run.source.runs.count() < 2:
            run.source.delete()

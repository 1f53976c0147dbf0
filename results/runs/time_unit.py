"""Reads a run's times anew, in the unit that a person chooses or that newly kept media shows."""

from django.conf import settings
from django.db import transaction
from django.utils import translation

from results import camb
from results.db import chunks
from results.models import Run, TeamVersion
from results.refresh.merge import Merge
from teams import audit


def choose_time_unit(run: Run, unit: str) -> bool:
    """Read the times of the run's transcripts in this unit from now on; "" leaves the unit to Dubroom again.

    Returns False if the times change only with the next refresh, as the stored answer is not complete.
    """
    with transaction.atomic():
        locked = _locked(run.pk)
        if locked is not None and locked.time_unit != unit:
            chunks.record_runs(run.team_id, audit.Action.RUNS_EDITED, [run.pk], "time unit")
        return locked is None or locked.time_unit == unit or _reread(locked, unit)


def check_time_unit(run_id: int) -> None:
    """Decide again on an uncertain unit, now that the length of the run's media is known."""
    with transaction.atomic():
        run = _locked(run_id)
        if run and not run.time_unit and any(note in camb.UNIT_NOTES for note in run.notes):
            _reread(run, "")


def _locked(run_id: int) -> Run | None:
    # Storing an answer takes the same lock, so one waits for the other.
    return Run.objects.select_for_update().filter(pk=run_id).first()


def _reread(run: Run, unit: str) -> bool:
    merging = Merge([run])
    # The person who chooses the unit may read another language than the one in which notes are stored.
    with translation.override(settings.LANGUAGE_CODE):
        is_reread = merging.reread(run, unit)
    merging.write()
    run.version = TeamVersion.bump(run.team_id)
    run.save(update_fields=["time_unit", "notes", "duration_ms", "is_compared", "version"])
    return is_reread

"""A team's retention: how long it keeps archived runs, copies of media and calls; deletes what is older.

Calls are deleted by `call_log.delete_old`, which reads the same limits.
"""

from dataclasses import asdict, dataclass
from operator import itemgetter
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from results import clock
from results.db import chunks
from results.models import Call, CopyPolicy, MediaCopy, MediaCopyQuerySet, Retention, Run, RunQuerySet
from results.queue.backlogs import isolated
from results.runs.trash import delete_runs
from teams import audit
from teams.models import Team

MAX_SECONDS = 60


@dataclass(frozen=True)
class Limits:
    """Days. None: archived runs and copies stay, and calls as long as the server says."""

    archived_run_days: int | None = None
    media_days: int | None = None
    call_log_days: int | None = None


@dataclass(frozen=True)
class Affected:
    """What is older than a team's limits now: archived runs, copies of media and calls."""

    runs: int
    copies: int
    calls: int

    def __bool__(self) -> bool:
        return bool(self.runs or self.copies or self.calls)


def limits_of(team: Team) -> Limits:
    """Return the team's limits. One beyond `clock.MAX_DAYS`, which an earlier release took, counts as that."""
    retention = Retention.objects.filter(pk=team.pk).values(*asdict(Limits())).first() or {}
    return Limits(**{name: days and min(days, clock.MAX_DAYS) for name, days in retention.items()})


def affected_by(team: Team, limits: Limits) -> Affected:
    """Return how much these limits would delete now. Calls that are too old for the server are not counted."""
    by_server = clock.days_ago(settings.CALL_LOG_DAYS)
    calls = Call.objects.filter(team=team, at__lt=clock.days_ago(limits.call_log_days or 0), at__gte=by_server)
    return Affected(
        runs=Run.objects.filter(_archived_before(limits.archived_run_days), team=team).count(),
        copies=_kept_before(team.pk, limits.media_days).count(),
        calls=calls.count() if limits.call_log_days else 0,
    )


def days_in_english(days: int | None) -> str:
    """Return a limit as the audit trail and the command line, which are not translated, say it."""
    return f"{days} day{'' if days == 1 else 's'}" if days else "no limit"


def set_limits(team: Team, limits: Limits) -> None:
    """Have the team keep things for so long. The next hourly task deletes what is older."""
    with transaction.atomic():
        earlier = limits_of(team)
        Retention.objects.update_or_create(team=team, defaults=asdict(limits))
        if limits.media_days != earlier.media_days:
            # The next sync looks at all media again: a longer time wants copies of older ones too.
            CopyPolicy.objects.filter(pk=team.pk).update(synced_at=None)
        said = {
            "archived runs": limits.archived_run_days,
            "copies of media": limits.media_days,
            "calls to CAMB.AI": limits.call_log_days,
        }
        detail = ", ".join(f"{what} {days_in_english(days)}" for what, days in said.items())
        audit.record(team, audit.Action.SETTINGS_CHANGED, f"retention: {detail}")


def apply_retention() -> None:
    """Delete what is too old. What is left after MAX_SECONDS is deleted the next time.

    A team whose things cannot be deleted holds up no other.
    """
    deadline = monotonic() + MAX_SECONDS
    retentions = list(Retention.objects.select_related("team"))
    for retention in retentions:
        with isolated("The old copies of team %s could not be removed", retention.pk):
            # The next sync deletes the files of copies without a dub.
            old = _kept_before(retention.pk, retention.media_days)
            runs = old.pks_of_runs()
            old.update(dub=None, team=None)
            chunks.update_in_chunks(retention.team, runs)  # open lists show that the pictures are gone
    counts = [(_old_runs(retention).count(), retention) for retention in retentions if retention.archived_run_days]
    # The team with the fewest runs comes first, and each gets a share of the time: a large one holds up no other.
    waiting = sorted(((count, retention) for count, retention in counts if count), key=itemgetter(0))
    for place, (count, retention) in enumerate(waiting):
        share = (deadline - monotonic()) / (len(waiting) - place)
        with isolated("The archived runs of team %s could not be deleted", retention.pk):
            _delete_archived(retention, count, monotonic() + share)


def _delete_archived(retention: Retention, count: int, deadline: float) -> None:
    """Delete the team's runs that are too old, of which there are `count`, until the deadline."""
    try:
        delete_runs(retention.team, _archived_before(retention.archived_run_days), deadline)
    finally:
        deleted = count - _old_runs(retention).count()
        if deleted > 0:
            why = f"retention: archived for {days_in_english(retention.archived_run_days)}"
            audit.record(retention.pk, audit.Action.RUNS_DELETED, why, count=deleted)


def _old_runs(retention: Retention) -> RunQuerySet:
    return Run.objects.filter(_archived_before(retention.archived_run_days), team=retention.pk)


def _archived_before(days: int | None) -> Q:
    """Which runs were archived so long ago. Removed ones are not among them: they have a time in the trash."""
    return Q(archived_at__lt=clock.days_ago(days), removed_at=None) if days else Q(pk__in=[])


def _kept_before(team_id: int, days: int | None) -> MediaCopyQuerySet:
    kept = MediaCopy.objects.filter(team=team_id, state=MediaCopy.State.KEPT)
    return kept.filter(state_at__lt=clock.days_ago(days)) if days else kept.none()

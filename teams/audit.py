"""The audit trail: who did what in a team, when, and from where.

An entry is written in the transaction of what it tells, so that there is neither without the other. What changes
many runs at once is one entry with their number, so a request writes a constant number of entries. Nothing secret
is told: of keys and tokens the last four characters, of runs their ids, of people their names and addresses.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from teams.models import AuditEntry, Membership, Team, User

Action = AuditEntry.Action
Way = AuditEntry.Way

_ENTRIES_PER_DELETE = 1000


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where. Without a user it is a command or a worker."""

    user: User | None = None
    way: str = Way.SERVER
    token: str = ""
    address: str | None = None


_NO_ONE = Actor()
# A function, because most requests record nothing and need not look up their user.
_current: ContextVar[Callable[[], Actor]] = ContextVar("actor", default=lambda: _NO_ONE)


@contextmanager
def acting(actor: Callable[[], Actor]) -> Iterator[None]:
    """Have what is recorded meanwhile tell of this actor."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)


def current_actor() -> Actor:
    return _current.get()()


def person_name(user: User | None) -> str:
    """Return what the trail calls this person, also once the account is deleted."""
    if user is None:
        return ""
    return f"{user.name} ({user.email})" if user.name else user.email


def record(team: Team | int, kind: str, detail: str = "", *, count: int = 1) -> None:
    """Add an entry about this team, on what the current actor did with `count` things."""
    _add([team.pk if isinstance(team, Team) else team], kind, detail, count, current_actor())


def record_login(user: User, kind: str) -> None:
    """Add an entry about this person's log-in to the trail of each of their teams, with one statement."""
    now = current_actor()
    teams = list(Membership.objects.of_user(user).values_list("team", flat=True))
    _add(teams, kind, "", 1, Actor(user, now.way if now.way != Way.SERVER else Way.WEB, address=now.address))


def record_account(user: User, change: str) -> None:
    """Add an entry about this change of a person's log-in to the trail of each of their teams."""
    teams = list(Membership.objects.filter(user=user, team__removed_at=None).values_list("team", flat=True))
    _add(teams, Action.SETTINGS_CHANGED, f"log-in of {person_name(user)}: {change}", 1, current_actor())


def _add(teams: list[int], kind: str, detail: str, count: int, actor: Actor) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            team_id=team,
            kind=kind,
            detail=detail[: AuditEntry.MAX_DETAIL],
            count=count,
            person=person_name(actor.user)[: AuditEntry.MAX_PERSON],
            way=actor.way,
            token=actor.token,
            address=actor.address,
        )
        for team in teams
    )


def delete_old() -> None:
    """Delete entries older than AUDIT_DAYS, a few at a time, so that no transaction lasts long."""
    end = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    old = AuditEntry.objects.filter(at__lt=end).order_by("at")
    while pks := list(old.values_list("pk", flat=True)[:_ENTRIES_PER_DELETE]):
        AuditEntry.objects.filter(pk__in=pks)._raw_delete("default")

"""Dismisses review checks with a reason, and reopens them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from results.db.replica import fetch_rows
from results.models import Cue, DismissedCheck, Dub
from results.transcripts.review import Kind
from teams.models import User

LineName = tuple[str, int]
"""A line as dismissals name it: the hash of its text, and which of the dub's lines with this text it is."""


def dismiss(cue: Cue, kind: Kind, reason: str, user: User) -> None:
    """Dismiss the cue's check of this kind; a second dismissal replaces the first one's reason."""
    text_hash, nth = _name_of(cue)
    DismissedCheck.objects.update_or_create(
        dub_id=cue.dub_id,
        kind=kind.value,
        text_hash=text_hash,
        nth=nth,
        defaults={"reason": reason, "dismissed_by": user},
    )


def dismiss_lines(
    dub: Dub,
    cues: Sequence[Cue],
    positions: Collection[int],
    kind: Kind,
    reason: str,
    user: User,
    dismissed_at: datetime,
) -> None:
    """Dismiss the checks of this kind at these positions, of which none is dismissed yet.

    `cues` are all of the dub's in time order.
    """
    wanted = set(positions)
    DismissedCheck.objects.bulk_create(
        DismissedCheck(
            dub=dub,
            kind=kind.value,
            text_hash=text_hash,
            nth=nth,
            reason=reason,
            dismissed_by=user,
            dismissed_at=dismissed_at,
        )
        for cue, (text_hash, nth) in zip(cues, _names(cues), strict=True)
        if cue.position in wanted
    )


def reopen(cue: Cue, kind: Kind) -> None:
    """Reopen the cue's dismissed check of this kind."""
    text_hash, nth = _name_of(cue)
    DismissedCheck.objects.filter(dub=cue.dub_id, kind=kind.value, text_hash=text_hash, nth=nth).delete()


def of_dub(dub: Dub) -> list[DismissedCheck]:
    """Return the dub's dismissed checks, each with the person who dismissed it."""
    # Most dubs have none, which a query without the ORM finds out in a tenth of the time.
    is_any = fetch_rows("select 1 from results_dismissedcheck where dub_id = %s limit 1", [dub.pk])
    return list(dub.dismissed_checks.select_related("dismissed_by").order_by("pk")) if is_any else []


def by_line(
    dismissed_checks: Iterable[DismissedCheck], cues: Sequence[Cue]
) -> dict[tuple[int, Kind], DismissedCheck]:
    """Return the dismissed checks of a dub by the position of the line and the kind.

    `cues` are all of the dub's in time order. A dismissal whose text is gone is left out.
    """
    found: dict[LineName, list[DismissedCheck]] = {}
    for dismissed in dismissed_checks:
        found.setdefault((dismissed.text_hash, dismissed.nth), []).append(dismissed)
    if not found:
        return {}
    positions = {name: cue.position for name, cue in zip(_names(cues), cues, strict=True) if name in found}
    return {
        (position, Kind(dismissed.kind)): dismissed
        for name, position in positions.items()
        for dismissed in found[name]
    }


def _names(cues: Iterable[Cue]) -> Iterable[LineName]:
    seen = Counter[str]()
    for cue in cues:
        text_hash = _hash(cue.text)
        seen[text_hash] += 1
        yield text_hash, seen[text_hash]


def _name_of(cue: Cue) -> LineName:
    before = Cue.objects.filter(dub=cue.dub_id, text=cue.text, position__lte=cue.position)
    return _hash(cue.text), before.count()


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()

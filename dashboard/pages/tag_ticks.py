"""Page model of the tags of selected runs: each of the team's tags with a tick, and what a changed tick means."""

from typing import NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext as _

from results import tags
from results.models import RunQuerySet, Tag


class TagTick(NamedTuple):
    """A tag of the team: all of the selected runs have it, some or none."""

    name: str
    is_on: bool
    some: str
    """On how many of the runs the tag is, if only on some; else empty."""


class TagChange(NamedTuple):
    """The tags that a form adds to all the selected runs, and those that it takes off them."""

    added: list[str]
    removed: list[str]


def build_ticks(team_id: int, runs: RunQuerySet) -> list[TagTick]:
    """Return the team's tags, by the same number of queries for any number of runs and tags."""
    total, counts = runs.count(), tags.counts_among(runs)
    names = dict.fromkeys((*counts, *tags.names_in_use(team_id)))
    return [
        TagTick(
            name,
            0 < counts.get(name, 0) == total,
            _("%(n)s of %(total)s") % {"n": f"{counts[name]:,}", "total": f"{total:,}"}
            if 0 < counts.get(name, 0) < total
            else "",
        )
        for name in sorted(names, key=str.casefold)
    ]


def has_ticks(data: QueryDict) -> bool:
    """Return whether a form was sent with the team's tags on it."""
    return "ticks" in data


def newly_ticked(data: QueryDict) -> list[str]:
    """Return the tags that a person has ticked, as they were sent.

    `was` holds the tags that were ticked when the form was made, `tick` those that are ticked now.
    """
    was = set(data.getlist("was"))
    return [name for name in data.getlist("tick") if name not in was]


def read_change(data: QueryDict, added: list[str]) -> TagChange:
    """Return what a form with ticks changes; `added` are the typed and the newly ticked tags.

    A tag of some of the runs stays as it is unless it is ticked, or named in `off`.
    """
    was, now, off = ([tags.clean(name) for name in data.getlist(field)] for field in ("was", "tick", "off"))
    # What is typed wins over a cleared tick, in any spelling.
    kept = {tags.fold(name) for name in added}
    removed = dict.fromkeys([*(name for name in was if name not in now), *off])
    named = [name for name in removed if 0 < len(name) <= Tag.MAX_NAME and tags.fold(name) not in kept]
    return TagChange(added, named[: tags.MAX_OFFERED])

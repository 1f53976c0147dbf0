"""Which words does a team file its runs under, and which runs are under them?"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q

from results.db import batches
from results.models import Run, Tag
from teams.models import Team

MOST_OFFERED = 500

_BETWEEN = re.compile(r"[,;\r\n\t，、،؛；]+")
# Quotes stand around a tag in a search; the rest cannot be seen or stored, or turns what stands beside it.
_LEFT_OUT = re.compile(
    '["“”„‟«»＂\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
# In a search these are taken for the plain signs.
_PLAIN = str.maketrans("＊－：", "*-:")

_Link = Run.tags.through


def parse(text: str) -> list[str]:
    """The tags in a text, parted by commas, each once in its first spelling; one may be longer than Tag.LONGEST."""
    names: dict[str, str] = {}
    for name in filter(None, map(clean, _BETWEEN.split(text))):
        names.setdefault(fold(name), name)
    return list(names.values())


def clean(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_LEFT_OUT.sub("", name).split()))


def fold(name: str) -> str:
    """What is the same for all spellings of a tag."""
    return unicodedata.normalize("NFC", clean(name).translate(_PLAIN).casefold())


def tagged_with(name: str) -> Q:
    """Runs that have this tag, in any spelling; to be asked of one team's runs."""
    return Q(pk__in=_Link.objects.filter(tag__folded=fold(name)).values("run"))


def names_in_use(team_id: int) -> list[str]:
    """The names to choose from: those of the tags that some run has."""
    tags = Tag.objects.filter(team=team_id, pk__in=_Link.objects.values("tag"))
    return list(tags.values_list("name", flat=True)[:MOST_OFFERED])


def add_tags(team: Team, names_by_run: Mapping[int, Collection[str]]) -> int:
    """Put each of these runs of the team, given by pk, under its names; returns how many runs are still there."""

    def link(pks: list[int]) -> None:
        tags = _made(team, [name for pk in pks for name in names_by_run[pk]])
        links = [_Link(run_id=pk, tag=tags[fold(name)]) for pk in pks for name in names_by_run[pk]]
        _Link.objects.bulk_create(links, ignore_conflicts=True)

    return batches.update_in_batches(team, names_by_run, link)


def remove_tags(team: Team, pks: Collection[int], names: Iterable[str]) -> int:
    """Take these runs of the team from under these names; returns how many runs are still there."""
    links = _Link.objects.filter(tag__folded__in=[fold(name) for name in names])
    return batches.update_in_batches(team, pks, lambda part: links.filter(run__in=part).delete())


def _made(team: Team, names: Iterable[str]) -> dict[str, Tag]:
    """These tags by what they fold to. One that no run has any more comes back as it is spelled now.

    The team is locked: else one could be forgotten while somebody else puts a run under it.
    """
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(fold(name), name)
    tags = Tag.objects.filter(team=team, folded__in=spelled)
    tags.exclude(pk__in=_Link.objects.values("tag")).delete()
    new = [Tag(team=team, name=name, folded=folded) for folded, name in spelled.items()]
    Tag.objects.bulk_create(new, ignore_conflicts=True)
    return {tag.folded: tag for tag in tags.all()}

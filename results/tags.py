"""A team's tags: parsing, adding to runs and removing from them, and the runs that have one."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from results.db import bulk, chunks
from results.db.replica import fetch_rows
from results.models import Run, RunQuerySet, Tag
from results.queue.backlogs import Quarantine
from results.transcripts import letters
from teams import audit
from teams.models import Team

MAX_OFFERED = 500

_SEPARATORS = re.compile(r"[,;\r\n\t，、،؛；]+")
# Quotes enclose a tag in a search. The others are invisible, cannot be stored, or turn the text beside them.
_REMOVED = re.compile(
    '["“”„‟«»＂\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
# A search takes these for the plain signs.
_PLAIN = str.maketrans("＊－：", "*-:")

_Link = Run.tags.through
# Raw SQL, as the ORM takes longer to build it than a small team's search does.
TAGGED_LIKE = r"""
    select run_id from results_run_tags
    where tag_id in (select id from results_tag where folded like %s escape '\' or letters like %s escape '\')
"""
_IN_USE = """
    select name from results_tag
    where team_id = %s and id in (select tag_id from results_run_tags) order by folded limit %s
"""
_OF_RUN = """
    select name from results_tag tag join results_run_tags of_run on of_run.tag_id = tag.id
    where of_run.run_id = %s order by folded
"""
_TAGS_PER_CHUNK = 1_000
_RUNS_PER_QUERY = 5_000
_quarantine = Quarantine("The search form of tag %s could not be filled in")


def parse(text: str) -> list[str]:
    """Return the tags in a comma-separated text, each once in its first spelling; one may exceed Tag.MAX_NAME."""
    names: dict[str, str] = {}
    for name in filter(None, map(clean, _SEPARATORS.split(text))):
        names.setdefault(fold(name), name)
    return list(names.values())


def clean(name: str) -> str:
    """Return the tag's name as it is stored: NFC, single spaces, no quotes and no invisible characters."""
    return unicodedata.normalize("NFC", " ".join(_REMOVED.sub("", name).split()))


def fold(name: str) -> str:
    """Return the form that all spellings of a tag share."""
    return unicodedata.normalize("NFC", clean(name).translate(_PLAIN).casefold())


def search_form(name: str) -> str:
    """Return the form in which a search compares tags: as the analyzer folds a title, so without accents."""
    folded = letters.fold(letters.respell(clean(name).translate(_PLAIN)))
    return " ".join(folded.split()) or fold(name)


def tagged_with(name: str) -> Q:
    """Return the condition that a run has this tag, in any spelling. It is for a query on one team's runs."""
    is_tag = Q(tag__folded=fold(name)) | Q(tag__letters=search_form(name))
    return Q(pk__in=_Link.objects.filter(is_tag).values("run"))


def tagged_like(part: str) -> Q:
    """Return the condition that a run has a tag with this text in it. It is for a query on one team's runs."""
    return Q(pk__in=RawSQL(TAGGED_LIKE, tag_patterns(part)))  # noqa: S611


def tag_patterns(part: str) -> list[str]:
    """Return the parameters of TAGGED_LIKE for the tags with this text in them."""
    return [f"%{connection.ops.prep_for_like_query(form)}%" for form in (fold(part), search_form(part))]


def fill_search_forms() -> bool:
    """Fill in the search form of some tags that lack it; return whether there may be more."""
    with transaction.atomic():
        missing = Tag.objects.filter(letters=None).exclude(pk__in=_quarantine.pks())
        found, filled = list(missing.select_for_update().order_by("pk")[:_TAGS_PER_CHUNK]), []
        for tag in found:
            with _quarantine.isolated(tag.pk):
                tag.letters = search_form(tag.name)
                filled.append(tag)
        bulk.update(Tag, filled, ("letters",))
    return len(found) == _TAGS_PER_CHUNK


def names_of(run_id: int) -> tuple[str, ...]:
    """Return the names of the run's tags."""
    return tuple(name for (name,) in fetch_rows(_OF_RUN, [run_id]))


def names_in_use(team_id: int) -> list[str]:
    """Return the names of the team's tags that at least one run has, up to MAX_OFFERED."""
    return [name for (name,) in fetch_rows(_IN_USE, [team_id, MAX_OFFERED])]


def counts_among(runs: RunQuerySet) -> dict[str, int]:
    """Return how many of these runs have each tag, by the tag's name; a tag that none has is left out."""
    return _named(_counts(_Link.objects.filter(run__in=runs.order_by().values("pk"))))


def counts_beside(team_id: int, others: RunQuerySet) -> dict[str, int]:
    """Return the same for all runs of the team but these: all links of its tags, less those of the others.

    Where the others are few, that is several times quicker than to look up the tags of each run.
    """
    every = _counts(_Link.objects.filter(tag__in=Tag.objects.filter(team=team_id)))
    return _named(every - _counts(_Link.objects.filter(run__in=others.order_by().values("pk"))))


def _counts(links: QuerySet[Any]) -> Counter[int]:
    return Counter(dict(links.values_list("tag").annotate(runs=Count("*"))))


def _named(counts: Counter[int]) -> dict[str, int]:
    return {name: counts[pk] for pk, name in Tag.objects.filter(pk__in=counts).values_list("pk", "name")}


def add_tags(team: Team, names_by_run: Mapping[int, Collection[str]]) -> int:
    """Add tags to runs of the team, given as names by the run's pk; return how many of the runs still exist."""

    def link(pks: list[int]) -> None:
        tags = _get_or_create(team, [name for pk in pks for name in names_by_run[pk]])
        links = [_Link(run_id=pk, tag=tags[fold(name)]) for pk in pks for name in names_by_run[pk]]
        _Link.objects.bulk_create(links, ignore_conflicts=True)

    kind = audit.Action.RUNS_EDITED
    return chunks.update_in_chunks(team, names_by_run, link, audit_kind=kind, audit_detail="tags added")


def remove_tags(team: Team, pks: Collection[int], names: Iterable[str]) -> int:
    """Remove these tags from these runs of the team; return how many of the runs still exist."""
    links = _Link.objects.filter(tag__folded__in=[fold(name) for name in names])

    def unlink(part: list[int]) -> None:
        links.filter(run__in=part).delete()

    kind = audit.Action.RUNS_EDITED
    return chunks.update_in_chunks(team, pks, unlink, audit_kind=kind, audit_detail="tags removed")


class TagEdit(NamedTuple):
    """The runs that gain this tag by a change, or lose it."""

    name: str
    is_gained: bool
    pks: Collection[int]


def before_change(
    team: Team, pks: Sequence[int], added: Collection[str], removed: Collection[str]
) -> list[TagEdit]:
    """Return what changes when these tags are added to the runs and removed from them, for `undo_change`."""
    there: dict[str, dict[int, str]] = defaultdict(dict)
    links = _Link.objects.filter(tag__team=team, tag__folded__in=[fold(name) for name in (*added, *removed)])
    for start in range(0, len(pks), _RUNS_PER_QUERY):
        of_runs = links.filter(run__in=pks[start : start + _RUNS_PER_QUERY])
        for pk, folded, name in of_runs.values_list("run", "tag__folded", "tag__name"):
            there[folded][pk] = name
    edits = [TagEdit(name, is_gained=True, pks=sorted({*pks} - there[fold(name)].keys())) for name in added]
    for name in removed:
        has = there[fold(name)]
        edits.append(TagEdit(next(iter(has.values()), name), is_gained=False, pks=sorted(has)))
    return [edit for edit in edits if edit.pks]


def undo_change(team: Team, edits: Iterable[TagEdit]) -> None:
    """Remove from runs the tags that they gained by a change, and add those that they lost."""
    lost: dict[int, list[str]] = defaultdict(list)
    for name, is_gained, pks in edits:
        if is_gained:
            remove_tags(team, pks, [name])
        else:
            for pk in pks:
                lost[pk].append(name)
    add_tags(team, lost)


def delete_unused(team: Team) -> None:
    """Delete the team's tags that no run has."""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        Tag.objects.filter(team=team).exclude(pk__in=_Link.objects.values("tag")).delete()


def _get_or_create(team: Team, names: Iterable[str]) -> dict[str, Tag]:
    """Return these tags by folded name, creating new ones. A tag without runs takes its new spelling.

    The caller holds the team locked. Otherwise a tag without runs could be deleted while another request adds it.
    """
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(fold(name), name)
    tags = Tag.objects.filter(team=team, folded__in=spelled)
    tags.exclude(pk__in=_Link.objects.values("tag")).delete()
    new = [Tag(team=team, name=name, folded=folded, letters=search_form(name)) for folded, name in spelled.items()]
    Tag.objects.bulk_create(new, ignore_conflicts=True)
    return {tag.folded: tag for tag in tags.all()}

"""Searches the lines of a team's transcripts, in any language, newest first, on SQLite and PostgreSQL alike."""

import json
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from results import clock, tags
from results.db.replica import fetch_rows, from_replica
from results.models import Dub, Run
from results.search import index, parallel_lines, titles, vocabulary
from results.search.analyzer import Phrase, terms
from results.search.engine import engine
from results.search.marks import mark, marker
from results.search.parallel_lines import FoundCue
from results.search.query import (
    Query,
    language_term,
    named_languages,
    named_tags,
    named_titles,
    parse,
    periods,
    plain_words,
)
from results.transcripts import languages
from results.transcripts.languages import quoted

COUNT_UP_TO = 10_000
COUNT_RUNS_UP_TO = 1_000
"""Hits are counted no further when the run of each is looked up, as each costs a look-up of its own."""

SAMPLE_SIZE = 500
"""Facets and the best hits are taken from this many of the newest hits at most, as all could be millions."""

_BATCH = 1_000
_SUGGESTION_HITS = 20
_SUGGESTION_TITLES = 200
# The titles of so many of the newest runs are compared, as a team may have millions.
_TITLES_READ = 20_000
_MAX_SUGGESTED_WORDS = 4
_NAMED_IN_HINT = 8
# Raw SQL, as the ORM takes longer than the database to build a query, and to handle hundreds of ids.
_SPEAKERS = "select speaker, count(*) from results_cue where id in ({marks}) and team_id = %s group by speaker"
_TEXTS = "select id, text, speaker from results_cue where id in ({marks}) and team_id = %s"
_FACETS = """
    with found as (
        select dub_id, speaker, count(*) as hits from results_cue
        where id in ({marks}) and team_id = %s group by dub_id, speaker
    )
    select found.hits, found.speaker, dub.language, dub.run_id
    from found join results_dub dub on dub.id = found.dub_id
"""
# A run with several tags comes once for each, and one without any once.
_RUNS_AND_TAGS = """
    select run.id, run.status, run.created_at, tag.name from results_run run
    left join results_run_tags of_run on of_run.run_id = run.id left join results_tag tag on tag.id = of_run.tag_id
    where run.id in ({marks})
"""
_CUES = """
    select id, team_id, run_id, dub_id, position, start_ms, end_ms, speaker, text from results_cue
    where id in ({marks}) and team_id = %s
"""
# What pages and answers show of a hit's dub and run; `from_db` takes the values in the order of the model's fields.
_OF_DUB = ("id", "team_id", "run_id", "language", "language_source", "video_url", "audio_url")
_OF_RUN = (
    *("id", "team_id", "camb_run_id", "camb_task_id", "title", "source_id"),
    *("languages", "given_language", "duration_ms"),
)
_DUB_FIELDS = [field.attname for field in Dub._meta.concrete_fields if field.attname in _OF_DUB]
_RUN_FIELDS = [field.attname for field in Run._meta.concrete_fields if field.attname in _OF_RUN]
# Lines of runs that were archived since the search are left out too.
_DUBS = """
    select {fields} from results_dub dub join results_run run on run.id = dub.run_id
    where dub.id in ({marks}) and run.archived_at is null
"""


class Hit(NamedTuple):
    """A found line, with its dub and run. `marks` are the (start, end) of each match in its text.

    Of a search such as `in:ja kitchen`, `said` is the line of another dub in which the words were found.
    """

    cue: FoundCue
    marks: list[tuple[int, int]]
    said: "Hit | None" = None


@dataclass(frozen=True, slots=True)
class Facets:
    """Numbers of hits by language, speaker, run's status and tag, most hits first.

    They count the newest hits, `of` of them in `runs` runs; `is_all` says that there are no more hits. `dates`
    counts the hits by the `periods` in which their runs were added.
    """

    of: int
    is_all: bool
    runs: int
    languages: list[tuple[str, int]]
    speakers: list[tuple[str, int]]
    statuses: list[tuple[str, int]]
    tags: list[tuple[str, int]]
    dates: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class HitPage:
    """A page of hits, newest or best first, with the `next_before` and `next_skip` of the next page.

    `count` is the number of hits of the whole search. When it is not exact, there are more. Only a first page has
    an exact count, up to a bound. `suggestion` is a corrected spelling of a search without hits.
    """

    hits: list[Hit]
    count: int
    is_exact: bool
    next_before: int | None
    hint: str
    next_skip: int = 0
    facets: Facets | None = None
    suggestion: str = ""


def search(
    team_id: int,
    query: Query | str,
    *,
    before_id: int | None = None,
    skip: int = 0,
    limit: int = 50,
    best_first: bool = False,
    with_facets: bool = False,
) -> HitPage:
    """Return a page of the team's lines that match, newest first, below the line id `before_id`.

    Raises no error for any text. With `best_first` the newest SAMPLE_SIZE hits are sorted and `skip` of them are
    skipped. The next page is requested with both, so lines that were saved meanwhile do not shift it.
    """
    query = _read_query(team_id, query)
    index_query = index.make_query(team_id, query) if query else None
    if index_query is None:
        return _no_hits(team_id, query)
    is_first, needs_sample = before_id is None and not skip, best_first or with_facets
    most = SAMPLE_SIZE + 1 if needs_sample else limit + 1
    if is_first:
        count_to = COUNT_UP_TO if index_query.runs is None else COUNT_RUNS_UP_TO
        ids, count = from_replica(engine.newest_and_count, index_query, limit + 1, most, count_to + 1)
        if not ids:
            return _no_hits(team_id, query)
        count, is_exact = min(count, count_to), count <= count_to
    else:
        ids = from_replica(engine.newest, index_query, before_id, limit + 1, most)
        count, is_exact = len(ids), False
    sample = ids[:SAMPLE_SIZE]
    if best_first:
        shown = _best(team_id, sample, query)[skip : skip + limit]
        has_more = len(sample) > skip + limit
        next_before, next_skip = (sample[0] + 1, skip + limit) if has_more else (None, 0)
    else:
        shown = ids[:limit]
        next_before, next_skip = (shown[-1] if len(ids) > limit else None), 0
    return HitPage(
        _hits(team_id, shown, query),
        count,
        is_exact,
        next_before,
        query.hint,
        next_skip,
        _facets(team_id, sample, is_all=is_exact and count == len(sample)) if with_facets else None,
    )


def iter_hits(team_id: int, query: Query | str) -> Iterator[Hit]:
    """Yield all hits, newest first, with dub and run, read in batches so that memory stays bounded."""
    query = _read_query(team_id, query)
    index_query = index.make_query(team_id, query) if query else None
    before_id = None
    while index_query and (ids := from_replica(engine.newest, index_query, before_id, _BATCH, _BATCH)):
        yield from _hits(team_id, ids, query)
        before_id = ids[-1]


def _read_query(team_id: int, query: Query | str) -> Query:
    query = parse(query) if isinstance(query, str) else query
    # Hits do not vanish when the next word is begun, whose first letter is seldom a word.
    if query.ends_in_letter and not _has_hit(team_id, query):
        query = query.without_letter()
    return parallel_lines.with_target(team_id, query) if query.target and query else query


def _has_hit(team_id: int, query: Query) -> bool:
    index_query = index.make_query(team_id, query)
    return index_query is not None and bool(engine.newest(index_query, None, 1, 1))


def _no_hits(team_id: int, query: Query) -> HitPage:
    """Return the page of a search without hits, which names what the team has and corrects the spelling."""
    hints = (
        query.hint,
        _speaker_hint(team_id, query),
        _language_hint(team_id, query.typed),
        _tag_hint(team_id, query.typed),
    )
    hint, suggestion = " ".join(filter(None, hints)), _did_you_mean(team_id, query)
    return HitPage([], 0, is_exact=True, next_before=None, hint=hint, suggestion=suggestion)


def _speaker_hint(team_id: int, query: Query) -> str:
    """Return which speakers there are, if the search names one that no line has; empty otherwise."""
    named = [group for group in query.groups if index.SPEAKER in group[0].terms[0]]
    if all(_has_hit(team_id, Query((group,))) for group in named):
        return ""
    ids = engine.newest(index.IndexQuery.of_team(team_id), None, SAMPLE_SIZE, SAMPLE_SIZE)
    rows = fetch_rows(_SPEAKERS.format(marks=_placeholders(ids)), [*ids, team_id]) if ids else []
    speakers = [name for name, _count in _most_first(dict(rows))][:_NAMED_IN_HINT]
    if not speakers:
        return _("No line has this speaker.")
    return _("No line has this speaker. Speakers of the newest lines: %(names)s.") % {
        "names": ", ".join(map(quoted, speakers))
    }


def _language_hint(team_id: int, typed: str) -> str:
    """Return which languages the team has dubs in, if the search names one that no dub is in; empty otherwise."""
    named = named_languages(typed)
    if not named:
        return ""
    dubs = Dub.objects.filter(team=team_id, run__archived_at=None).exclude(language="")
    counts = dict(dubs.order_by().values_list("language").annotate(Count("pk")))
    found = set(chain.from_iterable(map(index.language_terms, counts)))
    missing = [tags for tags in named if not found.intersection(map(language_term, tags))]
    if not missing:
        return ""
    sentences = [
        _("No dub is in %(language)s.") % {"language": languages.name(tags[0])}
        for tags in missing
        if tags and languages.is_known(tags[0])
    ]
    if counts:
        names = [languages.name(tag) for tag, _count in _most_first(counts)][:_NAMED_IN_HINT]
        sentences.append(_("This team has: %(names)s.") % {"names": ", ".join(names)})
    return " ".join(sentences)


def _tag_hint(team_id: int, typed: str) -> str:
    """Return which tags the team has, if the search names one that no run has; empty otherwise."""
    runs = Run.objects.current().filter(team=team_id)
    missing = [name for name in named_tags(typed) if not runs.filter(tags.tagged_with(name)).exists()]
    if not missing:
        return ""
    sentences = [_("No run has the tag %(tag)s.") % {"tag": quoted(name.strip())} for name in missing]
    names = [quoted(name) for name, _count in _most_first(tags.counts_among(runs))][:_NAMED_IN_HINT]
    if names:
        sentences.append(_("This team has: %(names)s.") % {"names": ", ".join(names)})
    return " ".join(sentences)


def _hits(team_id: int, ids: Sequence[int], query: Query) -> list[Hit]:
    """Return the hits of these found lines; with a target language, the lines in it at their moments."""
    marks_of = marker(chain.from_iterable(query.groups))
    cues = _cues(team_id, ids)
    if not query.target:
        return [Hit(cue, marks_of(cue.text)) for cue in cues]
    landed = {other: cue for cue, other in parallel_lines.land(cues, query.target)}
    return [
        Hit(cue, [], Hit(landed[cue.pk], marks_of(landed[cue.pk].text))) for cue in _cues(team_id, list(landed))
    ]


def _cues(team_id: int, ids: Sequence[int]) -> list[FoundCue]:
    """Return these lines, in this order, with their dubs and runs, which many lines share."""
    rows = fetch_rows(_CUES.format(marks=_placeholders(ids)), [*ids, team_id]) if ids else []
    dubs = _dubs({dub for _cue, _team, _run, dub, *_rest in rows})
    cues = {row[0]: FoundCue._make((*row, dubs[row[3]])) for row in rows if row[3] in dubs}
    return [cues[cue_id] for cue_id in ids if cue_id in cues]


def _dubs(pks: Collection[int]) -> dict[int, Dub]:
    """Return these dubs with their runs, without those of archived runs."""
    fields = ", ".join((*(f"dub.{name}" for name in _DUB_FIELDS), *(f"run.{name}" for name in _RUN_FIELDS)))
    rows = fetch_rows(_DUBS.format(fields=fields, marks=_placeholders(pks)), [*pks]) if pks else []
    dubs = {}
    for row in rows:
        run = Run.from_db(None, _RUN_FIELDS, row[len(_DUB_FIELDS) :])
        run.languages = json.loads(run.languages)
        dub = dubs[row[0]] = Dub.from_db(None, _DUB_FIELDS, row[: len(_DUB_FIELDS)])
        Dub.run.field.set_cached_value(dub, run)
    return dubs


def _facets(team_id: int, ids: Sequence[int], *, is_all: bool) -> Facets:
    languages, speakers, statuses, tags = (Counter[str]() for _ in range(4))
    hits_of_run = Counter[int]()
    for hits, speaker, language, run in fetch_rows(_FACETS.format(marks=_placeholders(ids)), [*ids, team_id]):
        speakers[speaker] += hits
        languages[language] += hits
        hits_of_run[run] += hits
    runs, added = list(hits_of_run), {}
    rows = fetch_rows(_RUNS_AND_TAGS.format(marks=_placeholders(runs)), runs) if runs else []
    for run, status, created_at, tag in rows:
        if run not in added:
            statuses[status] += hits_of_run[run]
        added[run] = created_at
        if tag is not None:
            tags[tag] += hits_of_run[run]
    return Facets(
        of=len(ids),
        is_all=is_all,
        runs=len(runs),
        languages=_most_first(languages),
        speakers=_most_first(speakers),
        statuses=_most_first(statuses),
        tags=_most_first(tags),
        dates=_by_period([(added[run], hits) for run, hits in hits_of_run.items()]),
    )


def _by_period(hits_by_time: Iterable[tuple[datetime, int]]) -> list[tuple[str, int]]:
    """Return the number of hits in each period. SQLite's times have no time zone: they are in UTC."""
    times = [(at if at.tzinfo else at.replace(tzinfo=UTC), hits) for at, hits in hits_by_time]
    counts = []
    for period in periods(timezone.localdate()):
        name, _colon, day = period.partition(":")
        start = clock.midnight(date.fromisoformat(day))
        counts.append((period, sum(hits for at, hits in times if (at >= start) == (name == "after"))))
    return counts


def _texts(team_id: int, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the id, text and speaker of each of these lines."""
    return fetch_rows(_TEXTS.format(marks=_placeholders(ids)), [*ids, team_id]) if ids else []


def _placeholders(ids: Collection[int]) -> str:
    return ", ".join(["%s"] * len(ids))


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    named = [(value, count) for value, count in counts.items() if value]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))


def _best(team_id: int, ids: Sequence[int], query: Query) -> list[int]:
    """Return the ids, best first.

    Words side by side come first, then words spelled as typed, more whole words, shorter lines, newer lines.
    """
    phrases = [group[0] for group in query.groups if not group[0].terms[0].startswith("_")]
    in_a_row = f" {' '.join(chain.from_iterable(phrase.terms for phrase in phrases))} "
    whole = {phrase.terms[-1] for phrase in phrases}
    typed = unicodedata.normalize("NFC", query.typed).casefold().split()

    def rank(text: str) -> tuple[bool, int, int, int]:
        words = terms(text).words
        as_typed = text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()
        spelled_so = sum(word in as_typed for word in typed)
        return in_a_row not in f" {' '.join(words)} ", -spelled_so, -len(whole.intersection(words)), len(words)

    texts = {cue_id: text for cue_id, text, _speaker in _texts(team_id, ids)}
    return sorted(texts, key=lambda cue_id: (*rank(texts[cue_id]), -cue_id))


def _did_you_mean(team_id: int, query: Query) -> str:
    """Return the typed search with unknown words replaced by similar ones of one line, or of one title.

    Empty if there are none.
    """
    # Other phrases than the first of a group are its text in other spellings.
    typed = (phrase for group in query.groups for phrase in group if phrase is group[0] or len(phrase.terms) == 1)
    words = dict.fromkeys(term for phrase in typed for term in phrase.terms)
    # What a colon follows may be meant as a field.
    first_words = [word for word in words if f"{word}:" not in query.typed.lower()][:_MAX_SUGGESTED_WORDS]
    near = {word: found for word in first_words if (found := _similar_terms(team_id, word))}
    index_query = index.make_query(team_id, query.with_near(near)) if near else None
    ids = engine.newest(index_query, None, _SUGGESTION_HITS, _SUGGESTION_HITS) if index_query else []
    lines = [(text, speaker) for _cue_id, text, speaker in _texts(team_id, ids)]
    if by_lines := _corrected(query.typed, near, lines):
        return by_lines
    if first_words and plain_words(query.typed):
        return _title_suggestion(team_id, query.typed, first_words)
    return _title_filter_suggestion(team_id, query.typed)


def _title_filter_suggestion(team_id: int, typed: str) -> str:
    """Return the typed search with `title:` as one title is spelled; empty if that finds nothing."""
    words = [word for title in named_titles(typed) for word in terms(title).words][:_MAX_SUGGESTED_WORDS]
    suggestion = _title_suggestion(team_id, typed, words) if words else ""
    return suggestion if suggestion and _has_hit(team_id, parse(suggestion)) else ""


def _title_suggestion(team_id: int, typed: str, words: Sequence[str]) -> str:
    """Return the typed search, those of the words that no title has replaced by similar ones of one title.

    Empty if none are.
    """
    may_have = (reduce(or_, map(titles.containing, vocabulary.kept_parts(word))) for word in words)
    runs = Run.objects.current().filter(team=team_id).order_by("-pk")
    last_unread = runs.values_list("pk", flat=True)[_TITLES_READ:].first() or 0
    may_fit = runs.filter(*may_have, pk__gt=last_unread)
    found = list(may_fit.values_list("title", flat=True)[:_SUGGESTION_TITLES])
    known = set(chain.from_iterable(chain(*terms(title)) for title in found))
    near = {word: similar for word in words if (similar := vocabulary.nearest(word, known))}
    fitting = [title for title in found if all(_as_written(title, near.get(word, [word])) for word in words)]
    return _corrected(typed, near, [(title, "") for title in fitting])


def _corrected(typed: str, near: Mapping[str, Sequence[str]], texts: Iterable[tuple[str, str]]) -> str:
    """Return the typed search with each word of `near` as one of these texts, each with a speaker, writes it."""
    written = Counter(
        tuple(_as_written(speaker if index.SPEAKER in word else text, found) for word, found in near.items())
        for text, speaker in texts
    )
    # All words come from one text, so that together they find it.
    meant = min(written, key=lambda words: (-written[words], words), default=())
    for word, similar in zip(near, meant, strict=False):
        for start, end in reversed(mark(typed, [Phrase((word.removeprefix(index.SPEAKER),))]) if similar else []):
            typed = typed[:start] + similar + typed[end:]
    return typed if meant else ""


def _similar_terms(team_id: int, term: str) -> list[str]:
    """Return the terms similar to that of a word or of a speaker's name."""
    field = index.SPEAKER if term.startswith(index.SPEAKER) else ""
    return [field + word for word in vocabulary.similar_words(team_id, term.removeprefix(field))]


def _as_written(text: str, terms: Iterable[str]) -> str:
    """Return the first word of the text that is one of these terms, in its spelling there."""
    spans = mark(text, [Phrase((term.removeprefix(index.SPEAKER),)) for term in terms])
    return text[slice(*spans[0])] if spans else ""

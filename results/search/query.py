"""Parses a typed search: words, "phrases", -exclusions, OR, pre*, and fields such as speaker: or status:."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice, product
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from results import tags
from results.models import Run
from results.search import titles
from results.search.analyzer import Phrase
from results.search.expansion import phrases
from results.transcripts import languages

MAX_CHARACTERS = 1_000
MAX_TERMS = 100
MAX_PHRASE_TERMS = 50

# Typographic quotes and full-width signs count as the plain ones.
_PLAIN = str.maketrans(dict.fromkeys("“”„‟«»＂", '"') | {"＊": "*", "－": "-", "：": ":"})
# A quote between Hebrew letters is part of an acronym, and one before these Ukrainian vowels is an apostrophe.
_QUOTE_IN_WORD = '(?<=[א-ת])"(?=[א-ת])|(?<=[а-яґА-ЯҐ])"(?=[яюєїЯЮЄЇ])'
_CLAUSE = re.compile(
    r"(?P<minus>-)?(?:(?P<field>[A-Za-z]+):)?"
    rf'(?:"(?P<quoted>(?:[^"]|{_QUOTE_IN_WORD})*)(?P<closing>"?)|(?P<word>(?:[^\s"]|{_QUOTE_IN_WORD})+))'
)
_OPERATORS = ("OR", "|", "AND")
_RUN_ID = re.compile(r"\d{1,18}")
_DATE = re.compile(r"([12]\d{3})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)

Clause = tuple[Phrase, ...] | Q
"""The condition of one clause: a line found by one of these phrases, or a run that fits."""


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search.

    A line is a hit when each group finds it by one of its phrases, no excluded phrase finds it, and its run fits.
    `hint` tells the user which part was not understood.
    """

    groups: tuple[tuple[Phrase, ...], ...] = ()
    excluded: tuple[Phrase, ...] = ()
    runs: Q = field(default_factory=Q)
    hint: str = ""
    target: tuple[str, ...] = ()
    """The tags of a language, if not the found lines are wanted but those in it that stand at their moments."""
    typed: str = field(default="", compare=False)
    ends_in_letter: bool = field(default=False, compare=False)
    """The last group is a single letter, which may be the first one of a word that is still being typed."""
    target_runs: tuple[str, tuple[Any, ...]] | None = None
    """SQL, with its parameters, that selects the ids of the runs whose lines can have others in the target."""

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded or self.runs)

    def in_run(self, run_id: int) -> "Query":
        """Return the same search in one run, given by our id."""
        return replace(self, groups=(*self.groups, (Phrase((f"_run_{run_id}",)),)))

    def without_letter(self) -> "Query":
        """Return the same search before its last letter was typed."""
        return replace(self, groups=self.groups[:-1], ends_in_letter=False)

    def with_near(self, near: Mapping[str, Sequence[str]]) -> "Query":
        """Return the same search, in which each of these words may be any of its `near` words."""
        groups = (chain.from_iterable(_replace_words(phrase, near) for phrase in group) for group in self.groups)
        return replace(self, groups=tuple(tuple(islice(group, MAX_TERMS)) for group in groups))


def clean(typed: str) -> str:
    """Return a search without NUL, which no database stores, and without spaces around it.

    A single space at the end stays, as it ends a word that is otherwise still being typed.
    """
    typed = typed.replace("\0", "")
    return f"{typed.strip()} " if typed.strip() and typed[-1].isspace() else typed.strip()


def parse(typed: str) -> Query:
    """Parse any search: text that is no operator is searched for, and `hint` says which part was not understood.

    The last word is a prefix, as the user is still typing, unless a space or a closing quote follows it.
    """
    text = typed[:MAX_CHARACTERS].translate(_PLAIN)
    hints = [_too_long()] if len(typed) > MAX_CHARACTERS else []
    clauses: list[Clause] = []
    excluded: list[Phrase] = []
    follows_or = False
    terms_left = MAX_TERMS
    ends_in_letter = False
    target: tuple[str, ...] = ()
    for place, match in enumerate(_CLAUSE.finditer(text)):
        if place and match[0] in _OPERATORS:
            follows_or = match[0] != "AND"
            continue
        if (match["field"] or "").lower() == "in" and not match["minus"] and (tags := _target(match, hints)):
            target = tags
            continue
        clause = _read_clause(match, hints)
        if isinstance(clause, tuple):
            terms_left -= max((len(phrase.terms) for phrase in clause), default=0)
            if terms_left < 0:
                hints.append(_too_long())
                break
        if match["minus"]:
            if isinstance(clause, Q):
                clauses.append(~clause)
            else:
                excluded += clause
        elif follows_or and clauses:
            clauses[-1:] = _either(clauses[-1], clause, hints)
        elif clause:
            clauses.append(clause)
            ends_in_letter = match.end() == len(text) and match[0].isalpha() and _is_letter(clause)
        follows_or = False
    if text.strip() and not (clauses or excluded or hints or target):
        hints.append(_("There is no letter, digit or emoji in this to search for."))
    return _of_clauses(clauses, excluded, hints, target, text, ends_in_letter=ends_in_letter)


def _of_clauses(
    clauses: Sequence[Clause],
    excluded: Sequence[Phrase],
    hints: list[str],
    target: tuple[str, ...],
    text: str,
    *,
    ends_in_letter: bool,
) -> Query:
    groups = tuple(clause for clause in clauses if isinstance(clause, tuple))
    runs = Q(*(clause for clause in clauses if isinstance(clause, Q)))
    if target and not groups:
        hints.append(_("in: takes words as well, such as in:ja kitchen."))
        runs, excluded = Q(), ()
    hint = " ".join(dict.fromkeys(hints))
    is_narrowed = len(groups) > 1 or bool(runs)
    return Query(groups, tuple(excluded), runs, hint, target, text, ends_in_letter and is_narrowed)


def plain_words(typed: str) -> str:
    """Return the words of a search that is made of nothing else; empty if it has an operator, minus or field."""
    clauses = list(_CLAUSE.finditer(typed[:MAX_CHARACTERS].translate(_PLAIN)))
    fields = {(clause["field"] or "").lower() for clause in clauses}
    has_operator = any(place and clause[0] in _OPERATORS for place, clause in enumerate(clauses))
    if has_operator or any(clause["minus"] for clause in clauses) or fields & {*_FIELDS, "speaker", "in"}:
        return ""
    return " ".join(clause[0].strip('"*') for clause in clauses)


def named_languages(typed: str) -> list[list[str]]:
    """Return the tags of each language that a search names by `lang:` or `in:`; none of one without a tag."""
    return [_tags(name) for name in _values(typed, "lang", "in")]


def named_titles(typed: str) -> list[str]:
    """Return what a search wants in the title of a run, by `title:`."""
    return _values(typed, "title")


def named_tags(typed: str) -> list[str]:
    """Return the tags that a search names by `tag:`."""
    return _values(typed, "tag")


def _values(typed: str, *fields: str) -> list[str]:
    """Return the values that these fields have in a search, without those of a minus."""
    clauses = _CLAUSE.finditer(typed[:MAX_CHARACTERS].translate(_PLAIN))
    named = (
        clause["word"] if clause["quoted"] is None else clause["quoted"]
        for clause in clauses
        if (clause["field"] or "").lower() in fields and not clause["minus"]
    )
    return [value for value in named if value.strip()]


def _is_letter(clause: Clause) -> bool:
    return isinstance(clause, tuple) and all(len("".join(terms)) == 1 and not prefix for terms, prefix in clause)


def _replace_words(phrase: Phrase, near: Mapping[str, Sequence[str]]) -> Iterator[Phrase]:
    """Yield the phrase with its words replaced by each combination of near words, up to MAX_TERMS of them."""
    *_before, last = phrase.terms
    ways = product(*(near.get(term, [term]) for term in phrase.terms))
    for terms in islice(ways, MAX_TERMS):
        yield Phrase(terms, phrase.is_prefix and last not in near)


def _either(left: Clause, right: Clause, hints: list[str]) -> list[Clause]:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return [left + right]
    if isinstance(left, Q) and isinstance(right, Q):
        return [left | right]
    if right:
        hints.append(_("OR joins two words or two filters, not a word and a filter."))
        return [left, right]
    return [left]


def _read_clause(match: re.Match[str], hints: list[str]) -> Clause:
    name = (match["field"] or "").lower()
    value = match["word"] if match["quoted"] is None else match["quoted"]
    is_last_word = match.end() == len(match.string) and not match["closing"] and not match["minus"]
    is_prefix = is_last_word or value.endswith("*")
    if name == "speaker" and value.strip():
        # No word has an underscore, so a field's terms match no word and no prefix of a word.
        return tuple(
            Phrase(tuple(f"_speaker_{term}" for term in phrase.terms), phrase.is_prefix)
            for phrase in phrases(value, is_prefix=is_prefix)
        )
    if name == "lang" and value.strip() and not languages.is_known(value.strip()):
        hints.append(languages.not_known(value.strip()))
    if name in _FIELDS and value.strip():
        clause = _FIELDS[name](value)
        if not isinstance(clause, str):
            return clause
        hints.append(clause)
    found = phrases(f"{name}:{value}" if name else value, is_prefix=is_prefix)
    if value.endswith("*") and found and not found[0].is_prefix and len(found[0].terms[-1]) == 1:
        hints.append(_("Type at least two letters before the *."))
    if any(len(phrase.terms) > MAX_PHRASE_TERMS for phrase in found):
        hints.append(_too_long())
        found = tuple(Phrase(phrase.terms[:MAX_PHRASE_TERMS]) for phrase in found)
    return found


def _too_long() -> str:
    return _("This search is too long; only its beginning was searched for.")


def periods(today: date) -> dict[str, str]:
    """Return the searches for the runs of this week, month and year and for earlier ones, each with its name."""
    return dict(_periods(today, get_language()))


@lru_cache(maxsize=64)
def _periods(today: date, _user_language: str | None) -> dict[str, str]:
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    return {
        f"after:{today - timedelta(days=today.weekday())}": _("This week"),
        f"after:{month}": _("This month"),
        f"after:{year}": _("This year"),
        f"before:{year}": _("Earlier"),
    }


# --- Fields: each returns its condition, or the hint why its value makes no sense ---------------------------


def _language(name: str) -> Clause | str:
    tags = _tags(name)
    return tuple(Phrase((language_term(tag),)) for tag in tags) if tags else languages.not_known(name.strip())


def _target(match: re.Match[str], hints: list[str]) -> tuple[str, ...]:
    """Return the tags of the language after `in:`; without a language, none, and the words are searched for."""
    name = (match["word"] if match["quoted"] is None else match["quoted"]).strip()
    if not name:
        return ()
    tags = tuple(tag.lower() for tag in _tags(name)) if languages.is_known(name) else ()
    if not tags:
        hints.append(languages.not_known(name))
    return tags


def _tags(name: str) -> list[str]:
    tags = languages.tags_named(name.strip()) or [name.strip()]
    return tags if all(language_term(tag) != language_term("") and tag.isascii() for tag in tags) else []


def language_term(tag: str) -> str:
    """Return the index term of a language tag: `_lang_ptbr` for `pt-br`."""
    return f"_lang_{''.join(filter(str.isalnum, tag.lower()))}"


def _run(number: str) -> Clause | str:
    if not _RUN_ID.fullmatch(number.lstrip("#")):
        return _("run: takes a run id, such as 1344.")
    return Q(camb_run_id=int(number.lstrip("#")))


def _title(part: str) -> Clause | str:
    return titles.containing(part)


def _tag(name: str) -> Clause | str:
    return tags.tagged_with(name)


def _status(word: str) -> Clause | str:
    def plain(name: str) -> str:
        return "".join(filter(str.isalnum, name.casefold()))

    meant = [
        value for value, label in Run.Status.choices if plain(word) and plain(str(label)).startswith(plain(word))
    ]
    if not meant:
        names = ", ".join(str(label) for label in Run.Status.labels)
        return _("status: takes one of %(names)s.") % {"names": names}
    return Q(status__in=meant)


def _day(date: str) -> datetime | None:
    match = _DATE.fullmatch(date)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        return timezone.make_aware(datetime(year, month, day))
    except ValueError:
        return None


def _before(date: str) -> Clause | str:
    day = _day(date)
    return Q(created_at__lt=day) if day else _no_date("before:")


def _after(date: str) -> Clause | str:
    day = _day(date)
    return Q(created_at__gte=day) if day else _no_date("after:")


def _no_date(name: str) -> str:
    return _("%(name)s takes a date, such as 2026-05-31.") % {"name": name}


_FIELDS: Mapping[str, Callable[[str], Clause | str]] = {
    "lang": _language,
    "run": _run,
    "title": _title,
    "tag": _tag,
    "status": _status,
    "before": _before,
    "after": _after,
}

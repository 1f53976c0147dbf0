"""Spelling suggestions: the vocabulary of each team's dubs, and the words in it similar to a mistyped one."""

from collections.abc import Iterable
from itertools import chain, zip_longest

from django.db import connection
from django.db.models import QuerySet

from results.db.replica import fetch_rows
from results.models import Cue, VocabularyWord
from results.search.engine import engine
from results.search.index import SPEAKER, IndexEntry, IndexQuery, make_entry, read_lines

# Nearly every shorter word is similar to another, and longer ones are seldom typed.
LETTERS = range(4, 25)
LONG_WORD = 6
MAX_CANDIDATES = 500
MAX_SIMILAR = 20

_ROWS = 300
_WORDS_PER_DELETE = 500
# Raw SQL, as the ORM takes several times as long as the database, both for inserting and for querying words.
_INSERT = "insert into results_vocabularyword (team_id, word, backwards) values {values} on conflict do nothing"
_CANDIDATES = """
    select word from results_vocabularyword where team_id = %s and word in ({swapped})
    union all select word from (
        select word from results_vocabularyword where team_id = %s and word >= %s and word < %s
        and length(word) between %s and %s limit %s
    ) as same_start
    union all select word from (
        select word from results_vocabularyword where team_id = %s and backwards >= %s and backwards < %s
        and length(word) between %s and %s limit %s
    ) as same_end
"""
_LAST_CHARACTER = chr(0x10FFFF)


def add_words(entries: Iterable[IndexEntry]) -> None:
    """Add the words of these lines.

    No word is removed with its lines, so whatever suggests a word searches for it first. The caller gives this a
    transaction of its own, as two dubs with the same new words would wait for each other.
    """
    words = {(entry.team_id, word) for entry in entries for word in words_of(entry)}
    # Sorted, so that two writers with the same words cannot deadlock.
    rows = [(team_id, word, word[::-1]) for team_id, word in sorted(words)]
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            values = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(_INSERT.format(values=values), list(chain.from_iterable(some)))


def words_of(entry: IndexEntry) -> list[str]:
    """Return the words of this line that the vocabulary takes.

    Words without their attached letters too, and joined ones: a mistyped word may be near to one of these only.
    """
    terms = (term.removeprefix(SPEAKER) for term in (*entry.words, *entry.extras))
    return [term for term in terms if _is_word(term)]


def words_of_cues(cues: QuerySet[Cue]) -> set[str]:
    """Return the words that the vocabulary has of these lines."""
    return {word for line in read_lines(cues) for word in words_of(make_entry(line))}


def delete_unused(team_id: int, words: set[str]) -> None:
    """Delete those of the words that no line in the team's index has any more.

    Words of archived runs alone go too: restoring a run adds its words again.
    """
    gone = [word for word in sorted(words) if not _is_in_index(team_id, word)]
    for start in range(0, len(gone), _WORDS_PER_DELETE):
        VocabularyWord.objects.filter(team=team_id, word__in=gone[start : start + _WORDS_PER_DELETE]).delete()


def _is_in_index(team_id: int, word: str) -> bool:
    return any(engine.newest(IndexQuery.of_term(team_id, term), None, 1, 1) for term in (word, f"{SPEAKER}{word}"))


def clear() -> None:
    """Delete the words of all teams."""
    VocabularyWord.objects.all()._raw_delete(VocabularyWord.objects.db)


def similar_words(team_id: int, word: str) -> list[str]:
    """Return the team's words with the least edit distance from this one: 1, or up to 2 for a long word.

    None when the term is no word or is in the vocabulary itself. The first or the last half has to be right, which
    leaves few candidates in any vocabulary and still finds every single error.
    """
    if not _is_word(word):
        return []
    half, length = len(word) // 2, len(word)
    start, end = word[:half], word[::-1][:half]
    most = _most_edits(word)
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(length - 1)]
    args = [team_id, word, *swapped]
    for begins in (start, end):
        args += [team_id, begins, begins + _LAST_CHARACTER, length - most, length + most, MAX_CANDIDATES]
    rows = fetch_rows(_CANDIDATES.format(swapped=", ".join(["%s"] * length)), args)
    return nearest(word, [found for (found,) in rows])


def nearest(word: str, candidates: Iterable[str]) -> list[str]:
    """Return the words among the candidates with the least edit distance from this one, as `similar_words` does.

    None when the term is no word or is a candidate itself.
    """
    if not _is_word(word):
        return []
    most = _most_edits(word)
    edits = {candidate: _edit_distance(word, candidate, most) for candidate in candidates if _is_word(candidate)}
    least = min(edits.values(), default=0)
    if not least or least > most:
        return []
    return sorted(candidate for candidate, count in edits.items() if count == least)[:MAX_SIMILAR]


def kept_parts(word: str) -> list[str]:
    """Return texts of which each word with one error has one: half of it, or all with its middle swapped."""
    if not _is_word(word):
        return [word]
    half = len(word) // 2
    return [word[:half], word[-half:], f"{word[: half - 1]}{word[half]}{word[half - 1]}{word[half + 1 :]}"]


def _most_edits(word: str) -> int:
    return 2 if len(word) >= LONG_WORD else 1


def _is_word(term: str) -> bool:
    return len(term) in LETTERS and "_" not in term and not any(map(str.isdigit, term))


def _edit_distance(one: str, other: str, most: int) -> int:
    """Return the edit distance (Damerau-Levenshtein), or `most + 1` when it is more than `most`.

    It counts the letters that were left out, put in, replaced or swapped with the next one.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    # Most candidates share nearly all letters, and those shared at either end need no edit.
    one, other = _strip_common_start(one, other)
    one, other = _strip_common_start(one[::-1], other[::-1])
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        this = [row]
        for column, target in enumerate(other, start=1):
            cost = min(last[column] + 1, this[-1] + 1, last[column - 1] + (letter != target))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == target:
                cost = min(cost, before[column - 2] + 1)
            this.append(cost)
        if min(this) > most:
            return most + 1
        before, last = last, this
    return last[-1]


def _strip_common_start(one: str, other: str) -> tuple[str, str]:
    """Return both words from their first different letter on."""
    pairs = enumerate(zip_longest(one, other))
    same = next((at for at, (letter, target) in pairs if letter != target), len(one))
    return one[same:], other[same:]

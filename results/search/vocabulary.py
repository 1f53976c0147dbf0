"""Which of the words that a team's dubs say may somebody have meant?"""

from collections.abc import Iterable
from itertools import chain, zip_longest

from django.db import connection

from results.models import VocabularyWord
from results.search.index import IndexEntry, fetch_rows

# Of shorter words nearly every one is near another, and longer ones are seldom typed.
LETTERS = range(4, 25)
LONG_WORD = 6
MAX_CANDIDATES = 500
MAX_SIMILAR = 20

_ROWS = 300
# Past the ORM, which takes several times as long as the database, over what is learned and what is asked alike.
_LEARN = "insert into results_vocabularyword (team_id, word, backwards) values {values} on conflict do nothing"
_NEAR = """
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
    """Keep the words of these lines; no line is forgotten by it, so whoever suggests a word looks for it first.

    In a transaction of its own: two dubs that bring the same new words would wait for each other.
    """
    spoken = {(entry.team_id, word) for entry in entries for word in entry.words}
    # Sorted, so that nobody waits for somebody who waits for him.
    rows = [(team_id, word, word[::-1]) for team_id, word in sorted(spoken) if _is_word(word)]
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            values = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(_LEARN.format(values=values), list(chain.from_iterable(some)))


def clear() -> None:
    VocabularyWord.objects.all()._raw_delete(VocabularyWord.objects.db)


def similar_words(team_id: int, word: str) -> list[str]:
    """Words that differ from this one by a letter or a swap, or by two when it is long; only the nearest.

    None when it is no word, or one that the team says. The first half or the last has to be right: that makes few
    candidates out of any vocabulary, and every single error is still found.
    """
    if not _is_word(word):
        return []
    half, length = len(word) // 2, len(word)
    start, end = word[:half], word[::-1][:half]
    most = 2 if length >= LONG_WORD else 1
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(length - 1)]
    args = [team_id, word, *swapped]
    for begins in (start, end):
        args += [team_id, begins, begins + _LAST_CHARACTER, length - most, length + most, MAX_CANDIDATES]
    found = [word for (word,) in fetch_rows(_NEAR.format(swapped=", ".join(["%s"] * length)), args)]
    edits = {candidate: _edits(word, candidate, most) for candidate in found}
    least = min(edits.values(), default=0)
    if not least or least > most:
        return []
    return sorted(candidate for candidate, count in edits.items() if count == least)[:MAX_SIMILAR]


def _is_word(term: str) -> bool:
    return len(term) in LETTERS and "_" not in term and not any(map(str.isdigit, term))


def _edits(one: str, other: str, most: int) -> int:
    """How many letters were left out, put in, replaced or swapped with the next; more than `most` is `most + 1`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    # Most have nearly all of it in common, and what is common at either end needs no edit.
    one, other = _unlike(one, other)
    one, other = _unlike(one[::-1], other[::-1])
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


def _unlike(one: str, other: str) -> tuple[str, str]:
    """Both from where they differ."""
    pairs = enumerate(zip_longest(one, other))
    same = next((at for at, (letter, target) in pairs if letter != target), len(one))
    return one[same:], other[same:]

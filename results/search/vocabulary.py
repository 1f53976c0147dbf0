"""Which of the words that a team's dubs say may somebody have meant?"""

from collections.abc import Iterable
from itertools import chain

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Length

from results.models import Word
from results.search.index import Entry

# Of shorter words nearly every one is near another, and longer ones are seldom typed.
LETTERS = range(4, 25)
LONG_WORD = 6
MOST_CANDIDATES = 500
MOST_NEAR = 20

_ROWS = 300
_LEARN = "insert into results_word (team_id, word, backwards) values {values} on conflict do nothing"
_LAST_CHARACTER = chr(0x10FFFF)


def learn(entries: Iterable[Entry]) -> None:
    """Keep the words of these lines; no line is forgotten by it, so whoever suggests a word looks for it first.

    In a transaction of its own: two dubs that bring the same new words would wait for each other.
    """
    spoken = {(entry.team_id, word) for entry in entries for word in entry.words}
    # Sorted, so that nobody waits for somebody who waits for him.
    rows = [(team_id, word, word[::-1]) for team_id, word in sorted(spoken) if _is_word(word)]
    with connection.cursor() as cursor:
        # Past the ORM, which takes several times as long as the database.
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            values = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(_LEARN.format(values=values), list(chain.from_iterable(some)))


def forget() -> None:
    Word.objects.all()._raw_delete(Word.objects.db)


def near(team_id: int, word: str) -> list[str]:
    """Words that differ from this one by a letter or a swap, or by two when it is long; only the nearest.

    None when it is no word, or one that the team says. The first half or the last has to be right: that makes few
    candidates out of any vocabulary, and every single error is still found.
    """
    if not _is_word(word):
        return []
    half = len(word) // 2
    most = 2 if len(word) >= LONG_WORD else 1
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
    lengths = Q(letters__range=(len(word) - most, len(word) + most))
    ways = (
        Q(word__in=[word, *swapped]),
        lengths & _begins("word", word[:half]),
        lengths & _begins("backwards", word[::-1][:half]),
    )
    said = Word.objects.filter(team=team_id).annotate(letters=Length("word")).values_list("word", flat=True)
    found = chain.from_iterable(said.filter(way)[:MOST_CANDIDATES] for way in ways)
    edits = {candidate: _edits(word, candidate, most) for candidate in found}
    least = min(edits.values(), default=0)
    if not least or least > most:
        return []
    return sorted(candidate for candidate, count in edits.items() if count == least)[:MOST_NEAR]


def _is_word(term: str) -> bool:
    return len(term) in LETTERS and "_" not in term and not any(map(str.isdigit, term))


def _begins(field: str, start: str) -> Q:
    return Q((f"{field}__gte", start), (f"{field}__lt", start + _LAST_CHARACTER))


def _edits(one: str, other: str, most: int) -> int:
    """How many letters were left out, put in, replaced or swapped with the next; more than `most` is `most + 1`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
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

"""Takes words out of the vocabulary whose last line is deleted."""

from django.db.models import QuerySet

from results.models import Cue, VocabularyWord
from results.search import vocabulary
from results.search.engine import engine
from results.search.index import SPEAKER, IndexQuery, make_entry, read_lines

_WORDS_PER_DELETE = 500


def words_of(cues: QuerySet[Cue]) -> set[str]:
    """Return the words that the vocabulary has of these lines."""
    return {word for line in read_lines(cues) for word in vocabulary.words_of(make_entry(line))}


def forget_words(team_id: int, words: set[str]) -> None:
    """Delete those of the words that no line in the team's index has any more.

    Words of archived runs alone go too: restoring a run adds its words again.
    """
    gone = [word for word in sorted(words) if not _is_in_index(team_id, word)]
    for start in range(0, len(gone), _WORDS_PER_DELETE):
        VocabularyWord.objects.filter(team=team_id, word__in=gone[start : start + _WORDS_PER_DELETE]).delete()


def _is_in_index(team_id: int, word: str) -> bool:
    return any(engine.newest(IndexQuery.of_term(team_id, term), None, 1, 1) for term in (word, f"{SPEAKER}{word}"))

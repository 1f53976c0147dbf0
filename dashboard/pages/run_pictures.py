"""The picture by which people recognise a run in lists, and the length of its media.

The picture is a still of a kept video, else a tile with the language's letters.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from zlib import crc32

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.pages.markup import icon
from results.db.replica import fetch_rows
from results.models import MediaCopy, Run
from results.runs.listed import ListedRun
from results.transcripts import languages

TILE_COLOURS = 8
# The languages that are dubbed most take the colours in turn, so that neighbours in a list differ.
COMMON_LANGUAGES = ("en", "es", "fr", "de", "pt", "it", "ja", "zh", "ko", "ar", "hi", "ru", "he", "th", "tr", "nl")
# Raw SQL, as the ORM takes longer than the database.
_KEPT = """
    select dub.run_id, copy.id, copy.still_bytes, copy.length_ms
    from results_mediacopy copy join results_dub dub on dub.id = copy.dub_id
    where copy.state = %s and dub.run_id in ({marks}) order by dub.id desc
"""


class RunPictures:
    """The pictures and lengths of some runs, from one query for the kept media of all of them."""

    def __init__(self, runs: Iterable[Run | ListedRun]) -> None:
        pks = [run.pk for run in runs]
        kept = _KEPT.format(marks=", ".join(["%s"] * len(pks)))
        self._stills: dict[int | None, int] = {}
        self._lengths: dict[int | None, int] = {}
        for run, copy, still_bytes, length_ms in (
            fetch_rows(kept, [MediaCopy.State.KEPT.value, *pks]) if pks else ()
        ):
            if still_bytes:
                # The last one stays, which is of the run's first dub: all dubs show the same film.
                self._stills[run] = copy
            self._lengths[run] = max(self._lengths.get(run, 0), length_ms)

    def picture(self, *runs: Run | ListedRun) -> SafeString:
        """Return the still of the first of these runs that has one, else the tile of the first run.

        It is 64 × 36 pixels. A screen reader skips it, as the name is beside it.
        """
        copy = next((self._stills[run.pk] for run in runs if run.pk in self._stills), None)
        if copy is None:
            return _tile(_first_language(runs[0]))
        return _still(copy)

    def length_ms(self, run: Run | ListedRun) -> int:
        """Return the length of the run's media where it is known, else of its longest transcript."""
        return self._lengths.get(run.pk) or run.duration_ms


def still_url(copy_pk: int) -> str:
    """Return the address of a copy's still, large enough for the player."""
    return str(copy_pk).join(_still_path())


@lru_cache(maxsize=1)
def _still_path() -> Sequence[str]:
    """Return a still's path before and after the id: one reverse() for all rows."""
    return reverse("media-still", args=[0]).rsplit("0", 1)


def _first_language(run: Run | ListedRun) -> str:
    return languages.primary(next(iter(run.languages), "") or run.given_language)


@lru_cache(maxsize=1000)
def _still(copy_pk: int) -> SafeString:
    return format_html(
        '<img class="still" src="{}?small" width="64" height="36" alt="" loading="lazy" decoding="async">',
        still_url(copy_pk),
    )


@lru_cache(maxsize=512)
def _tile(language: str) -> SafeString:
    """Return a tile with the letters of the language; without a language, or for a mere number, with an icon."""
    if not language.isalpha():
        return format_html('<span class="still tile" aria-hidden="true">{}</span>', icon("video"))
    is_common = language in COMMON_LANGUAGES
    number = COMMON_LANGUAGES.index(language) if is_common else crc32(language.encode())
    return format_html(
        '<span class="still tile voice-{}" aria-hidden="true">{}</span>',
        number % TILE_COLOURS,
        language.upper()[:3],
    )

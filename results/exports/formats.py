"""Which kinds of files can a dub be had as? The menu and the addresses come from this one list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from results.exports import csv, docx, json, srt, txt, vtt
from results.models import Cue, Dub
from results.transcripts.alignment import AlignedCues, align


@dataclass(frozen=True)
class Format:
    key: str
    label: str | Promise
    extension: str
    content_type: str
    render: Callable[[Dub, Iterable[Cue]], str | bytes]
    render_bilingual: Callable[[Dub, Dub, Iterable[AlignedCues]], str] | None = None

    @property
    def is_bilingual(self) -> bool:
        """Can it hold two languages side by side?"""
        return self.render_bilingual is not None

    def file(self, dub: Dub) -> bytes:
        """Return the file in full: nobody gets half of one, or holds a database's cursor while reading it."""
        content = self.render(dub, dub.cues.iterator())
        return content if isinstance(content, bytes) else content.encode()

    def bilingual_file(self, dub: Dub, other: Dub) -> bytes:
        """Return a file of both dubs, the other's cues beside those of the first; only where `is_bilingual`."""
        assert self.render_bilingual  # noqa: S101
        return self.render_bilingual(dub, other, align(dub.cues.iterator(), other.cues.iterator())).encode()


def _of_cues(render: Callable[[Iterable[Cue]], str]) -> Callable[[Dub, Iterable[Cue]], str]:
    return lambda dub, cues: render(cues)


_TEXT = "text/plain; charset=utf-8"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS = {
    format.key: format
    for format in (
        Format(
            "srt", _("SRT subtitles"), "srt", "application/x-subrip; charset=utf-8", _of_cues(srt.render),
            lambda dub, other, pairs: srt.render_bilingual(pairs),
        ),
        Format("vtt", _("WebVTT captions"), "vtt", "text/vtt; charset=utf-8", _of_cues(vtt.render)),
        Format("docx", _("Word document"), "docx", _WORD, docx.render),
        Format("txt", _("Text in paragraphs"), "txt", _TEXT, txt.render),
        Format("lines", _("Text with times and names"), "txt", _TEXT, _of_cues(txt.render_lines)),
        Format("words", _("Text, only what is said"), "txt", _TEXT, _of_cues(txt.render_words)),
        Format(
            "csv", _("CSV table"), "csv", "text/csv; charset=utf-8", _of_cues(csv.render),
            lambda dub, other, pairs: csv.render_bilingual(pairs, dub.language, other.language),
        ),
        Format("json", _("JSON"), "json", "application/json", json.render),
    )
}  # fmt: skip

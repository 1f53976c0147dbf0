"""The list of export formats. The export menu, the URLs and the API all offer exactly this list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from results.exports import csv as csv_export
from results.exports import docx, srt, txt, vtt
from results.exports import json as json_export
from results.models import Cue, Dub
from results.transcripts.alignment import AlignedCues, align


@dataclass(frozen=True)
class Format:
    """An export format. `key` identifies the format in URLs and in the API; `label` is its name in menus."""

    key: str
    label: str | Promise
    extension: str
    content_type: str
    render: Callable[[Dub, Iterable[Cue]], str | bytes]
    render_bilingual: Callable[[Dub, Dub, Iterable[AlignedCues]], str] | None = None

    @property
    def is_bilingual(self) -> bool:
        """Whether a file in this format can hold two languages side by side."""
        return self.render_bilingual is not None

    def file(self, dub: Dub) -> bytes:
        """Return the complete file of a dub.

        The file is not streamed: an error then cannot leave half a file, and a slow download cannot keep a database
        cursor open.
        """
        content = self.render(dub, dub.cues.iterator())
        return content if isinstance(content, bytes) else content.encode()

    def bilingual_file(self, dub: Dub, other: Dub) -> bytes:
        """Return the file of two dubs, the cues of `other` beside those of `dub`. Requires `is_bilingual`."""
        assert self.render_bilingual  # noqa: S101
        return self.render_bilingual(dub, other, align(dub.cues.iterator(), other.cues.iterator())).encode()


def _of_cues(render: Callable[[Iterable[Cue]], str]) -> Callable[[Dub, Iterable[Cue]], str]:
    """Adapt a function that needs only the cues to the signature of `Format.render`."""
    return lambda dub, cues: render(cues)


_TEXT = "text/plain; charset=utf-8"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS = {
    export_format.key: export_format
    for export_format in (
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
            "csv", _("CSV table"), "csv", "text/csv; charset=utf-8", _of_cues(csv_export.render),
            lambda dub, other, pairs: csv_export.render_bilingual(pairs, dub.language, other.language),
        ),
        Format("json", _("JSON"), "json", "application/json", json_export.render),
    )
}  # fmt: skip

"""The list of export formats. The export menu, the URLs and the API all offer exactly this list."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from results.exports import csv as csv_export
from results.exports import docx, srt, txt, vtt
from results.exports import json as json_export
from results.models import Cue, Dub
from results.transcripts.alignment import AlignedCues, align
from results.transcripts.cues import direction
from results.transcripts.dub_checks import checks_of


@dataclass(frozen=True)
class Transcript:
    """A dub with its cues, ready to export."""

    dub: Dub
    cues: Sequence[Cue]
    is_rtl: bool
    """Whether the lines get direction marks, in the formats that have them."""

    @classmethod
    def of(cls, dub: Dub, *, with_marks: bool) -> "Transcript":
        cues = list(dub.cues.iterator())
        return cls(dub, cues, with_marks and direction(dub.language, cues) == "rtl")


@dataclass(frozen=True)
class Format:
    """An export format. `key` identifies the format in URLs and in the API; `label` is its name in menus.

    `has_marks` says that lines of a right-to-left dub get direction marks, which a reader may do without.
    """

    key: str
    label: str | Promise
    extension: str
    content_type: str
    render: Callable[[Transcript], str | bytes]
    render_bilingual: Callable[[Transcript, Transcript], str] | None = None
    has_marks: bool = False

    @property
    def is_bilingual(self) -> bool:
        """Whether a file in this format can hold two languages side by side."""
        return self.render_bilingual is not None

    def file(self, dub: Dub, *, with_marks: bool = True) -> bytes:
        """Return the complete file of a dub.

        The file is not streamed: an error then cannot leave half a file, and a slow download cannot keep a database
        cursor open.
        """
        content = self.render(Transcript.of(dub, with_marks=with_marks))
        return content if isinstance(content, bytes) else content.encode()

    def bilingual_file(self, dub: Dub, other: Dub, *, with_marks: bool = True) -> bytes:
        """Return the file of two dubs, the cues of `other` beside those of `dub`. Requires `is_bilingual`."""
        assert self.render_bilingual  # noqa: S101
        both = (Transcript.of(each, with_marks=with_marks) for each in (dub, other))
        return self.render_bilingual(*both).encode()


def _of_cues(render: Callable[..., str]) -> Callable[[Transcript], str]:
    """Adapt a function of the cues alone to the signature of `Format.render`."""
    return lambda transcript: render(transcript.cues, is_rtl=transcript.is_rtl)


def _align(one: Transcript, other: Transcript) -> Iterable[AlignedCues]:
    return align(one.cues, other.cues)


_TEXT = "text/plain; charset=utf-8"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS = {
    export_format.key: export_format
    for export_format in (
        Format(
            "srt", _("SRT subtitles"), "srt", "application/x-subrip; charset=utf-8", _of_cues(srt.render),
            lambda one, other: srt.render_bilingual(
                _align(one, other), is_rtl=one.is_rtl, is_other_rtl=other.is_rtl
            ),
            has_marks=True,
        ),
        Format(
            "vtt", _("WebVTT captions"), "vtt", "text/vtt; charset=utf-8", _of_cues(vtt.render), has_marks=True
        ),
        Format("docx", _("Word document"), "docx", _WORD, lambda made: docx.render(made.dub, made.cues)),
        Format(
            "txt", _("Text in paragraphs"), "txt", _TEXT,
            lambda made: txt.render(made.dub, made.cues, is_rtl=made.is_rtl), has_marks=True,
        ),
        Format("lines", _("Text with times and names"), "txt", _TEXT, _of_cues(txt.render_lines), has_marks=True),
        Format("words", _("Text, only what is said"), "txt", _TEXT, _of_cues(txt.render_words), has_marks=True),
        Format(
            "csv", _("CSV table"), "csv", "text/csv; charset=utf-8", lambda made: csv_export.render(made.cues),
            lambda one, other: csv_export.render_bilingual(
                _align(one, other), one.dub.language, other.dub.language
            ),
        ),
        Format(
            "checks", _("CSV table of review checks"), "csv", "text/csv; charset=utf-8",
            lambda made: csv_export.render_checks(made.cues, checks_of(made.dub, made.cues)),
        ),
        Format("json", _("JSON"), "json", "application/json", lambda made: json_export.render(made.dub, made.cues)),
    )
}  # fmt: skip

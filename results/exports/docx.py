"""How are cues written as a Word document?"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from itertools import groupby

from docx import Document
from docx.document import Document as Doc
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from results import languages, timecode
from results.exports.cues import lines
from results.models import Cue, Dub

# What XML cannot hold, in no spelling.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CLOCK = "Clock"
_CUE = "Cue"


def render(dub: Dub, cues: Iterable[Cue]) -> bytes:
    """Return a .docx: the title, the run's id and language, then each turn's speaker and its cues with their times.

    The whole is marked with its language, for spelling and for screen readers.
    """
    document = Document()
    language = languages.name(dub.language)
    _set_up(document, dub, language)
    is_rtl = languages.direction(dub.language) == "rtl"
    _write(_paragraph(document, "Title"), str(dub.run))
    _write(_paragraph(document, "Subtitle"), f"{dub.run.camb_name} · {language}")
    for speaker, turn in groupby(cues, key=lambda cue: " ".join(lines(cue.speaker))):
        if speaker:
            _write(_paragraph(document, "Heading3"), speaker, is_rtl)
        for cue in turn:
            paragraph = _paragraph(document, _CUE)
            paragraph.add_run(f"{timecode.short(max(cue.start_ms, 0))}\t")._r.style = _CLOCK
            _write(paragraph, "\n".join(lines(cue.text)), is_rtl)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def _paragraph(document: Doc, style_id: str) -> Paragraph:
    """Add one. The library's own way to a style, by its name, looks through all of them: a second for 300 cues."""
    paragraph = document.add_paragraph()
    paragraph._p.style = style_id
    return paragraph


def _write(paragraph: Paragraph, text: str, is_rtl: bool = False) -> None:
    """Add the text, set from the right when its language or its own first letter is written so."""
    run = paragraph.add_run(_NOT_XML.sub("\ufffd", text))
    if _begins_rtl(text):
        run.font.rtl = is_rtl = True
    if is_rtl:
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))


def _begins_rtl(text: str) -> bool:
    sides = map(unicodedata.bidirectional, text)
    return next((side != "L" for side in sides if side in ("L", "R", "AL")), False)


def _set_up(document: Doc, dub: Dub, language: str) -> None:
    """Say what the document is, in which language, and how a cue is set: its time in the margin, in grey."""
    about = document.core_properties
    about.title, about.subject = _NOT_XML.sub("\ufffd", str(dub.run)), f"{dub.run.camb_name} · {language}"
    about.author, about.comments = "Dubroom", ""
    about.created = about.modified = datetime.now(UTC)
    if tag := _word_tag(dub.language):
        about.language = tag
        for default in document.styles.element.iter(qn("w:lang")):
            for script in ("w:val", "w:eastAsia", "w:bidi"):
                default.set(qn(script), tag)
    clock = document.styles.add_style(_CLOCK, WD_STYLE_TYPE.CHARACTER).font
    clock.color.rgb, clock.size = RGBColor(0x66, 0x66, 0x66), Pt(9)
    cue = document.styles.add_style(_CUE, WD_STYLE_TYPE.PARAGRAPH).paragraph_format
    cue.left_indent, cue.first_line_indent, cue.space_after = Mm(16), Mm(-16), Pt(3)


def _word_tag(language: str) -> str:
    """Return the tag in the spelling that Word writes, `zh-Hant-TW`; nothing for what is no known language."""
    tag = languages.html_tag(language)
    first, *rest = tag.split("-")
    spelled = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)
    return "" if tag == "und" else "-".join((first, *spelled))

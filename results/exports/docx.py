"""How are cues written as a Word document?"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from itertools import groupby

from django.utils.html import escape
from docx import Document
from docx.document import Document as Doc
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.part import XmlPart
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm, Pt, RGBColor

from results import languages, timecode
from results.exports.cues import lines
from results.models import Cue, Dub

# What XML cannot hold, in no spelling.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CLOCK = "Clock"
_CUE = "Cue"
_W = nsdecls("w")


def render(dub: Dub, cues: Iterable[Cue]) -> bytes:
    """Return a .docx: the title, the run's id and language, then each turn's speaker and its cues with their times.

    The whole is marked with its language, for spelling and for screen readers.
    """
    document = Document()
    language = languages.name(dub.language)
    _set_up(document, dub, language)
    is_rtl = languages.direction(dub.language) == "rtl"
    # What comes last is the page's size, and stays so.
    add = document.element.body[-1].addprevious
    add(_paragraph("Title", str(dub.run)))
    add(_paragraph("Subtitle", f"{dub.run.camb_name} · {language}"))
    for speaker, turn in groupby(cues, key=lambda cue: " ".join(lines(cue.speaker))):
        if speaker:
            add(_paragraph("Heading3", speaker, is_rtl))
        for cue in turn:
            clock = _run(f"{timecode.short(max(cue.start_ms, 0))}\t", f'<w:rStyle w:val="{_CLOCK}"/>')
            add(_paragraph(_CUE, "\n".join(lines(cue.text)), is_rtl, clock))
    file = BytesIO()
    document.save(file)
    # Parts and package hold each other until the collector comes, which does not see how much XML that is: without
    # this, a ZIP of many documents takes 90 MB more.
    for part in document.part.package.iter_parts():
        if isinstance(part, XmlPart):
            del part._element
    return file.getvalue()


def _paragraph(style_id: str, text: str, is_rtl: bool = False, before: str = "") -> BaseOxmlElement:
    """Return a paragraph, set from the right when its language or its own first letter is written so.

    In plain XML, as the library's own way looks through all styles each time: a second for 300 cues.
    """
    begins_rtl = _begins_rtl(text)
    bidi = "<w:bidi/>" if is_rtl or begins_rtl else ""
    run = _run(text, "<w:rtl/>" if begins_rtl else "")
    return parse_xml(f'<w:p {_W}><w:pPr><w:pStyle w:val="{style_id}"/>{bidi}</w:pPr>{before}{run}</w:p>')


def _run(text: str, properties: str) -> str:
    said = str(escape(_NOT_XML.sub("\ufffd", text)))
    for letter, element in (("\n", "<w:br/>"), ("\t", "<w:tab/>")):
        said = said.replace(letter, f'</w:t>{element}<w:t xml:space="preserve">')
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{said}</w:t></w:r>'


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

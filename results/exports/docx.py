"""How are cues written as a Word document?"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from docx import Document
from docx.document import Document as Doc
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from results.models import Cue, Dub
from results.transcripts import languages, timecode
from results.transcripts.cues import lines

# What XML cannot hold, in no spelling.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CLOCK = "Clock"
_CUE = "Cue"
# The parts that differ from document to document: what is said in it, and what is said about it.
_SAID, _ABOUT = "word/document.xml", "docProps/core.xml"
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def render(dub: Dub, cues: Iterable[Cue]) -> bytes:
    """Return a .docx: the title, the run's id and language, then each turn's speaker and its cues with their times.

    The whole is marked with its language, for spelling and for screen readers.
    """
    form, before, after, about = _form(dub.language)
    title, subject = str(dub.run), " · ".join(filter(None, (dub.run.camb_name, languages.name(dub.language))))
    is_rtl = languages.direction(dub.language) == "rtl"
    said = [_paragraph("Title", title), _paragraph("Subtitle", subject), *_turns(cues, is_rtl)]
    told = {"title": _xml(title), "subject": _xml(subject), "now": _w3c(datetime.now(UTC))}
    file = BytesIO()
    file.write(form)
    with ZipFile(file, "a", ZIP_DEFLATED) as parts:
        parts.writestr(_SAID, "".join((before, *said, after)))
        parts.writestr(_ABOUT, about % told)
    return file.getvalue()


def _turns(cues: Iterable[Cue], is_rtl: bool) -> Iterator[str]:
    for speaker, turn in groupby(cues, key=lambda cue: " ".join(lines(cue.speaker))):
        if speaker:
            yield _paragraph("Heading3", speaker, is_rtl)
        for cue in turn:
            clock = _run(f"{timecode.short(max(cue.start_ms, 0))}\t", f'<w:rStyle w:val="{_CLOCK}"/>')
            yield _paragraph(_CUE, "\n".join(lines(cue.text)), is_rtl, clock)


def _paragraph(style_id: str, text: str, is_rtl: bool = False, before: str = "") -> str:
    """Return a paragraph, set from the right when its language or its own first letter is written so.

    In plain XML, as the library's own way looks through all styles each time: a second for 300 cues.
    """
    begins_rtl = _begins_rtl(text)
    bidi = "<w:bidi/>" if is_rtl or begins_rtl else ""
    run = _run(text, "<w:rtl/>" if begins_rtl else "")
    return f'<w:p><w:pPr><w:pStyle w:val="{style_id}"/>{bidi}</w:pPr>{before}{run}</w:p>'


def _run(text: str, properties: str) -> str:
    said = _xml(text)
    for letter, element in (("\n", "<w:br/>"), ("\t", "<w:tab/>")):
        said = said.replace(letter, f'</w:t>{element}<w:t xml:space="preserve">')
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{said}</w:t></w:r>'


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _begins_rtl(text: str) -> bool:
    sides = map(unicodedata.bidirectional, text)
    return next((side != "L" for side in sides if side in ("L", "R", "AL")), False)


@lru_cache(maxsize=32)
def _form(language: str) -> tuple[bytes, str, str, str]:
    """A document in this language in which nothing is said yet.

    The file without two of its parts, what stands before and after all that is said, and what is said about it, to
    be filled in. All this is the same in many, and the library takes longer for it than the rest takes.
    """
    document = Document()
    _set_up(document, language)
    whole, form = BytesIO(), BytesIO()
    document.save(whole)
    with ZipFile(whole) as there, ZipFile(form, "w", ZIP_DEFLATED) as parts:
        for name in there.namelist():
            if name not in (_SAID, _ABOUT):
                parts.writestr(name, there.read(name))
        said, about = there.read(_SAID).decode(), there.read(_ABOUT).decode()
    # The page's size comes last.
    before, mark, after = said.rpartition("<w:sectPr")
    return form.getvalue(), before, mark + after, about.replace(_w3c(_SOME_DAY), "%(now)s")


def _w3c(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _set_up(document: Doc, language: str) -> None:
    """Say what the document is, in which language, and how a cue is set: its time in the margin, in grey."""
    about = document.core_properties
    about.title, about.subject, about.author, about.comments = "%(title)s", "%(subject)s", "Dubroom", ""
    about.created = about.modified = _SOME_DAY
    if tag := _word_tag(language):
        about.language = tag
        for default in document.styles.element.iter(qn("w:lang")):
            for script in ("w:val", "w:eastAsia", "w:bidi"):
                default.set(qn(script), tag)
    style = document.styles.add_style(_CLOCK, WD_STYLE_TYPE.CHARACTER)
    clock = style.font
    clock.color.rgb, clock.size = RGBColor(0x66, 0x66, 0x66), Pt(9)
    # In a paragraph from the right, Word and LibreOffice look here, in half points, and nowhere else.
    style.element.rPr.get_or_add_sz().addnext(OxmlElement("w:szCs", {qn("w:val"): "18"}))
    page = document.sections[0].footer.paragraphs[0]
    page.alignment = WD_ALIGN_PARAGRAPH.CENTER
    page._p.append(OxmlElement("w:fldSimple", {qn("w:instr"): "PAGE"}))
    cue = document.styles.add_style(_CUE, WD_STYLE_TYPE.PARAGRAPH).paragraph_format
    cue.left_indent, cue.first_line_indent, cue.space_after = Mm(16), Mm(-16), Pt(3)


def _word_tag(language: str) -> str:
    """Return the tag in the spelling that Word writes, `zh-Hant-TW`; nothing for what is no known language."""
    tag = languages.html_tag(language)
    first, *rest = tag.split("-")
    spelled = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)
    return "" if tag == "und" else "-".join((first, *spelled))

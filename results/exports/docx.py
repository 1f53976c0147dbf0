"""Renders the cues of a dub as a Word document.

A .docx file is a ZIP of XML parts. `template.docx`, next to this module, holds what is the same in every document:
the styles, the page number in the footer, and one sample paragraph each for a title, a subtitle, a speaker and a
cue. Three of its parts are filled here with lxml. python-docx would take 200 ms for 300 cues, not 5 ms, because it
searches all styles for each paragraph.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils import timezone
from lxml import etree  # type: ignore[import-untyped]

from results.exports.xml_text import valid_xml
from results.models import Cue, Dub
from results.transcripts import languages, timecode
from results.transcripts.cues import direction, lines

_TEMPLATE = Path(__file__).with_name("template.docx")
_NAMESPACES = {"dc": "http://purl.org/dc/elements/1.1/", "dcterms": "http://purl.org/dc/terms/"}
# The namespace of WordprocessingML, as lxml writes it before a name.
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT = f"{_W}t"
# Without this attribute, Word drops the spaces at the ends of a text.
_KEEP_SPACES = {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}
# Characters that Word reads only as elements.
_BREAKS = {"\n": f"{_W}br", "\t": f"{_W}tab"}
_BREAK = re.compile("([\n\t])")
# The classes of characters: L and R for letters, N for digits, - for all others. A part that runs against its
# paragraph begins with a letter, and digits after that letter belong to it (UAX #9, W7 and N1).
_CLASSES = {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N", "NSM": ""}
_LTR_PART = re.compile("L(?:[LN-]*[LN])?")
_RTL_PART = re.compile("R(?:[RN-]*[RN])?")


def render(dub: Dub, cues: Sequence[Cue]) -> bytes:
    """Return the bytes of a .docx file: title, run id and language, then each turn's speaker and cues with times.

    The document is marked with its language, for spell checkers and screen readers. All cues are laid out in the
    direction of the dub's language.
    """
    title = valid_xml(str(dub.run))
    subtitle = valid_xml(" · ".join(filter(None, (dub.run.camb_name, languages.name(dub.language)))))
    is_rtl = direction(dub.language, cues) == "rtl"
    tag = _word_tag(dub.language)
    template = _template_parts()
    filled = {
        "word/document.xml": _document(template["word/document.xml"], title, subtitle, cues, is_rtl),
        "word/styles.xml": _styles(template["word/styles.xml"], tag),
        "docProps/core.xml": _properties(template["docProps/core.xml"], title, subtitle, tag),
    }
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as parts:
        for name, part in {**template, **filled}.items():
            parts.writestr(name, part)
    return file.getvalue()


@cache
def _template_parts() -> Mapping[str, bytes]:
    with ZipFile(_TEMPLATE) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def _document(template: bytes, title: str, subtitle: str, cues: Iterable[Cue], is_rtl: bool) -> bytes:
    document = etree.fromstring(template)
    [body] = document
    title_sample, subtitle_sample, speaker_sample, cue_sample, section = body
    _Sample(title_sample).append_copy(title, _begins_rtl(title))
    _Sample(subtitle_sample).append_copy(subtitle, _begins_rtl(subtitle))
    speakers, cue_texts = _Sample(speaker_sample), _Sample(cue_sample)
    for speaker, turn in groupby(cues, key=lambda cue: " ".join(lines(cue.speaker))):
        if speaker:
            speakers.append_copy(speaker, is_rtl or _begins_rtl(speaker))
        for cue in turn:
            cue_texts.append_copy("\n".join(lines(cue.text)), is_rtl, timecode.short(max(cue.start_ms, 0)))
    # The page size and the footer have to stand last.
    body.append(section)
    return _xml(document)


class _Sample:
    """A sample paragraph, taken out of the document to be copied to its end once for each text."""

    def __init__(self, paragraph: etree._Element) -> None:
        self._body = paragraph.getparent()
        self._body.remove(paragraph)
        self._ltr, self._rtl = paragraph, deepcopy(paragraph)
        etree.SubElement(self._rtl.find(f"{_W}pPr"), f"{_W}bidi")

    def append_copy(self, text: str, is_rtl: bool, time: str = "") -> None:
        """Append a copy with this text, laid out in this direction. A cue also shows its time."""
        copy = deepcopy(self._rtl if is_rtl else self._ltr)
        *time_elements, text_element = copy.iter(_TEXT)
        for element in time_elements:
            element.text = time
        sample = text_element.getparent()
        text_element.text = ""
        copy.remove(sample)
        for part, is_part_rtl in _parts(valid_xml(text), is_rtl) or [("", False)]:
            copy.append(_text_run(sample, part, is_part_rtl))
        self._body.append(copy)


def _text_run(sample: etree._Element, text: str, is_rtl: bool) -> etree._Element:
    """Return a copy of a run with this text. Word orders a run's punctuation by `w:rtl` and not by its letters."""
    text_run = deepcopy(sample)
    if is_rtl:
        etree.SubElement(text_run.find(f"{_W}rPr"), f"{_W}rtl")
    text_run.find(_TEXT).text, *rest = _BREAK.split(text)
    for piece in rest:
        if piece in _BREAKS:
            etree.SubElement(text_run, _BREAKS[piece])
        else:
            etree.SubElement(text_run, _TEXT, _KEEP_SPACES).text = piece
    return text_run


def _parts(text: str, is_rtl: bool) -> list[tuple[str, bool]]:
    """Return the text in parts of one direction each, as (part, whether it is right to left).

    `is_rtl` is the direction of the paragraph, to which punctuation between the directions belongs.
    """
    against = _LTR_PART if is_rtl else _RTL_PART
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in against.finditer(_classes(text)):
        parts += [(text[end : match.start()], is_rtl), (text[match.start() : match.end()], not is_rtl)]
        end = match.end()
    parts.append((text[end:], is_rtl))
    # Digits alone read the same in both directions.
    return [(part, is_part_rtl and not part.isdecimal()) for part, is_part_rtl in parts if part]


def _classes(text: str) -> str:
    """Return the class of each character. A line break ends every part, and an accent has its letter's class."""
    classes = ["\n"]
    for character in text:
        found = "\n" if character == "\n" else _CLASSES.get(unicodedata.bidirectional(character), "-")
        classes.append(found or classes[-1])
    return "".join(classes[1:])


def _begins_rtl(text: str) -> bool:
    """Return whether the first character with a strong direction is written from right to left."""
    directions = map(unicodedata.bidirectional, text)
    return next((direction != "L" for direction in directions if direction in ("L", "R", "AL")), False)


def _styles(template: bytes, tag: str) -> bytes:
    """Return the styles with the text of every script marked as this language, or as English if it is unknown."""
    styles = etree.fromstring(template)
    for default in styles.iter(f"{_W}lang") if tag else ():
        for script in ("val", "eastAsia", "bidi"):
            default.set(f"{_W}{script}", tag)
    return _xml(styles)


def _properties(template: bytes, title: str, subject: str, tag: str) -> bytes:
    now = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    values = {
        "dc:title": title,
        "dc:subject": subject,
        "dc:language": tag,
        "dcterms:created": now,
        "dcterms:modified": now,
    }
    properties = etree.fromstring(template)
    for name, value in values.items():
        properties.find(name, _NAMESPACES).text = value
    return _xml(properties)


def _xml(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", standalone=True))


def _word_tag(language: str) -> str:
    """Return the language tag in Word's capitals, such as `zh-Hant-TW`; empty for an unknown language."""
    tag = languages.html_tag(language)
    first, *rest = tag.split("-")
    spelled = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)
    return "" if tag == "und" else "-".join((first, *spelled))

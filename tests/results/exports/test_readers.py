"""Exported files, read back by independent software: pysubs2, webvtt-py, FFmpeg, csv, json and python-docx.

Each test states the complete normalisation of its format; all other text must be read back unchanged.
"""

import csv
import json
import re
from collections.abc import Iterable
from io import BytesIO, StringIO

import av
import docx
import pysubs2
import pytest
import webvtt
from hypothesis import given

from results.exports import srt, vtt
from results.exports.csv import render as render_csv
from results.exports.docx import render as render_docx
from results.exports.json import render as render_json
from results.models import Cue, Dub, Run, Tag
from tests.results.exports.cases import cues, make_cue, steady, texts


def strip_lines(text: str) -> str:
    """Return the text without blank lines, and without spaces at either end of a line."""
    return "\n".join(line.strip() for line in text.replace("\0", "\ufffd").splitlines() if line.strip())


def visible_cues(cues: list[Cue]) -> list[tuple[int, int, str]]:
    """Return start and end in milliseconds and the text of each cue, as a player shows it.

    Starts are at least 0, durations at least 1 ms, and cues without text are left out.
    """
    starts = [max(cue.start_ms, 0) for cue in cues]
    return [
        (start, max(cue.end_ms, start + 1), strip_lines(cue.text))
        for cue, start in zip(cues, starts, strict=True)
        if strip_lines(cue.text)
    ]


def unmarked(text: str) -> str:
    """Return the text as a reader sees it: without word joiners, and with braces of any width."""
    return text.replace("\u2060", "").translate(str.maketrans("｛｝", "{}"))


@steady
@given(cues)
def test_pysubs2_reads_srt(cues):
    # pysubs2 takes a last line of digits for the number of a following cue, so the file ends with a known cue.
    file = srt.render([*cues, make_cue("end", start_ms=359_999_000, end_ms=359_999_999)])
    read = pysubs2.SSAFile.from_string(file, format_="srt", keep_html_tags=True)
    *events, _end = read.events
    assert [(event.start, event.end, unmarked(event.plaintext)) for event in events] == [
        (start, end, unmarked(text).strip()) for start, end, text in visible_cues(cues)
    ]


@steady
@given(cues)
def test_srt_adds_only_word_joiners_and_widens_braces(cues):
    file = srt.render(cues)
    texts = [block.split("\n", 2)[2] for block in file.removesuffix("\n").split("\n\n") if block]
    assert list(map(unmarked, texts)) == [unmarked(text) for _, _, text in visible_cues(cues)]


# What VLC hides or turns into something else, of any version (modules/codec/subsdec.c).
OBEYED_BY_VLC = re.compile(r"<[ /]*[a-z]|\{\\[^}]*\}|\{.:[^}]*\}|\\[nh]|&(lt|gt|amp);", re.IGNORECASE | re.DOTALL)


@steady
@given(texts)
def test_ffmpeg_libass_and_vlc_show_every_letter_of_srt(text):
    file = srt.render([make_cue(text)])
    assert not OBEYED_BY_VLC.search(file)
    assert [unmarked(shown) for shown in shown_by_libass(file)] == [
        letters for _, _, line in visible_cues([make_cue(text)]) if (letters := unmarked(line).strip(" "))
    ]


@pytest.mark.parametrize("is_rtl", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        *("<3", "<1>", "1<2>3", "< b >", "{}", "</3>", "<<b>>", "a < b > c", "</ i>", "<br/>", "< font size=9 >x"),
        *("{8}", r"{\an8}hi", "{c:$0000ff}x", "} {", "{", "}", "{a} and {b}", "{", r"C:\New\hope \{x\}", "a\\"),
        *("｛laughs｝", "{laughs}", "＜i＞", "｛laughs} {sighs｝", "＜i>x</i＞"),
        *("a --> b", "1\n00:00:01,000 --> 00:00:02,000", "&lt;b&gt; &amp;amp;", "one\n\n{\n\n}", "<\n>", "42\n7"),
    ],
)
def test_ffmpeg_libass_and_vlc_show_what_was_said(text, is_rtl):
    file = srt.render([make_cue(text), make_cue("end", 2, 5000, 6000)], is_rtl=is_rtl)
    said, end = (re.sub("[\u200f\u202b\u202c]", "", unmarked(shown)) for shown in shown_by_libass(file))
    assert (said, end) == (unmarked(strip_lines(text)), "end")
    assert not OBEYED_BY_VLC.search(file)


def shown_by_libass(file: str) -> list[str]:
    """Return what libass shows of each cue that FFmpeg decodes, as in mpv: nothing in braces is shown."""
    if not file:
        return []
    with av.open(BytesIO(file.encode()), "r", format="srt") as container:
        subtitles = (event for packet in container.demux() if packet.size for event in packet.decode())
        events = [event.ass.decode() for event in subtitles if isinstance(event, av.subtitles.subtitle.AssSubtitle)]
    texts = (re.sub(r"\{[^}]*\}", "", event.split(",", 8)[8]) for event in events)
    return [text.replace(r"\N", "\n").replace(r"\n", " ").replace(r"\h", "\xa0") for text in texts]


@steady
@given(cues)
def test_webvtt_py_reads_webvtt(cues):
    read = webvtt.from_string(vtt.render(cues), strict=True).captions
    assert [
        (c.start_time.in_milliseconds(), c.end_time.in_milliseconds(), plain(c.raw_text)) for c in read
    ] == visible_cues(cues)
    assert [plain((caption.voice or "").removesuffix(" ")) for caption in read] == [
        " ".join(strip_lines(cue.speaker).split("\n")) for cue in cues if strip_lines(cue.text)
    ]


@steady
@given(cues)
def test_only_the_timing_lines_of_webvtt_hold_an_arrow(cues):
    timing = [line for line in vtt.render(cues).split("\n") if "-->" in line]
    assert len(timing) == len(visible_cues(cues))


@steady
@given(cues)
def test_ffmpeg_reads_srt(cues):
    read = read_by_ffmpeg(srt.render(cues), "srt")
    assert unique_in_order((start, end, unmarked(text)) for start, end, text in read) == unique_in_order(
        (start, end, unmarked(text).strip()) for start, end, text in visible_cues(cues)
    )


@steady
@given(cues)
def test_ffmpeg_reads_webvtt(cues):
    read = read_by_ffmpeg(vtt.render(cues), "webvtt")
    assert unique_in_order((start, end, plain(text)) for start, end, text in read) == unique_in_order(
        visible_cues(cues)
    )


def read_by_ffmpeg(file: str, demuxer: str) -> list[tuple[int, int, str]]:
    """Return start, end and text of each cue as FFmpeg reads them; FFmpeg rejects a file without cues."""
    try:
        with av.open(BytesIO(file.encode()), "r", format=demuxer) as container:
            packets = [packet for packet in container.demux() if packet.size]
            return unique_in_order((p.pts, p.pts + p.duration, bytes(p).decode()) for p in packets)
    except av.InvalidDataError:
        return []


def unique_in_order(cues: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the sorted cues without duplicates, of which FFmpeg keeps one."""
    return sorted(set(cues))


def plain(text: str) -> str:
    text = re.sub(r"^<v [^>]*>|</v>$", "", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@steady
@given(cues)
def test_csv_reader_reads_csv(cues):
    file = render_csv(cues).encode().decode("utf-8-sig")
    header, *rows = csv.reader(StringIO(file, newline=""), strict=True)
    assert header == ["position", "start", "end", "speaker", "text"]
    assert [(row[0], *map(without_formula_quote, row[3:])) for row in rows] == [
        (str(cue.position), cue.speaker, cue.text) for cue in cues
    ]
    for row in rows:
        assert not any(cell.lstrip(' \n\r"').startswith(("=", "+", "-", "@", "\t", "\0")) for cell in row)


def without_formula_quote(cell: str) -> str:
    """Return the cell without the single quotes that the export puts before formulas."""
    cell = re.sub(r"([;\t\r\n])'(?=(?:['\"]|[^\S\t\r\n])*[=+\-@\0＝＋－＠])", r"\1", cell)
    return re.sub(r"\A'(?=['\"\s]*[=+\-@\t\r\0＝＋－＠])", "", cell)


@steady
@given(cues)
def test_json_holds_the_stored_values(cues):
    read = json.loads(render_json(make_dub(), cues))
    assert read["tags"] == ["launch"]
    assert read["cues"] == [
        {name: getattr(cue, name) for name in ("position", "start_ms", "end_ms", "speaker", "text")} for cue in cues
    ]


@steady
@given(cues)
def test_python_docx_reads_docx(cues):
    document = docx.Document(BytesIO(render_docx(make_dub(), cues)))
    written = [(str(p.style and p.style.name), p.text) for p in document.paragraphs]
    texts = [text.split("\t", 1)[1] for style, text in written if style == "Cue"]
    assert texts == [in_xml(strip_lines(cue.text)) for cue in cues]
    turns = [text for style, text in written if style == "Heading 3"]
    speakers = [in_xml(strip_lines(cue.speaker).replace("\n", " ")) for cue in cues]
    changes = [now for before, now in zip(["", *speakers], speakers, strict=False) if now != before]
    assert turns == [name for name in changes if name]


def in_xml(text: str) -> str:
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)


@pytest.mark.parametrize("number", [1, 300])
def test_pysubs2_finds_every_cue_of_webvtt(number):
    file = vtt.render(make_cue(f"line {n}", n, 1000 * n, 1000 * n + 500) for n in range(number))
    assert [event.plaintext for event in pysubs2.SSAFile.from_string(file)] == [f"line {n}" for n in range(number)]


def make_dub(title: str = "Kitchen", language: str = "en-us") -> Dub:
    run = Run(pk=1, due_at=None, camb_run_id=7, title=title)
    run._prefetched_objects_cache = {"tags": [Tag(name="launch")]}  # type: ignore[attr-defined]
    return Dub(run=run, language=language)

"""Reads a transcript that came as the text of a subtitle file, SRT or WebVTT, or as an object of line numbers."""

import re
from typing import Any

_TIME = r"(?:\d{1,4}:)?\d{1,4}:\d{2}[.,]\d{1,3}"
_TIMES = re.compile(rf"^[ \t]*({_TIME})[ \t]*-->[ \t]*({_TIME})(?:[ \t][^\n]*)?$", re.ASCII | re.MULTILINE)
_LINE_BREAK = re.compile(r"\r\n?")
_GAP = re.compile(r"\n[ \t]*\n")
# An SRT file numbers its cues above their times.
_NUMBER = re.compile(r"(?:^|\n)[ \t]*\d+\s*$", re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s<>]{1,100})?[ \t]([^<>]{1,1000})>")
_MARKUP = re.compile(
    r"</?(?:[biuvc]|lang|ruby|rt|font)(?:[.\s][^<>]{0,1000})?>|<[\d:.]{1,20}>|\{\\an?\d{1,2}\}", re.IGNORECASE
)


def read_file(text: str) -> list[dict[str, Any]]:
    """Return the cues of a subtitle file as lines with start, end, speaker and text; empty if the text is none."""
    text = _LINE_BREAK.sub("\n", text.removeprefix("\ufeff"))
    times = list(_TIMES.finditer(text))
    head = text[: times[0].start()].strip() if times else text
    is_vtt = head.startswith("WEBVTT")
    if not times or not (is_vtt or not head or head.isdecimal()):
        return []
    ends = [found.start() for found in times[1:]]
    bodies = [text[found.end() + 1 : end] for found, end in zip(times, [*ends, len(text)], strict=True)]
    if is_vtt:  # a name of the next cue, or a note, may follow
        bodies = [_GAP.split(f"\n{body}", maxsplit=1)[0] for body in bodies]
    elif head:
        bodies = [*(_NUMBER.sub("", body) for body in bodies[:-1]), bodies[-1]]
    return [_line(found[1], found[2], body) for found, body in zip(times, bodies, strict=True)]


def _line(start: str, end: str, body: str) -> dict[str, Any]:
    voice = _VOICE.search(body)
    return {"start": start, "end": end, "speaker": voice[1] if voice else "", "text": _MARKUP.sub("", body).strip()}


def by_number(lines: dict[str, Any]) -> list[Any]:
    """Return the values of an object whose keys are 0, 1, 2 … or 1, 2, 3 …, in their order; else empty."""
    if not all(key.isascii() and key.isdigit() and len(key) < 10 for key in lines):
        return []
    numbered = {int(key): line for key, line in lines.items()}
    first = min(numbered, default=0)
    is_counted = first < 2 and len(numbered) == len(lines) and max(numbered, default=0) == first + len(lines) - 1
    return [numbered[number] for number in sorted(numbered)] if is_counted else []

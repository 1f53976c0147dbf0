"""Regenerates the sample media in `demo/media/` from `demo/samples/`.

A developer's tool: `python -m demo.make_media [name of a sample …]`, with ffmpeg, espeak-ng and the Noto fonts. For
every dub that a sample's `making` describes, each cue is spoken in its speaker's voice. The resulting times are
written back into the sample, so that sound and transcript agree.

The voices of espeak-ng are plain. Japanese is spoken from `readings` in kana, because espeak-ng knows few kanji.
Mandarin uses the voice for pinyin, which also reads Chinese characters and has no English accent. Hebrew without
vowel points and Thai without spaces sound flat.
"""

import json
import re
import subprocess
import sys
import tempfile
import unicodedata
import wave
from pathlib import Path
from typing import Any

from demo.samples import SAMPLES_DIR
from demo.server import MEDIA_DIR

STUDIO = "HARBOUR LANE PICTURES"
LATIN = "Noto Sans"
WIDTH, HEIGHT = 480, 270
PAUSE_S = 0.45
LONG_STEP_S = 5  # a film of an hour changes its picture only this often, to stay small
SAMPLE_RATE = 22050  # espeak-ng's own

Json = dict[str, Any]


def main(names: list[str]) -> int:
    for path in sorted(SAMPLES_DIR.glob("*.json")):
        if names and path.stem not in names:
            continue
        sample = json.loads(path.read_bytes())
        for key, making in sample.get("making", {}).items():
            _make(sample["answer"][key] if key else sample["answer"], making)
        path.write_text(_dump(sample), encoding="utf-8")
    return 0


def _make(dub: Json, making: Json) -> None:
    with tempfile.TemporaryDirectory() as folder:
        speech, card = Path(folder, "speech.wav"), Path(folder, "card.ass")
        length_s = _speak(dub["transcript"], making, speech)
        card.write_text(_card(dub["transcript"], making, length_s), encoding="utf-8")
        for field, name in dub.items():
            if field.endswith("_url") and name:
                target = MEDIA_DIR / name
                (_film if target.suffix == ".mp4" else _sound)(speech, card, making, length_s, target)


def _speak(cues: list[Json], making: Json, target: Path) -> float:
    """Speak the cues one after the other into a WAV file, write their times, and return its length in seconds.

    With a `length_s` the sound is that long, and each cue keeps its written start. An hour of speech would
    be too large a file, so only the cues whose speaker has a voice are spoken.
    """
    at = PAUSE_S
    with wave.open(str(target), "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        for cue, reading in zip(cues, making.get("readings") or [cue["text"] for cue in cues], strict=True):
            if voice := making["voices"].get(cue["speaker"]):
                if "length_s" in making:
                    at = cue["start"]
                speech = _say(reading, voice, making.get("words_per_minute", 175))
                sound.writeframes(bytes(2 * max(0, round(at * SAMPLE_RATE) - sound.tell())) + speech)
                cue["start"] = round(at, 2)
                cue["end"] = round(at + len(speech) / 2 / SAMPLE_RATE, 2)
                at = cue["end"] + PAUSE_S
        length_s: float = making.get("length_s", round(at, 2))
        sound.writeframes(bytes(2 * (round(length_s * SAMPLE_RATE) - sound.tell())))
    return length_s


def _say(text: str, voice: str, words_per_minute: int) -> bytes:
    """Return 16-bit mono samples, without the silence that espeak-ng leaves at the end."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", "--", text]
    # The WAV header that espeak-ng writes to a pipe does not know the length: 44 bytes, then samples to the end.
    samples = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout[44:]  # noqa: S603
    return samples[: len(samples.rstrip(b"\0")) + 1 & ~1]


def _sound(speech: Path, _card: Path, making: Json, _length_s: float, target: Path) -> None:
    _ffmpeg("-i", speech, *_sound_options(making), target)


def _film(speech: Path, card: Path, making: Json, length_s: float, target: Path) -> None:
    """Encode a film: a coloured background, the card on it, and a bar along the bottom that grows with the time."""
    first, second = making["colours"]
    rate = f"1/{LONG_STEP_S}" if "length_s" in making else "8"
    ground = (
        f"gradients=s={WIDTH}x{HEIGHT}:c0={first}:c1={second}:x0=0:y0=0:x1={WIDTH}:y1={HEIGHT}:n=2:seed=1:speed=0.00001:d=1:r=1,"
        f"trim=end_frame=1,loop=-1:1,setpts=N/({rate})/TB,fps={rate}[ground]"
    )
    bar = f"color=white:s={WIDTH}x4:r={rate}[bar];[ground][bar]overlay=x=-W+W*t/{length_s}:y=H-4:shortest=0[moving]"
    _ffmpeg(
        "-i", speech, "-filter_complex", f"{ground};{bar};[moving]ass={card},format=yuv420p[picture]",
        "-map", "[picture]", "-map", "0:a", "-t", length_s, "-c:v", "libx264", "-profile:v", "baseline",
        "-preset", "veryslow", "-tune", "stillimage", "-crf", 32, "-g", 80, *_sound_options(making),
        target,
    )  # fmt: skip


def _sound_options(making: Json) -> list[object]:
    rate, bits = (8000, "8k") if "length_s" in making else (12000, "14k")
    return ["-c:a", "aac", "-ac", 1, "-ar", rate, "-b:a", bits, "-map_metadata", -1, "-movflags", "+faststart"]


def _ffmpeg(*options: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-bitexact", *map(str, options)], check=True)  # noqa: S603, S607


def _card(cues: list[Json], making: Json, length_s: float) -> str:
    """Return title, speaker and clock as ASS subtitles: libass shapes every script right, ffmpeg's drawtext not."""
    side = 9 if unicodedata.bidirectional(making["heading"][0]) in ("R", "AL") else 7
    lines = [_line("Studio", 0, length_s, STUDIO), _line("Title", 0, length_s, making["heading"])]
    if "length_s" in making:
        step = LONG_STEP_S
        spoken = [cue for cue in cues if cue["speaker"] in making["voices"]]
        ends = [*(cue["start"] for cue in spoken[1:]), length_s]
        lines += [_line("Speaker", cue["start"], end, cue["text"]) for cue, end in zip(spoken, ends, strict=True)]
    else:
        step = 1
        lines += [_line("Speaker", cue["start"], cue["end"], cue["speaker"]) for cue in cues]
    for second in range(0, int(length_s) + 1, step):
        lines.append(_line("Clock", second, second + step, f"{second // 60:02}:{second % 60:02}"))
    style = "%s,%d,&H%sFFFFFF,&H00FFFFFF,&H00000000,&H00000000,%d,0,0,0,100,100,%d,0,1,0,0,%d,28,28,%d,1"
    font, scale = making["font"], making.get("scale", 1)
    return "\n".join(
        [
            "[Script Info]",
            "ScriptType: v4.00+",
            f"PlayResX: {WIDTH}",
            f"PlayResY: {HEIGHT}",
            "[V4+ Styles]",
            "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, "
            "Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
            "Alignment, MarginL, MarginR, MarginV, Encoding",
            "Style: Studio," + style % (LATIN, 12, "60", 0, 2, 7, 26),
            "Style: Title," + style % (font, 36 * scale, "00", -1, 0, side, 64),
            "Style: Speaker," + style % (font, 20 * scale, "20", 0, 0, side, 176),
            "Style: Clock," + style % (LATIN, 20, "40", 0, 0, 1, 24),
            "[Events]",
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
            *lines,
        ]
    )


def _line(style: str, start_s: float, end_s: float, text: str) -> str:
    return f"Dialogue: 0,{_ass_time(start_s)},{_ass_time(end_s)},{style},,0,0,0,,{text}"


def _ass_time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:.0f}:{minutes % 60:02.0f}:{rest:05.2f}"


def _dump(sample: Json) -> str:
    """Return indented JSON with one cue per line."""
    text = json.dumps(sample, ensure_ascii=False, indent=2)
    cue = re.compile(
        r'\{\n\s+("start": [^\n]+)\n\s+("end": [^\n]+)\n\s+("text": [^\n]+)\n\s+("speaker": [^\n]+)\n\s+\}'
    )
    return cue.sub(r"{\1 \2 \3 \4}", text) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

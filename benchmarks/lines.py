"""Generates the transcripts of a big installation: made-up lines in eight scripts, the same on every run."""

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

VOCABULARY = 20_000


class Script(NamedTuple):
    """How the words and lines of a language are made; each syllable has a first and a second part."""

    share: float  # of all dubs
    first: list[str]
    second: list[str]
    syllables: int  # per word, at most
    words: int  # per line: from 3 to this number and 3 more
    gap: str = " "  # between words


def _glyphs(start: int, step: int, count: int) -> list[str]:
    return [chr(start + step * at) for at in range(count)]


_SCRIPTS = {
    "en-us": Script(0.44, [*"bcdfghjklmnprstvw", "st", "tr", "ch"], [*"aeiou", "ea", "er", "on", "in"], 3, 8),
    "ru-ru": Script(0.08, [*"бвгдзклмнпрст"], [*"аеиоуы", "ан", "ер"], 3, 7),
    "ar-sa": Script(0.08, [*"بتثجحدرسشعفقكلمنهو"], [*"اوي", ""], 3, 7),
    "hi-in": Script(0.08, [*"कखगघचजटडतदनपबमरलवसह"], ["", "ा", "ि", "ी", "ु", "ू", "े", "ो"], 3, 8),
    "th-th": Script(0.08, [*"กขคงจชดตถทนบปผพมยรลวสห"], ["า", "ิ", "ี", "ุ", "ู", "่า", "้า"], 3, 8, gap=""),
    "zh-cn": Script(0.08, _glyphs(0x4E00, 7, 2500), [""], 2, 8, gap=""),
    "ja-jp": Script(0.08, _glyphs(0x4E10, 9, 1200), ["", *"のをにはで"], 2, 7, gap=""),
    "ko-kr": Script(0.08, _glyphs(0xAC00, 19, 580), [""], 3, 6),
}
LANGUAGES = tuple(_SCRIPTS)
ENGLISH = "en-us"
# English lines among all lines. It is below the share above, because a run has each language only once.
ENGLISH_SHARE = 0.35

# Each of these words is in one of twenty lines of a team, counted over the lines of all languages.
COMMON = ("harbour", "lantern", "meadow", "thunder")
PHRASES = ("silver orchard", "quiet engine", "hollow bridge", "golden needle")
# Each of these words is in three lines of a team.
RARE = ("quixotry", "zeugmatic", "xylograph", "vermiculite", "susurration")
HELLOS = ("hello", "help", "held", "helmet", "here", "hear", "heavy", "head")


class Lines:
    """A source of random lines with a fixed seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))
        self._words = {tag: self._make_words(tag) for tag in _SCRIPTS}
        self._shares = list(accumulate(script.share for script in _SCRIPTS.values()))

    def _make_words(self, tag: str) -> list[str]:
        script, pick = _SCRIPTS[tag], self._random.choice
        made = dict.fromkeys(HELLOS if tag == ENGLISH else ())
        while len(made) < VOCABULARY:
            syllables = self._random.randint(1, script.syllables)
            made["".join(pick(script.first) + pick(script.second) for _ in range(syllables))] = None
        words = list(made)
        self._random.shuffle(words)
        return words

    def language(self) -> str:
        return self._random.choices(LANGUAGES, cum_weights=self._shares)[0]

    def speak(self, tag: str, count: int) -> Iterator[str]:
        """Yield `count` lines of one language; English lines contain the words that the searches look for."""
        script, words = _SCRIPTS[tag], self._words[tag]
        for _ in range(count):
            size = self._random.randint(3, script.words + 3)
            line = self._random.choices(words, cum_weights=self._weights, k=size)
            if tag == ENGLISH:
                for word in COMMON:
                    if self._random.random() < 0.05 / ENGLISH_SHARE:
                        line.insert(self._random.randrange(len(line)), word)
                if self._random.random() < 0.02 / ENGLISH_SHARE:
                    line.append(self._random.choice(PHRASES))
                if self._random.random() < 0.02 / ENGLISH_SHARE:
                    line += reversed(self._random.choice(PHRASES).split())
            yield script.gap.join(line)

    def common_part(self, tag: str, length: int) -> str:
        """Return the first `length` characters of a common word of a language."""
        return next(word for word in self._words[tag] if len(word) >= length)[:length]

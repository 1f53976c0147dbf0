"""What do the transcripts of a big installation look like? Made-up lines in eight scripts, ever the same."""

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

VOCABULARY = 20_000


class Script(NamedTuple):
    """How words and lines are made: syllables of two parts, so many a word at most, and so many words a line."""

    share: float
    first: list[str]
    second: list[str]
    syllables: int
    words: int
    gap: str = " "


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
# Of all lines, as a run has each language once.
ENGLISH_SHARE = 0.35

# Each of these stands in one of twenty lines of a team, whatever the language of the others.
COMMON = ("harbour", "lantern", "meadow", "thunder")
PHRASES = ("silver orchard", "quiet engine", "hollow bridge", "golden needle")
# Each of these stands in three lines of a team.
RARE = ("quixotry", "zeugmatic", "xylograph", "vermiculite", "susurration")
HELLOS = ("hello", "help", "held", "helmet", "here", "hear", "heavy", "head")


class Lines:
    """A source of lines; a team's own size decides how often a rare word is due."""

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
        """So many lines of one language; English ones hold the words that are looked for."""
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
        """A part of a common word of a language."""
        return next(word for word in self._words[tag] if len(word) >= length)[:length]

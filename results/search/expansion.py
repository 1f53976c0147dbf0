"""Expands a typed text into the phrases that it stands for: its own words, and other ways to write them.

The docstring of `analyzer` lists the rules.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import partial

from results.search.analyzer import (
    BIGRAM_LETTER,
    BIGRAM_LETTERS,
    GROUPED_BY_SPACES,
    LETTER,
    MAX_TEXT,
    SIGN_NAMES,
    SYMBOL_WORD,
    WORD_JOINER,
    WORD_MARKS,
    Phrase,
    other_spellings,
    prepare,
    tokens,
)
from results.search.proclitics import with_proclitics, without_article
from results.transcripts.letters import OTHER_SPELLING, SILENT_NASAL, anusvara, fold

# The places in which other ways to write a text differ from it.
_LONG_NUMBER = re.compile(r"(?<![\d.,-])\d{4,12}(?![\d-])")
_THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+(?!\d))")
_LAKHS = re.compile(r"(?<=\d)(?=(?:\d{2})*\d{3}(?!\d))")
_JOINING_SIGN = re.compile(rf"(?:(?<={LETTER})|(?<=[{WORD_MARKS}])){WORD_JOINER}(?={LETTER})")
_SPELLED_OUT = re.compile("(?<![aeioqu])([aou])e|(a)a|(d)j")
_NAME_DOT = re.compile(rf"[・･·•‧＝゠](?<=[{BIGRAM_LETTERS}].)(?=[{BIGRAM_LETTERS}])")
_KATAKANA, _HIRAGANA = "ァ-ヺー", "ぁ-ゖー"
_LONG_MARK = re.compile("|".join(f"(?<=[{kana}]{{2}})ー(?![{kana}])" for kana in (_KATAKANA, _HIRAGANA)))
_NO_LONG_MARK = re.compile(rf"(?<=[{_KATAKANA}][ァ-ヺ])(?=[^{_KATAKANA}])")
_DIGIT_EDGE = re.compile(r"(?<=[0-9])(?=[^\W\d_])|(?<=[^\W\d_])(?=[0-9])")
_MAX_DIGIT_EDGES = 3
_NOON = re.compile(r"(?<=[0-9]) ?([ap])m(?!\w)")
_UNIT = re.compile(r"(?<=[0-9]) (?=[^\W\d_]{1,3}(?!\w))")
_CONTRACTION = re.compile(
    r"\b(?:((?:do|does|did|is|was|are|were|has|have|had|ca|could|wo|would|should|must|need|ai)n)(t)"
    r"|(that|what|who|where|there|here|let|he|she|it)(s)|(you|they)(re)|(i|you|we|they)(ve)|(i)(m))\b"
)
_PERSIAN_AFFIX = re.compile(r"(?<!\w)(ن?می)(?=\w{2})|(?<=\w{2})(ها(?:ی|یی)?)(?!\w)")
_NASAL_AT_END = re.compile(f"(?:{SILENT_NASAL.pattern})$")


def spellings(text: str) -> list[str]:
    """Return the texts of which each alone finds this one in a `searchable` text; none for invisible characters."""
    words = (phrase.terms[0] for phrase in phrases(text) if len(phrase.terms) == 1)
    return [form for form in dict.fromkeys((" ".join(fold(prepare(text)).split()), *words)) if form]


def phrases(text: str, *, is_prefix: bool = False) -> tuple[Phrase, ...]:
    """Return the phrases of which each alone finds this text in a line; none when the text has no term.

    `is_prefix` makes the last word a prefix if it has at least two letters. A single bigram letter always is one.
    """
    found = _phrases(text, is_prefix=is_prefix)
    if not found:
        return ()
    first, *rest = found[0].terms
    # The index has the other spellings of a single word.
    ways = [*_apart(text), *(_alternatives(text) if rest else ())]
    others = [phrase for way in ways for phrase in _phrases(way, is_prefix=is_prefix)]
    # A unit that is typed to its end is no prefix, or "1st" would find "1 street".
    others += _phrases(_digits_apart(text), is_prefix=False)
    # The index has acronyms without their proclitics.
    if rest and '"' not in fold(prepare(text)):
        others += [Phrase((begun, *rest), found[0].is_prefix) for begun in with_proclitics(first)]
    return tuple(dict.fromkeys((*found, *others)))


def _phrases(text: str, *, is_prefix: bool) -> tuple[Phrase, ...]:
    folded = fold(prepare(text))[:MAX_TEXT]
    words, joined, _ = tokens(folded)
    if not words:
        return ()
    if symbol_word := SYMBOL_WORD.fullmatch(folded.strip()):
        return (Phrase((symbol_word[0].translate(SIGN_NAMES),)),)
    found = [tuple(token.term for token in words)]
    found += [(token.term,) for token in joined if (token.start, token.end) == (words[0].start, words[-1].end)]
    if len(words) == 1:
        found += [(term,) for term in other_spellings(text)]
    found += [(bare,) for term, *more in found if not more for bare in without_article(term)]
    if not BIGRAM_LETTER.match(words[-1].term):
        return tuple(Phrase(terms, is_prefix and len(terms[-1]) > 1) for terms in found)
    if len(words) > 1 and words[-2].end == words[-1].end:
        return (Phrase(found[0][:-1]),)
    return (Phrase(found[0], is_prefix=True),)


def _apart(text: str) -> Iterator[str]:
    """Yield the text with Persian affixes apart, with the letters of "am" apart, and with its last nasal open."""
    if "می" in text or "ها" in text:
        yield _PERSIAN_AFFIX.sub(r" \1\2 ", _normal(text))
    if "m" in text.lower() and _NOON.search(normal := _normal(text)):
        yield _NOON.sub(r" \1 m", normal)
    if nasal := _NASAL_AT_END.search(text):
        yield text[: nasal.start()] + anusvara(nasal)


def _digits_apart(text: str) -> str:
    """Return the text with a space between digits and letters that touch; nothing if it has none or many."""
    parted, edges = _DIGIT_EDGE.subn(" ", fold(prepare(text)))
    return parted if 0 < edges <= _MAX_DIGIT_EDGES else ""


def _alternatives(text: str) -> Iterator[str]:
    """Yield other ways to write a text of several words, each of which differs in one respect throughout."""
    typed, text = text, _normal(text)
    folded = fold(text)
    ways = (
        *((typed, _NAME_DOT.sub(instead, typed)) for instead in (" ", "")),
        *((text, _LONG_NUMBER.sub(partial(_grouped, groups), text)) for groups in (_THOUSANDS, _LAKHS)),
        (folded, _JOINING_SIGN.sub("", GROUPED_BY_SPACES.sub(lambda number: number[0].replace(" ", ""), folded))),
        (folded, _UNIT.sub("", folded)),
        (folded, _CONTRACTION.sub(lambda match: " ".join(filter(None, match.groups())), folded)),
        (folded, " ".join(bare for word in folded.split() for bare in without_article(word) or [word])),
        *((text, text.replace(*hamzas)) for hamzas in ("ؤئ", "ئؤ")),
        (text, text.translate(OTHER_SPELLING)),
        (text, _SPELLED_OUT.sub(r"\1\2\3", text)),
        (text, _LONG_MARK.sub("", text)),
        (text, _NO_LONG_MARK.sub("ー", text.strip())),
    )
    return (other for usual, other in ways if other != usual)


def _grouped(groups: re.Pattern[str], number: re.Match[str]) -> str:
    return groups.sub(",", number[0])


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", prepare(text)).lower()

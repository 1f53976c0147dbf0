"""Which terms does a text have, in any language, and where do a query's terms stand in it?

One analyzer serves index and query on both databases, so that what was folded in the one is folded in the other.

Folding: NFKC and case folding first. Accents go in Latin and Greek, points and vowel signs in Hebrew and Arabic,
stress marks in Cyrillic, where only ё is е (й, ї, ў are letters of their own). Every mark of every other script
stays, for in Indic scripts it is the vowel. The same letter are: the forms of Arabic alef, of ya, of kaf, ha with
ta marbuta, Hebrew final letters and their usual forms, katakana and hiragana, all four Turkish i, digits of all
scripts. Invisible characters go.

Words: letters and digits that touch. Words joined by an apostrophe, hyphen, dot, underscore, @ or &, or by a comma
between digits, are found by each part and by the parts run together: "e-mail" by "mail" and "email", "1,000" by
"1000", "l'homme" by "homme", "anna@example.org" by "example.org". The rest of punctuation, # included, separates.
A pictograph (emoji, ♪, →) is a word. Arabic and Hebrew words are found also without what is attached before them:
conjunction, preposition, article.

Han, kana, Hangul, Thai, Lao, Khmer and Burmese are indexed by every pair of neighbouring characters and the last
character alone: any part of at least two characters is a phrase of pairs, and one character is a prefix of a pair.

Whoever changes a term that comes out here raises ANALYZER_VERSION and adds a migration that rebuilds the index:
SQLite's index entries can only be deleted by naming exactly the terms they were added with.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

ANALYZER_VERSION = 1

MAX_TEXT = 100_000
"""Characters of one text that are indexed: no longer line is kept."""

MAX_TERM = 64
"""Characters of one term; longer words are cut into several, found as the phrase they are."""


class Terms(NamedTuple):
    """What a text is found by: `words` in order, so that neighbours make phrases; `extras` have no place."""

    words: list[str]
    extras: list[str]


class Phrase(NamedTuple):
    """Terms that stand side by side; with `is_prefix` the last may go on. A single term may also be an extra."""

    terms: tuple[str, ...]
    is_prefix: bool = False


class _Token(NamedTuple):
    term: str
    start: int
    end: int


class _Tokens(NamedTuple):
    """The terms of a folded text with their places in it."""

    words: list[_Token]
    joined: list[_Token]
    bare: list[_Token]


def _ranges(codes: Iterable[int]) -> str:
    """Ascending code points as the inside of a regular expression's character class."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in spans)


# Letters of scripts that are written without spaces between words, and Hangul, whose words take endings.
_PAIRED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109d"  # Burmese
    "\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa76\uaa7a-\uaa7f"  # Burmese
    "\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"  # Hangul
    "\u1780-\u17b3\u17b6-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # kana
    "\u31f0-\u31ff\U0001b000-\U0001b16f"  # kana
    "\u3005-\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf"  # Han marks and Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U0003fffd"  # Han
)
_PAIRED_LETTER = re.compile(f"[{_PAIRED}]")
_PICTURES = "\u2190-\u2bff\U0001f000-\U0001faff"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_ARABIC = "\u0620-\u064a\u066e-\u06d3"
_HEBREW = "\u05d0-\u05ea"

# Above 0x1F000 lie only tags and variation selectors, which fold away.
_MARK_CODES = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M"]
_MARKS = _ranges(_MARK_CODES)
_WORD_MARKS = _ranges(code for code in _MARK_CODES if not _PAIRED_LETTER.match(chr(code)))
_ACCENT = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff]"
)
_ACCENTED_SCRIPTS = ("LATIN", "GREEK", "HEBREW", "ARABIC")
_SAME_LETTER = str.maketrans(
    {
        **dict(zip("đðøłħŧı", "ddolhti", strict=True)),
        **{"æ": "ae", "œ": "oe", "þ": "th"},
        **dict(zip("ёѐѝ", "ееи", strict=True)),
        "ٱ": "ا",
        **dict.fromkeys("ىیې", "ي"),
        **dict.fromkeys("ةەہھۃ", "ه"),
        **dict.fromkeys("کڪ", "ك"),
        "ـ": "",
        **dict(zip("ךםןףץ", "כמנפצ", strict=True)),
        **{chr(code): chr(code - 0x60) for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)},
        **dict.fromkeys("’‘ʼʻʹ·׳״", "'"),
        **dict.fromkeys("‐‑֊־", "-"),
        **dict.fromkeys(map(chr, range(0x1F3FB, 0x1F400)), ""),
    }
)

# What belongs to the character before it: marks, the later letters of a Hangul syllable written apart, half-width
# sound marks, joiners. Nothing is composed across the edge of such a cluster, so it can be folded by itself.
_EXTENDERS = (
    f"{_MARKS}\U000e0100-\U000e01ef\u200c\u200d{_SKIN_TONES}"
    "\u1160-\u11ff\ud7b0-\ud7fb\u314f-\u3164\uff9e-\uffa0\uffc2-\uffdc"
)
_CLUSTER = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|.(?:[{_EXTENDERS}]|(?<=\u200d)[{_PICTURES}])*",
    re.DOTALL,
)

_LETTER = rf"[^\W_{_PAIRED}]"
_WORD = rf"{_LETTER}+(?:[{_WORD_MARKS}]{_LETTER}*)*"
_JOINING = "'._@&,\"-"
_JOINER = r"['.\-_@&]|(?<=\d),(?=\d)"
_WORD_JOINER = rf"(?:{_JOINER}|(?<=[{_HEBREW}])\"(?=[{_HEBREW}]))"
_TOKEN = re.compile(
    rf"(?P<paired>[{_PAIRED}]+)|(?P<word>{_WORD})(?P<more>(?:{_WORD_JOINER}{_WORD})+)?|[{_PICTURES}]"
)
_PART = re.compile(_WORD)
# The same tokens without their places, for which indexing has no use and no time: what stands between joiners, and
# what they join. Few lines join anything, and most words are soon told by their being ASCII.
_PARTS = re.compile(rf"[a-z0-9]++(?![^\0-\x7f])|[{_PAIRED}]+|{_WORD}|[{_PICTURES}]")
# What folds to ASCII, as most lines do, takes a third of the time: a table puts a space for all that is no word.
_ASCII_WORDS = bytes(code if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))
_WHOLE = re.compile(rf"{_WORD}(?:{_WORD_JOINER}{_WORD})*")
_MAY_JOIN = re.compile(rf"[{_JOINING}]{_LETTER}")

# Persian writes this where others put a space or nothing; elsewhere it only shapes letters.
_ARABIC_NON_JOINER = re.compile(f"(?<=[{_ARABIC}])\u200c(?=[{_ARABIC}])")
_ATTACHING = re.compile(f"[{_ARABIC}{_HEBREW}]")
_ARABIC_ATTACHED = re.compile("([وف])?([بك]?ال|لل)?")
_HEBREW_ATTACHED = re.compile("(ו)?(כש|מש|[שכלבמ])?(ה)?")


class _Folding(dict[int, str]):
    """The folded form of each character, worked out when first met, so that `str.translate` runs at C speed."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _folded(chr(code))
        return folded


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or _ACCENT.match(char):
        return ""
    if category[0] in "CZ":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    folded = unicodedata.normalize("NFKC", char.casefold())
    if unicodedata.name(char, "").startswith(_ACCENTED_SCRIPTS):
        folded = _ACCENT.sub("", unicodedata.normalize("NFD", folded))
    return folded.translate(_SAME_LETTER)


_FOLDING = _Folding()


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_FOLDING)


def _prepared(text: str) -> str:
    """The part that is indexed, each character still in its place, without what would fold misleadingly."""
    # NFKC would make letters of these signs and glue them to the word before.
    text = text[:MAX_TEXT].replace("™", " ").replace("℠", " ")
    return _ARABIC_NON_JOINER.sub("-", text) if "\u200c" in text else text


def terms(text: str) -> Terms:
    """Everything this text is found by."""
    folded = text[:MAX_TEXT].lower() if text.isascii() else _fold(_prepared(text))[:MAX_TEXT]
    is_ascii, extras = folded.isascii(), []
    words = folded.encode().translate(_ASCII_WORDS).decode().split() if is_ascii else _PARTS.findall(folded)
    if _MAY_JOIN.search(folded):
        wholes = [_PART.findall(whole) for whole in _WHOLE.findall(folded) if not whole.isalnum()]
        extras = [term for parts in wholes if len(parts) > 1 and len(term := "".join(parts)) <= MAX_TERM]
    if not is_ascii and _ATTACHING.search(folded):
        extras += [term for word in words for term in _without_attached(word)]
    if not is_ascii and _PAIRED_LETTER.search(folded):
        words = [term for word in words for term in (_pairs(word) if _PAIRED_LETTER.match(word) else (word,))]
    if len(folded) > MAX_TERM and max(map(len, words), default=0) > MAX_TERM:
        words = [word[at : at + MAX_TERM] for word in words for at in range(0, len(word), MAX_TERM)]
    return Terms(words, extras)


def _pairs(letters: str) -> list[str]:
    """Every two neighbours, and the last one alone."""
    return [letters[at : at + 2] for at in range(len(letters))]


def phrases(text: str, *, is_prefix: bool = False) -> tuple[Phrase, ...]:
    """The phrases that find this text in a line, each by itself; none when it has no term.

    `is_prefix` lets the last word go on, from two letters.
    """
    words, joined, _ = _tokens(_fold(_prepared(text))[:MAX_TEXT])
    if not words:
        return ()
    found = [tuple(token.term for token in words)]
    found += [(token.term,) for token in joined if (token.start, token.end) == (words[0].start, words[-1].end)]
    if not _PAIRED_LETTER.match(words[-1].term):
        return tuple(Phrase(terms, is_prefix and len(terms[-1]) > 1) for terms in found)
    if len(words) > 1 and words[-2].end == words[-1].end:
        return (Phrase(found[0][:-1]),)
    return (Phrase(found[0], is_prefix=True),)


def mark(text: str, phrases: Iterable[Phrase]) -> list[tuple[int, int]]:
    """Where the phrases stand: ascending, apart from each other, never cutting a character from its marks."""
    folded, starts, ends = _aligned(_prepared(text))
    words, joined, bare = _tokens(folded)
    groups = [words, *([extra] for extra in (*joined, *bare))]
    spans = sorted(
        (starts[start], ends[end - 1])
        for phrase in phrases
        for tokens in groups
        for start, end in _places(phrase, tokens, folded)
    )
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _places(phrase: Phrase, tokens: Sequence[_Token], folded: str) -> Iterator[tuple[int, int]]:
    """Where the phrase's terms stand side by side among the tokens."""
    *before, last = phrase.terms
    for place in range(len(before), len(tokens)):
        token = tokens[place]
        if token.term.startswith(last) if phrase.is_prefix else token.term == last:
            first = place - len(before)
            if all(tokens[first + step].term == term for step, term in enumerate(before)):
                yield tokens[first].start, _after(folded, token.start, len(last))


def _after(folded: str, start: int, letters: int) -> int:
    """Where so many letters from `start` end, not counting what joins a word's parts."""
    letter_ends = (at + 1 for at in range(start, len(folded)) if folded[at] not in _JOINING)
    return next(islice(letter_ends, letters - 1, None))


def _aligned(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The folded text, and for each of its characters where the original ones start and end."""
    if text.isascii():
        return text.lower(), range(len(text)), range(1, len(text) + 1)
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        piece = _fold(cluster[0])
        folded.append(piece)
        starts += [cluster.start()] * len(piece)
        ends += [cluster.end()] * len(piece)
    return "".join(folded)[:MAX_TEXT], starts, ends


def _tokens(folded: str) -> _Tokens:
    words: list[_Token] = []
    joined: list[_Token] = []
    bare: list[_Token] = []
    attaches = _ATTACHING.search(folded) is not None
    for match in _TOKEN.finditer(folded):
        start, end = match.span()
        if match["paired"]:
            pairs = enumerate(_pairs(match["paired"]), start)
            words += [_Token(pair, at, at + len(pair)) for at, pair in pairs]
            continue
        if match["more"]:
            parts = [part.span() for part in _PART.finditer(folded, start, end)]
            term = "".join(folded[first:last] for first, last in parts)
            if len(term) <= MAX_TERM:
                joined.append(_Token(term, start, end))
        else:
            parts = [(start, end)]
        for first, last in parts:
            for at in range(first, last, MAX_TERM):
                words.append(_Token(folded[at : min(at + MAX_TERM, last)], at, min(at + MAX_TERM, last)))
            if attaches:
                bare += [_Token(term, last - len(term), last) for term in _without_attached(folded[first:last])]
    return _Tokens(words, joined, bare)


@lru_cache(maxsize=10_000)
def _without_attached(word: str) -> tuple[str, ...]:
    """An Arabic or Hebrew word without each of its attached words in turn; nothing for another script."""
    if len(word) > MAX_TERM:
        return ()
    found: list[str] = []
    if "\u0620" <= word[0] <= "\u06d3":
        conjunction, article = _ARABIC_ATTACHED.findall(word)[0]
        rest = word[len(conjunction) :]
        if conjunction and len(rest) >= 3:
            found.append(rest)
        if article and len(rest) - len(article) >= 2:
            if article != "ال":
                found.append("ال" + rest[len(article) :])
            found.append(rest[len(article) :])
    elif "\u05d0" <= word[0] <= "\u05ea":
        for attached in _HEBREW_ATTACHED.findall(word)[0]:
            rest = word[len(attached) :]
            if attached and len(rest) >= 3:
                found.append(rest)
            word = rest
    return tuple(found)

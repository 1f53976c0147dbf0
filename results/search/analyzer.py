"""Turns a text of any language into the terms that find it. `expansion` turns a typed text into phrases of terms.

One analyzer serves index and query on both databases, so both fold a text in the same way.

Folding begins with NFKC and case folding; `transcripts/letters` has the tables. Then:

- Latin and Greek: accents go, iota subscript included, and letters such as ø and œ become o and oe.
- German, Scandinavian, Croatian: ü, ö, ä, å, ø and đ are also found as ue, oe, ae, aa, oe and dj, and by them.
- Turkish: all four i are one letter. Azerbaijani: ə is e.
- Languages of Africa: letters with hooks or strokes become those without; ɛ, ɔ, ŋ, ɲ and ǝ are e, o, n, n and e.
- N'Ko and Sanskrit: the marks of tones and of Vedic accents go.
- Cyrillic: stress marks go and ё becomes е; й, ї and ў stay, as they are letters of their own. Ukrainian: ґ is г.
- Ukrainian and Belarusian: the apostrophe before я, ю, є, ї and the like goes: "п'ять" is "пять".
- Georgian: the letters of the church's two alphabets are those of today's.
- Armenian: the marks of question, stress and exclamation, which stand inside words, go; եվ is և.
- Hebrew and Yiddish: points go, and final letters and digraphs become their usual forms.
- Arabic, Persian and Urdu: vowel signs go; alef, ya and kaf have one form each; ta marbuta becomes ha.
- Persian: ه‌ی and هٔ are ه. Urdu: ۓ is ئے.
- Arabic: a hamza on waw or ya is also found on the other one, with proclitics and article too.
- Syriac and Mongolian: points and variation selectors go.
- Hindi, Punjabi and Bengali: nukta, visarga and addak go, chandrabindu is anusvara, and tippi is bindi.
- Hindi, Gujarati, Odia, Telugu and Kannada: a nasal before its own stop is anusvara.
- Hindi and Nepali: ई and ए after a vowel are यी and ये: "गई" is "गयी". Marathi: ऍ is ॲ.
- Bengali: anusvara is ঙ, and ণ before ট and its like is ন.
- South and South-East Asia: two letters that look like another, such as अ and ा like आ or เเ like แ, are that one.
- Tamil: both letters of shri are one, and so are both forms of au.
- Khmer: da below another letter is ta, and ឲ is ឱ. Lao: ຫລ is ຫຼ.
- Burmese: digits that look like letters are these beside letters, and ဉ is ဥ.
- Malayalam and Bengali: final consonants of both encodings are one letter, and so are all forms of nta and of au.
- Thai, Lao, Khmer and Burmese: the signs of a syllable are found in any order, Khmer's ra below another letter too.
- Tibetan: the sign of om is its letters. Malayalam: a dot for r is the letter.
- Amharic: letters of one sound are one letter.
- Chinese and Japanese: traditional, simplified, Japanese and variant forms of a character are one.
- Japanese: katakana become hiragana, and ヶ and ヵ are け and か; as a counter, as in 1ヶ月, each of them is か.
- Japanese: v is b, ウィ is ウイ, and the old letters wi and we are i and e; 々, ゝ and ゞ become what they repeat.
- Chinese: 〇 is 零, 甚麼 is 什麼, and 計劃 is 計畫.
- Japanese, Chinese, Korean: the dot between foreign names goes, and so does a double hyphen.
- All other scripts: every mark stays, because in Indic scripts a mark is the vowel.
- All: digits of every script become ASCII digits, and invisible characters go.
- All: the minus sign is a hyphen; ʾ, ʿ, primes and accents between letters are apostrophes, as in Qurʾān.

Words are letters and digits that touch. Then:

- All: parts joined by an apostrophe, hyphen, dot, underscore, @ or & are found each alone and all run together.
- English: "e-mail" is found by "mail" and "email", "anna@example.org" by "example.org".
- English: "C++", "C#" and ".NET" are words, found by no other "c" or "net", in "C++17" and "ASP.NET" too.
- German: a colon or star joins the ending -innen: "Lehrer:innen" is found by "Lehrerinnen".
- French: "l'homme" is found by "homme".
- Numbers: a comma between digits joins them, and a space between groups of three: "1,000" is found by "1000".
- Numbers: a fraction or power is a word of its own: "3½" is found by "3", not by "31".
- Numbers: "no" before digits is a word of its own: "№7", "n° 7" and "No. 7" find each other.
- Hebrew: a quotation mark of any kind, or two apostrophes, between letters joins them, as it does in acronyms.
- Persian: a zero-width non-joiner joins words as a hyphen does. Arabic: so does a tatweel before digits.
- Arabic and Hebrew: a word is also found without its proclitics: conjunction, prepositions, article.
- Arabic and Hebrew: a word that is typed with an article is also found where it is said without, acronyms included.
- All: a pictograph (emoji, ♪, →) is a word, and so is a flag; the rest of punctuation, # included, separates words.

A typed text is also found in these other spellings, those of several words each throughout the text:

- All: with a space between digits and letters, and units without: "10km" and "10 km" find each other.
- Persian: with its affixes apart: "می‌خواهم" is found by "میخواهم", and "کتاب‌ها" by "کتابها".
- Hindi, Gujarati, Odia, Telugu and Kannada: with anusvara for a nasal that ends what is typed so far.
- Numbers: with and without commas between groups of digits, Indian ones too: "1980円" is "1,980円".
- English: with "a.m." for "am": "9am" finds "9 a.m.".
- English: with the apostrophe of contractions: "he wasnt" finds "he wasn't".
- Arabic and Hebrew: with proclitics before the first word, and without all articles.
- Arabic: with a hamza on waw for one on ya, and the other way round.
- All: with its joined words run together: "the u.s.a." finds "the USA".
- German, Scandinavian, Croatian: with ü and its like spelled out, and contracted: "Frau Möller" is "Frau Moeller".
- Japanese: with and without a long mark at the end of foreign words.
- Japanese, Chinese, Korean: with a space and with nothing for the dot between foreign names.

Some scripts are indexed by bigrams, which are every two neighbouring characters, and by the last character alone.

- Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese: two or more characters are a phrase of bigrams.
- Javanese, Balinese, Yi and the Tai languages in their own scripts, which have no spaces either: the same.
- The same scripts: one character is the prefix of a bigram.

A change of any term that this module makes needs a higher ANALYZER_VERSION and a migration that rebuilds the index.
SQLite deletes an index entry only when given exactly the terms that the entry was added with.
"""

import re
import unicodedata
from typing import NamedTuple

from results.search.clusters import FLAG, MARK_CODES, PICTOGRAPHS, ranges
from results.search.proclitics import without_proclitics
from results.transcripts.letters import FOLDING, OTHER_LETTERS, OTHER_SPELLING, fold, respell

ANALYZER_VERSION = 5

MAX_TEXT = 100_000
"""Characters of a text that are indexed; no longer line is stored."""

MAX_TERM = 64
"""Characters of a term; a longer word is cut into several terms and found as their phrase."""


class Terms(NamedTuple):
    """The terms that find a text: `words` in order, so that neighbours make phrases; `extras` have no position."""

    words: list[str]
    extras: list[str]


class Phrase(NamedTuple):
    """Terms that stand side by side, the last one a prefix if `is_prefix`. A single term may also be an extra."""

    terms: tuple[str, ...]
    is_prefix: bool = False


class Token(NamedTuple):
    term: str
    start: int
    end: int


class Tokens(NamedTuple):
    """The terms of a folded text with their positions; `joined` are run together, `bare` are without proclitics."""

    words: list[Token]
    joined: list[Token]
    bare: list[Token]


# Letters of scripts without spaces between words, and Hangul, whose words take endings: indexed by bigrams.
BIGRAM_LETTERS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u104e\u1050-\u108f\u109a-\u109d"  # Burmese
    "\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa76\uaa7a-\uaa7f"  # Burmese
    "\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"  # Hangul
    "\u1780-\u17b3\u17b6-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # kana
    "\u31f0-\u31ff\U0001b000-\U0001b16f"  # kana
    "\u3005-\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf"  # Han marks and Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U0003fffd"  # Han
    "\u1950-\u1974\u1980-\u19c9\u1a20-\u1a7f\uaa80-\uaadd"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\ua980-\ua9c0\u1b00-\u1b4c\ua000-\ua48c"  # Javanese, Balinese, Yi
)
BIGRAM_LETTER = re.compile(f"[{BIGRAM_LETTERS}]")
_ARABIC = "\u0620-\u064a\u066e-\u06d3"
_HEBREW = "\u05d0-\u05ea"

WORD_MARKS = ranges(code for code in MARK_CODES if not BIGRAM_LETTER.match(chr(code)))

LETTER = rf"[^\W_{BIGRAM_LETTERS}]"
_LETTERS_AND_MARKS = rf"{LETTER}*(?:[{WORD_MARKS}]{LETTER}*)*"
# It begins with a set of letters in either case, which makes looking for the next word quick.
_WORD = rf"{LETTER}(?:o(?<=no)(?=[0-9])|{_LETTERS_AND_MARKS})"
JOINING = "'`._@&,\"-:*"
_JOINER = r"['`.\-_@&]|(?<=\d),(?=\d)|[:*](?=innen)"
WORD_JOINER = rf"(?:{_JOINER}|(?<=[{_HEBREW}])\"(?=[{_HEBREW}]))"
_TOKEN = re.compile(
    rf"(?P<bigrams>[{BIGRAM_LETTERS}]+)|(?P<word>{_WORD})(?P<more>(?:{WORD_JOINER}{_WORD})+)?"
    rf"|{FLAG}|[{PICTOGRAPHS}]"
)
_PART = re.compile(_WORD)
_RAW_WORD = re.compile(r"[^\W_]+")
# The same tokens without their positions, which indexing does not need and which cost time. ASCII words come first,
# as most words are ASCII. What few lines have is matched separately: joined words, and "no" before a number.
_PARTS = re.compile(
    rf"[a-z0-9]++(?![^\0-\x7f])|[{BIGRAM_LETTERS}]+|{LETTER}{_LETTERS_AND_MARKS}|{FLAG}|[{PICTOGRAPHS}]"
)
_NUMBERED = re.compile("no[0-9]")
# Most lines fold to ASCII and take a third of the time: this table turns all but letters and digits into spaces.
_ASCII_WORDS = bytes(code if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))
_JOINED = re.compile(rf"{_WORD}(?:{WORD_JOINER}{_WORD})*")
# Digits in groups of three, and words with signs that are part of them: these are found as one word too.
_GROUPED_BY_COMMAS = re.compile(r"\d+(?:,\d+)+")
GROUPED_BY_SPACES = re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3})+(?!\w)")
SYMBOL_WORD = re.compile(rf"(?:(?<!{LETTER})[a-z](?:\+\+|#)|\.net)(?!(?![0-9]){LETTER})")
SIGN_NAMES = str.maketrans({"+": "plus", "#": "sharp", ".": "dot"})
_DIGIT_GROUP = re.compile(r"\d \d{3}")
_MAY_JOIN = re.compile(rf"[{JOINING}]{LETTER}")

_MAY_HAVE_PROCLITICS = re.compile(f"[{_ARABIC}{_HEBREW}]")


def prepare(text: str) -> str:
    """Return the indexed part of the text, each character in its position."""
    return respell(text[:MAX_TEXT])


def terms(text: str) -> Terms:
    """Return the terms that find this text. Text beyond MAX_TEXT characters is not indexed."""
    # The same as `fold(prepare(text))`, whose halves other spellings need.
    normal = text[:MAX_TEXT] if text.isascii() else unicodedata.normalize("NFKC", prepare(text))
    folded = (normal.lower() if normal.isascii() else normal.translate(FOLDING))[:MAX_TEXT]
    is_ascii, extras = folded.isascii(), []
    words = folded.encode().translate(_ASCII_WORDS).decode().split() if is_ascii else _PARTS.findall(folded)
    if _MAY_JOIN.search(folded):
        joined = [word for word in _JOINED.findall(folded) if not word.isalnum()]
        extras = [term for word in joined for term in _joined_terms(word)]
    extras += [token.term for token in with_signs(folded)]
    if not normal.isascii():
        others = other_spellings(normal)
        if _MAY_HAVE_PROCLITICS.search(folded):
            extras += [term for word in (*words, *extras, *others) for term in without_proclitics(word)]
        extras += others
    if "no" in folded and _NUMBERED.search(folded):
        words = [part for word in words for part in _split_number(word)]
    if not is_ascii and BIGRAM_LETTER.search(folded):
        words = [term for word in words for term in (bigrams(word) if BIGRAM_LETTER.match(word) else (word,))]
    if len(folded) > MAX_TERM and max(map(len, words), default=0) > MAX_TERM:
        words = [word[at : at + MAX_TERM] for word in words for at in range(0, len(word), MAX_TERM)]
    return Terms(words, extras)


def _split_number(word: str) -> tuple[str, ...]:
    """Return the word, or the two that "no" makes with the digits behind it."""
    return (word[:2], word[2:]) if _NUMBERED.match(word) else (word,)


def bigrams(letters: str) -> list[str]:
    """Return every pair of neighbouring letters, and the last letter alone."""
    return [letters[at : at + 2] for at in range(len(letters))]


def _joined(folded: str, start: int, end: int) -> list[Token]:
    """Return the words that the parts of a joined word make: all together, and the digits that commas group."""
    spans = [(start, end), *(match.span() for match in _GROUPED_BY_COMMAS.finditer(folded, start, end))]
    # A number without other signs is the whole itself.
    tokens = (Token("".join(_PART.findall(folded, *span)), *span) for span in dict.fromkeys(spans))
    return [token for token in tokens if len(token.term) <= MAX_TERM]


def _joined_terms(word: str) -> list[str]:
    """Return the terms of `_joined` for a word that may also be none of joined parts."""
    if len(parts := _PART.findall(word)) < 2:
        return []
    if "," in word:
        return [token.term for token in _joined(word, 0, len(word))]
    return [term] if len(term := "".join(parts)) <= MAX_TERM else []


def with_signs(folded: str) -> list[Token]:
    """Return the numbers whose groups a space separates, and the words that a sign is part of, such as C++."""
    # Few lines have any, and looking for a few letters is quick.
    if not ("#" in folded or "+" in folded or ".net" in folded or _DIGIT_GROUP.search(folded)):
        return []
    numbers = (Token(match[0].replace(" ", ""), *match.span()) for match in GROUPED_BY_SPACES.finditer(folded))
    signs = (Token(match[0].translate(SIGN_NAMES), *match.span()) for match in SYMBOL_WORD.finditer(folded))
    return [token for token in (*numbers, *signs) if len(token.term) <= MAX_TERM]


def other_spellings(text: str) -> list[str]:
    """Return the words of the text that have another spelling, folded, in that spelling."""
    text = unicodedata.normalize("NFKC", text[:MAX_TEXT])
    if OTHER_LETTERS.isdisjoint(text):
        return []
    words = (word for word in _RAW_WORD.findall(text) if not OTHER_LETTERS.isdisjoint(word))
    folded = (fold(respelled(word)) for word in words)
    # A letter may fold to several with a sign between them.
    return [term for term in folded if len(term) <= MAX_TERM and _PART.fullmatch(term)]


def respelled(word: str) -> str:
    """Return the word in its other spelling, in lower case."""
    return unicodedata.normalize("NFKC", word).lower().translate(OTHER_SPELLING)


def searchable(text: str) -> str:
    """Return the folded text with its words' other spellings behind it, in which any part of the text is found."""
    return " ".join((*fold(prepare(text)).split(), *dict.fromkeys(terms(text).extras)))


def end_of(folded: str, token: Token, letters: int) -> int:
    """Return the end of the token's first letters, of which the signs that join its parts are none."""
    letter_ends = [at + 1 for at in range(token.start, token.end) if folded[at] not in JOINING]
    # A term in another spelling has more or fewer letters than the text: then the whole word is meant.
    is_spelled_so = len(letter_ends) == len(token.term)
    return letter_ends[letters - 1] if is_spelled_so else token.end


def tokens(folded: str) -> Tokens:
    """Return the terms of a folded text with their places in it."""
    words: list[Token] = []
    joined: list[Token] = []
    bare: list[Token] = []
    may_have_proclitics = _MAY_HAVE_PROCLITICS.search(folded) is not None
    for match in _TOKEN.finditer(folded):
        start, end = match.span()
        if match["bigrams"]:
            pairs = enumerate(bigrams(match["bigrams"]), start)
            words += [Token(pair, at, at + len(pair)) for at, pair in pairs]
            continue
        if not (match["more"] or may_have_proclitics) and end - start <= MAX_TERM:
            words.append(Token(match[0], start, end))
            continue
        parts = [(start, end)]
        if match["more"]:
            parts = [part.span() for part in _PART.finditer(folded, start, end)]
            made = _joined(folded, start, end)
            joined += made
            bare += [token for whole in made for token in _bare(folded, whole)]
        for first, last in parts:
            for at in range(first, last, MAX_TERM):
                words.append(Token(folded[at : min(at + MAX_TERM, last)], at, min(at + MAX_TERM, last)))
            if may_have_proclitics:
                bare += _bare(folded, Token(folded[first:last], first, last))
    return Tokens(words, joined, bare)


def _bare(folded: str, token: Token) -> list[Token]:
    """Return the tokens that this one is without each of its proclitics in turn."""
    found = []
    for term in without_proclitics(token.term):
        # A term with an article in place of a preposition may have more letters than the word.
        missing = max(len(token.term) - len(term), 0)
        start = end_of(folded, token, missing) if missing else token.start
        found.append(Token(term, start + (folded[start] in JOINING), token.end))
    return found

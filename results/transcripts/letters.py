"""The spellings that count as one: letters, by a table, and signs that depend on the letters beside them."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

# Folds to nothing. The first also belongs to the character before it, so a mark on that one covers it.
_NOTHING_IN_CLUSTER, _NOTHING = "\u200d", "\u200b"


def _han() -> dict[str, str]:
    lines = Path(__file__).with_name("han_variants.txt").read_text(encoding="utf-8").splitlines()
    return {variant: line[0] for line in lines if not line.startswith("#") for variant in line[1:]}


def _rows(start: int, *others: int) -> dict[str, str]:
    """Return the seven orders of these Ethiopic consonants as those of the consonant at `start`."""
    return {chr(other + order): chr(start + order) for other in others for order in range(8)}


SAME_LETTER = str.maketrans(
    {
        **dict(zip("đðøłħŧıəɓɗƙƴɛɔŋɖƒɣʋ", "ddolhtiebdkyeondfgv", strict=True)),
        **dict(zip("ɲǝɨʉɩʊɠƥƭƈƀƶ", "neiuiugptcbz", strict=True)),
        **{"æ": "ae", "œ": "oe", "þ": "th"},
        **dict(zip("ёѐѝґ", "ееиг", strict=True)),
        "ٱ": "ا",
        **dict.fromkeys("ىیې", "ي"),
        **dict.fromkeys("ةەہھۃ", "ه"),
        **dict.fromkeys("کڪ", "ك"),
        "ـ": "",
        **{"٬": ",", "٫": "."},
        **dict(zip("ךםןףץ", "כמנפצ", strict=True)),
        **{"װ": "וו", "ױ": "וי", "ײ": "יי"},
        **dict.fromkeys("՛՜՞", ""),
        **{"़": "", "ः": "", "ँ": "ं", "ऩ": "न", "ऱ": "र", "ऴ": "ळ", "਼": "", "ੱ": ""},
        **{"ൌ": "ൗ", "ឲ": "ឱ"},
        **_rows(0x1200, 0x1210, 0x1280),
        **_rows(0x1230, 0x1220),
        **_rows(0x12A0, 0x12D0),
        **_rows(0x1338, 0x1340),
        **dict.fromkeys("ሃሓኃኻ", "ሀ"),
        **dict.fromkeys("ኣዓ", "አ"),
        **{chr(code): chr(code - 0x60) for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)},
        **dict(zip("ヶゖヵゕヴゔヰゐヱゑ", "けけかかぶぶいいええ", strict=True)),
        **_han(),
        **dict.fromkeys("’‘‛ʼʻʽʾʿʹ′ꞌ·׳״՚ߴߵ", "'"),
        **dict.fromkeys("‐‑֊־−", "-"),
        **dict.fromkeys(map(chr, range(0x1F3FB, 0x1F400)), ""),
    }
)
"""The form of each letter that others count as, after NFKC and case folding."""

OTHER_SPELLING = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "đ": "dj"} | dict.fromkeys("ؤئ", "ء")
)
"""How these letters are also written, in lower case. Such a spelling is found beside the usual one."""

OTHER_LETTERS = frozenset(letter for code in OTHER_SPELLING for letter in (chr(code), chr(code).upper()))


class _Respelling(NamedTuple):
    """Replaces what `pattern` matches by as many characters. One of `signs` must be in a text for it to match."""

    signs: str
    pattern: re.Pattern[str]
    new: str | Callable[[re.Match[str]], str]


_ARABIC = "\u0620-\u064a\u066e-\u06d3"
_KATAKANA = "ァ-ヺｦ-ｯｱ-ﾝ"
_SOUND_MARKS = "\u3099\u309aﾞﾟ"
_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U0003fffd"
_HAN = f"々{_IDEOGRAPH}"
_HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
# The letter that each of these two looks like: Unicode wants that one letter, and keyboards give either.
_LOOKS_LIKE = (
    "अा=आ अो=ओ अौ=औ अॅ=ॲ अॉ=ऑ अॆ=ऄ एे=ऐ एॅ=ऍ एॆ=ऎ उु=ऊ অা=আ ঋৃ=ৠ અા=આ અે=એ અૈ=ઐ અો=ઓ અૌ=ઔ અૅ=ઍ અૉ=ઑ "
    "ਅਾ=ਆ ਅੈ=ਐ ਅੌ=ਔ ੲਿ=ਇ ੲੀ=ਈ ੲੇ=ਏ ੳੁ=ਉ ੳੂ=ਊ ੳੋ=ਓ ଅା=ଆ ଏୗ=ଐ ଓୗ=ଔ ഇൗ=ഈ ഉൗ=ഊ എെ=ഐ ഒാ=ഓ ഒൗ=ഔ "
    "අා=ආ අැ=ඇ අෑ=ඈ උෟ=ඌ එ්=ඒ එෙ=ඓ ඔෟ=ඖ ಉಾ=ಊ ಒೌ=ಔ ఒౌ=ఔ เเ=แ ເເ=ແ သြ=ဩ"
)
_VOWELS = dict(pair.split("=") for pair in _LOOKS_LIKE.split())
_CHILLUS = dict(zip("ണനരലളക", "ൺൻർൽൾൿ", strict=True))
_HIGH_NUMBERS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉⁰¹²³⁴⁵⁶⁷⁸⁹"
# Unicode has no character there, and no text should have one.
_APART = {ord(sign): chr(0xFDD0 + place) for place, sign in enumerate(_HIGH_NUMBERS)}
_NASALS = (0x19, 0x1E, 0x23, 0x28, 0x2E)


def _nasals(block: int) -> _Respelling:
    """Return the rule of the script at `block`: a nasal before a stop of its class is also written as anusvara."""
    virama, anusvara = chr(block + 0x4D), chr(block + 0x02)
    # Each class has its four stops before its nasal.
    pairs = ((chr(nasal), f"[{chr(nasal - 4)}-{chr(nasal - 1)}]") for nasal in map(block.__add__, _NASALS))
    rule = "|".join(f"{nasal}{virama}(?={stops})" for nasal, stops in pairs)
    return _Respelling(virama, re.compile(rule), f"{anusvara}{_NOTHING_IN_CLUSTER}")


_B_FOR_V = dict(zip("ァィェォぁぃぇぉ", "バビベボばびべぼ", strict=True))


def _b_for_v(syllable: str) -> str:
    return _B_FOR_V[unicodedata.normalize("NFKC", syllable)[-1]]


def _repeated_han(match: re.Match[str]) -> str:
    """Return the match with its signs replaced by as many letters before them, or all by the last letter."""
    letters, signs = match[1], len(match[2])
    return letters + (letters[-signs:] if signs <= len(letters) else letters[-1] * signs)


def _repeated_kana(match: re.Match[str]) -> str:
    """Return the match with its sign replaced by the kana before it, voiced as the sign says."""
    kana, sound_mark, sign = match.groups()
    plain = unicodedata.normalize("NFD", kana)[0]
    is_voiced = unicodedata.normalize("NFC", sign) in "ゞヾ"
    repeated = unicodedata.normalize("NFC", f"{plain}\u3099") if is_voiced else plain
    return f"{kana}{sound_mark}{repeated[0].ljust(len(sign), _NOTHING_IN_CLUSTER)}"


_RESPELLINGS = (
    # NFKC would turn these signs into letters and glue them to the word before.
    _Respelling("™℠", re.compile("[™℠]"), " "),
    # NFKC would glue fractions and powers to the digits before.
    _Respelling(_HIGH_NUMBERS, re.compile(rf"(?<=\d)[{_HIGH_NUMBERS}]"), lambda match: match[0].translate(_APART)),
    # NFKC would turn an accent that stands for an apostrophe into a space.
    _Respelling("´", re.compile(r"(?<=[^\W\d_])´(?=[^\W\d_])"), "'"),
    # Quotation marks stand for the sign of an acronym, and so do two apostrophes.
    _Respelling("”“„", re.compile("[”“„](?<=[א-ת].)(?=[א-ת])"), "״"),
    _Respelling("'’׳", re.compile("(?:''|’’|׳׳)(?<=[א-ת]..)(?=[א-ת])"), f"״{_NOTHING_IN_CLUSTER}"),
    # Persian writes a zero-width non-joiner where others write a space or nothing.
    _Respelling("\u200c", re.compile(f"(?<=[{_ARABIC}])\u200c(?=[{_ARABIC}])"), "-"),
    # Arabic writes a tatweel between a preposition and digits.
    _Respelling("ـ", re.compile(rf"(?<=[{_ARABIC}])ـ(?=\d)"), "-"),
    # Capitals of the Armenian ligature are two letters, the second of which has another form.
    _Respelling("վՎ", re.compile("(?<=[եԵ])[վՎ]"), "ւ"),
    _nasals(0x0900),
    _nasals(0x0A80),
    _Respelling(
        "".join({pair[0] for pair in _VOWELS}),
        re.compile("|".join(_VOWELS)),
        lambda match: _VOWELS[match[0]] + _NOTHING_IN_CLUSTER,
    ),
    # The sign of au looks like that of e and the letter lla, which has no sign of its own then.
    _Respelling("\u0bc6", re.compile("\u0bc6ள(?![\u0bbe-\u0bcd\u0bd7])"), f"\u0bcc{_NOTHING_IN_CLUSTER}"),
    # With ra and ii, both letters make the same sign.
    _Respelling("ஶ", re.compile("ஶ(?=\u0bcdர\u0bc0)"), "ஸ"),
    # Below another letter, da and ta look the same.
    _Respelling("\u17d2", re.compile("(?<=\u17d2)ដ"), "ត"),
    # The digit zero is typed for the letter wa.
    _Respelling("၀", re.compile(r"(?<![၀-၉])၀(?=[က-\u103f])|(?<=[က-\u103f])၀(?![၀-၉])"), "ဝ"),
    # The letters that end a syllable were two letters and a joiner before they had a code of their own.
    _Respelling(
        "\u200d",
        re.compile("([ണനരലളക])\u0d4d(?=\u200d)"),
        lambda match: _CHILLUS[match[1]] + _NOTHING_IN_CLUSTER,
    ),
    _Respelling("റ", re.compile("[നൻ]\u0d4d(?=റ)"), f"ൻ{_NOTHING_IN_CLUSTER}"),
    _Respelling(
        "\u09cd", re.compile("ত\u09cd(?=\u200d|[^\u0995-\u09b9\u09dc-\u09df]|$)"), f"ৎ{_NOTHING_IN_CLUSTER}"
    ),
    # The vowel sign of am and a tone mark are typed in either order.
    _Respelling("\u0e4d", re.compile("\u0e4d([\u0e48-\u0e4b])"), "\\1\u0e4d"),
    _Respelling("\u0ecd", re.compile("\u0ecd([\u0ec8-\u0ecb])"), "\\1\u0ecd"),
    # Foreign names with a v are also written with a b.
    _Respelling(
        "ヴゔｳ\u3099",
        re.compile("(?:[ヴゔ]|ｳﾞ|[うウ]\u3099)[ァィェォぁぃぇぉｧｨｪｫ]"),
        lambda match: _b_for_v(match[0]).ljust(len(match[0]), _NOTHING_IN_CLUSTER),
    ),
    # These signs repeat what stands before them.
    _Respelling("々〻", re.compile(f"([{_IDEOGRAPH}]{{1,4}})([々〻]+)"), _repeated_han),
    _Respelling("ゝヽゞヾ", re.compile("([ぁ-ゖァ-ヺ])(\u3099?)([ゝヽゞヾ]\u3099?)"), _repeated_kana),
    # The dot between foreign names is often left out.
    _Respelling("・･", re.compile(f"(?<=[{_KATAKANA}ーｰ{_SOUND_MARKS}])[・･](?=[{_KATAKANA}])"), _NOTHING),
    _Respelling("·•‧", re.compile(f"[·•‧](?<=[{_HAN}].)(?=[{_HAN}])"), _NOTHING),
    _Respelling("·", re.compile(f"·(?<=[{_HANGUL}].)(?=[{_HANGUL}])"), _NOTHING),
    # The counter of months, places and the like has many forms, one of which is the small ke of place names.
    _Respelling(
        "ヶケｹヵカｶ",
        re.compile(r"[ヶケｹヵカｶ](?<=[\d〇一二三四五六七八九十百千万数數何].)(?=[月所国國年条條])"),
        "か",
    ),
)


_SIGNS = frozenset("".join(rule.signs for rule in _RESPELLINGS))


@lru_cache(maxsize=1024)
def _respellings_with(signs: frozenset[str]) -> tuple[_Respelling, ...]:
    return tuple(rule for rule in _RESPELLINGS if not signs.isdisjoint(rule.signs))


def respell(text: str) -> str:
    """Return the text with one spelling for signs that depend on their neighbours, in the same length."""
    # Few lines have any of them.
    if signs := _SIGNS.intersection(text):
        for _, pattern, new in _respellings_with(signs):
            text = pattern.sub(new, text)
    return text


# --- Folding ------------------------------------------------------------------------------------------

_ACCENT = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\ufe00-\ufe0f\u180b-\u180d\u180f\U000e0100-\U000e01ef"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff"
    "\u0711\u0730-\u074a"
    "\u07eb-\u07f3\u0951-\u0954\u1cd0-\u1ce8\u1ced\u1cf4\u1cf7-\u1cf9]"
)
_ACCENTED_SCRIPTS = ("LATIN", "GREEK", "HEBREW", "ARABIC")


class _Folding(dict[int, str]):
    """Caches the folded form of each character, so that `str.translate` runs at C speed."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or _ACCENT.match(char):
        return ""
    if category[0] in "CZ":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    is_accented = unicodedata.name(char, "").startswith(_ACCENTED_SCRIPTS)
    # Case folding makes a letter of an iota subscript, which is an accent.
    folded = unicodedata.normalize("NFKC", (_without_accents(char) if is_accented else char).casefold())
    return (_without_accents(folded) if is_accented else folded).translate(SAME_LETTER)


def _without_accents(text: str) -> str:
    return _ACCENT.sub("", unicodedata.normalize("NFD", text))


# The sign before the digits separates them from those before.
FOLDING = _Folding({ord(apart): f"^{unicodedata.normalize('NFKC', chr(code))}" for code, apart in _APART.items()})


def fold(text: str) -> str:
    """Return the text with each letter in the form in which letters are compared."""
    return unicodedata.normalize("NFKC", text).translate(FOLDING)

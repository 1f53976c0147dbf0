"""Takes from Arabic and Hebrew words the short words written with them, such as the article, and adds them."""

import re
from functools import lru_cache

# A longer word is cut into terms, and has none of these.
_MAX_WORD = 64

_ARABIC_PROCLITICS = re.compile("([وف])?([بك]?ال|لل)?")
# Frequent words whose first letter is their own and no conjunction.
_NO_CONJUNCTION = frozenset(
    re.findall(
        r"\w+",
        "ورده ورود واحد واحده واجب وارد واسع واضح واقع والد والده وثيقه وجهه وجود وحده وحيد وداع ورقه وزاره وزير "
        "وسيله وصول وظيفه وفاه وكاله وكيل ولايه وليد فارس فتاه فتره فرصه فرقه فكره فندق فيلم فريق",
    )
)
_BEFORE_ARABIC = ["و", "ف", "ب", "ل", "ك", "ال", "وب", "ول", "وال", "بال", "لل", "كال", "فال"]
_BEFORE_ARTICLE = ["و", "ف", "ب", "ك", "وب"]
_BEFORE_HEBREW = re.findall(r"\w+", "ו ה ב כ ל מ ש וה וב וכ ול ומ וש שה שב של שמ כש כשה ושב ושה")
_HEBREW_PROCLITICS = re.compile("(ו)?(כש|מש|ש)?([כלבמ])?(ה)?")
# Few words of three letters begin with conjunction or article as letters of their own, many with a preposition's.
_BEFORE_TWO_LETTERS = ("ו", "ה")
_NOUNS_OF_TWO_LETTERS = {"תל", "קו", "חג", "עצ", "דמ"}


def with_proclitics(word: str) -> list[str]:
    """Return the forms in which an Arabic or Hebrew word may stand at the beginning of a phrase."""
    if "\u0620" <= word[0] <= "\u06d3":
        is_definite = word.startswith("ال")
        before = _BEFORE_ARTICLE if is_definite else _BEFORE_ARABIC
        forms = [proclitic + word for proclitic in before]
        return [*forms, f"لل{word[2:]}", f"ولل{word[2:]}"] if is_definite else forms
    return [proclitic + word for proclitic in _BEFORE_HEBREW] if "\u05d0" <= word[0] <= "\u05ea" else []


def without_article(word: str) -> list[str]:
    """Return what is said without an article of an Arabic or Hebrew word that is typed with one."""
    is_arabic, is_hebrew = word.startswith("ال") and len(word) >= 5, word.startswith("ה") and len(word) >= 3
    return [word[2:]] if is_arabic else [word[1:]] if is_hebrew else []


@lru_cache(maxsize=10_000)
def without_proclitics(word: str) -> tuple[str, ...]:
    """Return an Arabic or Hebrew word without each of its proclitics in turn; nothing for other scripts."""
    if len(word) > _MAX_WORD:
        return ()
    found: list[str] = []
    if "\u0620" <= word[0] <= "\u06d3":
        conjunction, article = _ARABIC_PROCLITICS.findall(word)[0]
        rest = word[len(conjunction) :]
        if conjunction and len(rest) >= 3 and word not in _NO_CONJUNCTION:
            found.append(rest)
        if article and len(rest) - len(article) >= 2:
            if article != "ال":
                found.append("ال" + rest[len(article) :])
            found.append(rest[len(article) :])
        # Three such letters in a row are written as two, so the second may be the first of the word itself.
        if article == "لل" and len(rest) >= 4:
            found += [rest[1:], "ال" + rest[1:]]
    elif "\u05d0" <= word[0] <= "\u05ea":
        for attached in _HEBREW_PROCLITICS.findall(word)[0]:
            rest = word[len(attached) :]
            if attached and _may_be_alone(rest, attached):
                found.append(rest)
            word = rest
    return tuple(found)


def _may_be_alone(rest: str, attached: str) -> bool:
    """Tell whether the rest of a Hebrew word is likely to be a word of its own."""
    is_short_word = len(rest) == 2 and (attached in _BEFORE_TWO_LETTERS or rest in _NOUNS_OF_TWO_LETTERS)
    return len(rest) >= 3 or is_short_word

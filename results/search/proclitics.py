"""Takes from Arabic and Hebrew words the short words written with them: conjunction, preposition, article."""

import re
from functools import lru_cache

# A longer word is cut into terms, and has none of these.
_LONGEST = 64

_ARABIC_PROCLITICS = re.compile("([وف])?([بك]?ال|لل)?")
# Frequent words whose first letter is their own and no conjunction.
_NO_CONJUNCTION = frozenset(
    re.findall(
        r"\w+",
        "ورده ورود واحد واحده واجب وارد واسع واضح واقع والد والده وثيقه وجهه وجود وحده وحيد وداع ورقه وزاره وزير "
        "وسيله وصول وظيفه وفاه وكاله وكيل ولايه وليد فارس فتاه فتره فرصه فرقه فكره فندق فيلم فريق",
    )
)
_HEBREW_PROCLITICS = re.compile("(ו)?(כש|מש|[שכלבמ])?(ה)?")


def without_article(word: str) -> list[str]:
    """Return what is said without an article of an Arabic or Hebrew word that is typed with one."""
    is_arabic, is_hebrew = word.startswith("ال") and len(word) >= 5, word.startswith("ה") and len(word) >= 4
    return [word[2:]] if is_arabic else [word[1:]] if is_hebrew else []


@lru_cache(maxsize=10_000)
def without_proclitics(word: str) -> tuple[str, ...]:
    """Return an Arabic or Hebrew word without each of its proclitics in turn; nothing for other scripts."""
    if len(word) > _LONGEST:
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
    elif "\u05d0" <= word[0] <= "\u05ea":
        for attached in _HEBREW_PROCLITICS.findall(word)[0]:
            rest = word[len(attached) :]
            if attached and len(rest) >= 3:
                found.append(rest)
            word = rest
    return tuple(found)

"""Marks the numbers in running text that belong to the words beside them, such as that of `1344 Room 12`.

They are listed with a reason instead of becoming ids. Where no id is longer, as in `add 7`, they stay ids.
"""

import re
from collections.abc import Iterator

from results.runs.paste import column_names

# Stands before a number that is no id.
MARK = "\ue001"

# The first letters of the months in languages of the Latin alphabet.
_MONTH = (
    "(?:jan|ene|gen|feb|fev|fév|mar|mär|mrt|apr|avr|abr|may|mai|mag|maj|mei|jun|jui|giu|jul|lug|aug|ago|aoû|sep|set|okt"
    r"|oct|ott|nov|dec|dez|dic|déc)[^\W\d_]*\.?"
)
DATE = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th|º|\.)?\s(?:de\s|of\s)?{_MONTH},?\s(?:de\s)?(?:19|20)\d\d"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d\d)\b",
    re.IGNORECASE,
)

_LONGER_ID = re.compile(
    r"(?<![\w.,:/€$£+-])\d{3,19}(?![\w%€$£]|[.,:/-]\d)|[=/#_-]\d{3,19}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE
)
_BEHIND_A_WORD = re.compile(
    r"(?<![^\W\d_])(?P<word>[^\W\d_]{1,30})\.?[ \xa0](?P<number>\d{1,2})"
    r"(?![\w.:/]*\d|[^\W\d]|[ \xa0]\d(?!\d?:\d\d))"
)
_BEFORE_A_UNIT = re.compile(r"(?<![\w.,:/#-])(?P<number>\d{1,2})\s?(?:[%€$£]|(?<=\s)(?P<word>[^\W\d_]{1,30}))")
# Such words before a number join ids, or say what to do with one.
_BEFORE_IDS = re.compile(
    r"and|or|plus|also|then|to|add|redo|check|refresh|track|import|include|please|this|these|only|just|is|are|with"
    r"|und|oder|auch|bis|mit|bitte|et|ou|aussi|puis|avec|y|e|o|i|u|a|à|en|con|og|och|ja|и|или|і|та|ve",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"[kmgt]b|fps|hours?|hrs?|days?|months?|years?|reply|replies|people|files|parts|episodes|times|runs|am|pm|uhr|stunden|tage"
    r"|wochen|heures|jours|semaines|horas|d[ií]as|semanas|ore|giorni"
    r"|(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]{0,6}",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(
    r"(?<!\w)(?:(?:tel|phone|fax|mobile|mobil|telefon|tél|teléfono)\.?:?\s?(?P<named>\+?\d[\d ()/.-]{4,25}\d)"
    r"|(?P<abroad>\+\d{1,3}[ .-][\d ()/.-]{5,25}\d)|(?P<local>\(\d{3}\)\s?\d{3}-\d{4}))(?!\w)",
    re.IGNORECASE,
)
_LOG_LINE = re.compile(
    r"\b(?:DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b|\blevel=|\bHTTP/\d"
    r"|^[A-Z][a-z]{2}\s{1,2}\d{1,2} \d\d:\d\d:\d\d "
)
_NAMED_IDS = re.compile(
    r"(?:\b(?:run[_-]?)?(?:runs?|ids?)\b\W{0,5}|[#/])\d+(?:(?:\s?[,;&]\s?|\sand\s)\d+)*", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.:+/=-])\d+(?![\w.:/-]*\w)")


def marked(text: str) -> str:
    """Return the text with MARK before the numbers that belong to the words beside them."""
    text = _TELEPHONE.sub(_joined, text)
    if not _LONGER_ID.search(text):
        return text
    dates = [date.span() for date in DATE.finditer(text)]
    end, parts = 0, list[str]()
    for place in sorted({*_beside_words(text), *_in_logs(text)}):
        if any(first <= place < last for first, last in dates):
            continue
        parts += [text[end:place], MARK]
        end = place
    return "".join([*parts, text[end:]])


def _joined(telephone: re.Match[str]) -> str:
    """Return the telephone number in one piece, with MARK before it."""
    group = telephone.lastgroup or ""
    name = telephone[0][: telephone.start(group) - telephone.start()]
    return f"{name}{MARK}{re.sub(r'[ ()/.-]+', '-', telephone[group]).strip('-')}"


def _beside_words(text: str) -> Iterator[int]:
    for found in _BEHIND_A_WORD.finditer(text):
        word = found["word"]
        if not _BEFORE_IDS.fullmatch(word) and not column_names.id_kinds(word) - {"filler"}:
            yield found.start("number")
    for found in _BEFORE_A_UNIT.finditer(text):
        word = found["word"]
        if word is None or _UNITS.fullmatch(word) or column_names.is_other(word):
            yield found.start("number")


def _in_logs(text: str) -> Iterator[int]:
    """Yield the numbers of a program's log beside ids that it names, such as those of processes and statuses."""
    start = 0
    for line in text.split("\n"):
        named = [found.span() for found in _NAMED_IDS.finditer(line)] if _LOG_LINE.search(line) else []
        for number in _NUMBER.finditer(line) if named else ():
            if not any(first <= number.start() < last for first, last in named):
                yield start + number.start()
        start += len(line) + 1

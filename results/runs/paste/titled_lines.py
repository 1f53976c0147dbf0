"""Reads lines that each hold an id beside a title, such as `1344 Kitchen episode 2`."""

import re

from results.runs.paste import column_names
from results.runs.paste.grids import Row
from results.runs.paste.running_text import names_ids

# To look for an id and a title in a longer line may take minutes.
MAX_LINE = 400

_ID_THEN_TITLE = re.compile(
    r"(?:\[x\]|\W){0,6}(?:(?P<label>[^\W\d][^\d]{0,30}?)[\W_]{0,3})?(?P<id>\d{3,19}|[0-9a-f-]{36})"
    r"[`*_]{0,2}(?:\s*[-–—:：.,)|#]\s*|\s+)[-–—:：.,)|#>=→/\s]{0,3}(?:\[[x ]?\]\s+)?(?P<title>\S.*)",
    re.IGNORECASE,
)
_TITLE_THEN_ID = re.compile(
    r"(?:(?:\[[x ]?\]|[-–—*•·+>]|\[?\d\d?:\d\d(?::\d\d)?\]?|\d{1,4}[.)])\s+){0,4}"
    r"(?P<title>\S.*?)\s*[-–—:：(\[#=→>]+\s*(?P<label>runs?\b|ids?\b)?\s*#?(?<![0-9a-f]{4}-)(?P<id>\d{3,19}|[0-9a-f-]{36})[)\]]?\W?",
    re.IGNORECASE,
)
# Each pair of signs in which a title may stand as a whole.
_AROUND_TITLES = (*"()", *"[]", *'""', *"''", *"“”", *"„“", *"„”", *"‘’", *"«»", *"»«", *"「」", *"『』", *"《》")
_SET_OFF = re.compile(r"(\*\*|__|[*_`~])(?P<title>.*)\1")
_LONG_NUMBER = re.compile(r"\d{3,}")


def rows(lines: list[str]) -> list[Row]:
    """Return the id and the title of each line, if all of them begin or all end with an id beside a title."""
    # Lines such as `Season 1:` are headings.
    filled = [" ".join(line.split()) for line in lines if line.strip() and not line.rstrip().endswith(":")]
    if any(len(line) > MAX_LINE for line in filled):
        return []
    for shape in (_ID_THEN_TITLE, _TITLE_THEN_ID):
        found = [line for line in map(shape.fullmatch, filled) if line and _is_id_name(line["label"])]
        titled = [[line["id"], _bare_title(line["title"])] for line in found]
        # `Ep 101: 1344` has one id, as a short number in a title is shorter than every id.
        shortest = min((len(run_id) for run_id, _title in titled), default=0)
        has_more_ids = any(
            names_ids(title) or any(len(number) >= min(shortest, 4) for number in _LONG_NUMBER.findall(title))
            for _id, title in titled
        )
        has_titles = all(any(map(str.isalpha, title)) for _id, title in titled)
        if len(titled) == len(filled) > 1 and has_titles and not has_more_ids:
            # `Run: 1344` has the name of an id where others have a title.
            return [[run_id, "" if _is_id_name(title) else title] for run_id, title in titled]
    return []


def _is_id_name(text: str | None) -> bool:
    """Tell whether a text beside an id is the name of such ids, or nothing."""
    return not text or bool(column_names.run_rank(text)) or column_names.is_task(text)


def _bare_title(title: str) -> str:
    """Return a title without the brackets, quotation marks or stars in which it stands as a whole."""
    title = title.strip()
    if found := _SET_OFF.fullmatch(title):
        return _bare_title(found["title"])
    for start, end in zip(_AROUND_TITLES[::2], _AROUND_TITLES[1::2], strict=True):
        inner = title[1:-1]
        if title[:1] == start and title[-1:] == end and len(title) > 2 and start not in inner and end not in inner:
            return _bare_title(inner)
    return title

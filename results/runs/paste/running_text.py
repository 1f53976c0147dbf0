"""Finds the run ids in running text, and gives the reason for every number that is no id.

One rule decides: a word without a digit is only a word, and a word with a digit is either an id or is listed with
the reason why it is none. So a chat message causes no complaints, and a mistyped id is never passed over in
silence. The id of a dubbing task (a UUID) is told apart from a run id: CAMB.AI returns it first, and it leads to
the run.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext as _

from results.runs.paste import id_cells, side_numbers
from results.runs.paste.limits import MAX_RUN_ID
from results.runs.paste.verdicts import PastedId, Verdict, shorten

_SEPARATORS = re.compile(r"(?:[\s,;|，、；،؛・()\[\]{}<>«»“”\"'`]|&(?=\w{1,30}(?:\[\])?=))+")
# Ids with one of these signs between them; of numbers as long as a year, `2025/2026` is a season.
_JOINED_IDS = re.compile(r"(?<![\w/.:+-])\d{3,19}(?:\s?[/+&]\s?\d{3,19})+(?![\w/]|[.:-]\d)")
_TRIMMED = ".:!?*#№~_=/\\&…。†‡"
_LABEL = re.compile(
    r"(?:camb[_-]?)?(?:dub(?:bing)?[_-]?)?(?:run[_-]?ids?|runs?|ids?)[:=#/_-]?(?=[\d+-])", re.IGNORECASE
)
# The scheme's length is limited. Otherwise a megabyte of letters would be scanned from each letter to the end.
# A link may lack its scheme, and a log has only the path.
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,15}://"
    r"|(?<![\w./@-])[a-z0-9-]{1,60}(?:\.[a-z0-9-]{1,60}){0,4}\.[a-z]{2,12}/(?=[^\s<>\"'`]{0,400}\d)"
    r"|(?<![\w./@-])/?(?:apis/)?(?:runs?|dub-result|dubbing-results?)/(?=\d))(?:(?![,;|]?https?://)[^\s<>\"'`])+",
    re.IGNORECASE,
)
# The value of an API key may be a UUID, as the ids of tasks are. It must not be kept, shown or sent as one.
_SECRET = re.compile(
    r"(?<![^\W_])(?P<name>(?:x-)?(?:[a-z]{1,10}[_-])?api[ _-]?key|authorization|bearer|token|secret|password|key)"
    r"(?:[\"'`]?\s*(?:[:=]|\bis\b)?\s*[\"'`]?)(?:bearer\s+)?(?P<value>[\w-]{20,})(?![\w-])",
    re.IGNORECASE,
)
_IDS_IN_QUERY = re.compile(r"run[_-]?ids?(?:\[\])?=(\d+(?:,\d+)*)(?!\w)", re.IGNORECASE)
_ID_IN_URL = re.compile(r"(?:/runs?/|/dub(?:bing)?-results?/)(\d+)(?!\w)", re.IGNORECASE)
_ID_IN_PATH = re.compile(r"/(\d+)(?=[/?#]|$)")
_LABELLED = re.compile(r"(?:\b(?:runs?|ids?)\b\W*|#\s?)\d", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TASK = re.compile(rf"(?:(?:dub(?:bing)?[_-]?)?task[_-]?(?:ids?)?[:=#/_-]?)?(?P<id>{_UUID.pattern})", re.IGNORECASE)
# `1,344`: one number as a spreadsheet shows it, or the two ids 1 and 344.
_ONE_OR_SEVERAL = re.compile(
    r"(?<![\d,.'’，、،])\d{1,3}(?P<sign>[,.'’，、،])\d{3}(?:(?P=sign)\d{3})*(?![\d]|[,.'’，、،]\d)"
)
# A title in a message. In quotation marks a number of two digits is hardly ever an id: `"Kitchen 7" is run 1344`.
_QUOTED = re.compile(r"""(?<!\w)["'`“„«‘](?P<text>[^"'`“”„«»‘’\n]{1,200})["'`”“»’](?!\w)""")
# A title in an object as programs print it: `<Run 1344: Room 12>`, `&{RunID:1344 Title:Room 12}`. Without an id
# before it, as in `<Run: Room 12>`, or in a message, as in `Run 1344: Room 12`, a long number in it may be an id.
_PRINTED = re.compile(
    r"<[^\W\d]\w{0,40} #?\d{1,19}: (?P<text>[^<>\n]{1,200})>"
    r"|\b(?:title|name)\s?[:=]\s?(?P<value>[^<>{}(),;\n]{1,200}?)(?=[>})]|[,;]?\s\w{1,40}\s?[:=])"
    r"|<[^\W\d]\w{0,40}: (?P<only>[^<>\n]{1,200})>"
    r"|(?:\brun (?:id )?#?\d{1,19}|^\W{0,3}\d{3,19})"
    r"(?:\s?[:–—-]\s(?P<after>[^<>;\n]{1,200}?)(?=[,.]?\s(?:and\s)?run\b|[<>;]|$)|\s\((?P<beside>[^()\n]{1,200}))",
    re.IGNORECASE | re.MULTILINE,
)
_MAY_HOLD_IDS = ("only", "after", "beside")
_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
_SHORT_NUMBER = re.compile(r"\d{1,2}", re.ASCII)


def tokens(text: str) -> Iterator[PastedId]:
    """Yield every token of the text with its verdict, in the order of the text."""
    text = side_numbers.marked(_JOINED_IDS.sub(_separated, text))
    end = 0
    for secret in _SECRET.finditer(text):
        yield from _links(text[end : secret.start()])
        note = _("this looks like a key or a password; Dubroom does not keep it")
        yield PastedId(shorten(secret["name"]), Verdict.NOT_AN_ID, note=note)
        end = secret.end()
    yield from _links(text[end:])


def _separated(ids: re.Match[str]) -> str:
    parts = re.findall(r"\d+", ids[0])
    return ids[0] if all(map(_YEAR.fullmatch, parts)) else " ".join(parts)


def _links(text: str) -> Iterator[PastedId]:
    end = 0
    for url in _URL.finditer(text):
        yield from _dates(text[end : url.start()])
        yield from _read_url(url.group())
        end = url.end()
    yield from _dates(text[end:])


def tokens_beside_a_table(text: str) -> Iterator[PastedId]:
    """Yield the tokens of a text above or below a table: a number there is an id only if the text calls it so.

    `Dubbing list 2026` and `Total 24 minutes` add no runs.
    """
    are_ids = all(map(is_one_id, text.split()))
    is_named = are_ids or bool(_LABELLED.search(text.removeprefix("# ")))
    for token in tokens(text):
        is_bare = token.verdict is Verdict.ID and token.written.isdecimal()
        if is_bare and not are_ids and _YEAR.fullmatch(token.written):
            yield PastedId(
                token.written, Verdict.NOT_AN_ID, note=_("this looks like a year; paste it alone if it is a run id")
            )
        elif is_bare and not is_named:
            note = _("a number beside the table; write “run” before it if it is a run id")
            yield PastedId(token.written, Verdict.NOT_AN_ID, note=note)
        else:
            yield token


def is_one_id(cell: str) -> bool:
    return cell.isdecimal() or bool(_UUID.fullmatch(cell))


def is_uuid(cell: str) -> bool:
    return bool(_UUID.fullmatch(cell))


def names_ids(text: str) -> bool:
    """Tell whether the text names ids, as `run 1344` and `#1344` do."""
    return bool(_LABELLED.search(text))


def _dates(text: str) -> Iterator[PastedId]:
    end = 0
    for date in side_numbers.DATE.finditer(text):
        yield from _numbers(text[end : date.start()])
        yield PastedId(shorten(date.group()), Verdict.NOT_AN_ID, note=_("this looks like a date"))
        end = date.end()
    yield from _numbers(text[end:])


def _numbers(text: str) -> Iterator[PastedId]:
    end = 0
    for number in _ONE_OR_SEVERAL.finditer(text):
        yield from _words(text[end : number.start()])
        note = _("one number or several? Write it without “%(sign)s”, or the ids with spaces between them")
        yield PastedId(number.group(), Verdict.NOT_AN_ID, note=note % {"sign": number["sign"]})
        end = number.end()
    yield from _words(text[end:])


def _words(text: str) -> Iterator[PastedId]:
    end = 0
    for printed in _PRINTED.finditer(text):
        group = printed.lastgroup or ""
        if _is_title(printed[group]):
            yield from _words_unprinted(text[end : printed.start(group)])
            within = _short_within_title if group in _MAY_HOLD_IDS else _within_title
            yield from map(within, _words_unquoted(printed[group]))
            end = printed.end(group)
    yield from _words_unprinted(text[end:])


def _words_unprinted(text: str) -> Iterator[PastedId]:
    end = 0
    for quoted in _QUOTED.finditer(text):
        if _is_title(quoted["text"]):
            yield from _words_unquoted(text[end : quoted.start()])
            yield from map(_short_within_title, _words_unquoted(quoted["text"]))
            end = quoted.end()
    yield from _words_unquoted(text[end:])


def _is_title(text: str) -> bool:
    return any(map(str.isalpha, text)) and not names_ids(text)


def _within_title(token: PastedId) -> PastedId:
    if token.verdict is Verdict.WORD:
        return token
    note = _("a number in a title; write “run” before it if it is a run id")
    return PastedId(token.written, Verdict.NOT_AN_ID, note=note)


def _short_within_title(token: PastedId) -> PastedId:
    return _within_title(token) if _SHORT_NUMBER.fullmatch(token.written) else token


def _words_unquoted(text: str) -> Iterator[PastedId]:
    for word in _SEPARATORS.split(text):
        token = word.strip(_TRIMMED)
        if token.startswith(side_numbers.MARK):
            note = _("a number beside other words; write “run” before it if it is a run id")
            yield PastedId(shorten(token.strip(side_numbers.MARK)), Verdict.NOT_AN_ID, note=note)
        elif any(letter.isdecimal() for letter in token):
            yield judge(token)
        elif any(letter.isalnum() for letter in token):
            yield PastedId(shorten(token), Verdict.WORD)


def _read_url(url: str) -> Iterator[PastedId]:
    url = url.rstrip(f"{_TRIMMED},;)")
    asked = [run_id for ids in _IDS_IN_QUERY.findall(url) for run_id in ids.split(",")]
    ids = _ID_IN_URL.findall(url) or _ID_IN_PATH.findall(url) or [task.group() for task in _UUID.finditer(url)]
    if not asked and not ids:
        yield PastedId(shorten(url), Verdict.NOT_AN_ID, note=_("there is no run id in this link"))
    for run_id in dict.fromkeys(asked or ids[-1:]):
        found = judge(run_id)
        yield replace(found, written=shorten(url), note=found.note or _("taken from the link"))


def judge(token: str) -> PastedId:
    """Return one token that has a digit in it, with its verdict."""
    if task := _TASK.fullmatch(token):
        return PastedId(
            shorten(token), Verdict.TASK, task_id=task["id"].lower(), note=_("a task; followed until it is a run")
        )
    number = _LABEL.sub("", token, count=1) if _LABEL.match(token) else token
    digits = id_cells.to_ascii(number)
    if reason := _reason_against(digits):
        return PastedId(shorten(token), Verdict.NOT_AN_ID, note=reason)
    run_id = int(digits.lstrip("0"))
    note = "" if number == str(run_id) else _("read as %(id)s") % {"id": run_id}
    return PastedId(shorten(token), Verdict.ID, run_id, note=note)


def _reason_against(number: str) -> str:
    """Return the reason, for the user, why this is no run id, or an empty string when it is one."""
    if number.isdecimal():
        bare = number.lstrip("0")
        if not bare:
            return _("run ids begin at 1")
        # The length is checked first, as Python refuses to parse a number of thousands of digits.
        if len(bare) > len(str(MAX_RUN_ID)) or int(bare) > MAX_RUN_ID:
            return _("this number is too large for a run id")
        return ""
    for shape, reason in (
        (r"[-−–+＋]\d+", _("a run id has no sign before it")),
        (r"[-−–+＋]?\d*[.٫]\d+", _("a run id is a whole number")),
        (r"[-−–+＋]?\d+(\.\d+)?e[-+]?\d+", _("write the number out, without an exponent")),
        (r"0x[0-9a-f]+", _("write the number in decimal digits")),
        (r"\d+(_\d+)+", _("write the number without underscores")),
        (r"\d+(-|–|—|…|\.\.+)\d+", _("this looks like a range; write each id")),
        (r"\d+(:\d\d)+", _("this looks like a time")),
    ):
        if re.fullmatch(shape, number, re.IGNORECASE):
            return reason
    return _("a run id has only digits")

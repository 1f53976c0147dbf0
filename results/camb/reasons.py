"""The failure reasons that CAMB.AI names, in plain words and with the next step."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from results.camb.texts import MAX_REASON, read_line, read_upper

# The `exception_reason` values and failing statuses of docs.camb.ai. A word in this list is a failure wherever it
# stands for a run's state. CAMB.AI may add further reasons; an unknown one is shown as it is.
REASONS = {
    "CONTENT_DOES_NOT_MATCH_EXTENSION": _(
        "The source's content is not what its file extension says. Rename or convert the file and dub it again."
    ),
    "ERROR": _("CAMB.AI could not finish this dub and gave no reason. Start it again in CAMB.AI."),
    "ERROR_DOWNLOADING_SOURCE": _(
        "CAMB.AI could not download the source. Check that its link is public and still works, then dub it again."
    ),
    "FAILED": _("CAMB.AI could not finish this dub and gave no reason. Start it again in CAMB.AI."),
    "FORBIDDEN": _("CAMB.AI does not allow this dub for your account. Check the plan and the rights of the key."),
    "HARMFUL_CONTENT_DETECTED": _(
        "CAMB.AI found content it does not dub. Review the source, or ask CAMB.AI's support if this is a mistake."
    ),
    "INTERNAL_ERROR": _("Something went wrong at CAMB.AI. Start the dub again in CAMB.AI."),
    "INVALID_AUDIO_TRACKS_SELECTION": _(
        "The chosen audio tracks do not exist in the source. Choose other tracks and dub it again."
    ),
    "INVALID_SOURCE_DATA": _("CAMB.AI could not read the source. Export the file again and dub it again."),
    "MASTERING_OUT_OF_RANGE": _("The mastering values are out of range. Correct them in CAMB.AI and dub it again."),
    "MISMATCHED_SOURCE_CODEC": _(
        "The source's codec is not what its container says. Convert the file, for example to H.264 in MP4, "
        "and dub it again."
    ),
    "PAYMENT_REQUIRED": _(
        "The CAMB.AI account has no credit left for this dub. Top it up and start the dub again."
    ),
    "PROCESSING_ERROR": _("CAMB.AI failed while processing the source. Start the dub again in CAMB.AI."),
    "SOURCE_BLOCKED_IN_REGION": _(
        "The source cannot be played in the region CAMB.AI downloads from. Upload the file itself instead."
    ),
    "SOURCE_IS_AGE_RESTRICTED": _(
        "The source is age-restricted, so CAMB.AI cannot download it. Upload the file itself instead."
    ),
    "SOURCE_NOT_FOUND": _("CAMB.AI found nothing at the source's link. Check the link and dub it again."),
    "SOURCE_TOO_LARGE": _("The source file is too large for CAMB.AI. Compress or split it and dub it again."),
    "SOURCE_TOO_LONG": _("The source is too long for CAMB.AI. Split it into parts and dub them one by one."),
    "SOURCE_TYPE_NOT_SUPPORTED": _(
        "CAMB.AI does not support this type of file. Convert it, for example to MP4 or MP3, and dub it again."
    ),
    "TIMEOUT": _("CAMB.AI took too long over this dub and gave up. Start it again in CAMB.AI."),
    "TOO_MANY_GDRIVE_REQUESTS": _(
        "Google Drive blocked CAMB.AI after too many downloads. Wait a while, or upload the file itself instead."
    ),
    "VIDEO_DOES_NOT_HAVE_AUDIO_STREAMS": _("The source video has no sound to dub. Choose a source with speech."),
    "VOICE_CONVERSION_ERROR": _(
        "CAMB.AI failed while converting the voices. Start the dub again, or choose other voices in CAMB.AI."
    ),
}

# Statuses of a dub under way, or of one whose result is there; they say nothing that a run's page does not.
DONE_STATUSES = frozenset({"COMPLETE", "COMPLETED", "DONE", "FINISHED", "OK", "READY", "SUCCEEDED", "SUCCESS"})
_USUAL_STATUSES = DONE_STATUSES | {
    "", "ACCEPTED", "CREATED", "IN_PROGRESS", "NONE", "PENDING", "PROCESSING", "QUEUED", "RUNNING", "STARTED",
    "SUBMITTED", "UNKNOWN", "WAITING",
}  # fmt: skip
# Words that stand for no reason at all.
_NO_REASON = frozenset({
    "", "0", "FALSE", "N_A", "NA", "NIL", "NO_ERROR", "NO_REASON", "NONE", "NULL", "OK", "SUCCESS", "UNDEFINED"
})  # fmt: skip

# Words of other statuses that end a dub without a result: CAMB.AI's statuses are an open set.
_FAILED = frozenset({
    "CORRUPTED", "CRASHED", "DEAD", "ERR", "ERROR", "ERRORED", "ERRORS", "EXCEEDED", "EXCEPTION", "FAIL",
    "FAILED", "FAILS", "FAILURE", "FAILURES", "FATAL", "INSUFFICIENT", "INVALID", "OUTOF", "UNSUCCESSFUL",
    "UNSUPPORTED",
})  # fmt: skip
_TIMED_OUT = frozenset({"TIMEDOUT", "TIMEOUT"})
_STOPPED = frozenset({
    "ABANDONED", "ABORT", "ABORTED", "BLOCKED", "CANCEL", "CANCELED", "CANCELLED", "DECLINED", "DELETED",
    "DENIED", "DISCARDED", "DROPPED", "EXPIRED", "INTERRUPTED", "KILLED", "REFUSED", "REJECT", "REJECTED",
    "REMOVED", "REVOKED", "SKIPPED", "STOPPED", "TERMINATED", "WITHDRAWN",
})  # fmt: skip
_ABOUT_PAYMENT = frozenset({"BALANCE", "CREDIT", "CREDITS", "FUNDS", "PAYMENT"})
# With one of these words, a status such as FAILED_RETRYING or "ERRORS: 0" does not end a dub.
_GOING_ON = frozenset({
    "0", "AGAIN", "COMPLETED", "HANDLED", "IGNORED", "LATER", "PARTIAL", "PARTIALLY", "PENDING", "RECOVERED",
    "RECOVERING", "REQUESTED", "RESOLVED", "RESUMED", "RETRIED", "RETRY", "RETRYING", "SOON", "STILL", "SUCCEEDED",
    "SUCCESS", "TEMPORARILY", "WAITING", "YET",
})  # fmt: skip
# One of these is about the call and not about the run.
_ABOUT_THE_CALL = frozenset({
    "ACCESS", "API", "AUTH", "AUTHENTICATION", "AUTHORIZATION", "ID", "IDS", "KEY", "PERMISSION", "RATE", "TOKEN"
})  # fmt: skip
# One of these before the word undoes it, as in NO_ERROR; after it, as in ERROR_NOT_FOUND, it does not.
_NEGATIONS = frozenset({"NEVER", "NO", "NON", "NOT", "WITHOUT", "ZERO"})
_PHRASES = (("TIMED OUT", "TIMEDOUT"), ("TIME OUT", "TIMEOUT"), ("OUT OF", "OUTOF"))
# A status ends before these; what follows is a remark, as in "FAILED (2)" or "Failed: no voice".
_REMARK = re.compile(r"[:;,(\[{…]|\.\.|[.!]\s|\s[-–—]\s")
_STATUS = re.compile(r"[A-Z0-9 _./!-]*")
_MOST_WORDS = 4
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")

_OF_A_RUN = ("", "dub_", "dubbing_", "job_", "process_", "request_", "result_", "run_", "task_")
_STATUS_FIELDS = tuple(f"{of}{name}" for name in ("status", "state") for of in _OF_A_RUN)
# In these, an unknown reason ends a dub too; in the others it may be about anything.
FAILURE_FIELDS = ("exception_reason", "error_reason", "fail_reason", "failed_reason", "failure_reason")
_REASON_FIELDS = ("reason", "error_code", "error_type", "exception", "failure", "failure_code", "status_reason")
_ERROR_FIELDS = ("error", "errors", "code", "message", "detail", "msg", "error_message")
_FAILED_FIELDS = ("failed", "has_failed", "is_failed")
_SUCCESS_FIELDS = ("success", "is_success", "ok", "status", "succeeded", "successful")
STATE_FIELDS = frozenset({
    *_STATUS_FIELDS, *FAILURE_FIELDS, *_REASON_FIELDS, *_ERROR_FIELDS, *_FAILED_FIELDS, *_SUCCESS_FIELDS
})  # fmt: skip
"""The names of all fields that say something of a run's state."""
# The names that a word has within the object in such a field.
_WORD_FIELDS = ("exception_reason", "reason", "code", "name", "status", "state", "type", "value")
_MOST_ITEMS = 5


class RunState(NamedTuple):
    """What an object says of a run's state. The words are in capitals."""

    status: str = ""
    failure: str = ""
    """The reason or status that ends the run; PENDING, SUCCESS and unknown states end none."""
    unclear_reason: str = ""
    """A reason that may or may not end the run."""
    is_unread: bool = False
    """Whether a field of the state could not be understood."""


def explain(reason: str, message: str = "") -> str:
    """Return a failure reason in plain words with the next step, and CAMB.AI's own message.

    An unknown reason is quoted.
    """
    reason = reason.strip()
    sentence = _known(reason.upper()) or _how_ended(reason.upper())
    if not sentence:
        sentence = gettext(
            "CAMB.AI gave the reason “%(reason)s”. Look the run up in CAMB.AI, or ask its support."
        ) % {"reason": reason}
    return f"{sentence} {quote_message(message)}" if message else sentence


def quote_message(message: str) -> str:
    """Return CAMB.AI's own words as a sentence, to follow one of ours."""
    return gettext("CAMB.AI says: “%(message)s”") % {"message": message}


def quote_status(status: str) -> str:
    """Return a sentence that names the status which CAMB.AI gave."""
    return gettext("CAMB.AI reports the status “%(status)s”.") % {"status": status}


def is_usual(status: str) -> bool:
    """Tell whether a status is that of a dub under way or done, or none."""
    return _joined(status) in _USUAL_STATUSES


def is_done(status: str) -> bool:
    return _joined(status) in DONE_STATUSES


def failure_in(text: str) -> str:
    """Return the reason that a text in place of a result names, or "" if it ends no run."""
    return _final(_read_word(text))


def read_state(fields: dict[str, Any]) -> RunState:
    """Return what the fields of an object say of a run's state."""
    if STATE_FIELDS.isdisjoint(fields):
        return RunState()
    # A list of states is looked through for a failure; which of them is the run's own is open.
    shown = _words(fields, (name for name in _STATUS_FIELDS if not isinstance(fields.get(name), list)))
    status = next((word for word in shown if not word.isdigit()), next(iter(shown), ""))
    failure = _failure(fields, status)
    if failure:
        return RunState(status, failure)
    reasons = _reasons(fields, (*FAILURE_FIELDS, *_REASON_FIELDS))
    is_unread = (
        any(fields.get(name) and not _words(fields, (name,)) for name in (*_STATUS_FIELDS, *FAILURE_FIELDS))
        or any(isinstance(fields.get(name), list) for name in _STATUS_FIELDS)
        or any(fields.get(name) is False for name in _SUCCESS_FIELDS)
        or any(fields.get(name) is True for name in _ERROR_FIELDS)
    )
    return RunState(status, "", next(iter(reasons), ""), is_unread)


def _failure(fields: dict[str, Any], status: str) -> str:
    """Return the reason or status that ends the run, or ""."""
    reasons = [reason for reason in _reasons(fields, FAILURE_FIELDS) if not reason.isdigit()]
    if status and is_usual(status):
        reasons = list(filter(_known, reasons))
    words = (*_words(fields, _STATUS_FIELDS), *_reasons(fields, _REASON_FIELDS))
    return (
        next(iter(reasons), "")
        or next(filter(None, map(_final, words)), "")
        or _reason_in_error(fields)
        or ("FAILED" if any(fields.get(name) is True for name in _FAILED_FIELDS) else "")
    )


def _reasons(fields: dict[str, Any], names: Iterable[str]) -> list[str]:
    return [word for word in _words(fields, names) if _joined(word) not in _NO_REASON]


def _words(fields: dict[str, Any], names: Iterable[str]) -> list[str]:
    return [word for name in names if (value := fields.get(name)) for word in _words_in(value)]


def _words_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the words in a field of the state: its text, or those of its object or list."""
    if depth > 2:
        return
    if isinstance(value, dict):
        for name in _WORD_FIELDS:
            yield from _words_in(value.get(name), depth + 1)
    elif isinstance(value, list):
        for item in value[:_MOST_ITEMS]:
            yield from _words_in(item, depth + 1)
    elif word := _read_word(value):
        yield word


def _reason_in_error(fields: dict[str, Any]) -> str:
    """Return the reason that an error names by one of the known words.

    A text is one only as it stands in CAMB.AI's documentation, in capitals: “Forbidden” may be about the call.
    """
    for name in _ERROR_FIELDS:
        given = fields.get(name)
        if isinstance(given, str):
            code = _REMARK.split(given, maxsplit=1)[0].strip()
            if code in REASONS and (name == "error" or "_" in code):
                return code
        elif isinstance(given, dict | list) and (found := next(filter(_known, _words_in(given)), "")):
            return found
    return ""


def _read_word(value: object) -> str:
    """Return a reason or status in capitals; `dubFailed` is DUB_FAILED."""
    text = read_line(value, MAX_REASON)
    return read_upper(_CAMEL_CASE.sub("_", text) if text.isalpha() else text)


def _joined(word: str) -> str:
    return "_".join(_parts(word))


def _parts(word: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", word)


def _known(word: str) -> str:
    """Return the sentence for a word of CAMB.AI's documentation, which a remark may follow; else ""."""
    if sentence := REASONS.get(_joined(word)):
        return str(sentence)
    code = _joined(_REMARK.split(word, maxsplit=1)[0])
    return str(REASONS.get(code, "")) if "_" in code and _GOING_ON.isdisjoint(_parts(word)) else ""


def _final(status: str) -> str:
    return status if _known(status) or _how_ended(status) else ""


def _how_ended(status: str) -> str:
    """Return the sentence for a status that says by one of its words that the dub has ended without a result."""
    head = _REMARK.split(status, maxsplit=1)[0]
    if not _STATUS.fullmatch(head) or not (_GOING_ON | _ABOUT_THE_CALL).isdisjoint(_parts(status)):
        return ""
    text = " ".join(_parts(head))
    for phrase, word in _PHRASES:
        text = text.replace(phrase, word)
    words = text.split()
    ended = _FAILED | _TIMED_OUT | _STOPPED
    place = next((place for place, word in enumerate(words) if word in ended), None)
    if place is None or len(list(filter(str.isalpha, words))) > _MOST_WORDS:
        return ""
    if not _NEGATIONS.isdisjoint(words[:place]):
        return ""
    word = words[place]
    if word in _STOPPED and _ABOUT_PAYMENT.isdisjoint(words):
        return gettext(
            "This dub ended in CAMB.AI with the status “%(status)s”. Start it again there if you still need it."
        ) % {"status": status}
    reason = "FAILED" if word in _FAILED else "TIMEOUT"
    sentence = str(REASONS[reason if _ABOUT_PAYMENT.isdisjoint(words) else "PAYMENT_REQUIRED"])
    is_said_by_the_status = word in _TIMED_OUT and len(_parts(status)) == 1
    return sentence if is_said_by_the_status else f"{sentence} {quote_status(status)}"

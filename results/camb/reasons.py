"""The failure reasons that CAMB.AI names, in plain words and with the next step."""

import re
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from results.camb.texts import read_upper

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


# Words of other statuses that end a dub without a result: CAMB.AI's statuses are an open set.
_FAILED = frozenset({
    "CORRUPTED", "CRASHED", "DEAD", "ERROR", "ERRORED", "EXCEEDED", "FAILED", "FAILURE", "FATAL", "INSUFFICIENT",
    "UNSUCCESSFUL",
})  # fmt: skip
_TIMED_OUT = frozenset({"TIMEDOUT", "TIMEOUT"})
_STOPPED = frozenset({
    "ABANDONED", "ABORTED", "BLOCKED", "CANCELED", "CANCELLED", "DECLINED", "DELETED", "DENIED", "DISCARDED",
    "DROPPED", "EXPIRED", "INTERRUPTED", "KILLED", "REFUSED", "REJECTED", "REMOVED", "REVOKED", "SKIPPED",
    "STOPPED", "TERMINATED", "WITHDRAWN",
})  # fmt: skip
# With one of these words, a status such as FAILED_RETRYING or NO_ERROR does not end a dub.
_GOING_ON = frozenset({
    "COMPLETED", "NO", "NON", "NOT", "PARTIAL", "PARTIALLY", "PENDING", "RECOVERING", "REQUESTED", "RETRY",
    "RETRYING", "SUCCEEDED", "SUCCESS", "TEMPORARILY", "WITHOUT",
})  # fmt: skip
_STATUS = re.compile(r"[A-Z]+(?:[ _.-]+[A-Z]+){0,3}[.!]?")


def explain(reason: str, message: str = "") -> str:
    """Return a failure reason in plain words with the next step, and CAMB.AI's own message.

    An unknown reason is quoted.
    """
    reason = reason.strip()
    sentence = str(REASONS.get(reason.upper(), "")) or _how_ended(reason.upper())
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


def failure_in(value: object) -> str:
    """Return the failure reason in a status or in an object with one, or "".

    PENDING, SUCCESS and unknown states are not failures.
    """
    if isinstance(value, str):
        return _final(read_upper(value))
    if not isinstance(value, dict):
        return ""
    reason = read_upper(value.get("exception_reason"))
    if reason and reason != "NONE":
        return reason
    return _final(status_in(value)) or _reason_in_error(value)


def status_in(value: dict[str, Any]) -> str:
    """Return the status that an object gives, in capitals, or ""."""
    for name in ("status", "state", "task_status"):
        given = value.get(name)
        if isinstance(given, dict):
            given = given.get("code") or given.get("name") or given.get("status")
        if status := read_upper(given):
            return status
    return ""


def _reason_in_error(value: dict[str, Any]) -> str:
    """Return the reason that an error object names by one of the known words."""
    error = value.get("error")
    names = (
        [read_upper(error.get(name)) for name in ("exception_reason", "reason", "code", "type")]
        if isinstance(error, dict)
        else []
    )
    return next((name for name in names if name in REASONS), "")


def _final(status: str) -> str:
    return status if status in REASONS or _how_ended(status) else ""


def _how_ended(status: str) -> str:
    """Return the sentence for a status that says by one of its words that the dub has ended without a result."""
    if not _STATUS.fullmatch(status):
        return ""
    words = re.findall("[A-Z]+", status.replace("TIMED_OUT", "TIMEDOUT").replace("TIMED OUT", "TIMEDOUT"))
    if not _GOING_ON.isdisjoint(words):
        return ""
    for word in words:
        if word in _STOPPED:
            return gettext(
                "This dub ended in CAMB.AI with the status “%(status)s”. Start it again there if you still need it."
            ) % {"status": status}
        if word in _FAILED or word in _TIMED_OUT:
            sentence = str(REASONS["FAILED" if word in _FAILED else "TIMEOUT"])
            return f"{sentence} {quote_status(status)}" if len(words) > 1 else sentence
    return ""

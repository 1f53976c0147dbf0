"""The failure reasons that CAMB.AI names, in plain words and with the next step."""

# The `exception_reason` values and failing statuses of docs.camb.ai. A word in this list is a failure wherever it
# stands for a run's state. CAMB.AI may add further reasons; an unknown one is shown as it is.
REASONS = {
    "CONTENT_DOES_NOT_MATCH_EXTENSION": (
        "The source's content is not what its file extension says. Rename or convert the file and dub it again."
    ),
    "ERROR": "CAMB.AI could not finish this dub and gave no reason. Start it again in CAMB.AI.",
    "ERROR_DOWNLOADING_SOURCE": (
        "CAMB.AI could not download the source. Check that its link is public and still works, then dub it again."
    ),
    "FAILED": "CAMB.AI could not finish this dub and gave no reason. Start it again in CAMB.AI.",
    "FORBIDDEN": "CAMB.AI does not allow this dub for your account. Check the plan and the rights of the API key.",
    "HARMFUL_CONTENT_DETECTED": (
        "CAMB.AI found content it does not dub. Review the source, or ask CAMB.AI's support if this is a mistake."
    ),
    "INTERNAL_ERROR": "CAMB.AI had a fault of its own. Start the dub again in CAMB.AI.",
    "INVALID_AUDIO_TRACKS_SELECTION": (
        "The chosen audio tracks do not exist in the source. Choose other tracks and dub it again."
    ),
    "INVALID_SOURCE_DATA": "CAMB.AI could not read the source. Export the file anew and dub it again.",
    "MASTERING_OUT_OF_RANGE": "The mastering values are out of range. Correct them in CAMB.AI and dub it again.",
    "MISMATCHED_SOURCE_CODEC": (
        "The source's codec is not what its container says. Convert the file, for example to H.264 in MP4, "
        "and dub it again."
    ),
    "PAYMENT_REQUIRED": "The CAMB.AI account has no credit left for this dub. Top it up and start the dub again.",
    "PROCESSING_ERROR": "CAMB.AI failed while processing the source. Start the dub again in CAMB.AI.",
    "SOURCE_BLOCKED_IN_REGION": (
        "The source cannot be played in the region CAMB.AI downloads from. Upload the file itself instead."
    ),
    "SOURCE_IS_AGE_RESTRICTED": (
        "The source is age-restricted, so CAMB.AI cannot download it. Upload the file itself instead."
    ),
    "SOURCE_NOT_FOUND": "CAMB.AI found nothing at the source's link. Check the link and dub it again.",
    "SOURCE_TOO_LARGE": "The source file is too large for CAMB.AI. Compress or split it and dub it again.",
    "SOURCE_TOO_LONG": "The source is too long for CAMB.AI. Split it into parts and dub them one by one.",
    "SOURCE_TYPE_NOT_SUPPORTED": (
        "CAMB.AI does not support this type of file. Convert it, for example to MP4 or MP3, and dub it again."
    ),
    "TIMEOUT": "CAMB.AI took too long over this dub and gave up. Start it again in CAMB.AI.",
    "TOO_MANY_GDRIVE_REQUESTS": (
        "Google Drive refused CAMB.AI for too many downloads. Wait a while, or upload the file itself instead."
    ),
    "VIDEO_DOES_NOT_HAVE_AUDIO_STREAMS": "The source video has no sound to dub. Choose a source with speech.",
    "VOICE_CONVERSION_ERROR": (
        "CAMB.AI failed while converting the voices. Start the dub again, or choose other voices in CAMB.AI."
    ),
}


def explain(reason: str) -> str:
    """Return a failure reason in plain words with the next step; an unknown reason is quoted."""
    known = REASONS.get(reason.strip().upper())
    return known or f"CAMB.AI gave the reason “{reason}”. Look the run up in CAMB.AI, or ask its support."

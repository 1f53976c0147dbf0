"""What merging an answer leaves to say of a run: the notes on its page, and the changes in the call log."""

from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from results.transcripts import languages

MAX_NOTES = 20

ABSENT = _(
    "CAMB.AI's answers leave out this id. It may still be processing. If this continues, check the id, and "
    "that the run was made with this key's account."
)
EMPTY = _("CAMB.AI's latest answer about this run was empty; the earlier result is kept.")
KEPT = _("The earlier result is kept.")
LINK_KEPT = {
    "video": _("CAMB.AI no longer provides the video; the earlier link is kept."),
    "audio": _("CAMB.AI no longer provides the audio; the earlier link is kept."),
}
TRANSCRIPT_KEPT = _("CAMB.AI no longer provides the transcript; the earlier one is kept.")


def counted(notes: Sequence[str]) -> list[str]:
    """Return each note once, with how often it was made, and at most MAX_NOTES of them."""
    counts = Counter(notes)
    told = [
        note if count == 1 else gettext("%(note)s (%(n)s times).") % {"note": note.removesuffix("."), "n": count}
        for note, count in counts.items()
    ]
    return told[:MAX_NOTES]


def no_longer_given(tags: Sequence[str]) -> str:
    """Return one sentence on the dubs that the answer left out, however many they are."""
    first, more = languages.name(tags[0]) or gettext("the dub"), len(tags) - 1
    if not more:
        return gettext("CAMB.AI no longer provides %(dub)s; the earlier result is kept.") % {"dub": first}
    return ngettext(
        "CAMB.AI no longer provides %(dub)s and %(n)s more; the earlier result is kept.",
        "CAMB.AI no longer provides %(dub)s and %(n)s more; the earlier result is kept.",
        more,
    ) % {"dub": first, "n": more}


def left_out(count: int, most: int) -> str:
    """Return a sentence on the dubs beyond the `most` that a run may have."""
    return ngettext(
        "CAMB.AI gave more than %(max)s dubs; %(n)s of them was left out.",
        "CAMB.AI gave more than %(max)s dubs; %(n)s of them were left out.",
        count,
    ) % {"max": most, "n": count}


def transcript_change(tag: str, *, is_replaced: bool) -> str:
    """Return what happened to the transcript in this language, which may be unknown."""
    language = languages.name(tag)
    if not language:
        return gettext("transcript replaced") if is_replaced else gettext("transcript arrived")
    if is_replaced:
        return gettext("transcript of %(language)s replaced") % {"language": language}
    return gettext("transcript of %(language)s arrived") % {"language": language}

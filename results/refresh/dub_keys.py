"""Finds which stored dub each dub of an answer is: CAMB.AI may name a language in several ways, or not at all."""

import json
from collections.abc import Sequence
from hashlib import sha256

from django.utils.translation import gettext as _

from results import camb
from results.models import Dub, Language
from results.transcripts import languages


def match(
    dubs: dict[str, Dub], answered: Sequence[camb.DubAnswer]
) -> tuple[list[tuple[str, camb.DubAnswer]], list[str]]:
    """Return the dubs of an answer under the keys of those stored dubs that they are, and notes.

    CAMB.AI may name the language in one answer and leave it out in another. A stored dub without a key gets the
    key that it has now; a dub that comes without one is the only dub that the run has. A stored dub whose key is a
    number or an old code gets the tag that it has now.
    """
    given, notes = _by_key(answered)
    _tag_anew(dubs)
    new = [(key, dub) for key, dub in given if key not in dubs]
    if len(given) == len(new) == len(dubs) == 1 and not new[0][0]:
        return [(key, given[0][1]) for key in dubs], notes
    if "" in dubs and all(key for key, _ in given) and (key := _key_of(dubs[""], new)):
        dubs[key] = dubs.pop("")
        dubs[key].camb_language = key
    return given, notes


def _by_key(dubs: Sequence[camb.DubAnswer]) -> tuple[list[tuple[str, camb.DubAnswer]], list[str]]:
    """Return the dubs of an answer with CAMB.AI's keys for them, as language tags, and notes.

    Several in one language, as under `54` and `es-es`, are one: merged one after another, each would replace the
    other's lines with every answer.
    """
    numbers = _fetched_tags() if any(dub.language.isdigit() for dub in dubs) else {}
    given: dict[str, list[camb.DubAnswer]] = {}
    for dub in dubs:
        given.setdefault(languages.tag_for(dub.language, numbers), []).append(dub)
    notes = [
        _("CAMB.AI gave %(count)s results in %(language)s, which count as one.")
        % {"count": len(same), "language": languages.name(key)}
        for key, same in given.items()
        if len(same) > 1
    ]
    return [(key, _united(same)) for key, same in given.items()], notes


def _united(same: Sequence[camb.DubAnswer]) -> camb.DubAnswer:
    """Return the first of a language's dubs that has all parts that any of them has, or else the parts of all."""
    parts = [{name for name in ("video_url", "audio_url", "cues") if getattr(dub, name)} for dub in same]
    for dub, own in zip(same, parts, strict=True):
        if own == set().union(*parts):
            return dub
    links = {
        name: next(filter(None, (getattr(dub, name) for dub in same)), "") for name in ("video_url", "audio_url")
    }
    return camb.DubAnswer(same[0].language, **links, cues=max((dub.cues for dub in same), key=len))


def _fetched_tags() -> dict[int, str]:
    return dict(Language.objects.values_list("camb_id", "tag"))


def _tag_anew(dubs: dict[str, Dub]) -> None:
    """Bring the keys of stored dubs into the form that keys have now: a number, or a tag such as `iw` for `he`."""
    tags = _fetched_tags() if any(map(str.isdigit, dubs)) else {}
    for key in list(dubs):
        tag = languages.tag_for(key, tags)
        if tag not in dubs:
            dubs[tag] = dubs.pop(key)
            dubs[tag].camb_language = tag


def _key_of(flat: Dub, new: Sequence[tuple[str, camb.DubAnswer]]) -> str:
    """Return which of the new keys is that of the dub that had none: by its language, or else by its lines."""
    if len(new) == 1:
        return new[0][0]
    spoken = languages.primary(flat.language)
    of_language = [key for key, _ in new if flat.language and languages.primary(key) == spoken]
    if flat.language in of_language or len(of_language) == 1:
        return flat.language if flat.language in of_language else of_language[0]
    return next((key for key, dub in new if dub.cues and digest(dub) == flat.cues_hash), "")


def digest(dub: camb.DubAnswer) -> str:
    return sha256(json.dumps(dub.cues, ensure_ascii=False).encode()).hexdigest()

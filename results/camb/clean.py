"""Cleans an answer of what no database can store, and of the API key, in case CAMB.AI echoes it."""

import json
import math

from results.camb import notes as sentences
from results.camb import texts
from results.camb.bulk import MAX_RUN_ID
from results.camb.notes import Notes

MAX_DEPTH = 50

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_NESTED = (dict, list)


def cleaned_with_json(value: object, key: str, notes: Notes) -> tuple[object, bytes]:
    """Return what `cleaned` does, and the same as canonical JSON.

    Most answers are clean as they are, which one look at their JSON shows.
    """
    if _is_plain(value) and (raw := _json_if_clean(value, key)):
        return value, raw
    value = cleaned(value, key, notes)
    return value, as_json(value)


def cleaned(value: object, key: str, notes: Notes, depth: int = 0) -> object:
    """Return the value as any database can store it: no NUL, no lone surrogate, finite numbers, bounded depth.

    `key` is hidden in its texts and names; "" hides none.
    """
    if isinstance(value, str):
        return hide(texts.storable(value), key)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) <= MAX_RUN_ID else None
    if isinstance(value, _NESTED) and depth == MAX_DEPTH:
        notes.add(sentences.TOO_DEEP)
        return None
    if isinstance(value, dict):
        if getattr(value, "repeats", ()):
            notes.add(sentences.REPEATED_FIELD)
        return {
            hide(texts.storable(name), key): cleaned(part, key, notes, depth + 1) for name, part in value.items()
        }
    if isinstance(value, list):
        return [cleaned(part, key, notes, depth + 1) for part in value]
    return value


def hide(text: str, key: str) -> str:
    """Return CAMB.AI's text without the API key."""
    return text.replace(key, texts.HIDDEN_KEY) if key else text


def as_json(value: object) -> bytes:
    """Return the value as canonical JSON. Raises ValueError for an infinite number or a lone surrogate in it."""
    return _ENCODER.encode(value).encode()


def _is_plain(value: object, depth: int = 0) -> bool:
    """Tell whether nothing in the value is nested too deeply, came twice or is too large an integer."""
    if isinstance(value, int):
        return abs(value) <= MAX_RUN_ID
    if not isinstance(value, _NESTED):
        return True
    if depth == MAX_DEPTH or hasattr(value, "repeats"):
        return False
    for part in value.values() if isinstance(value, dict) else value:
        # A transcript has thousands of integers: a call for each would cost more than all else here.
        if isinstance(part, int):
            if abs(part) > MAX_RUN_ID:
                return False
        elif isinstance(part, _NESTED) and not _is_plain(part, depth + 1):
            return False
    return True


def _json_if_clean(value: object, key: str) -> bytes | None:
    """Return the value as canonical JSON if each of its texts and numbers can be stored and none holds the key."""
    try:
        raw = as_json(value)
    except ValueError:
        return None
    # Within JSON, some characters of a key may be escaped.
    has_key = key and json.dumps(key, ensure_ascii=False)[1:-1].encode() in raw
    return None if has_key or b"\\u0000" in raw else raw

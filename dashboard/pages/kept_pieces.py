"""Keeps rendered pieces of pages, within a bound of bytes, for requests that show the same once more."""

import sys
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from threading import Lock
from typing import Generic, TypeVar

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dashboard.pages.render_once import CSRF_TOKEN

# Of each process of the web server. The transcript of an hour has about 150 kB.
MAX_BYTES = 32 * 2**20


Piece = TypeVar("Piece")


class KeptPieces(Generic[Piece]):
    """Pieces by key; beyond `max_bytes` in all, those that were not used for longest are dropped."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pieces = OrderedDict[Hashable, tuple[Piece, int]]()
        self._lock = Lock()

    def get(self, key: Hashable) -> Piece | None:
        with self._lock:
            if (found := self._pieces.get(key)) is None:
                return None
            self._pieces.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, piece: Piece, size: int) -> None:
        """Keep the piece, which has `size` bytes."""
        with self._lock:
            if key in self._pieces:
                return
            self._pieces[key] = piece, size
            self._bytes += size
            while self._bytes > self._max_bytes:
                _key, (_piece, dropped) = self._pieces.popitem(last=False)
                self._bytes -= dropped

    def clear(self) -> None:
        with self._lock:
            self._pieces.clear()
            self._bytes = 0


_kept = KeptPieces[SafeString](MAX_BYTES)


def render_kept(template_name: str, digest: bytes, models: Mapping[str, object], **values: Hashable) -> SafeString:
    """Return the template with these models and values, rendered only if it is not kept.

    `digest` is of all that the template shows of the models. The template sees nothing but models and values, so
    nothing else of one person can reach another's page. A form has `CSRF_TOKEN` in place of a person's token.
    """
    key = (template_name, get_language(), digest, tuple(values.items()))
    if (html := _kept.get(key)) is None:
        html = render_to_string(template_name, {"csrf_token": CSRF_TOKEN, **models, **values})
        _kept.put(key, html, sys.getsizeof(html))
    return html

"""Keeps rendered pieces of pages, within a bound of bytes, for requests that show the same once more."""

import sys
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from threading import Lock

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dashboard.pages.render_once import CSRF_TOKEN

# Of each process of the web server. The transcript of an hour has about 150 kB.
MAX_BYTES = 32 * 2**20


class KeptPieces:
    """HTML by key; beyond `max_bytes` in all, the pieces that were not used for longest are dropped."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pieces = OrderedDict[Hashable, SafeString]()
        self._lock = Lock()

    def get(self, key: Hashable) -> SafeString | None:
        with self._lock:
            if (html := self._pieces.get(key)) is not None:
                self._pieces.move_to_end(key)
            return html

    def put(self, key: Hashable, html: SafeString) -> None:
        with self._lock:
            if key in self._pieces:
                return
            self._pieces[key] = html
            self._bytes += sys.getsizeof(html)
            while self._bytes > self._max_bytes:
                _key, dropped = self._pieces.popitem(last=False)
                self._bytes -= sys.getsizeof(dropped)


_kept = KeptPieces(MAX_BYTES)


def render_kept(template_name: str, digest: bytes, models: Mapping[str, object], **values: Hashable) -> SafeString:
    """Return the template with these models and values, rendered only if it is not kept.

    `digest` is of all that the template shows of the models. The template sees nothing but models and values, so
    nothing else of one person can reach another's page. A form has `CSRF_TOKEN` in place of a person's token.
    """
    key = (template_name, get_language(), digest, tuple(values.items()))
    if (html := _kept.get(key)) is None:
        html = render_to_string(template_name, {"csrf_token": CSRF_TOKEN, **models, **values})
        _kept.put(key, html)
    return html

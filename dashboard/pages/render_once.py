"""Renders a piece of a page once for all requests that show the same."""

from collections.abc import Hashable, Iterable
from functools import lru_cache

from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.crypto import get_random_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

# Most pieces have about 2 kB. Each process of the web server has its own.
CACHE_SIZE = 5000
# Stands in a cached form for the token of the person who looks at it. It is random, so no text contains it.
CSRF_TOKEN = get_random_string(32)


def render_once(template_name: str, **values: Hashable) -> SafeString:
    """Return the template with these values, rendered only if it has not been before.

    The template sees nothing but the values, so nothing else of one person or team can reach another's page. They
    are strings, numbers, and tuples of them whose items are always of the same types.
    """
    return _rendered(template_name, get_language(), **values)


def render_each(template_name: str, rows: Iterable[Hashable], **values: Hashable) -> SafeString:
    """Return the template with these values for each `row`, one after the other."""
    language = get_language()
    return mark_safe("".join(_rendered(template_name, language, row=row, **values) for row in rows))  # noqa: S308


# With `typed`, text that is safe to print and the same text that is not are two values.
@lru_cache(maxsize=CACHE_SIZE, typed=True)
def _rendered(template_name: str, language: str | None, **values: Hashable) -> SafeString:
    if any(isinstance(value, Model) for value in values.values()):
        # It equals itself also when its fields have changed.
        raise TypeError("pass fields in place of an instance of a model")
    return render_to_string(template_name, {"csrf_token": CSRF_TOKEN, **values})

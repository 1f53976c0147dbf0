"""Fields that several forms share."""

import re
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from teams import time_zones

_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# A NUL breaks PostgreSQL, others break XML, and half a surrogate pair breaks any database.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


def single_line(text: str) -> str:
    """Return the text without control characters, as pasted titles are cleaned; breaks of lines become spaces."""
    return _CONTROL.sub("", _BREAKS.sub(" ", text))


class NameField(forms.CharField):
    """A name of a person or a thing, on one line. One of only spaces and invisible characters counts as empty."""

    def to_python(self, value: Any) -> str:
        if isinstance(value, str) and "\0" not in value:  # a NUL is refused, as in every field
            value = single_line(value)
        name = super().to_python(value) or ""
        return name if any(letter.isprintable() and letter != " " for letter in name) else ""


def _time_zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in time_zones.names()]


class TimeZoneField(forms.ChoiceField):
    """A choice of time zones, which also takes their earlier names."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": _("There is no time zone “%(value)s”. Choose one from the list.")
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=_("Time zone"), choices=_time_zones, **kwargs)

    def to_python(self, value: Any) -> str:
        name = super().to_python(value)
        return time_zones.find(name) or name

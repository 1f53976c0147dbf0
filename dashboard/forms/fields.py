"""Fields that several forms share."""

from typing import Any

from django import forms


class NameField(forms.CharField):
    """A name of a person or a thing. A name of only spaces and invisible characters counts as empty."""

    def to_python(self, value: Any) -> str:
        name = super().to_python(value) or ""
        return name if any(letter.isprintable() and letter != " " for letter in name) else ""

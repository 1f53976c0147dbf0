"""The forms of a person: their profile and their player."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.forms.fields import NameField, TimeZoneField
from teams import models
from teams.models import User


class ProfileForm(forms.Form):
    name = NameField(
        label=_("Your name"),
        help_text=_("What your teams see. Without one, they see your email address."),
        required=False,
        max_length=models.MAX_PERSON_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    time_zone = TimeZoneField(required=False)

    uses_shortcuts = forms.BooleanField(
        label=_("Use keyboard shortcuts"), help_text=_("Press ? on any page to see them."), required=False
    )

    def __init__(self, *args: Any, browser_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        explanation = _("For dates and times on pages and in searches.")
        proposal = _("Your browser's time zone is %(zone)s.") % {"zone": browser_zone} if browser_zone else ""
        self.fields["time_zone"].help_text = f"{explanation} {proposal}"


class PlayerForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's has no [] at run time
    class Meta:
        model = User
        fields = ["speed", "has_captions"]

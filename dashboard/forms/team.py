"""The forms of a team: its name, people, invitations, tokens, key, copies, retention and review checks."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms.fields import NameField
from dashboard.units import duration_in_words
from results import clock
from results.media import copy_storage
from results.models import ReviewPolicy
from results.runs.retention import Limits
from results.transcripts import languages
from results.transcripts.languages import quoted
from teams import models
from teams.access import can_change, roles_to_give
from teams.models import Membership, Team


class TeamForm(forms.Form):
    name = NameField(
        label=_("Team name"),
        max_length=models.MAX_TEAM_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def role_choices(membership: Membership) -> list[tuple[str, Any]]:
    """Return the roles that the member may give."""
    given = roles_to_give(membership)
    return [choice for choice in Membership.Role.choices if choice[0] in given]


class MemberForm(forms.Form):
    """Changes a member's role or right to export: whichever of the two is sent."""

    role = forms.ChoiceField(required=False)
    may_export = forms.ChoiceField(choices=[("yes", ""), ("no", "")], required=False)

    def __init__(self, membership: Membership, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(membership)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not (cleaned.get("role") or cleaned.get("may_export")):
            raise ValidationError(_("Choose one of the roles."))
        return cleaned


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("Email address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"))
    may_export = forms.BooleanField(label=_("May export"), required=False)

    def __init__(self, membership: Membership, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = membership.team
        self.fields["role"].choices = role_choices(membership)  # type: ignore[attr-defined]
        self.initial.update(role=Membership.Role.MEMBER, may_export=True)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if self.team.memberships.filter(user__email=email).exists():
            raise ValidationError(_("This person is already in the team."))
        return email


class RemoveTeamForm(forms.Form):
    typed = forms.CharField(
        label=_("Type the team's name to confirm"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = team

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.team.name:
            raise ValidationError(_("That is not the team's name. Nothing was removed."))
        return typed


def _token_lifetimes() -> list[tuple[int | str, Any]]:
    """The choices of a token's lifetime, in days; the empty one never ends."""
    return [
        *((life.days, _("In %(time)s") % {"time": duration_in_words(life)}) for life in models.TOKEN_LIFETIMES),
        ("", _("Never")),
    ]


class TokenForm(forms.Form):
    """Creates an access token for a script of this member."""

    NAME_IS_TAKEN = _("You already have a token with this name. Choose another name, or revoke that one first.")

    name = NameField(
        label=_("What it is for"),
        max_length=models.MAX_TOKEN_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    access = forms.ChoiceField(label=_("Access"))
    days = forms.TypedChoiceField(
        label=_("Expires"),
        choices=_token_lifetimes,
        coerce=int,
        empty_value=None,
        required=False,
        initial=models.DEFAULT_TOKEN_LIFETIME.days,
    )

    def __init__(self, membership: Membership, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.membership = membership
        writing = [("write", _("Read and write"))] if can_change(membership) else []
        self.fields["access"].choices = [("read", _("Read")), *writing]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.membership.tokens.filter(name=name).exists():
            raise ValidationError(self.NAME_IS_TAKEN)
        return name

    def clean(self) -> dict[str, Any]:
        if self.membership.tokens.count() >= models.MAX_TOKENS:
            raise ValidationError(
                _("You can have up to %(most)s tokens. Revoke one first."),
                params={"most": models.MAX_TOKENS},
            )
        return super().clean() or {}


CANNOT_KEEP_COPIES = _(
    "This server is not set up to keep copies. Ask the administrator of this server. The log says why."
)


class CopyPolicyForm(forms.Form):
    """Sets whether the team keeps copies of its media, and its quota in GB."""

    is_on = forms.BooleanField(label=_("Keep a copy of ready video and audio"), required=False)
    most_gb = forms.IntegerField(label=_("Limit in GB"), min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = self.fields["most_gb"]
        most.validators.append(MaxValueValidator(settings.MEDIA_QUOTA_GB))
        most.widget.attrs["max"] = settings.MEDIA_QUOTA_GB

    def clean_is_on(self) -> bool:
        is_on: bool = self.cleaned_data["is_on"]
        if is_on and not copy_storage.are_allowed():
            raise ValidationError(CANNOT_KEEP_COPIES)
        return is_on


class RetentionForm(forms.Form):
    """Sets how many days the team keeps things. An empty field is no limit of its own."""

    MAX_DAYS = clock.MAX_DAYS

    archived_run_days = forms.IntegerField(
        label=_("Delete archived runs after (days)"),
        help_text=_("Counted from the day a run was archived. Empty: kept forever."),
        required=False, min_value=1, max_value=MAX_DAYS,
    )  # fmt: skip
    media_days = forms.IntegerField(
        label=_("Delete copies of media after (days)"),
        help_text=_("The run and its transcripts stay. Empty: kept forever."),
        required=False, min_value=1, max_value=MAX_DAYS,
    )  # fmt: skip
    call_log_days = forms.IntegerField(label=_("Delete calls to CAMB.AI after (days)"), required=False, min_value=1)

    def __init__(self, limits: Limits, data: QueryDict | None = None) -> None:
        super().__init__(data, initial=asdict(limits))
        calls = self.fields["call_log_days"]
        # The administrator alone gives a team more than the server's time.
        most = max(int(settings.CALL_LOG_DAYS), limits.call_log_days or 1)
        calls.validators.append(MaxValueValidator(most))
        calls.widget.attrs["max"] = most
        calls.help_text = _("Activity shows nothing older. Empty: %(time)s, as set for this server.") % {
            "time": duration_in_words(timedelta(days=settings.CALL_LOG_DAYS))
        }


class ReviewLimitsForm(forms.Form):
    """Sets the limits of the team's review checks. An empty field leaves the limit to the guide."""

    FASTEST = 100

    guide = forms.ChoiceField(label=_("Guide"), choices=ReviewPolicy.Guide.choices)
    speed = forms.IntegerField(
        label=_("Characters/s in most languages"), required=False, min_value=1, max_value=FASTEST
    )
    speeds = forms.CharField(
        label=_("Characters/s in other languages"),
        help_text=_("One language a line, such as: Japanese 6"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto", "spellcheck": "false"}),
    )
    overlap_s = forms.FloatField(label=_("Longest overlap (seconds)"), required=False, min_value=0, max_value=10)
    gap_s = forms.IntegerField(label=_("Longest gap (seconds)"), required=False, min_value=1, max_value=3600)

    def clean_speeds(self) -> dict[str, int]:
        """Return the speeds by language tag."""
        speeds: dict[str, int] = {}
        for line in filter(str.strip, self.cleaned_data["speeds"].splitlines()):
            name, _space, number = line.strip().replace(":", " ").rpartition(" ")
            tag = languages.read(name)
            if not (name and number.isdecimal()):
                raise ValidationError(_("%(line)s needs a language and a number."), params={"line": quoted(line)})
            if not tag:
                raise ValidationError(languages.not_known(name))
            if tag in speeds:
                raise ValidationError(_("%(name)s is listed twice."), params={"name": quoted(name)})
            if not 1 <= int(number[:9]) <= self.FASTEST:
                shown = {"line": quoted(line), "most": self.FASTEST}
                raise ValidationError(_("%(line)s: use a number from 1 to %(most)s."), params=shown)
            speeds[tag] = int(number)
        return speeds


class KeyForm(forms.Form):
    """A pasted CAMB.AI key. The page never shows it again, not even in an error."""

    MIN_LENGTH, MAX_LENGTH = 8, 500

    key = forms.CharField(
        label=_("CAMB.AI key"),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Paste the key first.")},
    )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"].strip(" \t\r\n\"'`“”‘’")
        if not key:
            raise ValidationError(_("Paste the key first."))
        if not all("!" <= letter <= "~" for letter in key):
            raise ValidationError(
                _("A key has no spaces, and only plain letters, digits and signs. Copy it again from CAMB.AI.")
            )
        if len(key) < self.MIN_LENGTH:
            raise ValidationError(_("This is too short for a key. Copy all of it from CAMB.AI."))
        if len(key) > self.MAX_LENGTH:
            raise ValidationError(_("This is too long for a key. Copy only the key from CAMB.AI."))
        return key

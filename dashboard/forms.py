# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""Every form of the pages: its fields, its limits, and the sentences for input that is refused.

A sentence that names a limit prints the constant that the check uses.
"""

import codecs
from typing import Any

from allauth.account import forms as allauth
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dashboard.accounts import carried_invitation
from dashboard.units import duration_in_words, size_in_words
from results import tags
from results.models import Run, RunQuerySet, SpeakerName, Tag, TeamVersion
from results.runs import pasted_ids
from teams import models
from teams.access import can_change
from teams.models import Membership, Team, User


class NameField(forms.CharField):
    """A name of a person or a thing. A name of only spaces and invisible characters counts as empty."""

    def to_python(self, value: Any) -> str:
        name = super().to_python(value) or ""
        return name if any(letter.isprintable() and letter != " " for letter in name) else ""


# --- Accounts: allauth's forms with our labels -------------------------------------------------------


class _OwnLabels:
    """Replaces allauth's labels, and drops its placeholders, which only repeat the labels."""

    labels = {
        "login": _("Email address"),
        "email": _("Email address"),
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("Repeat the new password"),
    }
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
        if "password1" in self.fields:
            self.fields["password1"].help_text = _(
                "At least %(least)s characters; a few words in a row are easy to remember."
            ) % {"least": settings.MIN_PASSWORD_LENGTH}


class LoginForm(_OwnLabels, allauth.LoginForm):
    pass


class SignupForm(_OwnLabels, allauth.SignupForm):
    labels = {**_OwnLabels.labels, "password1": _("Password")}
    field_order = ("name", "email", "password1")
    name = NameField(
        label=_("Your name (optional)"),
        required=False,
        max_length=models.MAX_PERSON_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = carried_invitation(context.request)
        if self.invitation:
            # An invitation is for one address: its link signs up no other.
            self.initial["email"] = self.invitation.email
            self.fields["email"].disabled = True

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            # Hashing is the slow part of making an account: without it, the response time would tell that the
            # address has an account, which the answer itself does not.
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class ChangeEmailForm(_OwnLabels, allauth.AddEmailForm):
    labels = {"email": _("New email address")}


class ChangePasswordForm(_OwnLabels, allauth.ChangePasswordForm):
    pass


class ResetPasswordForm(_OwnLabels, allauth.ResetPasswordForm):
    pass


class NewPasswordForm(_OwnLabels, allauth.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(_OwnLabels, allauth.ReauthenticateForm):
    pass


class ProfileForm(forms.Form):
    name = NameField(
        label=_("Your name"),
        help_text=_("What your teams see. Without one, they see your email address."),
        required=False,
        max_length=models.MAX_PERSON_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class PlayerForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's has no [] at run time
    class Meta:
        model = User
        fields = ["speed", "has_captions", "has_keys"]


# --- Teams -------------------------------------------------------------------------------------------


class TeamForm(forms.Form):
    name = NameField(
        label=_("Name of the team"),
        max_length=models.MAX_TEAM_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)


class InvitationForm(RoleForm):
    email = forms.EmailField(label=_("Email address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ("email", "role")

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = team
        self.initial["role"] = Membership.Role.MEMBER

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if self.team.memberships.filter(user__email=email).exists():
            raise ValidationError(_("This person is in the team already."))
        return email


class DeleteTeamForm(forms.Form):
    typed = forms.CharField(
        label=_("Type the name of the team"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = team

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.team.name:
            raise ValidationError(_("That is not the name of this team, so nothing was deleted."))
        return typed


def _token_lifetimes() -> list[tuple[int | str, Any]]:
    """The choices of a token's lifetime, in days; the empty one never ends."""
    return [
        *((life.days, _("in %(time)s") % {"time": duration_in_words(life)}) for life in models.TOKEN_LIFETIMES),
        ("", _("never")),
    ]


class TokenForm(forms.Form):
    """Creates an access token for a script of this member."""

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
        writing = [("write", _("read and write"))] if can_change(membership) else []
        self.fields["access"].choices = [("read", _("read")), *writing]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.membership.tokens.filter(name=name).exists():
            raise ValidationError(
                _("You have a token of this name. Choose another name, or revoke that one first.")
            )
        return name

    def clean(self) -> dict[str, Any]:
        if self.membership.tokens.count() >= models.MAX_TOKENS:
            raise ValidationError(
                _("You can have up to %(most)s tokens. Revoke one first."),
                params={"most": models.MAX_TOKENS},
            )
        return super().clean() or {}


class CopyPolicyForm(forms.Form):
    """Sets whether the team keeps copies of its media, and its quota in GB."""

    is_on = forms.BooleanField(label=_("Keep a copy of finished video and audio"), required=False)
    most_gb = forms.IntegerField(label=_("Limit in GB"), min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = self.fields["most_gb"]
        most.validators.append(MaxValueValidator(settings.MEDIA_QUOTA_GB))
        most.widget.attrs["max"] = settings.MEDIA_QUOTA_GB


class KeyForm(forms.Form):
    """A pasted CAMB.AI key. The page never shows it again, not even in an error."""

    SHORTEST, LONGEST = 8, 500

    key = forms.CharField(
        label=_("CAMB.AI API key"),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Paste the key first.")},
    )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"].strip(" \t\r\n\"'`“”‘’")
        if not key:
            raise ValidationError(_("Paste the key first."))
        if not all("!" <= letter <= "~" for letter in key):
            raise ValidationError(
                _("A key has no spaces and only plain letters, digits and signs. Copy it once more from CAMB.AI.")
            )
        if len(key) < self.SHORTEST:
            raise ValidationError(_("This is too short to be a key. Copy all of it from CAMB.AI."))
        if len(key) > self.LONGEST:
            raise ValidationError(_("This is too long to be a key. Copy the key alone from CAMB.AI."))
        return key


# --- Runs --------------------------------------------------------------------------------------------


class RunsForm(forms.Form):
    """Run ids as pasted text, as a file, or both; `cleaned_data["lines"]` holds every token with its verdict."""

    text = forms.CharField(
        label=_("Run ids"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "dir": "auto"}),
    )
    file = forms.FileField(
        label=_("Or a file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".txt,.csv,.tsv,text/plain,text/csv"}),
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if file is None:
            return ""
        if file.size > pasted_ids.MAX_BYTES:
            raise ValidationError(
                _("This file is larger than %(size)s. Please send it in parts."),
                params={"size": size_in_words(pasted_ids.MAX_BYTES)},
            )
        return _decoded(file.read())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        text = "\n".join(filter(None, [cleaned.get("text"), cleaned.get("file")]))
        if len(text.encode(errors="replace")) > pasted_ids.MAX_BYTES:
            raise ValidationError(
                _("This is more than %(size)s of text. Please add it in parts."),
                params={"size": size_in_words(pasted_ids.MAX_BYTES)},
            )
        lines = pasted_ids.parse(text)
        found = sum(line.verdict in (pasted_ids.Verdict.ID, pasted_ids.Verdict.TASK) for line in lines)
        if found > pasted_ids.MAX_IDS:
            raise ValidationError(
                _("These are %(found)s run ids; up to %(most)s can be added at once. Please add them in parts."),
                params={"found": f"{found:,}", "most": f"{pasted_ids.MAX_IDS:,}"},
            )
        return cleaned | {"lines": lines, "text": text}


def _decoded(raw: bytes) -> str:
    """Return the text of a file that may be UTF-8, UTF-16 or Windows-1252, the encodings spreadsheets write.

    Undecodable bytes become replacement characters: digits survive in each of the three.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


class TitleForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's has no [] at run time
    class Meta:
        model = Run
        fields = ["title"]
        field_classes = {"title": NameField}
        error_messages = {"title": {"max_length": _("A title has at most %(limit_value)d characters.")}}

    def save(self, commit: bool = True) -> Run:
        run: Run = self.instance
        with transaction.atomic():
            # The run is locked before the team's version, as workers that save answers do: the other order could
            # deadlock with them.
            Run.objects.select_for_update().filter(pk=run.pk).first()
            run.version = TeamVersion.bump(run.team_id)
            run.save(update_fields=["title", "version"])
        return run


class TagsForm(forms.Form):
    """Tags typed with commas between them; `cleaned_data["tags"]` holds each once."""

    tags = forms.CharField(label=_("Tags"), error_messages={"required": _("Type a tag first.")})

    def clean_tags(self) -> list[str]:
        names = tags.parse(self.cleaned_data["tags"])
        if not names:
            raise ValidationError(_("Type a tag first."))
        if len(names) > pasted_ids.MAX_TAGS:
            raise ValidationError(_("At most %(most)s tags at once."), params={"most": pasted_ids.MAX_TAGS})
        for name in names:
            if len(name) > Tag.LONGEST:
                shown = {"tag": f"{name[: Tag.LONGEST]}…", "most": Tag.LONGEST}
                raise ValidationError(
                    _("A tag has at most %(most)s characters: “%(tag)s” is longer."), params=shown
                )
        return names


class SpeakerForm(forms.Form):
    """Renames a speaker, in one run or in every run of the team. An empty name restores CAMB.AI's."""

    name = NameField(
        label=_("Name"),
        required=False,
        max_length=SpeakerName._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    everywhere = forms.BooleanField(label=_("In every run of the team, new ones too"), required=False)


class TimesForm(forms.Form):
    """Chooses the unit of the times in CAMB.AI's answer about a run, or leaves it to Dubroom."""

    unit = forms.ChoiceField(
        label=_("CAMB.AI's times are in"), required=False, choices=[("", _("Automatic")), *Run.TimeUnit.choices]
    )


class LinkForm(forms.Form):
    """Takes one of the given runs, which the page itself lists."""

    def __init__(self, runs: RunQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        errors = {"required": _("Choose a run first."), "invalid_choice": _("This run is no longer here.")}
        self.fields["run"] = forms.ModelChoiceField(runs, error_messages=errors)

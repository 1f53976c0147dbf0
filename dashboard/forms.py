# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""What may be typed in, and what do we say when it is not right?"""

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
from results import tags
from results.models import Run, RunQuerySet, SpeakerName, Tag, TeamVersion
from results.runs import pasted_ids
from teams.access import can_change
from teams.models import Membership, Team, User


class NameField(forms.CharField):
    """What somebody or something is called: a name of nothing but blanks and unseen marks is none."""

    def to_python(self, value: Any) -> str:
        name = super().to_python(value) or ""
        return name if any(letter.isprintable() and letter != " " for letter in name) else ""


# --- Accounts: allauth's forms in our words ----------------------------------------------------------


class _InOurWords:
    """Says what allauth asks for as the rest of Dubroom would, and once: it also repeats labels as placeholders."""

    words = {
        "login": _("E-mail address"),
        "email": _("E-mail address"),
        "oldpassword": _("Your password now"),
        "password1": _("New password"),
        "password2": _("New password again"),
    }
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.words.get(name, field.label)
        if "password1" in self.fields:
            self.fields["password1"].help_text = _("At least 10 characters; a few words in a row are easy to keep.")


class LoginForm(_InOurWords, allauth.LoginForm):
    pass


class SignupForm(_InOurWords, allauth.SignupForm):
    words = {**_InOurWords.words, "password1": _("Password")}
    field_order = ("name", "email", "password1")
    name = NameField(
        label=_("Your name (optional)"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = carried_invitation(context.request)
        if self.invitation:
            # An invitation is for one address: nobody signs up with another by its link.
            self.initial["email"] = self.invitation.email
            self.fields["email"].disabled = True

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            # What takes longest when an account is made: else time would tell what the answer does not.
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class ChangeEmailForm(_InOurWords, allauth.AddEmailForm):
    words = {"email": _("New e-mail address")}


class ChangePasswordForm(_InOurWords, allauth.ChangePasswordForm):
    pass


class ResetPasswordForm(_InOurWords, allauth.ResetPasswordForm):
    pass


class NewPasswordForm(_InOurWords, allauth.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(_InOurWords, allauth.ReauthenticateForm):
    pass


class ProfileForm(forms.Form):
    name = NameField(
        label=_("Your name"),
        help_text=_("What your teams see. Without one, they see your e-mail address."),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class PlayerForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's has no [] at run time
    class Meta:
        model = User
        fields = ["speed", "has_captions", "has_keys"]


# --- Teams -------------------------------------------------------------------------------------------


class TeamForm(forms.Form):
    name = NameField(
        label=_("Name of the team"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)


class InvitationForm(RoleForm):
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
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


class TokenForm(forms.Form):
    """An access token for a script of this member."""

    MOST = 50

    name = NameField(
        label=_("What it is for"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    access = forms.ChoiceField(label=_("It may"))
    days = forms.TypedChoiceField(
        label=_("It ends"),
        choices=[(30, _("in 30 days")), (90, _("in 90 days")), (365, _("in a year")), ("", _("never"))],
        coerce=int,
        empty_value=None,
        required=False,
        initial=90,
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
        if self.membership.tokens.count() >= self.MOST:
            raise ValidationError(
                _("You have %(most)s tokens, and that is the most. Revoke one first."), params={"most": self.MOST}
            )
        return super().clean() or {}


class CopyPolicyForm(forms.Form):
    """Whether the team keeps copies of its media, and how much of it."""

    is_on = forms.BooleanField(label=_("Keep a copy of finished video and audio"), required=False)
    most_gb = forms.IntegerField(label=_("At most, in GB"), min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = self.fields["most_gb"]
        most.validators.append(MaxValueValidator(settings.MEDIA_QUOTA_GB))
        most.widget.attrs["max"] = settings.MEDIA_QUOTA_GB


class KeyForm(forms.Form):
    """A CAMB.AI key as people paste it; what was typed is never sent back, not even to say what is wrong."""

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
    """Run ids as pasted text, as a file, or both; `cleaned_data["lines"]` has every token with its verdict."""

    MOST_BYTES = 2**20
    MOST_IDS = 20_000

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
        if file.size > self.MOST_BYTES:
            raise ValidationError(_("This file is larger than 1 MB. Please send it in parts."))
        return _decoded(file.read())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        text = "\n".join(filter(None, [cleaned.get("text"), cleaned.get("file")]))
        if len(text.encode(errors="replace")) > self.MOST_BYTES:
            raise ValidationError(_("This is more than 1 MB of text. Please add it in parts."))
        lines = pasted_ids.parse(text)
        found = sum(line.verdict in (pasted_ids.Verdict.ID, pasted_ids.Verdict.TASK) for line in lines)
        if found > self.MOST_IDS:
            raise ValidationError(
                _("These are %(found)s run ids; up to %(most)s can be added at once. Please add them in parts."),
                params={"found": f"{found:,}", "most": f"{self.MOST_IDS:,}"},
            )
        return cleaned | {"lines": lines, "text": text}


def _decoded(raw: bytes) -> str:
    """Spreadsheets write UTF-8, UTF-16 or the Windows letters of the West; in none of them no digit is lost."""
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
            # The run, then the pulse, as whoever stores answers locks them: else each would wait for the other.
            Run.objects.select_for_update().filter(pk=run.pk).first()
            run.version = TeamVersion.bump(run.team_id)
            run.save(update_fields=["title", "version"])
        return run


class TagsForm(forms.Form):
    """Tags as somebody types them, parted by commas; `cleaned_data["tags"]` has each once."""

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
    name = NameField(
        label=_("Name"),
        required=False,
        max_length=SpeakerName._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    everywhere = forms.BooleanField(label=_("In every run of the team, new ones too"), required=False)


class LinkForm(forms.Form):
    """One of these runs, which are shown by the page itself."""

    def __init__(self, runs: RunQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        errors = {"required": _("Choose a run first."), "invalid_choice": _("This run is no longer here.")}
        self.fields["run"] = forms.ModelChoiceField(runs, error_messages=errors)

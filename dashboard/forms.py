# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""Every form of the pages: its fields, its limits, and the sentences for input that is refused.

A sentence that names a limit prints the constant that the check uses.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dashboard.units import duration_in_words, size_in_words
from results import tags
from results.models import (
    DismissedCheck,
    Language,
    Run,
    RunQuerySet,
    SavedView,
    Source,
    SpeakerName,
    Tag,
    TeamVersion,
)
from results.runs import files, pasted_ids, verdicts
from results.runs.column_names import Role
from results.runs.verdicts import Verdict
from results.search import titles
from results.transcripts import languages
from teams import models, time_zones
from teams.access import can_change
from teams.models import Membership, Team, User


class NameField(forms.CharField):
    """A name of a person or a thing. A name of only spaces and invisible characters counts as empty."""

    def to_python(self, value: Any) -> str:
        name = super().to_python(value) or ""
        return name if any(letter.isprintable() and letter != " " for letter in name) else ""


# --- The person ---------------------------------------------------------------------------------------


class TimeZoneField(forms.ChoiceField):
    """A choice of time zones, which also takes their earlier names."""

    def to_python(self, value: Any) -> str:
        name = super().to_python(value)
        return time_zones.find(name) or name


class ProfileForm(forms.Form):
    name = NameField(
        label=_("Your name"),
        help_text=_("What your teams see. Without one, they see your email address."),
        required=False,
        max_length=models.MAX_PERSON_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    time_zone = TimeZoneField(
        label=_("Time zone"),
        choices=lambda: [(name, name.replace("_", " ")) for name in time_zones.names()],
        required=False,
        error_messages={"invalid_choice": _("There is no time zone “%(value)s”. Choose one from the list.")},
    )

    def __init__(self, *args: Any, browser_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        explanation = _("For dates and times on pages and in searches.")
        proposal = _("Your browser says %(zone)s.") % {"zone": browser_zone} if browser_zone else ""
        self.fields["time_zone"].help_text = f"{explanation} {proposal}"


class PlayerForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's has no [] at run time
    class Meta:
        model = User
        fields = ["speed", "has_captions", "has_keys"]


# --- Teams -------------------------------------------------------------------------------------------


class TeamForm(forms.Form):
    name = NameField(
        label=_("Team name"),
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
            raise ValidationError(_("This person is already in the team."))
        return email


class DeleteTeamForm(forms.Form):
    typed = forms.CharField(
        label=_("Type the team's name to confirm"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = team

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.team.name:
            raise ValidationError(_("That is not the team's name. Nothing was deleted."))
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
                _("A key has no spaces, and only plain letters, digits and signs. Copy it again from CAMB.AI.")
            )
        if len(key) < self.SHORTEST:
            raise ValidationError(_("This is too short for a key. Copy all of it from CAMB.AI."))
        if len(key) > self.LONGEST:
            raise ValidationError(_("This is too long for a key. Copy only the key from CAMB.AI."))
        return key


# --- Runs --------------------------------------------------------------------------------------------


class RunsForm(forms.Form):
    """Run ids as pasted text, as a file, or both, and the person's choices about how they are read.

    `cleaned_data["pasted"]` holds every token with its verdict, and the table in it.
    """

    text = forms.CharField(label=_("Run ids"), required=False, strip=False)
    file = forms.FileField(label=_("Or a file"), required=False, allow_empty_file=True)
    # The choices belong to the file and to the table that the page showed; those about another one are ignored.
    file_digest = forms.CharField(required=False)
    encoding = forms.ChoiceField(choices=[("", ""), *files.ENCODINGS.items()], required=False)
    sheet = forms.CharField(required=False, strip=False)
    table = forms.CharField(required=False)
    role = forms.TypedMultipleChoiceField(
        choices=[(role, role) for role in Role], coerce=Role, required=False, empty_value=[]
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = self._read_file(cleaned) if cleaned.get("file") else None
        texts = [text for text in (cleaned.get("text"), file and file.text) if text]
        if sum(len(text.encode(errors="replace")) for text in texts) > verdicts.MAX_BYTES:
            raise ValidationError(
                _("This is more than %(size)s of text. Add it in parts."),
                params={"size": size_in_words(verdicts.MAX_BYTES)},
            )
        numbers = dict(Language.objects.values_list("camb_id", "tag"))
        pasted = pasted_ids.read(texts, cleaned.get("role", []), cleaned.get("table", ""), numbers)
        found = sum(line.verdict in (Verdict.ID, Verdict.TASK) for line in pasted.lines)
        if found > verdicts.MAX_IDS:
            raise ValidationError(
                _("These are %(found)s run ids; up to %(most)s can be added at once. Add them in parts."),
                params={"found": f"{found:,}", "most": f"{verdicts.MAX_IDS:,}"},
            )
        return cleaned | {"pasted": pasted, "read_file": file, "text": "\n".join(texts)}

    def _read_file(self, cleaned: dict[str, Any]) -> files.ReadFile:
        if cleaned["file"].size > verdicts.MAX_FILE_BYTES:
            raise ValidationError(
                _("This file is larger than %(size)s. Send it in parts."),
                params={"size": size_in_words(verdicts.MAX_FILE_BYTES)},
            )
        raw = cleaned["file"].read()
        is_meant = files.digest(raw) == cleaned.get("file_digest")
        chosen = {name: cleaned.get(name, "") for name in ("encoding", "sheet")} if is_meant else {}
        try:
            return files.read(raw, **chosen)
        except files.UnreadableFileError as error:
            raise ValidationError(str(error)) from error


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
            run.version, run.is_compared = TeamVersion.bump(run.team_id), False
            run.title_folded = titles.fold(run.title)
            run.save(update_fields=["title", "title_folded", "is_compared", "version"])
        return run


class TagsForm(forms.Form):
    """Tags typed with commas between them; `cleaned_data["tags"]` holds each once."""

    tags = forms.CharField(label=_("Tags"), error_messages={"required": _("Type a tag first.")})

    def clean_tags(self) -> list[str]:
        names = tags.parse(self.cleaned_data["tags"])
        if not names:
            raise ValidationError(_("Type a tag first."))
        if len(names) > verdicts.MAX_TAGS:
            raise ValidationError(_("At most %(most)s tags at once."), params={"most": verdicts.MAX_TAGS})
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


class DismissalForm(forms.Form):
    """Says why a review check is dismissed."""

    reason = NameField(
        label=_("Reason"),
        max_length=DismissedCheck._meta.get_field("reason").max_length,
        error_messages={"required": _("Say why in a few words.")},
    )


class TimesForm(forms.Form):
    """Chooses the unit of the times in CAMB.AI's answer about a run, or leaves it to Dubroom."""

    unit = forms.ChoiceField(
        label=_("CAMB.AI's times are in"), required=False, choices=[("", _("Automatic")), *Run.TimeUnit.choices]
    )


class ViewForm(forms.Form):
    """A saved view of the list of runs."""

    name = NameField(
        label=_("Name of the view"),
        max_length=SavedView.LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        error_messages={"required": _("Give the view a name.")},
    )
    is_shared = forms.BooleanField(label=_("Share with the team"), required=False)
    is_default = forms.BooleanField(label=_("Open the list with it, for everyone in the team"), required=False)


class LanguageForm(forms.Form):
    """Takes a language by its name or tag; an empty one leaves the language to CAMB.AI and to the text."""

    language = forms.CharField(
        label=_("Language"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"list": "languages", "autocomplete": "off", "dir": "auto"}),
    )

    def clean_language(self) -> str:
        typed = self.cleaned_data["language"]
        numbers = dict(Language.objects.values_list("camb_id", "tag")) if typed.strip().isdigit() else {}
        tag = languages.read(typed, numbers)
        if typed and not tag:
            raise ValidationError(
                _("“%(typed)s” is no language that Dubroom knows. Type a name or a tag, such as Japanese or pt-BR.")
                % {"typed": typed}
            )
        return tag


class SourceTitleForm(forms.Form):
    """The title of a source; empty, it shows that of its newest run."""

    title = NameField(
        label=_("Title"),
        required=False,
        max_length=Source.LONGEST_TITLE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        error_messages={"max_length": _("A title has at most %(limit_value)d characters.")},
    )


class RunChoiceForm(forms.Form):
    """Takes one of the given runs, which the page itself lists."""

    def __init__(self, runs: RunQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        errors = {"required": _("Choose a run first."), "invalid_choice": _("This run is no longer here.")}
        self.fields["run"] = forms.ModelChoiceField(runs, error_messages=errors)

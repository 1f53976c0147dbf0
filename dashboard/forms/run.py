"""The forms of runs: adding and naming them, their tags, speakers, languages, views and sources."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dashboard.forms.fields import NameField
from dashboard.units import size_in_words
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
from results.runs.paste import files, limits, pasted_ids, tables
from results.runs.paste.column_names import Role
from results.search import titles
from results.transcripts import languages
from results.transcripts.languages import quoted
from teams import audit


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
        if sum(len(text.encode(errors="replace")) for text in texts) > limits.MAX_BYTES:
            raise ValidationError(
                _("This is more than %(size)s of text. Add it in parts."),
                params={"size": size_in_words(limits.MAX_BYTES)},
            )
        numbers = dict(Language.objects.values_list("camb_id", "tag"))
        roles, table = cleaned.get("role", []), cleaned.get("table", "")
        try:
            pasted = pasted_ids.read(texts, roles, table, numbers, most=limits.MAX_IDS)
        except pasted_ids.TooManyIdsError:
            raise ValidationError(
                _("You can add up to %(most)s run ids at once. Add these in parts."),
                params={"most": f"{limits.MAX_IDS:,}"},
            ) from None
        except tables.TooManyTablesError:
            raise ValidationError(
                _("This text has more than %(most)s tables. Add it in parts."),
                params={"most": f"{limits.MAX_TABLES:,}"},
            ) from None
        return cleaned | {"pasted": pasted, "read_file": file, "text": "\n".join(texts)}

    def _read_file(self, cleaned: dict[str, Any]) -> files.ReadFile:
        if cleaned["file"].size > limits.MAX_FILE_BYTES:
            raise ValidationError(
                _("This file is larger than %(size)s. Split it into smaller files."),
                params={"size": size_in_words(limits.MAX_FILE_BYTES)},
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
            audit.record(run.team_id, audit.Action.RUNS_EDITED, f"{run.camb_name} · title")
        return run


class TagsForm(forms.Form):
    """Tags typed with commas between them; `cleaned_data["tags"]` holds each once.

    Where tags can be ticked too, none need be typed. The newly ticked ones are cleaned with those that are typed.
    """

    tags = forms.CharField(label=_("Tags"), error_messages={"required": _("Type a tag first.")})

    def __init__(self, *args: Any, is_optional: bool = False, ticked: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tags"].required = not is_optional
        self._ticked = ticked

    def clean_tags(self) -> list[str]:
        names = tags.parse(",".join([self.cleaned_data["tags"], *self._ticked]))
        if not names and self.fields["tags"].required:
            raise ValidationError(_("Type a tag first."))
        if len(names) > limits.MAX_TAGS:
            raise ValidationError(_("Add at most %(most)s tags at once."), params={"most": limits.MAX_TAGS})
        for name in names:
            if len(name) > Tag.MAX_NAME:
                shown = {"tag": quoted(f"{name[: Tag.MAX_NAME]}…"), "most": Tag.MAX_NAME}
                raise ValidationError(_("A tag has at most %(most)s characters: %(tag)s is longer."), params=shown)
        return names


class SpeakerForm(forms.Form):
    """Renames a speaker, in one run or in every run of the team. An empty name restores CAMB.AI's."""

    name = NameField(
        label=_("Name"),
        required=False,
        max_length=SpeakerName._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    everywhere = forms.BooleanField(label=_("In every run of the team, including new ones"), required=False)


class DismissalForm(forms.Form):
    """Says why a review check is dismissed."""

    reason = NameField(
        label=_("Reason"),
        max_length=DismissedCheck._meta.get_field("reason").max_length,
        error_messages={"required": _("Say why in a few words.")},
    )
    scope = forms.ChoiceField(label=_("Dismiss"), required=False)

    def __init__(self, *args: Any, scopes: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = scopes


class TimesForm(forms.Form):
    """Chooses the unit of the times in CAMB.AI's answer about a run, or leaves it to Dubroom."""

    unit = forms.ChoiceField(
        label=_("Time unit"), required=False, choices=[("", _("Automatic")), *Run.TimeUnit.choices]
    )


class ViewForm(forms.Form):
    """A saved view of the list of runs."""

    name = NameField(
        label=_("Name of the view"),
        max_length=SavedView.MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        error_messages={"required": _("Give the view a name.")},
    )
    is_shared = forms.BooleanField(label=_("Share with the team"), required=False)
    is_default = forms.BooleanField(label=_("Make it the team's default view"), required=False)


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
            raise ValidationError(languages.not_known(typed))
        return tag


class SourceTitleForm(forms.Form):
    """The title of a source; empty, it shows that of its newest run."""

    title = NameField(
        label=_("Title"),
        required=False,
        max_length=Source.MAX_TITLE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        error_messages={"max_length": _("A title has at most %(limit_value)d characters.")},
    )


class RunChoiceForm(forms.Form):
    """Takes one of the given runs, which the page itself lists."""

    def __init__(self, runs: RunQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        errors = {"required": _("Choose a run first."), "invalid_choice": _("This run is no longer in this team.")}
        self.fields["run"] = forms.ModelChoiceField(runs, error_messages=errors)

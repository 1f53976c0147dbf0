"""The forms of what a person, or a channel of a team, is told of and when."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dashboard.forms.fields import NameField, TimeZoneField
from results.models import Event, Receiver, SavedView
from results.notifications import bounces, channels, receivers
from results.notifications.chat import BadAddressError
from results.transcripts.languages import quoted
from teams.access import can_manage
from teams.models import Membership

Kind = Event.Kind
Scope = Receiver.Scope
Way = Receiver.Way
HOURS = [("", _("None"))] + [(str(hour), f"{hour:02}:00") for hour in range(24)]
QUIET_HOURS = ("quiet_from", "quiet_until")
TIMES = [("", _("Never")), (Receiver.NOW, _("Right away")), (Receiver.DAILY, _("Once a day"))]


class ReceiverForm(forms.Form):
    """Which runs a receiver is told of: all, those the person added, or those of a view; and its quiet hours."""

    scope = forms.ChoiceField(label=_("Runs"), required=False)
    quiet_from = forms.ChoiceField(label=_("Quiet hours from"), choices=HOURS, required=False)
    quiet_until = forms.ChoiceField(label=_("Quiet hours to"), choices=HOURS, required=False)

    def __init__(
        self, data: Any, initial: dict[str, Any], *, scopes: Sequence[str], saved_views: Iterable[SavedView]
    ) -> None:
        super().__init__(data, initial=initial)
        self._views = {f"view-{view.pk}": view for view in saved_views}
        choices = [(scope, Scope(scope).label) for scope in scopes]
        of_views = [(value, _("Runs of %(view)s") % {"view": quoted(view)}) for value, view in self._views.items()]
        self.fields["scope"].choices = choices + of_views  # type: ignore[attr-defined]

    def apply_scope(self, receiver: Receiver) -> None:
        chosen = self.cleaned_data["scope"] or Scope.ALL
        receiver.view = self._views.get(chosen)
        receiver.scope = Scope.VIEW if receiver.view else chosen

    def apply_quiet_hours(self, receiver: Receiver) -> None:
        for name in QUIET_HOURS:
            setattr(receiver, name, int(hour) if (hour := self.cleaned_data[name]) else None)


def initial_scope(receiver: Receiver) -> str:
    return f"view-{receiver.view_id}" if receiver.scope == Scope.VIEW else receiver.scope


def initial_quiet_hours(receiver: Receiver) -> dict[str, str]:
    hours = {name: getattr(receiver, name) for name in QUIET_HOURS}
    return {name: "" if hour is None else str(hour) for name, hour in hours.items()}


class PersonForm(ReceiverForm):
    """What a member is told of in one team: for each kind in the inbox and by email, and the quiet hours."""

    def __init__(self, membership: Membership, data: Any, saved_views: Iterable[SavedView]) -> None:
        self.membership = membership
        self.inbox, self.email = receivers.inbox_of(membership), receivers.email_of(membership)
        initial = {"scope": initial_scope(self.inbox)} | initial_quiet_hours(self.email)
        super().__init__(data, initial, scopes=[Scope.ALL, Scope.MINE], saved_views=saved_views)
        self.kinds = [kind for kind in Kind if kind != Kind.CHANNEL or can_manage(membership)]
        for kind in self.kinds:
            self.fields[f"inbox-{kind}"] = forms.BooleanField(
                label=_("Inbox: %(kind)s") % {"kind": kind.label},
                required=False,
                initial=kind in self.inbox.kinds,
            )
            self.fields[f"email-{kind}"] = forms.ChoiceField(
                label=_("Email: %(kind)s") % {"kind": kind.label},
                choices=TIMES,
                required=False,
                initial=self.email.kinds.get(kind, ""),
            )

    @property
    def rows(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """The kinds, each with its two fields."""
        return [(str(kind.label), self[f"inbox-{kind}"], self[f"email-{kind}"]) for kind in self.kinds]

    def save(self) -> None:
        """Save the settings; an email that was off begins with what happens from now on."""
        data = self.cleaned_data
        with transaction.atomic():
            # A worker may have told them more since the page was made.
            inbox, email = receivers.locked(self.inbox), receivers.locked(self.email)
            for receiver in (inbox, email):
                self.apply_scope(receiver)
            inbox.kinds = {kind.value: Receiver.NOW for kind in self.kinds if data[f"inbox-{kind}"]}
            was_on = email.is_on
            earlier_times = set(email.kinds.values()) if was_on else set()
            email.kinds = {kind.value: chosen for kind in self.kinds if (chosen := data[f"email-{kind}"])}
            self.apply_quiet_hours(email)
            receivers.resume(email, earlier_times)
            inbox.save(update_fields=["scope", "view", "kinds"])
            email.save(update_fields=["scope", "view", "kinds", *QUIET_HOURS, *receivers.SET_BY_RESUME])
        self.inbox, self.email = inbox, email
        if not was_on:
            bounces.resume(self.membership.user)


class ChannelForm(ReceiverForm):
    """The name of a channel, when it is told of each kind, about which runs, and its quiet hours and time zone."""

    name = NameField(label=_("Name"), max_length=Receiver.MAX_NAME)
    time_zone = TimeZoneField(required=False)

    def __init__(self, receiver: Receiver, data: Any, saved_views: Iterable[SavedView]) -> None:
        initial = {"name": receiver.name, "scope": initial_scope(receiver), "time_zone": receiver.zone.key}
        initial |= initial_quiet_hours(receiver)
        super().__init__(data, initial, scopes=[Scope.ALL], saved_views=saved_views)
        self.receiver = receiver
        for kind in channels.KINDS:
            self.fields[f"kind-{kind}"] = forms.ChoiceField(
                label=kind.label, choices=TIMES, required=False, initial=receiver.kinds.get(kind, "")
            )

    @property
    def rows(self) -> list[forms.BoundField]:
        """The fields of the kinds."""
        return [self[f"kind-{kind}"] for kind in channels.KINDS]

    def save(self) -> None:
        data = self.cleaned_data
        with transaction.atomic():
            # A worker may have told it more since the page was made.
            receiver = receivers.locked(self.receiver)
            earlier_times = set(receiver.kinds.values())
            receiver.name, receiver.time_zone = data["name"], data["time_zone"] or receiver.time_zone
            receiver.kinds = {kind.value: when for kind in channels.KINDS if (when := data[f"kind-{kind}"])}
            self.apply_scope(receiver)
            self.apply_quiet_hours(receiver)
            channels.save_choice(receiver, earlier_times)


class NewChannelForm(forms.Form):
    """Adds a channel by its address, which is checked before anything is saved."""

    name = NameField(
        label=_("Name"), max_length=Receiver.MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    way = forms.ChoiceField(label=_("Kind"), choices=[(Way.CHAT, _("Chat")), (Way.WEBHOOK, _("Webhook"))])
    address = forms.CharField(
        label=_("Address"),
        max_length=channels.MAX_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"}),
        help_text=_(
            "The address that the chat gave you for messages, or an Apprise address such as ntfys://topic."
        ),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "way" in data and "address" in data:
            try:
                channels.check_address(data["way"], data["address"])
            except BadAddressError as error:
                self.add_error("address", ValidationError(str(error)))
        return data

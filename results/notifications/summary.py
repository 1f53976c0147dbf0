"""What a message says: counts, failures first, titles by language, and one link to exactly the runs it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from results.models import Event, EventQuerySet, Message, Receiver
from results.notifications import receivers, sentences
from results.transcripts import languages
from results.transcripts.languages import quoted

# So many runs are named for each language or kind; the link leads to all of them.
MAX_NAMED = 10
# Of a bigger batch, only so many events are read for their titles.
MAX_READ = 1000

Kind = Event.Kind
# Failures first: they are what a person has to act on.
ORDER = (
    Kind.KEY, Kind.AWAY, Kind.FAILED, Kind.NOT_FOUND, Kind.COPIES, Kind.CHANNEL, Kind.CHANGED, Kind.READY,
    Kind.PARTLY, Kind.FOUND, Kind.WEEKLY,
)  # fmt: skip
OF_RUNS = (Kind.READY, Kind.PARTLY, Kind.FAILED, Kind.NOT_FOUND, Kind.CHANGED)


@dataclass(frozen=True)
class SummaryLine:
    """One event: the run's name or a sentence, with what else there is to say and the page it leads to."""

    text: str
    note: str
    url: str


@dataclass(frozen=True)
class LineGroup:
    """The lines under one name, such as a language; `more` counts those that are left out."""

    name: str
    lines: Sequence[SummaryLine]
    more: int


@dataclass(frozen=True)
class Section:
    """The events of one kind."""

    kind: str
    heading: str
    groups: Sequence[LineGroup]


@dataclass(frozen=True)
class Summary:
    """The content of a message, for every way of telling it."""

    title: str
    team: str
    sections: Sequence[Section]
    counts: dict[str, int]
    url: str
    events: Sequence[Event]
    """The events it tells of, up to MAX_READ."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to tell, because the runs were removed or archived meanwhile."""
        return not self.sections


def events_of(message: Message) -> EventQuerySet:
    """Return the events that a message is about and that its receiver may still see."""
    return receivers.events_for(
        message.receiver, after=message.first - 1, through=message.last, kinds=message.kinds
    ).order_by("pk")


def summarise(message: Message) -> Summary:
    """Return what the message says now: a run that was removed since it was written is not told of."""
    receiver, events = message.receiver, events_of(message)
    counts = dict(events.order_by().values_list("kind").annotate(Count("pk")))
    read = receivers.as_exported(events.select_related("run", "saved_search")[:MAX_READ], receiver.membership)
    for event in read:
        event.team = receiver.team  # the same for all, so no row of it comes with each
    sections = [
        Section(kind, sentences.heading(kind, counts[kind]), _groups(kind, read, counts[kind]))
        for kind in ORDER
        if kind in counts
    ]
    told = [section.heading if section.kind in OF_RUNS else "" for section in sections]
    title = ", ".join(filter(None, told)) or next(
        (line.text for section in sections for group in section.groups for line in group.lines), ""
    )
    return Summary(
        title=title,
        team=receiver.team.name,
        sections=sections,
        counts=counts,
        url=_url(receiver, message, [kind for kind in counts if kind in OF_RUNS]),
        events=read,
    )


def test_summary(receiver: Receiver) -> Summary:
    """Return the content of a test message."""
    url = sentences.absolute(reverse("inbox", args=[receiver.team.slug]))
    title, said = (
        _("Test of %(name)s") % {"name": quoted(receiver)},
        _("This is a test. Dubroom can reach this channel."),
    )
    if not receiver.is_channel:
        title, said = _("Test of your email"), _("This is a test. Email from this team reaches you.")
    section = Section("test", _("Test"), [LineGroup("", [SummaryLine(said, "", url)], 0)])
    return Summary(title, receiver.team.name, [section], {}, url, [])


def _groups(kind: str, read: Iterable[Event], count: int) -> list[LineGroup]:
    events = [event for event in read if event.kind == kind]
    if kind != Kind.READY:
        return [LineGroup("", _lines(events), max(0, count - MAX_NAMED))]
    by_language = sorted((_spoken(event), position) for position, event in enumerate(events))
    groups = []
    for name, members in groupby(by_language, key=lambda member: member[0]):
        named = [events[position] for _name, position in members]
        groups.append(LineGroup(name, _lines(named), max(0, len(named) - MAX_NAMED)))
    return groups


def _lines(events: Sequence[Event]) -> list[SummaryLine]:
    return [line_of(event) for event in events[:MAX_NAMED]]


def line_of(event: Event) -> SummaryLine:
    """Return the line of one event."""
    url, said = sentences.absolute(sentences.path_of(event)), sentences.sentence(event)
    if event.run is None:
        return SummaryLine(said, "", url)
    return SummaryLine(str(event.run), "" if event.kind == Kind.READY else said, url)


def _spoken(event: Event) -> str:
    """Return the names of the languages that a run's dubs are in."""
    tags = dict.fromkeys(languages.primary(tag) for tag in (event.run.languages if event.run else ()) if tag)
    return ", ".join(languages.name(tag) for tag in tags)


def _url(receiver: Receiver, message: Message, kinds: Sequence[str]) -> str:
    slug = receiver.team.slug
    if not kinds:
        return sentences.absolute(reverse("activity", args=[slug]))
    return sentences.absolute(
        sentences.runs_path(slug, message.first, message.last, *kinds) + receivers.scope_query(receiver)
    )

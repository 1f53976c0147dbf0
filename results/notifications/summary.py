"""What a message says: counts, failures first, titles by language, and one link to exactly the runs it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db.models import Case, Count, When
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
# The headings of these count what happened; what the others say is in their sentence.
COUNTED = (*OF_RUNS, Kind.FOUND)
# Of a run and a saved search, only what a message says is read: most of a message's time goes into its rows.
NAMES = ("run__title", "run__camb_run_id", "run__camb_task_id", "run__languages", "saved_search__q")
COLUMNS = (*(field.name for field in Event._meta.concrete_fields), *NAMES)


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
    """The events of one kind, and the page of all of them: sections about runs share the list of exactly these."""

    kind: str
    heading: str
    groups: Sequence[LineGroup]
    url: str


@dataclass(frozen=True)
class Summary:
    """The content of a message, for every way of telling it."""

    title: str
    team: str
    sections: Sequence[Section]
    counts: dict[str, int]
    url: str
    """The page of the first section, of what matters most."""
    events: Sequence[Event]
    """The events it tells of, up to MAX_READ."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to tell, because the runs were removed or archived meanwhile."""
        return not self.sections


def events_of(message: Message) -> EventQuerySet:
    """Return the events that a message is about, and that its receiver may still see and still wants to be told.

    A message that is sent again on demand has the kinds that it had.
    """
    receiver, kinds = message.receiver, message.kinds
    if not message.is_extra:
        kinds = [kind for kind in kinds if receiver.kinds.get(kind)]
    events = receivers.events_for(receiver, after=message.first - 1, through=message.last, kinds=kinds)
    return events.order_by("pk")


def summarise(message: Message) -> Summary:
    """Return what the message says now: a run that was removed since it was written is not told of."""
    receiver, events = message.receiver, events_of(message)
    counts = dict(events.order_by().values_list("kind").annotate(Count("pk")))
    # Of a batch that is read in part, what matters most is read.
    first = Case(*(When(kind=kind, then=place) for place, kind in enumerate(ORDER)))
    named = events.select_related("run", "saved_search").only(*COLUMNS)
    read = receivers.as_exported(named.order_by(first, "pk")[:MAX_READ], receiver.membership)
    for event in read:
        event.team = receiver.team  # the same for all, so no row of it comes with each
    of_kind = {kind: [event for event in read if event.kind == kind] for kind in ORDER if kind in counts}
    sections = [
        Section(
            kind,
            sentences.heading(kind, counts[kind]),
            _groups(kind, named, counts[kind]),
            _url(message, kind, named, counts),
        )
        for kind, named in of_kind.items()
    ]
    return Summary(
        title=" · ".join(title_of(kind, named, counts[kind]) for kind, named in of_kind.items()),
        team=receiver.team.name,
        sections=sections,
        counts=counts,
        url=sections[0].url if sections else "",
        events=sorted(read, key=attrgetter("pk")),
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
    section = Section("test", _("Test"), [LineGroup("", [SummaryLine(said, "", url)], 0)], url)
    return Summary(title, receiver.team.name, [section], {}, url, [])


def title_of(kind: str, events: Sequence[Event], count: int) -> str:
    """Return what a title says of `count` events of this kind; of a key or a service, how it is now.

    `events` are those of them that are known here.
    """
    is_counted = kind in COUNTED or not events
    return sentences.heading(kind, count) if is_counted else sentences.sentence(events[-1])


def _groups(kind: str, events: Sequence[Event], count: int) -> list[LineGroup]:
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


def _url(message: Message, kind: str, events: Sequence[Event], counts: Mapping[str, int]) -> str:
    """Return the page of the events of this kind; about runs, the list of those of all kinds in the message."""
    receiver, slug = message.receiver, message.receiver.team.slug
    if kind in OF_RUNS:
        kinds = [each for each in counts if each in OF_RUNS]
        path = sentences.runs_path(slug, message.first, message.last, *kinds) + receivers.scope_query(receiver)
    elif kind == Kind.FOUND:
        path = sentences.found_path(slug, events, counts[kind])
    else:
        path = sentences.path_of(events[-1]) if events else reverse("activity", args=[slug])
    return sentences.absolute(path)

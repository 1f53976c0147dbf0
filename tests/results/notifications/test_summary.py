"""What a message says first is what matters most, whatever came before it in the batch."""

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from results.models import Event, Message, Receiver, SavedSearch
from results.notifications import channels, chat, sentences, summary, webhooks

pytestmark = pytest.mark.django_db

REFUSED = "CAMB.AI refused the key. Check it."


@pytest.fixture
def pipeline(team) -> Receiver:
    return channels.add(team, "webhook", "Pipeline", "https://hook.example/in")[0]


@pytest.fixture
def summarise_all(pipeline):
    """Return what a message about all events of the team says."""

    def summarise() -> summary.Summary:
        first, last = (getattr(Event.objects, which)("pk").pk for which in ("earliest", "latest"))
        message = Message(receiver=pipeline, first=first, last=last, kinds=list(pipeline.kinds))
        return summary.summarise(message)

    return summarise


def of_key(team, state: str = "refused", message: str = REFUSED) -> None:
    Event.objects.create(team=team, kind="key", detail={"state": state, "message": message})


def test_a_refused_key_comes_before_the_runs_that_became_ready(team, happen, summarise_all):
    happen("ready", *(f"Film {number}" for number in range(12)))
    of_key(team)
    told = summarise_all()
    assert told.title == f"{REFUSED} · 12 runs are ready"
    assert told.url.endswith(reverse("keys", args=[team.slug]))
    runs = told.sections[1].url
    assert "?events=" in runs
    for text in (chat.text_of(told), render_to_string("notifications/email.txt", {"summary": told})):
        assert (text.count(runs), text.index(REFUSED) < text.index("12 runs are ready")) == (1, True)
    assert f'href="{runs}"' in render_to_string("notifications/email.html", {"summary": told})


@pytest.mark.parametrize(
    ("kinds", "title", "page"),
    [
        (("ready", "failed"), "1 run failed · 1 run is ready", "?events="),
        (
            ("ready", "away", "not_found"),
            "CAMB.AI answers again. · 1 run was not found · 1 run is ready",
            "activity",
        ),
        (("changed", "copies"), "No room left. · 1 dub changed after it was ready", "media"),
        (("weekly", "partly"), "1 run is partly ready · In the last seven days: nothing new", "?events="),
    ],
)
def test_the_title_and_the_link_begin_with_what_matters_most(team, happen, summarise_all, kinds, title, page):
    details = {"away": {"state": "working", "before": "unavailable"}, "copies": {"message": "No room left."}}
    for kind in kinds:
        if kind in ("ready", "partly", "failed", "not_found", "changed"):
            happen(kind, "Film")
        else:
            Event.objects.create(team=team, kind=kind, detail=details.get(kind, {}))
    told = summarise_all()
    assert (told.title, page in told.url) == (title, True)


def test_a_title_says_how_the_key_is_now(team, summarise_all):
    of_key(team)
    of_key(team, "working", "")
    told = summarise_all()
    assert (told.title, len(told.sections[0].groups[0].lines)) == ("The key works again.", 2)


@pytest.mark.parametrize(("titles", "page"), [(["One"], "find=harbour"), (["One", "Two"], "search/?q=harbour")])
def test_what_a_saved_search_found_is_counted_and_leads_there(team, happen, summarise_all, titles, page):
    owner = team.memberships.get().user
    search = SavedSearch.objects.create(team=team, owner=owner, q="harbour", is_shared=True)
    happen("found", *titles)
    Event.objects.update(saved_search=search)
    told = summarise_all()
    assert (told.title.startswith(f"{len(titles)} new dub"), page in told.url) == (True, True)


def test_of_a_batch_that_is_read_in_part_what_matters_most_is_read(team, happen, summarise_all, monkeypatch):
    monkeypatch.setattr(summary, "MAX_READ", 2)
    happen("ready", "One", "Two", "Three")
    of_key(team)
    told = summarise_all()
    assert told.title == f"{REFUSED} · 3 runs are ready"
    assert [event.kind for event in told.events] == ["ready", "key"]


def test_the_number_of_queries_does_not_grow_with_the_events(team, happen, summarise_all, pipeline):
    search = SavedSearch.objects.create(team=team, owner=team.memberships.get().user, q="harbour", is_shared=True)
    counts = []
    for titles in (["One"], ["Two", "", "Four", "Five"]):
        for kind in pipeline.kinds:
            happen(kind, *titles)
        Event.objects.filter(kind="found").update(saved_search=search)
        with CaptureQueriesContext(connection) as queries:
            told = summarise_all()
            webhooks.payload(Message(receiver=pipeline), told)
            chat.text_of(told)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"added": 2, "removed": 1}, "French · 2 lines added, 1 removed"),
        ({"added": 1, "removed": 1200}, "French · 1 line added, 1,200 removed"),
        ({"lines": 12}, "New dub: French"),
    ],
)
def test_a_change_is_counted(detail, said):
    assert sentences.sentence(Event(kind="changed", language="fr", detail=detail)) == said

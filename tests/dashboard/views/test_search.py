"""The search page: hits, facets, suggestions, the CSV export, and saved searches."""

import csv
import html
import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.pages.search_hits import highlight
from dashboard.views import search as view
from results import tags
from results.models import Run, SavedSearch
from results.search import indexing, saved, service
from results.search.service import search
from teams.models import Membership
from tests.factories import make_dub, make_member, make_ready_run, make_run, make_searchable_dub, make_team

pytestmark = pytest.mark.django_db


def get(client, team, q=None, *, name="search", **more):
    response = client.get(reverse(name, args=[team.slug]), ({} if q is None else {"q": q}) | more)
    assert response.status_code == 200
    return response.content.decode()


def marked_lines(body):
    """Return each hit's line and its neighbours, top to bottom, without tags but `<mark>`.

    Each is a pair of its class ("found" or "near") and its text.
    """
    return re.findall(r'<span class="(found|near)" dir="ltr">(.*?)</span>', body)


def links(body):
    return [html.unescape(link) for link in re.findall(r'<a href="(/runs/[^"]*\?[^"]*)"', body)]


# --- Access ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["search", "search-hits"])
def test_only_members_search(client, team, name):
    make_searchable_dub(make_run(team), ["kitchen"])
    address = reverse(name, args=[team.slug])
    assert client.get(address, {"q": "kitchen"}).status_code == 302
    client.force_login(make_member(make_team()))
    assert client.get(address, {"q": "kitchen"}).status_code == 404
    client.force_login(make_member(team))
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("name", ["search", "search-hits"])
def test_an_address_with_too_many_fields_is_a_bad_request(client, team, reader, name):
    """The page of the error has the search box too, whose words stand in the same address."""
    address = reverse(name, args=[team.slug])
    assert client.get(f"{address}?{'&'.join(f'q={n}' for n in range(1001))}").status_code == 400


def test_another_teams_lines_are_never_found(client, team, reader):
    make_searchable_dub(make_run(make_team()), ["kitchen"])
    body = get(client, team, "kitchen")
    assert marked_lines(body) == []
    assert "No results for" in body


def test_the_page_says_how_many_runs_are_not_searchable_yet(client, team, reader):
    run = make_searchable_dub(make_run(team), ["kitchen"]).run
    assert "searchable" not in get(client, team, "kitchen")
    Run.objects.filter(pk=run.pk).update(is_indexed=False)
    assert "1 run is not in search yet. It appears in a few minutes." in get(client, team, "kitchen")
    Run.objects.filter(pk=run.pk).update(archived_at=timezone.now())
    assert "searchable" not in get(client, team, "kitchen")


# --- What is shown -----------------------------------------------------------------------------------


def test_a_hit_is_shown_with_its_neighbours_and_a_link_to_its_second(client, team, reader):
    run = make_run(team, title="Pilot")
    make_searchable_dub(run, ["one", "two", "the kitchen", "four", "five"], "es-es")
    body = get(client, team, "kitchen")
    assert marked_lines(body) == [("near", "two"), ("found", "the <mark>kitchen</mark>"), ("near", "four")]
    assert links(body) == [f"/runs/{run.pk}/?dub=es-es&t=4&find=kitchen#cue-3"]
    assert "1 moment in 1 run" in body
    assert all(part in body for part in ("Pilot", "0:04", "Anna", "Spanish (Spain)", 'lang="es-es"'))


def test_a_line_between_two_hits_is_printed_once(client, team, reader):
    make_searchable_dub(make_run(team), ["kitchen a", "b", "kitchen c", "kitchen d", "e"])
    assert [
        text.replace("<mark>kitchen</mark>", "*") for _, text in marked_lines(get(client, team, "kitchen"))
    ] == [
        "* a",
        "b",
        "* c",
        "* d",
        "e",
    ]


def test_hits_are_grouped_by_run_newest_run_first(client, team, reader):
    for title in ("Older", "Newer"):
        make_searchable_dub(make_run(team, title=title), ["kitchen", "x", "kitchen"])
    body = get(client, team, "kitchen")
    assert re.findall(r"(?s)<h2>.*?<a [^>]*><bdi>(\w+)</bdi>", body) == ["Newer", "Older"]
    assert "4 moments in 2 runs" in body


def test_a_hit_plays_in_place_by_our_own_url(client, team, reader):
    dub = make_searchable_dub(make_run(team), ["one", "kitchen"], audio_url="https://x/a", video_url="https://x/v")
    body = get(client, team, "kitchen")
    assert re.findall(r'data-play="([^"]*)"', body) == [reverse("media-audio", args=[dub.pk]) + "#t=2.0,4.0"]
    assert "https://x/" not in body


def test_a_dub_without_media_offers_no_play_button(client, team, reader):
    make_searchable_dub(make_run(team), ["kitchen"])
    assert "data-play" not in get(client, team, "kitchen")


@pytest.mark.parametrize("q", [None, "", "   "])
def test_without_a_query_the_page_explains_the_syntax(client, team, reader, q):
    make_searchable_dub(make_run(team), ["kitchen"])
    body = get(client, team, q)
    assert "<kbd>kitch*</kbd>" in body
    assert marked_lines(body) == []


def test_an_unsearchable_query_is_answered_with_a_hint(client, team, reader):
    assert search(team.pk, "?!").hint in html.unescape(get(client, team, "?!"))


@pytest.mark.parametrize(
    "q", ['"', "a\0b", "' OR 1=1 --", "%", "👩‍👩‍👧", "speaker:", "x" * 10_000, "-", "before:never"]
)
def test_malformed_queries_are_answered(client, team, reader, q):
    make_searchable_dub(make_run(team), ["kitchen"])
    get(client, team, q)
    get(client, team, q, name="search-hits")


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "²", ""])
def test_a_malformed_cursor_is_the_first_page(client, team, reader, before):
    make_searchable_dub(make_run(team), ["kitchen"])
    assert marked_lines(get(client, team, "kitchen", before=before)) == [("found", "<mark>kitchen</mark>")]


# --- Pages and fragments -----------------------------------------------------------------------------


@pytest.fixture
def three_a_page(monkeypatch):
    monkeypatch.setattr(view, "PAGE_SIZE", 3)


def test_the_next_pages_show_every_hit_once(client, team, reader, three_a_page):
    make_searchable_dub(make_run(team), [f"kitchen {number}" for number in range(8)])
    found: list[str] = []
    before: dict[str, str] = {}
    name = "search"
    while True:
        body = get(client, team, "kitchen", name=name, **before)
        found += re.findall(r"</mark> (\d)", body)
        more = re.search(r'hx-get="[^"]*before=(\d+)"', body)
        if more is None:
            break
        before, name = {"before": more[1]}, "search-hits"
    assert sorted(found) == [str(number) for number in range(8)]
    assert len(found) == 8


def test_the_next_page_works_without_script(client, team, reader, three_a_page):
    make_searchable_dub(make_run(team), [f"kitchen {number}" for number in range(4)])
    body = get(client, team, "kitchen")
    assert "4 moments in 1 run, newest runs first" in body
    (more,) = re.findall(r'<a class="button" href="([^"]*before[^"]*)"', body)
    body = client.get(html.unescape(more)).content.decode()
    assert re.findall(r"</mark> (\d)", body) == ["0"]
    assert '<p class="summary">Older moments</p>' in body


def test_the_fragment_replaces_the_url_in_the_address_bar(client, team, reader):
    make_searchable_dub(make_run(team), ["kitchen & more"])
    address = reverse("search-hits", args=[team.slug])
    response = client.get(address, {"q": "kitchen & more"}, headers={"HX-Request": "true"})
    assert response.headers["HX-Replace-Url"] == f"{reverse('search', args=[team.slug])}?q=kitchen+%26+more"
    body = response.content.decode()
    assert body.strip().startswith('<div id="hits"')
    assert '<p id="live" hx-swap-oob="innerHTML">1 moment in 1 run</p>' in body
    assert "<html" not in body
    cleared = client.get(address, {"q": ""}, headers={"HX-Request": "true"})
    assert cleared.headers["HX-Replace-Url"] == reverse("search", args=[team.slug])


def test_thirty_hits_take_as_many_queries_as_six(client, team, reader):
    for number in range(30):
        make_searchable_dub(make_run(team), ["x", f"common {number}{' rare' * (number < 6)}", "y"])
    get(client, team)  # the first request of a session also writes it
    counts = []
    for q in ("rare", "common"):
        with CaptureQueriesContext(connection) as queries:
            get(client, team, q)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Hostile text ------------------------------------------------------------------------------------

HOSTILE = ["<img src=x onerror=alert(1)>", "&lt;b&gt; &amp;", "<mark>kitchen</mark>", '"><script>alert(1)</script>']


def test_text_from_outside_is_escaped(client, team, reader):
    text = f"kitchen {' '.join(HOSTILE)}"
    dub = make_searchable_dub(
        make_run(team, title=text), ["before " + text[8:], text, "after " + text[8:]], '"><script>'
    )
    dub.cues.update(speaker=text)
    body = get(client, team, "kitchen")
    assert "<img" not in body
    assert "<script>" not in body
    hits = [html.unescape(text.replace("<mark>", "").replace("</mark>", "")) for _, text in marked_lines(body)]
    assert hits == ["before " + text[8:], text, "after " + text[8:]]


@pytest.mark.parametrize("q", [*HOSTILE, '"><img src=x onerror=alert(1)>'])
def test_typed_text_is_escaped(client, team, reader, q):
    body = get(client, team, q)
    assert f'value="{html.escape(q)}"' in body
    assert "<img" not in body
    assert "<script>" not in body


@pytest.mark.parametrize(
    ("text", "marks", "shown"),
    [
        ("plain", [], "plain"),
        ("a<b>c", [(1, 2)], "a<mark>&lt;</mark>b&gt;c"),
        ("&lt;", [(1, 3)], "&amp;<mark>lt</mark>;"),
        ("👩‍👩‍👧 x", [(0, 5)], "<mark>👩‍👩‍👧</mark> x"),
        ("abcdef", [(3, 5), (0, 2)], "<mark>ab</mark>c<mark>de</mark>f"),
        ("abcdef", [(0, 4), (2, 5), (2, 3)], "<mark>abcd</mark><mark>e</mark>f"),
        ("abc", [(2, 99), (1, 1)], "ab<mark>c</mark>"),
    ],
)
def test_marks_are_set_in_the_escaped_text(text, marks, shown):
    assert highlight(text, marks) == shown


def test_a_very_long_line_is_cut_around_the_match():
    text = "<" * 5000 + "kitchen" + ">" * 5000
    shown = highlight(text, [(5000, 5007)])
    assert shown == f"…{'&lt;' * 200}<mark>kitchen</mark>{'&gt;' * 393}…"


# --- Facets, order, suggestions --------------------------------------------------------------------------


def choices(body):
    """Return the choices of the facets by label, as (URL of the search, whether the choice is on)."""
    made = re.findall(r'<a class="chip" href="([^"]*)"( aria-current="true")?><bdi>(.*?)</bdi>', body)
    return {label: (html.unescape(href), bool(on)) for href, on, label in made}


def test_a_facet_adds_its_field_and_removes_it_again(client, team, reader):
    run = make_run(team, status=Run.Status.READY)
    make_searchable_dub(run, ["kitchen", "kitchens"], "en-us")
    make_searchable_dub(run, ["kitchen"], "es-es")
    made = choices(get(client, team, "kitch"))
    address = reverse("search", args=[team.slug])
    assert made == {
        "English (United States)": (f"{address}?q=lang%3Aen-us+kitch", False),
        "Spanish (Spain)": (f"{address}?q=lang%3Aes-es+kitch", False),
        "Anna": (f"{address}?q=speaker%3AAnna+kitch", False),
        "Ben": (f"{address}?q=speaker%3ABen+kitch", False),
    }
    body = client.get(made["English (United States)"][0]).content.decode()
    assert [text for kind, text in marked_lines(body)] == ["<mark>kitch</mark>en", "<mark>kitch</mark>ens"]
    assert choices(body)["English (United States)"] == (f"{address}?q=kitch", True)


def test_a_speaker_of_several_words_becomes_a_phrase(client, team, reader):
    dub = make_searchable_dub(make_run(team), ["kitchen", "kitchen"])
    indexing.remove_cues(dub.cues.all())
    dub.cues.filter(position=1).update(speaker='Anna "Ann" Maria')
    indexing.add_cues(dub.cues.select_related("dub"))
    href, _is_on = choices(get(client, team, "kitchen"))["Anna &quot;Ann&quot; Maria"]
    body = client.get(href).content.decode()
    assert len(marked_lines(body)) == 2
    assert 'aria-current="true"><bdi>Anna &quot;Ann&quot; Maria' in body
    assert "1 moment in 1 run" in body


@pytest.fixture
def wednesday(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 25, 12, tzinfo=UTC))


def test_a_facet_narrows_the_search_to_a_period(wednesday, client, team, reader):
    for day in ((2026, 11, 24), (2026, 2, 1), (2025, 12, 31)):
        make_searchable_dub(make_run(team, created_at=datetime(*day, tzinfo=UTC)), ["kitchen"])
    address = reverse("search", args=[team.slug])
    made = choices(get(client, team, "kitchen"))
    # “This month” is left out, as it has the same hits as this week.
    assert made == {
        "This week": (f"{address}?q=after%3A2026-11-23+kitchen", False),
        "This year": (f"{address}?q=after%3A2026-01-01+kitchen", False),
        "Earlier": (f"{address}?q=before%3A2026-01-01+kitchen", False),
    }
    body = client.get(made["Earlier"][0]).content.decode()
    assert len(marked_lines(body)) == 1
    assert choices(body) == {"Earlier": (f"{address}?q=kitchen", True)}


def test_a_facet_narrows_the_search_to_a_tag_in_any_spelling(client, team, reader):
    launch, other = make_run(team), make_run(team)
    make_searchable_dub(launch, ["kitchen one"])
    make_searchable_dub(other, ["kitchen two"])
    tags.add_tags(team, {launch.pk: tags.parse("ÉTÉ “two”： <b>, -x＊"), other.pk: ["plain"]})
    made = choices(get(client, team, "kitchen"))
    for label in ("ÉTÉ two： &lt;b&gt;", "-x＊"):
        body = client.get(made[label][0]).content.decode()
        assert [text for kind, text in marked_lines(body) if kind == "found"] == ["<mark>kitchen</mark> one"]
        assert choices(body)[label][1]


def test_facets_that_leave_no_choice_are_not_shown(client, team, reader):
    make_searchable_dub(make_run(team), ["kitchen"])
    assert choices(get(client, team, "kitchen")) == {}


def test_the_page_says_when_not_all_hits_are_counted(client, team, reader, monkeypatch):
    monkeypatch.setattr(service, "SAMPLE_SIZE", 3)
    make_searchable_dub(make_run(team), ["kitchen"] * 4)
    assert "Counted among the newest" in get(client, team, "kitchen")
    assert "Counted among the newest" not in get(client, team, "kitchen speaker:ben")


def test_the_best_hits_come_first_on_request_on_every_page(client, team, reader, three_a_page):
    make_searchable_dub(make_run(team), [f"kitchen{' table' * number}" for number in (0, 1, 2)])
    make_searchable_dub(make_run(team), [f"kitchen{' table' * number}" for number in (5, 4, 3)])
    assert get(client, team, "kitchen").count("table") > 3
    body = get(client, team, "kitchen", order="best")
    assert [text.count("table") for kind, text in marked_lines(body) if kind == "found"] == [0, 1, 2]
    assert "6 moments in 2 runs, best first" in body
    assert '<input type="hidden" name="order" value="best">' in body
    address = html.unescape(re.search(r'hx-get="([^"]*before[^"]*)"', body)[1])
    more = client.get(address).content.decode()
    assert sorted(text.count("table") for kind, text in marked_lines(more) if kind == "found") == [3, 4, 5]


def test_a_misspelled_word_is_answered_with_a_suggestion(client, team, reader):
    indexing.learn_words(make_searchable_dub(make_run(team), ["the Kitchen"]))
    body = get(client, team, "kitchne lang:en", name="search-hits")
    address = reverse("search", args=[team.slug])
    assert f'Did you mean <a href="{address}?q=Kitchen+lang%3Aen"><bdi>Kitchen lang:en</bdi></a>?' in body


def test_a_hit_shows_its_lines_in_the_other_languages(client, team, reader):
    run = make_run(team)
    make_searchable_dub(run, ["the kitchen"], "en-us")
    make_searchable_dub(run, ["<b>la cocina"], "es-es")
    body = get(client, team, "kitchen")
    assert '<dt>Spanish (Spain)</dt><dd lang="es-es" dir="ltr">&lt;b&gt;la cocina</dd>' in body


# --- CSV export --------------------------------------------------------------------------------------


def export_csv(client, team, q):
    response = client.get(reverse("search-export", args=[team.slug]), {"q": q})
    return response, list(csv.reader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))


def test_all_hits_are_exported_as_csv(client, team, reader, three_a_page):
    run = make_run(team, title="=Pilot", camb_run_id=1344)
    make_searchable_dub(run, ["kitchen 1", "other", "@kitchen 2", *["kitchen"] * 5], "es-es")
    make_searchable_dub(make_run(make_team()), ["kitchen of others"])
    response, rows = export_csv(client, team, "kitchen")
    assert re.fullmatch(
        rf'attachment; filename="{team.slug}-\d{{4}}-\d\d-\d\d.csv"', response.headers["Content-Disposition"]
    )
    assert rows[0] == ["run", "title", "language", "start", "end", "speaker", "text", "address"]
    assert len(rows) == 8
    assert rows[6][:7] == ["1344", "'=Pilot", "es-es", "00:00:04.000", "00:00:06.000", "Anna", "'@kitchen 2"]
    assert rows[6][7] == f"http://testserver/runs/{run.pk}/?dub=es-es&t=4#cue-3"


def test_an_empty_search_is_exported_without_rows(client, team, reader):
    assert len(export_csv(client, team, "")[1]) == 1


# --- Saved searches ----------------------------------------------------------------------------------


def save_search(client, team, q, **more):
    return client.post(reverse("search-save", args=[team.slug]), {"q": q} | more)


def test_a_saved_search_alerts_to_a_new_dub_until_it_is_opened(client, team, reader):
    assert (
        save_search(client, team, " kitchen ").headers["Location"]
        == f"{reverse('search', args=[team.slug])}?q=kitchen"
    )
    make_searchable_dub(make_run(team), ["kitchen"], is_alert_checked=False)
    saved.create_alerts()
    assert '<span class="badge">1 new dub</span>' in get(client, team)
    assert '<span class="badge">1<span class="visually-hidden"> new</span></span>' in get(client, team)
    get(client, team, "kitchen")
    assert '<span class="badge">' not in get(client, team)


def test_the_team_sees_a_shared_search_and_only_its_owner_the_alerts(client, team, reader):
    save_search(client, team, "kitchen", is_shared="1")
    make_searchable_dub(make_run(team), ["kitchen"], is_alert_checked=False)
    saved.create_alerts()
    client.force_login(make_member(team))
    body = get(client, team)
    assert f'<a href="{reverse("search", args=[team.slug])}?q=kitchen"><bdi>kitchen</bdi></a>' in body
    assert f"shared by <bdi>{reader}</bdi>" in body
    assert '<span class="badge">' not in body


def test_a_saved_search_is_removed_by_its_owner_only(client, team, reader):
    save_search(client, team, "kitchen")
    address = reverse("search-saved-remove", args=[team.slug, SavedSearch.objects.get().pk])
    assert address in get(client, team, "kitchen")
    client.force_login(make_member(team))
    assert client.post(address).status_code == 404
    client.force_login(reader)
    assert client.post(address).status_code == 302
    assert not SavedSearch.objects.exists()


def test_a_shared_search_is_removed_by_its_owner_or_an_owner_of_the_team(client, team, reader):
    save_search(client, team, "mine")
    save_search(client, team, "ours", is_shared="1")
    address = {one.q: reverse("search-saved-remove", args=[team.slug, one.pk]) for one in SavedSearch.objects.all()}
    client.force_login(make_member(team))
    assert (client.post(address["mine"]).status_code, client.post(address["ours"]).status_code) == (404, 403)
    client.force_login(team.memberships.get(role=Membership.Role.OWNER).user)
    assert (client.post(address["mine"]).status_code, client.post(address["ours"]).status_code) == (404, 302)
    client.force_login(reader)
    assert client.post(address["mine"]).status_code == 302


def test_a_viewer_saves_searches_but_does_not_share_them(client, team):
    client.force_login(make_member(team, Membership.Role.VIEWER))
    assert 'name="is_shared"' not in get(client, team, "kitchen")
    assert save_search(client, team, "kitchen", is_shared="1").status_code == 403
    assert save_search(client, team, "kitchen").status_code == 302
    assert [one.is_shared for one in SavedSearch.objects.all()] == [False]


def test_an_empty_search_is_not_saved(client, team, reader):
    assert save_search(client, team, " \0 ").status_code == 422
    assert not SavedSearch.objects.exists()


def test_saving_too_many_searches_is_refused_with_the_reason(client, team, reader, monkeypatch):
    monkeypatch.setattr(saved, "MAX_SAVED", 1)
    save_search(client, team, "one")
    save_search(client, team, "two")
    assert "You can save up to 1 searches" in get(client, team)
    assert [one.q for one in SavedSearch.objects.all()] == ["one"]


# --- Direction ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "direction"),
    [("ar-xa", "rtl"), ("arz", "rtl"), ("prs", "rtl"), ("ku-arab", "rtl"), ("ar-latn", "ltr"), ("ku", "ltr")],
)
def test_a_hit_is_laid_out_in_the_direction_of_its_language(member, team, language, direction):
    run = make_ready_run(team)
    make_searchable_dub(run, ["iPhone 15, وقال", "OK kitchen نعم", "Wi-Fi"], language)
    make_dub(run, ["one", "שלום, he said", "three"], "en-us")
    body = member.get(reverse("search", args=[team.slug]), {"q": "kitchen"}).content.decode()
    assert re.findall(r'class="(found|near)" dir="(\w+)"', body) == [
        (name, direction) for name in ("near", "found", "near")
    ]
    assert '<dd lang="en-us" dir="ltr">שלום, he said</dd>' in body


# --- Runs by name ------------------------------------------------------------------------------------


def test_runs_are_found_by_name_above_the_moments(client, team, reader):
    for number in range(5):
        make_run(team, title=f"Nordlicht {number}")
    make_run(make_team(), title="Nordlicht of others")
    archived = make_run(team, title="Nordlicht 9")
    Run.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    body = get(client, team, "nordlicht")
    strip = body.partition('<nav class="named-runs"')[2].partition("</nav>")[0]
    assert re.findall(r"Nordlicht \d", strip) == ["Nordlicht 4", "Nordlicht 3", "Nordlicht 2"]
    assert "5 runs" in strip
    [address] = re.findall(r'class="named-all" href="([^"]*)"', strip)
    assert client.get(address).context["wanted"].q == "nordlicht"
    assert "Nordlicht 9" not in body
    assert "others" not in body


@pytest.mark.parametrize("typed", ["n", "nordlicht -x", "lang:de nordlicht", "südlicht"])
def test_no_strip_without_runs_of_that_name(client, team, reader, typed):
    make_run(team, title="Nordlicht")
    assert "named-runs" not in get(client, team, typed)


def test_a_few_named_runs_need_no_list(client, team, reader):
    make_run(team, title="<b>Nordlicht</b>")
    body = get(client, team, "nordl")
    assert "&lt;b&gt;Nordlicht" in body
    assert "No moments for" in body
    assert "named-all" not in body


def test_a_page_of_hits_asks_once_whether_the_member_saved_the_search(client, team, reader):
    make_searchable_dub(make_run(team), ["kitchen"])
    saved.save_search(team.memberships.get(user=reader), "kitchen", is_shared=False)
    for name in ("search", "search-hits"):
        with CaptureQueriesContext(connection) as queries:
            assert "Remove saved search" in get(client, team, "kitchen", name=name)
        assert sum("is_shared from results_savedsearch" in query["sql"] for query in queries) == 1


def test_the_box_shows_each_person_what_they_searched_for(client, team, reader):
    for typed in ("<sea>", '"a b" &c', ""):
        box = re.findall(r'<input type="search" id="search-box" name="q" value="(.*?)"', get(client, team, typed))
        assert [html.unescape(one) for one in box] == [typed]

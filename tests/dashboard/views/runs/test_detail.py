"""A run's page, its poll, the media URLs and the captions."""

import html
import json
import re
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from results.camb import Unavailable
from results.media import download, links
from results.models import ApiKey, CopyPolicy, Cue, Dub, MediaCopy, Run, TeamVersion, WorkerHeartbeat
from results.secrets import SealBrokenError
from teams.models import AuditEntry, Membership
from tests.dashboard.page_helpers import run_page, text_of_html
from tests.factories import (
    make_dub,
    make_key,
    make_member,
    make_ready_run,
    make_run,
    make_team,
    make_user,
    make_worker,
)

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/a.mp4?sig=1"
AUDIO = "https://cdn.example.com/a.m4a?sig=1"
HOSTILE = '<img src=x onerror=alert(1)> &lt;b&gt; "quoted" </p><script>alert(1)</script>'


@pytest.fixture
def refreshed(monkeypatch):
    """Return the runs that were refreshed within a request."""
    runs: list[Run] = []
    monkeypatch.setattr(links, "renew_links", runs.append)
    return runs


def poll_values(body):
    found = re.search(r'data-poll [^>]*hx-vals="([^"]*)"', body)
    return json.loads(html.unescape(found[1])) if found else None


# --- Access ------------------------------------------------------------------------------------------


def addresses():
    dub = make_dub(lines=["secret words"], video_url=VIDEO, audio_url=AUDIO)
    return [
        *(reverse(name, args=[dub.run_id]) for name in ("runs-detail", "runs-detail-poll")),
        *(reverse(name, args=[dub.pk]) for name in ("media-video", "media-audio", "media-captions")),
    ]


def test_an_anonymous_user_is_sent_to_the_log_in_page(client, refreshed):
    for address in addresses():
        response = client.get(address)
        assert (response.status_code, response.headers["Location"]) == (
            302,
            f"{reverse('account_login')}?next={address}",
        )


def test_an_outsider_gets_404(client, reader, refreshed):
    for address in addresses():
        assert client.get(address).status_code == 404
    assert refreshed == []


def test_these_urls_take_no_post(client, reader):
    assert [client.post(address).status_code for address in addresses()] == [405] * 5


def test_a_viewer_watches_and_reads_but_is_offered_no_change(client, team):
    client.force_login(make_member(team, Membership.Role.VIEWER))
    dub = make_dub(make_ready_run(team), ["hello"], video_url=VIDEO)
    body = run_page(client, dub.run)
    assert "hello" in body
    assert reverse("runs-edit-refresh", args=[dub.run_id]) not in body
    assert reverse("runs-edit-remove", args=[dub.run_id]) not in body


# --- The run page ------------------------------------------------------------------------------------


def test_the_page_plays_and_shows_the_first_dub(client, team, reader):
    dub = make_dub(
        make_ready_run(team, title="Pilot"), ["Hola", "Adiós"], "es-es", video_url=VIDEO, audio_url=AUDIO
    )
    make_dub(dub.run, ["Bonjour"], "fr-fr", audio_url=AUDIO)
    body = run_page(client, dub.run)
    assert f'src="{reverse("media-video", args=[dub.pk])}"' in body
    assert f'<track kind="captions" src="{reverse("media-captions", args=[dub.pk])}" srclang="es-es"' in body
    assert re.findall(
        r'<li id="(cue-\d)" class="cue voice-\d" data-start="(\d+)" data-end="\d+">.*<p dir="ltr">(.*)</p>', body
    ) == [
        ("cue-1", "0", "Hola"),
        ("cue-2", "2000", "Adiós"),
    ]
    assert "Bonjour" not in body
    assert "cdn.example.com" not in body


def test_the_url_chooses_dub_and_media_kind(client, team, reader):
    run = make_ready_run(team)
    make_dub(run, ["Buenos días"], "es-es", video_url=VIDEO, audio_url=AUDIO)
    french = make_dub(run, ["Bonjour"], "fr-fr", video_url=VIDEO, audio_url=AUDIO)
    body = run_page(client, run, "?dub=fr-fr&play=audio")
    assert "Bonjour" in body
    assert "Buenos días" not in body
    assert f'<audio id="media" controls preload="metadata" src="{reverse("media-audio", args=[french.pk])}"' in body
    assert "<video" not in body


def test_an_unknown_dub_or_kind_falls_back_to_an_available_one(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hola"], "es-es", audio_url=AUDIO)
    body = run_page(client, dub.run, "?dub=xx&play=video&t=never")
    assert f'src="{reverse("media-audio", args=[dub.pk])}"' in body


@pytest.mark.parametrize(
    ("t", "start"), [("83", "83.0"), ("1m23s", "83.0"), ("1:23", "83.0"), ("1:23.5", "83.5"), ("0", ""), ("-1", "")]
)
def test_the_url_chooses_the_start_time(client, team, reader, t, start):
    dub = make_dub(make_ready_run(team), ["Hola"], video_url=VIDEO)
    body = run_page(client, dub.run, f"?t={t}")
    assert f'data-at="{start}"' in body
    assert re.findall(r'<video [^>]*src="[^"#]*(#t=[^"]*)?"', body) == [f"#t={start}" if start else ""]


def test_an_expired_link_is_not_preloaded(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hola"], video_url="https://cdn.example.com/a.mp4?Expires=1600000000")
    body = run_page(client, dub.run)
    assert ('preload="none"' in body, 'data-ends=""' in body) == (True, True)


@pytest.mark.parametrize(("link", "ends"), [("?Expires=4102444800", "4102444800000"), ("?sig=1", "")])
def test_the_player_knows_when_its_link_expires(client, team, reader, link, ends):
    dub = make_dub(make_ready_run(team), ["Hola"], audio_url=f"https://cdn.example.com/a.m4a{link}")
    assert f'data-ends="{ends}"' in run_page(client, dub.run)


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        *((tag, "rtl") for tag in ("ar-xa", "arz", "azb", "ku-arab", "yi", "")),
        *((tag, "ltr") for tag in ("ar-latn", "az-latn", "ku", "uz", "en")),
    ],
)
def test_every_line_is_laid_out_in_the_direction_of_the_language(client, team, reader, language, direction):
    lines = ["OK, قال إن السفينة وصلت", "iPhone", "نعم سيدي", "123"]
    run = make_dub(make_run(team), lines, language).run
    english = make_dub(run, ["Yes", "שלום, he said", "No", "Go"], "en-us")
    assert re.findall(r'<p dir="(\w+)"', run_page(client, run)) == [direction] * 4
    beside = run_page(client, run, f"?dub={language}&beside=en-us")
    if language:
        assert re.findall(r'<p dir="(\w+)"', beside) == [direction, "ltr"] * 4
    assert re.findall(r'<p dir="(\w+)"', run_page(client, run, f"?dub={english.language}")) == ["ltr"] * 4


def test_lines_have_their_language_and_direction(client, team, reader):
    dub = make_dub(make_ready_run(team), ["مرحبا"], "ar-eg", audio_url=AUDIO)
    body = run_page(client, dub.run)
    assert '<div id="cues" class="cues" lang="ar-eg" dir="rtl">' in body
    assert '<p dir="rtl">مرحبا</p>' in body


def test_a_speaker_is_named_at_each_change_and_keeps_a_colour(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a", "b", "c", "d"], audio_url=AUDIO)
    dub.cues.filter(position=2).update(speaker="Anna")
    rows = re.findall(
        r'<li id="cue-\d" class="cue ([^"]*)"[^>]*>(?:<bdi>([^<]*)</bdi>)?', run_page(client, dub.run)
    )
    assert rows == [("voice-0", "Anna"), ("voice-0", ""), ("voice-0", ""), ("voice-1", "Ben")]


def test_text_from_outside_is_escaped(client, team, reader):
    run = make_ready_run(team, title=HOSTILE, reason=HOSTILE, notes=[HOSTILE])
    dub = make_dub(run, [HOSTILE], '"><script>', audio_url=AUDIO)
    dub.cues.update(speaker=HOSTILE)
    body = run_page(client, run)
    assert body.count(html.escape(HOSTILE)) >= 5
    assert "<img" not in body
    assert "<script>" not in body


def test_a_run_without_results_says_why_who_added_it_and_what_is_next(client, team, reader):
    make_key(team)
    make_worker()
    waiting = text_of_html(run_page(client, make_run(team, status=Run.Status.WAITING, added_by=reader)))
    assert "CAMB.AI has no result yet. Dubroom keeps checking; results appear here." in waiting
    assert f"added by {reader}" in waiting
    assert "Check the key" not in waiting
    fields = {"due_at": None, "reason": "Too long. Cut it.", "camb_run_id": 4711}
    failed = run_page(client, make_run(team, status=Run.Status.FAILED, **fields))
    assert "Too long. Cut it." in failed
    assert "Try again" in failed
    assert 'data-copy-id="4711"' in failed
    assert re.search(r'<details class="run-notes history-drawer"[^>]* open hx-trigger="load"', failed)
    missing = run_page(client, make_run(team, status=Run.Status.NOT_FOUND, due_at=None, reason="No such run."))
    assert "Check the key" in missing


def test_no_page_says_that_it_keeps_checking_while_nothing_is_checked(client, team, reader):
    run = make_run(team, status=Run.Status.PARTLY)
    make_dub(run, ["Hola"], "es-es", video_url=VIDEO)
    for expected in ("has no CAMB.AI key yet", "Checks on this server stopped", "Key refused."):
        body = run_page(client, run)
        assert expected in body
        assert "keeps checking" not in body
        assert "next check" not in body
        if expected == "Checks on this server stopped":
            ApiKey.objects.update(state=ApiKey.State.REFUSED, message="Key refused.")
        elif expected == "has no CAMB.AI key yet":
            make_key(team)
            make_worker(timezone.now() - timedelta(days=1))


def test_a_run_that_is_partly_ready_names_what_is_missing(client, team, reader):
    run = make_run(team, status=Run.Status.PARTLY)
    make_dub(run, ["Hola"], "es-es", video_url=VIDEO)
    assert "Still missing: audio." in run_page(client, run)
    make_dub(run, [], "fr-fr", audio_url=AUDIO)
    assert "Still missing: audio (Spanish (Spain)), transcript (French (France))." in run_page(client, run)


def test_a_problem_with_the_key_is_shown_on_an_unfinished_run(client, team, reader):
    run = make_run(team)
    assert "has no CAMB.AI key yet" in run_page(client, run)
    ApiKey.objects.create(
        team=team, sealed="x", last_four="1234", state=ApiKey.State.REFUSED, message="Key refused."
    )
    assert "Key refused." in run_page(client, run)
    assert "Key refused." not in run_page(client, make_ready_run(team))


def test_many_lines_and_dubs_take_as_many_queries_as_one(client, team, reader):
    small, large = make_ready_run(team), make_ready_run(team)
    make_dub(small, ["one"], audio_url=AUDIO)
    for number in range(30):
        make_dub(large, ["line"] * 30, f"e{chr(97 + number % 26)}-{number}", audio_url=AUDIO)
    run_page(client, small)  # the first request of a session also writes it
    counts = []
    for run in (small, large):
        with CaptureQueriesContext(connection) as queries:
            run_page(client, run)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- The poll ----------------------------------------------------------------------------------------


def poll_run_page(client, run, values):
    """Send the poll of the run's page."""
    return client.get(reverse("runs-detail-poll", args=[run.pk]), values)


def test_a_finished_run_is_not_polled(client, team, reader):
    assert poll_values(run_page(client, make_dub(make_ready_run(team), ["Hola"]).run)) is None


def test_a_poll_without_changes_answers_204(client, team, reader):
    run = make_run(team)
    response = poll_run_page(client, run, poll_values(run_page(client, run)))
    assert (response.status_code, response.content) == (204, b"")


def test_a_run_that_becomes_ready_gets_its_player_and_is_no_longer_polled(client, team, reader):
    run = make_run(team, status=Run.Status.WAITING)
    values = poll_values(run_page(client, run))
    make_dub(run, ["Hola"], "es-es", video_url=VIDEO)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.READY, due_at=None)
    TeamVersion.bump(team.pk)
    body = poll_run_page(client, run, values).content.decode()
    assert re.findall(r'<(\w+) id="([\w-]+)"[^>]*hx-swap-oob', body) == [
        ("div", "run-status"),
        ("section", "dub"),
        ("p", "live"),
        ("span", "inbox-count"),
    ]
    assert "<video" in body
    assert poll_values(body) is None


def test_a_change_outside_the_dub_leaves_the_player_alone(client, team, reader):
    run = make_run(team, status=Run.Status.PARTLY)
    make_dub(run, ["Hola"], "es-es", video_url=VIDEO)
    values = poll_values(run_page(client, run))
    TeamVersion.bump(team.pk)
    body = poll_run_page(client, run, values).content.decode()
    outside = re.findall(r'<\w+ id="([\w-]+)"[^>]*hx-swap-oob', body)
    assert outside == ["run-status", "run-poller", "copy", "inbox-count"]
    assert poll_values(body) == values | {"since": 1}


def test_a_missing_part_is_awaited_until_the_run_is_finished(client, team, reader):
    run = make_run(team, status=Run.Status.PARTLY)
    make_dub(run, ["Hola"], "es-es")
    make_dub(run, [], "fr-fr", audio_url=AUDIO)
    sentences = {"es-es": "CAMB.AI has no audio or video for this dub", "fr-fr": "No transcript"}
    pages = {language: run_page(client, run, f"?dub={language}") for language in sentences}
    for language, sentence in sentences.items():
        assert f"{sentence} yet" in pages[language]
    Run.objects.filter(pk=run.pk).update(due_at=None)
    TeamVersion.bump(team.pk)
    for language, sentence in sentences.items():
        body = poll_run_page(client, run, poll_values(pages[language])).content.decode()
        assert (sentence in body, f"{sentence} yet" in body) == (True, False)


def test_the_poll_keeps_the_shown_dub(client, team, reader):
    run = make_run(team, status=Run.Status.PARTLY)
    make_dub(run, ["Hola"], "es-es", video_url=VIDEO, audio_url=AUDIO)
    make_dub(run, [], "fr-fr", video_url=VIDEO, audio_url=AUDIO)
    values = poll_values(run_page(client, run, "?dub=fr-fr&play=audio"))
    Dub.objects.filter(language="fr-fr").update(cue_count=1, cues_hash="new")
    TeamVersion.bump(team.pk)
    body = poll_run_page(client, run, values).content.decode()
    assert '<audio id="media"' in body
    assert 'lang="fr-fr"' in body


def test_a_run_that_is_being_asked_about_is_polled_until_the_answer(client, team, reader):
    run = make_ready_run(team, lease=uuid4(), lease_until=timezone.now() + timedelta(minutes=1))
    body = run_page(client, run)
    assert "checking now" in body
    Run.objects.update(lease=None, lease_until=None)
    body = poll_run_page(client, run, poll_values(body)).content.decode()
    assert "checking now" not in body
    assert poll_values(body) is None


def test_a_run_whose_worker_died_is_not_shown_as_being_asked_about(client, team, reader):
    worker = WorkerHeartbeat.objects.create(name="worker", seen_at=timezone.now())
    run = make_ready_run(
        team, lease=uuid4(), lease_until=timezone.now() + timedelta(seconds=30), leased_by=worker.pk
    )
    assert "checking now" in run_page(client, run)
    worker.delete()
    assert "checking now" not in run_page(client, run)


# --- Media -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "link"), [("video", VIDEO), ("audio", AUDIO)])
def test_media_is_a_redirect_to_the_live_link(client, team, reader, refreshed, kind, link):
    dub = make_dub(make_ready_run(team), video_url=VIDEO, audio_url=AUDIO)
    response = client.get(reverse(f"media-{kind}", args=[dub.pk]))
    assert (response.status_code, response.headers["Location"]) == (302, link)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert refreshed == []


def test_a_broken_link_is_renewed_once(client, team, reader, refreshed):
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    for _ in range(3):
        response = client.get(reverse("media-video", args=[dub.pk]), {"renew": "1"})
        assert (response.status_code, response.headers["Location"]) == (302, VIDEO)
    assert refreshed == [dub.run]


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example/a.mp4", "data:text/html,x", "https://a@b/c"]
)
def test_a_link_that_is_not_a_web_address_is_refused(client, team, reader, refreshed, link):
    dub = make_dub(make_ready_run(team), video_url=link)
    response = client.get(reverse("media-video", args=[dub.pk]))
    assert (response.status_code, response.headers.get("Location")) == (502, None)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "cannot be played" in response.content.decode()


def test_the_query_string_cannot_redirect_elsewhere(client, team, reader, refreshed):
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    response = client.get(reverse("media-video", args=[dub.pk]), {"next": "https://evil.example", "url": "//evil"})
    assert response.headers["Location"] == VIDEO


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Unavailable("CAMB.AI does not answer. Try again later."), "CAMB.AI does not answer. Try again later."),
        (links.NoKeyError(), "The link has expired, and this team has no CAMB.AI key to get a new one with."),
        (
            SealBrokenError(),
            "The link has expired, and this team's CAMB.AI key must be pasted again to get a new one.",
        ),
    ],
)
def test_a_renewal_that_fails_says_why(client, team, reader, monkeypatch, error, sentence):
    def fail(run):
        raise error

    monkeypatch.setattr(links, "renew_links", fail)
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    response = client.get(reverse("media-video", args=[dub.pk]), {"renew": "1"})
    assert (response.status_code, response.content.decode()) == (502, sentence)


# --- Kept copies -------------------------------------------------------------------------------------


FILE_NAME = (
    "filename=\"Te & mas [1042].es-es.mp4\"; filename*=utf-8''T%C3%A9%20%26%20m%C3%A1s%20%5B1042%5D.es-es.mp4"
)


@pytest.fixture
def kept_dub(team, settings, tmp_path):
    """A dub with a kept copy of its video and an expired link."""
    options = {"location": tmp_path}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": options}}
    link = "https://cdn.example.com/a.mp4"
    dub = make_dub(
        make_ready_run(team, title="Té & más", camb_run_id=1042), ["Hola"], "es-es", video_url=f"{link}?Expires=1"
    )
    name = default_storage.save("1/0af3.mp4", ContentFile(b"0123456789"))
    MediaCopy.objects.create(
        team=team, dub=dub, kind="video", state="kept", name=name, content_type="video/mp4", size=10, source=link
    )
    return dub


def play(client, dub, query="", **headers):
    return client.get(reverse("media-video", args=[dub.pk]) + query, headers=headers)


def test_a_kept_copy_plays_although_the_link_has_expired(client, reader, kept_dub, refreshed):
    response = play(client, kept_dub)
    assert (response.status_code, response.getvalue(), refreshed) == (200, b"0123456789", [])
    assert {
        name: response.headers[name] for name in ("Content-Type", "Content-Length", "ETag", "Accept-Ranges")
    } == {
        "Content-Type": "video/mp4",
        "Content-Length": "10",
        "ETag": '"0af3"',
        "Accept-Ranges": "bytes",
    }
    assert response.headers["Content-Disposition"] == f"inline; {FILE_NAME}"
    assert (response.headers["Cache-Control"], response.headers["X-Content-Type-Options"]) == (
        "no-store",
        "nosniff",
    )


def test_a_kept_copy_is_sent_in_ranges(client, reader, kept_dub):
    response = play(client, kept_dub, Range="bytes=3-5", **{"If-Range": '"0af3"'})
    assert (response.status_code, response.content) == (206, b"345")
    assert response.headers["Content-Range"] == "bytes 3-5/10"
    assert play(client, kept_dub, Range="bytes=10-").status_code == 416


def test_a_kept_copy_is_downloaded_under_a_readable_name(client, reader, kept_dub):
    response = play(client, kept_dub, "?download")
    assert (response.status_code, response.getvalue()) == (200, b"0123456789")
    assert response.headers["Content-Disposition"] == (f"attachment; {FILE_NAME}")


def test_a_kept_copy_is_for_the_team_only(client, kept_dub):
    address = reverse("media-video", args=[kept_dub.pk])
    assert client.get(address).headers["Location"] == f"{reverse('account_login')}?next={address}"
    client.force_login(make_user())
    assert client.get(address).status_code == 404


def test_a_renewal_redirects_to_the_copy_when_its_file_exists(client, reader, kept_dub, refreshed):
    response = play(client, kept_dub, "?renew=1")
    assert (response.status_code, response.headers["Location"]) == (302, reverse("media-video", args=[kept_dub.pk]))
    assert refreshed == []


def test_a_players_script_checks_what_does_not_play_also_for_who_may_not_export(
    client, team, reader, kept_dub, refreshed
):
    team.memberships.get(user=reader).set_export(is_allowed=False)
    entries = AuditEntry.objects.count()
    by_script = {"sec-fetch-dest": "empty"}
    for what in ("renew", "file"):
        answer = play(client, kept_dub, f"?check={what}", **by_script)
        assert (answer.status_code, answer.headers.get("Location"), answer.content) == (204, None, b"")
    assert (
        client.get(reverse("media-video", args=[kept_dub.pk]), {"renew": "1"}, headers=by_script).status_code == 403
    )
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("query", ["", "?renew=1"])
def test_a_copy_without_its_file_falls_back_to_the_live_link(client, reader, kept_dub, monkeypatch, query):
    monkeypatch.setattr(links, "renew_links", lambda run: Dub.objects.update(video_url=VIDEO))
    copy = MediaCopy.objects.get()
    default_storage.delete(copy.name)
    assert play(client, kept_dub, query).headers["Location"] == VIDEO
    copy.refresh_from_db()
    assert copy.state == "kept"  # another machine may have the file


def test_a_copy_in_an_object_storage_is_a_redirect_to_a_signed_url(client, reader, kept_dub, settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "tests.bucket.Bucket"}}
    response = play(client, kept_dub, "?download")
    address, _, query = response.headers["Location"].partition("?")
    assert (response.status_code, address) == (302, "https://bucket.example/1/0af3.mp4")
    assert dict(parse_qsl(query)) == {
        "ResponseContentType": "video/mp4",
        "ResponseContentDisposition": (f"attachment; {FILE_NAME}"),
    }
    assert (response.headers["Cache-Control"], response.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("query", ["", "?renew=1"])
def test_a_copy_in_a_storage_in_trouble_falls_back_to_the_live_link(
    client, reader, kept_dub, settings, monkeypatch, query
):
    monkeypatch.setattr(links, "renew_links", lambda run: Dub.objects.update(video_url=VIDEO))
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "tests.bucket.RefusingBucket"}}
    before = MediaCopy.objects.values().get()
    assert play(client, kept_dub, query).headers["Location"] == VIDEO
    assert MediaCopy.objects.values().get() == before


def test_the_page_of_a_kept_copy_needs_no_fresh_link(client, reader, kept_dub):
    body = run_page(client, kept_dub.run)
    assert "Kept here, 10\xa0bytes" in body
    assert 'preload="metadata"' in body
    assert 'data-ends=""' in body


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "waiting"}, "Copying media."),
        ({"state": "waiting", "received_bytes": 5}, "Copying media: 50%"),
        ({"state": "waiting", "message": "It <broke> off."}, "No copy is kept here yet. It &lt;broke&gt; off."),
        ({"state": "failed", "message": "No media."}, "No copy is kept here. No media."),
    ],
)
def test_the_page_shows_the_state_of_the_copy(client, reader, kept_dub, fields, sentence):
    MediaCopy.objects.update(**fields)
    assert sentence in run_page(client, kept_dub.run)


def test_an_open_page_gets_the_copy_and_its_waveform_and_keeps_its_player(client, team, reader, kept_dub):
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=100)
    MediaCopy.objects.update(state="waiting")
    values = poll_values(run_page(client, kept_dub.run))
    assert poll_run_page(client, kept_dub.run, values).status_code == 204
    MediaCopy.objects.update(received_bytes=5)
    body = poll_run_page(client, kept_dub.run, values).content.decode()
    assert ("50%" in body, re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob', body)) == (
        True,
        ["run-status", "run-poller", "copy", "inbox-count"],
    )
    MediaCopy.objects.update(state="kept", waveform=bytes(1000), length_ms=1000)
    body = poll_run_page(client, kept_dub.run, poll_values(body)).content.decode()
    assert ("Kept here" in body, 'class="wave"' in body, poll_values(body)) == (True, True, None)
    outside = re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob', body)
    assert outside == ["run-status", "run-poller", "copy", "timeline", "inbox-count"]


def test_a_page_is_not_polled_for_a_copy_that_is_not_wanted(client, team, reader, kept_dub):
    MediaCopy.objects.all().delete()
    assert poll_values(run_page(client, kept_dub.run)) is None


@pytest.fixture
def linked_media(monkeypatch):
    """Return the answers of the media host by link, and the list of the links requested so far."""
    answers: dict[str, download.FilePart | download.DownloadError] = {}
    requested: list[str] = []

    @contextmanager
    def opened(url, *, trusted):
        requested.append(url)
        answer = answers[url]
        if isinstance(answer, download.DownloadError):
            raise answer
        yield answer

    monkeypatch.setattr(download, "open_download", opened)
    return answers, requested


def part(*pieces, url=VIDEO):
    return download.FilePart(0, sum(map(len, pieces)), "", iter(pieces), url)


def test_media_that_browsers_refuse_is_explained(client, team, reader, refreshed):
    link = "http://cdn.example/v.mp4"
    dub = make_dub(make_ready_run(team), ["Hello"], video_url=link, audio_url="https://media.example/a.mp3")
    body, sentence = (
        run_page(client, dub.run),
        "This server does not play media from cdn.example. Ask the administrator",
    )
    assert (sentence in body, 'id="media"' in body, 'id="timeline"' in body) == (True, False, False)
    assert 'id="media"' in run_page(client, dub.run, "?play=audio")
    for query in ("", "?check=renew", "?check=file"):
        answer = play(client, dub, query)
        assert (answer.status_code, sentence in answer.content.decode()) == (502, True)
    MediaCopy.objects.create(team=team, dub=dub, kind="video", state="kept", source=link, name="1/v.mp4")
    assert (sentence in run_page(client, dub.run), 'id="media"' in run_page(client, dub.run)) == (False, True)


def test_a_link_that_redirects_to_what_browsers_refuse_is_explained(client, team, reader, linked_media):
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    linked_media[0][VIDEO] = part(b"0", url="http://cdn.example/v.mp4")
    answer = play(client, dub, "?check=file")
    assert (answer.status_code, "This server does not play media from cdn.example." in answer.content.decode()) == (
        502,
        True,
    )


def test_a_download_passes_through_the_server_under_a_readable_name(client, team, reader, linked_media):
    answers, _requested = linked_media
    answers[VIDEO] = part(b"abc", b"def")
    dub = make_dub(make_ready_run(team, title="Désert: 1", camb_run_id=42), language="ar-eg", video_url=VIDEO)
    response = client.get(reverse("media-video", args=[dub.pk]), {"download": ""})
    assert (response.status_code, b"".join(response.streaming_content)) == (200, b"abcdef")
    assert response.headers["Content-Length"] == "6"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"Desert 1 [42].ar-eg.mp4\"; filename*=utf-8''D%C3%A9sert%201%20%5B42%5D.ar-eg.mp4"
    )
    assert "Location" not in response.headers
    assert 'download="Désert 1 [42].ar-eg.mp4"' in run_page(client, dub.run)


def test_a_download_by_an_expired_link_continues_by_a_fresh_one(client, team, reader, linked_media, monkeypatch):
    answers, requested = linked_media
    fresh = VIDEO.replace("sig=1", "sig=2")
    answers |= {VIDEO: download.LinkGoneError("The link has expired."), fresh: part(b"abc")}
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    monkeypatch.setattr(links, "renew_links", lambda run: Dub.objects.update(video_url=fresh))
    response = client.get(reverse("media-video", args=[dub.pk]), {"download": ""})
    assert (b"".join(response.streaming_content), requested) == (b"abc", [VIDEO, fresh])


def test_a_download_that_fails_says_why(client, team, reader, linked_media):
    answers, _requested = linked_media
    answers[VIDEO] = download.DownloadError("The media host could not be reached.")
    dub = make_dub(make_ready_run(team), video_url=VIDEO)
    response = client.get(reverse("media-video", args=[dub.pk]), {"download": ""})
    assert (response.status_code, response.content.decode()) == (502, "The media host could not be reached.")


@pytest.mark.parametrize(
    ("link", "ending"),
    [
        ("a.webm?x=1", ".webm"),
        ("a", ".m4a"),
        ("a.", ".m4a"),
        ("a.MP3", ".mp3"),
        ("a.%0A", ".m4a"),
        ("a.b/c", ".m4a"),
    ],
)
def test_a_downloads_extension_is_that_of_its_link(client, team, reader, link, ending):
    dub = make_dub(make_ready_run(team, title="x", camb_run_id=1), audio_url=f"https://cdn.example.com/{link}")
    assert f'download="x [1].en-us{ending}"' in run_page(client, dub.run)


# --- Captions ----------------------------------------------------------------------------------------


def test_captions_are_the_transcript_as_webvtt(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hola", "a --> b"], "es-es")
    response = client.get(reverse("media-captions", args=[dub.pk]))
    assert response.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert response.content.decode() == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:00:02.000\n<v Anna>Hola</v>\n\n"
        "2\n00:00:02.000 --> 00:00:04.000\n<v Ben>a --&gt; b</v>\n"
    )


def test_captions_of_a_right_to_left_dub_have_direction_marks_and_name_their_language(client, team, reader):
    for language, line in (("arz", "OK, قال"), ("ar-latn", "OK, qal")):
        dub = make_dub(make_run(team), [line], language)
        response = client.get(reverse("media-captions", args=[dub.pk]))
        assert response.headers["Content-Language"] == language
        assert ("\u200f\u202bOK, " in response.content.decode()) == (language == "arz")


def test_captions_are_in_the_order_of_time(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one", "two", "three"])
    Cue.objects.filter(dub=dub, position=1).update(position=99)
    body = client.get(reverse("media-captions", args=[dub.pk])).content.decode()
    assert re.findall(r"<v \w+>(\w+)</v>", body) == ["two", "three", "one"]


def test_a_member_of_two_teams_sees_the_runs_of_both(client, team, reader):
    other = make_team(owner=make_user())
    Membership.objects.create(team=other, user=reader, role=Membership.Role.VIEWER)
    mine, theirs = make_run(team, title="Mine"), make_run(other, title="Theirs")
    assert "Mine" in run_page(client, mine)
    assert "Theirs" in run_page(client, theirs)


def test_polling_an_unfinished_run_brings_its_refresh_forward(client):
    run = make_run(status="waiting", due_at=timezone.now() + timedelta(hours=1))
    client.force_login(run.team.memberships.get().user)
    client.get(f"/runs/{run.pk}/poll/")
    run.refresh_from_db()
    assert run.due_at < timezone.now() + timedelta(minutes=1)


def test_a_second_look_renders_only_what_may_be_new(client, team, reader):
    dub = make_dub(make_ready_run(team), lines=["Hello"], video_url=VIDEO)
    for _ in range(2):
        response = client.get(reverse("runs-detail", args=[dub.run_id]))
    assert [template.name for template in response.templates] == [
        "runs/detail/page.html",
        "base.html",
        "runs/detail/_status.html",
        "runs/edit/_tags.html",
        "runs/detail/_dub.html",
        "runs/detail/_poller.html",
    ]


def test_a_run_is_named_by_its_own_status_and_id(client, team, reader):
    made = [make_run(team, camb_run_id=number, status=status) for number, status in ((7, "ready"), (8, "failed"))]
    for run in (*made, *made):
        page = text_of_html(client.get(reverse("runs-detail", args=[run.pk])).content.decode())
        assert f"{run.get_status_display()} Run {run.camb_run_id}" in " ".join(page.split())

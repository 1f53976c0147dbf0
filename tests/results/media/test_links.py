"""Media links: their expiry, their renewal at CAMB.AI, and those that must not be followed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone, translation

from demo.server import Reply
from results.camb import Unavailable
from results.media import links
from results.media.links import renew_links  # the fixture below replaces it in its module
from results.models import ApiKey, Dub
from results.secrets import SealBrokenError
from tests.factories import make_dub, make_run, ready

FETCHED = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOST = "https://cdn.example.com/a.mp4"
EXPIRED = f"{HOST}?Expires=1600000000"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def answer_with(monkeypatch):
    """Put a function in place of the call to CAMB.AI; without one, a call fails the test."""

    def call(run):
        raise AssertionError("CAMB.AI must not be called")

    def answer_with(other):
        nonlocal call
        call = other

    cache.clear()
    monkeypatch.setattr(links, "renew_links", lambda run: call(run))
    return answer_with


class Camb:
    """Stands in for `renew_links`: counts the calls, and stores the links that CAMB.AI would give."""

    def __init__(self, **links):
        self.links, self.attempts = links, 0

    def __call__(self, run):
        self.attempts += 1
        Dub.objects.filter(run=run).update(**self.links)


@pytest.mark.parametrize(
    ("query", "expiry"),
    [
        ("Expires=1767272400&Signature=x", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("expires=1767272400000", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("exp=1767272400.5", datetime(2026, 1, 1, 13, 0, 0, 500_000, tzinfo=UTC)),
        ("expires=3600", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("X-Amz-Date=20260101T120000Z&X-Amz-Expires=3600", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("x-goog-expires=60&x-goog-date=20260101T120000Z", datetime(2026, 1, 1, 12, 1, tzinfo=UTC)),
        ("se=2026-01-01T13%3A00%3A00Z&sig=x", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("se=2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("", None),
        ("X-Amz-Expires=3600", None),
        ("X-Amz-Date=yesterday&X-Amz-Expires=3600", None),
        ("Expires=never", None),
        ("Expires=nan", None),
        ("Expires=-5", None),
        ("Expires=1e300", None),
        ("X-Amz-Date=20260101T120000Z&X-Amz-Expires=" + "9" * 30, None),
        ("se=soon", None),
        ("&".join(f"a{n}=1" for n in range(200)), None),
    ],
)
def test_expiry_is_parsed_from_the_link(query, expiry):
    assert links.parse_expiry(f"{HOST}?{query}", FETCHED) == expiry


@pytest.mark.parametrize(
    ("query", "has_expired"),
    [
        ("se=0001-01-01T00:00:00Z", True),
        ("se=0001-01-01T00:00:00%2B14:00", True),
        ("X-Amz-Date=00010101T000000Z&X-Amz-Expires=0", True),
        ("se=9999-12-31T23:59:59-14:00", False),
    ],
)
def test_an_expiry_at_an_end_of_the_calendar_is_one_like_any_other(query, has_expired):
    assert links.has_expired(make_dub(video_url=f"{HOST}?{query}"), "video") == has_expired


@pytest.mark.parametrize(
    "url", [HOST, "http://127.0.0.1:8001/media/a.mp4?Expires=1&Signature=2", "https://bücher.example/ü"]
)
def test_web_addresses_are_playable(url):
    assert links.is_playable(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\tjavascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:https://x/y",
        "//host/a.mp4",
        "/a.mp4",
        "https:///a.mp4",
        "https:a.mp4",
        "https://user:pw@host/a.mp4",
        "https://host/a\r\nSet-Cookie: a=b",
        "https://host/a b",
        "https://host\\@evil/a",
        "https://[::1/a",
        "ftp://host/a.mp4",
    ],
)
def test_other_addresses_are_not_playable(url):
    assert not links.is_playable(url)


def test_a_link_that_has_not_expired_is_given_without_a_call():
    expires = int((timezone.now() + timedelta(hours=1)).timestamp())
    dub = make_dub(video_url=f"{HOST}?Expires={expires}", audio_url="https://cdn.example.com/a.mp3")
    assert links.playable_url(dub, "video") == f"{HOST}?Expires={expires}"
    assert links.playable_url(dub, "audio") == "https://cdn.example.com/a.mp3"


def test_an_expired_link_is_renewed(answer_with):
    dub = make_dub(video_url=EXPIRED)
    answer_with(camb := Camb(video_url=f"{HOST}?Expires=99999999999"))
    assert links.playable_url(dub, "video") == f"{HOST}?Expires=99999999999"
    assert camb.attempts == 1


def test_a_dead_link_is_renewed_once_for_all_browsers(answer_with):
    dub = make_dub(video_url=HOST)
    answer_with(camb := Camb(video_url=f"{HOST}?new"))
    assert {links.playable_url(dub, "video", renew=True) for _ in range(5)} == {f"{HOST}?new"}
    assert camb.attempts == 1


def test_during_a_renewal_other_browsers_are_told_to_wait(answer_with):
    dub = make_dub(video_url=HOST)
    messages = []

    def answer(run):
        with pytest.raises(links.NoPlayableLinkError) as raised:
            links.playable_url(dub, "video", renew=True)
        messages.append(str(raised.value))

    answer_with(answer)
    links.playable_url(dub, "video", renew=True)
    assert messages == ["A new link is being fetched from CAMB.AI. Press play again in a few seconds."]


def test_an_error_of_camb_is_shown_to_all_browsers_after_one_call(answer_with):
    dub = make_dub(video_url=HOST)
    calls = []

    def answer(run):
        calls.append(run)
        raise Unavailable("CAMB.AI does not answer.")

    answer_with(answer)
    for _ in range(3):
        with pytest.raises(links.NoPlayableLinkError, match=r"^CAMB\.AI does not answer\.$"):
            links.playable_url(dub, "video", renew=True)
    assert calls == [dub.run]


@pytest.mark.parametrize(
    ("error", "sentence"), [(links.NoKeyError, "has no CAMB.AI key"), (SealBrokenError, "must be pasted again")]
)
def test_without_a_usable_key_all_browsers_are_told_so(answer_with, error, sentence):
    dub = make_dub(video_url=HOST)

    def answer(run):
        raise error

    answer_with(answer)
    for _ in range(3):
        with pytest.raises(links.NoPlayableLinkError, match=sentence):
            links.playable_url(dub, "video", renew=True)


def test_a_link_that_is_still_expired_after_renewal_is_refused(answer_with):
    answer_with(Camb())
    with pytest.raises(links.NoPlayableLinkError, match="gave no new one"):
        links.playable_url(make_dub(video_url=EXPIRED), "video")


def test_a_new_link_is_tried_though_our_fast_clock_says_it_has_expired(answer_with):
    dub = make_dub(video_url=f"{HOST}?Expires=1500000000")
    answer_with(camb := Camb(video_url=EXPIRED))
    assert [links.live_url(dub, "video"), links.live_url(Dub.objects.get(), "video")] == [EXPIRED, EXPIRED]
    assert camb.attempts == 1


def test_a_dub_that_is_gone_after_renewal_is_explained(answer_with):
    dub = make_dub(video_url=EXPIRED)

    def answer(run):
        Dub.objects.all().delete()

    answer_with(answer)
    with pytest.raises(links.NoPlayableLinkError, match="no longer has this dub"):
        links.playable_url(dub, "video")


@pytest.mark.parametrize(
    ("link", "sentence"), [("", "This dub has no video."), ("javascript:alert(1)", "cannot be played")]
)
def test_a_link_that_cannot_be_played_is_refused(link, sentence):
    with pytest.raises(links.NoPlayableLinkError, match=sentence):
        links.playable_url(make_dub(video_url=link), "video")


@pytest.mark.parametrize(
    ("source", "playing", "refused"),
    [
        ("https:", ["https://a.example/1", "https://a.example:8443/1"], ["http://a.example/1"]),
        ("https://a.example", ["https://a.example/1", "https://A.example:443/1"], ["https://a.example:8443/1"]),
        ("http://a.example", ["http://a.example/1", "https://a.example/1"], ["http://b.a.example/1"]),
        ("https://*.a.example", ["https://b.a.example/1"], ["https://a.example/1", "https://xa.example/1"]),
        ("https://a.example:8443/path", ["https://a.example:8443/1"], ["https://a.example/1"]),
        ("a.example", ["http://a.example/1", "https://a.example/1"], ["https://b.example/1"]),
        ("*", ["http://a.example/1", "https://b.example/1"], []),
        ("'self'", [], ["https://a.example/1", "https://self/1"]),
    ],
)
def test_what_browsers_refuse_is_refused_with_the_reason(settings, source, playing, refused):
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"media-src": [source]}}
    assert [links.refusal(url) for url in playing] == [""] * len(playing)
    for url in refused:
        with pytest.raises(
            links.NoPlayableLinkError, match=r"does not play media from \S+\. Ask the administrator"
        ):
            links.playable_url(make_dub(video_url=url), "video")
        assert links.live_url(make_dub(video_url=url), "video") == url


def test_a_page_over_https_plays_nothing_over_http(settings):
    settings.IS_HTTPS = True
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"media-src": ["http://a.example"]}}
    assert "not encrypted (http)" in links.refusal("http://a.example/1")
    assert links.refusal("https://a.example/1") == ""


def test_the_log_names_the_setting_once_a_host(caplog):
    for _ in range(3):
        links.refusal("http://of-this-test-alone.example/1")
    [message] = [record.getMessage() for record in caplog.records]
    assert message == "Browsers do not play media from of-this-test-alone.example: MEDIA_HOSTS does not allow it."


# --- The call that renews the links ----------------------------------------------------------------


def test_a_link_is_not_renewed_while_the_key_is_paused(camb, team):
    run = make_run(team, status="ready", due_at=None)
    camb.script(Reply(429, b"", {"Retry-After": "60"}))
    for _ in range(2):
        with pytest.raises(Unavailable, match="rate limit is reached"):
            renew_links(run)
    assert len(camb.calls) == 1
    assert ApiKey.objects.get().retry_at > timezone.now() + timedelta(seconds=30)


def test_renewing_links_stores_new_links_and_keeps_no_lease(camb, team, enqueued):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready(video_url="https://media.example/fresh.mp4")
    renew_links(run)
    assert Dub.objects.get(run=run).video_url == "https://media.example/fresh.mp4"
    run.refresh_from_db()
    assert run.lease is None


def test_what_a_press_of_play_stores_is_in_the_servers_language(camb, team, enqueued):
    run = make_run(team)
    make_dub(run=run, language="fr-fr")
    camb.runs[run.camb_run_id] = {"es-es": ready()}
    with translation.override("de"):
        renew_links(run)
    run.refresh_from_db()
    assert run.notes == ["CAMB.AI no longer provides French (France); the earlier result is kept."]

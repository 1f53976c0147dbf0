"""Properties of every response: compression, security headers, and the host names it is served under."""

import gzip
import re
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from dashboard.http import stream_limit
from dashboard.http.load_shedding import OverloadError
from dashboard.http.request_body import RefusedBodyError
from dashboard.middleware import compressed_pages
from results.models import MediaCopy
from teams.models import AccessToken
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_dub, make_member, make_run, make_team

PAGE = b"<p>" + b"line " * 200


@pytest.mark.parametrize(
    ("response", "is_compressed"),
    [
        (HttpResponse(PAGE), True),
        (HttpResponse(PAGE, content_type="video/mp4", status=206), False),
        (HttpResponse(PAGE, content_type="application/zip"), False),
    ],
)
def test_pages_are_compressed_and_media_and_archives_are_not(rf, response, is_compressed):
    request = rf.get("/", HTTP_ACCEPT_ENCODING="gzip")
    compressed = compressed_pages(lambda _: response)(request)
    assert isinstance(compressed, HttpResponse)
    assert compressed.get("Content-Encoding", "") == ("gzip" if is_compressed else "")
    assert (gzip.decompress(compressed.content) if is_compressed else compressed.content) == PAGE


def test_the_length_of_a_compressed_page_tells_nothing_of_what_is_in_it(rf):
    """Whoever can have words put into a page must not learn from its length whether they were in it already."""
    request = rf.get("/", HTTP_ACCEPT_ENCODING="gzip")
    pages = [compressed_pages(lambda _: HttpResponse(PAGE))(request) for _ in range(50)]
    assert len({len(page.content) for page in pages if isinstance(page, HttpResponse)}) > 10


@pytest.mark.parametrize(("accepted", "page"), [("", PAGE), ("br", PAGE), ("gzip", b"<p>short</p>")])
def test_a_short_page_and_one_for_a_browser_without_gzip_stay_as_they_are(rf, accepted, page):
    answer = compressed_pages(lambda _: HttpResponse(page))(rf.get("/", HTTP_ACCEPT_ENCODING=accepted))
    assert isinstance(answer, HttpResponse)
    assert (answer.content, answer.get("Content-Encoding")) == (page, None)
    assert answer.get("Vary") == ("Accept-Encoding" if page == PAGE else None)


# --- Security headers --------------------------------------------------------------------------------


HEADERS = {
    "Content-Security-Policy": r"(?!.*unsafe)(?=.*default-src 'none')(?=.*object-src 'none')(?=.*base-uri 'none')"
    r"(?=.*frame-ancestors 'none').*",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": r"(?=.*camera=\(\))(?=.*microphone=\(\))(?=.*geolocation=\(\)).*",
    "Referrer-Policy": "same-origin|no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STATUSES = {
    "page": 200, "fragment": 200, "download": 200, "static": 200, "stream": 200, "script": 200, "health": 200,
    "whole media": 200, "part of media": 206, "moved": 302, "media elsewhere": 302, "unchanged media": 304,
    "unknown host": 400, "no token": 401, "refused": 403, "forged": 403, "missing": 404, "missing static": 404,
    "missing for a script": 404, "wrong method": 405, "unknown method": 405, "too slow": 408, "too large": 413,
    "beyond the media": 416, "invalid": 422, "too many": 429, "broken": 500, "no media": 502, "busy": 503,
}  # fmt: skip


@pytest.fixture
def responses(settings, monkeypatch, tmp_path) -> dict[str, Any]:
    """One response of every kind, by the names of STATUSES."""
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        }
    }
    team = make_team("Dub")
    dub = make_dub(make_run(team), ["Hello"], video_url="", audio_url="https://media.invalid/a.m4a")
    (tmp_path / "copy.mp4").write_bytes(b"0123456789")
    MediaCopy.objects.create(
        team=team,
        dub=dub,
        kind="video",
        content_type="video/mp4",
        name="copy.mp4",
        size=10,
        state=MediaCopy.State.KEPT,
    )
    person, viewer = signed_in(make_member(team)), signed_in(make_member(team, "viewer"))
    person.raise_request_exception = False
    monkeypatch.setattr("dashboard.views.runs.edit.remove_runs", lambda *_, **__: 1 / 0)
    _, secret = AccessToken.objects.issue(make_member(team).memberships.get(), "Nightly", can_write=False)
    video, audio = (reverse(f"media-{kind}", args=[dub.pk]) for kind in ("video", "audio"))
    export = reverse("runs-export-selection", args=["dub"])

    def refused(status: int) -> Any:
        cause: dict[str, Any] = {"dubroom.refused": RefusedBodyError(status, is_visitor=True)}
        return Client(**cause).post(reverse("account_login"))

    found = {
        "page": person.get(reverse("runs-list", args=["dub"])),
        "fragment": person.get(reverse("palette-entries", args=["dub"])),
        "download": person.get(reverse("runs-export-dub", args=[dub.pk, "srt"])),
        "static": person.get("/static/css/base.css"),
        "stream": person.get(export),
        "script": Client().get("/api/v1/t/dub/runs", headers={"authorization": f"Bearer {secret}"}),
        "health": Client().get("/health/"),
        "whole media": person.get(video),
        "part of media": person.get(video, headers={"range": "bytes=2-4"}),
        "moved": Client().get("/"),
        "media elsewhere": person.get(audio),
        "unchanged media": person.get(video, headers={"if-none-match": '"copy"'}),
        "unknown host": person.get("/", headers={"host": "evil.invalid"}),
        "no token": Client().get("/api/v1/t/dub/runs"),
        "refused": viewer.get(reverse("runs-add", args=["dub"])),
        "forged": Client(enforce_csrf_checks=True).post(reverse("account_login")),
        "missing": person.get("/nowhere/"),
        "missing static": person.get("/static/nowhere.css"),
        "missing for a script": Client().get("/api/v1/nowhere"),
        "wrong method": person.put(reverse("runs-list", args=["dub"])),
        "unknown method": person.generic("FOO", "/"),
        "too slow": refused(408),
        "too large": refused(413),
        "beyond the media": person.get(video, headers={"range": "bytes=99-"}),
        "invalid": Client().post(reverse("account_login")),
        "too many": refused(429),
        "broken": person.post(reverse("runs-edit-remove", args=[dub.run_id])),
    }
    MediaCopy.objects.all().delete()
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 0)
    monkeypatch.setattr(stream_limit, "WAIT_SECONDS", 0)
    return found | {"no media": person.get(video), "busy": person.get(export)}


@pytest.mark.django_db
def test_every_kind_of_response_has_security_headers(responses):
    assert {kind: response.status_code for kind, response in responses.items()} == STATUSES
    wrong = [
        (kind, name, response.headers.get(name))
        for kind, response in responses.items()
        for name, value in HEADERS.items()
        if not re.fullmatch(value, response.headers.get(name, ""))
    ]
    assert wrong == []


def told_by(response: Any) -> list[str]:
    """Return what an error's page tells of the inside: paths, settings, tables, code."""
    inside = (
        str(settings.BASE_DIR),
        "Traceback",
        "SECRET_KEY",
        "urlconf",
        "teams_team",
        "ZeroDivision",
        "site-packages",
    )
    return [word for word in inside if word.lower() in response.content.decode().lower()]


@pytest.mark.django_db
def test_no_error_tells_of_the_inside(responses):
    errors = {kind: answer for kind, answer in responses.items() if answer.status_code >= 400}
    assert len(errors) > 15
    assert {kind: told_by(answer) for kind, answer in errors.items() if told_by(answer)} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["&".join(f"f{number}=1" for number in range(1001)), "a" * 3 * 2**20])
def test_a_form_that_is_too_large_is_not_read_where_there_is_no_page(form):
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("account_login"))  # the token's cookie, without which no form is looked at
    kind = "application/x-www-form-urlencoded"
    assert client.post("/nowhere/", form, content_type=kind).status_code == 404
    assert client.post(reverse("account_login"), form, content_type=kind).status_code == 400


@pytest.mark.django_db
def test_no_cache_keeps_a_private_page_or_one_with_a_secret(responses):
    public = {"static", "missing static", "moved", "unknown host", "wrong method", "unknown method", "health"}
    kept = {kind for kind, answer in responses.items() if "no-store" not in answer.headers.get("Cache-Control", "")}
    assert kept <= public
    addresses = [
        reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "ended"}),
        reverse("account_confirm_email", args=["ended"]),
        reverse("account_reset_password"),
        reverse("account_reset_password_done"),
        reverse("invitations-follow", args=["ended"]),
        reverse("invitations-accept"),
    ]
    caching = {address: Client().get(address).headers.get("Cache-Control", "") for address in addresses}
    assert [address for address, value in caching.items() if "no-store" not in value] == []


@pytest.mark.parametrize("host", ["evil.example", "", "localhost@evil.example", "localhost:x", "lоcalhost", "a b"])
@pytest.mark.parametrize("header", ["host", "x-forwarded-host"])
def test_pages_are_served_under_configured_host_names_only(host, header):
    response = Client().get(reverse("account_login"), headers={header: host})
    assert response.status_code == (400 if header == "host" else 200)


# --- Load shedding -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_server_with_too_much_to_do_says_so_without_a_query(client, django_assert_num_queries):
    client.defaults["dubroom.refused"] = OverloadError()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    with django_assert_num_queries(0):
        page = client.get(reverse("runs-list", args=["dub"]))
        poll = client.get(reverse("runs-list-poll", args=["dub"]), {"since": "7"})
        problem = client.get("/api/v1/t/dub/runs")
        health = client.get("/health/")
    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert "did not end in time" in health.json()["reason"]
    assert [answer.status_code for answer in (page, poll, problem)] == [503] * 3
    assert {answer.headers["Retry-After"] for answer in (page, poll, problem)} == {"5"}
    assert "The server is busy" in text_of(page)
    assert poll.content == b""
    assert problem.json()["detail"].startswith("The server is busy")


HOSTS = [
    "evil.invalid", "", " ", "testserver@evil.invalid", "evil.invalid@testserver", "testserver:80:80",
    "testserver:x", "testserver/evil", "testserver.evil.invalid", "tеstserver", "xn--tstserver-9fe",
    "testserver,evil.invalid", "[::1", "test server", "testserver\\evil",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_not_ours_is_refused(host):
    for path in ("/", reverse("account_login"), "/nowhere/"):
        assert Client().get(path, HTTP_HOST=host.encode().decode("latin-1")).status_code == 400


@pytest.mark.django_db
def test_what_a_stranger_says_of_host_and_scheme_is_ignored():
    forged = {"X-Forwarded-Host": "evil.invalid", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.invalid"}
    answer = Client().get("/", headers=forged)
    assert (answer.status_code, "evil" in answer.headers["Location"]) == (302, False)
    assert not answer.wsgi_request.is_secure()
    assert answer.wsgi_request.get_host() == "testserver"


# --- Addresses that scanners try ---------------------------------------------------------------------

TRIED = [
    ".git/", ".git/config", ".git/HEAD", ".gitignore", ".env", ".env.example", ".env.local", ".aws/credentials",
    ".ssh/id_rsa", ".DS_Store", ".htaccess", "dump.sql", "backup.sql.gz", "db.sqlite3", "data/", "dubroom.sqlite3",
    "manage.py", "dashboard/settings/web.py", "docker-compose.yml", "Dockerfile", "requirements.txt", "Procfile",
    "admin/", "__debug__/", "server-status", "phpinfo.php", "wp-login.php", "media/", "static/.env", "..%2f.env",
    "accounts/login/.env", "%2egit/config",
]  # fmt: skip


@pytest.mark.django_db
def test_files_of_the_server_and_other_programs_are_not_there(as_owner):
    for client in (Client(), as_owner):
        answers = {path: client.get(f"/{path}") for path in TRIED}
        assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(TRIED, 404)
        assert {path: told_by(answer) for path, answer in answers.items() if told_by(answer)} == {}

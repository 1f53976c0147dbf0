"""Properties of every response: compression, security headers, and the host names it is served under."""

import gzip

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from dashboard.middleware import CompressedPages
from tests.dashboard.page_helpers import signed_in
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
    compressed = CompressedPages(lambda _: response)(request)
    assert isinstance(compressed, HttpResponse)
    assert compressed.get("Content-Encoding", "") == ("gzip" if is_compressed else "")
    assert (gzip.decompress(compressed.content) if is_compressed else compressed.content) == PAGE


# --- Security headers --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_kind_of_response_has_security_headers(settings, monkeypatch):
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    team = make_team("Dub")
    dub = make_dub(make_run(team), ["Hello"])
    person, viewer = signed_in(make_member(team)), signed_in(make_member(team, "viewer"))
    person.raise_request_exception = False
    monkeypatch.setattr("dashboard.views.runs.edit.remove_run", lambda run: 1 / 0)
    responses = {
        "page": person.get(reverse("runs-list", args=["dub"])),
        "fragment": person.get(reverse("palette-entries", args=["dub"])),
        "download": person.get(reverse("runs-export-dub", args=[dub.pk, "srt"])),
        "static": person.get("/static/css/base.css"),
        "moved": Client().get("/"),
        "not understood": person.get("/", headers={"host": "evil.example"}),
        "refused": viewer.get(reverse("runs-add", args=["dub"])),
        "forged": Client(enforce_csrf_checks=True).post(reverse("account_login")),
        "missing": person.get("/nowhere/"),
        "wrong method": person.put(reverse("runs-list", args=["dub"])),
        "invalid": Client().post(reverse("account_login")),
        "broken": person.post(reverse("runs-edit-remove", args=[dub.run_id])),
    }
    codes = [200, 200, 200, 200, 302, 400, 403, 403, 404, 405, 422, 500]
    assert [response.status_code for response in responses.values()] == codes
    for response in responses.values():
        policy = response.headers["Content-Security-Policy"]
        required = ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
        assert [part for part in required if part not in policy] == []
        assert "unsafe" not in policy
        others = ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy")
        assert [response.headers[name] for name in others] == ["nosniff", "same-origin", "same-origin"]


@pytest.mark.parametrize("host", ["evil.example", "", "localhost@evil.example", "localhost:x", "lоcalhost", "a b"])
@pytest.mark.parametrize("header", ["host", "x-forwarded-host"])
def test_pages_are_served_under_configured_host_names_only(host, header):
    response = Client().get(reverse("account_login"), headers={header: host})
    assert response.status_code == (400 if header == "host" else 200)

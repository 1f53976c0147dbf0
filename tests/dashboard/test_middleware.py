"""What holds for every answer, whatever it is?"""

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
    answer = CompressedPages(lambda _: response)(request)
    assert isinstance(answer, HttpResponse)
    assert answer.get("Content-Encoding", "") == ("gzip" if is_compressed else "")
    assert (gzip.decompress(answer.content) if is_compressed else answer.content) == PAGE


# --- What a browser may do with an answer ------------------------------------------------------------


@pytest.mark.django_db
def test_every_kind_of_answer_says_what_a_browser_may_do_with_it(settings, monkeypatch):
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    team = make_team("Dub")
    dub = make_dub(make_run(team), ["Hello"])
    person, viewer = signed_in(make_member(team)), signed_in(make_member(team, "viewer"))
    person.raise_request_exception = False
    monkeypatch.setattr("dashboard.views.runs.edit.remove_run", lambda run: 1 / 0)
    answers = {
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
    assert [answer.status_code for answer in answers.values()] == codes
    for answer in answers.values():
        policy = answer.headers["Content-Security-Policy"]
        wanted = ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
        assert [part for part in wanted if part not in policy] == []
        assert "unsafe" not in policy
        others = ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy")
        assert [answer.headers[name] for name in others] == ["nosniff", "same-origin", "same-origin"]


@pytest.mark.parametrize("host", ["evil.example", "", "localhost@evil.example", "localhost:x", "lоcalhost", "a b"])
@pytest.mark.parametrize("header", ["host", "x-forwarded-host"])
def test_the_pages_have_no_other_names_than_ours(host, header):
    answer = Client().get(reverse("account_login"), headers={header: host})
    assert answer.status_code == (400 if header == "host" else 200)

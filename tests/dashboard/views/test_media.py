"""The stills of copies: who gets them, for how long a browser keeps them, and files that are gone."""

import errno
import os

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from results.media import still_files
from results.models import MediaCopy
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_pictured_copy, make_run, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy(team) -> MediaCopy:
    return make_pictured_copy(make_dub(make_run(team), video_url="https://x.example/v.mp4"))


def get(client, copy, query="", **headers):
    return client.get(reverse("media-still", args=[copy.pk]) + query, headers=headers)


def test_a_member_gets_both_sizes_as_pictures_and_nothing_else(member, copy):
    answer = get(member, copy)
    assert (answer.content, answer.headers["Content-Type"]) == (b"poster", "image/webp")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert get(member, copy, "?small").content == b"small"


def test_a_browser_keeps_a_still_for_its_session_and_asks_whether_it_changed(member, copy):
    poster, small = get(member, copy), get(member, copy, "?small")
    assert poster.headers["Cache-Control"] == "private, max-age=604800"
    assert "Cookie" in poster.headers["Vary"]
    assert poster.headers["ETag"] != small.headers["ETag"]
    again = get(member, copy, if_none_match=poster.headers["ETag"])
    assert (again.status_code, again.content, again.headers["Cache-Control"]) == (
        304,
        b"",
        "private, max-age=604800",
    )


def test_an_outsider_gets_404_although_the_still_has_not_changed(member, copy):
    outsider = signed_in(make_member(make_team("Other")))
    etag = get(member, copy).headers["ETag"]
    assert get(outsider, copy).status_code == get(outsider, copy, if_none_match=etag).status_code == 404


@pytest.mark.parametrize("fields", [{"still_bytes": None}, {"still_bytes": 0}, {"state": "waiting"}, {"dub": None}])
def test_a_copy_without_a_still_is_answered_404(member, copy, fields):
    MediaCopy.objects.update(**fields)
    assert get(member, copy).status_code == 404


def test_a_still_whose_file_is_gone_is_answered_404_and_taken_again(member, copy):
    default_storage.delete(still_files.poster_name(copy))
    assert get(member, copy).status_code == 404
    assert MediaCopy.objects.get().still_bytes is None


def test_a_storage_in_trouble_is_answered_503_without_a_traceback(member, copy, settings, caplog):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "tests.bucket.RefusingBucket"}}
    answer = get(member, copy)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert MediaCopy.objects.get().still_bytes == 11
    assert "AccessDenied" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_folder_in_trouble_is_answered_503_without_a_traceback(member, copy, monkeypatch, caplog):
    def fail(*_):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._open", fail)
    answer = get(member, copy)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "Stale file handle" in caplog.text
    assert "Traceback" not in caplog.text

"""Tests that a media copy plays like any other video, long after CAMB.AI's link has expired."""

import pytest
from playwright.sync_api import Page, expect

from dashboard.http import ranges
from demo.server import StandIn
from results.media import copy_sync, quota
from results.models import ApiKey, MediaCopy
from tests.browser.conftest import poll, until

HOUR = 48239


@pytest.fixture
def keeps_copies(team, camb, settings, tmp_path) -> None:
    """Switch copies on for the team, and mark it as the demo's, so that it may fetch from the stand-in."""
    settings.DEMO_BASE_URL, settings.DATA_DIR = camb.base_url, tmp_path
    backend = "django.core.files.storage.FileSystemStorage"
    options = {"location": tmp_path / "media"}
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": options}}
    ApiKey.objects.update(is_demo=True)
    quota.set_policy(team, is_on=True, most_gb=1)


def media_calls(camb: StandIn) -> list[str]:
    return [call.path for call in camb.calls if not call.path.startswith("/apis/")]


def test_a_copy_plays_in_ranges_long_after_its_link_expired_and_downloads_whole_under_a_readable_name(
    keeps_copies, camb, camb_clock, add_runs, work, page: Page, monkeypatch, tmp_path
):
    [run] = add_runs(HOUR)
    work()
    copy_sync.sync_copies()
    work()
    assert set(MediaCopy.objects.values_list("kind", "state")) == {("video", "kept"), ("audio", "kept")}
    camb_clock.ahead = 7 * 24 * 3600
    camb.calls.clear()
    with monkeypatch.context() as patch:
        patch.setattr(ranges, "MAX_BYTES", 50_000)
        page.goto(f"/runs/{run.pk}/")
        until(page, "media.readyState >= 1")
        expect(page.get_by_text("Kept here, ")).to_be_visible()
        expect(page.locator("#timeline .wave path")).to_be_visible()
        page.evaluate("media.currentTime = 1800")
        page.evaluate("media.play()")
        until(page, "media.currentTime > 1800.5 && media.readyState >= 3")
        page.evaluate("media.currentTime = media.duration - 0.5")
        until(page, "media.ended")
        assert page.evaluate("media.error") is None
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    copy = MediaCopy.objects.get(kind="video")
    download.value.save_as(tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == (tmp_path / "media" / copy.name).read_bytes()
    name = "Harbour Lane Live Twelve productions in an hour [48239].en-us.mp4"
    assert download.value.suggested_filename == name
    assert media_calls(camb) == []


def test_a_waveform_appears_on_the_open_page_while_the_dub_plays_on(keeps_copies, add_runs, work, page: Page):
    [run] = add_runs(HOUR)
    page.goto(f"/runs/{run.pk}/")
    until(page, "media.readyState >= 1")
    expect(page.locator("#copy")).to_be_hidden()
    page.evaluate("{ window.before = media; media.play(); }")
    until(page, "media.currentTime > 0")
    copy_sync.sync_copies()
    work()
    poll(page)
    expect(page.locator("#copy")).to_contain_text("Kept here, ")
    expect(page.locator("#timeline .wave path")).to_be_visible()
    assert page.evaluate("media === before && !media.paused && media.error === null")

"""Tests of the player: sound and picture, lines that seek and follow, languages, shortcuts, expired links."""

import re

import pytest
from playwright.sync_api import Page, expect

from demo.server import MEDIA_DIR, Call, Reply
from results.models import ApiKey, Cue
from tests.browser.conftest import DESKTOP, PHONE, until

TIDES, LUMEN, HOUR = 48201, 48230, 48239

CURRENT = "#cues [aria-current]"


def test_a_line_is_a_button_that_plays_from_there(open_run):
    page = open_run(TIDES)
    page.locator("#cue-6 button").click()
    until(page, "!media.paused && Math.abs(media.currentTime - 21.06) < 0.3")
    until(page, "media.readyState === 4")
    assert page.evaluate("media.error") is None
    expect(page.locator(CURRENT)).to_have_attribute("id", "cue-6")


def test_the_spoken_line_is_highlighted_and_followed(open_run):
    page = open_run(HOUR)
    page.evaluate("media.currentTime = 1800")
    line = page.locator(CURRENT)
    until(page, "document.querySelector('#cues [aria-current]')?.dataset.start > 1_780_000")
    expect(line).to_be_in_viewport()
    first = line.get_attribute("id")
    page.evaluate("{ media.playbackRate = 16; media.play(); }")
    until(page, f"document.querySelector('#cues [aria-current]').id !== '{first}'")
    expect(line).to_be_in_viewport()


def by_wheel(page: Page) -> None:
    page.locator(CURRENT).hover()
    page.mouse.wheel(0, 4000)


def by_wheel_over_the_player(page: Page) -> None:
    page.locator(".player-bar").hover()
    page.mouse.wheel(0, 4000)


def by_finger(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    x, y = page.evaluate("[innerWidth / 2, innerHeight * 0.8]")
    session.send("Input.synthesizeScrollGesture", {"x": x, "y": y, "yDistance": -4000, "speed": 30_000})


def by_no_key_or_pointer(page: Page) -> None:
    """Scroll as the browser's own find does, whose box no test can open."""
    page.evaluate("document.querySelector('.lines').scrollTop += 9000")


def by_tab(page: Page) -> None:
    page.locator("#cue-700 button").focus()
    page.keyboard.press("Tab")


@pytest.mark.parametrize(
    ("size", "ways"),
    [(DESKTOP, [by_wheel, by_no_key_or_pointer, by_tab]), (PHONE, [by_finger, by_wheel_over_the_player])],
    ids=["desktop", "phone"],
)
def test_following_yields_to_the_reader_and_a_chip_leads_back(open_run, size, ways):
    page = open_run(HOUR)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    chip = page.locator("#back-to-line")
    for scroll in ways:
        page.evaluate("media.currentTime = 1800")
        expect(page.locator(CURRENT)).to_be_in_viewport()
        expect(chip).to_be_hidden()
        scroll(page)
        expect(chip).to_contain_text("Back to ")
        expect(page.locator(CURRENT)).not_to_be_in_viewport()
        page.evaluate("media.currentTime = 1815")
        expect(page.locator(CURRENT)).not_to_be_in_viewport()
        chip.click()
        expect(page.locator(CURRENT)).to_be_in_viewport()
        expect(chip).to_be_hidden()


def test_on_a_phone_the_line_of_the_address_is_below_the_player_and_followed(add_runs, open_browser, owner):
    page = open_browser(owner, PHONE).page()
    [run] = add_runs(HOUR)
    page.goto(f"/runs/{run.pk}/#cue-700")
    until(page, "media.readyState >= 1 && document.readyState === 'complete'")
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)
    expect(page.locator("#back-to-line")).to_be_hidden()


def test_another_language_or_audio_keeps_the_position(open_run):
    page = open_run(LUMEN)
    page.evaluate("media.currentTime = 12")
    expect(page.locator(CURRENT)).to_contain_text("La respuesta")
    page.get_by_role("link", name="French").click()
    expect(page.locator(CURRENT)).to_contain_text("La réponse")
    until(page, "media.readyState >= 1 && Math.abs(media.currentTime - 12) < 0.3")
    until(page, "media.textTracks[0].activeCues?.[0]?.text.includes('La réponse')")
    page.get_by_role("link", name="Audio").click()
    expect(page.locator("audio#media")).to_have_count(1)
    until(page, "media.readyState >= 1 && Math.abs(media.currentTime - 12) < 0.3")
    expect(page.locator(CURRENT)).to_contain_text("La réponse")


def test_the_last_clicked_language_is_shown(open_run):
    page = open_run(LUMEN)
    page.evaluate("document.querySelectorAll('#dub .tabs a').forEach((tab) => tab.click())")
    expect(page.locator("#dub .tabs [aria-current]")).to_have_text("Portuguese (Brazil)")
    expect(page.locator("#cues")).to_contain_text("Bom dia")
    expect(page).to_have_url(re.compile(r"\?dub=pt-br$"))


def test_a_playing_dub_plays_on_in_another_language(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-4 button").click()
    until(page, "media.currentTime > 10.8")
    page.get_by_role("link", name="Portuguese").click()
    expect(page.locator("#cues")).to_contain_text("Bom dia")
    until(page, "!media.paused && media.currentTime > 11")


def test_picture_in_picture_opens_and_closes(open_run):
    page = open_run(TIDES)
    page.get_by_role("button", name="Picture in picture").click()
    until(page, "document.pictureInPictureElement === media")
    page.keyboard.press("p")
    until(page, "!document.pictureInPictureElement")


def test_chromium_parses_the_caption_track_without_loss(open_run):
    page = open_run(TIDES)
    texts = {
        4: "a --> b",
        5: "one\nNOTE & <b>two</b> &amp;",
        6: "\u200fمرحبا\u200e (1)",
        7: "👩‍🚀",
        8: "00:00:01.000 --> 00:00:02.000",
        9: "<v Bob>hi</v>",
    }
    for position, text in texts.items():
        Cue.objects.filter(position=position).update(text=text, speaker="Zoë & <Co> -->")
    page.reload()
    until(page, "media.textTracks[0].cues?.length")
    cues = page.evaluate(
        "[...media.textTracks[0].cues].map(({ startTime, endTime, text }) => [startTime, endTime, text])"
    )
    assert len(cues) == 12
    start, end, text = cues[2]
    assert (start, end) == (8.99, 12.31)
    assert "Lo primero que veo siempre es el color de las anémonas." in text
    assert page.evaluate("media.textTracks[0].mode") == "showing"
    shown = page.evaluate("[...media.textTracks[0].cues].map((cue) => [cue.id, cue.getCueAsHTML().textContent])")
    assert {position: text for position, text in shown if int(position) in texts} == {
        str(position): text for position, text in texts.items()
    }


def test_an_address_opens_at_its_second(open_run):
    page = open_run(TIDES)
    path = page.url
    for query, second in (("?t=13", 13), ("?t=0:13", 13), ("?t=13s", 13), ("#cue-4", 12.76)):
        page.goto(f"{path}{query}")
        until(page, f"Math.abs(media.currentTime - {second}) < 0.3")
        expect(page.locator(CURRENT)).to_have_attribute("id", "cue-4")
    page.goto(f"{path}?t=99999")  # past the end: the page opens all the same
    expect(page.locator("#cue-12")).to_have_attribute("aria-current", "true")


# --- Shortcuts ---------------------------------------------------------------------------------------


def saves_settings(page):
    """Expect the request that saves the user's player settings."""
    return page.expect_response(lambda answer: answer.url.endswith("/profile/player/") and answer.status == 204)


def test_shortcuts_control_the_player(open_run):
    page = open_run(HOUR)
    page.evaluate("media.currentTime = 60")

    page.keyboard.press("k")
    until(page, "!media.paused")
    page.keyboard.press("k")
    until(page, "media.paused")
    page.evaluate("media.currentTime = 60")
    for key, second in [("l", 70), ("j", 60), ("ArrowRight", 65), ("ArrowLeft", 60), ("J", 50)]:
        page.keyboard.press(key)
        until(page, f"Math.abs(media.currentTime - {second}) < 0.1")
    page.keyboard.press("m")
    assert page.evaluate("media.muted")
    page.keyboard.press("c")
    until(page, "media.textTracks[0].mode !== 'showing'")
    page.keyboard.press(">")
    until(page, "media.playbackRate === 1.25")
    expect(page.locator("#speed")).to_have_value("1.25")
    page.keyboard.press("<")
    page.keyboard.press("<")
    until(page, "media.playbackRate === 0.75")
    before = page.locator(CURRENT).get_attribute("id").partition("-")[2]
    page.keyboard.press(".")
    expect(page.locator(CURRENT)).to_have_attribute("id", f"cue-{int(before) + 1}")


def test_speed_and_captions_follow_the_user_to_other_browsers(open_run, open_browser, owner):
    page = open_run(TIDES)
    with saves_settings(page):
        page.get_by_label("Speed").select_option("1.5×")
    with saves_settings(page):
        page.keyboard.press("c")
    elsewhere = open_browser(owner).page()
    elsewhere.goto(page.url)
    until(elsewhere, "media.readyState >= 1")
    assert elsewhere.evaluate("[media.playbackRate, media.textTracks[0].mode]") == [1.5, "disabled"]
    with saves_settings(elsewhere):
        elsewhere.evaluate("media.playbackRate = 2")  # as the browser's own menu does
    elsewhere.reload()
    expect(elsewhere.get_by_label("Speed")).to_have_value("2")


def test_shortcuts_do_nothing_while_typing_or_with_ctrl(open_run):
    page = open_run(TIDES)
    page.evaluate("media.currentTime = 20")
    page.keyboard.press("/")
    expect(page.locator("#search-box")).to_be_focused()
    page.keyboard.type("jkl /?,.")
    expect(page.locator("#search-box")).to_have_value("jkl /?,.")
    page.locator("#search-box").blur()
    page.keyboard.press("Control+l")
    page.keyboard.press("Alt+k")
    assert page.evaluate("[media.currentTime, media.paused]") == [20, True]
    expect(page.locator("#shortcuts")).to_be_hidden()


def test_a_dialog_lists_the_shortcuts_and_switches_them_off_permanently(open_run):
    page = open_run(TIDES)
    page.evaluate("media.currentTime = 20")
    page.keyboard.press("?")
    dialog = page.locator("#shortcuts")
    expect(dialog).to_be_visible()
    page.keyboard.press("l")  # while the dialog is open, nothing behind it reacts
    with page.expect_response(lambda answer: answer.url.endswith("/profile/shortcuts/")):
        dialog.get_by_label("Use shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("l")
    assert page.evaluate("media.currentTime") == 20
    page.reload()
    until(page, "media.readyState >= 1")
    page.keyboard.press("l")
    page.keyboard.press("/")
    expect(page.locator("#search-box")).not_to_be_focused()
    assert page.evaluate("media.currentTime") == 0
    page.get_by_role("button", name="Shortcuts").click()
    dialog.get_by_label("Use shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    until(page, "media.currentTime === 10")


def test_volume_stays_from_one_language_to_the_next_and_keys_work_on_any_layout(open_run):
    page = open_run(LUMEN)
    page.evaluate("media.volume = 0.4")
    # On a Cyrillic layout the key M is "ь".
    key = "{key: 'ь', code: 'KeyM', bubbles: true}"
    page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {key}))")
    until(page, "media.muted")
    page.evaluate("window.before = media")
    page.get_by_role("link", name="French").click()
    until(page, "media !== window.before && media.muted && media.volume === 0.4")


# --- Expired links -----------------------------------------------------------------------------------


@pytest.fixture
def count_calls(camb):
    """Return a function that counts CAMB.AI's calls about the run TIDES alone."""
    return lambda: len([call for call in camb.calls if call.run_ids == [TIDES]])


def test_a_link_that_expires_while_playing_is_renewed_at_the_same_second(
    open_run, camb, camb_clock, owner_browser, count_calls
):
    owner_browser.expects = ("status of 403", "ERR_CONTENT_LENGTH_MISMATCH")
    served: list[Call] = []

    def breaks_off(call):
        """Send the first bytes, then break the connection; by then the link has expired."""
        if call.path.startswith("/media/") and not served:
            served.append(call)
            camb_clock.ahead += camb.media_ttl + 1
            film = (MEDIA_DIR / "between-the-tides.mp4").read_bytes()
            return Reply(200, film, {"Content-Type": "video/mp4", "Accept-Ranges": "bytes"}, truncate_at=60_000)
        return None

    camb.rule = breaks_off
    page = open_run(TIDES)
    page.evaluate("{ const now = Date.now; Date.now = () => now() + 3_601_000; }")
    page.locator("#cue-6 button").click()
    until(page, "!media.paused && media.readyState === 4 && media.currentTime > 21 && media.currentTime < 30")
    expect(page.locator("#media-error")).to_be_hidden()
    assert count_calls() == 2


def test_a_link_dead_from_the_first_byte_is_renewed_at_the_second_of_the_address(
    open_run, camb, camb_clock, owner_browser, count_calls
):
    owner_browser.expects = ("status of 403",)
    page = open_run(TIDES, "?t=13")
    camb_clock.ahead += camb.media_ttl + 1
    page.reload()
    until(page, "media.readyState === 4 && Math.abs(media.currentTime - 13) < 0.3")
    expect(page.locator("#media-error")).to_be_hidden()
    assert (page.evaluate("media.paused"), count_calls()) == (True, 2)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "This video cannot be played. The link no longer works (HTTP 403)."),
        (200, "Try another browser"),
    ],
)
def test_a_file_that_stays_broken_shows_why_until_the_user_retries(
    open_run, camb, owner_browser, count_calls, settings, status, reason
):
    owner_browser.expects = ("status of 403", "status of 502")
    ApiKey.objects.update(is_demo=True)  # only the demo's team may fetch from the stand-in
    settings.DEMO_BASE_URL = camb.base_url
    page = open_run(TIDES)
    camb.rule = lambda call: Reply(status, b"no film") if call.path.startswith("/media/") else None
    page.reload()
    banner = page.locator("#media-error")
    expect(banner).to_contain_text(reason)
    assert count_calls() == 2
    camb.rule = None
    banner.get_by_role("button", name="Get a new link").click()
    until(page, "media.readyState === 4")
    expect(banner).to_be_hidden()


def test_the_page_shows_why_there_is_no_fresh_link(open_run, camb, camb_clock, owner_browser):
    owner_browser.expects = ("status of 403", "status of 502")
    page = open_run(TIDES)
    camb_clock.ahead += camb.media_ttl + 1
    camb.keys.clear()
    page.reload()
    expect(page.locator("#media-error")).to_contain_text("CAMB.AI does not accept this key.")
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("CAMB.AI does not accept this key.")
    expect(page.locator("#media-error")).to_have_text(
        re.compile("The link has expired, and CAMB.AI gave no new one")
    )

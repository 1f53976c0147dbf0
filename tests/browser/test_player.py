"""Is a dub watched and read as it should be: sound and picture, lines that lead and follow, languages, keys?"""

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


def test_the_line_being_spoken_is_lit_and_followed(open_run):
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
    """As the browser's own find does, whose box no test can open."""
    page.evaluate("document.querySelector('.lines').scrollTop += 9000")


def by_tab(page: Page) -> None:
    page.locator("#cue-700 button").focus()
    page.keyboard.press("Tab")


@pytest.mark.parametrize(
    ("size", "ways"),
    [(DESKTOP, [by_wheel, by_no_key_or_pointer, by_tab]), (PHONE, [by_finger, by_wheel_over_the_player])],
    ids=["desk", "phone"],
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


def test_on_a_phone_the_line_of_the_address_stands_below_the_player_and_is_followed(add_runs, visit, owner):
    page = visit(owner, PHONE).page()
    [run] = add_runs(HOUR)
    page.goto(f"/runs/{run.pk}/#cue-700")
    until(page, "media.readyState >= 1 && document.readyState === 'complete'")
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)
    expect(page.locator("#back-to-line")).to_be_hidden()


def test_languages_and_sound_keep_the_second(open_run):
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


def test_the_last_language_that_was_pressed_is_shown(open_run):
    page = open_run(LUMEN)
    page.evaluate("document.querySelectorAll('#dub .tabs a').forEach((tab) => tab.click())")
    expect(page.locator("#dub .tabs [aria-current]")).to_have_text("Portuguese (Brazil)")
    expect(page.locator("#cues")).to_contain_text("Bom dia")
    expect(page).to_have_url(re.compile(r"\?dub=pt-br$"))


def test_what_plays_goes_on_playing_in_the_other_language(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-4 button").click()
    until(page, "media.currentTime > 10.8")
    page.get_by_role("link", name="Portuguese").click()
    expect(page.locator("#cues")).to_contain_text("Bom dia")
    until(page, "!media.paused && media.currentTime > 11")


def test_the_picture_leaves_the_page_and_comes_back(open_run):
    page = open_run(TIDES)
    page.get_by_role("button", name="Picture in picture").click()
    until(page, "document.pictureInPictureElement === media")
    page.keyboard.press("p")
    until(page, "!document.pictureInPictureElement")


def test_captions_are_what_chromium_reads_from_our_track(open_run):
    page = open_run(TIDES)
    said = {
        4: "a --> b",
        5: "one\nNOTE & <b>two</b> &amp;",
        6: "\u200fمرحبا\u200e (1)",
        7: "👩‍🚀",
        8: "00:00:01.000 --> 00:00:02.000",
        9: "<v Bob>hi</v>",
    }
    for position, text in said.items():
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
    assert {position: text for position, text in shown if int(position) in said} == {
        str(position): text for position, text in said.items()
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


# --- Keys --------------------------------------------------------------------------------------------


def is_kept(page):
    """What this person has just chosen is kept."""
    return page.expect_response(lambda answer: answer.url.endswith("/profile/player/") and answer.status == 204)


def test_the_keys_of_the_player(open_run):
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


def test_speed_and_captions_are_as_this_person_left_them_on_any_machine(open_run, visit, owner):
    page = open_run(TIDES)
    with is_kept(page):
        page.get_by_label("Speed").select_option("1.5×")
    with is_kept(page):
        page.keyboard.press("c")
    elsewhere = visit(owner).page()
    elsewhere.goto(page.url)
    until(elsewhere, "media.readyState >= 1")
    assert elsewhere.evaluate("[media.playbackRate, media.textTracks[0].mode]") == [1.5, "disabled"]
    with is_kept(elsewhere):
        elsewhere.evaluate("media.playbackRate = 2")  # as the player's own menu does
    elsewhere.reload()
    expect(elsewhere.get_by_label("Speed")).to_have_value("2")


def test_keys_are_left_to_whoever_types_or_holds_ctrl(open_run):
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


def test_a_sheet_lists_the_keys_and_switches_them_off_for_good(open_run):
    page = open_run(TIDES)
    page.evaluate("media.currentTime = 20")
    page.keyboard.press("?")
    sheet = page.locator("#shortcuts")
    expect(sheet).to_be_visible()
    page.keyboard.press("l")  # while the sheet is open, nothing moves behind it
    with is_kept(page):
        sheet.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("l")
    assert page.evaluate("media.currentTime") == 20
    page.reload()
    until(page, "media.readyState >= 1")
    page.keyboard.press("l")
    page.keyboard.press("/")
    expect(page.locator("#search-box")).not_to_be_focused()
    assert page.evaluate("media.currentTime") == 0
    page.get_by_role("button", name="Keys").click()
    sheet.get_by_label("Use these keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    until(page, "media.currentTime === 10")


# --- Links that end ----------------------------------------------------------------------------------


@pytest.fixture
def count_calls(camb):
    """A function that returns how often CAMB.AI was asked about the run TIDES alone."""
    return lambda: len([call for call in camb.calls if call.run_ids == [TIDES]])


def test_a_link_that_ends_while_it_plays_is_renewed_at_the_same_second(
    open_run, camb, camb_clock, mine, count_calls
):
    mine.expects = ("status of 403", "ERR_CONTENT_LENGTH_MISMATCH")
    served: list[Call] = []

    def breaks_off(call):
        """The first bytes come, then the connection breaks; by then the link has ended."""
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


def test_a_link_that_was_dead_from_the_first_byte_is_renewed_at_the_second_of_the_address(
    open_run, camb, camb_clock, mine, count_calls
):
    mine.expects = ("status of 403",)
    page = open_run(TIDES, "?t=13")
    camb_clock.ahead += camb.media_ttl + 1
    page.reload()
    until(page, "media.readyState === 4 && Math.abs(media.currentTime - 13) < 0.3")
    expect(page.locator("#media-error")).to_be_hidden()
    assert (page.evaluate("media.paused"), count_calls()) == (True, 2)


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "The link has ended (HTTP 403)."), (200, "The file is there, but it may be")]
)
def test_a_file_that_stays_dead_says_why_until_somebody_asks_again(
    open_run, camb, mine, count_calls, settings, status, reason
):
    mine.expects = ("status of 403", "status of 502")
    ApiKey.objects.update(is_demo=True)  # as the demo's, the team is led to the stand-in on this machine
    settings.DEMO_BASE_URL = camb.base_url
    page = open_run(TIDES)
    camb.rule = lambda call: Reply(status, b"no film") if call.path.startswith("/media/") else None
    page.reload()
    trouble = page.locator("#media-error")
    expect(trouble).to_contain_text(f"This file cannot be played here, even by a fresh link. {reason}")
    assert count_calls() == 2
    camb.rule = None
    trouble.get_by_role("button", name="Get a fresh link").click()
    until(page, "media.readyState === 4")
    expect(trouble).to_be_hidden()


def test_why_there_is_no_fresh_link_is_said(open_run, camb, camb_clock, mine):
    mine.expects = ("status of 403", "status of 502")
    page = open_run(TIDES)
    camb_clock.ahead += camb.media_ttl + 1
    camb.keys.clear()
    page.reload()
    expect(page.locator("#media-error")).to_contain_text("CAMB.AI does not accept this API key.")
    page.get_by_role("button", name="Refresh now").click()
    expect(page.locator("#messages")).to_contain_text("CAMB.AI does not accept this API key.")
    expect(page.locator("#media-error")).to_have_text(re.compile("The link has ended, and for the reason above"))

"""Tests of the timeline: zooming in on a stretch, the controls of an audio dub, repeating a line."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import until

LUMEN, NIGHT, HOUR = 48230, 48223, 48239


def stretch(page: Page) -> tuple[float, float]:
    """Return the minutes in sight on the timeline of the hour."""
    minutes = "(({ x, width }, { columns, length }) => [x, x + width].map((at) => at * length / columns / 60000))"
    start, end = page.evaluate(f"{minutes}(timeline.viewBox.baseVal, timeline.dataset)")
    return round(start, 1), round(end, 1)


def drag(page: Page, start: float, end: float) -> None:
    """Drag the mouse over this part of the timeline."""
    box = page.locator("#timeline").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=3)
    page.mouse.up()


def drawn_lines(page: Page) -> int:
    count: int = page.evaluate("timeline.querySelector('.ticks').getAttribute('d').split('M').length - 1")
    return count


def test_a_drag_zooms_in_on_a_stretch_which_is_drawn_line_by_line(open_run):
    page = open_run(HOUR)
    assert drawn_lines(page) == 0
    page.evaluate("media.currentTime = 10")
    drag(page, 0.5, 0.55)
    until(page, "timeline.dataset.columns > 10000")
    start, end = stretch(page)
    assert (29.5 < start < 30.5, 32.5 < end < 33.5) == (True, True)
    assert drawn_lines(page) > 20
    assert page.evaluate("media.currentTime") == 10
    expect(page.locator("#time-marks text").first).to_have_text("30:30")
    expect(page.locator("#live")).to_contain_text("The timeline shows ")
    page.get_by_role("button", name="Whole dub").click()
    until(page, "timeline.dataset.columns === '1000'")
    assert stretch(page)[0] == 0
    expect(page.locator("#time-marks text").first).to_have_text("10:00")


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(300, ["1:00", "2:00", "3:00", "4:00"]), (4, ["0:01", "0:02", "0:03"])]
)
def test_the_timeline_is_as_long_as_what_plays(open_run, seconds, minutes):
    page = open_run(LUMEN)  # whose lines take 27 seconds
    page.evaluate(f"Object.defineProperty(media, 'duration', {{ get: () => {seconds} }})")
    page.evaluate("media.dispatchEvent(new Event('durationchange'))")
    expect(page.locator("#time-marks text")).to_have_text(minutes)
    lefts = page.evaluate(
        "[...document.querySelectorAll('#time-marks svg')].map((mark) => parseInt(mark.getAttribute('x')))"
    )
    assert lefts == [100 * place // (len(minutes) + 1) for place in range(1, len(minutes) + 1)]
    sight = "timeline.viewBox.baseVal.width / timeline.dataset.columns * timeline.dataset.length / 1000"
    assert page.evaluate(sight) == pytest.approx(seconds)


def test_buttons_keys_and_the_wheel_zoom_about_the_position(open_run):
    page = open_run(HOUR)
    page.evaluate("media.currentTime = 1800")
    page.get_by_role("button", name="Zoom in").click()
    assert stretch(page) == pytest.approx((15, 45), abs=0.5)
    page.keyboard.press("+")
    assert stretch(page) == pytest.approx((22.5, 37.5), abs=0.5)
    page.keyboard.press("-")
    page.locator("#timeline").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    until(page, "timeline.viewBox.baseVal.width * timeline.dataset.length / timeline.dataset.columns < 600000")
    before = stretch(page)
    page.mouse.wheel(0, 200)  # without the key, it scrolls
    page.keyboard.press("n")  # the wheel's event has been handled once this key's has
    assert stretch(page) == before
    page.keyboard.press("0")
    assert stretch(page)[0] == 0


def test_two_fingers_zoom_in_on_what_is_under_them(open_run):
    page = open_run(HOUR)
    page.evaluate("media.currentTime = 10")
    box = page.locator("#timeline").bounding_box()
    touch = page.context.new_cdp_session(page)

    def move(kind: str, *shares: float) -> None:
        points = [
            {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2, "id": number}
            for number, share in enumerate(shares)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    move("touchStart", 0.4)
    move("touchStart", 0.4, 0.6)
    move("touchMove", 0.2, 0.8)
    move("touchEnd")
    assert stretch(page) == pytest.approx((20, 40), abs=0.5)
    assert page.evaluate("media.currentTime") == 10
    move("touchStart", 0.5)
    move("touchEnd")
    assert page.evaluate("media.currentTime") / 60 == pytest.approx(30, abs=0.5)


def test_the_stretch_follows_the_player_and_keeps_what_is_found(open_run):
    page = open_run(HOUR)
    page.get_by_role("searchbox", name="Find in transcript").fill("rock")
    expect(page.locator("#find output")).to_contain_text("1 of")
    page.evaluate("media.currentTime = 10")
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    until(page, "timeline.dataset.columns > 10000")
    assert page.evaluate("timeline.querySelector('.hits').getAttribute('d')") != ""
    page.evaluate("media.currentTime = 3000")
    until(page, "timeline.viewBox.baseVal.x * timeline.dataset.length / timeline.dataset.columns > 2_900_000")
    page.get_by_role("link", name="Audio", exact=True).click()
    expect(page.locator("audio#media")).to_have_count(1)
    assert stretch(page)[0] > 48


def test_an_audio_dub_has_one_seek_bar_with_keys_of_its_own(open_run):
    page = open_run(NIGHT)
    expect(page.locator("audio#media")).to_be_hidden()
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "!media.paused && media.currentTime > 0")
    page.get_by_role("button", name="Pause").click()
    until(page, "media.paused")
    slider = page.get_by_role("slider", name="Position")
    slider.focus()
    page.evaluate("document.documentElement.dataset.shortcutsOff = ''")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    until(page, "media.currentTime === 5")
    expect(slider).to_have_attribute("aria-valuetext", "0:05 of 0:42")
    expect(page.locator(".audio-time")).to_have_text("0:05 / 0:42")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("slider", name="Volume").fill("40")
    assert page.evaluate("[media.volume, media.muted]") == [0.4, False]


def test_a_line_is_repeated_until_that_is_switched_off(open_run):
    page = open_run(NIGHT)
    page.evaluate("media.currentTime = document.querySelector('#cue-2').dataset.start / 1000 + 0.1")
    page.keyboard.press("r")
    button = page.get_by_role("button", name="Repeat this line")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".is-repeated")).to_have_attribute("id", "cue-2")
    page.evaluate("{ media.playbackRate = 8; window.jumps = 0; media.onseeked = () => jumps++; media.play(); }")
    until(page, "jumps > 1")
    # The end of the line is reached while the player is still on its way to another one.
    page.evaluate("document.querySelector('#cue-4 button').click(), media.dispatchEvent(new Event('timeupdate'))")
    expect(page.locator(".is-repeated")).to_have_attribute("id", "cue-4")
    # Never while typing.
    page.get_by_role("searchbox", name="Find in transcript").press("r")
    expect(page.locator(".is-repeated")).to_have_count(1)
    button.click()
    expect(page.locator(".is-repeated")).to_have_count(0)
    until(page, "document.querySelector('#cues [aria-current]').id === 'cue-6'")

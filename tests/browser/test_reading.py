"""Tests of reviewing a transcript: speakers, review checks, timeline, copying lines, two languages side by side."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from results.models import Cue
from results.search import indexing
from tests.browser.conftest import PHONE, until
from tests.factories import make_dub, make_ready_run

LUMEN, NIGHT = 48230, 48223

CURRENT = "#cues [aria-current]"


@pytest.fixture(autouse=True)
def _clipboard_is_allowed(page):
    """Let the page read and write the clipboard without a prompt."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])


def copied(page: Page) -> str:
    expect(page.locator("#live")).to_have_text("Copied")
    page.evaluate("live.textContent = ''")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text.replace(page.url.split("/runs/")[0], "")


def test_a_click_on_the_timeline_seeks(open_run):
    page = open_run(LUMEN)
    timeline = page.locator("#timeline")
    box = timeline.bounding_box()
    timeline.click(position={"x": box["width"] / 2, "y": 10})
    until(page, "Math.abs(media.currentTime - media.duration / 2) < 0.1")
    expect(page.locator(CURRENT)).to_contain_text("La respuesta")
    until(
        page,
        "Math.abs(timeline.querySelector('.playhead').getAttribute('x') - timeline.viewBox.baseVal.width / 2) < 5",
    )


def test_a_speakers_chip_shows_their_lines_while_the_dub_plays_on(open_run):
    page = open_run(LUMEN)
    page.evaluate("{ window.before = media; media.currentTime = 12; media.play(); }")
    page.locator("#speakers").get_by_role("link", name="Diseñador", exact=True).click()
    expect(page.locator(".part > li")).to_have_count(3)
    assert page.evaluate("media === before && !media.paused")
    page.get_by_role("link", name="All speakers").click()
    expect(page.locator(".part > li")).to_have_count(8)
    page.go_back()
    expect(page.locator(".part > li")).to_have_count(3)


def test_a_speaker_is_renamed_in_place_and_back(open_run):
    page = open_run(LUMEN)
    page.evaluate("window.before = media")
    page.get_by_role("link", name="Rename: Diseñador").click()
    name = page.get_by_label("Name of Diseñador")
    expect(name).to_be_focused()
    name.fill("Iván")
    name.press("Enter")
    expect(page.locator("#cues bdi").nth(1)).to_have_text("Iván")
    expect(page.get_by_role("link", name="Rename: Iván")).to_be_focused()
    assert page.evaluate("media === before")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Restore Diseñador").click()
    expect(page.locator("#cues bdi").nth(1)).to_have_text("Diseñador")
    page.get_by_role("link", name="Rename: Diseñador").click()
    page.get_by_label("Name of Diseñador").press("Escape")
    expect(page.locator(".speaker-form")).to_have_count(0)
    assert not Cue.objects.exclude(original_speaker="").exists()


def test_a_name_being_typed_stays_when_the_lines_of_a_speaker_are_shown_and_is_saved(open_run):
    page = open_run(LUMEN)
    opener = page.get_by_role("link", name="Rename: Diseñador")
    opener.click()
    name = page.get_by_label("Name of Diseñador")
    name.fill("Iván")
    page.get_by_role("link", name="Presentadora", exact=True).click()
    expect(page.locator(".part > li")).to_have_count(5)
    expect(name).to_have_value("Iván")
    name.press("Escape")
    expect(opener).to_be_focused()
    expect(page.locator(".speaker-form")).to_have_count(0)
    opener.press("Enter")
    name.fill("Iván")
    page.get_by_role("link", name="All speakers").click()
    expect(page.locator(".part > li")).to_have_count(8)
    name.press("Enter")
    expect(page.locator("#cues bdi").nth(1)).to_have_text("Iván")
    expect(page.get_by_role("link", name="Rename: Iván")).to_be_focused()


def test_a_chip_pressed_while_a_name_is_being_saved_waits_for_the_new_name(open_run):
    page = open_run(LUMEN)
    held, asked = [], []
    page.route(
        "**/speaker/*", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    page.get_by_role("link", name="Rename: Diseñador").click()
    page.get_by_label("Name of Diseñador").fill("Iván")
    page.get_by_label("Name of Diseñador").press("Enter")
    page.on("request", lambda request: asked.append(request.url) if request.method == "GET" else None)
    page.get_by_role("link", name="Presentadora", exact=True).click()
    assert (len(held), asked) == (1, [])
    held[0].continue_()
    expect(page.locator(".part > li")).to_have_count(5)
    expect(page.locator("#speakers [aria-current]")).to_have_text("Presentadora")
    expect(page.get_by_role("link", name="Iván", exact=True)).to_be_visible()


def test_matches_in_the_transcript_are_counted_marked_and_stepped_through(open_run):
    page = open_run(LUMEN)
    line = Cue.objects.filter(dub__language="es-es", position=7)
    indexing.remove_cues(line)
    line.update(text="Straße, n’était, 한국어: LUZ")
    indexing.add_cues(line)
    page.reload()
    box, count = page.get_by_role("searchbox", name="Find in transcript"), page.locator("#find output")

    def of_marks(name: str) -> str:
        ranges = f"[...(CSS.highlights.get('{name}') ?? [])]"
        cut = "({ startContainer, startOffset, endOffset }) => startContainer.data.slice(startOffset, endOffset)"
        return f"{ranges}.map({cut}).join()"

    def marked(name: str) -> str:
        found: str = page.evaluate(of_marks(name))
        return found

    box.press_sequentially("luz")
    expect(count).to_have_text("1 of 3")
    assert page.locator("#timeline .hits").get_attribute("d").count("M") == 2
    assert marked("found") == "luz,luz,LUZ"
    for key, place in [("Enter", "2 of 3"), ("Enter", "3 of 3"), ("Enter", "1 of 3"), ("Shift+Enter", "3 of 3")]:
        box.press(key)
        expect(count).to_have_text(place)
    assert marked("found-now") == "LUZ"
    expect(page.locator("#cue-7")).to_be_in_viewport()
    others = {"LAMP": "lámp", "strasse": "Straße", "n'etait": "n’était", "한국": "한국", '"mas luz"': "más luz"}
    for words, letters in others.items():
        box.fill(words)
        until(page, f"{of_marks('found')} === '{letters}'")
        expect(count).to_have_text("1 of 1")
    box.fill("nowhere")
    expect(count).to_have_text("none")
    box.press("Escape")
    assert (box.input_value(), count.text_content(), marked("found")) == ("", "", "")


def test_what_is_typed_stays_when_the_transcript_is_replaced(open_run):
    page = open_run(LUMEN)
    box, count = page.get_by_role("searchbox", name="Find in transcript"), page.locator("#find output")
    box.fill("luz")
    expect(count).to_have_text("1 of 2")
    page.locator("#speakers").get_by_role("link", name="Diseñador", exact=True).click()
    expect(page.locator(".part > li")).to_have_count(3)
    expect(box).to_have_value("luz")
    expect(count).to_have_text("1 of 2")


def test_a_hit_opens_with_its_words_marked(open_run):
    page = open_run(LUMEN)
    page.goto(f"{page.url.split('?')[0]}?dub=es-es&t=12&find=LUZ#cue-4")
    expect(page.locator("#find output")).to_have_text("1 of 2")
    found = "[...CSS.highlights.get('found')].map((range) => range.startContainer.parentElement.parentElement.id)"
    assert page.evaluate(found) == ["cue-4", "cue-4"]
    expect(page.locator("#cues mark")).to_have_count(0)
    expect(page.locator("#cue-4")).to_have_attribute("aria-current", "true")


def test_review_checks_are_stepped_through(open_run):
    page = open_run(NIGHT)
    checks = page.locator("#cues .check")
    page.get_by_role("button", name="Next review check").click()
    expect(page.locator("#review-checks summary")).to_have_text(f"Review check 1 of {checks.count()}")
    page.keyboard.press("n")
    page.keyboard.press("Shift+N")
    page.keyboard.press("Shift+N")
    expect(page.locator("#review-checks summary")).to_have_text(
        f"Review check {checks.count()} of {checks.count()}"
    )
    expect(page.locator("#cues .check[data-now]")).to_have_count(1)
    expect(checks.last).to_be_in_viewport()
    line = page.locator("#cues .cue", has=page.locator("[data-now]"))
    start = float(line.get_attribute("data-start")) / 1000
    until(page, f"Math.abs(media.currentTime - {start}) < 0.05")


def test_a_review_check_is_dismissed_in_place_and_brought_back(open_run):
    page = open_run(NIGHT)
    count, checks = page.locator("#review-checks summary"), page.locator("#cues .check:not(.is-done)")
    before = checks.count()
    page.evaluate("window.before = media")
    page.get_by_role("button", name="Next review check").click()
    page.locator(".check[data-now]").get_by_role("link", name="Dismiss").click()
    reason = page.get_by_placeholder("Why is this fine?")
    expect(reason).to_be_focused()
    reason.press("Escape")
    expect(reason).to_have_count(0)
    page.keyboard.press("Enter")
    reason.fill("Intended")
    reason.press("Enter")
    expect(page.locator("#cues")).to_contain_text("Dismissed: Intended")
    expect(count).to_contain_text(f"{before - 1} review check")
    page.get_by_role("button", name="Undo").click()
    expect(count).to_contain_text(f"{before} review check")
    expect(checks).to_have_count(before)
    assert page.evaluate("media === before && media.paused")


def test_after_a_dismissal_both_steps_go_to_the_neighbours(open_run):
    page = open_run(NIGHT)
    lines = [line.get_attribute("id") for line in page.locator("#cues .cue", has=page.locator(".check")).all()]
    now = page.locator("#cues .cue", has=page.locator("[data-now]"))
    for _ in range(3):
        page.keyboard.press("n")
    expect(now).to_have_id(lines[2])
    page.locator(".check[data-now]").get_by_role("link", name="Dismiss").click()
    page.get_by_placeholder("Why is this fine?").press_sequentially("Fine\n")
    expect(page.locator("#cues")).to_contain_text("Dismissed: Fine")
    page.locator("#review-checks summary").focus()
    page.keyboard.press("Shift+N")
    expect(now).to_have_id(lines[1])
    page.keyboard.press("n")
    expect(now).to_have_id(lines[3])


def test_lines_and_checks_are_stepped_through_without_media(owner_browser, team):
    run = make_ready_run(team, title="Text alone")
    make_dub(run, ["One", "x" * 70, "Three"], video_url="", audio_url="")
    page = owner_browser.page()
    page.goto(reverse("runs-detail", args=[run.pk]))
    for line in ("One", "x" * 70):
        page.keyboard.press(".")
        expect(page.locator(CURRENT)).to_contain_text(line)
    page.keyboard.press(",")
    expect(page.locator(CURRENT)).to_contain_text("One")
    page.keyboard.press("n")
    expect(page.locator(".check[data-now]")).to_have_count(1)
    expect(page.locator(CURRENT)).to_contain_text("x" * 70)


def test_the_languages_are_swapped_while_the_dub_plays_on(open_run):
    page = open_run(LUMEN, "?dub=es-es&beside=fr-fr")
    page.evaluate("{ media.currentTime = 12; media.play(); }")
    page.get_by_role("link", name="Swap the languages").click()
    expect(page.locator(".beside-head")).to_contain_text("French (France)")
    expect(page.locator(".part > li").nth(3).locator(".cue").first).to_contain_text("La réponse")
    until(page, "!media.paused && media.currentTime > 11")
    page.get_by_role("link", name="Portuguese (Brazil)").first.click()
    expect(page.locator(".beside-head > bdi")).to_have_text("Spanish (Spain)")


def test_a_line_is_copied_by_its_menu(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-4").hover()
    page.locator("#cue-4 summary").click()
    line = "La respuesta no era más luz, sino una luz más tranquila."
    page.locator("#cue-4").get_by_role("button", name="Copy as text").click()
    assert copied(page) == f"[0:10] Diseñador: {line}"
    page.locator("#cue-4").get_by_role("button", name="Copy link").click()
    link = copied(page)
    assert link.startswith(f"/runs/{page.url.rpartition('/runs/')[2]}?dub=es-es&t=10.")
    page.locator("#cue-4").get_by_role("button", name="Copy as Markdown").click()
    assert copied(page) == f"- [0:10]({link}) **Diseñador:** {line}"
    assert page.evaluate("media.paused")
    page.goto(link)
    expect(page.locator("#cue-4")).to_have_attribute("aria-current", "true")


def test_the_menu_of_a_line_is_clear_of_an_overlay_scroll_bar(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-4").hover()
    menu, lines = page.locator("#cue-4 summary").bounding_box(), page.locator(".lines").bounding_box()
    assert lines["x"] + lines["width"] - menu["x"] - menu["width"] >= 16


def test_lines_are_selected_and_copied_by_keys_alone(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-2 > button").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator("#selected-lines output")).to_have_text("2 lines")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Enter")
    assert copied(page) == (
        "[0:03] Presentadora: Hoy presentamos Lumen, nuestra primera lámpara de mesa.\n"
        "[0:07] Diseñador: Empezamos con una pregunta: ¿por qué cansa leer de noche?"
    )
    page.keyboard.press("Escape")
    expect(page.locator("#selected-lines")).to_be_hidden()
    expect(page.locator("#cue-2 > button")).to_be_focused()


def test_a_shift_click_on_a_second_timecode_selects_the_lines_between(open_run):
    page = open_run(LUMEN)
    page.locator("#cue-5 > button").click()
    page.locator("#cue-3 > button").click(modifiers=["Shift"])
    expect(page.locator("#selected-lines output")).to_have_text("3 lines")
    until(page, "document.querySelector('#cues [aria-current]').id === 'cue-5'")


@pytest.mark.parametrize("size", [None, PHONE])
def test_two_languages_are_read_side_by_side(open_run, size):
    page = open_run(LUMEN)
    if size:
        page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("window.before = media")
    page.locator(".beside-menu summary").click()
    # Measured just before the swap, since the click may scroll to the link.
    page.evaluate(
        "addEventListener('htmx:beforeSwap', () => (scrolled = document.querySelector('main').scrollTop))"
    )
    page.locator(".beside-menu").get_by_role("link", name="French (France)").click()
    rows = page.locator(".part > li")
    expect(rows).to_have_count(8)
    expect(rows.nth(3)).to_contain_text("La respuesta no era más luz")
    expect(rows.nth(3)).to_contain_text("La réponse n'était pas plus de lumière")
    assert page.evaluate("media === before")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("document.querySelector('main').scrollTop === scrolled")
    spanish, french = (rows.nth(3).locator(".cue").nth(side).bounding_box() for side in (0, 1))
    assert (spanish["y"] < french["y"]) is bool(size)
    rows.nth(5).locator(".cue").nth(1).get_by_role("button").click()
    expect(rows.nth(5)).to_have_attribute("aria-current", "true")
    until(page, "!media.paused && media.currentTime > 16")


# The first two are laptops at a zoom of 200 %.
@pytest.mark.parametrize("size", [(640, 360), (720, 450), (1280, 420)])
@pytest.mark.parametrize("camb_run_id", [LUMEN, NIGHT])
def test_five_lines_are_in_view_below_the_player_in_a_short_window(open_run, size, camb_run_id):
    page = open_run(camb_run_id)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    in_view = """() => {
        const top = document.querySelector(".player").getBoundingClientRect().bottom;
        const { bottom } = document.querySelector("main").getBoundingClientRect();
        return [...document.querySelectorAll(".cue p")].filter((line) => {
            const box = line.getBoundingClientRect();
            return box.top >= top && box.bottom <= bottom;
        }).length;
    }"""
    page.evaluate("document.querySelector('#cue-3').scrollIntoView()")
    assert page.evaluate(in_view) >= 5

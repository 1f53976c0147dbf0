"""Tests of live pages: rows change in place, typed text is never lost, and no page polls without need."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results.models import Run
from results.runs.add import add_runs
from tests.browser.conftest import PHONE, path_of, poll

WAITING, READY, FAILED = 48241, 48201, 48252

# Resolves once no request is under way: the next poll is scheduled only after the answer.
IDLE = """new Promise((done) =>
  document.querySelector(".htmx-request") ? htmx.on("htmx:afterRequest", done) : done())"""


@pytest.fixture
def runs_page(page, team, add_runs):
    runs = add_runs(READY, WAITING)
    page.goto(reverse("runs-list", args=[team.slug]))
    return page, {run.camb_run_id: run for run in runs}


def row(page, run):
    return page.locator(f"#run-{run.pk}")


# --- A lost login ------------------------------------------------------------------------------------


def test_a_login_lost_during_a_poll_leads_to_the_login_page_and_back(
    runs_page, owner_browser, owner, camb_clock, work
):
    page, runs = runs_page
    owner_browser.context.clear_cookies()
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(row(page, runs[WAITING])).to_contain_text("Ready")


def test_a_login_lost_during_a_search_leads_back_to_the_search(page, owner_browser, owner, team, add_runs):
    add_runs(READY)
    page.goto(f"{reverse('search', args=[team.slug])}?q=mar")
    expect(page.locator(".hit")).not_to_have_count(0)
    owner_browser.context.clear_cookies()
    page.locator("#search-box").fill("marea")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/search/\?q=mar$"))


# --- A slow connection -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "box", "typed", "place", "found"),
    [
        ("runs-add", "textarea", "7 8", "#preview", "2 new runs"),
        ("runs-list", "#main input[type=search]", "nowhere", "#runs-list", "No runs match"),
        ("search", "#search-box", "zzz", "#hits", "zzz"),
    ],
)
def test_text_typed_before_the_scripts_load_counts(page, team, add_runs, name, box, typed, place, found):
    add_runs(FAILED)
    held = []
    page.route("**/htmx*.js", lambda route: held.append(route))
    with page.expect_request("**/htmx*.js"):
        page.goto(reverse(name, args=[team.slug]), wait_until="commit")
    page.locator(box).fill(typed)
    assert found not in page.locator(place).inner_text()
    held[0].continue_()
    expect(page.locator(place)).to_contain_text(found)


# --- Two tabs ----------------------------------------------------------------------------------------


def test_a_change_in_one_tab_appears_in_the_other(runs_page, owner_browser):
    page, runs = runs_page
    other = owner_browser.page()
    other.goto(reverse("runs-detail", args=[runs[READY].pk]))
    other.locator(".run-title").get_by_role("link", name="Rename").click()
    other.get_by_label("Title of Run 48201").fill("Zwischen den Gezeiten")
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", level=1)).to_have_text("Zwischen den Gezeiten")
    poll(page)
    expect(row(page, runs[READY])).to_contain_text("Zwischen den Gezeiten")
    other.goto(reverse("runs-edit-remove", args=[runs[READY].pk]))
    other.get_by_role("button", name="Remove the run").click()
    poll(page)
    expect(row(page, runs[READY])).to_have_count(0)


def test_logging_out_in_one_tab_ends_the_other(runs_page, owner_browser):
    page, _runs = runs_page
    other = owner_browser.page()
    other.goto("/accounts/logout/")
    other.locator("main").get_by_role("button", name="Log out").click()
    poll(page)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


# --- Typed text, focus and scroll position -----------------------------------------------------------


def test_a_refused_title_stays_in_its_field(runs_page, owner_browser):
    owner_browser.expects = ("status of 422",)
    page, runs = runs_page
    row(page, runs[READY]).get_by_role("link", name="Rename").click()
    field = page.get_by_label("Title of Run 48201")
    expect(field).to_be_focused()
    field.fill("x" * 201)
    field.press("Enter")
    expect(row(page, runs[READY]).get_by_role("alert")).to_contain_text("A title has at most 200 characters.")
    expect(field).to_have_value("x" * 201)
    field.fill("Short")
    field.press("Enter")
    expect(row(page, runs[READY])).to_contain_text("Short")
    expect(field).to_have_count(0)


def test_a_title_being_typed_survives_a_change_of_its_row(runs_page, camb_clock, work):
    page, runs = runs_page
    row(page, runs[WAITING]).get_by_role("link", name="Rename").click()
    field = page.get_by_label("Title of Run 48241")
    field.fill("Half a ti")
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(page.locator("#runs-strip")).to_contain_text("2 of 2 ready")
    expect(field).to_have_value("Half a ti")
    field.press("Escape")
    poll(page)
    expect(row(page, runs[WAITING])).to_contain_text("Ready")


def test_focus_and_scroll_position_stay_while_rows_change(page, team, add_runs, camb_clock, work):
    runs = add_runs(READY, WAITING, FAILED, *range(48202, 48203))
    waiting = runs[1]
    page.set_viewport_size({"width": 1440, "height": 300})
    page.goto(reverse("runs-list", args=[team.slug]))
    link = row(page, waiting).locator(".run-title > a").first
    link.focus()
    page.evaluate("scrollTo(0, 120)")
    before = page.evaluate("[scrollY, document.activeElement.id]")
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(row(page, waiting)).to_contain_text("Ready")
    expect(page.locator("#live")).to_contain_text(f"{waiting}: Ready.")
    assert page.evaluate("[scrollY, document.activeElement.id]") == before


def test_pasted_text_without_a_run_id_is_not_lost(page, team, owner_browser):
    owner_browser.expects = ("status of 422",)
    page.goto(reverse("runs-add", args=[team.slug]))
    page.get_by_label("Run ids").fill("nothing to see here")
    expect(page.locator("#preview")).to_contain_text("No run ids yet")
    expect(page.get_by_label("Run ids")).to_be_focused()
    expect(page.get_by_label("Run ids")).to_have_value("nothing to see here")
    expect(page.get_by_role("button", name="Add")).to_have_count(0)


def test_a_form_in_flight_is_not_sent_twice(page):
    page.goto(reverse("teams-new"))
    page.get_by_label("Team name").fill("Fjord")
    prevented = page.get_by_role("button", name="Create team").evaluate(
        """button => {
            const prevented = [];
            document.addEventListener("submit", (event) => {
                prevented.push(event.defaultPrevented);
                event.preventDefault();  // so that the page stays
            });
            button.click();
            button.click();
            dispatchEvent(new Event("pageshow"));  // as Back does
            button.click();
            return prevented;
        }"""
    )
    assert prevented == [False, True, False]


def test_a_server_error_shows_a_message_and_keeps_typed_text(runs_page, owner_browser):
    owner_browser.expects = ("status of 500", "Response Status Error Code 500")
    page, runs = runs_page
    row(page, runs[READY]).get_by_role("link", name="Rename").click()
    field = page.get_by_label("Title of Run 48201")
    field.fill("New name")
    page.route("**/title/", lambda route: route.fulfill(status=500, body="broken"))
    field.press("Enter")
    expect(page.locator("#toast")).to_contain_text("Something went wrong on the server")
    expect(field).to_have_value("New name")


# --- Tags --------------------------------------------------------------------------------------------


def test_tags_are_added_and_removed_in_place_and_completed_after_a_comma(page, owner_browser, add_runs):
    owner_browser.expects = ("status of 422",)
    run, other = add_runs(READY, FAILED)
    page.goto(reverse("runs-detail", args=[other.pk]))
    page.get_by_label("Add tags").fill("launch, <b>two words")
    page.keyboard.press("Enter")
    chips = page.locator("#run-tags .chip")
    expect(chips).to_have_text(["<b>two words", "launch"])
    page.goto(reverse("runs-detail", args=[run.pk]))
    field = page.get_by_label("Add tags")
    field.press_sequentially("season 2, la")
    options = page.locator("#team-tags option").evaluate_all("found => found.map(option => option.value)")
    assert options == ["season 2, <b>two words", "season 2, launch"]
    field.fill(options[1])
    field.press("Enter")
    expect(chips).to_have_text(["launch", "season 2"])
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    field.fill("x" * 41)
    field.press("Enter")
    expect(page.locator("#run-tags").get_by_role("alert")).to_contain_text("is longer")
    expect(field).to_have_value("x" * 41)
    page.get_by_role("button", name="Remove the tag launch").click()
    expect(chips).to_have_text(["season 2"])
    expect(field).to_be_focused()
    assert path_of(page) == reverse("runs-detail", args=[run.pk])


# --- Polling -----------------------------------------------------------------------------------------


def test_polling_slows_down_and_a_hidden_tab_does_not_poll(page, team, add_runs):
    add_runs(WAITING)
    page.clock.install()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(reverse("runs-list", args=[team.slug]))

    def polls_in(seconds):
        requested.clear()
        for _ in range(seconds):
            page.clock.run_for(1000)
            page.evaluate(IDLE)
        return sum("/runs/poll/" in url for url in requested)

    assert (polls_in(20), polls_in(120)) == (4, 5)
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    poll(page)
    assert polls_in(120) == 0
    page.evaluate("delete document.hidden")
    with page.expect_request("**/poll/**"):
        poll(page)


def test_a_removed_member_no_longer_sees_the_open_page(runs_page, team, owner, owner_browser):
    owner_browser.expects = ("status of 404", "Response Status Error Code 404")
    page, _ = runs_page
    team.memberships.get(user=owner).delete()
    poll(page)
    expect(page.locator("h1")).to_have_text("Page not found")
    expect(page.locator("main")).not_to_contain_text("Run 48201")


def test_back_shows_nothing_after_logging_out(runs_page):
    page, runs = runs_page
    row(page, runs[READY]).get_by_role("link").first.click()
    expect(page.locator(".part > li").first).to_be_visible()
    page.locator(".user-menu summary").click()
    page.locator(".user-menu").get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")
    for _ in range(2):
        page.go_back()
        expect(page.locator("h1")).to_have_text("Log in")
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('htmx'))") == []


def test_nothing_is_polled_once_a_run_is_finished(page, add_runs, camb_clock, work):
    [run] = add_runs(WAITING)
    page.goto(reverse("runs-detail", args=[run.pk]))
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(page.locator(".part > li").first).to_be_visible()
    expect(page.locator("[data-poll]")).to_have_count(0)


def test_new_runs_of_others_are_offered_without_moving_a_row(page, team, add_runs):
    add_runs(READY)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.locator(".select-box[name=pk]").check()
    before = page.locator("#runs-list").bounding_box()
    add_runs(FAILED)
    poll(page)
    show = page.get_by_role("link", name="1 new run · Show")
    expect(show).to_be_visible()
    expect(page.locator("#live")).to_have_text("1 new run.")
    assert page.locator("#runs-list").bounding_box() == before
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
    show.press("Enter")
    expect(page.locator("#runs-list tbody tr")).to_have_count(2)
    expect(show).to_have_count(0)
    expect(page.locator("#runs-list tbody tr:first-child a").first).to_be_focused()
    expect(page.locator(".bulk-bar output")).to_have_text("1 selected")
    expect(page.locator("#runs-tabs")).to_contain_text("All 2")


def test_a_long_title_is_readable_in_a_row_of_the_usual_height(page, team, owner):
    titles = {1: "Short", 2: "Market Street, episode 5 (Brazilian Portuguese)", 3: "W" * 200}
    add_runs(team, list(titles.items()), owner)
    page.goto(reverse("runs-list", args=[team.slug]))
    rows = page.locator("#runs-list tbody tr")
    assert len({row.bounding_box()["height"] for row in rows.all()}) == 1
    is_cut = "link => link.scrollHeight > link.clientHeight || link.scrollWidth > link.clientWidth"
    cut = {link.text_content() for link in page.locator(".run-title .truncate").all() if link.evaluate(is_cut)}
    assert cut == {titles[3]}
    assert page.get_by_title(titles[3]).count() == 1
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    cut = {link.text_content() for link in page.locator(".run-title .truncate").all() if link.evaluate(is_cut)}
    assert cut <= {titles[3]}


def test_a_waiting_run_becomes_a_player_without_a_reload(page, add_runs, camb_clock, work):
    [run] = add_runs(WAITING)
    page.goto(reverse("runs-detail", args=[run.pk]))
    expect(page.locator("#run-status")).to_contain_text("CAMB.AI has no result yet")
    expect(page.locator("#run-history")).to_contain_text("Answered")
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(page.locator(".part > li")).to_have_count(12)
    expect(page.locator("#media")).to_have_js_property("error", None)
    expect(page.locator("#live")).to_contain_text("Ready")


# --- Searching ---------------------------------------------------------------------------------------


def test_hits_appear_while_typing_and_the_arrow_keys_reach_them(page, team, add_runs):
    add_runs(READY)
    page.goto(reverse("search", args=[team.slug]))
    expect(page.locator("#search-box")).to_be_focused()
    page.keyboard.type("cangrejos")
    expect(page.locator(".hit mark")).to_have_text("cangrejos")
    expect(page).to_have_url(re.compile(r"\?q=cangrejos$"))
    expect(page.locator("#live")).to_contain_text("1 moment in 1 run")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit > a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"t=12(&find=[^#]*)?#cue-4$"))
    page.go_back()
    expect(page.locator(".hit mark")).to_have_text("cangrejos")


def test_a_hit_plays_in_place(page, team, add_runs):
    add_runs(READY)
    page.goto(f"{reverse('search', args=[team.slug])}?q=cangrejos")
    button = page.get_by_role("button", name="Play 0:12 here")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert path_of(page).endswith("/search/")
    assert Run.objects.count() == 1

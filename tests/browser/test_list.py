"""The list of runs by keyboard, languages set in place, and the menus of views and columns."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results import tags
from results.models import Run
from tests.factories import make_dub, make_ready_run


@pytest.fixture
def runs_page(owner_browser, team):
    for title in ("One", "Two", "Three"):
        make_dub(make_ready_run(team, title=title, languages=[""]), ["Hola."], "")
    page = owner_browser.page()
    page.goto(reverse("runs-list", args=[team.slug]))
    return page


def test_keys_move_through_the_rows_select_and_open(runs_page):
    runs_page.keyboard.press("j")
    runs_page.keyboard.press("j")
    expect(runs_page.get_by_role("link", name="Two", exact=True)).to_be_focused()
    runs_page.keyboard.press("x")
    runs_page.keyboard.press("k")
    runs_page.keyboard.press("x")
    expect(runs_page.locator("#bulk-bar output")).to_have_text("2 selected")
    runs_page.keyboard.press("j")
    runs_page.keyboard.press("j")
    runs_page.keyboard.press("Enter")
    expect(runs_page.get_by_role("heading", name="One")).to_be_visible()


def test_keys_are_letters_while_someone_types(runs_page):
    box = runs_page.get_by_role("searchbox", name="Title or id")
    box.press_sequentially("jxk")
    expect(box).to_have_value("jxk")
    expect(box).to_be_focused()


def test_the_box_of_a_menu_over_the_selection_has_the_focus(runs_page):
    runs_page.locator('[name="pk"]').first.check()
    runs_page.locator("#bulk-bar summary", has_text="Tag").click()
    expect(runs_page.locator("#tags-of-selected")).to_be_focused()


def test_a_tag_of_some_runs_is_taken_off_all_by_two_clicks(runs_page, team):
    some, others, unselected = Run.objects.order_by("pk")
    tags.add_tags(team, {some.pk: ["launch"], unselected.pk: ["season 2"]})
    for run in (some, others):
        runs_page.locator(f"#run-{run.pk}-select").check()
    runs_page.locator("#bulk-bar summary", has_text="Tag").click()
    box = runs_page.get_by_role("checkbox", name="launch 1 of 2")
    assert box.evaluate("(box) => box.indeterminate")
    runs_page.keyboard.type("LAU")
    expect(runs_page.get_by_text("season 2", exact=True)).to_be_hidden()
    runs_page.locator("#tags-of-selected").fill("")
    box.click()
    box.click()
    runs_page.get_by_role("checkbox", name="season 2").check()
    runs_page.get_by_role("button", name="Apply").and_(runs_page.locator("#bulk-bar button")).click()
    expect(runs_page.locator("#messages")).to_contain_text("“season 2”. “launch”: removed from 2 runs.")
    assert [run.tag_names for run in (some, others)] == [["season 2"], ["season 2"]]


def test_enter_in_a_menu_of_selected_runs_presses_that_menus_button(runs_page):
    runs_page.locator('[name="pk"]').first.check()
    runs_page.locator("#bulk-bar summary", has_text="Language").click()
    field = runs_page.locator("#language-of-selected")
    field.fill("Spanish")
    field.press("Enter")
    expect(runs_page.locator("#messages")).to_contain_text("1 run is now in Spanish.")
    expect(runs_page.get_by_role("button", name="Undo")).to_be_visible()


def test_removal_asks_in_a_dialog_that_escape_closes(runs_page):
    runs_page.locator('[name="pk"]').first.check()
    remove = runs_page.locator("#bulk-bar button", has_text="Remove")
    remove.click()
    dialog = runs_page.get_by_role("dialog", name="Remove 1 run?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    runs_page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(remove).to_be_focused()
    assert Run.objects.count() == 3
    remove.press("Enter")
    dialog.get_by_role("button", name="Remove 1 run").click()
    expect(runs_page.locator("#messages")).to_contain_text("1 run is removed.")
    assert Run.objects.present().count() == 2


def test_a_run_page_asks_in_a_dialog_too(runs_page):
    runs_page.get_by_role("link", name="Two", exact=True).click()
    remove = runs_page.get_by_role("link", name="Remove", exact=True)
    remove.click()
    dialog = runs_page.get_by_role("dialog", name="Remove Two?")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(remove).to_be_focused()
    remove.click()
    dialog.get_by_role("button", name="Remove the run").click()
    expect(runs_page.locator("#messages")).to_contain_text("“Two” is removed.")


def test_headings_explain_themselves_when_they_have_the_focus(runs_page):
    tip = runs_page.get_by_text("Lines of the longest dub")
    assert tip.bounding_box()["width"] < 2
    runs_page.locator("th.run-length a").focus()
    runs_page.keyboard.press("Tab")
    assert tip.bounding_box()["width"] > 100


def test_a_language_is_set_in_place_and_a_wrong_one_is_named(runs_page, owner_browser):
    owner_browser.expects = ("status of 422",)
    row = runs_page.locator("tr", has_text="Two")
    row.hover()
    row.get_by_role("link", name="Set the language").click()
    box = runs_page.get_by_label("Language of Two")
    box.fill("Klingonish")
    box.press("Enter")
    expect(runs_page.get_by_role("alert").filter(has_text="Klingonish")).to_be_visible()
    box = runs_page.get_by_label("Language of Two")
    expect(box).to_have_value("Klingonish")
    box.fill("Spanish")
    box.press("Enter")
    expect(row.locator(".run-languages")).to_contain_text("Spanish")
    assert Run.objects.get(title="Two").languages == ["es"]


def test_a_view_is_saved_and_listed_with_its_runs(runs_page):
    runs_page.locator(".views-menu summary").click()
    runs_page.get_by_label("Save this view as").fill("Mine")
    runs_page.get_by_role("button", name="Save view").click()
    runs_page.locator(".views-menu summary").click()
    expect(runs_page.locator("#view-entries")).to_contain_text("Mine 3")


def test_a_column_is_hidden(runs_page):
    runs_page.locator(".display-menu summary").click()
    runs_page.get_by_label("Lines").uncheck()
    runs_page.get_by_role("button", name="Show columns").click()
    expect(runs_page.get_by_role("columnheader", name="Lines")).to_be_hidden()
    expect(runs_page.get_by_role("columnheader", name="Length")).to_be_visible()


def test_filters_with_their_counts_keep_what_is_typed(runs_page):
    runs_page.get_by_role("searchbox", name="Title or id").fill("t")
    expect(runs_page.locator("#runs-list tbody tr")).to_have_count(2)
    runs_page.locator(".filter-menu summary").click()
    runs_page.get_by_role("combobox", name="Status").select_option("Ready (2)")
    runs_page.get_by_role("button", name="Apply").and_(runs_page.locator("#filter-form button")).click()
    expect(runs_page).to_have_url(re.compile(r"\?.*q=t&.*status=ready"))
    expect(runs_page.locator("#runs-list tbody tr")).to_have_count(2)


# --- The list of shortcuts ---------------------------------------------------------------------------


def test_a_key_lists_the_shortcuts_of_what_is_on_the_page(runs_page):
    runs_page.keyboard.press("?")
    dialog = runs_page.get_by_role("dialog", name="Shortcuts")
    expect(dialog.get_by_text("Next, previous run")).to_be_visible()
    expect(dialog.get_by_text("Play or pause")).to_be_hidden()
    runs_page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_persons_menu_lists_the_shortcuts_and_switches_them_off(runs_page, owner):
    runs_page.locator(".user-menu summary").click()
    runs_page.get_by_role("button", name="Shortcuts").click()
    dialog = runs_page.get_by_role("dialog", name="Shortcuts")
    with runs_page.expect_response(lambda answer: answer.url.endswith("/profile/shortcuts/")):
        dialog.get_by_label("Use shortcuts").uncheck()
    owner.refresh_from_db()
    assert not owner.uses_shortcuts
    runs_page.keyboard.press("Escape")
    runs_page.keyboard.press("?")
    runs_page.keyboard.press("j")
    expect(dialog).to_be_hidden()
    expect(runs_page.locator("#runs-list a:focus")).to_have_count(0)

"""Layout tests: opened elements come into view, and nothing else on the page moves."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results.runs import trash
from results.runs.request import RefreshProgress
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import make_member, make_run

TIDES, LUMEN, MARKET, FAILED, AUDIO = 48201, 48230, 48244, 48252, 48223


def position(element):
    box = element.bounding_box()
    return round(box["x"]), round(box["y"])


def test_the_history_opens_below_and_its_summary_stays_in_place(page, add_runs):
    [run] = add_runs(LUMEN)
    page.goto(reverse("runs-detail", args=[run.pk]))
    summary = page.locator(".history-drawer summary")
    before = position(summary)
    summary.click()
    expect(page.locator("#run-history table")).to_be_visible()
    drawer = page.locator(".drawer").bounding_box()
    title = page.locator(".run-head").bounding_box()
    assert position(summary) == before
    assert (drawer["x"], drawer["width"]) == (title["x"], title["width"])
    summary.click()
    expect(page.locator(".drawer")).to_be_hidden()


@pytest.mark.parametrize("menu", [".export", ".beside-menu"])
def test_a_menu_that_opens_at_the_bottom_of_a_phone_comes_into_view(open_browser, owner, add_runs, menu):
    [run] = add_runs(LUMEN)
    page = open_browser(owner, PHONE).page()
    page.goto(reverse("runs-detail", args=[run.pk]))
    page.locator(f"{menu} summary").click()
    entry = page.locator(f"{menu} .menu-list a").nth(2)
    expect(entry).to_be_in_viewport(ratio=1)
    box, rail = entry.bounding_box(), page.locator(".rail").bounding_box()
    assert box["y"] + box["height"] <= rail["y"]


def test_the_names_of_languages_are_above_their_columns(page, add_runs):
    [run] = add_runs(LUMEN)
    page.goto(f"{reverse('runs-detail', args=[run.pk])}?beside=fr-fr")
    names = [name.bounding_box()["x"] for name in page.locator(".beside-head > *").all()]
    columns = [column.bounding_box()["x"] for column in page.locator(".part > li >> nth=0 >> xpath=div").all()]
    assert names == columns
    row = page.locator(".part > li >> nth=1").bounding_box()
    lines = [line.bounding_box() for line in page.locator(".part > li >> nth=1 >> .cue").all()]
    assert [round(line["y"] + line["height"]) for line in lines] == [round(row["y"] + row["height"] - 1)] * 2


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_rows_do_not_move_while_many_runs_are_checked(open_browser, owner, team, add_runs, monkeypatch, size):
    add_runs(TIDES, FAILED)
    page = open_browser(owner, size).page()
    rows = []
    for progress in (None, RefreshProgress(40, 302, 24)):
        for view in ("runs.list", "activity"):
            monkeypatch.setattr(f"dashboard.views.{view}.refresh_progress", lambda *_, progress=progress: progress)
        page.goto(reverse("runs-list", args=[team.slug]))
        rows.append(position(page.locator("tbody tr >> nth=0")))
    assert rows[0] == rows[1]
    expect(page.locator("#runs-strip")).to_contain_text(
        "1 of 2 ready · 1 failed · 40 of 302 checked, about 24 s left"
    )
    done, checked = (bar.bounding_box() for bar in page.locator("#runs-strip progress").all())
    assert checked["y"] >= done["y"] + done["height"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_activity_page_does_not_move_while_many_runs_are_checked(
    open_browser, owner, team, add_runs, monkeypatch, size
):
    add_runs(TIDES)
    page = open_browser(owner, size).page()
    parts = []
    for progress in (None, RefreshProgress(40, 302, 24)):
        for view in ("runs.list", "activity"):
            monkeypatch.setattr(f"dashboard.views.{view}.refresh_progress", lambda *_, progress=progress: progress)
        page.goto(reverse("activity", args=[team.slug]))
        parts.append([position(page.locator(part)) for part in (".figures", "#activity-calls")])
    expect(page.locator("#activity-summary .strip")).to_contain_text("40 of 302 checked, about 24 s left")
    assert parts[0] == parts[1]


def test_a_row_keeps_its_height_and_its_title_the_free_width(page, team, add_runs):
    add_runs(TIDES, LUMEN, MARKET, FAILED)
    page.goto(reverse("runs-list", args=[team.slug]))
    titles = page.locator("td.run-title .truncate").all()
    # A long title takes two lines; a title above a reason one without space around it.
    assert {title.evaluate("(title) => title.offsetHeight") for title in titles} <= {24, 42, 18}
    assert {row.bounding_box()["height"] for row in page.locator("tbody tr").all()} == {44}
    # The reason is below the title, and goes on below the cells beside it.
    failed = page.locator("tr:has(.status.failed)")
    reason, title, word = (
        failed.locator(part).bounding_box() for part in (".run-reason", "td.run-title .truncate", ".status")
    )
    assert reason["y"] >= title["y"] + title["height"]
    assert (reason["x"], reason["x"] + reason["width"] > word["x"]) == (title["x"], True)
    # Hovering shows the pencil, which has a space of its own.
    row = page.locator("tbody tr >> nth=1")
    row.hover()
    pencil, name = (row.locator(part).bounding_box() for part in (".rename", ".title-and-tags bdi"))
    assert pencil["x"] >= name["x"] + name["width"]


def test_a_box_with_an_error_stays_in_line_with_the_others(page, owner_browser, team):
    owner_browser.expects = ("status of 422",)
    page.goto(reverse("teams-detail", args=[team.slug]))
    form = page.get_by_role("form", name="Invite someone")
    form.evaluate("(form) => { form.noValidate = true; }")
    form.get_by_label("Email address").fill("sam at example")
    form.get_by_role("button").click()
    expect(form.locator(".errorlist")).to_be_visible()
    assert len({position(form.locator(part))[1] for part in ("input[name=email]", "select", ".button")}) == 1


def test_a_role_is_saved_by_its_choice_and_undone_by_a_click(page, team):
    ben = make_member(team).memberships.get()
    page.goto(reverse("teams-detail", args=[team.slug]))
    roles = page.locator(f"#role-{ben.pk}")
    roles.focus()
    roles.select_option("viewer")
    expect(page.locator("#role-changed")).to_contain_text("now has the role Viewer.")
    expect(roles).to_be_focused()
    ben.refresh_from_db()
    assert ben.role == "viewer"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#role-changed")).to_contain_text("now has the role Member.")
    expect(roles).to_have_value("member")


def test_invitation_links_and_tokens_are_copied_by_a_button(open_browser, owner, team):
    page = open_browser(owner, permissions=["clipboard-read", "clipboard-write"]).page()
    page.goto(reverse("teams-detail", args=[team.slug]))
    page.get_by_label("Email address").fill("sam@example.org")
    page.get_by_role("button", name="Invite").click()
    page.locator("#invited [data-copy]").click()
    expect(page.locator("#invited [data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#invited-link").input_value()
    page.goto(reverse("tokens", args=[team.slug]))
    page.get_by_label("What it is for").fill("Nightly")
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Continue").click()
    page.locator(".banner [data-copy]").click()
    expect(page.locator(".banner [data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#shown-once").input_value()


def is_wider_than_its_window(page):
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_title_of_one_long_word_stays_within_the_trash(open_browser, owner, team, size):
    trash.remove_runs(team, [make_run(team, title="W" * 180).pk], by="Kim")
    page = open_browser(owner, size).page()
    page.goto(reverse("trash", args=[team.slug]))
    expect(page.locator(".rows label")).to_have_text("W" * 180)
    assert not is_wider_than_its_window(page)


def test_a_long_title_takes_three_lines_of_a_phone_until_it_has_the_focus(open_browser, owner, team):
    run = make_run(team, title="The harbour at night, told by its fishermen, " * 4)
    page = open_browser(owner, PHONE).page()
    page.goto(reverse("runs-detail", args=[run.pk]))
    title = page.locator("h1")
    three = title.bounding_box()["height"]
    assert three < 90
    title.click()
    assert title.bounding_box()["height"] > 2 * three
    expect(title).to_be_focused()
    page.keyboard.press("Tab")
    assert title.bounding_box()["height"] == three


def test_a_menu_at_the_edge_of_a_tablet_opens_within_the_page(open_browser, owner, team, add_runs):
    add_runs(LUMEN)
    page = open_browser(owner, (768, 1024)).page()
    page.goto(f"{reverse('search', args=[team.slug])}?q=lumen")
    save = page.locator(".save-search summary")
    for _ in range(2):  # it opens in the same place again
        save.click()
        expect(page.locator(".save-search .menu-list")).to_be_in_viewport(ratio=1)
        assert not is_wider_than_its_window(page)
        save.click()


def test_the_bar_over_the_lines_is_one_row_on_a_phone(open_browser, owner, add_runs):
    [run] = add_runs(AUDIO)
    page = open_browser(owner, PHONE).page()
    page.goto(reverse("runs-detail", args=[run.pk]))
    beside, export = page.locator(".beside-menu summary"), page.locator(".export summary")
    assert position(beside)[1] == position(export)[1]
    expect(export).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("Side by side")).to_have_count(1)  # still its name for a screen reader
    assert not is_wider_than_its_window(page)


@pytest.mark.parametrize(("camb_run_id", "opener"), [(LUMEN, "#speakers .icon-button"), (AUDIO, ".check a")])
def test_a_form_that_opens_on_a_phone_comes_into_view_with_its_buttons(
    open_browser, owner, add_runs, camb_run_id, opener
):
    [run] = add_runs(camb_run_id)
    page = open_browser(owner, PHONE).page()
    page.goto(reverse("runs-detail", args=[run.pk]))
    page.locator(opener).first.click()
    expect(page.locator("form[data-editing] button[type=submit]").first).to_be_in_viewport(ratio=1, timeout=15_000)

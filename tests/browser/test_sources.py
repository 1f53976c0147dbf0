"""Tests of sources: the dubs of other runs on a run's page, and the list by source."""

from playwright.sync_api import expect

from results.runs.source import join_runs
from tests.browser.conftest import path_of, poll, until

LUMEN, NIGHT, BRONZE = 48230, 48223, 48205


def test_a_tab_of_another_run_keeps_the_second_and_the_page(add_runs, page, team):
    lumen, night = add_runs(LUMEN, NIGHT)
    join_runs(team, [lumen.pk, night.pk])
    page.goto(f"/runs/{lumen.pk}/")
    page.evaluate("{ window.isSamePage = true; media.currentTime = 7; }")
    until(page, "media.currentTime === 7")
    page.locator(f"nav a[href^='/runs/{night.pk}/']").click()
    expect(page.locator("h1")).to_contain_text("The Night Shift podcast")
    assert path_of(page) == f"/runs/{night.pk}/"
    assert page.evaluate("isSamePage")
    until(page, "Math.abs(media.currentTime - 7) < 0.5")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Product launch")


def test_a_row_of_a_source_changes_in_place(add_runs, page, team):
    lumen, night = add_runs(LUMEN, NIGHT)
    join_runs(team, [lumen.pk, night.pk])
    page.goto(f"/t/{team.slug}/runs/?by=source")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    row.locator("[name=pk]").check()
    expect(row).to_contain_text("2 runs")
    [third] = add_runs(BRONZE)
    join_runs(team, [lumen.pk, third.pk])
    page.evaluate("window.isSamePage = true")
    poll(page)
    expect(row).to_contain_text("3 runs")
    assert row.locator("[name=pk]").is_checked()
    assert page.evaluate("isSamePage")

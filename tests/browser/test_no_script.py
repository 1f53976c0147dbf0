"""Tests that everything works without JavaScript, from the login to reading a transcript."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from results.models import Run


@pytest.fixture
def page(open_browser, owner) -> Page:
    """A page without JavaScript, after a login through the form."""
    page = open_browser(java_script_enabled=False).page()
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in", exact=True).click()
    return page


def test_runs_are_added_after_a_preview(page, team, work):
    page.goto(reverse("runs-add", args=[team.slug]))
    page.get_by_label("Run ids").fill("48201, 48207 and 12ab")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("2 new runs · 1 not an id")
    expect(page.get_by_label("Run ids")).to_have_value("48201, 48207 and 12ab")
    page.get_by_role("button", name="Add 2 runs").click()
    expect(page.locator("#messages")).to_contain_text("2 runs are added.")
    work()
    page.reload()
    expect(page.locator("#runs-strip")).to_contain_text("2 of 2 ready")


def test_a_run_is_renamed_refreshed_and_removed(page, team, add_runs, camb, work):
    [run] = add_runs(48201)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Title of Run 48201").fill("Zwischen den Gezeiten")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zwischen den Gezeiten")

    Run.objects.update(checked_at=None)
    calls_before = [call.run_ids for call in camb.calls].count([48201])
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.locator("#run-status")).to_contain_text("checking now")
    work()
    assert [call.run_ids for call in camb.calls].count([48201]) == calls_before + 1

    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove the run").click()
    expect(page.locator("#messages")).to_contain_text("“Zwischen den Gezeiten” is removed.")
    assert Run.objects.get(pk=run.pk).removed_at


def test_words_are_found_in_a_transcript(page, team, add_runs):
    [run] = add_runs(48201)
    line = run.dubs.earliest("pk").cues.earliest("position")
    word = max(line.text.split(), key=len).strip(".,")
    page.goto(reverse("runs-detail", args=[run.pk]))
    page.get_by_role("searchbox", name="Find in transcript").fill(word.upper())
    page.keyboard.press("Enter")
    expect(page.locator(f"#cue-{line.position} mark").first).to_have_text(word)
    expect(page.get_by_role("searchbox", name="Find in transcript")).to_have_value(word.upper())


def test_a_review_check_is_dismissed_and_brought_back(page, add_runs):
    [run] = add_runs(48223)
    page.goto(reverse("runs-detail", args=[run.pk]))
    checks = page.locator("#cues .check")
    before = checks.count()
    checks.first.get_by_role("link", name="Dismiss").click()
    page.get_by_label("Why is this fine?").fill("Intended")
    page.get_by_role("button", name="Dismiss").click()
    expect(checks).to_have_count(before - 1)
    page.locator("#review-checks summary").click()
    page.get_by_role("link", name="Dismissed 1").click()
    expect(checks).to_contain_text("Intended")
    checks.get_by_role("link", name="Change").click()
    page.get_by_role("button", name="Show it again").click()
    expect(checks).to_have_count(before)


def test_runs_are_tagged_filtered_exported_archived_and_restored(page, team, add_runs):
    first, second = add_runs(48201, 48252)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.locator(f"#run-{first.pk}-select").check()
    bar = page.get_by_role("form", name="Selected runs")
    bar.get_by_text("Tag", exact=True).click()
    bar.get_by_label("New tags").fill("launch, two words")
    bar.get_by_role("button", name="Apply").click()
    expect(page.locator("#messages")).to_contain_text("1 run is tagged “launch”, “two words”.")
    page.get_by_role("link", name="two words").click()
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
    page.locator(".filters").get_by_role("link").click()
    expect(page.locator("#runs-list tbody tr")).to_have_count(2)
    page.goto(reverse("runs-detail", args=[first.pk]))
    page.get_by_role("button", name="Remove the tag launch").click()
    expect(page.locator("#run-tags .chip")).to_have_text(["two words"])

    page.goto(reverse("runs-list", args=[team.slug]))
    page.locator(f"#run-{second.pk}-select").check()
    with page.expect_download() as download:
        bar.get_by_text("Export", exact=True).click()
        bar.get_by_role("button", name="JSON").click()
    assert download.value.suggested_filename.endswith("-json.zip")
    bar.get_by_role("button", name="Archive").click()
    expect(page.locator("#messages")).to_contain_text("1 run is archived")
    page.get_by_role("link", name="Archived 1").click()
    page.get_by_role("checkbox").first.check()
    bar.get_by_role("button", name="Restore").click()
    expect(page.locator("#messages")).to_contain_text("1 run is restored.")


def test_a_transcript_is_found_and_read_in_each_language(page, team, add_runs):
    add_runs(48230)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.get_by_role("searchbox", name="Search every transcript").fill("lumière calme")
    page.keyboard.press("Enter")
    hit = page.locator(".hit > a").filter(has_text="une lumière plus calme")
    expect(hit.locator("mark")).to_have_text(["lumière", "lumière", "calme"])
    hit.click()
    expect(page.locator(".part > li").nth(3)).to_contain_text("une lumière plus calme")
    page.get_by_role("link", name="Portuguese").click()
    expect(page.locator(".part > li").nth(3)).to_contain_text("uma luz mais calma")
    page.get_by_role("link", name="Audio").click()
    expect(page.locator("audio#media")).to_have_count(1)


def test_the_list_is_filtered_and_the_history_read(page, team, add_runs):
    [_, failed] = add_runs(48201, 48252)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.get_by_role("searchbox", name="Title or id").fill("tides")
    page.keyboard.press("Enter")
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.get_by_role("link", name="Failed 1").click()
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
    page.goto(reverse("runs-detail", args=[failed.pk]))
    page.get_by_role("link", name="All calls to CAMB.AI about this run").click()
    expect(page.locator("#run-history tbody tr")).to_have_count(1)

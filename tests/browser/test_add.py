"""Tests that the Add runs page adds only what its preview shows."""

from django.urls import reverse
from playwright.sync_api import expect

from results.models import Run
from tests.browser.conftest import until
from tests.browser.test_waiting import hold

ASKED = "1344\t24\tKitchen\n1345\t12\tGarden"


def test_nothing_can_be_added_while_the_text_no_longer_belongs_to_the_preview(page, team):
    page.goto(reverse("runs-add", args=[team.slug]))
    page.get_by_label("Run ids").fill("1344")
    add = page.locator("#preview").get_by_role("button", name="Add 1 run")
    expect(add).to_be_enabled()
    held = hold(page, "**/add/")
    page.get_by_label("Run ids").press_sequentially("5")
    expect(add).to_be_disabled()
    until(page, 'document.querySelector(".htmx-request") !== null')
    expect(add).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#preview .written")).to_have_text("13445")
    expect(add).to_be_enabled()


def test_a_person_chooses_the_column_of_the_ids(page, team):
    page.goto(reverse("runs-add", args=[team.slug]))
    page.get_by_label("Run ids").fill(ASKED)
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Several columns could hold the run ids")
    expect(preview.get_by_role("button", name="Add")).to_have_count(0)
    page.get_by_label("What Column 1 holds").select_option(label="Run ids")
    preview.get_by_role("button", name="Add 2 runs").click()
    page.wait_for_url("**/runs/**")
    assert set(Run.objects.filter(team=team).values_list("camb_run_id", "title")) == {
        (1344, "Kitchen"),
        (1345, "Garden"),
    }

"""Tests that what a person opened, and the keyboard focus, stay where a part of the page is replaced."""

from django.urls import reverse
from playwright.sync_api import expect

from results.models import Delivery, Message, Run, TeamVersion
from results.notifications import channels
from tests.browser.conftest import poll, until

MARKET, LUMEN = 48244, 48230


def test_an_opened_delivery_and_the_focus_stay_when_the_log_of_a_channel_grows(page, team):
    channel, _secret = channels.add(team, "webhook", "Pipeline", "https://hook.invalid/in")
    old = Message.objects.create(receiver=channel, state=Message.Progress.SENT)
    Delivery.objects.create(message=old, http_status=204, answer="the old answer")
    page.goto(reverse("channels-detail", args=[team.slug, channel.pk]))
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#channel-log")).to_contain_text("Being delivered")
    page.locator("#channel-log summary").click()
    page.locator("#channel-log form button").focus()
    new = Message.objects.exclude(pk=old.pk).get()
    Delivery.objects.create(message=new, http_status=500, answer="the new answer")
    Message.objects.filter(pk=new.pk).update(state=Message.Progress.SENT)
    expect(page.locator("#channel-log")).to_contain_text("HTTP 500")
    expect(page.get_by_text("the old answer")).to_be_visible()
    expect(page.get_by_text("the new answer")).to_be_hidden()
    expect(page.locator(f"#message-{old.pk} form button")).to_be_focused()


def test_links_without_an_id_keep_the_focus_when_their_row_changes(page, team, add_runs):
    [run] = add_runs(MARKET)
    page.goto(reverse("runs-list", args=[team.slug]))
    pencil = page.locator(f"#run-{run.pk} .edit-language")
    pencil.focus(timeout=3000)
    Run.objects.update(title="Renamed by another", version=TeamVersion.bump(team.pk))
    poll(page)
    expect(page.locator(f"#run-{run.pk}")).to_contain_text("Renamed by another")
    expect(pencil).to_be_focused()


def test_a_dub_that_changes_keeps_its_open_menu_and_its_choices_close_it(page, team, add_runs):
    [run] = add_runs(LUMEN)
    Run.objects.update(due_at="2100-01-01T00:00Z")
    page.goto(reverse("runs-detail", args=[run.pk]))
    summary, entry = page.locator(".beside-menu summary"), page.locator(".beside-menu .menu-list a").last
    summary.click()
    entry.focus()
    page.evaluate("window.before = dub")
    run.dubs.update(language_source="user")
    Run.objects.update(version=TeamVersion.bump(team.pk))
    poll(page)
    until(page, "!before.isConnected")
    expect(entry).to_be_focused()
    page.locator(".beside-menu .menu-list a").first.press("Enter")
    expect(page.locator(".is-beside")).to_have_count(1)
    expect(entry).to_be_hidden()
    expect(summary).to_be_focused()


def test_what_is_chosen_in_a_form_stays_when_a_poll_replaces_its_part(page, team, add_runs):
    [run] = add_runs(LUMEN)
    Run.objects.update(due_at="2100-01-01T00:00Z", notes=["Something is odd."])
    page.goto(reverse("runs-detail", args=[run.pk]))
    page.locator(".run-notes summary").first.click()
    unit = page.locator("#run-status select[name=unit]")
    unit.focus()
    unit.select_option(index=2)
    chosen = unit.input_value()
    page.evaluate("window.before = document.getElementById('run-status')")
    for _ in range(2):
        Run.objects.update(version=TeamVersion.bump(team.pk))
        poll(page)
        until(page, "!before.isConnected")
        page.evaluate("window.before = document.getElementById('run-status')")
        expect(unit).to_have_value(chosen)
    expect(unit).to_be_visible()
    expect(unit).to_be_focused()


def test_tags_being_typed_stay_when_another_tag_is_removed_and_go_once_they_are_added(page, team, add_runs):
    [run] = add_runs(LUMEN)
    run.tags.create(team=team, name="launch", folded="launch")
    page.goto(reverse("runs-detail", args=[run.pk]))
    field = page.get_by_label("Add tags")
    field.fill("season 2")
    page.get_by_role("button", name="Remove the tag launch").click()
    expect(page.locator("#run-tags .chip")).to_have_count(0)
    expect(field).to_have_value("season 2")
    field.press("Enter")
    expect(page.locator("#run-tags .chip")).to_have_text(["season 2"])
    expect(field).to_have_value("")

"""A channel's page in a browser: its log follows a message that is on its way."""

from django.urls import reverse
from playwright.sync_api import expect

from results.models import Delivery, Message
from results.notifications import channels


def test_the_log_shows_how_a_test_went_without_a_reload(page, team):
    channel, _secret = channels.add(team, "webhook", "Pipeline", "https://hook.invalid/in")
    page.goto(reverse("channels-detail", args=[team.slug, channel.pk]))
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#channel-log")).to_contain_text("Being delivered")
    message = Message.objects.get()
    Delivery.objects.create(message=message, http_status=204)
    Message.objects.filter(pk=message.pk).update(state=Message.Progress.SENT)
    expect(page.locator("#channel-log")).to_contain_text("HTTP 204")
    expect(page.locator("#live")).to_have_text("Delivered")
    expect(page.locator("[data-poll]")).to_have_count(0)

"""Template tag for the number of new alerts on a member's saved searches."""

from django import template

from results.search import saved
from teams.models import Membership

register = template.Library()


@register.simple_tag
def search_news(membership: Membership) -> int:
    """Return the number of new dubs in which the member's saved searches have hits."""
    return saved.new_alert_count(membership)

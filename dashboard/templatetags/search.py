"""Is there something new for a saved search of the person's?"""

from django import template

from results.search import saved
from teams.models import Membership

register = template.Library()


@register.simple_tag
def search_news(membership: Membership) -> int:
    """In how many new dubs the person's saved searches have hits."""
    return saved.new_alert_count(membership)

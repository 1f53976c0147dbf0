"""Template tags of the first minutes: a new team's steps, and the demo on the log-in page."""

from django import template

from dashboard.embedded import demo
from dashboard.pages.first_steps import FirstStep, get_first_steps
from teams.models import Membership

register = template.Library()


@register.simple_tag
def first_steps(membership: Membership) -> list[FirstStep]:
    return get_first_steps(membership)


@register.filter
def first_open(steps: list[FirstStep]) -> FirstStep | None:
    """Return the first step that is not done and that the member may do; its button stands out."""
    return next((step for step in steps if step.href and not step.is_done), None)


@register.simple_tag
def demo_is_offered() -> bool:
    return demo.offered_account() is not None

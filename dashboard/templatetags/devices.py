"""A template filter that names the device of a log-in."""

from django import template

from dashboard.accounts.devices import device_name

register = template.Library()


@register.filter
def as_device(user_agent: str) -> str:
    return device_name(user_agent)

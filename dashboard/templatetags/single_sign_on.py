"""A template tag that names the single sign-on of this server."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def single_sign_on_name() -> str:
    """Return the provider's name, such as the company's; empty where the settings name no provider."""
    return settings.OIDC_NAME if settings.OIDC_SERVER_URL else ""

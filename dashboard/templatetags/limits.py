"""Template tags that print a limit from the constant that its check uses."""

from datetime import timedelta

from django import template
from django.conf import settings
from django.utils.translation import ngettext

from dashboard.units import duration_in_words, size_in_words
from results.runs import trash
from results.runs.paste import limits
from teams import models

register = template.Library()


@register.simple_tag
def invitation_lifetime() -> str:
    return duration_in_words(models.INVITATION_LIFETIME)


@register.simple_tag
def password_reset_lifetime() -> str:
    return duration_in_words(timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))


@register.simple_tag
def email_confirmation_lifetime() -> str:
    return duration_in_words(timedelta(days=settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS))


@register.simple_tag
def trash_time() -> str:
    return duration_in_words(trash.TRASH_TIME)


@register.filter
def days(number: int | None) -> str:
    """Return a number of days with its unit: `1 day`, `1,000 days`."""
    return ngettext("%(n)s day", "%(n)s days", number or 0) % {"n": f"{number or 0:,}"}


@register.simple_tag
def max_text_size() -> str:
    """Return the size of the largest text with run ids."""
    return size_in_words(limits.MAX_BYTES)


@register.simple_tag
def max_file_size() -> str:
    """Return the size of the largest file with run ids."""
    return size_in_words(limits.MAX_FILE_BYTES)

"""The demo: its account, its team of sample runs, and whether the log-in page offers it to everyone."""

import secrets

from django.conf import settings
from django.db import transaction

from dashboard.settings.environment import load_or_create_secret
from results.media import quota
from results.models import ApiKey
from results.runs.add import add_runs
from teams.models import Membership, Team, User

EMAIL = "demo@example.org"
KEY = "demo-key"
# Without letters and digits that look alike: the password is read from the terminal and typed.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105
# A server at these addresses is reached from its own machine only.
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def password() -> str:
    return load_or_create_secret("demo.password", "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(12)))


def seed(user: User) -> None:
    """Create the demo's team and runs for its user. The stand-in CAMB.AI answers the team's key."""
    from demo.samples import DEMO_TITLES  # reads every sample, which only a first start needs

    with transaction.atomic():
        user.name = "Demo"
        user.save(update_fields=["name"])
        team = Team.objects.create_for(user, "Demo")
        key = ApiKey(team=team, is_demo=True)
        key.secret = KEY
        key.save()
        quota.set_policy(team, is_on=True, most_gb=1)
        add_runs(team, list(DEMO_TITLES.items()), added_by=user)


def offered_account() -> User | None:
    """Return the demo's account if the log-in page may let everyone use it, else None.

    Everyone who reaches this server could sign up anyway, and the account sees only the demo. An account that
    has joined or made another team needs its password.
    """
    if not settings.DEMO or settings.HOST not in LOOPBACK or settings.SIGNUP != "open":
        return None
    account = User.objects.filter(email=EMAIL, is_active=True).first()
    teams = Team.objects.filter(memberships__user=account, removed_at=None) if account else Team.objects.none()
    is_demo_only = teams.exists() and not teams.exclude(api_key__is_demo=True).exists()
    return account if is_demo_only else None


def close_account(*, but_not: User) -> None:
    """Close the demo's account once it is in no team. It stays open to the person who is using it."""
    account = User.objects.filter(email=EMAIL).exclude(pk=but_not.pk)
    in_use = Membership.objects.filter(team__removed_at=None).values("user")
    account.exclude(pk__in=in_use).update(is_active=False)

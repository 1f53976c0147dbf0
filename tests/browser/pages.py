"""The list of all pages, in the states that look different, and a check of a page against the rules of axe."""

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page

from results import tags
from results.models import Delivery, Event, InboxItem, Message, Receiver, Run, SavedSearch
from results.notifications import channels
from results.runs.archive import archive_runs
from results.runs.source import join_runs
from results.runs.trash import remove_runs, remove_team
from teams.models import AccessToken, Invitation, Membership, Team
from tests.factories import make_ready_run, make_team

READY, AUDIO_ONLY, FAILED, NOT_FOUND, LANGUAGES, WAITING = 48207, 48223, 48252, 48258, 48230, 48241


def pages_of(team: Team, add_runs: Callable[..., list[Run]]) -> dict[str, str]:
    """Give the team one of everything, and return the path of each page by a name of its content."""
    owner = team.memberships.get().user
    ready, audio_only, failed, not_found, languages, waiting = runs = add_runs(
        READY, AUDIO_ONLY, FAILED, NOT_FOUND, LANGUAGES, WAITING
    )
    tags.add_tags(team, {run.pk: ["launch", "مهم", "season 2"] for run in (audio_only, languages)})
    tags.add_tags(team, {ready.pk: ["a tag of many words", "launch", "season 2"]})
    archive_runs(team, [not_found.pk])
    join_runs(team, [ready.pk, languages.pk, waiting.pk])
    Run.objects.filter(pk__in=[audio_only.pk, failed.pk]).update(suggestion=failed.pk)
    Invitation.objects.issue(team=team, email="sam@example.org", role=Membership.Role.MEMBER, invited_by=owner)
    AccessToken.objects.issue(team.memberships.get(), "Nightly", can_write=True)
    SavedSearch.objects.create(team=team, owner=owner, q="النجوم", is_shared=True)
    empty = make_team("Nothing yet", owner)
    remove_runs(empty, [make_ready_run(empty, title="Removed").pk], by="Anna")
    remove_team(make_team("Gone", owner), by="Anna")
    channel, _secret = channels.add(team, Receiver.Way.WEBHOOK, "Pipeline", "https://hook.example/in")
    message = Message.objects.create(receiver=channel, state=Message.Progress.FAILED)
    Delivery.objects.create(message=message, request="{}", http_status=500, problem="It answered with HTTP 500.")
    event = Event.objects.create(team=team, kind=Event.Kind.FAILED, run=failed, detail={"reason": "فشل"})
    InboxItem.objects.create(
        membership=team.memberships.get(), kind=event.kind, first=event.pk, last=event.pk, count=1, shown=[event.pk]
    )
    runs_list, search, team_page = (
        reverse(name, args=[team.slug]) for name in ("runs-list", "search", "teams-detail")
    )
    return {
        "runs": runs_list,
        "runs by source": f"{runs_list}?by=source",
        "failed runs": f"{runs_list}?status=failed",
        "tagged runs": f"{runs_list}?tag=launch",
        "archived runs": f"{runs_list}?status=archived",
        "no such run": f"{runs_list}?q=zzz",
        "no runs yet": reverse("runs-list", args=[empty.slug]),
        "add runs": reverse("runs-add", args=[team.slug]),
        **{f"run {run.camb_run_id}": reverse("runs-detail", args=[run.pk]) for run in runs},
        "rename": reverse("runs-edit-title", args=[ready.pk]),
        "tags": reverse("runs-edit-tags", args=[languages.pk]),
        "remove": reverse("runs-edit-remove", args=[failed.pk]),
        "history": reverse("runs-history", args=[waiting.pk]),
        "suggested sources": reverse("source-suggestions", args=[team.slug]),
        "languages of sources": reverse("source-languages", args=[team.slug]),
        "source": reverse("runs-source", args=[ready.pk]),
        "suggested source": reverse("runs-source", args=[failed.pk]),
        "search": search,
        "found": f"{search}?q=النجوم",
        "nothing found": f"{search}?q=zzz",
        "activity": reverse("activity", args=[team.slug]),
        "no activity": reverse("activity", args=[empty.slug]),
        "team": team_page,
        "team key": reverse("keys", args=[team.slug]),
        "team without a key": reverse("keys", args=[empty.slug]),
        "team media": reverse("teams-media", args=[team.slug]),
        "team retention": reverse("retention", args=[team.slug]),
        "API": reverse("tokens", args=[team.slug]),
        "audit trail": reverse("audit", args=[team.slug]),
        "trash": reverse("trash", args=[empty.slug]),
        "empty trash": reverse("trash", args=[team.slug]),
        "removed teams": reverse("trash-teams"),
        "inbox": reverse("inbox", args=[team.slug]),
        "empty inbox": reverse("inbox", args=[empty.slug]),
        "notifications": reverse("notifications", args=[team.slug]),
        "feeds": reverse("feeds", args=[team.slug]),
        "channels": reverse("channels", args=[team.slug]),
        "channel": reverse("channels-detail", args=[team.slug, channel.pk]),
        "new team": reverse("teams-new"),
        "profile": reverse("profile"),
        "security": reverse("mfa_index"),
        "devices": reverse("usersessions_list"),
        "own tokens": reverse("profile-tokens"),
        "end of the account": reverse("profile-delete"),
        "email address": reverse("account_email"),
        "password": reverse("account_change_password"),
        "log out": reverse("account_logout"),
        "not there": "/t/nowhere/runs/",
    }


SIGNED_OUT_PAGES = {
    "log in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "forgotten password": "/accounts/password/reset/",
    "invitation": "/invitations/accept/",
}


# All rules of WCAG 2.2 AA and axe's own best practices. The rule on target size is off by default. Of the assets
# that axe can preload, these rules need only the media.
ALL_RULES = {"rules": {"target-size": {"enabled": True}}, "preload": {"assets": ["media"]}}


def broken_rules(page: Page, options: dict[str, Any] = ALL_RULES) -> list[str]:
    """Return the violations that axe finds on the page, each with its element."""
    if page.evaluate("!window.axe"):
        page.evaluate(Axe().axe_script)
    violations = page.evaluate(
        "options => axe.run({ ...options, resultTypes: ['violations'] }).then(({ violations }) => violations)",
        options,
    )
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]

"""The tabs of a team: Team (name, people, deletion), Key and Media. The tab API is in `views/tokens.py`."""

import logging
import time
from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard.accounts import Adapter
from dashboard.embedded import demo
from dashboard.forms import (
    CopyPolicyForm,
    DeleteTeamForm,
    InvitationForm,
    KeyForm,
    RoleForm,
    TeamForm,
)
from dashboard.http.requests import SignedInRequest, page_methods
from results.media import quota
from results.models import ApiKey
from results.refresh import keys
from results.runs.remove import remove_team
from teams.access import can_change, can_manage, membership_or_404, require_manage
from teams.models import Invitation, LastOwnerError, Membership, Team

logger = logging.getLogger(__name__)

# A running worker tests a key long before this time is over; after it, the page says that the key is not tested.
WORKER_TIMEOUT_S = 25


def _too_many(request: HttpRequest) -> HttpResponse:
    return render(request, "429.html", status=429)


# --- Entry and new teams -----------------------------------------------------------------------------


@login_required
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """Redirect to the runs of the team that the user saw last, or to a new team for a user without one."""
    slugs = list(request.user.memberships.order_by("team__name", "pk").values_list("team__slug", flat=True))
    if not slugs:
        return redirect("teams-new")
    last = request.session.get("last_team")
    return redirect("runs-list", last if last in slugs else slugs[0])


@login_required
@require_safe
def enter(request: SignedInRequest, slug: str) -> HttpResponse:
    return redirect("runs-list", membership_or_404(request.user, slug).team.slug)


@login_required
@page_methods
def new(request: SignedInRequest) -> HttpResponse:
    form = TeamForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        team = Team.objects.create_for(request.user, form.cleaned_data["name"])
        logger.info("Team %s created by user %s", team.slug, request.user.pk)
        return redirect("runs-list", team.slug)  # whose empty page shows the first steps
    return render(request, "teams/new.html", {"form": form}, status=422 if form.errors else 200)


# --- The tab Team ------------------------------------------------------------------------------------


@login_required
@page_methods
def detail(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    if request.method != "POST":
        return _page(request, membership)
    require_manage(membership)
    form = TeamForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, status=422, name_form=form)
    membership.team.name = form.cleaned_data["name"]
    membership.team.save(update_fields=["name"])
    messages.success(request, _("The name is saved."))
    return redirect("teams-detail", slug)


def _page(request: SignedInRequest, membership: Membership, status: int = 200, **forms: Any) -> HttpResponse:
    """Answer with the tab Team. An invalid form is passed by its name, and shown with its errors."""
    team = membership.team
    context = {
        **_tab_context(membership, "team"),
        "people": team.memberships.select_related("user").order_by("user__name", "user__email"),
        "roles": Membership.Role.choices,
        "invitations": team.invitations.waiting().order_by("email") if can_manage(membership) else [],
        # Shown once: only the hash of the token is stored, so the link cannot be shown again.
        "invited": request.session.pop("invited", None),
        "changed_role": request.session.pop("changed_role", None),
        "has_mail_server": bool(settings.EMAIL_URL),
        "name_form": TeamForm(initial={"name": team.name}),
        "invitation_form": InvitationForm(team),
        "delete_form": DeleteTeamForm(team),
        "is_demo": ApiKey.objects.filter(team=team, is_demo=True).exists(),
        **forms,
    }
    return render(request, "teams/detail.html", context, status=status)


def _tab_context(membership: Membership, tab: str) -> dict[str, Any]:
    """Return the context that every tab needs. The tab open now is named, for `teams/_tabs.html`."""
    return {"membership": membership, "can_manage": can_manage(membership), "team_tab": tab}


@login_required
@require_POST
def delete(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    form = DeleteTeamForm(membership.team, request.POST)
    if not form.is_valid():
        return _page(request, membership, status=422, delete_form=form)
    remove_team(membership.team)
    demo.close_account(but_not=request.user)
    logger.info("Team %s deleted by user %s", slug, request.user.pk)
    messages.success(request, _("The team “%(team)s” is deleted.") % {"team": membership.team})
    return redirect("teams-home")


# --- People ------------------------------------------------------------------------------------------


@login_required
@require_POST
def member(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Change a member's role, which can be undone, or remove the member. Members may remove themselves."""
    membership = membership_or_404(request.user, slug)
    is_self, is_removal = membership.pk == pk, "remove" in request.POST
    if not (is_self and is_removal):
        require_manage(membership)
    person = get_object_or_404(membership.team.memberships.select_related("user", "team"), pk=pk)
    form, earlier = RoleForm(request.POST), person.role
    try:
        if is_removal:
            person.remove()
        elif form.is_valid():
            person.change_role(form.cleaned_data["role"])
        else:
            messages.error(request, _("Choose one of the roles."))
            return _page(request, membership, status=422)
    except LastOwnerError:
        messages.error(request, _("A team needs an owner. Make someone else an owner first."))
        return _page(request, membership, status=422)
    done = "left" if is_self and is_removal else "removed" if is_removal else f"made {person.role}"
    logger.info("Team %s: user %s %s by user %s", slug, person.user_id, done, request.user.pk)
    if is_self and is_removal:
        messages.success(request, _("You left the team “%(team)s”.") % {"team": person.team})
        return redirect("teams-home")
    if is_removal:
        messages.success(request, _("%(person)s is no longer in the team.") % {"person": person.user})
    elif person.role != earlier:
        role = str(Membership.Role(person.role).label)
        request.session["changed_role"] = {"pk": pk, "name": str(person.user), "role": role, "earlier": earlier}
    return redirect("teams-detail", slug)


# --- Invitations -------------------------------------------------------------------------------------


@login_required
@require_POST
def invite(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    form = InvitationForm(membership.team, request.POST)
    if not form.is_valid():
        return _page(request, membership, status=422, invitation_form=form)
    if not ratelimit.consume(request, action="invite"):
        return _too_many(request)
    email, role = form.cleaned_data["email"], form.cleaned_data["role"]
    invited, token = Invitation.objects.issue(team=membership.team, email=email, role=role, invited_by=request.user)
    logger.info("Team %s: %s invited as %s by user %s", slug, email, role, request.user.pk)
    link = request.build_absolute_uri(reverse("invitations-follow", args=[token]))
    Adapter(request).send_mail("teams/email/invitation", email, {"invitation": invited, "link": link})
    request.session["invited"] = {"email": email, "link": link}
    return redirect(f"{reverse('teams-detail', args=[slug])}#invited")


@login_required
@require_POST
def revoke(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    revoked = get_object_or_404(membership.team.invitations.waiting(), pk=pk)
    revoked.delete()
    logger.info("Team %s: invitation of %s revoked by user %s", slug, revoked.email, request.user.pk)
    messages.success(request, _("The invitation for %(email)s is revoked.") % {"email": revoked.email})
    return redirect("teams-detail", slug)


# --- The tab Media -----------------------------------------------------------------------------------


@login_required
@page_methods
def media(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the copies of media. A POST sets whether they are kept and up to which size, or deletes them all."""
    membership = membership_or_404(request.user, slug)
    team = membership.team
    if request.method != "POST":
        return render(request, "teams/media.html", _media_context(membership))
    require_manage(membership)
    if "remove" in request.POST:
        quota.remove_all_copies(team)
        logger.info("Team %s: all copies removed by user %s", slug, request.user.pk)
        messages.success(request, _("No more copies are made, and the existing ones are being deleted."))
        return redirect("teams-media", slug)
    form = CopyPolicyForm(request.POST)
    if not form.is_valid():
        return render(request, "teams/media.html", _media_context(membership, policy_form=form), status=422)
    quota.set_policy(team, **form.cleaned_data)
    logger.info("Team %s: copies set to %s by user %s", slug, form.cleaned_data, request.user.pk)
    if form.cleaned_data["is_on"]:
        messages.success(request, _("Copies are kept from now on, also of dubs that are ready already."))
    else:
        messages.success(request, _("No more copies are made. Existing copies stay."))
    return redirect("teams-media", slug)


def _media_context(membership: Membership, **forms: Any) -> dict[str, Any]:
    policy = quota.policy_of(membership.team)
    most_gb = policy.quota_bytes // quota.GB
    return {
        **_tab_context(membership, "media"),
        "policy": policy,
        "most_gb": most_gb,
        "policy_form": CopyPolicyForm(initial={"is_on": policy.is_enabled, "most_gb": most_gb}),
        "usage": quota.usage_of(membership.team),
        "troubled_copies": quota.failing_copies(membership.team),
        **forms,
    }


# --- The tab Key -------------------------------------------------------------------------------------


@sensitive_post_parameters("key")
@login_required
@page_methods
def key(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the key's state. A POST saves another key."""
    membership = membership_or_404(request.user, slug)
    if request.method != "POST":
        return _key_page(request, membership)
    require_manage(membership)
    form = KeyForm(request.POST)
    if ApiKey.objects.filter(team=membership.team, is_demo=True).exists():
        form.add_error(None, _("The demo keeps its own key. Create a team of your own to use yours."))
    if not form.is_valid():
        return _key_page(request, membership, status=422, key_form=form)
    saved = keys.save_key(membership.team, form.cleaned_data["key"])
    logger.info("Team %s: key …%s saved by user %s", slug, saved.last_four, request.user.pk)
    return redirect("teams-key", slug)


def _key_page(request: SignedInRequest, membership: Membership, status: int = 200, **forms: Any) -> HttpResponse:
    context = {**_tab_context(membership, "key"), "key_form": KeyForm(), **_key_state(membership), **forms}
    return render(request, "teams/key.html", context, status=status)


@login_required
@require_safe
def key_state(request: SignedInRequest, slug: str) -> HttpResponse:
    """Answer the poll of the tab Key: 204 while the key is being tested."""
    membership = membership_or_404(request.user, slug)
    state = _key_state(membership, began=request.GET.get("began", ""))
    if state["is_being_tested"] and "began" in request.GET:
        return HttpResponse(status=204)
    return render(request, "teams/_key.html", _tab_context(membership, "key") | state)


@login_required
@require_POST
def key_test(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    if not ratelimit.consume(request, action="key_test"):
        return _too_many(request)
    keys.request_test(get_object_or_404(ApiKey, team=membership.team))
    return redirect("teams-key", slug)


@login_required
@require_POST
def key_remove(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    if ApiKey.objects.filter(team=membership.team, is_demo=True).exists():
        messages.error(request, _("The demo keeps its own key."))
        return _key_page(request, membership, status=422)
    keys.remove_key(membership.team)
    logger.info("Team %s: key removed by user %s", slug, request.user.pk)
    messages.success(request, _("The key is removed. This team's runs are not checked until it has one again."))
    return redirect("teams-key", slug)


def _key_state(membership: Membership, began: str = "") -> dict[str, Any]:
    """Return the context of `_key.html`. The page has polled since `began`, in seconds since the epoch."""
    now = int(time.time())
    since = int(began) if began.isdecimal() and len(began) < 12 else now
    api_key = ApiKey.objects.filter(team=membership.team).first()
    # A test ends with a state or with a message; a call about a run may meanwhile fail without either.
    is_untested = api_key is not None and api_key.state == ApiKey.State.UNTRIED and not api_key.message
    is_overdue = is_untested and now - since >= WORKER_TIMEOUT_S
    is_working = api_key is not None and api_key.state == ApiKey.State.WORKING
    return {
        "api_key": api_key,
        "shows_last_four": can_change(membership),
        "is_being_tested": is_untested and not is_overdue,
        "is_overdue": is_overdue,
        "is_working": is_working,
        "leads_to_runs": is_working and can_change(membership) and not membership.team.runs.exists(),
        "began": since,
    }

"""The tabs Team (name, people, removal), Media and Checks of a team. The others have modules of their own."""

import logging
from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.accounts import links
from dashboard.accounts.adapter import Adapter
from dashboard.accounts.identity import require_identity
from dashboard.accounts.security_emails import send_security_email
from dashboard.embedded import demo
from dashboard.forms.team import (
    CopyPolicyForm,
    InvitationForm,
    MemberForm,
    RemoveTeamForm,
    ReviewLimitsForm,
    TeamForm,
    role_choices,
)
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.review_limits import LimitsPage
from dashboard.pages.team_tabs import tab_context
from results.dubs import checks as dub_checks
from results.media import copy_storage, quota
from results.models import ApiKey
from results.runs.trash import remove_team
from results.transcripts.languages import quoted
from teams import audit
from teams.access import (
    can_manage,
    can_manage_person,
    can_own,
    has_second_step,
    membership_or_404,
    require_manage,
    require_manage_person,
    require_own,
    with_second_step,
)
from teams.models import Invitation, LastOwnerError, Membership, Team, User

logger = logging.getLogger(__name__)


def _too_many(request: HttpRequest) -> HttpResponse:
    return render(request, "429.html", status=429)


# --- Entry and new teams -----------------------------------------------------------------------------


@login_required
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """Redirect to the runs of the team that the user saw last, or to a new team for a user without one."""
    memberships = Membership.objects.of_user(request.user)
    slugs = list(memberships.order_by("team__name", "pk").values_list("team__slug", flat=True))
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
        with transaction.atomic():
            team = Team.objects.create_for(request.user, form.cleaned_data["name"])
            audit.record(team, audit.Action.JOINED, f"{audit.person_name(request.user)} as owner of the new team")
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
    with transaction.atomic():
        membership.team.save(update_fields=["name"])
        audit.record(membership.team, audit.Action.SETTINGS_CHANGED, f"name: {membership.team}")
    messages.success(request, _("The name is saved."))
    return redirect("teams-detail", slug)


def _page(request: SignedInRequest, membership: Membership, status: int = 200, **forms: Any) -> HttpResponse:
    """Answer with the tab Team. An invalid form is passed by its name, and shown with its errors."""
    team = membership.team
    people = list(team.memberships.select_related("user").order_by("user__name", "user__email"))
    invitations = team.invitations.waiting().order_by("email") if can_manage(membership) else []
    managed = [
        *(person for person in people if can_manage_person(membership, person)),
        *(invitation for invitation in invitations if can_manage_person(membership, invitation)),
    ]
    context = {
        **tab_context(membership, "team"),
        "people": people,
        "roles": role_choices(membership),
        "invitations": invitations,
        "managed": managed,
        # Shown once: only the hash of the token is stored, so the link cannot be shown again.
        "invited": request.session.pop("invited", None),
        "changed_member": request.session.pop("changed_member", None),
        "has_mail_server": bool(settings.EMAIL_URL),
        "name_form": TeamForm(initial={"name": team.name}),
        "invitation_form": InvitationForm(membership),
        "remove_form": RemoveTeamForm(team),
        "without_second_step": _without_second_step(membership) if can_own(membership) else 0,
        "is_demo": ApiKey.objects.filter(team=team, is_demo=True).exists(),
        **forms,
    }
    return render(request, "teams/detail.html", context, status=status)


def _without_second_step(membership: Membership) -> int:
    """Return how many people of the team have no second step at log-in."""
    people = User.objects.filter(memberships__team=membership.team)
    return people.count() - with_second_step(people).count()


@login_required
@require_POST
def remove(request: SignedInRequest, slug: str) -> HttpResponse:
    """Move the team into the trash, from where its owners can restore it."""
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    form = RemoveTeamForm(membership.team, request.POST)
    if not form.is_valid():
        return _page(request, membership, status=422, remove_form=form)
    remove_team(membership.team, by=str(request.user))
    demo.close_account(but_not=request.user)
    logger.info("Team %s removed by user %s", slug, request.user.pk)
    messages.success(
        request,
        _("The team %(team)s is removed. You can restore it here.") % {"team": quoted(membership.team)},
    )
    return redirect("trash-teams")


@login_required
@require_POST
def second_step(request: SignedInRequest, slug: str) -> HttpResponse:
    """Require a second step at log-in of everyone in the team, or no longer. The owner who does so has one."""
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    is_required = "required" in request.POST
    if is_required and not has_second_step(request.user.pk):
        messages.error(request, _("Set up a second step for your own log-in first."))
        return _page(request, membership, status=422)
    require_identity(request)
    with transaction.atomic():
        Team.objects.filter(pk=membership.team_id).update(requires_second_step=is_required)
        rule = f"second step at log-in: {'required' if is_required else 'not required'}"
        audit.record(membership.team, audit.Action.SETTINGS_CHANGED, rule)
    logger.info("Team %s: second step %s by user %s", slug, "on" if is_required else "off", request.user.pk)
    if is_required:
        messages.success(request, _("Everyone in this team now needs a second step at log-in."))
    else:
        messages.success(request, _("This team no longer requires a second step at log-in."))
    return redirect("teams-detail", slug)


# --- People ------------------------------------------------------------------------------------------


@login_required
@require_POST
def rules(request: SignedInRequest, slug: str) -> HttpResponse:
    """Set what the team leaves to its owners."""
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    team = membership.team
    team.only_owners_remove = "only_owners_remove" in request.POST
    with transaction.atomic():
        team.save(update_fields=["only_owners_remove"])
        rule = f"only owners remove runs: {'yes' if team.only_owners_remove else 'no'}"
        audit.record(team, audit.Action.SETTINGS_CHANGED, rule)
    logger.info("Team %s: only owners remove: %s, by user %s", slug, team.only_owners_remove, request.user.pk)
    messages.success(
        request,
        _("Only owners can remove runs now.")
        if team.only_owners_remove
        else _("Managers and members can remove runs again."),
    )
    return redirect("teams-detail", slug)


@login_required
@require_POST
def member(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Change a member's role or right to export, which can be undone, or remove the member.

    Members may remove themselves.
    """
    membership = membership_or_404(request.user, slug)
    if membership.pk == pk and "remove" in request.POST:
        return _leave(request, membership)
    require_manage(membership)
    person = get_object_or_404(membership.team.memberships.select_related("user", "team"), pk=pk)
    require_manage_person(membership, person)
    form = MemberForm(membership, request.POST)
    try:
        if "remove" in request.POST:
            with transaction.atomic():
                person.remove()
                audit.record(person.team, audit.Action.MEMBER_REMOVED, audit.person_name(person.user))
            logger.info("Team %s: user %s removed by user %s", slug, person.user_id, request.user.pk)
            messages.success(request, _("%(person)s is no longer in the team.") % {"person": person.user})
        elif form.is_valid():
            _change_member(request, person, form)
        else:
            messages.error(request, _("Choose one of the roles."))
            return _page(request, membership, status=422)
    except LastOwnerError:
        return _last_owner(request, membership)
    return redirect("teams-detail", slug)


def _leave(request: SignedInRequest, membership: Membership) -> HttpResponse:
    try:
        with transaction.atomic():
            membership.remove()
            audit.record(membership.team, audit.Action.LEFT)
    except LastOwnerError:
        return _last_owner(request, membership)
    logger.info("Team %s: user %s left", membership.team.slug, request.user.pk)
    messages.success(request, _("You left the team %(team)s.") % {"team": quoted(membership.team)})
    return redirect("teams-home")


def _last_owner(request: SignedInRequest, membership: Membership) -> HttpResponse:
    messages.error(request, _("A team needs an owner. Make someone else an owner first."))
    return _page(request, membership, status=422)


def _change_member(request: SignedInRequest, person: Membership, form: MemberForm) -> None:
    """Set what the form holds, and keep what it was for the page's Undo."""
    # The marks around the name isolate it from the sentence's direction.
    slug, name, role = person.team.slug, f"\u2068{person.user}\u2069", form.cleaned_data["role"]
    if role and role != person.role:
        earlier = person.role
        if role == Membership.Role.OWNER:
            require_identity(request)
        with transaction.atomic():
            person.change_role(role)
            change = f"{audit.person_name(person.user)}: {earlier} → {role}"
            audit.record(person.team, audit.Action.MEMBER_CHANGED, change)
        send_security_email(request, "role_changed", [person.user], membership=person)
        logger.info("Team %s: user %s made %s by user %s", slug, person.user_id, role, request.user.pk)
        now = _("%(name)s now has the role %(role)s.") % {"name": name, "role": Membership.Role(role).label}
        request.session["changed_member"] = {"pk": person.pk, "now": now, "field": "role", "earlier": earlier}
    elif (may_export := form.cleaned_data["may_export"]) and (
        is_allowed := may_export == "yes"
    ) != person.may_export:
        with transaction.atomic():
            person.set_export(is_allowed=is_allowed)
            change = f"{audit.person_name(person.user)}: export {'allowed' if is_allowed else 'not allowed'}"
            audit.record(person.team, audit.Action.MEMBER_CHANGED, change)
        logger.info(
            "Team %s: user %s may export: %s, by user %s", slug, person.user_id, may_export, request.user.pk
        )
        now = _("%(name)s may export.") if is_allowed else _("%(name)s may no longer export.")
        earlier = "no" if is_allowed else "yes"
        request.session["changed_member"] = {
            "pk": person.pk, "now": now % {"name": name}, "field": "may_export", "earlier": earlier,
        }  # fmt: skip


# --- Invitations -------------------------------------------------------------------------------------


@login_required
@require_POST
def invite(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    form = InvitationForm(membership, request.POST)
    if not form.is_valid():
        return _page(request, membership, status=422, invitation_form=form)
    email, role = form.cleaned_data["email"], form.cleaned_data["role"]
    if role == Membership.Role.OWNER:
        require_identity(request)
    if not ratelimit.consume(request, action="invite"):
        return _too_many(request)
    with transaction.atomic():
        invited, token = Invitation.objects.issue(
            team=membership.team,
            email=email,
            role=role,
            may_export=form.cleaned_data["may_export"],
            invited_by=request.user,
        )
        audit.record(membership.team, audit.Action.INVITED, f"{email} as {role}")
    logger.info("Team %s: %s invited as %s by user %s", slug, email, role, request.user.pk)
    link = links.public_link(request, request.build_absolute_uri(reverse("invitations-follow", args=[token])))
    Adapter(request).send_mail("teams/email/invitation", email, {"invitation": invited, "link": link})
    request.session["invited"] = {"email": email, "link": link}
    return redirect(f"{reverse('teams-detail', args=[slug])}#invited")


@login_required
@require_POST
def revoke(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_manage(membership)
    revoked = get_object_or_404(membership.team.invitations.waiting(), pk=pk)
    require_manage_person(membership, revoked)
    with transaction.atomic():
        revoked.delete()
        audit.record(membership.team, audit.Action.INVITATION_REVOKED, revoked.email)
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
        logger.info("Team %s: all copies deleted by user %s", slug, request.user.pk)
        messages.success(request, _("No more copies are made, and the existing ones are being deleted."))
        return redirect("teams-media", slug)
    form = CopyPolicyForm(request.POST)
    if not form.is_valid():
        return render(request, "teams/media.html", _media_context(membership, policy_form=form), status=422)
    quota.set_policy(team, **form.cleaned_data)
    logger.info("Team %s: copies set to %s by user %s", slug, form.cleaned_data, request.user.pk)
    if form.cleaned_data["is_on"]:
        messages.success(request, _("From now on copies are kept, including those of dubs that are already ready."))
    else:
        messages.success(request, _("No more copies are made. Existing copies stay."))
    return redirect("teams-media", slug)


def _media_context(membership: Membership, **forms: Any) -> dict[str, Any]:
    policy = quota.policy_of(membership.team)
    most_gb = policy.quota_bytes // quota.GB
    return {
        **tab_context(membership, "media"),
        "policy": policy,
        "most_gb": most_gb,
        "policy_form": CopyPolicyForm(initial={"is_on": policy.is_enabled, "most_gb": most_gb}),
        "usage": quota.usage_of(membership.team),
        "is_stalled": policy.is_enabled and not copy_storage.are_allowed(),
        "troubled_copies": quota.failing_copies(membership.team),
        **forms,
    }


# --- The tab Checks ----------------------------------------------------------------------------------


@login_required
@page_methods
def checks(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the limits of review checks. A POST sets them, or gives the team those of the guide again."""
    membership = membership_or_404(request.user, slug)
    team = membership.team
    if request.method != "POST":
        return render(request, "teams/checks.html", _checks_context(membership))
    require_manage(membership)
    if "reset" in request.POST:
        dub_checks.reset_limits(team)
        logger.info("Team %s: limits of review checks reset by user %s", slug, request.user.pk)
        messages.success(request, _("Review checks follow the guide again."))
        return redirect("teams-checks", slug)
    form = ReviewLimitsForm(request.POST)
    if not form.is_valid():
        return render(request, "teams/checks.html", _checks_context(membership, limits_form=form), status=422)
    policy = form.cleaned_data
    overlap_s, gap_s = policy.pop("overlap_s"), policy.pop("gap_s")
    policy["overlap_ms"] = None if overlap_s is None else round(overlap_s * 1000)
    policy["gap_ms"] = gap_s and gap_s * 1000
    dub_checks.set_limits(team, **policy)
    logger.info("Team %s: limits of review checks set to %s by user %s", slug, policy, request.user.pk)
    messages.success(request, _("The limits are saved. Review checks follow them from now on."))
    return redirect("teams-checks", slug)


def _checks_context(membership: Membership, **forms: Any) -> dict[str, Any]:
    limits = LimitsPage.of(membership.team)
    return {
        **tab_context(membership, "checks"),
        "limits": limits,
        "limits_form": ReviewLimitsForm(initial=limits.initial),
        **forms,
    }

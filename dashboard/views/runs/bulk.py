"""Bulk actions on the selected runs: refresh, archive, restore, tag, join and remove them.

The form names each run, or means all that the list's filter lets through.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.forms.run import LanguageForm, TagsForm
from dashboard.htmx import redirect_page
from dashboard.pages.run_query import RunListQuery, selected_runs
from dashboard.pages.tag_ticks import TagChange, build_ticks, has_ticks, newly_ticked, read_change
from dashboard.views.undo import before_joins, before_tagging, offer_undo, steps_between
from results import clock, tags
from results.dubs import languages as dub_languages
from results.models import ApiKey, Dub, MediaCopy, Run, RunQuerySet
from results.runs import large_changes
from results.runs.archive import archive_runs, unarchive_runs
from results.runs.request import QueueUnreachableError, refresh_obstacle, request_refresh_many
from results.runs.source import MAX_RUNS, TooManyRunsError, join_groups
from results.runs.trash import remove_runs
from results.transcripts import languages
from results.transcripts.languages import quoted
from teams.access import membership_or_404, require_change, require_remove
from teams.models import Membership, Team

# The fields that say which runs are selected; an invalid form carries them along.
SELECTION_FIELDS = ("pk", "all", *vars(RunListQuery()))
RUNS_NAMED = 5


@login_required
@require_POST
def refresh(request: HttpRequest, slug: str) -> HttpResponse:
    """Request a refresh of the selected runs."""
    membership, runs = _selection(request, slug)
    if not ApiKey.objects.filter(team=membership.team).exists():
        messages.error(request, refresh_obstacle(membership.team))
        return _back_to_list(request, slug)
    try:
        count = request_refresh_many(runs, membership.team)
    except QueueUnreachableError as error:
        messages.warning(request, str(error))
        return _back_to_list(request, slug)
    done = ngettext(
        "%(n)s run will be refreshed as soon as the team's key allows.",
        "%(n)s runs will be refreshed as soon as the team's key allows.",
        count,
    )
    return _answer(
        request, slug, count, done, _("No run was selected, so nothing was refreshed."), level=messages.INFO
    )


@login_required
@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Archive the selected runs."""
    membership, runs = _selection(request, slug)
    at = clock.now()
    count = archive_runs(membership.team, runs.current().pks(), at=at)
    done = ngettext(
        "%(n)s run is archived; it can be restored under “Archived”.",
        "%(n)s runs are archived; they can be restored under “Archived”.",
        count,
    )
    nothing = _("No run was selected, so nothing was archived.")
    return _answer(request, slug, count, done, nothing, undo=("archived", membership.team, at.isoformat()))


@login_required
@require_POST
def unarchive(request: HttpRequest, slug: str) -> HttpResponse:
    """Restore the selected runs from the archive."""
    membership, runs = _selection(request, slug)
    pks = runs.archived().pks()
    count = unarchive_runs(membership.team, pks)
    done = ngettext("%(n)s run is restored.", "%(n)s runs are restored.", count)
    nothing = _("No run was selected, so nothing was restored.")
    return _answer(
        request, slug, count, done, nothing, undo=("out-of-archive", membership.team, steps_between(pks))
    )


@login_required
@require_POST
def ticks(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the team's tags, ticked as the selected runs have them, for the menu of the bulk bar."""
    membership, runs = _selection(request, slug)
    return render(request, "runs/bulk/_ticks.html", {"ticks": build_ticks(membership.team_id, runs)})


@login_required
@require_POST
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """Add the typed and newly ticked tags to the selected runs, and take off those whose ticks were cleared.

    With `remove` the typed tags are taken off; with `choose` the answer is a page of the team's tags.
    """
    membership, runs = _selection(request, slug)
    ticked = [] if "remove" in request.POST else newly_ticked(request.POST)
    form = TagsForm(request.POST, is_optional=has_ticks(request.POST), ticked=ticked)
    if "choose" in request.POST or not form.is_valid():
        status = 200 if "choose" in request.POST else 422
        team_tags = build_ticks(membership.team_id, runs)
        form = TagsForm() if status == 200 else form
        return _form(request, membership, runs, form, "runs/bulk/tag.html", status=status, ticks=team_tags)
    named = form.cleaned_data["tags"]
    change = TagChange([], named) if "remove" in request.POST else read_change(request.POST, named)
    # Read first: a tag may be what selects the runs.
    pks, done, count = runs.pks(), [], 0
    before = before_tagging(tags.before_change(membership.team, pks, *change))
    if change.added:
        count = tags.add_tags(membership.team, dict.fromkeys(pks, change.added))
        words = ngettext("%(n)s run is tagged %(tags)s.", "%(n)s runs are tagged %(tags)s.", count)
        done.append(words % {"n": f"{count:,}", "tags": _quoted(change.added)})
    if change.removed:
        count = tags.remove_tags(membership.team, pks, change.removed)
        words = ngettext("%(tags)s: removed from %(n)s run.", "%(tags)s: removed from %(n)s runs.", count)
        done.append(words % {"n": f"{count:,}", "tags": _quoted(change.removed)})
    if pks and not done:
        messages.info(request, _("No tag was changed."))
        return _back_to_list(request, slug)
    nothing = _("No run was selected, so nothing was tagged.")
    undo = ("tagged", membership.team, before)
    return _answer(request, slug, count, " ".join(done).replace("%", "%%"), nothing, undo=undo)


def _quoted(names: list[str]) -> str:
    return ", ".join(quoted(name) for name in names)


@login_required
@require_POST
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether to remove the selected runs; with `confirmed`, move them into the trash."""
    membership, runs = _selection(request, slug)
    require_remove(membership)
    if not runs.exists():
        messages.error(request, _("No run was selected, so nothing was removed."))
        return redirect_page(request, _back_to_list(request, slug).url)
    if "confirmed" not in request.POST:
        return render(request, "runs/bulk/remove.html", _loss(request, membership, runs))
    removal = remove_runs(membership.team, runs.pks(), by=str(request.user))
    done = ngettext("%(n)s run is removed.", "%(n)s runs are removed.", removal.count)
    # As after archiving, the time finds the runs again, however many there are.
    undo = ("removed", membership.team, removal.at.isoformat())
    return _answer(request, slug, removal.count, done, "", undo=undo)


def _loss(request: HttpRequest, membership: Membership, runs: RunQuerySet) -> dict[str, object]:
    """Return the context of the question whether to remove these runs: which, and what goes with them."""
    kept = MediaCopy.objects.filter(dub__run__in=runs, state=MediaCopy.State.KEPT)
    count = runs.count()
    return {
        "membership": membership,
        "runs": list(runs.order_by("-pk")[:RUNS_NAMED]),
        "count": count,
        "more": max(0, count - RUNS_NAMED),
        "transcripts": Dub.objects.filter(run__in=runs, cue_count__gt=0).count(),
        "copies": kept.aggregate(number=Count("pk"), size=Sum("size", default=0)),
        "carried": _carried(request),
    }


@login_required
@require_POST
def language(request: HttpRequest, slug: str) -> HttpResponse:
    """Set the language of the selected runs' dubs, except of runs with several dubs."""
    membership, runs = _selection(request, slug)
    form = LanguageForm(request.POST)
    if not form.is_valid():
        return _form(request, membership, runs, form, "runs/bulk/language.html", choices=languages.choices())
    tag = form.cleaned_data["language"]
    count = runs.count()
    words, left_out = dub_languages.set_languages(membership.team, runs, tag)
    if not count:
        return _answer(request, slug, 0, "", _("No run was selected, so no language was set."))
    parts = []
    if set_count := count - left_out:
        done = ngettext("%(n)s run is now in %(language)s.", "%(n)s runs are now in %(language)s.", set_count)
        anew = ngettext(
            "The language of %(n)s run is chosen automatically again.",
            "The languages of %(n)s runs are chosen automatically again.",
            set_count,
        )
        parts.append((done if tag else anew) % {"n": f"{set_count:,}", "language": languages.name(tag)})
    if left_out:
        kept = ngettext(
            "%(n)s run has several dubs and stays as it is; set the language of each dub on the run's page.",
            "%(n)s runs have several dubs and stay as they are; set the language of each dub on the run's page.",
            left_out,
        )
        parts.append(kept % {"n": f"{left_out:,}"})
    back = _back_to_list(request, slug)
    offer_undo(request, membership.team, "languages", words if set_count else None, " ".join(parts), back.url)
    return back


@login_required
@require_POST
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Join the selected runs, which are dubs of one original, as one source."""
    membership, runs = _selection(request, slug)
    pks = runs.order_by("pk")[: MAX_RUNS + 1].pks()
    try:
        joins = join_groups(membership.team, [pks])
    except TooManyRunsError as error:
        messages.error(request, str(error))
        return _back_to_list(request, slug)
    count = joins[0].source.runs.present().count() if joins else 0
    done = ngettext("%(n)s run is now one source.", "%(n)s runs are now one source.", count)
    nothing = _("Select two runs or more that are dubs of one original.")
    undo = ("joins", membership.team, before_joins(joins))
    return _answer(request, slug, count, done, nothing, undo=undo)


def _form(
    request: HttpRequest,
    membership: Membership,
    runs: RunQuerySet,
    form: TagsForm | LanguageForm,
    template: str,
    status: int = 422,
    **others: object,
) -> HttpResponse:
    """Answer with the form, which carries the selection so that nothing has to be selected again."""
    context = {
        "membership": membership,
        "form": form,
        "count": runs.count(),
        "carried": _carried(request),
        **others,
    }
    return render(request, template, context, status=status)


def _carried(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields that say which runs are selected, as names and values."""
    values = [(name, value) for name, values in request.POST.lists() for value in values]
    return [(name, value) for name, value in values if name in SELECTION_FIELDS]


def _selection(request: HttpRequest, slug: str) -> tuple[Membership, RunQuerySet]:
    """Return the membership and the selected runs of its team.

    Raises Http404 for outsiders and PermissionDenied for viewers.
    """
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    return membership, selected_runs(Run.objects.filter(team=membership.team), request.POST)


def _answer(
    request: HttpRequest,
    slug: str,
    count: int,
    done: str,
    nothing: str,
    *,
    level: int = messages.SUCCESS,
    undo: tuple[str, Team, object] | None = None,
    **words: str,
) -> HttpResponse:
    """Return to the list with the message `done`, or `nothing` when no run was selected.

    `done` holds the number of runs as `%(n)s`, and the other words by their names. `undo` names the change, the
    team and what undoing needs.
    """
    back = _back_to_list(request, slug)
    if count and undo:
        change, team, before = undo
        if large_changes.is_pending(team):
            messages.info(request, _("The list shows this for all of them in a few minutes."))
        offer_undo(request, team, change, before, done % {"n": f"{count:,}", **words}, back.url)
    elif count:
        messages.add_message(request, level, done % {"n": f"{count:,}", **words})
    else:
        messages.info(request, nothing)
    return back


def _back_to_list(request: HttpRequest, slug: str) -> HttpResponseRedirect:
    """Redirect to the list with the filter that the form carried."""
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read(request.POST).query())

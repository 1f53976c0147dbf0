"""Bulk actions on the selected runs: refresh, archive, restore, tag and join them.

The form names each run, or means all that the list's filter lets through.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.forms import LanguageForm, TagsForm
from dashboard.pages.run_query import RunListQuery, selected_runs
from dashboard.views.undo import MAX_UNDONE, offer_undo
from results import tags
from results.dubs import languages as dub_languages
from results.models import ApiKey, Run, RunQuerySet
from results.runs.archive import archive_runs, restore_runs
from results.runs.request import QueueUnreachableError, refresh_obstacle, request_refresh_many
from results.runs.source import MAX_RUNS, TooManyRunsError, join_runs
from results.transcripts import languages
from teams.access import membership_or_404, require_change
from teams.models import Membership, Team

# The fields that say which runs are selected; an invalid form carries them along.
SELECTION_FIELDS = ("pk", "all", *vars(RunListQuery()))


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
    pks = runs.current().pks()
    count = archive_runs(membership.team, pks)
    done = ngettext(
        "%(n)s run was archived; it can be restored under “Archived”.",
        "%(n)s runs were archived; they can be restored under “Archived”.",
        count,
    )
    nothing = _("No run was selected, so nothing was archived.")
    return _answer(request, slug, count, done, nothing, undo=("archived", membership.team, pks))


@login_required
@require_POST
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """Restore the selected runs from the archive."""
    membership, runs = _selection(request, slug)
    pks = runs.archived().pks()
    count = restore_runs(membership.team, pks)
    done = ngettext("%(n)s run was restored.", "%(n)s runs were restored.", count)
    nothing = _("No run was selected, so nothing was restored.")
    return _answer(request, slug, count, done, nothing, undo=("restored", membership.team, pks))


@login_required
@require_POST
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """Add the typed tags to the selected runs, or with `remove` take the tags off."""
    membership, runs = _selection(request, slug)
    form = TagsForm(request.POST)
    if not form.is_valid():
        return _form(request, membership, runs, form, "runs/bulk/tag.html")
    names = form.cleaned_data["tags"]
    if "remove" in request.POST:
        count = tags.remove_tags(membership.team, runs.pks(), names)
        done = ngettext("%(tags)s removed from %(n)s run.", "%(tags)s removed from %(n)s runs.", count)
    else:
        count = tags.add_tags(membership.team, dict.fromkeys(runs.pks(), names))
        done = ngettext("%(n)s run was tagged %(tags)s.", "%(n)s runs were tagged %(tags)s.", count)
    quoted = ", ".join(f"“{name}”" for name in names)
    return _answer(request, slug, count, done, _("No run was selected, so nothing was tagged."), tags=quoted)


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
        done = ngettext("%(n)s run is in %(language)s now.", "%(n)s runs are in %(language)s now.", set_count)
        anew = ngettext(
            "The language of %(n)s run is chosen automatically again.",
            "The languages of %(n)s runs are chosen automatically again.",
            set_count,
        )
        parts.append((done if tag else anew) % {"n": f"{set_count:,}", "language": languages.name(tag)})
    if left_out:
        kept = ngettext(
            "%(n)s run has several dubs and stays as it is; set each on the run's page.",
            "%(n)s runs have several dubs and stay as they are; set each on the run's page.",
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
        source = join_runs(membership.team, pks)
    except TooManyRunsError as error:
        messages.error(request, str(error))
        return _back_to_list(request, slug)
    count = source.runs.count() if source else 0
    done = ngettext("%(n)s run is one source now.", "%(n)s runs are one source now.", count)
    return _answer(request, slug, count, done, _("Select two runs or more that are dubs of one original."))


def _form(
    request: HttpRequest,
    membership: Membership,
    runs: RunQuerySet,
    form: TagsForm | LanguageForm,
    template: str,
    **others: object,
) -> HttpResponse:
    """Answer 422 with the form, which carries the selection so that nothing has to be selected again."""
    values = [(name, value) for name, values in request.POST.lists() for value in values]
    context = {
        "membership": membership,
        "form": form,
        "count": runs.count(),
        "carried": [(name, value) for name, value in values if name in SELECTION_FIELDS],
        **others,
    }
    return render(request, template, context, status=422)


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
    undo: tuple[str, Team, list[int]] | None = None,
    **words: str,
) -> HttpResponse:
    """Return to the list with the message `done`, or `nothing` when no run was selected.

    `done` holds the number of runs as `%(n)s`, and the other words by their names. `undo` names the change, the
    team and the changed runs.
    """
    back = _back_to_list(request, slug)
    if count and undo:
        change, team, pks = undo
        kept = pks if len(pks) <= MAX_UNDONE else None
        offer_undo(request, team, change, kept, done % {"n": f"{count:,}", **words}, back.url)
    elif count:
        messages.add_message(request, level, done % {"n": f"{count:,}", **words})
    else:
        messages.info(request, nothing)
    return back


def _back_to_list(request: HttpRequest, slug: str) -> HttpResponseRedirect:
    """Redirect to the list with the filter that the form carried."""
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read(request.POST).query())

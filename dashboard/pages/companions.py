"""The dubs that can be shown beside a dub: how URLs name them, and their labels."""

from django.utils.translation import gettext as _

from dashboard.pages.markup import language_label
from results.models import Dub, Run


def beside_name(dub: Dub, run_id: int) -> str:
    """Return the dub's name in the URL of a page that shows it beside a dub of the run `run_id`.

    It is the dub's language, with its run's id in front if that is another run.
    """
    return dub.language if dub.run_id == run_id and dub.language else f"{dub.run_id}:{dub.language}"


def companion_dubs(run: Run) -> list[Dub]:
    """Return the dubs of the other runs of the run's source, archived runs aside."""
    if run.source_id is None:
        return []
    dubs = Dub.objects.filter(team=run.team_id, run__source=run.source_id, run__archived_at=None)
    return list(dubs.exclude(run=run).select_related("run").order_by("run", "pk"))


def label_of(dub: Dub, *, is_own: bool) -> str:
    """Return the label of another dub: its language, with its run's title in front for another run."""
    language = language_label(dub.language, is_guess=dub.is_guess)
    return language or _("No language") if is_own else " · ".join(filter(None, (str(dub.run), language)))

"""Page model of the strip above the moments: the runs that the words of a search name."""

from dataclasses import dataclass

from django.utils.translation import ngettext

from dashboard.pages.run_query import RunListQuery
from dashboard.pages.search_hits import cached_url
from results.models import Run
from results.search import titles
from results.search.query import plain_words
from teams.models import Membership

RUNS_SHOWN = 3
# A single letter is in most titles.
_MIN_LETTERS = 2
_COUNT_UP_TO = 10_000


@dataclass(frozen=True)
class NamedRuns:
    """The newest runs that the words name, and the link to the list of all; without more, `href` is empty."""

    words: str
    newest: list[Run]
    count: str
    href: str


def find_named_runs(membership: Membership, typed: str) -> NamedRuns | None:
    """Return the runs whose title, id or tags have the words of this search; None if there are none."""
    wanted = RunListQuery.cleaned(plain_words(typed), ())
    if len(wanted.q) < _MIN_LETTERS:
        return None
    pks, number = titles.newest_named(membership.team_id, wanted.q, RUNS_SHOWN, _COUNT_UP_TO + 1)
    if not pks:
        return None
    has_more = number > RUNS_SHOWN
    runs = Run.objects.filter(pk__in=pks).only("title", "camb_run_id", "camb_task_id")
    shown = f"{min(number, _COUNT_UP_TO):,}{'+' if number > _COUNT_UP_TO else ''}"
    return NamedRuns(
        words=wanted.q,
        newest=list(runs.order_by("-pk")),
        count=ngettext("%(count)s run", "%(count)s runs", number) % {"count": shown},
        href=cached_url("runs-list", membership.team.slug) + wanted.query() if has_more else "",
    )

"""The numbers of a team's runs that its list and each of its polls show, from one query."""

from typing import NamedTuple

from django.db import connection

from results.models import Run

# Each part is counted in an index of its own. As five queries of Django's they took a fifth of a poll.
_TOTALS = """
    SELECT status, COUNT(id) FROM results_run WHERE team_id = %(team)s AND archived_at IS NULL GROUP BY status
    UNION ALL SELECT '-archived', COUNT(id) FROM results_run
    WHERE team_id = %(team)s AND archived_at IS NOT NULL AND removed_at IS NULL AND id > 0
    UNION ALL SELECT '-requested', COUNT(id) FROM results_run WHERE team_id = %(team)s AND requested_at IS NOT NULL
    UNION ALL SELECT '-suggested', COUNT(id) FROM results_run
    WHERE team_id = %(team)s AND archived_at IS NULL AND suggestion IS NOT NULL
    UNION ALL SELECT '-sources', COUNT(DISTINCT suggestion) FROM results_run
    WHERE team_id = %(team)s AND archived_at IS NULL AND suggestion IS NOT NULL
"""


class RunTotals(NamedTuple):
    """How many current runs have each status, and how many runs are archived.

    `requested` runs were requested with others and are not checked yet, `suggested` ones look like these `sources`.
    """

    by_status: dict[str, int]
    archived: int
    requested: int
    suggested: int
    sources: int


def count_runs(team_id: int) -> RunTotals:
    """Return the numbers of this team's runs."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"team": team_id})
        found = dict(cursor.fetchall())
    by_status = {status: found.get(status, 0) for status in Run.Status.values}
    return RunTotals(by_status, *(found[name] for name in ("-archived", "-requested", "-suggested", "-sources")))

"""Measures how long runs wait: those of a killed worker, and one that a person refreshes while teams sweep."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.engine import Row, Upstream, answer, heartbeat_id, new_teams, until, workers_and_beat

# Long enough that the killed worker is in the middle of its calls.
KILLED_LATENCY_S = 2.0


def recovery(upstream: Upstream, runs: int, times: int) -> Row:
    """Kill a worker several times, and return how long its runs waited until they were asked about again."""
    lost, asked, stored = zip(*(_kill(upstream, runs) for _ in range(times)), strict=True)
    return {"due runs": runs, "runs lost": sum(lost)} | _summary("asked", asked) | _summary("stored", stored)


def _kill(upstream: Upstream, runs: int) -> tuple[int, float, float]:
    """Kill a worker amid its calls while another one lives.

    Return how many runs it held, and the seconds until the other worker had leased them all and had stored answers
    about them all. A lease is claimed right before its calls begin.
    """
    from results import clock
    from results.models import Run
    from results.runs.request import request_refresh_many

    [team] = new_teams(1, runs)
    leased = Run.objects.filter(team=team).exclude(leased_by=None)
    upstream.tally(latency=KILLED_LATENCY_S)
    with workers_and_beat(2) as workers:
        by_id = {heartbeat_id(worker): worker for worker in workers}
        time.sleep(random.uniform(0, 2))  # kills come at any time since the last heartbeat
        request_refresh_many(Run.objects.all(), team)
        until(leased.exists)
        time.sleep(KILLED_LATENCY_S / 2)
        [(holder, _)] = Counter(leased.values_list("leased_by", flat=True)).most_common(1)
        by_id[holder].kill()
        began = time.perf_counter()
        by_id[holder].wait()
        killed_at = clock.now()
        upstream.tally()
        lost = Run.objects.filter(pk__in=list(leased.filter(leased_by=holder).values_list("pk", flat=True)))
        count = lost.count()
        until(lambda: not lost.filter(leased_by=holder).exists())
        asked = time.perf_counter() - began
        until(lambda: lost.filter(checked_at__gt=killed_at).count() == count)
        return count, asked, time.perf_counter() - began


def refresh_now(upstream: Upstream, teams: int, runs: int, lines: int, times: int) -> list[Row]:
    """Press Refresh on a run while a worker sweeps all runs of so many teams; return how long the result took.

    Half of the presses are by a team that does not sweep, half by one that does.
    """
    from results.models import Run
    from results.runs.request import request_refresh_many

    *sweeping, other = new_teams(teams + 1, runs // teams)
    waits, still_due = defaultdict[str, list[float]](list), runs
    wanted = Run.objects.filter(team__in=sweeping).exclude(requested_at=None)
    with workers_and_beat(1):
        for number in range(times):
            upstream.tally(answer(lines + number) if lines else None)  # each time the transcripts change
            for team in sweeping:
                request_refresh_many(Run.objects.all(), team)
            for whose, team in (("a team at rest", other), ("a sweeping team", sweeping[-1])):
                time.sleep(random.uniform(0.5, 1.0))
                waits[whose].append(_press(team))
                still_due = min(still_due, wanted.count())
    about = {"sweeping teams": teams, "answers": f"{lines} lines" if lines else "not ready"}
    rows = [about | {"run of": whose} | _summary("stored", seconds) for whose, seconds in waits.items()]
    return [row | {"due all the while": still_due} for row in rows]


def _press(team: Any) -> float:
    """Request the refresh of a run as its page's button does, and return the seconds until the result is stored."""
    from results import clock
    from results.models import Run
    from results.runs.request import request_refresh

    for run in Run.objects.filter(team=team).order_by("-pk")[:100]:
        pressed_at, began = clock.now(), time.perf_counter()
        if request_refresh(run):
            until(Run.objects.filter(pk=run.pk, checked_at__gte=pressed_at).exists)
            return time.perf_counter() - began
    raise SystemExit("All runs of the team are being asked about.")


def _summary(what: str, seconds: Sequence[float]) -> Row:
    return {f"{what}, median s": f"{median(seconds):.2f}", f"{what}, most": f"{max(seconds):.2f}"}

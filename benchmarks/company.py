"""Runs Dubroom under the load of a company, kills its parts in turn, and says what of its promises holds.

    python -m benchmarks.company                # the whole: about 25 minutes, on a machine with nothing else to do
    python -m benchmarks.company --tiny         # two minutes, only to see that it works

200 teams have 20,000 runs and 1,000,000 lines on PostgreSQL. `manage.py start` serves them on loopback, with Redis
and a stand-in CAMB.AI. 1,000 open lists poll, people search 20 times a second and open a list or a run twice,
while sweeps of 5,000 due runs follow each other. Then, under the same load, PostgreSQL, Redis, the worker and the
web server are killed in turn. At last six times the load comes for a minute. The load is an open model: a request
is timed from when it was due, whether or not earlier ones are answered.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.company_data import Company, fill, make_due, swept
from benchmarks.company_servers import Postgres, Redis, Start
from benchmarks.company_tabs import Answer, Load, Tab, ask
from benchmarks.engine import Upstream, process
from benchmarks.processor_time import differences, own_seconds, tree_seconds

WANTED_P95_MS = 300
WANTED_RATIO = 1.3
WANTED_GROWTH = 1.1
FREE_WITHIN_S = 10
CALM_WITHIN_S = 30
SPIKE = 6
WINDOW_S = 5
WARM_UP_S = 20  # until each process has answered each page once
DOWN_S = 3  # how long what runs PostgreSQL and Redis takes to start them again
PAGES = ("search", "list", "run")


@dataclass
class Verdict:
    """What was wanted, what was measured, and whether it holds."""

    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def add(self, what: str, wanted: str, measured: str, is_met: bool) -> None:
        self.rows.append((what, wanted, measured, is_met))
        print(f"| {what} | {wanted} | {measured} | {'yes' if is_met else 'NO'} |", flush=True)

    def heading(self, title: str) -> None:
        print(f"\n{title}\n\n| what | wanted | measured | met |\n| --- | --- | --- | --- |", flush=True)

    @property
    def is_met(self) -> bool:
        return all(is_met for *_, is_met in self.rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.company", description=__doc__.partition("\n")[0])
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20_000, help="those that sweeps ask about are among them")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--tabs", type=int, default=1_000)
    parser.add_argument("--poll-seconds", type=float, default=5, help="how often a tab polls")
    parser.add_argument("--searches", type=float, default=20, help="searches a second")
    parser.add_argument("--opens", type=float, default=2, help="lists and runs that are opened a second")
    parser.add_argument("--sweep", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--kill-seconds", type=int, default=45, help="how long each kill is watched; 0: none")
    parser.add_argument("--spike-seconds", type=int, default=60, help="0: no spike")
    parser.add_argument("--tiny", action="store_true", help="a size that takes two minutes and says nothing")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left running
    if options.tiny:
        tiny: dict[str, float] = {
            "teams": 4,
            "runs": 200,
            "lines": 2_000,
            "tabs": 10,
            "sweep": 60,
            "searches": 1,
            "opens": 1,
        }
        vars(options).update(tiny, seconds=15, kill_seconds=30, spike_seconds=5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dubroom-bench-")))
        bench = stack.enter_context(installed(folder, options))
        verdict = asyncio.run(bench.measure())
    print(f"\nEverything is as promised: {'yes' if verdict.is_met else 'NO'}.")
    sys.exit(not verdict.is_met)


@contextmanager
def installed(folder: Path, options: argparse.Namespace) -> Iterator["Bench"]:
    """Start the servers, fill the database, and start Dubroom as `make run` does."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        redis = stack.enter_context(Redis(folder / "redis"))
        camb = stack.enter_context(process("-m", "benchmarks.upstream"))
        upstream = Upstream(camb)
        upstream.tally()  # every run is still in progress, so that a sweep asks about all of them
        os.environ |= {
            "DUBROOM_DATA_DIR": str(folder / "data"),
            "DATABASE_URL": postgres.url,
            "BROKER_URL": redis.url,
            "CAMB_BASE_URL": upstream.base_url,
            "DEMO": "0",
            "HOST": "127.0.0.1",
            "SECRET_KEY": "only-for-benchmarks-and-long-enough",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "LOG_LEVEL": "ERROR",
            # What a sweep asked about is due again only when the next sweep makes it so.
            "REFRESH_FIRST_SECONDS": "7200",
            "REFRESH_SLOWEST_SECONDS": "7200",
        }
        import django

        django.setup()
        company = fill(options)
        start = stack.enter_context(Start(folder / "log"))
        yield Bench(options, company, start, postgres, redis, camb.pid)


@dataclass
class Bench:
    options: argparse.Namespace
    company: Company
    start: Start
    postgres: Postgres
    redis: Redis
    camb_pid: int
    verdict: Verdict = field(default_factory=Verdict)

    async def measure(self) -> Verdict:
        tabs = [Tab(self.start.port, cookie, slug, runs) for cookie, slug, runs in self.company.people]
        for tab in tabs:
            await tab.open()
        rates = {
            "poll": len(tabs) / self.options.poll_seconds,
            "search": self.options.searches,
            "list": self.options.opens / 2,
            "run": self.options.opens / 2,
        }
        load = Load(tabs, self.company.words, rates)
        await load.run(min(WARM_UP_S, self.options.seconds))
        await self._sweep()
        before = self._processor_seconds()
        alone = await self._sweep()
        self._say_processor_seconds("A sweep alone", alone, before)
        await self._together(load, alone)
        if self.options.kill_seconds:
            await self._kills(load)
        if self.options.spike_seconds:
            await self._spike(load)
        return self.verdict

    def _processor_seconds(self) -> dict[str, float]:
        return {
            **self.start.processor_seconds(),
            "PostgreSQL": self.postgres.processor_seconds(),
            "Redis": self.redis.processor_seconds(),
            "stand-in CAMB.AI": tree_seconds(self.camb_pid),
            "sender of the load": own_seconds(),
        }

    def _say_processor_seconds(self, what: str, seconds: float, before: dict[str, float]) -> None:
        taken = differences(before, self._processor_seconds())
        print(f"\n{what}, {seconds:.1f} s, took so many processor seconds: {taken}.", flush=True)

    async def _together(self, load: Load, alone: float) -> None:
        seconds = self.options.seconds
        self.verdict.heading(f"Everything together for {seconds} s")
        sweeps: list[float] = []
        memory: list[float] = []

        is_over = asyncio.Event()

        async def sweep_on() -> None:
            while not is_over.is_set():
                sweeps.append(await self._sweep())

        async def watch() -> None:
            while not is_over.is_set():
                memory.append(self.start.megabytes())
                await asyncio.sleep(WINDOW_S)

        before, began = self._processor_seconds(), time.monotonic()
        others = [asyncio.create_task(sweep_on()), asyncio.create_task(watch())]
        answers = await load.run(seconds)
        self._say_processor_seconds("All this", time.monotonic() - began, before)
        print(
            f"\nPolls by status: {dict(Counter(one.outcome for one in answers if one.kind == 'poll'))}.", flush=True
        )
        is_over.set()
        await asyncio.gather(*others)
        errors = Counter(answer.outcome for answer in answers if not answer.is_good)
        self.verdict.add(f"errors of {len(answers):,} requests", "0", str(dict(errors) or 0), not errors)
        for kind in (*PAGES, "poll"):
            times = [answer.ms for answer in answers if answer.kind == kind and answer.is_good]
            p95 = quantile(times)
            wanted = f"< {WANTED_P95_MS} ms"
            self.verdict.add(f"{kind}, 95 % of {len(times):,}", wanted, f"{p95:.0f} ms", p95 < WANTED_P95_MS)
        ratio = statistics.median(sweeps) / alone if sweeps else float("inf")
        measured = f"{ratio:.2f} ({alone:.1f} s alone; {len(sweeps)} sweeps)"
        self.verdict.add(
            f"sweep of {self.options.sweep:,}", f"≤ {WANTED_RATIO} times alone", measured, ratio <= WANTED_RATIO
        )
        late = memory[len(memory) // 4 :]  # the first quarter warms up
        growth = statistics.mean(late[-len(late) // 3 :]) / statistics.mean(late[: len(late) // 3 + 1])
        measured = f"{growth:.2f} times ({late[-1]:.0f} MB)"
        self.verdict.add("memory, last third by first", f"≤ {WANTED_GROWTH}", measured, growth <= WANTED_GROWTH)

    async def _kills(self, load: Load) -> None:
        kills: dict[str, Callable[[], None]] = {
            "PostgreSQL": self.postgres.kill,
            "Redis": self.redis.kill,
            "worker": lambda: self.start.kill("celery --app dashboard --quiet --skip-checks worker"),
            "web": lambda: self.start.kill("granian"),
        }
        again: dict[str, Callable[[], None]] = {"PostgreSQL": self.postgres.start, "Redis": self.redis.start}
        for name, kill in kills.items():
            self.verdict.heading(f"{name} is killed under the same load")
            loading = asyncio.create_task(load.run(self.options.kill_seconds))
            await asyncio.sleep(self.options.kill_seconds / 6)
            await asyncio.to_thread(make_due, self.options.sweep)
            while not (leased := await asyncio.to_thread(self.company.leased)):
                await asyncio.sleep(0.05)
            kill()
            killed_at = time.monotonic()
            if name in again:
                await asyncio.sleep(DOWN_S)
                again[name]()
            back = await self._until_healthy(killed_at)
            self.verdict.add("/health/ is ok again", "yes", f"after {back:.1f} s", back < self.options.kill_seconds)
            if name == "worker":
                free = await asyncio.to_thread(self.company.seconds_until_asked_again, leased, killed_at)
                wanted = f"≤ {FREE_WITHIN_S} s"
                self.verdict.add(
                    f"its {len(leased)} runs are asked about again", wanted, f"{free:.1f} s", free <= FREE_WITHIN_S
                )
            answers = await loading
            bad = Counter(answer.outcome for answer in answers if not (answer.is_good or answer.says_when))
            # A server that is gone refuses connections, and one that dies breaks off what it was answering.
            is_gone = name == "web"
            unexplained = {
                outcome: n for outcome, n in bad.items() if not (is_gone and outcome in Answer.NO_SERVER)
            }
            self.verdict.add(
                f"{len(answers):,} requests meanwhile: other than good or 429/503 with Retry-After",
                "only while no server listens" if is_gone else "0", str(dict(bad) or 0), not unexplained,
            )  # fmt: skip
            calm = [answer for answer in answers if answer.due_s > self.options.kill_seconds - WINDOW_S]
            good = all(answer.is_good for answer in calm)
            self.verdict.add(f"the last {WINDOW_S} s", "no errors", str(Counter(a.outcome for a in calm)), good)
            left = await asyncio.to_thread(swept, self.options.sweep, 300)
            self.verdict.add("runs of the sweep that were lost", "0", str(left), left == 0)

    async def _spike(self, load: Load) -> None:
        seconds = self.options.spike_seconds
        self.verdict.heading(f"{SPIKE} times the load for {seconds} s")
        answers = await load.run(seconds, times=SPIKE, then_seconds=CALM_WITHIN_S + 2 * WINDOW_S)
        during = [answer for answer in answers if answer.due_s <= seconds]
        bad = Counter(answer.outcome for answer in during if not (answer.is_good or answer.says_when))
        told = sum(answer.says_when for answer in during)
        measured = f"{len(during):,} requests, {told:,} of them 429/503 with Retry-After, others {dict(bad) or 0}"
        self.verdict.add("answers during the spike", "good, or 429/503 with Retry-After", measured, not bad)
        after = [answer for answer in answers if answer.due_s > seconds + CALM_WITHIN_S]
        p95 = quantile([answer.ms for answer in after])
        calm = p95 < WANTED_P95_MS and all(answer.is_good for answer in after)
        self.verdict.add(f"{CALM_WITHIN_S} s later", f"no errors, 95 % < {WANTED_P95_MS} ms", f"{p95:.0f} ms", calm)

    async def _sweep(self) -> float:
        """Make the sweep's runs due, and return the seconds until all are asked about."""
        began = time.monotonic()
        await asyncio.to_thread(make_due, self.options.sweep)
        while await asyncio.to_thread(swept, self.options.sweep, 0):
            await asyncio.sleep(0.25)
        return time.monotonic() - began

    async def _until_healthy(self, since: float) -> float:
        while time.monotonic() - since < self.options.kill_seconds:
            with_status = await ask(self.start.port, "/health/")
            if with_status == 200:
                return time.monotonic() - since
            await asyncio.sleep(0.1)
        return float("inf")


def quantile(times: list[float], share: float = 0.95) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


if __name__ == "__main__":
    random.seed(1)
    main()

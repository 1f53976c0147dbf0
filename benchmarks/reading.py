"""Measures how soon a run's page is readable and ready, and how smoothly it scrolls, by its number of lines.

    python -m benchmarks.reading [--lines 500 5000 20000]

A real Chromium opens the page, each time with an empty cache, over loopback from granian as the Procfile starts it.
"Readable" is the time from the request until the first line is painted; "ready", until the lines react to the
player and the keys. "Longest stop" is the longest time without a new frame while the page scrolls. "Find e"
searches the page for a letter that almost every line contains, and "to end" jumps to the last line.
"""

import argparse
import gzip
import os
import shutil
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.lines import ENGLISH, Lines
from benchmarks.servers import granian

REPEAT = 5
LINE_MS = 2800
SPEAKERS = ("Anna", "Ben", "Camille", "Dario")
WATCH = """
{
  const seen = (name, isThere) => {
    const note = () => (window[name] = performance.now());
    const look = () => requestAnimationFrame(isThere() ? note : look);
    look();
  };
  seen("readableAt", () => document.querySelector("#cue-1 p")?.getBoundingClientRect().height);
  seen("readyAt", () => document.querySelector("#cues [aria-current]"));
}
"""
STOPS = """
async (seconds) => {
  let longest = 0, before = performance.now();
  for (const end = before + seconds * 1000; before < end; ) {
    const now = await new Promise(requestAnimationFrame);
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}
"""
FIND = """
async (words) => {
  const box = document.querySelector("#find input"), start = performance.now();
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise(requestAnimationFrame);
  await new Promise((resolve) => setTimeout(resolve));
  return performance.now() - start;
}
"""
GO_TO_END = """
async () => {
  const start = performance.now();
  [...document.querySelectorAll(".part > li")].at(-1).scrollIntoView();
  await new Promise(requestAnimationFrame);
  await new Promise((resolve) => setTimeout(resolve));
  return performance.now() - start;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[500, 5_000, 20_000])
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ |= {
            "DUBROOM_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": f"sqlite:///{folder / 'reading.sqlite3'}",
            "SECRET_KEY": "only for this measurement",
            "DEMO": "0",
        }
        session, pages = prepare(options.lines)
        measure(f"http://{stack.enter_context(granian())}", session, pages)


def prepare(sizes: list[int]) -> tuple[str, dict[int, str]]:
    """Create a run of each size; return the session cookie of a member of its team, and the paths by size."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from results.models import Run
    from teams.models import Team, User

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    user = User.objects.create_user("reader@example.org")
    team = Team.objects.create_for(user, "Readers")
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    source, pages = Lines(), {}
    for number, size in enumerate(sizes, start=1):
        run = Run.objects.create(team=team, camb_run_id=number, status=Run.Status.READY, due_at=None)
        add_dub(run, source, size)
        pages[size] = f"/runs/{run.pk}/"
    return client.cookies["sessionid"].value, pages


def add_dub(run: Any, source: Lines, size: int) -> None:
    from results.models import Cue, Dub

    dub = Dub.objects.create(
        team=run.team,
        run=run,
        language=ENGLISH,
        cue_count=size,
        duration_ms=size * LINE_MS,
        audio_url="http://127.0.0.1:9/a.m4a",
        media_fetched_at=run.created_at,
    )
    Cue.objects.bulk_create(
        Cue(
            team=run.team,
            run=run,
            dub=dub,
            position=place + 1,
            start_ms=place * LINE_MS,
            end_ms=place * LINE_MS + 2500,
            speaker=SPEAKERS[place // 3 % len(SPEAKERS)],
            text=text,
        )
        for place, text in enumerate(source.speak(ENGLISH, size))
    )


def measure(server: str, session: str, pages: dict[int, str]) -> None:
    from playwright.sync_api import sync_playwright

    print(f"{'lines':>7}{'page':>10}{'gzip':>9}{'server':>9}{'readable':>10}{'ready':>8}", end="")
    print(f"{'find e':>9}{'to end':>8}{'longest stop':>14}")
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size, path in pages.items():
            size_bytes, packed_bytes, seconds = response(server + path, session)
            times: dict[str, list[float]] = {name: [] for name in ("readable", "ready", "find", "end", "stop")}
            for _ in range(REPEAT):
                context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
                context.add_cookies([{"name": "sessionid", "value": session, "url": server}])
                context.add_init_script(WATCH)
                page = context.new_page()
                page.goto(f"{server}{path}?t=1", wait_until="load")
                page.wait_for_function("window.readyAt && window.readableAt")
                times["readable"].append(page.evaluate("readableAt"))
                times["ready"].append(page.evaluate("readyAt"))
                page.locator(".lines").hover()
                for _ in range(10):
                    page.mouse.wheel(0, 3000)
                times["stop"].append(page.evaluate(STOPS, 2))
                times["find"].append(page.evaluate(FIND, "e"))
                times["end"].append(page.evaluate(GO_TO_END))
                context.close()
            readable, ready, find, end, stop = map(statistics.median, times.values())
            kilobytes = f"{size_bytes / 1e3:>7,.0f} kB{packed_bytes / 1e3:>6,.0f} kB"
            print(f"{size:>7,}{kilobytes}{seconds * 1e3:>6.0f} ms", end="")
            print(f"{readable:>7.0f} ms{ready:>5.0f} ms{find:>6.0f} ms{end:>5.0f} ms{stop:>11.0f} ms", flush=True)
        browser.close()


def response(address: str, session: str) -> tuple[int, int, float]:
    """Return the size of the page in bytes, its size as sent, and the median seconds of the whole response."""
    headers = {"Cookie": f"sessionid={session}", "Accept-Encoding": "gzip"}
    spent, body = [], b""
    for _ in range(REPEAT):
        start = perf_counter()
        with urlopen(Request(address, headers=headers)) as answer:
            body = answer.read()
        spent.append(perf_counter() - start)
    packed = body.startswith(b"\x1f\x8b")
    return len(gzip.decompress(body)) if packed else len(body), len(body), statistics.median(spent)


if __name__ == "__main__":
    main()

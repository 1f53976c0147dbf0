"""Takes the pictures of README from a new installation with the demo team, or of each of its pages to look at.

    make screenshots
    python -m tests.browser.screenshots --all FOLDER

With `--all`, the pages are taken at 360 and 1440 px in both themes.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.waiting import until
from tests.worker.installation import ROOT, free_port

DOCS = ROOT / "docs"
WIDTHS = {360: 740, 1440: 900}
THEMES = ("light", "dark")
READY_MS = 300_000
# The pages behind the team's links, by the name of their picture.
PAGES = {
    "runs": "runs/",
    "by-source": "runs/?by=source",
    "failed": "runs/?status=failed",
    "add": "runs/add/",
    "search": "search/?q=kitchen",
    "checks": "runs/checks/",
    "activity": "activity/",
    "inbox": "inbox/",
    "notifications": "notifications/",
    "channels": "team/channels/",
    "feeds": "feeds/",
    "languages": "sources/languages/",
    "suggestions": "sources/suggestions/",
    "trash": "trash/",
    "team": "team/",
    "key": "team/key/",
    "media": "team/media/",
    "review-limits": "team/checks/",
    "retention": "team/retention/",
    "api": "team/api/",
    "audit": "team/audit/",
}
OWN_PAGES = {"profile": "/accounts/profile/", "security": "/accounts/security/", "log-out": "/accounts/logout/"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="pictures of every page, into this folder")
    options = parser.parse_args()
    with demo() as address, chromium() as browser:
        if options.all:
            take_all(browser, address, options.all)
        else:
            take_for_readme(browser, address)


@contextmanager
def demo() -> Iterator[str]:
    """Start Dubroom with its demo team in a folder of its own, and yield its address."""
    with tempfile.TemporaryDirectory(prefix="dubroom-screenshots-") as folder:
        port, demo_port = free_port(), free_port()
        env = os.environ | {"DUBROOM_DATA_DIR": folder, "PORT": str(port), "DEMO_PORT": str(demo_port)}
        command = [sys.executable, "manage.py", "start"]
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as server:
            try:
                address = f"http://127.0.0.1:{port}"
                until(lambda: _answers(address))
                yield address
            finally:
                server.send_signal(signal.SIGINT)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/health/", timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def take_for_readme(browser: Browser, address: str) -> None:
    page = logged_in(browser, address, 1440, "light")
    page.screenshot(path=DOCS / "runs.png")
    open_run(page)
    page.screenshot(path=DOCS / "run.png")
    page.goto(f"{team_of(page, address)}search/?q=kitchen")
    page.screenshot(path=DOCS / "search.png")


def take_all(browser: Browser, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for width in WIDTHS:
            page = logged_in(browser, address, width, theme)
            team = team_of(page, address)
            paths = {name: team + path for name, path in PAGES.items()}
            paths |= {name: address + path for name, path in OWN_PAGES.items()}
            for name, path in paths.items():
                page.goto(path)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
            page.goto(paths["runs"])
            open_run(page)
            page.screenshot(path=folder / f"run-{width}-{theme}.png")
            page.context.close()


def logged_in(browser: Browser, address: str, width: int, theme: str) -> Page:
    """Return a page that shows the demo team's runs, once the first of them are ready."""
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Open the demo").click()
    expect(page.locator("#runs-tabs")).to_contain_text("Not found", timeout=READY_MS)
    page.wait_for_timeout(3000)  # the rows that the last poll has marked fade
    return page


def open_run(page: Page) -> None:
    """Open the first ready run of the list."""
    page.locator("tr", has=page.locator(".status.ready")).locator(".title-and-tags a.truncate").first.click()
    page.locator(".cue").first.wait_for()
    page.wait_for_timeout(1000)  # the first frame of the video


def team_of(page: Page, address: str) -> str:
    """Return the address of the team whose page is shown, or that the page links to."""
    found = re.search(r"/t/[-\w]+/", page.url) or re.search(r"/t/[-\w]+/", page.content())
    assert found
    return address + found[0]


if __name__ == "__main__":
    main()

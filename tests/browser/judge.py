"""Judges every page by axe at more sizes than the suite, by the Nu HTML checker and by Lighthouse.

    make judge

It takes too long for the suite and needs Node.js and Java, so pytest does not collect it by itself. Lighthouse runs
on the page as a signed-in person sees it: the session is in the profile of the browser that it drives.
"""

import json
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.browser.conftest import FEATURES_OFF
from tests.browser.pages import SIGNED_OUT_PAGES, broken_rules, pages_of
from tests.browser.test_accessibility import COLOURS

JUDGES = Path(os.environ.get("JUDGES", ".venv/judges")).resolve() / "node_modules"
WIDTHS, HEIGHTS = (360, 768, 1440), (800, 480)
SCROLLED = ("window.scrollTo(0, 0)", "window.scrollTo(0, document.body.scrollHeight)")
HTMX = "Attribute “hx-"
# Per cent, of each category.
LIGHTHOUSE = {"performance": 95, "accessibility": 100, "best-practices": 100}
LIGHTHOUSE_PAGES = ("runs", "run 48230", "found", "activity", "team", "add runs", "profile")


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_breaks_a_rule_of_axe_wherever_it_is_scrolled_to(
    open_browser, owner, team, add_runs, width, height
):
    found = {}
    for user, pages in ((None, SIGNED_OUT_PAGES), (owner, pages_of(team, add_runs))):
        browser = open_browser(user, (width, height), reduced_motion="reduce")
        browser.expects = ("status of 404",)
        page = browser.page()
        for name, path in pages.items():
            page.goto(path)
            for place, scroll in enumerate(SCROLLED):
                page.evaluate(scroll)
                page.emulate_media(color_scheme="light")
                found[f"{name}, {place}"] = broken_rules(page)
                page.emulate_media(color_scheme="dark")
                found[f"{name}, {place}, dark"] = broken_rules(page, COLOURS)
    assert {name: broken for name, broken in found.items() if broken} == {}


def test_the_nu_checker_finds_no_error(owner, team, add_runs, tmp_path):
    client, anyone = Client(), Client()
    pages = {client: pages_of(team, add_runs), anyone: SIGNED_OUT_PAGES}
    client.force_login(owner)
    for browser, paths in pages.items():
        for name, path in paths.items():
            (tmp_path / f"{name.replace(' ', '-')}.html").write_bytes(browser.get(path).content)
    jar = JUDGES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = [
        "java",
        "-Xss4m",
        "-jar",
        str(jar),
        "--errors-only",
        "--format",
        "json",
        *map(str, tmp_path.iterdir()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    # The checker knows none of htmx's attributes, and a data- before each would hide them from a search.
    errors = [error for error in json.loads(done.stderr)["messages"] if not error["message"].startswith(HTMX)]
    found = {f"{error['message']} {error.get('extract', '')}": Path(error["url"]).name for error in errors}
    assert found == {}


def test_lighthouse_is_content(live_server, owner, team, add_runs, tmp_path):
    pages = pages_of(team, add_runs)
    client = Client()
    client.force_login(owner)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    session = {
        "name": django_settings.SESSION_COOKIE_NAME,
        "value": client.cookies[django_settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }
    args = [
        "--no-sandbox",
        f"--remote-debugging-port={port}",
        f"--disable-features={','.join(FEATURES_OFF)}",
    ]

    def judged() -> dict[str, dict[str, Any]]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch_persistent_context(
                str(tmp_path), executable_path=chromium, args=args
            )
            browser.add_cookies([session])  # type: ignore[list-item]
            scores = {name: _scores(live_server.url + pages[name], port) for name in LIGHTHOUSE_PAGES}
            browser.close()
            return scores

    # In the thread of the tests, the loop of another browser may be running.
    with ThreadPoolExecutor(1) as thread:
        scores = thread.submit(judged).result()
    print(json.dumps(scores, indent=1))
    low = {
        name: found
        for name, found in scores.items()
        if any(found[key] < least for key, least in LIGHTHOUSE.items())
    }
    assert low == {}


def _scores(url: str, port: int) -> dict[str, Any]:
    """Return the score of each category in per cent, and the audits that are not passed in full."""
    command = [
        "node",
        str(JUDGES / "lighthouse" / "cli" / "index.js"),
        url,
        f"--port={port}",
        "--disable-storage-reset",
        "--preset=desktop",
        "--output=json",
        "--quiet",
        f"--only-categories={','.join(LIGHTHOUSE)}",
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)
    assert unquote(report["finalDisplayedUrl"]) == url  # and not the page to log in
    scores = {name: round(100 * report["categories"][name]["score"]) for name in LIGHTHOUSE}
    weights = {
        item["id"] for name in LIGHTHOUSE for item in report["categories"][name]["auditRefs"] if item["weight"]
    }
    failed = [name for name in weights if (report["audits"][name]["score"] or 0) < 0.9]
    lost = [name for name in failed if report["audits"][name]["scoreDisplayMode"] != "notApplicable"]
    return scores | {"lost": sorted(lost)}

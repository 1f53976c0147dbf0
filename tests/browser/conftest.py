"""Fixtures of the browser tests: a real Chromium on the real pages, with the stand-in CAMB.AI over real HTTP.

No worker runs: the fixture `work` runs the queued tasks when a test calls it.
"""

import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from dashboard.celery import app
from demo.samples import DEMO_TITLES
from demo.server import StandIn
from results import tasks
from results.models import Run
from results.runs.add import add_runs as track_runs
from teams.models import Team, User
from tests.factories import make_key, make_team, make_user, make_worker

PATIENCE_MS = 60_000
DESKTOP, PHONE = (1440, 900), (360, 740)
# Reports violations of the content security policy on the console, where they fail the test: no page may run text
# that it was given, or break one of its own rules.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Chromium's own windows use two more pages for the suggestions of the address bar: half of the processor time of a
# test. Only the last such list counts, so this one repeats the features that Playwright turns off and our pages
# use.
FEATURES_OFF = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "PreloadTopChromeWebUI",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
]

Work = Callable[[], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # The headless shell is the same Chromium without windows of its own: about a sixth less processor time.
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "These tests need Chromium. On Debian: sudo apt install chromium-headless-shell"
    # Playwright's event loop runs in this thread, but the tests and the code they call are not coroutines.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # The limit keeps Chromium from starting a spare process for every page.
        args = ["--no-sandbox", "--renderer-process-limit=1", f"--disable-features={','.join(FEATURES_OFF)}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


# --- CAMB.AI and the worker --------------------------------------------------------------------------


@dataclass
class Clock:
    """The clock of the stand-in: the real time, plus the seconds that a test sets as `ahead`."""

    ahead: float = 0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def camb_clock() -> Clock:
    return Clock()


@pytest.fixture
def camb(settings, camb_clock) -> Iterator[StandIn]:
    """The stand-in CAMB.AI with the runs and the media of the demo."""
    with StandIn(clock=camb_clock) as stand_in:
        settings.CAMB_BASE_URL = stand_in.base_url
        origin = f"http://{stand_in.host}:{stand_in.port}"
        policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        settings.CONTENT_SECURITY_POLICY = {
            "DIRECTIVES": policy | {"media-src": [*policy["media-src"], origin]},
        }
        yield stand_in


@pytest.fixture(autouse=True)
def work(monkeypatch) -> Work:
    """Act as beat and worker: refresh every unfinished run now, and run the queued tasks, oldest first."""
    queued: deque[tuple[str, tuple[object, ...]]] = deque()
    monkeypatch.setattr(app, "send_task", lambda name, args: queued.append((name, args)))

    def work() -> None:
        Run.objects.unfinished().update(due_at=timezone.now())
        queued.append(("results.tasks.refresh_due", ()))
        while queued:
            name, args = queued.popleft()
            getattr(tasks, name.rpartition(".")[2])(*args)

    return work


# --- Users, teams and runs ---------------------------------------------------------------------------


@pytest.fixture
def owner(transactional_db) -> User:
    return make_user("kim@example.org", name="Kim Rivera")


@pytest.fixture
def team(owner, camb) -> Team:
    """A team of the owner, with a key that the stand-in accepts, and a worker: no page tells of a missing one."""
    make_worker()
    team = make_team("Harbour Studio", owner)
    make_key(team, last_call_at=timezone.now())
    return team


@pytest.fixture
def add_runs(team, owner, work) -> Callable[..., list[Run]]:
    """Return a function that adds these runs of the demo and refreshes them once."""

    def add(*run_ids: int) -> list[Run]:
        track_runs(team, [(run_id, DEMO_TITLES[run_id]) for run_id in run_ids], owner)
        work()
        return [Run.objects.get(team=team, camb_run_id=run_id) for run_id in run_ids]

    return add


# --- Pages -------------------------------------------------------------------------------------------


@dataclass
class UserBrowser:
    """The browser of one user, and the problems on its pages: any problem fails the test.

    A test that provokes a refusal sets `expects` to parts of the messages that Chromium writes about it.
    """

    context: BrowserContext
    problems: list[str] = field(default_factory=list)
    expects: tuple[str, ...] = ()

    def page(self) -> Page:
        page = self.context.new_page()
        page.on("dialog", self._note_dialog)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._note_console)
        return page

    def _note_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    @property
    def unexpected_problems(self) -> list[str]:
        return [problem for problem in self.problems if not any(part in problem for part in self.expects)]


@pytest.fixture
def open_browser(browser, live_server, camb, settings) -> Iterator[Callable[..., UserBrowser]]:
    """Return a function that opens a separate browser: of a user who is logged in, or (None) without a login."""
    settings.PORT = urlsplit(live_server.url).port  # of the links in emails
    browsers: list[UserBrowser] = []

    def open_browser(user: User | None = None, size: tuple[int, int] = DESKTOP, **options) -> UserBrowser:
        width, height = size
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(REPORT_VIOLATIONS)
        if user:
            log_in(context, user, live_server.url)
        browsers.append(UserBrowser(context))
        return browsers[-1]

    yield open_browser
    for opened in browsers:
        opened.context.close()
    assert [opened.unexpected_problems for opened in browsers] == [[] for _ in browsers]


def log_in(context: BrowserContext, user: User, address: str) -> None:
    """Give the context a session of the user, without using the login form."""
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])


@pytest.fixture
def owner_browser(open_browser, owner) -> UserBrowser:
    """The owner's browser."""
    return open_browser(owner)


@pytest.fixture
def page(owner_browser) -> Page:
    """A page in the owner's browser."""
    return owner_browser.page()


@pytest.fixture
def open_run(add_runs, page) -> Callable[..., Page]:
    """Return a function that adds this run of the demo, and opens its page with the player ready to play."""

    def open_(camb_run_id: int, query: str = "") -> Page:
        [run] = add_runs(camb_run_id)
        page.goto(f"/runs/{run.pk}/{query}")
        until(page, "media.readyState >= 1")
        return page

    return open_


def poll(page: Page) -> None:
    """Make the page poll now, as when its tab becomes visible again.

    A page whose own poll was answered a moment before may be on its way to the log-in page: then it has polled.
    """
    try:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    except PlaywrightError as error:
        if "Execution context was destroyed" not in str(error):
            raise


def path_of(page: Page) -> str:
    return urlsplit(page.url).path


def until(page: Page, condition: str) -> None:
    """Wait until this JavaScript expression is true.

    Playwright's own `wait_for_function` calls eval, which the content security policy forbids.
    """
    page.evaluate(
        f"""async (patience) => {{
            for (const end = performance.now() + patience; !({condition}); ) {{
                if (performance.now() > end) throw new Error({condition!r} + " did not become true");
                await new Promise(requestAnimationFrame);
            }}
        }}""",
        PATIENCE_MS,
    )

"""A real Chromium before the real pages; CAMB.AI is the stand-in over real HTTP, and a worker comes when called."""

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

from dashboard.celery import app
from demo.samples import DEMO_TITLES
from demo.server import StandIn
from results import tasks
from results.models import Run
from results.runs.add import add_runs as track_runs
from teams.models import Team, User
from tests.factories import make_key, make_team, make_user

PATIENCE_MS = 60_000
DESKTOP, PHONE = (1440, 900), (360, 740)
# What a page may never do: run what it was given as text, or break one of its own rules.
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Chromium's own windows take two more pages for what its address box may offer: half of the processor time of a
# test. Only the last such list counts, so it names again what Playwright turns off and our pages could meet.
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
    # The shell is the same Chromium without its own windows, for about a sixth less of the processor.
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "These tests need Chromium. On Debian: sudo apt install chromium-headless-shell"
    # Playwright's own event loop runs in this thread, but the tests and what they call are no coroutines.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # The limit keeps Chromium from starting a spare process behind every page.
        args = ["--no-sandbox", "--renderer-process-limit=1", f"--disable-features={','.join(FEATURES_OFF)}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


# --- CAMB.AI and the worker --------------------------------------------------------------------------


@dataclass
class Clock:
    """The time at the stand-in: the real time, put forward by as many seconds as a test sets."""

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
    """Be beat and worker: ask about every unfinished run now, and do whatever was rung meanwhile, oldest first."""
    rung: deque[tuple[str, tuple[object, ...]]] = deque()
    monkeypatch.setattr(app, "send_task", lambda name, args: rung.append((name, args)))

    def work() -> None:
        Run.objects.unfinished().update(due_at=timezone.now())
        rung.append(("results.tasks.refresh_due", ()))
        while rung:
            name, args = rung.popleft()
            getattr(tasks, name.rpartition(".")[2])(*args)

    return work


# --- Who is there, and what they have ----------------------------------------------------------------


@pytest.fixture
def owner(transactional_db) -> User:
    return make_user("kim@example.org", name="Kim Rivera")


@pytest.fixture
def team(owner, camb) -> Team:
    """A team of the owner, with a key that the stand-in accepts."""
    team = make_team("Harbour Studio", owner)
    make_key(team, last_call_at=timezone.now())
    return team


@pytest.fixture
def add_runs(team, owner, work) -> Callable[..., list[Run]]:
    """Track these runs of the demo and have them asked about once."""

    def add(*run_ids: int) -> list[Run]:
        track_runs(team, [(run_id, DEMO_TITLES[run_id]) for run_id in run_ids], owner)
        work()
        return [Run.objects.get(team=team, camb_run_id=run_id) for run_id in run_ids]

    return add


# --- Pages -------------------------------------------------------------------------------------------


@dataclass
class Visit:
    """The pages of one person, and every trouble that they had: a test ends well only if there was none.

    A test in which a refusal is meant to happen says so by `expects`: a part of what Chromium writes about it.
    """

    context: BrowserContext
    troubles: list[str] = field(default_factory=list)
    expects: tuple[str, ...] = ()

    def page(self) -> Page:
        page = self.context.new_page()
        page.on("dialog", self._note_dialog)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("console", self._note_console)
        return page

    def _note_dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_console(self, said: ConsoleMessage) -> None:
        # htmx writes down every question that a newer one has replaced.
        if said.type == "error" and not said.text.startswith(("htmx:afterRequest", "htmx:sendAbort")):
            self.troubles.append(f"console: {said.text}")

    @property
    def surprises(self) -> list[str]:
        return [trouble for trouble in self.troubles if not any(part in trouble for part in self.expects)]


@pytest.fixture
def visit(browser, live_server, camb) -> Iterator[Callable[..., Visit]]:
    """Open a browser of its own for somebody: logged in without a form, or (None) not logged in."""
    visits: list[Visit] = []

    def visit(user: User | None = None, size: tuple[int, int] = DESKTOP, **options) -> Visit:
        width, height = size
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH)
        if user:
            log_in(context, user, live_server.url)
        visits.append(Visit(context))
        return visits[-1]

    yield visit
    for each in visits:
        each.context.close()
    assert [each.surprises for each in visits] == [[] for _ in visits]


def log_in(context: BrowserContext, user: User, address: str) -> None:
    """Give the context a session of the user, without the log-in form."""
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])


@pytest.fixture
def mine(visit, owner) -> Visit:
    """The owner's browser."""
    return visit(owner)


@pytest.fixture
def page(mine) -> Page:
    """A page in the owner's browser."""
    return mine.page()


@pytest.fixture
def open_run(add_runs, page) -> Callable[..., Page]:
    """Add this run of the demo, and open its page with the player ready to play."""

    def open_(camb_run_id: int, query: str = "") -> Page:
        [run] = add_runs(camb_run_id)
        page.goto(f"/runs/{run.pk}/{query}")
        until(page, "media.readyState >= 1")
        return page

    return open_


def poll(page: Page) -> None:
    """Make the page poll now, as it does when its tab becomes visible again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def path_of(page: Page) -> str:
    return urlsplit(page.url).path


def until(page: Page, condition: str) -> None:
    """Wait until this JavaScript is true.

    Playwright's own `wait_for_function` calls eval, which the content security policy forbids.
    """
    page.evaluate(
        f"""async (patience) => {{
            for (const end = performance.now() + patience; !({condition}); ) {{
                if (performance.now() > end) throw new Error({condition!r} + " did not come true");
                await new Promise(requestAnimationFrame);
            }}
        }}""",
        PATIENCE_MS,
    )

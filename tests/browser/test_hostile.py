"""Tests that text from outside never runs as script and never breaks the layout, wherever it is shown (XSS)."""

import re
from urllib.parse import quote

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results.models import Run
from results.runs.add import add_runs
from tests.browser.conftest import PHONE
from tests.browser.pages import pages_of

VECTORS = [
    "<script>alert(1)</script>",
    "</title><script>alert(2)</script>",
    "</textarea><script>alert(3)</script>",
    "<img src=x onerror=alert(4)>",
    '"><img src=x onerror=alert(5)>',
    "'><svg/onload=alert(6)>",
    '" autofocus onfocus=alert(7) x="',
    "' onmouseover='alert(8)",
    "javascript:alert(9)",
    "<a href='jAvAsCrIpT:alert(10)'>click</a>",
    "<iframe srcdoc='<script>alert(11)</script>'></iframe>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(12)>",
    "&lt;script&gt;alert(13)&lt;/script&gt;",
    "{{ 7|add:'7' }}{% load x %}<!--{{constructor.constructor('alert(14)')()}}-->",
    "<b hx-get='/accounts/logout/' hx-trigger='load' hx-on::load='alert(15)'>htmx</b>",
    "<body onload=alert(16)>",
    "--></p><template><script>alert(17)</script></template>",
    "\u202e<script>alert(18)</script>\u202c",
    "]]><base href='https://evil.example/'><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'><style>*{display:none}</style>",
    "<details open ontoggle=alert(21)>x</details>",
    "<svg><animate onbegin=alert(22) attributeName=x dur=1s></svg>",
    "<svg><script href='data:text/javascript,alert(23)'></script></svg>",
    "<input onfocus=alert(24) autofocus>",
    "<video><source onerror=alert(25)></video>",
    "<object data='data:text/html,<script>alert(26)</script>'></object>",
    "<embed src='javascript:alert(27)'>",
    "<form action='javascript:alert(28)'><button id=x>x</button></form><label for=x>click</label>",
    '"><a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgyOSk8L3NjcmlwdD4=">x</a>',
    "</script><script>alert(30)</script>",
    "';alert(31)//\\';alert(31)//\";alert(31)//",
    "</style><script>alert(32)</script>",
    "</option></select><script>alert(33)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(34)>'>",
    "<template shadowrootmode=open><script>alert(35)</script></template>",
    "\u003cimg src=x onerror=alert(36)\u003e &#60;img src=x onerror=alert(36)&#62;",
    "<img/src=x/onerror=alert(37)>",
    "<p style='background:url(javascript:alert(38))' hx-on:click=\"alert(38)\" hx-vals='js:{a: alert(38)}'>x</p>",
    "<script type=module src=//evil.invalid/x.js></script><portal src='javascript:alert(39)'>",
    "<iframe src='javascript:alert(40)' srcdoc='&lt;script&gt;parent.alert(40)&lt;/script&gt;'></iframe>",
]


@pytest.fixture
def hostile_runs(team, owner, camb, work) -> list[Run]:
    """A run whose first two dubs contain every vector and each other one two vectors, then a failed run per vector.

    The vector is the title and the error of the failed run.
    """
    lines = [
        {"start": 2 * at, "end": 2 * at + 2, "speaker": vector, "text": vector} for at, vector in enumerate(VECTORS)
    ]
    camb.runs[1] = lambda sign: {
        f"en-x-{number}": {
            "video_url": sign("bronze-room.zh.mp4"),
            "audio_url": vector,
            "transcript": lines if number < 2 else lines[number - 1 : number + 1],
        }
        for number, vector in enumerate(VECTORS)
    }
    for number, vector in enumerate(VECTORS, start=2):
        camb.runs[number] = {"status": "ERROR", "exception_reason": vector}
    titles = dict(enumerate([VECTORS[4] + "W" * 150, *VECTORS], start=1))
    add_runs(team, list(titles.items()), owner)
    work()
    owner.name = team.name = VECTORS[4] + "W" * 60
    owner.save()
    team.save()
    return list(Run.objects.filter(team=team).order_by("camb_run_id"))


@pytest.fixture(autouse=True)
def _foreign_requests_fail_the_test(page, owner_browser):
    """Record each request to another host as a problem."""

    def note(request):
        if "127.0.0.1" not in request.url and "localhost" not in request.url:
            owner_browser.problems.append(f"foreign request: {request.url}")

    page.on("request", note)


def test_running_script_is_noticed_by_these_tests(page, owner_browser, team):
    page.goto(reverse("runs-list", args=[team.slug]))
    with page.expect_console_message(lambda message: "policy: script-src" in message.text):
        page.locator("#main").evaluate(
            "main => main.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
        )
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('broken') })")
    page.evaluate("alert(2)")
    expected = ("policy: script-src", "Content Security Policy", "error: broken", "dialog: 2")
    owner_browser.expects = (*expected, "status of 404")
    assert [part for part in expected if not any(part in problem for problem in owner_browser.problems)] == []


def test_hostile_text_runs_on_no_page(page, owner_browser, team, hostile_runs, add_runs):
    owner_browser.expects = ("status of 404", "status of 502")
    [full, *failed] = hostile_runs
    width, height = PHONE
    page.set_viewport_size({"width": width, "height": height})
    for path in pages_of(team, add_runs).values():
        page.goto(path)
        assert (path, page.evaluate("document.documentElement.scrollWidth")) == (path, width)
    for run in failed[::4]:  # every vector in this place: `test_hostile_fields`
        page.goto(reverse("runs-detail", args=[run.pk]))
        expect(page.locator("h1")).to_have_text(run.title)
    page.goto(reverse("runs-detail", args=[full.pk]))
    texts = page.locator("#cues li > p").all_text_contents()
    assert texts == VECTORS
    page.goto(reverse("runs-history", args=[failed[0].pk]))
    page.goto(reverse("teams-detail", args=[team.slug]))
    expect(page.locator("h1")).to_have_text(team.name)


def test_hostile_text_does_not_run_in_fragments(page, owner_browser, team, hostile_runs):
    """Load the same texts by htmx: a poll that replaces every row, another dub, a rename in place, the history."""
    owner_browser.expects = ("status of 502",)
    full = hostile_runs[0]
    page.goto(reverse("runs-list", args=[team.slug]))
    Run.objects.update(due_at=None)
    for locator in page.locator("#runs-list tbody .rename").all()[:3]:
        locator.click()
        page.keyboard.press("Escape")
    page.goto(reverse("runs-detail", args=[full.pk]))
    tabs = page.locator("#dub .tabs a")
    for number in range(tabs.count()):
        tabs.nth(number).click()
        expect(tabs.nth(number)).to_have_attribute("aria-current", "page")
    page.locator(".history-drawer summary").click()
    expect(page.locator("#run-history table")).to_be_visible()


def test_a_hostile_search_is_shown_as_it_was_typed(page, team, hostile_runs):
    page.clock.install()  # skips the delay after typing
    page.goto(reverse("search", args=[team.slug]))
    box = page.locator("#search-box")
    for vector in VECTORS:
        with page.expect_response(lambda response: "/search/hits/" in response.url):
            box.fill(vector)
            page.clock.run_for(500)
        page.goto(f"{reverse('search', args=[team.slug])}?q={quote(vector)}")
        expect(box).to_have_value(vector.replace("\n", " "))
        lines = page.locator(".hit .found").all_text_contents()
        assert set(lines) <= set(VECTORS)


def test_a_hostile_paste_does_not_run_in_the_preview(page, team):
    page.clock.install()
    page.goto(reverse("runs-add", args=[team.slug]))
    for vector in VECTORS:
        with page.expect_response(lambda response: response.request.method == "POST"):
            page.get_by_label("Run ids").fill(f"77, {vector}")
            page.clock.run_for(500)
    expect(page.locator("#preview")).to_contain_text(re.compile(r"\d+ new run"))


def test_a_media_link_that_is_not_a_web_address_is_not_rendered(page, owner_browser, team, owner, camb, work):
    owner_browser.expects = ("status of 502",)
    links = ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example/x.mp4"]
    camb.runs |= {
        number: {"video_url": link, "audio_url": link, "transcript": []} for number, link in enumerate(links, 1)
    }
    add_runs(team, [(number, "") for number, _ in enumerate(links, 1)], owner)
    work()
    for run in Run.objects.order_by("camb_run_id"):
        page.goto(reverse("runs-detail", args=[run.pk]))
        expect(page.locator("#main")).to_contain_text(f"Run {run.camb_run_id}")
        assert [link for link in links if link in page.content()] == []

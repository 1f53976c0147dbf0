"""Tests that the scripts and style sheets of every page, htmx included, stay small when compressed."""

import gzip

from dashboard.http.static_storage import without_comments
from tests.browser.pages import SIGNED_OUT_PAGES, pages_of

MAX_BYTES = 60_000
FILES = """performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => /\\.(js|css)(\\?|$)/.test(name))"""


def test_no_page_ships_more_than_60_kilobytes(open_browser, owner, team, add_runs, capsys):
    sizes: dict[str, int] = {}
    weights: dict[str, int] = {}
    for user, pages in ((None, SIGNED_OUT_PAGES), (owner, pages_of(team, add_runs))):
        browser = open_browser(user)
        browser.expects = ("status of 404",)
        page = browser.page()
        for name, path in pages.items():
            page.goto(path)
            files = set(page.evaluate(FILES))
            for file in files - sizes.keys():
                body = page.request.get(file).body()
                sent = body if "django_htmx" in file else without_comments(body)
                sizes[file] = len(gzip.compress(sent, mtime=0))
            weights[name] = sum(sizes[file] for file in files)
    with capsys.disabled():
        for name in sorted(weights, key=lambda name: -weights[name]):
            print(f"\n{weights[name] / 1000:6.1f} kB  {name}", end="")
    assert min(weights.values()) > 10_000  # htmx alone is larger
    assert {name: weight for name, weight in weights.items() if weight > MAX_BYTES} == {}

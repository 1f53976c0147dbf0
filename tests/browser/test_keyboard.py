"""Tests that the focus stays visible while the user moves through a page by keyboard."""

import pytest

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pages import pages_of

# Returns the focused element if others cover all of it, "" if any part is visible, and "the end" without a focus.
HIDDEN_FOCUS = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return "the end";
  const box = focused.getBoundingClientRect();
  const parts = [0.1, 0.5, 0.9];
  const isSeen = parts.flatMap((x) => parts.map((y) => [x, y])).some(([x, y]) => {
    const top = document.elementFromPoint(box.x + box.width * x, box.y + box.height * y);
    return top && (focused.contains(top) || top.contains(focused) && top.matches("label, summary, li"));
  });
  return isSeen ? "" : focused.outerHTML.slice(0, 200);
}"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_focus_is_never_hidden(open_browser, owner, team, add_runs, size):
    pages = pages_of(team, add_runs)
    page = open_browser(owner, size, reduced_motion="reduce").page()
    hidden = []
    for name in ("runs", "team", "found", "run 48230", "activity"):
        page.goto(pages[name])
        for key in ("Tab", "Shift+Tab"):
            for _ in range(60):
                page.keyboard.press(key)
                if (element := page.evaluate(HIDDEN_FOCUS)) == "the end":
                    break
                if element:
                    hidden.append((name, key, element))
    assert hidden == []

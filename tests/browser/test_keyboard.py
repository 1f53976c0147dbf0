"""Is every page worked with the keyboard alone, and does one always see where one is?"""

import pytest

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pages import pages_of

# Does something else lie over all of what has the focus?
HIDDEN = """() => {
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


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_the_focus_is_never_hidden(visit, owner, team, add_runs, size):
    pages = pages_of(team, add_runs)
    page = visit(owner, size, reduced_motion="reduce").page()
    hidden = []
    for name in ("runs", "team", "found", "run 48230", "activity"):
        page.goto(pages[name])
        for key in ("Tab", "Shift+Tab"):
            for _ in range(60):
                page.keyboard.press(key)
                if (said := page.evaluate(HIDDEN)) == "the end":
                    break
                if said:
                    hidden.append((name, key, said))
    assert hidden == []

// Selects runs for bulk actions: a whole page, a range with Shift, and everything that matches. The checkboxes hold the
// selection, and keep it when their rows are swapped.

import { isComposing } from "./keys.js";

const boxes = () => [...document.querySelectorAll('[name="pk"]')];
const pageBox = () => document.getElementById("select-page");
const allBox = () => document.querySelector('#bulk-bar [name="all"]');

let from; // the box clicked last: a range with Shift begins there

function show() {
  if (!pageBox()) return;
  const all = boxes();
  const selected = all.filter((box) => box.checked).length;
  pageBox().checked = selected > 0 && selected === all.length;
  pageBox().indeterminate = selected > 0 && selected < all.length;
  const count = allBox()?.checked ? allBox().dataset.count : selected;
  const output = document.querySelector("#bulk-bar output");
  output.textContent = output.dataset.words.replace("{n}", count);
}

document.addEventListener("click", (event) => {
  if (event.target.name !== "pk") return;
  const all = boxes();
  const [first, last] = [all.indexOf(from), all.indexOf(event.target)].sort((one, other) => one - other);
  if (event.shiftKey && first >= 0) {
    for (const box of all.slice(first, last + 1)) box.checked = event.target.checked;
  }
  from = event.target;
});

// Space ticks a box; Enter would submit its form. In a field of a menu, Enter presses that menu's button: the form's
// own first one is another menu's.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || isComposing(event)) return;
  if (event.target.matches('[type="checkbox"]')) event.preventDefault();
  const button = event.target.matches("input") && event.target.closest("#bulk-bar .tag-menu")?.querySelector(".primary");
  if (!button) return;
  event.preventDefault();
  button.click();
});

document.addEventListener("change", ({ target }) => {
  if (target === pageBox() || (target === allBox() && target.checked)) {
    for (const box of boxes()) box.checked = target.checked;
  }
  // "All matching" no longer holds once one box is cleared.
  if (allBox() && (target.name === "pk" || target === pageBox()) && !target.checked) allBox().checked = false;
  show();
});

document.addEventListener("reset", () => setTimeout(show));
document.addEventListener("htmx:afterSettle", show);
window.addEventListener("pageshow", show);

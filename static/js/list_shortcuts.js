// Keys of the list of runs: j and k move through the rows, x selects one with its box, Enter opens the focused run.

import { shortcutKey } from "./keys.js";

const links = () => [...document.querySelectorAll('.runs td.run-title a[id$="-link"]')];

function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement.closest("tr")?.querySelector('a[id$="-link"]'));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  next?.focus();
  next?.closest("tr").scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  const isTyping = target.isContentEditable || target.matches('input:not([type="checkbox"]), textarea, select');
  if (isTyping || "shortcutsOff" in document.documentElement.dataset) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const key = shortcutKey(event);
  if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
  else if (key === "x") target.closest("tr")?.querySelector('[name="pk"]')?.click();
  else return;
  event.preventDefault();
});

// The box of a menu over the selection has the focus when the menu opens.
document.addEventListener("toggle", ({ target }) => {
  if (target.matches("#bulk-bar .menu[open], .views-menu[open]")) target.querySelector("input:not([type])")?.focus();
}, true);

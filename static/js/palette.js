// The command palette: Ctrl or ⌘ K opens a list of places; typing narrows it, the arrow keys choose, Enter goes there.

import { isComposing, shortcutKey } from "./keys.js";

const palette = document.getElementById("palette");
const box = palette.querySelector("input");

let isEnterPending = false; // Enter was pressed before the entries for the typed text arrived

const entries = () => document.getElementById("palette-entries");
const chosen = () => entries().querySelector('[aria-selected="true"]');

function open() {
  if (palette.open) return;
  box.value = "";
  isEnterPending = false;
  palette.showModal();
  htmx.trigger(box, "open");
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", option?.id ?? "");
}

function step(by) {
  const options = [...entries().querySelectorAll('[role="option"]')];
  choose(options.at((options.indexOf(chosen()) + by) % options.length));
}

function go() {
  isEnterPending = entries().dataset.q !== box.value;
  if (!isEnterPending) chosen()?.click();
}

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || shortcutKey(event) !== "k") return;
  event.preventDefault();
  if (palette.open) palette.close();
  else open();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette]")) open();
});

palette.addEventListener("keydown", (event) => {
  if (isComposing(event)) return;
  const act = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Enter: go }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// What is typed on was not meant by the Enter before it, whose entries never came.
box.addEventListener("input", () => (isEnterPending = false));

palette.addEventListener("click", (event) => {
  // A click on the backdrop has the dialog itself as its target.
  if (event.target === palette || event.target.closest('[role="option"]')) palette.close();
});

palette.addEventListener("htmx:afterSettle", () => {
  choose(entries().querySelector('[role="option"]'));
  if (isEnterPending) go();
});

// Without a connection no entries come. The message that says so is behind the dialog, so the dialog repeats it.
const connection = document.getElementById("connection");
const note = palette.querySelector("[role=status]");

function repeatMessage() {
  note.firstElementChild.textContent = connection.textContent;
  note.hidden = !connection.textContent;
}

new MutationObserver(repeatMessage).observe(connection, { childList: true });
repeatMessage();

if (/Mac|iP(hone|ad)/.test(navigator.platform)) document.querySelector("[data-palette] kbd").textContent = "⌘ K";

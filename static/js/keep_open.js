// Keeps what a person has opened, and the keyboard focus, where a part of the page is replaced. The server renders every
// part anew with its menus closed, and htmx itself finds the focused element again only by an id of its own.

// What tells an element from its neighbours, whatever else has changed about it.
const NAMES = ["rel", "href", "name", "class"];

/** Return the element that stands for a removed one now: alike, at the same place in the same part of the page. */
function successorOf(removed) {
  const part = removed.closest("[id]");
  const name = NAMES.find((attribute) => removed.hasAttribute(attribute));
  const alike = removed.localName + (name ? `[${name}="${CSS.escape(removed.getAttribute(name))}"]` : "");
  const now = part && document.getElementById(part.id);
  if (part === removed || !now) return now;
  return now.querySelectorAll(alike)[[...part.querySelectorAll(alike)].indexOf(removed)];
}

/** Focus the element, or the button of the closed menu that it is in. */
function focus(element, { selectionStart, selectionEnd }) {
  const closed = element.closest("details:not([open])");
  (element.matches("summary") || !closed ? element : closed.querySelector("summary")).focus({ preventScroll: true });
  if (selectionEnd && element.setSelectionRange) element.setSelectionRange(selectionStart, selectionEnd);
}

let before; // the page before a swap: its details, the focused element, and whether a poll is answered

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.shouldSwap) return;
  before = {
    details: [...document.querySelectorAll("main details")],
    focused: document.activeElement,
    isPoll: detail.requestConfig.elt.matches("[data-poll]"),
  };
});

document.addEventListener("htmx:afterSwap", () => {
  if (!before) return;
  const { details, focused, isPoll } = before;
  before = undefined;
  for (const removed of details) {
    // A choice in a menu closes it.
    if (removed.isConnected || (removed.matches(".menu") && !isPoll)) continue;
    const successor = successorOf(removed);
    if (successor) successor.open = removed.open;
  }
  if (focused.isConnected || document.activeElement !== document.body) return;
  const successor = successorOf(focused);
  if (successor) focus(successor, focused);
});

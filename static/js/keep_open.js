// Keeps what a person has opened or typed, and the keyboard focus, where a part of the page is replaced. The server renders
// every part anew with its menus closed and its fields as stored, and htmx itself finds the focused element again only by
// an id of its own.

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

// Other scripts keep these fields, or set them themselves.
const KEPT_ELSEWHERE = "#find *, #speed, .audio-controls *, .select-box, [type=hidden], [type=file], [type=password]";

/** Tell whether a field's value is another one than the page came with. */
function isTyped(field) {
  if (/checkbox|radio/.test(field.type)) return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  const chosen = [...field.options].filter((option) => option.defaultSelected);
  if (!field.multiple) return field.selectedIndex !== (chosen.at(-1)?.index ?? 0);
  return [...field.options].some((option) => option.selected !== option.defaultSelected);
}

/** Give a field the value that was typed in the one it replaces. */
function copyTyped(removed, field) {
  if (removed.type !== field.type) return;
  if (field.options) {
    const chosen = [...removed.selectedOptions].map(({ value }) => value);
    for (const option of field.options) option.selected = chosen.includes(option.value);
  } else if (/checkbox|radio/.test(field.type)) field.checked = removed.checked;
  else field.value = removed.value;
}

let before; // the page before a swap: its details, what is typed, the focused element, and whether a poll is answered

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.shouldSwap) return;
  const sent = detail.requestConfig.elt.closest("form"); // its answer says what its fields hold now
  const fields = [...document.querySelectorAll("main :is(input, select, textarea)")];
  before = {
    details: [...document.querySelectorAll("main details")],
    typed: fields.filter((field) => (!sent || field.form !== sent) && !field.matches(KEPT_ELSEWHERE) && isTyped(field)),
    focused: document.activeElement,
    isPoll: detail.requestConfig.elt.matches("[data-poll]"),
  };
});

document.addEventListener("htmx:afterSwap", () => {
  if (!before) return;
  const { details, typed, focused, isPoll } = before;
  before = undefined;
  for (const removed of typed) {
    const successor = removed.isConnected ? undefined : successorOf(removed);
    if (successor) copyTyped(removed, successor);
  }
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

// Edits a run's title or language in place: a form replaces the text; Escape and saving bring the text back. Also
// completes several tags in one box: the list offers names for the text after the last comma.

import { isComposing } from "./keys.js";

const PLACES = ".run-title, .run-languages";
const FORMS = ".title-form, .language-form";
const OPENERS = ".rename, .edit-language";
const places = new WeakMap(); // a sent form → where it was, as its row may be replaced by the answer

function close(form) {
  const container = form.closest(PLACES);
  form.remove();
  container.querySelector(OPENERS)?.focus();
}

/** Return a function that finds the element around a form again, also in a row that has replaced the form's. */
function placeOf(form) {
  const place = form.closest(PLACES);
  const row = place.closest("tr[id]")?.id;
  const kind = place.matches(".run-title") ? ".run-title" : ".run-languages";
  return () => (row ? document.getElementById(row)?.querySelector(kind) : place);
}

document.addEventListener("focusin", (event) => {
  const form = event.target.matches("input") ? event.target.closest(FORMS) : null;
  if (form?.closest(PLACES)) event.target.select();
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(FORMS);
  if (form?.closest(PLACES) && event.key === "Escape" && !isComposing(event)) close(form);
});

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-cancel]")?.closest(FORMS);
  if (!form?.closest(PLACES)) return;
  event.preventDefault();
  close(form);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches(FORMS)) places.set(elt, placeOf(elt));
  // A second click while the form is open would add a second form.
  if (elt.matches(OPENERS) && elt.closest(PLACES).querySelector(FORMS)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const place = places.get(event.detail.requestConfig.elt);
  if (place && event.detail.successful) place()?.querySelector(OPENERS)?.focus();
});

document.addEventListener("input", ({ target }) => {
  if (target.getAttribute("list") !== "team-tags") return;
  const [before] = target.value.match(/^.*,\s*/) ?? [""];
  for (const option of target.list.options) {
    option.dataset.name ??= option.value;
    option.value = before + option.dataset.name;
  }
});

// Edits a run's title or language in place: a form replaces the text; Escape and saving bring the text back.

const PLACES = ".run-title, .run-languages";
const FORMS = ".title-form, .language-form";
const OPENERS = ".rename, .edit-language";
const containers = new WeakMap(); // a sent form → the element that contained it

function close(form) {
  const container = form.closest(PLACES);
  form.remove();
  container.querySelector(OPENERS)?.focus();
}

document.addEventListener("focusin", (event) => {
  const form = event.target.matches("input") ? event.target.closest(FORMS) : null;
  if (form?.closest(PLACES)) event.target.select();
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(FORMS);
  if (form?.closest(PLACES) && event.key === "Escape") close(form);
});

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-cancel]")?.closest(FORMS);
  if (!form?.closest(PLACES)) return;
  event.preventDefault();
  close(form);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches(FORMS)) containers.set(elt, elt.closest(PLACES));
  // A second click while the form is open would add a second form.
  if (elt.matches(OPENERS) && elt.closest(PLACES).querySelector(FORMS)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const container = containers.get(event.detail.requestConfig.elt);
  if (container && event.detail.successful) container.querySelector(OPENERS)?.focus();
});

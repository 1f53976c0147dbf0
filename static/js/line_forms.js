// The forms in the transcript and its speakers: to dismiss a review check, and to rename a speaker.

import { isComposing } from "./keys.js";

// A form that opens comes into view with its buttons: on a phone the focus alone shows its first field.
document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.matches("form[data-editing]")) elt.scrollIntoView({ block: "nearest" });
});

// The form that dismisses a check opens below the check.
document.addEventListener("click", (event) => {
  const box = event.target.closest("#cues .check");
  const link = event.target.closest("a");
  if (!box || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const form = box.querySelector(".check-form");
  if (form) return closeForm(form);
  if (box.dataset.opening) return; // a second click would open a second form
  box.dataset.opening = "yes";
  htmx
    .ajax("GET", link.href, { target: box, swap: "beforeend", select: ".check-form" })
    .catch(() => {})
    .finally(() => delete box.dataset.opening);
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(".check-form");
  if (form && event.key === "Escape" && !isComposing(event)) closeForm(form);
});

function closeForm(form) {
  form.previousElementSibling.focus();
  form.remove();
}

// The page counts and draws what is left.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const box = detail.requestConfig.elt.closest?.(".check");
  if (!box || detail.requestConfig.verb !== "post") return;
  const source = document.getElementById("review-checks");
  htmx.ajax("GET", location.href, { source, target: source, select: "#review-checks", swap: "outerHTML" });
});

// ---- Speakers ---------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !isComposing(event)) event.target.closest(".speaker-form")?.querySelector("[data-cancel]").click();
});

// A form that is open stays when another answer replaces the list, as that of a speaker's chip: the person looks at what
// the speaker says to find the name. It is sent from where the page is now.
let kept; // the open form, and the name by which its button is found in the new list

const openerOf = (form) => form.closest("li").querySelector(".icon-button");

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const form = document.querySelector("#speakers .speaker-form");
  kept = form && !form.contains(detail.requestConfig.elt) ? { form, label: openerOf(form).ariaLabel, path: location.pathname } : undefined;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!kept || kept.form.isConnected) return;
  const { form, label, path } = kept;
  kept = undefined;
  const opener = [...document.querySelectorAll("#speakers .icon-button")].find((button) => button.ariaLabel === label);
  if (!opener || location.pathname !== path) return;
  opener.closest("li").append(form);
  form.action = opener.href;
  form.setAttribute("hx-post", opener.href);
  const cancel = form.querySelector("[data-cancel]");
  cancel.href = location.href;
  cancel.setAttribute("hx-get", location.href);
  htmx.process(form);
});

// When the form is removed, the focus returns to the button that opened it.
let openerId;

// A chip that is pressed while a name is being saved waits for it: its answer could come with the old name.
let isSaving;
let pressedId;

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches(".speaker-form")) isSaving = !event.defaultPrevented;
  if (isSaving && elt.matches("#speakers .chip")) {
    event.preventDefault();
    pressedId = elt.id;
  }
  if (!elt.matches("#speakers .icon-button")) return;
  openerId = elt.id;
  // A second click while the form is open would add a second form.
  if (document.querySelector("#speakers .speaker-form")) event.preventDefault();
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!detail.requestConfig.elt.closest(".speaker-form")) return;
  document.getElementById(openerId)?.focus();
  isSaving = false;
  document.getElementById(pressedId)?.click();
  pressedId = undefined;
});
document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
  if (!successful && elt.matches(".speaker-form")) isSaving = pressedId = undefined;
});

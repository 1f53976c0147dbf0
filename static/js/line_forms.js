// The forms in the transcript and its speakers: to dismiss a review check, and to rename a speaker.

import { isComposing } from "./keys.js";

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

// When the form is removed, the focus returns to the button that opened it.
let openerId;

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (!elt.matches("#speakers .icon-button")) return;
  openerId = elt.id;
  // A second click while the form is open would add a second form.
  if (document.querySelector("#speakers .speaker-form")) event.preventDefault();
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig.elt.closest(".speaker-form")) document.getElementById(openerId)?.focus();
});

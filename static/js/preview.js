// Keeps the preview of the Add runs page and its buttons true to the text: while the text no longer belongs to the
// preview, nothing can be added. A choice of how the text is read makes a new preview.

const form = document.getElementById("add-form");

let asked; // the text that the preview on its way is of

function turnOff() {
  for (const button of document.querySelectorAll("#preview button[name]")) button.disabled = true;
}

form.addEventListener("input", turnOff);
document.addEventListener("htmx:configRequest", ({ detail: { elt } }) => {
  if (elt === form) asked = form.elements.text.value;
});
document.addEventListener("htmx:afterSwap", () => {
  // The answer to an earlier text may come last.
  if (asked !== undefined && form.elements.text.value !== asked) turnOff();
});
document.addEventListener("change", (event) => {
  if (!event.target.closest("#preview select")) return;
  turnOff();
  htmx.trigger(form, "preview");
});

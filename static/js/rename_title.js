// Renames a run in place: a form replaces the title; Escape and saving bring the title back.

const containers = new WeakMap(); // a sent form → the element that contained it

function close(form) {
  const container = form.closest(".run-title");
  form.remove();
  container.querySelector(".rename")?.focus();
}

document.addEventListener("focusin", (event) => {
  if (event.target.matches(".run-title .title-form input")) event.target.select();
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(".run-title .title-form");
  if (form && event.key === "Escape") close(form);
});

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-cancel]")?.closest(".run-title .title-form");
  if (!form) return;
  event.preventDefault();
  close(form);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches(".title-form")) containers.set(elt, elt.closest(".run-title"));
  // A second click while the form is open would add a second form.
  if (elt.matches(".rename") && elt.closest(".run-title").querySelector("form")) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const container = containers.get(event.detail.requestConfig.elt);
  if (container && event.detail.successful) container.querySelector(".rename")?.focus();
});

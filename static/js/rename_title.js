// How does renaming in place feel? The form stands in for the title; Escape puts the title back, and so does saving.

const holders = new WeakMap(); // a form that was sent → where it stood

function close(form) {
  const holder = form.closest(".run-title");
  form.remove();
  holder.querySelector(".rename")?.focus();
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
  if (elt.matches(".title-form")) holders.set(elt, elt.closest(".run-title"));
  // A second click while the form is there would bring a second one.
  if (elt.matches(".rename") && elt.closest(".run-title").querySelector("form")) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const holder = holders.get(event.detail.requestConfig.elt);
  if (holder && event.detail.successful) holder.querySelector(".rename")?.focus();
});

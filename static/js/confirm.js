// Asks in a dialog before something is lost. The answer of a page that asks is put into #confirm; without script the
// page itself asks. Escape and Cancel close the dialog, and the focus returns to the button that opened it.

const dialog = () => document.getElementById("confirm");

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target !== dialog() || !dialog().querySelector("form") || dialog().open) return;
  dialog().showModal();
  dialog().addEventListener("close", () => dialog().replaceChildren(), { once: true });
});

document.addEventListener("click", (event) => {
  // A click on the backdrop has the dialog itself as its target.
  if (event.target !== dialog() && !event.target.closest("#confirm [data-close]")) return;
  event.preventDefault();
  dialog().close();
});

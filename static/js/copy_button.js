// How does what a page shows to be taken elsewhere, a sample, a token, a link, get onto the clipboard?

import { copy } from "./clipboard.js";

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const shown = button.parentElement.querySelector("pre, input");
  copy(shown.value ?? shown.textContent, button);
});

// Copies what a page shows beside a copy button: a sample, a token or a link.

import { copy } from "./clipboard.js";

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const shown = button.parentElement.querySelector("pre, input");
  copy(shown.value ?? shown.textContent, button);
});

// How does a sample get from the page into a shell?

import { copy } from "./copy.js";

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (button) copy(button.parentElement.querySelector("pre").textContent, button);
});

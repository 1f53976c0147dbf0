// How is something taken along on the clipboard, and how does a link to a moment of the dub read?

/** The address of this run's dub at this second. */
export function linkTo(second) {
  const link = new URL(location.pathname, location.origin);
  link.searchParams.set("dub", document.getElementById("dub").dataset.language);
  link.searchParams.set("t", String(second));
  return link.href;
}

/** Put the text on the clipboard and have the button say so for a while. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyByHand(text);
  }
  const label = button.querySelector("span");
  const { copied } = button.closest("[data-copied]")?.dataset ?? document.getElementById("dub").dataset;
  label.dataset.says ??= label.textContent;
  label.textContent = document.getElementById("live").textContent = copied;
  button.classList.add("is-done");
  setTimeout(() => {
    label.textContent = label.dataset.says;
    button.classList.remove("is-done");
  }, 1500);
}

/** Browsers keep the clipboard from pages that came over plain http, and some ask for leave first. */
function copyByHand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  const { activeElement } = document;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  activeElement?.focus();
}

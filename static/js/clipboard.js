// Copies text to the clipboard, and builds the link to a second of the dub.

/** Return the address of this run's dub at this second. */
export function linkTo(second) {
  const link = new URL(location.pathname, location.origin);
  link.searchParams.set("dub", document.getElementById("dub").dataset.language);
  link.searchParams.set("t", String(second));
  return link.href;
}

/** Copy the text, and show "Copied" on the button for 1.5 seconds once it is. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyFromField(text)) return;
  }
  const label = button.querySelector("span");
  const { copied } = button.closest("[data-copied]")?.dataset ?? document.getElementById("dub").dataset;
  label.dataset.original ??= label.textContent;
  label.textContent = document.getElementById("live").textContent = copied;
  button.classList.add("is-done");
  setTimeout(() => {
    label.textContent = label.dataset.original;
    button.classList.remove("is-done");
  }, 1500);
}

/** Copy without the clipboard API, which browsers deny to plain http pages, and some grant only after a prompt. */
function copyFromField(text) {
  const selection = getSelection();
  const ranges = Array.from({ length: selection.rangeCount }, (_, at) => selection.getRangeAt(at));
  const field = document.createElement("textarea");
  field.value = text;
  const { activeElement } = document;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  activeElement?.focus();
  selection.removeAllRanges();
  for (const range of ranges) selection.addRange(range);
  return isCopied;
}

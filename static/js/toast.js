// The message in the corner of every page.

let timer;

/** Show a message in the corner for 8 seconds; a screen reader reads it once. */
export function showToast(message) {
  const toast = document.getElementById("toast");
  toast.textContent = message;
  clearTimeout(timer);
  timer = setTimeout(() => toast.replaceChildren(), 8000);
}

// Behaviour of every page: menus that close, `/` and `?`, the theme, forms sent once, dialogs that
// ask, messages in the corner.

const root = document.documentElement;

function chosenTheme() {
  return root.dataset.theme ?? "system";
}

function chooseTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage is blocked: the choice holds for this page.
  }
  showTheme();
}

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosenTheme()));
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (button) chooseTheme(button.dataset.themeChoice);
  closeMenus(event.target.closest("details.menu"));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if ("shortcutsOff" in root.dataset || isTyping(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
  const box = document.getElementById("search-box");
  if (event.key === "/" && box) {
    event.preventDefault();
    box.focus();
    box.select();
  }
  if (event.key === "?" && !event.target.closest("dialog")) shortcuts()?.showModal();
});

// The list of shortcuts, which also switches them off. For who did, the person's menu opens it.
const shortcuts = () => document.getElementById("shortcuts");

document.addEventListener("click", ({ target }) => target.closest("[data-shortcuts]") && shortcuts().showModal());
document.addEventListener("change", ({ target }) => {
  if (target.name === "uses_shortcuts") root.toggleAttribute("data-shortcuts-off", !target.checked);
});

// A menu that opens beyond an edge of the page opens from the other end of its button; below the visible part of the page,
// it is scrolled into view.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches("main .menu[open]")) return;
    const list = target.querySelector(".menu-list");
    const { left, right } = list.getBoundingClientRect();
    if (left < 0 || right > root.clientWidth) list.classList.toggle("is-turned");
    list.scrollIntoView({ block: "nearest" });
  },
  true,
);

// The current tab is in sight, with the edge of the next one, where not all tabs fit beside each other.
function showCurrentTab(tabs) {
  const tab = tabs.querySelector("[aria-current]")?.getBoundingClientRect();
  const room = tabs.getBoundingClientRect();
  if (tab?.right > room.right - 32) tabs.scrollLeft += tab.right - room.right + 32;
  else if (tab?.left < room.left) tabs.scrollLeft += tab.left - room.left;
}

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  const inside = elt.querySelectorAll(".tabs");
  for (const tabs of elt.matches(".tabs") ? [elt] : inside) showCurrentTab(tabs);
});

// The first field that the server refused has the focus.
document.addEventListener("htmx:load", () => {
  if (document.activeElement === document.body) document.querySelector('main [aria-invalid="true"]')?.focus();
}, { once: true });

// A field whose text is meant to be copied is selected whole on focus.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("input[data-select]")) target.select();
});

// Text typed before htmx was listening triggers its requests now.
document.addEventListener("htmx:load", () => {
  for (const field of document.querySelectorAll("textarea, input[type=search]")) {
    if (field.value !== field.defaultValue) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}, { once: true });

// A form in flight is not sent again: on a slow connection a double click would create two teams.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || event.submitter?.matches("[data-download]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(release, 10000, form);
});

function release(form) {
  delete form.dataset.sent;
}

// On a page that the browser restores from its cache, forms can be sent again.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

// A page that asks before something is lost is shown in #confirm, as a dialog; without script the page itself asks.
// Escape and Cancel close it, and the focus returns to the button that opened it.
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

let toastTimer;

/** Show a message in the corner for 8 seconds; a screen reader reads it once. */
export function showToast(message) {
  const toast = document.getElementById("toast");
  toast.textContent = message;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.replaceChildren(), 8000);
}

// A failed poll is retried in silence; only a failed action of the user shows a message. connection.js tells of a
// server that cannot be reached.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.requestConfig?.elt?.matches("[data-poll]")) return;
  const { refused, failed } = document.getElementById("toast").dataset;
  showToast(event.detail.xhr?.status === 403 ? refused : failed);
});

showTheme();

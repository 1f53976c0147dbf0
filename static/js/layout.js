// What does the frame do by itself? Menus close, `/` finds the search box, the theme is remembered, trouble is told.

const root = document.documentElement;

function chosenTheme() {
  return root.dataset.theme ?? "system";
}

function choose(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage is blocked: the choice holds for this page.
  }
  showChoice();
}

function showChoice() {
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

/** Put a sentence in the corner; it leaves by itself and a screen reader reads it once. */
function tell(sentence) {
  const place = document.getElementById("trouble");
  place.textContent = sentence;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => place.replaceChildren(), 8000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (button) choose(button.dataset.themeChoice);
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
  if (event.key === "/" && !("keysOff" in root.dataset) && !isTyping(event.target) && !event.ctrlKey && !event.altKey && !event.metaKey) {
    const box = document.getElementById("search-box");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  }
});

// A menu that opens beyond the edge of what can be seen is brought into it.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.matches("main .menu[open]")) target.querySelector(".menu-list").scrollIntoView({ block: "nearest" });
  },
  true,
);

// What is there to be copied is selected whole.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("input[data-select]")) target.select();
});

// What was typed before the page could hear it is heard now.
document.addEventListener("htmx:load", () => {
  for (const field of document.querySelectorAll("textarea, input[type=search]")) {
    if (field.value !== field.defaultValue) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}, { once: true });

// What is on its way is not sent a second time: on a slow line a double click would make two teams.
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

// Back on a page that the browser has kept, its forms are free again.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

// A background poll that fails is asked again by itself; only what a person did is worth a sentence.
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.requestConfig?.elt?.matches("[data-poll]")) return;
    const place = document.getElementById("trouble");
    tell(event.detail.xhr?.status === 403 ? place.dataset.refused : place.dataset.failed);
  });
}

showChoice();

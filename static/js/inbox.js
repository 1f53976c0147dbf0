// The number of unread lines of the inbox in the page's title, and browser notifications while a tab is open.
// The number comes with the page's own polls. Only a hidden tab whose person asked for notifications asks for it by
// itself: the other polls pause there.

const HIDDEN_POLL_MS = 60000;
const CHOICE = "dubroom-notify";

const badge = () => document.getElementById("inbox-count");
const isWanted = () =>
  "Notification" in window && Notification.permission === "granted" && localStorage.getItem(CHOICE) === "on";

let newest = Number(badge()?.dataset.newest ?? 0);

function showCount() {
  const { count } = badge().dataset;
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = count === "0" ? title : `(${count}) ${title}`;
}

function notify() {
  const { text, team, page, newest: shown } = badge().dataset;
  if (Number(shown) <= newest) return;
  newest = Number(shown);
  if (!isWanted()) return;
  const notification = new Notification(team, { body: text, tag: `dubroom-${team}`, icon: document.querySelector("link[rel=icon]").href });
  notification.addEventListener("click", () => {
    window.focus();
    location.assign(page);
  });
}

document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id !== "inbox-count") return;
  showCount();
  notify();
});

setInterval(() => {
  if (!document.hidden || !badge() || !isWanted()) return;
  htmx.ajax("GET", badge().dataset.inbox, { swap: "none" });
}, HIDDEN_POLL_MS);

// A line whose link is followed is read.
document.addEventListener("click", (event) => {
  const line = event.target.closest(".inbox > [data-read]");
  const form = line?.querySelector("form");
  if (!form || !event.target.closest("a")) return;
  const data = new FormData(form);
  data.set("pk", line.dataset.read);
  fetch(form.action, { method: "POST", body: data, keepalive: true, redirect: "manual" });
});

const button = document.getElementById("browser-notifications");

function showChoice() {
  if (!button || !("Notification" in window)) return;
  const isDenied = Notification.permission === "denied";
  button.hidden = false;
  button.disabled = isDenied;
  button.textContent = button.dataset[isDenied ? "denied" : isWanted() ? "on" : "off"];
}

button?.addEventListener("click", async () => {
  if (isWanted()) localStorage.removeItem(CHOICE);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(CHOICE, "on");
  showChoice();
});

showChoice();

// The number of unread lines of the inbox in the page's title, and browser notifications while a tab is open.
// The number comes with the page's own polls. A page without them, or a hidden tab, where they pause, asks for it
// by itself.

const POLL_MS = 60000;
const SLOWEST_MS = 15 * POLL_MS;
// The person may no longer see the team.
const REFUSED = [403, 404];
const CHOICE = "dubroom-notify";

const badge = () => document.getElementById("inbox-count");
const isWanted = () =>
  "Notification" in window && Notification.permission === "granted" && localStorage.getItem(CHOICE) === "on";

let newest = Number(badge()?.dataset.newest ?? 0);

function showCount() {
  const { count } = badge().dataset;
  const title = document.title.replace(/^\(\d+\+?\) /, "");
  document.title = count === "0" ? title : `(${count}) ${title}`;
}

/** On the page of the inbox, offer the new lines: to insert them would move those that the person reads. */
function showNews() {
  const news = document.getElementById("inbox-news");
  if (!news?.hidden) return;
  news.hidden = false;
  document.getElementById("live").textContent = news.dataset.said;
}

function notify() {
  const { text, team, page, newest: shown, quiet } = badge().dataset;
  if (Number(shown) <= newest) return;
  showNews();
  if (quiet !== undefined) return; // told once the quiet hours are over
  newest = Number(shown);
  if (!isWanted()) return;
  const notification = new Notification(team, { body: text, tag: `dubroom-${team}`, icon: document.querySelector("link[rel=icon]").href });
  notification.addEventListener("click", () => {
    window.focus();
    location.assign(page);
  });
}

function update() {
  showCount();
  notify();
}

document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id === "inbox-count") update();
});

/** Whether polls of the page bring the number: those that put each part of their answer into its place. */
const isBrought = () => !document.hidden && document.querySelector("[data-poll][hx-swap=none]");

/** Fetch the number, and return whether to go on: not after a log-out, which redirects. Throws without an answer. */
async function fetchCount() {
  const response = await fetch(badge().dataset.inbox, { redirect: "manual", cache: "no-store" });
  if (response.type === "opaqueredirect" || REFUSED.includes(response.status)) return false;
  if (!response.ok) throw new Error(response.status);
  const html = await response.text();
  badge().outerHTML = html;
  update();
  return true;
}

async function poll(pauseMs) {
  let nextMs = POLL_MS;
  try {
    if (!isBrought() && !(await fetchCount())) return;
  } catch {
    nextMs = Math.min(pauseMs * 2, SLOWEST_MS);
  }
  setTimeout(poll, nextMs, nextMs);
}

if (badge()) setTimeout(poll, POLL_MS, POLL_MS);

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

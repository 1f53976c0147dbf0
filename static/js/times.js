// Shows times in the reader's language and time zone: <time data-relative> as "3m ago", <time data-local> as a date.
// A time with `data-due` is ahead and shows that text once it has passed; all others are past. `data-words` are the words
// around it, such as "next {time}".

// ---- The server's time, for browsers whose own clock is wrong ----

const ENOUGH_MS = 5000; // smaller differences are the time that a response took

// The page is a moment older than this script, so the server's time is at least this. Some pages name none.
const rendered = document.querySelector('meta[name="server-time"]')?.content ?? Date.now();
let aheadMs = Number(rendered) - Date.now();

/** Return the server's time in milliseconds since 1970. */
export const now = () => Date.now() + aheadMs;

// The clock may be set while a page is open.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const time = Date.parse(detail.xhr?.getResponseHeader("Date"));
  if (Math.abs(time - now()) > ENOUGH_MS) aheadMs = time - Date.now();
});

// ---- Times on the page ----

const language = document.documentElement.lang;
const timeZone = document.querySelector('meta[name="time-zone"]')?.content; // else the browser's own
const relative = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
const local = format("short");
const exact = format("medium");
const units = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** Return a format in the user's time zone, which an old browser may not know. */
function format(timeStyle) {
  const style = { dateStyle: "medium", timeStyle };
  try {
    return new Intl.DateTimeFormat(language, { ...style, timeZone });
  } catch {
    return new Intl.DateTimeFormat(language, style);
  }
}

function relativeText(element, date) {
  const { due, words = "{time}" } = element.dataset;
  const ahead = Math.round((date - now()) / 1000);
  if (due && ahead < 1) return due;
  const seconds = due ? ahead : Math.min(ahead, -1);
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
  return words.replace("{time}", relative.format(Math.trunc(seconds / size), unit));
}

function show() {
  for (const element of document.querySelectorAll("time[data-relative], time[data-local]")) {
    const date = new Date(element.dateTime);
    element.title = exact.format(date);
    const text = "local" in element.dataset ? local.format(date) : relativeText(element, date);
    if (element.textContent !== text) element.textContent = text;
  }
}

show();
document.addEventListener("htmx:load", show);
document.addEventListener("visibilitychange", show);
setInterval(() => document.hidden || show(), 1000);

// Tells the server the browser's time zone, for the user's first pages, and for the profile page to propose.
const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; Secure" : "";
const path = document.querySelector("meta[name=root]").content;
if (browserZone) document.cookie = `time_zone=${browserZone}; Path=${path}; Max-Age=31536000; SameSite=Lax${secure}`;

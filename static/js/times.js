// Shows times in the reader's language and time zone: <time data-relative> as "3m ago", <time data-local> as a date.

const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
const local = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const units = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

function relativeText(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

/** Return the text of a relative time. An announced time ("again in 40 s") that has passed shows its `data-due`. */
function textOf(element, date) {
  return element.dataset.due && date - Date.now() < 1000 ? element.dataset.due : relativeText(date);
}

function show() {
  for (const element of document.querySelectorAll("time[data-relative], time[data-local]")) {
    const date = new Date(element.dateTime);
    element.title = exact.format(date);
    const text = "local" in element.dataset ? local.format(date) : textOf(element, date);
    if (element.textContent !== text) element.textContent = text;
  }
}

show();
document.addEventListener("htmx:load", show);
document.addEventListener("visibilitychange", show);
setInterval(() => document.hidden || show(), 1000);

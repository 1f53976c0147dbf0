// When was that, for the person who looks? <time data-relative> becomes "3m ago", <time data-local> a local date.

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

function said(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

/** A moment that was announced ("again in 40 s") and has passed reads as its own word, not as "ago". */
function sentence(element, date) {
  return element.dataset.due && date - Date.now() < 1000 ? element.dataset.due : said(date);
}

function show() {
  for (const element of document.querySelectorAll("time[data-relative], time[data-local]")) {
    const date = new Date(element.dateTime);
    element.title = exact.format(date);
    const text = "local" in element.dataset ? local.format(date) : sentence(element, date);
    if (element.textContent !== text) element.textContent = text;
  }
}

show();
document.addEventListener("htmx:load", show);
document.addEventListener("visibilitychange", show);
setInterval(() => document.hidden || show(), 1000);

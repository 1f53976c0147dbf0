// Polls for changes, with exponential backoff. The server renders one element with `data-poll` and `hx-trigger="poll"` while
// something may change. Polls are quick after a change, slower while nothing happens, paused in a hidden tab, and over
// once the element is gone. An `idle` element is always polled at the slowest interval.

const QUICKEST_MS = 2000;
const SLOWEST_MS = 30000;
const TIMEOUT_MS = 20000;
// The user may no longer see the content, or it is gone. A reload shows the page that says so.
const REFUSED = [403, 404];

let intervalMs = QUICKEST_MS;
let timer;
let lastSince; // the `since` of the last poll
let repeatSince; // the `since` to poll with again, because the page did not take the last answer

const poller = () => document.querySelector("[data-poll]");
const isPoll = (event) => event.detail.requestConfig?.elt?.matches("[data-poll]");

function poll() {
  const element = poller();
  if (element && !document.hidden) htmx.trigger(element, "poll");
}

function schedule() {
  clearTimeout(timer);
  const element = poller();
  if (element && !document.hidden) timer = setTimeout(poll, element.dataset.poll === "idle" ? SLOWEST_MS : intervalMs);
}

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches("[data-poll]")) return;
  const { parameters } = event.detail;
  event.detail.timeout = TIMEOUT_MS;
  parameters.since = lastSince = repeatSince ?? parameters.since;
  repeatSince = undefined;
});

let isPollAnswer = false; // whether what is swapped now is the answer to a poll

document.addEventListener("htmx:beforeSwap", (event) => (isPollAnswer = Boolean(isPoll(event))));

// A part that is being edited is not replaced by a poll. Its change is requested again by the next poll, so the poller stays too.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (!isPollAnswer) return;
  const { target, fragment } = event.detail;
  // A screen reader would read the same news at each poll.
  if (target.id === "live" && fragment.textContent === target.textContent) return (event.detail.shouldSwap = false);
  const part = target.matches("[data-poll]") ? document : target;
  if (!part.querySelector("form[data-editing]")) return;
  event.detail.shouldSwap = false;
  repeatSince = lastSince;
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isPoll(event)) return;
  if (REFUSED.includes(event.detail.xhr.status)) return location.reload();
  if (!event.detail.successful) repeatSince = lastSince;
  const isChanged = event.detail.successful && event.detail.xhr.status !== 204 && repeatSince === undefined;
  intervalMs = isChanged ? QUICKEST_MS : Math.min(intervalMs * 1.5, SLOWEST_MS);
  schedule();
});

document.addEventListener("htmx:afterSettle", (event) => {
  // An action of the user may have added a poller to the page.
  if (!isPoll(event)) schedule();
  // The link that loads new rows is replaced with them: the keyboard focus moves to the first row.
  if (event.detail.requestConfig?.elt?.id === "runs-show") {
    document.querySelector("#runs-list td.run-title a")?.focus({ preventScroll: true });
  }
});

// No poll is sent while the connection is lost, so none would be scheduled after it.
for (const name of ["visibilitychange", "connection:back"]) {
  document.addEventListener(name, () => {
    intervalMs = QUICKEST_MS;
    if (document.hidden) clearTimeout(timer);
    else poll();
  });
}

schedule();

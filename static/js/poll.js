// When does the page ask again? The server prints one element with `data-poll` and `hx-trigger="poll"` while something
// may change: quick after a change, slower while nothing happens, silent in a hidden tab, over when it is gone. One that
// is `idle` is asked now and then.

const QUICKEST = 2000;
const SLOWEST = 30000;
// What the page shows is not this person's to see any more, or is gone: the page itself says so.
const REFUSED = [403, 404];

let wait = QUICKEST;
let timer;
let asked; // the `since` of the last poll
let held; // the `since` to ask with again, as what it brought did not come onto the page

const poller = () => document.querySelector("[data-poll]");
const isPoll = (event) => event.detail.requestConfig?.elt?.matches("[data-poll]");

function ask() {
  const element = poller();
  if (element && !document.hidden) htmx.trigger(element, "poll");
}

function plan() {
  clearTimeout(timer);
  const element = poller();
  if (element && !document.hidden) timer = setTimeout(ask, element.dataset.poll === "idle" ? SLOWEST : wait);
}

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches("[data-poll]")) return;
  const { parameters } = event.detail;
  parameters.since = asked = held ?? parameters.since;
  held = undefined;
});

// A part that is being edited is left alone, and its change is asked for again the next time; so the poller stays too.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  const part = target.matches("[data-poll]") ? document : target;
  if (!part.querySelector("form[data-editing]")) return;
  event.detail.shouldSwap = false;
  held = asked;
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isPoll(event)) return;
  if (REFUSED.includes(event.detail.xhr.status)) return location.reload();
  if (!event.detail.successful) held = asked;
  const changed = event.detail.successful && event.detail.xhr.status !== 204 && held === undefined;
  wait = changed ? QUICKEST : Math.min(wait * 1.5, SLOWEST);
  plan();
});

document.addEventListener("htmx:afterSettle", (event) => {
  // Something a person did may have brought a poller onto the page.
  if (!isPoll(event)) plan();
  // The link that brought new rows is gone with it: who used it by keyboard goes on at the first row.
  if (event.detail.requestConfig?.elt?.id === "runs-show") {
    document.querySelector("#runs-list .run-title a")?.focus({ preventScroll: true });
  }
});

document.addEventListener("visibilitychange", () => {
  wait = QUICKEST;
  if (document.hidden) clearTimeout(timer);
  else ask();
});

plan();

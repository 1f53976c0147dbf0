// Keeps what was typed while the server cannot be reached, says so, and goes on by itself once the server is back.
// It probes with an exponential backoff.
// Meanwhile nothing else is sent: a page that typed on would fill the console with errors, and the network with calls.

const FIRST_MS = 1000;
const SLOWEST_MS = 15000;
const PROBE_MS = 10000;

const message = document.getElementById("connection");
const waiting = new Set(); // elements whose request is sent again
let lastForm; // the form that was submitted last, with its button: one page can lead to one other only

// A browser without a network still reaches a server on its own machine.
const isOnThisMachine = /^(localhost|127\.|\[::1\])/.test(location.hostname);
const isOffline = () => !navigator.onLine && !isOnThisMachine;

let isLost = false;
let backoffMs = FIRST_MS;
let timer;

function lose(text = message.dataset.lost) {
  if (!isLost) backoffMs = FIRST_MS;
  isLost = true;
  message.textContent = text;
  clearTimeout(timer);
  // The browser tells when a machine that is offline has a network again.
  if (!isOffline()) timer = setTimeout(probe, backoffMs);
  backoffMs = Math.min(backoffMs * 1.5, SLOWEST_MS);
}

async function probe() {
  try {
    const answer = await fetch(message.dataset.alive, { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) });
    if (!answer.ok) throw new Error(answer.statusText); // a proxy answers while the server restarts
  } catch {
    return lose(message.textContent || undefined);
  }
  isLost = false;
  message.textContent = "";
  for (const element of waiting) if (element.isConnected) send(element);
  waiting.clear();
  const kept = lastForm;
  lastForm = undefined;
  document.dispatchEvent(new Event("connection:back"));
  if (kept?.form.isConnected) kept.form.requestSubmit(kept.button?.form === kept.form ? kept.button : null);
}

/** Send the element's request again, with the values that its fields have now. */
function send(element) {
  const verb = element.hasAttribute("hx-get") ? "get" : "post";
  htmx.ajax(verb, element.getAttribute(`hx-${verb}`), { source: element }).catch(() => {});
}

/** Whether the request changes nothing, so that it may be sent twice. Polls go on by themselves. */
function isRepeatable(element) {
  return (element.hasAttribute("hx-get") || "repeatable" in element.dataset) && !("poll" in element.dataset);
}

/** Call htmx's handler without its entries on the console: it logs each request that a newer one has replaced. */
function quietly(handle) {
  return function (event) {
    const { error } = console;
    console.error = () => {};
    try {
      handle.call(this, event);
    } finally {
      console.error = error;
    }
  };
}

document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
  for (const name of ["onabort", "onerror", "ontimeout"]) xhr[name] = quietly(xhr[name]);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isLost) return;
  event.preventDefault();
  const { elt } = event.detail;
  if (isRepeatable(elt)) waiting.add(elt);
  else if (!("poll" in elt.dataset)) message.textContent = message.dataset.unsent;
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, ({ detail: { elt } }) => {
    if (isRepeatable(elt)) waiting.add(elt);
    // The server may have received what changes something, so the person decides whether to send it again.
    lose("poll" in elt.dataset || isRepeatable(elt) ? undefined : message.dataset.unsent);
  });
}

// A form that is submitted now would lead to the browser's error page. Before htmx and layout.js see it.
document.addEventListener(
  "submit",
  (event) => {
    if (!isLost || event.target.method === "dialog") return;
    event.preventDefault();
    event.stopPropagation();
    if (lastForm && lastForm.form !== event.target) message.textContent = message.dataset.unsent;
    lastForm = { form: event.target, button: event.submitter };
  },
  true,
);

function loseNetwork() {
  if (isOffline()) lose();
  else probe();
}

window.addEventListener("offline", loseNetwork);
window.addEventListener("online", probe);
if (!navigator.onLine) loseNetwork();

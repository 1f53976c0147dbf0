// Keeps what was typed while the server cannot be reached, says so, and goes on by itself once the server is back.
// Meanwhile nothing else is sent: a page that typed on would fill the console with errors, and the network with calls.

const FIRST_MS = 1000;
const SLOWEST_MS = 15000;

const message = document.getElementById("connection");
const waiting = new Set(); // elements whose request is sent again
const forms = new Map(); // form → the button that submitted it

let isLost = false;
let pauseMs = FIRST_MS;
let timer;

function lose(text = message.dataset.lost) {
  if (!isLost) pauseMs = FIRST_MS;
  isLost = true;
  message.textContent = text;
  clearTimeout(timer);
  // The browser tells when a machine that is offline has a network again.
  if (navigator.onLine) timer = setTimeout(probe, pauseMs);
  pauseMs = Math.min(pauseMs * 1.5, SLOWEST_MS);
}

async function probe() {
  try {
    await fetch(message.dataset.alive, { cache: "no-store" });
  } catch {
    return lose(message.textContent);
  }
  isLost = false;
  message.textContent = "";
  for (const element of waiting) if (element.isConnected) send(element);
  for (const [form, button] of forms) if (form.isConnected) form.requestSubmit(button);
  waiting.clear();
  forms.clear();
  document.dispatchEvent(new Event("connection:back"));
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
    if (!isLost) return;
    event.preventDefault();
    event.stopPropagation();
    forms.set(event.target, event.submitter);
  },
  true,
);

window.addEventListener("offline", () => lose());
window.addEventListener("online", probe);
if (!navigator.onLine) lose();

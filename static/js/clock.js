// The server's time, for browsers whose own clock is wrong.

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

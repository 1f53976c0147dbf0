// The timeline of the dub: shows the player's position, seeks on a click, and zooms in on a stretch.

const MIN_SECONDS = 4; // the shortest stretch
const DRAG_PIXELS = 5; // a shorter drag is a click
const DRAW_PAUSE_MS = 200; // debounces drawing while the dub is zoomed
const MARK_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const MARKS = 8;
const SVG = "http://www.w3.org/2000/svg";

const media = () => document.getElementById("media");
const timeline = () => document.getElementById("timeline");
const marks = () => document.getElementById("time-marks");

let prepared; // the strip that has been prepared
let view; // the stretch in sight: { dub, from, to } in seconds; undefined while the whole dub is
let drawn; // the stretch that the strip was drawn for anew: { from, to } in seconds; undefined for the page's own
let isInView = true; // whether the player's position was in sight when it was last reported

/** Return the seconds that the timeline spans: the length of what plays, or until that is known the page's estimate. */
export function totalSeconds() {
  const { duration } = media();
  return Number.isFinite(duration) && duration > 0 ? duration : Number(timeline()?.dataset.total ?? 0) / 1000;
}

const start = () => view?.from ?? 0;
const span = () => (view ? view.to - view.from : totalSeconds());

function toColumn(second) {
  const { columns, length: linesMs } = timeline().dataset;
  return (second * 1000 * columns) / linesMs || 0;
}

function secondAt(clientX) {
  const { left, width } = timeline().getBoundingClientRect();
  return start() + Math.min(Math.max((clientX - left) / width, 0), 1) * span();
}

// ---- Drawing ----------------------------------------------------------------------------------------

function prepare() {
  if (!media() || !timeline()) return;
  if (timeline() !== prepared) {
    prepared = timeline();
    drawn = undefined;
    if (view?.dub !== prepared.dataset.dub) view = undefined;
    prepared.addEventListener("wheel", onWheel, { passive: false }); // on the strip alone, so that pages scroll freely
  }
  fit();
}

/** Show the stretch: columns are parts of the lines' length, and the media may be longer or shorter than they are. */
function fit() {
  timeline().setAttribute("viewBox", `${toColumn(start())} 0 ${toColumn(span()) || timeline().dataset.columns} 24`);
  showMarks();
  movePlayhead();
  const zoom = document.getElementById("zoom");
  if (!zoom) return;
  const [out, into] = zoom.querySelectorAll("[data-zoom]");
  out.disabled = !view;
  into.disabled = span() <= MIN_SECONDS;
  zoom.querySelector("[data-whole]").disabled = !view;
  if (!isDrawn()) drawSoon();
}

function showMarks() {
  marks()?.replaceChildren(...markedSeconds().map(timeMark));
}

/** Return the seconds to mark in the stretch: multiples of a round time, MARKS at most. */
function markedSeconds() {
  const longest = MARK_SECONDS.at(-1);
  const step = MARK_SECONDS.find((seconds) => span() <= seconds * MARKS) ?? longest * Math.ceil(span() / (longest * MARKS));
  const first = Math.ceil(start() / step);
  const every = Array.from({ length: MARKS + 1 }, (_, place) => (first + place) * step);
  // A mark close to an edge would have no room for its label.
  return every.filter((second) => second - start() > span() * 0.03 && start() + span() - second > span() * 0.03);
}

function timeMark(second) {
  const mark = document.createElementNS(SVG, "svg");
  mark.setAttribute("x", `${((second - start()) / span()) * 100}%`);
  mark.append(document.createElementNS(SVG, "path"), document.createElementNS(SVG, "text"));
  mark.firstChild.setAttribute("d", "M0 0V4");
  mark.lastChild.setAttribute("y", "13");
  mark.lastChild.textContent = clock(second);
  return mark;
}

/** Return a time as the page writes it: 1:05, or 1:02:05. */
export function clock(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, place) => String(part).padStart(place ? 2 : 1, "0")).join(":");
}

function movePlayhead() {
  const playhead = timeline().querySelector(".playhead");
  playhead.setAttribute("x", toColumn(media().currentTime));
  playhead.setAttribute("width", toColumn(span()) / 500 || 2);
}

/** Tell whether the strip holds the stretch and as much beside it, at about this size. */
function isDrawn() {
  const { from, to } = drawn ?? { from: 0, to: Math.max(Number(timeline().dataset.length) / 1000, totalSeconds()) };
  const size = (to - from) / span();
  return size > 0.7 && size < 1.4 && Math.abs(from - start()) < span() * 0.9;
}

let waiting;
let request;
let isZoomedByReader = false; // what moves along with the player is not announced over it

/** Load the strip of the stretch with single lines, once the stretch stays; until then it is only stretched. */
function drawSoon() {
  clearTimeout(waiting);
  request?.abort();
  waiting = setTimeout(draw, DRAW_PAUSE_MS);
}

async function draw() {
  if (!timeline() || !media()) return;
  const wanted = { from: start(), to: start() + span() };
  const strip = timeline();
  const address = new URL(strip.dataset.url, location.href);
  const find = document.querySelector("#find [name=find]")?.value ?? "";
  address.searchParams.set("find", find);
  address.searchParams.set("from", Math.round(wanted.from * 1000));
  address.searchParams.set("to", Math.round(wanted.to * 1000));
  request = new AbortController();
  try {
    const answer = await fetch(address, { signal: request.signal });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("timeline");
    if (!fresh || strip !== timeline() || fresh.dataset.dub !== strip.dataset.dub) return;
    strip.replaceChildren(...fresh.children);
    strip.dataset.columns = fresh.dataset.columns;
    drawn = wanted;
    fit();
    if (isZoomedByReader) announce();
    isZoomedByReader = false;
  } catch {
    // The strip stays as it is, only less sharp.
  }
}

function announce() {
  const { shows } = document.getElementById("zoom").dataset;
  const words = shows.replace("{from}", clock(start())).replace("{to}", clock(start() + span()));
  document.getElementById("live").textContent = words;
}

// What is found is drawn for the whole dub; in a stretch it needs more detail.
document.addEventListener("hits-drawn", () => {
  if (drawn && timeline()) drawSoon();
});

// ---- Zooming ----------------------------------------------------------------------------------------

function show(from, seconds) {
  const total = totalSeconds();
  const length = Math.min(Math.max(seconds, MIN_SECONDS), total);
  const first = Math.min(Math.max(from, 0), total - length);
  isZoomedByReader = true;
  view = length >= total * 0.98 ? undefined : { dub: timeline().dataset.dub, from: first, to: first + length };
  fit();
}

/** Zoom by this factor, and keep the second where it is on the strip. */
function zoomBy(factor, second) {
  const length = Math.max(span() / factor, MIN_SECONDS);
  show(second - ((second - start()) / span()) * length, length);
}

/** Zoom about the player's position, or the middle of the stretch if the position is out of sight. */
function zoomAtPosition(factor) {
  const at = media().currentTime;
  const isInSight = at >= start() && at <= start() + span();
  zoomBy(factor, isInSight ? at : start() + span() / 2);
}

function onWheel(event) {
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoomBy(2 ** (-event.deltaY / 150), secondAt(event.clientX));
  } else if (view && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    show(view.from + (event.deltaX / timeline().getBoundingClientRect().width) * span(), span());
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#zoom button");
  if (!button || !timeline()) return;
  if ("whole" in button.dataset) {
    show(0, Infinity);
    document.querySelector("#zoom [data-zoom='2']").focus(); // the button pressed is disabled now
  } else zoomAtPosition(Number(button.dataset.zoom));
});
document.addEventListener("timeline-zoom", ({ detail }) => {
  if (!timeline()) return;
  if (detail) zoomAtPosition(detail);
  else show(0, Infinity);
});

/** Move the stretch along with the player; not while the reader looks at another one. */
function follow(isSeek) {
  const at = media().currentTime;
  const isOut = view && (at < view.from || at > view.to);
  if (isOut && (isSeek || isInView) && !drag) {
    const length = span();
    const from = Math.max(0, Math.min(at - length * 0.1, totalSeconds() - length));
    view = { ...view, from, to: from + length };
    fit();
  }
  isInView = !view || (at >= view.from && at <= view.to);
  movePlayhead();
}

// ---- The pointer ------------------------------------------------------------------------------------

let drag; // while a button is down: { x, isScrub, isMoved }
let pinch; // while two fingers are on the strip: the seconds under them
const fingers = new Map(); // where each finger is on the strip, by its pointer

const seek = (event) => (media().currentTime = secondAt(event.clientX));

function isOnPlayhead(event) {
  const { left, right } = timeline().querySelector(".playhead").getBoundingClientRect();
  return event.clientX > left - 7 && event.clientX < right + 7;
}

function showSelection(from, to) {
  const selection = timeline().querySelector(".selection");
  selection.setAttribute("x", toColumn(Math.min(from, to)));
  selection.setAttribute("width", toColumn(Math.abs(to - from)));
}

function startPinch() {
  drag = undefined;
  pinch = [...fingers.values()].map(secondAt);
}

/** Keep the seconds that were under the two fingers under them. */
function movePinch() {
  const { left, width } = timeline().getBoundingClientRect();
  const [one, other] = fingers.values();
  const length = ((pinch[1] - pinch[0]) / (other - one)) * width;
  if (length > 0) show(pinch[0] - ((one - left) / width) * length, length);
}

function lift(event) {
  if (fingers.delete(event.pointerId)) pinch = undefined;
}

document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest?.("#timeline") || event.button !== 0) return;
  timeline().setPointerCapture(event.pointerId);
  const isTouch = event.pointerType === "touch";
  if (isTouch) fingers.set(event.pointerId, event.clientX);
  if (drag && fingers.size === 2) return startPinch();
  if (pinch) return;
  drag = { x: event.clientX, isScrub: isTouch || isOnPlayhead(event), isMoved: false };
});
document.addEventListener("pointermove", (event) => {
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.clientX);
  if (pinch && timeline()) return movePinch();
  if (!drag || !timeline()) return;
  drag.isMoved ||= Math.abs(event.clientX - drag.x) > DRAG_PIXELS;
  if (!drag.isMoved) return; // a second finger may come
  if (drag.isScrub) seek(event);
  else showSelection(secondAt(drag.x), secondAt(event.clientX));
});
document.addEventListener("pointerup", (event) => {
  lift(event);
  if (!drag || !timeline()) return;
  const { x, isScrub, isMoved } = drag;
  drag = undefined;
  showSelection(0, 0);
  if (!isMoved) return seek(event);
  if (isScrub) return;
  const [from, to] = [secondAt(x), secondAt(event.clientX)].sort((one, other) => one - other);
  show(Math.min(from, (from + to - MIN_SECONDS) / 2), to - from); // about the middle of what is too short
});
document.addEventListener("pointercancel", (event) => {
  lift(event);
  drag = undefined;
  if (timeline()) showSelection(0, 0);
});

for (const [name, handle] of [["durationchange", fit], ["timeupdate", () => follow(false)], ["seeking", () => follow(true)]]) {
  document.addEventListener(name, (event) => event.target.id === "media" && timeline() && handle(), true);
}
// After the swap, so that a replaced player is never seen without its marks.
for (const name of ["htmx:afterSwap", "htmx:load"]) document.addEventListener(name, prepare);
prepare();

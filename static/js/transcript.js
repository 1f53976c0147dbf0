// The transcript beside the player: highlights and follows the spoken line, shows what is found, and steps through the
// review checks.

import { isComposing } from "./keys.js";
import { isIncomplete, load as loadSection, missingAt, missingBeside, missingWith, view } from "./transcript_sections.js";

const root = document.documentElement;
const media = () => document.getElementById("media");
const list = () => document.getElementById("cues");

let lines = []; // the <li> of each cue, or of the aligned cues of two dubs, in order of time
let starts = []; // the seconds at which the lines begin
let current = -1;
let isFollowing = true;
let shown; // the list element that the state above was read from
let isFirst = true; // only the first dub begins where the address says; a later one continues at the position before

const withCommas = (number) => number.toLocaleString(root.lang);

function read() {
  if (list() === shown) return drawOnTimeline(); // the timeline may have been replaced alone
  shown = list();
  lines = shown ? [...shown.querySelectorAll(".part > li")] : [];
  starts = lines.map((line) => line.dataset.start / 1000);
  current = -1;
  isFollowing = true;
  matches = [];
  place = -1;
  found = undefined;
  const [, position] = /^#cue-(\d+)$/.exec(location.hash) ?? [];
  const target = position && shown?.querySelector(location.hash);
  const section = isFirst && position && !target && missingWith(Number(position));
  const at = Number(document.getElementById("dub").dataset.at);
  if (!isFirst) follow();
  else if (target) seek(target);
  else if (section) seekAwaited(Number(position));
  else if (at) setCurrent(indexAt(at));
  findAgain();
  isFirst = false;
}

function seekAwaited(position) {
  const section = missingWith(position);
  if (section) wait(section, () => seekAwaited(position));
  else seek(document.getElementById(`cue-${position}`));
}

const waitingForLines = new Set(); // what is done once more lines are there

/** Do this once the next section is there; it may wait again. The section is loaded before all others. */
function wait(section, act) {
  waitingForLines.add(act);
  if (section) loadSection(section);
}

/** Take over the lines of a section that has been loaded. */
function extend() {
  if (list() !== shown) return;
  const line = lines[current];
  lines = [...shown.querySelectorAll(".part > li")];
  starts = lines.map((each) => each.dataset.start / 1000);
  current = lines.indexOf(line);
  if (isFollowing && current >= 0) {
    followedTop = view().scroller.scrollTop;
    reveal(line);
  }
  if (found) markAgain();
  const acts = [...waitingForLines];
  waitingForLines.clear();
  for (const act of acts) act();
}

document.addEventListener("lines-loaded", extend);

/** Return the index of the last line that has begun at this second, or -1. */
function indexAt(second) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    // A seek may land slightly before the requested second.
    if (starts[middle] <= second + 0.02) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// ---- Following --------------------------------------------------------------------------------------

let timer;

function follow() {
  const element = media();
  if (!element) return;
  clearTimeout(timer);
  const section = missingAt(element.currentTime);
  setCurrent(section ? -1 : indexAt(element.currentTime));
  if (section) return wait(section, follow);
  const next = starts[current + 1];
  // The browser reports the time four times a second, which is too coarse for a line that is about to begin.
  if (!element.paused && next !== undefined) {
    timer = setTimeout(follow, Math.max(15, ((next - element.currentTime) / element.playbackRate) * 1000));
  }
}

function setCurrent(index) {
  if (index === current) return;
  if (current < 0 && isFollowing) startFollowing();
  lines[current]?.removeAttribute("aria-current");
  lines[index]?.setAttribute("aria-current", "true");
  current = index;
  showFollowing();
  if (isFollowing) reveal(lines[index]);
}

let followedTop; // the scroll position that following set last

function startFollowing() {
  isFollowing = true;
  followedTop = view().scroller.scrollTop;
}

/** Tell whether the reader has scrolled since, by any means: wheel, finger, keys, scroll bar, the browser's find. */
function isScrolledByReader() {
  const { scroller, top, bottom } = view();
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  if (Math.abs(scrollTop - followedTop) < 2) return false;
  // Lines that come near may turn out lower than estimated: then the end of the list moves up.
  if (scrollTop < followedTop && scrollTop + clientHeight > scrollHeight - 2) return false;
  // The browser scrolls to the line that the address names again once everything is loaded.
  const box = lines[current].getBoundingClientRect();
  return !lines[current].contains(document.querySelector(":target")) || box.bottom < top || box.top > bottom;
}

/** Scroll a line to the upper third, unless it is already well in view; return whether it scrolled. */
function scrollToLine(line) {
  const { scroller, top, bottom } = view();
  const box = line.getBoundingClientRect();
  if (box.top >= top && box.bottom <= top + (bottom - top) * 0.75) return false;
  scroller.scrollTop += box.top - top - (bottom - top) * 0.3;
  followedTop = scroller.scrollTop;
  return true;
}

let frame; // the next animation frame that corrects the position of a revealed line

function reveal(line) {
  cancelAnimationFrame(frame);
  if (!line || !scrollToLine(line)) return;
  // Distant lines get their real heights only when they come near, which moves this line for a few more frames.
  let frames = 10;
  const correct = () => {
    scrollToLine(line);
    if (--frames) frame = requestAnimationFrame(correct);
  };
  frame = requestAnimationFrame(correct);
}

function yieldToReader() {
  cancelAnimationFrame(frame);
  if (!isFollowing || current < 0) return;
  isFollowing = false;
  showFollowing();
}

function showFollowing() {
  // Scroll anchoring keeps the text in place when something above grows; while following, this script does.
  root.toggleAttribute("data-following", isFollowing && current >= 0);
  const chip = document.getElementById("back-to-line");
  if (!chip) return;
  chip.hidden = isFollowing || current < 0;
  if (chip.hidden) return;
  const clock = lines[current].querySelector("button, time").textContent;
  chip.querySelector("span").textContent = chip.dataset.label.replace("{time}", clock);
}

function backToLine() {
  startFollowing();
  showFollowing();
  reveal(lines[current]);
}

/** Seek to a cue, and keep its line in view; the player keeps playing, or stays paused. */
function seek(cue) {
  if (!cue) return;
  startFollowing();
  if (media()) media().currentTime = cue.dataset.start / 1000;
  setCurrent(lines.indexOf(cue.closest(".part > li")));
  showFollowing();
}

for (const name of ["timeupdate", "seeking", "play", "ratechange"]) {
  document.addEventListener(name, (event) => event.target.id === "media" && follow(), true);
}

// Following stops while the reader scrolls, selects words, or has the focus in a line.
document.addEventListener(
  "scroll",
  ({ target }) => {
    if (isFollowing && current >= 0 && shown.isConnected && target === view().scroller && isScrolledByReader()) yieldToReader();
  },
  true,
);
document.addEventListener("focusin", ({ target }) => target.matches("#cues :focus-visible") && yieldToReader());
document.addEventListener("selectionchange", () => {
  const { isCollapsed, anchorNode } = getSelection();
  if (!isCollapsed && shown?.contains(anchorNode)) yieldToReader();
});
window.addEventListener("resize", () => {
  if (isFollowing && current >= 0) backToLine();
});
document.addEventListener("cue-step", (event) => stepLine(event.detail));

function stepLine(step) {
  if (current < 0 && waitingForLines.size) return; // the current line is not there yet
  const section = lines[current] && missingBeside(lines[current], step);
  if (section) wait(section, () => stepLine(step));
  else seek(lines[Math.max(0, current + step)]);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#back-to-line")) return backToLine();
  const cue = event.target.closest("#cues .cue");
  if (event.target.closest(".line-menu, .check")) return yieldToReader();
  if (!cue || !media() || event.shiftKey) return;
  // A click that ends a selection of words is not a click on the line.
  if (!event.target.closest("button") && !getSelection().isCollapsed) return;
  seek(cue);
  media().play().catch(() => {});
});

// ---- Finding ----------------------------------------------------------------------------------------

const highlights = globalThis.Highlight && CSS.highlights;

let found; // the matches as the server named them last, by line
let matches = []; // a range per match, which is empty at the start of a line that no searched word stands in
let chosen = -1;
let typed = ""; // what the matches are of
let path = ""; // the matches on the timeline
let waiting;
let request;
let hasFailed = false; // whether the last load did not come

const FIND_PAUSE_MS = 120; // debounces the search while words are typed
const findForm = () => document.getElementById("find");
const findBox = () => findForm().querySelector("input[type=search]");

/** Take the matches that the server has marked over into ranges, so that each line is a single text again. */
function takeMarks() {
  const ranges = [];
  for (const line of shown.querySelectorAll(".is-found")) {
    const text = line.querySelector("p");
    const offsets = [];
    let at = 0;
    for (const node of text.childNodes) {
      const end = at + node.textContent.length;
      if (node.nodeName === "MARK") offsets.push(at, end);
      at = end;
    }
    text.textContent = text.textContent;
    ranges.push(...rangesOf(line, offsets));
  }
  return ranges;
}

function rangesOf(line, offsets) {
  const text = line.querySelector("p");
  const node = text.firstChild ?? text;
  const ranges = [];
  for (let i = 0; i < Math.max(offsets.length, 1); i += 2) {
    const [startOffset, endOffset] = offsets.length ? offsets.slice(i, i + 2) : [0, 0];
    ranges.push(new StaticRange({ startContainer: node, endContainer: node, startOffset, endOffset }));
  }
  return ranges;
}

/** Find what is typed in the transcript that was put into the page; its own marks may be of something older. */
function findAgain() {
  if (!findForm()) return;
  const ranges = takeMarks();
  const isTyped = !isFirst && findBox().value !== typed;
  if (isTyped) findBox().value = typed;
  typed = findBox().value;
  if (isTyped || (typed.trim() && isIncomplete())) return find(typed);
  show(ranges, document.querySelector("#timeline .hits")?.getAttribute("d") ?? "");
  // A hit that was opened is the current line already.
  if (current < 0) choose(nextMatch());
  else select(nextMatch());
}

function find(words) {
  typed = words;
  clearTimeout(waiting);
  request?.abort();
  if (words.trim()) waiting = setTimeout(load, FIND_PAUSE_MS);
  else show([], (found = ""));
}

/** Load the matches: the server finds them by the rules of the search, which folds spellings in every script. */
async function load() {
  const form = findForm();
  if (!form) return;
  hasFailed = false;
  request = new AbortController();
  try {
    const answer = await fetch(`${form.dataset.url}?${new URLSearchParams(new FormData(form))}`, { signal: request.signal });
    if (answer.redirected) return location.reload(); // the login page says why
    if (!answer.ok) throw new Error(answer.statusText);
    const named = await answer.json();
    if (form !== findForm()) return;
    found = named;
    showFound();
    if (matches.length) choose(nextMatch());
  } catch (error) {
    if (error.name === "AbortError") return;
    hasFailed = true;
    show([], (found = ""));
    form.querySelector("output").textContent = form.querySelector("output").dataset.failed;
  }
}

document.addEventListener("connection:back", () => hasFailed && find(typed));

function showFound() {
  const { lines: own = [], others = [], path: drawn = "" } = found;
  show([...rangesById("cue-", own), ...rangesById("other-", others)], drawn);
}

/** Mark what is found in the lines that have been loaded since, too; the chosen match stays. */
function markAgain() {
  const { startContainer, startOffset } = matches[chosen] ?? {};
  showFound();
  const place = matches.findIndex((range) => range.startContainer === startContainer && range.startOffset === startOffset);
  select(place < 0 ? nextMatch() : place);
}

function rangesById(prefix, found) {
  return found.flatMap(([position, ...offsets]) => {
    const line = document.getElementById(prefix + position);
    return line ? rangesOf(line, offsets) : [];
  });
}

function show(ranges, drawn) {
  const places = new Map(lines.map((line, place) => [line, place]));
  matches = ranges.sort((one, other) => places.get(lineOf(one)) - places.get(lineOf(other)));
  chosen = -1;
  path = drawn;
  drawOnTimeline();
  if (highlights) {
    const marked = new Highlight();
    for (const range of matches) marked.add(range); // there may be too many for arguments of a call
    highlights.set("found", marked);
  }
  showCount();
}

let drawnOn; // the timeline that the hits were drawn on last, and their path

/** Draw the hits, whose path is that of the whole dub; a stretch of it is drawn anew by timeline.js. */
function drawOnTimeline() {
  const timeline = document.getElementById("timeline");
  if (!timeline || (drawnOn?.timeline === timeline && drawnOn.path === path)) return;
  drawnOn = { timeline, path };
  const hits = timeline.querySelector(".hits");
  hits.setAttribute("d", path);
  hits.setAttribute("transform", `scale(${timeline.dataset.columns / timeline.dataset.across} 1)`);
  document.dispatchEvent(new CustomEvent("hits-drawn"));
}

/** Return the index of the first match in or after the current line. */
function nextMatch() {
  const from = starts[current] ?? 0;
  return Math.max(0, matches.findIndex((range) => Number(lineOf(range).dataset.start) / 1000 >= from));
}

const lineOf = (range) => range.startContainer.parentElement.closest(".part > li");

function choose(index) {
  if (!matches.length) return;
  select(index);
  yieldToReader();
  reveal(lineOf(matches[chosen]));
}

function select(index) {
  if (!matches.length) return;
  chosen = (index + matches.length) % matches.length;
  highlights?.set("found-now", Object.assign(new Highlight(matches[chosen]), { priority: 1 }));
  showCount();
}

function showCount() {
  const output = findForm().querySelector("output");
  const words = findBox().value.trim();
  const { of, none } = output.dataset;
  if (!matches.length) highlights?.delete("found-now");
  const more = isIncomplete() ? "…" : ""; // the count grows with the lines
  const count = matches.length ? of.replace("{n}", withCommas(chosen + 1)).replace("{m}", withCommas(matches.length)) : !more && none;
  output.textContent = words ? `${count || ""}${more}` : "";
}

document.addEventListener("input", (event) => event.target.closest("#find") && find(findBox().value));
document.addEventListener("submit", (event) => {
  if (event.target.id !== "find") return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#find [data-step]");
  if (button) choose(chosen + Number(button.dataset.step));
});
document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("#find input[type=search]") || isComposing(event)) return;
  if (event.key === "Enter") choose(chosen + (event.shiftKey ? -1 : 1));
  else if (event.key === "Escape") find((event.target.value = ""));
});

// ---- Review checks ----------------------------------------------------------------------------------

let place; // where the reader has stepped to among all checks, of which a dismissed one keeps its place; or -1

/** Step to the next open check before or after the place, and move the player to its line. */
function stepCheck(step) {
  if (isIncomplete()) return wait(undefined, () => stepCheck(step)); // all checks are counted
  const all = shown ? [...shown.querySelectorAll(".check")] : [];
  const open = all.filter((check) => !check.matches(".is-done"));
  if (!open.length) return;
  shown.querySelector(".check[data-now]")?.removeAttribute("data-now");
  if (place < 0 && step < 0) place = 0;
  do place = (place + step + all.length) % all.length;
  while (!open.includes(all[place]));
  const check = all[place];
  check.dataset.now = "";
  seek(check.closest(".cue"));
  reveal(check.closest(".part > li"));
  const output = document.querySelector("#review-checks [data-of]");
  const count = output.dataset.of.replace("{n}", withCommas(open.indexOf(check) + 1)).replace("{m}", withCommas(open.length));
  output.textContent = count;
  document.getElementById("live").textContent = `${count}: ${check.querySelector("small").textContent}`;
}

document.addEventListener("review-step", (event) => stepCheck(event.detail));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-review-step]");
  if (button) stepCheck(Number(button.dataset.reviewStep));
});

document.addEventListener("htmx:load", read);
read();

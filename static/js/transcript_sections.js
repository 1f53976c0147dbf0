// Loads the sections of a long transcript that the page came without, one after another, and keeps the place of the reader.

const RETRY_MS = 5000;
const PAUSE_MS = 50; // in which the page answers to the reader

const list = () => document.getElementById("cues");
const sections = () => [...document.querySelectorAll("#cues > [data-last]")];
const isMissing = (section) => Boolean(section?.matches(".more-lines"));
const ifMissing = (section) => (isMissing(section) ? section : undefined);

let wantedId; // the section that the reader has jumped to
let timer;

/** Return the scrolling element and its visible part: the box of the lines, or on a phone all below the player. */
export function view() {
  const box = list().parentElement;
  const isOwnBox = getComputedStyle(box).overflowY === "auto";
  const scroller = isOwnBox ? box : box.closest("main");
  const { top, bottom } = scroller.getBoundingClientRect();
  // A player without media scrolls away.
  const covered = isOwnBox ? top : document.querySelector(".player").getBoundingClientRect().bottom;
  return { scroller, top: Math.max(top, covered), bottom };
}

export const isIncomplete = () => sections().some(isMissing);

/** Return the section that is spoken at this second, if it is missing. */
export const missingAt = (second) => ifMissing(sections().findLast(({ dataset }) => dataset.start / 1000 <= second + 0.02));

/** Return the section with the line at this position, if it is missing. */
export const missingWith = (position) => ifMissing(sections().find(({ dataset }) => Number(dataset.last) >= position));

/** Return the section before or after this line, if the line is at that end of its own and the section is missing. */
export function missingBeside(line, step) {
  const own = line.closest("#cues > [data-last]");
  const lines = [...own.querySelectorAll(".part > li")];
  if (line !== lines.at(step > 0 ? -1 : 0)) return undefined;
  return ifMissing(step > 0 ? own.nextElementSibling : own.previousElementSibling);
}

/** Load this section before all others. */
export function load(section) {
  wantedId = section.id;
  loadNext();
}

function loadNext() {
  clearTimeout(timer);
  if (document.querySelector("#cues > .more-lines.htmx-request")) return;
  const all = sections();
  const after = all.slice(all.findIndex((section) => !isMissing(section)));
  const next = ifMissing(document.getElementById(wantedId)) ?? after.find(isMissing) ?? all.findLast(isMissing);
  if (next) htmx.trigger(next, "load-lines");
}

let kept; // a line in view and where it is, while a section is put into the page

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!isMissing(detail.requestConfig.elt) || !detail.shouldSwap) return;
  const { scroller, top } = view();
  const { left, width } = list().getBoundingClientRect();
  const [line] = [10, 60, 120]
    .map((down) => document.elementFromPoint(left + width / 2, top + down)?.closest("#cues .part > li"))
    .filter(Boolean);
  kept = line && { scroller, line, top: line.getBoundingClientRect().top };
  if (kept) scroller.style.overflowAnchor = "none"; // the browser must not correct the place a second time
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (!isMissing(detail.requestConfig.elt)) return;
  if (kept) {
    const { scroller, line, top } = kept;
    if (line.isConnected) scroller.scrollTop += line.getBoundingClientRect().top - top;
    scroller.style.overflowAnchor = ""; // lines above turn out lower than estimated: that the browser corrects
  }
  kept = undefined;
  document.dispatchEvent(new CustomEvent("lines-loaded"));
  timer = setTimeout(loadNext, PAUSE_MS);
});

document.addEventListener("htmx:afterRequest", ({ detail: { requestConfig, successful, xhr } }) => {
  if (isMissing(requestConfig.elt) && !successful && xhr.status >= 500) timer = setTimeout(loadNext, RETRY_MS);
});

for (const name of ["htmx:load", "connection:back"]) document.addEventListener(name, loadNext);
loadNext();

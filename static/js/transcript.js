// Which line is being spoken, where is it, and which lines say what is looked for?

const root = document.documentElement;
const media = () => document.getElementById("media");
const list = () => document.getElementById("cues");

let lines = []; // the <li> of each cue, or of those of two dubs that say the same, in order of time
let starts = []; // their seconds
let current = -1;
let isFollowing = true;
let shown; // the element that all this was read from
let isFirst = true; // only the page's address says where to begin; a later dub goes on where the one before was

function read() {
  if (list() === shown) return;
  shown = list();
  lines = shown ? [...shown.querySelectorAll(".part > li")] : [];
  starts = lines.map((line) => line.dataset.start / 1000);
  current = -1;
  isFollowing = true;
  found = [];
  hint = -1;
  const named = /^#cue-\d+$/.test(location.hash) && shown?.querySelector(location.hash);
  const at = Number(document.getElementById("dub").dataset.at);
  if (!isFirst) follow();
  else if (named) seek(named);
  else if (at) light(indexAt(at));
  isFirst = false;
}

/** The last line that has begun at this second, or -1. */
function indexAt(second) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    // A seek may land a hair before the second that was asked for.
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
  light(indexAt(element.currentTime));
  clearTimeout(timer);
  const next = starts[current + 1];
  // The browser tells the time four times a second, too coarse for a line that is about to begin.
  if (!element.paused && next !== undefined) {
    timer = setTimeout(follow, Math.max(15, ((next - element.currentTime) / element.playbackRate) * 1000));
  }
}

function light(index) {
  if (index === current) return;
  if (current < 0 && isFollowing) beginToFollow();
  lines[current]?.removeAttribute("aria-current");
  lines[index]?.setAttribute("aria-current", "true");
  current = index;
  tellFollowing();
  if (isFollowing) reveal(lines[index]);
}

/** What scrolls, and the part of it that can be seen: the lines' own box, or on a phone all below the player. */
function view() {
  const box = shown.parentElement;
  const isAlone = getComputedStyle(box).overflowY === "auto";
  const scroller = isAlone ? box : box.closest("main");
  const { top, bottom } = scroller.getBoundingClientRect();
  return { scroller, top: isAlone ? top : document.querySelector(".stage").getBoundingClientRect().bottom, bottom };
}

let stood; // how far all was scrolled when we last followed

function beginToFollow() {
  isFollowing = true;
  stood = view().scroller.scrollTop;
}

/** Has somebody scrolled since, by whatever means: a wheel, a finger, keys, the scroll bar, the browser's own find? */
function isScrolledByReader() {
  const { scroller, top, bottom } = view();
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  if (Math.abs(scrollTop - stood) < 2) return false;
  // Lines that come near may turn out lower than they were taken to be: then the end comes to meet us.
  if (scrollTop < stood && scrollTop + clientHeight > scrollHeight - 2) return false;
  // The browser goes to the line that the address names once more when all has come.
  const box = lines[current].getBoundingClientRect();
  return !lines[current].contains(document.querySelector(":target")) || box.bottom < top || box.top > bottom;
}

/** Bring a line to the upper third, unless it is already well in view; says whether it had to. */
function bring(line) {
  const { scroller, top, bottom } = view();
  const box = line.getBoundingClientRect();
  if (box.top >= top && box.bottom <= top + (bottom - top) * 0.75) return false;
  scroller.scrollTop += box.top - top - (bottom - top) * 0.3;
  stood = scroller.scrollTop;
  return true;
}

let looking; // the next look at a line that is being brought into view

function reveal(line) {
  cancelAnimationFrame(looking);
  if (!line || !bring(line)) return;
  // Lines far away get their heights only when they come near, which moves this one for a few frames more.
  let looks = 10;
  const look = () => {
    bring(line);
    if (--looks) looking = requestAnimationFrame(look);
  };
  looking = requestAnimationFrame(look);
}

function yieldToReader() {
  cancelAnimationFrame(looking);
  if (!isFollowing || current < 0) return;
  isFollowing = false;
  tellFollowing();
}

function tellFollowing() {
  // The browser keeps what is read in its place when something above grows; as long as we follow, we do.
  root.toggleAttribute("data-following", isFollowing && current >= 0);
  const chip = document.getElementById("back-to-line");
  if (!chip) return;
  chip.hidden = isFollowing || current < 0;
  if (chip.hidden) return;
  const clock = lines[current].querySelector("button, time").textContent;
  chip.querySelector("span").textContent = chip.dataset.label.replace("{time}", clock);
}

function goBack() {
  beginToFollow();
  tellFollowing();
  reveal(lines[current]);
}

/** Go to a cue, and keep its line in view; playing or not stays as it was. */
function seek(cue) {
  if (!cue) return;
  beginToFollow();
  if (media()) media().currentTime = cue.dataset.start / 1000;
  light(lines.indexOf(cue.closest(".part > li")));
  tellFollowing();
}

for (const name of ["timeupdate", "seeking", "play", "ratechange"]) {
  document.addEventListener(name, (event) => event.target.id === "media" && follow(), true);
}

// Whoever scrolls, or picks words or a line to take along, is not taken elsewhere meanwhile.
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
  if (isFollowing && current >= 0) goBack();
});
document.addEventListener("cue-step", (event) => seek(lines[Math.max(0, current + event.detail)]));

document.addEventListener("click", (event) => {
  if (event.target.closest("#back-to-line")) return goBack();
  const cue = event.target.closest("#cues .cue");
  if (event.target.closest(".line-menu")) return yieldToReader();
  if (!cue || !media() || event.shiftKey) return;
  // Whoever has just selected words wants to copy them.
  if (!event.target.closest("button") && !getSelection().isCollapsed) return;
  seek(cue);
  media().play().catch(() => {});
});

// ---- Finding ----------------------------------------------------------------------------------------

const highlights = globalThis.Highlight && CSS.highlights;

let found = []; // one range for each match
let chosen = -1;

// Accents only: in Indic scripts a mark is a vowel.
const ACCENTS = /[\u0300-\u036f\u064b-\u065f\u0670\u0591-\u05c7]/g;

/** Letters without case and accents, and for each of them where its own begins and ends in the text, if elsewhere. */
function fold(text) {
  if (/^[\x00-\x7f]*$/.test(text)) return { folded: text.toLowerCase() };
  let folded = "";
  const begins = [];
  const ends = [];
  let place = 0;
  for (const letter of text) {
    const plain = letter.normalize("NFKD").replace(ACCENTS, "").replace(/[‘’ʼ]/, "'");
    // There and back, so that ß is found as ss, and ς as σ.
    const small = plain.toUpperCase().toLowerCase();
    const begin = place;
    place += letter.length;
    if (!small && ends.length) ends[ends.length - 1] = place; // an accent by itself is its letter's
    for (let i = 0; i < small.length; i++) {
      begins.push(begin);
      ends.push(place);
    }
    folded += small;
  }
  return { folded, begins, ends };
}

function find(words) {
  found = [];
  chosen = -1;
  const wanted = fold(words.trim()).folded;
  if (wanted) {
    for (const text of shown.querySelectorAll("p")) {
      const node = text.firstChild;
      if (!node) continue;
      text.fold ??= fold(node.data);
      const { folded, begins, ends } = text.fold;
      for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
        const end = at + wanted.length;
        const place = { startOffset: begins?.[at] ?? at, endOffset: ends?.[end - 1] ?? end };
        found.push(new StaticRange({ startContainer: node, endContainer: node, ...place }));
      }
    }
    choose(Math.max(0, found.findIndex((range) => Number(lineOf(range).dataset.start) / 1000 >= (starts[current] ?? 0))));
  }
  if (highlights) {
    const marked = new Highlight();
    for (const range of found) marked.add(range); // too many to be given as arguments
    highlights.set("found", marked);
  }
  tell();
}

const lineOf = (range) => range.startContainer.parentElement.closest(".part > li");

function choose(index) {
  if (!found.length) return;
  chosen = (index + found.length) % found.length;
  const line = lineOf(found[chosen]);
  highlights?.set("found-now", Object.assign(new Highlight(found[chosen]), { priority: 1 }));
  yieldToReader();
  reveal(line);
  tell();
}

function tell() {
  const form = document.getElementById("find");
  const output = form.querySelector("output");
  const words = form.querySelector("input").value.trim();
  const { of, none } = output.dataset;
  if (!found.length) highlights?.delete("found-now");
  output.textContent = !words ? "" : !found.length ? none : of.replace("{n}", chosen + 1).replace("{m}", found.length);
}

document.addEventListener("input", (event) => event.target.closest("#find") && find(event.target.value));
document.addEventListener("submit", (event) => {
  if (event.target.id !== "find") return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#find [data-step]");
  if (button) choose(chosen + Number(button.dataset.step));
});
document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("#find input")) return;
  if (event.key === "Enter") choose(chosen + (event.shiftKey ? -1 : 1));
  else if (event.key === "Escape") find((event.target.value = ""));
});

// ---- Hints ------------------------------------------------------------------------------------------

let hint; // the one that was stepped to, or -1

function stepHint(step) {
  const hinted = shown ? [...shown.querySelectorAll("small")] : [];
  if (!hinted.length) return;
  hinted[hint]?.removeAttribute("data-now");
  hint = hint < 0 && step < 0 ? hinted.length - 1 : (hint + step + hinted.length) % hinted.length;
  hinted[hint].dataset.now = "";
  yieldToReader();
  reveal(hinted[hint].closest(".part > li"));
  const output = document.querySelector("#hints output");
  const place = output.dataset.of.replace("{n}", hint + 1).replace("{m}", hinted.length);
  output.textContent = place;
  document.getElementById("live").textContent = `${place}: ${hinted[hint].textContent}`;
}

document.addEventListener("hint-step", (event) => stepHint(event.detail));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hint]");
  if (button) stepHint(Number(button.dataset.hint));
});

// ---- Speakers ---------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.closest(".speaker-form")?.querySelector("[data-cancel]").click();
});

// With the form goes the focus: it returns to the button that brought the form.
let renamed; // the id of that button

document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  if (elt.matches("#speakers .icon-button")) renamed = elt.id;
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig.elt.closest(".speaker-form")) document.getElementById(renamed)?.focus();
});

document.addEventListener("htmx:load", read);
read();

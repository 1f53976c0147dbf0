// How are lines taken along: one by the menu beside it, several by selecting them, as text, as Markdown or as a link?

import { copy, linkTo } from "./clipboard.js";

const list = () => document.getElementById("cues");
const menu = () => document.getElementById("line-menu");
const bar = () => document.getElementById("picked");

let picked = []; // the lines that are selected
let last; // the line that somebody went to last, from where a selection begins

// ---- What a line says -------------------------------------------------------------------------------

/** Only the first of a speaker's lines names them; the languages side by side each have their own speakers. */
function speakers() {
  const named = new Map();
  const names = [];
  for (const line of list().querySelectorAll(".cue")) {
    const side = line.matches("li") || !line.parentElement.previousElementSibling ? 0 : 1;
    const name = line.querySelector("bdi")?.textContent;
    if (name || !/voice-/.test(line.className)) names[side] = name ?? "";
    named.set(line, names[side] ?? "");
  }
  return named;
}

const second = (line) => line.dataset.start / 1000;
const plain = (markdown) => markdown.replace(/[\\`*_[\]<>#|~]/g, "\\$&");

const FORMS = {
  text: ({ clock, speaker, text }) => `[${clock}] ${speaker && `${speaker}: `}${text}`,
  markdown: ({ line, clock, speaker, text }) =>
    `- [${clock}](${linkTo(second(line))}) ${speaker && `**${plain(speaker)}:** `}${plain(text)}`,
};

function written(lines, form) {
  if (form === "link") return linkTo(second(lines[0]));
  const named = speakers();
  return lines
    .map((line) => ({
      line,
      clock: line.querySelector("button, time").textContent,
      speaker: named.get(line),
      text: line.querySelector("p").textContent.replace(/\s+/g, " ").trim(),
    }))
    .map(FORMS[form])
    .join("\n");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const lines = button.closest("#line-menu") ? [button.closest(".cue")] : picked;
  copy(written(lines, button.dataset.copy), button);
});

// ---- One line: the menu comes to the line that is pointed at, or that has the focus ------------------

function bringMenu(event) {
  const line = event.target.closest?.("#cues .cue");
  if (!line) return;
  if (event.type === "focusin") last = line;
  if (line.contains(menu()) || menu().open || menu().contains(document.activeElement)) return;
  menu().hidden = false;
  line.append(menu());
}

document.addEventListener("pointerover", bringMenu);
document.addEventListener("focusin", bringMenu);

// ---- Several: what is selected, by mouse or with Shift on a second timecode --------------------------

function pick() {
  if (!list()) return;
  const selection = getSelection();
  const range = selection.rangeCount && !selection.isCollapsed && selection.getRangeAt(0);
  const [first, end] = range ? [range.startContainer, range.endContainer].map(lineOf) : [];
  if (!first || !end) return show([]);
  const lines = [...list().querySelectorAll(".cue")];
  const found = lines.slice(lines.indexOf(first), lines.indexOf(end) + 1);
  // A paragraph that is selected by three clicks ends at the very beginning of the next one.
  if (range.endOffset === 0 && found.length > 1) found.pop();
  show(found);
}

const lineOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest("#cues .cue");

function show(lines) {
  picked = lines;
  bar().hidden = !lines.length;
  const output = bar().querySelector("output");
  output.textContent = lines.length === 1 ? output.dataset.one : output.dataset.many.replace("{n}", lines.length);
}

function selectTo(line) {
  const [first, end] = last && last.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_PRECEDING ? [line, last] : [last ?? line, line];
  const text = end.querySelector("p");
  getSelection().setBaseAndExtent(first.querySelector("p"), 0, text, text.childNodes.length);
  pick();
}

let timer;
document.addEventListener("selectionchange", () => {
  clearTimeout(timer);
  timer = setTimeout(pick, 100);
});

// Before the line hears of the click, and of the focus that comes with it.
document.addEventListener(
  "mousedown",
  (event) => {
    const line = event.shiftKey && event.target.closest("#cues button") && lineOf(event.target);
    if (!line) return;
    event.preventDefault();
    selectTo(line);
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const onTimecode = event.target.closest?.(".cue > button");
  if (onTimecode && event.shiftKey && (event.key === "Enter" || /^Arrow(Up|Down)$/.test(event.key))) {
    event.preventDefault();
    if (event.key === "Enter") return bar().querySelector("button").focus();
    const lines = [...list().querySelectorAll(".cue")];
    const end = lines[lines.indexOf(lineOf(onTimecode)) + (event.key === "ArrowUp" ? -1 : 1)];
    if (!end) return;
    const from = picked.length ? last : lineOf(onTimecode);
    end.querySelector("button, time").focus();
    last = from;
    selectTo(end);
  } else if (event.key === "Escape" && picked.length) {
    getSelection().removeAllRanges();
    show([]);
    last?.querySelector("button").focus();
  }
});

// Copies lines of the transcript as text, as Markdown or as a link: one line by its menu, several by selecting them.

import { copy, linkTo } from "./clipboard.js";

const list = () => document.getElementById("cues");
const menu = () => document.getElementById("line-menu");
const bar = () => document.getElementById("selected-lines");

let selected = []; // the selected lines
let last; // the line that last had the focus: a selection with Shift begins there

// ---- The text of a line -----------------------------------------------------------------------------

/** Return each line's speaker. Only the first of a speaker's lines names them; each language has its own speakers. */
function speakersByLine() {
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

const startSecond = (line) => line.dataset.start / 1000;
const escapeMarkdown = (text) => text.replace(/[\\`*_[\]<>#|~]/g, "\\$&");

/** Put direction marks around a text that is laid out right to left, as exports do (exports/direction_marks.py). */
const mark = (text, direction) => (direction === "rtl" ? `\u200f\u202b${text}\u202c` : text);

const FORMS = {
  text: ({ clock, speaker, text, direction }) => mark(`[${clock}] ${speaker && `${speaker}: `}${text}`, direction),
  markdown: ({ line, clock, speaker, text, direction }) => {
    const name = speaker && `**${escapeMarkdown(speaker)}:** `;
    return `- [${clock}](${linkTo(startSecond(line))}) ${mark(name + escapeMarkdown(text), direction)}`;
  },
};

function format(lines, form) {
  if (form === "link") return linkTo(startSecond(lines[0]));
  const speakers = speakersByLine();
  return lines
    .map((line) => ({
      line,
      clock: line.querySelector("button, time").textContent,
      speaker: speakers.get(line),
      text: line.querySelector("p").textContent.replace(/\s+/g, " ").trim(),
      direction: line.querySelector("p").dir,
    }))
    .map(FORMS[form])
    .join("\n");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const lines = button.closest("#line-menu") ? [button.closest(".cue")] : selected;
  copy(format(lines, button.dataset.copy), button);
});

// ---- One line: the menu moves to the line under the pointer, or with the focus -----------------------

function moveMenu(event) {
  const line = event.target.closest?.("#cues .cue");
  if (!line) return;
  if (event.type === "focusin") last = line;
  if (line.contains(menu()) || menu().open || menu().contains(document.activeElement)) return;
  menu().hidden = false;
  line.append(menu());
}

document.addEventListener("pointerover", moveMenu);
document.addEventListener("focusin", moveMenu);

// ---- Several lines: selected by mouse, or with Shift on a second timecode ----------------------------

function readSelection() {
  if (!list()) return;
  const selection = getSelection();
  const range = selection.rangeCount && !selection.isCollapsed && selection.getRangeAt(0);
  const [first, end] = range ? [range.startContainer, range.endContainer].map(lineOf) : [];
  if (!first || !end) return show([]);
  const lines = [...list().querySelectorAll(".cue, .more-lines")];
  const inRange = lines.slice(lines.indexOf(first), lines.indexOf(end) + 1);
  if (inRange.some((line) => line.matches(".more-lines"))) return show([]); // until these lines are there, too
  // Three clicks select a paragraph up to the very beginning of the next one.
  if (range.endOffset === 0 && inRange.length > 1) inRange.pop();
  show(inRange);
}

const lineOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest("#cues .cue");

function show(lines) {
  selected = lines;
  bar().hidden = !lines.length;
  const output = bar().querySelector("output");
  output.textContent = lines.length === 1 ? output.dataset.one : output.dataset.many.replace("{n}", lines.length);
}

function selectTo(line) {
  if (!last?.isConnected) last = undefined; // the lines were replaced
  const [first, end] = last && last.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_PRECEDING ? [line, last] : [last ?? line, line];
  const text = end.querySelector("p");
  getSelection().setBaseAndExtent(first.querySelector("p"), 0, text, text.childNodes.length);
  readSelection();
}

document.addEventListener("lines-loaded", readSelection);

let timer;
document.addEventListener("selectionchange", () => {
  clearTimeout(timer);
  timer = setTimeout(readSelection, 100);
});

// In the capture phase: before the line handles the click, and before the focus moves.
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
    const lines = [...list().querySelectorAll(".cue, .more-lines")];
    const end = lines[lines.indexOf(lineOf(onTimecode)) + (event.key === "ArrowUp" ? -1 : 1)];
    if (!end?.matches(".cue")) return;
    const from = selected.length ? last : lineOf(onTimecode);
    end.querySelector("button, time").focus();
    last = from;
    selectTo(end);
  } else if (event.key === "Escape" && selected.length) {
    getSelection().removeAllRanges();
    show([]);
    last?.querySelector("button")?.focus();
  }
});

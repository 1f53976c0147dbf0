// Repeats the current line of the transcript until that is switched off.

import { missingAt } from "./transcript_sections.js";

const media = () => document.getElementById("media");
const button = () => document.getElementById("loop");

let repeated; // { line, start, end }, in seconds
let timer;

/** Return the last line that has begun at this second, or the first; none while that line is not loaded. */
function lineAt(second) {
  if (missingAt(second)) return undefined;
  const lines = [...document.querySelectorAll("#cues .part > li")];
  // A seek may land slightly before the requested second.
  return lines.findLast((line) => line.dataset.start / 1000 <= second + 0.02) ?? lines[0];
}

function repeat(line) {
  stop();
  if (!line) return;
  const cues = line.matches(".cue") ? [line] : [...line.querySelectorAll("[id^=cue-]")];
  const start = line.dataset.start / 1000;
  // A line without a length would be repeated without a sound.
  const end = Math.max(start + 0.5, ...cues.map((cue) => cue.dataset.end / 1000));
  repeated = { line, start, end };
  line.classList.add("is-repeated");
  button()?.setAttribute("aria-pressed", "true");
  watch();
}

function stop() {
  clearTimeout(timer);
  repeated?.line.classList.remove("is-repeated");
  repeated = undefined;
  button()?.setAttribute("aria-pressed", "false");
}

function toggle() {
  if (repeated) stop();
  else if (media()) repeat(lineAt(media().currentTime));
}

/** Go back to the start at the end of the line. The browser reports the time too seldom to wait for it. */
function watch() {
  clearTimeout(timer);
  const element = media();
  // During a seek, the time is already that of the line someone goes to: "seeking" has that one repeated.
  if (!repeated || !element || element.paused || element.seeking) return;
  const left = repeated.end - element.currentTime;
  if (left <= 0.02) element.currentTime = repeated.start;
  else timer = setTimeout(watch, Math.max(15, (left / element.playbackRate) * 1000));
}

function onMedia(name, handle) {
  document.addEventListener(name, (event) => repeated && event.target.id === "media" && handle(event.target), true);
}

for (const name of ["timeupdate", "play", "ratechange"]) onMedia(name, watch);
// Whoever goes to another line has that one repeated.
onMedia("seeking", ({ currentTime }) => {
  if (currentTime < repeated.start - 0.1 || currentTime > repeated.end) repeat(lineAt(currentTime));
});
onMedia("ended", (element) => {
  element.currentTime = repeated.start;
  element.play().catch(() => {});
});

document.addEventListener("line-loop", toggle);
document.addEventListener("click", (event) => event.target.closest("#loop") && toggle());
document.addEventListener("htmx:load", () => {
  if (repeated && !repeated.line.isConnected) stop();
});

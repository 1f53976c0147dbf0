// The timeline of the dub: shows the player's position, and seeks on a click or a drag.

const media = () => document.getElementById("media");
const timeline = () => document.getElementById("timeline");

/** Return the seconds that the timeline spans: the length of the lines, or of the media if that is longer. */
function totalSeconds() {
  const { duration } = media();
  return Math.max(Number(timeline().dataset.length) / 1000, Number.isFinite(duration) ? duration : 0);
}

/** Scale the columns: when the lines end before the media does, their columns take only a part of the width. */
function fit() {
  const { columns, length: linesMs } = timeline().dataset;
  timeline().setAttribute("viewBox", `0 0 ${(columns * totalSeconds() * 1000) / linesMs || columns} 24`);
  for (const mark of document.querySelectorAll("#time-marks [data-ms]")) {
    mark.setAttribute("x", `${mark.dataset.ms / totalSeconds() / 10}%`);
  }
  movePlayhead();
}

function movePlayhead() {
  const { columns, length: linesMs } = timeline().dataset;
  timeline().querySelector(".playhead").setAttribute("x", (media().currentTime * 1000 * columns) / linesMs || 0);
}

function seek(event) {
  const { left, width } = timeline().getBoundingClientRect();
  media().currentTime = Math.min(Math.max((event.clientX - left) / width, 0), 1) * totalSeconds();
}

const isDrag = (event) => event.target.closest?.("#timeline") && event.buttons === 1;

document.addEventListener("pointerdown", (event) => {
  if (!isDrag(event)) return;
  timeline().setPointerCapture(event.pointerId);
  seek(event);
});
document.addEventListener("pointermove", (event) => isDrag(event) && seek(event));

for (const [name, handle] of [["durationchange", fit], ["timeupdate", movePlayhead], ["seeking", movePlayhead]]) {
  document.addEventListener(name, (event) => event.target.id === "media" && timeline() && handle(), true);
}
document.addEventListener("htmx:load", () => media() && timeline() && fit());
if (media() && timeline()) fit();

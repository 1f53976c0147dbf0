// Where in the dub is the player, seen from afar, and how does a click lead to another place?

const media = () => document.getElementById("media");
const strip = () => document.getElementById("timeline");

/** The seconds that the strip stands for: the lines' length, or the media's if that is longer. */
function length() {
  const { duration } = media();
  return Math.max(Number(strip().dataset.length) / 1000, Number.isFinite(duration) ? duration : 0);
}

/** Lines end before the media does: their columns then take only a part of the width. */
function fit() {
  const { columns, length: spoken } = strip().dataset;
  strip().setAttribute("viewBox", `0 0 ${(columns * length() * 1000) / spoken || columns} 24`);
  move();
}

function move() {
  const { columns, length: spoken } = strip().dataset;
  strip().querySelector(".now").setAttribute("x", (media().currentTime * 1000 * columns) / spoken || 0);
}

function seek(event) {
  const { left, width } = strip().getBoundingClientRect();
  media().currentTime = Math.min(Math.max((event.clientX - left) / width, 0), 1) * length();
}

const isStrip = (event) => event.target.closest?.("#timeline") && event.buttons === 1;

document.addEventListener("pointerdown", (event) => {
  if (!isStrip(event)) return;
  strip().setPointerCapture(event.pointerId);
  seek(event);
});
document.addEventListener("pointermove", (event) => isStrip(event) && seek(event));

for (const [name, handle] of [["durationchange", fit], ["timeupdate", move], ["seeking", move]]) {
  document.addEventListener(name, (event) => event.target.id === "media" && strip() && handle(), true);
}
document.addEventListener("htmx:load", () => media() && strip() && fit());
if (media() && strip()) fit();

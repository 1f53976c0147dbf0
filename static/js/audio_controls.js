// Controls of an audio dub. The timeline is its seek bar, so the browser's own controls are hidden by player.css.

import { clock, totalSeconds } from "./timeline.js";

const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };

const media = () => document.getElementById("media");
const controls = () => document.getElementById("audio-controls");
const slider = () => document.querySelector("#timeline[role=slider]");

function show() {
  if (!controls() || !media()) return;
  const { paused, currentTime, muted, volume } = media();
  const total = totalSeconds();
  const play = controls().querySelector("[data-play]");
  play.dataset.play ||= play.getAttribute("aria-label");
  play.setAttribute("aria-label", paused ? play.dataset.play : play.dataset.pause);
  controls().classList.toggle("is-playing", !paused);
  controls().querySelector("[data-at]").textContent = clock(currentTime);
  controls().querySelector("[data-total]").textContent = clock(total);
  controls().querySelector("[data-mute]").setAttribute("aria-pressed", String(muted));
  controls().querySelector("input").value = muted ? 0 : Math.round(volume * 100);
  if (!slider()) return;
  slider().setAttribute("aria-valuemax", Math.round(total * 1000));
  slider().setAttribute("aria-valuenow", Math.round(currentTime * 1000));
  const words = slider().dataset.of.replace("{at}", clock(currentTime)).replace("{total}", clock(total));
  slider().setAttribute("aria-valuetext", words);
}

for (const name of ["play", "pause", "timeupdate", "seeking", "durationchange", "volumechange", "ended"]) {
  document.addEventListener(name, (event) => event.target.id === "media" && show(), true);
}
document.addEventListener("htmx:load", show);

document.addEventListener("click", (event) => {
  const button = event.target.closest("#audio-controls button");
  if (!button) return;
  if ("mute" in button.dataset) media().muted = !media().muted;
  else if (media().paused) media().play().catch(() => {});
  else media().pause();
});
document.addEventListener("input", (event) => {
  if (!event.target.matches("#audio-controls input")) return;
  media().volume = event.target.value / 100;
  media().muted = false;
});

// The slider has its keys also for readers who switched the shortcuts off, so it takes them first.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.target !== slider() || event.ctrlKey || event.altKey || event.metaKey) return;
    const { key } = event;
    if (key === "Home") media().currentTime = 0;
    else if (key === "End") media().currentTime = totalSeconds();
    else if (Object.hasOwn(STEPS, key)) {
      media().currentTime = Math.min(Math.max(media().currentTime + STEPS[key], 0), totalSeconds());
    } else return;
    event.preventDefault();
  },
  true,
);

show();

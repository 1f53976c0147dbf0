// Plays search hits in place, and moves between them by the arrow keys.

import { isComposing } from "./keys.js";
import { showToast } from "./layout.js";

const player = new Audio();
let button; // the play button of the hit in the player

function showPlaying(isPlaying) {
  button?.setAttribute("aria-pressed", String(isPlaying));
}

function play(address) {
  player.src = address;
  player.play().catch(() => {}); // the error event handles a failure
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-play]");
  if (!pressed) return;
  if (pressed === button && !player.paused) return player.pause();
  showPlaying(false);
  button = pressed;
  play(button.dataset.play);
});

player.addEventListener("play", () => showPlaying(true));
for (const name of ["pause", "ended"]) player.addEventListener(name, () => showPlaying(false));
player.addEventListener("error", () => {
  showPlaying(false);
  if (player.src.includes("?renew=1")) {
    showToast(document.querySelector("form.search").dataset.broken);
  } else {
    play(button.dataset.play.replace("#", "?renew=1#"));
  }
});

// A hit that is removed from the page stops playing.
document.addEventListener("htmx:load", () => button?.isConnected === false && player.pause());

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || isComposing(event) || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const stops = [document.getElementById("search-box"), ...document.querySelectorAll(".hit > a")];
  const place = stops.indexOf(document.activeElement);
  if (place < 0 || !stops[place + step]) return;
  event.preventDefault();
  stops[place + step].focus();
});

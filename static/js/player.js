// How does the dub play? Heals a dead link once, keeps the second from one language to the next, listens to the keys.
//
// The <video> or <audio> comes and goes with the dub's part of the page; #media is always the one of now. Media events
// do not bubble, so the document listens while they come down.

import { copy, linkTo } from "./clipboard.js";

const PATIENCE = 5 * 60 * 1000; // a fresh link that dies sooner than this is not renewed by itself again

const root = document.documentElement;
const media = () => document.getElementById("media");
const place = { time: 0, isPlaying: false }; // where the player stands, also while it is off the page

let known; // the element that has been prepared
let healedAt = -Infinity;

const form = document.getElementById("player-form"); // how this person has set every player
let sent = Promise.resolve();

/** Keep this choice for this person; one answer is awaited before the next is sent, so that the last one counts. */
function remember(name, value) {
  const field = form.elements[name];
  if (field.value === value) return;
  field.value = value;
  keep();
}

function keep() {
  sent = sent
    .then(() => fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true }))
    .catch(() => {}); // it holds for this page
}

function listen(name, handle) {
  document.addEventListener(name, (event) => event.target.id === "media" && handle(event.target), true);
}

// ---- The element ------------------------------------------------------------------------------------

function prepare() {
  const element = media();
  if (!element || element === known) return;
  setSpeed(form.elements.speed.value);
  const pip = document.getElementById("pip");
  if (pip) pip.disabled = !document.pictureInPictureEnabled;
  if (element.textTracks.length) {
    element.textTracks[0].mode = form.elements.has_captions.value ? "showing" : "disabled";
    element.textTracks.addEventListener("change", () => {
      remember("has_captions", element.textTracks[0].mode === "showing" ? "on" : "");
    });
  }
  if (known) resume(element, place);
  known = element;
  if (element.error) heal(element); // it failed before anybody listened
}

function resume(element, { time, isPlaying }) {
  element.currentTime = time;
  if (isPlaying) element.play().catch(() => {});
}

function setSpeed(speed) {
  const element = media();
  element.defaultPlaybackRate = element.playbackRate = Number(speed);
  document.getElementById("speed").value = speed;
}

// By us or in the player's own menu, which has more speeds than ours.
listen("ratechange", (element) => {
  const speed = String(element.playbackRate);
  const { options } = document.getElementById("speed");
  if (![...options].some((option) => option.value === speed)) return;
  setSpeed(speed);
  remember("speed", speed);
});

listen("timeupdate", (element) => (place.time = element.currentTime));
listen("seeking", (element) => (place.time = element.currentTime));
listen("play", () => (place.isPlaying = true));
listen("pause", () => (place.isPlaying = false));
document.addEventListener("htmx:load", prepare);

// ---- A dead link ------------------------------------------------------------------------------------

function say(sentence) {
  const trouble = document.getElementById("media-trouble");
  trouble.hidden = !sentence;
  trouble.querySelector("span").textContent = sentence;
}

/** Why there is no fresh link, unless that stands on the page already. */
async function reason(answer) {
  const sentence = await answer.text();
  const isSaid = [...document.querySelectorAll("#messages, #run-status")].some((part) =>
    part.textContent.includes(sentence),
  );
  return isSaid ? document.getElementById("media-trouble").dataset.ended : sentence;
}

/** Where the page's address says to begin, for a link that was dead from the first byte. */
const startOfPage = () => Number(document.getElementById("dub").dataset.at);

async function renew(element) {
  const { renewing, offline } = document.getElementById("media-trouble").dataset;
  healedAt = performance.now();
  element.dataset.ends = "";
  say(renewing);
  const address = element.src.split("#")[0];
  let answer;
  try {
    // A redirect means that there is a link; the element follows it by itself.
    answer = await fetch(`${address}?renew=1`, { redirect: "manual" });
  } catch {
    return say(offline);
  }
  if (answer.type !== "opaqueredirect") return say(await reason(answer));
  const stood = { time: element.currentTime || startOfPage(), isPlaying: place.isPlaying };
  element.src = address;
  resume(element, stood);
}

const isHealed = () => performance.now() - healedAt < PATIENCE;

function heal(element) {
  if (!isHealed()) renew(element);
  else explain(element);
}

/** Say why even a fresh link does not play. As a download it comes through the server, to which its host may say why. */
async function explain(element) {
  const { broken, damaged, offline } = document.getElementById("media-trouble").dataset;
  let why = offline;
  try {
    const answer = await fetch(`${element.src.split("#")[0]}?download`);
    why = answer.ok ? damaged : await reason(answer);
    if (answer.ok) answer.body.cancel();
  } catch {
    // The server itself is not there.
  }
  if (element.error) say(`${broken} ${why}`);
}

listen("error", heal);
// Amid a file, Chromium asks a dead link again for half a minute before it tells of an error.
listen("waiting", (element) => {
  const ends = Number(element.dataset.ends);
  if (ends && Date.now() > ends && !isHealed()) renew(element);
});
listen("loadeddata", () => say(""));

// ---- The bar ----------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("#copy-link, #pip, [data-renew], [data-keys]");
  if (!button || button.disabled) return;
  if (button.id === "copy-link") copy(linkTo(Math.floor(place.time)), button);
  else if (button.id === "pip") togglePip(media());
  else if ("renew" in button.dataset) renew(media());
  else document.getElementById("keys").showModal();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "speed") setSpeed(event.target.value);
  if (event.target.name === "has_keys") {
    root.toggleAttribute("data-keys-off", !event.target.checked);
    keep();
  }
});

function togglePip(element) {
  if (document.pictureInPictureElement) document.exitPictureInPicture();
  else element.requestPictureInPicture?.().catch(() => {});
}

// ---- The keys ---------------------------------------------------------------------------------------

const jump = (seconds) => (element) => (element.currentTime = Math.max(0, element.currentTime + seconds));
const stepSpeed = (step) => () => {
  const { options, selectedIndex } = document.getElementById("speed");
  const option = options[selectedIndex + step];
  if (option) setSpeed(option.value);
};
const stepCue = (step) => () => document.dispatchEvent(new CustomEvent("cue-step", { detail: step }));
const toggle = (element) => (element.paused ? element.play().catch(() => {}) : element.pause());

const KEYS = {
  " ": toggle,
  k: toggle,
  j: jump(-10),
  l: jump(10),
  ArrowLeft: jump(-5),
  ArrowRight: jump(5),
  ",": stepCue(-1),
  ".": stepCue(1),
  "<": stepSpeed(-1),
  ">": stepSpeed(1),
  c: (element) => {
    const [track] = element.textTracks;
    if (track) track.mode = track.mode === "showing" ? "disabled" : "showing";
  },
  p: togglePip,
  n: (element, { shiftKey }) => document.dispatchEvent(new CustomEvent("hint-step", { detail: shiftKey ? -1 : 1 })),
  m: (element) => (element.muted = !element.muted),
  f: (element) => {
    if (document.fullscreenElement) document.exitFullscreen();
    else element.requestFullscreen?.().catch(() => {});
  },
  "?": () => document.getElementById("keys").showModal(),
};

/** Has the element its own use for this key? Whoever types, or works a button or the player's own controls, goes first. */
function isTaken(target, key) {
  if (target.closest("input, textarea, select, [contenteditable], dialog")) return true;
  return /^( |Arrow)/.test(key) && Boolean(target.closest("button, summary, video, audio"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || "keysOff" in root.dataset) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = Object.hasOwn(KEYS, key) && KEYS[key];
  const element = media();
  if (!act || !element || isTaken(event.target, key)) return;
  event.preventDefault();
  act(element, event);
});

prepare();

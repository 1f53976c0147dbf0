// The player of a dub: renews a dead link once, keeps the position from one language to the next, handles shortcuts.
//
// The <video> or <audio> is replaced with its part of the page; #media is always the current one. Media events do not
// bubble, so the document listens in the capture phase.

import { copy, linkTo } from "./clipboard.js";
import { shortcutKey } from "./keys.js";
import { now } from "./times.js";

const RENEWAL_PAUSE_MS = 5 * 60 * 1000; // a fresh link that dies sooner than this is not renewed automatically

const root = document.documentElement;
const media = () => document.getElementById("media");
const position = { time: 0, isPlaying: false, volume: 1, isMuted: false }; // of the player, also while no player is on the page

let prepared; // the element that has been prepared
const renewals = new Map(); // the address of a medium → when its link was renewed

const form = document.getElementById("player-form"); // the user's settings of every player
let lastSave = Promise.resolve();

/** Save a setting of the user. Requests are sent one after another, so that the last choice wins. */
function remember(name, value) {
  const field = form.elements[name];
  if (field.value === value) return;
  field.value = value;
  lastSave = lastSave
    .then(() => fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true }))
    .catch(() => {}); // the choice still holds for this page
}

/** Handle an event of the current media element. */
function onMedia(name, handle) {
  document.addEventListener(name, (event) => event.target.id === "media" && handle(event.target), true);
}

// ---- The element ------------------------------------------------------------------------------------

function prepare() {
  const element = media();
  if (!element || element === prepared) return;
  setSpeed(form.elements.speed.value);
  const pip = document.getElementById("pip");
  if (pip) pip.disabled = !document.pictureInPictureEnabled;
  if (element.textTracks.length) {
    element.textTracks[0].mode = form.elements.has_captions.value ? "showing" : "disabled";
    element.textTracks.addEventListener("change", () => {
      remember("has_captions", element.textTracks[0].mode === "showing" ? "on" : "");
    });
  }
  if (prepared) resume(element, position);
  prepared = element;
  if (element.error) recover(element); // it failed before the listeners were there
}

function resume(element, { time, isPlaying }) {
  element.volume = position.volume;
  element.muted = position.isMuted;
  element.currentTime = time;
  if (isPlaying) element.play().catch(() => {});
}

function setSpeed(speed) {
  const element = media();
  element.defaultPlaybackRate = element.playbackRate = Number(speed);
  document.getElementById("speed").value = speed;
}

// The speed changes here, or in the browser's own menu, which has more speeds than ours.
onMedia("ratechange", (element) => {
  const speed = String(element.playbackRate);
  const { options } = document.getElementById("speed");
  if (![...options].some((option) => option.value === speed)) return;
  setSpeed(speed);
  remember("speed", speed);
});

onMedia("timeupdate", (element) => (position.time = element.currentTime));
onMedia("seeking", (element) => (position.time = element.currentTime));
onMedia("play", () => (position.isPlaying = true));
onMedia("pause", () => (position.isPlaying = false));
onMedia("volumechange", ({ volume, muted }) => Object.assign(position, { volume, isMuted: muted }));
document.addEventListener("htmx:load", prepare);

// ---- A dead link ------------------------------------------------------------------------------------

function showError(message) {
  const banner = document.getElementById("media-error");
  banner.hidden = !message;
  banner.querySelector("span").textContent = message;
}

/** Return why there is no fresh link; if the page already shows the reason, a message that refers to it. */
async function reason(answer) {
  const { failed } = document.getElementById("toast").dataset;
  const isSentence = answer.headers.get("Content-Type")?.startsWith("text/plain");
  const message = isSentence ? await answer.text() : failed;
  const isShown = [...document.querySelectorAll("#messages, #run-status")].some((part) =>
    part.textContent.includes(message),
  );
  return isShown ? document.getElementById("media-error").dataset.ended : message;
}

/** Return the second that the page's address names, for a link that was dead from the first byte. */
const startOfPage = () => Number(document.getElementById("dub").dataset.at);

async function renew(element) {
  const { renewing, offline } = document.getElementById("media-error").dataset;
  const address = addressOf(element);
  renewals.set(address, performance.now());
  element.dataset.ends = "";
  showError(renewing);
  const why = await ask(address, "renew", offline);
  if (element !== media()) return; // the reader has chosen another language meanwhile
  if (why) return showError(why);
  const before = { time: element.currentTime || startOfPage(), isPlaying: position.isPlaying };
  element.src = address;
  resume(element, before);
}

const addressOf = (element) => element.src.split("#")[0];
const isJustRenewed = (element) => performance.now() - renewals.get(addressOf(element)) < RENEWAL_PAUSE_MS;

/** Ask the server to renew the link, or to try the file; return why that failed, or nothing. */
async function ask(address, what, offline) {
  try {
    const answer = await fetch(`${address}?check=${what}`);
    if (answer.redirected) location.reload(); // the log-in page says why
    return answer.status === 204 ? "" : await reason(answer);
  } catch {
    return offline;
  }
}

function recover(element) {
  if (!isJustRenewed(element)) renew(element);
  else explain(element);
}

/** Show why even a fresh link does not play: the server tries to read the file, and may learn a reason. */
async function explain(element) {
  const { broken, damaged, offline } = document.getElementById("media-error").dataset;
  const why = await ask(addressOf(element), "file", offline);
  if (element === media() && element.error) showError(why ? `${broken} ${why}` : damaged);
}

onMedia("error", recover);
// In the middle of a file, Chromium retries a dead link for half a minute before the error event.
onMedia("waiting", (element) => {
  const endsAtMs = Number(element.dataset.ends);
  if (endsAtMs && now() > endsAtMs && !isJustRenewed(element)) renew(element);
});
onMedia("loadeddata", () => showError(""));

// ---- The bar ----------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("#copy-link, #pip, [data-renew], [data-copy-id]");
  if (!button || button.disabled) return;
  if (button.id === "copy-link") copy(linkTo(Math.floor(position.time)), button);
  else if (button.id === "pip") togglePip(media());
  else if ("copyId" in button.dataset) copy(button.dataset.copyId, button);
  else renew(media());
});

document.addEventListener("change", (event) => {
  if (event.target.id === "speed") setSpeed(event.target.value);
});

function togglePip(element) {
  if (document.pictureInPictureElement) document.exitPictureInPicture();
  else element.requestPictureInPicture?.().catch(() => {});
}

// ---- The shortcuts ----------------------------------------------------------------------------------

const jump = (seconds) => (element) => (element.currentTime = Math.max(0, element.currentTime + seconds));
const stepSpeed = (step) => () => {
  const { options, selectedIndex } = document.getElementById("speed");
  const option = options[selectedIndex + step];
  if (option) setSpeed(option.value);
};
const stepCue = (step) => () => document.dispatchEvent(new CustomEvent("cue-step", { detail: step }));
const stepCheck = (step) => document.dispatchEvent(new CustomEvent("review-step", { detail: step }));
const zoom = (factor) => () => document.dispatchEvent(new CustomEvent("timeline-zoom", { detail: factor }));
const toggle = (element) => (element.paused ? element.play().catch(() => {}) : element.pause());

const SHORTCUTS = {
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
  r: () => document.dispatchEvent(new CustomEvent("line-loop")),
  "+": zoom(2),
  "=": zoom(2), // the same key without Shift
  "-": zoom(0.5),
  0: zoom(0),
  c: (element) => {
    const [track] = element.textTracks;
    if (track) track.mode = track.mode === "showing" ? "disabled" : "showing";
  },
  p: togglePip,
  n: (_element, { shiftKey }) => stepCheck(shiftKey ? -1 : 1),
  m: (element) => (element.muted = !element.muted),
  f: (element) => {
    if (document.fullscreenElement) document.exitFullscreen();
    else element.requestFullscreen?.().catch(() => {});
  },
};
const WITHOUT_MEDIA = [",", ".", "n"]; // these act on the transcript alone

/** Tell whether the focused element uses this key itself: a field, a button, or the player's own controls. */
function isTaken(target, key) {
  if (target.closest("input, textarea, select, [contenteditable], dialog")) return true;
  return /^( |Arrow)/.test(key) && Boolean(target.closest("button, summary, video, audio"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || "shortcutsOff" in root.dataset) return;
  const key = shortcutKey(event);
  const act = Object.hasOwn(SHORTCUTS, key) && SHORTCUTS[key];
  const element = media();
  if (!act || !(element || WITHOUT_MEDIA.includes(key)) || isTaken(event.target, key)) return;
  event.preventDefault();
  act(element, event);
});

prepare();

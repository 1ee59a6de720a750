// The screen: which part is shown, what its buttons do. The wallet itself is in worker.js.

import { Camera } from "./camera.js";
import { consentSheet, event, face, facts, notices } from "./card.js";
import * as passkey from "./passkey.js";
import { get, put } from "./store.js";
import * as words from "./words.js";
import { known, label, moment, word } from "./words.js";

const PARTS = ["cards", "card", "scan", "offer", "consent", "answer", "history", "settings"];
/** Milliseconds without a touch after which the wallet is locked. */
const IDLE = 300_000;
/** How often a shown code is renewed before someone has to touch the screen. */
const RENEWALS = 10;
/** Seconds before a code runs out at which the next one is drawn. */
const AHEAD = 3;
/** Milliseconds each picture of a message of several codes is shown. */
const FRAME = 180;

const $ = (id) => document.getElementById(id);
const main = $("main");

const state = { exists: false, open: false, cards: [], chosen: null, offer: null, request: null, shown: null, note: "", touched: 0 };

// --- the worker ---

const worker = new Worker("worker.js", { type: "module" });
const waiting = new Map();
let calls = 0;
worker.onmessage = ({ data: { id, result, error } }) => {
  const [done, failed] = waiting.get(id);
  waiting.delete(id);
  if (error) failed(error);
  else done(result);
};

/** Asks the worker; throws `{refused, message, n}`. */
function call(name, given, transfer = []) {
  const id = ++calls;
  return new Promise((done, failed) => {
    waiting.set(id, [done, failed]);
    worker.postMessage({ id, call: name, given }, transfer);
  });
}

/** What to do about a refusal, in words. */
const reason = (name, n) => word(known(`why.${name}`) ? `why.${name}` : "why.other", { n });

/** What went wrong, in words. A wallet that has locked itself asks for the PIN. */
function told(error) {
  if (error?.refused === "Locked") locked();
  return reason(error?.refused ?? "Unexpected", error?.n);
}

/** Says in `place` that something is being done, and then what came of it. */
async function doing(place, work, during = "wait") {
  $(place).textContent = word(during);
  try {
    const text = await work();
    $(place).textContent = text ?? "";
    return true;
  } catch (error) {
    $(place).dataset.name = error?.refused ?? "Unexpected";
    $(place).textContent = told(error);
    return false;
  }
}

// --- which part is shown ---

function part() {
  const wanted = location.hash.slice(1).split("=")[0];
  return PARTS.includes(wanted) ? wanted : "cards";
}

function go(to) {
  if (part() === to) turn();
  else location.hash = `#${to}`;
}

/** Parts that need something chosen before. */
const needs = { card: "chosen", offer: "offer", consent: "request", answer: "shown" };

async function turn() {
  let shown = !state.exists ? "set-up" : !state.open ? "unlock" : part();
  if (state.open && needs[shown] && !state[needs[shown]]) shown = "cards";
  if (shown !== "card" && shown !== "answer") hide();
  if (shown !== "scan") camera.stop();
  if (shown !== "consent") state.request = null;
  if (shown !== "cards") state.note = "";
  for (const name of ["set-up", "unlock", ...PARTS]) $(name).hidden = name !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.slice(1) === (shown === "card" ? "cards" : shown)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector("nav").hidden = $("lock").hidden = !state.open;
  main.scrollTop = 0;
  const draw = { cards: drawCards, card: drawCard, scan: drawCamera, offer: drawOffer, consent: drawConsent, history: drawHistory, settings: drawSettings, unlock: drawUnlock }[shown];
  if (draw) await draw();
  $("language").textContent = word("language");
  $("language").lang = words.other();
}

// --- cards ---

async function drawCards() {
  try {
    state.cards = await call("cards");
    const missing = !state.cards.length && !(await get("updated"));
    $("cards-told").textContent = state.note || (missing ? reason("TrustMissing") : "");
  } catch (error) {
    state.cards = [];
    $("cards-told").textContent = told(error);
  }
  if (!state.open) return;
  const tones = [...new Set(state.cards.map(({ type }) => type))].sort();
  const items = state.cards.map((card) => {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    link.href = "#card";
    link.append(face(card, tones));
    link.addEventListener("click", () => (state.chosen = card));
    item.append(link);
    for (const text of notices(card)) {
      const notice = document.createElement("p");
      notice.className = "warn";
      notice.textContent = text;
      item.append(notice);
    }
    return item;
  });
  $("card-list").replaceChildren(...items);
  $("no-card").hidden = items.length > 0;
  if (items.length) call("prepare");
  document.body.dataset.cards = String(items.length);
}

function drawCard() {
  const card = state.chosen;
  $("card-title").textContent = label(card.name);
  const tones = [...new Set(state.cards.map(({ type }) => type))].sort();
  $("card-face").replaceChildren(face(card, tones));
  const texts = notices(card).map((text) => {
    const notice = document.createElement("p");
    notice.className = "warn";
    notice.textContent = text;
    return notice;
  });
  $("card-notices").replaceChildren(...texts);
  const usable = card.state === "usable";
  const buttons = card.profiles.map((profile) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.profile = profile.id;
    button.textContent = label(profile.name);
    button.addEventListener("click", () => show(card, profile));
    return button;
  });
  $("profiles").replaceChildren(...buttons);
  $("ways").hidden = !usable || !buttons.length || state.shown !== null;
  const attributes = card.attributes.filter(({ digest }) => !digest);
  const pairs = attributes.map((attribute) => [label(attribute.label), label(attribute.value)]);
  $("card-facts").replaceChildren(...facts([...pairs, [word("card.issuer"), card.issuer]]).childNodes);
}

$("delete-card").addEventListener("click", async () => {
  const gone = await doing("card-told", () => call("delete", { id: state.chosen.id }));
  if (!gone) return;
  state.chosen = null;
  go("cards");
});

// --- showing a code ---

let awake = null;

/** Puts pictures on the screen, one or several in turn. */
function put_up(image, pictures) {
  take_down();
  const urls = pictures.map((bytes) => URL.createObjectURL(new Blob([bytes], { type: "image/png" })));
  let at = 0;
  image.src = urls[0];
  const turning = urls.length > 1 && setInterval(() => (image.src = urls[(at += 1) % urls.length]), FRAME);
  state.shown = { ...state.shown, urls, turning };
}

function take_down() {
  for (const id of ["shown-code", "answer-code"]) $(id).removeAttribute("src");
  if (state.shown?.turning) clearInterval(state.shown.turning);
  for (const url of state.shown?.urls ?? []) URL.revokeObjectURL(url);
}

function hide() {
  take_down();
  state.shown = null;
  $("shown").hidden = true;
  awake?.release().catch(() => {});
  awake = null;
}

async function show(card, profile) {
  hide();
  state.shown = { card, profile, renewed: 0, until: 0 };
  const shown = await doing("card-told", renew, "show.wait");
  if (!shown) return hide();
  $("shown-title").textContent = label(profile.name);
  $("shown").hidden = false;
  $("ways").hidden = true;
  $("shown-title").focus();
  // A screen that goes dark shows nothing.
  awake = await navigator.wakeLock?.request("screen").catch(() => null);
}

async function renew() {
  const { card, profile } = state.shown;
  state.shown.renewing = true;
  const { pictures, until, took } = await call("show", { id: card.id, profile: profile.id });
  if (state.shown?.profile !== profile) return;
  put_up($("shown-code"), pictures);
  Object.assign(state.shown, { until, renewing: false, renewed: state.shown.renewed + 1 });
  $("shown").dataset.took = Math.round(took);
  $("shown").dataset.until = until;
  drawLife();
}

function drawLife() {
  if (!state.shown?.until) return;
  const left = Math.max(0, state.shown.until - Date.now() / 1000);
  $("shown-left").value = left;
  $("shown-life").textContent = word("show.life", { n: Math.ceil(left) });
}

/** Once a second: codes run out and are renewed, and a wallet that nobody touches is locked. */
function tick() {
  drawLife();
  if (state.shown?.until && !state.shown.renewing && !document.hidden) {
    const left = state.shown.until - Date.now() / 1000;
    if (left <= AHEAD && state.shown.renewed <= RENEWALS) {
      renew().catch((error) => {
        hide();
        $("card-told").textContent = told(error);
        drawCard();
      });
    } else if (left <= 0) {
      hide();
      $("card-told").textContent = word("show.over");
      drawCard();
    }
  }
  if (state.request) {
    const left = Math.ceil(state.request.expires_at - Date.now() / 1000);
    $("consent-left").textContent = left > 0 ? word("consent.left", { age: words.duration(left) }) : reason("RequestExpired");
    if (left <= 0) $("approve").disabled = true;
  }
  if (state.open && Date.now() - state.touched > IDLE) lock();
}

$("hide").addEventListener("click", () => {
  hide();
  drawCard();
  $("profiles").querySelector("button")?.focus();
});

// --- reading codes and links ---

const camera = new Camera($("video"), looked);

function drawCamera() {
  $("camera").textContent = word(camera.running ? "scan.stop" : "scan.start");
  $("camera").setAttribute("aria-pressed", String(camera.running));
}

async function looked(bitmap, _taken, whole = false) {
  let seen;
  try {
    seen = await call("look", { bitmap, whole }, [bitmap]);
  } catch (error) {
    $("seeing").dataset.name = error.refused;
    $("seeing").textContent = told(error);
    return;
  }
  if (seen.found === "nothing" && whole) $("seeing").textContent = reason("NoCodeFound");
  await understood(seen);
}

async function understood(seen) {
  if (seen.found === "offer") {
    state.offer = seen;
    go("offer");
  } else if (seen.found === "request") {
    state.request = seen.sheet;
    go("consent");
  }
}

async function read(text) {
  // A link to this app has the code's text behind the mark, where no server sees it.
  const [, behind] = /#add=(.+)$/.exec(text) ?? [];
  const given = behind ? decodeURIComponent(behind) : text.trim();
  await understood(await call("read", { text: given }));
}

$("camera").addEventListener("click", async () => {
  if (camera.running) camera.stop();
  else {
    await call("begin_anew");
    try {
      await camera.start();
      $("seeing").textContent = word("scan.looking");
    } catch {
      $("seeing").textContent = word("scan.no-camera");
    }
  }
  drawCamera();
});
$("picture").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  camera.stop();
  drawCamera();
  try {
    await looked(await createImageBitmap(file), 0, true);
  } catch {
    $("seeing").textContent = reason("ImageRejected");
  }
});
$("link-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  if (await doing("seeing", () => read($("link").value))) $("link").value = "";
});

// --- offers ---

function drawOffer() {
  const { sheet } = state.offer;
  const pairs = [
    [word("offer.what"), sheet.types.map(({ name }) => label(name)).join(", ")],
    [word("offer.issuer"), sheet.issuer],
    [word("offer.where"), sheet.url],
  ];
  $("offer-facts").replaceChildren(...facts(pairs).childNodes);
  $("code-part").hidden = !sheet.tx_code;
  $("offer-told").textContent = "";
}

$("offer-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const button = $("offer-form").querySelector("button");
  button.disabled = true;
  const taken = await doing("offer-told", () => call("accept", { ...state.offer, code: $("code").value.trim() }), "offer.taking");
  button.disabled = false;
  $("code").value = "";
  if (!taken) return;
  state.offer = null;
  go("cards");
});

// --- consent ---

function drawConsent() {
  $("consent-sheet").replaceChildren(consentSheet(state.request));
  $("approve").disabled = state.request.over_ask !== null;
  $("consent-told").textContent = "";
  tick();
}

async function decide(approve) {
  const pictures = await call("answer", { approve });
  state.shown = {};
  put_up($("answer-code"), pictures);
}
$("approve").addEventListener("click", async () => {
  $("approve").disabled = true;
  if (await doing("consent-told", () => decide(true))) go("answer");
});
$("decline").addEventListener("click", async () => {
  await call("answer", { approve: false }).catch(() => {});
  state.note = word("consent.declined");
  go("cards");
});

// --- history and settings ---

async function drawHistory() {
  const drawn = await doing("history-told", async () => {
    const log = await call("history");
    $("events").replaceChildren(...log.map((entry) => event(entry, moment)));
    return log.length ? "" : word("history.none");
  });
  if (!drawn) $("events").replaceChildren();
}

async function drawUnlock() {
  $("unlock-passkey").hidden = !(await passkey.enrolled());
}

async function drawSettings() {
  const updated = await get("updated");
  $("updated").textContent = word("settings.data.as-of", { time: updated ? moment(updated) : "–" });
  const kept = await passkey.enrolled();
  $("passkey").hidden = !kept && !(await passkey.possible());
  $("passkey-form").hidden = kept;
  $("passkey-off").hidden = !kept;
  $("erase-sure").checked = false;
  $("erase").disabled = true;
}

$("fetch").addEventListener("click", async () => {
  await doing("data-told", async () => {
    await call("update");
    await drawSettings();
    return word("settings.data.done");
  });
});
$("pin-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  await doing("pin-told", async () => {
    await call("change_pin", { old: $("old-pin").value, pin: $("next-pin").value });
    // What was kept for it opens nothing any more.
    await passkey.forget();
    await drawSettings();
    return word("settings.pin.done");
  });
  $("old-pin").value = $("next-pin").value = "";
});
$("passkey-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const pin = $("passkey-pin").value;
  $("passkey-pin").value = "";
  await doing("passkey-told", async () => {
    await call("unlock", { pin });
    await verified(() => passkey.enrol(pin, word("title")));
    await drawSettings();
    return word("settings.passkey.done");
  });
});
$("passkey-off").addEventListener("click", async () => {
  await passkey.forget();
  await drawSettings();
});
/** Does something with the authenticator. */
async function verified(work) {
  try {
    return await work();
  } catch (error) {
    throw error?.refused ? error : { refused: "NotVerified" };
  }
}
$("erase-sure").addEventListener("change", ({ target }) => ($("erase").disabled = !target.checked));
async function erase() {
  await call("erase");
  location.replace(location.pathname);
}
$("erase").addEventListener("click", erase);
$("start-over").addEventListener("click", erase);

// --- setting up, unlocking, locking ---

$("set-up-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const pin = $("new-pin").value;
  await doing("set-up-told", async () => {
    if (pin !== $("again-pin").value) throw { refused: "PinsDiffer" };
    await call("create", { pin, birth: $("birth").value.trim() });
    state.exists = state.open = true;
    navigator.storage?.persist?.();
    await first();
  });
  $("new-pin").value = $("again-pin").value = $("birth").value = "";
  if (state.open) await opened();
});

/** The trust anchor comes with the app, from where the app came from; public data follows. Later is early enough. */
async function first() {
  try {
    if (!(await get("anchor"))) {
      const answer = await fetch("../anchor", { cache: "no-store", credentials: "omit" });
      if (!answer.ok) return;
      await put({ anchor: new Uint8Array(await answer.arrayBuffer()) });
    }
    await call("update");
  } catch {
    // Without a network the list says what is missing.
  }
}

$("unlock-form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const pin = $("pin").value;
  $("pin").value = "";
  await unlock(pin);
});
$("unlock-passkey").addEventListener("click", async () => {
  let pin;
  if (await doing("unlock-told", async () => void (pin = await verified(passkey.pin)))) await unlock(pin);
});

async function unlock(pin) {
  const began = performance.now();
  if (!(await doing("unlock-told", () => call("unlock", { pin })))) return $("pin").focus();
  state.open = true;
  await opened();
  document.body.dataset.took = Math.round(performance.now() - began);
}

/** The wallet is open: what was asked for before comes first. */
async function opened() {
  state.touched = Date.now();
  const [, behind] = /^#add=(.+)$/.exec(location.hash) ?? [];
  if (behind) {
    // Out of the history, too: an offer is a secret.
    location.replace("#scan");
    await turn();
    await doing("seeing", () => read(decodeURIComponent(behind)));
  } else await turn();
  main.focus();
  // On a schedule that has nothing to do with any use.
  if (Date.now() / 1000 >= ((await get("next_update")) ?? 0) && navigator.onLine) first();
}

/** Nothing of the owner is left on the screen. */
function locked() {
  if (!state.open) return;
  Object.assign(state, { open: false, cards: [], chosen: null, offer: null, request: null });
  hide();
  camera.stop();
  for (const id of ["card-list", "card-face", "card-facts", "card-title", "events", "consent-sheet", "offer-facts"]) $(id).replaceChildren();
  turn();
}

async function lock() {
  await call("lock");
  locked();
  $("pin").focus();
}

$("lock").addEventListener("click", lock);
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (state.touched = Date.now()), { passive: true });
$("language").addEventListener("click", async () => {
  words.use(words.other());
  await put({ language: words.current() });
  await turn();
});
document.querySelector("nav").addEventListener("click", ({ target }) => {
  if (target.closest("a")?.hash === location.hash) turn();
});
addEventListener("hashchange", async () => {
  if (location.hash.startsWith("#add=") && state.open) return opened();
  await turn();
  main.focus();
});

// --- without a network, and the next version ---

async function installed() {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
  const ready = () => {
    // Only where there is a version in use already; the first one needs no asking.
    if (registration.waiting && navigator.serviceWorker.controller) $("update").hidden = false;
  };
  ready();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", ready);
  });
  $("update-now").addEventListener("click", () => registration.waiting?.postMessage("use-now"));
  let controlled = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (controlled) location.reload();
    controlled = true;
  });
}

// --- start ---

/** One thing on the screen and nothing else. */
function only(text, name = "") {
  const notice = document.createElement("h1");
  notice.textContent = text;
  notice.dataset.name = name;
  main.replaceChildren(notice);
  document.querySelector("nav").hidden = $("language").hidden = true;
}

async function begin() {
  await words.load(await get("language"));
  // It begins with the cards, whatever was open last; an offer that brought one here is kept.
  if (!location.hash.startsWith("#add=")) history.replaceState(null, "", location.pathname);
  try {
    Object.assign(state, await call("start"));
  } catch (error) {
    // What is kept here is not believed: the way out is to start over.
    state.exists = true;
    await turn();
    $("unlock-form").hidden = true;
    $("unlock-told").dataset.name = error.refused;
    $("unlock-told").textContent = told(error);
    document.body.dataset.ready = "yes";
    return;
  }
  await turn();
  setInterval(tick, 1_000);
  document.body.dataset.ready = "yes";
}

// Two tabs would each hold the whole wallet and write over the other: one at a time.
navigator.locks.request("wallet", { ifAvailable: true }, async (lock) => {
  if (!lock) {
    await words.load(await get("language"));
    only(word("tab.other"), "AlreadyOpen");
    return;
  }
  await begin();
  await installed();
  await new Promise(() => {});
});

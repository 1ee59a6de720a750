// The screen: which part is shown, what its buttons do. Reading codes and checking them happens in worker.js.

import { Camera } from "./camera.js";
import * as signals from "./signals.js";
import { clear, get, put } from "./store.js";
import { facts, outcome, reason, show } from "./verdict.js";
import * as words from "./words.js";
import { word } from "./words.js";

const PARTS = ["check", "ask", "data", "settings"];
/** Where trust data comes from until another mirror is named: beside this app. */
const MIRROR = "../bundle";
/** Largest trust data that is fetched, in bytes. */
const BUNDLE_MAX = 256 * 1024 * 1024;

const $ = (id) => document.getElementById(id);
const main = $("main");

const state = { anchored: false, trust: null, questions: [], counts: null, asking: null, verdict: null };

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

/** Asks the worker; throws `{refused, message}`. */
function call(name, given, transfer = []) {
  const id = ++calls;
  return new Promise((done, failed) => {
    waiting.set(id, [done, failed]);
    worker.postMessage({ id, call: name, given }, transfer);
  });
}

/** What went wrong, in words. */
const told = (error) => reason(error?.refused ?? "Unexpected");

// --- which part is shown ---

function part() {
  const wanted = location.hash.slice(1);
  return PARTS.includes(wanted) ? wanted : "check";
}

async function turn() {
  const shown = state.anchored ? part() : "set-up";
  for (const name of ["set-up", ...PARTS]) $(name).hidden = name !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.slice(1) === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector("nav").hidden = !state.anchored;
  hideVerdict();
  if (shown !== "check") camera.stop();
  if (shown === "settings") await showVerifiers();
  draw();
}

// --- what is on the screen ---

function draw() {
  drawTrust();
  drawQuestions();
  drawCounts();
  drawCamera();
  drawRequest();
  $("language").textContent = word("language");
  $("language").lang = words.other();
  if (state.verdict) show($("verdict"), state.verdict);
}

function drawTrust() {
  const { trust } = state;
  const now = Date.now() / 1000;
  const age = trust ? Math.max(0, now - trust.as_of) : 0;
  const old = !trust || age > trust.limit;
  const line = { time: trust && words.moment(trust.as_of), age: words.duration(age) };
  $("trust").textContent = !state.anchored ? "" : word(!trust ? "trust.none" : old ? "trust.old" : "trust.as-of", line);
  $("trust").classList.toggle("old", state.anchored && old);
  const known = trust && [
    [word("data.network"), trust.network],
    [word("data.as-of"), words.moment(trust.as_of)],
    [word("data.age"), words.duration(age)],
    [word("data.limit"), words.duration(trust.limit)],
    [word("data.height"), trust.height.toLocaleString(words.current())],
  ];
  $("data-facts").replaceChildren(...facts(known || []).childNodes);
}

function drawQuestions() {
  const select = $("question");
  const chosen = select.selectedIndex;
  const options = state.questions.map((question, index) => {
    const option = document.createElement("option");
    option.value = index;
    option.textContent = `${words.label(question.name)} · ${words.label(question.why)}`;
    return option;
  });
  select.replaceChildren(...options);
  if (options.length) select.selectedIndex = Math.max(0, Math.min(chosen, options.length - 1));
  $("no-question").hidden = options.length > 0;
  for (const id of ["camera", "make-request"]) $(id).disabled = !options.length;
}

function drawCounts() {
  const { counts } = state;
  const pairs = ["accepted", "refused", "unknown"].map((kind) => [word(`verdict.${kind}`), counts[kind]]);
  const boxes = [...pairs, [word("settings.shift.since"), words.moment(counts.since)]].map(([name, value]) => {
    const box = document.createElement("div");
    box.append(...facts([[name, String(value)]]).childNodes);
    return box;
  });
  $("counts").replaceChildren(...boxes);
}

function drawCamera() {
  $("camera").textContent = word(camera.running ? "check.stop" : "check.start");
  $("camera").setAttribute("aria-pressed", String(camera.running));
}

function drawRequest() {
  const left = state.asking ? Math.ceil(state.asking.until - Date.now() / 1000) : 0;
  if (state.asking && left <= 0) stopAsking();
  $("request").hidden = !state.asking;
  $("request-life").textContent = state.asking ? word("ask.life", { age: words.duration(left) }) : "";
}

// --- checking ---

const camera = new Camera($("video"), looked);

async function looked(bitmap, taken, whole = false) {
  const question = $("question").selectedIndex;
  let seen;
  try {
    seen = await call("look", { bitmap, question, whole, taken }, [bitmap]);
  } catch (error) {
    seen = { found: "verdict", answer: error };
  }
  const pieces = seen.found === "piece";
  $("pieces").hidden = !pieces;
  if (pieces) [$("pieces").value, $("pieces").max] = seen.pieces;
  const line = { piece: "seeing.pieces", other: "seeing.other" }[seen.found] ?? "seeing.nothing";
  const text = camera.running && !state.verdict ? word(line) : "";
  if ($("seeing").textContent !== text) $("seeing").textContent = text;
  if (seen.found === "verdict") await decided(seen);
}

async function decided({ answer, took }) {
  const question = state.questions[$("question").selectedIndex];
  const asked = state.asking ? state.asking.question : question;
  const kind = outcome(answer);
  state.counts[kind] += 1;
  await put({ counts: state.counts });
  state.verdict = { answer, asked, took };
  if (answer.accepted && state.asking) stopAsking();
  if ($("sound").checked) signals.sound(kind);
  if ($("vibration").checked) signals.vibrate(kind);
  const gate = $("gate").checked && camera.running;
  // Hands-free, the camera looks on; otherwise it waits until whoever checks has read this.
  if (!gate) camera.stop();
  $("check").hidden = !gate;
  $("verdict").hidden = false;
  $("next").hidden = gate;
  draw();
  if (!gate) $("verdict-title").focus();
}

function hideVerdict() {
  state.verdict = null;
  $("verdict").hidden = true;
  for (const image of $("verdict-body").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  $("verdict-body").replaceChildren();
}

async function startCamera() {
  hideVerdict();
  $("check").hidden = false;
  await call("begin_anew");
  try {
    await camera.start();
    $("seeing").textContent = word("seeing.nothing");
  } catch {
    $("seeing").textContent = word("check.no-camera");
  }
  draw();
}

$("camera").addEventListener("click", async () => {
  signals.allow();
  if (camera.running) {
    camera.stop();
    $("seeing").textContent = "";
    draw();
  } else {
    // What is shown unasked answers no request; the answer to one is scanned from there.
    stopAsking();
    await startCamera();
  }
});
$("next").addEventListener("click", async () => {
  await startCamera();
  $("camera").focus();
});
// Also from a verdict back to the part that one is in already.
document.querySelector("nav").addEventListener("click", ({ target }) => {
  if (target.closest("a")?.hash === location.hash) turn();
});
$("picture").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  camera.stop();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    await decided({ answer: { refused: "ImageRejected" } });
    return;
  }
  await looked(bitmap, performance.timeOrigin + performance.now(), true);
});
$("question").addEventListener("change", () => put({ question: $("question").selectedIndex }));

// --- asking ---

function stopAsking() {
  if (!state.asking) return;
  URL.revokeObjectURL(state.asking.url);
  state.asking = null;
  call("stop_asking");
}

$("make-request").addEventListener("click", async () => {
  const index = $("question").selectedIndex;
  try {
    const made = await call("ask", { question: index });
    const url = URL.createObjectURL(new Blob([made.picture], { type: "image/png" }));
    state.asking = { ...made, url, question: state.questions[index] };
    $("request-code").src = url;
    $("ask-told").textContent = word("ask.made", { what: words.label(state.asking.question.name) });
  } catch (error) {
    $("ask-told").textContent = told(error);
  }
  draw();
});
$("scan-answer").addEventListener("click", async () => {
  signals.allow();
  location.hash = "#check";
  await turn();
  await startCamera();
});

// --- trust data ---

async function bytesOf(response, progress) {
  const length = Number(response.headers.get("content-length")) || 0;
  const chunks = [];
  let size = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
    if (size > BUNDLE_MAX) throw { refused: "TooLarge" };
    progress(size, length);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function takeBundle(bytes) {
  Object.assign(state, await call("bundle", { bytes }));
  call("prepare");
  $("data-told").textContent = word("data.taken", { height: state.trust.height.toLocaleString(words.current()) });
}

/** Fetches what is newer than what is here; a mirror that cannot do that gives the whole. */
async function fetchBundle() {
  const mirror = new URL($("mirror").value || MIRROR, location.href);
  await put({ mirror: $("mirror").value });
  const bar = $("loading");
  const progress = (size, length) => {
    if (length) [bar.max, bar.value] = [length, Math.min(size, length)];
    else bar.removeAttribute("value");
  };
  const from = async (url) => {
    const answer = await fetch(url, { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
    if (!answer.ok) throw { refused: "MirrorUnreachable" };
    return takeBundle(await bytesOf(answer, progress));
  };
  bar.hidden = false;
  bar.value = 0;
  $("data-told").textContent = word("data.loading");
  try {
    const newer = new URL(mirror);
    if (state.trust) newer.searchParams.set("since", state.trust.height);
    await from(newer).catch((error) => {
      // A mirror may have forgotten where we are, and a delta may build on more than is here.
      if (state.trust && ["BaseMissing", "MirrorUnreachable"].includes(error?.refused)) return from(mirror);
      throw error;
    });
  } catch (error) {
    $("data-told").textContent = error?.refused ? told(error) : reason("MirrorUnreachable");
  }
  bar.hidden = true;
  draw();
}

$("fetch-bundle").addEventListener("click", fetchBundle);
$("bundle-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  try {
    await takeBundle(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    $("data-told").textContent = told(error);
  }
  draw();
});

// --- setting up ---

async function anchored(bytes) {
  await call("anchor", { bytes });
  state.anchored = true;
  location.hash = "#data";
  await turn();
  await fetchBundle();
}

$("anchor-here").addEventListener("click", async () => {
  try {
    const answer = await fetch("../anchor", { cache: "no-store", credentials: "omit" });
    if (!answer.ok) throw { refused: "MirrorUnreachable" };
    await anchored(new Uint8Array(await answer.arrayBuffer()));
  } catch (error) {
    $("set-up-told").textContent = error?.refused ? told(error) : reason("MirrorUnreachable");
  }
});
$("anchor-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  try {
    await anchored(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    $("set-up-told").textContent = told(error);
  }
});

async function showVerifiers() {
  const [list, chosen] = [await call("verifiers"), await get("verifier")];
  const options = list.map(({ did, name }) => {
    const option = document.createElement("option");
    option.value = did;
    option.textContent = words.label(name);
    option.selected = did === chosen;
    return option;
  });
  if (!chosen || !list.some(({ did }) => did === chosen)) {
    const none = document.createElement("option");
    none.value = "";
    none.textContent = word("settings.verifier.none");
    none.selected = true;
    options.unshift(none);
  }
  $("verifier").replaceChildren(...options);
}

$("verifier").addEventListener("change", async ({ target }) => {
  if (!target.value) return;
  stopAsking();
  state.questions = (await call("verifier", { did: target.value })).questions;
  call("prepare");
  $("settings-told").textContent = word("settings.verifier.chosen", { n: state.questions.length });
  await showVerifiers();
  draw();
});

/** PKCS #8 of an Ed25519 seed (RFC 8410, section 7): what comes before the 32 bytes. */
const PKCS8 = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]);

$("key-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  const seed = new Uint8Array(await file.arrayBuffer());
  const whole = new Uint8Array(PKCS8.length + seed.length);
  whole.set(PKCS8);
  whole.set(seed, PKCS8.length);
  try {
    if (seed.length !== 32) throw new Error("not a seed");
    // From here on no script can read the key, this one included.
    const key = await crypto.subtle.importKey("pkcs8", whole, "Ed25519", false, ["sign"]);
    await put({ key: { private: key, verifier: await get("verifier"), fragment: "key-1" } });
    $("settings-told").textContent = word("settings.key.taken");
  } catch {
    $("settings-told").textContent = reason("MalformedKey");
  }
  seed.fill(0);
  whole.fill(0);
});

const newShift = () => ({ accepted: 0, refused: 0, unknown: 0, since: Math.floor(Date.now() / 1000) });
$("new-shift").addEventListener("click", async () => {
  state.counts = newShift();
  await put({ counts: state.counts });
  draw();
});
for (const id of ["sound", "vibration", "gate"]) {
  $(id).addEventListener("change", ({ target }) => put({ [id]: target.checked }));
}
$("reset").addEventListener("click", async () => {
  camera.stop();
  await clear();
  location.replace(location.pathname);
});
$("language").addEventListener("click", async () => {
  words.use(words.other());
  await put({ language: words.current() });
  await turn();
});
addEventListener("hashchange", async () => {
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

async function begin() {
  const kept = ["language", "counts", "gate", "sound", "vibration", "mirror", "question"];
  const [language, counts, gate, sound, vibration, mirror, question] = await Promise.all(kept.map(get));
  await words.load(language);
  state.counts = counts ?? newShift();
  $("gate").checked = gate ?? false;
  $("sound").checked = sound ?? true;
  $("vibration").checked = vibration ?? true;
  $("mirror").value = mirror || new URL(MIRROR, location.href).href;
  const { damaged, ...started } = await call("start");
  Object.assign(state, started);
  call("prepare");
  await turn();
  if (state.questions.length && question > 0) $("question").selectedIndex = question;
  if (damaged) {
    $("data-told").textContent = told(damaged);
    location.hash = "#data";
  }
  // Ages grow while nobody touches anything.
  setInterval(() => (drawTrust(), drawRequest()), 1_000);
  document.body.dataset.ready = "yes";
}

// Two tabs would not know what the other accepted: one at a time.
navigator.locks.request("scanner", { ifAvailable: true }, async (lock) => {
  if (!lock) {
    await words.load(await get("language"));
    const notice = document.createElement("h1");
    notice.textContent = word("tab.other");
    main.replaceChildren(notice);
    document.querySelector("nav").hidden = true;
    return;
  }
  await begin();
  await installed();
  await new Promise(() => {});
});

// Reads codes and checks them, away from the screen. All decisions are the wasm's.

import init, { CodeReader, Scanner } from "./mid_web.js";
import { pixels } from "./pixels.js";
import { get, put } from "./store.js";

/** Seconds a request lives: the holder reads a consent sheet and decides. */
const REQUEST_LIFE = 300;
/** Milliseconds for which the code that was checked last is not checked again while it stays in view. */
const IN_VIEW = 2_500;

let scanner = null;
let reader = null;
let questions = [];
let request = null;
let last = { text: null, message: null, seen: 0 };

const seconds = () => Date.now() / 1000;
const failed = (error) => (typeof error === "string" ? error : `Unexpected: ${error?.message ?? error}`);

/** Name and text of what a call threw. */
function refusal(error) {
  const [, refused, message] = /^(\w+): ?([\s\S]*)$/.exec(failed(error)) ?? [null, "Unexpected", failed(error)];
  return { refused, message };
}

async function begin(anchor) {
  scanner = new Scanner(anchor);
  reader = new CodeReader("presentation");
  const [bundle, floor, accepted] = await Promise.all(["bundle", "floor", "accepted"].map(get));
  let damaged = null;
  try {
    if (floor) scanner.keep_floor(floor);
    if (accepted) scanner.remember(accepted);
    if (bundle) scanner.update_bundle(bundle);
  } catch (error) {
    damaged = refusal(error);
  }
  return damaged;
}

function trust() {
  try {
    return JSON.parse(scanner.trust_data());
  } catch {
    return null;
  }
}

async function chosen(verifier) {
  questions = [];
  if (!verifier || !trust()) return [];
  try {
    questions = JSON.parse(scanner.questions(verifier));
  } catch {
    // Not registered (any more): there is nothing it may ask.
  }
  return questions;
}

/** Looks at one picture: nothing found, a piece of a message, the same as before, or a verdict. */
async function look({ bitmap, question, whole, taken }) {
  const image = pixels(bitmap, whole);
  let text, message;
  try {
    text = reader.find(image.data, image.width, image.height);
    if (text === undefined) return whole ? { found: "verdict", answer: refusal("NoCodeFound: ") } : { found: "nothing" };
    if (!whole && stillInView(text)) return { found: "same" };
    message = reader.receive(text);
  } catch (error) {
    const answer = refusal(error);
    if (!whole && answer.refused !== "UnexpectedKind") return { found: "other", answer };
    last = { text, message: null, seen: performance.now() };
    return { found: "verdict", answer };
  }
  if (!message) return { found: "piece", pieces: [...reader.progress()] };
  const before = last.message;
  const again = before?.length === message.length && message.every((byte, at) => byte === before[at]);
  const same = again && performance.now() - last.seen < IN_VIEW;
  last = { text, message, seen: performance.now() };
  if (same && !whole) return { found: "same" };
  const answer = await check(message, question);
  return { found: "verdict", answer, took: performance.timeOrigin + performance.now() - taken };
}

/** Whether this is the code that was looked at last, and has not been out of view since. */
function stillInView(text) {
  const now = performance.now();
  const same = text === last.text && now - last.seen < IN_VIEW;
  if (same) last.seen = now;
  return same;
}

async function check(message, question) {
  const asked = questions[question];
  let answer;
  if (request) answer = JSON.parse(scanner.check_answer(request, message, seconds()));
  else if (!asked) return { refused: "NoQuestion" };
  else answer = JSON.parse(scanner.check(message, asked.type, asked.profile, seconds()));
  // What was accepted is remembered on this device before anyone sees the verdict.
  if (answer.accepted) await put({ accepted: scanner.accepted() });
  return answer;
}

const calls = {
  async start() {
    await init();
    const [anchor, verifier] = await Promise.all([get("anchor"), get("verifier")]);
    if (!anchor) return { anchored: false };
    const damaged = await begin(anchor);
    return { anchored: true, damaged, trust: trust(), questions: await chosen(verifier) };
  },
  async anchor({ bytes }) {
    new Scanner(bytes).free();
    await put({ anchor: bytes });
    await begin(bytes);
    return { trust: trust() };
  },
  async bundle({ bytes }) {
    const height = scanner.update_bundle(bytes);
    await put({ bundle: scanner.bundle(), floor: height });
    return { trust: trust(), questions: await chosen(await get("verifier")) };
  },
  async verifiers() {
    return trust() ? JSON.parse(scanner.verifiers()) : [];
  },
  async verifier({ did }) {
    await put({ verifier: did });
    return { questions: await chosen(did) };
  },
  /** A request of this verifier, signed by the key that stays in the browser's key store. */
  async ask({ question }) {
    const [verifier, key] = await Promise.all([get("verifier"), get("key")]);
    const asked = questions[question];
    if (!asked) throw "NoQuestion: ";
    if (!key || key.verifier !== verifier) throw "NoKey: ";
    const random = crypto.getRandomValues(new Uint8Array(32));
    const now = seconds();
    const draft = scanner.draft_request(verifier, key.fragment, asked.purpose, asked.type, asked.profile, now, REQUEST_LIFE, random);
    const signature = await crypto.subtle.sign("Ed25519", key.private, draft.to_sign());
    const signed = draft.signed(new Uint8Array(signature));
    const picture = scanner.open_request(signed, now);
    request = signed;
    reader.begin_anew();
    return { picture, until: Math.floor(now) + REQUEST_LIFE };
  },
  async stop_asking() {
    request = null;
    return {};
  },
  /** What the first check of each question needs is worked out before anyone waits for it. */
  async prepare() {
    for (const { type, profile } of questions) scanner.prepare(type, profile);
    return {};
  },
  async begin_anew() {
    reader.begin_anew();
    last = { text: null, message: null, seen: 0 };
    return {};
  },
  look,
};

// One call after the other: nothing is checked while trust data changes.
let queue = Promise.resolve();
self.onmessage = ({ data: { id, call, given } }) => {
  queue = queue.then(async () => {
    try {
      self.postMessage({ id, result: await calls[call](given ?? {}) });
    } catch (error) {
      self.postMessage({ id, error: refusal(error) });
    }
  });
};

// Holds the wallet, away from the screen. All decisions are the wasm's. What a call changed is stored before anyone sees
// what it returned; if it cannot be stored, it did not happen.

import init, { CodeReader, Wallet, WalletStore, code_texts, draw_text } from "./mid_web.js";
import { pixels } from "./pixels.js";
import { change, clear, get, put, rows } from "./store.js";

/** Milliseconds an answer of a service may take. */
const FETCH_LIMIT = 60_000;
/** Milliseconds until something is fetched once more. */
const PAUSE = 1_500;
/** Largest answer, in bytes. */
const ANSWER_MAX = 64 * 1024 * 1024;

let store = null;
let wallet = null;
let consent = null;
let readers = [];

const now = () => Date.now() / 1000;
const random = () => crypto.getRandomValues(new Uint8Array(32));
const failed = (error) => (typeof error === "string" ? error : `Unexpected: ${error?.message ?? error}`);

/** Name and text of what a call threw, and the number in it, if there is one. */
function refusal(error) {
  const [, refused, message] = /^(\w+): ?([\s\S]*)$/.exec(failed(error)) ?? [null, "Unexpected", failed(error)];
  return { refused, message, n: /\d+/.exec(message)?.[0] };
}

// --- the key of this browser ---

/** 32 bytes that seal what the secure area holds. They are kept encrypted under a key that no script can take out. */
async function root() {
  const [key, sealed] = await Promise.all([get("key"), get("root")]);
  if (key && sealed) {
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, key, sealed.bytes));
    } catch {
      throw "DeviceMismatch: the key of this browser is another one";
    }
  }
  const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const [bytes, iv] = [random(), crypto.getRandomValues(new Uint8Array(12))];
  await put({ key: fresh, root: { iv, bytes: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, fresh, bytes) } });
  return bytes;
}

async function opened() {
  consent = wallet = null;
  const secret = await root();
  store = new WalletStore(secret);
  secret.fill(0);
  for (const [name, content] of await rows()) store.put(name, content);
  try {
    wallet = Wallet.open(store);
  } catch (error) {
    if (refusal(error).refused !== "NoWallet") throw error;
  }
}

async function stored() {
  const changes = [];
  for (let row; (row = store?.next_change()); row.free()) changes.push([row.name(), row.content()]);
  if (!changes.length) return;
  try {
    await change(changes);
  } catch (error) {
    // What is in memory is ahead of what is stored: back to that.
    await opened();
    throw error?.name === "QuotaExceededError" ? "StorageFull: " : "StorageUnavailable: ";
  }
}

let queue = Promise.resolve();
/** Does something with the wallet when nothing else does, and stores what it changed, also when it is refused. */
function done(work) {
  const result = queue.then(async () => {
    let result, thrown;
    try {
      result = await work();
    } catch (error) {
      thrown = error ?? "Unexpected: ";
    }
    await stored();
    if (thrown !== undefined) throw thrown;
    return result;
  });
  queue = result.catch(() => {});
  return result;
}

// --- services ---

async function fetched(url, body) {
  const none = { status: 0, body: new Uint8Array() };
  try {
    const how = { cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" };
    if (body) Object.assign(how, { method: "POST", body, headers: { "content-type": "application/cbor" } });
    const answer = await fetch(url, { ...how, signal: AbortSignal.timeout(FETCH_LIMIT) });
    if (Number(answer.headers.get("content-length")) > ANSWER_MAX) return none;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return bytes.length > ANSWER_MAX ? none : { status: answer.status, body: bytes };
  } catch {
    return none;
  }
}

/** Goes on with an errand until it is done. The wallet is free while something is fetched. */
async function run(errand) {
  let answer = { status: 0, body: new Uint8Array() };
  try {
    for (;;) {
      const more = await done(() => errand.step(answer.status, answer.body, now(), random()));
      if (!more) return JSON.parse(errand.result());
      const [url, body] = [more.url(), more.body()];
      more.free();
      answer = await fetched(url, body);
    }
  } finally {
    errand.free();
  }
}

async function sources() {
  const [anchor, mirror] = await Promise.all([get("anchor"), get("mirror")]);
  if (!anchor) throw "TrustMissing: no trust anchor";
  return [mirror ?? new URL("../bundle", self.location.href).href, anchor];
}

async function update() {
  const [[bundle, anchor], issuers] = [await sources(), JSON.stringify((await get("issuers")) ?? {})];
  const result = await run(wallet.update(bundle, anchor, issuers));
  await put({ updated: Math.floor(now()), next_update: Wallet.next_update(now(), random()) });
  return result;
}

/** What proofs with a new credential need. Where the issuer is between two epochs it comes a moment later, or with the next update. */
async function settled() {
  for (let tries = 0; tries < 4; tries += 1) {
    try {
      return await update();
    } catch (error) {
      if (!["EpochChanging", "EpochNotAnnounced"].includes(refusal(error).refused)) return;
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
}

// --- codes ---

/** What a code's text says: an offer or a request, for the owner to look at. */
async function understood(text) {
  for (const reader of readers) {
    let message;
    try {
      message = reader.receive(text);
    } catch (error) {
      if (refusal(error).refused !== "UnexpectedKind" || reader === readers.at(-1)) throw error;
      continue;
    }
    if (!message) return { found: "piece", pieces: [...reader.progress()] };
    return reader === readers[0] ? offered(message) : asked(message);
  }
}

async function offered(offer) {
  const sheet = JSON.parse(await done(() => wallet.read_offer(offer, now())));
  return { found: "offer", offer, sheet };
}

async function asked(request) {
  consent = await done(() => wallet.read_request(request, now()));
  return { found: "request", sheet: JSON.parse(consent.sheet()) };
}

/** A message as pictures of codes: one, or several to be shown in turn. */
const drawn = (message) => code_texts("presentation", message).map((text) => draw_text(text));

const calls = {
  async start() {
    await init();
    readers = [new CodeReader("offer"), new CodeReader("request")];
    await opened();
    return { exists: wallet !== null };
  },
  async create({ pin, birth, phone }) {
    await done(() => {
      wallet = Wallet.create(store, pin, birth || undefined, phone || undefined, now(), random());
    });
    return {};
  },
  unlock: ({ pin }) => done(() => wallet.unlock(pin, now())),
  async lock() {
    consent = null;
    return done(() => wallet?.lock());
  },
  change_pin: ({ old, pin }) => done(() => wallet.change_pin(old, pin, now(), random())),
  async erase() {
    // Keys first. What is refused or blocked is deleted all the same: the owner wants it gone.
    const gone = wallet;
    wallet = consent = null;
    await done(() => gone?.erase()).catch(() => {});
    await clear();
    return {};
  },
  cards: () => done(() => JSON.parse(wallet.cards(now()))),
  history: () => done(() => JSON.parse(wallet.history(now())).reverse()),
  delete: ({ id }) => done(() => wallet.delete(id, now())),
  update,
  async accept({ offer, sheet, code }) {
    // Where the issuer is, is remembered first: an interrupted errand goes on with an update.
    await put({ issuers: { ...(await get("issuers")), [sheet.issuer]: sheet.url } });
    const [bundle, anchor] = await sources();
    const result = await run(wallet.accept(offer, code || undefined, bundle, anchor));
    await settled();
    return result;
  },
  async look({ bitmap, whole }) {
    const image = pixels(bitmap, whole);
    const text = readers[0].find(image.data, image.width, image.height);
    if (text === undefined) return { found: "nothing" };
    return understood(text);
  },
  read: ({ text }) => understood(text),
  async begin_anew() {
    readers.forEach((reader) => reader.begin_anew());
    return {};
  },
  async answer({ approve }) {
    const given = consent;
    consent = null;
    return drawn(await done(() => wallet.answer(given, approve, now(), random())));
  },
  async show({ id, profile }) {
    const [made, began] = [now(), performance.now()];
    const pictures = drawn(await done(() => wallet.show(id, profile, made, random())));
    return { pictures, until: Math.floor(made) + Wallet.shown_for(), took: performance.now() - began };
  },
  /** Answers are prepared while nothing else is to be done. */
  async prepare() {
    while (await done(() => wallet?.prepare_next(now(), random()) ?? false).catch(() => false));
    return {};
  },
};

self.onmessage = async ({ data: { id, call, given } }) => {
  try {
    self.postMessage({ id, result: await calls[call](given ?? {}) });
  } catch (error) {
    self.postMessage({ id, error: refusal(error) });
  }
};

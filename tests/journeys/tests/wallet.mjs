// usage: node wallet.mjs '{"url", "network", "web", "place", "pictures", "types": {"licence", "identity"}}'
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { accessible, audited, korean, open, shot, tabTo, tooWide } from "./studio.mjs";

const given = JSON.parse(process.argv[2]);
const { url, network, web, place, pictures, types } = given;
const PIN = "839174";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const figures = {};
const camera = `${place}/wallet-camera.y4m`;
const { browser, film } = await open(camera);

const trouble = [];
const allowed = new Set([new URL(url).origin]);
async function watched(context, where) {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 412, height: 915 });
  page.on("console", (message) => message.type() === "error" && trouble.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(`page: ${error.message ?? error}`));
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (!["data:", "blob:"].includes(asked.protocol) && !allowed.has(asked.origin)) trouble.push(`request to ${asked}`);
  });
  await page.goto(where, { waitUntil: "load" });
  await ready(page);
  return page;
}
// What was on the screens when something went wrong.
process.on("uncaughtException", async (error) => {
  console.error(error);
  console.error(trouble.join("\n"));
  setTimeout(() => process.exit(1), 10_000);
  console.error(await text(wallet, "body").catch(() => ""));
  process.exit(1);
});
const ready = (page) => page.waitForFunction(() => document.body.dataset.ready === "yes");
const text = (page, selector) => page.$eval(selector, (node) => node.innerText);
const says = (page, selector, pattern) =>
  page.waitForFunction((s, p) => new RegExp(p).test(document.querySelector(s)?.innerText ?? ""), {}, selector, pattern.source);
const shows = (page, part) => page.waitForFunction((p) => !document.getElementById(p).hidden, {}, part);
async function go(page, part) {
  await page.click(`nav a[href="#${part}"]`);
  await shows(page, part);
}
let taken = 0;
/** A picture of the screen, as tall as what is on it. */
async function picture(page, name) {
  const height = await page.evaluate(() => document.body.scrollHeight - document.querySelector("main").clientHeight + document.querySelector("main").scrollHeight);
  await page.setViewport({ width: 412, height: Math.max(915, height) });
  await page.screenshot({ path: `${pictures}/wallet-${String(++taken).padStart(2, "0")}-${name}.png` });
  await page.setViewport({ width: 412, height: 915 });
}
async function unlock(page, pin = PIN) {
  await shows(page, "unlock");
  await page.type("#pin", pin);
  await page.click("#unlock-form button");
}
async function reopened(page) {
  await page.reload();
  await ready(page);
}
/** Does something to what the app keeps, as whoever holds the device could. */
const inStore = (page, work, ...rest) =>
  page.evaluate(`(async () => {
    const database = await new Promise((done) => (indexedDB.open("wallet", 1).onsuccess = ({ target }) => done(target.result)));
    const transaction = database.transaction(["kept", "rows"], "readwrite");
    const over = new Promise((done) => (transaction.oncomplete = done));
    const of = (request) => new Promise((done) => (request.onsuccess = () => done(request.result)));
    const result = await (${work})(transaction.objectStore("rows"), transaction.objectStore("kept"), of, ...${JSON.stringify(rest)});
    await over;
    database.close();
    return result;
  })()`);

// --- the issuer's counter ---

const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
function base45(bytes) {
  let out = "";
  for (let at = 0; at < bytes.length; at += 2) {
    let n = at + 1 < bytes.length ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    for (let digits = at + 1 < bytes.length ? 3 : 2; digits; digits -= 1) {
      out += BASE45[n % 45];
      n = Math.floor(n / 45);
    }
  }
  return out;
}
const token = readFileSync(`${network}/issuer/admin.token`, "utf8").trim();
async function counter(type) {
  const answer = await fetch(`${url}/issuer/v1/admin/offers`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ person: "person-0001", credential_types: [type], with_tx_code: true, replaces: true, life: 600 }),
  });
  const { offer, tx_code } = await answer.json();
  return { text: `MO1:${base45(Buffer.from(offer, "hex"))}`, code: tx_code };
}
/** The code as a picture, drawn by the app's own wasm. */
const drawn = async (page, text) =>
  Buffer.from(await page.evaluate(async (text) => {
    const wasm = await import("./mid_web.js");
    await wasm.default();
    return [...wasm.draw_text(text)];
  }, text));

// 1. The wallet is set up, by keyboard alone, in Korean.
const citizen = await browser.createBrowserContext();
const wallet = await watched(citizen, `${url}/wallet/`);
assert.equal(await wallet.evaluate(() => document.documentElement.lang), "ko");
await accessible(wallet, "set-up");
await picture(wallet, "set-up");
async function setUp(page, pin, again = pin) {
  await tabTo(page, "#new-pin");
  await page.keyboard.type(pin);
  await tabTo(page, "#again-pin");
  await page.keyboard.type(again);
  await page.keyboard.press("Enter");
}
await setUp(wallet, "123456");
await says(wallet, "#set-up-told", /다른 PIN/);
await setUp(wallet, PIN, "839175");
await says(wallet, "#set-up-told", /다릅니다/);
await setUp(wallet, PIN);
await shows(wallet, "cards");
await says(wallet, "#no-card", /아직 신분증이 없습니다/);
await accessible(wallet, "no card yet");
await wallet.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");

// 2. One ID by camera, one by a link; each with the code that the counter tells.
const identity = await counter(types.identity);
await film([await drawn(wallet, identity.text)]);
await go(wallet, "scan");
await accessible(wallet, "scan");
await wallet.click("#camera");
await shows(wallet, "offer");
await accessible(wallet, "offer");
await picture(wallet, "offer");
await wallet.type("#code", identity.code === "000000" ? "000001" : "000000");
await wallet.click("#offer-form button");
await says(wallet, "#offer-told", /이미 쓰였습니다/);
await wallet.type("#code", identity.code);
await wallet.click("#offer-form button");
await shows(wallet, "cards");
await wallet.waitForFunction(() => document.body.dataset.cards === "1");
const licence = await counter(types.licence);
await wallet.evaluate((hash) => (location.hash = hash), `#add=${encodeURIComponent(licence.text)}`);
await shows(wallet, "offer");
await wallet.type("#code", licence.code);
await wallet.click("#offer-form button");
await wallet.waitForFunction(() => document.body.dataset.cards === "2");
await wallet.waitForFunction(() => [...document.querySelectorAll(".face img")].some((image) => image.complete && image.naturalWidth > 30));
await accessible(wallet, "cards");
await picture(wallet, "cards");
// The link has left no trace, and what is no offer is said to be none.
assert.ok(!(await wallet.evaluate(() => location.href)).includes("MO1"));
await go(wallet, "scan");
await wallet.type("#link", "https://example.org/");
await wallet.click("#link-form button");
await says(wallet, "#seeing", /읽는 발급 코드나 요청 코드가 아닙니다/);

// 3. Opened anew: how long until the cards are there.
const began = Date.now();
await reopened(wallet);
assert.ok(await wallet.evaluate(() => navigator.serviceWorker.controller !== null));
const opening = Date.now() - began;
assert.ok(!/[가-힣]{2,} ?면허/.test(await text(wallet, "main")), "nothing of the owner before the PIN");
await accessible(wallet, "locked");
await picture(wallet, "locked");
await unlock(wallet, "502618");
await says(wallet, "#unlock-told", /9번/);
await reopened(wallet);
await unlock(wallet, "502618");
await says(wallet, "#unlock-told", /8번/);
await unlock(wallet);
await shows(wallet, "cards");
await wallet.waitForFunction(() => document.body.dataset.took);
figures["card list, cold, ms"] = opening + Number(await wallet.evaluate(() => document.body.dataset.took));
const values = await (async () => {
  const all = [];
  for (const at of [0, 1]) {
    await go(wallet, "cards");
    await wallet.waitForFunction(() => document.querySelectorAll("#card-list a").length > 1);
    await wallet.evaluate((at) => document.querySelectorAll("#card-list a")[at].click(), at);
    await shows(wallet, "card");
    all.push(...(await wallet.$$eval("#card-facts dd", (nodes) => nodes.slice(0, -1).map((node) => node.textContent))));
  }
  return all.filter((value) => value.length > 5);
})();
assert.ok(values.length > 4, values.join());

// 4. The scanner, in another context: another phone.
const officer = await browser.createBrowserContext();
const scanner = await watched(officer, `${url}/scanner/`);
await scanner.click("#anchor-here");
await says(scanner, "#data-told", /신뢰 자료를 받았습니다/);
const verifiers = async () => {
  await go(scanner, "settings");
  await scanner.waitForFunction(() => document.querySelectorAll("#verifier option").length > 1);
  return scanner.$$eval("#verifier option", (all) => all.map((o) => o.value).filter(Boolean));
};
/** Chooses the verifier that may ask this, and the question. */
async function asking(pattern) {
  for (const did of await verifiers()) {
    await go(scanner, "settings");
    await scanner.select("#verifier", did);
    await says(scanner, "#settings-told", /등록된 질문/);
    await go(scanner, "check");
    const at = await scanner.$$eval("#question option", (all, p) => all.findIndex((o) => new RegExp(p).test(o.innerText)), pattern.source);
    if (at >= 0) return scanner.select("#question", String(at));
  }
  assert.fail(`nobody may ask ${pattern}`);
}
async function verdict(button = "#camera") {
  if (await scanner.$eval("#verdict", (node) => !node.hidden)) await go(scanner, "check");
  await scanner.click(button);
  await scanner.waitForFunction(() => !document.getElementById("verdict").hidden);
  return scanner.$eval("#verdict", (node) => ({
    kind: node.className.replace("verdict ", ""), name: node.dataset.name, took: Number(node.dataset.took), text: node.innerText,
  }));
}
await scanner.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");

// 5. An age is shown as a code, and the scanner says the verdict with no network.
async function present(profile) {
  await wallet.bringToFront();
  await go(wallet, "cards");
  await wallet.waitForFunction(() => document.querySelectorAll("#card-list a").length > 1);
  for (const at of [0, 1]) {
    await go(wallet, "cards");
    await wallet.evaluate((at) => document.querySelectorAll("#card-list a")[at].click(), at);
    await shows(wallet, "card");
    const button = await wallet.$(`[data-profile="${profile}"]`);
    if (!button) continue;
    await button.click();
    await wallet.waitForFunction(() => !document.getElementById("shown").hidden && document.getElementById("shown-code").naturalWidth > 0);
    const code = await shot(wallet, "#shown-code");
    await film([code]);
    return code;
  }
  assert.fail(`no card shows ${profile}`);
}
await asking(/19/);
await scanner.setOfflineMode(true);
const first = await present("age-19");
assert.equal(await wallet.evaluate(() => document.activeElement.id), "shown-title");
await accessible(wallet, "a code");
await picture(wallet, "code");
figures["code from a tap, ms"] = Number(await wallet.$eval("#shown", (node) => node.dataset.took));
const until = await wallet.$eval("#shown", (node) => node.dataset.until);
await scanner.bringToFront();
let seen = await verdict();
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
figures["scan to verdict, ms"] = [seen.took];
await picture(scanner, "scanner-accepted");
assert.ok(!values.some((value) => seen.text.includes(value)), "an age and nothing else");
await scanner.setOfflineMode(false);
// The code renews itself before it runs out; the new one is another.
await wallet.bringToFront();
await wallet.waitForFunction((before) => document.getElementById("shown").dataset.until !== before, { timeout: 60_000 }, until);
assert.ok(!(await shot(wallet, "#shown-code")).equals(first));
await wallet.click("#hide");
assert.ok(await wallet.$eval("#shown", (node) => node.hidden));

// 6. J2: the scanner asks, the citizen reads who, what and why, and decides.
await scanner.bringToFront();
await asking(/사진/);
await go(scanner, "settings");
await (await scanner.$("#key-file")).uploadFile(`${network}/police.key`);
await says(scanner, "#settings-told", /키를 넣었습니다/);
async function request() {
  await scanner.bringToFront();
  await go(scanner, "ask");
  const before = await scanner.$eval("#request-code", (image) => image.src);
  await scanner.click("#make-request");
  await scanner.waitForFunction((before) => {
    const image = document.getElementById("request-code");
    return image.src !== before && image.complete && image.naturalWidth > 0;
  }, {}, before);
  await film([await shot(scanner, "#request-code")]);
  await wallet.bringToFront();
  await go(wallet, "scan");
  await wallet.click("#camera");
  await shows(wallet, "consent");
}
await go(scanner, "check");
await scanner.select("#question", String(await scanner.$$eval("#question option", (all) => all.findIndex((o) => /사진/.test(o.innerText)))));
await request();
const sheet = await text(wallet, "#consent-sheet");
for (const part of ["누가", "등록된 기관", "왜", "어느 신분증으로", "보여 주는 것", "얼굴 사진", "알려 주지 않는 것", "주소"]) {
  assert.ok(sheet.includes(part), `${part} in ${sheet}`);
}
assert.equal(await wallet.$$eval("#consent input", (all) => all.length), 0, "nothing is ticked beforehand");
await accessible(wallet, "consent");
await picture(wallet, "consent");
await wallet.click("#decline");
await says(wallet, "#cards-told", /아무것도 보내지 않았습니다/);
await request();
await wallet.click("#approve");
await shows(wallet, "answer");
await accessible(wallet, "answer");
await picture(wallet, "answer");
const frames = new Map();
for (let same = 0; same < 40; ) {
  const source = await wallet.$eval("#answer-code", (image) => image.src);
  same = frames.has(source) ? same + 1 : 0;
  if (!frames.has(source) && (await wallet.$eval("#answer-code", (image) => image.complete))) frames.set(source, await shot(wallet, "#answer-code"));
  await new Promise((done) => setTimeout(done, 45));
}
await film([...frames.values()], 8);
await scanner.bringToFront();
await scanner.click("#scan-answer");
await scanner.waitForFunction(() => !document.getElementById("verdict").hidden);
seen = await scanner.$eval("#verdict", (node) => ({ kind: node.className.replace("verdict ", ""), name: node.dataset.name, text: node.innerText }));
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
assert.match(seen.text, /이 확인기의 요청에 대한 답/);

// 7. The history says who and what, and no value; the settings say what to do about a lost phone.
await wallet.bringToFront();
await go(wallet, "history");
await says(wallet, "#events", /답함/);
const log = await text(wallet, "#events");
for (const part of ["받음", "코드로 보임", "거절함", "물은 항목", "답함", "보여 준 항목"]) assert.ok(log.includes(part), `${part} in ${log}`);
assert.ok(!values.some((value) => log.includes(value)), "no value");
await accessible(wallet, "history");
await picture(wallet, "history");
await go(wallet, "settings");
assert.match(await text(wallet, "#settings"), /발급기관에 전화하세요/);
await wallet.click("#fetch");
await says(wallet, "#data-told", /최신 자료/);
await accessible(wallet, "settings");
await picture(wallet, "settings");

// 8. One tab at a time.
const twin = await citizen.newPage();
await twin.goto(`${url}/wallet/`);
await twin.waitForFunction(() => /다른 탭/.test(document.querySelector("main").innerText));
assert.equal(await twin.$eval("main h1", (node) => node.dataset.name), "AlreadyOpen");
await accessible(twin, "another tab");
await twin.close();

// 9. The next version of the app: told, used when the owner says so, and the wallet is still there.
const folder = `${place}/wallet-static`;
cpSync(`${web}/wallet`, folder, { recursive: true });
const media = { html: "text/html", js: "text/javascript", css: "text/css", json: "application/json", wasm: "application/wasm", svg: "image/svg+xml" };
const trust = { "/bundle": readFileSync(`${network}/bundle.cbor`), "/anchor": readFileSync(`${network}/anchor.cbor`) };
const mirror = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  if (trust[pathname]) return response.end(trust[pathname]);
  try {
    const file = pathname === "/app/" ? "index.html" : pathname.replace("/app/", "");
    response.writeHead(200, { "content-type": media[file.split(".").pop()] ?? "application/octet-stream" }).end(readFileSync(`${folder}/${file}`));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => mirror.listen(0, "127.0.0.1", done));
const elsewhere = `http://127.0.0.1:${mirror.address().port}`;
allowed.add(elsewhere);
const other = await watched(citizen, `${elsewhere}/app/`);
await setUp(other, PIN);
await shows(other, "cards");
await other.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");
const before = readFileSync(`${folder}/wallet.css`);
const after = Buffer.concat([before, Buffer.from("\nbody{--next:1}\n")]);
const hash = (bytes) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
const worker = readFileSync(`${folder}/sw.js`, "utf8");
writeFileSync(`${folder}/wallet.css`, after);
writeFileSync(`${folder}/sw.js`, worker.replace(hash(before), hash(after)).replace(/"version":"\w+"/, '"version":"next"'));
await other.evaluate(async () => (await navigator.serviceWorker.ready).update());
await other.waitForFunction(() => !document.getElementById("update").hidden);
await accessible(other, "an update");
await Promise.all([other.waitForNavigation(), other.click("#update-now")]);
await ready(other);
await other.waitForFunction(() => getComputedStyle(document.body).getPropertyValue("--next") === "1");
await unlock(other);
await shows(other, "cards");
await other.close();

// 10. By the device's user verification, in place of typing the PIN. (A name, as WebAuthn knows no addresses.)
const local = url.replace("127.0.0.1", "localhost");
allowed.add(local);
const touch = await watched(citizen, `${local}/wallet/`);
const devtools = await touch.createCDPSession();
await devtools.send("WebAuthn.enable");
const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
  options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, hasPrf: true, isUserVerified: true, automaticPresenceSimulation: true },
});
await setUp(touch, PIN);
await shows(touch, "cards");
await go(touch, "settings");
await touch.type("#passkey-pin", PIN);
await touch.click("#passkey-form button");
await says(touch, "#passkey-told", /지문이나 얼굴로 열 수 있습니다/);
await accessible(touch, "settings with a passkey");
await reopened(touch);
await touch.waitForFunction(() => !document.getElementById("unlock-passkey").hidden);
await accessible(touch, "locked with a passkey");
await touch.click("#unlock-passkey");
await shows(touch, "cards");
await touch.click("#lock");
await shows(touch, "unlock");
await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
await touch.click("#unlock-passkey");
await touch.waitForFunction(() => document.getElementById("unlock-told").dataset.name === "NotVerified");
await touch.close();

// 11. The server stops, the network is gone: the wallet opens and shows, the scanner checks.
console.log("stop the server");
assert.equal((await lines.next()).value, "stopped");
mirror.close();
mirror.closeAllConnections();
await wallet.bringToFront();
for (const page of [wallet, scanner]) await page.setOfflineMode(true);
await reopened(wallet);
await unlock(wallet);
await shows(wallet, "cards");
await wallet.waitForFunction(() => document.body.dataset.cards === "2");
await scanner.bringToFront();
await asking(/면허/);
await present("roadside");
await scanner.bringToFront();
seen = await verdict();
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
figures["scan to verdict, ms"].push(seen.took);
assert.ok(values.some((value) => seen.text.includes(value)), "a licence's number or name");

// 12. English, large letters, narrow screens, no motion.
await wallet.bringToFront();
await go(wallet, "cards");
await wallet.click("#language");
await wallet.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
for (const part of ["cards", "scan", "history", "settings"]) {
  await go(wallet, part);
  // Names on a card are Korean in both languages.
  if (part !== "cards") assert.equal(await korean(wallet), undefined, part);
  await accessible(wallet, `${part} in English`);
}
await go(wallet, "cards");
await picture(wallet, "cards-en");
await present("age-19");
assert.equal(await wallet.$eval("#shown", (node) => getComputedStyle(node).animationName), "none");
await picture(wallet, "code-en");
for (const [width, height, scale] of [[640, 450, 2], [320, 256, 4], [320, 740, 1]]) {
  await wallet.setViewport({ width, height, deviceScaleFactor: scale });
  for (const part of ["cards", "scan", "history", "settings"]) {
    await go(wallet, part);
    const wider = await tooWide(wallet);
    assert.ok(wider <= 0, `${part} is ${wider} pixels too wide at ${width} by ${height}`);
  }
}
await wallet.setViewport({ width: 412, height: 915 });

// 13. Locked: nothing of the owner is on the page.
await wallet.click("#lock");
await shows(wallet, "unlock");
const page = await wallet.evaluate(() => document.body.textContent);
assert.ok(!values.some((value) => page.includes(value)), "nothing is left behind");
assert.equal(await wallet.evaluate(() => document.querySelectorAll("main img[src^=blob]").length), 0);

// 14. What is on this device: no secret for scripts, nothing readable, and nothing of it is believed (G).
assert.equal(await wallet.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0);
const extractable = await inStore(wallet, async (rows, kept, of) => (await of(kept.get("key"))).extractable);
assert.equal(extractable, false);
const names = await inStore(wallet, (rows, kept, of) => of(kept.getAllKeys()));
const known = ["anchor", "issuers", "key", "language", "next_update", "passkey", "root", "updated"];
assert.deepEqual(names.filter((name) => !known.includes(name)), []);
/** Everything in the rows, as it is. */
const saved = await inStore(wallet, async (rows, kept, of) => {
  const [names, contents] = await Promise.all([of(rows.getAllKeys()), of(rows.getAll())]);
  return names.map((name, at) => [name, btoa(contents[at].reduce((text, byte) => text + String.fromCharCode(byte), ""))]);
});
const everything = Buffer.concat(saved.map(([name, content]) => Buffer.concat([Buffer.from(name), Buffer.from(content, "base64")]))).toString("latin1");
for (const plain of [PIN, "link_secret", "kr.go.police", ...values.map((value) => Buffer.from(value).toString("latin1"))]) {
  assert.ok(!everything.includes(plain), `${plain} is readable`);
}
const restore = (entries) =>
  inStore(wallet, (rows, kept, of, entries) => {
    rows.clear();
    for (const [name, content] of entries) rows.put(Uint8Array.from(atob(content), (c) => c.charCodeAt(0)), name);
  }, entries);
const flipped = (content) => {
  const bytes = Buffer.from(content, "base64");
  bytes[bytes.length >> 1] ^= 1;
  return bytes.toString("base64");
};
const named = (part) => saved.filter(([name]) => name.includes(part)).map(([name]) => name);
async function refused(entries, name, what) {
  await restore(entries);
  await reopened(wallet);
  await shows(wallet, "unlock");
  if (!(await wallet.$eval("#unlock-form", (node) => node.hidden))) await unlock(wallet);
  await wallet.waitForFunction((name) => document.getElementById("unlock-told").dataset.name === name, {}, name).catch(async () =>
    assert.fail(`${what}: ${await wallet.$eval("#unlock-told", (node) => `${node.dataset.name} ${node.innerText}`)}`));
}
const [record] = named(".record");
const rowNames = named("row/");
for (const name of ["header", record, rowNames[0], rowNames.at(-1)]) {
  await refused(saved.map(([at, content]) => [at, at === name ? flipped(content) : content]), "StorageTampered", `a byte of ${name}`);
}
await refused(saved.filter(([name]) => name !== record), "StorageTampered", "no record");
const [one, two] = rowNames;
const content = Object.fromEntries(saved);
await refused(saved.map(([name, bytes]) => [name, name === one ? content[two] : name === two ? content[one] : bytes]), "StorageTampered", "two rows swapped");
await accessible(wallet, "tampered");
await picture(wallet, "tampered");
// An older copy of the rows, beside what the secure area remembers now.
await restore(saved);
await reopened(wallet);
await unlock(wallet);
await shows(wallet, "cards");
await present("age-19");
await go(wallet, "cards");
const [newer] = await Promise.all([inStore(wallet, async (rows, kept, of, record) => btoa((await of(rows.get(record))).reduce((t, b) => t + String.fromCharCode(b), "")), record)]);
await refused(saved.map(([name, bytes]) => [name, name === record ? newer : bytes]), "RollbackDetected", "an older copy");
// The key of another browser.
await restore(saved);
await inStore(wallet, (rows, kept) => kept.delete("key"));
await reopened(wallet);
await wallet.waitForFunction(() => /StorageTampered|DeviceMismatch/.test(document.getElementById("unlock-told").dataset.name));

// 15. Start over: everything is gone.
await wallet.click("#unlock details summary");
await Promise.all([wallet.waitForNavigation(), wallet.click("#start-over")]);
await ready(wallet);
await shows(wallet, "set-up");
assert.deepEqual(await inStore(wallet, (rows, kept, of) => of(rows.getAllKeys())), []);

// 16. A full storage: what could not be stored did not happen.
await setUp(wallet, PIN);
await shows(wallet, "cards");
const kept = await inStore(wallet, (rows, kept, of) => of(rows.count()));
const [inside] = wallet.workers();
await inside.evaluate(() => {
  IDBObjectStore.prototype.put = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
});
await go(wallet, "settings");
await wallet.type("#old-pin", PIN);
await wallet.type("#next-pin", "7390518");
await wallet.click("#pin-form button");
await wallet.waitForFunction(() => document.getElementById("pin-told").dataset.name === "StorageFull");
assert.equal(await inStore(wallet, (rows, kept, of) => of(rows.count())), kept);
await reopened(wallet);
await unlock(wallet);
await shows(wallet, "cards");

const expected = /Failed to fetch|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|status of 400/;
assert.deepEqual(trouble.filter((line) => !expected.test(line)), []);
await browser.close();
rmSync(camera);
const wasm = readFileSync(`${web}/wallet/mid_web_bg.wasm`);
figures["wasm, bytes"] = wasm.length;
figures["wasm compressed, bytes"] = gzipSync(wasm, { level: 9 }).length;
figures["audited by axe"] = audited();
assert.ok(figures["wasm compressed, bytes"] <= 3 * 1024 * 1024);
for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${[value].flat().join(", ")}`);
process.exit(0); // whoever started this may keep our input open

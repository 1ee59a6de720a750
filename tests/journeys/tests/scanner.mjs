// usage: node scanner.mjs '{"url", "network", "web", "mid", "citizen", "place", "pictures"}'
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { accessible, audited, korean, open as studio, shot, tabTo, tooWide } from "./studio.mjs";

const given = JSON.parse(process.argv[2]);
const { url, network, web, place, citizen, pictures } = given;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const figures = {};

// --- the other phone: the wallet on the command line ---

const wallet = (command, ...rest) =>
  execFileSync(given.mid, ["wallet", command, "--dir", `${citizen}/wallet`, "--pin-file", `${citizen}/pin`, ...rest, "--json"]);
let shown = 0;
/** A picture of a code of one ready-made answer, made now. */
function present(profile) {
  const file = `${place}/shown-${++shown}.png`;
  wallet("present", "--profile", profile, "--out", file);
  return [file];
}
const folderOf = (folder) => readdirSync(folder).sort().map((name) => `${folder}/${name}`);

// --- a camera that looks at the other phone's screen ---

const CAMERA = `${place}/camera.y4m`;
const { browser, film: filmed } = await studio(CAMERA);
/** What the browser's camera sees from its next start on: these files in turn, `rate` a second. */
const film = (files, rate) => filmed(files.map((file) => file && readFileSync(file)), rate);

// --- the scanner's screen ---

const trouble = [];
const allowed = new Set([new URL(url).origin]);
async function open(where) {
  const page = await browser.newPage();
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
const ready = (page) => page.waitForFunction(() => document.body.dataset.ready === "yes");
const text = (page, selector) => page.$eval(selector, (node) => node.innerText);
const says = (page, selector, pattern) =>
  page.waitForFunction((s, p) => new RegExp(p).test(document.querySelector(s).innerText), {}, selector, pattern.source);
async function go(page, part) {
  await page.click(`nav a[href="#${part}"]`);
  await page.waitForFunction((p) => !document.getElementById(p).hidden, {}, part);
}
let taken = 0;
/** A picture of the screen, as tall as what is on it. */
async function picture(page, name) {
  const height = await page.evaluate(() => document.body.scrollHeight - document.querySelector("main").clientHeight + document.querySelector("main").scrollHeight);
  await page.setViewport({ width: 412, height: Math.max(915, height) });
  await page.screenshot({ path: `${pictures}/scanner-${String(++taken).padStart(2, "0")}-${name}.png` });
  await page.setViewport({ width: 412, height: 915 });
}

/** Starts the camera and waits for a verdict: what it says. */
async function scan(page, button = "#camera") {
  await page.click(button);
  return verdict(page);
}
async function verdict(page) {
  await page.waitForFunction(() => !document.getElementById("verdict").hidden);
  return page.$eval("#verdict", (node) => ({
    kind: node.className.replace("verdict ", ""), name: node.dataset.name, took: Number(node.dataset.took), text: node.innerText,
  }));
}
/** Does something to what the app keeps, as whoever holds the device could. */
const inStore = (page, work, ...rest) =>
  page.evaluate(`(async () => {
    const database = await new Promise((done) => (indexedDB.open("scanner", 1).onsuccess = ({ target }) => done(target.result)));
    const table = database.transaction("kept", "readwrite").objectStore("kept");
    const of = (request) => new Promise((done) => (request.onsuccess = () => done(request.result)));
    const result = await (${work})(table, of, ...${JSON.stringify(rest)});
    database.close();
    return result;
  })()`);

// 0. The pages of `mid up` around it: what is where, and a check by hand.
const front = await browser.newPage();
for (const path of ["/ko", "/en", "/ko/check", "/en/check"]) {
  const answer = await front.goto(`${url}${path}`);
  assert.ok(!answer.headers()["content-security-policy"].includes("unsafe-inline"));
  assert.equal(await front.evaluate(() => document.querySelectorAll("style, [style], script").length), 0);
  assert.ok(await front.evaluate(() => getComputedStyle(document.body).maxWidth !== "none"), "its style is used");
  await accessible(front, path);
}
await front.type("#code", "MP1:00");
await Promise.all([front.waitForNavigation(), front.click("form button")]);
assert.match(await text(front, "main"), /Refused[\s\S]*MalformedPresentation/);
await accessible(front, "a refusal by hand");
await front.goto(`${url}/en`);
assert.ok(await front.$(`a[href="${url}/scanner/"]`), "the first page leads to the scanner");
await front.close();

// 1. Installed once: the anchor, trust data, who checks, the key for requests. By keyboard alone, in Korean.
let page = await open(`${url}/scanner/`);
assert.equal(await page.evaluate(() => document.documentElement.lang), "ko");
await accessible(page, "set-up");
await picture(page, "set-up");
await page.keyboard.press("Tab");
assert.match(await page.evaluate(() => document.activeElement.className), /skip/);
await tabTo(page, "#anchor-here");
await page.keyboard.press("Enter");
await says(page, "#data-told", /신뢰 자료를 받았습니다/);
await says(page, "#trust", /신뢰 자료 \d\d:\d\d 기준/);
await tabTo(page, 'nav a[href="#settings"]');
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.querySelectorAll("#verifier option").length === 3);
assert.equal(await page.evaluate(() => document.activeElement.id), "main", "the focus goes where one went");
await tabTo(page, "#verifier");
await page.select("#verifier", await page.$$eval("#verifier option", (all) => all.find((o) => /교통 단속/.test(o.innerText)).value));
await says(page, "#settings-told", /등록된 질문: 2개/);
await (await page.$("#key-file")).uploadFile(`${network}/police.key`);
await says(page, "#settings-told", /키를 넣었습니다/);
await page.click("#sound");
await go(page, "check");
// What may be asked is what this verifier registered: nothing about ages.
const offered = await page.$$eval("#question option", (all) => all.map((option) => option.innerText));
assert.deepEqual(offered.map((name) => name.split(" · ")[0]), ["운전면허 확인", "사진 확인"]);
// The first version is kept on the device without asking, and the next start comes from there.
await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");
await page.reload();
await ready(page);
assert.ok(await page.evaluate(() => navigator.serviceWorker.controller !== null));
assert.ok(await page.$eval("#update", (node) => node.hidden));

// 2. J1: a licence, held to the camera.
const licence = present("roadside");
const shownAt = Date.now();
await film(licence);
let seen = await scan(page);
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
assert.match(seen.text, /확인됨[\s\S]*면허번호[\s\S]*성명[\s\S]*기준, .*지남/);
assert.equal(await page.evaluate(() => document.activeElement.id), "verdict-title");
figures["scan to verdict, ms"] = [seen.took];
await accessible(page, "accepted");
await picture(page, "accepted-ko");
// The same code once more is a replay.
seen = await scan(page, "#next");
assert.deepEqual([seen.kind, seen.name], ["refused", "NonceReplayed"]);

// 3. J2 and the portrait: the holder scans this scanner's request and answers it, in several codes.
await go(page, "check");
await page.select("#question", "1");
await go(page, "ask");
await accessible(page, "ask");
await page.click("#make-request");
await page.waitForFunction(() => document.getElementById("request-code").naturalWidth > 0);
await accessible(page, "request");
await picture(page, "request");
writeFileSync(`${place}/request.png`, await shot(page, "#request-code"));
wallet("answer", `${place}/request.png`, "--approve", "--frames", `${place}/answer`);
await film(folderOf(`${place}/answer`), 8);
seen = await scan(page, "#scan-answer");
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
assert.match(seen.text, /이 확인기의 요청에 대한 답/);
assert.ok(await page.$eval("#verdict img", (image) => image.complete && image.naturalWidth > 30 && image.alt.length > 3));
await accessible(page, "accepted with a portrait");
await picture(page, "portrait");

// 4. Any mirror will do, with the app in a plain folder: trust data from elsewhere, and the next version of the app.
const folder = `${place}/static`;
cpSync(`${web}/scanner`, folder, { recursive: true });
const types = { html: "text/html", js: "text/javascript", css: "text/css", json: "application/json", wasm: "application/wasm", svg: "image/svg+xml" };
const bundle = readFileSync(`${network}/bundle.cbor`);
const mirror = createServer((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  try {
    if (path.endsWith("/trust")) return response.writeHead(200, { "access-control-allow-origin": "*", "content-length": bundle.length }).end(bundle);
    const file = path === "/app/" ? "index.html" : path.replace("/app/", "");
    response.writeHead(200, { "content-type": types[file.split(".").pop()] ?? "application/octet-stream" }).end(readFileSync(`${folder}/${file}`));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => mirror.listen(0, "127.0.0.1", done));
const elsewhere = `http://127.0.0.1:${mirror.address().port}`;
allowed.add(elsewhere);
await go(page, "data");
await accessible(page, "trust data");
await page.$eval("#mirror", (field, value) => (field.value = value), `${elsewhere}/trust`);
await page.click("#fetch-bundle");
await says(page, "#data-told", /받았습니다|오래된/);
await picture(page, "trust-data");
const second = await open(`${elsewhere}/app/`);
await second.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");
const next = (name, change) => {
  const worker = readFileSync(`${folder}/sw.js`, "utf8");
  const before = readFileSync(`${folder}/${name}`);
  const hash = (bytes) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
  const after = Buffer.concat([before, Buffer.from(change)]);
  writeFileSync(`${folder}/${name}`, after);
  return { worker, told: worker.replace(hash(before), hash(after)).replace(/"version":"\w+"/, `"version":"${hash(after).slice(7, 15)}"`) };
};
const version = (of) => of.evaluate(async () => (await caches.keys()).sort().join());
const first = await version(second);
// A file that is not what the new version says: the old one stays, whole.
const { worker } = next("style.css", "\n/* changed on the way */\n");
writeFileSync(`${folder}/sw.js`, worker.replace(/"version":"\w+"/, '"version":"half"'));
await second.evaluate(async () => {
  const registration = await navigator.serviceWorker.ready;
  await registration.update().catch(() => {});
  await new Promise((done) => setTimeout(done, 50));
  while (registration.installing) await new Promise((done) => setTimeout(done, 50));
});
assert.ok(await second.$eval("#update", (node) => node.hidden), "nothing to use");
trouble.length = 0; // the browser says that the hash is wrong, as it should
// A good one: told, and used when whoever checks says so.
writeFileSync(`${folder}/style.css`, readFileSync(`${web}/scanner/style.css`));
writeFileSync(`${folder}/sw.js`, worker);
writeFileSync(`${folder}/sw.js`, next("style.css", "\nbody{--next:1}\n").told);
await second.evaluate(async () => (await navigator.serviceWorker.ready).update());
await second.waitForFunction(() => !document.getElementById("update").hidden);
await accessible(second, "an update");
await Promise.all([second.waitForNavigation(), second.click("#update-now")]);
await ready(second);
await second.waitForFunction(() => getComputedStyle(document.body).getPropertyValue("--next") === "1");
assert.notEqual(await version(second), first);
assert.equal((await version(second)).split(",").length, 1, "the old version is gone");
// Two tabs would not know what the other accepted.
const twin = await browser.newPage();
await twin.goto(`${elsewhere}/app/`);
await twin.waitForFunction(() => /다른 탭/.test(document.querySelector("main").innerText));
await Promise.all([twin.close(), second.close()]);

// 5. The server stops, the network is gone, and the app starts and checks.
console.log("stop the server");
assert.equal((await lines.next()).value, "stopped");
mirror.close();
mirror.closeAllConnections();
await page.bringToFront();
await page.setOfflineMode(true);
await page.reload();
await ready(page);
assert.equal(await page.evaluate(() => fetch("../bundle").then(() => "online", () => "offline")), "offline");
trouble.length = 0; // the failed request of the line above
await go(page, "check");
await page.select("#question", "0");
await film(present("roadside"));
seen = await scan(page);
assert.equal(seen.kind, "accepted", JSON.stringify(seen));
figures["scan to verdict, ms"].push(seen.took);
await picture(page, "offline");
// The picture of before is a screenshot by now: 31 seconds are over.
await new Promise((done) => setTimeout(done, Math.max(0, shownAt + 31_500 - Date.now())));
await film(licence);
seen = await scan(page, "#next");
assert.deepEqual([seen.kind, seen.name], ["refused", "Expired"]);
assert.match(seen.text, /거부[\s\S]*화면 사진/);
await accessible(page, "refused");
await picture(page, "screenshot-refused");
// Another kind of credential, and a code that is of no ID.
await film(present("age-19"));
seen = await scan(page, "#next");
assert.deepEqual([seen.kind, seen.name], ["refused", "CredentialNotRequested"]);
await film([`${place}/request.png`]);
seen = await scan(page, "#next");
assert.deepEqual([seen.kind, seen.name], ["refused", "UnexpectedKind"]);

// 6. Gate mode: one after the other, nobody touches anything.
await go(page, "check");
const people = [present("roadside"), present("roadside"), present("roadside")].flat();
await film(people.flatMap((file) => [file, file, null]), 9);
await page.click("#gate");
await page.select("#question", "0");
await page.click("#camera");
await page.evaluate(() => {
  window.verdicts = [];
  const note = () => {
    const { dataset, className } = document.getElementById("verdict");
    window.verdicts.push([className.replace("verdict ", ""), dataset.name, Number(dataset.took), performance.now()]);
  };
  new MutationObserver(note).observe(document.getElementById("verdict"), { attributes: true, attributeFilter: ["data-took"] });
});
await page.waitForFunction(() => document.getElementById("verdict").className && window.verdicts.length >= 8);
await accessible(page, "gate");
await picture(page, "gate");
const gate = await page.evaluate(() => window.verdicts);
assert.ok(gate.filter(([kind]) => kind === "accepted").length >= 2, JSON.stringify(gate));
// Whoever comes by again shows a code that was used.
assert.ok(gate.every(([kind, name]) => kind === "accepted" || ["NonceReplayed", "Expired"].includes(name)), JSON.stringify(gate));
figures["gate mode, people a second"] = ((7_000 / (gate[7][3] - gate[0][3])).toFixed(1));
figures["scan to verdict, ms"].push(...gate.filter(([kind]) => kind === "accepted").map(([, , took]) => took));
await go(page, "settings");
await page.waitForFunction(() => document.querySelectorAll("#counts div").length === 4);
const counts = await inStore(page, (table, of) => of(table.get("counts")));
assert.ok(counts.accepted >= 5 && counts.refused >= 4, JSON.stringify(counts));
await accessible(page, "settings");
await picture(page, "settings");
await page.click("#new-shift");
await go(page, "check");
await page.click("#gate");

// 7. Both languages, large letters, narrow screens, no motion.
await page.click("#language");
assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
for (const part of ["check", "ask", "data", "settings"]) {
  await go(page, part);
  assert.equal(await korean(page), undefined);
  await accessible(page, `${part} in English`);
}
await go(page, "check");
await film(present("roadside"));
await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
seen = await scan(page);
assert.match(seen.text, /Accepted[\s\S]*as of \d\d:\d\d, .* old/);
assert.equal(await page.$eval("#verdict", (node) => getComputedStyle(node).animationName), "none");
await picture(page, "accepted-en");
for (const [width, height, scale] of [[640, 450, 2], [320, 256, 4], [320, 740, 1]]) {
  await page.setViewport({ width, height, deviceScaleFactor: scale });
  for (const part of ["check", "ask", "data", "settings"]) {
    await go(page, part);
    const wider = await tooWide(page);
    assert.ok(wider <= 0, `${part} is ${wider} pixels too wide at ${width} by ${height}`);
  }
}
await page.setViewport({ width: 412, height: 915 });

// 8. What is on this device: no secret for scripts, and nothing of it is believed unchecked (G).
assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0);
const key = await inStore(page, async (table, of) => {
  const { private: kept } = await of(table.get("key"));
  return [kept.extractable, await crypto.subtle.exportKey("pkcs8", kept).then(() => "taken", () => "refused")];
});
assert.deepEqual(key, [false, "refused"]);
const names = await inStore(page, (table, of) => of(table.getAllKeys()));
const known = ["accepted", "anchor", "bundle", "counts", "floor", "gate", "key", "language", "mirror", "question", "sound", "verifier", "vibration"];
assert.deepEqual(names.filter((name) => !known.includes(name)), []);
const damaged = async (work, pattern, ...rest) => {
  await inStore(page, work, ...rest);
  await page.reload();
  await ready(page);
  await says(page, "#data-told", pattern);
  await says(page, "#trust", /No trust data/);
};
const whole = [...bundle];
await damaged((table, of) => of(table.get("bundle")).then((bytes) => { bytes[Math.floor(bytes.length / 2)] ^= 1; return of(table.put(bytes, "bundle")); }), /incomplete or changed|required form|right form|damaged/);
await damaged((table, of, whole) => Promise.all([of(table.put(Uint8Array.from(whole), "bundle")), of(table.put(1e9, "floor"))]), /older than what was in use/, whole);
await damaged((table, of) => Promise.all([of(table.put(0, "floor")), of(table.put("[[1]]", "accepted"))]), /memory of used codes/);
await picture(page, "damaged");
// Without trust data there is no verdict.
await go(page, "check");
assert.ok(await page.$eval("#camera", (button) => button.disabled));
// A file brings it back, with no network.
await inStore(page, (table, of) => of(table.delete("accepted")));
await page.reload();
await ready(page);
await go(page, "data");
await (await page.$("#bundle-file")).uploadFile(`${network}/bundle.cbor`);
await says(page, "#data-told", /is in use|older/);
await film([null]);
assert.deepEqual(trouble, []);
await browser.close();
rmSync(CAMERA);

const wasm = readFileSync(`${web}/scanner/mid_web_bg.wasm`);
figures["wasm, bytes"] = wasm.length;
figures["wasm compressed, bytes"] = gzipSync(wasm, { level: 9 }).length;
figures["audited by axe"] = audited();
assert.ok(figures["wasm compressed, bytes"] <= 3 * 1024 * 1024);
for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${[value].flat().join(", ")}`);
process.exit(0); // whoever started this may keep our input open

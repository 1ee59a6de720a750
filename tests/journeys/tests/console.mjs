// usage: node console.mjs '{"console", "passwords", "place", "pictures", "types": {"licence", "identity"}}'
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { accessible, audited, korean, open, shot, tabTo, tooWide, watch } from "./studio.mjs";

const { console: first, passwords, place, pictures, types } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { browser } = await open(`${place}/console-camera.y4m`);
let root = first;
const trouble = [];
const allowed = new Set([new URL(first).origin]);
const seats = [];
process.on("uncaughtException", async (error) => {
  console.error(error);
  console.error(trouble.join("\n"));
  setTimeout(() => process.exit(1), 10_000);
  for (const page of seats) console.error(page.url(), await text(page, "body").catch(() => ""));
  process.exit(1);
});

const text = (page, selector) => page.$eval(selector, (node) => node.innerText);
const go = (page, path) => page.goto(new URL(path, root).href, { waitUntil: "load" });
/** Presses what leads to another page, and waits for it. */
async function press(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(selector)]);
}
const refused = (page) => text(page, "#refused");
let taken = 0;
const picture = (page, name) =>
  page.screenshot({ path: `${pictures}/console-${String(++taken).padStart(2, "0")}-${name}.png`, fullPage: true });

/** A screen of its own. */
async function seat() {
  const page = await (await browser.createBrowserContext()).newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 1280, height: 900 });
  watch(page, trouble, allowed);
  seats.push(page);
  await go(page, "/");
  return page;
}
/** What the browser says about an answer of 4xx that was wanted. */
function expected(status) {
  const at = trouble.findIndex((told) => told.includes(`status of ${status}`));
  assert.ok(at >= 0, `no ${status}: ${trouble}`);
  trouble.splice(at, 1);
}
async function logIn(page, id, lang = "ko") {
  await go(page, `/${lang}/log-in`);
  await page.type("#id", id);
  await page.type("#password", passwords[id]);
  await press(page, "main button");
  assert.equal(new URL(page.url()).pathname, `/${lang}/`);
}
/** Narrow, at 200 %, and without motion, nothing is lost. */
async function fits(page, where) {
  await accessible(page, where);
  for (const viewport of [{ width: 640, height: 450, deviceScaleFactor: 2 }, { width: 320, height: 640 }]) {
    await page.setViewport(viewport);
    const wider = await tooWide(page);
    assert.ok(wider <= 0, `${where} is ${wider} pixels too wide at ${viewport.width}`);
  }
  await page.setViewport({ width: 1280, height: 900 });
  assert.equal(await page.evaluate(() => document.querySelectorAll("script:not([src]), style, [style], [onclick]").length), 0, where);
}

// 1. A clerk logs in, in Korean and by keyboard; a wrong password is refused, and a page without a session leads here.
const clerk = await seat();
assert.equal(new URL(clerk.url()).pathname, "/ko/log-in");
await fits(clerk, "log-in");
await picture(clerk, "log-in");
await clerk.keyboard.press("Tab");
assert.match(await clerk.evaluate(() => document.activeElement.className), /skip/);
async function byKeyboard(password) {
  await tabTo(clerk, "#id");
  await clerk.keyboard.type("clerk");
  await tabTo(clerk, "#password");
  await clerk.keyboard.type(password);
  await Promise.all([clerk.waitForNavigation({ waitUntil: "load" }), clerk.keyboard.press("Enter")]);
}
await byKeyboard("not-it");
assert.equal(await refused(clerk), "LogInRefused");
expected(401);
await fits(clerk, "a refused log-in");
await byKeyboard(passwords.clerk);
assert.equal(new URL(clerk.url()).pathname, "/ko/");
const [cookie] = await clerk.browserContext().cookies();
assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && cookie.name === "clerk", JSON.stringify(cookie));

// 2. Looks a person up, by keyboard; the evidence has no resident number.
await fits(clerk, "desk");
await tabTo(clerk, "#name");
await clerk.keyboard.type("홍길동");
await tabTo(clerk, "#birth-date");
await clerk.keyboard.type("1985-03-15");
await Promise.all([clerk.waitForNavigation({ waitUntil: "load" }), clerk.keyboard.press("Enter")]);
await fits(clerk, "found");
await picture(clerk, "found");
await tabTo(clerk, 'a[href*="person-0001"]');
await Promise.all([clerk.waitForNavigation({ waitUntil: "load" }), clerk.keyboard.press("Enter")]);
assert.match(await text(clerk, "main"), /홍길동[\s\S]*세종대로/);
assert.doesNotMatch(await clerk.content(), /851399|\d{6}-\d{7}/);
assert.ok(await clerk.$eval(".person img", (image) => image.complete && image.naturalWidth > 0));
await fits(clerk, "person");
await picture(clerk, "person");

// 3. Asks for a licence, and has no say in whether it is approved.
async function ask(page, person, type, button = "#issue") {
  await go(page, `/ko/person?id=${person}`);
  await page.click(`input[name=type][value="${type}"][type=checkbox]`);
  await press(page, button);
  return new URL(page.url()).pathname.replace("/ko/", "");
}
const state = (page) => page.$eval("#state", (node) => node.dataset.state);
const licence = await ask(clerk, "person-0001", types.licence);
assert.equal(await state(clerk), "asked");
assert.equal(await clerk.$("#approve"), null);
await fits(clerk, "own case");

// Someone with both roles asks: a form made by hand is refused by name.
const both = await seat();
await logIn(both, "both");
const own = await ask(both, "person-0002", types.licence);
const decided = await both.evaluate(async (path) => {
  const form = new URLSearchParams({ form: document.querySelector("input[name=form]").value, decision: "approve" });
  const without = await fetch(`/ko/${path}/decision`, { method: "POST", body: new URLSearchParams({ decision: "approve" }) });
  const mine = await fetch(`/ko/${path}/decision`, { method: "POST", body: form });
  const name = (text) => new DOMParser().parseFromString(text, "text/html").getElementById("refused").textContent;
  return [name(await without.text()), name(await mine.text())];
}, own);
assert.deepEqual(decided, ["FormTokenMissing", "FourEyesRequired"]);
expected(403);
expected(403);

// 4. A second pair of eyes, in English: sees the evidence and approves.
const approver = await seat();
await logIn(approver, "approver", "en");
await go(approver, "/en/cases");
assert.equal(await korean(approver), undefined);
await fits(approver, "cases");
await picture(approver, "cases");
await press(approver, `a[href="/en/${licence}"]`);
assert.equal(await korean(approver), undefined);
assert.match(await text(approver, "main"), /홍길동/);
await fits(approver, "a case to decide");
await picture(approver, "case");
await press(approver, "#approve");
assert.equal(await state(approver), "approved");

// 5. The clerk hands the QR code over; the citizen's wallet takes it.
await go(clerk, `/ko/${licence}`);
await press(clerk, "#hand-over");
await fits(clerk, "offer");
await picture(clerk, "offer");
const code = await text(clerk, "#tx-code");
assert.match(code, /^\d{6}$/);
writeFileSync(`${place}/offer.png`, await shot(clerk, "#offer"));
console.log(`accept ${place}/offer.png ${code}`);
assert.equal((await lines.next()).value, "accepted");
await go(clerk, "/ko/person?id=person-0001");
assert.match(await text(clerk, "table"), /유효/);

// 6. The phone is lost: everything is suspended at once, and comes back with a second pair of eyes only.
await press(clerk, "#suspend-all");
assert.equal(await state(clerk), "done");
await go(clerk, "/ko/person?id=person-0001");
assert.match(await text(clerk, "table"), /정지/);
await picture(clerk, "suspended");
await press(clerk, "button[value=reinstate]");
const back = new URL(clerk.url()).pathname.replace("/ko/", "");
assert.equal(await state(clerk), "asked");
await go(approver, `/en/${back}`);
await press(approver, "#approve");
assert.equal(await state(approver), "done");
await go(clerk, "/ko/person?id=person-0001");
assert.match(await text(clerk, "table"), /유효/);

// Withdrawn for good: with a reason, by two, and without a way back.
await clerk.click(`form:has(#withdraw) input[value="${types.licence}"]`);
await clerk.select("#reason", "right-withdrawn");
await fits(clerk, "person with a withdrawal");
await press(clerk, "#withdraw");
const over = new URL(clerk.url()).pathname.replace("/ko/", "");
assert.match(await text(clerk, "main"), /자격 상실/);
await go(approver, `/en/${over}`);
assert.equal(await korean(approver), undefined);
await fits(approver, "a withdrawal to decide");
await picture(approver, "withdrawal");
await press(approver, "#approve");
assert.equal(await state(approver), "done");
await go(clerk, "/ko/person?id=person-0001");
assert.match(await text(clerk, "table"), /철회/);
assert.equal(await clerk.$("#withdraw"), null);

// What a wallet of another make took up waits for a look.
console.log("review person-0003");
assert.equal((await lines.next()).value, "waits");
await go(approver, "/en/cases");
await fits(approver, "cases with a review");
await press(approver, 'a[href^="/en/reviews/"]');
assert.equal(await korean(approver), undefined);
await fits(approver, "a review");
await picture(approver, "review");
await press(approver, "#approve");
assert.equal(await approver.$('a[href^="/en/reviews/"]'), null);
console.log("continue");
assert.equal((await lines.next()).value, "received");

// 7. A list: asked, approved by somebody else, worked off with progress on screen, across a restart.
await go(clerk, "/ko/jobs");
await fits(clerk, "jobs");
await clerk.click(`input[name=type][value="${types.identity}"]`);
const people = Array.from({ length: 12 }, (_, at) => `person-${String(at + 1).padStart(4, "0")}`);
const strangers = Array.from({ length: 1500 }, (_, at) => `nobody-${at}`);
await clerk.$eval("#list", (node, list) => (node.value = list), [...people, ...strangers].join("\n"));
await press(clerk, "#ask-job");
const job = new URL(clerk.url()).pathname.replace("/ko/", "");
const all = people.length + strangers.length;
assert.match(await text(clerk, "#progress"), new RegExp(`0 / ${all}`));
await fits(clerk, "job that waits");
await go(approver, `/en/${job}`);
assert.equal(await korean(approver), undefined);
await press(approver, "#approve");
// Without a reload.
await approver.waitForFunction(() => document.getElementById("bar").value > 0);
await go(approver, "about:blank");
console.log("restart");
root = (await lines.next()).value;
allowed.add(new URL(root).origin);
await go(approver, `/en/${job}`);
assert.equal(new URL(approver.url()).pathname, `/en/${job}`, "sessions outlive a restart");
// The page as it is loaded once more at the end: it has no script.
await approver.waitForFunction(
  () => document.getElementById("progress")?.dataset.state === "finished" && !document.querySelector("script") && document.readyState === "complete",
);
assert.match(await text(approver, "#progress"), new RegExp(`${all} / ${all}`));
await fits(approver, "job that is over");
assert.match(await text(approver, "table"), /PersonUnknown/);
await picture(approver, "job-over");

// 8. An auditor sees every step with its clerk, and that the chain is whole; and nothing else.
const auditor = await seat();
await logIn(auditor, "auditor", "en");
await go(auditor, "/en/audit");
assert.equal(await auditor.$eval("#chain", (node) => node.dataset.chain), "whole");
assert.equal(await korean(auditor), undefined);
await fits(auditor, "audit");
await picture(auditor, "audit");
let log = "";
for (let more = true; more; ) {
  log += await text(auditor, "table");
  more = (await auditor.$("#older")) !== null;
  if (more) await press(auditor, "#older");
}
for (const entry of [/clerk\s+Log-in refused/, /clerk\s+Entry looked at/, /approver\s+Case approved/, /clerk\s+Offer handed over/, /approver\s+Job approved/]) {
  assert.match(log, entry);
}
await go(auditor, "/en/cases");
assert.equal(await refused(auditor), "RoleNotAllowed");
expected(403);
await fits(auditor, "a refusal");
await go(auditor, "/ko/audit");
await accessible(auditor, "audit in Korean");

// 9. Without motion nothing moves, and after logging out nothing is left.
await auditor.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
assert.equal(await auditor.$eval("header button", (node) => getComputedStyle(node).transitionDuration), "0s");
await press(auditor, "header button");
assert.equal(new URL(auditor.url()).pathname, "/ko/log-in");
await go(auditor, "/ko/audit");
assert.equal(new URL(auditor.url()).pathname, "/ko/log-in");

assert.deepEqual(trouble, []);
await browser.close();
console.log(`${audited()} audits, ${taken} pictures`);
process.exit(0); // whoever started this keeps our input open

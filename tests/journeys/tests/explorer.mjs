// usage: node explorer.mjs URL [FOLDER FOR PICTURES]
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [root, pictures] = process.argv.slice(2);
const origin = new URL(root).origin;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
  protocolTimeout: 240_000,
});
const page = await browser.newPage();
page.setDefaultTimeout(120_000);
await page.setViewport({ width: 1280, height: 900 });
const trouble = [];
page.on("console", (message) => message.type() === "error" && trouble.push(`console: ${message.text()}`));
page.on("pageerror", (error) => trouble.push(`page: ${error.message}`));
page.on("request", (request) => {
  const url = request.url();
  if (!url.startsWith(origin) && !url.startsWith("data:")) trouble.push(`request to ${url}`);
});

async function picture(name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/** No violation of WCAG 2.2 A or AA that axe can find. */
async function accessible(where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const told = found.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
  assert.deepEqual(told, [], `${where}:\n${told.join("\n")}`);
}

async function open(path) {
  const answer = await page.goto(new URL(path, root).href, { waitUntil: "networkidle0" });
  return answer.status();
}

// The first page is in the language of the browser.
await page.setExtraHTTPHeaders({ "Accept-Language": "en-GB,en;q=0.9" });
await open("");
assert.equal(page.url(), new URL("en/", root).href);
await page.setExtraHTTPHeaders({});

let visited = 0;
const texts = {};
for (const lang of ["ko", "en"]) {
  const queue = [`${lang}/`];
  const seen = new Set(queue);
  texts[lang] = "";
  while (queue.length && seen.size <= 60) {
    const path = queue.shift();
    const status = await open(path);
    assert.equal(status, 200, path);
    visited += 1;
    const told = await page.evaluate(() => ({
      lang: document.documentElement.lang,
      text: document.querySelector("main").innerText,
      headings: [...document.querySelectorAll("h1,h2,h3")].map((h) => h.tagName),
      links: [...document.querySelectorAll("a[href]")].map((a) => a.href),
      inline: document.querySelectorAll("script:not([src]), style, [style], [onclick]").length,
    }));
    assert.equal(told.lang, lang, path);
    assert.equal(told.headings.filter((h) => h === "H1").length, 1, path);
    assert.equal(told.inline, 0, `${path}: nothing inline`);
    texts[lang] += told.text;
    await accessible(path);
    for (const link of told.links) {
      const url = new URL(link);
      assert.equal(url.origin, origin, link);
      const below = url.href.split("#")[0].slice(root.length);
      const kind = below.split("?")[0].replace(/(did:mid:|\d).*$/, "x");
      // Of pages that differ only in what they are about, two.
      const alike = [...seen].filter((s) => s.split("?")[0].replace(/(did:mid:|\d).*$/, "x") === kind).length;
      if (below.startsWith(`${lang}/`) && !seen.has(below) && alike < 3) {
        seen.add(below);
        queue.push(below);
      }
    }
  }
  await open(`${lang}/`);
  await picture(`explorer-${lang}`);
}
console.log(`${visited} pages`);
assert.ok(visited >= 20);
// Complete in both languages: no Korean sentence on English pages, and what is registered is said in both.
assert.match(texts.ko, /만 19세 이상/);
assert.match(texts.en, /19 or older/);
assert.match(texts.ko, /누가 무엇을 물을 수 있나/);
assert.match(texts.en, /Who may ask what/);
assert.ok(!/[가-힣]{2,}/.test(texts.en), texts.en.match(/.{0,40}[가-힣]{2,}.{0,40}/)?.[0]);

// A page that does not exist says so, in the visitor's language.
assert.equal(await open("ko/verifiers/did:mid:kr:x"), 404);
assert.match(await page.evaluate(() => document.querySelector("main").innerText), /그런 기록이 없습니다/);
trouble.length = 0;

// By keyboard alone: the skip link is first, then the menu; the proof of a registration is checked without a mouse.
await open("en/");
await page.keyboard.press("Tab");
assert.match(await page.evaluate(() => document.activeElement.className), /skip/);
await page.keyboard.press("Enter");
await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
assert.equal(await page.evaluate(() => document.activeElement.id), "main");
await open("en/verifiers");
const registration = await page.evaluate(() => document.querySelector("tbody a").href);
await page.goto(registration, { waitUntil: "networkidle0" });
await picture("explorer-registration");
const toCheck = await page.evaluate(() => [...document.querySelectorAll("main a.button")].map((a) => a.href)[0]);
for (const [lang, url] of [["en", toCheck], ["ko", toCheck.replace("/en/", "/ko/")]]) {
  await page.goto(url, { waitUntil: "networkidle0" });
  await page.waitForFunction(() => document.getElementById("proof-text").value.length > 200);
  const said = (pattern) =>
    page.waitForFunction((p) => new RegExp(p).test(document.getElementById("outcome").innerText), {}, pattern.source);
  await page.focus("button[type=submit]");
  await page.keyboard.press("Enter");
  await said(lang === "ko" ? /확인됨/ : /Proven/);
  const outcome = await page.evaluate(() => document.getElementById("outcome").innerText);
  assert.match(outcome, /"verifier"/, outcome);
  assert.equal(await page.evaluate(() => document.getElementById("outcome").getAttribute("aria-live")), "polite");
  await accessible(`${url} with a result`);
  await picture(`explorer-check-${lang}`);
  // One changed byte anywhere, and it proves nothing.
  const proof = await page.evaluate(() => document.getElementById("proof-text").value);
  for (const at of [10, 300, 500, proof.length - 20]) {
    const digit = proof[at] === "0" ? "1" : "0";
    await page.evaluate((text) => (document.getElementById("proof-text").value = text), proof.slice(0, at) + digit + proof.slice(at + 1));
    await page.focus("button[type=submit]");
    await page.keyboard.press("Enter");
    await said(lang === "ko" ? /거부됨/ : /Refused/);
  }
  // What is not hexadecimal, and a floor above the proof.
  await page.evaluate(() => (document.getElementById("proof-text").value = "한글"));
  await page.keyboard.press("Enter");
  await said(lang === "ko" ? /읽을 수 없습니다/ : /Cannot be read/);
  await page.evaluate((text) => {
    document.getElementById("proof-text").value = text;
    document.getElementById("floor").value = "1000000";
  }, proof);
  await page.keyboard.press("Enter");
  await said(/LedgerStale/);
}
// On a narrow screen nothing is cut off sideways.
await page.setViewport({ width: 360, height: 740 });
for (const path of ["ko/", "ko/verifiers", "en/check"]) {
  await open(path);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `${path} is ${wider} pixels too wide`);
}
assert.deepEqual(trouble, []);
await browser.close();
console.log("accessible, by keyboard, no request elsewhere; a good proof is accepted and changed ones are refused");

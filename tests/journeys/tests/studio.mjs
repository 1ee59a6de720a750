// What tests with a browser have in common: Chromium, a camera that sees what a test films, and audits.
import { strict as assert } from "node:assert";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [WIDTH, HEIGHT] = [1280, 960];

/** A browser whose camera sees what is filmed into `camera`. */
export async function open(camera) {
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--accept-lang=ko-KR",
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${camera}`,
    ],
    protocolTimeout: 240_000,
  });
  const studio = await browser.newPage();
  /** What the camera sees from its next start on: these pictures (PNG, none for an empty scene) in turn, `rate` a second. */
  const film = async (pictures, rate = 5) => {
    const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${rate}:1 Ip A1:1 C420jpeg\n`)];
    const colours = Buffer.alloc(WIDTH * HEIGHT / 2, 128);
    for (const picture of pictures) {
      const source = picture ? `data:image/png;base64,${picture.toString("base64")}` : null;
      const grey = await studio.evaluate(async (source, width, height) => {
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext("2d");
        context.fillStyle = "#9aa";
        context.fillRect(0, 0, width, height);
        if (source) {
          const image = await createImageBitmap(await (await fetch(source)).blob());
          const side = Math.min(height * 0.94, image.width * 2);
          context.drawImage(image, (width - side) / 2 + 7, (height - side) / 2 + 4, side, side);
        }
        const { data } = context.getImageData(0, 0, width, height);
        let text = "";
        for (let at = 0; at < data.length; at += 4) text += String.fromCharCode((data[at] * 299 + data[at + 1] * 587 + data[at + 2] * 114) / 1000);
        return btoa(text);
      }, source, WIDTH, HEIGHT);
      parts.push(Buffer.from("FRAME\n"), Buffer.from(grey, "base64"), colours);
    }
    writeFileSync(`${camera}.new`, Buffer.concat(parts));
    renameSync(`${camera}.new`, camera);
  };
  await film([null]);
  return { browser, film };
}

let audits = 0;
/** How many pages were audited. */
export const audited = () => audits;

/** No violation of WCAG 2.2 A or AA that axe can find. */
export async function accessible(page, where) {
  // The app's own policy lets no foreign script in, so axe comes by the driver.
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const told = found.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
  assert.deepEqual(told, [], `${where}:\n${told.join("\n")}`);
  audits += 1;
}

/** Presses Tab until the focus is there: everything can be reached. */
export async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} cannot be reached by keyboard`);
}

/** The picture that an image element shows, as PNG. */
export async function shot(page, selector) {
  const code = await page.$eval(selector, (image) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL().split(",")[1];
  });
  return Buffer.from(code, "base64");
}

/** How many pixels the page is wider than its window. */
export const tooWide = (page) =>
  page.evaluate(() => Math.max(...["html", "main"].map((s) => document.querySelector(s)).map((node) => node.scrollWidth - node.clientWidth)));

/** Text of a screen that is in Korean where all should be English. */
export const korean = (page) =>
  page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let said = "";
    for (let node; (node = texts.nextNode()); ) {
      if (!node.parentElement.closest("[lang=ko],[hidden],noscript")) said += `${node.data}\n`;
    }
    return /.{0,40}[가-힣]{2,}.{0,40}/.exec(said)?.[0];
  });

/** Notes what goes wrong on a page, and every request to others than `allowed`. */
export function watch(page, trouble, allowed) {
  page.on("console", (message) => message.type() === "error" && trouble.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(`page: ${error.message ?? error}`));
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (!["data:", "blob:"].includes(asked.protocol) && !allowed.has(asked.origin)) trouble.push(`request to ${asked}`);
  });
}

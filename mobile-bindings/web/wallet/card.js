// How a credential looks, and the sheets that say what becomes of it. Text only: nothing becomes markup.

import { label, word } from "./words.js";

/** Days before the last one from which on the owner is told. */
const SOON = 30;

/** An element with a class and content. */
export function make(tag, name, ...content) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...content);
  return node;
}

/** Names and values. */
export function facts(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) list.append(make("dt", "", name), make("dd", "", value));
  return list;
}

function drawing(viewBox, ...paths) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of [["viewBox", viewBox], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  for (const d of paths) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const line = { d, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" };
    for (const [name, value] of Object.entries(line)) path.setAttribute(name, value);
    svg.append(path);
  }
  return svg;
}

/** A shield with a check mark, for credentials without a picture. */
function emblem() {
  const svg = drawing("0 0 24 24", "M12 2l8 3v6c0 5-3.4 9-8 11c-4.6-2-8-6-8-11V5z", "M8.5 12l2.5 2.5 4.5-5");
  svg.classList.add("emblem");
  return svg;
}

/** The holder's picture. */
function portrait(hex) {
  const bytes = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  const image = make("img");
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  image.alt = word("card.portrait");
  return image;
}

/** Whole days from today to the last day of validity. */
function daysLeft(card) {
  const today = new Date().toLocaleDateString("sv", { timeZone: "Asia/Seoul" });
  return Math.round((Date.parse(card.expiry) - Date.parse(today)) / 86_400_000);
}

/** What the owner should know or do about a credential: texts. */
export function notices(card) {
  if (card.state === "withdrawn") return [word("notice.withdrawn")];
  if (card.state === "suspended") return [word("notice.suspended")];
  if (card.state === "expired") return [word("notice.expired")];
  const told = [];
  if (daysLeft(card) <= SOON) told.push(word("notice.soon", { n: daysLeft(card) }));
  if (card.copies === 0) told.push(word("notice.copies"));
  return told;
}

/** The lines on the face: a name where there is one, then what follows. */
function lines(card) {
  const shown = card.attributes.filter((attribute) => !attribute.digest);
  const name = shown.find(({ name }) => name === "name_ko");
  const roman = shown.find(({ name }) => name === "name_en");
  if (!name) return shown.length ? [null, ...shown.slice(0, 2).map((it) => `${label(it.label)}: ${label(it.value)}`)] : [null];
  const rest = shown.filter((it) => it !== name && it !== roman);
  return [label(name.value), roman && label(roman.value), ...rest.slice(0, 1).map((it) => label(it.value))].filter(Boolean);
}

/** A credential as a card. */
export function face(card, tones) {
  const tone = Math.max(0, tones.indexOf(card.type)) % 4;
  const stale = card.state !== "usable";
  const node = make("div", `face tone-${tone}${stale ? " stale" : ""}`);
  node.append(make("span", "kind", label(card.name), make("span", "country", word("card.country"))));
  node.append(card.portrait ? portrait(card.portrait) : emblem());
  const who = make("span", "who");
  const [name, ...rest] = lines(card);
  if (name) who.append(make("span", "big", name));
  for (const line of rest) who.append(make("span", "line", line));
  node.append(who);
  const until = make("span", "until", make("span", "", word("card.until", { date: card.expiry })));
  if (stale) until.append(make("span", "badge", word(`state.${card.state}`)));
  node.append(until);
  return node;
}

const SIGNS = {
  shown: ["M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z", "M12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6z"],
  proven: ["M12 2l8 3v6c0 5-3.4 9-8 11c-4.6-2-8-6-8-11V5z", "M8.5 12l2.5 2.5 4.5-5"],
  kept: ["M6 11h12v10H6z", "M8 11V7a4 4 0 0 1 8 0v4"],
};

/** What becomes of every attribute: seen, proven without being seen, or kept. */
function things(kind, attributes) {
  const list = make("ul", "things");
  for (const { label: name, texts } of attributes) {
    const text = make("span", "what", label(name));
    for (const one of texts) text.append(make("span", "text", label(one)));
    list.append(make("li", "", drawing("0 0 24 24", ...SIGNS[kind]), text));
  }
  return list;
}

/** Who asks, why, and for what. */
export function consentSheet(sheet) {
  const node = make("div", "sheet");
  const who = make("p", "lead", label(sheet.name));
  const known = make("p", "", make("span", "badge good", word("consent.registered")), " ", make("span", "did", sheet.verifier));
  node.append(make("h2", "", word("consent.who")), who, known);
  node.append(make("h2", "", word("consent.purpose")), make("p", "", sheet.purpose ? label(sheet.purpose) : word("consent.no-purpose")));
  node.append(make("h2", "", word("consent.credential")), make("p", "", label(sheet.credential_name)));
  if (sheet.over_ask) node.append(make("p", "warn", word("consent.over-ask")));
  for (const kind of ["shown", "proven", "kept"]) {
    const of = sheet.attributes.filter(({ disclosure }) => disclosure === kind);
    if (!of.length) continue;
    node.append(make("h2", "", word(`consent.${kind}`)), things(kind, of));
  }
  for (const [name, text] of [["bound", sheet.bound], ["recognition", sheet.recognition]]) {
    if (text) node.append(make("h2", "", word(`consent.${name}`)), make("p", "", label(text)));
  }
  return node;
}

/** One entry of the history: what happened, with whom and why; never a value. */
export function event(entry, moment) {
  const node = make("li");
  const time = make("time", "", moment(entry.at));
  time.dateTime = new Date(entry.at * 1000).toISOString();
  const of = { of: entry.of ? label(entry.of) : "", profile: entry.profile ? label(entry.profile) : "" };
  node.append(make("p", "", make("strong", "", word(`event.${entry.kind}`, of)), " ", time));
  if (entry.name) node.append(make("p", "", word("event.party", { name: label(entry.name), purpose: entry.purpose })));
  const list = (name, all) => all?.length && node.append(make("p", "", word(name, { list: all.map(label).join(", ") })));
  // What was asked for and not given is told apart from what was.
  const given = entry.kind.startsWith("answered");
  list(given ? "event.shown" : "event.asked", entry.shown);
  list(given ? "event.proven" : "event.asked", entry.proven);
  return node;
}

// A verdict on the screen: told by shape, word and border, never by colour alone. Text only: nothing becomes markup.

import { duration, known, label, moment, word } from "./words.js";

/** Refusals that say nothing about the holder: this device could not tell. */
const CANNOT_TELL = new Set([
  "ClockUnreliable", "ImageRejected", "InvalidIssuerKey", "NoCodeFound", "NoQuestion", "StatusTooOld", "StatusUnavailable",
  "StatusUnknown", "TrustStale", "TrustUnavailable", "Unexpected", "UnknownKey", "UnknownType", "UnsupportedVersion",
]);

const SHAPES = {
  accepted: ["M50 4a46 46 0 1 1 0 92a46 46 0 1 1 0-92z", "M26 52l17 17 32-36"],
  refused: ["M32 4h36l28 28v36l-28 28h-36l-28-28v-36z", "M33 33l34 34M67 33l-34 34"],
  unknown: ["M50 5l47 88h-94z", "M40 45q0-11 10-11t10 10q0 7-10 12v7M50 74v5"],
};

/** Which of the three a checked answer is. */
export function outcome(answer) {
  if (answer.accepted) return "accepted";
  return CANNOT_TELL.has(answer.refused) ? "unknown" : "refused";
}

/** What to do about a refusal, in words. */
export const reason = (name) => word(known(`why.${name}`) ? `why.${name}` : "why.other");

function shape(kind) {
  const make = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const svg = make("svg", { viewBox: "0 0 100 100" });
  const [outer, inner] = SHAPES[kind];
  svg.append(make("path", { d: outer, fill: "currentColor" }));
  const line = { d: inner, fill: "none", stroke: "#fff", "stroke-width": 10, "stroke-linecap": "round", "stroke-linejoin": "round" };
  svg.append(make("path", line));
  return svg;
}

/** A list of names and values. */
export function facts(pairs) {
  const list = document.createElement("dl");
  for (const [name, value] of pairs) {
    const [term, detail] = ["dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    detail.textContent = value;
    list.append(term, detail);
  }
  return list;
}

function portrait(hex) {
  const bytes = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  const image = document.createElement("img");
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  image.alt = word("verdict.portrait");
  return image;
}

/** How sure a verdict is. */
function grades(verdict) {
  const { trust, issuer_known: from } = verdict;
  const pairs = [
    [word("verdict.trust"), word("verdict.as-of", { time: moment(trust.as_of), age: duration(trust.age) })],
    [word("verdict.status"), moment(verdict.status_as_of)],
    [word("verdict.replay"), word(`replay.${verdict.replay}`)],
    [word("verdict.binding"), word(`binding.${verdict.binding}`)],
  ];
  if (from.stapled) pairs.push([word("verdict.stapled"), moment(from.stapled.as_of)]);
  return pairs;
}

/** Fills the verdict's section. `asked` is the question, `took` milliseconds. Returns what was made to be let go of later. */
export function show(section, { answer, asked, took }) {
  const part = (id) => section.querySelector(`#verdict-${id}`);
  const kind = outcome(answer);
  section.className = `verdict ${kind}`;
  section.dataset.name = answer.refused ?? "";
  section.dataset.took = took === undefined ? "" : Math.round(took);
  part("shape").replaceChildren(shape(kind));
  part("title").textContent = word(`verdict.${kind}`);
  for (const image of part("body").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  part("body").replaceChildren();
  if (!answer.accepted) {
    part("why").textContent = reason(answer.refused);
    const name = document.createElement("p");
    name.className = "name";
    name.translate = false;
    name.textContent = answer.refused;
    part("body").append(name);
    return;
  }
  const { verdict } = answer;
  part("why").textContent = asked ? label(asked.name) : "";
  if (verdict.portrait) part("body").append(portrait(verdict.portrait));
  const proven = (asked?.proves ?? []).map((text) => [word("verdict.proven"), label(text)]);
  // The portrait is shown as a picture; its digest says nothing to anyone.
  const claims = verdict.claims.filter((claim) => !(verdict.portrait && claim.name === "portrait"));
  const shown = claims.map((claim) => [label(claim.label), label(claim.value)]);
  part("body").append(facts([...shown, ...proven]), facts(grades(verdict)));
}

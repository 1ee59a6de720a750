// Checks a ledger proof in this browser: the check is the wasm program's, this file only reads and shows.
import init, { check_ledger_proof } from "../web/mid_web.js";

const form = document.getElementById("check");
const outcome = document.getElementById("outcome");
const word = form.dataset;
const field = (id) => document.getElementById(id);
const ready = init();
ready.catch(() => {});

/** Bytes of hexadecimal or base64 text; null when it is neither. */
function bytesOf(text) {
  const compact = text.replace(/\s+/g, "");
  if (compact === "") return null;
  if (/^([0-9a-fA-F]{2})+$/.test(compact)) {
    return Uint8Array.from(compact.match(/../g), (pair) => parseInt(pair, 16));
  }
  try {
    return Uint8Array.from(atob(compact.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}

const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const fileBytes = async (input) => (input.files.length ? new Uint8Array(await input.files[0].arrayBuffer()) : null);

async function fromNode(path) {
  const answer = await fetch(path, { cache: "no-store", credentials: "omit" });
  if (!answer.ok) throw new Error(String(answer.status));
  return new Uint8Array(await answer.arrayBuffer());
}

/** Shows a heading, facts and, when there is one, a record. Text only: nothing becomes markup. */
function show(kind, title, facts = [], record = null) {
  const section = document.createElement("section");
  section.className = `result ${kind}`;
  const heading = document.createElement("h2");
  heading.textContent = title;
  section.append(heading);
  if (facts.length) {
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [name, value] of facts) {
      const [group, term, detail] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = name;
      detail.textContent = value;
      group.append(term, detail);
      list.append(group);
    }
    section.append(list);
  }
  if (record) {
    const [label, text] = ["h3", "pre"].map((tag) => document.createElement(tag));
    label.textContent = word.content;
    text.textContent = JSON.stringify(record, null, 2);
    text.tabIndex = 0;
    text.setAttribute("translate", "no");
    section.append(label, text);
  }
  outcome.replaceChildren(section);
}

function answered(answer, took) {
  if (answer.refused) {
    show("gone", word.refused, [[word.reason, `${answer.refused}: ${answer.message}`]]);
    return;
  }
  const facts = [
    [word.height, answer.height.toLocaleString()],
    [word.time, new Date(answer.time_ms).toLocaleString(document.documentElement.lang)],
    [word.key, answer.key],
  ];
  if (answer.present) facts.push([word.version, String(answer.version)]);
  facts.push([word.duration, `${took.toFixed(1)} ms`]);
  show("good", answer.present ? word.proven : word.absent, facts, answer.present ? answer.record : null);
}

for (const radio of form.querySelectorAll("[name=whose]")) {
  radio.addEventListener("change", () => {
    field("own-anchor").hidden = form.elements.whose.value !== "own";
  });
}

async function fetchProof() {
  const key = field("key").value.trim();
  if (!/^[0-9a-fA-F]{64}$/.test(key)) {
    show("fair", word.unreadable);
    return;
  }
  try {
    field("proof-text").value = hex(await fromNode(`../../v1/proofs/${key}`));
    field("proof-file").value = "";
    show("fair", word.fetched);
  } catch {
    show("gone", word.unreachable);
  }
}
field("fetch").addEventListener("click", fetchProof);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  show("fair", word.working);
  try {
    await ready;
  } catch {
    show("gone", word.unusable);
    return;
  }
  let anchor;
  try {
    anchor = form.elements.whose.value === "own" ? await fileBytes(field("anchor-file")) : await fromNode("../../v1/anchor");
  } catch {
    show("gone", word.unreachable);
    return;
  }
  const proof = (await fileBytes(field("proof-file"))) ?? bytesOf(field("proof-text").value);
  if (!anchor || !proof) {
    show("gone", word.unreadable);
    return;
  }
  const started = performance.now();
  const answer = JSON.parse(check_ledger_proof(anchor, proof, Number(field("floor").value) || 0));
  answered(answer, performance.now() - started);
});

const wanted = new URLSearchParams(location.search).get("key");
if (wanted && /^[0-9a-fA-F]{64}$/.test(wanted)) {
  field("key").value = wanted;
  fetchProof();
}

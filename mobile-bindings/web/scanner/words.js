// Texts in the language of whoever looks at the screen. All of them are in words/ko.json and words/en.json.

const LANGUAGES = ["ko", "en"];
const texts = {};
let language = "ko";

/** Loads both languages; `wanted` is one of them, or the browser's first choice counts. */
export async function load(wanted) {
  const answers = await Promise.all(LANGUAGES.map((lang) => fetch(`words/${lang}.json`)));
  for (const [index, answer] of answers.entries()) texts[LANGUAGES[index]] = await answer.json();
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag));
  use(LANGUAGES.includes(wanted) ? wanted : (preferred ?? "ko"));
}

/** Which language is in use. */
export const current = () => language;

/** The other one. */
export const other = () => LANGUAGES.find((lang) => lang !== language);

/** Changes the language and everything on the page that has a fixed text. */
export function use(lang) {
  language = lang;
  document.documentElement.lang = lang;
  document.title = word("title");
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
  for (const node of document.querySelectorAll("[data-alt]")) node.alt = word(node.dataset.alt);
}

/** The text of `key`, with `{name}` replaced. A key without a text shows itself, and a test finds it. */
export function word(key, values = {}) {
  const text = texts[language]?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there is a text for `key`. */
export const known = (key) => key in (texts[language] ?? {});

/** The half of a text from the ledger that fits: `{"ko", "en"}`. */
export const label = (both) => both[language] ?? both.en;

/** A moment in Unix seconds: the time of day, with the date unless it is today. */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return date.toLocaleString(language, today ? form : { ...form, month: "short", day: "numeric" });
}

/** A length of time in seconds, in the largest unit that fits. */
export function duration(seconds) {
  const units = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]];
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["s", 1];
  return word(`age.${unit}`, { n: Math.max(0, Math.floor(seconds / size)) });
}

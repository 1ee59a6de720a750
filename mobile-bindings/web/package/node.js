// The same as mid_web.js; its start finds the wasm beside this file.
import { readFile } from "node:fs/promises";
import start from "./mid_web.js";

export * from "./mid_web.js";

export default async function init(given) {
  return start(given ?? { module_or_path: await readFile(new URL("mid_web_bg.wasm", import.meta.url)) });
}

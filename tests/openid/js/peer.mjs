// Reads jobs as JSON from standard input, `[{ "kind": …, … }]`, and writes `[{ "ok": … } | { "error": … }]`.
import { logIn, takeUp } from "./credo.mjs";

const kinds = { "credo-take-up": takeUp, "credo-log-in": logIn };

async function run({ kind, ...job }) {
  try {
    return { ok: await kinds[kind](job) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}` };
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const answers = [];
for (const job of JSON.parse(Buffer.concat(chunks).toString("utf8"))) answers.push(await run(job));
process.stdout.write(JSON.stringify(answers), () => process.exit(0));

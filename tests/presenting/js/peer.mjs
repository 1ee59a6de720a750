// Reads jobs as JSON from standard input, `[{ "job": … , … }]`, and writes `[{ "ok": … } | { "error": … }]`.
import { answer } from "./credo.mjs";
import { ask, open } from "./verifier.mjs";

const jobs = { "credo-answer": answer, "verifier-ask": ask, "verifier-open": open };

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const answers = [];
for (const { job, ...input } of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  try {
    answers.push({ ok: await jobs[job](input) });
  } catch (error) {
    answers.push({ error: `${error.name}: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}` });
  }
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));

// Reads jobs as JSON from standard input, `[{ "job": …, … }]`, and writes `[{ "ok": … } | { "error": … }]`.
import { answer, answerPage, logIn, takeAndAnswer, takeUp } from "./credo.mjs";
import { ask, open } from "./verifier.mjs";

const jobs = {
  "credo-take-up": takeUp,
  "credo-log-in": logIn,
  "credo-answer": answer,
  "credo-answer-page": answerPage,
  "credo-take-and-answer": takeAndAnswer,
  "verifier-ask": ask,
  "verifier-open": open,
};

async function run({ job, ...input }) {
  try {
    return { ok: await jobs[job](input) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}` };
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const answers = [];
for (const job of JSON.parse(Buffer.concat(chunks).toString("utf8"))) answers.push(await run(job));
process.stdout.write(JSON.stringify(answers), () => process.exit(0));

// A shop that asks "are you 19?": node sample.mjs http://127.0.0.1:7800 8080, then POST the text or picture of a code to it.
import { createServer } from "node:http";
import init, { Scanner } from "mid-verifier";

const [mirror, port] = [process.argv[2], Number(process.argv[3])];
const bytes = async (path) => new Uint8Array(await (await fetch(mirror + path)).arrayBuffer());

await init();
const scanner = new Scanner(await bytes("/anchor")); // in earnest installed with the program, never fetched
const update = async () => console.log("trust data of height", scanner.update_bundle(await bytes("/bundle")));
await update();
setInterval(() => update().catch(console.error), 3_600_000); // checking itself needs no network

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
    if (Buffer.concat(parts).length > 1_000_000) return response.writeHead(413).end();
  }
  const now = Date.now() / 1000;
  const answer = JSON.parse(scanner.check(Buffer.concat(parts), "kr.go.police.zk-identity.1", "age-19", now));
  // Nothing to keep: the shop learns that the holder is 19, and not who it is.
  response.writeHead(answer.accepted ? 200 : 422, { "content-type": "application/json" });
  response.end(JSON.stringify(answer.accepted ? { adult: true, trust: answer.verdict.trust } : answer));
}).listen(port, "127.0.0.1", () => console.log("ready"));

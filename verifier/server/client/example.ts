// Asks for a licence and prints who holds it: `node example.js ADDRESS TOKEN`. What the holder opens is its first line.
import { Refused, Verifier } from "./client.js";

declare const process: { argv: string[] };

const verifier = new Verifier(process.argv[2] ?? "http://127.0.0.1:7800", process.argv[3] ?? "");
const query = (claim: string) => ({
  credentials: [
    {
      id: "licence",
      format: "dc+sd-jwt",
      meta: { vct_values: ["kr.go.police.driver-licence.1"] },
      claims: [{ path: [claim] }],
    },
  ],
});

// What the verifier is not registered for is refused before anybody is asked.
try {
  await verifier.ask({ purpose: "roadside", dcql_query: query("address_ko") });
} catch (error) {
  if (!(error instanceof Refused) || error.reason !== "AttributeNotRegistered") throw error;
}

const request = await verifier.ask({ purpose: "roadside", dcql_query: query("name_ko") });
console.log(request.link);
let last = "waiting";
for await (const state of verifier.states(request.id)) last = state;
if (last !== "answered") throw new Error(last);
const verdict = await verifier.verdict(request.id);
for (const credential of verdict.credentials) {
  const fresh = typeof credential.status === "object" ? credential.status.listed.as_of : "cannot be withdrawn";
  console.log(JSON.stringify({ issuer: credential.issuer, claims: credential.claims, fresh, replay: verdict.replay }));
}

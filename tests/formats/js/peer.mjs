// Credentials made and checked by packages of the OpenWallet Foundation. Reads a JSON list of jobs, prints a JSON list
// of `{ok: …}` or `{error: "…"}`.
import { readFileSync } from "node:fs";
import { ES256, digest, generateSalt } from "@sd-jwt/crypto-nodejs";
import { StatusList, createHeaderAndPayload, getListFromStatusListJWT } from "@sd-jwt/jwt-status-list";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import { jobs as jose } from "./jose.mjs";
import { jobs as mdoc } from "./mdoc.mjs";

async function instance(keys) {
  return new SDJwtVcInstance({
    hasher: digest,
    hashAlg: "sha-256",
    saltGenerator: generateSalt,
    signAlg: "ES256",
    kbSignAlg: "ES256",
    signer: keys.signer && (await ES256.getSigner(keys.signer)),
    verifier: keys.verifier && (await ES256.getVerifier(keys.verifier)),
    kbSigner: keys.holder?.d && (await ES256.getSigner(keys.holder)),
    kbVerifier: async (data, signature, payload) =>
      (await ES256.getVerifier(payload.cnf.jwk))(data, signature),
  });
}

const jobs = {
  ...jose,
  ...mdoc,
  // Checks a presentation: the claims, and the holder's proof.
  async verify_sd_jwt({ text, key, nonce, now }) {
    const peer = await instance({ verifier: key });
    const { payload, kb } = await peer.verify(text, { keyBindingNonce: nonce, currentDate: now });
    return { claims: payload, audience: kb.payload.aud };
  },
  // Issues and presents.
  async present_sd_jwt({ claims, frame, header, issuer, holder, show, binding }) {
    const peer = await instance({ signer: issuer, holder });
    const issued = await peer.issue(claims, frame, { header });
    const presented = await peer.present(issued, show, { kb: { payload: binding } });
    return { issued, presented };
  },
  // What a signed list says of some entries.
  async read_status_list({ text, entries }) {
    const list = getListFromStatusListJWT(text);
    return { bits: list.getBitsPerStatus(), values: entries.map((entry) => list.getStatus(entry)) };
  },
  // A signed list.
  async sign_status_list({ values, bits, claims, issuer }) {
    const list = new StatusList(values, bits);
    const { header, payload } = createHeaderAndPayload(list, claims, { alg: "ES256", typ: "statuslist+jwt" });
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode(header)}.${encode(payload)}`;
    return { text: `${signed}.${await (await ES256.getSigner(issuer))(signed)}` };
  },
};

const results = [];
for (const { job, ...input } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    results.push({ ok: await jobs[job](input) });
  } catch (error) {
    results.push({ error: String(error?.message ?? error) });
  }
}
process.stdout.write(JSON.stringify(results));

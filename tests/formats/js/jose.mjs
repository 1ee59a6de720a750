// Encrypted and signed tokens by `jose`, whose cryptography is Node's.
import { CompactEncrypt, compactDecrypt, compactVerify, importJWK } from "jose";

const key = (jwk) => importJWK(jwk, "ECDH-ES");

export const jobs = {
  // Checks a signature over claims.
  async verify({ text, key: { d, ...jwk } }) {
    const { payload, protectedHeader } = await compactVerify(text, await importJWK(jwk, "ES256"));
    return { claims: JSON.parse(new TextDecoder().decode(payload)), header: protectedHeader };
  },
  // Opens a token.
  async decrypt({ text, key: jwk }) {
    const { plaintext, protectedHeader } = await compactDecrypt(text, await key(jwk));
    return { content: Buffer.from(plaintext).toString(), header: protectedHeader };
  },
  // Makes one.
  async encrypt({ content, key: jwk, enc, apu, apv }) {
    const draft = new CompactEncrypt(Buffer.from(content)).setProtectedHeader({ alg: "ECDH-ES", enc, kid: jwk.kid });
    const bytes = (text) => (text ? new Uint8Array(Buffer.from(text)) : undefined);
    if (apu || apv) draft.setKeyManagementParameters({ apu: bytes(apu), apv: bytes(apv) });
    return { text: await draft.encrypt(await key(jwk)) };
  },
};

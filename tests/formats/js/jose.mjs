// Encrypted tokens by `jose`, whose cryptography is Node's.
import { CompactEncrypt, compactDecrypt, importJWK } from "jose";

const key = (jwk) => importJWK(jwk, "ECDH-ES");

export const jobs = {
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

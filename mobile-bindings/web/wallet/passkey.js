// Opening the wallet by the device's user verification (fingerprint, face, screen lock) in place of typing the PIN. The PIN is
// kept encrypted under a secret that the authenticator gives out only after verifying the user (WebAuthn, extension prf).

import { get, put } from "./store.js";

const random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** Whether this device can verify its user. */
export const possible = async () =>
  Boolean(await globalThis.PublicKeyCredential?.isUserVerifyingPlatformAuthenticatorAvailable?.().catch(() => false));

/** Whether the wallet can be opened so. */
export const enrolled = async () => Boolean(await get("passkey"));

/** The key that follows from what the authenticator gave. */
async function keyOf(secret) {
  if (!secret) throw { refused: "PasskeyUnsupported" };
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: new TextEncoder().encode("mid/v1/wallet/passkey;") };
  return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Asks the authenticator for its secret. */
async function asked(id, salt) {
  const given = await navigator.credentials.get({
    publicKey: {
      challenge: random(32),
      allowCredentials: [{ type: "public-key", id }],
      userVerification: "required",
      extensions: { prf: { eval: { first: salt } } },
    },
  });
  return given.getClientExtensionResults().prf?.results?.first;
}

/** Keeps `pin`, which is right, for the next time. */
export async function enrol(pin, name) {
  const salt = random(32);
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: random(32),
      rp: { name },
      user: { id: random(16), name, displayName: name },
      pubKeyCredParams: [-7, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { authenticatorAttachment: "platform", userVerification: "required" },
      attestation: "none",
      extensions: { prf: { eval: { first: salt } } },
    },
  });
  // Some authenticators give the secret at once, others when they are asked.
  const key = await keyOf(made.getClientExtensionResults().prf?.results?.first ?? (await asked(made.rawId, salt)));
  const iv = random(12);
  const bytes = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(pin));
  await put({ passkey: { id: made.rawId, salt, iv, bytes } });
}

/** The PIN, once the user is verified. */
export async function pin() {
  const { id, salt, iv, bytes } = await get("passkey");
  const key = await keyOf(await asked(id, salt));
  return new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes));
}

/** No more opening so. */
export const forget = () => put({ passkey: null });

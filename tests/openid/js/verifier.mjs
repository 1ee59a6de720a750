// A verifier of `@openid4vc/openid4vp`, with `jose` for its tokens; what it is shown is checked by Credo.
import crypto from "node:crypto";
import { Openid4vpVerifier } from "@openid4vc/openid4vp";
import { CompactSign, compactDecrypt, importJWK } from "jose";
import { Kms, MdocDeviceResponse } from "@credo-ts/core";
import { wallet } from "./wallet.mjs";

const callbacks = ({ signer, decryption }) => ({
  hash: (data, algorithm) => crypto.createHash(algorithm.replace("-", "")).update(data).digest(),
  generateRandom: (length) => crypto.randomBytes(length),
  fetch,
  signJwt: async (_, { header, payload }) => {
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    const jwt = await new CompactSign(bytes).setProtectedHeader(header).sign(await importJWK(signer, "ES256"));
    const { d, ...signerJwk } = signer;
    return { jwt, signerJwk };
  },
  decryptJwe: async (jwe) => {
    const { plaintext, protectedHeader } = await compactDecrypt(jwe, await importJWK(decryption, "ECDH-ES"));
    const { d, ...decryptionJwk } = decryption;
    return { decrypted: true, decryptionJwk, payload: new TextDecoder().decode(plaintext), header: protectedHeader };
  },
});

/** A signed request by reference, as its link and its object. */
export async function ask({ payload, x5c, signer, requestUri, issuedAt }) {
  const verifier = new Openid4vpVerifier({ callbacks: callbacks({ signer }) });
  const created = await verifier.createOpenId4vpAuthorizationRequest({
    authorizationRequestPayload: payload,
    jar: {
      requestUri,
      expiresInSeconds: 300,
      now: new Date(issuedAt * 1000),
      jwtSigner: { method: "x5c", x5c, alg: "ES256" },
      additionalJwtPayload: { aud: "https://self-issued.me/v2" },
    },
  });
  return { link: created.authorizationRequest, object: created.jar.authorizationRequestJwt };
}

/** Opens an answer and checks what it shows: signatures, the holder's proofs, the session. */
export async function open({ payload, form, decryption, roots, responseUri }) {
  const verifier = new Openid4vpVerifier({ callbacks: callbacks({ decryption }) });
  const parsed = await verifier.parseOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: payload,
    authorizationResponse: Object.fromEntries(new URLSearchParams(form)),
    callbacks: callbacks({ decryption }),
  });
  const agent = await wallet({ roots });
  const { presentations } = parsed.dcql;
  const claims = {};
  for (const [id, list] of Object.entries(presentations)) {
    for (const presentation of list) {
      if (presentation.includes("~")) {
        const checked = await agent.sdJwtVc.verify({
          compactSdJwtVc: presentation,
          keyBinding: { audience: payload.client_id, nonce: payload.nonce },
          trustedCertificates: roots,
        });
        if (!checked.isValid) throw checked.error;
        claims[id] = checked.sdJwtVc.prettyClaims;
      } else {
        const { d, ...encryptionJwk } = decryption;
        const documents = await MdocDeviceResponse.fromBase64Url(presentation).verify(agent.context, {
          trustedCertificates: roots,
          sessionTranscriptOptions: {
            type: "openId4Vp",
            clientId: payload.client_id,
            responseUri,
            verifierGeneratedNonce: payload.nonce,
            encryptionJwk: Kms.PublicJwk.fromUnknown(encryptionJwk),
          },
        });
        claims[id] = documents[0].issuerSignedNamespaces;
      }
    }
  }
  return { claims, encrypted: Boolean(parsed.jarm) };
}

// A foreign issuer made of `@openid4vc/openid4vci` and `@openid4vc/oauth2`: it checks what our wallet sends with their
// code and signs SD-JWT credentials with `@sd-jwt/sd-jwt-vc`. One argument, JSON: the key, its certificates, and which
// fault it has. It prints one line, its offer, and serves until its input ends.
import crypto from "node:crypto";
import http from "node:http";
import { HashAlgorithm, Oauth2AuthorizationServer, preAuthorizedCodeGrantIdentifier, setGlobalConfig } from "@openid4vc/oauth2";
import { Openid4vciIssuer } from "@openid4vc/openid4vci";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

setGlobalConfig({ allowInsecureUrls: true });
const { key, chain, vct, txCode, fault } = JSON.parse(process.argv[2]);

const publicKey = ({ kty, crv, x, y }) => crypto.createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
const privateKey = crypto.createPrivateKey({ key, format: "jwk" });
const raw = { dsaEncoding: "ieee-p1363" };
const sign = (text) => crypto.sign("sha256", Buffer.from(text), { key: privateKey, ...raw }).toString("base64url");
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const callbacks = {
  hash: (data, algorithm) =>
    new Uint8Array(crypto.createHash(algorithm === HashAlgorithm.Sha256 ? "sha256" : algorithm).update(data).digest()),
  generateRandom: (length) => new Uint8Array(crypto.randomBytes(length)),
  signJwt: async (signer, { header, payload }) => {
    const signed = `${encode(header)}.${encode(payload)}`;
    return { jwt: `${signed}.${sign(signed)}`, signerJwk: key };
  },
  verifyJwt: async (signer, { compact }) => {
    const [header, payload, signature] = compact.split(".");
    const at = { key: publicKey(signer.publicJwk), ...raw };
    const verified = crypto.verify("sha256", Buffer.from(`${header}.${payload}`), at, Buffer.from(signature, "base64url"));
    return verified ? { verified, signerJwk: signer.publicJwk } : { verified };
  },
  fetch,
};

const server = new Oauth2AuthorizationServer({ callbacks });
const issuer = new Openid4vciIssuer({ callbacks });
const sdJwt = new SDJwtVcInstance({
  hasher: (data, algorithm) => new Uint8Array(crypto.createHash(algorithm.replace("-", "")).update(data).digest()),
  hashAlg: "sha-256",
  saltGenerator: (length) => crypto.randomBytes(length).toString("base64url"),
  signer: sign,
  signAlg: "ES256",
});

const dpopNonce = crypto.randomUUID();
const nonces = new Set();
const tokens = new Map();
const pushed = new Map();
const codes = new Map();
const issuerState = crypto.randomUUID();
const events = [];
let refusals = 0;

function metadata(base) {
  const credentialIssuer = issuer.createCredentialIssuerMetadata({
    credential_issuer: base,
    credential_endpoint: fault === "other-host" ? "http://127.0.0.1:1/credential" : `${base}/credential`,
    nonce_endpoint: `${base}/nonce`,
    notification_endpoint: `${base}/notification`,
    ...(fault === "other-encryption" && {
      credential_response_encryption: {
        alg_values_supported: ["RSA-OAEP-256"],
        enc_values_supported: ["A256GCM"],
        encryption_required: true,
      },
    }),
    display: [{ name: "Foreign issuer", locale: "en" }],
    credential_configurations_supported: {
      id: {
        format: "dc+sd-jwt",
        vct,
        scope: "id",
        cryptographic_binding_methods_supported: ["jwk"],
        credential_signing_alg_values_supported: ["ES256"],
        proof_types_supported: {
          jwt: {
            proof_signing_alg_values_supported: [fault === "other-proofs" ? "ES512" : "ES256"],
            ...(fault === "attested-keys" && { key_attestations_required: { key_storage: ["iso_18045_high"] } }),
          },
        },
        credential_metadata: { display: [{ name: "Student card", locale: "en" }], claims: [{ path: ["given_name"] }] },
      },
    },
  });
  const authorizationServer = server.createAuthorizationServerMetadata({
    issuer: fault === "other-server" ? "https://other.example" : base,
    token_endpoint: `${base}/token`,
    authorization_endpoint: `${base}/authorize`,
    pushed_authorization_request_endpoint: `${base}/par`,
    require_pushed_authorization_requests: true,
    code_challenge_methods_supported: [fault === "plain" ? "plain" : "S256"],
    authorization_response_iss_parameter_supported: fault !== "nobody",
    grant_types_supported: [preAuthorizedCodeGrantIdentifier, "authorization_code"],
    dpop_signing_alg_values_supported: fault === "bearer" ? undefined : ["ES256"],
    "pre-authorized_grant_anonymous_access_supported": true,
  });
  const knownCredentialConfigurations = issuer.getKnownCredentialConfigurationsSupported(credentialIssuer);
  return { credentialIssuer, knownCredentialConfigurations, authorizationServers: [authorizationServer], originalDraftVersion: "V1" };
}

/** Errors that the wallet is told. */
class Told extends Error {
  constructor(status, error) {
    super(error);
    Object.assign(this, { status, told: { error } });
  }
}

/** The first proof has no nonce of ours. */
function freshProof(jwt) {
  const { nonce } = JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
  if (nonce !== dpopNonce || fault === "never-content") throw new Told(400, "use_dpop_nonce");
}

async function holderOf(request, body) {
  const token = request.headers.get("authorization")?.replace(/^DPoP /, "");
  const grant = tokens.get(token);
  if (!grant) throw new Told(401, "invalid_token");
  await server.verifyDpopJwt({
    dpopJwt: request.headers.get("dpop"),
    request,
    accessToken: token,
    expectedJwkThumbprint: grant.thumbprint,
    expectedNonce: dpopNonce,
    allowedSigningAlgs: ["ES256"],
  });
  return JSON.parse(body);
}

const routes = {
  "GET /.well-known/openid-credential-issuer": async (base) => {
    const { credentialIssuer } = metadata(base);
    if (fault === "unsigned") return credentialIssuer;
    const jwt = await issuer.createSignedCredentialIssuerMetadataJwt({
      credentialIssuerMetadata: fault === "other-issuer" ? { ...credentialIssuer, credential_issuer: "https://other.example" } : credentialIssuer,
      signer: { method: "x5c", alg: "ES256", x5c: chain },
      issuedAt: new Date(),
    });
    return fault === "changed-metadata" ? jwt.replace(/\.([^.]*)\./, (_, it) => `.${encode({ ...JSON.parse(Buffer.from(it, "base64url")), more: 1 })}.`) : jwt;
  },
  "GET /.well-known/oauth-authorization-server": async (base) => metadata(base).authorizationServers[0],
  "POST /par": async (base, request, body) => {
    const parsed = await server.parsePushedAuthorizationRequest({
      request,
      authorizationRequest: Object.fromEntries(new URLSearchParams(body)),
    });
    const { authorizationRequest } = parsed;
    freshProof(parsed.dpop.jwt);
    const { dpop } = await server.verifyPushedAuthorizationRequest({
      authorizationRequest,
      authorizationServerMetadata: metadata(base).authorizationServers[0],
      request,
      dpop: { required: true, jwt: parsed.dpop.jwt, allowedSigningAlgs: ["ES256"] },
    });
    const { response_type, code_challenge_method, issuer_state, scope } = authorizationRequest;
    if (response_type !== "code" || code_challenge_method !== "S256" || issuer_state !== issuerState || scope !== "id")
      throw new Told(400, "invalid_request");
    const requestUri = `urn:ietf:params:oauth:request_uri:${crypto.randomUUID()}`;
    pushed.set(requestUri, { authorizationRequest, thumbprint: dpop.jwkThumbprint });
    return server.createPushedAuthorizationResponse({ requestUri, expiresInSeconds: 60 }).pushedAuthorizationResponse;
  },
  // Whoever opens it is logged in already.
  "GET /authorize": async (base, request) => {
    const given = Object.fromEntries(new URL(request.url).searchParams);
    const opened = pushed.get(given.request_uri);
    pushed.delete(given.request_uri);
    const { client_id, redirect_uri, state } = opened?.authorizationRequest ?? {};
    if (!opened || given.client_id !== client_id || Object.keys(given).length !== 2) throw new Told(400, "invalid_request_uri");
    const granted = crypto.randomUUID();
    codes.set(granted, opened);
    const answer = fault === "declined" ? { error: "access_denied" } : { code: granted };
    const iss = fault === "mix-up" ? "https://other.example" : base;
    const returned = fault === "other-state" ? "another" : state;
    return { location: `${redirect_uri}?${new URLSearchParams({ ...answer, state: returned, ...(fault !== "unnamed" && { iss }) })}` };
  },
  "POST /token": async (base, request, body) => {
    const accessTokenRequest = Object.fromEntries(new URLSearchParams(body));
    const parsed = server.parseAccessTokenRequest({ request, accessTokenRequest });
    freshProof(parsed.dpop.jwt);
    const asked = {
      grant: parsed.grant,
      accessTokenRequest,
      request,
      authorizationServerMetadata: metadata(base).authorizationServers[0],
      dpop: { required: true, jwt: parsed.dpop.jwt, allowedSigningAlgs: ["ES256"] },
    };
    const byCode = parsed.grant.grantType === "authorization_code";
    const opened = byCode ? codes.get(parsed.grant.code) : undefined;
    const { client_id, redirect_uri, code_challenge } = opened?.authorizationRequest ?? {};
    if (byCode && (!codes.delete(parsed.grant.code) || accessTokenRequest.redirect_uri !== redirect_uri || accessTokenRequest.client_id !== client_id))
      throw new Told(400, "invalid_grant");
    const { dpop } = byCode
      ? await server.verifyAuthorizationCodeAccessTokenRequest({
          ...asked,
          expectedCode: parsed.grant.code,
          pkce: { codeVerifier: parsed.pkceCodeVerifier, codeChallenge: code_challenge, codeChallengeMethod: "S256" },
        })
      : await server.verifyPreAuthorizedCodeAccessTokenRequest({ ...asked, expectedPreAuthorizedCode: code, expectedTxCode: txCode });
    if (byCode && dpop.jwkThumbprint !== opened.thumbprint) throw new Told(400, "invalid_grant");
    const token = crypto.randomUUID();
    tokens.set(token, { thumbprint: dpop.jwkThumbprint });
    return { access_token: token, token_type: fault === "bearer-token" ? "Bearer" : "DPoP", expires_in: 300 };
  },
  "POST /nonce": async () => {
    const nonce = crypto.randomUUID();
    nonces.add(nonce);
    return issuer.createNonceResponse({ cNonce: nonce });
  },
  "POST /credential": async (base, request, body) => {
    const credentialRequest = await holderOf(request, body);
    const issuerMetadata = metadata(base);
    const parsed = issuer.parseCredentialRequest({ credentialRequest, issuerMetadata });
    const { credentialConfigurationId, proofs } = parsed;
    if (credentialConfigurationId !== "id") throw new Told(400, "unknown_credential_configuration");
    const jwt = proofs.jwt[0];
    const { nonce } = JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
    if (!nonces.delete(nonce) || (fault === "stale-nonce" && refusals++ === 0)) throw new Told(400, "invalid_nonce");
    const proof = await issuer.verifyCredentialRequestJwtProof({ issuerMetadata, expectedNonce: nonce, jwt });
    const other = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
    const { kty, crv, x, y } = fault === "other-key" ? other : proof.signer.publicJwk;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      vct: fault === "other-type" ? "urn:other" : vct,
      iat: now - 10,
      exp: now + 86400,
      cnf: { jwk: { kty, crv, x, y } },
      given_name: "길동",
    };
    const credential = await sdJwt.issue(claims, { _sd: ["given_name"] }, { header: { x5c: chain } });
    const credentials = [{ credential: fault === "changed-credential" ? credential.replace("~", "A~") : credential }];
    return issuer.createCredentialResponse({ credentialRequest: parsed, credentials, notificationId: "n-1" });
  },
  "POST /notification": async (_, request, body) => {
    const { notification_id, event } = await holderOf(request, body);
    events.push({ notification_id, event });
    return undefined;
  },
  "GET /events": async () => events,
};

const code = crypto.randomUUID();
const listener = http.createServer(async (incoming, outgoing) => {
  const base = `http://127.0.0.1:${listener.address().port}`;
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const request = { method: incoming.method, url: `${base}${incoming.url}`, headers: new Headers(incoming.headers) };
  const headers = { "dpop-nonce": dpopNonce };
  try {
    const route = routes[`${incoming.method} ${incoming.url.split("?")[0]}`];
    if (!route) throw new Told(404, "not_found");
    const answer = await route(base, request, Buffer.concat(chunks).toString("utf8"));
    if (answer?.location) return outgoing.writeHead(302, answer).end();
    const jwt = typeof answer === "string";
    headers["content-type"] = jwt ? "application/jwt" : "application/json";
    outgoing.writeHead(answer === undefined ? 204 : answer.request_uri ? 201 : 200, headers);
    outgoing.end(answer === undefined ? "" : jwt ? answer : JSON.stringify(answer));
  } catch (error) {
    const told = error.told ?? error.errorResponse ?? { error: "server_error", error_description: String(error) };
    if (!error.told) console.error(error.message);
    outgoing.writeHead(error.status ?? 400, { ...headers, "content-type": "application/json" });
    outgoing.end(JSON.stringify(told));
  }
});
listener.listen(0, "127.0.0.1", async () => {
  const base = `http://127.0.0.1:${listener.address().port}`;
  const { credentialOffer } = await issuer.createCredentialOffer({
    issuerMetadata: metadata(base),
    credentialConfigurationIds: ["id"],
    grants: {
      [preAuthorizedCodeGrantIdentifier]: { "pre-authorized_code": code, ...(txCode && { tx_code: { length: txCode.length } }) },
      authorization_code: { issuer_state: issuerState },
    },
  });
  process.stdout.write(`${JSON.stringify({ base, offer: credentialOffer })}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();

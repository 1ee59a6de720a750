// A wallet of Credo, whose keys are Node's and whose store is in memory: its own packages for both need a native binary.
import crypto from "node:crypto";
import { EventEmitter } from "node:events";
import { Agent, InjectionSymbols, Kms, RecordDuplicateError, RecordNotFoundError, X509Module } from "@credo-ts/core";
import { OpenId4VcModule } from "@credo-ts/openid4vc";

/** Keys of Node. */
class NodeKeys {
  backend = "node";
  keys = new Map();

  isOperationSupported(_, { operation, type, algorithm }) {
    if (operation === "createKey") return type.kty === "EC" && type.crv === "P-256";
    if (operation === "sign" || operation === "verify") return algorithm === "ES256";
    return ["deleteKey", "randomBytes"].includes(operation);
  }

  async getPublicKey(_, keyId) {
    return this.keys.get(keyId)?.publicJwk ?? null;
  }

  async createKey(_, { keyId = crypto.randomUUID() }) {
    const { privateKey, publicKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicJwk = { ...publicKey.export({ format: "jwk" }), kid: keyId };
    this.keys.set(keyId, { privateKey, publicJwk });
    return { keyId, publicJwk };
  }

  async importKey() {
    throw new Error("no key is imported here");
  }

  async deleteKey(_, { keyId }) {
    return this.keys.delete(keyId);
  }

  async sign(_, { keyId, data }) {
    const { privateKey } = this.keys.get(keyId);
    return { signature: new Uint8Array(crypto.sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" })) };
  }

  async verify(_, { key, data, signature }) {
    const publicJwk = key.publicJwk ?? this.keys.get(key.keyId).publicJwk;
    const { kty, crv, x, y } = publicJwk;
    const imported = crypto.createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
    const verified = crypto.verify("sha256", data, { key: imported, dsaEncoding: "ieee-p1363" }, signature);
    return verified ? { verified, publicJwk } : { verified };
  }

  async encrypt() {
    throw new Error("nothing is encrypted here");
  }

  async decrypt() {
    throw new Error("nothing is decrypted here");
  }

  randomBytes(_, { length }) {
    return new Uint8Array(crypto.randomBytes(length));
  }
}

/** Records in memory. */
class Memory {
  supportsCursorPagination = false;
  records = new Map();

  async save(_, record) {
    if (this.records.has(record.id)) throw new RecordDuplicateError("there already", { recordType: record.type });
    this.records.set(record.id, record);
  }

  async update(_, record) {
    this.records.set(record.id, record);
  }

  async delete(_, record) {
    this.records.delete(record.id);
  }

  async deleteById(_, __, id) {
    this.records.delete(id);
  }

  async getById(_, { type }, id) {
    const record = this.records.get(id);
    if (record?.type !== type) throw new RecordNotFoundError("not there", { recordType: type });
    return record;
  }

  async getAll(_, { type }) {
    return [...this.records.values()].filter((record) => record.type === type);
  }

  async findByQuery(context, kind, query) {
    const all = await this.getAll(context, kind);
    return all.filter((record) => Object.entries(query).every(([name, value]) => record.getTags()[name] === value));
  }
}

class Files {
  dataPath = cachePath();
  cachePath = cachePath();
  tempPath = cachePath();
  async exists() {
    return false;
  }
}

function cachePath() {
  return "/nowhere";
}

/** Credo reads signed metadata of an issuer and does not ask for them. */
const asking = (address, options) => {
  const signed = String(address).includes("/.well-known/openid-credential-issuer");
  return fetch(address, signed ? { ...options, headers: { ...options?.headers, accept: "application/jwt" } } : options);
};

/** A wallet that trusts these roots, base64 of DER. */
export async function wallet(roots) {
  const agent = new Agent({
    config: { allowInsecureHttpUrls: true, autoUpdateStorageOnStartup: true },
    dependencies: { FileSystem: Files, EventEmitterClass: EventEmitter, fetch: asking, WebSocketClass: class {} },
    modules: {
      keys: { register: (manager) => manager.registerInstance(InjectionSymbols.StorageService, new Memory()) },
      kms: new Kms.KeyManagementModule({ backends: [new NodeKeys()] }),
      x509: new X509Module({ trustedCertificates: roots }),
      openid4vc: new OpenId4VcModule(),
    },
  });
  await agent.initialize();
  return agent;
}

/** Takes up an offer: one credential of each configuration, with `copies` keys. */
export async function takeUp({ offer, txCode, roots, copies = 1, configurations }) {
  const agent = await wallet(roots);
  const holder = agent.openid4vc.holder;
  const resolvedCredentialOffer = await holder.resolveCredentialOffer(offer);
  const token = await holder.requestToken({ resolvedCredentialOffer, txCode });
  const bind = async () => {
    const keys = [];
    for (let at = 0; at < copies; at++) {
      const key = await agent.kms.createKeyForSignatureAlgorithm({ algorithm: "ES256" });
      keys.push(Kms.PublicJwk.fromPublicJwk(key.publicJwk));
    }
    return { method: "jwk", keys };
  };
  const taken = [];
  // One by one: after an answer without a nonce Credo does not ask for the next.
  for (const id of configurations ?? resolvedCredentialOffer.offerPayload?.credential_configuration_ids
    ?? Object.keys(resolvedCredentialOffer.offeredCredentialConfigurations)) {
    const { credentials } = await holder.requestCredentials({
      resolvedCredentialOffer,
      ...token,
      credentialConfigurationIds: [id],
      verifyCredentialStatus: true,
      credentialBindingResolver: bind,
    });
    for (const { record, notificationId } of credentials) {
      if (notificationId) {
        await holder.sendNotification({
          metadata: resolvedCredentialOffer.metadata,
          notificationId,
          notificationEvent: "credential_accepted",
          ...token,
        });
      }
      taken.push({ id, kind: record.constructor.name });
    }
  }
  const signed = resolvedCredentialOffer.metadata.signedCredentialIssuer ? true : false;
  return { taken, tokenType: token.accessTokenResponse?.token_type, dpop: Boolean(token.dpop), signed };
}

/** Takes up an offer by logging in: pushed request with PKCE, the page with the counter's digits, code, credential. */
export async function logIn({ offer, digits, roots, configuration }) {
  const agent = await wallet(roots);
  const holder = agent.openid4vc.holder;
  const redirectUri = "https://wallet.example/back";
  const clientId = "credo";
  const resolvedCredentialOffer = await holder.resolveCredentialOffer(offer);
  const authorization = await holder.resolveOpenId4VciAuthorizationRequest(resolvedCredentialOffer, {
    clientId,
    redirectUri,
    scope: [configuration],
  });
  const page = await fetch(authorization.authorizationRequestUrl);
  const text = await page.text();
  const hidden = (name) => text.match(new RegExp(`name="${name}" value="([^"]*)"`))[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams({
    request_uri: hidden("request_uri"),
    session: hidden("session"),
    counter_code: digits,
  });
  const action = new URL("authorize", authorization.authorizationRequestUrl);
  const back = await fetch(action, { method: "POST", body, redirect: "manual" });
  const parsed = await holder.parseAuthorizationCodeFromAuthorizationResponse({
    resolvedCredentialOffer,
    authorizationResponseRedirectUrl: back.headers.get("location"),
  });
  const token = await holder.requestToken({
    resolvedCredentialOffer,
    code: parsed.authorizationCode,
    codeVerifier: authorization.codeVerifier,
    redirectUri,
    clientId,
    dpop: authorization.dpop,
  });
  const key = await agent.kms.createKeyForSignatureAlgorithm({ algorithm: "ES256" });
  const { credentials } = await holder.requestCredentials({
    resolvedCredentialOffer,
    ...token,
    clientId,
    credentialConfigurationIds: [configuration],
    verifyCredentialStatus: true,
    credentialBindingResolver: async () => ({ method: "jwk", keys: [Kms.PublicJwk.fromPublicJwk(key.publicJwk)] }),
  });
  return { kinds: credentials.map(({ record }) => record.constructor.name), pushed: authorization.authorizationRequestUrl };
}

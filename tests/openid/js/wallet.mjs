// A wallet of Credo, whose keys are Node's and whose store is in memory: its own packages for both need a native binary.
import crypto from "node:crypto";
import { EventEmitter } from "node:events";
import {
  Agent,
  InjectionSymbols,
  Kms,
  Mdoc,
  MdocRecord,
  RecordDuplicateError,
  RecordNotFoundError,
  SdJwtVcRecord,
  X509Module,
} from "@credo-ts/core";
import { OpenId4VcModule } from "@credo-ts/openid4vc";

/** Keys of Node. */
class NodeKeys {
  backend = "node";
  keys = new Map();

  isOperationSupported(_, { operation, type, algorithm }) {
    if (operation === "createKey") return type.kty === "EC" && type.crv === "P-256";
    if (operation === "sign" || operation === "verify") return algorithm === "ES256";
    return ["deleteKey", "importKey", "encrypt", "randomBytes"].includes(operation);
  }

  keep(privateKey, keyId) {
    const publicKey = crypto.createPublicKey(privateKey);
    const publicJwk = { ...publicKey.export({ format: "jwk" }), kid: keyId };
    this.keys.set(keyId, { privateKey, publicJwk });
    return { keyId, publicJwk };
  }

  async getPublicKey(_, keyId) {
    return this.keys.get(keyId)?.publicJwk ?? null;
  }

  async createKey(_, { keyId = crypto.randomUUID() }) {
    return this.keep(crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, keyId);
  }

  async importKey(_, { privateJwk }) {
    const { kty, crv, x, y, d, kid = crypto.randomUUID() } = privateJwk;
    return this.keep(crypto.createPrivateKey({ key: { kty, crv, x, y, d }, format: "jwk" }), kid);
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

  /** ECDH-ES with the ephemeral key that Credo made (RFC 7518, section 4.6), and AES-GCM. */
  async encrypt(_, { key: { keyAgreement }, data, encryption: { algorithm, aad } }) {
    const { kty, crv, x, y } = keyAgreement.externalPublicJwk;
    const publicKey = crypto.createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
    const { privateKey } = this.keys.get(keyAgreement.keyId);
    const bits = { A128GCM: 128, A256GCM: 256 }[algorithm];
    const number = (value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
    const framed = (bytes) => Buffer.concat([number(bytes.length), bytes]);
    const derived = crypto
      .createHash("sha256")
      .update(number(1))
      .update(crypto.diffieHellman({ privateKey, publicKey }))
      .update(framed(Buffer.from(algorithm)))
      .update(framed(keyAgreement.apu ?? Buffer.alloc(0)))
      .update(framed(keyAgreement.apv ?? Buffer.alloc(0)))
      .update(number(bits))
      .digest();
    const iv = crypto.randomBytes(12);
    const cipher = crypto.createCipheriv(`aes-${bits}-gcm`, derived.subarray(0, bits / 8), iv);
    cipher.setAAD(aad);
    const encrypted = Buffer.concat([cipher.update(data), cipher.final()]);
    return { encrypted: new Uint8Array(encrypted), iv: new Uint8Array(iv), tag: new Uint8Array(cipher.getAuthTag()) };
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
    const fits = (tags, wanted) =>
      Object.entries(wanted).every(([name, value]) =>
        name === "$or" ? value.some((it) => fits(tags, it)) : name === "$and" ? value.every((it) => fits(tags, it)) : tags[name] === value,
      );
    return (await this.getAll(context, kind)).filter((record) => fits(record.getTags(), query));
  }
}

class Files {
  dataPath = "/nowhere";
  cachePath = "/nowhere";
  tempPath = "/nowhere";
  async exists() {
    return false;
  }
}

/** Credo reads signed metadata of an issuer and does not ask for them. */
const asking = (address, options) => {
  const signed = String(address).includes("/.well-known/openid-credential-issuer");
  return fetch(address, signed ? { ...options, headers: { ...options?.headers, accept: "application/jwt" } } : options);
};

/** A wallet that trusts these roots, base64 of DER, and holds these credentials under this key. */
export async function wallet({ roots, key, sdJwt, mdoc, docType }) {
  const keys = new NodeKeys();
  const agent = new Agent({
    config: { allowInsecureHttpUrls: true, autoUpdateStorageOnStartup: true },
    dependencies: { FileSystem: Files, EventEmitterClass: EventEmitter, fetch: asking, WebSocketClass: class {} },
    modules: {
      keys: { register: (manager) => manager.registerInstance(InjectionSymbols.StorageService, new Memory()) },
      kms: new Kms.KeyManagementModule({ backends: [keys] }),
      x509: new X509Module({ trustedCertificates: roots }),
      openid4vc: new OpenId4VcModule(),
    },
  });
  await agent.initialize();
  if (!key) return agent;
  const { keyId } = await keys.importKey(null, { privateJwk: { ...key, kid: "holder" } });
  if (sdJwt) {
    const record = new SdJwtVcRecord({ credentialInstances: [{ compactSdJwtVc: sdJwt, kmsKeyId: keyId }] });
    await agent.sdJwtVc.store({ record });
  }
  if (mdoc) {
    Mdoc.fromBase64Url(mdoc, docType);
    const record = new MdocRecord({ credentialInstances: [{ issuerSignedBase64Url: mdoc, kmsKeyId: keyId }] });
    await agent.mdoc.store({ record });
  }
  return agent;
}

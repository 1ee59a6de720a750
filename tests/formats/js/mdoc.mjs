// Mobile documents by `@owf/mdoc`, whose cryptography is Node's.
import crypto from "node:crypto";
import {
  CoseKey,
  DateOnly,
  DeviceKey,
  DeviceRequest,
  DeviceResponse,
  Holder,
  Issuer,
  SessionTranscript,
  SignatureAlgorithm,
  Verifier,
} from "@owf/mdoc";

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const publicKey = (key) => {
  const { kty, crv, x, y } = key.jwk;
  return crypto.createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
};
const privateKey = (key) => {
  const { kty, crv, x, y, d } = key.jwk;
  return crypto.createPrivateKey({ key: { kty, crv, x, y, d }, format: "jwk" });
};

const context = {
  crypto: {
    random: (length) => new Uint8Array(crypto.randomBytes(length)),
    digest: ({ digestAlgorithm, bytes }) =>
      new Uint8Array(crypto.createHash(digestAlgorithm.replace("-", "")).update(bytes).digest()),
    calculateEphemeralMacKey: ({ privateKey, publicKey, sessionTranscriptBytes, info }) => {
      const ecdh = crypto.createECDH("prime256v1");
      ecdh.setPrivateKey(privateKey);
      const salt = crypto.createHash("sha256").update(sessionTranscriptBytes).digest();
      const key = crypto.hkdfSync("sha256", ecdh.computeSecret(publicKey), salt, info, 32);
      return CoseKey.fromJwk({ kty: "oct", k: Buffer.from(key).toString("base64url") });
    },
  },
  cose: {
    sign1: {
      sign: ({ toBeSigned, key }) =>
        new Uint8Array(crypto.sign("sha256", toBeSigned, { key: privateKey(key), dsaEncoding: "ieee-p1363" })),
      verify: ({ key, sign1 }) =>
        crypto.verify("sha256", sign1.toBeSigned, { key: publicKey(key), dsaEncoding: "ieee-p1363" }, sign1.signature),
    },
    mac0: {
      sign: ({ key, toBeAuthenticated }) =>
        new Uint8Array(crypto.createHmac("sha256", key.privateKey).update(toBeAuthenticated).digest()),
      verify: ({ mac0, key }) =>
        crypto.createHmac("sha256", key.privateKey).update(mac0.toBeAuthenticated).digest().equals(Buffer.from(mac0.tag)),
    },
  },
  x509: {
    getIssuerNameField: ({ certificate, field }) =>
      new crypto.X509Certificate(certificate).issuer
        .split("\n")
        .filter((line) => line.startsWith(`${field}=`))
        .map((line) => line.slice(field.length + 1)),
    getPublicKey: ({ certificate }) =>
      CoseKey.fromJwk(new crypto.X509Certificate(certificate).publicKey.export({ format: "jwk" })),
    verifyCertificateChain: ({ trustedCertificates, x5chain }) => {
      const chain = x5chain.map((der) => new crypto.X509Certificate(der));
      const roots = trustedCertificates.map((der) => new crypto.X509Certificate(der));
      const last = chain.at(-1);
      const links = chain.slice(1).every((signer, at) => chain[at].verify(signer.publicKey));
      if (!links || !roots.some((root) => last.checkIssued(root) && last.verify(root.publicKey))) {
        throw new Error("the chain ends nowhere");
      }
    },
    getCertificateData: ({ certificate }) => {
      const it = new crypto.X509Certificate(certificate);
      return {
        issuerName: it.issuer,
        subjectName: it.subject,
        serialNumber: it.serialNumber,
        thumbprint: it.fingerprint256,
        notBefore: new Date(it.validFrom),
        notAfter: new Date(it.validTo),
        pem: it.toString(),
      };
    },
  },
};

const transcript = ({ clientId, nonce, thumbprint, responseUri }) =>
  SessionTranscript.forOid4Vp({ clientId, nonce, jwkThumbprint: bytes(thumbprint), responseUri }, context);

/** Elements as JSON: dates as text, bytes as hexadecimal. */
const plain = (value) =>
  value instanceof Uint8Array ? hex(value) : value instanceof Date ? value.toISOString().slice(0, 10) : value;

export const jobs = {
  // Checks a response: certificates, signature, digests, dates, the device's proof.
  async verify_mdoc({ response, session, root, now }) {
    const deviceResponse = DeviceResponse.decode(bytes(response));
    await Verifier.verifyDeviceResponse(
      {
        deviceResponse,
        sessionTranscript: await transcript(session),
        trustedCertificates: [bytes(root)],
        now: new Date(now * 1000),
      },
      context,
    );
    const elements = {};
    for (const document of deviceResponse.documents) {
      for (const [namespace, items] of document.issuerSigned.issuerNamespaces.issuerNamespaces) {
        elements[namespace] = Object.fromEntries(items.map((it) => [it.elementIdentifier, plain(it.elementValue)]));
      }
    }
    return { elements };
  },
  // Issues a document and answers a request with it.
  async present_mdoc({ docType, elements, dates, certificate, issuer, device, request, session, signed, from, until }) {
    const draft = new Issuer(docType, context);
    for (const [namespace, values] of Object.entries(elements)) {
      const read = ([name, value]) => [name, dates.includes(name) ? new DateOnly(value) : value];
      draft.addIssuerNamespace(namespace, Object.fromEntries(Object.entries(values).map(read)));
    }
    const date = (at) => new Date(at * 1000);
    const { d: _, ...deviceKey } = device;
    const issued = await draft.sign({
      signingKey: CoseKey.fromJwk(issuer),
      algorithm: SignatureAlgorithm.ES256,
      digestAlgorithm: "SHA-256",
      validityInfo: { signed: date(signed), validFrom: date(from), validUntil: date(until) },
      deviceKeyInfo: { deviceKey: DeviceKey.fromJwk(deviceKey) },
      certificates: [bytes(certificate)],
    });
    const response = await Holder.createDeviceResponseForDeviceRequest(
      {
        deviceRequest: DeviceRequest.decode(bytes(request)),
        sessionTranscript: await transcript(session),
        issuerSigned: [issued],
        // The algorithm of a device signature is the key's.
        signature: { signingKey: CoseKey.fromJwk({ ...device, alg: "ES256" }) },
      },
      context,
    );
    return { issued: hex(issued.encode()), response: hex(response.encode()) };
  },
};

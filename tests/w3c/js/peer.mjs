// Digital Bazaar's packages, driven by lines: {"do": …} in, {"ok": …} or {"error": …} out.
import * as bbs2023 from '@digitalbazaar/bbs-2023-cryptosuite';
import * as Bls12381Multikey from '@digitalbazaar/bls12-381-multikey';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as ecdsaSd from '@digitalbazaar/ecdsa-sd-2023-cryptosuite';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as credentials from '@digitalbazaar/credentials-context';
import * as dataIntegrity from '@digitalbazaar/data-integrity-context';
import * as multikey from '@digitalbazaar/multikey-context';
import jsigs from 'jsonld-signatures';
import {createInterface} from 'node:readline';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';

const {purposes: {AssertionProofPurpose, AuthenticationProofPurpose}} = jsigs;
const contexts = new Map([...credentials.contexts, ...dataIntegrity.contexts, ...multikey.contexts]);
const kinds = {
  'eddsa-rdfc-2022': Ed25519Multikey, 'ecdsa-rdfc-2019': EcdsaMultikey,
  'ecdsa-sd-2023': EcdsaMultikey, 'bbs-2023': Bls12381Multikey
};

// Contexts of the standards, and keys that are their own identifiers.
const documentLoader = async url => {
  const given = contexts.get(url);
  if(given) {
    return {documentUrl: url, document: given, contextUrl: null};
  }
  const [did, fragment] = url.split('#');
  if(!did.startsWith('did:key:')) {
    throw new Error(`unknown: ${url}`);
  }
  const key = did.slice(8);
  const method = {
    '@context': 'https://w3id.org/security/multikey/v1', id: `${did}#${key}`, type: 'Multikey', controller: did,
    publicKeyMultibase: key
  };
  const document = fragment ? method : {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did, verificationMethod: [method], assertionMethod: [method.id], authentication: [method.id]
  };
  return {documentUrl: url, document, contextUrl: null};
};

const algorithm = {algorithm: 'BBS-BLS12-381-SHA-256'};

const newKey = async suite => {
  const options = suite === 'bbs-2023' ? algorithm : suite.startsWith('ecdsa') ? {curve: 'P-256'} : {};
  const pair = suite === 'bbs-2023' ?
    await Bls12381Multikey.generateBbsKeyPair(algorithm) : await kinds[suite].generate(options);
  pair.controller = `did:key:${pair.publicKeyMultibase}`;
  pair.id = `${pair.controller}#${pair.publicKeyMultibase}`;
  return pair;
};

const signing = (suite, mandatoryPointers) => ({
  'eddsa-rdfc-2022': eddsaRdfc, 'ecdsa-rdfc-2019': ecdsaRdfc,
  'ecdsa-sd-2023': ecdsaSd.createSignCryptosuite({mandatoryPointers}),
  'bbs-2023': bbs2023.createSignCryptosuite({mandatoryPointers})
})[suite];
const showing = (suite, selectivePointers) => ({
  'ecdsa-sd-2023': ecdsaSd.createDiscloseCryptosuite({selectivePointers}),
  'bbs-2023': bbs2023.createDiscloseCryptosuite({selectivePointers})
})[suite];
const verifying = suite => ({
  'eddsa-rdfc-2022': eddsaRdfc, 'ecdsa-rdfc-2019': ecdsaRdfc,
  'ecdsa-sd-2023': ecdsaSd.createVerifyCryptosuite(), 'bbs-2023': bbs2023.createVerifyCryptosuite()
})[suite];

const calls = {
  async sign({suite, document, mandatory}) {
    const pair = await newKey(suite);
    const signer = pair.signer();
    if(suite === 'bbs-2023') {
      signer.multisign = pair.signer().multisign;
    }
    const proof = new DataIntegrityProof({signer, cryptosuite: signing(suite, mandatory)});
    return jsigs.sign({...document, issuer: pair.controller}, {
      suite: proof, purpose: new AssertionProofPurpose(), documentLoader
    });
  },
  // A presentation of nothing, by a key of P-256.
  async prove({domain, challenge}) {
    const pair = await newKey('ecdsa-rdfc-2019');
    const document = {
      '@context': ['https://www.w3.org/ns/credentials/v2'], type: ['VerifiablePresentation'], holder: pair.controller
    };
    const proof = new DataIntegrityProof({signer: pair.signer(), cryptosuite: ecdsaRdfc});
    return jsigs.sign(document, {
      suite: proof, purpose: new AuthenticationProofPurpose({domain, challenge}), documentLoader
    });
  },
  async proves({presentation, domain, challenge}) {
    const proof = new DataIntegrityProof({cryptosuite: ecdsaRdfc});
    const purpose = new AuthenticationProofPurpose({domain, challenge});
    const result = await jsigs.verify(presentation, {suite: proof, purpose, documentLoader});
    return result.verified;
  },
  async derive({suite, document, pointers}) {
    const proof = new DataIntegrityProof({cryptosuite: showing(suite, pointers)});
    return jsigs.derive(document, {suite: proof, purpose: new AssertionProofPurpose(), documentLoader});
  },
  // A call of the conformance adapter, as suites make it.
  async call({url, method, accept, body}) {
    const headers = {accept: accept ?? 'application/json, application/ld+json, */*'};
    if(body !== undefined) {
      headers['content-type'] = 'application/json';
    }
    const response = await fetch(url, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
    return {status: response.status, type: response.headers.get('content-type'), body: await response.json()};
  },
  async verify({suite, document}) {
    const proof = new DataIntegrityProof({cryptosuite: verifying(suite)});
    const result = await jsigs.verify(document, {suite: proof, purpose: new AssertionProofPurpose(), documentLoader});
    if(!result.verified) {
      const errors = [result.error, ...(result.error?.errors ?? [])].map(error => `${error?.message} ${error?.cause ?? ''}`);
      throw new Error(errors.join('; '));
    }
    return true;
  }
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const call = JSON.parse(line);
    answer = {ok: await calls[call.do](call)};
  } catch(error) {
    answer = {error: String(error?.stack ?? error)};
  }
  console.log(JSON.stringify(answer));
}

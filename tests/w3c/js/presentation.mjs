// Digital Bazaar's packages verify presentations: a list of jobs in, a list of {"ok": …} or {"error": …} out.
import * as bbs2023 from '@digitalbazaar/bbs-2023-cryptosuite';
import * as credentials from '@digitalbazaar/credentials-context';
import * as dataIntegrity from '@digitalbazaar/data-integrity-context';
import * as multikey from '@digitalbazaar/multikey-context';
import * as vc from '@digitalbazaar/vc';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {text} from 'node:stream/consumers';

const contexts = new Map([...credentials.contexts, ...dataIntegrity.contexts, ...multikey.contexts]);

// Contexts of the standards, what the job brings, and keys that are their own identifiers.
const loader = documents => async url => {
  const given = contexts.get(url) ?? documents[url];
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
    id: did, verificationMethod: [method], authentication: [method.id]
  };
  return {documentUrl: url, document, contextUrl: null};
};

const verify = async ({presentation, domain, challenge, now, documents}) => {
  const suite = [ecdsaRdfc, eddsaRdfc, bbs2023.createVerifyCryptosuite()].map(
    cryptosuite => new DataIntegrityProof({cryptosuite}));
  const result = await vc.verify({
    presentation, domain, challenge, suite, documentLoader: loader(documents), now: new Date(now * 1000),
    // Lists are the ledger's, which is none of these packages' business.
    checkStatus: async () => ({verified: true})
  });
  if(!result.verified) {
    const parts = [result, result.presentationResult, ...(result.credentialResults ?? [])];
    const errors = parts.flatMap(it => [it?.error, ...(it?.error?.errors ?? [])]).filter(Boolean);
    throw new Error(errors.map(error => `${error.message} ${error.cause ?? ''}`).join('; '));
  }
  return true;
};

const answers = [];
for(const job of JSON.parse(await text(process.stdin))) {
  answers.push(await verify(job).then(ok => ({ok}), error => ({error: String(error?.stack ?? error)})));
}
console.log(JSON.stringify(answers));

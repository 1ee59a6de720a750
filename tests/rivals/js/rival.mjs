// BBS of two packages: 16 messages, 4 shown. First line out: the cases as JSON. Then, for each number in, that case is
// run once, and the microseconds of processor time it took go out.
import * as bazaar from '@digitalbazaar/bbs-signatures';
import mattr from '@mattrglobal/pairing-crypto';
import { createInterface } from 'node:readline';

const text = (value) => new TextEncoder().encode(value);
const header = text('header'), presentationHeader = text('presentation header');
const messages = Array.from({ length: 16 }, (_, i) => text(`attribute number ${i}`));
const shown = [1, 6, 7, 15];
const ciphersuite = 'BLS12-381-SHA-256';

function must(truth) {
  if (!truth) throw new Error('a rival refused its own proof');
}

async function digitalBazaar() {
  const keys = await bazaar.generateKeyPair({ ciphersuite });
  const signature = await bazaar.sign({ ...keys, header, messages, ciphersuite });
  const derive = () => bazaar.deriveProof({
    publicKey: keys.publicKey, signature, header, messages, presentationHeader,
    disclosedMessageIndexes: shown, ciphersuite,
  });
  const proof = await derive();
  const check = (presentationHeader) => bazaar.verifyProof({
    publicKey: keys.publicKey, proof, header, presentationHeader,
    disclosedMessages: shown.map((i) => messages[i]), disclosedMessageIndexes: shown, ciphersuite,
  });
  must(!(await check(text('other'))));
  return [
    ['@digitalbazaar/bbs-signatures 3.0.0 (JavaScript): prove', proof.length, derive],
    ['@digitalbazaar/bbs-signatures 3.0.0 (JavaScript): verify proof', proof.length,
      async () => must(await check(presentationHeader))],
  ];
}

async function mattrGlobal() {
  const suite = mattr.bbs.bls12381_sha256;
  const { publicKey, secretKey } = await suite.generateKeyPair({ ikm: new Uint8Array(32).fill(9), keyInfo: new Uint8Array() });
  const signature = await suite.sign({ publicKey, secretKey, header, messages });
  const derive = () => suite.deriveProof({
    publicKey, header, presentationHeader, signature, verifySignature: false,
    messages: messages.map((value, i) => ({ value, reveal: shown.includes(i) })),
  });
  const proof = await derive();
  const check = (presentationHeader) => suite.verifyProof({
    publicKey, header, presentationHeader, proof,
    messages: Object.fromEntries(shown.map((i) => [i, messages[i]])),
  });
  must(!(await check(text('other'))).verified);
  return [
    ['@mattrglobal/pairing-crypto 0.4.2 (WebAssembly): prove', proof.length, derive],
    ['@mattrglobal/pairing-crypto 0.4.2 (WebAssembly): verify proof', proof.length,
      async () => must((await check(presentationHeader)).verified)],
  ];
}

const cases = [...await digitalBazaar(), ...await mattrGlobal()];
console.log(JSON.stringify(cases.map(([name, bytes]) => ({ name, bytes }))));
for await (const line of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  await cases[Number(line)][2]();
  const { user, system } = process.cpuUsage(before);
  console.log(user + system);
}

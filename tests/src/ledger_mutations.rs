//! Ledger proofs, each changed somewhere where it hurts: none is accepted for the key it was asked for.
//!
//! Most changes know the structure: they exchange siblings, records, headers and certificates between proofs of one and of
//! several ledgers, invent neighbours and levels, and respell numbers. A few change bytes blindly.

use std::collections::BTreeMap;

use protocol::identifier::Did;
use protocol::ledger::proof::{Evidence, LedgerProof, check, check_under};
use protocol::ledger::record::{Accreditation, DidKey, DidRecord, Envelope, Purposes, Record};
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{Header, ProofError, StateKey, TrustAnchor};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// How many records the ledger has.
const RECORDS: u32 = 600;

/// An honest proof, with what it was asked for.
#[derive(Clone)]
struct Honest {
    key: StateKey,
    header: Header,
    proof: LedgerProof,
}

/// Honest proofs to start from.
pub struct Mutations {
    anchor: TrustAnchor,
    honest: Vec<Honest>,
    /// The same keys at another height, and on another network.
    elsewhere: Vec<LedgerProof>,
    rng: ChaCha20Rng,
}

/// What came of a campaign.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many changed proofs were checked.
    pub checked: u64,
    /// How many were accepted.
    pub accepted: u64,
    /// How often each error was given.
    pub errors: BTreeMap<String, u64>,
}

fn organisation(n: u32) -> Did {
    Did::derive("test", &n.to_be_bytes()).expect("a network name")
}

fn record(n: u32) -> Record {
    let key = protocol::crypto::keys::PublicKey::Ed25519([n as u8; 32]);
    match n % 3 {
        0 => Record::Did(DidRecord {
            did: organisation(n),
            keys: vec![DidKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: 1, until: None }],
            deactivated: false,
        }),
        _ => Record::Accreditation(Accreditation {
            issuer: organisation(n),
            credential_type: "kr.type.1".into(),
            from: 1,
            until: 2 + u64::from(n),
            withdrawn: false,
        }),
    }
}

impl Mutations {
    /// Proofs of presence and absence from two heights of one network and from another network.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        let make = |seed: &str| {
            let seed = crate::seed(seed);
            let mut ledger = TestLedger::new("test", seed, seed, 1_000).expect("a seed of 32 bytes");
            ledger.write(&(0..RECORDS).map(record).collect::<Vec<_>>(), 2_000);
            ledger
        };
        let (mut ledger, other) = (make("mutations"), make("another network"));
        let keys: Vec<StateKey> = (0..RECORDS + 200).map(|n| record(n).state_key()).collect();
        let asked: Vec<_> = keys.iter().step_by(7).chain(&keys[RECORDS as usize..]).copied().collect();
        let proofs = |ledger: &TestLedger| -> Vec<LedgerProof> {
            asked.iter().map(|key| ledger.proof(key).expect("a proof")).collect()
        };
        let mut elsewhere = proofs(&other);
        let honest = proofs(&ledger);
        ledger.write(&[record(0), record(1), record(RECORDS)], 3_000);
        elsewhere.extend(proofs(&ledger));
        let honest = asked.iter().zip(honest).map(|(key, proof)| {
            let header = Header::decode(&proof.header).expect("a header");
            Honest { key: *key, header, proof }
        });
        Self { anchor: ledger.anchor(), honest: honest.collect(), elsewhere, rng: crate::rng(seed) }
    }

    /// Checks `count` changed proofs.
    pub fn run(&mut self, count: u64) -> Outcome {
        let mut outcome = Outcome::default();
        while outcome.checked < count {
            let at = self.below(self.honest.len());
            let from = self.honest[at].clone();
            let bytes = self.changed(&from);
            if bytes == from.proof.encode() {
                continue;
            }
            outcome.checked += 1;
            match self.accepts(&from, &bytes) {
                Ok(true) => outcome.accepted += 1,
                Ok(false) => *outcome.errors.entry("another key".into()).or_default() += 1,
                Err(error) => *outcome.errors.entry(format!("{error:?}")).or_default() += 1,
            }
        }
        outcome
    }

    /// Whether someone who asked for the key is convinced of anything.
    fn accepts(&self, from: &Honest, bytes: &[u8]) -> Result<bool, ProofError> {
        let proof = LedgerProof::decode(bytes)?;
        // A certificate that was not touched fits its header still; it costs more than all the rest to look again.
        let certified = proof.header == from.proof.header && proof.certificate == from.proof.certificate;
        let proven = if certified {
            check_under(&from.header, &proof, 0)?
        } else {
            check(&self.anchor, &proof, from.header.height)?
        };
        // The later block of the same network is as true as the first: with all four parts of its own proof only.
        Ok(proven.key == from.key && !self.elsewhere.contains(&proof))
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound.max(1) as u64) as usize
    }

    fn changed(&mut self, from: &Honest) -> Vec<u8> {
        let mut proof = from.proof.clone();
        let at = self.below(self.honest.len());
        let donor = self.honest[at].proof.clone();
        let at = self.below(self.elsewhere.len());
        let foreign = self.elsewhere[at].clone();
        match self.below(16) {
            0..=3 => self.path(&mut proof, &donor),
            4..=6 => self.evidence(&mut proof, &donor, &from.key),
            7 => proof.path = if self.below(2) == 0 { donor.path } else { foreign.path },
            8 => proof.evidence = if self.below(2) == 0 { donor.evidence } else { foreign.evidence },
            9 => (proof.path, proof.evidence) = (foreign.path, foreign.evidence),
            10 => (proof.header, proof.certificate) = (foreign.header, foreign.certificate),
            11 => proof.certificate = foreign.certificate,
            12 => self.header(&mut proof),
            13 => self.certificate(&mut proof),
            _ => return self.bytes(&proof.encode()),
        }
        proof.encode()
    }

    /// A path with one thing changed: siblings flipped, exchanged, added, left out, emptied; bitmap and depth.
    fn path(&mut self, proof: &mut LedgerProof, donor: &LedgerProof) {
        let depth = usize::from(u16::from_be_bytes([proof.path[0], proof.path[1]]));
        let start = 2 + depth.div_ceil(8);
        let count = (proof.path.len() - start) / 32;
        let sibling = |n: usize| start + 32 * n..start + 32 * (n + 1);
        let (one, two) = (self.below(count), self.below(count));
        match self.below(10) {
            0 => proof.path[sibling(one)][self.rng.next_u32() as usize % 32] ^= 1 << (self.rng.next_u32() % 8),
            1 => {
                let (a, b) = (proof.path[sibling(one)].to_vec(), proof.path[sibling(two)].to_vec());
                proof.path[sibling(one)].copy_from_slice(&b);
                proof.path[sibling(two)].copy_from_slice(&a);
            }
            2 => drop(proof.path.drain(sibling(one))),
            3 => {
                let again = proof.path[sibling(one)].to_vec();
                proof.path.splice(sibling(two).start..sibling(two).start, again);
            }
            4 => proof.path[sibling(one)].fill(0),
            5 => {
                let bit = self.below(8 * depth.div_ceil(8));
                proof.path[2 + bit / 8] ^= 0x80 >> (bit % 8);
            }
            6 => proof.path[1] = proof.path[1].wrapping_add(1 + self.rng.next_u32() as u8 % 254),
            7 => {
                // A level more, with a sibling of its own, as a whole: the grammar holds.
                let (mut siblings, mut bitmap) = (proof.path[start..].to_vec(), proof.path[2..start].to_vec());
                if depth % 8 == 0 {
                    bitmap.push(0);
                }
                bitmap[depth / 8] |= 0x80 >> (depth % 8);
                siblings.extend((0..32).map(|_| self.rng.next_u32() as u8));
                proof.path = [&(depth as u16 + 1).to_be_bytes()[..], &bitmap, &siblings].concat();
            }
            8 => {
                let length = self.below(proof.path.len());
                proof.path.truncate(length);
            }
            _ => {
                let from = self.below(donor.path.len() - 32);
                proof.path[sibling(one)].copy_from_slice(&donor.path[from..from + 32]);
            }
        }
    }

    /// Another record, version or neighbour, or the opposite claim.
    fn evidence(&mut self, proof: &mut LedgerProof, donor: &LedgerProof, asked: &StateKey) {
        let hash = |value: &[u8]| protocol::ledger::tree::value_hash(value);
        let other = self.below(RECORDS as usize) as u32;
        proof.evidence = match (proof.evidence.clone(), self.below(6)) {
            (Evidence::Present(value), 0) => {
                let mut envelope = Envelope::decode(&value).expect("a value of the ledger");
                match self.below(3) {
                    0 => envelope.version += 1,
                    1 => envelope.height = u64::from(self.rng.next_u32()),
                    _ => match &mut envelope.record {
                        Record::Did(record) => record.deactivated ^= true,
                        Record::Accreditation(record) => record.withdrawn ^= true,
                        _ => envelope.version = 0,
                    },
                }
                Evidence::Present(envelope.encode())
            }
            (Evidence::Present(_), 1) => Evidence::AbsentEmpty { key: *asked },
            // The record itself, passed off as a neighbour that stands in the way.
            (Evidence::Present(value), 2) => {
                let mut other = *asked;
                other.0[31] ^= 1;
                Evidence::AbsentOther { key: *asked, other, value_hash: hash(&value) }
            }
            (Evidence::Present(value), 3) => {
                Evidence::AbsentOther { key: *asked, other: *asked, value_hash: hash(&value) }
            }
            // The right leaf under a key whose last bits are others.
            (Evidence::AbsentOther { other, value_hash, .. }, 0) => {
                let mut near = other;
                near.0[31] ^= 1 << self.below(8);
                Evidence::AbsentOther { key: *asked, other: near, value_hash }
            }
            (Evidence::AbsentOther { other, .. }, 1) => {
                Evidence::AbsentOther { key: *asked, other, value_hash: hash(&other.0) }
            }
            (Evidence::AbsentOther { .. }, 2) => Evidence::AbsentEmpty { key: *asked },
            (Evidence::AbsentEmpty { .. } | Evidence::AbsentOther { .. }, 3) => {
                let record = Envelope { version: 1, height: 2, record: record(other + RECORDS) };
                Evidence::Present(record.encode())
            }
            (_, 4) => {
                let neighbour = record(other);
                let value = Envelope { version: 1, height: 2, record: neighbour.clone() }.encode();
                Evidence::AbsentOther { key: *asked, other: neighbour.state_key(), value_hash: hash(&value) }
            }
            _ => match donor.evidence.clone() {
                Evidence::Present(value) => Evidence::Present(value),
                Evidence::AbsentEmpty { .. } => Evidence::AbsentEmpty { key: *asked },
                Evidence::AbsentOther { other, value_hash, .. } => {
                    Evidence::AbsentOther { key: *asked, other, value_hash }
                }
            },
        };
    }

    /// A header with one field changed, still a header.
    fn header(&mut self, proof: &mut LedgerProof) {
        let mut header = Header::decode(&proof.header).expect("a header");
        match self.below(5) {
            0 => header.height += 1,
            1 => header.timestamp_ms ^= 1 << self.below(40),
            2 => header.state_root[self.rng.next_u32() as usize % 32] ^= 1,
            3 => header.parent[0] ^= 1,
            _ => header.network_id[0] ^= 1,
        }
        proof.header = header.encode().to_vec();
    }

    fn certificate(&mut self, proof: &mut LedgerProof) {
        let length = proof.certificate.len();
        match self.below(5) {
            0 => proof.certificate[self.rng.next_u32() as usize % 3] ^= 1 << (self.rng.next_u32() % 7),
            1 => {
                let at = self.below(length);
                proof.certificate[at] ^= 1 << self.below(8);
            }
            2 => proof.certificate.truncate(self.below(length)),
            // The negative of the signature.
            3 => proof.certificate[length - 48] ^= 0x20,
            _ => proof.certificate.push(0),
        }
    }

    /// Bytes changed without regard to what they mean, and numbers respelled.
    fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let at = self.below(out.len());
        let end = at + self.below(40.min(out.len() - at) + 1);
        match self.below(7) {
            0 => out[at] ^= 1 << self.below(8),
            1 => out[at] = self.rng.next_u32() as u8,
            2 => drop(out.drain(at..end)),
            3 => {
                let again = out[at..end].to_vec();
                out.splice(at..at, again);
            }
            4 => out.truncate(at),
            // An optional part, or a length that is longer than needed.
            5 => {
                out[0] = 0x85;
                out.push(0xf6);
            }
            _ => {
                if let Some(head) = out.iter().position(|byte| *byte == 0x58) {
                    out[head] = 0x59;
                    out.insert(head + 1, 0);
                }
            }
        }
        out
    }
}

//! The state tree: a sparse Merkle map from [`StateKey`] to value bytes (`specs/ledger-proof.md`).
//!
//! A leaf is `SHA-256(0 ‖ key ‖ SHA-256(value))`, a node `SHA-256(1 ‖ left ‖ right)`; a subtree that
//! holds a single key is that leaf, an empty one is 32 zero bytes. Bits of the key, the highest of
//! the first byte first, lead from the root down. The shape depends on the keys alone, so equal
//! states have equal roots whatever order they were written in.

use sha2::{Digest, Sha256};

use super::key::StateKey;

/// A hash of the tree.
pub type Hash = [u8; 32];

/// The empty subtree.
pub const EMPTY: Hash = [0; 32];

/// Deepest possible leaf: the number of bits of a key.
pub const DEPTH_MAX: usize = 256;

/// Why a path proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The bytes are not a path: wrong length, unused bits, or a spelling that no tree has (LPRF-03).
    #[error("the proof does not have the required form; fetch it again")]
    ProofGrammar,
    /// The path leads to another root, or past the key it should be about (LPRF-04).
    #[error("the proof does not lead to the certified state; use another source")]
    ProofInvalid,
}

/// Hash of the leaf that holds `value_hash` (SHA-256 of the value) at `key`.
#[must_use]
pub fn leaf(key: &StateKey, value_hash: &Hash) -> Hash {
    Sha256::new().chain_update([0]).chain_update(key.0).chain_update(value_hash).finalize().into()
}

/// Hash of the node above two subtrees.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// SHA-256 of value bytes.
#[must_use]
pub fn value_hash(value: &[u8]) -> Hash {
    Sha256::digest(value).into()
}

/// Bit `depth` of a key: `true` leads right.
#[must_use]
pub fn bit(key: &StateKey, depth: usize) -> bool {
    key.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// A key with the hash of its value.
pub type Entry = (StateKey, Hash);

/// Root of the tree that holds exactly `entries`: keys with the hashes of their values, ascending and distinct.
#[must_use]
pub fn root_of(entries: &[Entry]) -> Hash {
    subtree(entries, 0)
}

/// Hash of the subtree that holds exactly `entries`, ascending and distinct, whose first `depth` bits are the same.
#[must_use]
pub fn subtree(entries: &[Entry], depth: usize) -> Hash {
    match entries {
        [] => EMPTY,
        [(key, value)] => leaf(key, value),
        _ => {
            let (left, right) = split(entries, depth);
            node(&subtree(left, depth + 1), &subtree(right, depth + 1))
        }
    }
}

fn split(entries: &[Entry], depth: usize) -> (&[Entry], &[Entry]) {
    entries.split_at(entries.partition_point(|(key, _)| !bit(key, depth)))
}

/// What stands where a key leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The key itself, with the hash of its value.
    Value(Hash),
    /// Nothing.
    Empty,
    /// Another key alone in the subtree, with the hash of its value.
    Other(StateKey, Hash),
}

/// The way from a slot up to the root: its depth and the hash beside it at every level, root first.
///
/// Encoded as `depth (2 bytes, big-endian) ‖ bitmap of the levels that have a sibling (⌈depth/8⌉
/// bytes, highest bit first, unused bits zero) ‖ those siblings (32 bytes each)`; no part is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    siblings: Vec<Hash>,
}

impl Path {
    /// The path beside which `siblings` stand, [`EMPTY`] for none, root first.
    ///
    /// # Errors
    /// [`TreeError::ProofGrammar`] when no tree has such a path: more than 256 levels, or nothing beside the
    /// slot (then the slot would stand higher).
    pub fn new(siblings: Vec<Hash>) -> Result<Self, TreeError> {
        if siblings.len() > DEPTH_MAX || siblings.last() == Some(&EMPTY) {
            return Err(TreeError::ProofGrammar); // LPRF-03
        }
        Ok(Self { siblings })
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let depth = self.siblings.len();
        let mut bytes = vec![0; 2 + depth.div_ceil(8)];
        bytes[..2].copy_from_slice(&(depth as u16).to_be_bytes());
        for (level, sibling) in self.siblings.iter().enumerate() {
            if *sibling != EMPTY {
                bytes[2 + level / 8] |= 0x80 >> (level % 8);
                bytes.extend_from_slice(sibling);
            }
        }
        bytes
    }

    /// Reads an encoded path.
    ///
    /// # Errors
    /// [`TreeError::ProofGrammar`] for any byte string that [`Path::encode`] does not produce.
    pub fn decode(bytes: &[u8]) -> Result<Self, TreeError> {
        let (depth, rest) = bytes.split_first_chunk().ok_or(TreeError::ProofGrammar)?;
        let depth = usize::from(u16::from_be_bytes(*depth));
        if depth > DEPTH_MAX {
            return Err(TreeError::ProofGrammar);
        }
        let (bitmap, mut rest) = rest.split_at_checked(depth.div_ceil(8)).ok_or(TreeError::ProofGrammar)?;
        let has_sibling = |level: usize| bitmap[level / 8] & (0x80 >> (level % 8)) != 0;
        if (depth..8 * bitmap.len()).any(has_sibling) {
            return Err(TreeError::ProofGrammar);
        }
        let mut siblings = Vec::with_capacity(depth);
        for level in 0..depth {
            let mut sibling = EMPTY;
            if has_sibling(level) {
                (sibling, rest) = rest.split_first_chunk().map(|(s, r)| (*s, r)).ok_or(TreeError::ProofGrammar)?;
                if sibling == EMPTY {
                    return Err(TreeError::ProofGrammar);
                }
            }
            siblings.push(sibling);
        }
        if !rest.is_empty() {
            return Err(TreeError::ProofGrammar);
        }
        Self::new(siblings)
    }

    /// Checks that in the tree with this `root` the key leads to `slot`.
    ///
    /// # Errors
    /// [`TreeError::ProofInvalid`]
    pub fn check(&self, root: &Hash, key: &StateKey, slot: &Slot) -> Result<(), TreeError> {
        let depth = self.siblings.len();
        let mut hash = match slot {
            Slot::Value(value) => leaf(key, value),
            Slot::Empty => EMPTY,
            Slot::Other(other, value) => {
                // LPRF-04: another key proves absence only where it stands alone on this key's way.
                let on_the_way = other != key && (0..depth).all(|level| bit(other, level) == bit(key, level));
                if !on_the_way {
                    return Err(TreeError::ProofInvalid);
                }
                leaf(other, value)
            }
        };
        for (level, sibling) in self.siblings.iter().enumerate().rev() {
            hash = if bit(key, level) { node(sibling, &hash) } else { node(&hash, sibling) };
        }
        if hash == *root { Ok(()) } else { Err(TreeError::ProofInvalid) }
    }
}

/// What `key` leads to in the tree of `entries` (ascending, distinct), and the path that shows it.
///
/// Hashes the whole tree: for a handful of proofs. A node that serves many keeps the tree.
///
/// # Errors
/// [`TreeError::ProofGrammar`] never for entries that are ascending and distinct.
pub fn prove(entries: &[Entry], key: &StateKey) -> Result<(Slot, Path), TreeError> {
    let mut siblings = Vec::new();
    let mut here = entries;
    while here.len() > 1 {
        let depth = siblings.len();
        let (left, right) = split(here, depth);
        let (down, beside) = if bit(key, depth) { (right, left) } else { (left, right) };
        siblings.push(subtree(beside, depth + 1));
        here = down;
    }
    let slot = match here {
        [(found, value)] if found == key => Slot::Value(*value),
        [(other, value)] => Slot::Other(*other, *value),
        _ => Slot::Empty,
    };
    Ok((slot, Path::new(siblings)?))
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

    use super::*;

    fn entries(count: usize, seed: u8) -> Vec<Entry> {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([seed; 32]);
        let mut entries: Vec<_> = (0..count)
            .map(|_| {
                let (mut key, mut value) = ([0; 32], [0; 32]);
                rng.fill_bytes(&mut key);
                rng.fill_bytes(&mut value);
                (StateKey(key), value)
            })
            .collect();
        entries.sort();
        entries
    }

    fn flipped(key: &StateKey, bit: usize) -> StateKey {
        let mut key = *key;
        key.0[bit / 8] ^= 0x80 >> (bit % 8);
        key
    }

    #[test]
    fn root_is_the_specified_hash() {
        let [a, b] = [StateKey([0x00; 32]), StateKey([0x40; 32])];
        let [va, vb] = [value_hash(b"a"), value_hash(b"b")];
        assert_eq!(root_of(&[]), EMPTY);
        assert_eq!(root_of(&[(a, va)]), leaf(&a, &va));
        // Both keys start with 0 and part at the second bit.
        assert_eq!(root_of(&[(a, va), (b, vb)]), node(&node(&leaf(&a, &va), &leaf(&b, &vb)), &EMPTY));
    }

    /// The example of `specs/ledger-records.md` and `specs/ledger-proof.md`, computed there by another program.
    #[test]
    fn the_example_of_the_specification_holds() {
        use crate::ledger::record::{Accreditation, Envelope, Record};
        let issuer: crate::identifier::Did = "did:mid:kr:P2wGvuyk6hGu5LitAyTa8j".parse().unwrap();
        let (from, until) = (1_767_225_600, 2_082_758_400);
        let credential_type = "kr.go.police.driver-licence.1".to_owned();
        let record = Accreditation { issuer: issuer.clone(), credential_type, from, until, withdrawn: false };
        let value = Envelope { version: 1, height: 4, record: Record::Accreditation(record) };
        let key = value.record.state_key();
        assert_eq!(key.to_string(), "78ba0384a4c20bb4986fb297e76028e54e3ff79c3f237bda069d1ca6e2c1c6e5");
        let hash = value_hash(&value.encode());
        assert_eq!(hex::encode(hash), "62d0712405b6bb74cea0a8b5e992d6f8f8e05a5af49c22a1cc0f49ce4f9cfed7");
        let governance = "cf54fe8fc12d05e04b244d5a131dd31e376ae25aa63a060d548f661344c00080";
        assert_eq!(StateKey::governance().to_string(), governance);
        let (did, verifier) = (StateKey::did(&issuer), StateKey::verifier(&issuer));
        let mut entries = [(key, hash), (did, value_hash(b"did")), (verifier, value_hash(b"verifier"))];
        entries.sort();
        let root = root_of(&entries);
        assert_eq!(hex::encode(root), "de8473fb312e87848ebd89127da4f0fb7d27994e143f3dfda6cf14526667e7cd");
        let (_, path) = prove(&entries, &key).unwrap();
        let siblings = [leaf(&did, &value_hash(b"did")), leaf(&verifier, &value_hash(b"verifier"))].concat();
        assert_eq!(path.encode(), [[0x00, 0x02, 0xc0].as_slice(), &siblings].concat());
    }

    #[test]
    fn lprf_04_presence_and_absence_are_provable_in_trees_of_every_size() {
        for count in [0, 1, 2, 3, 7, 8, 9, 127, 128, 129] {
            let entries = entries(count, 1);
            let root = root_of(&entries);
            for (key, value) in &entries {
                let (slot, path) = prove(&entries, key).unwrap();
                assert_eq!(slot, Slot::Value(*value));
                assert_eq!(path.check(&root, key, &slot), Ok(()));
                assert_eq!(Path::decode(&path.encode()), Ok(path.clone()));
                for no_value in [Slot::Empty, Slot::Other(*key, *value), Slot::Value(EMPTY)] {
                    assert_eq!(path.check(&root, key, &no_value), Err(TreeError::ProofInvalid));
                }
            }
            for (absent, _) in super::tests::entries(50, 2) {
                let (slot, path) = prove(&entries, &absent).unwrap();
                assert!(!matches!(slot, Slot::Value(_)));
                assert_eq!(path.check(&root, &absent, &slot), Ok(()));
                assert_eq!(path.check(&root, &absent, &Slot::Value(EMPTY)), Err(TreeError::ProofInvalid));
            }
        }
    }

    #[test]
    fn lprf_04_a_neighbour_off_the_way_proves_no_absence() {
        let entries = entries(64, 3);
        let root = root_of(&entries);
        for (key, value) in &entries {
            let (_, path) = prove(&entries, key).unwrap();
            let depth = path.siblings.len();
            // A key that parts from this leaf below it is shown absent by it; one that parts above is not.
            assert_eq!(path.check(&root, &flipped(key, depth), &Slot::Other(*key, *value)), Ok(()));
            assert_eq!(
                path.check(&root, &flipped(key, depth - 1), &Slot::Other(*key, *value)),
                Err(TreeError::ProofInvalid)
            );
        }
    }

    #[test]
    fn keys_that_share_255_bits_are_told_apart() {
        let key = StateKey([0xaa; 32]);
        let twin = flipped(&key, 255);
        let mut entries = vec![(key, [1; 32]), (twin, [2; 32])];
        entries.sort();
        let root = root_of(&entries);
        let (slot, path) = prove(&entries, &twin).unwrap();
        assert_eq!((slot, path.siblings.len()), (Slot::Value([2; 32]), 256));
        assert_eq!(path.check(&root, &twin, &slot), Ok(()));
        assert_eq!(Path::decode(&path.encode()), Ok(path));
    }

    #[test]
    fn lprf_03_every_other_spelling_of_a_path_is_refused() {
        let entries = entries(100, 4);
        let absent = super::tests::entries(1, 9)[0].0;
        for key in [entries[17].0, absent] {
            let (_, path) = prove(&entries, &key).unwrap();
            let good = path.encode();
            let depth = path.siblings.len();
            let refused = |bytes: &[u8]| assert_eq!(Path::decode(bytes), Err(TreeError::ProofGrammar));
            (0..good.len()).for_each(|cut| refused(&good[..cut]));
            refused(&[good.as_slice(), &[0]].concat());
            refused(&[good.as_slice(), &[7; 32]].concat());
            for level in depth..8 * depth.div_ceil(8) {
                let mut unused_bit = good.clone();
                unused_bit[2 + level / 8] |= 0x80 >> (level % 8);
                refused(&[unused_bit.as_slice(), &[7; 32]].concat());
            }
            let mut zero_sibling = good.clone();
            let last = zero_sibling.len() - 32;
            zero_sibling[last..].fill(0);
            refused(&zero_sibling);
        }
        // 257 levels; a slot with nothing beside it.
        assert_eq!(Path::new(vec![[1; 32]; 257]), Err(TreeError::ProofGrammar));
        assert_eq!(Path::decode(&[[0x01, 0x01].as_slice(), &[0; 33]].concat()), Err(TreeError::ProofGrammar));
        assert_eq!(Path::new(vec![[1; 32], EMPTY]), Err(TreeError::ProofGrammar));
    }

    /// 100,000 changed paths, keys and slots: none is accepted.
    #[test]
    fn no_mutation_is_accepted() {
        let entries = entries(500, 5);
        let root = root_of(&entries);
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([6; 32]);
        let mut below = |bound: usize| rng.next_u32() as usize % bound;
        let absent = super::tests::entries(250, 7);
        let honest: Vec<_> = (entries.iter().step_by(2).chain(&absent))
            .map(|(key, _)| {
                let (slot, path) = prove(&entries, key).unwrap();
                (*key, slot, path)
            })
            .collect();
        let mut accepted = 0;
        for round in 0..100_000 {
            let (mut key, mut slot, mut path) = honest[below(honest.len())].clone();
            let depth = path.siblings.len();
            match round % 10 {
                0 => path.siblings[below(depth)][below(32)] ^= 1 << below(8),
                1 => {
                    path.siblings.remove(below(depth));
                }
                2 => path.siblings.insert(below(depth + 1), entries[below(500)].1),
                3 if depth > 1 => path.siblings.swap(depth - 1, below(depth - 1)),
                // Only a change above the slot: below it, the key leads to the same slot.
                4 => key = flipped(&key, below(depth)),
                5 => slot = if slot == Slot::Empty { Slot::Value(entries[below(500)].1) } else { Slot::Empty },
                6 => {
                    let (other, value) = entries[below(500)];
                    if slot == Slot::Value(value) || slot == Slot::Other(other, value) {
                        continue;
                    }
                    slot = Slot::Other(other, value);
                }
                7 => slot = Slot::Value(entries[below(500)].0.0),
                8 => path.siblings[below(depth)] = entries[below(500)].1,
                _ => {
                    let mut bytes = path.encode();
                    let at = below(bytes.len());
                    bytes[at] ^= 1 << below(8);
                    match Path::decode(&bytes) {
                        Ok(changed) => path = changed,
                        Err(TreeError::ProofGrammar) => continue,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            accepted += usize::from(path.check(&root, &key, &slot).is_ok());
        }
        assert_eq!(accepted, 0);
    }
}

//! The ledger's state in memory: a persistent tree that shares what did not change.
//!
//! The engine holds one state per block that is not final yet, so a copy must cost nothing. The tree
//! computes the hashes that [`protocol::ledger::tree`] specifies.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::ledger::tree::{self, EMPTY, Hash, Path, Slot, TreeError};
use protocol::ledger::{Envelope, IssuerKeyId, Record, Sender, StateKey};

/// All records and how many transactions each sender has made.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) tree: Tree,
    nonces: Arc<BTreeMap<Sender, u64>>,
}

impl State {
    /// The state that holds these values and nonces.
    #[must_use]
    pub fn new(envelopes: impl IntoIterator<Item = Envelope>, nonces: BTreeMap<Sender, u64>) -> Self {
        let mut tree = Tree::default();
        for envelope in envelopes {
            tree.insert(envelope);
        }
        Self { tree, nonces: Arc::new(nonces) }
    }

    /// The state tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The record at `key`.
    #[must_use]
    pub fn get(&self, key: &StateKey) -> Option<&Envelope> {
        self.tree.get(key)
    }

    /// All records in the order of their keys.
    pub fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.tree.iter()
    }

    /// What `key` leads to and the path that shows it.
    ///
    /// # Errors
    /// [`TreeError::ProofGrammar`] never for a tree built here.
    pub fn prove(&self, key: &StateKey) -> Result<(Slot, Path), TreeError> {
        self.tree.prove(key)
    }

    /// How many transactions `sender` has made: the nonce of its next one.
    #[must_use]
    pub fn next_nonce(&self, sender: &Sender) -> u64 {
        self.nonces.get(&account(sender)).copied().unwrap_or(0)
    }

    /// Takes the outcome of one transaction of `sender`.
    pub(crate) fn accept(&mut self, tree: Tree, sender: &Sender, next_nonce: u64) {
        self.tree = tree;
        Arc::make_mut(&mut self.nonces).insert(account(sender), next_nonce);
    }
}

/// Nonces count per organisation, whichever of its keys signs.
pub(crate) fn account(sender: &Sender) -> Sender {
    match sender {
        Sender::Governance => Sender::Governance,
        Sender::Did { did, .. } => Sender::Did { did: did.clone(), fragment: String::new() },
    }
}

/// A sparse Merkle map whose versions share their unchanged parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    root: Option<Arc<Node>>,
}

#[derive(Debug)]
enum Node {
    Leaf { key: StateKey, envelope: Envelope, value_hash: Hash, hash: Hash },
    Branch { children: [Option<Arc<Node>>; 2], hash: Hash },
}

impl Node {
    fn hash(&self) -> &Hash {
        match self {
            Self::Leaf { hash, .. } | Self::Branch { hash, .. } => hash,
        }
    }
}

fn hash_of(child: &Option<Arc<Node>>) -> &Hash {
    child.as_ref().map_or(&EMPTY, |node| node.hash())
}

fn branch(children: [Option<Arc<Node>>; 2]) -> Arc<Node> {
    let hash = tree::node(hash_of(&children[0]), hash_of(&children[1]));
    Arc::new(Node::Branch { children, hash })
}

impl Tree {
    fn root(&self) -> Hash {
        *hash_of(&self.root)
    }

    pub(crate) fn get(&self, wanted: &StateKey) -> Option<&Envelope> {
        let mut here = self.root.as_deref()?;
        for depth in 0.. {
            match here {
                Node::Leaf { key, envelope, .. } => return (key == wanted).then_some(envelope),
                Node::Branch { children, .. } => here = children[side(wanted, depth)].as_deref()?,
            }
        }
        None
    }

    /// The issuer keys with this short name.
    pub(crate) fn issuer_keys(&self, short: &IssuerKeyId) -> impl Iterator<Item = &Envelope> {
        let mut prefix = StateKey([0; 32]);
        prefix.0[..8].copy_from_slice(short);
        let mut here = self.root.as_deref();
        for depth in 0..64 {
            match here {
                Some(Node::Branch { children, .. }) => here = children[side(&prefix, depth)].as_deref(),
                _ => break,
            }
        }
        let matches = move |envelope: &&Envelope| matches!(&envelope.record, Record::IssuerKey(key) if key.key_id() == prefix.short());
        Iter { stack: here.into_iter().collect() }.filter(matches)
    }

    pub(crate) fn insert(&mut self, envelope: Envelope) {
        let key = envelope.record.state_key();
        let value_hash = tree::value_hash(&envelope.encode());
        let hash = tree::leaf(&key, &value_hash);
        let leaf = Arc::new(Node::Leaf { key, envelope, value_hash, hash });
        self.root = Some(insert(self.root.as_ref(), key, leaf, 0));
    }

    fn prove(&self, wanted: &StateKey) -> Result<(Slot, Path), TreeError> {
        let mut siblings = Vec::new();
        let mut here = self.root.as_deref();
        while let Some(Node::Branch { children, .. }) = here {
            let side = side(wanted, siblings.len());
            siblings.push(*hash_of(&children[1 - side]));
            here = children[side].as_deref();
        }
        let slot = match here {
            Some(Node::Leaf { key, value_hash, .. }) if key == wanted => Slot::Value(*value_hash),
            Some(Node::Leaf { key, value_hash, .. }) => Slot::Other(*key, *value_hash),
            _ => Slot::Empty,
        };
        Ok((slot, Path::new(siblings)?))
    }

    fn iter(&self) -> impl Iterator<Item = &Envelope> {
        Iter { stack: self.root.as_deref().into_iter().collect() }
    }
}

fn side(key: &StateKey, depth: usize) -> usize {
    usize::from(tree::bit(key, depth))
}

fn insert(node: Option<&Arc<Node>>, key: StateKey, leaf: Arc<Node>, depth: usize) -> Arc<Node> {
    let side = side(&key, depth);
    match node.map(|node| (node, node.as_ref())) {
        None => leaf,
        Some((_, Node::Leaf { key: other, .. })) if *other == key => leaf,
        Some((present, Node::Leaf { key: other, .. })) => {
            // Two keys part further down: the one that was here moves below with the new one.
            let mut children = [None, None];
            children[self::side(other, depth)] = Some(present.clone());
            children[side] = Some(insert(children[side].as_ref(), key, leaf, depth + 1));
            branch(children)
        }
        Some((_, Node::Branch { children, .. })) => {
            let mut children = children.clone();
            children[side] = Some(insert(children[side].as_ref(), key, leaf, depth + 1));
            branch(children)
        }
    }
}

struct Iter<'a> {
    stack: Vec<&'a Node>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Envelope;

    fn next(&mut self) -> Option<&'a Envelope> {
        loop {
            match self.stack.pop()? {
                Node::Leaf { envelope, .. } => return Some(envelope),
                Node::Branch { children, .. } => {
                    let [left, right] = children;
                    self.stack.extend(right.as_deref().into_iter().chain(left.as_deref()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::ledger::StatusEpoch;

    use super::*;

    fn envelope(n: u64, version: u64) -> Envelope {
        let record = Record::StatusEpoch(StatusEpoch { issuer_key: n.to_be_bytes(), epoch: 1, at: n });
        Envelope { version, height: version, record }
    }

    #[test]
    fn the_tree_has_the_specified_root_and_proofs_whatever_the_order() {
        for count in [0, 1, 2, 3, 64, 200] {
            let forwards = State::new((0..count).map(|n| envelope(n, 1)), BTreeMap::new());
            let backwards = State::new((0..count).rev().map(|n| envelope(n, 1)), BTreeMap::new());
            let mut entries: Vec<_> = (0..count)
                .map(|n| (envelope(n, 1).record.state_key(), tree::value_hash(&envelope(n, 1).encode())))
                .collect();
            entries.sort();
            assert_eq!(forwards.root(), tree::root_of(&entries));
            assert_eq!(forwards.root(), backwards.root());
            let keys: Vec<_> = forwards.envelopes().map(|e| e.record.state_key()).collect();
            assert_eq!(keys, entries.iter().map(|(key, _)| *key).collect::<Vec<_>>());
            for n in 0..count + 20 {
                let key = envelope(n, 1).record.state_key();
                let (slot, path) = forwards.prove(&key).unwrap();
                assert_eq!((slot, path.clone()), tree::prove(&entries, &key).unwrap());
                assert_eq!(path.check(&forwards.root(), &key, &slot), Ok(()));
                assert_eq!(forwards.get(&key).is_some(), n < count);
            }
        }
    }

    #[test]
    fn an_older_version_keeps_its_records() {
        let old = State::new((0..50).map(|n| envelope(n, 1)), BTreeMap::new());
        let root = old.root();
        let mut new = old.clone();
        new.tree.insert(envelope(7, 2));
        let key = envelope(7, 2).record.state_key();
        assert_eq!((old.get(&key).unwrap().version, new.get(&key).unwrap().version), (1, 2));
        assert_eq!(old.root(), root);
        assert_ne!(new.root(), root);
    }
}

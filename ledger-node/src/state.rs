//! The ledger's state in memory: a persistent tree that shares what did not change.
//!
//! The engine holds one state per block that is not final yet, so a copy must cost nothing. The tree
//! computes the hashes that [`protocol::ledger::tree`] specifies.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::ledger::snapshot::{Part, Prefix, Subtree};
use protocol::ledger::tree::{self, EMPTY, Hash, Path, Slot, TreeError};
use protocol::ledger::{Activation, Envelope, IssuerKeyId, Record, Sender, StateKey, ValidatorSet};

/// All records, with what the execution of blocks needs beside them.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) tree: Tree,
    /// Scheduled changes that wait, by the time at which they come into force.
    waiting: Arc<BTreeSet<(u64, StateKey)>>,
    /// What was written since the block began.
    written: Arc<Vec<Arc<Envelope>>>,
}

impl State {
    /// The state that holds these values.
    #[must_use]
    pub fn new(envelopes: impl IntoIterator<Item = Envelope>) -> Self {
        let mut state = Self::default();
        for envelope in envelopes {
            state.insert(envelope);
        }
        state.begin_block();
        state
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
        match self.get(&StateKey::nonce(&sender.account())).map(|envelope| &envelope.record) {
            Some(Record::Nonce(count)) => count.next,
            _ => 0,
        }
    }

    /// The validator set in force, with the version and height of its record: the version numbers the sets, and
    /// none is younger than the state.
    #[must_use]
    pub fn validators(&self) -> Option<(&ValidatorSet, &Envelope)> {
        let envelope = self.get(&StateKey::validators())?;
        match &envelope.record {
            Record::Validators(set) => Some((set, envelope)),
            _ => None,
        }
    }

    /// What was written since the block began, in order; a key may come more than once.
    pub fn written(&self) -> impl Iterator<Item = &Envelope> {
        self.written.iter().map(AsRef::as_ref)
    }

    /// Forgets what earlier blocks wrote.
    pub(crate) fn begin_block(&mut self) {
        self.written = Arc::default();
    }

    /// The first scheduled change whose time has come at `now` (Unix seconds), with its key.
    pub(crate) fn due(&self, now: u64) -> Option<(StateKey, &Envelope)> {
        let (at, key) = self.waiting.first()?;
        if *at > now {
            return None;
        }
        Some((*key, self.get(key)?))
    }

    /// Writes a record.
    pub(crate) fn insert(&mut self, envelope: Envelope) {
        let key = envelope.record.state_key();
        let waits = |record: &Record| match record {
            Record::Scheduled(scheduled) if scheduled.activation == Activation::Waiting => Some((scheduled.at, key)),
            _ => None,
        };
        let before = self.get(&key).and_then(|old| waits(&old.record));
        let after = waits(&envelope.record);
        if before != after {
            let waiting = Arc::make_mut(&mut self.waiting);
            if let Some(before) = before {
                waiting.remove(&before);
            }
            waiting.extend(after);
        }
        let envelope = Arc::new(envelope);
        Arc::make_mut(&mut self.written).push(envelope.clone());
        self.tree.insert(envelope);
    }
}

impl State {
    /// The subtree at `prefix`: its records, if they come to at most `limit` bytes, or else what stands below it.
    pub(crate) fn part(&self, prefix: &Prefix, limit: usize) -> Part {
        let root = self.tree.root.as_ref();
        let here = descend(root, prefix, 0);
        let mut values = Vec::new();
        let mut bytes = 0;
        for envelope in (Iter { stack: here.map(AsRef::as_ref).into_iter().collect() }) {
            let value = envelope.encode();
            bytes += value.len();
            // A single record is never too much, and nothing stands below a whole key.
            if bytes > limit && !values.is_empty() {
                let below: Vec<_> = prefix.children().map(|child| summary(descend(root, &child, 0))).collect();
                if let Ok(below) = below.as_slice().try_into() {
                    return Part::of(below);
                }
            }
            values.push(value.into());
        }
        Part::Records { values }
    }
}

/// The subtree at `prefix`, when `node` stands at `depth`.
fn descend<'a>(node: Option<&'a Arc<Node>>, prefix: &Prefix, depth: usize) -> Option<&'a Arc<Node>> {
    match node?.as_ref() {
        Node::Branch { children, .. } if depth < prefix.depth() => {
            descend(children[usize::from(prefix.bit(depth))].as_ref(), prefix, depth + 1)
        }
        Node::Leaf { key, .. } if !prefix.covers(key) => None,
        _ => node,
    }
}

fn summary(node: Option<&Arc<Node>>) -> Subtree {
    node.map_or(Subtree::NONE, |node| Subtree {
        is_single: matches!(node.as_ref(), Node::Leaf { .. }),
        hash: *node.hash(),
    })
}

/// A sparse Merkle map whose versions share their unchanged parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    root: Option<Arc<Node>>,
}

#[derive(Debug)]
enum Node {
    Leaf { key: StateKey, envelope: Arc<Envelope>, value_hash: Hash, hash: Hash },
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
                Node::Leaf { key, envelope, .. } => return (key == wanted).then_some(envelope.as_ref()),
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

    fn insert(&mut self, envelope: Arc<Envelope>) {
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
                Node::Leaf { envelope, .. } => return Some(envelope.as_ref()),
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
            let forwards = State::new((0..count).map(|n| envelope(n, 1)));
            let backwards = State::new((0..count).rev().map(|n| envelope(n, 1)));
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
    fn parts_of_any_size_lead_to_the_same_records() {
        use protocol::ledger::snapshot::Checked;
        for (count, limit) in [(0, 9), (1, 9), (2, 9), (300, 1), (300, 200), (300, 2_000), (300, 1_000_000)] {
            let state = State::new((0..count).map(|n| envelope(n, 1)));
            let mut wanted = vec![(Prefix::default(), summary(state.tree.root.as_ref()))];
            let (mut found, mut parts) = (Vec::new(), 0);
            while let Some((prefix, expected)) = wanted.pop() {
                parts += 1;
                match state.part(&prefix, limit).check(&prefix, &expected).unwrap() {
                    Checked::Records(envelopes) => found.extend(envelopes),
                    Checked::Subtrees(children) => wanted.extend(children),
                }
            }
            assert_eq!(found.len() as u64, count);
            assert_eq!(State::new(found).root(), state.root());
            assert_eq!(
                parts > 1,
                limit < 10_000 && count > 1,
                "{count} records of at most {limit} bytes: {parts} parts"
            );
        }
    }

    #[test]
    fn an_older_version_keeps_its_records() {
        let old = State::new((0..50).map(|n| envelope(n, 1)));
        let root = old.root();
        let mut new = old.clone();
        new.insert(envelope(7, 2));
        assert_eq!(old.written().count(), 0);
        assert!(new.written().eq([&envelope(7, 2)]));
        let key = envelope(7, 2).record.state_key();
        assert_eq!((old.get(&key).unwrap().version, new.get(&key).unwrap().version), (1, 2));
        assert_eq!(old.root(), root);
        assert_ne!(new.root(), root);
    }
}

//! What stands between a validator and the simulated network: repetition, overtaking, split reach, stuffed votes.
//!
//! Loss, delay and partitions are the simulated network's own.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Vote};
use commonware_cryptography::{ed25519::PublicKey, sha256::Digest};
use commonware_p2p::{LimitedSender, Message, Receiver, Recipients, simulated};
use commonware_runtime::{IoBuf, deterministic::Context};
use ledger_engine::testkit::{Scheme, Seat};

use crate::plan::{Dice, faults};

/// How much arrives twice and how much is overtaken, of a hundred messages; all links look at the same.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    repeated: AtomicU64,
    overtaken: AtomicU64,
}

impl Weather {
    pub(crate) fn set(&self, repeated: u64, overtaken: u64) {
        self.repeated.store(repeated, Ordering::Relaxed);
        self.overtaken.store(overtaken, Ordering::Relaxed);
    }
}

/// Sends to everyone, or to some only.
#[derive(Clone)]
pub(crate) struct Reach {
    inner: simulated::Sender<PublicKey, Context>,
    only: Option<Arc<BTreeSet<PublicKey>>>,
}

impl Reach {
    pub(crate) fn new(inner: simulated::Sender<PublicKey, Context>, only: Option<Arc<BTreeSet<PublicKey>>>) -> Self {
        Self { inner, only }
    }
}

impl LimitedSender for Reach {
    type PublicKey = PublicKey;
    type Checked<'a> = <simulated::Sender<PublicKey, Context> as LimitedSender>::Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let Some(only) = &self.only else { return self.inner.check(recipients) };
        let within = match recipients {
            Recipients::All => only.iter().cloned().collect(),
            Recipients::Some(keys) => keys.into_iter().filter(|key| only.contains(key)).collect(),
            Recipients::One(key) => only.contains(&key).then_some(key).into_iter().collect(),
        };
        self.inner.check(Recipients::Some(within))
    }
}

/// Receives in another order than was sent, and some of it twice.
#[derive(Debug)]
pub(crate) struct Rough {
    inner: simulated::Receiver<PublicKey>,
    weather: Arc<Weather>,
    dice: DebugDice,
    held: Vec<Message<PublicKey>>,
    stuffing: Option<Stuffing>,
    /// Comes next: the vote after which the stuffing gave one.
    next: Option<Message<PublicKey>>,
}

struct DebugDice(Dice);

impl std::fmt::Debug for DebugDice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dice")
    }
}

impl Rough {
    pub(crate) fn new(inner: simulated::Receiver<PublicKey>, weather: Arc<Weather>, dice: Dice) -> Self {
        Self { inner, weather, dice: DebugDice(dice), held: Vec::new(), stuffing: None, next: None }
    }

    /// With the planted bug: one vote too few is enough.
    pub(crate) fn stuffed(mut self, stuffing: Stuffing) -> Self {
        self.stuffing = Some(stuffing);
        self
    }
}

impl Receiver for Rough {
    type Error = simulated::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Self::Error> {
        if let Some(message) = self.next.take() {
            return Ok(message);
        }
        loop {
            let dice = &mut self.dice.0;
            if !self.held.is_empty() && dice.chance(50) {
                return Ok(self.held.swap_remove(dice.index(self.held.len())));
            }
            let message = self.inner.recv().await?;
            if let Some(forged) = self.stuffing.as_mut().and_then(|stuffing| stuffing.missing_vote(&message)) {
                self.next = Some(message);
                return Ok(forged);
            }
            if self.dice.0.chance(self.weather.repeated.load(Ordering::Relaxed)) {
                self.held.push(message.clone());
            }
            if self.dice.0.chance(self.weather.overtaken.load(Ordering::Relaxed)) {
                self.held.push(message);
                continue;
            }
            return Ok(message);
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

/// The planted bug of a quorum of 2f: as soon as a validator has, besides its own vote, 2f − 1 votes of others, it
/// takes one more for given. Seen from outside it counts 2f votes as a quorum.
pub(crate) struct Stuffing {
    me: usize,
    seats: Arc<Vec<Seat>>,
    /// By what is voted for: who did.
    votes: BTreeMap<Vec<u8>, BTreeSet<usize>>,
}

impl std::fmt::Debug for Stuffing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stuffing")
    }
}

impl Stuffing {
    pub(crate) fn new(me: usize, seats: Arc<Vec<Seat>>) -> Self {
        Self { me, seats, votes: BTreeMap::new() }
    }

    fn missing_vote(&mut self, (from, bytes): &Message<PublicKey>) -> Option<Message<PublicKey>> {
        let vote = Vote::<Scheme, Digest>::decode(bytes.clone()).ok()?;
        let from = self.seats.iter().position(|seat| seat.public_key() == *from)?;
        let subject = match &vote {
            Vote::Notarize(vote) => (0u8, vote.proposal.clone()).encode(),
            Vote::Nullify(vote) => (1u8, vote.round).encode(),
            Vote::Finalize(vote) => (2u8, vote.proposal.clone()).encode(),
        };
        let voters = self.votes.entry(subject.to_vec()).or_default();
        if !voters.insert(from) || voters.len() != 2 * faults(self.seats.len()) - 1 {
            return None;
        }
        // Not from one that votes to give a view up and to make it final: that is another bug, and would be punished.
        let mut absent = (0..self.seats.len()).filter(|who| *who != self.me && !voters.contains(who));
        let missing = if matches!(vote, Vote::Nullify(_)) { absent.next_back() } else { absent.next() }?;
        voters.insert(missing);
        let scheme = self.seats[missing].scheme();
        let forged = match vote {
            Vote::Notarize(vote) => Vote::Notarize(Notarize::sign(scheme, vote.proposal)?),
            Vote::Nullify(vote) => Vote::<Scheme, Digest>::Nullify(Nullify::sign::<Digest>(scheme, vote.round)?),
            Vote::Finalize(vote) => Vote::Finalize(Finalize::sign(scheme, vote.proposal)?),
        };
        Some((self.seats[missing].public_key(), IoBuf::from(forged.encode())))
    }
}

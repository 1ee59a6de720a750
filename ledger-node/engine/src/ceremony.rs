//! The validators of a new network make their group key together; nobody ever holds it.
//!
//! Joint Feldman key generation of the consensus library, with everyone taking part: each validator deals to all, each
//! acknowledges all deals, each publishes a log in which all acknowledged, each computes the same public result from
//! all logs and signs it. The ceremony is over for a validator when it holds the signatures of all. Any fault
//! therefore ends in no network rather than in two, or in one whose shares were shown to somebody: there is no
//! complaint to settle and no block to agree on before there is a chain. The founders must all be there at once.
//!
//! Every message may be lost, repeated or reordered: each tick sends again what the peer has not answered.

use std::collections::BTreeMap;

use commonware_codec::{Buf, EncodeSize, Error, Read, ReadExt as _, Write};
use commonware_cryptography::bls12381::dkg::feldman_desmedt::{
    Dealer, DealerLog, DealerLogSummary, DealerPrivMsg, DealerPubMsg, Info, Logs, Player, PlayerAck, Reveal,
    SignedDealerLog,
};
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::bls12381::primitives::sharing::Mode;
use commonware_cryptography::bls12381::primitives::variant::MinSig;
use commonware_cryptography::{Signer as _, Verifier as _, ed25519};
use commonware_parallel::Sequential;
use commonware_runtime::BufMut;
use commonware_utils::{N3f1, NZU32};
use protocol::crypto::domains;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_core::CryptoRng;

use crate::founding::Founding;
use crate::setup::{Genesis, MAX_VALIDATORS, key_set};

pub(crate) type Key = ed25519::PublicKey;

/// What validators of a new network tell each other.
#[derive(Clone)]
pub(crate) enum Message {
    /// A dealer's commitment and the receiver's part of what is committed to.
    Deal(DealerPubMsg<MinSig>, DealerPrivMsg),
    /// The receiver of a deal holds what the commitment says.
    Ack(PlayerAck<Key>),
    /// A deal that everyone acknowledged.
    Log(Box<SignedDealerLog<MinSig, Key>>),
    /// The sender computed this network and keeps its share.
    Confirm(ed25519::Signature),
    /// The sender holds everyone's confirmation.
    Done,
}

impl Write for Message {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Deal(public, private) => {
                0u8.write(buf);
                public.write(buf);
                private.write(buf);
            }
            Self::Ack(ack) => {
                1u8.write(buf);
                ack.write(buf);
            }
            Self::Log(log) => {
                2u8.write(buf);
                log.write(buf);
            }
            Self::Confirm(signature) => {
                3u8.write(buf);
                signature.write(buf);
            }
            Self::Done => 4u8.write(buf),
        }
    }
}

impl EncodeSize for Message {
    fn encode_size(&self) -> usize {
        1 + match self {
            Self::Deal(public, private) => public.encode_size() + private.encode_size(),
            Self::Ack(ack) => ack.encode_size(),
            Self::Log(log) => log.encode_size(),
            Self::Confirm(signature) => signature.encode_size(),
            Self::Done => 0,
        }
    }
}

impl Read for Message {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let limit = NZU32!(MAX_VALIDATORS);
        match u8::read(buf)? {
            0 => Ok(Self::Deal(DealerPubMsg::read_cfg(buf, &limit)?, DealerPrivMsg::read(buf)?)),
            1 => Ok(Self::Ack(PlayerAck::read(buf)?)),
            2 => Ok(Self::Log(Box::new(SignedDealerLog::read_cfg(buf, &limit)?))),
            3 => Ok(Self::Confirm(ed25519::Signature::read(buf)?)),
            4 => Ok(Self::Done),
            _ => Err(Error::Invalid("Message", "kind")),
        }
    }
}

/// Longest encoded [`Message`].
pub(crate) fn max_message() -> usize {
    1 + SignedDealerLog::<MinSig, Key>::max_encode_size(NZU32!(MAX_VALIDATORS))
}

/// One validator's side of the ceremony. Does no input or output itself.
pub(crate) struct Ceremony {
    founding: Founding,
    signer: ed25519::PrivateKey,
    me: Key,
    everyone: Vec<Key>,
    info: Info<MinSig, Key>,
    public: DealerPubMsg<MinSig>,
    private: BTreeMap<Key, DealerPrivMsg>,
    /// Gone once everyone acknowledged.
    dealer: Option<Dealer<MinSig, ed25519::PrivateKey>>,
    acknowledged_by: BTreeMap<Key, PlayerAck<Key>>,
    log: Option<SignedDealerLog<MinSig, Key>>,
    /// Gone once the result is computed.
    player: Option<Player<MinSig, ed25519::PrivateKey>>,
    /// Acknowledgements given, by dealer.
    acks: BTreeMap<Key, PlayerAck<Key>>,
    logs: BTreeMap<Key, DealerLog<MinSig, Key>>,
    /// The network as computed here, once it is.
    network_id: Option<[u8; 32]>,
    confirmations: BTreeMap<Key, ed25519::Signature>,
    done: BTreeMap<Key, ()>,
}

impl Ceremony {
    /// Begins, or begins again after a restart: with the same seed everything said is the same.
    pub(crate) fn new(founding: Founding, signer: ed25519::PrivateKey, seed: [u8; 32]) -> Result<Self, String> {
        let me = signer.public_key();
        let everyone = founding.keys().map_err(|error| error.to_string())?;
        let set = key_set(everyone.iter().cloned()).map_err(|error| error.to_string())?;
        if set.position(&me).is_none() {
            return Err("the key of this folder is not among the founders".into());
        }
        let namespace = [domains::LEDGER_CEREMONY, &founding.id()].concat();
        let info = Info::new::<N3f1>(&namespace, 0, None, Mode::NonZeroCounter, Reveal::V1, set.clone(), set)
            .map_err(|error| error.to_string())?;
        let (dealer, public, private) =
            Dealer::start::<N3f1>(ChaCha20Rng::from_seed(seed), info.clone(), signer.clone(), None)
                .map_err(|error| error.to_string())?;
        let player = Player::new(info.clone(), signer.clone()).map_err(|error| error.to_string())?;
        let mut ceremony = Self {
            founding,
            signer,
            me: me.clone(),
            everyone,
            info,
            public: public.clone(),
            private: private.into_iter().collect(),
            dealer: Some(dealer),
            acknowledged_by: BTreeMap::new(),
            log: None,
            player: Some(player),
            acks: BTreeMap::new(),
            logs: BTreeMap::new(),
            network_id: None,
            confirmations: BTreeMap::new(),
            done: BTreeMap::new(),
        };
        let own = ceremony.private.get(&me).cloned().ok_or("the own part of the deal is missing")?;
        if let Some(Message::Ack(ack)) = ceremony.receive(&me, Message::Deal(public, own)) {
            ceremony.receive(&me, Message::Ack(ack));
        }
        Ok(ceremony)
    }

    pub(crate) fn me(&self) -> &Key {
        &self.me
    }

    /// Takes a message; returns the answer to it.
    pub(crate) fn receive(&mut self, from: &Key, message: Message) -> Option<Message> {
        match message {
            Message::Deal(public, private) => {
                if let Some(player) = &mut self.player
                    && let Ok(Some(ack)) = player.dealer_message::<N3f1>(from.clone(), public, private)
                {
                    self.acks.insert(from.clone(), ack);
                }
                return self.acks.get(from).cloned().map(Message::Ack);
            }
            Message::Ack(ack) => {
                if let Some(dealer) = &mut self.dealer
                    && dealer.receive_player_ack(from.clone(), ack.clone()).is_ok()
                {
                    self.acknowledged_by.insert(from.clone(), ack);
                }
                if self.acknowledged_by.len() == self.everyone.len()
                    && let Some(dealer) = self.dealer.take()
                {
                    let log = dealer.finalize::<N3f1>();
                    self.log = Some(log.clone());
                    let me = self.me.clone();
                    self.receive(&me, Message::Log(Box::new(log)));
                }
            }
            Message::Log(log) => self.take_log(*log),
            Message::Confirm(signature) => {
                if self.everyone.contains(from) {
                    self.confirmations.insert(from.clone(), signature);
                }
            }
            Message::Done => {
                self.done.insert(from.clone(), ());
            }
        }
        None
    }

    /// Keeps the log if it shows that everyone holds what its dealer dealt.
    fn take_log(&mut self, log: SignedDealerLog<MinSig, Key>) {
        let Some((dealer, log)) = log.check(&self.info) else { return };
        match log.summary() {
            DealerLogSummary::Ok { acks, reveals } if acks.len() == self.everyone.len() && reveals.is_empty() => {}
            _ => return,
        }
        if self.everyone.contains(&dealer) {
            self.logs.entry(dealer).or_insert(log);
        }
    }

    /// The network and this validator's share of its key, once, when all logs are there. Keep both on disk before
    /// [`confirm`](Self::confirm).
    pub(crate) fn result(&mut self, rng: &mut impl CryptoRng) -> Option<Result<(Genesis, Share), String>> {
        let all = self.everyone.len();
        if self.logs.len() < all || self.acks.len() < all {
            return None;
        }
        let player = self.player.take()?;
        let mut logs = Logs::<_, _, N3f1>::new(self.info.clone());
        for (dealer, log) in &self.logs {
            logs.record(dealer.clone(), log.clone());
        }
        let finalized = player.finalize::<N3f1>(rng, logs, &Sequential).map_err(|error| error.to_string());
        Some(finalized.and_then(|(output, share)| {
            let genesis = Genesis::founded(&self.founding, output.public()).map_err(|error| error.to_string())?;
            Ok((genesis, share))
        }))
    }

    /// Says that the network was computed and the share is kept, now and on every tick.
    pub(crate) fn confirm(&mut self, network_id: [u8; 32]) {
        self.network_id = Some(network_id);
        let signature = self.signer.sign(domains::LEDGER_CEREMONY, &network_id);
        self.confirmations.insert(self.me.clone(), signature);
    }

    /// Who computed another network than this validator, or pretends to.
    pub(crate) fn contradicted_by(&self) -> Vec<&Key> {
        let Some(network_id) = self.network_id else { return Vec::new() };
        let contradicts = |(key, signature): &(&Key, &ed25519::Signature)| {
            !key.verify(domains::LEDGER_CEREMONY, &network_id, signature)
        };
        self.confirmations.iter().filter(contradicts).map(|(key, _)| key).collect()
    }

    /// Whether everyone confirmed the same network.
    pub(crate) fn complete(&self) -> bool {
        self.network_id.is_some()
            && self.confirmations.len() == self.everyone.len()
            && self.contradicted_by().is_empty()
    }

    /// Whether everyone else is done as well.
    pub(crate) fn everyone_done(&self) -> bool {
        self.done.len() + 1 >= self.everyone.len()
    }

    /// Founders whose confirmation is not here.
    pub(crate) fn missing(&self) -> Vec<&Key> {
        self.everyone.iter().filter(|key| !self.confirmations.contains_key(key)).collect()
    }

    /// What to say now to whom.
    pub(crate) fn tick(&self) -> Vec<(Key, Message)> {
        let mut messages = Vec::new();
        for peer in self.everyone.iter().filter(|peer| **peer != self.me) {
            if !self.confirmations.contains_key(peer) {
                if let Some(private) = self.private.get(peer) {
                    messages.push((peer.clone(), Message::Deal(self.public.clone(), private.clone())));
                }
                messages.extend(self.log.clone().map(|log| (peer.clone(), Message::Log(Box::new(log)))));
            }
            if let Some(signature) = self.confirmations.get(&self.me) {
                messages.push((peer.clone(), Message::Confirm(signature.clone())));
            }
            if self.complete() {
                messages.push((peer.clone(), Message::Done));
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests;

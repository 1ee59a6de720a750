//! One validator's part in handing the group key on: it deals, it receives, it keeps its new share.
//!
//! Dealings go from node to node, encrypted; what everyone must agree on goes through the chain (`epoch.rs`). A
//! dealer's randomness and every dealing received are on disk before anything is said that depends on them, so a
//! restart says the same again.

use std::collections::BTreeMap;

use commonware_codec::{Buf, Copying, Encode as _, EncodeSize, Error, Read, ReadExt as _, Write};
use commonware_cryptography::Signer as _;
use commonware_cryptography::bls12381::dkg::feldman_desmedt::{
    self as dkg, Dealer, DealerPrivMsg, DealerPubMsg, Player, PlayerAck,
};
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::bls12381::primitives::variant::MinSig;
use commonware_parallel::Sequential;
use commonware_runtime::BufMut;
use commonware_utils::{N3f1, NZU32};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_core::CryptoRng;
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::ceremony::Key;
use crate::epoch::{Office, Round, Signer, log_record};
use crate::secrets::{Secrets, handover_name, share_name};
use crate::setup::MAX_VALIDATORS;

/// What nodes tell each other in a handover of some epoch.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) epoch: u64,
    pub(crate) said: Said,
}

#[derive(Clone)]
pub(crate) enum Said {
    /// A member's commitment and the receiver's part of it.
    Deal(DealerPubMsg<MinSig>, DealerPrivMsg),
    /// The receiver of a deal keeps what the commitment says.
    Ack(PlayerAck<Key>),
}

impl Write for Message {
    fn write(&self, buf: &mut impl BufMut) {
        self.epoch.write(buf);
        match &self.said {
            Said::Deal(public, private) => {
                0u8.write(buf);
                public.write(buf);
                private.write(buf);
            }
            Said::Ack(ack) => {
                1u8.write(buf);
                ack.write(buf);
            }
        }
    }
}

impl EncodeSize for Message {
    fn encode_size(&self) -> usize {
        let said = match &self.said {
            Said::Deal(public, private) => public.encode_size() + private.encode_size(),
            Said::Ack(ack) => ack.encode_size(),
        };
        self.epoch.encode_size() + 1 + said
    }
}

impl Read for Message {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let epoch = u64::read(buf)?;
        let said = match u8::read(buf)? {
            0 => Said::Deal(DealerPubMsg::read_cfg(buf, &NZU32!(MAX_VALIDATORS))?, DealerPrivMsg::read(buf)?),
            1 => Said::Ack(PlayerAck::read(buf)?),
            _ => return Err(Error::Invalid("Message", "kind")),
        };
        Ok(Self { epoch, said })
    }
}

/// Longest encoded [`Message`].
pub(crate) fn max_message() -> usize {
    9 + DealerPubMsg::<MinSig>::max_encode_size(NZU32!(MAX_VALIDATORS))
        + <DealerPrivMsg as commonware_codec::FixedSize>::SIZE
}

/// What is on disk: the dealer's seed and the dealings received.
type Dealing = (Key, DealerPubMsg<MinSig>, DealerPrivMsg);

struct Kept {
    seed: [u8; 32],
    dealings: Vec<Dealing>,
}

impl Kept {
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(self.seed.to_vec());
        for (dealer, public, private) in &self.dealings {
            dealer.write(&mut *bytes);
            public.write(&mut *bytes);
            private.write(&mut *bytes);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut rest = Copying(bytes);
        let seed = <[u8; 32]>::read(&mut rest)?;
        let mut dealings = Vec::new();
        while !rest.0.is_empty() {
            let dealer = Key::read(&mut rest)?;
            let public = DealerPubMsg::read_cfg(&mut rest, &NZU32!(MAX_VALIDATORS))?;
            dealings.push((dealer, public, DealerPrivMsg::read(&mut rest)?));
        }
        Ok(Self { seed, dealings })
    }
}

struct Dealt {
    dealer: Dealer<MinSig, Signer>,
    public: DealerPubMsg<MinSig>,
    private: BTreeMap<Key, DealerPrivMsg>,
    waiting: usize,
}

/// A validator's side of one handover.
pub(crate) struct Handover {
    round: Arc<Round>,
    me: Key,
    kept: Kept,
    dealing: Option<Dealt>,
    player: Option<Player<MinSig, Signer>>,
    acks: BTreeMap<Key, PlayerAck<Key>>,
    acknowledged: BTreeMap<Key, ()>,
}

impl Handover {
    /// Begins, or goes on after a restart. `share` is this validator's share if it is in office.
    pub(crate) fn new(
        office: &Office,
        round: Arc<Round>,
        signer: &Signer,
        share: Option<Share>,
        secrets: &mut dyn Secrets,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let name = handover_name(round.epoch);
        let kept = match secrets.get(&name).map_err(|error| text(&error))? {
            Some(bytes) => Kept::read(&bytes).map_err(|error| format!("{name}: {error}"))?,
            None => {
                let mut seed = [0; 32];
                rng.fill_bytes(&mut seed);
                let kept = Kept { seed, dealings: Vec::new() };
                secrets.put(&name, &kept.to_bytes()).map_err(|error| text(&error))?;
                kept
            }
        };
        let me = signer.public_key();
        let mut acks = BTreeMap::new();
        let player = if round.next.keys.position(&me).is_some() {
            let logs = office.logs.as_ref();
            let resumed =
                Player::resume::<N3f1>(round.info.clone(), signer.clone(), logs, kept.dealings.iter().cloned());
            match resumed {
                Ok((player, given)) => {
                    acks = given;
                    Some(player)
                }
                // It acknowledged a dealing and has lost it since, with its disk: there is no share for it in this round.
                Err(dkg::Error::MissingPlayerDealing) => None,
                Err(error) => return Err(error.to_string()),
            }
        } else {
            None
        };
        let dealing = match share {
            Some(share) if !office.logs.contains_key(&me) => {
                let rng = ChaCha20Rng::from_seed(kept.seed);
                let (dealer, public, private) =
                    Dealer::start::<N3f1>(rng, round.info.clone(), signer.clone(), Some(share))
                        .map_err(|error| text(&error))?;
                let private: BTreeMap<_, _> = private.into_iter().collect();
                Some(Dealt { dealer, public, waiting: private.len(), private })
            }
            _ => None,
        };
        let mut handover = Self { round, me: me.clone(), kept, dealing, player, acks, acknowledged: BTreeMap::new() };
        let own = handover
            .dealing
            .as_ref()
            .and_then(|dealing| Some(Said::Deal(dealing.public.clone(), dealing.private.get(&me)?.clone())));
        if let Some(own) = own
            && let Some(Said::Ack(ack)) = handover.receive(&me, own, secrets)?
        {
            handover.receive(&me, Said::Ack(ack), secrets)?;
        }
        Ok(handover)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.round.epoch
    }

    /// Takes what a node said; returns the answer.
    pub(crate) fn receive(
        &mut self,
        from: &Key,
        said: Said,
        secrets: &mut dyn Secrets,
    ) -> Result<Option<Said>, String> {
        match said {
            Said::Deal(public, private) => {
                if let Some(player) = &mut self.player
                    && let Ok(Some(ack)) = player.dealer_message::<N3f1>(from.clone(), public.clone(), private.clone())
                {
                    // Kept before it is acknowledged: an acknowledged dealing is not revealed any more.
                    self.kept.dealings.push((from.clone(), public, private));
                    let name = handover_name(self.round.epoch);
                    secrets.put(&name, &self.kept.to_bytes()).map_err(|error| error.to_string())?;
                    self.acks.insert(from.clone(), ack);
                }
                Ok(self.acks.get(from).cloned().map(Said::Ack))
            }
            Said::Ack(ack) => {
                if let Some(dealing) = &mut self.dealing
                    && dealing.dealer.receive_player_ack(from.clone(), ack).is_ok()
                    && self.acknowledged.insert(from.clone(), ()).is_none()
                {
                    dealing.waiting -= 1;
                }
                Ok(None)
            }
        }
    }

    /// What to say now to whom.
    pub(crate) fn tick(&self) -> Vec<(Key, Message)> {
        let Some(dealing) = &self.dealing else { return Vec::new() };
        let waiting =
            dealing.private.iter().filter(|(key, _)| **key != self.me && !self.acknowledged.contains_key(key));
        let deal = |(key, private): (&Key, &DealerPrivMsg)| {
            let said = Said::Deal(dealing.public.clone(), private.clone());
            (key.clone(), Message { epoch: self.round.epoch, said })
        };
        waiting.map(deal).collect()
    }

    /// The record of this member's dealing, once everyone acknowledged it or the time for that is over.
    pub(crate) fn record(&mut self, late: bool) -> Option<Vec<u8>> {
        if self.dealing.as_ref().is_some_and(|dealing| late || dealing.waiting == 0) {
            let dealing = self.dealing.take()?;
            return Some(log_record(dealing.dealer.finalize::<N3f1>()));
        }
        None
    }

    /// Keeps this validator's share of the new committee, when the epoch ended with one. False if it has none.
    pub(crate) fn finish(
        mut self,
        ended: &Office,
        secrets: &mut dyn Secrets,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, String> {
        const NONE: &str = "no share of the new committee: this node follows until the next handover";
        let Some(player) = self.player.take() else {
            if self.round.next.keys.position(&self.me).is_some() {
                tracing::warn!("{NONE}");
            }
            return Ok(false);
        };
        match player.finalize::<N3f1>(rng, ended.dealt(&self.round), &Sequential) {
            Ok((_, share)) => {
                let bytes = Zeroizing::new(share.encode().to_vec());
                secrets.put(&share_name(self.round.epoch + 1), &bytes).map_err(|error| error.to_string())?;
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(%error, "{NONE}");
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Validators in a simulated world: the product's own wiring, on a runtime and a network that a test supplies.
//!
//! Time, chance, disks and links are the test's; everything from votes to committed blocks is what
//! [`Engine::start`](crate::Engine::start) runs. Only tests enable this module.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::{Arc, mpsc as blocking};
use std::time::Duration;

use commonware_codec::Encode as _;
use commonware_cryptography::{Signer as _, ed25519};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_utils::ordered::Set;
use protocol::ledger::header::Header;
use tokio::sync::{mpsc, oneshot, watch};

use crate::block::Block;
use crate::chain::{Chain, Replica};
use crate::consensus::Member;
pub use crate::consensus::{Links, Runtime};
use crate::engine::Tip;
use crate::epoch::{Members, Office, Terms};
use crate::error::{EngineError, SubmitError};
use crate::machine::StateMachine;
use crate::mempool::{Mempool, TransactionId, transaction_id};
use crate::secrets::{Memory, Secrets as _, share_name};
pub use crate::setup::Scheme;
use crate::setup::{Genesis, Identity};

/// The keys of one validator.
#[derive(Clone)]
pub struct Seat {
    genesis: Genesis,
    identity: Identity,
}

impl Seat {
    /// Reads a folder made by [`crate::init`].
    ///
    /// # Errors
    /// [`EngineError`]
    pub fn load(folder: &Path) -> Result<Self, EngineError> {
        let genesis = Genesis::load(folder)?;
        let identity = Identity::load(folder, &genesis)?;
        Ok(Self { genesis, identity })
    }

    /// The network's genesis.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The validator's name on the network.
    #[must_use]
    pub fn public_key(&self) -> ed25519::PublicKey {
        self.identity.signer.public_key()
    }

    /// What it votes with.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.identity.scheme
    }

    /// All validators, in the order of their votes' numbers.
    #[must_use]
    pub fn validators(&self) -> &Set<ed25519::PublicKey> {
        &self.identity.validators
    }
}

/// How a simulated validator runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As [`crate::Config::heartbeat`].
    pub heartbeat: Duration,
    /// As [`crate::Config::leader_timeout`].
    pub leader_timeout: Duration,
    /// Names of its files begin with this: several validators share one simulated disk.
    pub prefix: String,
}

/// A validator that is not running yet.
pub struct Validator(Member);

/// What a client of a simulated validator has: it submits, and drops to stop nothing.
#[derive(Clone)]
pub struct Door {
    replica: Arc<dyn Replica>,
    mempool: Arc<Mempool>,
    gossip: mpsc::UnboundedSender<Vec<u8>>,
    /// Kept, or the validator would take it for a call to stop.
    _stop: Arc<oneshot::Sender<()>>,
}

impl Validator {
    /// Opens the state machine and everything in memory, as a process that starts does.
    ///
    /// # Errors
    /// [`EngineError::StateMismatch`]
    pub fn open<M: StateMachine>(seat: &Seat, machine: M, settings: Settings) -> Result<(Self, Door), EngineError> {
        let genesis = Header::genesis(seat.genesis.network_id(), seat.genesis.time_ms);
        // One epoch for ever: handovers are tested over real connections.
        let terms = Arc::new(Terms::new(&seat.genesis.network_id(), NonZeroU64::MAX));
        let office = Office::new(terms.clone(), seat.identity.committee.clone());
        let replica: Arc<dyn Replica> = Arc::new(Chain::recover(machine, genesis, office)?);
        let mut secrets = Memory::default();
        if let Some(share) = seat.identity.scheme.share() {
            secrets.put(&share_name(0), &share.encode())?;
        }
        let committed = replica.committed();
        let mempool = Arc::new(Mempool::new());
        let (gossip, outgoing) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (ready, _) = blocking::sync_channel(1);
        let tip = Tip {
            height: committed.height,
            time_ms: committed.timestamp_ms,
            digest: committed.digest(),
            certified: false,
        };
        let member = Member {
            identity: seat.identity.clone(),
            genesis,
            heartbeat: settings.heartbeat,
            leader_timeout: settings.leader_timeout,
            prefix: settings.prefix,
            restored: None,
            only_newest: false,
            pruning: None,
            terms,
            secrets: Box::new(secrets),
            track: Box::new(|_: &[Members]| {}),
            replica: replica.clone(),
            mempool: mempool.clone(),
            outgoing,
            tip: watch::Sender::new(tip),
            ready,
            stopped,
        };
        Ok((Self(member), Door { replica, mempool, gossip, _stop: Arc::new(stop) }))
    }

    /// Runs until a part of it ends that must not, and says which.
    ///
    /// # Errors
    /// The reason. It never ends otherwise: a test crashes it by dropping the future.
    pub async fn run<E, S, R, P, B>(self, context: E, links: Links<S, R, P, B>) -> Result<(), String>
    where
        E: Runtime,
        S: Sender<PublicKey = ed25519::PublicKey>,
        R: Receiver<PublicKey = ed25519::PublicKey>,
        P: Provider<PublicKey = ed25519::PublicKey> + Sync,
        B: Blocker<PublicKey = ed25519::PublicKey> + Sync,
    {
        self.0.run(context, links, None).await
    }
}

impl Door {
    /// As [`crate::Handle::submit`].
    ///
    /// # Errors
    /// [`SubmitError`]
    pub fn submit(&self, transaction: Vec<u8>) -> Result<TransactionId, SubmitError> {
        self.replica.admit(&transaction).map_err(SubmitError::Refused)?;
        let id = transaction_id(&transaction);
        if self.mempool.insert(transaction.clone(), self.replica.sender(&transaction), true)? {
            self.gossip.send(transaction).map_err(|_| SubmitError::Stopped)?;
        }
        Ok(id)
    }
}

/// The bytes with which validators tell each other a block, whatever it holds.
#[must_use]
pub fn block_message(header: Header, transactions: Vec<Vec<u8>>) -> Vec<u8> {
    Block { header, transactions }.encode().to_vec()
}

/// The bytes with which validators tell each other transactions, whatever they hold.
#[must_use]
pub fn gossip_message(transactions: &[Vec<u8>]) -> Vec<u8> {
    transactions.to_vec().encode().to_vec()
}

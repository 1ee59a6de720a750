//! Storage, marshal and simplex of one validator, on any runtime and any network.
//!
//! The product runs it on the machine's clock, disks and sockets (`validator.rs`); tests run the same code on a
//! simulated world (`testkit.rs`).

use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::{Arc, Mutex, mpsc as blocking};
use std::time::Duration;

use commonware_broadcast::buffered;
use commonware_consensus::marshal::core::Actor as MarshalActor;
use commonware_consensus::marshal::resolver::p2p as marshal_resolver;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::marshal::{self, Start};
use commonware_consensus::types::{Epoch, FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::{Provider, Scoped};
use commonware_cryptography::{Digested, Digestible as _, Signer as _, ed25519};
use commonware_p2p::{Blocker, Provider as PeerProvider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_runtime::{Clock, Metrics, Spawner, Storage};
use commonware_utils::{NZDuration, NZU64, NZUsize};
use protocol::ledger::certificate;
use protocol::ledger::header::Header;
use rand_core::CryptoRng;
use tokio::sync::{mpsc, oneshot, watch};

use crate::application::Ledger;
use crate::block::Block;
use crate::chain::Replica;
use crate::committer::{self, Committer, Pruning};
use crate::engine::Tip;
use crate::epoch::{Committee, Office, Origin, Terms};
use crate::gossip;
use crate::keeper::{Channels, Keeper, Track};
use crate::kept::Kept;
use crate::machine::EngineRecords;
use crate::mempool::Mempool;
use crate::restored::Restored;
use crate::secrets::Secrets;
use crate::setup::{Identity, Scheme};

pub(crate) const MAILBOX: NonZeroUsize = NZUsize!(1024);

const PAGE_BYTES: NonZeroU16 = page_size(4096);
const CACHED_PAGES: NonZeroUsize = NZUsize!(1024);
pub(crate) const BUFFER_BYTES: NonZeroUsize = NZUsize!(64 * 1024);
pub(crate) const REPLAY_BYTES: NonZeroUsize = NZUsize!(1024 * 1024);

/// Blocks handed to the state machine and not yet durable there.
const MAX_UNACKNOWLEDGED: NonZeroUsize = NZUsize!(16);

/// The group key checks the certificates of every epoch, whoever voted.
#[derive(Clone)]
struct Group(Arc<Scheme>);

impl Group {
    fn new(network_id: &[u8; 32], committee: &Committee) -> Self {
        let key = *committee.output.public().public();
        Self(Arc::new(Scheme::certificate_verifier(&certificate::namespace(network_id), key)))
    }
}

impl Provider for Group {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, _: Epoch) -> Option<Scoped<Scheme>> {
        Some(Scoped::verifier(self.0.clone()))
    }

    /// Without it marshal drops every notarized block that it asked for, and a validator that missed one never leaves
    /// its view. It asks for the participants' scheme because shards of coded blocks are numbered by participant; ours
    /// are whole, and all it checks of them is the quorum's certificate.
    fn scheme(&self, _: Epoch) -> Option<Arc<Scheme>> {
        Some(self.0.clone())
    }
}

/// What a validator asks of its surroundings: time, randomness, tasks, disks.
#[cfg_attr(not(feature = "testkit"), allow(unreachable_pub, reason = "what tests name of this"))]
pub trait Runtime: Clock + CryptoRng + Metrics + Spawner + Storage {}

impl<E: Clock + CryptoRng + Metrics + Spawner + Storage> Runtime for E {}

/// The validators' network as one validator sees it.
#[cfg_attr(not(feature = "testkit"), allow(unreachable_pub, reason = "what tests name of this"))]
pub struct Links<S, R, P, B> {
    /// Votes of consensus.
    pub votes: (S, R),
    /// Certificates of consensus.
    pub certificates: (S, R),
    /// Certificates that a validator missed and asks for.
    pub resolver: (S, R),
    /// Blocks that a validator missed and asks for.
    pub backfill: (S, R),
    /// Proposed blocks.
    pub broadcast: (S, R),
    /// Transactions.
    pub mempool: (S, R),
    /// Who the peers are.
    pub peers: P,
    /// Shuts out those who break the protocol.
    pub blocker: B,
}

/// Everything one validator runs on, except its surroundings.
pub(crate) struct Member {
    pub(crate) identity: Identity,
    pub(crate) genesis: Header,
    pub(crate) heartbeat: Duration,
    pub(crate) leader_timeout: Duration,
    /// Names of its files begin with this, for several validators on one disk.
    pub(crate) prefix: String,
    /// Where it begins, if not at the genesis.
    pub(crate) restored: Option<Restored>,
    /// Whether old blocks can be dropped.
    pub(crate) only_newest: bool,
    /// Whether they are.
    pub(crate) pruning: Option<Pruning>,
    pub(crate) terms: Arc<Terms>,
    pub(crate) secrets: Box<dyn Secrets>,
    /// Called with those who are spoken with.
    pub(crate) track: Track,
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) outgoing: mpsc::UnboundedReceiver<Vec<u8>>,
    pub(crate) tip: watch::Sender<Tip>,
    /// Told once the storage is open.
    pub(crate) ready: blocking::SyncSender<()>,
    pub(crate) stopped: oneshot::Receiver<()>,
}

impl Member {
    /// Runs until told to stop (`Ok`) or until something ends that must not.
    ///
    /// Without a channel for `handover`s the validators are the same for ever, and their only epoch never ends.
    pub(crate) async fn run<E, S, R, P, B>(
        self,
        context: E,
        links: Links<S, R, P, B>,
        handover: Option<(S, R)>,
    ) -> Result<(), String>
    where
        E: Runtime,
        S: Sender<PublicKey = ed25519::PublicKey>,
        R: Receiver<PublicKey = ed25519::PublicKey>,
        P: PeerProvider<PublicKey = ed25519::PublicKey> + Sync,
        B: Blocker<PublicKey = ed25519::PublicKey> + Sync,
    {
        let Self { identity, genesis, replica, mempool, prefix, restored, terms, .. } = self;
        let Identity { signer, committee, .. } = identity;
        let network_id = genesis.network_id;
        let mut context = context;
        let mut seed = [0; 32];
        context.fill_bytes(&mut seed);
        let (events, committed) = mpsc::unbounded_channel();
        let me = signer.public_key();

        let resolver = marshal_resolver::init(
            context.child("marshal_resolver"),
            marshal_resolver::Config {
                public_key: me.clone(),
                peer_provider: links.peers.clone(),
                blocker: links.blocker.clone(),
                mailbox_size: MAILBOX,
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                priority_requests: false,
                priority_responses: false,
            },
            links.backfill,
        );
        let (broadcaster, buffer) = buffered::Engine::new(
            context.child("broadcast"),
            buffered::Config {
                public_key: me,
                mailbox_size: MAILBOX,
                deque_size: 10,
                priority: true,
                codec_config: (),
                peer_provider: links.peers,
                strategy: Sequential,
            },
        );

        let group = Group::new(&network_id, &committee);
        let page_cache = CacheRef::new(PAGE_BYTES, CACHED_PAGES);
        let finalizations = Kept::open(&context, &prefix, "finalizations", &page_cache, (), self.only_newest).await?;
        let blocks = Kept::open(&context, &prefix, "blocks", &page_cache, (), self.only_newest).await?;
        let genesis = Block { header: genesis, transactions: Vec::new() };
        let genesis_digest = genesis.digest();
        let (start, begun, origin, finalizations, blocks) = match restored {
            None => {
                let start = Start::Genesis(Digested::precomputed(genesis, genesis_digest));
                let office = Office::new(terms.clone(), committee);
                (start, None, Origin { height: 0, office, records: EngineRecords::new() }, finalizations, blocks)
            }
            Some(Restored { block, finalization, origin }) => {
                // Nobody may be left who could send it.
                let (height, digest) = (block.header.height, block.digest());
                let kept = blocks.put_sync(height, digest, &Arc::new(block)).await;
                let blocks = kept.map_err(|error| format!("blocks: {error}"))?;
                let kept = finalizations.put_sync(height, digest, &finalization).await;
                let finalizations = kept.map_err(|error| format!("finalizations: {error}"))?;
                (Start::Floor(finalization.clone()), Some((height, finalization)), origin, finalizations, blocks)
            }
        };
        let origin = Arc::new(Mutex::new(origin));
        let (marshal, mailbox, _floor) = MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
            context.child("marshal"),
            finalizations,
            blocks,
            marshal::Config {
                provider: group,
                epocher: FixedEpocher::new(terms.epoch_blocks),
                start,
                partition_prefix: format!("{prefix}marshal"),
                mailbox_size: MAILBOX,
                view_retention: ViewDelta::new(256),
                prunable_items_per_section: NZU64!(1024),
                page_cache: page_cache.clone(),
                replay_buffer: REPLAY_BYTES,
                key_write_buffer: BUFFER_BYTES,
                value_write_buffer: BUFFER_BYTES,
                block_codec_config: (),
                max_repair: NZUsize!(32),
                max_pending_acks: MAX_UNACKNOWLEDGED,
                strategy: Sequential,
            },
        )
        .await;

        let ledger = Ledger { replica: replica.clone(), mempool: mempool.clone(), heartbeat: self.heartbeat };
        let automaton =
            Inline::new(context.child("inline"), ledger, mailbox.clone(), FixedEpocher::new(terms.epoch_blocks));
        let (finalized, incoming) = committer::channel();
        let committer = Committer {
            replica: replica.clone(),
            mempool: mempool.clone(),
            marshal: mailbox.clone(),
            tip: self.tip,
            blocks: incoming,
            origin: origin.clone(),
            pruning: self.pruning,
            seed,
            events,
        };
        let keeper = Keeper {
            context: context.child("keeper"),
            prefix,
            signer,
            namespace: certificate::namespace(&network_id),
            genesis: genesis_digest,
            origin,
            begun,
            replica: replica.clone(),
            secrets: self.secrets,
            track: self.track,
            events: committed,
            automaton,
            blocker: links.blocker,
            marshal: mailbox.clone(),
            timeouts: Timeouts::new(self.leader_timeout),
            page_cache,
        };
        let channels =
            Channels { votes: links.votes, certificates: links.certificates, resolver: links.resolver, handover };
        let outgoing = self.outgoing;
        let (gossip_sender, gossip_receiver) = links.mempool;
        let tasks = [
            broadcaster.start(links.broadcast),
            marshal.start(finalized, buffer, resolver),
            context.child("gossip_out").spawn({
                let mempool = mempool.clone();
                move |clock| gossip::send(clock, outgoing, mempool, gossip_sender)
            }),
            context.child("gossip_in").spawn(move |_| gossip::receive(gossip_receiver, replica, mempool)),
        ];
        // A thread of its own: it waits for the disk.
        let committer = context.child("committer").dedicated().spawn(move |_| committer.run());
        let keeper = context.child("epochs").spawn(move |_| keeper.run(channels));
        let _ = self.ready.send(());

        tokio::select! {
            biased;
            _ = self.stopped => Ok(()),
            reason = committer => Err(reason.unwrap_or_else(|error| error.to_string())),
            reason = keeper => Err(reason.unwrap_or_else(|error| error.to_string())),
            _ = futures::future::select_all(tasks) => Err("a consensus task ended".into()),
        }
    }
}

/// How long consensus waits before it gives up a view, measured from the view's start.
pub(crate) struct Timeouts {
    pub(crate) leader: Duration,
    pub(crate) certification: Duration,
    pub(crate) retry: Duration,
    pub(crate) skip: Duration,
}

impl Timeouts {
    /// The leader timeout is short, although a leader without transactions proposes nothing: an idle view
    /// that is given up costs one small signature, whereas a view whose leader failed, or lost its proposal
    /// in a crash, blocks the chain for as long as this.
    fn new(leader: Duration) -> Self {
        let certification = leader + Duration::from_secs(1);
        Self { leader, certification, retry: Duration::from_secs(1), skip: certification + Duration::from_secs(2) }
    }
}

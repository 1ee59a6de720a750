//! The consensus wiring: network, storage, marshal and simplex of one validator.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::{Arc, mpsc as blocking};
use std::time::Duration;

use commonware_broadcast::buffered;
use commonware_codec::CodecShared;
use commonware_consensus::marshal::core::Actor as MarshalActor;
use commonware_consensus::marshal::resolver::p2p as marshal_resolver;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::marshal::{self, Start};
use commonware_consensus::simplex;
use commonware_consensus::simplex::config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::types::{Epoch, FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::ConstantProvider;
use commonware_cryptography::{ChaCha20Poly1305, Digested, Digestible as _, Sha256, Signer as _, ed25519, sha256};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager as _, max_message_size};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_storage::archive::immutable;
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use commonware_utils::{NZDuration, NZU32, NZU64, NZUsize, TryCollect as _};
use protocol::crypto::domains;
use protocol::ledger::header::Header;
use tokio::sync::{mpsc, oneshot, watch};

use crate::application::Ledger;
use crate::block::{Block, MAX_LIST_BYTES};
use crate::chain::Replica;
use crate::committer::{self, Committer};
use crate::engine::Tip;
use crate::gossip;
use crate::mempool::Mempool;
use crate::setup::{Identity, NodeFile, Scheme};

// Channels of the validators' network.
const VOTES: u64 = 0;
const CERTIFICATES: u64 = 1;
const SIMPLEX_RESOLVER: u64 = 2;
const BACKFILL: u64 = 3;
const BROADCAST: u64 = 4;
const MEMPOOL: u64 = 5;

/// Per channel and peer. The network reserves this times the number of peers for every channel: a generous
/// quota costs a gigabyte. All validators must agree on it.
const MESSAGES_PER_SECOND: NonZeroU32 = NZU32!(128);
const MAILBOX: NonZeroUsize = NZUsize!(1024);

const PAGE_BYTES: NonZeroU16 = page_size(4096);
const CACHED_PAGES: NonZeroUsize = NZUsize!(1024);
const BUFFER_BYTES: NonZeroUsize = NZUsize!(64 * 1024);
const REPLAY_BYTES: NonZeroUsize = NZUsize!(1024 * 1024);

/// Blocks handed to the state machine and not yet durable there.
const MAX_UNACKNOWLEDGED: NonZeroUsize = NZUsize!(16);

/// One validator set for ever, until a reshare is a feature of this engine.
const EPOCH: Epoch = Epoch::zero();

/// Everything one validator runs on.
pub(crate) struct Validator {
    pub(crate) identity: Identity,
    pub(crate) node: NodeFile,
    pub(crate) genesis: Header,
    pub(crate) heartbeat: Duration,
    pub(crate) leader_timeout: Duration,
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) outgoing: mpsc::UnboundedReceiver<Vec<u8>>,
    pub(crate) tip: watch::Sender<Tip>,
    /// Told once the storage is open.
    pub(crate) ready: blocking::SyncSender<()>,
    pub(crate) stopped: oneshot::Receiver<()>,
}

type Context = runtime::Context;
type Network = lookup::Network<Context, Handshake>;
type Handshake = Cups<Sake<ed25519::PrivateKey>, ChaCha20Poly1305>;
type Provider = ConstantProvider<Scheme, Epoch>;

/// Runs until told to stop (`Ok`) or until something ends that must not.
pub(crate) fn run(validator: Validator, storage: PathBuf) -> Result<(), String> {
    let config = runtime::Config::new().with_storage_directory(storage).with_worker_threads(2);
    runtime::Runner::new(config).start(|context| validator.run(context))
}

impl Validator {
    async fn run(self, context: Context) -> Result<(), String> {
        let Self { identity, node, genesis, replica, mempool, .. } = self;
        let Identity { signer, scheme, validators } = identity;
        let me = signer.public_key();
        let count = NonZeroUsize::new(validators.len()).ok_or("the genesis names no validators")?;
        let quota = Quota::per_second(MESSAGES_PER_SECOND);

        let (mut network, mut oracle) =
            Network::new(context.child("network"), network_config(signer, &node, &genesis, count));
        let votes = network.register(VOTES, quota);
        let certificates = network.register(CERTIFICATES, quota);
        let simplex_resolver = network.register(SIMPLEX_RESOLVER, quota);
        let backfill = network.register(BACKFILL, quota);
        let broadcast = network.register(BROADCAST, quota);
        let (gossip_sender, gossip_receiver) = network.register(MEMPOOL, quota);
        oracle.track(0, addresses(&me, &node)?);

        let resolver = marshal_resolver::init(
            context.child("marshal_resolver"),
            marshal_resolver::Config {
                public_key: me.clone(),
                peer_provider: oracle.clone(),
                blocker: oracle.clone(),
                mailbox_size: MAILBOX,
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                priority_requests: false,
                priority_responses: false,
            },
            backfill,
        );
        let (broadcaster, buffer) = buffered::Engine::new(
            context.child("broadcast"),
            buffered::Config {
                public_key: me,
                mailbox_size: MAILBOX,
                deque_size: 10,
                priority: true,
                codec_config: (),
                peer_provider: oracle.clone(),
                strategy: Sequential,
            },
        );

        let page_cache = CacheRef::new(PAGE_BYTES, CACHED_PAGES);
        let finalizations = archive(&context, "finalizations", &page_cache, ()).await?;
        let blocks = archive(&context, "blocks", &page_cache, ()).await?;
        let genesis = Block { header: genesis, transactions: Vec::new() };
        let genesis_digest = genesis.digest();
        let (marshal, mailbox, _floor) = MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
            context.child("marshal"),
            finalizations,
            blocks,
            marshal::Config {
                provider: Provider::new(scheme.clone()),
                epocher: FixedEpocher::new(NZU64!(u64::MAX)),
                start: Start::Genesis(Digested::precomputed(genesis, genesis_digest)),
                partition_prefix: "marshal".into(),
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
            Inline::new(context.child("inline"), ledger, mailbox.clone(), FixedEpocher::new(NZU64!(u64::MAX)));
        let timeouts = Timeouts::new(self.leader_timeout);
        let simplex = simplex::Engine::new(
            context.child("simplex"),
            simplex::Config {
                scheme,
                elector: RoundRobin::<Sha256>::default(),
                blocker: oracle,
                automaton: automaton.clone(),
                relay: automaton.clone(),
                reporter: automaton,
                strategy: Sequential,
                partition: "simplex".into(),
                mailbox_size: MAILBOX,
                epoch: EPOCH,
                floor: Floor::Genesis(genesis_digest),
                replay_buffer: REPLAY_BYTES,
                write_buffer: BUFFER_BYTES,
                page_cache,
                leader_timeout: timeouts.leader,
                certification_timeout: timeouts.certification,
                timeout_retry: timeouts.retry,
                view_retention: ViewDelta::new(64),
                skip: SkipPolicy::Enabled { timeout: timeouts.skip, budget: SkipBudget::Participants },
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                forward: ForwardPolicy::SilentVoters,
                track_historical_votes: false,
            },
        );

        let (finalized, incoming) = committer::channel();
        let committer = Committer {
            replica: replica.clone(),
            mempool: mempool.clone(),
            marshal: mailbox,
            tip: self.tip,
            blocks: incoming,
        };
        let outgoing = self.outgoing;
        let tasks = [
            network.start(),
            broadcaster.start(broadcast),
            marshal.start(finalized, buffer, resolver),
            simplex.start(votes, certificates, simplex_resolver),
            context.child("gossip_out").spawn(move |_| gossip::send(outgoing, gossip_sender)),
            context.child("gossip_in").spawn(move |_| gossip::receive(gossip_receiver, replica, mempool)),
        ];
        // A thread of its own: it waits for the disk.
        let committer = context.child("committer").dedicated().spawn(move |_| committer.run());
        let _ = self.ready.send(());

        tokio::select! {
            _ = self.stopped => Ok(()),
            reason = committer => Err(reason.unwrap_or_else(|error| error.to_string())),
            _ = futures::future::select_all(tasks) => Err("a consensus task ended".into()),
        }
    }
}

/// How long consensus waits before it gives up a view, measured from the view's start.
struct Timeouts {
    leader: Duration,
    certification: Duration,
    retry: Duration,
    skip: Duration,
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

fn network_config(
    signer: ed25519::PrivateKey,
    node: &NodeFile,
    genesis: &Header,
    validators: NonZeroUsize,
) -> lookup::Config<Handshake> {
    let sake = Sake {
        signer,
        synchrony_bound: Duration::from_secs(5),
        max_handshake_age: Duration::from_secs(10),
        version: sake::Version::V1,
    };
    lookup::Config {
        handshake: Cups::new(sake, cups::Version::V1),
        namespace: [domains::LEDGER_NETWORK, &genesis.network_id].concat(),
        listen: node.listen,
        // Validators of one government may share an address or sit behind one: peers are known by key, and
        // handshakes from one address are not held back.
        allow_private_ips: true,
        allow_dns: false,
        bypass_ip_check: true,
        max_message_size: largest_message(validators),
        max_peers_per_set: validators,
        mailbox_size: MAILBOX,
        send_batch_size: NZUsize!(8),
        handshake_timeout: Duration::from_secs(5),
        dial_timeout: Duration::from_secs(15),
        peer_connection_cooldown: Duration::from_secs(1),
        max_concurrent_handshakes: NZU32!(128),
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(16)),
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(64)),
        ping_frequency: Duration::from_secs(10),
        dial_frequency: Duration::from_millis(500),
        tracked_peer_sets: NZUsize!(1),
        block_duration: Duration::from_secs(60 * 60),
    }
}

fn largest_message(validators: NonZeroUsize) -> u32 {
    let validators = u32::try_from(validators.get()).unwrap_or(u32::MAX);
    max_message_size(&[
        simplex::max_payload_size::<Scheme, sha256::Digest>(validators),
        marshal::max_payload_size::<Standard<Block>, Scheme>(validators, &()),
        MAX_LIST_BYTES,
    ])
}

fn addresses(me: &ed25519::PublicKey, node: &NodeFile) -> Result<Map<ed25519::PublicKey, Address>, String> {
    let damaged = || String::from("node.json names a peer without a valid node key: restore it");
    let mut addresses = vec![(me.clone(), Address::from(node.listen))];
    for peer in &node.peers {
        addresses.push((peer.public_key().ok_or_else(damaged)?, Address::from(peer.address)));
    }
    addresses.into_iter().try_collect().map_err(|_| damaged())
}

type Archive<V> = immutable::Archive<Context, sha256::Digest, V>;

/// Opens an archive that keeps everything for ever: the audit history.
async fn archive<V: CodecShared>(
    context: &Context,
    name: &'static str,
    page_cache: &CacheRef,
    codec_config: V::Cfg,
) -> Result<Archive<V>, String> {
    let config = immutable::Config {
        metadata_partition: format!("{name}-metadata"),
        freezer_table_partition: format!("{name}-table"),
        freezer_table_initial_size: 1 << 14,
        freezer_table_resize_frequency: 4,
        freezer_table_resize_chunk_size: 1 << 12,
        freezer_key_partition: format!("{name}-keys"),
        freezer_key_page_cache: page_cache.clone(),
        freezer_value_partition: format!("{name}-values"),
        freezer_value_target_size: 256 * 1024 * 1024,
        freezer_value_compression: None,
        ordinal_partition: format!("{name}-ordinals"),
        items_per_section: NZU64!(65_536),
        freezer_key_write_buffer: BUFFER_BYTES,
        freezer_value_write_buffer: BUFFER_BYTES,
        ordinal_write_buffer: BUFFER_BYTES,
        replay_buffer: REPLAY_BYTES,
        codec_config,
    };
    immutable::Archive::init(context.child(name), config).await.map_err(|error| format!("{name}: {error}"))
}

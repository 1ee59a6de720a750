//! A validator on the machine's own runtime and network.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::{marshal, simplex};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519, sha256};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager as _, max_message_size};
use commonware_runtime::{Handle, Metrics as _, Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize, TryCollect as _};
use protocol::crypto::domains;
use tokio::sync::{mpsc, oneshot};

use crate::block::{Block, MAX_LIST_BYTES};
use crate::consensus::{Links, MAILBOX, Member};
use crate::error::EngineError;
use crate::founding::Founding;
use crate::setup::{Genesis, NODE_KEY_FILE, NodeFile, Scheme, key_bytes, read_secret};
use crate::{ceremony, convene};

// Channels of the validators' network.
const VOTES: u64 = 0;
const CERTIFICATES: u64 = 1;
const SIMPLEX_RESOLVER: u64 = 2;
const BACKFILL: u64 = 3;
const BROADCAST: u64 = 4;
const MEMPOOL: u64 = 5;
/// The only channel of a ceremony's network.
const CEREMONY: u64 = 0;
/// The runtime wants a folder; nothing is kept in it.
const CEREMONY_FOLDER: &str = "ceremony";

/// Per channel and peer. The network reserves this times the number of peers for every channel: a generous
/// quota costs a gigabyte. All validators must agree on it.
const MESSAGES_PER_SECOND: NonZeroU32 = NZU32!(128);

type Context = runtime::Context;
type Network = lookup::Network<Context, Handshake>;
type Handshake = Cups<Sake<ed25519::PrivateKey>, ChaCha20Poly1305>;
type Oracle = lookup::Oracle<ed25519::PublicKey>;
type Channels =
    Links<lookup::Sender<ed25519::PublicKey, Context>, lookup::Receiver<ed25519::PublicKey>, Oracle, Oracle>;

/// Who wants the figures.
pub(crate) type Scrapes = mpsc::Receiver<oneshot::Sender<String>>;

/// Runs until told to stop (`Ok`) or until something ends that must not.
pub(crate) fn run(member: Member, node: NodeFile, storage: PathBuf, mut scrapes: Scrapes) -> Result<(), String> {
    let config = runtime::Config::new().with_storage_directory(storage).with_worker_threads(2);
    runtime::Runner::new(config).start(|context| async move {
        let (links, network) = connect(&context, &member, &node)?;
        // Ends when nobody can ask any more, which is no reason to stop.
        let _figures = context.child("figures").spawn(move |context| async move {
            while let Some(reply) = scrapes.recv().await {
                // Whoever asked may have gone.
                let _ = reply.send(context.encode());
            }
        });
        tokio::select! {
            ended = member.run(context, links) => ended,
            _ = network => Err("the validators' network ended".into()),
        }
    })
}

/// Joins the validators' network.
fn connect(context: &Context, member: &Member, node: &NodeFile) -> Result<(Channels, Handle<()>), String> {
    let signer = member.identity.signer.clone();
    let me = signer.public_key();
    let count = NonZeroUsize::new(member.identity.validators.len()).ok_or("the genesis names no validators")?;
    let quota = Quota::per_second(MESSAGES_PER_SECOND);
    let namespace = [domains::LEDGER_NETWORK, &member.genesis.network_id].concat();
    let config = network_config(signer, node.listen, &namespace, count, largest_message(count));
    let (mut network, mut oracle) = Network::new(context.child("network"), config);
    let links = Links {
        votes: network.register(VOTES, quota),
        certificates: network.register(CERTIFICATES, quota),
        resolver: network.register(SIMPLEX_RESOLVER, quota),
        backfill: network.register(BACKFILL, quota),
        broadcast: network.register(BROADCAST, quota),
        mempool: network.register(MEMPOOL, quota),
        peers: oracle.clone(),
        blocker: oracle.clone(),
    };
    oracle.track(0, addresses(&me, node)?);
    Ok((links, network.start()))
}

fn network_config(
    signer: ed25519::PrivateKey,
    listen: SocketAddr,
    namespace: &[u8],
    nodes: NonZeroUsize,
    max_message_size: u32,
) -> lookup::Config<Handshake> {
    let sake = Sake {
        signer,
        synchrony_bound: Duration::from_secs(5),
        max_handshake_age: Duration::from_secs(10),
        version: sake::Version::V1,
    };
    lookup::Config {
        handshake: Cups::new(sake, cups::Version::V1),
        namespace: namespace.into(),
        listen,
        // Validators of one government may share an address or sit behind one: peers are known by key, and
        // handshakes from one address are not held back.
        allow_private_ips: true,
        allow_dns: false,
        bypass_ip_check: true,
        max_message_size,
        max_peers_per_set: nodes,
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

/// Makes the group key of a new network with the other founders, until told to stop.
pub(crate) fn convene(
    folder: &Path,
    founding: &Founding,
    stop: impl Future<Output = ()> + Send,
) -> Result<Option<Genesis>, EngineError> {
    let signer: ed25519::PrivateKey = read_secret(&folder.join(NODE_KEY_FILE))?;
    let me = signer.public_key();
    if founding.validators.iter().all(|part| part.node_key != key_bytes(&me)) {
        return Err(EngineError::CeremonyFailed(
            "the key of this folder is not among the founders: hand in its public part first".into(),
        ));
    }
    let peers = founding.peers_of(&key_bytes(&me));
    let node = NodeFile { peers, ..NodeFile::load(folder)? };
    let nobody = EngineError::InvalidGenesis("the network has no founders");
    let count = NonZeroUsize::new(founding.validators.len()).ok_or(nobody)?;
    let namespace = [domains::LEDGER_CEREMONY, &founding.id()].concat();
    let config = runtime::Config::new().with_storage_directory(folder.join(CEREMONY_FOLDER)).with_worker_threads(2);
    runtime::Runner::new(config).start(|context| async move {
        let config =
            network_config(signer, node.listen, &namespace, count, max_message_size(&[ceremony::max_message()]));
        let (mut network, mut oracle) = Network::new(context.child("network"), config);
        let channel = network.register(CEREMONY, Quota::per_second(MESSAGES_PER_SECOND));
        oracle.track(0, addresses(&me, &node).map_err(EngineError::CeremonyFailed)?);
        let network = network.start();
        tokio::select! {
            () = stop => Ok(None),
            held = convene::hold(context, folder, channel) => held.map(Some),
            _ = network => Err(EngineError::CeremonyFailed("the network between the validators ended".into())),
        }
    })
}

fn addresses(me: &ed25519::PublicKey, node: &NodeFile) -> Result<Map<ed25519::PublicKey, Address>, String> {
    let damaged = || String::from("node.json names a peer without a valid node key: restore it");
    let mut addresses = vec![(me.clone(), Address::from(node.listen))];
    for peer in &node.peers {
        addresses.push((peer.public_key().ok_or_else(damaged)?, Address::from(peer.address)));
    }
    addresses.into_iter().try_collect().map_err(|_| damaged())
}

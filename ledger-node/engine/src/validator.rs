//! A validator on the machine's own runtime and network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::{marshal, simplex};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519, sha256};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::utils::mux;
use commonware_p2p::{Address, AddressableManager as _, AddressableTrackedPeers, max_message_size};
use commonware_runtime::{Handle, Metrics as _, Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::{NZU32, NZUsize, TryCollect as _};
use protocol::crypto::domains;
use tokio::sync::{mpsc, oneshot};

use crate::block::{Block, MAX_LIST_BYTES};
use crate::consensus::{Links, MAILBOX, Member};
use crate::epoch::Members;
use crate::error::EngineError;
use crate::founding::Founding;
use crate::setup::{Genesis, MAX_VALIDATORS, NODE_KEY_FILE, NodeFile, Peer, Scheme, key_bytes, read_secret};
use crate::{ceremony, convene, handover};

// Channels of the validators' network.
const VOTES: u64 = 0;
const CERTIFICATES: u64 = 1;
const SIMPLEX_RESOLVER: u64 = 2;
const BACKFILL: u64 = 3;
const BROADCAST: u64 = 4;
const MEMPOOL: u64 = 5;
const HANDOVER: u64 = 6;
/// The only channel of a ceremony's network.
const CEREMONY: u64 = 0;
/// The runtime wants a folder; nothing is kept in it.
const CEREMONY_FOLDER: &str = "ceremony";

/// Room for at least so many validators, successors and followers.
const PEERS_MIN: usize = 32;

/// Per channel and peer. The network reserves this times the number of peers for every channel: a generous
/// quota costs a gigabyte. All validators must agree on it.
const MESSAGES_PER_SECOND: NonZeroU32 = NZU32!(128);

type Context = runtime::Context;
type Network = lookup::Network<Context, Handshake>;
type Handshake = Cups<Sake<ed25519::PrivateKey>, ChaCha20Poly1305>;
type Oracle = lookup::Oracle<ed25519::PublicKey>;
type Channel = (lookup::Sender<ed25519::PublicKey, Context>, lookup::Receiver<ed25519::PublicKey>);
type Channels =
    Links<lookup::Sender<ed25519::PublicKey, Context>, lookup::Receiver<ed25519::PublicKey>, Oracle, Oracle>;

/// Who wants the figures.
pub(crate) type Scrapes = mpsc::Receiver<oneshot::Sender<String>>;

/// Runs until told to stop (`Ok`) or until something ends that must not.
pub(crate) fn run(mut member: Member, node: NodeFile, storage: PathBuf, mut scrapes: Scrapes) -> Result<(), String> {
    let config = runtime::Config::new().with_storage_directory(storage).with_worker_threads(2);
    runtime::Runner::new(config).start(|context| async move {
        let (links, handover, network) = connect(&context, &mut member, &node)?;
        // Ends when nobody can ask any more, which is no reason to stop.
        let _figures = context.child("figures").spawn(move |context| async move {
            while let Some(reply) = scrapes.recv().await {
                // Whoever asked may have gone.
                let _ = reply.send(context.encode());
            }
        });
        tokio::select! {
            ended = member.run(context, links, Some(handover)) => ended,
            _ = network => Err("the validators' network ended".into()),
        }
    })
}

/// Joins the validators' network.
fn connect(context: &Context, member: &mut Member, node: &NodeFile) -> Result<(Channels, Channel, Handle<()>), String> {
    let signer = member.identity.signer.clone();
    let me = signer.public_key();
    let count = NonZeroUsize::new((2 * member.identity.validators.len()).max(PEERS_MIN)).ok_or("no peers")?;
    let quota = Quota::per_second(MESSAGES_PER_SECOND);
    let namespace = [domains::LEDGER_NETWORK, &member.genesis.network_id].concat();
    let config = network_config(signer, node.listen, &namespace, count, largest_message());
    let (mut network, mut oracle) = Network::new(context.child("network"), config);
    let handover = network.register(HANDOVER, quota);
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
    let directory = Directory::new(&me, node)?;
    oracle.track(0, directory.everybody());
    let mut number = 0;
    member.track = Box::new(move |members| {
        number += 1;
        oracle.track(number, directory.of(members, count.get()));
    });
    Ok((links, handover, network.start()))
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

fn largest_message() -> u32 {
    let validators = MAX_VALIDATORS;
    max_message_size(&[
        mux::prefixed(simplex::max_payload_size::<Scheme, sha256::Digest>(validators)),
        marshal::max_payload_size::<Standard<Block>, Scheme>(validators, &()),
        MAX_LIST_BYTES,
        handover::max_message(),
    ])
}

/// Who may connect, and where they are.
struct Directory {
    me: ed25519::PublicKey,
    listen: SocketAddr,
    peers: BTreeMap<ed25519::PublicKey, SocketAddr>,
    followers: BTreeMap<ed25519::PublicKey, SocketAddr>,
}

impl Directory {
    fn new(me: &ed25519::PublicKey, node: &NodeFile) -> Result<Self, String> {
        let damaged = || String::from("node.json names a node without a valid key: restore it");
        let read = |peers: &[Peer]| {
            let entry = |peer: &Peer| Some((peer.public_key()?, peer.address));
            peers.iter().map(entry).collect::<Option<BTreeMap<_, _>>>().ok_or_else(damaged)
        };
        let (peers, followers) = (read(&node.peers)?, read(&node.followers)?);
        Ok(Self { me: me.clone(), listen: node.listen, peers, followers })
    }

    /// Everybody whom the operator named.
    fn everybody(&self) -> AddressableTrackedPeers<ed25519::PublicKey> {
        self.tracked(self.peers.clone(), usize::MAX)
    }

    /// Those who are in office or will be, where the ledger says they are, or else the operator; and for a node that
    /// is neither, also those whom its operator named.
    fn of(&self, members: &[Members], most: usize) -> AddressableTrackedPeers<ed25519::PublicKey> {
        let mut primary = BTreeMap::new();
        if members.iter().all(|set| set.keys.position(&self.me).is_none()) {
            primary.clone_from(&self.peers);
        }
        for (key, address) in members.iter().flat_map(|set| set.keys.iter().zip(&set.addresses)) {
            if let Some(address) = address.or_else(|| self.peers.get(key).copied()) {
                primary.insert(key.clone(), address);
            }
        }
        self.tracked(primary, most)
    }

    fn tracked(
        &self,
        mut primary: BTreeMap<ed25519::PublicKey, SocketAddr>,
        most: usize,
    ) -> AddressableTrackedPeers<ed25519::PublicKey> {
        primary.insert(self.me.clone(), self.listen);
        let room = most.saturating_sub(primary.len());
        let map = |nodes: BTreeMap<_, SocketAddr>, most| {
            // Keys of a map are distinct.
            nodes.into_iter().take(most).map(|(key, at)| (key, Address::from(at))).try_collect().unwrap_or_default()
        };
        AddressableTrackedPeers::new(map(primary, most), map(self.followers.clone(), room))
    }
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
        oracle.track(0, Directory::new(&me, &node).map_err(EngineError::CeremonyFailed)?.everybody());
        let network = network.start();
        tokio::select! {
            () = stop => Ok(None),
            held = convene::hold(context, folder, channel) => held.map(Some),
            _ = network => Err(EngineError::CeremonyFailed("the network between the validators ended".into())),
        }
    })
}

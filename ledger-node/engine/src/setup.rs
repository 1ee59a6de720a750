//! Key files and the genesis: what makes a folder a validator.
//!
//! | file | who may see it | content |
//! |---|---|---|
//! | `genesis.json` | everyone | name, time, validators' node keys, the group key's polynomial, the application's genesis |
//! | `node.json` | operator | where this validator listens and where its peers are |
//! | `node.key` | this validator only | Ed25519 node identity (hex) |
//! | `share.key` | this validator only | its share of the BLS group key (hex) |
//!
//! [`init`] is a dealer: the process that runs it sees every share for a moment. It is for one validator, and for
//! tests. Several operators make their key together: `founding.rs` and `ceremony.rs`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use commonware_codec::{Copying, Decode as _, DecodeExt, Encode as _};
use commonware_consensus::simplex::scheme::bls12381_threshold::standard;
use commonware_cryptography::bls12381::dkg::feldman_desmedt;
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::bls12381::primitives::sharing::{Mode, ModeVersion, Sharing};
use commonware_cryptography::bls12381::primitives::variant::MinSig;
use commonware_cryptography::{Signer as _, ed25519};
use commonware_utils::ordered::Set;
use commonware_utils::{N3f1, TryCollect as _};
use protocol::crypto::domains;
use protocol::ledger::certificate;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::epoch::{Committee, EPOCH_BLOCKS, Terms};
use crate::error::EngineError;
use crate::founding::{Founding, PUBLIC_FILE, Part};
use crate::secrets::{Folder, Secrets as _};

/// The most validators a genesis may name.
pub const MAX_VALIDATORS: u32 = 100;

pub(crate) const GENESIS_FILE: &str = "genesis.json";
pub(crate) const NODE_FILE: &str = "node.json";
pub(crate) const NODE_KEY_FILE: &str = "node.key";
pub(crate) const SHARE_FILE: &str = "share.key";

/// The signature scheme of votes and certificates: threshold BLS, signatures in G1.
#[cfg_attr(not(feature = "testkit"), allow(unreachable_pub, reason = "what tests name of this"))]
pub type Scheme = standard::Scheme<ed25519::PublicKey, MinSig>;

/// What [`init`] makes a network of.
#[derive(Debug, Clone)]
pub struct NewNetwork {
    /// Name for people, 1 to 64 bytes, e.g. `kr-demo`.
    pub name: String,
    /// Unix milliseconds of the genesis.
    pub time_ms: u64,
    /// The state machine's own genesis, opaque here. The network id commits to it.
    pub application: Vec<u8>,
    /// One entry per validator.
    pub validators: Vec<ValidatorPlace>,
}

/// Where a validator lives.
#[derive(Debug, Clone)]
pub struct ValidatorPlace {
    /// Its folder; created if missing, must not hold a validator yet.
    pub folder: PathBuf,
    /// Where its peers reach it. A single validator opens no public port: use `127.0.0.1:0`.
    pub address: SocketAddr,
}

/// The public beginning of a network. Its hash is the network id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Name for people.
    pub name: String,
    /// Unix milliseconds of the genesis block.
    pub time_ms: u64,
    /// The validators' Ed25519 node keys, ascending.
    pub validators: Vec<[u8; 32]>,
    /// The state machine's own genesis.
    pub application: Vec<u8>,
    /// Blocks of an epoch, if not as many as usual.
    pub epoch_blocks: Option<NonZeroU64>,
    /// Public polynomial of the shared key; its constant term is the group key.
    polynomial: Vec<u8>,
    group_key: [u8; certificate::GROUP_KEY_LENGTH],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    name: String,
    time_ms: u64,
    validators: Vec<String>,
    polynomial: String,
    application: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch_blocks: Option<NonZeroU64>,
}

/// Where a validator and its peers are found: `node.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeFile {
    pub(crate) listen: SocketAddr,
    pub(crate) peers: Vec<Peer>,
    /// Nodes that may follow without a vote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) followers: Vec<Peer>,
}

/// Another node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    node_key: String,
    pub(crate) address: SocketAddr,
}

/// A validator's secrets and what belongs to them.
#[cfg_attr(feature = "testkit", derive(Clone))]
pub(crate) struct Identity {
    pub(crate) signer: ed25519::PrivateKey,
    /// The first validators of the network.
    pub(crate) committee: Committee,
    /// What it votes with in their time; without a share, it only checks.
    #[cfg_attr(not(any(test, feature = "testkit")), expect(dead_code, reason = "simulated adversaries vote with it"))]
    pub(crate) scheme: Scheme,
    pub(crate) validators: Set<ed25519::PublicKey>,
}

/// Makes a network: a genesis, and for each validator a folder with its own keys in it.
///
/// Nothing is written unless every folder is free.
pub fn init(network: &NewNetwork, rng: &mut dyn CryptoRng) -> Result<Genesis, EngineError> {
    init_with_epochs(network, None, rng)
}

/// As [`init`], with epochs of another length: tests do not wait for 256 blocks. At least 8.
pub fn init_with_epochs(
    network: &NewNetwork,
    epoch_blocks: Option<NonZeroU64>,
    rng: &mut dyn CryptoRng,
) -> Result<Genesis, EngineError> {
    check_network(network)?;
    check_epochs(epoch_blocks)?;
    for place in &network.validators {
        if place.folder.join(GENESIS_FILE).exists() {
            return Err(EngineError::FolderNotEmpty(place.folder.clone()));
        }
    }
    let mut keyed = Vec::with_capacity(network.validators.len());
    for place in &network.validators {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        let signer = ed25519::PrivateKey::decode(Copying(seed.as_slice()))
            .map_err(|_| EngineError::InvalidGenesis("a node key could not be made"))?;
        let part = Part::sign(&signer, place.address);
        keyed.push((place, seed, signer.public_key(), part));
    }
    let players = key_set(keyed.iter().map(|(_, _, key, _)| key.clone()))?;
    let (output, shares) = feldman_desmedt::deal::<MinSig, _, N3f1>(rng, Mode::NonZeroCounter, players.clone())
        .map_err(|_| EngineError::InvalidGenesis("the shares could not be dealt"))?;
    let genesis = Genesis {
        name: network.name.clone(),
        time_ms: network.time_ms,
        validators: players.iter().map(key_bytes).collect(),
        application: network.application.clone(),
        epoch_blocks,
        group_key: group_key(output.public())?,
        polynomial: output.public().encode().to_vec(),
    };
    for (place, seed, key, part) in &keyed {
        let share = shares.get_value(key).ok_or(EngineError::InvalidGenesis("a share is missing"))?;
        let peers = keyed
            .iter()
            .filter(|(_, _, other, _)| other != key)
            .map(|(other, _, key, _)| Peer { node_key: hex::encode(key), address: other.address })
            .collect();
        let node = NodeFile { listen: place.address, peers, followers: Vec::new() };
        fs::create_dir_all(&place.folder).map_err(|source| io_error(&place.folder, source))?;
        let share = Zeroizing::new(share.encode().to_vec());
        write_file(&place.folder.join(NODE_KEY_FILE), &Zeroizing::new(hex::encode(seed.as_slice())), 0o600)?;
        write_file(&place.folder.join(SHARE_FILE), &Zeroizing::new(hex::encode(&*share)), 0o600)?;
        write_file(&place.folder.join(NODE_FILE), &to_json(&node), 0o644)?;
        write_file(&place.folder.join(PUBLIC_FILE), &part.to_json(), 0o644)?;
        // Last: a folder with a genesis is complete.
        write_file(&place.folder.join(GENESIS_FILE), &to_json(&genesis.to_file()), 0o644)?;
        sync_folder(&place.folder)?;
    }
    Ok(genesis)
}

pub(crate) fn check_epochs(epoch_blocks: Option<NonZeroU64>) -> Result<(), EngineError> {
    match epoch_blocks {
        Some(blocks) if blocks.get() < 8 => Err(EngineError::InvalidGenesis("an epoch needs at least 8 blocks")),
        _ => Ok(()),
    }
}

fn check_network(network: &NewNetwork) -> Result<(), EngineError> {
    if network.name.is_empty() || network.name.len() > 64 {
        return Err(EngineError::InvalidGenesis("the name needs 1 to 64 bytes"));
    }
    if network.validators.is_empty() || network.validators.len() > MAX_VALIDATORS as usize {
        return Err(EngineError::InvalidGenesis("there must be 1 to 100 validators"));
    }
    for (at, place) in network.validators.iter().enumerate() {
        let others = &network.validators[at + 1..];
        if others.iter().any(|other| other.folder == place.folder || other.address == place.address) {
            return Err(EngineError::InvalidGenesis("two validators share a folder or an address"));
        }
    }
    Ok(())
}

impl Genesis {
    /// The genesis of a network whose validators made their key together.
    pub(crate) fn founded(founding: &Founding, sharing: &Sharing<MinSig>) -> Result<Self, EngineError> {
        Ok(Self {
            name: founding.name.clone(),
            time_ms: founding.time_ms,
            validators: founding.validators.iter().map(|part| part.node_key).collect(),
            application: founding.application.clone(),
            epoch_blocks: founding.epoch_blocks,
            group_key: group_key(sharing)?,
            polynomial: sharing.encode().to_vec(),
        })
    }

    /// The public polynomial of the shared key.
    pub(crate) fn sharing(&self) -> Result<Sharing<MinSig>, EngineError> {
        decode_sharing(&self.polynomial).ok_or(EngineError::InvalidGenesis("the polynomial cannot be read"))
    }

    /// Whether the folder holds a genesis.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(GENESIS_FILE).exists()
    }

    /// The file that every validator of the network has.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(&self.to_file())
    }

    /// Reads the genesis of a validator's folder.
    pub fn load(folder: &Path) -> Result<Self, EngineError> {
        Self::read(&folder.join(GENESIS_FILE))
    }

    /// Reads a genesis file that lies elsewhere.
    ///
    /// # Errors
    /// [`EngineError::Io`], [`EngineError::FileDamaged`]
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let damaged = || EngineError::FileDamaged(path.into());
        let file: GenesisFile = serde_json::from_slice(&read_file(path)?).map_err(|_| damaged())?;
        let mut validators = Vec::with_capacity(file.validators.len());
        for key in &file.validators {
            let mut bytes = [0; 32];
            hex::decode_to_slice(key, &mut bytes).map_err(|_| damaged())?;
            validators.push(bytes);
        }
        check_epochs(file.epoch_blocks).map_err(|_| damaged())?;
        let polynomial = hex::decode(&file.polynomial).map_err(|_| damaged())?;
        let sharing = decode_sharing(&polynomial).ok_or_else(damaged)?;
        if validators.is_empty() || sharing.total().get() as usize != validators.len() || !validators.is_sorted() {
            return Err(damaged());
        }
        Ok(Self {
            name: file.name,
            time_ms: file.time_ms,
            validators,
            application: hex::decode(&file.application).map_err(|_| damaged())?,
            epoch_blocks: file.epoch_blocks,
            group_key: group_key(&sharing)?,
            polynomial,
        })
    }

    /// The network id: SHA-256 of the domain label and every field, each variable one after its length.
    pub fn network_id(&self) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(domains::LEDGER_GENESIS).chain_update(self.time_ms.to_be_bytes());
        let validators = self.validators.concat();
        for field in [self.name.as_bytes(), &validators, &self.polynomial, &self.application] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        if let Some(blocks) = self.epoch_blocks {
            hash.update(blocks.get().to_be_bytes());
        }
        hash.finalize().into()
    }

    /// How its epochs go.
    pub(crate) fn terms(&self) -> Terms {
        Terms::new(&self.network_id(), self.epoch_blocks.unwrap_or(EPOCH_BLOCKS))
    }

    /// Its first validators.
    pub(crate) fn committee(&self) -> Result<Committee, EngineError> {
        let mismatch = || EngineError::InvalidGenesis("a validator's key is not one");
        let decode = |key: &[u8; 32]| ed25519::PublicKey::decode(Copying(key)).map_err(|_| mismatch());
        let keys = key_set(self.validators.iter().map(decode).collect::<Result<Vec<_>, _>>()?)?;
        Committee::genesis(keys, &self.sharing()?).map_err(|_| mismatch())
    }

    /// The key every finalisation certificate of this network verifies under, whoever the validators are.
    pub fn group_key(&self) -> [u8; certificate::GROUP_KEY_LENGTH] {
        self.group_key
    }

    fn to_file(&self) -> GenesisFile {
        GenesisFile {
            name: self.name.clone(),
            time_ms: self.time_ms,
            validators: self.validators.iter().map(hex::encode).collect(),
            polynomial: hex::encode(&self.polynomial),
            application: hex::encode(&self.application),
            epoch_blocks: self.epoch_blocks,
        }
    }
}

impl Identity {
    /// Reads the keys of `folder` and checks them against `genesis`. A node without a share of the first
    /// validators' follows, or has a share of later ones.
    pub(crate) fn load(folder: &Path, genesis: &Genesis) -> Result<Self, EngineError> {
        let signer: ed25519::PrivateKey = read_secret(&folder.join(NODE_KEY_FILE))?;
        let committee = genesis.committee()?;
        let validators = committee.members.keys.clone();
        let place = validators.position(&signer.public_key());
        let path = folder.join(SHARE_FILE);
        let later = Folder(folder.into()).names()?.iter().any(|name| name.starts_with("share-"));
        // The only validator has nobody to follow.
        let required = place.is_some() && validators.len() == 1 && !later;
        let share: Option<Share> = if required || path.exists() { Some(read_secret(&path)?) } else { None };
        let mismatch = || EngineError::KeysDoNotMatchGenesis;
        let namespace = certificate::namespace(&genesis.network_id());
        let polynomial = genesis.sharing()?;
        let scheme = match share {
            None => Scheme::verifier(&namespace, validators.clone(), polynomial),
            Some(share) => {
                let expected = polynomial.partial_public(share.index).map_err(|_| mismatch())?;
                if place != Some(share.index.get() as usize) || share.public::<MinSig>() != expected {
                    return Err(mismatch());
                }
                Scheme::signer(&namespace, validators.clone(), polynomial, share).ok_or_else(mismatch)?
            }
        };
        Ok(Self { signer, committee, scheme, validators })
    }

    /// The node's own public key.
    pub(crate) fn node_key(&self) -> [u8; 32] {
        key_bytes(&self.signer.public_key())
    }
}

impl NodeFile {
    /// Reads `node.json` of `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Self, EngineError> {
        let path = folder.join(NODE_FILE);
        serde_json::from_slice(&read_file(&path)?).map_err(|_| EngineError::FileDamaged(path))
    }
}

impl Peer {
    pub(crate) fn new(node_key: &[u8; 32], address: SocketAddr) -> Self {
        Self { node_key: hex::encode(node_key), address }
    }

    /// The peer's node key, unless the file is damaged.
    pub(crate) fn public_key(&self) -> Option<ed25519::PublicKey> {
        ed25519::PublicKey::decode(Copying(&hex::decode(&self.node_key).ok()?)).ok()
    }
}

fn decode_sharing(bytes: &[u8]) -> Option<Sharing<MinSig>> {
    let limit = (NonZeroU32::new(MAX_VALIDATORS)?, ModeVersion::v0());
    Sharing::decode_cfg(Copying(bytes), &limit).ok()
}

fn group_key(sharing: &Sharing<MinSig>) -> Result<[u8; certificate::GROUP_KEY_LENGTH], EngineError> {
    <[u8; certificate::GROUP_KEY_LENGTH]>::try_from(&*sharing.public().encode())
        .map_err(|_| EngineError::InvalidGenesis("the group key has another length"))
}

pub(crate) fn key_set(
    keys: impl IntoIterator<Item = ed25519::PublicKey>,
) -> Result<Set<ed25519::PublicKey>, EngineError> {
    keys.into_iter().try_collect().map_err(|_| EngineError::InvalidGenesis("two validators share a node key"))
}

pub(crate) fn key_bytes(key: &ed25519::PublicKey) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(key.as_ref());
    bytes
}

pub(crate) fn read_secret<T: DecodeExt<()>>(path: &Path) -> Result<T, EngineError> {
    let text = Zeroizing::new(read_file(path)?);
    let bytes = Zeroizing::new(hex::decode(&*text).map_err(|_| EngineError::FileDamaged(path.into()))?);
    T::decode(Copying(&bytes)).map_err(|_| EngineError::FileDamaged(path.into()))
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    // Strings, numbers and lists of them: serialising these has no error case.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, EngineError> {
    fs::read(path).map_err(|source| io_error(path, source))
}

pub(crate) fn write_file(path: &Path, content: &str, mode: u32) -> Result<(), EngineError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|source| io_error(path, source))
}

/// Writes a file in place of another, so that a crash leaves one of the two.
pub(crate) fn replace_file(path: &Path, content: &str, mode: u32) -> Result<(), EngineError> {
    let new = path.with_extension("new");
    // What a crash left behind is not worth keeping.
    if new.exists() {
        fs::remove_file(&new).map_err(|source| io_error(&new, source))?;
    }
    write_file(&new, content, mode)?;
    fs::rename(&new, path).map_err(|source| io_error(path, source))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes what was created, renamed or removed in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), EngineError> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|source| io_error(folder, source))
}

pub(crate) fn io_error(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Io { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
    use commonware_consensus::types::{Epoch, Round, View};
    use commonware_cryptography::sha256;
    use commonware_parallel::Sequential;
    use protocol::ledger::certificate::Certificate;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use serde_json::Value;

    use super::*;

    /// The keys of `tests/common`, which wrote the golden file.
    fn identities(root: &Path, validators: usize) -> (Genesis, Vec<Identity>) {
        let validators: Vec<_> = (0..validators)
            .map(|at| ValidatorPlace {
                folder: root.join(format!("validator-{at}")),
                address: ([127, 0, 0, 1], 1 + at as u16).into(),
            })
            .collect();
        let network =
            NewNetwork { name: "test".into(), time_ms: 1_700_000_000_000, application: b"texts".to_vec(), validators };
        let genesis = init(&network, &mut ChaCha20Rng::seed_from_u64(2026)).unwrap();
        let identities =
            network.validators.iter().map(|place| Identity::load(&place.folder, &genesis).unwrap()).collect();
        (genesis, identities)
    }

    /// An update of the consensus library that signs anything else is a fork, however small.
    #[test]
    fn this_version_signs_the_golden_certificates() {
        let text = include_str!("../../../specs/vectors/ledger-certificate.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut checked = 0;
        for count in [1, 4] {
            let (genesis, identities) = identities(&root.path().join(count.to_string()), count);
            for case in file["cases"].as_array().unwrap() {
                let name = case["name"].as_str().unwrap();
                if case["expect"] != "Valid" || !name.starts_with(&format!("validators: {count},")) {
                    continue;
                }
                assert_eq!(case["network_id"], hex::encode(genesis.network_id()), "{name}");
                assert_eq!(case["group_key"], hex::encode(genesis.group_key()), "{name}");
                let golden = hex::decode(case["certificate"].as_str().unwrap()).unwrap();
                let parts = Certificate::decode(&golden).unwrap();
                let proposal = Proposal::new(
                    Round::new(Epoch::new(parts.epoch), View::new(parts.view)),
                    View::new(parts.parent_view),
                    sha256::Digest::from(parts.payload),
                );
                let votes: Vec<_> = identities
                    .iter()
                    .map(|identity| Finalize::sign(&identity.scheme, proposal.clone()).unwrap())
                    .collect();
                let finalization = Finalization::from_finalizes(
                    &identities[0].scheme,
                    commonware_utils::non_empty![@votes.iter()],
                    &Sequential,
                )
                .unwrap();
                assert_eq!(finalization.encode(), golden, "{name}");
                checked += 1;
            }
        }
        assert!(checked >= 8, "{checked} certificates");
    }

    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        identities(root.path(), 2);
        let mode = |file| fs::metadata(root.path().join("validator-0").join(file)).unwrap().permissions().mode();
        assert_eq!(mode(NODE_KEY_FILE) & 0o777, 0o600);
        assert_eq!(mode(SHARE_FILE) & 0o777, 0o600);
        let share = |at: usize| fs::read(root.path().join(format!("validator-{at}")).join(SHARE_FILE)).unwrap();
        assert_ne!(share(0), share(1));
        for file in [GENESIS_FILE, NODE_FILE] {
            let public = fs::read_to_string(root.path().join("validator-0").join(file)).unwrap();
            let secret = String::from_utf8(share(0)).unwrap();
            assert!(!public.contains(secret.get(2..).unwrap()), "{file}");
        }
    }
}

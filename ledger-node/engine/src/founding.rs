//! How several operators found one network without anybody seeing more than their own keys.
//!
//! Each operator makes an identity in a folder of its own ([`new_identity`]) and hands out its public [`Part`].
//! Anybody puts the parts together ([`Founding::new`]); the file goes into every folder. Then each operator starts
//! its validator, and the validators make the group key among themselves (`ceremony.rs`). Only the genesis that
//! comes out of it says which network this is.
//!
//! | file | who may see it | content |
//! |---|---|---|
//! | `node.key`, `node.json` | as in `setup.rs` | made first |
//! | `public.json` | everyone | [`Part`]: node key and address, signed by the node key |
//! | `founding.json` | everyone | [`Founding`]: name, time, parts, the application's genesis |
//! | `ceremony.key` | this validator only | seed of its part of the ceremony; gone when the ceremony is over |

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::Path;

use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{Signer as _, Verifier as _, ed25519};
use protocol::crypto::domains;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::EngineError;
use crate::setup::{
    GENESIS_FILE, Genesis, MAX_VALIDATORS, NODE_FILE, NODE_KEY_FILE, NodeFile, Peer, io_error, read_file, replace_file,
    sync_folder, to_json, write_file,
};

/// The file in which an operator hands out its [`Part`].
pub const PUBLIC_FILE: &str = "public.json";
/// The file in which every validator finds the [`Founding`].
pub const FOUNDING_FILE: &str = "founding.json";

/// What everyone may know of one validator, signed with its node key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Ed25519 node key.
    pub node_key: [u8; 32],
    /// Where its peers reach it.
    pub address: SocketAddr,
    signature: [u8; 64],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFile {
    node_key: String,
    address: SocketAddr,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundingFile {
    name: String,
    time_ms: u64,
    validators: Vec<PartFile>,
    application: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch_blocks: Option<NonZeroU64>,
}

/// A network that its validators agreed to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Name for people, 1 to 64 bytes.
    pub name: String,
    /// Unix milliseconds of the genesis.
    pub time_ms: u64,
    /// The state machine's own genesis.
    pub application: Vec<u8>,
    /// Blocks of an epoch, if not 256.
    pub epoch_blocks: Option<NonZeroU64>,
    /// The validators, ascending by their keys.
    pub validators: Vec<Part>,
}

/// Makes the keys of one validator in a folder of its own and returns what its operator hands out.
///
/// `listen` is where it accepts connections, `address` where its peers reach it.
///
/// # Errors
/// [`EngineError::FolderNotEmpty`], [`EngineError::Io`]
pub fn new_identity(
    folder: &Path,
    listen: SocketAddr,
    address: SocketAddr,
    rng: &mut dyn CryptoRng,
) -> Result<Part, EngineError> {
    if [NODE_KEY_FILE, GENESIS_FILE].iter().any(|file| folder.join(file).exists()) {
        return Err(EngineError::FolderNotEmpty(folder.into()));
    }
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    let signer = ed25519::PrivateKey::decode(Copying(seed.as_slice()))
        .map_err(|_| EngineError::InvalidGenesis("a node key could not be made"))?;
    let part = Part::sign(&signer, address);
    fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
    write_file(
        &folder.join(NODE_FILE),
        &to_json(&NodeFile { listen, peers: Vec::new(), followers: Vec::new() }),
        0o644,
    )?;
    write_file(&folder.join(PUBLIC_FILE), &part.to_json(), 0o644)?;
    write_file(&folder.join(NODE_KEY_FILE), &Zeroizing::new(hex::encode(seed.as_slice())), 0o600)?;
    sync_folder(folder)?;
    Ok(part)
}

/// Makes the keys of a node that joins a network which runs: it follows, until the validators are told to take it in.
///
/// `genesis` is the file that every node of the network has, `peers` are public parts of some that run.
///
/// # Errors
/// As [`new_identity`]; [`EngineError::InvalidGenesis`] without peers.
pub fn join(
    folder: &Path,
    listen: SocketAddr,
    address: SocketAddr,
    genesis: &Genesis,
    peers: &[Part],
    rng: &mut dyn CryptoRng,
) -> Result<Part, EngineError> {
    if peers.is_empty() {
        return Err(EngineError::InvalidGenesis("a node that joins needs to know one that runs"));
    }
    let part = new_identity(folder, listen, address, rng)?;
    let peers = peers.iter().map(|peer| Peer::new(&peer.node_key, peer.address)).collect();
    let node = NodeFile { listen, peers, followers: Vec::new() };
    replace_file(&folder.join(NODE_FILE), &to_json(&node), 0o644)?;
    replace_file(&folder.join(GENESIS_FILE), &genesis.to_json(), 0o644)?;
    Ok(part)
}

/// Lets a node follow that is no validator: it may connect to this one from its next start on.
///
/// # Errors
/// [`EngineError::Io`], [`EngineError::FileDamaged`]
pub fn admit(folder: &Path, follower: &Part) -> Result<(), EngineError> {
    let mut node = NodeFile::load(folder)?;
    let peer = Peer::new(&follower.node_key, follower.address);
    node.followers.retain(|known| known.public_key() != peer.public_key());
    node.followers.push(peer);
    replace_file(&folder.join(NODE_FILE), &to_json(&node), 0o644)
}

impl Part {
    pub(crate) fn sign(signer: &ed25519::PrivateKey, address: SocketAddr) -> Self {
        let mut node_key = [0; 32];
        node_key.copy_from_slice(signer.public_key().as_ref());
        let mut signature = [0; 64];
        signature.copy_from_slice(signer.sign(domains::LEDGER_PART, address.to_string().as_bytes()).as_ref());
        Self { node_key, address, signature }
    }

    fn is_signed(&self) -> bool {
        let (Ok(key), Ok(signature)) =
            (ed25519::PublicKey::decode(Copying(&self.node_key)), ed25519::Signature::decode(Copying(&self.signature)))
        else {
            return false;
        };
        key.verify(domains::LEDGER_PART, self.address.to_string().as_bytes(), &signature)
    }

    /// As the operator hands it out.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(&self.file())
    }

    fn file(&self) -> PartFile {
        PartFile { node_key: hex::encode(self.node_key), address: self.address, signature: hex::encode(self.signature) }
    }

    /// Reads what an operator handed out.
    ///
    /// # Errors
    /// [`EngineError::InvalidGenesis`] unless the node key signed it.
    pub fn parse(json: &[u8]) -> Result<Self, EngineError> {
        let file: PartFile = serde_json::from_slice(json).map_err(|_| UNREADABLE)?;
        Self::from_file(&file)
    }

    fn from_file(file: &PartFile) -> Result<Self, EngineError> {
        let mut part = Self { node_key: [0; 32], address: file.address, signature: [0; 64] };
        hex::decode_to_slice(&file.node_key, &mut part.node_key).map_err(|_| UNREADABLE)?;
        hex::decode_to_slice(&file.signature, &mut part.signature).map_err(|_| UNREADABLE)?;
        if part.is_signed() {
            Ok(part)
        } else {
            Err(EngineError::InvalidGenesis("a public part is not signed by its node key"))
        }
    }
}

const UNREADABLE: EngineError = EngineError::InvalidGenesis("a public part cannot be read");

impl Founding {
    /// Puts the parts together, in whatever order they come.
    ///
    /// # Errors
    /// [`EngineError::InvalidGenesis`]
    pub fn new(
        name: String,
        time_ms: u64,
        application: Vec<u8>,
        mut validators: Vec<Part>,
    ) -> Result<Self, EngineError> {
        if name.is_empty() || name.len() > 64 {
            return Err(EngineError::InvalidGenesis("the name needs 1 to 64 bytes"));
        }
        if validators.is_empty() || validators.len() > MAX_VALIDATORS as usize {
            return Err(EngineError::InvalidGenesis("there must be 1 to 100 validators"));
        }
        validators.sort_by_key(|part| part.node_key);
        for (at, part) in validators.iter().enumerate() {
            let others = &validators[at + 1..];
            if others.iter().any(|other| other.node_key == part.node_key || other.address == part.address) {
                return Err(EngineError::InvalidGenesis("two validators share a key or an address"));
            }
        }
        Ok(Self { name, time_ms, application, epoch_blocks: None, validators })
    }

    /// Reads the founding file of a validator's folder.
    ///
    /// # Errors
    /// [`EngineError::Io`], [`EngineError::FileDamaged`], [`EngineError::InvalidGenesis`]
    pub fn load(folder: &Path) -> Result<Self, EngineError> {
        let path = folder.join(FOUNDING_FILE);
        let damaged = || EngineError::FileDamaged(path.clone());
        let file: FoundingFile = serde_json::from_slice(&read_file(&path)?).map_err(|_| damaged())?;
        let parts = file.validators.iter().map(Part::from_file).collect::<Result<_, _>>()?;
        let application = hex::decode(&file.application).map_err(|_| damaged())?;
        crate::setup::check_epochs(file.epoch_blocks)?;
        Ok(Self { epoch_blocks: file.epoch_blocks, ..Self::new(file.name, file.time_ms, application, parts)? })
    }

    /// The file to put into every validator's folder as [`FOUNDING_FILE`].
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(&FoundingFile {
            name: self.name.clone(),
            time_ms: self.time_ms,
            validators: self.validators.iter().map(Part::file).collect(),
            application: hex::encode(&self.application),
            epoch_blocks: self.epoch_blocks,
        })
    }

    /// Puts the founding file into a folder.
    ///
    /// # Errors
    /// [`EngineError::Io`]
    pub fn store(&self, folder: &Path) -> Result<(), EngineError> {
        write_file(&folder.join(FOUNDING_FILE), &self.to_json(), 0o644)?;
        sync_folder(folder)
    }

    /// What the ceremony of this network is bound to: SHA-256 of the domain label and every field.
    pub(crate) fn id(&self) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(domains::LEDGER_FOUNDING).chain_update(self.time_ms.to_be_bytes());
        let keys: Vec<u8> = self.validators.iter().flat_map(|part| part.node_key).collect();
        for field in [self.name.as_bytes(), &keys, &self.application] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.update(self.epoch_blocks.map_or(0, NonZeroU64::get).to_be_bytes());
        hash.finalize().into()
    }

    /// The validators' keys, ascending.
    pub(crate) fn keys(&self) -> Result<Vec<ed25519::PublicKey>, EngineError> {
        let decode = |part: &Part| ed25519::PublicKey::decode(Copying(&part.node_key)).map_err(|_| UNREADABLE);
        self.validators.iter().map(decode).collect()
    }

    /// Where the others are, as seen by the validator with the key `me`.
    pub(crate) fn peers_of(&self, me: &[u8; 32]) -> Vec<Peer> {
        let others = self.validators.iter().filter(|part| part.node_key != *me);
        others.map(|part| Peer::new(&part.node_key, part.address)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn part(root: &Path, at: u16) -> Part {
        let mut rng = ChaCha20Rng::seed_from_u64(at.into());
        new_identity(&root.join(at.to_string()), address(at), address(at), &mut rng).unwrap()
    }

    #[test]
    fn a_founding_is_the_same_in_whatever_order_the_parts_come() {
        let root = tempfile::tempdir().unwrap();
        let parts: Vec<_> = (1..=4).map(|at| part(root.path(), at)).collect();
        let found = |parts: Vec<Part>| Founding::new("kr".into(), 7, b"app".to_vec(), parts);
        let founding = found(parts.clone()).unwrap();
        assert_eq!(found(parts.iter().rev().cloned().collect()).unwrap(), founding);
        founding.store(&root.path().join("1")).unwrap();
        assert_eq!(Founding::load(&root.path().join("1")).unwrap(), founding);
        assert_eq!(founding.peers_of(&parts[0].node_key).len(), 3);
        let other = Founding::new("kr".into(), 8, b"app".to_vec(), parts.clone()).unwrap();
        assert_ne!(other.id(), founding.id());

        let invalid = |result: Result<Founding, EngineError>| matches!(result, Err(EngineError::InvalidGenesis(_)));
        assert!(invalid(found(vec![])));
        assert!(invalid(found([parts.clone(), parts.clone()].concat())));
        assert!(invalid(found(vec![parts[0].clone(); 101])));
        assert!(invalid(Founding::new(String::new(), 7, vec![], parts)));
    }

    #[test]
    fn a_part_that_its_key_did_not_sign_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let good = part(root.path(), 1);
        assert_eq!(Part::parse(good.to_json().as_bytes()).unwrap(), good);
        let moved = Part { address: address(9), ..good.clone() };
        let stolen = Part { node_key: part(root.path(), 2).node_key, ..good };
        for refused in [moved.to_json(), stolen.to_json(), "{}".into()] {
            assert!(matches!(Part::parse(refused.as_bytes()), Err(EngineError::InvalidGenesis(_))));
        }
    }

    #[test]
    fn an_identity_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        part(root.path(), 1);
        let again = new_identity(&root.path().join("1"), address(1), address(1), &mut ChaCha20Rng::seed_from_u64(3));
        assert!(matches!(again, Err(EngineError::FolderNotEmpty(_))));
    }

    #[test]
    fn a_node_that_joins_knows_the_genesis_and_those_it_was_told_of() {
        let root = tempfile::tempdir().unwrap();
        let validators = vec![crate::ValidatorPlace { folder: root.path().join("one"), address: address(1) }];
        let network = crate::NewNetwork { name: "kr".into(), time_ms: 1, application: vec![], validators };
        let genesis = crate::init(&network, &mut ChaCha20Rng::seed_from_u64(5)).unwrap();
        let (known, folder) = (part(root.path(), 2), root.path().join("new"));
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let alone = join(&folder, address(3), address(3), &genesis, &[], &mut rng);
        assert!(matches!(alone, Err(EngineError::InvalidGenesis(_))));
        let joined = join(&folder, address(3), address(3), &genesis, std::slice::from_ref(&known), &mut rng).unwrap();
        assert_eq!(Genesis::load(&folder).unwrap(), genesis);
        let node = NodeFile::load(&folder).unwrap();
        assert_eq!(node.peers[0].public_key().unwrap().as_ref(), known.node_key);
        admit(&root.path().join("one"), &joined).unwrap();
        admit(&root.path().join("one"), &joined).unwrap();
        assert_eq!(NodeFile::load(&root.path().join("one")).unwrap().followers.len(), 1);
    }
}

//! `mid ledger init`, `identity`, `found` and `run`: how validators come to be and run.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger_client::{ClientError, LedgerClient};
use ledger_node::NodeConfig;
use ledger_node::genesis::{self, FOUNDING_FILE, Genesis, PUBLIC_FILE, Part};
use ledger_node::sync::{self, Answer as SourceAnswer, Source};
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::record::{Governance, GovernanceKey};
use serde_json::json;

use super::ledger::ANCHOR;
use crate::ledger::client;
use crate::output::{Answer, CliError};
use crate::{clock, files, randomness, serving};

/// Validators of `mid ledger init` without addresses listen on the ports after this one.
const BASE_PORT: u16 = 7910;

/// Who governs a new network.
#[derive(Debug, Args)]
struct Governors {
    /// Short name of the network, the third part of its DIDs
    #[arg(long, default_value = "kr-demo")]
    network: String,
    /// Key file of a governor, made if there is none; once for each governor
    #[arg(long, value_name = "FILE")]
    governance_key: Vec<PathBuf>,
    /// Public key of a governor in hexadecimal, when its key file is elsewhere
    #[arg(long, value_name = "HEX")]
    governor: Vec<String>,
    /// How many governors must sign
    #[arg(long, default_value_t = 1)]
    threshold: u8,
    /// Seconds for which a change that gives someone more power is visible before it comes into force
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    delay: u32,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The validator's folder; with --validators or several --validator, the folder of their folders
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How many validators, on this machine; their folders are node1, node2, …
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    validators: Option<u16>,
    /// Where a validator's peers reach it; once for each validator. One alone needs none
    #[arg(long, value_name = "ADDR")]
    validator: Vec<SocketAddr>,
    #[command(flatten)]
    governors: Governors,
}

#[derive(Debug, Args)]
pub(super) struct IdentityArgs {
    /// The validator's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where its peers reach it
    #[arg(long, value_name = "ADDR")]
    address: SocketAddr,
    /// Where it listens, if that is another address, as behind a firewall
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct FoundArgs {
    /// The public part of a validator, as `mid ledger identity` made it; once for each validator
    #[arg(long, value_name = "FILE", required = true)]
    part: Vec<PathBuf>,
    #[command(flatten)]
    governors: Governors,
    /// Write the founding file here; it goes into every validator's folder
    #[arg(long, value_name = "FILE", default_value = FOUNDING_FILE)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// The new node's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where its peers reach it
    #[arg(long, value_name = "ADDR")]
    address: SocketAddr,
    /// Where it listens, if that is another address, as behind a firewall
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The genesis of the network, from any of its nodes' folders
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The trust anchor, which the genesis must fit
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The public part of a validator that runs; once for each that is known
    #[arg(long, value_name = "FILE", required = true)]
    part: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct AdmitArgs {
    /// This validator's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The public part of the node that may follow
    #[arg(long, value_name = "FILE")]
    part: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The validator's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address to serve the API on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7802")]
    listen: SocketAddr,
    /// Seconds between empty blocks, which prove that the record is still current
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    heartbeat: u64,
    /// Address of a node's API to fetch the ledger's state from, when this folder holds none yet; once for each node
    #[arg(long, value_name = "URL")]
    sync_from: Vec<String>,
    /// Keep so many blocks and drop what is older, 256 at a time; only a node that began so. Without it, all are kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(512..))]
    keep_blocks: Option<u64>,
    /// Folder with the program that checks proofs in browsers, made by `cargo xtask wasm`; `web` beside the program's
    /// folder if there is one
    #[arg(long, value_name = "DIR")]
    web_dir: Option<PathBuf>,
}

impl Governors {
    /// The governance of the new network. Where no governor is named, one is made in `fallback`.
    fn governance(&self, fallback: Option<&Path>) -> Result<Governance, CliError> {
        let mut rng = randomness::os()?;
        // What can be refused is refused before a key is made.
        Did::derive(&self.network, &[])
            .map_err(|_| CliError::usage("a network's name is 1 to 24 of a-z, 0-9 and -"))?;
        let mut keys = Vec::new();
        for text in &self.governor {
            let mut key = [0; 32];
            hex::decode_to_slice(text, &mut key)
                .map_err(|_| CliError::usage("a governor's key is 32 bytes in hexadecimal"))?;
            keys.push(GovernanceKey(key));
        }
        let mut files = self.governance_key.clone();
        if files.is_empty() && keys.is_empty() {
            files.extend(fallback.map(Path::to_path_buf));
        }
        if self.threshold == 0 || usize::from(self.threshold) > files.len() + keys.len() {
            return Err(CliError::usage("the threshold is at least 1 and at most the number of governors"));
        }
        for path in &files {
            let key = if path.exists() { files::read_key(path)? } else { files::create_key(path, &mut rng)? };
            keys.push(GovernanceKey(files::ed25519_public(&key)?));
        }
        Ok(Governance { network: self.network.clone(), keys, threshold: self.threshold, delay: self.delay })
    }
}

pub(super) fn init(args: &InitArgs) -> Result<Answer, CliError> {
    let exists = |file: &str| args.dir.join(file).exists();
    if [ANCHOR, FOUNDING_FILE, "node1"].into_iter().any(exists) {
        return Err(CliError::refused(
            "FolderNotEmpty",
            format!("{} holds a network already; choose another", args.dir.display()),
        ));
    }
    // The governor's key may be the first file in it.
    files::make_private_directory(&args.dir)?;
    let governance = args.governors.governance(Some(&args.dir.join("governor.key")))?;
    let addresses = match (args.validators, args.validator.as_slice()) {
        (None, []) => return one(args, governance, &args.dir),
        (None, [_]) => return one(args, governance, &args.dir),
        (Some(1), [_]) => return one(args, governance, &args.dir.join("node1")),
        (Some(1), []) => return one(args, governance, &args.dir.join("node1")),
        (Some(count), []) => (1..=count).map(|at| SocketAddr::from((Ipv4Addr::LOCALHOST, BASE_PORT + at))).collect(),
        (None, addresses) => addresses.to_vec(),
        (Some(count), addresses) if usize::from(count) == addresses.len() => addresses.to_vec(),
        _ => return Err(CliError::usage("give as many --validator addresses as --validators, or none")),
    };
    several(args, governance, &addresses)
}

/// One validator has nobody to make its key with.
fn one(args: &InitArgs, governance: Governance, folder: &Path) -> Result<Answer, CliError> {
    let address = args.validator.first().copied().unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
    let places = genesis::places(folder, &[address]);
    let anchor = genesis::init(governance, places, clock::now_ms(), &mut randomness::os()?)?;
    files::write(&folder.join(ANCHOR), &anchor.encode())?;
    let (id, path) = (hex::encode(anchor.network_id), folder.join(ANCHOR));
    Ok(Answer::new(
        format!("network {} with 1 validator\n  id      {id}\n  anchor  {}", anchor.network, path.display()),
        json!({ "network": anchor.network, "network_id": id, "validators": 1, "anchor": path }),
    ))
}

/// Several make their key themselves, when they run: here each gets a folder with its identity.
fn several(args: &InitArgs, governance: Governance, addresses: &[SocketAddr]) -> Result<Answer, CliError> {
    let mut rng = randomness::os()?;
    let name = governance.network.clone();
    let folders: Vec<_> = (1..=addresses.len()).map(|at| args.dir.join(format!("node{at}"))).collect();
    let mut parts = Vec::new();
    for (folder, address) in folders.iter().zip(addresses) {
        parts.push(genesis::new_identity(folder, *address, *address, &mut rng).map_err(genesis::GenesisError::from)?);
    }
    let founding = genesis::founding(governance, parts, clock::now_ms())?;
    for folder in &folders {
        founding.store(folder).map_err(genesis::GenesisError::from)?;
    }
    let shown: Vec<_> = folders.iter().map(|folder| format!("  mid ledger run --dir {}", folder.display())).collect();
    Ok(Answer::new(
        format!(
            "network {name} with {} validators; they make its key when all of them run:\n{}",
            folders.len(),
            shown.join("\n")
        ),
        json!({ "network": name, "validators": folders.len(), "folders": folders }),
    ))
}

pub(super) fn identity(args: &IdentityArgs) -> Result<Answer, CliError> {
    let listen = args.listen.unwrap_or(args.address);
    let part = genesis::new_identity(&args.dir, listen, args.address, &mut randomness::os()?)
        .map_err(genesis::GenesisError::from)?;
    let (key, path) = (hex::encode(part.node_key), args.dir.join(PUBLIC_FILE));
    Ok(Answer::new(
        format!("validator {key}\n  to hand out  {}", path.display()),
        json!({ "node_key": key, "address": part.address, "public": path }),
    ))
}

pub(super) fn found(args: &FoundArgs) -> Result<Answer, CliError> {
    let parts = args.part.iter().map(|path| part(path)).collect::<Result<_, _>>()?;
    let founding = genesis::founding(args.governors.governance(None)?, parts, clock::now_ms())?;
    files::write(&args.out, founding.to_json().as_bytes())?;
    let out = args.out.display();
    Ok(Answer::new(
        format!(
            "founding file of {} with {} validators: {out}\ncopy it into each validator's folder as {FOUNDING_FILE}",
            founding.name,
            founding.validators.len()
        ),
        json!({ "network": founding.name, "validators": founding.validators.len(), "out": args.out }),
    )
    .beside(args.out == Path::new("-")))
}

fn part(path: &Path) -> Result<Part, CliError> {
    Ok(Part::parse(&files::read(path)?).map_err(genesis::GenesisError::from)?)
}

pub(super) fn join(args: &JoinArgs) -> Result<Answer, CliError> {
    let anchor = files::read_anchor(&args.anchor)?;
    let genesis = Genesis::read(&args.genesis).map_err(genesis::GenesisError::from)?;
    if genesis::anchor(&genesis) != anchor {
        return Err(CliError::refused(
            "WrongNetwork",
            "the genesis is not that of the trust anchor; get the right one",
        ));
    }
    let peers = args.part.iter().map(|path| part(path)).collect::<Result<Vec<_>, _>>()?;
    let listen = args.listen.unwrap_or(args.address);
    let made = genesis::join(&args.dir, listen, args.address, &genesis, &peers, &mut randomness::os()?)
        .map_err(genesis::GenesisError::from)?;
    keep_anchor(&args.dir, &anchor)?;
    let (key, path) = (hex::encode(made.node_key), args.dir.join(PUBLIC_FILE));
    Ok(Answer::new(
        format!("node {key} of {}\n  to hand out  {}", anchor.network, path.display()),
        json!({ "node_key": key, "address": made.address, "public": path }),
    ))
}

pub(super) fn admit(args: &AdmitArgs) -> Result<Answer, CliError> {
    let follower = part(&args.part)?;
    genesis::admit(&args.dir, &follower).map_err(genesis::GenesisError::from)?;
    let key = hex::encode(follower.node_key);
    Ok(Answer::new(format!("{key} may follow from the next start on"), json!({ "node_key": key })))
}

pub(super) fn run(args: &RunArgs) -> Result<Answer, CliError> {
    if genesis::awaits_founding(&args.dir) {
        let Some(anchor) = serving::found(&args.dir)? else {
            return Ok(Answer::new("stopped before the network was made", json!({ "stopped": true })));
        };
        keep_anchor(&args.dir, &anchor)?;
        eprintln!("the group key is made; network id {}", hex::encode(anchor.network_id));
    }
    if !args.sync_from.is_empty() && sync::is_needed(&args.dir) {
        let sources = args.sync_from.iter().map(|url| peer(url)).collect::<Result<Vec<_>, _>>()?;
        let fetched = serving::fetch(&args.dir, sources, args.listen)?;
        eprintln!("the ledger begins here with block {} and {} records", fetched.height, fetched.records);
    }
    let (heartbeat, web) = (Duration::from_secs(args.heartbeat), serving::web_dir(args.web_dir.clone()));
    let keep_blocks = args.keep_blocks.and_then(NonZeroU64::new);
    let config = NodeConfig { heartbeat, keep_blocks, web, ..NodeConfig::new(&args.dir) };
    serving::ledger(&config, args.listen)?;
    Ok(Answer::new("stopped", json!({ "stopped": true })))
}

/// A node whose state is asked for.
struct Peer(LedgerClient);

fn peer(url: &str) -> Result<Box<dyn Source + Send + Sync>, CliError> {
    Ok(Box::new(Peer(client(url)?)))
}

impl Source for Peer {
    fn name(&self) -> String {
        self.0.base().to_owned()
    }

    fn get(&self, path: &str, max: usize) -> SourceAnswer {
        match self.0.fetch(path, max) {
            Ok(bytes) => SourceAnswer::Bytes(bytes),
            Err(ClientError::MalformedAnswer) => SourceAnswer::TooMany,
            Err(_) => SourceAnswer::Nothing,
        }
    }
}

fn keep_anchor(dir: &Path, anchor: &TrustAnchor) -> Result<(), CliError> {
    files::write(&dir.join(ANCHOR), &anchor.encode())
}

//! `mid ledger bundle`, `checkpoint`, `succeed`: what verifiers fetch, keep up to date, and follow.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::ledger::TrustAnchor;
use protocol::ledger::bundle::{BundleError, Scope, TrustBundle};
use protocol::ledger::checkpoint::{self, Note};
use protocol::ledger::header::Header;
use protocol::ledger::proof::LedgerProof;
use protocol::ledger::state::TrustedState;
use serde_json::json;

use super::ledger::kind;
use crate::clock;
use crate::files::{self, Destination};
use crate::ledger::{answered, client};
use crate::output::{Answer, CliError};

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// Address of a ledger node to fetch from
    #[arg(long, value_name = "URL", conflicts_with = "bundle", requires = "out")]
    url: Option<String>,
    /// Look at this bundle or delta instead
    #[arg(long, value_name = "FILE", required_unless_present = "url")]
    bundle: Option<PathBuf>,
    /// Fetch only what came above this height: a delta, for mirrors to serve
    #[arg(long, value_name = "HEIGHT", requires = "url")]
    since: Option<u64>,
    /// The bundle that a delta builds on
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Write the bundle into this file, once it is checked. A newer one that is there stays
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The trust anchor: a file, or the picture of its QR code
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// Height of the newest bundle seen before; older ones are refused
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    floor: u64,
}

/// What stands in `path`, if that is a bundle of this network.
fn present(path: Option<&Path>, anchor: &TrustAnchor) -> Option<TrustedState> {
    let path = path.filter(|path| path.exists())?;
    TrustBundle::decode(&files::read(path).ok()?).ok()?.verify(anchor, 0).ok()
}

/// Fetches a bundle and checks it, lays a delta onto a bundle, or says what is in one.
pub(crate) fn bundle(args: &BundleArgs) -> Result<Answer, CliError> {
    let anchor = files::read_anchor(&args.anchor)?;
    let here = present(args.out.as_deref(), &anchor);
    let floor = args.floor.max(here.as_ref().map_or(0, TrustedState::height));
    let base = match &args.base {
        Some(path) => Some(TrustBundle::decode(&files::read(path)?)?.verify(&anchor, 0)?),
        None => None,
    };
    let received = match (&args.url, &args.bundle) {
        (Some(url), _) => {
            let since = args.since.or(base.as_ref().map(TrustedState::height));
            let scope = since.map_or(Scope::Snapshot, |since| Scope::Delta { since });
            client(url)?.bundle(scope).map_err(answered)?
        }
        (None, Some(path)) => TrustBundle::decode(&files::read(path)?)?,
        (None, None) => return Err(CliError::usage("name a node with --url or a bundle with --bundle")),
    };
    if let (Scope::Delta { since }, None) = (received.scope, &base) {
        return delta_alone(args, &anchor, &received, since);
    }
    let checked = match &base {
        Some(base) => received.verify_onto(base, &anchor),
        None => received.verify(&anchor, floor),
    };
    let forked = |trust: &TrustedState| {
        here.as_ref().is_some_and(|here| here.height() == trust.height() && here.header() != trust.header())
    };
    let trust = match checked {
        Ok(trust) if trust.height() < floor => return Err(BundleError::BundleRollback.into()),
        Ok(trust) if !forked(&trust) => trust,
        Err(error) if error != BundleError::ForkDetected => return Err(error.into()),
        // BNDL-09: what was here stays, and the other beside it is the evidence.
        _ => {
            if let Some(path) = &args.out {
                let mut name = path.as_os_str().to_owned();
                name.push(".fork");
                files::write(Path::new(&name), &received.encode())?;
            }
            return Err(BundleError::ForkDetected.into());
        }
    };
    let bytes = trust.to_bundle().encode();
    if let Some(path) = &args.out {
        files::write(path, &bytes)?;
    }
    let mut kinds = std::collections::BTreeMap::<_, usize>::new();
    trust.envelopes().for_each(|envelope| *kinds.entry(kind(&envelope.record)).or_default() += 1);
    let told: String = kinds.iter().map(|(kind, count)| format!("\n  {count} {kind}")).collect();
    let as_of = clock::rfc3339(trust.time_ms() / 1_000);
    let (network, height) = (trust.network(), trust.height());
    let mut text = format!("{} bytes, {network}, height {height}, as of {as_of}{told}", bytes.len());
    if trust.succession().is_some() {
        text += "\n  this network has a successor: follow it with `mid ledger succeed`";
    }
    let fetched = received.encode().len();
    Ok(Answer::new(
        text,
        json!({ "bytes": bytes.len(), "fetched": fetched, "network": network, "height": height, "as_of": as_of,
                "records": kinds, "succeeded": trust.succession().is_some() }),
    )
    .beside(args.out.as_deref() == Some(Path::new("-"))))
}

/// A delta that a mirror passes on: its header is certified, the rest is for those who have the base.
fn delta_alone(args: &BundleArgs, anchor: &TrustAnchor, delta: &TrustBundle, since: u64) -> Result<Answer, CliError> {
    let header = delta.certified_header(anchor)?;
    if header.height < args.floor {
        return Err(BundleError::BundleRollback.into());
    }
    let bytes = delta.encode();
    if let Some(path) = &args.out {
        files::write(path, &bytes)?;
    }
    let (records, lists) = (delta.values.len(), delta.attachments.len() + delta.changes.len());
    Ok(Answer::new(
        format!(
            "{} bytes: a delta from height {since} to {}, {records} records, {lists} lists; checked only as far as a \
             delta can be without its base",
            bytes.len(),
            header.height
        ),
        json!({ "bytes": bytes.len(), "since": since, "height": header.height, "records": records, "lists": lists }),
    )
    .beside(args.out.as_deref() == Some(Path::new("-"))))
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Addresses of validators to collect cosignatures from; once for each
    #[arg(long, value_name = "URL", required_unless_present = "note")]
    url: Vec<String>,
    /// A note that was collected before, instead; its header stands beside it as FILE.header
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    note: Option<PathBuf>,
    /// Which height; the newest that all have, when left out
    #[arg(long, value_name = "HEIGHT")]
    height: Option<u64>,
    /// The trust bundle that says who validates
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The trust anchor: a file, or the picture of its QR code
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// Write the note into this file, and its header beside it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".header");
    name.into()
}

/// Collects and checks the validators' cosignatures on a header (CHKP-05).
pub(crate) fn checkpoint(args: &CheckpointArgs) -> Result<Answer, CliError> {
    let anchor = files::read_anchor(&args.anchor)?;
    let trust = TrustBundle::decode(&files::read(&args.bundle)?)?.verify(&anchor, 0)?;
    let validators: Vec<_> = trust.validators().map_or(vec![], |set| set.validators.iter().map(|v| v.key).collect());
    let (note, header) = match &args.note {
        Some(path) => (Note::parse(&files::read(path)?)?, Header::decode(&files::read(&beside(path))?)?),
        None => collect(args)?,
    };
    let quorum = checkpoint::quorum(validators.len());
    note.check(&header, &anchor.network_id, &validators, quorum)?;
    if let Some(path) = &args.out {
        files::write(path, note.encode().as_bytes())?;
        files::write(&beside(path), &header.encode())?;
    }
    let signers: Vec<_> = note.cosignatures.iter().map(|c| hex::encode(c.key)).collect();
    let (height, digest) = (header.height, hex::encode(header.digest()));
    Ok(Answer::new(
        format!("height {height}, header {digest}\n  cosigned by {} of {} validators", signers.len(), validators.len()),
        json!({ "height": height, "header": digest, "signers": signers, "validators": validators.len(), "quorum": quorum }),
    ))
}

fn collect(args: &CheckpointArgs) -> Result<(Note, Header), CliError> {
    let nodes = args.url.iter().map(|url| client(url)).collect::<Result<Vec<_>, _>>()?;
    let height = match args.height {
        Some(height) => height,
        None => {
            let heights: Vec<_> = nodes.iter().filter_map(|node| node.status().ok()).map(|s| s.height).collect();
            heights.into_iter().min().ok_or_else(|| CliError::refused("Unavailable", "no validator answers"))?
        }
    };
    // Whoever does not answer is missing in the count and nowhere else.
    let notes: Vec<_> = nodes.iter().filter_map(|node| node.checkpoint(Some(height)).ok()).collect();
    let header = nodes.iter().find_map(|node| node.header(height).ok());
    let (Some(first), Some(header)) = (notes.first(), header) else {
        return Err(CliError::refused("NotFound", "no validator has a checkpoint of this height"));
    };
    for note in &notes {
        if let [liar, ..] = first.equivocators(note)[..] {
            return Err(CliError::refused("CheckpointConflict", format!("{} signed two headers", hex::encode(liar))));
        }
    }
    let same = notes.iter().filter(|note| note.checkpoint == first.checkpoint);
    Ok((Note::new(first.checkpoint, same.flat_map(|note| note.cosignatures.clone()).collect()), header))
}

#[derive(Debug, Args)]
pub(crate) struct SucceedArgs {
    /// The proof of the succession record, from `mid ledger prove --succession`
    proof: PathBuf,
    /// The trust anchor so far: a file, or the picture of its QR code
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The highest height seen before; older proofs are refused
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    floor: u64,
    #[command(flatten)]
    destination: Destination,
}

/// Follows a network to its successor (LPRF-06).
pub(crate) fn succeed(args: &SucceedArgs) -> Result<Answer, CliError> {
    let old = files::read_anchor(&args.anchor)?;
    let proof = LedgerProof::decode(&files::read(&args.proof)?)?;
    let successor = old.succeed(&proof, args.floor)?;
    let version = args.destination.write(protocol::exchange::qr::Kind::TrustAnchor, &successor.anchor.encode())?;
    let id = hex::encode(successor.anchor.network_id);
    let floor = successor.height_floor;
    Ok(Answer::new(
        format!("{} goes on as\n  id      {id}\n  height  {floor} or more\nGive up the old anchor.", old.network),
        json!({ "network": old.network, "network_id": id, "height_floor": floor, "qr_version": version }),
    )
    .beside(args.destination.uses_stdout()))
}

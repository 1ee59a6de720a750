//! The pieces of the network as commands, to be combined and attacked from outside.

mod audit;
mod backup;
mod cluster;
pub(crate) mod fetch;
pub(crate) mod issuer;
pub(crate) mod ledger;
mod submit;
pub(crate) mod trust;
pub(crate) mod verifier;
pub(crate) mod wallet;
pub(crate) mod zk;

use std::path::PathBuf;

use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::state::TrustedState;

use crate::files;
use crate::output::CliError;

/// What is trusted: a bundle from anywhere, and the anchor that was installed once.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// The trust bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The trust anchor: a file, or the picture of its QR code
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// Height of the newest bundle seen before; older ones are refused
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    floor: u64,
}

impl Trust {
    /// Reads the bundle and checks all of it.
    pub(crate) fn load(&self) -> Result<TrustedState, CliError> {
        self.load_above(&|_| 0)
    }

    /// The same, and not older than what `seen` remembers of the network with an id (BNDL-03).
    pub(crate) fn load_above(&self, seen: &dyn Fn(&[u8; 32]) -> u64) -> Result<TrustedState, CliError> {
        let anchor = files::read_anchor(&self.anchor)?;
        let floor = self.floor.max(seen(&anchor.network_id));
        Ok(TrustBundle::decode(&files::read(&self.bundle)?)?.verify(&anchor, floor)?)
    }
}

//! The pieces of the network as commands, to be combined and attacked from outside.

mod audit;
mod backup;
pub(crate) mod card;
mod clerk;
mod cluster;
pub(crate) mod did;
pub(crate) mod fetch;
mod inbox;
pub(crate) mod issuer;
pub(crate) mod ledger;
mod openid;
mod presenting;
pub(crate) mod relay;
mod review;
mod submit;
pub(crate) mod trust;
pub(crate) mod verifier;
pub(crate) mod wallet;
pub(crate) mod zk;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use protocol::ledger::anchor::TrustAnchor;
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
    /// Reads the bundle and checks all of it, now and whenever the file is another.
    pub(crate) fn follow(&self) -> Result<FollowedTrust, CliError> {
        let anchor = files::read_anchor(&self.anchor)?;
        let written = written(&self.bundle);
        let trust = Arc::new(TrustBundle::decode(&files::read(&self.bundle)?)?.verify(&anchor, self.floor)?);
        Ok(FollowedTrust { anchor, bundle: self.bundle.clone(), last: Mutex::new((written, trust)) })
    }

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

/// A trust bundle in a file that something else keeps up to date.
pub(crate) struct FollowedTrust {
    anchor: TrustAnchor,
    bundle: PathBuf,
    /// When the file was written that was read last, and the newest that one of them said.
    last: Mutex<(Option<SystemTime>, Arc<TrustedState>)>,
}

impl FollowedTrust {
    /// The newest trust data; what is damaged or older is left alone (BNDL-03).
    pub(crate) fn newest(&self) -> Arc<TrustedState> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let written = written(&self.bundle);
        if written != last.0 {
            last.0 = written;
            let read = files::read(&self.bundle)
                .and_then(|bytes| Ok(TrustBundle::decode(&bytes)?.verify(&self.anchor, last.1.height())?));
            match read {
                Ok(trust) => last.1 = Arc::new(trust),
                Err(_) => tracing::warn!("the new trust bundle is not used"),
            }
        }
        last.1.clone()
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|it| it.modified()).ok()
}

//! Status lists travel beside the ledger. A node that begins with a state has their digests, and takes the lists from
//! the trust bundles of its sources.

use std::collections::BTreeMap;

use protocol::ledger::bundle::BUNDLE_MAX;
use protocol::ledger::{Envelope, Record, StateKey, TrustBundle, attachment};

use super::{Answer, Asking};
use crate::store::StoredList;

/// A list and since when its digest has been on the ledger.
pub(super) type Lists = BTreeMap<StateKey, (StoredList, u64)>;

impl Asking<'_> {
    /// The lists whose digests are among the records, for a node that stands at `height`. One that nobody has any more,
    /// because a newer one took its place meanwhile, comes from its issuer.
    pub(super) fn lists(&self, envelopes: &[Envelope], height: u64) -> Lists {
        let digest = |envelope: &Envelope| match &envelope.record {
            Record::StatusList(list) => Some((envelope.record.state_key(), (list.digest, envelope.height))),
            _ => None,
        };
        let mut missing: BTreeMap<_, _> = envelopes.iter().filter_map(digest).collect();
        let mut lists = Lists::new();
        for source in self.sources.iter().flatten() {
            if missing.is_empty() || (self.stopped)() {
                break;
            }
            let Answer::Bytes(bytes) = source.get("/v1/bundle", BUNDLE_MAX) else { continue };
            let Ok(bundle) = TrustBundle::decode(&bytes) else { continue };
            for sent in bundle.attachments {
                let Some((digest, recorded)) = missing.get(&sent.anchor).copied() else { continue };
                // SNAP-06: nothing but the digest says which list it is.
                if attachment::unpack(&sent.packed, &digest).is_ok() {
                    missing.remove(&sent.anchor);
                    lists.insert(sent.anchor, (StoredList { digest, packed: sent.packed, height }, recorded));
                }
            }
        }
        if !missing.is_empty() {
            tracing::warn!(count = missing.len(), "status lists that no source has: their issuers send them again");
        }
        lists
    }
}

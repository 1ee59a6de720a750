//! Whether a wallet's provider still stands by what it attested (VCI-69): by its status list, or because it has just said it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::credential::status::Status;
use protocol::credential::status::token::{Freshness, Reference, StatusToken};
use protocol::crypto::jose::from_base64url;
use protocol::crypto::x509::Root;
use serde_json::{Map, Value};

use crate::issuer::Issuer;

/// Longest life of an attestation that names no status list, in seconds: a day.
const LIFE: u64 = 86_400;
/// Oldest list that decides anything, in seconds.
const LIST_AGE: u64 = 86_400;
/// Seconds for which a list is kept, whatever it allows; a shorter `ttl` counts.
const KEPT: u64 = 300;
/// Seconds for which nobody asks again for one that could not be had.
const MISSED: u64 = 10;
/// Most lists that are kept.
const LISTS_MAX: usize = 64;

/// Fetches status lists of wallet providers.
pub trait FetchesStatusLists: Send + Sync {
    /// The list (a JWT) at an address that a trusted provider named; nothing when it cannot be had.
    fn fetch(&self, address: &str) -> Option<String>;
}

/// Until when, and a list, or that there was none.
type Kept = (u64, Option<Arc<StatusToken>>);

/// Lists that were fetched.
pub(crate) struct Standing {
    source: Arc<dyn FetchesStatusLists>,
    /// By address.
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl Standing {
    /// What a list says of an entry; nothing when it cannot be told.
    fn status(&self, reference: &Reference, roots: &[Root], now: u64) -> Option<Status> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&reference.uri).cloned();
        let list = match known {
            Some((until, list)) if now < until => list?,
            before => {
                let newest = before.and_then(|(_, list)| list).map(|list| list.issued);
                let fetched = self.source.fetch(&reference.uri);
                let list = fetched.and_then(|text| StatusToken::verify_jwt_chain(&text, roots, now).ok());
                let list = list.filter(|it| it.uri == reference.uri && newest.is_none_or(|newest| it.issued >= newest));
                self.keep(&reference.uri, list.map(Arc::new), now)?
            }
        };
        list.status(reference, &Freshness { now, max_age: LIST_AGE, newest: None }).ok()
    }

    fn keep(&self, uri: &str, list: Option<Arc<StatusToken>>, now: u64) -> Option<Arc<StatusToken>> {
        let life = list.as_ref().map_or(MISSED, |list| list.ttl.unwrap_or(KEPT).min(KEPT));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| now < *until);
        if kept.len() < LISTS_MAX {
            kept.insert(uri.to_owned(), (now.saturating_add(life), list.clone()));
        }
        list
    }
}

impl Issuer {
    /// The same issuer, which can look up attestations that name a status list. Without it they are refused.
    #[must_use]
    pub fn with_status_lists(mut self, source: Arc<dyn FetchesStatusLists>) -> Self {
        self.standing = Some(Standing { source, kept: Mutex::default() });
        self
    }

    /// Whether the provider stands by an attestation, of which the signature is checked already (VCI-69).
    pub(super) fn stands(&self, attestation: &str, roots: &[Root], now: u64) -> bool {
        let claims = attestation.split('.').nth(1).and_then(from_base64url);
        let claims: Option<Map<String, Value>> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
        let Some(claims) = claims else { return false };
        if claims.contains_key("status") {
            let reference = Reference::from_claims(&claims).ok();
            let said = reference.zip(self.standing.as_ref()).and_then(|(it, lists)| lists.status(&it, roots, now));
            return said == Some(Status::Valid);
        }
        let time = |name: &str| claims.get(name).and_then(Value::as_u64);
        // One without an end has a nonce (VCI-64).
        time("exp").is_none_or(|until| until.saturating_sub(time("iat").unwrap_or(now)) <= LIFE)
    }
}

//! Credentials that a clerk looks at before they are issued (section 9).
//!
//! An offer says whether it needs that. What a wallet asks for under it waits, under the name of a transaction, until a
//! clerk has decided about the whole offer; the keys were proven when it asked.

use protocol::crypto::jose::base64url;
use protocol::crypto::multikey::Multikey;
use protocol::exchange::openid4vci::{CredentialResponse, DeferredRequest, ErrorCode};
use rand_core::CryptoRng;

use super::credential::{Issuing, Proven};
use super::dpop::{Presented, only_once};
use super::{Outcome, inside, random, read_code};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::PersonId;
use crate::store::{AuditEvent, Deferred, ReviewState, UnderReview, Writer};

/// Seconds until it is worth asking again.
const INTERVAL: u64 = 5;
/// Most requests of one offer that wait.
const WAITING_MAX: u64 = 16;

/// An offer that was taken up and that a clerk has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its name, for the decision.
    pub id: String,
    /// Whose credentials.
    pub person: PersonId,
    /// Ids of the types that are asked for.
    pub credential_types: Vec<String>,
}

/// The answer while a clerk has not decided.
pub(super) fn waits(transaction: &[u8; 16]) -> CredentialResponse {
    CredentialResponse {
        transaction_id: Some(base64url(transaction)),
        interval: Some(INTERVAL),
        ..CredentialResponse::default()
    }
}

impl Issuer {
    /// Gives the credentials of a transaction, once a clerk has approved (VCI-71). The name of the transaction is good until
    /// then.
    ///
    /// # Errors
    /// [`ErrorCode`]; nothing was issued then.
    pub fn openid_deferred<R: CryptoRng + ?Sized>(
        &self,
        request: &DeferredRequest,
        presented: &Presented<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<CredentialResponse, ErrorCode> {
        let (grant, proof) = self.admit(presented, now)?;
        let unknown = ErrorCode::InvalidTransactionId;
        let id = read_code(&request.transaction_id);
        let found = self.store.write(|store| {
            if let Err(code) = only_once(store, &proof, now)? {
                return Ok(Err(code));
            }
            let waiting = id.map(|id| store.deferred(&grant.id, &id)).transpose()?.flatten();
            Ok(waiting.ok_or(unknown))
        });
        let waiting = found.map_err(inside)??;
        match grant.review {
            ReviewState::Waiting => return Ok(waits(&waiting.transaction)),
            ReviewState::Refused => return Err(ErrorCode::CredentialRequestDenied),
            ReviewState::NotNeeded | ReviewState::Approved => {}
        }
        let configurations = self.configurations();
        let configuration = configurations.iter().find(|it| it.id == waiting.configuration);
        let configuration = configuration.ok_or(ErrorCode::CredentialRequestDenied)?;
        let keys = waiting.keys.iter().map(|key| Multikey::from_multicodec(key)).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|_| ErrorCode::CredentialRequestDenied)?;
        // The nonce was used when the wallet asked.
        let proven = Proven { configuration, keys, nonce: [0; 16], digest: waiting.digest };
        let person = self.person_of(&grant)?;
        let issuing = Issuing { issuer: self, grant: &grant, proven: &proven, person: &person, now };
        let answer = issuing.approved(rng)?;
        self.store.write(|store| store.forget_deferred(&waiting.transaction)).map_err(inside)?;
        Ok(answer)
    }

    /// What a clerk has to look at, whoever asked first first.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`]
    pub fn reviews(&self, now: u64) -> Result<Vec<Review>, IssuerError> {
        let waiting = self.store.read(|store| store.reviews(now))?;
        let named = |it: UnderReview| Review {
            id: hex::encode(it.grant),
            person: it.person,
            credential_types: it.credential_types,
        };
        Ok(waiting.into_iter().map(named).collect())
    }

    /// Notes what a clerk decided, which nobody can change.
    ///
    /// # Errors
    /// [`IssuerError::ReviewUnknown`] when nothing of that name waits, [`IssuerError::StorageUnavailable`]
    pub fn review(&self, id: &str, approved: bool, now: u64) -> Result<(), IssuerError> {
        self.review_by("", id, approved, now)
    }

    /// The same, with the name of the clerk where it is known.
    pub(crate) fn review_by(&self, clerk: &str, id: &str, approved: bool, now: u64) -> Result<(), IssuerError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(id, &mut bytes).map_err(|_| IssuerError::ReviewUnknown)?;
        self.store.write(|store| {
            let mut all = store.reviews(now)?.into_iter();
            let found = all.find(|it| it.grant == bytes).ok_or(IssuerError::ReviewUnknown)?;
            store.decide(&bytes, approved)?;
            let event = if approved { AuditEvent::ReviewApproved } else { AuditEvent::ReviewRefused };
            let mut types = found.credential_types.iter();
            types.try_for_each(|id| store.audit_of(clerk, None, now, event, id, found.person.as_str(), 0))
        })
    }
}

impl Issuing<'_> {
    /// Puts a request aside: the same one has the same name.
    pub(super) fn put_aside<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        rng: &mut R,
    ) -> Outcome<CredentialResponse> {
        let waiting = Deferred {
            transaction: random(rng),
            configuration: self.proven.configuration.id.clone(),
            digest: self.proven.digest,
            keys: self.proven.keys.iter().map(|key| key.to_multicodec()).collect(),
        };
        if store.count_deferred(&self.grant.id)? >= WAITING_MAX {
            return Ok(Err(ErrorCode::CredentialRequestDenied));
        }
        store.add_deferred(&self.grant.id, &waiting)?;
        Ok(Ok(waits(&waiting.transaction)))
    }
}

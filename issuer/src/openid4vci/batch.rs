//! All twins of one enrolment with one call, which the standard does not have: credential requests side by side, with one nonce.

use std::collections::BTreeSet;

use protocol::crypto::jose::Jwk;
use protocol::exchange::openid4vci::{CredentialRequest, CredentialResponse, ErrorCode};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::credential::{Issuing, Proven, chosen};
use super::dpop::{Presented, only_once};
use super::inside;
use crate::issuer::Issuer;
use crate::store::ReviewState;

/// Most requests of one call.
const REQUESTS_MAX: usize = 8;

/// Credential requests side by side.
#[derive(Clone, Deserialize)]
pub struct TwinsRequest {
    /// One for each configuration, all of one credential type.
    pub credential_requests: Vec<CredentialRequest>,
}

/// Their answers, in the same order.
#[derive(Clone, Serialize)]
pub struct TwinsResponse {
    /// One for each request.
    pub credential_responses: Vec<CredentialResponse>,
}

/// It holds claims.
impl core::fmt::Debug for TwinsResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TwinsResponse({} [redacted])", self.credential_responses.len())
    }
}

impl core::fmt::Debug for TwinsRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TwinsRequest({} [redacted])", self.credential_requests.len())
    }
}

impl Issuer {
    /// Issues a credential type in several formats at once (VCI-72, VCI-73). Each answer is the one that its request would get by
    /// itself, and gets again.
    ///
    /// # Errors
    /// [`ErrorCode`]; what is not in an answer is to be had by the same call again.
    pub fn openid_twins<R: CryptoRng + ?Sized>(
        &self,
        request: &TwinsRequest,
        presented: &Presented<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<TwinsResponse, ErrorCode> {
        let requests = &request.credential_requests;
        // VCI-72
        if requests.is_empty() || requests.len() > REQUESTS_MAX {
            return Err(ErrorCode::InvalidCredentialRequest);
        }
        let (grant, proof) = self.admit(presented, now)?;
        let configurations = self.configurations();
        let mut all: Vec<Proven<'_>> = Vec::new();
        let mut keys = BTreeSet::new();
        for request in requests {
            let encrypted = request.credential_response_encryption.is_some();
            let configuration = chosen(request, &configurations)?;
            let fits = |known: &Proven<'_>| {
                known.configuration.id != configuration.id
                    && known.configuration.credential_type == configuration.credential_type
            };
            if encrypted || !all.iter().all(fits) {
                return Err(ErrorCode::InvalidCredentialRequest);
            }
            let proven = self.prove(configuration, request.proofs.as_ref(), &grant, now)?;
            // VCI-73: as in a request by itself, over all of them.
            let one_nonce = all.iter().all(|known| known.nonce == proven.nonce);
            if !one_nonce || !proven.keys.iter().all(|key| keys.insert(Jwk::from(*key).thumbprint())) {
                return Err(ErrorCode::InvalidProof);
            }
            all.push(proven);
        }
        // What a clerk looks at is asked for one by one: each has a transaction of its own.
        if matches!(grant.review, ReviewState::Waiting | ReviewState::Refused) {
            return Err(ErrorCode::CredentialRequestDenied);
        }
        let person = self.person_of(&grant)?;
        let issuing: Vec<_> =
            all.iter().map(|proven| Issuing { issuer: self, grant: &grant, proven, person: &person, now }).collect();
        let enrolment = self.store.write(|store| {
            if let Err(code) = only_once(store, &proof, now)? {
                return Ok(Err(code));
            }
            let Some(first) = issuing.first() else { return Ok(Err(ErrorCode::InvalidCredentialRequest)) };
            first.enrol_once(store, &issuing, rng)
        });
        let enrolment = enrolment.map_err(inside)??;
        let answers = issuing.iter().map(|one| one.answered_or(enrolment.as_ref(), rng));
        Ok(TwinsResponse { credential_responses: answers.collect::<Result<_, _>>()? })
    }
}

//! The credential and notification endpoints (sections 8 and 11).

use std::collections::BTreeSet;

use protocol::crypto::jose::{Jwk, base64url, from_base64url};
use protocol::crypto::multikey::Multikey;
use protocol::exchange::openid4vci::di_vp;
use protocol::exchange::openid4vci::dpop::Dpop;
use protocol::exchange::openid4vci::key_proof::Expected;
use protocol::exchange::openid4vci::{
    CredentialRequest, CredentialResponse, ErrorCode, IssuedCredential, NotificationRequest, Proofs,
};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::configuration::Configuration;
use super::deferred::waits;
use super::dpop::{Presented, only_once};
use super::{BATCH_MAX, Outcome, inside, random};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::{Person, RegisterError};
use crate::store::{AuditEvent, Grant, Held, OpenIdAnswer, ReviewState, TokenKind, Writer};
use crate::twins::Enrolment;

/// A request that is well formed and whose keys are proven.
pub(super) struct Proven<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) keys: Vec<Multikey>,
    pub(super) nonce: [u8; 16],
    /// Of configuration and keys: what makes a request the same request.
    pub(super) digest: [u8; 32],
}

impl Issuer {
    /// Issues a credential, with a copy for each key. When this returns `Ok`, it is on disk; whoever asks for the same
    /// keys again gets the same bytes again. Or puts the request aside until a clerk has decided, and names the transaction.
    ///
    /// # Errors
    /// [`ErrorCode`]; nothing was issued then.
    pub fn openid_credential<R: CryptoRng + ?Sized>(
        &self,
        request: &CredentialRequest,
        presented: &Presented<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<CredentialResponse, ErrorCode> {
        let (grant, proof) = self.admit(presented, now)?;
        let configurations = self.configurations();
        let configuration = chosen(request, &configurations)?;
        let proven = self.prove(configuration, request.proofs.as_ref(), &grant, now)?;
        let person = self.person_of(&grant)?;
        let issuing = Issuing { issuer: self, grant: &grant, proven: &proven, person: &person, now };
        match self.store.write(|store| issuing.admit(store, &proof, rng)).map_err(inside)?? {
            Admitted::Answered(answer) => Ok(answer),
            Admitted::Enrolled(enrolment) => issuing.answer(&enrolment, rng),
        }
    }

    /// Takes down what became of the credentials of an answer. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`ErrorCode`]
    pub fn openid_notification(
        &self,
        notification: &NotificationRequest,
        presented: &Presented<'_>,
        now: u64,
    ) -> Result<(), ErrorCode> {
        let (grant, proof) = self.admit(presented, now)?;
        let id = from_base64url(&notification.notification_id).and_then(|id| id.try_into().ok());
        let noted = self.store.write(|store| {
            if let Err(code) = only_once(store, &proof, now)? {
                return Ok(Err(code));
            }
            let known = match id {
                Some(id) => store.note_event(&grant.id, &id, notification.event.as_str())?,
                None => false,
            };
            Ok(if known { Ok(()) } else { Err(ErrorCode::InvalidNotificationId) }) // VCI-30
        });
        noted.map_err(inside)?
    }

    /// The register's entry of whom a grant is for.
    pub(super) fn person_of(&self, grant: &Grant) -> Result<Person, ErrorCode> {
        self.register.person(&grant.person).map_err(|error| match error {
            RegisterError::PersonUnknown => ErrorCode::CredentialRequestDenied,
            _ => ErrorCode::TemporarilyUnavailable,
        })
    }

    /// The grant of a token, when the sender holds the key it is bound to.
    pub(super) fn admit(&self, presented: &Presented<'_>, now: u64) -> Result<(Grant, Dpop), ErrorCode> {
        let token = presented.token.ok_or(ErrorCode::InvalidToken)?;
        let grant = self.store.read(|store| store.grant_of(token, TokenKind::Access, now)).map_err(inside)?;
        let grant = grant.ok_or(ErrorCode::InvalidToken)?;
        let proof = self.check_dpop(presented, now)?;
        if proof.thumbprint != grant.thumbprint {
            return Err(ErrorCode::InvalidDpopProof); // VCI-13
        }
        Ok((grant, proof))
    }

    /// Checks form, number, nonce and signatures of the key proofs (VCI-20…22).
    pub(super) fn prove<'a>(
        &self,
        configuration: &'a Configuration,
        proofs: Option<&Proofs>,
        grant: &Grant,
        now: u64,
    ) -> Result<Proven<'a>, ErrorCode> {
        let proofs = proofs.ok_or(ErrorCode::InvalidProof)?;
        if proofs.jwt.len().max(proofs.di_vp.len()) > BATCH_MAX as usize {
            return Err(ErrorCode::InvalidCredentialRequest);
        }
        let expected = Expected { issuer: self.openid_identifier(), client: grant.client.as_deref(), now };
        // Proofs are of one type.
        let proven = match (proofs.jwt.as_slice(), proofs.attestation.as_slice(), proofs.di_vp.as_slice()) {
            (several @ [_, ..], [], []) => self.keys_of_proofs(several, &expected)?,
            ([], [one], []) => self.keys_of_attestation(one, now)?,
            // VCI-66: as announced.
            ([], [], several @ [_, ..]) if configuration.takes_presentations() => {
                let check = |one| di_vp::check(one, &expected).map(|proven| (proven.key, proven.nonce));
                several.iter().map(check).collect::<Result<_, _>>().map_err(|_| ErrorCode::InvalidProof)?
            }
            _ => return Err(ErrorCode::InvalidProof),
        };
        if proven.len() > BATCH_MAX as usize {
            return Err(ErrorCode::InvalidCredentialRequest);
        }
        let (mut keys, mut nonces, mut thumbprints) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut digest = Sha256::new().chain_update(configuration.id.as_bytes());
        for (key, nonce) in proven {
            let thumbprint = Jwk::from(key).thumbprint();
            digest.update(thumbprint);
            if !thumbprints.insert(thumbprint) {
                return Err(ErrorCode::InvalidProof); // VCI-21
            }
            nonces.insert(nonce);
            keys.push(key);
        }
        let Some(nonce) = nonces.pop_first().filter(|_| nonces.is_empty()) else {
            return Err(ErrorCode::InvalidProof); // VCI-22
        };
        let nonce = from_base64url(&nonce).and_then(|nonce| nonce.try_into().ok()).ok_or(ErrorCode::InvalidNonce)?;
        Ok(Proven { configuration, keys, nonce, digest: digest.finalize().into() })
    }
}

/// The configuration that a request names.
pub(super) fn chosen<'a>(
    request: &CredentialRequest,
    known: &'a [Configuration],
) -> Result<&'a Configuration, ErrorCode> {
    match (&request.credential_configuration_id, &request.credential_identifier) {
        (Some(id), None) => known.iter().find(|it| it.id == *id).ok_or(ErrorCode::UnknownCredentialConfiguration),
        // No token's answer of ours names any.
        (None, Some(_)) => Err(ErrorCode::UnknownCredentialIdentifier),
        _ => Err(ErrorCode::InvalidCredentialRequest),
    }
}

/// A request that may be answered.
enum Admitted {
    /// It was, before.
    Answered(CredentialResponse),
    /// It will be, under this enrolment.
    Enrolled(Enrolment),
}

/// One request on its way through the rules.
pub(super) struct Issuing<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) grant: &'a Grant,
    pub(super) proven: &'a Proven<'a>,
    pub(super) person: &'a Person,
    pub(super) now: u64,
}

impl Issuing<'_> {
    /// Everything before anything is signed: the enrolment, or the answer that was given before.
    fn admit<R: CryptoRng + ?Sized>(&self, store: &Writer<'_>, proof: &Dpop, rng: &mut R) -> Outcome<Admitted> {
        let configuration = self.proven.configuration;
        if let Err(code) = only_once(store, proof, self.now)? {
            return Ok(Err(code));
        }
        let type_id = &configuration.credential_type;
        let Some(held) = store.granted(&self.grant.id, type_id)? else {
            return Ok(Err(ErrorCode::InsufficientScope)); // VCI-15
        };
        if let Some(answer) = self.earlier(store)? {
            return Ok(answer.map(Admitted::Answered));
        }
        if !store.take_nonce(&self.proven.nonce, self.now)? {
            return Ok(Err(ErrorCode::InvalidNonce)); // VCI-23
        }
        match self.grant.review {
            ReviewState::Waiting => return Ok(self.put_aside(store, rng)?.map(Admitted::Answered)), // VCI-70
            ReviewState::Refused => return Ok(Err(ErrorCode::CredentialRequestDenied)),
            ReviewState::NotNeeded | ReviewState::Approved => {}
        }
        Ok(self.enrolment(store, held, rng)?.map(Admitted::Enrolled))
    }

    /// The enrolment that several requests share, all of this one's type; `None` when each was answered before.
    pub(super) fn enrol_once<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        all: &[Issuing<'_>],
        rng: &mut R,
    ) -> Outcome<Option<Enrolment>> {
        let Some(held) = store.granted(&self.grant.id, &self.proven.configuration.credential_type)? else {
            return Ok(Err(ErrorCode::InsufficientScope)); // VCI-15
        };
        let mut answered = true;
        for one in all {
            answered &= one.earlier(store)?.is_some();
        }
        if answered {
            return Ok(Ok(None));
        }
        if !store.take_nonce(&self.proven.nonce, self.now)? {
            return Ok(Err(ErrorCode::InvalidNonce)); // VCI-23
        }
        Ok(self.enrolment(store, held, rng)?.map(Some))
    }

    /// The answer that was given before, or else one under this enrolment.
    pub(super) fn answered_or<R: CryptoRng + ?Sized>(
        &self,
        enrolment: Option<&Enrolment>,
        rng: &mut R,
    ) -> Result<CredentialResponse, ErrorCode> {
        match (self.issuer.store.write(|store| self.earlier(store)).map_err(inside)?, enrolment) {
            (Some(earlier), _) => earlier,
            (None, Some(enrolment)) => self.answer(enrolment, rng),
            (None, None) => Err(ErrorCode::TemporarilyUnavailable),
        }
    }

    /// Issues what a clerk has approved, for keys that were proven before.
    pub(super) fn approved<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> Result<CredentialResponse, ErrorCode> {
        let admitted = self.issuer.store.write(|store| {
            let type_id = &self.proven.configuration.credential_type;
            let Some(held) = store.granted(&self.grant.id, type_id)? else {
                return Ok(Err(ErrorCode::InsufficientScope));
            };
            if let Some(answer) = self.earlier(store)? {
                return Ok(answer.map(Admitted::Answered));
            }
            Ok(self.enrolment(store, held, rng)?.map(Admitted::Enrolled))
        });
        match admitted.map_err(inside)?? {
            Admitted::Answered(answer) => Ok(answer),
            Admitted::Enrolled(enrolment) => self.answer(&enrolment, rng),
        }
    }

    /// The answer that was given for the same keys, as long as it is remembered (VCI-26), or that it waits for a clerk.
    fn earlier(&self, store: &Writer<'_>) -> Result<Option<Result<CredentialResponse, ErrorCode>>, IssuerError> {
        if self.grant.review == ReviewState::Waiting {
            let waiting = store.deferred_as(&self.grant.id, &self.proven.configuration.id, &self.proven.digest)?;
            return Ok(waiting.map(|transaction| Ok(waits(&transaction))));
        }
        let earlier = store.openid_answer(&self.grant.id, &self.proven.configuration.id, &self.proven.digest)?;
        Ok(earlier.map(|response| {
            let response = response.and_then(|response| serde_json::from_slice(&response).ok());
            response.ok_or(ErrorCode::CredentialRequestDenied)
        }))
    }

    /// What this grant holds of the type: as it is, renewed after a change of the register, or new.
    fn enrolment<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        held: Option<Held>,
        rng: &mut R,
    ) -> Outcome<Enrolment> {
        let denied = Ok(Err(ErrorCode::CredentialRequestDenied));
        let type_id = &self.proven.configuration.credential_type;
        let revision = self.person.revision;
        let replaces = match held {
            Some(held) => match store.active_handle(&self.person.id, type_id)? {
                Some(handle) if handle == held.handle && held.revision == revision => {
                    return Ok(Ok(Enrolment { credential_type: type_id.clone(), handle }));
                }
                Some(handle) if handle == held.handle => true, // VCI-28
                // VCI-29: the register's event has withdrawn it already, and nothing else has happened since.
                None if held.revision != revision && store.ended_with_a_change(type_id, held.handle)? => false,
                // VCI-27: withdrawn, or another phone has it now.
                _ => return denied,
            },
            None if self.grant.revision != revision => return denied, // VCI-25
            None => self.grant.replaces,
        };
        let entry = self.issuer.entry(type_id)?;
        match self.issuer.enrol_in(store, entry, self.person, replaces, self.now, rng) {
            Ok(enrolment) => {
                store.enrolled(&self.grant.id, type_id, Held { handle: enrolment.handle, revision })?;
                Ok(Ok(enrolment))
            }
            Err(
                IssuerError::AlreadyActive
                | IssuerError::CredentialSuspended
                | IssuerError::PersonDeceased
                | IssuerError::AttributeMissing
                | IssuerError::AttributeRefused(_),
            ) => denied,
            Err(error) => Err(error),
        }
    }

    /// Signs, and keeps the answer.
    fn answer<R: CryptoRng + ?Sized>(
        &self,
        enrolment: &Enrolment,
        rng: &mut R,
    ) -> Result<CredentialResponse, ErrorCode> {
        let configuration = self.proven.configuration;
        let mut credentials = Vec::new();
        for key in &self.proven.keys {
            let bytes = self.issuer.twin(enrolment, configuration.format, key, self.now, rng).map_err(unsigned)?;
            let credential = configuration.write(bytes).ok_or(ErrorCode::TemporarilyUnavailable)?;
            credentials.push(IssuedCredential { credential });
        }
        let notification_id = random(rng);
        let notification = Some(base64url(&notification_id));
        let response = CredentialResponse { credentials, notification_id: notification, ..Default::default() };
        let bytes = serde_json::to_vec(&response).map_err(|_| ErrorCode::TemporarilyUnavailable)?;
        let kept = self.issuer.store.write(|store| {
            // The same request may have run beside this one.
            if let Some(answer) = self.earlier(store)? {
                return Ok(answer);
            }
            store.add_openid_answer(&OpenIdAnswer {
                grant: &self.grant.id,
                configuration: &configuration.id,
                request_digest: &self.proven.digest,
                response: &bytes,
                notification_id: &notification_id,
                issued_at: self.now,
            })?;
            let (type_id, person) = (&configuration.credential_type, self.person.id.as_str());
            store.audit(self.now, AuditEvent::TwinsIssued, type_id, person, enrolment.handle)?;
            Ok(Ok(response))
        });
        kept.map_err(inside)?
    }
}

/// Why a twin was not made: what the wallet cannot change is a denial.
fn unsigned(error: IssuerError) -> ErrorCode {
    match error {
        IssuerError::EnrolmentOver
        | IssuerError::CredentialSuspended
        | IssuerError::EntryChanged
        | IssuerError::CredentialUnknown
        | IssuerError::PersonDeceased
        | IssuerError::TooManyTwins
        | IssuerError::AttributeMissing
        | IssuerError::AttributeRefused(_) => ErrorCode::CredentialRequestDenied,
        error => inside(error),
    }
}

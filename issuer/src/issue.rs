//! Issuing: a nonce, one request, one answer (`specs/issuance.md`).

use protocol::cbor;
use protocol::credential::{Credential, Day, HolderBinding};
use protocol::crypto::bbs::BbsError;
use protocol::exchange::{CopySignature, CredentialRequest, CredentialResponse, IssuanceNonce, IssuanceRefusal};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use crate::claims;
use crate::error::IssuerError;
use crate::issuer::{Issuer, TypeEntry};
use crate::keys::{Blueprint, KeyStoreError};
use crate::register::{Person, PersonState};
use crate::store::{AuditEvent, CodeCheck, EarlierAnswer, NewCredential, Writer};
use crate::withdraw::RevocationReason;

/// Seconds a nonce is good for.
const NONCE_LIFE: u64 = 300;
/// Nonces alive at once; more are refused, so that asking for nonces cannot fill the disk.
const NONCES_MAX: u64 = 100_000;
/// A signed credential lacks only its signature before it is signed.
const UNSIGNED: [u8; 80] = [0; 80];

/// What a wallet gets: the encoded credential, or none.
type Answer = Result<Vec<u8>, IssuanceRefusal>;

/// Inside a transaction: `Ok(Err(refusal))` keeps what was written (a used nonce, a lost attempt), `Err` undoes it.
type Outcome<T> = Result<Result<T, IssuanceRefusal>, IssuerError>;

impl From<IssuerError> for IssuanceRefusal {
    /// A wallet is not told what is wrong inside.
    fn from(_: IssuerError) -> Self {
        Self::TemporarilyUnavailable
    }
}

impl Issuer {
    /// A fresh nonce.
    ///
    /// # Errors
    /// [`IssuanceRefusal::TemporarilyUnavailable`].
    pub fn nonce<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<IssuanceNonce, IssuanceRefusal> {
        let mut nonce = [0u8; 16];
        rng.fill_bytes(&mut nonce);
        let expires_at = now.saturating_add(NONCE_LIFE);
        if self.store.write(|store| store.add_nonce(&nonce, now, expires_at, NONCES_MAX))? {
            Ok(IssuanceNonce { nonce, expires_at })
        } else {
            Err(IssuanceRefusal::TemporarilyUnavailable)
        }
    }

    /// Answers an encoded [`CredentialRequest`] with an encoded [`CredentialResponse`]. When this returns
    /// `Ok`, the credential is on disk; the same request gets the same bytes again.
    ///
    /// # Errors
    /// [`IssuanceRefusal`]; nothing was issued then.
    pub fn issue<R: CryptoRng + ?Sized>(
        &self,
        request: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuanceRefusal> {
        let digest: [u8; 32] = Sha256::digest(request).into();
        let request = CredentialRequest::decode(request).map_err(|_| IssuanceRefusal::InvalidRequest)?; // ISSU-01
        if let Some(repeat) = self.store.read(|store| repeated(store, &request, &digest))? {
            return repeat;
        }
        // Everything that needs no lock comes first, and the cheap refusals before the expensive ones.
        let person =
            self.store.read(|store| store.offered_to(&request.code, now))?.ok_or(IssuanceRefusal::InvalidGrant)?;
        let entry = self.types.get(&request.credential_type).ok_or(IssuanceRefusal::UnsupportedCredentialType)?;
        if !request.copies_fit(&entry.credential_type) {
            return Err(IssuanceRefusal::InvalidRequest); // ISSU-14
        }
        request.check_device_proof().map_err(|_| IssuanceRefusal::InvalidProof)?; // ISSU-05
        let person = match self.register.person(&person) {
            Ok(person) => person,
            Err(error) => return Err(IssuerError::from(error).into()),
        };
        let issuing = Issuing { issuer: self, entry, request: &request, digest, person: &person, now };
        self.store.write(|store| issuing.run(store, rng))?
    }

    /// The portrait whose digest is in a credential, for whoever can repeat the request it was issued on.
    ///
    /// # Errors
    /// [`IssuanceRefusal::InvalidRequest`], [`IssuanceRefusal::InvalidGrant`] when the request was not
    /// answered, [`IssuanceRefusal::CredentialRequestDenied`] when the register has another picture now.
    pub fn portrait(&self, request: &[u8]) -> Result<Vec<u8>, IssuanceRefusal> {
        let digest: [u8; 32] = Sha256::digest(request).into();
        let request = CredentialRequest::decode(request).map_err(|_| IssuanceRefusal::InvalidRequest)?;
        let (answer, person) = self.store.read(|store| {
            let answer = repeated(store, &request, &digest)?;
            Ok((answer, store.issued_to(&request.idempotency_key)?))
        })?;
        let (Some(answer), Some(person)) = (answer, person) else { return Err(IssuanceRefusal::InvalidGrant) };
        let answer = CredentialResponse::decode(&answer?).map_err(|_| IssuanceRefusal::TemporarilyUnavailable)?;
        let entry = self.types.get(&request.credential_type).ok_or(IssuanceRefusal::UnsupportedCredentialType)?;
        let position =
            entry.credential_type.position(claims::PORTRAIT).ok_or(IssuanceRefusal::UnsupportedCredentialType)?;
        let person = self.register.person(&person).map_err(|_| IssuanceRefusal::CredentialRequestDenied)?;
        let now =
            claims::values(&entry.credential_type, &person).map_err(|_| IssuanceRefusal::CredentialRequestDenied)?;
        if now.get(position) != answer.credential.values.get(position) {
            return Err(IssuanceRefusal::CredentialRequestDenied); // ISSU-10
        }
        Ok(person.portrait().to_vec())
    }
}

/// The earlier answer to this request, if its idempotency key was used (ISSU-09).
fn repeated(store: &Writer<'_>, request: &CredentialRequest, digest: &[u8; 32]) -> Result<Option<Answer>, IssuerError> {
    Ok(store.answered(&request.idempotency_key)?.map(|earlier| match earlier {
        EarlierAnswer { request_digest, .. } if request_digest != *digest => Err(IssuanceRefusal::IdempotencyConflict),
        EarlierAnswer { response: Some(response), .. } => Ok(response),
        // Forgotten, and so is the offer.
        EarlierAnswer { response: None, .. } => Err(IssuanceRefusal::InvalidGrant),
    }))
}

/// One request on its way through the rules.
struct Issuing<'a> {
    issuer: &'a Issuer,
    entry: &'a TypeEntry,
    request: &'a CredentialRequest,
    digest: [u8; 32],
    person: &'a Person,
    now: u64,
}

impl Issuing<'_> {
    fn run<R: CryptoRng + ?Sized>(&self, store: &Writer<'_>, rng: &mut R) -> Outcome<Vec<u8>> {
        if let Some(repeat) = repeated(store, self.request, &self.digest)? {
            return Ok(repeat);
        }
        if !store.take_nonce(&self.request.nonce, self.now)? {
            return Ok(Err(IssuanceRefusal::InvalidNonce)); // ISSU-04
        }
        let replaced = match self.judge(store)? {
            Ok(replaced) => replaced,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let type_id = &self.entry.credential_type.id;
        let (handle, list) = store.new_handle(&self.entry.credential_type, rng)?;
        let response = match self.sign(handle)? {
            Ok(response) => response,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // From here on everything happens, or nothing.
        if let Some(old) = replaced {
            self.issuer.revoke_in(store, self.entry, &self.person.id, old, RevocationReason::Replaced, self.now)?;
        }
        let expiry = response.credential.expiry;
        let response = response.encode();
        store.add_credential(&NewCredential {
            idempotency_key: &self.request.idempotency_key,
            request_digest: &self.digest,
            response: Some(&response),
            person: self.person,
            credential_type: type_id,
            handle,
            device_key_digest: &Sha256::digest(cbor::to_vec(&self.request.device_key)).into(),
            issued_at: self.now,
            expiry,
        })?;
        match list {
            Some(number) => store.use_list_entry(type_id, number)?,
            None => self.issuer.add_current_token(store, self.entry, handle)?,
        }
        store.use_offer(&self.request.code, type_id)?;
        store.audit(self.now, AuditEvent::Issued, type_id, self.person.id.as_str(), handle)?;
        Ok(Ok(response))
    }

    /// Whether the offer, the register and what was issued before allow it; the handle it would replace.
    fn judge(&self, store: &Writer<'_>) -> Outcome<Option<u64>> {
        let type_id = &self.entry.credential_type.id;
        let request = self.request;
        let offer = match store.check_code(&request.code, request.tx_code.as_deref(), self.now)? {
            // ISSU-20: our own protocol does not wait.
            CodeCheck::Good(offer) if offer.review => return Ok(Err(IssuanceRefusal::InvalidGrant)),
            CodeCheck::Good(offer) => offer,
            CodeCheck::Refused => {
                store.audit(self.now, AuditEvent::CodeRefused, type_id, self.person.id.as_str(), 0)?;
                return Ok(Err(IssuanceRefusal::InvalidGrant)); // ISSU-03
            }
            CodeCheck::Mismatch => return Ok(Err(IssuanceRefusal::InvalidRequest)),
        };
        match store.offered_type(&request.code, type_id)? {
            None => return Ok(Err(IssuanceRefusal::UnsupportedCredentialType)),
            Some(true) => return Ok(Err(IssuanceRefusal::InvalidGrant)), // ISSU-02
            Some(false) => {}
        }
        // The person is the one read before the lock; an offer never changes hands.
        let proofed = self.person.id == offer.person && self.person.revision == offer.revision;
        if !proofed || self.person.state == PersonState::Deceased {
            return Ok(Err(IssuanceRefusal::CredentialRequestDenied)); // ISSU-07
        }
        match store.active_handle(&self.person.id, type_id)? {
            Some(handle) if store.is_suspended(type_id, handle)? => {
                Ok(Err(IssuanceRefusal::CredentialRequestDenied)) // ISSU-19
            }
            Some(_) if !offer.replaces => Ok(Err(IssuanceRefusal::AlreadyActive)), // ISSU-08
            active => Ok(Ok(active)),
        }
    }

    /// The credential, and a copy of it for each further device key (ISSU-14).
    fn sign(&self, handle: u64) -> Outcome<CredentialResponse> {
        let credential_type = &self.entry.credential_type;
        let Ok(values) = claims::values(credential_type, self.person) else {
            return Ok(Err(IssuanceRefusal::CredentialRequestDenied));
        };
        let bound = credential_type.holder_binding == HolderBinding::DeviceKey;
        let mut credential = Credential {
            issuer_key: self.entry.key_id,
            credential_type: credential_type.id.clone(),
            values,
            expiry: Day::in_korea(self.now).plus(credential_type.validity_days),
            handle,
            device_key: bound.then_some(self.request.device_key),
            signature: UNSIGNED,
        };
        match self.signature(&credential)? {
            Ok(signature) => credential.signature = signature,
            Err(refusal) => return Ok(Err(refusal)),
        }
        let mut copies = Vec::new();
        for copy in self.request.copies.iter().flatten() {
            match self.signature(&credential.copy(copy.device_key, UNSIGNED))? {
                Ok(signature) => copies.push(CopySignature(signature)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(CredentialResponse { credential, copies: (!copies.is_empty()).then_some(copies) }))
    }

    fn signature(&self, credential: &Credential) -> Outcome<[u8; 80]> {
        let credential_type = &self.entry.credential_type;
        let Ok(clear) = credential.clear_messages(credential_type) else {
            return Ok(Err(IssuanceRefusal::CredentialRequestDenied));
        };
        let header = Credential::header(&self.issuer.network_id(), &self.entry.key_id, credential_type);
        let blueprint = Blueprint {
            header: &header,
            message_count: credential_type.message_count(),
            nonce: &self.request.nonce,
            commitment: &self.request.commitment,
            clear: &clear,
        };
        match self.issuer.keys.sign_credential(&credential_type.id, &blueprint) {
            Ok(signature) => Ok(Ok(signature)),
            // ISSU-06: whatever is wrong with a commitment is the wallet's doing.
            Err(KeyStoreError::Credential(
                BbsError::CommitmentLength
                | BbsError::CommitmentInvalid
                | BbsError::InvalidPoint
                | BbsError::IdentityPoint
                | BbsError::ScalarOutOfRange,
            )) => Ok(Err(IssuanceRefusal::InvalidProof)),
            Err(error) => Err(error.into()),
        }
    }
}

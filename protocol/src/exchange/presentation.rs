//! The answer: shown claims and one proof for everything else (`specs/presentation.md`).

mod answer;
mod batch;
mod explain;
mod explain_text;
mod prepared;

pub use answer::Holding;
pub use explain::{Bound, Bytes, ExplainedPseudonym, ExplainedStatus, Explanation, Readable, TypeGuess};
pub use prepared::Prepared;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::evidence::IssuerEvidence;
use super::predicate::{Claim, Predicate};
use super::pseudonym::Pseudonym;
use super::query::statements_fit;
use crate::cbor;
use crate::credential::{Credential, Day, HolderBinding, Layout, StatusMethod, Value};
use crate::credential::{CredentialError, device_key_number, value_number};
use crate::crypto::curve::{G1Affine, Scalar};
use crate::crypto::domains;
use crate::crypto::keys::{PublicKey, Signature};
use crate::crypto::membership::epoch_offset;
use crate::disclosure::{self, Membership, ProofError, Statement};

/// Version of the encoding.
const VERSION: u8 = 1;
/// Largest encoding, in bytes: what one version-40 code at level L carries.
const SIZE_MAX: usize = 2_860;
/// How exactly an unlinkable presentation says when it was made, in seconds: all that are made in one slot say the
/// same (PRES-10).
pub const SLOT: u64 = 10;

/// Why a presentation is not authentic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// Not the canonical encoding of a presentation.
    #[error("this is not a presentation; ask the holder to show the code again")]
    MalformedPresentation,
    /// Made by a newer version.
    #[error("this presentation was made by a newer version; update this app")]
    UnsupportedVersion,
    /// Parts do not fit the credential type: an attribute twice or out of order, a value that the type
    /// does not have, a missing or surplus status, device key or pseudonym, a time that is too exact.
    #[error("the presentation does not fit its credential type; do not accept it")]
    TypeMismatch,
    /// The issuer's record on the ledger is unusable.
    #[error("the issuer's key record is damaged; update the trust bundle")]
    InvalidIssuerKey,
    /// The device key did not sign this presentation.
    #[error("the phone's key did not sign this presentation; do not accept it")]
    HolderBindingInvalid,
    /// A device key is required, and the presentation has none.
    #[error("the presentation is not bound to the holder's phone; do not accept it")]
    HolderBindingMissing,
    /// The proof is wrong.
    #[error("the proof is not valid: {0}")]
    Proof(#[from] ProofError),
}

/// Why a wallet cannot make a presentation. To the verifier all of them look like "no answer".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresentError {
    /// The question does not fit the credential's type, or asks for another holder binding. Never
    /// answered with less protection than asked for.
    #[error("this credential cannot answer that question")]
    QueryNotAnswerable,
    /// The credential has expired.
    #[error("the credential has expired; renew it")]
    CredentialExpired,
    /// A statement is not true of this holder.
    #[error("the statement is not true of this credential")]
    PredicateNotSatisfied,
    /// The public set signature for a statement is not at hand.
    #[error("the wallet lacks public data for this proof; connect it once")]
    SetSignatureMissing,
    /// There is no status token for the credential.
    #[error("the wallet has no current status token; connect it once")]
    StatusTokenMissing,
    /// The secure area did not sign with the credential's key, or the finished presentation did not pass
    /// the holder's own check.
    #[error("the phone's secure area failed; restart the phone")]
    KeystoreFault,
    /// A prepared answer says what was true on another day than it is to be shown on.
    #[error("the prepared answer is of another day; make a new one")]
    PreparedForAnotherDay,
    /// The credential itself is damaged.
    #[error("the credential is damaged: {0}")]
    Credential(#[from] CredentialError),
    /// The proof could not be made.
    #[error("the proof could not be made: {0}")]
    Proof(#[from] ProofError),
}

/// The number a status token signs for `handle` in `epoch` (CRED-05).
#[must_use]
pub fn status_token_number(handle: u64, epoch: u32) -> Scalar {
    Scalar::from_u64(handle) + epoch_offset(u64::from(epoch))
}

/// One attribute shown in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Shown {
    /// Position in the type.
    #[n(0)]
    pub position: u8,
    /// Its value: text, a digest, or a number as big-endian bytes of a length that the attribute fixes (PRES-13).
    #[n(1)]
    pub value: Value,
}

/// Things with their positions.
type Positioned<T> = Vec<(usize, T)>;

/// What a presentation is fresh for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// When it was made, unix seconds.
    pub made_at: u64,
    /// The digest of the request it answers; none when the holder shows a code unasked.
    pub request: Option<[u8; 32]>,
}

/// A presentation as received: nothing in it means anything before [`Presentation::authenticate`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presentation {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    issuer_key: [u8; 8],
    #[n(2)]
    made_at: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    request: Option<[u8; 32]>,
    #[n(4)]
    shown: Vec<Shown>,
    #[n(5)]
    proven: Vec<Predicate>,
    #[n(6)]
    handle: Option<u64>,
    #[n(7)]
    epoch: Option<u32>,
    #[n(8)]
    device_key: Option<PublicKey>,
    #[cbor(n(9), with = "minicbor::bytes")]
    proof: Vec<u8>,
    #[n(10)]
    device_signature: Option<Signature>,
    #[n(11)]
    pseudonym: Option<Pseudonym>,
}

impl Presentation {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a presentation.
    ///
    /// # Errors
    /// [`PresentationError::MalformedPresentation`] unless the bytes are canonical (PRES-01),
    /// [`PresentationError::UnsupportedVersion`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PresentationError> {
        let received: Self = cbor::from_slice(bytes, SIZE_MAX).map_err(|_| PresentationError::MalformedPresentation)?;
        if received.version == VERSION { Ok(received) } else { Err(PresentationError::UnsupportedVersion) }
    }

    /// The issuer key it claims; needed to find the evidence.
    #[must_use]
    pub fn issuer_key(&self) -> [u8; 8] {
        self.issuer_key
    }

    /// Checks that the issuer's key signed a credential of which all this is true, and that the holder's
    /// keys took part.
    ///
    /// # Errors
    /// [`PresentationError`], in the order: form (PRES-02…04), holder binding, proof.
    pub fn authenticate(&self, evidence: &IssuerEvidence) -> Result<AuthenticPresentation, PresentationError> {
        let (values, parts) = self.before_proof(evidence)?;
        let memberships = parts.memberships(evidence);
        disclosure::verify(&parts.statement(evidence, &memberships), &parts.context, &self.proof)?;
        Ok(self.authentic(evidence, values))
    }

    /// All but the proof: the shown values, and what the proof must prove.
    fn before_proof(&self, evidence: &IssuerEvidence) -> Result<(Positioned<Value>, Parts), PresentationError> {
        let (values, shown) = self.form(evidence)?;
        if let Some(key) = &self.device_key {
            let signature = self.device_signature.as_ref().ok_or(PresentationError::HolderBindingMissing)?;
            key.verify(domains::PRESENTATION_DEVICE, &self.device_bytes(), signature)
                .map_err(|_| PresentationError::HolderBindingInvalid)?; // PRES-06
        }
        // ZKP-01, before anything is calculated for what cannot be a proof.
        let hidden = evidence.credential_type.message_count().saturating_sub(shown.len());
        let memberships = 1 + usize::from(self.epoch.is_some()) + self.proven.len();
        if self.proof.len() != disclosure::length(hidden, memberships) {
            return Err(ProofError::ProofLength.into());
        }
        Ok((values, self.parts(evidence, shown)?))
    }

    /// What it says, once everything was checked.
    fn authentic(&self, evidence: &IssuerEvidence, values: Positioned<Value>) -> AuthenticPresentation {
        let names = &evidence.credential_type.attributes;
        AuthenticPresentation {
            shown: values
                .into_iter()
                .filter_map(|(position, value)| Some((names.get(position)?.name.clone(), value)))
                .collect(),
            proven: self.proven.clone(),
            status: match (self.handle, self.epoch) {
                (Some(handle), _) => HandleStatus::Listed(handle),
                (None, epoch) => HandleStatus::VouchedFor(epoch.unwrap_or_default()),
            },
            freshness: Freshness { made_at: self.made_at, request: self.request },
            binding: if self.device_key.is_some() { Binding::HardwareKey } else { Binding::LinkSecret },
            pseudonym: self.pseudonym.clone(),
        }
    }

    /// Checks that everything said in the clear fits the type (PRES-02…04, 10, 12, 13), and returns the shown values and
    /// the numbers they stand for in the credential.
    fn form(&self, evidence: &IssuerEvidence) -> Result<(Positioned<Value>, Positioned<Scalar>), PresentationError> {
        let credential_type = &evidence.credential_type;
        // PRES-02: attributes once each, in the type's order, with values the type has.
        let ordered = self.shown.windows(2).all(|pair| matches!(pair, [a, b] if a.position < b.position));
        let value = |shown: &Shown| {
            let position = usize::from(shown.position);
            let value = credential_type.attributes.get(position)?.encoding.value_of_fixed(&shown.value)?;
            credential_type.check_value(position, &value).ok().map(|()| (position, value))
        };
        let values: Option<Positioned<Value>> = self.shown.iter().map(value).collect();
        // PRES-03: status and device key exactly as the type says.
        let by_list = credential_type.status == StatusMethod::List;
        let binding = if self.device_key.is_some() { HolderBinding::DeviceKey } else { HolderBinding::LinkSecret };
        let by_device = binding == HolderBinding::DeviceKey;
        let status_fits = self.handle.is_some() == by_list && self.epoch.is_some() != by_list;
        if !by_device && !credential_type.binds(binding) {
            return Err(PresentationError::HolderBindingMissing);
        }
        let device_fits = credential_type.binds(binding) && (by_device || self.device_signature.is_none());
        // PRES-10: nothing that links says more of the time than the slot.
        let time_fits = by_device || self.made_at.is_multiple_of(SLOT);
        // PRES-12: a pseudonym of a kind the type has, for a verifier that asked.
        let pseudonym_fits =
            self.pseudonym.as_ref().is_none_or(|p| p.scope.fits(credential_type, binding) && self.request.is_some());
        let proven_fit = statements_fit(&self.proven, credential_type);
        let fits = ordered && status_fits && device_fits && time_fits && pseudonym_fits && proven_fit;
        if !fits || evidence.key_id != self.issuer_key {
            return Err(PresentationError::TypeMismatch);
        }
        let values = values.ok_or(PresentationError::TypeMismatch)?;
        let mut shown = Vec::new();
        if let Some(handle) = self.handle {
            shown.push((Layout::HANDLE, Scalar::from_u64(handle)));
        }
        // Zero, in types that have no device key.
        shown.push((Layout::DEVICE_KEY, device_key_number(self.device_key.as_ref())));
        shown.extend(
            values.iter().map(|(position, value)| (Layout::ATTRIBUTES + position, value_number(*position, value))),
        );
        Ok((values, shown))
    }

    /// The statement, of a presentation whose form was checked.
    fn parts(&self, evidence: &IssuerEvidence, shown: Vec<(usize, Scalar)>) -> Result<Parts, PresentationError> {
        let credential_type = &evidence.credential_type;
        let pseudonym = match &self.pseudonym {
            None => None,
            Some(pseudonym) => {
                let today = Day::in_korea(self.made_at);
                Some((pseudonym.scope.bytes(&evidence.network, &pseudonym.verifier, today), pseudonym.point()?))
            }
        };
        Ok(Parts {
            header: Credential::header(&evidence.network, &self.issuer_key, credential_type),
            shown,
            context: self.context(),
            memberships: self.memberships(evidence)?,
            pseudonym,
            message_count: credential_type.message_count(),
        })
    }

    /// ZKP-16: everything said in the clear; through the request's digest also verifier, nonce and purpose.
    fn context(&self) -> Vec<u8> {
        let mut context = domains::PRESENTATION_CONTEXT.to_vec();
        context.extend(cbor::to_vec(&Self { proof: Vec::new(), device_signature: None, ..self.clone() }));
        context
    }

    /// Hidden statements in their fixed order: expiry, status, then what was asked (PRES-05).
    fn memberships(&self, evidence: &IssuerEvidence) -> Result<Vec<Linear>, PresentationError> {
        let credential_type = &evidence.credential_type;
        let today = Day::in_korea(self.made_at);
        let number = |day: Day| Scalar::from_u64(u64::from(day.number()));
        let one = Scalar::from_u64(1);
        let mut all =
            vec![Linear { set: Set::Days, message: Layout::EXPIRY, coefficient: one, constant: -number(today) }];
        if let Some(epoch) = self.epoch {
            let constant = status_token_number(0, epoch);
            all.push(Linear { set: Set::Status, message: Layout::HANDLE, coefficient: one, constant });
        }
        for predicate in &self.proven {
            let position = predicate.position(credential_type).ok_or(PresentationError::TypeMismatch)?;
            let message = Layout::ATTRIBUTES + position;
            all.push(match predicate.claim(credential_type, today).ok_or(PresentationError::TypeMismatch)? {
                Claim::AtMost(last) => Linear { set: Set::Days, message, coefficient: -one, constant: number(last) },
                Claim::AtLeast(first) => Linear { set: Set::Days, message, coefficient: one, constant: -number(first) },
                Claim::Among(members) => {
                    let base = evidence.base(&members).map_err(|_| PresentationError::InvalidIssuerKey)?;
                    Linear { set: Set::Public(base), message, coefficient: one, constant: Scalar::ZERO }
                }
            });
        }
        Ok(all)
    }

    /// What the device key signs: everything but its own signature.
    fn device_bytes(&self) -> Vec<u8> {
        Sha256::digest(cbor::to_vec(&Self { device_signature: None, ..self.clone() })).to_vec()
    }
}

enum Set {
    Days,
    Status,
    /// The public set with this base.
    Public(G1Affine),
}

struct Linear {
    set: Set,
    message: usize,
    coefficient: Scalar,
    constant: Scalar,
}

struct Parts {
    header: Vec<u8>,
    shown: Vec<(usize, Scalar)>,
    context: Vec<u8>,
    memberships: Vec<Linear>,
    pseudonym: Option<(Vec<u8>, G1Affine)>,
    message_count: usize,
}

impl Parts {
    fn memberships<'a>(&self, evidence: &'a IssuerEvidence) -> Vec<Membership<'a>> {
        let membership = |linear: &Linear| {
            let Linear { set, message, coefficient, constant } = linear;
            match set {
                Set::Days => Some(Membership::signed(&evidence.day_set, *message, *coefficient, *constant)),
                Set::Status => Some(Membership::signed(&evidence.status, *message, *coefficient, *constant)),
                // There is no base without parameters.
                Set::Public(base) => {
                    evidence.sets().map(|parameters| Membership::public(parameters.key(), *message, *base))
                }
            }
        };
        self.memberships.iter().filter_map(membership).collect()
    }

    fn statement<'a>(&'a self, evidence: &'a IssuerEvidence, memberships: &'a [Membership<'a>]) -> Statement<'a> {
        Statement {
            issuer: &evidence.bbs,
            header: &self.header,
            message_count: self.message_count,
            shown: &self.shown,
            memberships,
            pseudonym: self.pseudonym.as_ref().map(|(scope, value)| disclosure::Pseudonym {
                scope,
                message: Layout::LINK_SECRET,
                value: *value,
            }),
        }
    }
}

/// How the holder took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// A key of the phone's secure area signed it.
    HardwareKey,
    /// The proof needs the holder's link secret.
    LinkSecret,
}

/// What the presentation says of withdrawal; the verifier's trust data decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleStatus {
    /// The handle to look up: list in the upper half, entry in the lower.
    Listed(u64),
    /// The issuer vouched for the hidden handle in this epoch.
    VouchedFor(u32),
}

/// A presentation whose proof holds. Whether it is acceptable here and now is the verifier's question,
/// so claims become readable only through a verdict.
pub struct AuthenticPresentation {
    shown: Vec<(String, Value)>,
    proven: Vec<Predicate>,
    status: HandleStatus,
    freshness: Freshness,
    binding: Binding,
    pseudonym: Option<Pseudonym>,
}

impl AuthenticPresentation {
    /// Names and values of shown attributes.
    #[must_use]
    pub fn shown(&self) -> &[(String, Value)] {
        &self.shown
    }

    /// Statements proven.
    #[must_use]
    pub fn proven(&self) -> &[Predicate] {
        &self.proven
    }

    /// What to check for withdrawal.
    #[must_use]
    pub fn status(&self) -> HandleStatus {
        self.status
    }

    /// When it was made and for what.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// How the holder took part.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// By what the verifier recognises the holder again, if the holder gave it that.
    #[must_use]
    pub fn pseudonym(&self) -> Option<&Pseudonym> {
        self.pseudonym.as_ref()
    }
}

//! What the ledger records, and the bounds of every field (`specs/ledger-records.md`).
//!
//! Every record speaks of an organisation, a key or a rule. No field can hold a person: there is no
//! holder, no attribute value, no entry of a status list, and every text has a bound. Who may write
//! what is the node's question, not answered here.

use minicbor::{Decode, Encode};

use super::governing::{DELAY_MAX, NonceCount, Scheduled, Succession, ValidatorSet};
use super::key::{IssuerKeyId, StateKey};
use crate::cbor::{self, EncodingError};
use crate::credential::{CredentialType, HolderBinding, Label, StatusList};
use crate::crypto::keys::{PublicKey, SignatureError};
use crate::crypto::public_set::SetParameters;
use crate::exchange::{Predicate, Scope, is_event_name};
use crate::identifier::Did;

/// Longest identifier of a credential type or purpose, fragment or attribute name, in bytes.
pub const ID_MAX: usize = 64;
/// Longest name of an organisation in one language, in bytes.
pub const NAME_MAX: usize = 200;
/// Longest purpose text in one language, in bytes.
pub const PURPOSE_MAX: usize = 500;
/// Longest definition of a credential type, in bytes.
pub const DEFINITION_MAX: usize = 8 * 1024;
/// Most keys of a DID or of governance.
pub const KEYS_MAX: usize = 32;
/// Most purposes of a verifier, permits of a purpose, claims or predicates of a permit.
pub const LIST_MAX: usize = 32;
/// Longest encoded [`Envelope`].
pub const VALUE_MAX: usize = 48 * 1024;

/// Why a record's fields are refused, whoever writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A text is longer than its bound.
    #[error("a text is too long; shorten it")]
    TextTooLong,
    /// A text that must say something is empty.
    #[error("a text is empty; fill it in")]
    TextMissing,
    /// An identifier, attribute name, network name or key fragment uses other characters than its grammar allows.
    #[error("an identifier has characters that are not allowed; use a-z, 0-9, '.', '-' and '_'")]
    MalformedIdentifier,
    /// A list has more entries than its bound, or none where one is needed.
    #[error("a list has too many or too few entries; split or complete it")]
    ListLength,
    /// Two entries of a list are the same.
    #[error("a list names the same thing twice; remove one")]
    DuplicateEntry,
    /// A public key is not valid.
    #[error("a public key is not valid; make a new one")]
    InvalidKey,
    /// A public key binds nothing (small order).
    #[error("a public key is weak; make a new one")]
    WeakKey,
    /// A key has no purpose or an unknown one.
    #[error("a key needs at least one of the three purposes")]
    InvalidPurpose,
    /// A period ends before it begins.
    #[error("a period ends before it begins; correct the times")]
    InvalidPeriod,
    /// The threshold is zero or larger than the number of keys.
    #[error("the threshold cannot be met by the keys; correct it")]
    InvalidThreshold,
    /// The definition is not the canonical file of the credential type it names.
    #[error("the definition is not the canonical file of this credential type; export it again")]
    InvalidDefinition,
    /// The number of entries is not the one every list has.
    #[error("a status list has another number of entries; publish whole lists")]
    InvalidStatusList,
    /// A list that has an order is not in it.
    #[error("a list is not in ascending order; sort it")]
    ListUnordered,
    /// The delay of governance is longer than 90 days.
    #[error("the delay of governance is longer than 90 days; choose a shorter one")]
    DelayTooLong,
    /// A scheduled change is not a record that governors write.
    #[error("only changes that governors make can be scheduled; write this one at once")]
    InvalidChange,
}

/// Who governs the ledger: `threshold` of `keys` must sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Governance {
    /// Short name of the network, the third part of its DIDs.
    #[n(0)]
    pub network: String,
    /// Ed25519 public keys of the governors.
    #[n(1)]
    pub keys: Vec<GovernanceKey>,
    /// How many of them must sign.
    #[n(2)]
    pub threshold: u8,
    /// How long whatever gives someone more power is visible before it comes into force, in seconds (LRUL-12). 0
    /// for networks that only try things out.
    #[n(3)]
    pub delay: u32,
}

/// An Ed25519 public key of a governor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct GovernanceKey(
    /// The 32 bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl core::fmt::Debug for GovernanceKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What a key of a DID may be used for; a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Purposes(
    /// The bits.
    #[n(0)]
    pub u8,
);

impl Purposes {
    /// Sign claims: credentials, requests, status (`assertionMethod`).
    pub const ASSERTION: Self = Self(1);
    /// Log in (`authentication`).
    pub const AUTHENTICATION: Self = Self(2);
    /// Change the DID and what it owns (`capabilityInvocation`).
    pub const CONTROL: Self = Self(4);
    /// All three.
    pub const ALL: Self = Self(7);

    /// Whether every purpose of `other` is in this set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One key of a DID.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct DidKey {
    /// Name within the DID, without `#`.
    #[n(0)]
    pub fragment: String,
    /// The public key.
    #[n(1)]
    pub key: PublicKey,
    /// What it may be used for.
    #[n(2)]
    pub purposes: Purposes,
    /// Valid from this time, Unix seconds.
    #[n(3)]
    pub from: u64,
    /// Valid before this time, Unix seconds; without end when absent. A retired key stays listed, so
    /// that what it signed in its time can still be checked.
    #[n(4)]
    pub until: Option<u64>,
}

impl DidKey {
    /// Whether the key may be used for `purpose` at `at` (Unix seconds): `from ≤ at < until` (DIDM-05).
    #[must_use]
    pub fn usable(&self, purpose: Purposes, at: u64) -> bool {
        self.purposes.contains(purpose) && self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// The keys of an issuer, verifier or validator.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct DidRecord {
    /// The identifier.
    #[n(0)]
    pub did: Did,
    /// All keys, retired ones included.
    #[n(1)]
    pub keys: Vec<DidKey>,
    /// Given up for ever.
    #[n(2)]
    pub deactivated: bool,
}

impl DidRecord {
    /// The key named `fragment` if it may be used for `purpose` at `at` (Unix seconds). A deactivated DID has none.
    #[must_use]
    pub fn key_for(&self, fragment: &str, purpose: Purposes, at: u64) -> Option<&DidKey> {
        self.key(fragment).filter(|key| !self.deactivated && key.usable(purpose, at))
    }

    /// The key named `fragment`, whatever its validity.
    #[must_use]
    pub fn key(&self, fragment: &str) -> Option<&DidKey> {
        self.keys.iter().find(|key| key.fragment == fragment)
    }
}

/// Permission of an issuer to issue a credential type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Accreditation {
    /// The issuer.
    #[n(0)]
    pub issuer: Did,
    /// What it may issue.
    #[n(1)]
    pub credential_type: String,
    /// Valid from this time, Unix seconds.
    #[n(2)]
    pub from: u64,
    /// Valid before this time, Unix seconds.
    #[n(3)]
    pub until: u64,
    /// Taken back for ever.
    #[n(4)]
    pub withdrawn: bool,
}

impl Accreditation {
    /// Whether the issuer may issue at `at` (Unix seconds): not withdrawn and `from ≤ at < until`.
    #[must_use]
    pub fn valid_at(&self, at: u64) -> bool {
        !self.withdrawn && self.from <= at && at < self.until
    }
}

/// Who may ask, what for, and the most it may ask.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct VerifierRegistration {
    /// The verifier.
    #[n(0)]
    pub did: Did,
    /// The organisation's name as holders read it.
    #[n(1)]
    #[cbor(with = "label")]
    pub name: Label,
    /// What it may ask for.
    #[n(2)]
    pub purposes: Vec<Purpose>,
    /// Taken back for ever.
    #[n(3)]
    pub withdrawn: bool,
}

impl VerifierRegistration {
    /// The purpose with this id.
    #[must_use]
    pub fn purpose(&self, id: &str) -> Option<&Purpose> {
        self.purposes.iter().find(|purpose| purpose.id == id)
    }
}

/// One purpose of a verifier.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Purpose {
    /// Short name that a request carries.
    #[n(0)]
    pub id: String,
    /// The text a holder reads before consenting.
    #[n(1)]
    #[cbor(with = "label")]
    pub text: Label,
    /// The most that may be asked, one entry for each credential type.
    #[n(2)]
    pub permits: Vec<Permit>,
}

impl Purpose {
    /// What may be asked of credentials of this type.
    #[must_use]
    pub fn permit(&self, credential_type: &str) -> Option<&Permit> {
        self.permits.iter().find(|permit| permit.credential_type == credential_type)
    }
}

/// The most a verifier may ask of one credential type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Permit {
    /// The credential type.
    #[n(0)]
    pub credential_type: String,
    /// Names of attributes that may be shown.
    #[n(1)]
    pub claims: Vec<String>,
    /// Statements that may be asked for, exactly these: "age ≥ 19" does not allow "age ≥ 18".
    #[n(2)]
    pub predicates: Vec<Predicate>,
    /// Within what holders may be recognised again, exactly these: "this month" does not allow "this year".
    #[n(3)]
    pub pseudonyms: Vec<Scope>,
    /// How answers may be bound, where not as the type usually is: a one-time device key says more than a link secret.
    #[n(4)]
    pub binding: Option<HolderBinding>,
}

impl Permit {
    /// Whether it covers questions with this binding about credentials of the type.
    #[must_use]
    pub fn covers(&self, binding: HolderBinding, credential_type: &CredentialType) -> bool {
        binding == self.binding.unwrap_or(credential_type.holder_binding)
    }
}

/// A credential type, as a file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TypeDefinition {
    /// The type's id.
    #[n(0)]
    pub id: String,
    /// Canonical JSON of the type file ([`CredentialType::definition`]).
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub definition: Vec<u8>,
}

/// The keys with which an issuer signs credentials of one type.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct IssuerKey {
    /// The issuer.
    #[n(0)]
    pub issuer: Did,
    /// What it signs.
    #[n(1)]
    pub credential_type: String,
    /// BBS public key, compressed point of G2.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub bbs: [u8; 96],
    /// Public key of the signed set of days (predicates about dates), compressed point of G2.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub day_set: [u8; 96],
    /// Public key of status epoch tokens, compressed point of G2.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub status: [u8; 96],
    /// Parameters of public sets ([`SetParameters::to_bytes`]): key and powers, as many as the type needs; empty in
    /// types without lists of codes.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub sets: Vec<u8>,
    /// Valid from this time, Unix seconds.
    #[n(6)]
    pub from: u64,
    /// Valid before this time, Unix seconds.
    #[n(7)]
    pub until: u64,
    /// Nothing the key signed at or after this time (Unix seconds) is to be believed. Once set it can
    /// only move to an earlier time.
    #[n(8)]
    pub compromised_from: Option<u64>,
}

impl IssuerKey {
    /// The short name by which presentations say which key signed.
    #[must_use]
    pub fn key_id(&self) -> IssuerKeyId {
        StateKey::issuer_key(&self.issuer, &self.credential_type, &self.bbs).short()
    }

    /// Whether a credential signed at `at` (Unix seconds) may be believed: `from ≤ at < until`, and before any cut-off.
    #[must_use]
    pub fn valid_at(&self, at: u64) -> bool {
        self.from <= at && at < self.until && self.compromised_from.is_none_or(|cut_off| at < cut_off)
    }
}

impl core::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IssuerKey({} {} {})", self.issuer, self.credential_type, hex::encode(self.key_id()))
    }
}

/// The digest of a published status list. The list itself travels in trust bundles.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatusListAnchor {
    /// The issuer.
    #[n(0)]
    pub issuer: Did,
    /// Whose credentials it lists.
    #[n(1)]
    pub credential_type: String,
    /// Number of the list.
    #[n(2)]
    pub list: u32,
    /// [`StatusList::digest`].
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// How many entries it has: [`StatusList::ENTRIES`].
    #[n(4)]
    pub entries: u32,
    /// The state of affairs it shows, Unix seconds.
    #[n(5)]
    pub as_of: u64,
}

/// The epoch for which an issuer currently signs "still good" tokens.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatusEpoch {
    /// [`IssuerKey::key_id`] of the key.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub issuer_key: IssuerKeyId,
    /// Number of the epoch.
    #[n(1)]
    pub epoch: u32,
    /// When it began, Unix seconds.
    #[n(2)]
    pub at: u64,
}

/// Anything the ledger records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Record {
    /// Who governs the ledger.
    #[n(0)]
    Governance(#[n(0)] Governance),
    /// The keys of an organisation.
    #[n(1)]
    Did(#[n(0)] DidRecord),
    /// Who may issue what.
    #[n(2)]
    Accreditation(#[n(0)] Accreditation),
    /// Who may ask what.
    #[n(3)]
    Verifier(#[n(0)] VerifierRegistration),
    /// What a credential type contains.
    #[n(4)]
    CredentialType(#[n(0)] TypeDefinition),
    /// What an issuer signs with.
    #[n(5)]
    IssuerKey(#[n(0)] Box<IssuerKey>),
    /// What a status list must hash to.
    #[n(6)]
    StatusList(#[n(0)] StatusListAnchor),
    /// Which status epoch is current.
    #[n(7)]
    StatusEpoch(#[n(0)] StatusEpoch),
    /// How many transactions a sender has made.
    #[n(8)]
    Nonce(#[n(0)] NonceCount),
    /// Who runs the ledger.
    #[n(9)]
    Validators(#[n(0)] ValidatorSet),
    /// What will change.
    #[n(10)]
    Scheduled(#[n(0)] Scheduled),
    /// What takes this network's place.
    #[n(11)]
    Succession(#[n(0)] Box<Succession>),
}

impl Record {
    /// Where the record stands in the state.
    #[must_use]
    pub fn state_key(&self) -> StateKey {
        match self {
            Self::Governance(_) => StateKey::governance(),
            Self::Did(r) => StateKey::did(&r.did),
            Self::Accreditation(r) => StateKey::accreditation(&r.issuer, &r.credential_type),
            Self::Verifier(r) => StateKey::verifier(&r.did),
            Self::CredentialType(r) => StateKey::credential_type(&r.id),
            Self::IssuerKey(r) => StateKey::issuer_key(&r.issuer, &r.credential_type, &r.bbs),
            Self::StatusList(r) => StateKey::status_list(&r.issuer, &r.credential_type, r.list),
            Self::StatusEpoch(r) => StateKey::status_epoch(&r.issuer_key),
            Self::Nonce(r) => StateKey::nonce(&r.account),
            Self::Validators(_) => StateKey::validators(),
            Self::Scheduled(r) => r.state_key(),
            Self::Succession(_) => StateKey::succession(),
        }
    }

    /// Checks every field for itself (LREC-02…06). References to other records are the node's question.
    ///
    /// # Errors
    /// [`RecordError`]
    pub fn validate(&self) -> Result<(), RecordError> {
        match self {
            Self::Governance(r) => r.validate(),
            Self::Did(r) => r.validate(),
            Self::Accreditation(r) => identifier(&r.credential_type).and_then(|()| period(r.from, r.until)),
            Self::Verifier(r) => r.validate(),
            Self::CredentialType(r) => r.validate(),
            Self::IssuerKey(r) => r.validate(),
            Self::StatusList(r) => r.validate(),
            Self::StatusEpoch(_) | Self::Nonce(_) => Ok(()),
            Self::Validators(r) => r.validate(),
            Self::Scheduled(r) => r.validate(),
            Self::Succession(r) => r.validate(),
        }
    }
}

impl Governance {
    fn validate(&self) -> Result<(), RecordError> {
        // The grammar of network names is that of the DIDs they end up in.
        Did::derive(&self.network, &[]).map_err(|_| RecordError::MalformedIdentifier)?;
        length(&self.keys, 1, KEYS_MAX)?;
        distinct(&self.keys)?;
        if self.threshold == 0 || usize::from(self.threshold) > self.keys.len() {
            return Err(RecordError::InvalidThreshold);
        }
        if self.delay > DELAY_MAX {
            return Err(RecordError::DelayTooLong); // LREC-05
        }
        self.keys.iter().try_for_each(|key| public_key(&PublicKey::Ed25519(key.0)))
    }
}

impl DidRecord {
    fn validate(&self) -> Result<(), RecordError> {
        length(&self.keys, 1, KEYS_MAX)?;
        distinct(&self.keys.iter().map(|key| &key.fragment).collect::<Vec<_>>())?;
        for key in &self.keys {
            identifier(&key.fragment)?;
            public_key(&key.key)?;
            if key.purposes.0 == 0 || !Purposes::ALL.contains(key.purposes) {
                return Err(RecordError::InvalidPurpose);
            }
            // A key that is retired in the second it was added has an empty period.
            if key.until.is_some_and(|until| until < key.from) {
                return Err(RecordError::InvalidPeriod);
            }
        }
        Ok(())
    }
}

impl VerifierRegistration {
    fn validate(&self) -> Result<(), RecordError> {
        text(&self.name, NAME_MAX)?;
        length(&self.purposes, 1, LIST_MAX)?;
        distinct(&self.purposes.iter().map(|purpose| &purpose.id).collect::<Vec<_>>())?;
        for purpose in &self.purposes {
            identifier(&purpose.id)?;
            text(&purpose.text, PURPOSE_MAX)?;
            length(&purpose.permits, 1, LIST_MAX)?;
            distinct(&purpose.permits.iter().map(|permit| &permit.credential_type).collect::<Vec<_>>())?;
            for permit in &purpose.permits {
                identifier(&permit.credential_type)?;
                length(&permit.claims, 0, LIST_MAX)?;
                distinct(&permit.claims)?;
                permit.claims.iter().try_for_each(|claim| identifier(claim))?;
                length(&permit.predicates, 0, LIST_MAX)?;
                distinct(&permit.predicates)?;
                permit.predicates.iter().try_for_each(predicate)?;
                length(&permit.pseudonyms, 0, LIST_MAX)?;
                distinct(&permit.pseudonyms)?;
                let named = |scope: &Scope| !matches!(scope, Scope::Event(name) if !is_event_name(name));
                if !permit.pseudonyms.iter().all(named) {
                    return Err(RecordError::MalformedIdentifier); // LREC-03
                }
            }
        }
        Ok(())
    }
}

impl TypeDefinition {
    fn validate(&self) -> Result<(), RecordError> {
        identifier(&self.id)?;
        if self.definition.len() > DEFINITION_MAX {
            return Err(RecordError::TextTooLong);
        }
        let parsed = CredentialType::parse(&self.definition).map_err(|_| RecordError::InvalidDefinition)?;
        if parsed.id != self.id || parsed.definition() != self.definition {
            return Err(RecordError::InvalidDefinition);
        }
        Ok(())
    }
}

impl IssuerKey {
    fn validate(&self) -> Result<(), RecordError> {
        identifier(&self.credential_type)?;
        period(self.from, self.until)?;
        // ZKP-15: one key, one use; the same point must not sign credentials, set members and status tokens.
        distinct(&[&self.bbs, &self.day_set, &self.status])?;
        for key in [&self.bbs, &self.day_set, &self.status] {
            let point = blst::min_sig::PublicKey::uncompress(key).map_err(|_| RecordError::InvalidKey)?;
            point.validate().map_err(|_| RecordError::InvalidKey)?;
        }
        // LREC-08, CRED-08: powers of one secret, which nothing else has signed with.
        if !self.sets.is_empty() {
            let sets = SetParameters::from_bytes(&self.sets).map_err(|_| RecordError::InvalidKey)?;
            distinct(&[&self.bbs, &self.day_set, &self.status, sets.key().as_bytes()])?;
            sets.verify().map_err(|_| RecordError::InvalidKey)?;
        }
        Ok(())
    }
}

impl StatusListAnchor {
    fn validate(&self) -> Result<(), RecordError> {
        identifier(&self.credential_type)?;
        if self.entries == StatusList::ENTRIES { Ok(()) } else { Err(RecordError::InvalidStatusList) }
    }
}

/// A record as the state holds it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Envelope {
    /// 1 for a new record, one more with every write.
    #[n(0)]
    pub version: u64,
    /// Height of the block that wrote this version; 0 for the genesis.
    #[n(1)]
    pub height: u64,
    /// The record.
    #[n(2)]
    pub record: Record,
}

impl Envelope {
    /// The value bytes that the state tree commits to.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads value bytes.
    ///
    /// # Errors
    /// [`EncodingError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, VALUE_MAX)
    }
}

/// A text in two languages as the array `[ko, en]`.
mod label {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use crate::credential::Label;

    pub(super) fn encode<C, W: Write>(
        label: &Label,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.str(&label.ko)?.str(&label.en)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Label, DecodeError> {
        if d.array()? != Some(2) {
            return Err(DecodeError::message("a text has two languages"));
        }
        Ok(Label { ko: d.str()?.to_owned(), en: d.str()?.to_owned() })
    }
}

fn text(label: &Label, max: usize) -> Result<(), RecordError> {
    for text in [&label.ko, &label.en] {
        if text.len() > max {
            return Err(RecordError::TextTooLong); // LREC-02
        }
        if text.trim().is_empty() {
            return Err(RecordError::TextMissing);
        }
    }
    Ok(())
}

fn identifier(text: &str) -> Result<(), RecordError> {
    if text.len() > ID_MAX {
        return Err(RecordError::TextTooLong); // LREC-02
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(RecordError::MalformedIdentifier); // LREC-03
    }
    Ok(())
}

/// What a predicate names is in the credential type (LRUL-06); for itself it has the bounds of names.
fn predicate(predicate: &Predicate) -> Result<(), RecordError> {
    let (Predicate::AnyOf { attribute, codes } | Predicate::NoneOf { attribute, codes }) = predicate else {
        return Ok(());
    };
    identifier(attribute)?;
    codes.iter().try_for_each(|code| {
        if code.len() > ID_MAX {
            return Err(RecordError::TextTooLong); // LREC-02
        }
        let printable = !code.is_empty() && code.bytes().all(|b| b.is_ascii_graphic());
        if printable { Ok(()) } else { Err(RecordError::MalformedIdentifier) } // LREC-03
    })
}

pub(super) fn length<T>(list: &[T], min: usize, max: usize) -> Result<(), RecordError> {
    if (min..=max).contains(&list.len()) { Ok(()) } else { Err(RecordError::ListLength) } // LREC-04
}

pub(super) fn distinct<T: PartialEq>(list: &[T]) -> Result<(), RecordError> {
    let repeated = list.iter().enumerate().any(|(i, entry)| list[..i].contains(entry));
    if repeated { Err(RecordError::DuplicateEntry) } else { Ok(()) } // LREC-04
}

fn period(from: u64, until: u64) -> Result<(), RecordError> {
    if from < until { Ok(()) } else { Err(RecordError::InvalidPeriod) } // LREC-05
}

pub(super) fn public_key(key: &PublicKey) -> Result<(), RecordError> {
    key.validate().map_err(|error| match error {
        SignatureError::WeakKey => RecordError::WeakKey,
        _ => RecordError::InvalidKey,
    }) // LREC-06
}

#[cfg(test)]
mod tests;

//! Credentials in formats of others, as the wallet file holds them, and what the owner sees of them.

use core::cmp::Reverse;

use minicbor::{Decode, Encode};
use protocol::credential::mdoc::IssuerSigned;
use protocol::credential::sd_jwt::{Trust, verify_issued};
use protocol::credential::status::ListAddress;
use protocol::credential::status::bitstring;
use protocol::credential::status::token::Reference;
use protocol::credential::w3c::{self, Contexts};
use protocol::credential::{Day, Label, Status};
use protocol::crypto::keys::PublicKey;
use protocol::crypto::x509::Root;
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use serde_json::Value;

use crate::contents::{self, CredentialId, Record};
use crate::credentials::{CredentialState, HeldCredential};
use crate::error::WalletError;
use crate::openid4vci::{Format, OfferedCredential, Receiving};
use crate::openid4vp::Foreign;
use crate::secure_area::StandardDeviceKey;
use crate::storage::{Table, Transaction};
use crate::wallet::Open;

/// Largest record of these: a batch of documents with portraits.
const RECORD_MAX: usize = 16 * 1024 * 1024;
/// Claims of an SD-JWT that are about the credential, not about the person.
const TECHNICAL: [&str; 9] = ["iss", "vct", "vct#integrity", "iat", "nbf", "exp", "cnf", "status", "jti"];
/// Longest value that a card shows, in characters.
const VALUE_MAX: usize = 200;

/// A credential in a format of others.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredForeign {
    /// Format, type and names.
    #[n(0)]
    pub(crate) offered: OfferedCredential,
    /// Whose root vouches for its issuer, on the ledger.
    #[n(1)]
    pub(crate) issuer: Did,
    /// Unix seconds.
    #[n(2)]
    pub(crate) received_at: u64,
    /// Unix seconds.
    #[n(3)]
    pub(crate) valid_until: Option<u64>,
    /// The same content for different keys, of which each is shown once but the last. There always is one.
    #[n(4)]
    pub(crate) copies: Vec<ForeignCopy>,
    /// Whether there were several.
    #[n(5)]
    pub(crate) batch: bool,
    /// The issuance that gets it anew, if its issuer does that.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub(crate) grant: Option<[u8; 16]>,
}

/// One copy with its key.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct ForeignCopy {
    /// Tells its key in the secure area from the others.
    #[n(0)]
    pub(crate) number: u8,
    #[n(1)]
    pub(crate) key: PublicKey,
    /// The text of an SD-JWT, the bytes of `IssuerSigned`, the JSON of a W3C credential with the issuer's proof.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) content: Vec<u8>,
    /// Whether it was shown to somebody.
    #[n(3)]
    pub(crate) shown: bool,
}

/// An offer that is being taken up: what has to go on after a crash.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredReceiving {
    #[n(0)]
    pub(crate) receiving: Receiving,
    /// The key that tokens are bound to.
    #[n(1)]
    pub(crate) sender: PublicKey,
    /// For each credential its id, and the keys of its copies.
    #[n(2)]
    pub(crate) holders: Vec<StoredHolder>,
}

/// What one credential of an offer will be bound to.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredHolder {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(1)]
    pub(crate) keys: Vec<PublicKey>,
}

impl Record for StoredForeign {
    const TABLE: Table = Table::Foreign;
    const MAX: usize = RECORD_MAX;
}

impl Record for StoredReceiving {
    const TABLE: Table = Table::Receiving;
    const MAX: usize = RECORD_MAX;
}

impl StoredForeign {
    /// The aliases of its keys in the secure area.
    pub(crate) fn key_aliases(&self, id: &CredentialId) -> Vec<String> {
        self.copies.iter().map(|copy| id.copy_alias(copy.number)).collect()
    }

    /// Whether a new credential takes its place.
    pub(crate) fn replaced_by(&self, new: &Self) -> bool {
        self.issuer == new.issuer
            && (self.offered.format, &self.offered.kind) == (new.offered.format, &new.offered.kind)
    }

    /// What it says, as it was checked when it was received.
    fn read(&self, roots: &[Root]) -> Option<(Value, Option<Reference>)> {
        let content = &self.copies.first()?.content;
        match self.offered.format {
            Format::SdJwt => {
                let text = core::str::from_utf8(content).ok()?;
                let verified = verify_issued(text, &self.offered.kind, &Trust { roots, now: self.received_at }).ok()?;
                let reference = Reference::from_claims(verified.claims()).ok();
                let mut claims = verified.claims().clone();
                TECHNICAL.iter().for_each(|name| drop(claims.remove(*name)));
                Some((Value::Object(claims), reference))
            }
            Format::Mdoc => {
                let signed = IssuerSigned::from_slice(content).ok()?;
                let (object, _) = signed.verify(&self.offered.kind, roots, self.received_at).ok()?;
                Some((signed.to_json(), object.status))
            }
            Format::W3cEddsa | Format::W3cBbs => {
                let document = w3c::read_json(content).ok()?;
                let reference = bitstring::reference(document.as_object()?).ok();
                let mut said = serde_json::Map::new();
                for (pointer, value) in w3c::attributes(&document) {
                    let name = pointer.trim_start_matches("/credentialSubject").trim_start_matches('/').to_owned();
                    said.insert(name, value);
                }
                Some((Value::Object(said), reference))
            }
        }
    }

    /// What people call it.
    fn name(&self) -> Label {
        let names = &self.offered.names;
        let in_language =
            |wanted: &str| names.iter().find(|(_, locale)| locale.as_deref().is_some_and(|it| it.starts_with(wanted)));
        let first = names.first().map_or(&self.offered.kind, |(name, _)| name);
        let name = |wanted: &str| in_language(wanted).map_or(first, |(name, _)| name).clone();
        Label { ko: name("ko"), en: name("en") }
    }

    /// Whether the issuer has withdrawn it for good: a status that is not known yet is none.
    pub(crate) fn is_withdrawn(&self, trust: &TrustedState) -> bool {
        let reference = self.read(&trust.certificate_roots()).and_then(|(_, reference)| reference);
        status(trust, &self.issuer, reference.as_ref()) == Status::Revoked
    }

    fn describe(&self, id: &CredentialId, trust: &TrustedState, now: u64) -> HeldCredential {
        let (claims, reference) = self.read(&trust.certificate_roots()).unwrap_or_default();
        let state = match (status(trust, &self.issuer, reference.as_ref()), self.valid_until) {
            (Status::Revoked | Status::Unknown, _) => CredentialState::Withdrawn,
            (_, Some(until)) if until < now => CredentialState::Expired,
            (Status::Suspended, _) => CredentialState::Suspended,
            (Status::Valid, _) => CredentialState::Usable,
        };
        let mut attributes = Vec::new();
        flatten("", &claims, &mut attributes);
        HeldCredential {
            id: *id,
            format: Some(self.offered.format),
            credential_type: self.offered.kind.clone(),
            name: self.name(),
            issuer: self.issuer.clone(),
            expiry: Day::in_korea(self.valid_until.unwrap_or(u64::MAX)),
            state,
            portrait: None,
            copies: self.batch.then(|| self.copies.iter().filter(|copy| !copy.shown).count()),
            attributes,
            profiles: Vec::new(),
        }
    }
}

/// Forgets what gets credentials anew of which none is `held` any more, but for `spared`. Returns aliases of keys that nothing uses
/// then.
pub(crate) fn forget_grants(
    transaction: &mut Transaction<'_>,
    gone: &[(CredentialId, StoredForeign)],
    held: &[(CredentialId, StoredForeign)],
    spared: Option<&CredentialId>,
) -> Vec<String> {
    let mut over: Vec<_> = gone.iter().filter_map(|(_, credential)| credential.grant.map(CredentialId)).collect();
    over.retain(|grant| Some(grant) != spared && held.iter().all(|(_, other)| other.grant != Some(grant.0)));
    over.iter().for_each(|grant| contents::remove::<StoredReceiving>(transaction, grant));
    over.iter().map(CredentialId::sender_alias).collect()
}

impl StoredReceiving {
    /// The aliases of its keys in the secure area.
    pub(crate) fn key_aliases(&self, id: &CredentialId) -> Vec<String> {
        let holders = self
            .holders
            .iter()
            .flat_map(|holder| (0..).zip(&holder.keys).map(|(number, _)| CredentialId(holder.id).copy_alias(number)));
        core::iter::once(id.sender_alias()).chain(holders).collect()
    }
}

/// What the card list shows of them, with the time they were received at.
pub(crate) fn describe_all(open: &Open, now: u64) -> Result<Vec<(u64, HeldCredential)>, WalletError> {
    let all = contents::all::<StoredForeign>(open.store.read())?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let trust = open.trust()?;
    Ok(all.iter().map(|(id, stored)| (stored.received_at, stored.describe(id, trust, now))).collect())
}

/// Lets `work` choose among the credentials that can answer now, the newest first: by a trusted issuer, neither run out nor
/// withdrawn.
pub(crate) fn with_usable<T>(
    open: &Open,
    now: u64,
    work: impl FnOnce(&[(CredentialId, StoredForeign)], &[Foreign<'_>]) -> Result<T, WalletError>,
) -> Result<T, WalletError> {
    let trust = open.trust()?;
    let roots = trust.certificate_roots();
    let mut held = contents::all::<StoredForeign>(open.store.read())?;
    held.sort_by_key(|(_, stored)| Reverse(stored.received_at));
    held.retain(|(_, stored)| {
        let reference = stored.read(&roots).map(|(_, reference)| reference);
        reference.is_some_and(|reference| status(trust, &stored.issuer, reference.as_ref()) == Status::Valid)
    });
    let keys = held.iter().map(|(id, stored)| {
        let copy = stored.copies.first().ok_or(WalletError::StorageTampered)?;
        StandardDeviceKey::new(open.area.as_ref(), id.copy_alias(copy.number), copy.key)
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let (mut usable, mut foreign) = (Vec::new(), Vec::new());
    for (held, key) in held.iter().zip(&keys) {
        // What has run out since does not stand up to the check of today.
        if let Some(it) = candidate(&held.1, key, trust, &roots, now) {
            usable.push(held.clone());
            foreign.push(it);
        }
    }
    work(&usable, &foreign)
}

fn candidate<'a>(
    stored: &'a StoredForeign,
    key: &'a StandardDeviceKey<'_>,
    trust: &TrustedState,
    roots: &[Root],
    now: u64,
) -> Option<Foreign<'a>> {
    let (content, kind) = (&stored.copies.first()?.content, &stored.offered.kind);
    match stored.offered.format {
        Format::SdJwt => {
            let text = core::str::from_utf8(content).ok()?;
            let verified = verify_issued(text, kind, &Trust { roots, now }).ok()?;
            Foreign::sd_jwt(text, &verified, key).ok()
        }
        Format::Mdoc => {
            IssuerSigned::from_slice(content).ok()?.verify(kind, roots, now).ok()?;
            Foreign::mdoc(content, kind, key).ok()
        }
        Format::W3cEddsa | Format::W3cBbs => {
            let contexts = stored.offered.meaning.as_ref()?.context.with(Contexts::standard());
            let document = w3c::read_json(content).ok()?;
            w3c::verify_issued(&document, &trust.controllers(now), &contexts, now).ok()?;
            Foreign::w3c(document, contexts, key).ok()
        }
    }
}

/// What the installed trust data says; valid where it says nothing. The address of a list names the type it is for.
fn status(trust: &TrustedState, issuer: &Did, reference: Option<&Reference>) -> Status {
    let Some((reference, list)) = reference.and_then(|it| Some((it, ListAddress::read(&it.uri)?))) else {
        return Status::Valid;
    };
    let listed = trust.listed_status(issuer, &list.credential_type, &reference.uri, reference.index);
    listed.map_or(Status::Valid, |listed| listed.status)
}

/// Every value with the path it stands at.
fn flatten(path: &str, value: &Value, into: &mut Vec<(Label, Label)>) {
    let same = |text: String| Label { ko: text.clone(), en: text };
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| flatten(&below(name), value, into)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| flatten(&below(&at.to_string()), value, into));
        }
        Value::String(text) if text.chars().count() > VALUE_MAX => {
            into.push((same(path.to_owned()), same(format!("… {}", text.len()))));
        }
        Value::String(text) => into.push((same(path.to_owned()), same(text.clone()))),
        other => into.push((same(path.to_owned()), same(other.to_string()))),
    }
}

//! From a question to an answer: who asks, what, why, and what the owner decides.

use std::cell::RefCell;

use protocol::credential::{Credential, CredentialType, HolderBinding, Label};
use protocol::exchange::{
    AuthenticRequest, Freshness, Holding, OverAsk, Predicate, Prepared, PresentError, Presentation, Query,
    RequestError, Scope, SignedRequest,
};
use protocol::identifier::Did;
use rand_core::CryptoRng;

use crate::activity::{self, Asked, Event};
use crate::contents::{self, CredentialId, StoredCredential};
use crate::error::WalletError;
use crate::ready;
use crate::secure_area::DeviceKey;
use crate::trust;
use crate::wallet::{Open, Wallet};

/// What the owner is asked before anything is answered. Only a wallet can make one, from an authentic
/// request, so that nothing else can be answered than what was shown.
#[derive(Clone)]
pub struct Consent {
    /// Who asks.
    pub verifier: Did,
    /// Its registered name.
    pub name: Label,
    /// Why: the registered text; none when the verifier did not register the purpose.
    pub purpose: Option<Label>,
    /// The credential that would answer.
    pub credential: CredentialId,
    /// What it is called.
    pub credential_name: Label,
    /// Every attribute of it, and what would become of it.
    pub attributes: Vec<ConsentItem>,
    /// How the answer would be bound to the holder.
    pub binding: HolderBinding,
    /// Within what the verifier would recognise the owner again; none if it would not.
    pub pseudonym: Option<Scope>,
    /// What the verifier asks beyond its registration. Such a request is blocked unless the owner insists.
    pub over_ask: Option<OverAsk>,
    /// The question runs out then, Unix seconds.
    pub expires_at: u64,
    request: SignedRequest,
}

/// One attribute on the consent sheet.
#[derive(Clone)]
pub struct ConsentItem {
    /// Its name in the type.
    pub name: String,
    /// What people call it.
    pub display: Label,
    /// What would become of it.
    pub disclosure: Disclosure,
}

/// A statement with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement.
    pub predicate: Predicate,
    /// What people read.
    pub text: Label,
}

/// What becomes of an attribute.
#[derive(Clone, PartialEq, Eq)]
pub enum Disclosure {
    /// The verifier sees this value.
    Shown(Label),
    /// The verifier learns that these statements hold, and nothing else.
    Proven(Vec<Statement>),
    /// The verifier learns nothing.
    Kept,
}

impl core::fmt::Debug for Consent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Consent({} [redacted])", self.verifier)
    }
}

impl core::fmt::Debug for ConsentItem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ConsentItem({} {:?})", self.name, self.disclosure)
    }
}

impl core::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Shown(_) => "Shown([redacted])",
            Self::Proven(_) => "Proven",
            Self::Kept => "Kept",
        })
    }
}

/// What the owner decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Answer, if the request stays within the verifier's registration.
    Approve,
    /// Answer although it does not. The app asks for this separately, with the reason.
    ApproveOverAsk,
    /// Send nothing.
    Decline,
}

impl Wallet {
    /// Reads a request for the owner to look at.
    ///
    /// # Errors
    /// [`WalletError::Request`], [`WalletError::NotHeld`], [`WalletError::TrustMissing`],
    /// [`WalletError::Locked`]
    pub fn read_request(&self, request: &[u8], now: u64) -> Result<Consent, WalletError> {
        self.with_open(now, |open| {
            let signed = SignedRequest::decode(request)?;
            let authentic = signed.authenticate(open.trust()?, now)?;
            let (id, stored) = held(open, &authentic.request.query)?;
            let query = &authentic.request.query;
            let trust = open.trust()?;
            let credential_type =
                trust.credential_type(&query.credential_type).ok_or(RequestError::QueryNotAnswerable)?;
            Ok(Consent {
                verifier: authentic.request.verifier.clone(),
                name: authentic.name.clone(),
                purpose: authentic.purpose.clone(),
                credential: id,
                credential_name: credential_type.name.clone(),
                attributes: items(credential_type, &stored.credential, query),
                binding: query.binding,
                pseudonym: query.pseudonym.clone(),
                over_ask: match authentic.within_registration() {
                    Err(RequestError::OverAsk(over_ask)) => Some(over_ask),
                    _ => None,
                },
                expires_at: authentic.request.expires_at,
                request: signed,
            })
        })
    }

    /// Does what the owner decided, and returns the presentation for the verifier.
    ///
    /// The log is written before the presentation is returned. To the verifier all refusals are the same:
    /// nothing arrives.
    ///
    /// # Errors
    /// [`WalletError::Declined`]; [`WalletError::Request`], with [`RequestError::OverAsk`] for a request that
    /// was blocked; [`WalletError::NoSuchCredential`], [`WalletError::CredentialWithdrawn`],
    /// [`WalletError::DaySetInvalid`], [`WalletError::Present`], [`WalletError::Locked`]
    pub fn answer(
        &self,
        consent: &Consent,
        decision: Decision,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, WalletError> {
        self.with_open(now, |open| {
            let authentic = consent.request.authenticate(open.trust()?, now)?;
            let asked = asked(&authentic);
            if decision == Decision::Decline {
                open.store.change(|transaction| activity::append(transaction, now, &Event::Declined(asked)))?;
                return Err(WalletError::Declined);
            }
            let within = authentic.within_registration();
            let event = match (within, decision) {
                (Ok(()), _) => Event::Answered(asked.clone()),
                (Err(_), Decision::ApproveOverAsk) => Event::AnsweredOverAsk(asked.clone()),
                (Err(refusal), _) => {
                    open.store.change(|transaction| activity::append(transaction, now, &Event::Blocked(asked)))?;
                    return Err(refusal.into());
                }
            };
            let freshness = Freshness { made_at: now, request: Some(authentic.digest) };
            let request = &authentic.request;
            match present(open, &consent.credential, &request.query, Some(&request.verifier), freshness, rng) {
                Ok(presentation) => {
                    open.store.change(|transaction| activity::append(transaction, now, &event))?;
                    Ok(presentation)
                }
                Err(refusal) => {
                    open.store.change(|transaction| activity::append(transaction, now, &Event::Unanswered(asked)))?;
                    Err(refusal)
                }
            }
        })
    }

    /// Makes a ready-made answer of the credential's type, for a code that the holder shows unasked.
    /// It is good for half a minute; call again for a fresh one. One that was [prepared](Wallet::prepare_next) is drawn at
    /// once, and never again.
    ///
    /// # Errors
    /// [`WalletError::NoSuchCredential`], [`WalletError::NoSuchProfile`],
    /// [`WalletError::CredentialWithdrawn`], [`WalletError::DaySetInvalid`], [`WalletError::Present`],
    /// [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn show_profile(
        &self,
        id: &CredentialId,
        profile: &str,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, WalletError> {
        self.with_open(now, |open| {
            let stored =
                contents::find::<StoredCredential>(open.store.read(), id)?.ok_or(WalletError::NoSuchCredential)?;
            let credential_type = stored.credential.credential_type.clone();
            let known = open.trust()?.credential_type(&credential_type).ok_or(WalletError::IssuerNotTrusted)?;
            let query = Query::of_profile(known, known.profile(profile).ok_or(WalletError::NoSuchProfile)?);
            let presentation = match ready::finish(open, id, profile, now)? {
                Some(presentation) => presentation,
                None => present(open, id, &query, None, Freshness { made_at: now, request: None }, rng)?,
            };
            let event = Event::Displayed { credential_type, profile: profile.to_owned() };
            open.store.change(|transaction| activity::append(transaction, now, &event))?;
            Ok(presentation)
        })
    }
}

/// The newest credential of the type asked for.
fn held(open: &Open, query: &Query) -> Result<(CredentialId, StoredCredential), WalletError> {
    let all = contents::all::<StoredCredential>(open.store.read())?.into_iter();
    let fitting = all.filter(|(_, stored)| stored.credential.credential_type == query.credential_type);
    fitting.max_by_key(|(_, stored)| stored.received_at).ok_or(WalletError::NotHeld)
}

fn items(credential_type: &CredentialType, credential: &Credential, query: &Query) -> Vec<ConsentItem> {
    let attributes = credential_type.attributes.iter().zip(&credential.values).enumerate();
    let item = attributes.map(|(position, (attribute, value))| {
        let about = |predicate: &&Predicate| predicate.position(credential_type) == Some(position);
        let statement = |predicate: &Predicate| Statement {
            predicate: predicate.clone(),
            text: Label { ko: predicate.text(credential_type, "ko"), en: predicate.text(credential_type, "en") },
        };
        let proven: Vec<Statement> = query.prove.iter().filter(about).map(statement).collect();
        let render = |lang| credential_type.render_value(position, value, lang);
        let disclosure = if query.show.contains(&attribute.name) {
            Disclosure::Shown(Label { ko: render("ko"), en: render("en") })
        } else if proven.is_empty() {
            Disclosure::Kept
        } else {
            Disclosure::Proven(proven)
        };
        ConsentItem { name: attribute.name.clone(), display: attribute.display.clone(), disclosure }
    });
    item.collect()
}

fn asked(authentic: &AuthenticRequest) -> Asked {
    let request = &authentic.request;
    Asked {
        verifier: request.verifier.clone(),
        name_ko: authentic.name.ko.clone(),
        name_en: authentic.name.en.clone(),
        purpose: request.purpose.clone(),
        credential_type: request.query.credential_type.clone(),
        shown: request.query.show.clone(),
        proven: request.query.prove.clone(),
        pseudonym: request.query.pseudonym.clone(),
    }
}

/// Makes a presentation from what the wallet holds; nothing is fetched.
fn present(
    open: &Open,
    id: &CredentialId,
    query: &Query,
    verifier: Option<&Did>,
    freshness: Freshness,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, WalletError> {
    let made = with_holding(open, id, |holding| match verifier {
        Some(verifier) => Presentation::create_for(verifier, holding, query, freshness, rng),
        None => Presentation::create(holding, query, freshness, rng),
    })?;
    Ok(made.encode())
}

/// Does of it what needs neither moment nor request.
pub(crate) fn prepare(
    open: &Open,
    id: &CredentialId,
    query: &Query,
    now: u64,
    rng: &mut dyn CryptoRng,
) -> Result<Prepared, WalletError> {
    with_holding(open, id, |holding| Presentation::prepare(holding, query, now, rng))
}

/// The key of the secure area that a credential is bound to, in types bound to one.
pub(crate) fn device<'a>(open: &'a Open, id: &CredentialId, stored: &StoredCredential) -> Option<DeviceKey<'a>> {
    let key = stored.credential.device_key;
    key.map(|public_key| DeviceKey::new(open.area.as_ref(), id.key_alias(), public_key))
}

fn with_holding<T>(
    open: &Open,
    id: &CredentialId,
    make: impl FnOnce(&Holding<'_>) -> Result<T, PresentError>,
) -> Result<T, WalletError> {
    let connection = open.store.read();
    let stored = contents::find::<StoredCredential>(connection, id)?.ok_or(WalletError::NoSuchCredential)?;
    trust::check_not_withdrawn(open, id, &stored)?;
    let evidence = trust::evidence(open.trust()?, &stored.credential)?;
    let secrets = contents::secrets(connection, &stored.blinder)?;
    let token = trust::token(connection, id)?.and_then(|(epoch, signature)| Some((epoch, signature?)));
    // A day signature is public data of unknown origin until it is checked, which costs one pairing.
    let failure = RefCell::new(None);
    let day_signature = |day| match trust::checked_day_signature(connection, evidence.day_set(), day) {
        Ok(found) => found,
        Err(error) => {
            failure.replace(Some(error));
            None
        }
    };
    let device = device(open, id, &stored);
    let holding = Holding {
        credential: &stored.credential,
        secrets: &secrets,
        evidence: &evidence,
        day_signature: &day_signature,
        status_token: token,
        device: device.as_ref().map(|device| device as &dyn protocol::crypto::keys::Signer),
    };
    match make(&holding) {
        Ok(made) => Ok(made),
        Err(PresentError::SetSignatureMissing) => {
            Err(failure.take().unwrap_or(WalletError::Present(PresentError::SetSignatureMissing)))
        }
        Err(PresentError::KeystoreFault) => Err(device.map_or(WalletError::KeystoreFault, |device| device.fault())),
        Err(other) => Err(other.into()),
    }
}

//! From a question to an answer: who asks, what, why, and what the owner decides.

use std::cell::RefCell;

use protocol::credential::{CredentialType, Encoding, HolderBinding, Label};
use protocol::exchange::{
    AuthenticRequest, Freshness, Holding, OverAsk, Predicate, Prepared, PresentError, Presentation, Query, Received,
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
    /// What that means, where a key of the phone would sign; none where nothing of the phone is seen.
    pub bound: Option<Label>,
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
                attributes: items(credential_type, &stored, query),
                binding: query.binding,
                bound: bound(credential_type, query.binding),
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
                Ok(made) => made.release(open, &consent.credential, now, &event),
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
            let made = match ready::finish(open, id, profile, now)? {
                Some(presentation) => {
                    Made { presentation: illustrated(open, &stored, &query, presentation)?, copy: None }
                }
                None => present(open, id, &query, None, Freshness { made_at: now, request: None }, rng)?,
            };
            let event = Event::Displayed { credential_type, profile: profile.to_owned() };
            made.release(open, id, now, &event)
        })
    }
}

/// What it means that a key of the phone signs.
fn bound(credential_type: &CredentialType, binding: HolderBinding) -> Option<Label> {
    let (ko, en) = match (binding, credential_type.holder_binding) {
        (HolderBinding::LinkSecret, _) => return None,
        (_, HolderBinding::DeviceKey) => ("이 휴대전화의 키로 서명", "signed with this phone's key"),
        (_, HolderBinding::LinkSecret) => (
            "이 휴대전화의 일회용 키로 서명(발급기관은 누구인지 알 수 있음)",
            "signed with a key of this phone that is used once (the issuer could tell who it was)",
        ),
    };
    Some(Label { ko: ko.to_owned(), en: en.to_owned() })
}

/// The newest credential of the type asked for.
fn held(open: &Open, query: &Query) -> Result<(CredentialId, StoredCredential), WalletError> {
    let all = contents::all::<StoredCredential>(open.store.read())?.into_iter();
    let fitting = all.filter(|(_, stored)| stored.credential.credential_type == query.credential_type);
    fitting.max_by_key(|(_, stored)| stored.received_at).ok_or(WalletError::NotHeld)
}

fn items(credential_type: &CredentialType, stored: &StoredCredential, query: &Query) -> Vec<ConsentItem> {
    let (credential, has_portrait) = (&stored.credential, stored.portrait.is_some());
    let attributes = credential_type.attributes.iter().zip(&credential.values).enumerate();
    let item = attributes.map(|(position, (attribute, value))| {
        let about = |predicate: &&Predicate| predicate.position(credential_type) == Some(position);
        let statement = |predicate: &Predicate| Statement {
            predicate: predicate.clone(),
            text: Label {
                ko: predicate.text(Some(credential_type), "ko"),
                en: predicate.text(Some(credential_type), "en"),
            },
        };
        let proven: Vec<Statement> = query.prove.iter().filter(about).map(statement).collect();
        let render = |lang| credential_type.render_value(position, value, lang);
        let picture = has_portrait && attribute.encoding == Encoding::Digest;
        let disclosure = if picture && query.show.contains(&attribute.name) {
            // Said as what it is: the digest would mean nothing to the owner.
            Disclosure::Shown(Label { ko: "얼굴 사진".to_owned(), en: "the picture of your face".to_owned() })
        } else if query.show.contains(&attribute.name) {
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

/// A presentation that nobody has seen yet.
struct Made {
    presentation: Vec<u8>,
    /// The one-time copy it was made with.
    copy: Option<u8>,
}

impl Made {
    /// WFILE-13: the copy is gone and the log is written in one step, and only then does the presentation leave. A phone
    /// that dies before has shown nothing, one that dies after has lost a copy.
    fn release(self, open: &mut Open, id: &CredentialId, now: u64, event: &Event) -> Result<Vec<u8>, WalletError> {
        open.store.change(|transaction| {
            if let Some(number) = self.copy {
                let mut stored =
                    contents::find::<StoredCredential>(transaction, id)?.ok_or(WalletError::NoSuchCredential)?;
                stored.copies.iter_mut().for_each(|copies| copies.retain(|copy| copy.number != number));
                contents::put(transaction, id, &stored);
            }
            activity::append(transaction, now, event)
        })?;
        if let Some(number) = self.copy {
            // One that stays behind after a crash signs nothing any more: nothing names it.
            open.area.delete_key(&id.copy_alias(number))?;
        }
        Ok(self.presentation)
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
) -> Result<Made, WalletError> {
    let (made, copy) = with_holding(open, id, query.binding, |holding| match verifier {
        Some(verifier) => Presentation::create_for(verifier, holding, query, freshness, rng),
        None => Presentation::create(holding, query, freshness, rng),
    })?;
    let stored = contents::find::<StoredCredential>(open.store.read(), id)?.ok_or(WalletError::NoSuchCredential)?;
    Ok(Made { presentation: illustrated(open, &stored, query, made.encode())?, copy })
}

/// The presentation with the picture, where the question is for its digest and the wallet has it (PRES-15).
fn illustrated(
    open: &Open,
    stored: &StoredCredential,
    query: &Query,
    presentation: Vec<u8>,
) -> Result<Vec<u8>, WalletError> {
    let known = open.trust()?.credential_type(&query.credential_type).ok_or(WalletError::IssuerNotTrusted)?;
    let portrait = stored.portrait.clone().filter(|_| shows_digest(known, query));
    Ok(Received { presentation, staple: None, portrait }.encode())
}

fn shows_digest(credential_type: &CredentialType, query: &Query) -> bool {
    let digests = credential_type.attributes.iter().filter(|attribute| attribute.encoding == Encoding::Digest);
    digests.into_iter().any(|attribute| query.show.contains(&attribute.name))
}

/// Does of it what needs neither moment nor request.
pub(crate) fn prepare(
    open: &Open,
    id: &CredentialId,
    query: &Query,
    now: u64,
    rng: &mut dyn CryptoRng,
) -> Result<Prepared, WalletError> {
    with_holding(open, id, query.binding, |holding| Presentation::prepare(holding, query, now, rng)).map(|made| made.0)
}

/// The key of the secure area that a credential is bound to, in types bound to one.
pub(crate) fn device<'a>(open: &'a Open, id: &CredentialId, stored: &StoredCredential) -> Option<DeviceKey<'a>> {
    let key = stored.credential.device_key;
    key.map(|public_key| DeviceKey::new(open.area.as_ref(), id.key_alias(), public_key))
}

/// Lets `make` present with the credential, or with one of its one-time copies where `binding` wants a device key and the
/// credential has none; says which copy that was.
fn with_holding<T>(
    open: &Open,
    id: &CredentialId,
    binding: HolderBinding,
    make: impl FnOnce(&Holding<'_>) -> Result<T, PresentError>,
) -> Result<(T, Option<u8>), WalletError> {
    let view = open.store.read();
    let mut stored = contents::find::<StoredCredential>(view, id)?.ok_or(WalletError::NoSuchCredential)?;
    trust::check_not_withdrawn(open, id, &stored)?;
    let evidence = trust::evidence(open.trust()?, &stored.credential)?;
    let by_copy = binding == HolderBinding::DeviceKey && evidence.credential_type.bound_copies > 0;
    let copy = match by_copy {
        false => None,
        // PRES-09: without a copy there is no answer, and never a weaker one.
        true => Some(stored.copies.iter().flatten().next().cloned().ok_or(WalletError::CopiesUsedUp)?),
    };
    if let Some(copy) = &copy {
        stored.credential = stored.credential.copy(copy.device_key, copy.signature);
    }
    let alias = copy.as_ref().map_or_else(|| id.key_alias(), |copy| id.copy_alias(copy.number));
    let secrets = contents::secrets(view, &stored.blinder)?;
    let token = trust::token(view, id)?.and_then(|(epoch, signature)| Some((epoch, signature?)));
    // A day signature is public data of unknown origin until it is checked, which costs one pairing.
    let failure = RefCell::new(None);
    let day_signature = |day| match trust::checked_day_signature(view, evidence.day_set(), day) {
        Ok(found) => found,
        Err(error) => {
            failure.replace(Some(error));
            None
        }
    };
    let device = stored.credential.device_key.map(|key| DeviceKey::new(open.area.as_ref(), alias, key));
    let holding = Holding {
        credential: &stored.credential,
        secrets: &secrets,
        evidence: &evidence,
        day_signature: &day_signature,
        status_token: token,
        device: device.as_ref().map(|device| device as &dyn protocol::crypto::keys::Signer),
    };
    match make(&holding) {
        Ok(made) => Ok((made, copy.map(|copy| copy.number))),
        Err(PresentError::SetSignatureMissing) => {
            Err(failure.take().unwrap_or(WalletError::Present(PresentError::SetSignatureMissing)))
        }
        Err(PresentError::KeystoreFault) => Err(device.map_or(WalletError::KeystoreFault, |device| device.fault())),
        Err(other) => Err(other.into()),
    }
}

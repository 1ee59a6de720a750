//! What crosses the border: plain data, one type for each of the roles' types.

use protocol::credential;
use protocol::credential::age::Statute;
use protocol::exchange::qr::{self, Drawing};
use protocol::exchange::{Binding, Predicate};
use verifier::{ReplayProtection, Verdict};

use crate::error::ApiError;

/// A text in both languages.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Label {
    /// Korean.
    pub ko: String,
    /// English.
    pub en: String,
}

impl From<&credential::Label> for Label {
    fn from(label: &credential::Label) -> Self {
        Self { ko: label.ko.clone(), en: label.en.clone() }
    }
}

/// A statement proven about a hidden attribute.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Statement {
    /// The holder has reached this age.
    AgeAtLeast {
        /// Full years.
        years: u8,
        /// `civil` or `youth-protection`: the law that says how years are counted.
        statute: String,
    },
}

impl From<&Predicate> for Statement {
    fn from(predicate: &Predicate) -> Self {
        match predicate {
            Predicate::AgeAtLeast { years, statute } => {
                let statute = match statute {
                    Statute::Civil => "civil",
                    Statute::YouthProtection => "youth-protection",
                };
                Self::AgeAtLeast { years: *years, statute: statute.into() }
            }
        }
    }
}

pub(crate) fn statements(predicates: &[Predicate]) -> Vec<Statement> {
    predicates.iter().map(Statement::from).collect()
}

/// An offer as the owner is asked about it.
#[derive(uniffi::Record)]
pub struct OfferSheet {
    /// DID of who offers.
    pub issuer: String,
    /// Where the credentials are fetched.
    pub url: String,
    /// What is offered.
    pub credential_types: Vec<OfferedType>,
    /// Whether a code that the issuer told separately has to be typed.
    pub tx_code: bool,
}

/// A credential type of an offer.
#[derive(uniffi::Record)]
pub struct OfferedType {
    /// The type's id.
    pub id: String,
    /// What people call it.
    pub name: Label,
}

impl From<wallet_core::OfferSheet> for OfferSheet {
    fn from(sheet: wallet_core::OfferSheet) -> Self {
        let offered = |(id, name): (String, credential::Label)| OfferedType { id, name: (&name).into() };
        Self {
            issuer: sheet.issuer.to_string(),
            url: sheet.url,
            credential_types: sheet.credential_types.into_iter().map(offered).collect(),
            tx_code: sheet.tx_code,
        }
    }
}

/// A request for a credential that is under way.
#[derive(uniffi::Record)]
pub struct PendingIssuance {
    /// The id the credential will have.
    pub id: String,
    /// The type asked for.
    pub credential_type: String,
    /// Where to send the request.
    pub url: String,
    /// What to send, the same each time until it is answered.
    pub request: Vec<u8>,
}

impl From<wallet_core::PendingIssuance> for PendingIssuance {
    fn from(pending: wallet_core::PendingIssuance) -> Self {
        Self {
            id: pending.id.to_string(),
            credential_type: pending.credential_type,
            url: pending.url,
            request: pending.request,
        }
    }
}

/// What the app should fetch, at a time that has nothing to do with any use.
#[derive(uniffi::Record)]
pub struct Needs {
    /// Whether to fetch a newer trust bundle.
    pub trust: bool,
    /// Day signatures to fetch.
    pub day_sets: Vec<DaySetNeeded>,
    /// Status tokens to fetch.
    pub status_tokens: Vec<StatusTokensNeeded>,
}

/// A set of day signatures.
#[derive(uniffi::Record)]
pub struct DaySetNeeded {
    /// DID of who publishes it.
    pub issuer: String,
    /// The key it is signed with, 96 bytes.
    pub key: Vec<u8>,
}

/// A public slice of status tokens.
#[derive(uniffi::Record)]
pub struct StatusTokensNeeded {
    /// DID of who publishes them.
    pub issuer: String,
    /// The credential's type.
    pub credential_type: String,
    /// The issuer key's short name, 8 bytes.
    pub issuer_key: Vec<u8>,
    /// The newest epoch on the ledger.
    pub epoch: u32,
    /// How many bits choose the slice.
    pub slice_bits: u8,
    /// Those bits.
    pub slice_index: u64,
}

impl Needs {
    pub(crate) fn new(needs: wallet_core::Needs, slice_bits: u8) -> Self {
        let day_set =
            |set: wallet_core::DaySetNeeded| DaySetNeeded { issuer: set.issuer.to_string(), key: set.key.to_vec() };
        let tokens = |tokens: wallet_core::StatusTokensNeeded| {
            let slice = tokens.slice(slice_bits);
            StatusTokensNeeded {
                issuer: tokens.issuer.to_string(),
                credential_type: tokens.credential_type,
                issuer_key: tokens.issuer_key.to_vec(),
                epoch: tokens.epoch,
                slice_bits: slice.bits,
                slice_index: slice.index,
            }
        };
        Self {
            trust: needs.trust,
            day_sets: needs.day_sets.into_iter().map(day_set).collect(),
            status_tokens: needs.status_tokens.into_iter().map(tokens).collect(),
        }
    }
}

/// Whether a credential can be used, as far as the installed data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CardState {
    /// It can.
    Usable,
    /// Its last day is over.
    Expired,
    /// The issuer withdrew it.
    Withdrawn,
}

/// A credential on the owner's own screen.
#[derive(uniffi::Record)]
pub struct Card {
    /// Its name within this wallet.
    pub id: String,
    /// The type's id.
    pub credential_type: String,
    /// What people call it.
    pub name: Label,
    /// DID of who issued it.
    pub issuer: String,
    /// Last day of validity, `YYYY-MM-DD`.
    pub expiry: String,
    /// Whether it can be used.
    pub state: CardState,
    /// What it says, for its owner's eyes only.
    pub attributes: Vec<Attribute>,
    /// Its ready-made answers.
    pub profiles: Vec<Profile>,
}

/// An attribute as people read it.
#[derive(uniffi::Record)]
pub struct Attribute {
    /// What people call it.
    pub label: Label,
    /// Its value.
    pub value: Label,
}

/// A ready-made answer.
#[derive(uniffi::Record)]
pub struct Profile {
    /// Its id, for `show`.
    pub id: String,
    /// What people call it.
    pub name: Label,
}

impl From<wallet_core::HeldCredential> for Card {
    fn from(held: wallet_core::HeldCredential) -> Self {
        let attributes = held.attributes.iter();
        Self {
            id: held.id.to_string(),
            credential_type: held.credential_type,
            name: (&held.name).into(),
            issuer: held.issuer.to_string(),
            expiry: held.expiry.to_string(),
            state: match held.state {
                wallet_core::CredentialState::Usable => CardState::Usable,
                wallet_core::CredentialState::Expired => CardState::Expired,
                wallet_core::CredentialState::Withdrawn => CardState::Withdrawn,
            },
            attributes: attributes
                .map(|(label, value)| Attribute { label: label.into(), value: value.into() })
                .collect(),
            profiles: held.profiles.into_iter().map(|(id, name)| Profile { id, name: (&name).into() }).collect(),
        }
    }
}

/// What the owner is asked before anything is answered.
#[derive(uniffi::Record)]
pub struct ConsentSheet {
    /// DID of who asks.
    pub verifier: String,
    /// Its registered name.
    pub name: Label,
    /// Why: the registered text; none when the verifier did not register the purpose.
    pub purpose: Option<Label>,
    /// The credential that would answer.
    pub credential: String,
    /// What it is called.
    pub credential_name: Label,
    /// Every attribute of it, and what would become of it.
    pub attributes: Vec<ConsentItem>,
    /// What the verifier asks beyond its registration; such a request is not answered from here.
    pub over_ask: Option<String>,
    /// The question runs out then, Unix seconds.
    pub expires_at: u64,
}

/// One attribute on the consent sheet.
#[derive(uniffi::Record)]
pub struct ConsentItem {
    /// What people call it.
    pub label: Label,
    /// What would become of it.
    pub disclosure: Disclosure,
}

/// What becomes of an attribute.
#[derive(uniffi::Enum)]
pub enum Disclosure {
    /// The verifier sees this value.
    Shown {
        /// The value.
        value: Label,
    },
    /// The verifier learns that these statements hold, and nothing else.
    Proven {
        /// The statements.
        statements: Vec<Statement>,
    },
    /// The verifier learns nothing.
    Kept,
}

impl From<&wallet_core::Consent> for ConsentSheet {
    fn from(consent: &wallet_core::Consent) -> Self {
        let item = |item: &wallet_core::ConsentItem| ConsentItem {
            label: (&item.display).into(),
            disclosure: match &item.disclosure {
                wallet_core::Disclosure::Shown(value) => Disclosure::Shown { value: value.into() },
                wallet_core::Disclosure::Proven(proven) => Disclosure::Proven { statements: statements(proven) },
                wallet_core::Disclosure::Kept => Disclosure::Kept,
            },
        };
        Self {
            verifier: consent.verifier.to_string(),
            name: (&consent.name).into(),
            purpose: consent.purpose.as_ref().map(Label::from),
            credential: consent.credential.to_string(),
            credential_name: (&consent.credential_name).into(),
            attributes: consent.attributes.iter().map(item).collect(),
            over_ask: consent.over_ask.as_ref().map(ToString::to_string),
            expires_at: consent.expires_at,
        }
    }
}

/// A message as a code on a screen.
#[derive(uniffi::Record)]
pub struct ShownCode {
    /// The message itself, for other channels than a camera.
    pub message: Vec<u8>,
    /// The text of the code.
    pub text: String,
    /// The code as a PNG.
    pub png: Vec<u8>,
    /// Nobody accepts it after that time, Unix seconds.
    pub expires_at: u64,
}

impl ShownCode {
    pub(crate) fn draw(kind: qr::Kind, message: Vec<u8>, expires_at: u64) -> Result<Self, ApiError> {
        let text = qr::to_text(kind, &message)?;
        let png = Drawing::new(&text)?.png()?;
        Ok(Self { message, text, png, expires_at })
    }
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum EventKind {
    /// A credential was received.
    Received,
    /// A credential was deleted.
    Deleted,
    /// The PIN was changed.
    PinChanged,
    /// A request was answered.
    Answered,
    /// A request that went beyond the verifier's registration was answered because the owner insisted.
    AnsweredOverAsk,
    /// The owner declined a request.
    Declined,
    /// A request went beyond the verifier's registration and was blocked.
    Blocked,
    /// A request could not be answered.
    Unanswered,
    /// A code was shown without having been asked for.
    Displayed,
}

/// One entry of the owner's log. It never has a value of a credential.
#[derive(uniffi::Record)]
pub struct Activity {
    /// Unix seconds.
    pub at: u64,
    /// What happened.
    pub kind: EventKind,
    /// The credential type, if one was concerned.
    pub credential_type: Option<String>,
    /// The other side's DID, if there was one.
    pub party: Option<String>,
    /// A verifier's name.
    pub party_name: Option<Label>,
    /// The purpose a verifier gave, or the ready-made answer that was shown.
    pub purpose: Option<String>,
    /// Names of the attributes a verifier asked to see.
    pub shown: Vec<String>,
    /// Statements it asked to have proven.
    pub proven: Vec<Statement>,
}

impl From<wallet_core::Activity> for Activity {
    fn from(activity: wallet_core::Activity) -> Self {
        use wallet_core::Event;
        let bare = |kind, credential_type| Self {
            at: activity.at,
            kind,
            credential_type,
            party: None,
            party_name: None,
            purpose: None,
            shown: vec![],
            proven: vec![],
        };
        let asked = |kind, asked: wallet_core::Asked| Self {
            party: Some(asked.verifier.to_string()),
            party_name: Some(Label { ko: asked.name_ko, en: asked.name_en }),
            purpose: Some(asked.purpose),
            shown: asked.shown,
            proven: statements(&asked.proven),
            ..bare(kind, Some(asked.credential_type))
        };
        match activity.event {
            Event::Received { credential_type, issuer } => {
                Self { party: Some(issuer.to_string()), ..bare(EventKind::Received, Some(credential_type)) }
            }
            Event::Deleted { credential_type } => bare(EventKind::Deleted, Some(credential_type)),
            Event::PinChanged => bare(EventKind::PinChanged, None),
            Event::Answered(what) => asked(EventKind::Answered, what),
            Event::AnsweredOverAsk(what) => asked(EventKind::AnsweredOverAsk, what),
            Event::Declined(what) => asked(EventKind::Declined, what),
            Event::Blocked(what) => asked(EventKind::Blocked, what),
            Event::Unanswered(what) => asked(EventKind::Unanswered, what),
            Event::Displayed { credential_type, profile } => {
                Self { purpose: Some(profile), ..bare(EventKind::Displayed, Some(credential_type)) }
            }
        }
    }
}

/// A shown attribute of a verified presentation.
#[derive(uniffi::Record)]
pub struct Claim {
    /// The attribute's name in the credential type.
    pub name: String,
    /// What people call it.
    pub label: Label,
    /// Its value.
    pub value: Label,
}

/// A presentation that passed every check.
#[derive(uniffi::Record)]
pub struct VerdictRecord {
    /// The credential type's id.
    pub credential_type: String,
    /// DID of who issued, accredited for the type.
    pub issuer: String,
    /// The attributes that were asked for, and nothing else.
    pub claims: Vec<Claim>,
    /// The statements that were asked for and are true.
    pub proven: Vec<Statement>,
    /// Ledger height of the trust data.
    pub trust_height: u64,
    /// When the ledger was in that state, Unix seconds.
    pub trust_as_of: u64,
    /// The age of the trust data at the check, in seconds.
    pub trust_age: u64,
    /// When "not withdrawn" was true, Unix seconds.
    pub status_as_of: u64,
    /// Whether it is bound to this scanner's own request; otherwise it lives some seconds, and another offline
    /// scanner may have seen it too.
    pub bound_to_request: bool,
    /// Whether the phone's own key took part; otherwise the holder's secret did.
    pub bound_to_device: bool,
}

impl From<Verdict> for VerdictRecord {
    fn from(verdict: Verdict) -> Self {
        let claim = |claim: &verifier::Claim| Claim {
            name: claim.name.clone(),
            label: (&claim.label).into(),
            value: (&claim.value).into(),
        };
        Self {
            credential_type: verdict.credential_type().to_owned(),
            issuer: verdict.issuer().to_string(),
            claims: verdict.claims().iter().map(claim).collect(),
            proven: statements(verdict.proven()),
            trust_height: verdict.trust().height,
            trust_as_of: verdict.trust().as_of,
            trust_age: verdict.trust().age,
            status_as_of: verdict.status_as_of(),
            bound_to_request: verdict.replay() == ReplayProtection::Challenge,
            bound_to_device: verdict.binding() == Binding::HardwareKey,
        }
    }
}

//! What crosses the border: plain data, one type for each of the roles' types.

mod fetching;
mod history;
mod holding;

pub use fetching::{DaySetNeeded, Needs, OfferSheet, OfferedType, PendingIssuance, StatusTokensNeeded};
pub use history::{Activity, EventKind};
pub use holding::{Attribute, Card, CardState, ConsentItem, ConsentSheet, Disclosure, Profile};

use protocol::credential;
use protocol::credential::age::Statute;
use protocol::exchange::frames::{Assembler, FRAME_BYTES, Frames};
use protocol::exchange::qr::{self, Drawing, QrError};
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
    /// The holder has not reached this age.
    AgeBelow {
        /// Full years.
        years: u8,
        /// `civil` or `youth-protection`: the law that says how years are counted.
        statute: String,
    },
    /// An attribute is one of these codes or lies inside one; a set has one of them.
    AnyOf {
        /// The attribute's name in the credential type.
        attribute: String,
        /// The codes.
        codes: Vec<String>,
    },
    /// An attribute is none of these codes and lies inside none; a set has none of them.
    NoneOf {
        /// The attribute's name in the credential type.
        attribute: String,
        /// The codes.
        codes: Vec<String>,
    },
}

impl From<&Predicate> for Statement {
    fn from(predicate: &Predicate) -> Self {
        let law = |statute: &Statute| match statute {
            Statute::Civil => "civil".to_owned(),
            Statute::YouthProtection => "youth-protection".to_owned(),
        };
        match predicate {
            Predicate::AgeAtLeast { years, statute } => Self::AgeAtLeast { years: *years, statute: law(statute) },
            Predicate::AgeBelow { years, statute } => Self::AgeBelow { years: *years, statute: law(statute) },
            Predicate::AnyOf { attribute, codes } => Self::AnyOf { attribute: attribute.clone(), codes: codes.clone() },
            Predicate::NoneOf { attribute, codes } => {
                Self::NoneOf { attribute: attribute.clone(), codes: codes.clone() }
            }
        }
    }
}

fn statements(predicates: &[Predicate]) -> Vec<Statement> {
    predicates.iter().map(Statement::from).collect()
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
    /// Empty, or where one code does not hold the message (one with a portrait): small codes as PNG, to be shown in turn, of
    /// which `text` and `png` are the first.
    pub frames: Vec<Vec<u8>>,
    /// Nobody accepts it after that time, Unix seconds.
    pub expires_at: u64,
}

impl ShownCode {
    pub(crate) fn draw(kind: qr::Kind, message: Vec<u8>, expires_at: u64) -> Result<Self, ApiError> {
        let texts = match qr::to_text(kind, &message) {
            Ok(text) => vec![text],
            Err(QrError::TooLarge) => {
                let frames = Frames::new(kind, &message, FRAME_BYTES)?;
                // Half as many again as are needed, so that one missed costs no whole round.
                let count = frames.pieces() + frames.pieces().div_ceil(2);
                frames.take(count).collect()
            }
            Err(other) => return Err(other.into()),
        };
        let mut frames = texts.iter().map(|text| Drawing::new(text)?.png()).collect::<Result<Vec<_>, QrError>>()?;
        let png = frames.first().cloned().unwrap_or_default();
        if texts.len() == 1 {
            frames.clear();
        }
        Ok(Self { message, text: texts.into_iter().next().unwrap_or_default(), png, frames, expires_at })
    }
}

/// Puts a presentation together from the texts of small codes, seen in any order; those of another message are refused.
///
/// # Errors
/// `Refused`: `FrameMismatch`, `MalformedInput`; `Retry`: `FrameMissing`, until enough were seen
#[uniffi::export]
pub fn assemble_presentation(texts: Vec<String>) -> Result<Vec<u8>, ApiError> {
    let mut assembler = Assembler::new(qr::Kind::Presentation);
    texts.iter().try_for_each(|text| assembler.receive(text))?;
    Ok(assembler.message()?)
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
    /// By what the holder can be recognised again, if that was asked.
    pub pseudonym: Option<Recognition>,
    /// The holder's picture as the issuer signed it, a PNG: what a face is compared with, and nothing else.
    pub portrait: Option<Vec<u8>>,
}

/// By what a scanner recognises the same holder again, within one period or event and nowhere else.
#[derive(uniffi::Record)]
pub struct Recognition {
    /// The period or event, e.g. `2026-11`.
    pub name: String,
    /// Whether each holder is accepted once only.
    pub once: bool,
    /// Equal for the same holder in the same period or event.
    pub value: String,
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
            portrait: verdict.portrait().map(|portrait| portrait.png().to_vec()),
            pseudonym: verdict.pseudonym().map(|given| Recognition {
                name: given.name.clone(),
                once: given.scope.is_once(),
                value: given.value.clone(),
            }),
        }
    }
}

//! What is asked: attributes to show, statements to prove.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::credential::age::Statute;
use crate::credential::{CredentialType, Day, Encoding, HolderBinding, Profile};

/// The attribute an age question is about.
const BIRTH_DATE: &str = "birth_date";
/// Nobody counted by the calendar of credentials is older.
const YEARS_MAX: u8 = 125;

/// A statement proven about a hidden attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predicate {
    /// The holder has reached this age by this statute on the day of the presentation.
    #[n(0)]
    AgeAtLeast {
        /// Full years, 1–125.
        #[n(0)]
        years: u8,
        /// The law that says how years are counted.
        #[n(1)]
        statute: Statute,
    },
}

impl Predicate {
    /// Whether the type has the attribute that this is about.
    #[must_use]
    pub fn fits(&self, credential_type: &CredentialType) -> bool {
        match self {
            Self::AgeAtLeast { years, .. } => {
                (1..=YEARS_MAX).contains(years)
                    && self
                        .position(credential_type)
                        .and_then(|position| credential_type.attributes.get(position))
                        .is_some_and(|attribute| attribute.encoding == Encoding::Date)
            }
        }
    }

    /// The position of the attribute that this is about.
    #[must_use]
    pub fn position(&self, credential_type: &CredentialType) -> Option<usize> {
        match self {
            Self::AgeAtLeast { .. } => credential_type.position(BIRTH_DATE),
        }
    }

    /// The last day the attribute may name for the statement to hold on `today`.
    #[must_use]
    pub fn latest(&self, today: Day) -> Day {
        match self {
            Self::AgeAtLeast { years, statute } => statute.latest_birth_date(*years, today),
        }
    }
}

impl core::fmt::Display for Predicate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::AgeAtLeast { years, statute: Statute::Civil } => write!(f, "age ≥ {years}"),
            Self::AgeAtLeast { years, statute: Statute::YouthProtection } => write!(f, "year age ≥ {years}"),
        }
    }
}

/// What a verifier asks of one credential.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The credential type's id.
    #[n(0)]
    pub credential_type: String,
    /// The holder binding asked for; never silently weakened.
    #[n(1)]
    pub binding: HolderBinding,
    /// Names of attributes to show.
    #[n(2)]
    #[serde(default)]
    pub show: Vec<String>,
    /// Statements to prove about hidden attributes.
    #[n(3)]
    #[serde(default)]
    pub prove: Vec<Predicate>,
}

impl Query {
    /// The question that a ready-made answer of the type's file answers.
    #[must_use]
    pub fn of_profile(credential_type: &CredentialType, profile: &Profile) -> Self {
        Self {
            credential_type: credential_type.id.clone(),
            binding: credential_type.holder_binding,
            show: profile.show.clone(),
            prove: profile.prove.clone(),
        }
    }

    /// Whether credentials of this type can answer (REQ-05): it has every attribute, each is asked once, and
    /// the binding is the type's, never a weaker one (PRES-09).
    #[must_use]
    pub fn fits(&self, credential_type: &CredentialType) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        self.credential_type == credential_type.id
            && self.binding == credential_type.holder_binding
            && self.show.iter().all(|name| credential_type.position(name).is_some() && seen.insert(name))
            && self.prove.iter().enumerate().all(|(i, p)| p.fits(credential_type) && !self.prove[..i].contains(p))
    }
}

//! Statements that are proven about hidden attributes, and what they mean on a day.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::credential::age::Statute;
use crate::credential::{Attribute, CredentialType, Day, Encoding};

/// The attribute an age question is about.
const BIRTH_DATE: &str = "birth_date";
/// Nobody counted by the calendar of credentials is older.
const YEARS_MAX: u8 = 125;

/// A statement proven about a hidden attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
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
    /// The holder has not reached this age by this statute on the day of the presentation.
    #[n(1)]
    AgeBelow {
        /// Full years, 1–125.
        #[n(0)]
        years: u8,
        /// The law that says how years are counted.
        #[n(1)]
        statute: Statute,
    },
    /// A code is one of these or lies inside one of them; a set has at least one of these.
    #[n(2)]
    AnyOf {
        /// The attribute.
        #[n(0)]
        attribute: String,
        /// Codes of it, in the type's order.
        #[n(1)]
        codes: Vec<String>,
    },
    /// A code is none of these and lies inside none of them; a set has none of these.
    #[n(3)]
    NoneOf {
        /// The attribute.
        #[n(0)]
        attribute: String,
        /// Codes of it, in the type's order.
        #[n(1)]
        codes: Vec<String>,
    },
}

/// What a statement says of the attribute's number on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The number is at most this day's.
    AtMost(Day),
    /// The number is at least this day's.
    AtLeast(Day),
    /// The number is one of these.
    Among(Vec<u64>),
}

impl Claim {
    /// Whether it is true of `number`.
    #[must_use]
    pub fn holds(&self, number: u64) -> bool {
        match self {
            Self::AtMost(day) => number <= u64::from(day.number()),
            Self::AtLeast(day) => number >= u64::from(day.number()),
            Self::Among(members) => members.contains(&number),
        }
    }
}

impl Predicate {
    /// The name of the attribute that this is about.
    #[must_use]
    pub fn attribute(&self) -> &str {
        match self {
            Self::AgeAtLeast { .. } | Self::AgeBelow { .. } => BIRTH_DATE,
            Self::AnyOf { attribute, .. } | Self::NoneOf { attribute, .. } => attribute,
        }
    }

    /// The position of the attribute that this is about.
    #[must_use]
    pub fn position(&self, credential_type: &CredentialType) -> Option<usize> {
        credential_type.position(self.attribute())
    }

    /// Whether credentials of the type can prove this (PRES-11): they have the attribute, it is of the right kind, and
    /// the statement is written in the one way and could be false.
    #[must_use]
    pub fn fits(&self, credential_type: &CredentialType) -> bool {
        self.claim(credential_type, Day::in_korea(0)).is_some()
    }

    /// What this says on `today`; none when the type does not have it (PRES-11).
    #[must_use]
    pub fn claim(&self, credential_type: &CredentialType, today: Day) -> Option<Claim> {
        let attribute: &Attribute = credential_type.attributes.get(self.position(credential_type)?)?;
        let dated = |years: &u8| attribute.encoding == Encoding::Date && (1..=YEARS_MAX).contains(years);
        match self {
            Self::AgeAtLeast { years, statute } => {
                dated(years).then(|| Claim::AtMost(statute.latest_birth_date(*years, today)))
            }
            Self::AgeBelow { years, statute } => {
                dated(years).then(|| Claim::AtLeast(statute.earliest_birth_date_below(*years, today)))
            }
            Self::AnyOf { attribute, codes } => credential_type.members(attribute, codes, true).map(Claim::Among),
            Self::NoneOf { attribute, codes } => credential_type.members(attribute, codes, false).map(Claim::Among),
        }
    }

    /// The statement as people read it, in `lang` (`ko`, anything else is English). Without the type it has the names
    /// that programs use.
    #[must_use]
    pub fn text(&self, credential_type: Option<&CredentialType>, lang: &str) -> String {
        let korean = lang == "ko";
        let attribute = credential_type.and_then(|known| known.attributes.get(self.position(known)?));
        let name = attribute.map_or(self.attribute(), |attribute| attribute.display.text(lang));
        let list = |codes: &[String]| {
            let known = match attribute.map(|attribute| &attribute.encoding) {
                Some(Encoding::Code(known) | Encoding::Set(known)) => known.as_slice(),
                _ => &[],
            };
            let name = |code: &String| {
                let label = known.iter().find(|known| known.code == *code).map(|known| known.name.text(lang));
                label.unwrap_or(code).to_owned()
            };
            codes.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        match (self, korean) {
            (Self::AgeAtLeast { years, statute: Statute::Civil }, true) => format!("만 {years}세 이상"),
            (Self::AgeAtLeast { years, statute: Statute::Civil }, false) => format!("aged {years} or over"),
            (Self::AgeAtLeast { years, statute: Statute::YouthProtection }, true) => {
                format!("연 나이 {years}세 이상(청소년보호법)")
            }
            (Self::AgeAtLeast { years, statute: Statute::YouthProtection }, false) => {
                format!("{years} or over in this year (Youth Protection Act)")
            }
            (Self::AgeBelow { years, statute: Statute::Civil }, true) => format!("만 {years}세 미만"),
            (Self::AgeBelow { years, statute: Statute::Civil }, false) => format!("under {years}"),
            (Self::AgeBelow { years, statute: Statute::YouthProtection }, true) => {
                format!("연 나이 {years}세 미만(청소년보호법)")
            }
            (Self::AgeBelow { years, statute: Statute::YouthProtection }, false) => {
                format!("under {years} throughout this year (Youth Protection Act)")
            }
            (Self::AnyOf { codes, .. }, true) => format!("{name}: 다음 중 하나에 해당 ({})", list(codes)),
            (Self::AnyOf { codes, .. }, false) => format!("{name}: one of {}", list(codes)),
            (Self::NoneOf { codes, .. }, true) => format!("{name}: 다음에 해당하지 않음 ({})", list(codes)),
            (Self::NoneOf { codes, .. }, false) => format!("{name}: none of {}", list(codes)),
        }
    }
}

impl core::fmt::Display for Predicate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let age = |statute: &Statute| match statute {
            Statute::Civil => "age",
            Statute::YouthProtection => "year age",
        };
        match self {
            Self::AgeAtLeast { years, statute } => write!(f, "{} ≥ {years}", age(statute)),
            Self::AgeBelow { years, statute } => write!(f, "{} < {years}", age(statute)),
            Self::AnyOf { attribute, codes } => write!(f, "{attribute} any of {}", codes.join(",")),
            Self::NoneOf { attribute, codes } => write!(f, "{attribute} none of {}", codes.join(",")),
        }
    }
}

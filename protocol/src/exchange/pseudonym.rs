//! Being recognised again by one verifier, for a while or at one event, and by nobody else.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::cbor;
use crate::credential::{CredentialType, Day, HolderBinding};
use crate::crypto::curve::G1Affine;
use crate::disclosure::ProofError;
use crate::identifier::Did;

/// Longest name of an event, in bytes.
const EVENT_MAX: usize = 64;

/// Within what a verifier recognises the same holder. Across two of these, nobody can: the issuer cannot either.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// For a while, by the calendar of Korea.
    #[n(0)]
    Period(#[n(0)] Period),
    /// Once: at the event of this name (`a-z 0-9 . - _`) a verifier accepts each holder a single time.
    #[n(1)]
    Event(#[n(0)] String),
}

/// How long a pseudonym lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A day.
    #[n(0)]
    Day,
    /// A calendar month.
    #[n(1)]
    Month,
    /// A calendar year.
    #[n(2)]
    Year,
}

impl Scope {
    /// Whether credentials of the type, bound so, can be asked for it: they have a link secret that is the same in all of
    /// a person's credentials and no key beside it that says more, and an event has a name.
    #[must_use]
    pub fn fits(&self, credential_type: &CredentialType, binding: HolderBinding) -> bool {
        let named = match self {
            Self::Period(_) => true,
            Self::Event(name) => is_event_name(name),
        };
        named && binding == HolderBinding::LinkSecret && credential_type.binds(binding)
    }

    /// The name of the period that `today` is in, or of the event.
    #[must_use]
    pub fn name(&self, today: Day) -> String {
        let (year, month, _) = today.ymd();
        match self {
            Self::Period(Period::Day) => today.to_string(),
            Self::Period(Period::Month) => format!("{year:04}-{month:02}"),
            Self::Period(Period::Year) => format!("{year:04}"),
            Self::Event(name) => name.clone(),
        }
    }

    /// Whether a verifier accepts each holder once only.
    #[must_use]
    pub fn is_once(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    /// What the owner is told, in `lang` (`ko`, anything else is English).
    #[must_use]
    pub fn text(&self, lang: &str) -> String {
        match (self, lang == "ko") {
            (Self::Period(period), true) => {
                let span = match period {
                    Period::Day => "오늘",
                    Period::Month => "이번 달",
                    Period::Year => "올해",
                };
                format!(
                    "이 기관은 {span} 안에 다시 오면 같은 사람임을 알아볼 수 있습니다. 다른 기관과 발급 기관은 알 수 없습니다."
                )
            }
            (Self::Period(period), false) => {
                let span = match period {
                    Period::Day => "today",
                    Period::Month => "this month",
                    Period::Year => "this year",
                };
                format!(
                    "This verifier will recognise you when you come back {span}. Nobody else can, nor can the issuer."
                )
            }
            (Self::Event(name), true) => {
                format!(
                    "‘{name}’에는 한 번만 참여할 수 있으며, 참여했다는 사실을 이 기관이 기억합니다. 누구인지는 알 수 없습니다."
                )
            }
            (Self::Event(name), false) => {
                format!(
                    "You can take part in \"{name}\" once, and this verifier remembers that you have, not who you are."
                )
            }
        }
    }

    /// What is hashed to the curve: ledger, verifier, kind and name, so that no two scopes share a pseudonym
    /// (PRES-12).
    pub(super) fn bytes(&self, network: &[u8; 32], verifier: &Did, today: Day) -> Vec<u8> {
        cbor::to_vec(&ScopeBytes {
            network: *network,
            verifier: verifier.clone(),
            kind: match self {
                Self::Period(Period::Day) => 0,
                Self::Period(Period::Month) => 1,
                Self::Period(Period::Year) => 2,
                Self::Event(_) => 3,
            },
            name: self.name(today),
        })
    }
}

impl core::fmt::Display for Scope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Period(Period::Day) => f.write_str("pseudonym for a day"),
            Self::Period(Period::Month) => f.write_str("pseudonym for a month"),
            Self::Period(Period::Year) => f.write_str("pseudonym for a year"),
            Self::Event(name) => write!(f, "once at {name}"),
        }
    }
}

/// Whether an event may have this name.
pub(crate) fn is_event_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=EVENT_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

#[derive(Encode)]
#[cbor(array)]
struct ScopeBytes {
    #[cbor(n(0), with = "minicbor::bytes")]
    network: [u8; 32],
    #[n(1)]
    verifier: Did,
    #[n(2)]
    kind: u8,
    #[n(3)]
    name: String,
}

/// A pseudonym as a presentation carries it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Pseudonym {
    /// For whom.
    #[n(0)]
    pub verifier: Did,
    /// Within what.
    #[n(1)]
    pub scope: Scope,
    /// A point of G1: H(scope)·link secret.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub value: [u8; 48],
}

impl Pseudonym {
    pub(super) fn point(&self) -> Result<G1Affine, ProofError> {
        Ok(G1Affine::from_compressed(&self.value)?)
    }
}

/// A pseudonym is one holder's, so it is not printed.
impl core::fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Pseudonym({}, {}, [redacted])", self.verifier, self.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pres_12_every_scope_has_its_own_bytes() {
        let did = |seed: u8| Did::derive("kr", &[seed; 34]).unwrap();
        let day = |text: &str| text.parse::<Day>().unwrap();
        let [day_of, month, year] = [Period::Day, Period::Month, Period::Year].map(Scope::Period);
        let event = |name: &str| Scope::Event(name.to_owned());
        let bytes =
            |scope: &Scope, network: u8, who: u8, today: &str| scope.bytes(&[network; 32], &did(who), day(today));
        // The same period is the same scope; a period's name does not make it an event's.
        assert_eq!(bytes(&month, 1, 1, "2026-11-01"), bytes(&month, 1, 1, "2026-11-30"));
        assert_eq!(bytes(&event("party"), 1, 1, "2026-11-01"), bytes(&event("party"), 1, 1, "2030-01-01"));
        let all = [
            bytes(&day_of, 1, 1, "2026-11-01"),
            bytes(&day_of, 1, 1, "2026-11-02"),
            bytes(&month, 1, 1, "2026-11-01"),
            bytes(&month, 1, 1, "2026-12-01"),
            bytes(&month, 1, 1, "2025-11-01"),
            bytes(&month, 1, 2, "2026-11-01"),
            bytes(&month, 2, 1, "2026-11-01"),
            bytes(&year, 1, 1, "2026-11-01"),
            bytes(&event("party"), 1, 1, "2026-11-01"),
            bytes(&event("2026-11"), 1, 1, "2026-11-01"),
            bytes(&event("2026-11-01"), 1, 1, "2026-11-01"),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other != one), "{i}");
        }
    }

    #[test]
    fn events_have_plain_names() {
        for good in ["a", "lottery-2026.11_b", &"a".repeat(64)] {
            assert!(is_event_name(good));
        }
        for bad in ["", "A", "가", "a b", "a/b", &"a".repeat(65)] {
            assert!(!is_event_name(bad), "{bad}");
        }
    }
}

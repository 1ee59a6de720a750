//! What a verifier learns, and how sure it is.

use protocol::credential::Label;
use protocol::exchange::{Binding, Predicate, Scope};
use protocol::identifier::Did;
use serde::Serialize;

/// One shown attribute of a verified presentation.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The attribute's name in the credential type.
    pub name: String,
    /// What people call it.
    pub label: Label,
    /// Its value in both languages.
    pub value: Label,
}

/// Claims are personal data: logs and panics never show them (VERD-08).
impl core::fmt::Debug for Claim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Claim({}: [redacted])", self.name)
    }
}

/// What the trust data was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TrustGrade {
    /// Ledger height.
    pub height: u64,
    /// When the ledger was in that state, unix seconds.
    pub as_of: u64,
    /// Its age at the check, in seconds.
    pub age: u64,
}

/// Where the issuer is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerKnown {
    /// From the trust data.
    Bundle,
    /// From a proof that came with the presentation, because the trust data is older than the issuer's key.
    Stapled {
        /// Ledger height of the proof.
        height: u64,
        /// When the ledger was in that state, unix seconds.
        as_of: u64,
    },
}

/// What keeps a copy of the presentation from being accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayProtection {
    /// Bound to this verifier's fresh nonce.
    Challenge,
    /// Lives some seconds; another offline verifier may have seen it too.
    TimeWindow,
}

/// By what this verifier recognises the same holder again, within one scope and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Recognition {
    /// Within what.
    pub scope: Scope,
    /// The period or event, e.g. `2026-11`.
    pub name: String,
    /// The pseudonym, 96 hexadecimal characters: equal for the same holder in the same period or event.
    pub value: String,
}

/// A pseudonym is personal data: logs and panics never show it (VERD-08).
impl core::fmt::Debug for Recognition {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Recognition({} {}: [redacted])", self.scope, self.name)
    }
}

/// The holder's picture, the one whose digest the issuer signed: a PNG.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Portrait(#[serde(with = "hex::serde")] pub(crate) Vec<u8>);

impl Portrait {
    /// The PNG.
    #[must_use]
    pub fn png(&self) -> &[u8] {
        &self.0
    }
}

/// A portrait is personal data: logs and panics never show it (VERD-08).
impl core::fmt::Debug for Portrait {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Portrait([redacted])")
    }
}

/// A presentation that passed every check. There is no other way to make one, so claims are readable only
/// here (VERD-08).
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub(crate) credential_type: String,
    pub(crate) issuer: Did,
    pub(crate) claims: Vec<Claim>,
    pub(crate) proven: Vec<Predicate>,
    pub(crate) trust: TrustGrade,
    pub(crate) issuer_known: IssuerKnown,
    pub(crate) status_as_of: u64,
    pub(crate) replay: ReplayProtection,
    pub(crate) binding: Binding,
    pub(crate) made_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pseudonym: Option<Recognition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) portrait: Option<Portrait>,
}

impl Verdict {
    /// The credential type's id.
    #[must_use]
    pub fn credential_type(&self) -> &str {
        &self.credential_type
    }

    /// Who issued, accredited for the type.
    #[must_use]
    pub fn issuer(&self) -> &Did {
        &self.issuer
    }

    /// The attributes that were asked for, and nothing else.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The statements that were asked for and are true.
    #[must_use]
    pub fn proven(&self) -> &[Predicate] {
        &self.proven
    }

    /// The trust data behind this.
    #[must_use]
    pub fn trust(&self) -> TrustGrade {
        self.trust
    }

    /// Where the issuer is known from.
    #[must_use]
    pub fn issuer_known(&self) -> IssuerKnown {
        self.issuer_known
    }

    /// When "not withdrawn" was true, unix seconds.
    #[must_use]
    pub fn status_as_of(&self) -> u64 {
        self.status_as_of
    }

    /// What keeps copies out.
    #[must_use]
    pub fn replay(&self) -> ReplayProtection {
        self.replay
    }

    /// By what the holder can be recognised again, if that was asked.
    #[must_use]
    pub fn pseudonym(&self) -> Option<&Recognition> {
        self.pseudonym.as_ref()
    }

    /// The holder's picture, if its digest was asked for and it came along. Whoever compares a face with a picture shows
    /// this one, and no other (PRES-15).
    #[must_use]
    pub fn portrait(&self) -> Option<&Portrait> {
        self.portrait.as_ref()
    }

    /// How the holder took part.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }
}

//! What a verifier learns from an answer, and how sure it is.

use protocol::exchange::Binding;
use protocol::identifier::Did;
use serde::Serialize;
use serde_json::Value;

use super::receipt::Receipt;
use crate::verdict::{IssuerKnown, ReplayProtection, TrustGrade};

/// A claim that was asked for and shown.
#[derive(Clone, PartialEq, Serialize)]
pub struct PresentedClaim {
    /// Where it stands in the credential (RFC 6901); of a mobile document: namespace and element.
    pub path: String,
    /// Its value.
    pub value: Value,
}

/// Claims are personal data: logs and panics never show them (VERD-08).
impl core::fmt::Debug for PresentedClaim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PresentedClaim({}: [redacted])", self.path)
    }
}

/// How sure it is that the credential was not withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusGrade {
    /// It was not, according to a list on the ledger.
    Listed {
        /// As of when, Unix seconds.
        as_of: u64,
    },
    /// Credentials of its type cannot be withdrawn: they run out.
    Unlisted,
}

/// A credential that passed every check.
#[derive(Debug, Clone, Serialize)]
pub struct Presented {
    pub(crate) query: String,
    pub(crate) format: &'static str,
    pub(crate) kind: String,
    pub(crate) credential_type: String,
    pub(crate) issuer: Did,
    pub(crate) claims: Vec<PresentedClaim>,
    pub(crate) issuer_known: IssuerKnown,
    pub(crate) status: StatusGrade,
    pub(crate) binding: Binding,
    pub(crate) valid_until: u64,
}

impl Presented {
    /// Which credential query it answers.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// `dc+sd-jwt`, `mso_mdoc` or `ldp_vc`.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// Its own type: `vct`, doctype, or the last type of a W3C credential as its context defines it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The credential type on the ledger, for which the issuer is accredited.
    #[must_use]
    pub fn credential_type(&self) -> &str {
        &self.credential_type
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &Did {
        &self.issuer
    }

    /// The claims that were asked for, and nothing else.
    #[must_use]
    pub fn claims(&self) -> &[PresentedClaim] {
        &self.claims
    }

    /// How sure it is that it was not withdrawn.
    #[must_use]
    pub fn status(&self) -> StatusGrade {
        self.status
    }

    /// How the holder took part.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }
}

/// A transaction that the holder agreed to, as the holder read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// The text in Korean.
    pub text_ko: String,
    /// The text in English.
    pub text_en: String,
    /// The hash that the holder's proof has, base64url.
    pub hash: String,
}

/// An answer that passed every check. There is no other way to make one, so claims are readable only here (VERD-08).
#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    pub(crate) credentials: Vec<Presented>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) trust: TrustGrade,
    pub(crate) replay: ReplayProtection,
    pub(crate) checked_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<Receipt>,
}

impl Answered {
    /// The credentials.
    #[must_use]
    pub fn credentials(&self) -> &[Presented] {
        &self.credentials
    }

    /// What the holder agreed to.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The trust data behind this.
    #[must_use]
    pub fn trust(&self) -> TrustGrade {
        self.trust
    }

    /// What keeps copies out.
    #[must_use]
    pub fn replay(&self) -> ReplayProtection {
        self.replay
    }

    /// When it was checked, Unix seconds.
    #[must_use]
    pub fn checked_at(&self) -> u64 {
        self.checked_at
    }

    /// What can be kept without attributes; none when a W3C credential was shown, or an attribute cannot be left out.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }
}

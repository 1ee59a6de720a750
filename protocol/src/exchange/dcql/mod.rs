//! Digital Credentials Query Language (OpenID4VP 1.0, section 6): what a verifier asks of credentials of standard formats.
//!
//! A [`DcqlQuery`] is read strictly and written back; [`CredentialQuery::select`] says what of a held credential answers it,
//! [`DcqlQuery::plan`] which credentials a wallet has to show, and [`DcqlQuery::check`] whether an answer is one.

mod matching;
mod path;
mod plan;
mod read;

pub use matching::{Candidate, Kind, Selection};
pub use path::{Segment, covers, member_path};
pub use plan::{Match, Plan, Shown};

use serde_json::{Map, Value, json};

/// Most credential queries, credential sets, options, claim sets and values of one list.
pub const LIST_MAX: usize = 32;
/// Most claims of a credential query.
pub const CLAIMS_MAX: usize = 128;
/// Most segments of a path.
pub const PATH_MAX: usize = 16;
/// Longest text, in bytes.
pub const TEXT_MAX: usize = 512;

/// Why a query is not one, or an answer does not answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DcqlError {
    /// A member is missing, of the wrong type, empty, too long, or names something that is not there.
    #[error("the query is not well formed ({0}); ask the verifier to correct it")]
    MalformedQuery(&'static str),
    /// An identifier is not unique, or not made of letters, digits, `_` and `-`.
    #[error("an identifier of the query is not unique or not well formed; ask the verifier to correct it")]
    MalformedId,
    /// The answer names a credential that was not asked for, or more of them than may be sent.
    #[error("the answer has a credential that was not asked for; nothing of it is used")]
    CredentialNotRequested,
    /// The answer is of another format than asked for.
    #[error("the credential is of another format than asked for; present the one that was asked for")]
    UnsupportedFormat,
    /// A credential, claim or value that was asked for is not there.
    #[error("the answer does not answer the query; ask again")]
    QueryNotSatisfied,
    /// The answer shows more than was asked for.
    #[error("the answer shows more than was asked; nothing of it is used")]
    ClaimNotRequested,
    /// The credential is from an authority other than those asked for.
    #[error("the credential is not from an authority that was asked for")]
    IssuerNotTrusted,
    /// The answer comes without the holder's proof.
    #[error("the holder's proof is missing; present the credential again")]
    HolderBindingMissing,
}

/// What a verifier asks.
#[derive(Debug, Clone, PartialEq)]
pub struct DcqlQuery {
    /// The credentials, each with what is asked of it.
    pub credentials: Vec<CredentialQuery>,
    /// Which of them are needed together; all of them when empty.
    pub credential_sets: Vec<CredentialSet>,
}

/// Which credential, and what of it (section 6.1).
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialQuery {
    /// By this the answer names it.
    pub id: String,
    /// Format and type.
    pub meta: Meta,
    /// Whether several credentials may answer it.
    pub multiple: bool,
    /// From whom; from anybody the verifier trusts when empty. One of them has to fit.
    pub trusted_authorities: Vec<TrustedAuthority>,
    /// Whether the holder has to prove possession of the credential's key.
    pub holder_binding: bool,
    /// The claims; when there are none, nothing that could be kept back is asked for.
    pub claims: Vec<ClaimsQuery>,
    /// Which claims are enough, by their identifiers, the preferred set first; all of them when empty.
    pub claim_sets: Vec<Vec<String>>,
}

/// Format and type (appendix B).
#[derive(Debug, Clone, PartialEq)]
pub enum Meta {
    /// `dc+sd-jwt`
    SdJwt {
        /// The types, of which one has to fit.
        vct_values: Vec<String>,
    },
    /// `mso_mdoc`
    MsoMdoc {
        /// The doctype.
        doctype_value: String,
    },
    /// `ldp_vc`
    LdpVc {
        /// Sets of expanded types, of which one has to be among the credential's.
        type_values: Vec<Vec<String>>,
    },
    /// A format that nothing here answers.
    Other {
        /// Its name.
        format: String,
        /// What is said of it.
        meta: Map<String, Value>,
    },
}

impl Meta {
    /// The format's name.
    #[must_use]
    pub fn format(&self) -> &str {
        match self {
            Self::SdJwt { .. } => "dc+sd-jwt",
            Self::MsoMdoc { .. } => "mso_mdoc",
            Self::LdpVc { .. } => "ldp_vc",
            Self::Other { format, .. } => format,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::SdJwt { vct_values } => json!({ "vct_values": vct_values }),
            Self::MsoMdoc { doctype_value } => json!({ "doctype_value": doctype_value }),
            Self::LdpVc { type_values } => json!({ "type_values": type_values }),
            Self::Other { meta, .. } => Value::Object(meta.clone()),
        }
    }
}

/// An authority, or a list of them (section 6.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedAuthority {
    /// `aki` (key identifier of an issuing certificate, base64url), `etsi_tl`, `openid_federation`, or another.
    pub kind: String,
    /// Its values, of which one has to fit.
    pub values: Vec<String>,
}

/// One claim (section 6.3).
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimsQuery {
    /// By this claim sets name it.
    pub id: Option<String>,
    /// Where it stands.
    pub path: Vec<Segment>,
    /// Values of which it has to have one; any when empty. Texts, integers and booleans.
    pub values: Vec<Value>,
    /// Whether the verifier of a mobile document keeps it.
    pub intent_to_retain: Option<bool>,
}

impl ClaimsQuery {
    /// The claim at this path.
    #[must_use]
    pub fn at(path: &[&str]) -> Self {
        let path = path.iter().map(|it| Segment::Member((*it).to_owned())).collect();
        Self { id: None, path, values: Vec::new(), intent_to_retain: None }
    }
}

/// Credentials of which some are needed (section 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSet {
    /// Each is enough: identifiers of credential queries, the preferred option first.
    pub options: Vec<Vec<String>>,
    /// Whether one of the options has to be answered.
    pub required: bool,
}

impl DcqlQuery {
    /// The query as it is sent; what is as by default is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("credentials".into(), self.credentials.iter().map(CredentialQuery::to_json).collect());
        if !self.credential_sets.is_empty() {
            let set = |it: &CredentialSet| match it.required {
                true => json!({ "options": it.options }),
                false => json!({ "options": it.options, "required": false }),
            };
            members.insert("credential_sets".into(), self.credential_sets.iter().map(set).collect());
        }
        Value::Object(members)
    }

    /// The credential query with this identifier.
    #[must_use]
    pub fn credential(&self, id: &str) -> Option<&CredentialQuery> {
        self.credentials.iter().find(|it| it.id == id)
    }
}

impl CredentialQuery {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("id".into(), self.id.as_str().into());
        members.insert("format".into(), self.meta.format().into());
        members.insert("meta".into(), self.meta.to_json());
        if self.multiple {
            members.insert("multiple".into(), true.into());
        }
        if !self.holder_binding {
            members.insert("require_cryptographic_holder_binding".into(), false.into());
        }
        if !self.trusted_authorities.is_empty() {
            let authority = |it: &TrustedAuthority| json!({ "type": it.kind, "values": it.values });
            members.insert("trusted_authorities".into(), self.trusted_authorities.iter().map(authority).collect());
        }
        if !self.claims.is_empty() {
            members.insert("claims".into(), self.claims.iter().map(ClaimsQuery::to_json).collect());
        }
        if !self.claim_sets.is_empty() {
            members.insert("claim_sets".into(), json!(self.claim_sets));
        }
        Value::Object(members)
    }
}

impl ClaimsQuery {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.extend(self.id.as_ref().map(|id| ("id".to_owned(), id.as_str().into())));
        members.insert("path".into(), self.path.iter().map(Segment::to_json).collect());
        if !self.values.is_empty() {
            members.insert("values".into(), self.values.clone().into());
        }
        members.extend(self.intent_to_retain.map(|it| ("intent_to_retain".to_owned(), it.into())));
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests;

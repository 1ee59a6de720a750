//! What is asked: attributes to show, statements to prove, and perhaps a pseudonym.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::predicate::Predicate;
use super::pseudonym::Scope;
use crate::credential::{CredentialType, HolderBinding, Profile};

/// Most statements of one question.
pub(super) const STATEMENTS_MAX: usize = 8;

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
    /// Within what the verifier wants to recognise the holder again; none if it does not.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<Scope>,
}

impl Query {
    /// The question that a ready-made answer of the type's file answers.
    #[must_use]
    pub fn of_profile(credential_type: &CredentialType, profile: &Profile) -> Self {
        Self {
            credential_type: credential_type.id.clone(),
            binding: profile.binding.unwrap_or(credential_type.holder_binding),
            show: profile.show.clone(),
            prove: profile.prove.clone(),
            pseudonym: None,
        }
    }

    /// Whether credentials of this type can answer (REQ-05): it has every attribute, each is asked once and not both
    /// shown and proven, and the binding is one the type has, never a weaker one (PRES-09). Only who is not known by a
    /// device key is given a pseudonym.
    #[must_use]
    pub fn fits(&self, credential_type: &CredentialType) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        self.credential_type == credential_type.id
            && credential_type.binds(self.binding)
            && self.show.iter().all(|name| credential_type.position(name).is_some() && seen.insert(name.as_str()))
            && statements_fit(&self.prove, credential_type)
            && !self.prove.iter().any(|predicate| seen.contains(predicate.attribute()))
            && self.pseudonym.as_ref().is_none_or(|scope| scope.fits(credential_type, self.binding))
    }
}

/// PRES-04: a few statements, each one that the type has, each once.
pub(super) fn statements_fit(statements: &[Predicate], credential_type: &CredentialType) -> bool {
    statements.len() <= STATEMENTS_MAX
        && statements.iter().enumerate().all(|(i, p)| p.fits(credential_type) && !statements[..i].contains(p))
}

//! What a code reveals and what not, for anyone: nothing is checked here, and nothing may be decided by it.

use serde::Serialize;

use super::{Presentation, SLOT};
use crate::credential::{CredentialType, HolderBinding, Label, Layout, StatusMethod};
use crate::crypto::curve::{G1Affine, Scalar};

/// Bytes of a proof that are the same for every statement: three points, three responses, the challenge.
const PROOF_BASE: usize = 3 * G1Affine::LENGTH + 4 * Scalar::LENGTH;
/// Bytes of one statement about a hidden number.
const PROOF_STATEMENT: usize = 2 * G1Affine::LENGTH + Scalar::LENGTH;

/// What whoever scans a presentation can read in it. It is made for people's eyes: claims to act on are only on a
/// verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Always false: nothing was checked.
    pub checked: bool,
    /// The issuer key's short name, hexadecimal. All credentials of a type by one issuer have the same.
    pub issuer_key: String,
    /// The first of the given types that the form fits.
    pub credential_type: Option<TypeGuess>,
    /// When it was made, unix seconds, by its own account.
    pub made_at: u64,
    /// How exactly it says that, in seconds.
    pub made_within: u64,
    /// The digest of the request it answers, hexadecimal; none when it is shown to whoever scans it.
    pub request: Option<String>,
    /// What can be read.
    pub shown: Vec<Readable>,
    /// What is proven, without being shown. Where the type is not known, attributes and codes have the names that the
    /// code gives them.
    pub proven: Vec<Label>,
    /// What is neither shown nor said more of than `proven` says.
    pub kept: Vec<Label>,
    /// How withdrawal is looked up.
    pub status: ExplainedStatus,
    /// How it is bound to the holder.
    pub bound: Bound,
    /// By what the verifier recognises the holder again; none if by nothing.
    pub pseudonym: Option<ExplainedPseudonym>,
    /// Where the bytes are.
    pub bytes: Bytes,
}

/// A credential type by its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeGuess {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Label,
}

/// A shown attribute.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Readable {
    /// Its position in the type.
    pub position: u8,
    /// What people call it; empty when the type is not known.
    pub name: Label,
    /// The value; empty when the type is not known.
    pub value: Label,
}

impl core::fmt::Debug for Readable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Readable({}: [redacted])", self.position)
    }
}

/// How withdrawal is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExplainedStatus {
    /// An entry of a public list, the same in every presentation of the credential: it can be recognised by it.
    Listed {
        /// The list.
        list: u32,
        /// The entry.
        entry: u32,
    },
    /// A hidden number that the issuer vouched for in this epoch.
    VouchedFor {
        /// The epoch.
        epoch: u32,
    },
    /// Neither: not a presentation that any verifier accepts.
    Missing,
}

/// How a presentation is bound to its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// *Anonymous*: by a secret that stays hidden, and may have been copied.
    LinkSecret,
    /// *Bound*: by a signature of this key of the phone, which the issuer signed and knows again.
    HardwareKey {
        /// The key, hexadecimal.
        key: String,
        /// Whether the key is for one presentation only; otherwise it is the same in every presentation of the
        /// credential. None when the type is not known.
        one_time: Option<bool>,
    },
}

/// A pseudonym, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedPseudonym {
    /// The verifier that it is for.
    pub verifier: String,
    /// Within what the verifier recognises the holder.
    pub scope: String,
    /// The pseudonym, hexadecimal.
    pub value: String,
}

/// Sizes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// The whole.
    pub total: usize,
    /// The proof: signature and challenge.
    pub proof_base: usize,
    /// The proof: one response for each hidden number.
    pub proof_hidden: usize,
    /// The proof: statements about hidden numbers, validity and status included.
    pub proof_statements: usize,
    /// The phone's signature and key.
    pub device: usize,
    /// Everything else, in the clear.
    pub envelope: usize,
}

impl Presentation {
    /// Explains a presentation as far as its form tells. `types` are the types that whoever explains knows.
    #[must_use]
    pub fn explain(&self, types: &[CredentialType]) -> Explanation {
        let known = types.iter().find(|credential_type| self.looks_like(credential_type));
        let label = |of: &dyn Fn(&str) -> String| Label { ko: of("ko"), en: of("en") };
        let unnamed = || Label { ko: String::new(), en: String::new() };
        let shown = self.shown.iter().map(|shown| {
            let position = usize::from(shown.position);
            let attribute = known.and_then(|known| Some((known, known.attributes.get(position)?)));
            let value = attribute.and_then(|(known, attribute)| {
                let value = attribute.encoding.value_of_fixed(&shown.value)?;
                Some(label(&|lang| known.render_value(position, &value, lang)))
            });
            Readable {
                position: shown.position,
                name: attribute.map_or_else(unnamed, |(_, attribute)| attribute.display.clone()),
                value: value.unwrap_or_else(unnamed),
            }
        });
        let proven = self.proven.iter().map(|predicate| label(&|lang| predicate.text(known, lang)));
        let is_shown = |position: usize| self.shown.iter().any(|shown| usize::from(shown.position) == position);
        let kept = known.into_iter().flat_map(|known| {
            let hidden = known.attributes.iter().enumerate().filter(|(position, _)| !is_shown(*position));
            hidden.map(|(_, attribute)| attribute.display.clone())
        });
        let by_device = self.device_key.is_some();
        Explanation {
            checked: false,
            issuer_key: hex::encode(self.issuer_key),
            credential_type: known.map(|known| TypeGuess { id: known.id.clone(), name: known.name.clone() }),
            made_at: self.made_at,
            made_within: if by_device { 1 } else { SLOT },
            request: self.request.map(hex::encode),
            shown: shown.collect(),
            proven: proven.collect(),
            kept: kept.collect(),
            status: match (self.handle, self.epoch) {
                (Some(handle), _) => ExplainedStatus::Listed { list: (handle >> 32) as u32, entry: handle as u32 },
                (None, Some(epoch)) => ExplainedStatus::VouchedFor { epoch },
                (None, None) => ExplainedStatus::Missing,
            },
            bound: match &self.device_key {
                Some(key) => Bound::HardwareKey {
                    key: hex::encode(key.to_multicodec()),
                    one_time: known.map(|known| known.holder_binding == HolderBinding::LinkSecret),
                },
                None => Bound::LinkSecret,
            },
            pseudonym: self.pseudonym.as_ref().map(|pseudonym| ExplainedPseudonym {
                verifier: pseudonym.verifier.to_string(),
                scope: pseudonym.scope.to_string(),
                value: hex::encode(pseudonym.value),
            }),
            bytes: self.sizes(),
        }
    }

    fn statements(&self) -> usize {
        1 + usize::from(self.epoch.is_some()) + self.proven.len()
    }

    fn sizes(&self) -> Bytes {
        let total = self.encode().len();
        let proof_statements = (self.statements() * PROOF_STATEMENT).min(self.proof.len());
        let proof_base = PROOF_BASE.min(self.proof.len() - proof_statements);
        let without_device = Self { device_key: None, device_signature: None, ..self.clone() }.encode().len();
        Bytes {
            total,
            proof_base,
            proof_hidden: self.proof.len() - proof_statements - proof_base,
            proof_statements,
            device: total - without_device,
            envelope: without_device - self.proof.len(),
        }
    }

    /// Whether form and length are those of a presentation of this type.
    fn looks_like(&self, credential_type: &CredentialType) -> bool {
        let by_list = credential_type.status == StatusMethod::List;
        let by_device = self.device_key.is_some();
        let binding = if by_device { HolderBinding::DeviceKey } else { HolderBinding::LinkSecret };
        let values = self.shown.iter().all(|shown| {
            let attribute = credential_type.attributes.get(usize::from(shown.position));
            attribute.is_some_and(|attribute| attribute.encoding.value_of_fixed(&shown.value).is_some())
        });
        // Everything not shown is hidden; handle and device number are shown where a list or a device says so.
        let in_the_clear = self.shown.len() + usize::from(by_list) + 1;
        let hidden = (Layout::ATTRIBUTES + credential_type.attributes.len()).saturating_sub(in_the_clear);
        let length = PROOF_BASE + hidden * Scalar::LENGTH + self.statements() * PROOF_STATEMENT;
        self.handle.is_some() == by_list
            && credential_type.binds(binding)
            && values
            && self.proven.iter().all(|predicate| predicate.fits(credential_type))
            && self.proof.len() == length
    }
}

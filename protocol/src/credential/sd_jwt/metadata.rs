//! Type metadata: what a `vct` means, and that it is the meaning the issuer signed (SD-JWT VC, sections 4 and 5).

use serde_json::Value;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::process::Step;
use super::{AuthenticSdJwt, SdJwtError};
use crate::json;

/// Longest metadata document that is read, in bytes.
const METADATA_MAX: usize = 256 * 1024;

/// One claim of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMetadata {
    /// Where it stands: names of members; nothing for any element of an array.
    pub path: Vec<Option<String>>,
    /// Must be selectively disclosable (`Some(true)`), must not be (`Some(false)`), or either.
    pub selective: Option<bool>,
    /// Must be in every credential of the type. A holder may still keep it back where it is selective.
    pub mandatory: bool,
}

/// The metadata of a credential type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeMetadata {
    /// The type.
    pub vct: String,
    /// The type that this one extends, and the integrity of its metadata.
    pub extends: Option<(String, Option<String>)>,
    /// The claims it says something about.
    pub claims: Vec<ClaimMetadata>,
}

/// The integrity value of a document (W3C Subresource Integrity): `sha256-` and base64.
#[must_use]
pub fn integrity(document: &[u8]) -> String {
    use base64::Engine as _;
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(document)))
}

/// Whether `document` has the integrity `expected`: one of its hashes of the strongest algorithm among them.
fn intact(document: &[u8], expected: &str) -> bool {
    use base64::Engine as _;
    let standard = base64::engine::general_purpose::STANDARD;
    let parsed = expected.split_ascii_whitespace().filter_map(|one| one.split_once('-'));
    let of = |algorithm: &str| match algorithm {
        "sha256" => Some((1, Sha256::digest(document).to_vec())),
        "sha384" => Some((2, Sha384::digest(document).to_vec())),
        "sha512" => Some((3, Sha512::digest(document).to_vec())),
        _ => None,
    };
    let known: Vec<(u8, bool)> = parsed
        .filter_map(|(algorithm, hash)| {
            let (strength, ours) = of(algorithm)?;
            Some((strength, standard.decode(hash).is_ok_and(|theirs| theirs == ours)))
        })
        .collect();
    let strongest = known.iter().map(|(strength, _)| *strength).max();
    known.iter().any(|(strength, fits)| Some(*strength) == strongest && *fits)
}

impl TypeMetadata {
    /// Reads the metadata of the type `vct`, of which the credential or the extending type says `integrity`
    /// (`vct#integrity`, `extends#integrity`) (SDJ-11).
    ///
    /// # Errors
    /// [`SdJwtError::IntegrityMismatch`], [`SdJwtError::TypeMismatch`], [`SdJwtError::MalformedMetadata`]
    pub fn read(document: &[u8], vct: &str, integrity: Option<&str>) -> Result<Self, SdJwtError> {
        if integrity.is_some_and(|expected| !intact(document, expected)) {
            return Err(SdJwtError::IntegrityMismatch);
        }
        let members = json::read_object(document, METADATA_MAX)?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("vct").as_deref() != Some(vct) {
            return Err(SdJwtError::TypeMismatch);
        }
        let claims = match members.get("claims") {
            None => Vec::new(),
            Some(list) => {
                let list = list.as_array().ok_or(SdJwtError::MalformedMetadata)?;
                list.iter().map(claim).collect::<Option<_>>().ok_or(SdJwtError::MalformedMetadata)?
            }
        };
        let extends = text("extends").map(|extended| (extended, text("extends#integrity")));
        Ok(Self { vct: vct.to_owned(), extends, claims })
    }

    /// Refuses a credential that hides or shows claims against its type, or lacks one that it must have.
    ///
    /// # Errors
    /// [`SdJwtError::MetadataRuleBroken`]
    pub fn check(&self, credential: &AuthenticSdJwt) -> Result<(), SdJwtError> {
        for claim in &self.claims {
            let fits = |path: &[Step]| {
                path.len() == claim.path.len()
                    && path.iter().zip(&claim.path).all(|(step, wanted)| match (step, wanted) {
                        (Step::Member(name), Some(wanted)) => name == wanted,
                        (Step::Element, None) => true,
                        _ => false,
                    })
            };
            let disclosed = credential.disclosed().iter().any(|path| fits(path));
            let present = find(&Value::Object(credential.claims().clone()), &claim.path);
            let visible = present && !disclosed;
            let broken = match claim.selective {
                Some(true) => visible,
                Some(false) => disclosed || claim.mandatory && !present,
                // Whether it is hidden or missing cannot be told apart.
                None => false,
            };
            if broken {
                return Err(SdJwtError::MetadataRuleBroken); // SDJ-12
            }
        }
        Ok(())
    }
}

fn claim(value: &Value) -> Option<ClaimMetadata> {
    let step = |step: &Value| match step {
        Value::String(name) => Some(Some(name.clone())),
        Value::Null => Some(None),
        _ => None,
    };
    let path: Vec<_> = value.get("path")?.as_array()?.iter().map(step).collect::<Option<_>>()?;
    let selective = match value.get("sd").map(Value::as_str) {
        None | Some(Some("allowed")) => None,
        Some(Some("always")) => Some(true),
        Some(Some("never")) => Some(false),
        Some(_) => return None,
    };
    let mandatory = value.get("mandatory").is_some_and(|it| it == true);
    if path.is_empty() { None } else { Some(ClaimMetadata { path, selective, mandatory }) }
}

fn find(value: &Value, path: &[Option<String>]) -> bool {
    let Some((step, rest)) = path.split_first() else { return true };
    match (step, value) {
        (Some(name), Value::Object(members)) => members.get(name).is_some_and(|next| find(next, rest)),
        (None, Value::Array(elements)) => elements.iter().any(|next| find(next, rest)),
        _ => false,
    }
}

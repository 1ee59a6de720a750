//! SD-JWT VC: a JSON credential of which the holder shows parts (`specs/sd-jwt-profile.md`, RFC 9901).
//!
//! In the order of its life: [`Draft::issue`] · [`SdJwt::verify_issued`] · [`SdJwt::present`] ·
//! [`SdJwt::verify_presented`]. Claims can be read on an [`AuthenticSdJwt`] or a [`Verified`] credential only.
//! What is not shown is a digest of text nobody else has seen; decoy digests hide how much that is.

mod disclosure;
mod error;
mod issue;
mod metadata;
mod present;
mod process;
mod verify;

pub use error::SdJwtError;
pub use issue::Draft;
pub use metadata::{ClaimMetadata, TypeMetadata, integrity};
pub use present::KeyBinding;
pub use verify::{AuthenticSdJwt, Challenge, Trust, Verified, verify_issued, verify_presentation};

use crate::crypto::jose::{Header, Jws, TOKEN_MAX};
use disclosure::Disclosure;

/// Media type of the credential (`typ`).
pub const KIND: &str = "dc+sd-jwt";
/// Media type of the holder's proof (`typ`).
pub const KEY_BINDING_KIND: &str = "kb+jwt";
/// Most disclosures of a credential.
pub const DISCLOSURES_MAX: usize = 512;
/// Longest name of a claim, in bytes.
pub const NAME_MAX: usize = 256;

/// An SD-JWT as received: nothing of it is believed yet.
#[derive(Clone)]
pub struct SdJwt<'a> {
    /// Everything up to and including the last `~`: what a holder's proof covers.
    covered: &'a str,
    issued: &'a str,
    jws: Jws<'a>,
    disclosures: Vec<Disclosure<'a>>,
    key_binding: Option<&'a str>,
}

impl<'a> SdJwt<'a> {
    /// Reads `<issuer's JWS>~<disclosure>~…~[<holder's JWS>]` (SDJ-01).
    ///
    /// # Errors
    /// [`SdJwtError`]
    pub fn read(text: &'a str) -> Result<Self, SdJwtError> {
        if text.len() > TOKEN_MAX {
            return Err(SdJwtError::TooLarge);
        }
        if text.starts_with('{') {
            return Err(SdJwtError::UnsupportedFormat);
        }
        let (covered, last) = text.rsplit_once('~').ok_or(SdJwtError::UnsupportedFormat)?;
        let mut parts = covered.split('~');
        let issued = parts.next().unwrap_or_default();
        let jws = Jws::read(issued)?;
        if parts.clone().count() > DISCLOSURES_MAX {
            return Err(SdJwtError::TooLarge);
        }
        let disclosures = parts.map(Disclosure::read).collect::<Result<_, _>>()?;
        let key_binding = if last.is_empty() { None } else { Some(last) };
        let (covered, _) = text.split_at(covered.len() + 1);
        Ok(Self { covered, issued, jws, disclosures, key_binding })
    }

    /// The issuer's header, not yet checked: it says where to look for the key.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.jws.header()
    }
}

impl core::fmt::Debug for SdJwt<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SdJwt([redacted], {} disclosures)", self.disclosures.len())
    }
}

#[cfg(test)]
mod tests;

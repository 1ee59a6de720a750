//! JSON Object Signing and Encryption (RFC 7515, 7516, 7517, 7638, 8037, 9864), as much of it as credentials need.
//!
//! One serialisation (compact), three algorithms for signing and one for encrypting, no key taken from a header unless the caller has
//! another reason to trust it. Every refusal has a name.

mod jwe;
mod jwk;
mod jws;

pub use jwe::{ContentEncryption, EncryptionKey, Jwe, JweError, KEY_AGREEMENT, Parties, encrypt, key_set};
pub use jwk::{Jwk, JwkError};
pub use jws::{Header, Jws, JwsError, TOKEN_MAX, VerifiedJws, sign};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Base64url without padding (RFC 7515, section 2).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url. Each text has one reading and each bytes one text: padding, other alphabets, spaces
/// and set bits behind the last byte are refused (JOSE-02).
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

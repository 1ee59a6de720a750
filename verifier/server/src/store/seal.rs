//! What is in a row means nothing without the key that the instances share: names of rows are keyed hashes, and the rest is
//! sealed for its row and column (OVP-27).

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::written;
use crate::random;

/// HKDF: the key that seals.
const SEAL: &[u8] = b"mid/v1/verifier-store/seal;";
/// HKDF: the key that names rows.
const NAME: &[u8] = b"mid/v1/verifier-store/name;";
const NONCE: usize = 24;

/// A row: the keyed hash of what leads to it.
pub(crate) type RowName = [u8; 32];

/// The secret that instances share, 32 random bytes. Whoever replaces it makes everything unreadable that is still in the
/// database, its log and its backups.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    fn derive<const N: usize>(&self, label: &[u8]) -> Zeroizing<[u8; N]> {
        let mut key = Zeroizing::new([0; N]);
        // So few bytes are never too many to ask for; a key of zeros is not used if they were.
        if Hkdf::<Sha256>::new(None, self.0.as_ref()).expand(label, key.as_mut()).is_err() {
            *key = random();
        }
        key
    }
}

impl core::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StoreKey([redacted])")
    }
}

/// Seals and names rows.
pub(super) struct Seal {
    seal: XChaCha20Poly1305,
    name: Hmac<Sha256>,
}

impl Seal {
    pub(super) fn new(key: &StoreKey) -> Self {
        let (seal, name) = (key.derive::<32>(SEAL), key.derive::<64>(NAME));
        Self { seal: XChaCha20Poly1305::new((&*seal).into()), name: Hmac::new((&*name).into()) }
    }

    /// Under which name what has this value in this column is found.
    pub(super) fn name(&self, kind: &str, column: &str, value: &[u8]) -> RowName {
        let mut mac = self.name.clone();
        for part in [kind.as_bytes(), column.as_bytes()] {
            mac.update(part);
            mac.update(&[0]);
        }
        mac.update(value);
        mac.finalize().into_bytes().into()
    }

    /// What is written in this column of this row.
    pub(super) fn seal(&self, kind: &str, column: &str, row: &RowName, value: &Value) -> Option<Vec<u8>> {
        let nonce = random::<NONCE>();
        let (msg, aad) = (&written(value)[..], &bound(kind, column, row)[..]);
        let sealed = self.seal.encrypt(&XNonce::from(nonce), Payload { msg, aad }).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// What was sealed there; none when it is anything else.
    pub(super) fn open(&self, kind: &str, column: &str, row: &RowName, sealed: &[u8]) -> Option<Value> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        let aad = &bound(kind, column, row)[..];
        let opened = self.seal.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).ok().map(Zeroizing::new)?;
        serde_json::from_slice(&opened).ok()
    }
}

/// What sealed bytes are bound to.
fn bound(kind: &str, column: &str, row: &RowName) -> Vec<u8> {
    [SEAL, kind.as_bytes(), &[0], column.as_bytes(), &[0], row].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ovp_27_a_row_opens_where_it_was_sealed_and_nowhere_else() {
        let (ours, theirs) = (Seal::new(&StoreKey::new(&[1; 32])), Seal::new(&StoreKey::new(&[2; 32])));
        let row = ours.name("a", "id", b"1");
        let value = json!({ "claims": ["Hong"] });
        let sealed = ours.seal("a", "verdict", &row, &value).unwrap();
        assert!(!sealed.windows(4).any(|it| it == b"Hong"));
        assert_eq!(ours.open("a", "verdict", &row, &sealed), Some(value.clone()));
        assert_ne!(ours.seal("a", "verdict", &row, &value).unwrap(), sealed, "never the same twice");
        assert_eq!(ours.open("b", "verdict", &row, &sealed), None, "another sort of request");
        assert_eq!(ours.open("a", "asked", &row, &sealed), None, "another column");
        assert_eq!(ours.open("a", "verdict", &[0; 32], &sealed), None, "another row");
        assert_eq!(theirs.open("a", "verdict", &row, &sealed), None, "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(ours.open("a", "verdict", &row, &changed), None, "byte {at}");
            assert_eq!(ours.open("a", "verdict", &row, &sealed[..at]), None, "{at} bytes");
        }
        // Nothing begins what another name ends with.
        let names = [("a", "id", b"1"), ("a", "i", b"d"), ("ai", "d", b"1"), ("b", "id", b"1")]
            .map(|(a, b, c)| ours.name(a, b, c));
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)));
        assert_ne!(theirs.name("a", "id", b"1"), row);
        assert_eq!(format!("{:?}", StoreKey::new(&[7; 32])), "StoreKey([redacted])");
    }
}

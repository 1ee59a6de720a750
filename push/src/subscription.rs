//! What a site is given of an inbox: where to post, and to whom to seal.

use p256::PublicKey;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use protocol::crypto::jose::{base64url, from_base64url};
use rand_core::CryptoRng;
use serde_json::{Value, json};

use crate::PushError;
use crate::message::{self, InboxKey};

/// Longest address, in bytes.
const ADDRESS_MAX: usize = 1_024;

/// An inbox as whoever may push knows it: in the form of a browser's `PushSubscription.toJSON()`.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    endpoint: String,
    key: PublicKey,
    auth: [u8; 16],
}

impl Subscription {
    /// The inbox with this key, to which is posted at `endpoint`.
    ///
    /// # Errors
    /// [`PushError::AddressNotAllowed`]
    pub fn new(endpoint: &str, key: &InboxKey) -> Result<Self, PushError> {
        origin(endpoint).ok_or(PushError::AddressNotAllowed)?;
        let (key, auth) = key.public();
        Ok(Self { endpoint: endpoint.to_owned(), key, auth })
    }

    /// Reads `{"endpoint", "keys": {"p256dh", "auth"}}`; other members say nothing.
    ///
    /// # Errors
    /// [`PushError::MalformedSubscription`], [`PushError::AddressNotAllowed`]
    pub fn from_json(value: &Value) -> Result<Self, PushError> {
        let malformed = PushError::MalformedSubscription;
        let bytes = |name: &str| value["keys"][name].as_str().and_then(from_base64url).ok_or(malformed);
        let endpoint = value["endpoint"].as_str().ok_or(malformed)?;
        let point = bytes("p256dh")?;
        let key = PublicKey::from_sec1_bytes(&point).ok().filter(|_| point.len() == 65).ok_or(malformed)?;
        let auth = bytes("auth")?.try_into().map_err(|_| malformed)?;
        origin(endpoint).ok_or(PushError::AddressNotAllowed)?;
        Ok(Self { endpoint: endpoint.to_owned(), key, auth })
    }

    /// The same form again.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let keys =
            json!({ "p256dh": base64url(self.key.to_sec1_point(false).as_bytes()), "auth": base64url(&self.auth) });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys })
    }

    /// Where to post. Who knows it may post, so it is nobody's business but the site's.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Seals a message of at most [`TEXT_MAX`](crate::TEXT_MAX) bytes, padded to [`BODY`](crate::BODY) (PUSH-01).
    ///
    /// # Errors
    /// [`PushError::MessageTooLong`]
    pub fn seal(&self, text: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Result<Vec<u8>, PushError> {
        message::seal(&self.key, &self.auth, text, rng)
    }
}

impl core::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Subscription([redacted])")
    }
}

/// Scheme, host and port of an address that pushes may go to: `https`, or on this machine; none for any other (PUSH-04).
#[must_use]
pub fn origin(address: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte);
    let (scheme, rest) = address.split_once("://").filter(|_| address.len() <= ADDRESS_MAX)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    let here = matches!(host, "127.0.0.1" | "localhost");
    let fits = address.bytes().all(plain) && !host.is_empty() && !authority.contains('@');
    (fits && (scheme == "https" || (scheme == "http" && here))).then(|| &address[..scheme.len() + 3 + authority.len()])
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn push_04_addresses_are_https_or_here() {
        for (address, expected) in [
            ("https://push.example/a?b", Some("https://push.example")),
            ("https://push.example:8443", Some("https://push.example:8443")),
            ("http://127.0.0.1:7/x", Some("http://127.0.0.1:7")),
            ("http://localhost/x", Some("http://localhost")),
            ("http://push.example/", None),
            ("http://127.0.0.1@evil.example/", None),
            ("http://127.0.0.1.evil.example/", None),
            ("https://a@b/", None),
            ("https:///x", None),
            ("https://a/\r\nx", None),
            ("https://a/#b", None),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(origin(address), expected, "{address}");
        }
        assert_eq!(origin(&format!("https://a/{}", "b".repeat(ADDRESS_MAX))), None);
    }

    #[test]
    fn subscriptions_are_read_as_browsers_write_them() {
        let key = InboxKey::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        let told = Subscription::new("https://push.example/a", &key).unwrap();
        assert_eq!(Subscription::from_json(&told.to_json()), Ok(told.clone()));
        assert_eq!(Subscription::new("http://a/", &key), Err(PushError::AddressNotAllowed));
        assert_eq!(format!("{told:?}"), "Subscription([redacted])");
        for (at, value, expected) in [
            ("/endpoint", json!("http://push.example/"), PushError::AddressNotAllowed),
            ("/endpoint", json!(7), PushError::MalformedSubscription),
            ("/keys/auth", json!("AAAA"), PushError::MalformedSubscription),
            ("/keys/p256dh", json!("AAAA"), PushError::MalformedSubscription),
            ("/keys/p256dh", json!(base64url(&[4; 65])), PushError::MalformedSubscription),
            ("/keys", json!(null), PushError::MalformedSubscription),
        ] {
            let mut other = told.to_json();
            *other.pointer_mut(at).unwrap() = value;
            assert_eq!(Subscription::from_json(&other), Err(expected), "{at}");
        }
    }
}

//! The offer a citizen gets at the counter or by link: where to fetch which credentials.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::cbor;
use crate::identifier::Did;

/// Longest life of an offer, in seconds.
const LIFE_MAX: u64 = 7 * 86_400;
/// Largest encoding, in bytes.
const SIZE_MAX: usize = 1_024;

/// Why an offer cannot be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not an offer.
    #[error("this is not a credential offer; ask the issuer for a new one")]
    MalformedOffer,
    /// The address is neither https nor this machine.
    #[error("the offer's address is not https; do not use it and tell the issuer")]
    SchemeNotAllowed,
    /// The offer has run out.
    #[error("the offer has expired; ask the issuer for a new one")]
    OfferExpired,
    /// The offer claims to live longer than a week.
    #[error("the offer claims to be valid for longer than a week; ask the issuer for a new one")]
    ValidityTooLong,
}

/// A one-time invitation to fetch credentials.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Offer {
    /// Who issues.
    #[n(0)]
    pub issuer: Did,
    /// Where: `https://…`, or `http://` on the loopback interface.
    #[n(1)]
    pub url: String,
    /// The secret of this offer.
    #[cbor(n(2), with = "minicbor::bytes")]
    #[serde(with = "hex::serde")]
    pub code: [u8; 16],
    /// The credential types to fetch.
    #[n(3)]
    pub credential_types: Vec<String>,
    /// Whether a code told separately must be typed.
    #[n(4)]
    pub tx_code: bool,
    /// Unix seconds.
    #[n(5)]
    pub expires_at: u64,
}

impl Offer {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads an offer and checks that it may be followed at `now` (unix seconds).
    ///
    /// # Errors
    /// [`OfferError`]; an offer that names a foreign scheme is refused before anything is fetched.
    pub fn decode(bytes: &[u8], now: u64) -> Result<Self, OfferError> {
        let offer: Self = cbor::from_slice(bytes, SIZE_MAX).map_err(|_| OfferError::MalformedOffer)?;
        let loopback = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
        if !offer.url.starts_with("https://") && !loopback.iter().any(|start| offer.url.starts_with(start)) {
            return Err(OfferError::SchemeNotAllowed);
        }
        if offer.url.contains(['@', '?', '#', '\\']) || offer.credential_types.is_empty() {
            return Err(OfferError::MalformedOffer);
        }
        if now >= offer.expires_at {
            return Err(OfferError::OfferExpired);
        }
        if offer.expires_at - now > LIFE_MAX {
            return Err(OfferError::ValidityTooLong);
        }
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_followed_only_when_safe() {
        let now = 1_800_000_000;
        let good = Offer {
            issuer: Did::derive("kr", b"k").unwrap(),
            url: "https://issuer.example".into(),
            code: [7; 16],
            credential_types: vec!["kr.go.police.driver-licence.1".into()],
            tx_code: true,
            expires_at: now + 600,
        };
        assert_eq!(Offer::decode(&good.encode(), now), Ok(good.clone()));
        for url in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://issuer.example",
            "intent:x",
            "http://127.0.0.1.evil.example:80",
        ] {
            let bad = Offer { url: url.into(), ..good.clone() };
            assert_eq!(Offer::decode(&bad.encode(), now), Err(OfferError::SchemeNotAllowed), "{url}");
        }
        let bad = Offer { url: "https://good.example@evil.example".into(), ..good.clone() };
        assert_eq!(Offer::decode(&bad.encode(), now), Err(OfferError::MalformedOffer));
        assert_eq!(Offer::decode(&good.encode(), now + 600), Err(OfferError::OfferExpired));
        let bad = Offer { expires_at: 253_402_300_799, ..good.clone() };
        assert_eq!(Offer::decode(&bad.encode(), now), Err(OfferError::ValidityTooLong));
        assert_eq!(Offer::decode(&good.encode()[1..], now), Err(OfferError::MalformedOffer));
    }
}

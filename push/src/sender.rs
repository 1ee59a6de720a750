//! RFC 8292: by its key a push service knows a sender again, and by the inbox's wish takes nothing of others.

use p256::PublicKey;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use protocol::crypto::jose::{self, Jws, base64url, from_base64url};
use protocol::crypto::multikey::{Multikey, StandardSigner};
use serde_json::{Map, json};

use crate::{PushError, subscription};

/// Life of a token that is signed, in seconds.
const LIFE: u64 = 3_600;
/// Longest life of one that is taken (RFC 8292, section 2).
const LIFE_MAX: u64 = 86_400;
/// What stands before the two parameters.
const SCHEME: &str = "vapid";

/// The sender's key as push services and browsers write it (`applicationServerKey`): the uncompressed point, base64url; none for
/// a key of another kind than P-256.
#[must_use]
pub fn sender_key(key: &Multikey) -> Option<String> {
    let Multikey::P256(point) = key else { return None };
    let point = PublicKey::from_sec1_bytes(point).ok()?;
    Some(base64url(point.to_sec1_point(false).as_bytes()))
}

/// What the `Authorization` of a push to `endpoint` says (PUSH-05). `contact` is where the push service finds whoever runs the sender:
/// a `mailto:` or `https:` address, which some of them want.
///
/// # Errors
/// [`PushError::AddressNotAllowed`]; [`PushError::MalformedToken`] for a key that is not on P-256 or does not sign.
pub fn authorization(
    endpoint: &str,
    contact: Option<&str>,
    key: &dyn StandardSigner,
    now: u64,
) -> Result<String, PushError> {
    let audience = subscription::origin(endpoint).ok_or(PushError::AddressNotAllowed)?;
    let public = sender_key(&key.multikey()).ok_or(PushError::MalformedToken)?;
    let mut claims = json!({ "aud": audience, "exp": now.saturating_add(LIFE) });
    if let Some(contact) = contact {
        claims["sub"] = contact.into();
    }
    let header = Map::from_iter([("typ".to_owned(), "JWT".into())]);
    let token = jose::sign(&header, claims.to_string().as_bytes(), key).map_err(|_| PushError::MalformedToken)?;
    Ok(format!("{SCHEME} t={token}, k={public}"))
}

/// Checks what [`authorization`] wrote, for the push service at `audience` (PUSH-05). Returns the sender's key.
///
/// # Errors
/// [`PushError::MalformedToken`], [`PushError::TokenNotAccepted`]
pub fn check_authorization(header: &str, audience: &str, now: u64) -> Result<String, PushError> {
    let malformed = PushError::MalformedToken;
    let (scheme, rest) = header.trim().split_once(' ').ok_or(malformed)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(malformed);
    }
    let parameter = |name: &str| {
        let mut all = rest.split(',').filter_map(|it| it.trim().split_once('='));
        all.find(|(it, _)| *it == name).map(|(_, value)| value.trim_matches('"'))
    };
    let (token, public) = (parameter("t").ok_or(malformed)?, parameter("k").ok_or(malformed)?);
    let point = from_base64url(public).filter(|it| it.len() == 65).ok_or(malformed)?;
    let key = Multikey::p256_from_sec1(&point).map_err(|_| malformed)?;
    let token = Jws::read(token).map_err(|_| malformed)?;
    let claims = token.verify(&key).and_then(|it| it.claims()).map_err(|_| PushError::TokenNotAccepted)?;
    let expires = claims.get("exp").and_then(serde_json::Value::as_u64).unwrap_or_default();
    let here = claims.get("aud").and_then(|it| it.as_str()) == Some(audience);
    let lives = expires > now && expires <= now.saturating_add(LIFE_MAX);
    if here && lives { Ok(public.to_owned()) } else { Err(PushError::TokenNotAccepted) }
}

#[cfg(test)]
mod tests {
    use protocol::crypto::multikey::StandardKey;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const AT: &str = "https://push.example/push/x";
    const AUDIENCE: &str = "https://push.example";

    fn key(seed: u8) -> StandardKey {
        StandardKey::p256(&[seed; 32]).unwrap()
    }

    #[test]
    fn push_05_a_token_is_for_one_service_and_a_day_at_most() {
        let written = authorization(AT, Some("mailto:ops@site.example"), &key(1), NOW).unwrap();
        let own = sender_key(&key(1).multikey()).unwrap();
        assert_eq!(check_authorization(&written, AUDIENCE, NOW), Ok(own.clone()));
        assert_eq!(check_authorization(&written.replace("vapid ", "VAPID "), AUDIENCE, NOW), Ok(own.clone()));
        for (audience, now) in [("https://other.example", NOW), (AUDIENCE, NOW + LIFE), (AUDIENCE, NOW - LIFE_MAX)] {
            assert_eq!(
                check_authorization(&written, audience, now),
                Err(PushError::TokenNotAccepted),
                "{audience} {now}"
            );
        }
        let stolen = written.replace(&own, &sender_key(&key(2).multikey()).unwrap());
        assert_eq!(check_authorization(&stolen, AUDIENCE, NOW), Err(PushError::TokenNotAccepted));
        for wrong in ["", "vapid", "Bearer x", "vapid t=x", "vapid k=x, t=y", &format!("vapid t=a.b.c, k={own}")] {
            assert_eq!(check_authorization(wrong, AUDIENCE, NOW), Err(PushError::MalformedToken), "{wrong}");
        }
    }

    #[test]
    fn push_05_only_p_256_signs() {
        let other = StandardKey::ed25519(&[1; 32]);
        assert_eq!(authorization(AT, None, &other, NOW), Err(PushError::MalformedToken));
        assert_eq!(authorization("http://push.example/", None, &key(1), NOW), Err(PushError::AddressNotAllowed));
    }
}

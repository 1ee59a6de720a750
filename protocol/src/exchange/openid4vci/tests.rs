use serde_json::{Value, json};

use super::dpop::{self, DpopError, Request};
use super::key_proof::{self, Expected, KeyProofError};
use super::*;
use crate::crypto::jose::{self, Jwk, JwkError, JwsError, base64url};
use crate::crypto::multikey::{StandardKey, StandardSigner};

const NOW: u64 = 1_795_143_600;
const ISSUER: &str = "https://issuer.example/police";

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn offer() -> Offer {
    Offer {
        credential_issuer: ISSUER.into(),
        credential_configuration_ids: vec!["licence".into()],
        grants: Some(Grants {
            pre_authorized: Some(PreAuthorized {
                code: "s3cret".into(),
                tx_code: Some(TxCode { input_mode: Some("numeric".into()), length: Some(6), description: None }),
                authorization_server: None,
            }),
            authorization_code: Some(Authorization { issuer_state: Some("s3cret".into()), authorization_server: None }),
        }),
    }
}

#[test]
fn offers_travel_in_links() {
    let (offer, address) = (offer(), "https://issuer.example/offers/1?a=b");
    assert_eq!(OfferUri::read(&offer.to_uri()), Ok(OfferUri::Offer(offer.clone())));
    assert_eq!(OfferUri::read(&Offer::reference(address)), Ok(OfferUri::Address(address.into())));
    let grants = offer.grants.clone().unwrap();
    let printed = format!("{offer:?}{grants:?}{:?}{:?}", offer.pre_authorized(), grants.authorization_code);
    assert!(!printed.contains("s3cret"), "{printed}");
    // An example of the standard, and members that nobody knows.
    let text = r#"{"credential_issuer":"https://credential-issuer.example.com","credential_configuration_ids":["a"],
        "grants":{"authorization_code":{"issuer_state":"x"},"new":1},"more":[]}"#;
    assert!(Offer::read(text.as_bytes()).unwrap().pre_authorized().is_none());
    assert_eq!(form(&[("a b", "ü&="), ("c", "-._~")]), "a%20b=%C3%BC%26%3D&c=-._~");
}

#[test]
fn vci_01_offers_are_followed_only_when_safe() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = serde_json::to_value(offer()).unwrap();
        change(&mut json);
        Offer::read(json.to_string().as_bytes())
    };
    assert_eq!(with(&|_| {}), Ok(offer()));
    for issuer in [
        "http://issuer.example",
        "javascript:alert(1)",
        "https://good.example@evil.example",
        "http://127.0.0.1.evil.example:80",
        "https://issuer.example?x",
        "https://",
        "https://a b.example",
    ] {
        let refused = with(&|json| json["credential_issuer"] = issuer.into());
        assert_eq!(refused, Err(OfferUriError::OfferAddressNotAllowed), "{issuer}");
    }
    assert!(with(&|json| json["credential_issuer"] = "http://127.0.0.1:7800/issuer".into()).is_ok());
    let malformed = Err(OfferUriError::OfferUriMalformed);
    assert_eq!(with(&|json| json["credential_configuration_ids"] = json!([])), malformed);
    assert_eq!(with(&|json| json["credential_configuration_ids"] = json!("licence")), malformed);
    assert_eq!(
        Offer::read(br#"{"credential_issuer":"https://a.example","credential_issuer":"https://b.example"}"#),
        malformed
    );
    for uri in [
        "",
        "openid-credential-offer://",
        "openid-credential-offer://?x=1",
        "x:?credential_offer=%7",
        "x:?credential_offer=%ff",
    ] {
        assert_eq!(OfferUri::read(uri), Err(OfferUriError::OfferUriMalformed), "{uri}");
    }
    let both = format!("{}&credential_offer_uri=https%3A%2F%2Fa.example", offer().to_uri());
    assert_eq!(OfferUri::read(&both), Err(OfferUriError::OfferUriAmbiguous));
    let reference = Offer::reference("http://a.example/offer");
    assert_eq!(OfferUri::read(&reference), Err(OfferUriError::OfferAddressNotAllowed));
}

#[test]
fn well_known_addresses_have_the_path_behind_them() {
    let suffix = "openid-credential-issuer";
    assert_eq!(well_known("https://a.example", suffix), "https://a.example/.well-known/openid-credential-issuer");
    assert_eq!(well_known("https://a.example/", suffix), "https://a.example/.well-known/openid-credential-issuer");
    let deep = well_known("http://127.0.0.1:80/x/y", suffix);
    assert_eq!(deep, "http://127.0.0.1:80/.well-known/openid-credential-issuer/x/y");
}

fn expected() -> Expected<'static> {
    Expected { issuer: ISSUER, client: None, now: NOW }
}

/// A proof with one thing changed in header or claims.
fn proof(change: impl Fn(&mut Value, &mut Value)) -> String {
    let mut header = json!({ "typ": key_proof::KIND, "jwk": Jwk::from(key(1).multikey()).to_json() });
    let mut claims = json!({ "aud": ISSUER, "iat": NOW, "nonce": "n" });
    change(&mut header, &mut claims);
    jose::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &key(1)).unwrap()
}

#[test]
fn vci_20_key_proofs_are_checked_completely() {
    let good = key_proof::make(&key(1), &expected(), Some("n")).unwrap();
    let proven = key_proof::check(&good, &expected()).unwrap();
    assert_eq!((proven.key, proven.nonce.as_str()), (key(1).multikey(), "n"));
    assert!(key_proof::check(&proof(|_, _| {}), &expected()).is_ok());
    assert!(key_proof::check(&proof(|_, claims| claims["iat"] = (NOW + 60).into()), &expected()).is_ok());

    let refused = |change: &dyn Fn(&mut Value, &mut Value)| key_proof::check(&proof(change), &expected()).unwrap_err();
    let remove = |name: &'static str| {
        move |_: &mut Value, claims: &mut Value| {
            claims.as_object_mut().unwrap().remove(name);
        }
    };
    assert_eq!(refused(&|h, _| h["typ"] = "jwt".into()), KeyProofError::Jws(JwsError::UnexpectedTokenType));
    assert_eq!(refused(&|h, _| h["crit"] = json!(["x"])), KeyProofError::Jws(JwsError::UnsupportedCritical));
    assert_eq!(refused(&|_, c| c["aud"] = "https://issuer.example".into()), KeyProofError::ProofAudienceMismatch);
    assert_eq!(refused(&|_, c| c["aud"] = json!([ISSUER])), KeyProofError::ProofAudienceMismatch);
    assert_eq!(refused(&remove("aud")), KeyProofError::ProofAudienceMismatch);
    assert_eq!(refused(&|_, c| c["iss"] = "client".into()), KeyProofError::ProofClientMismatch);
    assert_eq!(refused(&|_, c| c["iss"] = 1.into()), KeyProofError::ProofClientMismatch);
    assert_eq!(refused(&|_, c| c["iat"] = (NOW + 61).into()), KeyProofError::ProofTimeInvalid);
    assert_eq!(refused(&|_, c| c["iat"] = (NOW - 600).into()), KeyProofError::ProofTimeInvalid);
    assert_eq!(refused(&remove("iat")), KeyProofError::ProofTimeInvalid);
    assert_eq!(refused(&remove("nonce")), KeyProofError::ProofNonceMissing);
    assert_eq!(refused(&|h, _| h["kid"] = "did:jwk:x#0".into()), KeyProofError::ProofKeyMissing);
    assert_eq!(refused(&|h, _| drop(h.as_object_mut().unwrap().remove("jwk"))), KeyProofError::ProofKeyMissing);
    assert_eq!(refused(&|h, _| h["jwk"]["d"] = "AQ".into()), KeyProofError::Key(JwkError::PrivateKey));
    assert!(matches!(
        refused(&|h, _| h["jwk"]["y"] = h["jwk"]["x"].clone()),
        KeyProofError::Key(JwkError::Key(_) | JwkError::MalformedKey)
    ));
    assert_eq!(
        refused(&|h, _| h["jwk"] = json!({ "kty": "oct", "k": "AQ" })),
        KeyProofError::Key(JwkError::UnsupportedKey)
    );
    assert!(matches!(
        refused(&|h, _| h["jwk"] = Jwk::from(key(2).multikey()).to_json()),
        KeyProofError::Jws(JwsError::Signature(_))
    ));
    let none = format!("{}.{}.", base64url(br#"{"alg":"none","typ":"openid4vci-proof+jwt"}"#), base64url(b"{}"));
    assert_eq!(key_proof::check(&none, &expected()), Err(JwsError::DisallowedAlgorithm.into()));
    let edwards = StandardKey::ed25519(&[1; 32]);
    let edwards = key_proof::make(&edwards, &expected(), Some("n")).unwrap();
    assert_eq!(key_proof::check(&edwards, &expected()), Err(KeyProofError::ProofAlgorithmUnsupported));
    assert_eq!(key_proof::check(&"a".repeat(33_000), &expected()), Err(JwsError::TooLarge.into()));
    // A client that said who it is repeats it, or says nothing.
    let known = Expected { client: Some("wallet"), ..expected() };
    let named = key_proof::make(&key(1), &known, Some("n")).unwrap();
    assert!(key_proof::check(&named, &known).is_ok() && key_proof::check(&good, &known).is_ok());
}

#[test]
fn vci_10_dpop_proofs_are_of_one_request() {
    let request = Request { method: "POST", address: "https://issuer.example/token", token: None };
    let make = |request: &Request<'_>, now| dpop::make(&key(1), request, Some("n"), now, [7; 16]).unwrap();
    let proof = make(&request, NOW);
    let checked = dpop::check(&proof, &request, NOW).unwrap();
    assert_eq!(checked.thumbprint, Jwk::from(key(1).multikey()).thumbprint());
    assert_eq!(checked.nonce.as_deref(), Some("n"));
    let same = |address| dpop::check(&proof, &Request { address, ..request }, NOW);
    assert!(same("HTTPS://Issuer.Example:443/token?query#fragment").is_ok());
    for address in ["https://issuer.example/Token", "http://issuer.example/token", "https://issuer.example:8443/token"]
    {
        assert_eq!(same(address), Err(DpopError::DpopRequestMismatch), "{address}");
    }
    assert_eq!(dpop::check(&proof, &Request { method: "GET", ..request }, NOW), Err(DpopError::DpopRequestMismatch));
    for (at, fits) in [(NOW - 60, true), (NOW - 61, false), (NOW + 300, true), (NOW + 301, false)] {
        let checked = dpop::check(&proof, &request, at);
        assert_eq!(checked.err(), (!fits).then_some(DpopError::DpopTimeInvalid));
    }
    let with_token = Request { token: Some("t"), ..request };
    let bound = make(&with_token, NOW);
    assert!(dpop::check(&bound, &with_token, NOW).is_ok());
    for (proof, token) in [(&bound, None), (&bound, Some("other")), (&proof, Some("t"))] {
        let request = Request { token, ..request };
        assert_eq!(dpop::check(proof, &request, NOW), Err(DpopError::DpopTokenMismatch));
    }
    // The two signatures of one message are one proof.
    let again = dpop::make(&key(1), &request, None, NOW, [7; 16]).unwrap();
    assert_eq!(dpop::check(&again, &request, NOW).unwrap().once, checked.once);
    let other = dpop::make(&key(2), &request, Some("n"), NOW, [7; 16]).unwrap();
    assert_ne!(dpop::check(&other, &request, NOW).unwrap().once, checked.once);
}

#[test]
fn vci_10_malformed_dpop_proofs_are_refused() {
    let request = Request { method: "POST", address: "https://issuer.example/token", token: None };
    let proof = |change: &dyn Fn(&mut Value, &mut Value)| {
        let mut header = json!({ "typ": dpop::KIND, "jwk": Jwk::from(key(1).multikey()).to_json() });
        let mut claims = json!({ "jti": "1", "htm": "POST", "htu": "https://issuer.example/token", "iat": NOW });
        change(&mut header, &mut claims);
        let proof = jose::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &key(1)).unwrap();
        dpop::check(&proof, &request, NOW)
    };
    assert!(proof(&|_, _| {}).is_ok());
    for name in ["jti", "htm", "htu", "iat", "nonce"] {
        assert_eq!(proof(&|_, claims| claims[name] = json!([])), Err(DpopError::DpopMalformed), "{name}");
    }
    assert_eq!(proof(&|_, claims| claims["jti"] = "".into()), Err(DpopError::DpopMalformed));
    assert_eq!(proof(&|_, claims| claims["jti"] = "x".repeat(257).into()), Err(DpopError::DpopMalformed));
    assert_eq!(proof(&|_, claims| claims["ath"] = 1.into()), Err(DpopError::DpopTokenMismatch));
    assert_eq!(proof(&|header, _| drop(header.as_object_mut().unwrap().remove("jwk"))), Err(DpopError::DpopMalformed));
    assert_eq!(proof(&|header, _| header["jwk"]["d"] = "AQ".into()), Err(DpopError::Key(JwkError::PrivateKey)));
    assert_eq!(proof(&|header, _| header["typ"] = "JWT".into()), Err(JwsError::UnexpectedTokenType.into()));
    let edwards = dpop::make(&StandardKey::ed25519(&[1; 32]), &request, None, NOW, [7; 16]).unwrap();
    assert_eq!(dpop::check(&edwards, &request, NOW), Err(DpopError::DpopMalformed));
    assert_eq!(dpop::check(&"a".repeat(5_000), &request, NOW), Err(JwsError::TooLarge.into()));
}

#[test]
fn codes_travel_as_they_are_written() {
    use ErrorCode::*;
    for code in [
        InvalidRequest,
        InvalidClient,
        InvalidGrant,
        UnsupportedGrantType,
        InvalidDpopProof,
        UseDpopNonce,
        InvalidToken,
        InsufficientScope,
        InvalidCredentialRequest,
        UnknownCredentialConfiguration,
        UnknownCredentialIdentifier,
        InvalidProof,
        InvalidNonce,
        InvalidEncryptionParameters,
        CredentialRequestDenied,
        InvalidTransactionId,
        InvalidNotificationId,
        InvalidNotificationRequest,
        TemporarilyUnavailable,
        InvalidRequestUri,
        InvalidScope,
        UnsupportedResponseType,
        AccessDenied,
    ] {
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
    }
    for event in [
        NotificationEvent::CredentialAccepted,
        NotificationEvent::CredentialFailure,
        NotificationEvent::CredentialDeleted,
    ] {
        assert_eq!(serde_json::to_value(event).unwrap(), json!(event.as_str()));
    }
}

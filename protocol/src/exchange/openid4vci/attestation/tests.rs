use super::*;
use crate::crypto::multikey::StandardKey;
use crate::crypto::x509::testkit::Draft;

const NOW: u64 = 1_795_143_600;
const SERVER: &str = "https://issuer.example/police";

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn draft() -> Draft {
    Draft::root("CN=Provider root,C=KR", key(1).multikey(), NOW - 1_000, NOW + 1_000_000)
}

fn roots() -> [Root; 1] {
    [Root::from_der(&draft().sign(&key(1))).unwrap()]
}

fn chain() -> Vec<Vec<u8>> {
    vec![draft().leaf("CN=Provider,C=KR", key(2).multikey(), None).sign(&key(1))]
}

/// A token of the provider with one thing changed in header or claims.
fn provided(kind: &str, claims: &Value, change: impl Fn(&mut Value, &mut Value)) -> String {
    let encode = |der: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(der);
    let mut header = json!({ "typ": kind, "x5c": chain().iter().map(encode).collect::<Vec<_>>() });
    let mut claims = claims.clone();
    change(&mut header, &mut claims);
    jose::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &key(2)).unwrap()
}

fn client(change: impl Fn(&mut Value, &mut Value)) -> String {
    let cnf = json!({ "jwk": Jwk::from(key(3).multikey()).to_json() });
    provided(CLIENT_KIND, &json!({ "sub": "wallet", "cnf": cnf, "iat": NOW, "exp": NOW + 60 }), change)
}

fn possession(change: impl Fn(&mut Value, &mut Value)) -> String {
    let mut header = json!({ "typ": POSSESSION_KIND });
    let mut claims = json!({ "iss": "wallet", "aud": SERVER, "jti": "1", "iat": NOW });
    change(&mut header, &mut claims);
    jose::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &key(3)).unwrap()
}

fn remove(name: &'static str) -> impl Fn(&mut Value, &mut Value) {
    move |_, claims| drop(claims.as_object_mut().unwrap().remove(name))
}

#[test]
fn vci_60_wallets_are_attested_by_their_provider() {
    let proof = make_possession(&key(3), "wallet", SERVER, NOW, [7; 16]).unwrap();
    let check = |attestation: &str| check_client(attestation, &proof, SERVER, &roots(), NOW);
    let chain = chain();
    let provider = Provider { signer: &key(2), chain: &chain };
    let made = provider.attest_client("wallet", "Wallet", &key(3).multikey(), NOW, NOW + 60).unwrap();
    assert_eq!(check(&made).unwrap().id, "wallet");
    assert_eq!(check(&client(|_, _| {})), check(&made));
    let refused = |change: &dyn Fn(&mut Value, &mut Value)| check(&client(change)).unwrap_err();
    let malformed = AttestationError::AttestationMalformed;
    assert_eq!(refused(&|h, _| h["typ"] = "jwt".into()), AttestationError::Jws(JwsError::UnexpectedTokenType));
    assert_eq!(refused(&|h, _| h["crit"] = json!(["x"])), AttestationError::Jws(JwsError::UnsupportedCritical));
    assert_eq!(refused(&|h, _| drop(h.as_object_mut().unwrap().remove("x5c"))), JwsError::MalformedHeader.into());
    for name in ["sub", "exp", "cnf"] {
        assert_eq!(refused(&remove(name)), malformed, "{name}");
    }
    assert_eq!(refused(&|_, c| c["sub"] = "".into()), malformed);
    assert_eq!(refused(&|_, c| c["sub"] = "x".repeat(257).into()), malformed);
    assert_eq!(refused(&|_, c| c["exp"] = "soon".into()), malformed);
    assert_eq!(refused(&|_, c| c["exp"] = NOW.into()), AttestationError::AttestationTimeInvalid);
    assert_eq!(refused(&|_, c| c["nbf"] = (NOW + 61).into()), AttestationError::AttestationTimeInvalid);
    assert_eq!(refused(&|_, c| c["cnf"]["jwk"]["d"] = "AQ".into()), AttestationError::Key(JwkError::PrivateKey));
    // By nobody that is trusted, and by a certificate for something else.
    let stranger = [Root::recorded(key(9).multikey(), 0, u64::MAX)];
    let refused = check_client(&made, &proof, SERVER, &stranger, NOW).unwrap_err();
    assert_eq!(refused, AttestationError::Certificate(CertificateError::KeyNotTrusted));
    let reader = draft().leaf("CN=Reader,C=KR", key(2).multikey(), Some("1.0.18013.5.1.6")).sign(&key(1));
    let other = Provider { signer: &key(2), chain: &[reader] };
    let other = other.attest_client("wallet", "Wallet", &key(3).multikey(), NOW, NOW + 60).unwrap();
    assert_eq!(check(&other), Err(CertificateError::CertificateProfileInvalid.into()));
    // Signed by another key than the certificate's.
    let forged = Provider { signer: &key(4), chain: &chain };
    let forged = forged.attest_client("wallet", "Wallet", &key(3).multikey(), NOW, NOW + 60).unwrap();
    assert!(matches!(check(&forged), Err(AttestationError::Jws(JwsError::Signature(_)))));
    assert_eq!(check(&"a".repeat(25_000)), Err(JwsError::TooLarge.into()));
}

#[test]
fn vci_61_wallets_prove_the_attested_key_once() {
    let check =
        |proof: &str, now| check_client(&client(|_, c| c["exp"] = (NOW + 900).into()), proof, SERVER, &roots(), now);
    let first = check(&possession(|_, _| {}), NOW).unwrap();
    assert_eq!(check(&possession(|_, _| {}), NOW).unwrap().once, first.once, "two signatures are one proof");
    assert_ne!(check(&possession(|_, c| c["jti"] = "2".into()), NOW).unwrap().once, first.once);
    assert!(check(&possession(|_, c| c["aud"] = json!([SERVER])), NOW).is_ok());
    assert!(check(&possession(remove("iss")), NOW).is_ok());
    let refused = |change: &dyn Fn(&mut Value, &mut Value)| check(&possession(change), NOW).unwrap_err();
    let (audience, client) = (AttestationError::PossessionAudienceMismatch, AttestationError::PossessionClientMismatch);
    let time = AttestationError::PossessionTimeInvalid;
    assert_eq!(refused(&|h, _| h["typ"] = "jwt".into()), AttestationError::Jws(JwsError::UnexpectedTokenType));
    assert_eq!(refused(&|_, c| c["aud"] = "https://issuer.example".into()), audience);
    assert_eq!(refused(&remove("aud")), audience);
    assert_eq!(refused(&|_, c| c["iss"] = "other".into()), client);
    assert_eq!(refused(&remove("iat")), time);
    assert_eq!(refused(&|_, c| c["iat"] = (NOW + 61).into()), time);
    assert_eq!(refused(&|_, c| c["exp"] = NOW.into()), time);
    assert_eq!(check(&possession(|_, _| {}), NOW + 301), Err(time));
    assert_eq!(refused(&remove("jti")), AttestationError::AttestationMalformed);
    assert_eq!(refused(&|_, c| c["jti"] = "x".repeat(257).into()), AttestationError::AttestationMalformed);
    let other = make_possession(&key(4), "wallet", SERVER, NOW, [7; 16]).unwrap();
    assert!(matches!(check(&other, NOW), Err(AttestationError::Jws(JwsError::Signature(_)))), "another key");
    let edwards = make_possession(&StandardKey::ed25519(&[1; 32]), "wallet", SERVER, NOW, [7; 16]).unwrap();
    assert_eq!(check(&edwards, NOW), Err(AttestationError::AttestationMalformed));
}

#[test]
fn vci_63_keys_are_attested_with_what_keeps_them() {
    let chain = chain();
    let provider = Provider { signer: &key(2), chain: &chain };
    let kept = KeyRequirements { key_storage: vec!["iso_18045_high".into()], user_authentication: Vec::new() };
    let keys = [key(5).multikey(), key(6).multikey()];
    let made = provider.attest_keys(&keys, &kept, Some("n"), NOW, NOW + 60).unwrap();
    let attested = check_keys(&made, true, &roots(), NOW).unwrap();
    assert_eq!((&attested.keys[..], attested.nonce.as_deref()), (&keys[..], Some("n")));
    // Anything is accepted where nothing is named, and one of those named otherwise.
    let wants = |storage: &[&str], consent: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        attested.meet(&KeyRequirements { key_storage: texts(storage), user_authentication: texts(consent) })
    };
    assert!(wants(&[], &[]) && wants(&["iso_18045_moderate", "iso_18045_high"], &[]));
    assert!(!wants(&["iso_18045_moderate"], &[]) && !wants(&[], &["iso_18045_basic"]));

    let claims = json!({ "iat": NOW, "exp": NOW + 60, "attested_keys": [Jwk::from(keys[0]).to_json()] });
    let check = |in_proof, change: &dyn Fn(&mut Value, &mut Value)| {
        check_keys(&provided(KEYS_KIND, &claims, change), in_proof, &roots(), NOW).map(|it| it.keys.len())
    };
    assert_eq!(check(true, &|_, _| {}), Ok(1));
    assert_eq!(check(false, &remove("exp")), Ok(1), "only in a proof it has to say until when it is good");
    let malformed = Err(AttestationError::AttestationMalformed);
    assert_eq!(check(true, &remove("exp")), malformed);
    assert_eq!(check(true, &remove("iat")), malformed);
    assert_eq!(check(true, &remove("attested_keys")), malformed);
    assert_eq!(check(true, &|_, c| c["attested_keys"] = json!([])), malformed);
    assert_eq!(check(true, &|_, c| c["attested_keys"] = vec![c["attested_keys"][0].clone(); 17].into()), malformed);
    let edwards = Jwk::from(StandardKey::ed25519(&[1; 32]).multikey()).to_json();
    assert_eq!(check(true, &|_, c| c["attested_keys"] = json!([edwards])), malformed);
    assert_eq!(check(true, &|_, c| c["attested_keys"][0]["d"] = "AQ".into()), Err(JwkError::PrivateKey.into()));
    assert_eq!(check(true, &|_, c| c["nonce"] = 1.into()), malformed);
    assert_eq!(check(true, &|_, c| c["key_storage"] = "high".into()), malformed);
    assert_eq!(check(true, &|_, c| c["exp"] = NOW.into()), Err(AttestationError::AttestationTimeInvalid));
    assert_eq!(check(true, &|h, _| h["typ"] = CLIENT_KIND.into()), Err(JwsError::UnexpectedTokenType.into()));
}

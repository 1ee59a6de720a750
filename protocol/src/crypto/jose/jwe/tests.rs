use rand_core::SeedableRng as _;

use super::*;

const KEY: [u8; 32] = [5; 32];

fn key() -> AgreementKey {
    AgreementKey::from_seed(&KEY).unwrap()
}

fn public() -> EncryptionKey {
    EncryptionKey { key: key().public().unwrap(), id: Some("1".into()) }
}

fn token(method: ContentEncryption) -> String {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([3; 32]);
    encrypt(b"{\"a\":1}", None, &public(), method, &Parties::default(), &mut rng).unwrap()
}

fn refusal(text: &str) -> JweError {
    Jwe::read(text).and_then(|it| it.decrypt(&key())).unwrap_err()
}

/// The token with this change in its header.
fn under(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let text = token(ContentEncryption::A128Gcm);
    let (header, rest) = text.split_once('.').unwrap();
    let mut members = json::read_object(&from_base64url(header).unwrap(), 4096).unwrap();
    change(&mut members);
    format!("{}.{rest}", base64url(Value::Object(members).to_string().as_bytes()))
}

fn set(name: &'static str, value: Value) -> String {
    under(|members| drop(members.insert(name.into(), value)))
}

/// RFC 7518, appendix C: the key that Alice's ephemeral key and Bob's give.
#[test]
fn jose_10_key_of_rfc_7518() {
    let alice = json!({
        "kty": "EC", "crv": "P-256",
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    });
    let bob = json!({
        "kty": "EC", "crv": "P-256",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
    });
    let private = |text: &str| {
        let bytes: [u8; 32] = from_base64url(text).unwrap().try_into().unwrap();
        AgreementKey::from_seed(&bytes).unwrap()
    };
    let (alice_key, bob_key) = (
        private("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"),
        private("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"),
    );
    let [alice, bob] = [alice, bob].map(|it| EncryptionKey::from_json(&it).unwrap().key);
    assert_eq!((alice_key.public().unwrap(), bob_key.public().unwrap()), (alice, bob));
    let parties = Parties { sender: b"Alice", recipient: b"Bob" };
    for (own, other) in [(&alice_key, &bob), (&bob_key, &alice)] {
        let key = derive(own, other, ContentEncryption::A128Gcm, &parties).unwrap();
        assert_eq!(base64url(&key), "VqqN6vgjbSBcIijNcacQGg");
    }
}

#[test]
fn jose_10_only_the_recipient_opens_it_unchanged() {
    for method in ContentEncryption::ALL {
        assert_eq!(ContentEncryption::from_name(method.name()), Some(method));
        let text = token(method);
        let read = Jwe::read(&text).unwrap();
        assert_eq!((read.method(), read.key_id(), read.parties()), (method, Some("1"), Parties::default()));
        assert_eq!(read.decrypt(&key()).unwrap(), b"{\"a\":1}");
        let other = AgreementKey::from_seed(&[6; 32]).unwrap();
        assert_eq!(read.decrypt(&other), Err(JweError::DecryptionFailed), "D25");
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Jwe::read(&changed).and_then(|jwe| jwe.decrypt(&key())).is_err(), "byte {at}");
        }
        let (rest, tag) = text.rsplit_once('.').unwrap();
        for short in [base64url(&from_base64url(tag).unwrap()[..12]), String::new()] {
            assert_eq!(refusal(&format!("{rest}.{short}")), JweError::DecryptionFailed, "D24");
        }
        assert!(!format!("{read:?}").contains("sealed"));
    }
}

#[test]
fn jose_10_parties_are_part_of_the_key() {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([4; 32]);
    let parties = Parties { sender: b"wallet", recipient: b"n-1" };
    let text = encrypt(b"x", Some("JWT"), &public(), ContentEncryption::A256Gcm, &parties, &mut rng).unwrap();
    let read = Jwe::read(&text).unwrap();
    assert_eq!((read.parties(), read.decrypt(&key()).unwrap()), (parties, b"x".to_vec()));
    assert_eq!(read.expect_content(Some("jwt")), Ok(()));
    assert_eq!(read.expect_content(None), Err(JweError::UnexpectedTokenType), "A19");
    assert_eq!(read.expect_content(Some("json")), Err(JweError::UnexpectedTokenType), "A19");
    assert_eq!(refusal(&set("apv", base64url(b"n-2").into())), JweError::DecryptionFailed, "D26");
    assert_eq!(refusal(&set("apu", json!(1))), JweError::MalformedHeader);
    assert_eq!(refusal(&set("apu", json!("a="))), JweError::NonCanonicalEncoding);
    assert_eq!(refusal(&set("apu", base64url(&[1; 257]).into())), JweError::TooLarge);
}

#[test]
fn jose_08_other_forms_are_refused() {
    let text = token(ContentEncryption::A128Gcm);
    assert_eq!(refusal("a.b.c"), JweError::UnexpectedTokenType);
    for form in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", "{.b.c.d.e", r#"{"ciphertext":"e30"}"#] {
        assert_eq!(refusal(form), JweError::UnsupportedFormat, "{form}");
    }
    assert_eq!(refusal(&text.replacen("..", ".AA.", 1)), JweError::UnsupportedFormat, "an encrypted key");
    assert_eq!(refusal(&"a".repeat(TOKEN_MAX + 1)), JweError::TooLarge);
    assert_eq!(refusal(&set("kid", "k".repeat(5000).into())), JweError::TooLarge);
    for wrong in [format!("{text}="), format!("{text} "), format!(" {text}")] {
        assert_eq!(refusal(&wrong), JweError::NonCanonicalEncoding, "A21");
    }
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([4; 32]);
    let mut sealed = |key: &EncryptionKey, len: usize| {
        encrypt(&vec![0; len], None, key, ContentEncryption::A128Gcm, &Parties::default(), &mut rng)
    };
    assert_eq!(sealed(&public(), TOKEN_MAX), Err(JweError::TooLarge));
    let ed25519 = EncryptionKey { key: Multikey::Ed25519([7; 32]), id: None };
    assert_eq!(sealed(&ed25519, 1), Err(JweError::Key(JwkError::Key(SignatureError::InvalidKey))));
}

#[test]
fn jose_09_one_agreement_two_methods_no_compression() {
    for alg in ["dir", "RSA-OAEP", "RSA1_5", "ECDH-ES+A128KW", "PBES2-HS512+A256KW", "A256KW", "none", "ecdh-es", ""] {
        assert_eq!(refusal(&set("alg", alg.into())), JweError::DisallowedAlgorithm, "D24: {alg}");
    }
    for enc in ["A128CBC-HS256", "A192GCM", "A256CBC-HS512", "a128gcm"] {
        assert_eq!(refusal(&set("enc", enc.into())), JweError::DisallowedAlgorithm, "{enc}");
    }
    assert_eq!(refusal(&set("zip", "DEF".into())), JweError::DisallowedAlgorithm, "D24");
    assert_eq!(refusal(&set("crit", json!(["exp"]))), JweError::UnsupportedCritical);
    for name in ["alg", "enc", "epk"] {
        assert_eq!(refusal(&under(|it| drop(it.remove(name)))), JweError::MalformedHeader, "{name}");
        assert_eq!(refusal(&set(name, json!(1))), JweError::MalformedHeader, "{name}");
    }
    // Another method than the one that made it, and a header that was not there.
    assert_eq!(refusal(&set("enc", "A256GCM".into())), JweError::DecryptionFailed);
    assert_eq!(refusal(&set("x", json!(1))), JweError::DecryptionFailed);
    let text = token(ContentEncryption::A128Gcm);
    let rest = text.split_once('.').unwrap().1;
    let twice = base64url(br#"{"alg":"ECDH-ES","alg":"ECDH-ES"}"#);
    assert_eq!(refusal(&format!("{twice}.{rest}")), JweError::Json(JsonError::DuplicateClaim));
}

#[test]
fn jose_07_keys_that_tokens_are_encrypted_for() {
    let good = public().to_json();
    assert_eq!(EncryptionKey::from_json(&good), Ok(public()));
    assert_eq!(public().thumbprint(), crate::crypto::jose::Jwk::from(public().key).thumbprint());
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        EncryptionKey::from_json(&key)
    };
    assert_eq!(with("key_ops", json!(["deriveBits"])), Ok(public()));
    for (name, value) in [("use", json!("sig")), ("alg", json!("ES256")), ("key_ops", json!(["verify"]))] {
        assert_eq!(with(name, value), Err(JwkError::WrongKeyUse), "{name}");
    }
    assert_eq!(with("d", json!("AA")), Err(JwkError::PrivateKey));
    assert_eq!(with("crv", json!("P-384")), Err(JwkError::UnsupportedKey));
    assert_eq!(with("x", json!("AA")), Err(JwkError::MalformedKey));
    assert_eq!(with("kid", json!(1)), Err(JwkError::MalformedKey));
    assert_eq!(with("y", good["x"].clone()), Err(JwkError::Key(SignatureError::InvalidKey)), "A16: not on the curve");
    assert_eq!(EncryptionKey::from_json(&json!([])), Err(JwkError::MalformedKey));
    // K17: keys that cannot be used come first.
    let set = json!({ "keys": [{ "kty": "RSA" }, { "kty": "EC", "crv": "P-521" }, 1, good] });
    assert_eq!(EncryptionKey::first_of(&set), Some(public()));
    assert_eq!(EncryptionKey::first_of(&key_set(&[public()])), Some(public()));
    assert_eq!(EncryptionKey::first_of(&json!({ "keys": [] })), None, "K18");
    // The ephemeral key is held to the same.
    let off = json!({ "kty": "EC", "crv": "P-256", "x": good["x"], "y": good["x"] });
    assert_eq!(refusal(&super::tests::set("epk", off)), JweError::Key(JwkError::Key(SignatureError::InvalidKey)));
    let other = json!({ "kty": "OKP", "crv": "X25519", "x": good["x"] });
    assert_eq!(refusal(&super::tests::set("epk", other)), JweError::Key(JwkError::UnsupportedKey));
}

//! Encrypted tokens: ours to npm's `jose`, and its to us.

use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{ContentEncryption, EncryptionKey, Jwe, JweError, Parties, base64url, encrypt};
use serde_json::{Value, json};

const SEED: [u8; 32] = [9; 32];
const CONTENT: &str = r#"{"vp_token":{"0":["가나다"]}}"#;

fn key() -> AgreementKey {
    AgreementKey::from_seed(&SEED).unwrap()
}

fn public() -> EncryptionKey {
    EncryptionKey { key: key().public().unwrap(), id: Some("enc-1".into()) }
}

fn secret(seed: u8) -> Value {
    let key = AgreementKey::from_seed(&[seed; 32]).unwrap();
    let mut jwk = EncryptionKey { key: key.public().unwrap(), id: Some("enc-1".into()) }.to_json();
    jwk["d"] = base64url(&[seed; 32]).into();
    jwk
}

#[test]
fn each_opens_what_the_other_encrypted_and_nothing_else() {
    let mut rng = tests::rng("jwe");
    let cases: Vec<(ContentEncryption, Parties<'_>)> = ContentEncryption::ALL
        .into_iter()
        .flat_map(|it| [(it, Parties::default()), (it, Parties { sender: b"wallet", recipient: b"n-0S6" })])
        .collect();
    let mut jobs = Vec::new();
    for (method, parties) in &cases {
        let text = encrypt(CONTENT.as_bytes(), None, &public(), *method, parties, &mut rng).unwrap();
        jobs.push(json!({ "job": "decrypt", "text": text, "key": secret(9) }));
        jobs.push(json!({ "job": "decrypt", "text": text, "key": secret(8) }));
        let changed = text.replacen("..", "..A", 1);
        jobs.push(json!({ "job": "decrypt", "text": changed, "key": secret(9) }));
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        jobs.push(json!({
            "job": "encrypt", "content": CONTENT, "key": public().to_json(), "enc": method.name(),
            "apu": text(parties.sender), "apv": text(parties.recipient),
        }));
    }
    let answers = formats::javascript(&jobs);
    for ((method, parties), answers) in cases.iter().zip(answers.chunks_exact(4)) {
        let opened = answers[0].as_ref().unwrap();
        assert_eq!((&opened["content"], &opened["header"]["enc"]), (&json!(CONTENT), &json!(method.name())));
        assert!(answers[1].is_err() && answers[2].is_err(), "another key; a changed token");
        let theirs = answers[3].as_ref().unwrap()["text"].as_str().unwrap();
        let jwe = Jwe::read(theirs).unwrap();
        assert_eq!((jwe.key_id(), jwe.method(), jwe.parties()), (Some("enc-1"), *method, *parties));
        assert_eq!(jwe.decrypt(&key()).unwrap(), CONTENT.as_bytes());
        let other = AgreementKey::from_seed(&[8; 32]).unwrap();
        assert_eq!(jwe.decrypt(&other), Err(JweError::DecryptionFailed));
    }
}

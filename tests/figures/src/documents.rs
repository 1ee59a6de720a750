//! SD-JWT and mobile documents: a whole check, issuer's certificates and holder's proof included.

use protocol::credential::Day;
use protocol::credential::mdoc::{
    DeviceCheck, DeviceResponse, Document, Draft as MdocDraft, Handover, IssuerSigned, MDL, MDL_NAMESPACE, Proof,
    SessionTranscript, date, verify_document,
};
use protocol::credential::sd_jwt::{Challenge, Draft, KeyBinding, SdJwt, verify_presentation};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::crypto::x509::{CertificateDraft, Root, Use};

use crate::{least, line};

pub(crate) const NOW: u64 = 1_800_000_000;

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

pub(crate) fn rng(seed: u8) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([seed; 32])
}

fn certificate(subject: &str, seed: u8, usage: Use) -> Vec<u8> {
    let (issuer, contact, key_of) = ("CN=Root,C=KR", "https://issuer.example", key(seed).multikey());
    let (from, until, serial) = (NOW - 1_000, NOW + 1_000_000, [seed; 20]);
    CertificateDraft { subject, issuer, contact, serial, from, until, key: key_of, usage }.sign(&key(1)).unwrap()
}

pub(crate) fn measure(rounds: u32) {
    let roots = [Root::recorded(key(1).multikey(), NOW - 1_000, NOW + 1_000_000)];
    let signer = certificate("CN=Signer,C=KR", 2, Use::DocumentSigner);
    let fresh = || [Root::recorded(key(1).multikey(), NOW - 1_000, NOW + 1_000_000)];

    let names: Vec<String> = (0..16).map(|number| format!("claim_{number}")).collect();
    let mut claims = serde_json::json!({ "vct": "a", "iat": NOW, "exp": NOW + 9 }).as_object().unwrap().clone();
    claims.extend(names.iter().map(|name| (name.clone(), "홍길동".into())));
    let draft = Draft {
        certificates: vec![signer.clone()],
        claims,
        selective: names.iter().map(|name| format!("/{name}")).collect(),
        decoys: 4,
        holder: Some(key(3).multikey()),
    };
    let issued = draft.issue(&key(2), &mut rng(1)).unwrap();
    let binding = KeyBinding { audience: "verifier", nonce: "nonce", now: NOW };
    let shown = ["/claim_0", "/claim_1", "/claim_2", "/claim_3"];
    let shown = SdJwt::read(&issued).unwrap().present(&shown, &binding, &key(3)).unwrap();
    let challenge = Challenge { audience: "verifier", nonce: "nonce", now: NOW, max_age: 60 };
    let check = |roots: &[Root]| drop(verify_presentation(&shown, "a", &challenge, roots).unwrap());
    line("SD-JWT, 16 claims, 4 shown: verify", least(rounds, 20, || check(&roots)), "wanted: 2,000/s");
    line("  the first of an issuer, certificates included", least(rounds, 5, || check(&fresh())), "");

    let draft = MdocDraft {
        doc_type: MDL.to_owned(),
        elements: vec![(
            MDL_NAMESPACE.to_owned(),
            names.iter().map(|name| (name.clone(), date("1990-05-17".parse::<Day>().unwrap()))).collect(),
        )],
        device_key: key(3).multikey(),
        signed: NOW,
        valid_from: NOW,
        valid_until: NOW + 9,
        status: None,
        decoys: 4,
        certificates: vec![signer],
    };
    let issued = IssuerSigned::from_slice(&draft.issue(&key(2), &mut rng(2)).unwrap()).unwrap();
    let transcript = SessionTranscript::new(&Handover::DcApi { origin: "https://a", nonce: "n", thumbprint: None });
    let shown: Vec<(&str, &str)> = names.iter().take(4).map(|name| (MDL_NAMESPACE, name.as_str())).collect();
    let document = Document::present(&issued, MDL, &shown, &transcript, &Proof::Signature(&key(3))).unwrap();
    let response = DeviceResponse { documents: vec![document] }.to_vec();
    let device = DeviceCheck { transcript: &transcript, reader: None };
    let check = |roots: &[Root]| drop(verify_document(&response, MDL, &device, roots, NOW).unwrap());
    line("mobile document, 16 elements, 4 shown: verify", least(rounds, 20, || check(&roots)), "wanted: 2,000/s");
    line("  the first of an issuer, certificates included", least(rounds, 5, || check(&fresh())), "");

    let (message, signature) = ([7; 64], key(2).sign(&[7; 64]).unwrap());
    let known = key(2).multikey();
    let one = least(rounds, 50, || known.verify(&message, &signature).unwrap());
    line("  one P-256 signature (each check has two)", one, "");
}

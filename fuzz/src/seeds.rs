//! The first files of the corpus: valid ones of every kind, so that changes get far.

use std::fs;
use std::path::Path;

use protocol::credential::mdoc::session::DeviceSession;
use protocol::credential::mdoc::{
    DeviceRequest, DeviceResponse, Document, Draft as MdocDraft, Handover, IssuerSigned, ItemsRequest, MDL,
    MDL_NAMESPACE, Proof, SessionTranscript, Value as Cbor, date,
};
use protocol::credential::sd_jwt::{Draft as SdJwtDraft, KeyBinding, SdJwt};
use protocol::credential::status::bitstring::{Bitstring, StatusPurpose};
use protocol::credential::status::token::{Reference, StatusToken, TokenList};
use protocol::credential::w3c::{Contexts, ProofKey, ProofOptions, Suite, add_proof, issue_credential};
use protocol::credential::{Day, StatusList};
use protocol::crypto::bbs;
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::crypto::x509::Use;
use protocol::identifier::{DidKey, Purpose};
use protocol::ledger::bundle::Scope;
use protocol::ledger::testkit::TestLedger;
use serde_json::json;

use crate::drive::folder;
use crate::scene::{NOW, certificate, p256, rng, signer};
use crate::targets;

/// The driver's licence's type.
pub const LICENCE: &[u8] = include_bytes!("../../specs/types/driver-licence.json");
const TWINS: &[u8] = include_bytes!("../../specs/types/driver-licence.twins.json");
/// The `vct` of the SD-JWT.
pub const KIND: &str = "kr.go.police.driver-licence.1";
/// Audience and nonce.
pub const CHALLENGE: (&str, &str) = ("https://verifier.example", "nonce");

/// A network of one.
#[must_use]
pub fn ledger() -> TestLedger {
    TestLedger::new("kr", [7; 32], [1; 32], NOW * 1000).unwrap()
}

/// The session that documents are shown in.
#[must_use]
pub fn transcript() -> SessionTranscript {
    SessionTranscript::new(&Handover::OpenId4Vp {
        client_id: "verifier.example",
        nonce: "nonce",
        thumbprint: None,
        response_uri: "https://verifier.example/answer",
    })
}

/// Writes the corpus; files of other names stay.
pub fn write() {
    for target in &targets::ALL {
        fs::create_dir_all(folder(target)).unwrap();
    }
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let target = targets::ALL.iter().find(|it| it.name == target).unwrap();
        fs::write(folder(target).join(name), bytes).unwrap();
    };
    own(&put);
    web(&put);
    tokens(&put);
    documents(&put);
}

/// Our own formats: those of the valid files among the negative tests.
fn own(put: &dyn Fn(&str, &str, &[u8])) {
    let valid = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/negative/valid");
    for entry in fs::read_dir(valid).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let target = match name.split('-').next().unwrap() {
            _ if name.starts_with("ledger") || name.starts_with("transaction") => "ledger",
            _ if name.starts_with("trust-bundle") => "bundle",
            _ if name.starts_with("qr-text") || name.starts_with("qr-frames") => "codes",
            "offer" | "presentation" | "request" => "messages",
            "credential" if !name.starts_with("credential-type") => "messages",
            _ => continue,
        };
        let text = fs::read_to_string(path).unwrap();
        let (_, body) = text.split_once("\n\n").unwrap();
        let bytes = hex::decode(body.split_whitespace().collect::<String>());
        put(target, &name, &bytes.unwrap_or_else(|_| body.trim_end().as_bytes().to_vec()));
    }
    put("bundle", "of-one", &ledger().bundle(Scope::Snapshot).encode());
    put("types", "licence", LICENCE);
    put("types", "twins", TWINS);
    let metadata = json!({ "vct": KIND, "claims": [{ "path": ["name", null], "sd": "always", "mandatory": true }] });
    put("types", "metadata", metadata.to_string().as_bytes());
    let key = p256(3).multikey();
    put("types", "did-key", DidKey::new(key).to_text().as_bytes());
    let document = DidKey::new(key).to_json().to_string().replace(&DidKey::new(key).to_text(), "did:web:a.example");
    put("types", "did-web", b"did:web:a.example%3A8443:licences");
    put("types", "did-document", document.as_bytes());
}

fn web(put: &dyn Fn(&str, &str, &[u8])) {
    let contexts = Contexts::standard();
    let secret = bbs::SecretKey::generate(bbs::Suite::Sha256, &[3; 32], b"fuzz").unwrap();
    let (ed25519, p256) = (StandardKey::ed25519(&[4; 32]), p256(2));
    for (suite, key) in [
        (Suite::EddsaRdfc2022, ProofKey::Standard(&ed25519)),
        (Suite::EddsaJcs2022, ProofKey::Standard(&ed25519)),
        (Suite::EcdsaRdfc2019, ProofKey::Standard(&p256)),
        (Suite::EcdsaSd2023, ProofKey::Standard(&p256)),
        (Suite::Bbs2023, ProofKey::Bbs(&secret)),
    ] {
        let did = DidKey::new(key.multikey());
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": did.to_text(),
            "validFrom": "2026-11-21T00:00:00Z",
            "credentialSubject": { "name": "홍길동", "description": { "@value": "\u{1f600}", "@language": "ko" } },
        });
        let mandatory = ["/issuer".to_owned()];
        let method = did.verification_method();
        let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
        if suite.is_selective() {
            options.mandatory = &mandatory;
        }
        let signed = issue_credential(&credential, key, &options, &contexts, &mut rng(1)).unwrap();
        put(if suite.is_selective() { "w3c-part" } else { "w3c" }, suite.as_str(), signed.to_string().as_bytes());
        if suite.is_selective() {
            let pointers = ["/credentialSubject/name".to_owned()];
            let part = protocol::credential::w3c::derive_credential(&signed, &pointers, b"n", &contexts, &mut rng(2));
            put("w3c", suite.as_str(), part.unwrap().to_string().as_bytes());
        } else if suite == Suite::EddsaRdfc2022 {
            // Nodes without names that look alike: the proof does not hold, which is found after they were told apart.
            let mut knot = signed.clone();
            knot["credentialSubject"] = (0..6).map(|_| json!({ "name": "x", "termsOfUse": [] })).collect();
            put("w3c", "knot", knot.to_string().as_bytes());
            let presentation = json!({
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "type": ["VerifiablePresentation"],
                "verifiableCredential": [signed],
            });
            let mut options = ProofOptions::new(suite, &method, Purpose::Authentication);
            (options.domain, options.challenge) = (Some("verifier.example"), Some("nonce"));
            let presentation = add_proof(&presentation, key, &options, &contexts, &mut rng(3)).unwrap();
            put("w3c", "presentation", presentation.to_string().as_bytes());
        }
    }
}

fn tokens(put: &dyn Fn(&str, &str, &[u8])) {
    let claims = json!({
        "vct": KIND, "iat": NOW - 10, "exp": NOW + 100_000, "name": "홍길동", "classes": ["1-ordinary", "2-moped"],
        "address": { "street": "세종대로", "city": "서울" },
        "status": Reference { uri: "https://issuer.example/status/a/7".into(), index: 3 }.to_json(),
    });
    let draft = SdJwtDraft {
        certificates: vec![signer()],
        claims: claims.as_object().unwrap().clone(),
        selective: ["/name", "/address", "/address/street", "/classes/0"].map(str::to_owned).to_vec(),
        decoys: 1,
        holder: Some(p256(3).multikey()),
    };
    let issued = draft.issue(&p256(2), &mut rng(1)).unwrap();
    put("sd-jwt", "issued", issued.as_bytes());
    let binding = KeyBinding { audience: CHALLENGE.0, nonce: CHALLENGE.1, now: NOW };
    let shown = SdJwt::read(&issued).unwrap().present(&["/name"], &binding, &p256(3)).unwrap();
    put("sd-jwt", "shown", shown.as_bytes());
    put("tokens", "jws", issued.split('~').next().unwrap().as_bytes());
    put("tokens", "jwk", p256(3).multikey().to_jwk().unwrap().to_string().as_bytes());
    put("tokens", "multikey", p256(3).multikey().to_multibase().as_bytes());
    let mut list = StatusList::new();
    list.revoke(3).unwrap();
    put("status", "bitstring", Bitstring::of(&list, StatusPurpose::Revocation).encode().as_bytes());
    put("status", "json", TokenList::from(&list).to_json().to_string().as_bytes());
    let token = StatusToken {
        uri: "https://issuer.example/status/a/7".into(),
        issued: NOW,
        expires: Some(NOW + 100),
        ttl: Some(60),
        list: TokenList::from(&list),
    };
    put("status", "jwt", token.sign_jwt(&[signer()], &p256(2)).unwrap().as_bytes());
    put("status", "cwt", &token.sign_cwt(&[signer()], &p256(2)).unwrap());
    put("status", "packed", &protocol::ledger::attachment::pack(&list));
}

fn documents(put: &dyn Fn(&str, &str, &[u8])) {
    let text = |it: &str| Cbor::Text(it.to_owned());
    let draft = MdocDraft {
        doc_type: MDL.to_owned(),
        elements: vec![(
            MDL_NAMESPACE.to_owned(),
            vec![
                ("family_name".to_owned(), text("HONG")),
                ("birth_date".to_owned(), date("1990-05-17".parse::<Day>().unwrap())),
                ("age_over_19".to_owned(), Cbor::Bool(true)),
            ],
        )],
        device_key: p256(3).multikey(),
        signed: NOW - 10,
        valid_from: NOW - 10,
        valid_until: NOW + 100_000,
        status: Some(Reference { uri: "https://issuer.example/status/a/7".into(), index: 3 }),
        decoys: 1,
        certificates: vec![signer()],
    };
    let issued = draft.issue(&p256(2), &mut rng(1)).unwrap();
    put("mdoc", "issued", &issued);
    let issued = IssuerSigned::from_slice(&issued).unwrap();
    let elements = [(MDL_NAMESPACE, "age_over_19")];
    let document = Document::present(&issued, MDL, &elements, &transcript(), &Proof::Signature(&p256(3))).unwrap();
    put("mdoc", "shown", &DeviceResponse { documents: vec![document] }.to_vec());
    let asked = ItemsRequest {
        doc_type: MDL.to_owned(),
        elements: vec![(MDL_NAMESPACE.to_owned(), "age_over_19".to_owned(), false)],
    };
    let reader = [certificate("CN=Reader,C=KR", 4, Use::Reader)];
    let asked = DeviceRequest::make(&[asked], &transcript(), Some((&reader, &p256(4)))).unwrap();
    put("mdoc", "asked", &asked);
    let device = DeviceSession::new(&mut rng(7)).unwrap();
    put("mdoc-session", "engagement", device.qr_text().as_bytes());
    put("certificates", "signer", &signer());
    put("certificates", "reader", &certificate("CN=Reader,C=KR", 4, Use::Reader));
    put("certificates", "root", &certificate("CN=Root,C=KR", 1, Use::Root));
    let key = protocol::crypto::cose::write_key(&p256(3).multikey()).unwrap();
    put("certificates", "key", &protocol::crypto::cose::write_value(key));
}

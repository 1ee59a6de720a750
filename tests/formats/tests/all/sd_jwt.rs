//! SD-JWT VC: ours to `@sd-jwt/sd-jwt-vc` and to Python's `sd-jwt`, and theirs to us.

use protocol::credential::sd_jwt::{self, Challenge, Draft, KeyBinding, SdJwt, SdJwtError};
use protocol::crypto::jose::{Jwk, base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::crypto::x509::Root;
use protocol::crypto::x509::testkit::Draft as Certificate;
use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_795_000_000;
const DAY: u64 = 86_400;
pub(crate) const VCT: &str = "urn:kr:licence:1";
const AUDIENCE: &str = "x509_hash:abc";
const NONCE: &str = "n-0S6_WzA2Mj";

pub(crate) fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

/// The private key as JSON, for the packages.
pub(crate) fn secret(seed: u8) -> Value {
    let mut jwk = public(seed);
    jwk["d"] = base64url(&[seed; 32]).into();
    jwk
}

fn public(seed: u8) -> Value {
    Jwk::from(key(seed).multikey()).to_json()
}

fn root() -> Certificate {
    Certificate::root("CN=Root,C=KR", key(1).multikey(), NOW - DAY, NOW + 100 * DAY)
}

pub(crate) fn roots() -> [Root; 1] {
    [Root::from_der(&root().sign(&key(1))).unwrap()]
}

pub(crate) fn certificate() -> Vec<u8> {
    root().leaf("CN=Issuer,C=KR", key(2).multikey(), None).sign(&key(1))
}

pub(crate) fn challenge(now: u64) -> Challenge<'static> {
    Challenge { audience: AUDIENCE, nonce: NONCE, now, max_age: 300 }
}

/// Control characters, Korean, emoji, nesting and arrays.
fn claims() -> Value {
    json!({
        "vct": VCT, "iss": "https://issuer.example", "iat": NOW - 100, "exp": NOW + DAY,
        "family_name": "홍", "given_name": "길동 😀\t\u{7f}",
        "address": { "region": "서울", "street": "세종대로 1" },
        "classes": ["1-ordinary", "2-small", "bike"],
    })
}

/// What a verifier reads when the given name, the street and the second class are shown.
fn expected() -> Value {
    json!({
        "vct": VCT, "iss": "https://issuer.example", "iat": NOW - 100, "exp": NOW + DAY,
        "given_name": "길동 😀\t\u{7f}", "address": { "region": "서울", "street": "세종대로 1" },
        "classes": ["2-small", "bike"], "cnf": { "jwk": public(3) },
    })
}

pub(crate) fn ours() -> String {
    let selective = ["/family_name", "/given_name", "/address", "/address/street", "/classes/0", "/classes/1"];
    let draft = Draft {
        certificates: vec![certificate()],
        claims: claims().as_object().unwrap().clone(),
        selective: selective.map(str::to_owned).to_vec(),
        decoys: 3,
        holder: Some(key(3).multikey()),
    };
    let issued = draft.issue(&key(2), &mut tests::rng("sd-jwt")).unwrap();
    let binding = KeyBinding { audience: AUDIENCE, nonce: NONCE, now: NOW };
    let shown = ["/given_name", "/address/street", "/classes/1"];
    SdJwt::read(&issued).unwrap().present(&shown, &binding, &key(3)).unwrap()
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn others_accept_ours_and_refuse_it_changed() {
    let good = ours();
    let (covered, proof) = good.rsplit_once('~').unwrap();
    let fewer = format!("{}~{proof}", covered.rsplit_once('~').unwrap().0);
    let forged = good.replacen('.', ".A", 1);
    let texts = [good.as_str(), &fewer, &forged];
    let jobs = |audience: bool| -> Vec<Value> {
        let job = |text: &&str| {
            let mut job = json!({ "job": "verify_sd_jwt", "text": text, "key": public(2), "nonce": NONCE });
            if audience {
                job["audience"] = AUDIENCE.into()
            } else {
                job["now"] = NOW.into()
            }
            job
        };
        texts.iter().map(job).collect()
    };
    let javascript = formats::javascript(&jobs(false));
    let read = javascript[0].as_ref().unwrap();
    assert_eq!((&read["claims"], &read["audience"]), (&expected(), &json!(AUDIENCE)));
    let python = formats::python(&jobs(true));
    assert_eq!(python[0].as_ref().unwrap()["claims"], expected());
    for (who, answers) in [("JavaScript", &javascript), ("Python", &python)] {
        for (what, answer) in ["fewer disclosures", "changed payload"].iter().zip(&answers[1..]) {
            assert!(answer.is_err(), "{who}: {what}");
        }
    }
}

#[test]
fn we_accept_theirs_and_refuse_it_elsewhere() {
    use base64::Engine as _;
    let standard = base64::engine::general_purpose::STANDARD;
    let header = json!({ "x5c": [standard.encode(certificate())], "typ": "dc+sd-jwt" });
    let mut bound = claims();
    bound["cnf"] = json!({ "jwk": public(3) });
    let javascript = json!({
        "job": "present_sd_jwt", "claims": bound, "header": header, "issuer": secret(2), "holder": secret(3),
        "frame": {
            "_sd": ["family_name", "given_name", "address"], "_sd_decoy": 2,
            "address": { "_sd": ["street"] }, "classes": { "_sd": [0, 1] },
        },
        "show": { "given_name": true, "address": { "street": true }, "classes": { "1": true } },
        "binding": { "iat": NOW, "aud": AUDIENCE, "nonce": NONCE },
    });
    let mut hidden = without(without(without(claims(), "family_name"), "given_name"), "address");
    hidden["family_name$"] = "홍".into();
    hidden["given_name$"] = claims()["given_name"].clone();
    hidden["address$"] = json!({ "region": "서울", "street$": "세종대로 1" });
    hidden["classes"] = json!([{ "$": "1-ordinary" }, { "$": "2-small" }, "bike"]);
    let python = json!({
        "job": "present_sd_jwt", "claims": hidden, "header": header, "issuer": secret(2), "holder": secret(3),
        "show": { "given_name": true, "address": { "street": true }, "classes": [false, true, true] },
        "audience": AUDIENCE, "nonce": NONCE,
    });
    // The Python package dates the holder's proof by the clock.
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (who, answer, proven_at) in
        [("JavaScript", &formats::javascript(&[javascript])[0], NOW), ("Python", &formats::python(&[python])[0], clock)]
    {
        let answer = answer.as_ref().unwrap_or_else(|error| panic!("{who}: {error}"));
        let (issued, presented) = (answer["issued"].as_str().unwrap(), answer["presented"].as_str().unwrap());
        let trust = sd_jwt::Trust { roots: &roots(), now: NOW };
        let held = sd_jwt::verify_issued(issued, VCT, &trust).unwrap_or_else(|error| panic!("{who}: {error}"));
        assert_eq!(held.claims()["classes"], claims()["classes"], "{who}");
        let parsed = SdJwt::read(presented).unwrap();
        let authentic = parsed.verify_presented(&key(2).multikey(), sd_jwt::KIND, &challenge(proven_at)).unwrap();
        assert_eq!(Value::Object(authentic.claims().clone()), expected(), "{who}");
        let other = Challenge { nonce: "other", ..challenge(proven_at) };
        let refused = parsed.verify_presented(&key(2).multikey(), sd_jwt::KIND, &other).map(|_| ());
        assert_eq!(refused, Err(SdJwtError::NonceMismatch), "{who}");
        if proven_at == NOW {
            let verified = sd_jwt::verify_presentation(presented, VCT, &challenge(NOW), &roots()).unwrap();
            assert!(verified.holder_proved());
        }
    }
}

//! The vectors of specs/zk-credential.md and specs/issuance.md: made from seeds, compared with the file, and checked from it.
//!
//! `MID_WRITE_VECTORS=1 cargo test -p protocol --test zk_credential_vectors` writes the file anew.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

use std::fs;
use std::path::{Path, PathBuf};

use protocol::cbor;
use protocol::credential::{Credential, CredentialType, HolderSecrets, Layout, Value as Claim};
use protocol::crypto::bbs::{self, Signature, Suite, blind};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::PublicKey;
use protocol::crypto::membership::{SetPublicKey, SetSecretKey, ValueSignature};
use protocol::error_name;
use protocol::exchange::status_token_number;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TYPE: &str = "types/driver-licence.json";
const DEVICE_KEY: &str = "zDnaepsL7AXenJkVYdkh5KuKsSU7Ykh7kyXaLLU7auN9FWSiZ";
/// What the example of the specification says of its person; the portrait is no picture.
const CLAIMS: [&str; 7] = [
    "11-05-104233-71",
    "홍길동",
    "HONG GILDONG",
    "1985-03-15",
    "1-ordinary,2-moped",
    "2005-04-02",
    "서울특별시 종로구 세종대로 209",
];
const PORTRAIT: &[u8] = b"portrait of the vectors";
const HANDLE: u64 = (3 << 32) | 88_123;
const EPOCH: u32 = 7;
const HIDDEN: [usize; 2] = [Layout::LINK_SECRET, Layout::BLINDER];

fn specs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs").join(name)
}

fn path() -> PathBuf {
    specs("vectors/zk-credential.json")
}

fn licence() -> CredentialType {
    CredentialType::parse(&fs::read(specs(TYPE)).unwrap()).unwrap()
}

fn scalar_hex(scalar: &Scalar) -> String {
    hex::encode(scalar.to_be_bytes())
}

fn claim(value: &Claim) -> Value {
    match value {
        Claim::Text(text) => json!({ "text": text }),
        Claim::Number(number) => json!({ "number": number }),
        Claim::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
    }
}

/// `bytes` with `field` in the place at `offset`.
fn replaced(bytes: &[u8], offset: usize, field: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[offset..offset + field.len()].copy_from_slice(field);
    changed
}

/// Everything, from seeds alone.
fn make() -> Value {
    let credential_type = licence();
    let (network, issuer_key) = ([1; 32], *b"key of 8");
    let issuer = bbs::SecretKey::generate(Suite::Sha256, &[1; 32], b"vectors").unwrap();
    let [link_secret, blinder] = [3u8, 4].map(|seed| Scalar::from_be_bytes_wide(&[seed; 48]));
    let secrets = HolderSecrets { link_secret, blinder };
    let mut values: Vec<_> =
        CLAIMS.iter().enumerate().map(|(i, text)| credential_type.read_value(i, text).unwrap()).collect();
    values.push(Claim::Bytes(Sha256::digest(PORTRAIT).to_vec()));
    let mut credential = Credential {
        issuer_key,
        credential_type: credential_type.id.clone(),
        values,
        expiry: "2036-11-20".parse().unwrap(),
        handle: HANDLE,
        device_key: Some(PublicKey::from_multikey(DEVICE_KEY).unwrap()),
        signature: [0; 80],
    };
    let header = Credential::header(&network, &issuer_key, &credential_type);
    let (nonce, other_nonce) = ([7u8; 16], [8u8; 16]);
    let issuance = blind::Issuance {
        issuer: issuer.public_key(),
        header: &header,
        message_count: credential_type.message_count(),
        hidden: &HIDDEN,
        nonce: &nonce,
    };
    let commitment = blind::commit(&issuance, &[link_secret, blinder], &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let clear = credential.clear_messages(&credential_type).unwrap();
    let signature = blind::sign(&issuer, &issuance, &commitment, &clear).unwrap().to_bytes();
    credential.signature = signature;
    let numbers = credential.messages(&credential_type, &secrets).unwrap();

    let commitments = |name: &str, expect: &str, nonce: &[u8], bytes: &[u8]| json!({ "name": name, "expect": expect, "nonce": hex::encode(nonce), "commitment": hex::encode(bytes) });
    let identity = replaced(&[0; 48], 0, &[0xc0]);
    let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001").unwrap();
    let signed = |name: &str, expect: &str, bytes: &[u8]| json!({ "name": name, "expect": expect, "signature": hex::encode(bytes) });
    let set = |purpose: &[u8]| SetSecretKey::generate(&[2; 32], purpose).unwrap();
    let (days, status) = (set(b"days"), set(b"status"));
    let day = |number: u16, of: u16, expect: &str| {
        let signature = days.sign(Scalar::from_u64(of.into())).unwrap();
        json!({ "number": number, "signature": hex::encode(signature.to_bytes()), "expect": expect })
    };
    let token = |handle: u64, epoch: u32, of: u32, expect: &str| {
        let signature = status.sign(status_token_number(handle, of)).unwrap();
        json!({
            "handle": handle,
            "epoch": epoch,
            "number": scalar_hex(&status_token_number(handle, epoch)),
            "signature": hex::encode(signature.to_bytes()),
            "expect": expect,
        })
    };
    json!({
        "suite": "BLS12381-SHA-256",
        "specification": "specs/zk-credential.md, specs/issuance.md (ISSU-06)",
        "network": hex::encode(network),
        "issuer_key": hex::encode(issuer_key),
        "issuer": hex::encode(issuer.public_key().as_bytes()),
        "credential_type": TYPE,
        "definition_digest": hex::encode(Sha256::digest(credential_type.definition())),
        "header": hex::encode(&header),
        "link_secret": scalar_hex(&link_secret),
        "blinder": scalar_hex(&blinder),
        "handle": HANDLE,
        "expiry": credential.expiry.number(),
        "device_key": hex::encode(credential.device_key.unwrap().to_multicodec()),
        "values": credential.values.iter().map(claim).collect::<Vec<_>>(),
        "numbers": numbers.iter().map(scalar_hex).collect::<Vec<_>>(),
        "commitments": [
            commitments("as the wallet sends it", "accepted", &nonce, &commitment),
            commitments("another nonce", "CommitmentInvalid", &other_nonce, &commitment),
            commitments("the two responses swapped", "CommitmentInvalid", &nonce, &[&commitment[..80], &commitment[112..], &commitment[80..112]].concat()),
            commitments("one byte short", "CommitmentLength", &nonce, &commitment[..143]),
            commitments("the commitment is the identity", "IdentityPoint", &nonce, &replaced(&commitment, 0, &identity)),
            commitments("the commitment is no point", "InvalidPoint", &nonce, &replaced(&commitment, 0, &[0; 48])),
            commitments("a response is the group order", "ScalarOutOfRange", &nonce, &replaced(&commitment, 80, &order)),
        ],
        "signatures": [
            signed("as the issuer sends it", "accepted", &signature),
            signed("another e", "SignatureInvalid", &replaced(&signature, 79, &[signature[79] ^ 1])),
            signed("e is zero", "ScalarOutOfRange", &replaced(&signature, 48, &[0; 32])),
            signed("A is the identity", "IdentityPoint", &replaced(&signature, 0, &identity)),
        ],
        "credential": hex::encode(cbor::to_vec(&credential)),
        "day_set": {
            "key": hex::encode(days.public_key().as_bytes()),
            "signatures": [day(0, 0, "accepted"), day(13_560, 13_560, "accepted"), day(65_535, 65_535, "accepted"), day(13_561, 13_560, "SignatureInvalid")],
        },
        "status": {
            "key": hex::encode(status.public_key().as_bytes()),
            "tokens": [
                token(HANDLE, EPOCH, EPOCH, "accepted"),
                token(u64::MAX >> 1, EPOCH, EPOCH, "accepted"),
                token(HANDLE, EPOCH + 1, EPOCH, "SignatureInvalid"),
            ],
        },
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_be_bytes(&bytes(value).try_into().unwrap()).unwrap()
}

fn verdict<E: core::fmt::Debug>(outcome: Result<(), E>) -> String {
    outcome.err().map_or_else(|| "accepted".into(), |error| error_name(&error))
}

fn each<'a>(list: &'a Value, check: impl Fn(&Value) -> String + 'a) -> usize {
    let list = list.as_array().unwrap();
    for case in list {
        assert_eq!(check(case), case["expect"].as_str().unwrap(), "{case}");
    }
    list.len()
}

#[test]
fn the_file_is_what_the_seeds_make_and_everything_in_it_gets_its_verdict() {
    let made = make();
    if std::env::var_os("MID_WRITE_VECTORS").is_some() {
        fs::write(path(), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let file: Value = serde_json::from_slice(&fs::read(path()).unwrap()).unwrap();
    assert!(file == made, "it changed; if that is intended, set MID_WRITE_VECTORS and say so in the specification");

    let credential_type = licence();
    let issuer = bbs::PublicKey::from_bytes(Suite::Sha256, &bytes(&file["issuer"])).unwrap();
    let header = bytes(&file["header"]);
    let numbers: Vec<_> = file["numbers"].as_array().unwrap().iter().map(scalar).collect();
    // Whoever has the issuer's key signs only what is proven.
    let key = bbs::SecretKey::generate(Suite::Sha256, &[1; 32], b"vectors").unwrap();
    let clear: Vec<_> = numbers.iter().copied().enumerate().skip(HIDDEN.len()).collect();
    let commitments = each(&file["commitments"], |case| {
        let nonce = bytes(&case["nonce"]);
        let issuance = blind::Issuance {
            issuer: &issuer,
            header: &header,
            message_count: credential_type.message_count(),
            hidden: &HIDDEN,
            nonce: &nonce,
        };
        verdict(blind::sign(&key, &issuance, &bytes(&case["commitment"]), &clear).map(|_| ()))
    });
    let signatures = each(&file["signatures"], |case| {
        let signature = Signature::from_bytes(&bytes(&case["signature"]));
        verdict(signature.and_then(|signature| bbs::verify(&issuer, &signature, &header, &numbers)))
    });

    // CRED-03: what the wallet stores is the same.
    let credential: Credential = cbor::from_slice(&bytes(&file["credential"]), 4_096).unwrap();
    let secrets = HolderSecrets { link_secret: scalar(&file["link_secret"]), blinder: scalar(&file["blinder"]) };
    let network = bytes(&file["network"]).try_into().unwrap();
    assert_eq!(credential.check(&network, &credential_type, &issuer, &secrets), Ok(()));
    assert_eq!(credential.messages(&credential_type, &secrets).unwrap()[..], numbers);
    assert_eq!(hex::encode(credential.signature), file["signatures"][0]["signature"].as_str().unwrap());

    let set = |name: &str| SetPublicKey::from_bytes(&bytes(&file[name]["key"])).unwrap();
    let verify = |set: &SetPublicKey, number: Scalar, case: &Value| {
        let signature = ValueSignature::from_bytes(&bytes(&case["signature"])).unwrap();
        verdict(set.verify(number, &signature))
    };
    let days = each(&file["day_set"]["signatures"], |case| {
        verify(&set("day_set"), Scalar::from_u64(case["number"].as_u64().unwrap()), case)
    });
    let tokens = each(&file["status"]["tokens"], |case| {
        let epoch = case["epoch"].as_u64().unwrap().try_into().unwrap();
        let number = status_token_number(case["handle"].as_u64().unwrap(), epoch);
        assert_eq!(number, scalar(&case["number"]));
        verify(&set("status"), number, case)
    });
    println!("{commitments} commitments, {signatures} signatures, {days} day signatures, {tokens} tokens");
}

/// The example of the specification is this credential.
#[test]
fn the_table_of_the_specification_has_these_numbers() {
    let file: Value = serde_json::from_slice(&fs::read(path()).unwrap()).unwrap();
    let text = fs::read_to_string(specs("zk-credential.md")).unwrap();
    let numbers = file["numbers"].as_array().unwrap();
    for (position, number) in numbers.iter().enumerate().skip(HIDDEN.len()) {
        let row = text.lines().find(|line| line.starts_with(&format!("| {position} | "))).unwrap();
        let number = number.as_str().unwrap();
        let small = u64::from_str_radix(&number[48..], 16).unwrap().to_string();
        let written = if number.starts_with(&"0".repeat(48)) { small } else { format!("0x{number}") };
        assert!(row.contains(&format!("`{written}`")), "{row} should have {written}");
    }
}

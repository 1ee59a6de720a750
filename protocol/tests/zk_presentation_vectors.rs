//! The vectors of specs/zk-presentation.md: made from a seed, compared with the file, and verified from it.
//!
//! `MID_WRITE_VECTORS=1 cargo test -p protocol --test zk_presentation_vectors` writes the file anew.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

use std::fs;
use std::path::Path;

use protocol::crypto::bbs::{self, PublicKey, SecretKey, Suite};
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::crypto::membership::{SetPublicKey, SetSecretKey, epoch_offset};
use protocol::crypto::public_set::SetParameters;
use protocol::disclosure::{
    Membership, Presented, Pseudonym, Statement, Witness, prove, pseudonym, verify, verify_batch,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/vectors/zk-presentation.json")
}

fn scalar_hex(scalar: Scalar) -> String {
    hex::encode(scalar.to_be_bytes())
}

fn case(name: &str, expect: &str, statement: &Statement<'_>, context: &[u8], proof: &[u8]) -> Value {
    let shown = statement.shown.iter().map(|(index, message)| json!({"index": index, "message": scalar_hex(*message)}));
    let memberships = statement.memberships.iter().map(|membership| {
        json!({
            "set": hex::encode(membership.set.as_bytes()),
            "message": membership.message,
            "coefficient": scalar_hex(membership.coefficient),
            "constant": scalar_hex(membership.constant),
            "base": hex::encode(membership.base.to_compressed()),
        })
    });
    let pseudonym = statement.pseudonym.map(|pseudonym| {
        json!({
            "scope": hex::encode(pseudonym.scope),
            "message": pseudonym.message,
            "value": hex::encode(pseudonym.value.to_compressed()),
        })
    });
    json!({
        "name": name,
        "expect": expect,
        "issuer": hex::encode(statement.issuer.as_bytes()),
        "header": hex::encode(statement.header),
        "message_count": statement.message_count,
        "shown": shown.collect::<Vec<_>>(),
        "memberships": memberships.collect::<Vec<_>>(),
        "pseudonym": pseudonym,
        "context": hex::encode(context),
        "proof": hex::encode(proof),
    })
}

/// All cases, from seeds alone.
fn make() -> Value {
    let issuer = SecretKey::generate(Suite::Sha256, &[1; 32], b"vectors").unwrap();
    let set = |purpose: &[u8]| SetSecretKey::generate(&[2; 32], purpose).unwrap();
    let (days, handles) = (set(b"days"), set(b"handles"));
    let parameters = SetParameters::generate(&[2; 32], b"sets", 7).unwrap();
    let mut messages: Vec<_> = (1..=8u8).map(|i| Scalar::from_be_bytes_wide(&[i; 48])).collect();
    for (index, value) in [(2, 9_000), (3, 5), (4, 21_400), (5, 77)] {
        messages[index] = Scalar::from_u64(value);
    }
    let (header, context) = (&b"zk-presentation vectors"[..], &b"verifier, nonce, purpose"[..]);
    let signature = bbs::sign(&issuer, header, &messages).unwrap();
    let one = Scalar::ONE;
    // Bitmaps of three classes that have one of the first two; the credential has the first and the third.
    let licensed = [1, 2, 3, 5, 6, 7];
    let base = parameters.base(&licensed).unwrap();
    let memberships = [
        Membership::signed(days.public_key(), 2, -one, Scalar::from_u64(13_560)),
        Membership::public(parameters.key(), 3, base),
        Membership::signed(days.public_key(), 4, one, -Scalar::from_u64(20_500)),
        Membership::signed(handles.public_key(), 5, one, epoch_offset(7)),
    ];
    let value = |m: &Membership<'_>| m.coefficient * messages[m.message] + m.constant;
    let value_signatures = [
        days.sign(value(&memberships[0])).unwrap(),
        parameters.witness(&licensed, 5).unwrap(),
        days.sign(value(&memberships[2])).unwrap(),
        handles.sign(value(&memberships[3])).unwrap(),
    ];
    let shown = [(1, messages[1]), (6, messages[6])];
    let (scope, value) = (&b"shop, 2026"[..], pseudonym(b"shop, 2026", &messages[0]));
    let full = Statement {
        issuer: issuer.public_key(),
        header,
        message_count: messages.len(),
        shown: &shown,
        memberships: &memberships,
        pseudonym: Some(Pseudonym { scope, message: 0, value }),
    };
    let proof = |statement: &Statement<'_>, context: &[u8], seed| {
        let count = statement.memberships.len();
        let witness =
            Witness { signature: &signature, messages: &messages, value_signatures: &value_signatures[..count] };
        prove(statement, &witness, context, &mut ChaCha20Rng::seed_from_u64(seed)).unwrap()
    };
    let bbs_only = Statement { shown: &[], memberships: &[], pseudonym: None, ..full };
    let age = Statement { memberships: &memberships[..1], pseudonym: None, ..full };
    let mut cases = vec![
        case("nothing shown, nothing claimed", "accepted", &bbs_only, b"", &proof(&bbs_only, b"", 1)),
        case("of age", "accepted", &age, context, &proof(&age, context, 2)),
    ];
    let good = proof(&full, context, 3);
    let mut full_case = |name: &str, expect: &str, statement: &Statement<'_>, context: &[u8], proof: &[u8]| {
        cases.push(case(name, expect, statement, context, proof));
    };
    full_case("of age, licensed, unexpired, not withdrawn, pseudonym", "accepted", &full, context, &good);
    full_case("another context", "ProofInvalid", &full, b"another", &good);
    let mut later = memberships;
    later[0].constant += one;
    full_case("a bound one day later", "ProofInvalid", &Statement { memberships: &later, ..full }, context, &good);
    let mut swapped = memberships;
    swapped.swap(0, 2);
    full_case(
        "predicates in another order",
        "ProofInvalid",
        &Statement { memberships: &swapped, ..full },
        context,
        &good,
    );
    let mut epoch = memberships;
    epoch[3].constant = epoch_offset(8);
    full_case("another epoch", "ProofInvalid", &Statement { memberships: &epoch, ..full }, context, &good);
    let mut other_set = memberships;
    other_set[1].base = parameters.base(&[1, 3, 5, 7]).unwrap();
    full_case("another public set", "ProofInvalid", &Statement { memberships: &other_set, ..full }, context, &good);
    let mut vacuous = memberships;
    vacuous[0].coefficient = Scalar::ZERO;
    full_case(
        "a predicate about nothing",
        "PredicateVacuous",
        &Statement { memberships: &vacuous, ..full },
        context,
        &good,
    );
    let mut about_shown = memberships;
    about_shown[0].message = 1;
    full_case(
        "a predicate about a shown message",
        "IndexInvalid",
        &Statement { memberships: &about_shown, ..full },
        context,
        &good,
    );
    let unsorted = [shown[1], shown[0]];
    full_case("shown messages out of order", "IndexInvalid", &Statement { shown: &unsorted, ..full }, context, &good);
    let other = Pseudonym { scope, message: 0, value: pseudonym(b"shop, 2027", &messages[0]) };
    full_case(
        "another scope's pseudonym",
        "ProofInvalid",
        &Statement { pseudonym: Some(other), ..full },
        context,
        &good,
    );
    full_case("one byte short", "ProofLength", &full, context, &good[..good.len() - 1]);
    full_case("one byte long", "ProofLength", &full, context, &[&good[..], &[0]].concat());
    let replaced = |offset: usize, field: &[u8]| {
        let mut proof = good.clone();
        proof[offset..offset + field.len()].copy_from_slice(field);
        proof
    };
    let identity = [&[0xc0][..], &[0; 47]].concat();
    let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001").unwrap();
    full_case("Abar is the identity", "IdentityPoint", &full, context, &replaced(0, &identity));
    full_case("Abar is no point", "InvalidPoint", &full, context, &replaced(0, &[0; 48]));
    full_case("a response is zero", "ScalarOutOfRange", &full, context, &replaced(144, &[0; 32]));
    full_case("a response is the group order", "ScalarOutOfRange", &full, context, &replaced(144, &order));
    let part = good.len() - 128;
    full_case("A′ is the identity", "IdentityPoint", &full, context, &replaced(part, &identity));
    full_case("a membership part twice", "ProofInvalid", &full, context, &replaced(part, &good[part - 128..part]));
    let public_set = |values: &[u64]| json!({ "values": values, "base": hex::encode(parameters.base(values).unwrap().to_compressed()) });
    let public_sets = json!({
        "parameters": hex::encode(parameters.to_bytes()),
        "sets": [public_set(&[]), public_set(&[5]), public_set(&licensed), public_set(&[0, 1, 2, 3, 4, 5, 6])],
        "witness": {
            "values": licensed,
            "member": 5,
            "point": hex::encode(parameters.witness(&licensed, 5).unwrap().to_bytes()),
        },
    });
    json!({
        "suite": "BLS12381-SHA-256",
        "specification": "specs/zk-presentation.md",
        "public_sets": public_sets,
        "cases": cases,
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_be_bytes(&bytes(value).try_into().unwrap()).unwrap()
}

fn index(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

/// The verdict on a case as it stands in the file.
fn verdict(case: &Value) -> String {
    let issuer = PublicKey::from_bytes(Suite::Sha256, &bytes(&case["issuer"])).unwrap();
    let header = bytes(&case["header"]);
    let shown: Vec<_> =
        case["shown"].as_array().unwrap().iter().map(|s| (index(&s["index"]), scalar(&s["message"]))).collect();
    let list = case["memberships"].as_array().unwrap();
    let sets: Vec<_> = list.iter().map(|m| SetPublicKey::from_bytes(&bytes(&m["set"])).unwrap()).collect();
    let memberships: Vec<_> = list
        .iter()
        .zip(&sets)
        .map(|(m, set)| Membership {
            set,
            message: index(&m["message"]),
            coefficient: scalar(&m["coefficient"]),
            constant: scalar(&m["constant"]),
            base: G1Affine::from_compressed(&bytes(&m["base"]).try_into().unwrap()).unwrap(),
        })
        .collect();
    let scope = case["pseudonym"].is_object().then(|| bytes(&case["pseudonym"]["scope"]));
    let pseudonym = scope.as_ref().map(|scope| Pseudonym {
        scope,
        message: index(&case["pseudonym"]["message"]),
        value: G1Affine::from_compressed(&bytes(&case["pseudonym"]["value"]).try_into().unwrap()).unwrap(),
    });
    let message_count = index(&case["message_count"]);
    let statement = Statement {
        issuer: &issuer,
        header: &header,
        message_count,
        shown: &shown,
        memberships: &memberships,
        pseudonym,
    };
    let (context, proof) = (bytes(&case["context"]), bytes(&case["proof"]));
    let verdict = verify(&statement, &context, &proof);
    assert_eq!(verify_batch(&[Presented { statement, context: &context, proof: &proof }]), [verdict]);
    verdict.map_or_else(|error| format!("{error:?}"), |()| "accepted".to_owned())
}

#[test]
fn the_file_is_what_the_seeds_make_and_every_case_gets_its_verdict() {
    let made = make();
    if std::env::var_os("MID_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path().parent().unwrap()).unwrap();
        fs::write(path(), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let file: Value = serde_json::from_slice(&fs::read(path()).unwrap()).unwrap();
    assert!(
        file == made,
        "the proofs changed; if that is intended, set MID_WRITE_VECTORS and say so in the specification"
    );
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        assert_eq!(verdict(case), case["expect"].as_str().unwrap(), "{}", case["name"]);
    }
    println!("{} vectors", cases.len());
}

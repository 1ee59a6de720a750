//! Every published vector of draft-irtf-cfrg-bbs-signatures, both ciphersuites.
//!
//! The vectors are read from `$MID_VECTORS/bbs` or `../shared/vectors/bbs` beside the workspace.

#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::crypto::bbs::hazmat::prove_as_drawn;
use protocol::crypto::bbs::{
    BbsError, Proof, ProofCheck, PublicKey, SecretKey, Signature, Suite, sign, verify, verify_proof, verify_proofs,
};
use protocol::crypto::curve::Scalar;
use serde_json::Value;
use vectors::Given;

/// The draft's mocked generator: one stretched seed, handed out in order.
fn mocked_rng(suite: Suite, seed: &[u8], scalars: usize) -> Given {
    let mut stream = vec![0; 48 * scalars];
    let dst = [suite.api_id(), b"MOCK_RANDOM_SCALARS_DST_"].concat();
    suite.expander().expand(seed, &dst, &mut stream);
    Given(stream)
}

fn suites() -> Vec<(Suite, PathBuf)> {
    let Some(folder) = vectors::at("bbs") else { return Vec::new() };
    vec![(Suite::Sha256, folder.join("bls12-381-sha-256")), (Suite::Shake256, folder.join("bls12-381-shake-256"))]
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn read_all(folder: &Path) -> BTreeMap<String, Value> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_be_bytes(&bytes(value).try_into().unwrap()).unwrap()
}

fn messages(suite: Suite, value: &Value) -> Vec<Scalar> {
    value.as_array().unwrap().iter().map(|message| suite.message_to_scalar(&bytes(message))).collect()
}

#[test]
fn key_pairs() {
    for (suite, folder) in suites() {
        let vector = read(&folder.join("keypair.json"));
        let key = SecretKey::generate(suite, &bytes(&vector["keyMaterial"]), &bytes(&vector["keyInfo"])).unwrap();
        assert_eq!(key.expose_bytes().to_vec(), bytes(&vector["keyPair"]["secretKey"]));
        assert_eq!(key.public_key().as_bytes().to_vec(), bytes(&vector["keyPair"]["publicKey"]));
        println!("{suite:?}: key pair");
    }
}

#[test]
fn hashes_and_generators() {
    for (suite, folder) in suites() {
        let vector = read(&folder.join("h2s.json"));
        assert_eq!(vector["dst"], hex::encode([suite.api_id(), b"H2S_"].concat()));
        assert_eq!(suite.hash_to_scalar(&bytes(&vector["message"])), scalar(&vector["scalar"]));

        let vector = read(&folder.join("MapMessageToScalarAsHash.json"));
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            assert_eq!(suite.message_to_scalar(&bytes(&case["message"])), scalar(&case["scalar"]));
        }

        let vector = read(&folder.join("generators.json"));
        assert_eq!(suite.base_point().to_compressed().to_vec(), bytes(&vector["P1"]));
        let expected = vector["MsgGenerators"].as_array().unwrap();
        let generators = suite.generators(expected.len()).unwrap();
        assert_eq!(generators[0].to_compressed().to_vec(), bytes(&vector["Q1"]));
        for (generator, expected) in generators[1..].iter().zip(expected) {
            assert_eq!(generator.to_compressed().to_vec(), bytes(expected));
        }

        let vector = read(&folder.join("mockedRng.json"));
        let expected = vector["mockedScalars"].as_array().unwrap();
        let mut rng = mocked_rng(suite, &bytes(&vector["seed"]), expected.len());
        for expected in expected {
            assert_eq!(Scalar::random(&mut rng), scalar(expected));
        }
        println!("{suite:?}: h2s, {} mapped messages, generators, mocked scalars", cases.len());
    }
}

#[test]
fn signatures() {
    for (suite, folder) in suites() {
        let (mut valid, mut refused) = (0, 0);
        for (name, vector) in read_all(&folder.join("signature")) {
            let secret = bytes(&vector["signerKeyPair"]["secretKey"]).try_into().unwrap();
            let key = SecretKey::from_bytes(suite, &secret).unwrap();
            let public = PublicKey::from_bytes(suite, &bytes(&vector["signerKeyPair"]["publicKey"])).unwrap();
            let header = bytes(&vector["header"]);
            let messages = messages(suite, &vector["messages"]);
            let signature = Signature::from_bytes(&bytes(&vector["signature"])).unwrap();
            assert_eq!(signature.to_bytes().to_vec(), bytes(&vector["signature"]), "{name}");
            let verdict = verify(&public, &signature, &header, &messages);
            if vector["result"]["valid"] == true {
                assert_eq!(verdict, Ok(()), "{name}");
                assert_eq!(sign(&key, &header, &messages).unwrap(), signature, "{name}");
                valid += 1;
            } else {
                assert_eq!(verdict, Err(BbsError::SignatureInvalid), "{name}: {}", vector["result"]["reason"]);
                refused += 1;
            }
        }
        assert_eq!(valid + refused, 10);
        println!("{suite:?}: {valid} signatures hold, {refused} refused");
    }
}

#[test]
fn proofs() {
    for (suite, folder) in suites() {
        let (mut valid, mut refused) = (0, 0);
        let mocked = read(&folder.join("mockedRng.json"));
        let vectors = read_all(&folder.join("proof"));
        for (name, vector) in &vectors {
            let key = PublicKey::from_bytes(suite, &bytes(&vector["signerPublicKey"])).unwrap();
            let (header, context) = (bytes(&vector["header"]), bytes(&vector["presentationHeader"]));
            let messages = messages(suite, &vector["messages"]);
            let indexes: Vec<_> =
                vector["disclosedIndexes"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize).collect();
            let shown: Vec<_> = indexes.iter().filter_map(|i| Some((*i, *messages.get(*i)?))).collect();
            let proof = bytes(&vector["proof"]);
            assert_eq!(Proof::from_bytes(&proof).unwrap().to_bytes(), proof, "{name}");
            let check =
                ProofCheck { key: &key, proof: &proof, header: &header, presentation_header: &context, shown: &shown };
            let verdict = verify_proof(&check);
            assert_eq!(verify_proofs(&[check]), [verdict], "{name}");
            if vector["result"]["valid"] == true {
                assert_eq!(verdict, Ok(()), "{name}");
                let signature = Signature::from_bytes(&bytes(&vector["signature"])).unwrap();
                let hidden = messages.len() - indexes.len();
                let mut rng = mocked_rng(suite, &bytes(&mocked["seed"]), 5 + hidden);
                let made = prove_as_drawn(&key, &signature, &header, &context, &messages, &indexes, &mut rng).unwrap();
                assert_eq!(made.to_bytes(), bytes(&vector["proof"]), "{name}");
                valid += 1;
            } else {
                let expected = [Err(BbsError::ProofInvalid), Err(BbsError::IndexInvalid)];
                assert!(expected.contains(&verdict), "{name}: {} {verdict:?}", vector["result"]["reason"]);
                refused += 1;
            }
        }
        assert_eq!(valid + refused, 15);
        println!("{suite:?}: {valid} proofs hold and were made again, {refused} refused");
    }
}

//! zkryptium and we accept each other's signatures and proofs, and refuse each other's broken ones.
#![allow(clippy::unwrap_used)] // a peer that fails must stop the test

use protocol::crypto::bbs::{ProofCheck, SecretKey, Signature, Suite, prove, sign, verify, verify_proof};
use protocol::crypto::curve::Scalar;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use zkryptium::bbsplus::ciphersuites::{Bls12381Sha256, Bls12381Shake256};
use zkryptium::bbsplus::keys::{BBSplusPublicKey, BBSplusSecretKey};
use zkryptium::keys::pair::KeyPair;
use zkryptium::schemes::algorithms::BBSplus;
use zkryptium::schemes::generics::{PoKSignature, Signature as PeerSignature};

const HEADER: &[u8] = b"header";
const CONTEXT: &[u8] = b"presentation header";

fn check_ours(ours: &SecretKey, proof: &[u8], context: &[u8], shown: &[(usize, Scalar)]) -> bool {
    let (key, presentation_header) = (ours.public_key(), context);
    verify_proof(&ProofCheck { key, proof, header: HEADER, presentation_header, shown }).is_ok()
}

/// A macro, because the peer's suites are types bounded by a trait of a crate we do not import.
macro_rules! both_ways {
    ($suite:expr, $peer:ty) => {
        let ours = SecretKey::generate($suite, &[9; 32], b"peers").unwrap();
        let theirs = KeyPair::<$peer>::generate(&[9; 32], Some(b"peers"), None).unwrap();
        assert_eq!(theirs.private_key().to_bytes(), *ours.expose_bytes());
        let secret = BBSplusSecretKey::from_bytes(ours.expose_bytes().as_ref()).unwrap();
        let public = BBSplusPublicKey::from_bytes(ours.public_key().as_bytes()).unwrap();

        for count in [1usize, 5, 16] {
            let texts: Vec<_> = (0..count).map(|i| format!("message {i}").into_bytes()).collect();
            let messages: Vec<_> = texts.iter().map(|text| $suite.message_to_scalar(text)).collect();
            let signature = sign(&ours, HEADER, &messages).unwrap();
            let peer = PeerSignature::<$peer>::sign(Some(&texts), &secret, &public, Some(HEADER)).unwrap();
            assert_eq!(peer.to_bytes(), signature.to_bytes());
            peer.verify(&public, Some(&texts), Some(HEADER)).unwrap();
            assert!(peer.verify(&public, Some(&texts), Some(b"other")).is_err());
            let peer = Signature::from_bytes(&peer.to_bytes()).unwrap();
            assert!(verify(ours.public_key(), &peer, HEADER, &messages).is_ok());
            assert!(verify(ours.public_key(), &peer, b"other", &messages).is_err());

            let indexes: Vec<_> = (0..count).step_by(3).collect();
            let shown: Vec<_> = indexes.iter().map(|i| (*i, messages[*i])).collect();
            let shown_texts: Vec<_> = indexes.iter().map(|i| texts[*i].clone()).collect();
            let mut rng = ChaCha20Rng::seed_from_u64(count as u64);
            let made = prove(ours.public_key(), &signature, HEADER, CONTEXT, &messages, &indexes, &mut rng).unwrap();
            let peer = PoKSignature::<$peer>::proof_gen(
                &public,
                &signature.to_bytes(),
                Some(HEADER),
                Some(CONTEXT),
                Some(&texts),
                Some(&indexes),
            );
            for proof in [made.to_bytes(), peer.unwrap().to_bytes()] {
                for (context, expected) in [(CONTEXT, true), (b"other", false)] {
                    let decoded = PoKSignature::<$peer>::from_bytes(&proof).unwrap();
                    let theirs =
                        decoded.proof_verify(&public, Some(&shown_texts), Some(&indexes), Some(HEADER), Some(context));
                    assert_eq!(theirs.is_ok(), expected);
                    assert_eq!(check_ours(&ours, &proof, context, &shown), expected);
                }
            }
        }
    };
}

#[test]
fn sha256_suites_agree() {
    both_ways!(Suite::Sha256, BBSplus<Bls12381Sha256>);
}

#[test]
fn shake256_suites_agree() {
    both_ways!(Suite::Shake256, BBSplus<Bls12381Shake256>);
}

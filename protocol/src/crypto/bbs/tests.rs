//! Refusals of keys, signatures, proofs and commitments, each beside its valid twin.

use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

use super::blind::{self, Issuance};
use super::*;
use crate::crypto::curve::{G1, G1Affine, Scalar};

const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
const HEADER: &[u8] = b"header";
const CONTEXT: &[u8] = b"context";

fn key(seed: u8) -> SecretKey {
    SecretKey::generate(Suite::Sha256, &[seed; 32], b"test").unwrap()
}

fn messages(count: u64) -> Vec<Scalar> {
    (0..count).map(|i| Scalar::from_u64(i * 1000 + 7)).collect()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

/// A generator that always answers with the same byte.
pub(crate) struct StuckRng(pub(crate) u8);

impl rand_core::TryRng for StuckRng {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes([self.0; 8]))
    }
    fn try_fill_bytes(&mut self, output: &mut [u8]) -> Result<(), Self::Error> {
        output.fill(self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for StuckRng {}

fn prove_with<R: CryptoRng>(rng: &mut R) -> Result<Proof, BbsError> {
    let (key, messages) = (key(1), messages(6));
    let signature = sign(&key, HEADER, &messages).unwrap();
    prove(key.public_key(), &signature, HEADER, CONTEXT, &messages, &[1, 4], rng)
}

fn check(proof: &[u8], header: &[u8], context: &[u8], shown: &[(usize, Scalar)]) -> Result<(), BbsError> {
    let key = key(1);
    let check = ProofCheck { key: key.public_key(), proof, header, presentation_header: context, shown };
    let verdict = verify_proof(&check);
    assert_eq!(verify_proofs(&[check, check]), [verdict, verdict]);
    verdict
}

fn shown() -> [(usize, Scalar); 2] {
    [(1, messages(6)[1]), (4, messages(6)[4])]
}

#[test]
fn weak_key_material_is_refused() {
    assert!(SecretKey::generate(Suite::Sha256, &[1; 32], b"").is_ok());
    for material in [&[1u8; 31][..], &[0; 32], &[0; 64], &[]] {
        assert_eq!(SecretKey::generate(Suite::Sha256, material, b"").unwrap_err(), BbsError::WeakKeyMaterial);
    }
    assert_eq!(SecretKey::generate(Suite::Sha256, &[1; 32], &vec![0; 65_536]).unwrap_err(), BbsError::KeyInfoTooLong);
    assert_eq!(SecretKey::from_bytes(Suite::Sha256, &[0; 32]).unwrap_err(), BbsError::ScalarOutOfRange);
    assert_eq!(SecretKey::from_bytes(Suite::Sha256, &[0xff; 32]).unwrap_err(), BbsError::ScalarOutOfRange);
    assert_eq!(format!("{:?}", key(1)), "SecretKey([redacted])");
}

#[test]
fn bad_public_keys_are_refused() {
    let good = *key(1).public_key().as_bytes();
    assert!(PublicKey::from_bytes(Suite::Sha256, &good).is_ok());
    let mut identity = [0u8; 96];
    identity[0] = 0xc0;
    let mut uncompressed = good;
    uncompressed[0] &= 0x7f;
    let mut off_curve = good;
    off_curve[95] ^= 1;
    let mut infinity_flag = good;
    infinity_flag[0] |= 0x40;
    // x = 2: on the curve of G2, outside the subgroup.
    let outside = (0..=255u8)
        .map(|x| {
            let mut bytes = [0u8; 96];
            (bytes[0], bytes[95]) = (0x80, x);
            bytes
        })
        .find(|bytes| crate::crypto::curve::G2Affine::from_compressed(bytes) == Err(CurveError::PointNotInSubgroup))
        .unwrap();
    for bytes in [&identity[..], &uncompressed, &off_curve, &infinity_flag, &outside, &good[..95]] {
        assert_eq!(PublicKey::from_bytes(Suite::Sha256, bytes), Err(BbsError::InvalidPublicKey));
    }
}

#[test]
fn bad_signatures_are_refused() {
    let (other, key, messages) = (key(2), key(1), messages(3));
    let signature = sign(&key, HEADER, &messages).unwrap();
    let good = signature.to_bytes();
    assert_eq!(verify(key.public_key(), &Signature::from_bytes(&good).unwrap(), HEADER, &messages), Ok(()));
    let with_e = |e: &[u8]| [&good[..48], e].concat();
    let mut identity = good;
    identity[..48].fill(0);
    identity[0] = 0xc0;
    assert_eq!(Signature::from_bytes(&identity), Err(BbsError::IdentityPoint));
    for e in [&[0u8; 32][..], &hex::decode(ORDER).unwrap(), &plus_order(&good[48..]), &[0xff; 32]] {
        assert_eq!(Signature::from_bytes(&with_e(e)), Err(BbsError::ScalarOutOfRange));
    }
    let mut too_big = good;
    too_big[..48].fill(0xff);
    too_big[0] = 0x9f;
    let mut flagged = good;
    flagged[0] |= 0x40;
    for bytes in [too_big, flagged] {
        assert_eq!(Signature::from_bytes(&bytes), Err(BbsError::InvalidPoint));
    }
    let outside = outside_subgroup();
    assert_eq!(Signature::from_bytes(&[&outside[..], &good[48..]].concat()), Err(BbsError::InvalidPoint));
    assert_eq!(Signature::from_bytes(&good[..79]), Err(BbsError::SignatureLength));
    let changed = Signature::from_bytes(&with_e(&Scalar::from_u64(5).to_be_bytes())).unwrap();
    assert_eq!(verify(key.public_key(), &changed, HEADER, &messages), Err(BbsError::SignatureInvalid));
    assert_eq!(verify(key.public_key(), &signature, b"other", &messages), Err(BbsError::SignatureInvalid));
    assert_eq!(verify(other.public_key(), &signature, HEADER, &messages), Err(BbsError::SignatureInvalid));
    assert_eq!(sign(&key, HEADER, &vec![Scalar::ONE; 257]), Err(BbsError::TooManyMessages));
}

/// e + r: the twin of a scalar that a careless decoder would reduce.
fn plus_order(bytes: &[u8]) -> Vec<u8> {
    let mut sum = hex::decode(ORDER).unwrap();
    let mut carry = 0;
    for (byte, other) in sum.iter_mut().zip(bytes).rev() {
        let value = u16::from(*byte) + u16::from(*other) + carry;
        (*byte, carry) = (value as u8, value >> 8);
    }
    sum
}

/// A compressed point on the curve of G1, outside the subgroup.
pub(crate) fn outside_subgroup() -> [u8; 48] {
    (0..=255u8)
        .map(|x| {
            let mut bytes = [0u8; 48];
            (bytes[0], bytes[47]) = (0x80, x);
            bytes
        })
        .find(|bytes| G1Affine::from_compressed(bytes) == Err(CurveError::PointNotInSubgroup))
        .unwrap()
}

#[test]
fn bad_proofs_are_refused() {
    let good = prove_with(&mut rng()).unwrap().to_bytes();
    assert_eq!(check(&good, HEADER, CONTEXT, &shown()), Ok(()));
    for length in [0, 271, good.len() - 1, good.len() + 1] {
        let mut bytes = good.clone();
        bytes.resize(length, 1);
        assert_eq!(check(&bytes, HEADER, CONTEXT, &shown()), Err(BbsError::ProofLength), "{length}");
    }
    let replaced = |offset: usize, field: &[u8]| {
        let mut bytes = good.clone();
        bytes[offset..offset + field.len()].copy_from_slice(field);
        check(&bytes, HEADER, CONTEXT, &shown())
    };
    let mut identity = [0u8; 48];
    identity[0] = 0xc0;
    for offset in [0, 48, 96] {
        assert_eq!(replaced(offset, &identity), Err(BbsError::IdentityPoint));
        assert_eq!(replaced(offset, &outside_subgroup()), Err(BbsError::InvalidPoint));
    }
    for offset in (144..good.len()).step_by(32) {
        assert_eq!(replaced(offset, &[0; 32]), Err(BbsError::ScalarOutOfRange));
        assert_eq!(replaced(offset, &hex::decode(ORDER).unwrap()), Err(BbsError::ScalarOutOfRange));
        assert_eq!(replaced(offset, &Scalar::from_u64(9).to_be_bytes()), Err(BbsError::ProofInvalid));
    }
    assert_eq!(check(&good, b"other", CONTEXT, &shown()), Err(BbsError::ProofInvalid));
    assert_eq!(check(&good, HEADER, b"other", &shown()), Err(BbsError::ProofInvalid));
    assert_eq!(check(&good, HEADER, CONTEXT, &shown()[..1]), Err(BbsError::ProofInvalid));
    let [first, second] = shown();
    for indexes in [[second, first], [first, first], [first, (6, second.1)]] {
        assert_eq!(check(&good, HEADER, CONTEXT, &indexes), Err(BbsError::IndexInvalid));
    }
    assert_eq!(check(&good, HEADER, CONTEXT, &[first, (5, second.1)]), Err(BbsError::ProofInvalid));
}

/// The sigma part of a proof about A' = x·G, B' = y·G can be made to hold without a signature; only the
/// pairing refuses it.
#[test]
fn a_proof_without_a_signature_is_refused_by_the_pairing() {
    let (key, messages) = (key(1), messages(4));
    let forged = Signature { a: G1Affine::generator(), e: Scalar::from_u64(3) };
    let proof = prove(key.public_key(), &forged, HEADER, CONTEXT, &messages, &[0], &mut rng()).unwrap();
    let shown = [(0, messages[0])];
    let forged = ProofCheck {
        key: key.public_key(),
        proof: &proof.to_bytes(),
        header: HEADER,
        presentation_header: CONTEXT,
        shown: &shown,
    };
    assert_eq!(verify_proof(&forged), Err(BbsError::ProofInvalid));
    let signature = sign(&key, HEADER, &messages).unwrap();
    let proof = prove(key.public_key(), &signature, HEADER, CONTEXT, &messages, &[0], &mut rng()).unwrap();
    let good = ProofCheck { proof: &proof.to_bytes(), ..forged };
    assert_eq!(verify_proofs(&[good, forged, good]), [Ok(()), Err(BbsError::ProofInvalid), Ok(())]);
    let other = ProofCheck { presentation_header: b"other", ..good };
    assert_eq!(verify_proofs(&[other, good]), [Err(BbsError::ProofInvalid), Ok(())]);
}

#[test]
fn a_stuck_generator_is_refused() {
    assert!(prove_with(&mut rng()).is_ok());
    for byte in [0, 1, 0xff] {
        assert_eq!(prove_with(&mut StuckRng(byte)).unwrap_err(), BbsError::RngFailure);
    }
}

#[test]
fn blind_issuance_yields_an_ordinary_signature() {
    let (issuer, messages) = (key(1), messages(6));
    let issuance =
        Issuance { issuer: issuer.public_key(), header: HEADER, message_count: 6, hidden: &[0, 3], nonce: b"nonce" };
    let hidden = [messages[0], messages[3]];
    let clear: Vec<_> = [1, 2, 4, 5].map(|i| (i, messages[i])).into();
    let commitment = blind::commit(&issuance, &hidden, &mut rng()).unwrap();
    assert_eq!(commitment.len(), issuance.commitment_length());
    let signature = blind::sign(&issuer, &issuance, &commitment, &clear).unwrap();
    assert_eq!(verify(issuer.public_key(), &signature, HEADER, &messages), Ok(()));

    // Whatever is right in all else is signed if the second check accepts the commitment.
    let sign = |issuance: &Issuance<'_>, commitment: &[u8], clear: &[(usize, Scalar)]| {
        let verdict = blind::sign(&issuer, issuance, commitment, clear).map(|_| ());
        let about_the_rest = matches!(verdict, Err(BbsError::InvalidPublicKey | BbsError::IndexInvalid));
        assert!(about_the_rest || blind_oracle::accepts(issuance, commitment) == verdict.is_ok(), "{verdict:?}");
        verdict
    };
    assert_eq!(sign(&issuance, &commitment, &clear), Ok(()));
    for changed in [
        Issuance { header: b"other", ..issuance },
        Issuance { nonce: b"other", ..issuance },
        Issuance { message_count: 7, ..issuance },
    ] {
        let clear: Vec<_> = (0..changed.message_count)
            .filter(|i| !changed.hidden.contains(i))
            .map(|i| (i, Scalar::from_u64(i as u64)))
            .collect();
        assert_eq!(sign(&changed, &commitment, &clear), Err(BbsError::CommitmentInvalid));
    }
    let other = key(2);
    let elsewhere = Issuance { issuer: other.public_key(), ..issuance };
    assert_eq!(sign(&elsewhere, &commitment, &clear), Err(BbsError::InvalidPublicKey));
    assert_eq!(blind::sign(&other, &elsewhere, &commitment, &clear).map(|_| ()), Err(BbsError::CommitmentInvalid));
    assert_eq!(sign(&issuance, &commitment[..commitment.len() - 1], &clear), Err(BbsError::CommitmentLength));
    assert_eq!(sign(&issuance, &commitment, &clear[..3]), Err(BbsError::IndexInvalid));
    for hidden in [&[3, 0][..], &[3, 3], &[0, 6], &[]] {
        let changed = Issuance { hidden, ..issuance };
        assert_eq!(sign(&changed, &commitment, &clear), Err(BbsError::IndexInvalid));
    }
    for offset in 0..commitment.len() {
        let mut changed = commitment.clone();
        changed[offset] ^= 1;
        assert!(sign(&issuance, &changed, &clear).is_err(), "{offset}");
    }
    assert_eq!(blind::commit(&issuance, &hidden, &mut StuckRng(7)), Err(BbsError::RngFailure));
    assert_eq!(blind::commit(&issuance, &hidden[..1], &mut rng()), Err(BbsError::IndexInvalid));
}

/// Commitments of every shape get the same from both checks, and what a cheat sends without a proof from neither.
#[test]
fn issu_06_both_checks_of_a_commitment_agree() {
    let (issuer, generators) = (key(1), Suite::Sha256.generators(8).unwrap());
    for (round, hidden) in [&[0][..], &[0, 1], &[7], &[1, 4, 6], &[0, 1, 2, 3, 4, 5, 6, 7]].into_iter().enumerate() {
        let nonce = &[round as u8; 40][..round * 8];
        let issuance = Issuance { issuer: issuer.public_key(), header: HEADER, message_count: 8, hidden, nonce };
        let all = messages(8);
        let secrets: Vec<_> = hidden.iter().map(|index| all[*index]).collect();
        let clear: Vec<_> = (0..8).filter(|i| !hidden.contains(i)).map(|i| (i, all[i])).collect();
        let agree = |bytes: &[u8]| {
            let verdict = blind::sign(&issuer, &issuance, bytes, &clear).map(|_| ());
            assert_eq!(blind_oracle::accepts(&issuance, bytes), verdict.is_ok(), "{verdict:?}");
            verdict
        };
        let good = blind::commit(&issuance, &secrets, &mut rng()).unwrap();
        assert_eq!(agree(&good), Ok(()));
        // Another point with the same proof: more of a hidden number, or some of a clear one.
        for generator in &generators {
            let shifted = G1::from(G1Affine::from_compressed(good[..48].try_into().unwrap()).unwrap()) + *generator;
            let bytes = [&shifted.to_affine().to_compressed(), &good[48..]].concat();
            assert_eq!(agree(&bytes), Err(BbsError::CommitmentInvalid));
        }
        // A proof for a challenge that was chosen before: the simulator's, without the hash.
        let (c, s) = (Scalar::from_u64(9), Scalar::from_u64(5));
        let mut simulated = generators[3].to_compressed().to_vec();
        simulated.extend([c].iter().chain(hidden.iter().map(|_| &s)).flat_map(|scalar| scalar.to_be_bytes()));
        assert_eq!(agree(&simulated), Err(BbsError::CommitmentInvalid));
        for offset in (0..good.len()).step_by(5) {
            let mut changed = good.clone();
            changed[offset] ^= 1 << (offset % 8);
            assert!(agree(&changed).is_err(), "{offset}");
        }
    }
}

/// A holder that answers for a point it has not built from the hidden generators alone is refused.
#[test]
fn a_commitment_to_clear_messages_is_refused() {
    let (issuer, messages) = (key(1), messages(3));
    let issuance =
        Issuance { issuer: issuer.public_key(), header: HEADER, message_count: 3, hidden: &[0], nonce: b"nonce" };
    let mut commitment = blind::commit(&issuance, &messages[..1], &mut rng()).unwrap();
    let clear = [(1, messages[1]), (2, messages[2])];
    assert!(blind::sign(&issuer, &issuance, &commitment, &clear).is_ok());
    let point = G1Affine::from_compressed(commitment[..48].try_into().unwrap()).unwrap();
    let shifted = G1::from(point) + message_base(Suite::Sha256, 1).multiply(&Scalar::ONE);
    commitment[..48].copy_from_slice(&shifted.to_affine().to_compressed());
    assert_eq!(blind::sign(&issuer, &issuance, &commitment, &clear), Err(BbsError::CommitmentInvalid));
}

/// What two answers to one first move give away: the hidden message.
fn extracted(one: &[u8], other: &[u8], challenge: usize, response: usize) -> Scalar {
    let scalar = |bytes: &[u8], at: usize| Scalar::from_be_bytes(bytes[at..at + 32].try_into().unwrap()).unwrap();
    let difference = |at| scalar(one, at) - scalar(other, at);
    difference(response) * difference(challenge).invert().unwrap()
}

/// A machine that was restored asks for a credential again, for another nonce. With the same blinding the issuer would have
/// the link secret.
#[test]
fn issu_18_a_generator_that_is_set_back_blinds_another_issuance_anew() {
    let (issuer, messages) = (key(1), messages(6));
    let issuance =
        Issuance { issuer: issuer.public_key(), header: HEADER, message_count: 6, hidden: &[0, 3], nonce: b"nonce" };
    let commit = |issuance: &Issuance<'_>| {
        let secrets = [messages[0], messages[3]];
        let (made, left) = crate::freed::searched(&secrets, || blind::commit(issuance, &secrets, &mut rng()));
        assert_eq!(left, 0, "nothing stays in memory");
        made.unwrap()
    };
    let first = commit(&issuance);
    assert_eq!(first, commit(&issuance), "the same question, the same answer");
    let other_key = key(2);
    for changed in [
        Issuance { nonce: b"other", ..issuance },
        Issuance { header: b"other", ..issuance },
        Issuance { message_count: 7, ..issuance },
        Issuance { issuer: other_key.public_key(), ..issuance },
    ] {
        let second = commit(&changed);
        assert_eq!(first[..48], second[..48]);
        assert_ne!(extracted(&first, &second, 48, 80), messages[0]);
        assert_ne!(extracted(&first, &second, 48, 112), messages[3]);
    }
}

/// The same for a proof of the draft, and what it looks like with blinding as it is drawn.
#[test]
fn a_generator_that_is_set_back_blinds_another_proof_anew() {
    let (key, messages) = (key(1), messages(6));
    let signature = sign(&key, HEADER, &messages).unwrap();
    let extract = |one: Proof, other: Proof| {
        let [one, other] = [one, other].map(|proof| proof.to_bytes());
        extracted(&one, &other, one.len() - 32, 240)
    };
    let made = |context: &[u8]| prove(key.public_key(), &signature, HEADER, context, &messages, &[1, 4], &mut rng());
    assert_ne!(extract(made(CONTEXT).unwrap(), made(b"other").unwrap()), messages[0]);
    let drawn = |context: &[u8]| {
        hazmat::prove_as_drawn(key.public_key(), &signature, HEADER, context, &messages, &[1, 4], &mut rng())
    };
    assert_eq!(extract(drawn(CONTEXT).unwrap(), drawn(b"other").unwrap()), messages[0]);
}

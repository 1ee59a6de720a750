//! BBS keys, signatures and proofs, given to the functions that read them.

use protocol::crypto::bbs::{self, Suite};
use protocol::crypto::curve::{G1, G1Affine, Scalar};

use super::{Case, flip, group_order, identity_point, splice, stray_points};
use crate::world::World;

/// The header everything here is signed under.
pub const HEADER: &[u8] = b"header of the cases";
/// What proofs here are bound to.
pub const CONTEXT: &[u8] = b"context of the cases";
/// Which of [`messages`] the proofs show.
pub const SHOWN: [usize; 2] = [1, 3];

/// The five messages that are signed here.
#[must_use]
pub fn messages() -> Vec<Scalar> {
    (1..=5u8).map(|number| Suite::Sha256.message_to_scalar(&[number])).collect()
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = public_keys(world);
    cases.extend(signatures(world));
    cases.extend(proofs(world));
    cases
}

fn public_keys(world: &World) -> Vec<Case> {
    let bytes = world.licences.bbs.public_key().as_bytes().to_vec();
    let good = Case::valid("bbs-public-key", "licences", "The police's key for licences.", bytes.clone());
    let broken = |id: &str, slug: &str, title: &str, bytes| good.broken(id, slug, title, "InvalidPublicKey", bytes);
    let mut identity = vec![0; 96];
    identity[0] = 0xc0;
    let mut not_below_p = bytes.clone();
    not_below_p[..48].copy_from_slice(&[0x9f; 48]);
    let mut infinity_and_more = identity.clone();
    infinity_and_more[95] = 1;
    let outside = outside_g2();
    vec![
        broken("C04", "identity", "The identity, for which every signature holds.", identity),
        broken("C04", "outside-subgroup", "A point of the curve outside the subgroup.", outside),
        broken("C04", "flag-flipped", "The compression flag is missing.", flip(&bytes, 0, 0x80)),
        broken("C05", "not-below-p", "A coordinate that is not below p.", not_below_p),
        broken("C05", "infinity-and-more", "The infinity flag on other bytes.", infinity_and_more),
        broken("C04", "short", "The last byte is missing.", bytes[..95].to_vec()),
        broken(
            "C04",
            "uncompressed-length",
            "As many bytes as an uncompressed point.",
            [bytes.as_slice(), &bytes].concat(),
        ),
        broken("C04", "empty", "Nothing at all.", vec![]),
        good,
    ]
}

fn signatures(world: &World) -> Vec<Case> {
    let key = &world.licences.bbs;
    let signature = bbs::sign(key, HEADER, &messages()).expect("five messages").to_bytes();
    let good = Case::valid("bbs-signature", "five-messages", "A signature on five messages.", signature.to_vec());
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| good.broken(id, slug, title, expect, bytes);
    let (outside, nowhere) = stray_points();
    let e = Scalar::from_be_bytes(signature[48..].try_into().expect("32 bytes")).expect("a scalar");
    let e_plus_r = add(&e.to_be_bytes(), &group_order());
    let others = bbs::sign(&world.identities.bbs, HEADER, &messages()).expect("five messages").to_bytes();
    let other_header = bbs::sign(key, b"another header", &messages()).expect("five messages").to_bytes();
    let four = bbs::sign(key, HEADER, &messages()[..4]).expect("four messages").to_bytes();
    vec![
        broken("C01", "identity", "A is the identity.", "IdentityPoint", splice(&signature, 0, &identity_point())),
        broken("C02", "e-zero", "e is zero.", "ScalarOutOfRange", splice(&signature, 48, &[0; 32])),
        broken("C02", "e-is-r", "e is the group order.", "ScalarOutOfRange", splice(&signature, 48, &group_order())),
        broken(
            "C02",
            "e-plus-r",
            "e and the group order added: the same number again.",
            "ScalarOutOfRange",
            splice(&signature, 48, &e_plus_r),
        ),
        broken(
            "C05",
            "outside-subgroup",
            "A is outside the subgroup.",
            "InvalidPoint",
            splice(&signature, 0, &outside),
        ),
        broken("C05", "not-on-curve", "A is not on the curve.", "InvalidPoint", splice(&signature, 0, &nowhere)),
        broken("C03", "short", "The last byte is missing.", "SignatureLength", signature[..79].to_vec()),
        broken("C03", "long", "A byte too many.", "SignatureLength", [signature.as_slice(), &[0]].concat()),
        broken("C03", "a-negated", "A is replaced by its negative.", "SignatureInvalid", flip(&signature, 0, 0x20)),
        broken("C03", "e-changed", "A bit of e.", "SignatureInvalid", flip(&signature, 79, 1)),
        broken("C17", "other-key", "Signed with another key of the same issuer.", "SignatureInvalid", others.to_vec()),
        broken("C12", "other-header", "Signed under another header.", "SignatureInvalid", other_header.to_vec()),
        broken("C14", "fewer-messages", "A signature on the first four messages.", "SignatureInvalid", four.to_vec()),
        good,
    ]
}

fn proofs(world: &World) -> Vec<Case> {
    let key = &world.licences.bbs;
    let prove = |context: &[u8], header: &[u8], messages: &[Scalar]| {
        let signature = bbs::sign(key, header, messages).expect("few messages");
        let mut rng = crate::rng("bbs proof");
        let made = bbs::prove(key.public_key(), &signature, header, context, messages, &SHOWN, &mut rng);
        made.expect("a proof").to_bytes()
    };
    let proof = prove(CONTEXT, HEADER, &messages());
    let good = Case::valid("bbs-proof", "two-of-five", "Two of five messages are shown.", proof.clone());
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| good.broken(id, slug, title, expect, bytes);
    let (outside, _) = stray_points();
    let mut both = splice(&proof, 0, &identity_point());
    both = splice(&both, 48, &identity_point());
    let mut other = messages();
    other[1] = Suite::Sha256.message_to_scalar(b"another");
    let unsigned = {
        // Whoever holds no signature can still choose Abar and Bbar that fit each other.
        let any = G1::from(G1Affine::generator()).to_affine().to_compressed();
        splice(&splice(&proof, 0, &any), 48, &any)
    };
    vec![
        broken("C06", "both-identity", "Abar and Bbar are the identity.", "IdentityPoint", both),
        broken("C06", "d-identity", "D is the identity.", "IdentityPoint", splice(&proof, 96, &identity_point())),
        broken("C05", "outside-subgroup", "Abar is outside the subgroup.", "InvalidPoint", splice(&proof, 0, &outside)),
        broken("C07", "below-floor", "Shorter than any proof.", "ProofLength", proof[..240].to_vec()),
        broken("C07", "byte-more", "A byte too many.", "ProofLength", [proof.as_slice(), &[0]].concat()),
        broken(
            "C07",
            "scalar-more",
            "One hidden message too many.",
            "ProofInvalid",
            [proof.as_slice(), &[1; 32]].concat(),
        ),
        broken("C07", "scalar-less", "One hidden message too few.", "ProofInvalid", proof[..proof.len() - 32].to_vec()),
        broken("C08", "scalar-zero", "A response is zero.", "ScalarOutOfRange", splice(&proof, 240, &[0; 32])),
        broken(
            "C08",
            "scalar-is-r",
            "A response is the group order.",
            "ScalarOutOfRange",
            splice(&proof, 240, &group_order()),
        ),
        broken(
            "C12",
            "other-session",
            "Bound to another session.",
            "ProofInvalid",
            prove(b"another session", HEADER, &messages()),
        ),
        broken(
            "C10",
            "other-header",
            "Signed under another header.",
            "ProofInvalid",
            prove(CONTEXT, b"another header", &messages()),
        ),
        broken(
            "C18",
            "other-message",
            "The signature has another value for a shown message.",
            "ProofInvalid",
            prove(CONTEXT, HEADER, &other),
        ),
        broken("C18", "no-signature", "Abar and Bbar chosen by the holder.", "ProofInvalid", unsigned),
        broken("C10", "challenge-changed", "A bit of the challenge.", "ProofInvalid", flip(&proof, proof.len() - 1, 1)),
        good,
    ]
}

/// A point of the curve over the extension field that is outside G2.
fn outside_g2() -> Vec<u8> {
    let candidate = |x: u8| {
        let mut bytes = vec![0u8; 96];
        (bytes[0], bytes[95]) = (0x80, x);
        bytes
    };
    use protocol::crypto::curve::{CurveError, G2Affine};
    let is_outside = |bytes: &Vec<u8>| {
        let decoded = G2Affine::from_compressed(bytes.as_slice().try_into().expect("96 bytes"));
        decoded.err() == Some(CurveError::PointNotInSubgroup)
    };
    (1..=255).map(candidate).find(is_outside).expect("most points are outside")
}

/// The sum of two big-endian numbers, which must fit.
fn add(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut sum = *a;
    let mut carry = 0u16;
    for (digit, other) in sum.iter_mut().zip(b).rev() {
        carry += u16::from(*digit) + u16::from(*other);
        *digit = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    sum
}

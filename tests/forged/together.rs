//! Errors that cancel: two false parts, or two false proofs, whose pairing equations add up to a true one.
//!
//! A verifier that adds equations without random factors accepts all of these (ZKP-11).

use protocol::crypto::curve::{G1, G1Affine, Scalar};
use protocol::disclosure::{Presented, ProofError, Statement, verify, verify_batch};
use tests::forger::{FirstMove, Part, challenge, encode};
use tests::rng;

use crate::scene::{CONTEXT, Scene};

/// A part with A′ chosen freely: its equation is wrong by A′·(y + value) − base·r.
fn free_part(first: &FirstMove, statement: &Statement<'_>, index: usize, a_prime: G1, [r, tilde]: [Scalar; 2]) -> Part {
    let membership = &statement.memberships[index];
    let hidden = first.hidden.iter().find(|hidden| hidden.index == membership.message).unwrap();
    let value = membership.coefficient * hidden.message + membership.constant;
    let value_tilde = membership.coefficient * hidden.tilde;
    Part {
        a_prime,
        a_bar: membership.base.multiply(&r) + -a_prime.multiply(&value),
        t: membership.base.multiply(&tilde) + a_prime.multiply(&value_tilde),
        r,
        tilde,
    }
}

/// Two parts under one key, both false, whose errors add up to nothing: A′ and −A′ make the key drop out, and r makes
/// up for the difference of the values.
#[test]
fn zkp_11_errors_of_two_parts_do_not_cancel() {
    let scene = Scene::new();
    scene.with(|statement, honest| {
        assert_eq!(verify(statement, CONTEXT, honest), Ok(()));
        let [one, two] = ["not expired", "age at least"].map(|name| scene.index(name).unwrap());
        let (liar, points) = scene.liar(two);
        let mut first = scene.first_with(statement, &liar, &points, "cancelling");
        let mut draw = rng("cancelling parts");
        let mut random = || Scalar::random(&mut draw);
        let value = |index: usize| {
            let membership = &statement.memberships[index];
            membership.coefficient * liar.messages[membership.message] + membership.constant
        };
        // A′·(y + v1) − A′·(y + v2) = G1·(r1 + r2) for A′ = G1·(r1 + r2)/(v1 − v2).
        let (r1, r2) = (random(), random());
        let factor = (r1 + r2) * (value(one) - value(two)).invert().unwrap();
        let a_prime = G1Affine::generator().multiply(&factor);
        first.parts[one] = free_part(&first, statement, one, a_prime, [r1, random()]);
        first.parts[two] = free_part(&first, statement, two, -a_prime, [r2, random()]);
        let proof = first.finish(statement, CONTEXT).encode();
        // The sum of both equations is true: e(A′ − A′, Y) = 1 = e(Ā1 + Ā2, G2).
        let sum = first.parts[one].a_bar + first.parts[two].a_bar;
        assert!((first.parts[one].a_prime + first.parts[two].a_prime).is_identity() && sum.is_identity());
        assert_eq!(verify(statement, CONTEXT, &proof), Err(ProofError::PredicateInvalid { index: one }));
        let presented = Presented { statement: *statement, context: CONTEXT, proof: &proof };
        assert_eq!(verify_batch(&[presented]), [Err(ProofError::PredicateInvalid { index: one })]);
    });
}

/// Two proofs in one batch, each false by the opposite of the other.
#[test]
fn zkp_11_errors_of_two_proofs_in_a_batch_do_not_cancel() {
    let scene = Scene::new();
    scene.with(|statement, honest| {
        let index = scene.index("age at least").unwrap();
        let (liar, points) = scene.liar(index);
        let forged = |name: &str, sign: bool| {
            let mut first = scene.first_with(statement, &liar, &points, name);
            let mut draw = rng("opposite parts");
            // The same A′ and r in both, with opposite signs.
            let (a_prime, r) = (Scalar::random(&mut draw), Scalar::random(&mut draw));
            let side = |scalar: Scalar| if sign { scalar } else { -scalar };
            let a_prime = G1Affine::generator().multiply(&side(a_prime));
            let tilde = Scalar::random(&mut rng(name));
            first.parts[index] = free_part(&first, statement, index, a_prime, [side(r), tilde]);
            let points = first.points();
            let answer = first.answer(challenge(statement, &points, &first.commitments(), CONTEXT));
            (answer.encode(), first.parts[index])
        };
        let ((plus, a), (minus, b)) = (forged("plus", true), forged("minus", false));
        assert!((a.a_prime + b.a_prime).is_identity() && encode(&(a.a_bar + b.a_bar))[0] == 0xc0);
        let presented = |proof| Presented { statement: *statement, context: CONTEXT, proof };
        let refused = Err(ProofError::PredicateInvalid { index });
        let verdicts = verify_batch(&[presented(honest), presented(&plus), presented(&minus), presented(honest)]);
        assert_eq!(verdicts, [Ok(()), refused, refused, Ok(())]);
    });
}

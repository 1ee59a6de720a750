//! What the holder's side keeps to itself: nothing faulty is shown, no secret takes variable time, nothing secret stays in
//! memory.

use super::precomputed::Precomputed;
use super::prover::{FirstMove, Randomizer, Secret, Workings};
use super::statement::{Checked, Transcript};
use super::tests::{CONTEXT, rng, with_full};
use super::*;
use crate::crypto::curve::{G1, G1Affine, Scalar, watch};
use crate::freed;

fn made(statement: &Statement<'_>, witness: &Witness<'_>) -> (FirstMove, Workings) {
    FirstMove::without_checks(&Checked::new(statement).unwrap(), witness, CONTEXT, &mut rng(1)).unwrap()
}

/// Everything that hides something or is hidden.
fn secrets(made: &FirstMove) -> Vec<Scalar> {
    let Secret { secrets, e, hidden, randomizers } = &*made.secret;
    let mut all = vec![secrets.r1, secrets.r2, secrets.e, secrets.r1_tilde, secrets.r3_tilde, *e];
    all.extend(secrets.messages.iter().chain(hidden));
    all.extend(randomizers.iter().flat_map(|Randomizer { r, tilde }| [*r, *tilde]));
    all
}

type Fault = fn(&mut FirstMove);

/// A number that changed, or a point that was calculated or hashed wrongly, after the witness was found right.
const FAULTS: [(&str, Fault); 19] = [
    ("r1", |made| made.secret.secrets.r1 += Scalar::ONE),
    ("r2", |made| made.secret.secrets.r2 += Scalar::ONE),
    ("blinding of e", |made| made.secret.secrets.e += Scalar::ONE),
    ("blinding of r1", |made| made.secret.secrets.r1_tilde += Scalar::ONE),
    ("blinding of r3", |made| made.secret.secrets.r3_tilde += Scalar::ONE),
    ("blinding of the first message", |made| made.secret.secrets.messages[0] += Scalar::ONE),
    ("blinding of the last message", |made| *made.secret.secrets.messages.last_mut().unwrap() += Scalar::ONE),
    ("e", |made| made.secret.e += Scalar::ONE),
    ("the first message", |made| made.secret.hidden[0] += Scalar::ONE),
    ("the last message", |made| *made.secret.hidden.last_mut().unwrap() += Scalar::ONE),
    ("randomizer of a membership", |made| made.secret.randomizers[1].r += Scalar::ONE),
    ("blinding of a membership", |made| made.secret.randomizers[3].tilde += Scalar::ONE),
    ("Abar", |made| shift(&mut made.points.a_bar)),
    ("Bbar", |made| shift(&mut made.points.b_bar)),
    ("D", |made| shift(&mut made.points.d)),
    ("A' of a signed value", |made| shift(&mut made.memberships[0][0])),
    ("Abar of a public set", |made| shift(&mut made.memberships[1][1])),
    ("all that was hashed", |made| made.transcript = nothing()),
    ("one commitment", |made| made.transcript.first_move(&made.points, &[], &[G1::from(G1Affine::generator())])),
];

fn shift(point: &mut G1Affine) {
    *point = (G1::from(*point) + G1Affine::generator()).to_affine();
}

fn nothing() -> Transcript {
    with_full(|_, statement, _, _| Transcript::of(&Checked::new(statement).unwrap()))
}

/// A fault that depends on the blinding would tell of it in the difference between what a verifier recomputes and what was
/// hashed: so none is ever seen, and nothing that a verifier would refuse.
#[test]
fn zkp_18_what_is_faulty_is_not_shown() {
    with_full(|_, statement, witness, proof| {
        let checked = Checked::new(statement).unwrap();
        let (good, workings) = made(statement, witness);
        assert_eq!(good.check(&checked, &workings), Ok(()));
        let kept = || Precomputed::new(statement, witness, CONTEXT, &mut rng(1)).unwrap();
        assert_eq!(kept().finish(CONTEXT).unwrap(), proof, "what was checked is what is shown");
        for (what, fault) in FAULTS {
            let (mut broken, workings) = made(statement, witness);
            fault(&mut broken);
            let seen = broken.answer(CONTEXT).unwrap().to_bytes();
            assert_eq!(
                verify(statement, CONTEXT, &seen).map_err(|_| ()),
                Err(()),
                "{what}: a verifier would refuse it"
            );
            assert_eq!(broken.check(&checked, &workings), Err(ProofError::ProofInvalid), "{what}");
            // The same while it waits.
            let mut broken = kept();
            fault(&mut broken.first_move);
            assert_eq!(broken.finish(CONTEXT), Err(ProofError::ProofInvalid), "{what}");
        }
        // A commitment that came out wrong and was hashed as it is.
        for index in 0..workings.commitments.len() {
            let (mut broken, mut workings) = made(statement, witness);
            workings.commitments[index] = workings.commitments[index] + G1Affine::generator();
            broken.transcript = Transcript::of(&checked);
            broken.transcript.first_move(&broken.points, &broken.memberships, &workings.commitments);
            assert_eq!(broken.check(&checked, &workings), Err(ProofError::ProofInvalid), "commitment {index}");
        }
        // A witness that is none is found before, by the pairings.
        let mut swapped = witness.value_signatures.to_vec();
        swapped.swap(0, 1);
        let wrong = Witness { value_signatures: &swapped, ..*witness };
        let refused = Precomputed::new(statement, &wrong, CONTEXT, &mut rng(1)).err();
        assert_eq!(refused, Some(ProofError::WitnessMismatch));
    });
}

/// ADR 0002: `_vartime` is for public values. The holder puts the domain, what is shown, and the factors of its own check
/// through it, which are of 64 bits.
#[test]
fn zkp_18_no_secret_takes_variable_time() {
    with_full(|_, statement, witness, proof| {
        let mut public: Vec<_> = statement.shown.iter().map(|(_, message)| *message).collect();
        public.push(Checked::new(statement).unwrap().domain);
        let is_factor = |scalar: &Scalar| scalar.to_be_bytes()[..24] == [0; 24];
        let (shown, seen) = watch::watched(|| prove(statement, witness, CONTEXT, &mut rng(1)));
        assert_eq!(shown.unwrap(), proof);
        assert!(!seen.is_empty());
        let secret = secrets(&made(statement, witness).0);
        for scalar in seen {
            assert!(public.contains(&scalar) || is_factor(&scalar));
            assert!(!secret.contains(&scalar));
        }
    });
}

/// The witness and the blinding, which gives the witness to whoever has the shown answer.
#[test]
fn zkp_14_nothing_secret_stays_in_memory() {
    with_full(|_, statement, witness, proof| {
        let hidden = secrets(&made(statement, witness).0);
        let left = freed::searched(&hidden, || drop(hidden.clone())).1;
        assert!(left >= hidden.len(), "the search finds what is left: {left}");
        let (shown, left) = freed::searched(&hidden, || prove(statement, witness, CONTEXT, &mut rng(1)));
        assert!(shown.unwrap() == proof && left == 0, "shown at once: {left}");
        let (shown, left) = freed::searched(&hidden, || {
            let kept = Box::new(Precomputed::new(statement, witness, CONTEXT, &mut rng(1)).unwrap());
            kept.finish(CONTEXT)
        });
        assert!(shown.unwrap() == proof && left == 0, "prepared: {left}");
    });
}

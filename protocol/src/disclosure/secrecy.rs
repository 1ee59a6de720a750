//! What the holder's side keeps to itself: nothing faulty is shown, no secret takes variable time, nothing secret stays in
//! memory.

use super::precomputed::Precomputed;
use super::proof::Proof;
use super::prover::{FirstMove, Randomizer, Secret};
use super::statement::Transcript;
use super::tests::{CONTEXT, rng, with_full};
use super::*;
use crate::crypto::curve::{G1, G1Affine, Scalar, watch};
use crate::crypto::domains;
use crate::freed;

fn made(statement: &Statement<'_>, witness: &Witness<'_>) -> FirstMove {
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

fn responses(proof: &Proof) -> Vec<Scalar> {
    let Proof { responses, memberships, .. } = proof;
    let mut all = vec![responses.e, responses.r1, responses.r3];
    all.extend(responses.messages.iter().copied().chain(memberships.iter().map(|part| part.response)));
    all
}

type Fault = fn(&mut FirstMove);

/// A number that changed, or a point that was calculated wrongly, after the witness was found right.
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
        assert_eq!(made(statement, witness).rehearse(&checked), Ok(()));
        assert_eq!(made(statement, witness).show(&checked, CONTEXT).unwrap(), proof);
        let kept = || Precomputed::new(statement, witness, CONTEXT, &mut rng(1)).unwrap();
        assert_eq!(kept().finish(CONTEXT).unwrap(), proof, "what was rehearsed is what is shown");
        for (what, fault) in FAULTS {
            let mut broken = made(statement, witness);
            fault(&mut broken);
            assert_eq!(broken.rehearse(&checked), Err(ProofError::ProofInvalid), "{what}");
            assert_eq!(broken.show(&checked, CONTEXT), Err(ProofError::ProofInvalid), "{what}");
            // The same while it waits.
            let mut broken = kept();
            fault(&mut broken.first_move);
            assert_eq!(broken.finish(CONTEXT), Err(ProofError::ProofInvalid), "{what}");
        }
        // A witness that is none is found before, by the pairings.
        let mut swapped = witness.value_signatures.to_vec();
        swapped.swap(0, 1);
        let wrong = Witness { value_signatures: &swapped, ..*witness };
        let refused = Precomputed::new(statement, &wrong, CONTEXT, &mut rng(1)).err();
        assert_eq!(refused, Some(ProofError::WitnessMismatch));
        // A verifier that expects the rehearsal's context does not exist: contexts begin with another label.
        assert!(!domains::PRESENTATION_CONTEXT.starts_with(domains::ZK_REHEARSAL));
    });
}

/// The two ways to the commitments give the same.
#[test]
fn constant_and_variable_time_agree() {
    with_full(|_, statement, witness, _| {
        let checked = Checked::new(statement).unwrap();
        let proof = made(statement, witness).answer(CONTEXT).unwrap();
        assert_eq!(proof.commitments(&checked), proof.commitments_vartime(&checked));
    });
}

/// ADR 0002: `_vartime` is for public values. What is prepared puts the domain and what is shown through it, and what is
/// shown at once the answer that a verifier will put through the same.
#[test]
fn zkp_18_no_secret_takes_variable_time() {
    with_full(|_, statement, witness, proof| {
        let checked = Checked::new(statement).unwrap();
        let mut public: Vec<_> = statement.shown.iter().map(|(_, message)| *message).collect();
        public.push(checked.domain);
        let prepare = || Precomputed::new(statement, witness, CONTEXT, &mut rng(1)).unwrap();
        let (kept, seen) = watch::watched(prepare);
        assert!(!seen.is_empty() && seen.iter().all(|scalar| public.contains(scalar)));
        assert!(watch::watched(|| kept.finish(CONTEXT)).1.is_empty());
        let (verdict, checking) = watch::watched(|| verify(statement, CONTEXT, &proof));
        assert!(verdict.is_ok() && checking.len() > public.len());
        let (shown, seen) = watch::watched(|| prove(statement, witness, CONTEXT, &mut rng(1)));
        assert_eq!(shown.unwrap(), proof);
        assert!(seen.iter().all(|scalar| public.contains(scalar) || checking.contains(scalar)));
        let secret = secrets(&made(statement, witness));
        assert!(!seen.iter().any(|scalar| secret.contains(scalar)));
    });
}

/// The witness, the blinding, and the answer of the rehearsal, which gives the witness to whoever has the shown one.
#[test]
fn zkp_14_nothing_secret_stays_in_memory() {
    with_full(|_, statement, witness, proof| {
        let first = made(statement, witness);
        let (hidden, rehearsed) = (secrets(&first), responses(&first.answer(domains::ZK_REHEARSAL).unwrap()));
        let all = [&hidden[..], &rehearsed].concat();
        let left = freed::searched(&all, || drop(all.clone())).1;
        assert!(left >= all.len(), "the search finds what is left: {left}");
        let (shown, left) = freed::searched(&all, || prove(statement, witness, CONTEXT, &mut rng(1)));
        assert!(shown.unwrap() == proof && left == 0, "shown at once: {left}");
        let (shown, left) = freed::searched(&all, || {
            let kept = Box::new(Precomputed::new(statement, witness, CONTEXT, &mut rng(1)).unwrap());
            kept.finish(CONTEXT)
        });
        assert!(shown.unwrap() == proof && left == 0, "prepared: {left}");
    });
}

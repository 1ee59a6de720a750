//! Cheating about a pseudonym: to be someone else, or someone new.

use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::disclosure::{Pseudonym, Statement, pseudonym};
use tests::forger::{FirstMove, challenge, scope_base};
use tests::rng;

use crate::Cheat;
use crate::scene::{BLINDER, CONTEXT, LINK, Scene};

/// Every way. The verifier's statement names the holder's pseudonym; a cheat by someone else's value or name is given to
/// the verifier of that value, so each proof is for the statement that the verifier would build.
pub(crate) fn cheats(scene: &Scene, statement: &Statement<'_>) -> Vec<Cheat> {
    let mut cheats = Vec::new();
    let mut add = |way, expect, proof| cheats.push(Cheat { way, expect, proof });
    let asked = statement.pseudonym.unwrap();
    let (holder, other) = (&scene.holder, &scene.other);
    let finish = |first: &FirstMove, claimed: &Statement<'_>| first.finish(claimed, CONTEXT).encode();
    let claims = |change: Pseudonym<'_>, seed: &str| {
        let claimed = Statement { pseudonym: Some(change), ..*statement };
        finish(&scene.first(&claimed, holder, seed), &claimed)
    };
    let base = scope_base(asked.scope);

    add("another person under this pseudonym", "ProofInvalid", {
        finish(&scene.first(statement, other, "impostor"), statement)
    });
    add("another person who knows the responses of an earlier show", "ProofInvalid", {
        let earlier = scene.first(statement, holder, "earlier").finish(statement, b"earlier nonce");
        let mut answer = scene.first(statement, other, "lifted").finish(statement, CONTEXT);
        answer.messages[0] = earlier.messages[0];
        answer.encode()
    });
    add("the pseudonym of another period or event", "ProofInvalid", {
        let scope = b"shop, another time";
        claims(Pseudonym { scope, value: pseudonym(scope, &holder.messages[LINK]), ..asked }, "other time")
    });
    add("the pseudonym at another verifier", "ProofInvalid", {
        let scope = b"bank, 2026-11";
        claims(Pseudonym { scope, value: pseudonym(scope, &holder.messages[LINK]), ..asked }, "other verifier")
    });
    add("the scope's name changed, the value kept", "ProofInvalid", {
        claims(Pseudonym { scope: b"shop, 2026-12", ..asked }, "renamed")
    });
    add("made of another message: the blinder, fresh in every credential", "ProofInvalid", {
        claims(
            Pseudonym { message: BLINDER, value: pseudonym(asked.scope, &holder.messages[BLINDER]), ..asked },
            "blinder",
        )
    });
    add("a new self: a pseudonym of a secret drawn at random", "ProofInvalid", {
        let fresh = Scalar::random(&mut rng("fresh secret"));
        claims(Pseudonym { value: pseudonym(asked.scope, &fresh), ..asked }, "fresh")
    });
    add("its response decoupled from the link secret's", "ProofInvalid", {
        let mut first = scene.first(statement, other, "decoupled");
        first.pseudonym = Some(base.multiply(&Scalar::random(&mut rng("decoupled tilde"))));
        finish(&first, statement)
    });
    add("the value chosen after the challenge", "ProofInvalid", {
        // N = (H·m̂ − T)/c for the other's responses: fits, had the hash not covered N.
        let first = scene.first(statement, other, "late value");
        let c = challenge(statement, &first.points(), &first.commitments(), CONTEXT);
        first.answer(c).encode()
    });
    add("the challenge of a statement without pseudonym", "ProofInvalid", {
        let claimed = Statement { pseudonym: None, ..*statement };
        let first = scene.first(&claimed, other, "without");
        finish(&first, &claimed)
    });
    add("the value negated", "ProofInvalid", claims(Pseudonym { value: -asked.value, ..asked }, "negated"));
    add("the value doubled, and its commitment with it", "ProofInvalid", {
        let doubled = asked.value.multiply(&Scalar::from_u64(2)).to_affine();
        let claimed = Statement { pseudonym: Some(Pseudonym { value: doubled, ..asked }), ..*statement };
        let mut first = scene.first(&claimed, holder, "doubled");
        first.pseudonym = first.pseudonym.map(|t| t.multiply(&Scalar::from_u64(2)));
        finish(&first, &claimed)
    });
    add("the commitment shifted by the difference of two pseudonyms", "ProofInvalid", {
        let mut first = scene.first(statement, other, "shifted");
        let theirs = base.multiply(&other.messages[LINK]);
        first.pseudonym = first.pseudonym.map(|t| t + theirs + -protocol::crypto::curve::G1::from(asked.value));
        finish(&first, statement)
    });
    add("replayed from an earlier presentation", "ProofInvalid", {
        scene.first(statement, holder, "replayed").finish(statement, b"earlier nonce").encode()
    });
    add("the commitment of another person's proof", "ProofInvalid", {
        let mut first = scene.first(statement, other, "borrowed commitment");
        first.pseudonym = scene.first(statement, holder, "borrowed").pseudonym;
        finish(&first, statement)
    });
    add("a generator in place of the scope", "ProofInvalid", {
        let mut first = scene.first(statement, other, "generator");
        let tilde = first.hidden[0].tilde;
        first.pseudonym = Some(G1Affine::generator().multiply(&tilde));
        finish(&first, statement)
    });
    cheats
}

//! Cheating about the issuer's signature.

use protocol::crypto::bbs;
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::disclosure::Statement;
use tests::forger::{FirstMove, challenge, encode, generators};
use tests::rng;

use crate::Cheat;
use crate::by_membership::outside_subgroup;
use crate::scene::{CONTEXT, HEADER, LINK, Person, Scene};

/// Every way; memberships are honest throughout, so that the signature alone decides.
pub(crate) fn cheats(scene: &Scene, statement: &Statement<'_>) -> Vec<Cheat> {
    let mut cheats = Vec::new();
    let mut add = |way, expect, proof| cheats.push(Cheat { way, expect, proof });
    let holder = &scene.holder;
    let finish = |first: &FirstMove, claimed: &Statement<'_>| first.finish(claimed, CONTEXT).encode();
    let by = |person: &Person, seed: &str| finish(&scene.first(statement, person, seed), statement);
    let signed_by = |key: &bbs::SecretKey, header: &[u8], messages: &[Scalar]| {
        let signature = bbs::sign(key, header, messages).unwrap().to_bytes();
        Person { messages: holder.messages.clone(), signature }
    };

    let mut drawn = holder.signature;
    let any = G1Affine::generator().multiply(&Scalar::random(&mut rng("any point")));
    drawn[..48].copy_from_slice(&encode(&any));
    let unsigned = Person { messages: holder.messages.clone(), signature: drawn };
    add("no signature: a point drawn at random", "ProofInvalid", by(&unsigned, "random A"));
    add("signed by a stranger", "ProofInvalid", by(&signed_by(&scene.stranger, HEADER, &holder.messages), "stranger"));
    add(
        "signed under another header: another type, issuer key or ledger",
        "ProofInvalid",
        by(&signed_by(&scene.issuer, b"another header", &holder.messages), "header"),
    );
    let mut changed = holder.messages.clone();
    changed[LINK] += Scalar::ONE;
    let stolen = Person { messages: changed.clone(), signature: holder.signature };
    add("a stolen credential with the thief's link secret", "ProofInvalid", by(&stolen, "thief"));
    let mixed = Person { messages: holder.messages.clone(), signature: scene.other.signature };
    add("one person's messages with another's signature", "ProofInvalid", by(&mixed, "mixed"));
    let mut shown = holder.messages.clone();
    let at = statement.shown[0].0;
    shown[at] += Scalar::ONE;
    add(
        "the issuer signed another value for what is shown",
        "ProofInvalid",
        by(&signed_by(&scene.issuer, HEADER, &shown), "shown"),
    );
    let more = [holder.messages.as_slice(), &[Scalar::ONE]].concat();
    add("a credential with one message more", "ProofInvalid", by(&signed_by(&scene.issuer, HEADER, &more), "more"));

    add("the statement names a stranger's key", "ProofInvalid", {
        let claimed = Statement { issuer: scene.stranger.public_key(), ..*statement };
        let person = Person {
            messages: holder.messages.clone(),
            signature: bbs::sign(&scene.stranger, HEADER, &holder.messages).unwrap().to_bytes(),
        };
        finish(&scene.first(&claimed, &person, "stranger's"), &claimed)
    });
    add("another value shown after the proof was made", "ProofInvalid", {
        let shown = [(at, holder.messages[at] + Scalar::ONE)];
        let claimed = Statement { shown: &shown, ..*statement };
        finish(&scene.first(&claimed, holder, "shown after"), &claimed)
    });

    // Points.
    let replaced = |seed: &str, change: &dyn Fn(&mut Vec<[u8; 48]>)| {
        let first = scene.first(statement, holder, seed);
        let mut points = first.points();
        change(&mut points);
        let mut answer = first.answer(challenge(statement, &points, &first.commitments(), CONTEXT));
        answer.points = points;
        answer.encode()
    };
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    add("Abar and Bbar the identity, with which the pairings hold", "IdentityPoint", {
        replaced("identity", &|points| (points[0], points[1]) = (identity, identity))
    });
    add("D the identity", "IdentityPoint", replaced("d identity", &|points| points[2] = identity));
    add("Abar outside the subgroup", "InvalidPoint", replaced("stray", &|points| points[0] = outside_subgroup()));
    add("D outside the subgroup", "InvalidPoint", replaced("stray d", &|points| points[2] = outside_subgroup()));
    add("Abar and Bbar exchanged", "ProofInvalid", replaced("exchanged", &|points| points.swap(0, 1)));
    add("Abar and Bbar that fit each other and nothing else", "ProofInvalid", {
        // Bbar = sk·Abar is public for Abar = G1: no signature is needed for the pairing, and the challenge tells.
        let first = scene.first(statement, holder, "fitting");
        let mut points = first.points();
        let lifted = scene.first(statement, &scene.other, "lifted").points();
        (points[0], points[1]) = (lifted[0], lifted[1]);
        let mut answer = first.answer(challenge(statement, &points, &first.commitments(), CONTEXT));
        answer.points = points;
        answer.encode()
    });
    add("Abar negated after the challenge", "ProofInvalid", {
        let mut answer = scene.first(statement, holder, "negated").finish(statement, CONTEXT);
        answer.points[0][0] ^= 0x20;
        answer.encode()
    });

    // The challenge.
    add("D chosen after the challenge, T2 solved for", "ProofInvalid", {
        let mut first = scene.first(statement, holder, "late d");
        let mut hashed = first.points();
        hashed.remove(2);
        let c = challenge(statement, &hashed, &first.commitments(), CONTEXT);
        first.signature[2] = first.signature[2].multiply(&Scalar::from_u64(2));
        first.answer(c).encode()
    });
    add("a simulated proof: responses first, commitments from them", "ProofInvalid", {
        // Everything random; the commitments are what the verifier will recompute, hashed under a challenge that
        // had to be known before.
        let mut draw = rng("simulated");
        let first = scene.first(statement, holder, "simulated");
        let mut answer = first.answer(Scalar::random(&mut draw));
        answer.signature = [0; 3].map(|_| Scalar::random(&mut draw));
        answer.messages.iter_mut().for_each(|response| *response = Scalar::random(&mut draw));
        let t1 = first.signature[1].multiply(&answer.challenge)
            + first.signature[0].multiply(&answer.signature[0])
            + first.signature[2].multiply(&answer.signature[1]);
        let mut t2 = first.signature[2].multiply(&answer.signature[2]);
        for (hidden, response) in first.hidden.iter().zip(&answer.messages) {
            t2 += generators(statement.message_count)[hidden.index + 1].multiply(response);
        }
        let mut commitments = first.commitments();
        (commitments[0], commitments[1]) = (encode(&t1), encode(&t2));
        answer.challenge = challenge(statement, &answer.points, &commitments, CONTEXT);
        answer.encode()
    });
    add("the answer to an earlier challenge", "ProofInvalid", {
        let first = scene.first(statement, holder, "earlier");
        let earlier = first.finish(statement, b"earlier nonce");
        let mut answer = first.finish(statement, CONTEXT);
        (answer.signature, answer.messages) = (earlier.signature, earlier.messages);
        answer.encode()
    });
    add("two holders' halves: one's signature part, the other's message responses", "ProofInvalid", {
        let mut answer = scene.first(statement, holder, "half").finish(statement, CONTEXT);
        answer.messages = scene.first(statement, &scene.other, "other half").finish(statement, CONTEXT).messages;
        answer.encode()
    });
    add("a whole proof replayed for another verifier, nonce or purpose", "ProofInvalid", {
        scene.first(statement, holder, "replayed").finish(statement, b"the verifier it was made for").encode()
    });
    add("a challenge of zero", "ScalarOutOfRange", {
        scene.first(statement, holder, "zero").answer(Scalar::ZERO).encode()
    });
    add("a response of zero", "ScalarOutOfRange", {
        let mut answer = scene.first(statement, holder, "zero response").finish(statement, CONTEXT);
        answer.messages[0] = Scalar::ZERO;
        answer.encode()
    });
    add("a response for a hidden message left out", "ProofLength", {
        let mut answer = scene.first(statement, holder, "short").finish(statement, CONTEXT);
        answer.messages.pop();
        answer.encode()
    });
    cheats
}

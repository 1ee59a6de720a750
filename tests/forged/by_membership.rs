//! Cheating about one membership.

use protocol::crypto::curve::{G1, G1Affine, Scalar};
use protocol::disclosure::{Membership, Statement};
use tests::forger::{Bytes48, FirstMove, Part as MovedPart, challenge, encode};
use tests::rng;

use crate::Cheat;
use crate::scene::{BLINDER, CONTEXT, Scene, Set, point};

/// A compressed point of the curve outside the subgroup.
pub(crate) fn outside_subgroup() -> Bytes48 {
    use protocol::crypto::curve::CurveError;
    let candidate = |x: u8| {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, x);
        bytes
    };
    let outside = |bytes: &Bytes48| G1Affine::from_compressed(bytes).err() == Some(CurveError::PointNotInSubgroup);
    (1..=255).map(candidate).find(outside).unwrap()
}

/// Every way for one part; the statement is the honest one, and what the cheat pretends differs.
pub(crate) fn cheats(scene: &Scene, statement: &Statement<'_>, name: &'static str) -> Vec<Cheat> {
    let index = scene.index(name).unwrap();
    let part = scene.part(index);
    let (liar, points) = scene.liar(index);
    let mut cheats = Vec::new();
    let mut add = |way, expect, proof| cheats.push(Cheat { way, expect, proof });
    let finish = |first: &FirstMove, claimed: &Statement<'_>| first.finish(claimed, CONTEXT).encode();
    // The liar's proof with another point for this part.
    let with_point = |v: G1Affine, seed: &str| {
        let mut points = points.clone();
        points[index] = v;
        finish(&scene.first_with(statement, &liar, &points, seed), statement)
    };
    // A statement that differs in this membership.
    let claims = |change: &dyn Fn(&mut Membership<'_>), run: &dyn Fn(&Statement<'_>) -> Vec<u8>| {
        let mut memberships = statement.memberships.to_vec();
        change(&mut memberships[index]);
        run(&Statement { memberships: &memberships, ..*statement })
    };

    // Not true, with what admits something else.
    add("just outside, with the point of the nearest member", "PredicateInvalid", with_point(points[index], "near"));
    let bound = part.coefficient * part.outside + part.constant;
    let own = point(&scene.own.sign(bound).unwrap());
    add("a point signed by a key of the cheat's own", "PredicateInvalid", with_point(own, "own"));
    let other_set = match part.set {
        Set::Status => scene.day(5),
        _ => scene.token(liar.messages[part.message], 0),
    };
    add("a point of another set of the same issuer", "PredicateInvalid", with_point(other_set, "other set"));
    add("the generator for a point", "PredicateInvalid", with_point(G1Affine::generator(), "generator"));
    let tripled = scene.base(&part.set).multiply(&Scalar::from_u64(3)).to_affine();
    add("a multiple of the set's base for a point", "PredicateInvalid", with_point(tripled, "base"));
    add("the point of a member, negated", "PredicateInvalid", with_point(-points[index], "negated"));
    match part.set {
        Set::Status => {
            let handle = scene.holder.messages[part.message];
            let mut old = scene.all_admitted(&scene.holder);
            old[index] = scene.token(handle, 1);
            let first = scene.first_with(statement, &scene.holder, &old, "old token");
            add("the token of the epoch before", "PredicateInvalid", finish(&first, statement));
            old[index] = scene.token(scene.other.messages[part.message], 0);
            let first = scene.first_with(statement, &scene.holder, &old, "borrowed token");
            add("the token of another person's credential", "PredicateInvalid", finish(&first, statement));
        }
        Set::Days => {
            add(
                "the difference wrapped around to the largest day",
                "PredicateInvalid",
                with_point(scene.day(65_535), "wrap"),
            );
            add("the point of zero days", "PredicateInvalid", with_point(scene.day(0), "zero"));
        }
        Set::Public(ref members) => {
            let wider: Vec<u64> =
                (0..60).filter(|value| members.contains(value) || Scalar::from_u64(*value) == part.outside).collect();
            let small = u64::from_be_bytes(part.outside.to_be_bytes()[24..].try_into().unwrap());
            let v = point(&scene.own_sets.witness(&wider, small).unwrap());
            add(
                "the witness of a wider set under parameters of the cheat's own",
                "PredicateInvalid",
                with_point(v, "own sets"),
            );
            let wide = scene.admitted(
                &crate::scene::Part { set: Set::Public(wider), member: part.member, ..copy(part) },
                part.outside,
            );
            add(
                "the witness of a wider set under the issuer's parameters",
                "PredicateInvalid",
                with_point(wide, "wider"),
            );
        }
    }

    // True of something else than asked.
    let one = Scalar::ONE;
    let shifted = match part.set {
        Set::Status => Scalar::from_u64(1) - Scalar::from_u64(2),
        _ => Scalar::from_u64(7),
    };
    add(
        "a bound that is off",
        "ProofInvalid",
        claims(&|m| m.constant += shifted, &|claimed| {
            finish(&scene.first_with(claimed, &liar, &points, "off"), claimed)
        }),
    );
    add(
        "the direction swapped",
        "ProofInvalid",
        claims(&|m| (m.coefficient, m.constant) = (-m.coefficient, -m.constant), &|claimed| {
            finish(&scene.first_with(claimed, &liar, &points, "swapped"), claimed)
        }),
    );
    add(
        "about another hidden message",
        "ProofInvalid",
        claims(&|m| m.message = BLINDER, &|claimed| {
            finish(&scene.first_with(claimed, &liar, &points, "other message"), claimed)
        }),
    );
    add("under a key of the cheat's own", "ProofInvalid", {
        let mut memberships = statement.memberships.to_vec();
        memberships[index].set = scene.own.public_key();
        let claimed = Statement { memberships: &memberships, ..*statement };
        let mut points = points.clone();
        points[index] = own;
        finish(&scene.first_with(&claimed, &liar, &points, "own key"), &claimed)
    });
    add(
        "over another base",
        "ProofInvalid",
        claims(&|m| m.base = m.base.multiply(&Scalar::from_u64(3)).to_affine(), &|claimed| {
            finish(&scene.first_with(claimed, &liar, &points, "other base"), claimed)
        }),
    );

    // Decoupled from the message.
    add("the part answers for a value of its own, not the message's", "ProofInvalid", {
        let mut first = scene.first_with(statement, &liar, &points, "decoupled");
        let mut draw = rng("decoupled value");
        let value = part.coefficient * part.member + part.constant;
        let randomness = [Scalar::random(&mut draw), Scalar::random(&mut draw)];
        let base = statement.memberships[index].base;
        first.parts[index] = MovedPart::new(&base, &points[index], value, Scalar::random(&mut draw), randomness);
        finish(&first, statement)
    });
    add("the part answers for the message, its blinding does not", "ProofInvalid", {
        let mut first = scene.first(statement, &scene.holder, "blinding");
        first.parts[index].t += G1Affine::generator().multiply(&one);
        finish(&first, statement)
    });

    // Taken from elsewhere.
    let earlier = scene.first(statement, &scene.holder, "earlier").finish(statement, b"another verifier").encode();
    let neighbours = scene.first(statement, &scene.other, "neighbour").finish(statement, CONTEXT).encode();
    let at = earlier.len() - 128 * (statement.memberships.len() - index);
    let graft = |from: &[u8], seed: &str| {
        let mut proof = finish(&scene.first_with(statement, &liar, &points, seed), statement);
        proof[at..at + 128].copy_from_slice(&from[at..at + 128]);
        proof
    };
    add("the part of an earlier presentation", "ProofInvalid", graft(&earlier, "graft"));
    add("the part of another holder", "ProofInvalid", graft(&neighbours, "graft neighbour"));
    add("another holder's points before the challenge", "ProofInvalid", {
        let first = scene.first_with(statement, &liar, &points, "lifted points");
        let mut moved = first.points();
        for (offset, bytes) in [(0, &neighbours[at..at + 48]), (1, &neighbours[at + 48..at + 96])] {
            moved[3 + 2 * index + offset] = bytes.try_into().unwrap();
        }
        let c = challenge(statement, &moved, &first.commitments(), CONTEXT);
        let mut answer = first.answer(c);
        answer.points = moved;
        answer.encode()
    });

    // Points that are none.
    let replaced = |bytes: [Bytes48; 2], seed: &str| {
        let first = scene.first_with(statement, &liar, &points, seed);
        let mut moved = first.points();
        (moved[3 + 2 * index], moved[4 + 2 * index]) = (bytes[0], bytes[1]);
        let c = challenge(statement, &moved, &first.commitments(), CONTEXT);
        let mut answer = first.answer(c);
        answer.points = moved;
        answer.encode()
    };
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    let generator = encode(&G1::from(G1Affine::generator()));
    add("A′ outside the subgroup", "InvalidPoint", replaced([outside_subgroup(), generator], "stray"));
    add("Ā outside the subgroup", "InvalidPoint", replaced([generator, outside_subgroup()], "stray bar"));
    add("both points the identity, with which every equation holds", "IdentityPoint", {
        let mut first = scene.first_with(statement, &liar, &points, "identity");
        let tilde = first.parts[index].tilde;
        let base = statement.memberships[index].base;
        first.parts[index] =
            MovedPart { a_prime: G1::IDENTITY, a_bar: G1::IDENTITY, t: base.multiply(&tilde), r: Scalar::ZERO, tilde };
        assert_eq!(first.points()[3 + 2 * index], identity);
        finish(&first, statement)
    });
    add("A′ and Ā exchanged", "ProofInvalid", {
        let first = scene.first(statement, &scene.holder, "exchanged");
        let points = first.points();
        let mut moved = points.clone();
        moved.swap(3 + 2 * index, 4 + 2 * index);
        let mut answer = first.answer(challenge(statement, &moved, &first.commitments(), CONTEXT));
        answer.points = moved;
        answer.encode()
    });

    // The challenge.
    add("points chosen after the challenge", "ProofInvalid", {
        // The challenge of a prover who leaves this part's points out of the hash, so that Ā can be solved for.
        let first = scene.first_with(statement, &liar, &points, "frozen heart");
        let mut hashed = first.points();
        drop(hashed.drain(3 + 2 * index..5 + 2 * index));
        let c = challenge(statement, &hashed, &first.commitments(), CONTEXT);
        let mut answer = first.answer(c);
        let (membership, a_prime) = (&statement.memberships[index], first.parts[index].a_prime);
        let tilde = first.hidden.iter().find(|hidden| hidden.index == membership.message).unwrap();
        let value = membership.coefficient * (tilde.tilde + tilde.message * c) + membership.constant * c;
        let rest = first.parts[index].t + -a_prime.multiply(&value) + -membership.base.multiply(&answer.parts[index]);
        answer.points[4 + 2 * index] = encode(&rest.multiply(&c.invert().unwrap()));
        answer.encode()
    });
    add("the challenge of a statement without this part", "ProofInvalid", {
        let first = scene.first_with(statement, &liar, &points, "without");
        let mut memberships = statement.memberships.to_vec();
        memberships.remove(index);
        let shorter = Statement { memberships: &memberships, ..*statement };
        let c = challenge(&shorter, &first.points(), &first.commitments(), CONTEXT);
        first.answer(c).encode()
    });
    for (way, context) in [
        ("bound to another verifier", &b"another verifier, nonce, purpose"[..]),
        ("bound to another nonce", b"verifier, another nonce, purpose"),
        ("bound to another purpose", b"verifier, nonce, another purpose"),
    ] {
        add(way, "ProofInvalid", scene.first(statement, &scene.holder, way).finish(statement, context).encode());
    }

    // Order and number.
    let whole = finish(&scene.first_with(statement, &liar, &points, "number"), statement);
    let mut missing = whole.clone();
    drop(missing.drain(at..at + 128));
    add("left out", "ProofLength", missing);
    let twice = [&whole[..at], &whole[at..at + 128], &whole[at..]].concat();
    add("given twice", "ProofLength", twice);
    let beside = earlier.len() - 128 * (statement.memberships.len() - (index + 1) % statement.memberships.len());
    let mut covered = whole.clone();
    covered.copy_within(beside..beside + 128, at);
    add("another part of the same proof in its place", "ProofInvalid", covered);
    add("parts in another order", "ProofInvalid", {
        let mut memberships = statement.memberships.to_vec();
        let mut points = scene.all_admitted(&scene.holder);
        let next = (index + 1) % memberships.len();
        memberships.swap(index, next);
        points.swap(index, next);
        let claimed = Statement { memberships: &memberships, ..*statement };
        finish(&scene.first_with(&claimed, &scene.holder, &points, "order"), &claimed)
    });
    cheats
}

fn copy(part: &crate::scene::Part) -> crate::scene::Part {
    crate::scene::Part {
        name: part.name,
        set: Set::Days,
        message: part.message,
        coefficient: part.coefficient,
        constant: part.constant,
        outside: part.outside,
        member: part.member,
    }
}

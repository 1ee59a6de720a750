//! A second verifier for the tests: slow, without shared pairings, sums or tables, written from
//! specs/zk-presentation.md alone.

use sha2::{Digest, Sha256};

use super::{Presented, Statement};
use crate::crypto::bbs::Suite;
use crate::crypto::curve::{Expander, G1, G1Affine, G2Affine, PreparedG2, Scalar, pairings_cancel};

fn be(value: usize) -> Vec<u8> {
    (value as u64).to_be_bytes().to_vec()
}

fn point(bytes: &mut &[u8]) -> Option<G1> {
    let (field, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    G1Affine::from_compressed(field).ok().map(G1::from)
}

fn scalar(bytes: &mut &[u8]) -> Option<Scalar> {
    let (field, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Scalar::from_be_bytes(field).ok().filter(|scalar| !scalar.is_zero())
}

/// right = secret key · left, by one pairing equation of its own.
fn paired(left: &G1, key: &[u8; 96], right: &G1) -> bool {
    let key = PreparedG2::new(G2Affine::from_compressed(key).unwrap());
    pairings_cancel(&[(left.to_affine(), &key), (-right.to_affine(), PreparedG2::generator())])
}

pub(super) fn accepts(presented: &Presented<'_>) -> bool {
    check(&presented.statement, presented.context, presented.proof).is_some()
}

fn check(statement: &Statement<'_>, context: &[u8], mut bytes: &[u8]) -> Option<()> {
    let suite = Suite::Sha256;
    let count = statement.message_count;
    let hidden: Vec<_> = (0..count).filter(|i| statement.shown.iter().all(|(shown, _)| shown != i)).collect();
    let in_order = statement.shown.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !in_order || hidden.len() + statement.shown.len() != count {
        return None;
    }

    // The proof.
    let (a_bar, b_bar, d) = (point(&mut bytes)?, point(&mut bytes)?, point(&mut bytes)?);
    let (e, r1, r3) = (scalar(&mut bytes)?, scalar(&mut bytes)?, scalar(&mut bytes)?);
    let responses: Vec<_> = hidden.iter().map(|_| scalar(&mut bytes)).collect::<Option<_>>()?;
    let c = scalar(&mut bytes)?;
    let parts: Vec<_> = statement
        .memberships
        .iter()
        .map(|_| Some((point(&mut bytes)?, point(&mut bytes)?, scalar(&mut bytes)?)))
        .collect::<Option<_>>()?;
    if !bytes.is_empty() {
        return None;
    }
    let response = |index: usize| Some(responses[hidden.iter().position(|hidden| *hidden == index)?]);

    // BBS.
    let generators = suite.generators(count).ok()?;
    let mut input = statement.issuer.as_bytes().to_vec();
    input.extend(be(count));
    generators.iter().for_each(|generator| input.extend(generator.to_compressed()));
    input.extend(suite.api_id());
    input.extend(be(statement.header.len()));
    input.extend(statement.header);
    let domain = suite.hash_to_scalar(&input);
    let mut known = G1::from(suite.base_point()) + generators[0].multiply(&domain);
    for (index, message) in statement.shown {
        known += generators[index + 1].multiply(message);
    }
    let t1 = b_bar.multiply(&c) + a_bar.multiply(&e) + d.multiply(&r1);
    let mut t2 = known.multiply(&c) + d.multiply(&r3);
    for (index, response) in hidden.iter().zip(&responses) {
        t2 += generators[index + 1].multiply(response);
    }
    let mut commitments = vec![t1, t2];

    // Memberships.
    for (membership, (a_prime, a_bar, r)) in statement.memberships.iter().zip(&parts) {
        if membership.coefficient.is_zero() || membership.base.is_identity() {
            return None;
        }
        let value = membership.coefficient * response(membership.message)? + membership.constant * c;
        commitments.push(a_bar.multiply(&c) + a_prime.multiply(&value) + membership.base.multiply(r));
    }

    // Pseudonym.
    if let Some(pseudonym) = &statement.pseudonym {
        let base = Expander::XmdSha256.hash_to_g1(pseudonym.scope, b"mid/v1/pseudonym/scope;");
        let answer = base.multiply(&response(pseudonym.message)?);
        commitments.push(answer - pseudonym.value.multiply(&c));
    }

    // Challenge.
    let label = b"mid/v1/zk-presentation/transcript;";
    let mut transcript = [&be(label.len())[..], label, statement.issuer.as_bytes(), &domain.to_be_bytes()].concat();
    transcript.extend(be(count));
    transcript.extend(be(statement.shown.len()));
    for (index, message) in statement.shown {
        transcript.extend(be(*index));
        transcript.extend(message.to_be_bytes());
    }
    transcript.extend(be(statement.memberships.len()));
    for membership in statement.memberships {
        transcript.extend(membership.set.as_bytes());
        transcript.extend(be(membership.message));
        transcript.extend(membership.coefficient.to_be_bytes());
        transcript.extend(membership.constant.to_be_bytes());
        transcript.extend(membership.base.to_compressed());
    }
    transcript.extend(be(statement.pseudonym.iter().count()));
    if let Some(pseudonym) = &statement.pseudonym {
        transcript.extend(be(pseudonym.scope.len()));
        transcript.extend(pseudonym.scope);
        transcript.extend(be(pseudonym.message));
        transcript.extend(pseudonym.value.to_compressed());
    }
    let first_move =
        [a_bar, b_bar, d].into_iter().chain(parts.iter().flat_map(|(a_prime, a_bar, _)| [*a_prime, *a_bar]));
    first_move.chain(commitments).for_each(|point| transcript.extend(point.to_affine().to_compressed()));
    transcript.extend(be(context.len()));
    transcript.extend(context);
    let digest = Sha256::digest(&transcript);
    if Expander::XmdSha256.hash_to_scalar(&digest, b"mid/v1/zk-presentation/challenge;") != c {
        return None;
    }

    // Pairings.
    let members = statement.memberships.iter().zip(&parts);
    let all = paired(&a_bar, statement.issuer.as_bytes(), &b_bar)
        && members
            .into_iter()
            .all(|(membership, (a_prime, a_bar, _))| paired(a_prime, membership.set.as_bytes(), a_bar));
    all.then_some(())
}

//! A dishonest holder: makes proofs from `specs/zk-presentation.md` alone, without the checks by which
//! the product refuses to prove what is not true.

use protocol::crypto::bbs::Suite;
use protocol::crypto::curve::{Expander, G1, G1Affine, Scalar};
use protocol::crypto::domains;
use protocol::disclosure::Statement;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

/// What the dishonest holder works with; nothing of it needs to fit the statement.
pub struct Material<'a> {
    /// A BBS signature, 80 bytes.
    pub signature: &'a [u8; 80],
    /// All messages.
    pub messages: &'a [Scalar],
    /// For each membership, a point that pretends to be a signature on the value.
    pub value_signatures: &'a [G1Affine],
}

/// A proof of `statement` whose challenge holds, true or not: only the pairings can tell.
///
/// # Panics
/// When the statement has more messages than the suite allows.
#[must_use]
pub fn forge(statement: &Statement<'_>, material: &Material<'_>, context: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let suite = Suite::Sha256;
    let count = statement.message_count;
    let hidden: Vec<usize> = (0..count).filter(|i| statement.shown.iter().all(|(shown, _)| shown != i)).collect();
    let generators: Vec<G1> = suite.generators(count).expect("few messages").into_iter().map(G1::from).collect();
    let domain = domain(statement, &generators);
    let a =
        G1::from(G1Affine::from_compressed(material.signature[..48].try_into().expect("48 bytes")).expect("a point"));
    let e = Scalar::from_be_bytes(material.signature[48..].try_into().expect("32 bytes")).expect("a scalar");
    let mut draw = || Scalar::random(rng);

    // The signature, randomised.
    let (r1, r2) = (draw(), draw());
    let r3 = r2.invert().expect("not zero");
    let mut b = G1::from(suite.base_point()) + generators[0].multiply(&domain);
    for (message, generator) in material.messages.iter().zip(&generators[1..]) {
        b += generator.multiply(message);
    }
    let (d, a_bar) = (b.multiply(&r2), a.multiply(&(r1 * r2)));
    let b_bar = d.multiply(&r1) + -a_bar.multiply(&e);
    let (e_tilde, r1_tilde, r3_tilde) = (draw(), draw(), draw());
    let m_tilde: Vec<Scalar> = hidden.iter().map(|_| draw()).collect();
    let mut t2 = d.multiply(&r3_tilde);
    for (index, tilde) in hidden.iter().zip(&m_tilde) {
        t2 += generators[index + 1].multiply(tilde);
    }
    let mut commitments = vec![a_bar.multiply(&e_tilde) + d.multiply(&r1_tilde), t2];

    // The memberships.
    let mut points = vec![a_bar, b_bar, d];
    let mut randomizers = Vec::new();
    for (membership, signature) in statement.memberships.iter().zip(material.value_signatures) {
        let (r, tilde) = (draw(), draw());
        let position = hidden.iter().position(|index| *index == membership.message).expect("a hidden message");
        let value = membership.coefficient * material.messages[membership.message] + membership.constant;
        let a_prime = signature.multiply(&r);
        points.extend([a_prime, membership.base.multiply(&r) + -a_prime.multiply(&value)]);
        commitments
            .push(membership.base.multiply(&tilde) + a_prime.multiply(&(membership.coefficient * m_tilde[position])));
        randomizers.push((r, tilde));
    }

    // The challenge and the responses.
    let mut transcript = transcript(statement, domain);
    let encode = |point: &G1| point.to_affine().to_compressed();
    points.iter().chain(&commitments).for_each(|point| transcript.extend(encode(point)));
    string(&mut transcript, context);
    let c = Expander::XmdSha256.hash_to_scalar(&Sha256::digest(&transcript), domains::ZK_CHALLENGE);
    let mut proof: Vec<u8> = points[..3].iter().flat_map(encode).collect();
    let mut push = |scalar: Scalar| proof.extend(scalar.to_be_bytes());
    push(e_tilde + e * c);
    push(r1_tilde - r1 * c);
    push(r3_tilde - r3 * c);
    for (index, tilde) in hidden.iter().zip(&m_tilde) {
        push(*tilde + material.messages[*index] * c);
    }
    push(c);
    for (pair, (r, tilde)) in points[3..].chunks(2).zip(&randomizers) {
        proof.extend(pair.iter().flat_map(encode));
        proof.extend((*tilde - *r * c).to_be_bytes());
    }
    proof
}

fn number(value: usize) -> [u8; 8] {
    (value as u64).to_be_bytes()
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(number(bytes.len()));
    out.extend(bytes);
}

fn domain(statement: &Statement<'_>, generators: &[G1]) -> Scalar {
    let suite = Suite::Sha256;
    let mut input = statement.issuer.as_bytes().to_vec();
    input.extend(number(statement.message_count));
    generators.iter().for_each(|generator| input.extend(generator.to_affine().to_compressed()));
    input.extend(suite.api_id());
    string(&mut input, statement.header);
    suite.hash_to_scalar(&input)
}

fn transcript(statement: &Statement<'_>, domain: Scalar) -> Vec<u8> {
    let mut out = Vec::new();
    string(&mut out, domains::ZK_TRANSCRIPT);
    out.extend(statement.issuer.as_bytes());
    out.extend(domain.to_be_bytes());
    out.extend(number(statement.message_count));
    out.extend(number(statement.shown.len()));
    for (index, message) in statement.shown {
        out.extend(number(*index));
        out.extend(message.to_be_bytes());
    }
    out.extend(number(statement.memberships.len()));
    for membership in statement.memberships {
        out.extend(membership.set.as_bytes());
        out.extend(number(membership.message));
        out.extend(membership.coefficient.to_be_bytes());
        out.extend(membership.constant.to_be_bytes());
        out.extend(membership.base.to_compressed());
    }
    out.extend(number(0));
    out
}

//! A dishonest holder: makes proofs from `specs/zk-presentation.md` alone, without the checks by which
//! the product refuses to prove what is not true.
//!
//! [`forge`] goes all the way. A cheat who wants to interfere in between takes the steps one by one:
//! [`FirstMove::new`], its points and commitments as bytes, [`challenge`], [`FirstMove::answer`], [`Answer::encode`].

use protocol::crypto::bbs::Suite;
use protocol::crypto::curve::{Expander, G1, G1Affine, Scalar};
use protocol::crypto::domains;
use protocol::disclosure::Statement;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

/// A compressed point.
pub type Bytes48 = [u8; 48];

/// What the dishonest holder works with; nothing of it needs to fit the statement.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// A BBS signature, 80 bytes.
    pub signature: &'a [u8; 80],
    /// All messages.
    pub messages: &'a [Scalar],
    /// For each membership, a point that pretends to be a signature on the value.
    pub value_signatures: &'a [G1Affine],
}

/// A hidden message with its blinding.
#[derive(Clone, Copy)]
pub struct Hidden {
    /// Its index.
    pub index: usize,
    /// Its value.
    pub message: Scalar,
    /// Its blinding.
    pub tilde: Scalar,
}

/// One membership's part of the first move.
#[derive(Clone, Copy)]
pub struct Part {
    /// A′ = V·r.
    pub a_prime: G1,
    /// Ā = base·r − A′·value.
    pub a_bar: G1,
    /// T = base·r̃ + A′·(blinding of the value).
    pub t: G1,
    /// r.
    pub r: Scalar,
    /// r̃.
    pub tilde: Scalar,
}

impl Part {
    /// The part for a value and its blinding, whatever they are.
    #[must_use]
    pub fn new(base: &G1Affine, v: &G1Affine, value: Scalar, value_tilde: Scalar, [r, tilde]: [Scalar; 2]) -> Self {
        let a_prime = v.multiply(&r);
        let a_bar = base.multiply(&r) + -a_prime.multiply(&value);
        Self { a_prime, a_bar, t: base.multiply(&tilde) + a_prime.multiply(&value_tilde), r, tilde }
    }
}

/// Everything chosen before the challenge.
pub struct FirstMove {
    /// Abar, Bbar and D.
    pub signature: [G1; 3],
    /// T1 and T2.
    pub commitments: [G1; 2],
    /// The memberships, in the statement's order.
    pub parts: Vec<Part>,
    /// The pseudonym's commitment.
    pub pseudonym: Option<G1>,
    /// e, r1 and r3.
    pub secrets: [Scalar; 3],
    /// Their blinding.
    pub tildes: [Scalar; 3],
    /// The hidden messages.
    pub hidden: Vec<Hidden>,
}

impl FirstMove {
    /// The honest first move for this material, true or not.
    ///
    /// # Panics
    /// When the statement has more messages than the suite allows.
    #[must_use]
    pub fn new(statement: &Statement<'_>, material: &Material<'_>, rng: &mut impl CryptoRng) -> Self {
        let suite = Suite::Sha256;
        let generators = generators(statement.message_count);
        let domain = domain(statement, &generators);
        let point = G1Affine::from_compressed(material.signature[..48].try_into().expect("48 bytes"));
        let a = G1::from(point.expect("a point"));
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
        let tildes = [draw(), draw(), draw()];
        let hidden: Vec<Hidden> = (0..statement.message_count)
            .filter(|index| statement.shown.iter().all(|(shown, _)| shown != index))
            .map(|index| Hidden { index, message: material.messages[index], tilde: draw() })
            .collect();
        let mut t2 = d.multiply(&tildes[2]);
        for hidden in &hidden {
            t2 += generators[hidden.index + 1].multiply(&hidden.tilde);
        }
        let commitments = [a_bar.multiply(&tildes[0]) + d.multiply(&tildes[1]), t2];

        let tilde = |index: usize| hidden.iter().find(|hidden| hidden.index == index).expect("a hidden message").tilde;
        let parts = statement.memberships.iter().zip(material.value_signatures);
        let parts = parts.map(|(membership, v)| {
            let value = membership.coefficient * material.messages[membership.message] + membership.constant;
            let value_tilde = membership.coefficient * tilde(membership.message);
            Part::new(&membership.base, v, value, value_tilde, [draw(), draw()])
        });
        let parts = parts.collect();
        let pseudonym =
            statement.pseudonym.map(|pseudonym| scope_base(pseudonym.scope).multiply(&tilde(pseudonym.message)));
        Self { signature: [a_bar, b_bar, d], commitments, parts, pseudonym, secrets: [e, r1, r3], tildes, hidden }
    }

    /// Abar, Bbar, D, then A′ and Ā of each membership.
    #[must_use]
    pub fn points(&self) -> Vec<Bytes48> {
        self.signature
            .iter()
            .chain(self.parts.iter().flat_map(|part| [&part.a_prime, &part.a_bar]))
            .map(encode)
            .collect()
    }

    /// T1, T2, then T of each membership and of the pseudonym.
    #[must_use]
    pub fn commitments(&self) -> Vec<Bytes48> {
        self.commitments
            .iter()
            .chain(self.parts.iter().map(|part| &part.t))
            .chain(&self.pseudonym)
            .map(encode)
            .collect()
    }

    /// The responses to a challenge.
    #[must_use]
    pub fn answer(&self, challenge: Scalar) -> Answer {
        let [e, r1, r3] = self.secrets;
        let [e_tilde, r1_tilde, r3_tilde] = self.tildes;
        Answer {
            points: self.points(),
            signature: [e_tilde + e * challenge, r1_tilde - r1 * challenge, r3_tilde - r3 * challenge],
            messages: self.hidden.iter().map(|hidden| hidden.tilde + hidden.message * challenge).collect(),
            challenge,
            parts: self.parts.iter().map(|part| part.tilde - part.r * challenge).collect(),
        }
    }

    /// The rest of an honest proof.
    #[must_use]
    pub fn finish(&self, statement: &Statement<'_>, context: &[u8]) -> Answer {
        self.answer(challenge(statement, &self.points(), &self.commitments(), context))
    }
}

/// A proof in parts, open to every change.
#[derive(Clone)]
pub struct Answer {
    /// Abar, Bbar, D, then A′ and Ā of each membership.
    pub points: Vec<Bytes48>,
    /// The responses for e, r1 and r3.
    pub signature: [Scalar; 3],
    /// One for each hidden message.
    pub messages: Vec<Scalar>,
    /// The challenge.
    pub challenge: Scalar,
    /// One for each membership.
    pub parts: Vec<Scalar>,
}

impl Answer {
    /// The proof as it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut proof = self.points[..3].concat();
        for scalar in self.signature.iter().chain(&self.messages).chain([&self.challenge]) {
            proof.extend(scalar.to_be_bytes());
        }
        for (pair, response) in self.points[3..].chunks(2).zip(&self.parts) {
            proof.extend(pair.concat());
            proof.extend(response.to_be_bytes());
        }
        proof
    }
}

/// A proof of `statement` whose challenge holds, true or not: only the pairings can tell.
///
/// # Panics
/// When the statement has more messages than the suite allows.
#[must_use]
pub fn forge(statement: &Statement<'_>, material: &Material<'_>, context: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    FirstMove::new(statement, material, rng).finish(statement, context).encode()
}

/// The challenge that a verifier of `statement` will compute.
#[must_use]
pub fn challenge(statement: &Statement<'_>, points: &[Bytes48], commitments: &[Bytes48], context: &[u8]) -> Scalar {
    let domain = domain(statement, &generators(statement.message_count));
    let mut transcript = transcript(statement, domain);
    points.iter().chain(commitments).for_each(|point| transcript.extend(point));
    string(&mut transcript, context);
    Expander::XmdSha256.hash_to_scalar(&Sha256::digest(&transcript), domains::ZK_CHALLENGE)
}

/// hash_to_curve(scope).
#[must_use]
pub fn scope_base(scope: &[u8]) -> G1Affine {
    Expander::XmdSha256.hash_to_g1(scope, domains::PSEUDONYM_SCOPE).to_affine()
}

/// A point as it travels.
#[must_use]
pub fn encode(point: &G1) -> Bytes48 {
    point.to_affine().to_compressed()
}

/// Q1, H1, H2 …
#[must_use]
pub fn generators(count: usize) -> Vec<G1> {
    Suite::Sha256.generators(count).expect("few messages").into_iter().map(G1::from).collect()
}

fn number(value: usize) -> [u8; 8] {
    (value as u64).to_be_bytes()
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(number(bytes.len()));
    out.extend(bytes);
}

/// The draft's domain.
#[must_use]
pub fn domain(statement: &Statement<'_>, generators: &[G1]) -> Scalar {
    let suite = Suite::Sha256;
    let mut input = statement.issuer.as_bytes().to_vec();
    input.extend(number(statement.message_count));
    generators.iter().for_each(|generator| input.extend(encode(generator)));
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
    match &statement.pseudonym {
        None => out.extend(number(0)),
        Some(pseudonym) => {
            out.extend(number(1));
            string(&mut out, pseudonym.scope);
            out.extend(number(pseudonym.message));
            out.extend(pseudonym.value.to_compressed());
        }
    }
    out
}

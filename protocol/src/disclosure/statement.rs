//! What is proven, what it is proven with, and the transcript both sides hash.

use sha2::{Digest, Sha256};

use super::ProofError;
use crate::crypto::bbs::{self, PublicKey, Randomized, Signature};
use crate::crypto::curve::{Expander, G1, G1Affine, Scalar};
use crate::crypto::domains;
use crate::crypto::membership::{SetPublicKey, ValueSignature};

/// "`coefficient`·m + `constant` is in the set", for a hidden message m: the holder knows a V with
/// V·(secret key of the set + `coefficient`·m + `constant`) = `base`.
///
/// Examples: at least 19 years old: coefficient −1, constant the last birth day that qualifies, set of
/// day differences. Valid today: coefficient 1, constant −today. Not withdrawn: coefficient 1,
/// constant [`epoch_offset`](crate::crypto::membership::epoch_offset). One of these licence classes: coefficient 1,
/// constant 0, and the base of the set of bitmaps that have one of them.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// The key of the set.
    pub set: &'a SetPublicKey,
    /// Index of the hidden message.
    pub message: usize,
    /// What the message is multiplied by; not zero.
    pub coefficient: Scalar,
    /// What is added.
    pub constant: Scalar,
    /// The generator of G1 for sets whose values were signed one by one, otherwise the
    /// [base](crate::crypto::public_set::SetParameters::base) of the public set.
    pub base: G1Affine,
}

impl<'a> Membership<'a> {
    /// "`set` has signed `coefficient`·m + `constant`".
    pub fn signed(set: &'a SetPublicKey, message: usize, coefficient: Scalar, constant: Scalar) -> Self {
        Self { set, message, coefficient, constant, base: G1Affine::generator() }
    }

    /// "m is one of the public set with this base".
    pub fn public(set: &'a SetPublicKey, message: usize, base: G1Affine) -> Self {
        Self { set, message, coefficient: Scalar::ONE, constant: Scalar::ZERO, base }
    }

    /// Whether the base is the generator, whose multiples are tabulated.
    pub(super) fn is_signed(&self) -> bool {
        self.base == G1Affine::generator()
    }
}

/// "`value` is the pseudonym of the hidden message in `scope`".
#[derive(Clone, Copy, Debug)]
pub struct Pseudonym<'a> {
    /// Where the pseudonym is valid: verifier, period.
    pub scope: &'a [u8],
    /// Index of the hidden message, the link secret.
    pub message: usize,
    /// The pseudonym, see [`pseudonym`].
    pub value: G1Affine,
}

/// The claim of one ZK presentation, known to holder and verifier alike.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The issuer's key, which also fixes the suite.
    pub issuer: &'a PublicKey,
    /// The header the credential was signed under.
    pub header: &'a [u8],
    /// How many messages the credential has.
    pub message_count: usize,
    /// The shown messages with their indices, ascending.
    pub shown: &'a [(usize, Scalar)],
    /// Predicates on hidden messages.
    pub memberships: &'a [Membership<'a>],
    /// The pseudonym, if one is asked for.
    pub pseudonym: Option<Pseudonym<'a>>,
}

/// What the holder proves with.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// The issuer's signature.
    pub signature: &'a Signature,
    /// All messages, in order.
    pub messages: &'a [Scalar],
    /// For each membership, the set's signature on the value.
    pub value_signatures: &'a [ValueSignature],
}

/// The pseudonym of `secret` in `scope`: H(scope)·secret. The same for the same pair, and unlinkable
/// across scopes.
pub fn pseudonym(scope: &[u8], secret: &Scalar) -> G1Affine {
    scope_base(scope).multiply(secret).to_affine()
}

/// H(scope).
pub(super) fn scope_base(scope: &[u8]) -> G1Affine {
    Expander::XmdSha256.hash_to_g1(scope, domains::PSEUDONYM_SCOPE).to_affine()
}

/// A statement found well formed, with what both sides derive from it.
pub(super) struct Checked<'a> {
    pub(super) statement: Statement<'a>,
    /// Indices of the hidden messages, ascending.
    pub(super) hidden: Vec<usize>,
    /// For each membership, the position of its message among the hidden ones.
    pub(super) positions: Vec<usize>,
    /// For the pseudonym, H(scope) and the position of its message among the hidden ones.
    pub(super) scope: Option<(G1Affine, usize)>,
    pub(super) domain: Scalar,
}

impl<'a> Checked<'a> {
    /// # Errors
    /// `TooManyMessages`, `IndexInvalid`, `PredicateVacuous`, `IdentityPoint`.
    pub(super) fn new(statement: &Statement<'a>) -> Result<Self, ProofError> {
        let shown = statement.shown.iter().map(|(index, _)| *index);
        // ZKP-05, ZKP-07
        let domain = bbs::domain(statement.issuer, statement.message_count, statement.header)?;
        let hidden = bbs::hidden_indexes(statement.message_count, shown)?;
        let position = |message| hidden.binary_search(&message).map_err(|_| ProofError::IndexInvalid);
        let positions = statement
            .memberships
            .iter()
            .map(|membership| match membership {
                // ZKP-06
                Membership { coefficient, .. } if coefficient.is_zero() => Err(ProofError::PredicateVacuous),
                // ZKP-03
                Membership { base, .. } if base.is_identity() => Err(ProofError::IdentityPoint),
                Membership { message, .. } => position(*message),
            })
            .collect::<Result<_, _>>()?;
        let scope = match statement.pseudonym {
            None => None,
            // ZKP-03
            Some(Pseudonym { value, .. }) if value.is_identity() => return Err(ProofError::IdentityPoint),
            Some(Pseudonym { scope, message, .. }) => Some((scope_base(scope), position(message)?)),
        };
        Ok(Self { statement: *statement, hidden, positions, scope, domain })
    }
}

/// SHA-256 over everything the challenge depends on (specs/zk-presentation.md, section 3). The context comes
/// last, so that all the rest can be hashed before it is known.
#[derive(Clone)]
pub(super) struct Transcript(Sha256);

impl Transcript {
    pub(super) fn of(checked: &Checked<'_>) -> Self {
        let statement = &checked.statement;
        let mut transcript = Self(Sha256::new());
        transcript.string(domains::ZK_TRANSCRIPT);
        transcript.0.update(statement.issuer.as_bytes());
        transcript.scalar(&checked.domain);
        transcript.number(statement.message_count);
        transcript.number(statement.shown.len());
        for (index, message) in statement.shown {
            transcript.number(*index);
            transcript.scalar(message);
        }
        transcript.number(statement.memberships.len());
        for membership in statement.memberships {
            transcript.0.update(membership.set.as_bytes());
            transcript.number(membership.message);
            transcript.scalar(&membership.coefficient);
            transcript.scalar(&membership.constant);
            transcript.0.update(membership.base.to_compressed());
        }
        transcript.number(usize::from(statement.pseudonym.is_some()));
        if let Some(pseudonym) = &statement.pseudonym {
            transcript.string(pseudonym.scope);
            transcript.number(pseudonym.message);
            transcript.0.update(pseudonym.value.to_compressed());
        }
        transcript
    }

    /// The statement's own hash: what the holder's blinding is derived from, among other things.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }

    /// The first move: the randomised signatures, then the commitments T1, T2, one for each membership, and the
    /// pseudonym's if there is one.
    pub(super) fn first_move(&mut self, points: &Randomized, memberships: &[[G1Affine; 2]], commitments: &[G1]) {
        for point in [points.a_bar, points.b_bar, points.d].iter().chain(memberships.iter().flatten()) {
            self.0.update(point.to_compressed());
        }
        for point in G1::all_to_affine(commitments) {
            self.0.update(point.to_compressed());
        }
    }

    /// Bind the context and draw the challenge.
    pub(super) fn challenge(mut self, context: &[u8]) -> Scalar {
        self.string(context);
        Expander::XmdSha256.hash_to_scalar(&self.digest(), domains::ZK_CHALLENGE)
    }

    fn number(&mut self, value: usize) {
        self.0.update((value as u64).to_be_bytes());
    }

    fn scalar(&mut self, value: &Scalar) {
        self.0.update(value.to_be_bytes());
    }

    fn string(&mut self, value: &[u8]) {
        self.number(value.len());
        self.0.update(value);
    }
}

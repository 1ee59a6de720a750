//! The two ciphersuites, their generators, and hashing to scalars (draft, sections 4.1, 4.2 and 7.2).

use std::sync::OnceLock;

use super::{BbsError, PublicKey};
use crate::crypto::curve::{Expander, FixedBase, G1, G1Affine, Scalar, sum};

/// The most messages one signature may cover: a bound on work and memory, not on the scheme.
pub const MAX_MESSAGES: usize = 256;

/// A BBS ciphersuite. A key belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_`.
    Sha256,
    /// `BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_`.
    Shake256,
}

/// A point that signatures are built on, with its tables of multiples.
struct Generator {
    base: FixedBase,
    bytes: [u8; 48],
    /// Input of the next generator's hash.
    seed: [u8; 48],
}

impl Generator {
    fn new(suite: Suite, seed: [u8; 48]) -> Self {
        let point = suite.expander().hash_to_g1(&seed, &suite.label(b"SIG_GENERATOR_DST_")).to_affine();
        Self { base: FixedBase::new(point), bytes: point.to_compressed(), seed }
    }
}

/// What is calculated once per process for a suite: P1, then Q1 and the message generators.
struct Cache {
    first: OnceLock<Generator>,
    chain: [OnceLock<Generator>; MAX_MESSAGES + 1],
}

static CACHES: [Cache; 2] =
    [const { Cache { first: OnceLock::new(), chain: [const { OnceLock::new() }; MAX_MESSAGES + 1] } }; 2];

impl Suite {
    /// The interface identifier that begins every domain separation tag.
    pub fn api_id(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_H2G_HM2S_",
            Self::Shake256 => b"BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_H2G_HM2S_",
        }
    }

    /// The expansion this suite hashes with.
    pub fn expander(self) -> Expander {
        match self {
            Self::Sha256 => Expander::XmdSha256,
            Self::Shake256 => Expander::XofShake256,
        }
    }

    /// `api_id` followed by the name of a use.
    pub(super) fn label(self, name: &[u8]) -> Vec<u8> {
        [self.api_id(), name].concat()
    }

    /// Hash under the suite's general tag.
    pub fn hash_to_scalar(self, message: &[u8]) -> Scalar {
        self.expander().hash_to_scalar(message, &self.label(b"H2S_"))
    }

    /// Turn a message of any length into what is signed (`map_to_scalar_as_hash`).
    pub fn message_to_scalar(self, message: &[u8]) -> Scalar {
        self.expander().hash_to_scalar(message, &self.label(b"MAP_MSG_TO_SCALAR_AS_HASH_"))
    }

    /// The point P1 of the suite.
    pub fn base_point(self) -> G1Affine {
        self.first().base.point()
    }

    /// Q1 followed by `messages` message generators.
    ///
    /// # Errors
    /// `TooManyMessages`.
    pub fn generators(self, messages: usize) -> Result<Vec<G1Affine>, BbsError> {
        check_count(messages)?;
        Ok((0..=messages).map(|index| self.generator(index).base.point()).collect())
    }

    fn cache(self) -> &'static Cache {
        match self {
            Self::Sha256 => &CACHES[0],
            Self::Shake256 => &CACHES[1],
        }
    }

    fn first_seed(self, name: &[u8]) -> [u8; 48] {
        self.next_seed(&self.next_seed_input(&self.seed_of(name), 1))
    }

    fn seed_of(self, name: &[u8]) -> [u8; 48] {
        self.next_seed(&self.label(name))
    }

    fn next_seed(self, input: &[u8]) -> [u8; 48] {
        let mut seed = [0u8; 48];
        self.expander().expand(input, &self.label(b"SIG_GENERATOR_SEED_"), &mut seed);
        seed
    }

    fn next_seed_input(self, seed: &[u8; 48], index: usize) -> Vec<u8> {
        [seed, &(index as u64).to_be_bytes()[..]].concat()
    }

    fn first(self) -> &'static Generator {
        self.cache().first.get_or_init(|| Generator::new(self, self.first_seed(b"BP_MESSAGE_GENERATOR_SEED")))
    }

    /// Generator `index` of the chain: 0 is Q1, then the messages'. Indices are checked by `check_count`.
    fn generator(self, index: usize) -> &'static Generator {
        let chain = &self.cache().chain;
        if let Some(generator) = chain[index].get() {
            return generator;
        }
        let mut generator = chain[0].get_or_init(|| Generator::new(self, self.first_seed(b"MESSAGE_GENERATOR_SEED")));
        for (position, slot) in chain.iter().enumerate().take(index + 1).skip(1) {
            let input = self.next_seed_input(&generator.seed, position + 1);
            generator = slot.get_or_init(|| Generator::new(self, self.next_seed(&input)));
        }
        generator
    }
}

pub(super) fn check_count(messages: usize) -> Result<(), BbsError> {
    if messages > MAX_MESSAGES { Err(BbsError::TooManyMessages) } else { Ok(()) }
}

/// The table of message generator `index`, which must be below [`MAX_MESSAGES`].
pub(crate) fn message_base(suite: Suite, index: usize) -> &'static FixedBase {
    &suite.generator(index + 1).base
}

/// The table of P1.
pub(super) fn first_base(suite: Suite) -> &'static FixedBase {
    &suite.first().base
}

/// The table of Q1.
pub(super) fn domain_base(suite: Suite) -> &'static FixedBase {
    &suite.generator(0).base
}

/// `calculate_domain`: binds the key, the number of messages and the header.
///
/// # Errors
/// `TooManyMessages`.
pub(crate) fn domain(key: &PublicKey, messages: usize, header: &[u8]) -> Result<Scalar, BbsError> {
    check_count(messages)?;
    let suite = key.suite();
    let mut input = Vec::with_capacity(96 + 8 + 48 * (messages + 1) + 64 + header.len());
    input.extend_from_slice(key.as_bytes());
    input.extend_from_slice(&(messages as u64).to_be_bytes());
    for index in 0..=messages {
        input.extend_from_slice(&suite.generator(index).bytes);
    }
    input.extend_from_slice(suite.api_id());
    input.extend_from_slice(&(header.len() as u64).to_be_bytes());
    input.extend_from_slice(header);
    Ok(suite.hash_to_scalar(&input))
}

/// B = P1 + Q1·domain + Σ Hᵢ·mᵢ, in constant time.
pub(super) fn message_point(suite: Suite, domain: Scalar, messages: impl Iterator<Item = (usize, Scalar)>) -> G1 {
    let messages = messages.map(|(index, message)| (message_base(suite, index), message));
    sum(core::iter::once((domain_base(suite), domain)).chain(messages)) + suite.base_point()
}

//! Random numbers that hide secrets.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::BbsError;
use crate::crypto::curve::{Expander, Scalar};

/// `count` scalars from the caller's generator, refused when it is visibly stuck: a zero or a repetition,
/// which a sound generator yields with probability 2⁻²⁴⁰.
pub(crate) fn fresh_scalars<R: CryptoRng + ?Sized>(
    rng: &mut R,
    count: usize,
) -> Result<Zeroizing<Vec<Scalar>>, BbsError> {
    let scalars = Zeroizing::new((0..count.max(2)).map(|_| Scalar::random(rng)).collect::<Vec<_>>());
    let repeats = |index: usize| scalars[index].is_zero() || scalars[..index].contains(&scalars[index]);
    if (0..scalars.len()).any(repeats) {
        return Err(BbsError::RngFailure);
    }
    Ok(scalars)
}

/// `count` scalars that are unpredictable if the generator *or* what `known` hashes is: a hash of two fresh scalars, of
/// that, and of a counter, under `label`.
///
/// `known` hashes the secrets to be hidden and all that the challenge will depend on, as far as it is known. A generator
/// that is set back (a copied process, a restored machine) then hides two answers to different questions differently;
/// with the same blinding they would reveal the secrets. A generator that visibly repeats itself is refused all the same.
pub(crate) fn blinding<R: CryptoRng + ?Sized>(
    label: &[u8],
    rng: &mut R,
    count: usize,
    known: impl FnOnce(&mut Sha256),
) -> Result<Zeroizing<Vec<Scalar>>, BbsError> {
    let mut hash = Sha256::new();
    hash_secrets(&mut hash, &fresh_scalars(rng, 2)?);
    known(&mut hash);
    let mut input = Zeroizing::new([0u8; 40]);
    input[..32].copy_from_slice(&hash.finalize());
    let scalars = (0..count).map(|index| {
        input[32..].copy_from_slice(&(index as u64).to_be_bytes());
        Expander::XmdSha256.hash_to_scalar(input.as_ref(), label)
    });
    Ok(Zeroizing::new(scalars.collect()))
}

/// Hash scalars without leaving their encodings behind.
pub(crate) fn hash_secrets(hash: &mut Sha256, scalars: &[Scalar]) {
    for scalar in scalars {
        hash.update(Zeroizing::new(scalar.to_be_bytes()));
    }
}

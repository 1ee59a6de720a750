//! What is dangerous outside of tests.

use rand_core::CryptoRng;

use super::blinding::fresh_scalars;
use super::proof::{Claimed, Proof, Secrets};
use super::{BbsError, PublicKey, Signature};
use crate::crypto::curve::Scalar;

/// As [`prove`](super::prove) with blinding taken from the generator as it comes, which is how the draft's vectors were
/// made. **Two proofs from a generator that was set back reveal the signature and all messages.**
///
/// # Errors
/// As [`prove`](super::prove).
pub fn prove_as_drawn<R: CryptoRng + ?Sized>(
    key: &PublicKey,
    signature: &Signature,
    header: &[u8],
    presentation_header: &[u8],
    messages: &[Scalar],
    shown: &[usize],
    rng: &mut R,
) -> Result<Proof, BbsError> {
    let claimed = Claimed::new(key, signature, header, presentation_header, messages, shown)?;
    claimed.prove(&Secrets::from_scalars(&fresh_scalars(rng, claimed.secret_count())?)?)
}

//! A second check of a holder's commitment for the tests: slow, without tables or shared sums, written from
//! specs/issuance.md (ISSU-06) alone.

use super::Suite;
use super::blind::Issuance;
use crate::crypto::curve::{Expander, G1, G1Affine, Scalar};

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

fn be(value: usize) -> Vec<u8> {
    (value as u64).to_be_bytes().to_vec()
}

pub(super) fn accepts(issuance: &Issuance<'_>, mut bytes: &[u8]) -> bool {
    check(issuance, &mut bytes).is_some()
}

fn check(issuance: &Issuance<'_>, bytes: &mut &[u8]) -> Option<()> {
    let Issuance { issuer, header, message_count, hidden, nonce } = issuance;
    let (c_point, c) = (point(bytes)?, scalar(bytes)?);
    let responses: Vec<_> = hidden.iter().map(|_| scalar(bytes)).collect::<Option<_>>()?;
    if !bytes.is_empty() {
        return None;
    }
    let suite = Suite::Sha256;
    let generators = suite.generators(*message_count).ok()?;

    // The domain of the draft.
    let mut input = issuer.as_bytes().to_vec();
    input.extend(be(*message_count));
    generators.iter().for_each(|generator| input.extend(generator.to_compressed()));
    input.extend(suite.api_id());
    input.extend(be(header.len()));
    input.extend(*header);
    let domain = suite.hash_to_scalar(&input);

    // T = Σ Hᵢ·sᵢ − C·c
    let mut t = G1::IDENTITY - c_point.multiply(&c);
    for (index, response) in hidden.iter().zip(&responses) {
        t += generators.get(index + 1)?.multiply(response);
    }
    let mut hashed = issuer.as_bytes().to_vec();
    hashed.extend(domain.to_be_bytes());
    hashed.extend(be(hidden.len()));
    hidden.iter().for_each(|index| hashed.extend(be(*index)));
    hashed.extend(be(nonce.len()));
    hashed.extend(*nonce);
    hashed.extend(c_point.to_affine().to_compressed());
    hashed.extend(t.to_affine().to_compressed());
    (Expander::XmdSha256.hash_to_scalar(&hashed, b"mid/v1/blind/commitment;") == c).then_some(())
}

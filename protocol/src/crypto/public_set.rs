//! Any set that both sides can name, so that a holder can prove "my hidden value is one of these" without
//! anybody having signed that set.
//!
//! The accumulator of Nguyen (CT-RSA 2005), whose secret τ is forgotten once its powers G1·τ, G1·τ² … are
//! published. Everybody computes the *base* of a set S from them: B = G1·Π(τ + s). Whoever knows a member m
//! computes V = G1·Π(τ + s) over the others, so that V·(τ + m) = B: a membership of the same shape as a signed value
//! (see [`super::membership`]), with B where a signed value has G1 and with the key G2·τ. For an m outside S such a
//! V would be a solution of the strong Diffie–Hellman problem. The proof itself is in [`crate::disclosure`].

use core::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::curve::{Equation, Expander, G1Affine, G2Affine, Scalar, equations_hold, multiply_sum_vartime};
use super::domains;
use super::membership::{MembershipError, SetPublicKey, ValueSignature, generator_table};

/// Most powers of one key, and so most members of a set.
pub const POWERS_MAX: usize = 511;

/// What sets are made of: the key G2·τ and the powers G1·τ, G1·τ² ….
#[derive(Clone, PartialEq, Eq)]
pub struct SetParameters {
    key: SetPublicKey,
    /// G1·τⁱ for i = 0, 1, 2 …
    powers: Vec<G1Affine>,
}

impl SetParameters {
    /// Make parameters for sets of up to `powers` members from at least 32 bytes of secret material, which must
    /// be forgotten, and public information that tells keys of the same material apart.
    ///
    /// # Errors
    /// `WeakKeyMaterial`; `ParametersInvalid` for no power or more than [`POWERS_MAX`].
    pub fn generate(key_material: &[u8], purpose: &[u8], powers: usize) -> Result<Self, MembershipError> {
        if key_material.len() < 32 || key_material.iter().all(|byte| *byte == 0) {
            return Err(MembershipError::WeakKeyMaterial);
        }
        if powers == 0 || powers > POWERS_MAX {
            return Err(MembershipError::ParametersInvalid);
        }
        let mut input = Zeroizing::new((key_material.len() as u64).to_be_bytes().to_vec());
        input.extend_from_slice(key_material);
        input.extend_from_slice(purpose);
        let mut secret = Expander::XmdSha256.hash_to_scalar(&input, domains::PUBLIC_SET_KEY);
        let key = SetPublicKey::new(G2Affine::generator_times(&secret));
        let exponents = core::iter::successors(Some(Scalar::ONE), |power| Some(*power * secret));
        let exponents = Zeroizing::new(exponents.take(powers + 1).collect::<Vec<_>>());
        secret.zeroize();
        Ok(Self { key, powers: generator_table().multiply_all(&exponents) })
    }

    /// Decode the key (96 bytes) and the powers from the first on (48 bytes each). Points are checked, that they are
    /// powers is not: see [`Self::verify`].
    ///
    /// # Errors
    /// `InvalidPublicKey`, `InvalidPoint`, `ParametersInvalid`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MembershipError> {
        let (key, rest) = bytes.split_at_checked(SetPublicKey::LENGTH).ok_or(MembershipError::ParametersInvalid)?;
        let (points, surplus) = rest.as_chunks::<{ G1Affine::LENGTH }>();
        if points.is_empty() || points.len() > POWERS_MAX || !surplus.is_empty() {
            return Err(MembershipError::ParametersInvalid);
        }
        let mut powers = vec![G1Affine::generator()];
        for point in points {
            powers.push(G1Affine::from_compressed(point).map_err(|_| MembershipError::InvalidPoint)?);
        }
        Ok(Self { key: SetPublicKey::from_bytes(key)?, powers })
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.key.as_bytes().to_vec();
        self.powers.iter().skip(1).for_each(|power| bytes.extend_from_slice(&power.to_compressed()));
        bytes
    }

    /// Check that each power is τ times the one before: e(Pᵢ, G2·τ) = e(Pᵢ₊₁, G2).
    ///
    /// # Errors
    /// `ParametersInvalid`.
    pub fn verify(&self) -> Result<(), MembershipError> {
        let step = |pair: &[G1Affine]| match pair {
            [left, right] => Some(Equation { left: *left, key: self.key.prepared(), right: *right }),
            _ => None,
        };
        let equations: Vec<_> = self.powers.windows(2).filter_map(step).collect();
        let seed = Sha256::new().chain_update(domains::SET_BATCH).chain_update(self.to_bytes()).finalize();
        if equations_hold(&equations, &seed.into()) { Ok(()) } else { Err(MembershipError::ParametersInvalid) }
    }

    /// The key G2·τ.
    pub fn key(&self) -> &SetPublicKey {
        &self.key
    }

    /// How many powers there are, and so how many members a set can have.
    pub fn powers(&self) -> usize {
        self.powers.len() - 1
    }

    /// The base of the set of these distinct values: G1·Π(τ + s), which is G1 itself for none. Everybody
    /// calculates it and nobody receives it (ZKP-17).
    ///
    /// # Errors
    /// `SetTooLarge` for more values than there are powers; `ValueUnsignable` if −τ is one of them, which nobody can
    /// ask for without having τ.
    pub fn base(&self, values: &[u64]) -> Result<G1Affine, MembershipError> {
        // Coefficients of Π(x + s), lowest first.
        let mut polynomial = vec![Scalar::ONE];
        for value in values {
            let value = Scalar::from_u64(*value);
            polynomial.push(Scalar::ZERO);
            for degree in (0..polynomial.len()).rev() {
                let below = degree.checked_sub(1).map_or(Scalar::ZERO, |below| polynomial[below]);
                polynomial[degree] = polynomial[degree] * value + below;
            }
        }
        if polynomial.len() > self.powers.len() {
            return Err(MembershipError::SetTooLarge);
        }
        let terms: Vec<_> = self.powers.iter().copied().zip(polynomial).collect();
        let base = multiply_sum_vartime(&terms).to_affine();
        if base.is_identity() { Err(MembershipError::ValueUnsignable) } else { Ok(base) }
    }

    /// What proves that `member` is one of `values`: V with V·(τ + member) = base.
    ///
    /// # Errors
    /// `NotAMember`, `SetTooLarge`.
    pub fn witness(&self, values: &[u64], member: u64) -> Result<ValueSignature, MembershipError> {
        let others: Vec<_> = values.iter().copied().filter(|value| *value != member).collect();
        if others.len() + 1 != values.len() {
            return Err(MembershipError::NotAMember);
        }
        self.base(&others).map(ValueSignature)
    }
}

impl fmt::Debug for SetParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetParameters({} powers)", self.powers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(powers: usize) -> SetParameters {
        SetParameters::generate(&[5; 32], b"test", powers).unwrap()
    }

    #[test]
    fn zkp_17_a_member_has_a_witness_and_a_stranger_has_none() {
        let parameters = parameters(8);
        let set = [3, 0, 61, 7];
        let base = parameters.base(&set).unwrap();
        let holds = |value: u64, witness: ValueSignature| {
            let right = crate::crypto::curve::G1::from(base) - witness.0.multiply(&Scalar::from_u64(value));
            let equation = Equation { left: witness.0, key: parameters.key().prepared(), right: right.to_affine() };
            equations_hold(&[equation], &[0; 32])
        };
        for member in set {
            let witness = parameters.witness(&set, member).unwrap();
            assert!(holds(member, witness));
            assert!(!holds(member + 1, witness));
        }
        assert_eq!(parameters.witness(&set, 5), Err(MembershipError::NotAMember));
        assert_eq!(parameters.witness(&[3, 3], 3), Err(MembershipError::NotAMember));
        assert_eq!(parameters.base(&[]), Ok(G1Affine::generator()));
        assert_eq!(parameters.base(&(0..9).collect::<Vec<_>>()), Err(MembershipError::SetTooLarge));
        assert!(parameters.base(&(0..8).collect::<Vec<_>>()).is_ok());
    }

    /// The slow way, with τ in hand: one multiplication for each member.
    #[test]
    fn a_base_is_the_product_over_its_members() {
        let mut input = 32u64.to_be_bytes().to_vec();
        input.extend([5; 32]);
        input.extend(b"test");
        let secret = Expander::XmdSha256.hash_to_scalar(&input, b"mid/v1/public-set/key;");
        let parameters = parameters(70);
        for set in [vec![], vec![0], vec![5, 2, 9], (0..64).collect(), (3..70).step_by(3).collect()] {
            let mut expected = crate::crypto::curve::G1::from(G1Affine::generator());
            for member in &set {
                expected = expected.multiply(&(secret + Scalar::from_u64(*member)));
            }
            assert_eq!(parameters.base(&set), Ok(expected.to_affine()), "{set:?}");
        }
    }

    #[test]
    fn parameters_are_checked() {
        let good = parameters(5);
        assert_eq!(SetParameters::from_bytes(&good.to_bytes()).as_ref(), Ok(&good));
        assert_eq!(good.verify(), Ok(()));
        let mut swapped = good.clone();
        swapped.powers.swap(2, 3);
        assert_eq!(swapped.verify(), Err(MembershipError::ParametersInvalid));
        let other = SetParameters::generate(&[6; 32], b"test", 5).unwrap();
        let mixed = SetParameters { key: other.key.clone(), ..good.clone() };
        assert_eq!(mixed.verify(), Err(MembershipError::ParametersInvalid));
        let bytes = good.to_bytes();
        for length in [0, 95, 96, 97, bytes.len() - 1] {
            assert_eq!(SetParameters::from_bytes(&bytes[..length]), Err(MembershipError::ParametersInvalid));
        }
        let mut identity = bytes.clone();
        identity[96..144].copy_from_slice(&[[0xc0].as_slice(), &[0; 47]].concat());
        assert_eq!(SetParameters::from_bytes(&identity), Err(MembershipError::InvalidPoint));
        identity[0] = 0;
        identity[96..144].copy_from_slice(&bytes[96..144]);
        assert_eq!(SetParameters::from_bytes(&identity), Err(MembershipError::InvalidPublicKey));
        let made = |material: &[u8], powers| SetParameters::generate(material, b"", powers);
        assert_eq!(made(&[0; 32], 4), Err(MembershipError::WeakKeyMaterial));
        assert_eq!(made(&[5; 31], 4), Err(MembershipError::WeakKeyMaterial));
        assert_eq!(made(&[5; 32], 0), Err(MembershipError::ParametersInvalid));
        assert_eq!(made(&[5; 32], POWERS_MAX + 1), Err(MembershipError::ParametersInvalid));
        assert_eq!(format!("{good:?}"), "SetParameters(5 powers)");
    }
}

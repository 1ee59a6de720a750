//! BLS12-381 in safe clothes: scalars, points, hashing to them, sums and pairings.
//!
//! The one module that calls `blst` directly. What leaves it is checked: a decoded point is on the
//! curve, in the prime-order subgroup and not the identity; a decoded scalar is canonical.
//! Functions named `*_vartime` are for public values only; everything else takes the same steps
//! whatever the secret is.
#![allow(unsafe_code)] // `blst` offers points and pairings as a C interface only.

mod equation;
mod expand;
mod field;
mod fixed_base;
mod g1;
mod g2;
mod multiply;
mod pairing;
mod scalar;
mod secret_sum;
mod together;
#[cfg(test)]
pub(crate) mod watch;
mod wide;

pub(crate) use equation::blinded_equations_hold;
pub use equation::{Equation, equations_hold, failing_groups};
pub use expand::Expander;
pub use fixed_base::{FixedBase, sum};
pub use g1::{G1, G1Affine};
pub use g2::{G2Affine, PreparedG2};
pub use multiply::multiply_sum_vartime;
pub use pairing::pairings_cancel;
pub use scalar::Scalar;
pub use secret_sum::{Multiples, secret_sum};
pub(crate) use together::in_parts;
pub use together::{Chains, Sum, sum_vartime};

/// Why bytes are not a scalar or point of this curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// A scalar that is not below the group order, or zero where zero has no meaning.
    #[error("a scalar is out of range; ask the sender to encode it again")]
    ScalarOutOfRange,
    /// Flags, coordinate or curve equation are wrong.
    #[error("a point is not on the curve; ask the sender to encode it again")]
    InvalidPoint,
    /// On the curve, outside the prime-order subgroup.
    #[error("a point lies outside the subgroup; refuse the sender")]
    PointNotInSubgroup,
    /// The identity, which no key, signature or proof may contain.
    #[error("a point is the identity; refuse the sender")]
    IdentityPoint,
}

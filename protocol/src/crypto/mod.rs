//! Keys, signatures, hashes, and every signing domain.

pub mod agreement;
pub mod algorithm;
pub mod bbs;
pub mod cose;
pub mod curve;
pub mod domains;
pub mod hpke;
pub mod jose;
pub mod keys;
pub mod membership;
pub mod multikey;
pub mod public_set;
pub mod x509;

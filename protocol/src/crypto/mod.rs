//! Keys, signatures, hashes, and every signing domain.

pub mod bbs;
pub mod curve;
pub mod domains;
pub mod keys;
pub mod membership;
pub mod multikey;
pub mod public_set;

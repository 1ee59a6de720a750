//! Keys, signatures, hashes, and every signing domain.

pub mod domains;

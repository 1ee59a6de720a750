//! Keys, signatures, hashes, and every signing domain.

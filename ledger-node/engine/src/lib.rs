//! Consensus wiring: agree on blocks, keep them, hand out certificates.

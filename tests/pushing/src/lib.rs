//! Web Push with packages of others: see `tests/`.

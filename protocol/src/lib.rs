//! The words and checks every party shares.
//!
//! `protocol` holds everything two independent implementations would have to agree on, byte for byte
//! or verdict for verdict. It performs no I/O, reads no clock and stores nothing: time and randomness
//! arrive as arguments.

pub mod cbor;
pub mod credential;
pub mod crypto;
pub mod disclosure;
pub mod exchange;
pub mod identifier;
pub mod json;
pub mod ledger;
mod name;

#[cfg(test)]
extern crate self as protocol;
#[cfg(test)]
#[path = "../tests/freed/mod.rs"]
mod freed;

#[cfg(test)]
#[global_allocator]
static HEAP: freed::Searching = freed::Searching;

pub use name::error_name;

//! Credentials in the formats of other standards, and software that others wrote: each checks what the other made.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a surprise should stop the test")]

mod figures;
mod jwe;
mod mdoc;
mod new_format;
mod sd_jwt;
mod status;

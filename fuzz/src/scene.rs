//! Keys, roots and a ledger that are the same in every run.

use std::sync::OnceLock;

use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::crypto::x509::{CertificateDraft, Root, Use};

/// The time of everything.
pub const NOW: u64 = 1_800_000_000;

/// A P-256 key: 1 the root, 2 the issuer, 3 the holder, 4 the reader.
#[must_use]
pub fn p256(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

/// Randomness that `seed` determines.
#[must_use]
pub fn rng(seed: u8) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([seed; 32])
}

/// A certificate below (or of) the root.
#[must_use]
pub fn certificate(subject: &str, seed: u8, usage: Use) -> Vec<u8> {
    let draft = CertificateDraft {
        subject,
        issuer: "CN=Root,C=KR",
        contact: "https://issuer.example",
        serial: [seed; 20],
        from: NOW - 1_000,
        until: NOW + 1_000_000,
        key: p256(seed).multikey(),
        usage,
    };
    draft.sign(&p256(1)).unwrap()
}

/// The document signer's certificate.
#[must_use]
pub fn signer() -> Vec<u8> {
    certificate("CN=Signer,C=KR", 2, Use::DocumentSigner)
}

/// What a verifier trusts.
pub fn roots() -> &'static [Root] {
    static ROOTS: OnceLock<[Root; 1]> = OnceLock::new();
    ROOTS.get_or_init(|| [Root::from_der(&certificate("CN=Root,C=KR", 1, Use::Root)).unwrap()])
}

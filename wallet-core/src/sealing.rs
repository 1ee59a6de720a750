//! Authenticated encryption of what is kept elsewhere, under a key that has no other use.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE: usize = 12;

/// A root key and what is derived from it.
pub(crate) struct Sealing {
    root: Zeroizing<[u8; 32]>,
    key: Zeroizing<[u8; 32]>,
    nonce_label: &'static [u8],
}

impl Sealing {
    /// Seals under labels of its own, so that one root key may have other uses.
    pub(crate) fn new(root: Zeroizing<[u8; 32]>, key_label: &[u8], nonce_label: &'static [u8]) -> Self {
        let key = derive(&root, key_label);
        Self { root, key, nonce_label }
    }

    /// At most 32 bytes for this use, from the root key.
    pub(crate) fn derive<const N: usize>(&self, info: &[u8]) -> Zeroizing<[u8; N]> {
        derive(&self.root, info)
    }

    /// Nonce and ciphertext; `None` for what no computer holds.
    pub(crate) fn seal(&self, context: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
        // The nonce is a keyed hash of what is sealed, so that no two contents ever share one, whatever
        // happens to counters and random numbers.
        let length = (context.len() as u64).to_be_bytes();
        let hashed = Zeroizing::new([self.nonce_label, &length, context, secret].concat());
        let nonce: [u8; NONCE] = *self.derive(&hashed);
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: context }).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed in this context; `None` for anything else.
    pub(crate) fn unseal(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: context }).ok()?;
        Some(Zeroizing::new(opened))
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

fn derive<const N: usize>(root: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 32, "one block of output, which HKDF never refuses") };
    let mut out = Zeroizing::new([0; N]);
    let _ = Hkdf::<Sha256>::new(None, root).expand(info, out.as_mut());
    out
}

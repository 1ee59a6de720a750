//! DPoP as a server (RFC 9449): nonces, repetition, and the key that a token is bound to.

use hmac::{Hmac, KeyInit, Mac};
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::exchange::openid4vci::ErrorCode;
use protocol::exchange::openid4vci::dpop::{self, Dpop, REMEMBER, Request};
use rand_core::CryptoRng;
use sha2::Sha256;

use super::{Endpoint, Outcome, inside};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::store::Writer;

/// Keeps nonces apart from everything else made with a secret. It never leaves the issuer.
const LABEL: &[u8] = b"mid/v1/issuer/dpop-nonce;";
/// Seconds after which a new nonce is handed out.
const SLOT: u64 = 60;
/// How many slots a nonce stays good after its own.
const SLOTS: u64 = 5;

/// What came with a request, as it stood in the headers.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// Where the request went; all of them are `POST`.
    pub endpoint: Endpoint,
    /// The access token.
    pub token: Option<&'a str>,
    /// The DPoP proof.
    pub dpop: Option<&'a str>,
    /// The wallet attestation.
    pub attestation: Option<&'a str>,
    /// The proof of its key.
    pub possession: Option<&'a str>,
}

impl Issuer {
    /// The nonce for a wallet's next DPoP proof, for the header `DPoP-Nonce`.
    ///
    /// # Errors
    /// [`ErrorCode::TemporarilyUnavailable`].
    pub fn dpop_nonce<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<String, ErrorCode> {
        let secret = self.openid_secret(rng).map_err(inside)?;
        let slot = now / SLOT;
        let tag = tag(&secret, slot).ok_or(ErrorCode::TemporarilyUnavailable)?.finalize().into_bytes();
        Ok(base64url(&[slot.to_be_bytes().as_slice(), tag.as_slice()].concat()))
    }

    /// The secret that nonces and keys for encryption are made of, made when there is none.
    pub(super) fn openid_secret<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> Result<[u8; 32], IssuerError> {
        if let Some(secret) = self.store.read(|store| store.openid_secret())? {
            return Ok(secret);
        }
        let mut fresh = [0; 32];
        rng.fill_bytes(&mut fresh);
        let kept = self.store.write(|store| {
            store.set_openid_secret(&fresh)?;
            store.openid_secret()
        });
        kept?.ok_or(IssuerError::StorageUnavailable)
    }

    /// Checks everything about a proof that needs no write.
    pub(super) fn check_dpop(&self, presented: &Presented<'_>, now: u64) -> Result<Dpop, ErrorCode> {
        let proof = presented.dpop.ok_or(ErrorCode::InvalidDpopProof)?; // VCI-10
        let address = self.openid_endpoint(presented.endpoint);
        let request = Request { method: "POST", address: &address, token: presented.token };
        let checked = dpop::check(proof, &request, now).map_err(|_| ErrorCode::InvalidDpopProof)?;
        let secret = self.store.read(|store| store.openid_secret()).map_err(inside)?;
        let good = match (&checked.nonce, secret) {
            (Some(nonce), Some(secret)) => is_current(&secret, nonce, now),
            _ => false,
        };
        if good { Ok(checked) } else { Err(ErrorCode::UseDpopNonce) } // VCI-11
    }
}

/// Refuses a proof that came before (VCI-12).
pub(super) fn only_once(store: &Writer<'_>, proof: &Dpop, now: u64) -> Outcome<()> {
    let new = store.first_seen(&proof.once, now, now.saturating_add(REMEMBER))?;
    Ok(if new { Ok(()) } else { Err(ErrorCode::InvalidDpopProof) })
}

fn tag(secret: &[u8; 32], slot: u64) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(LABEL);
    mac.update(&slot.to_be_bytes());
    Some(mac)
}

fn is_current(secret: &[u8; 32], nonce: &str, now: u64) -> bool {
    let bytes = from_base64url(nonce).unwrap_or_default();
    let Some((slot, given)) = bytes.split_first_chunk::<8>() else { return false };
    let slot = u64::from_be_bytes(*slot);
    let age = (now / SLOT).checked_sub(slot);
    age.is_some_and(|age| age <= SLOTS) && tag(secret, slot).is_some_and(|tag| tag.verify_slice(given).is_ok())
}

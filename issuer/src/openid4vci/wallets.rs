//! Wallets that their providers vouch for: whom the issuer believes, and what it wants of keys (VCI-60…65, VCI-69).
//!
//! The file [`WalletProviders::FILE`] in the issuer's directory says so; without it nobody has to attest anything.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use protocol::crypto::multikey::Multikey;
use protocol::crypto::x509::Root;
use protocol::exchange::openid4vci::ErrorCode;
use protocol::exchange::openid4vci::attestation::{self, AttestedKeys, KeyRequirements};
use protocol::exchange::openid4vci::dpop::REMEMBER;
use protocol::exchange::openid4vci::key_proof::{self, Expected};
use serde::{Deserialize, Serialize};

use super::dpop::Presented;
use super::inside;
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::write_whole;

/// Whom the issuer believes about wallets. With it, tokens are given to attested wallets only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletProviders {
    /// Certificates of the roots, DER in base64; one at least.
    pub roots: Vec<String>,
    /// What keys have to be attested as; keys need not be when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyRequirements>,
}

impl WalletProviders {
    /// The file's name.
    pub const FILE: &str = "wallet-providers.json";

    /// Those whose roots are these certificates (DER).
    #[must_use]
    pub fn of(roots: &[Vec<u8>], keys: Option<KeyRequirements>) -> Self {
        let encode = |der: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(der);
        Self { roots: roots.iter().map(encode).collect(), keys }
    }

    /// Writes the file into the issuer's directory `dir`. An issuer reads it when it is opened.
    ///
    /// # Errors
    /// [`IssuerError::WalletProvidersMalformed`], [`IssuerError::FileUnavailable`]
    pub fn write(&self, dir: &Path) -> Result<(), IssuerError> {
        self.trusted()?;
        let json = serde_json::to_vec_pretty(self).map_err(|_| IssuerError::FileUnavailable)?;
        write_whole(&dir.join(Self::FILE), &json, 0o644).map_err(|_| IssuerError::FileUnavailable)
    }

    fn trusted(&self) -> Result<TrustedProviders, IssuerError> {
        let malformed = IssuerError::WalletProvidersMalformed;
        let decode = |text: &String| {
            let der = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
            Root::from_der(&der).ok()
        };
        let roots: Option<Vec<Root>> = self.roots.iter().map(decode).collect();
        let roots = roots.filter(|roots| !roots.is_empty()).ok_or(malformed)?;
        Ok(TrustedProviders { roots, keys: self.keys.clone() })
    }
}

/// The same, read.
pub(crate) struct TrustedProviders {
    roots: Vec<Root>,
    keys: Option<KeyRequirements>,
}

impl TrustedProviders {
    /// Those of the issuer in `dir`, if there are any.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, IssuerError> {
        let path = dir.join(WalletProviders::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let json = fs::read(path).map_err(|_| IssuerError::FileUnavailable)?;
        let read: WalletProviders = serde_json::from_slice(&json).map_err(|_| IssuerError::WalletProvidersMalformed)?;
        read.trusted().map(Some)
    }
}

impl Issuer {
    /// Whether tokens are given to attested wallets only.
    pub(super) fn wants_attested_wallets(&self) -> bool {
        self.wallet_providers.is_some()
    }

    /// What keys have to be attested as, if they have to be.
    pub(super) fn wants_attested_keys(&self) -> Option<&KeyRequirements> {
        self.wallet_providers.as_ref()?.keys.as_ref()
    }

    /// The attested client of a request, where wallets have to be attested. Uses the proof up.
    pub(super) fn check_wallet(
        &self,
        presented: &Presented<'_>,
        named: Option<&str>,
        now: u64,
    ) -> Result<Option<String>, ErrorCode> {
        let Some(providers) = &self.wallet_providers else { return Ok(None) };
        let (Some(attested), Some(possession)) = (presented.attestation, presented.possession) else {
            return Err(ErrorCode::InvalidClient); // VCI-60
        };
        let client = attestation::check_client(attested, possession, self.openid_identifier(), &providers.roots, now);
        let client = client.map_err(|_| ErrorCode::InvalidClient)?;
        if !self.stands(attested, &providers.roots, now) {
            return Err(ErrorCode::InvalidClient); // VCI-69
        }
        if named.is_some_and(|named| named != client.id) {
            return Err(ErrorCode::InvalidClient); // VCI-62
        }
        let until = now.saturating_add(REMEMBER);
        let new = self.store.write(|store| store.first_seen(&client.once, now, until)).map_err(inside)?;
        if new { Ok(Some(client.id)) } else { Err(ErrorCode::InvalidClient) } // VCI-61
    }

    /// Keys and nonces of proofs of type `jwt`. An attestation in their headers names further keys (VCI-63).
    pub(super) fn keys_of_proofs(
        &self,
        proofs: &[String],
        expected: &Expected<'_>,
    ) -> Result<Vec<(Multikey, String)>, ErrorCode> {
        let mut keys = Vec::new();
        let mut seen: Vec<(String, AttestedKeys)> = Vec::new();
        for proof in proofs {
            let proven = key_proof::check(proof, expected).map_err(|_| ErrorCode::InvalidProof)?;
            let Some(wanted) = self.wants_attested_keys() else {
                keys.push((proven.key, proven.nonce));
                continue;
            };
            let attestation = proven.attestation.ok_or(ErrorCode::InvalidProof)?;
            if !seen.iter().any(|(known, _)| *known == attestation) {
                let attested = self.attested(&attestation, true, wanted, expected.now)?;
                keys.extend(attested.keys.iter().map(|key| (*key, proven.nonce.clone())));
                seen.push((attestation.clone(), attested));
            }
            let attested = seen.iter().find(|(known, _)| *known == attestation).map(|(_, attested)| attested);
            let fits = |it: &&AttestedKeys| {
                it.keys.contains(&proven.key) && it.nonce.as_deref() == Some(proven.nonce.as_str())
            };
            attested.filter(fits).ok_or(ErrorCode::InvalidProof)?;
        }
        Ok(keys)
    }

    /// Keys and nonce of a proof of type `attestation` (VCI-64).
    pub(super) fn keys_of_attestation(&self, one: &str, now: u64) -> Result<Vec<(Multikey, String)>, ErrorCode> {
        // Nobody trusted could vouch for it, and the type is not announced.
        let wanted = self.wants_attested_keys().ok_or(ErrorCode::InvalidProof)?;
        let attested = self.attested(one, false, wanted, now)?;
        let nonce = attested.nonce.ok_or(ErrorCode::InvalidProof)?;
        Ok(attested.keys.into_iter().map(|key| (key, nonce.clone())).collect())
    }

    fn attested(
        &self,
        attestation: &str,
        in_proof: bool,
        wanted: &KeyRequirements,
        now: u64,
    ) -> Result<AttestedKeys, ErrorCode> {
        let roots = self.wallet_providers.as_ref().map(|it| it.roots.as_slice()).unwrap_or_default();
        let attested = attestation::check_keys(attestation, in_proof, roots, now);
        let stands = || self.stands(attestation, roots, now); // VCI-69
        attested.ok().filter(|it| it.meet(wanted) && stands()).ok_or(ErrorCode::InvalidProof)
    }
}

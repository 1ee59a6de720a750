//! Parameters of public sets, with which wallets prove "one of these" about codes and licence classes.
//!
//! Made once for each type from a secret that is forgotten at once: nobody, the issuer included, can use them to
//! prove what is not true.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::credential::CredentialType;
use protocol::crypto::public_set::SetParameters;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::IssuerError;
use crate::keys::{KeyStoreError, write_whole};

/// Makes the parameters that `credential_type` needs and writes the file, unless it is there already.
pub(crate) fn create<R: CryptoRng + ?Sized>(
    dir: &Path,
    credential_type: &CredentialType,
    rng: &mut R,
) -> Result<(), IssuerError> {
    let (path, powers) = (path(dir, credential_type), credential_type.set_powers());
    if path.exists() || powers == 0 {
        return Ok(());
    }
    let mut material = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(material.as_mut());
    let parameters = SetParameters::generate(material.as_ref(), credential_type.id.as_bytes(), powers);
    let bytes = parameters.map_err(KeyStoreError::Set)?.to_bytes();
    write_whole(&path, &bytes, 0o644).map_err(|_| IssuerError::FileUnavailable)
}

/// Reads the file and checks that it has powers of one secret, and enough of them (CRED-07); empty for a type that needs
/// none.
pub(crate) fn open(dir: &Path, credential_type: &CredentialType) -> Result<Vec<u8>, IssuerError> {
    if credential_type.set_powers() == 0 {
        return Ok(Vec::new());
    }
    let bytes = fs::read(path(dir, credential_type)).map_err(|_| IssuerError::FileUnavailable)?;
    let parameters = SetParameters::from_bytes(&bytes).map_err(|_| IssuerError::PublicSetsDamaged)?;
    let sound = parameters.verify().is_ok() && parameters.powers() >= credential_type.set_powers();
    if sound { Ok(bytes) } else { Err(IssuerError::PublicSetsDamaged) }
}

fn path(dir: &Path, credential_type: &CredentialType) -> PathBuf {
    dir.join(format!("{}.sets.bin", credential_type.id))
}

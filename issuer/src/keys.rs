//! The issuer's secret keys, behind a trait that a hardware security module can implement.
//!
//! [`SoftwareKeyStore`] is what its name says: keys in files that only the service's user can read
//! (mode 0600), in memory while the service runs and erased when it stops. It protects against nobody
//! who is that user or root.

use core::fmt;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use protocol::credential::Layout;
use protocol::credential::w3c::{Contexts, ProofKey, ProofOptions, Suite, W3cError, issue_credential};
use protocol::crypto::bbs::{self, BbsError, blind};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::crypto::membership::{MembershipError, SetSecretKey};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use rand_core::CryptoRng;
use serde_json::Value;
use zeroize::Zeroizing;

/// What the holder commits to without showing it.
const HIDDEN: [usize; 2] = [Layout::LINK_SECRET, Layout::BLINDER];

/// Why the key store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// The store has no such key, or cannot read it.
    #[error("a key of the issuer cannot be read; restore it from the backup")]
    KeyUnavailable,
    /// Others than the owner may read a key file or its directory.
    #[error("a key file can be read by others; treat its key as compromised, or set its mode to 600")]
    PermissionsTooOpen,
    /// A key file does not contain a key.
    #[error("a key file is damaged; restore it from the backup")]
    KeyMalformed,
    /// The request's commitment was refused, or the credential could not be signed.
    #[error("the credential cannot be signed: {0}")]
    Credential(BbsError),
    /// A W3C proof could not be made.
    #[error("the W3C credential cannot be signed: {0}")]
    Proof(W3cError),
    /// Days or handles could not be signed.
    #[error("the set cannot be signed: {0}")]
    Set(#[from] MembershipError),
}

/// The public halves that go on the ledger for one credential type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeKeys {
    /// Signs credentials.
    pub bbs: [u8; 96],
    /// Signs status tokens.
    pub status: [u8; 96],
}

/// The public halves of the keys that sign twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwinKeys {
    /// Signs certificates (P-256).
    pub root: PublicKey,
    /// Signs W3C credentials whole (Ed25519).
    pub w3c: PublicKey,
    /// Signs W3C credentials that are shown in part (BBS).
    pub bbs: PublicKey,
}

/// What is signed when a credential is issued.
pub struct Blueprint<'a> {
    /// The credential's BBS header.
    pub header: &'a [u8],
    /// How many numbers the type signs.
    pub message_count: usize,
    /// The issuer's nonce that the commitment is bound to.
    pub nonce: &'a [u8],
    /// The holder's commitment with its proof.
    pub commitment: &'a [u8],
    /// The numbers the issuer sees, with their positions.
    pub clear: &'a [(usize, Scalar)],
}

/// Whoever keeps the issuer's secrets and signs with them. No secret crosses this interface.
pub trait KeyStore: Send + Sync {
    /// The key of the issuer's DID.
    fn did_key(&self) -> &dyn Signer;

    /// The public key of the set of days, the same for all types of an issuer.
    fn day_set_key(&self) -> [u8; 96];

    /// The public keys for a type.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`].
    fn type_keys(&self, credential_type: &str) -> Result<TypeKeys, KeyStoreError>;

    /// Checks the holder's commitment and signs a credential.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`], [`KeyStoreError::Credential`].
    fn sign_credential(&self, credential_type: &str, blueprint: &Blueprint<'_>) -> Result<[u8; 80], KeyStoreError>;

    /// Signs status numbers (handle and epoch) of a type.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`], [`KeyStoreError::Set`].
    fn sign_status(&self, credential_type: &str, numbers: &[Scalar]) -> Result<Vec<[u8; 48]>, KeyStoreError>;

    /// Signs day numbers, telling `progress` how many of the range are done.
    ///
    /// # Errors
    /// [`KeyStoreError::Set`].
    fn sign_days(&self, days: Range<u64>, progress: &mut dyn FnMut(u64)) -> Result<Vec<[u8; 48]>, KeyStoreError>;

    /// The public keys of twins that go on the ledger.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`].
    fn twin_keys(&self) -> Result<TwinKeys, KeyStoreError>;

    /// Signs certificates and nothing else.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`].
    fn root(&self) -> Result<&dyn StandardSigner, KeyStoreError>;

    /// Signs mobile documents, SD-JWT credentials and status lists.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`].
    fn document_signer(&self) -> Result<&dyn StandardSigner, KeyStoreError>;

    /// Adds a proof to a W3C credential, with the key that the suite in `options` takes.
    ///
    /// # Errors
    /// [`KeyStoreError::KeyUnavailable`], [`KeyStoreError::Proof`].
    fn prove(
        &self,
        credential: &Value,
        options: &ProofOptions<'_>,
        contexts: &Contexts,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, KeyStoreError>;
}

struct TypeSecrets {
    bbs: bbs::SecretKey,
    status: SetSecretKey,
}

/// What signs twins.
struct TwinSecrets {
    root: StandardKey,
    document_signer: StandardKey,
    w3c: StandardKey,
    bbs: bbs::SecretKey,
}

/// Keys in files of a directory: `did.key`, `day-set.key`, `<type>.bbs.key`, `<type>.status.key`, and for twins `root.key`,
/// `document-signer.key`, `w3c.key`, `w3c.bbs.key`, 32 bytes each.
pub struct SoftwareKeyStore {
    did: Ed25519SigningKey,
    day_set: SetSecretKey,
    types: BTreeMap<String, TypeSecrets>,
    /// None in a directory that was made before there were twins.
    twins: Option<TwinSecrets>,
}

impl SoftwareKeyStore {
    /// Opens the directory and makes the keys it lacks. A key that is there stays, so that a creation
    /// that was interrupted can be repeated.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn create<R: CryptoRng + ?Sized>(
        dir: &Path,
        credential_types: &[&str],
        rng: &mut R,
    ) -> Result<Self, KeyStoreError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|_| KeyStoreError::KeyUnavailable)?;
        // `root` last: where it is, the other keys of twins are, too.
        let mut names: Vec<String> =
            ["did", "day-set", "document-signer", "w3c", "w3c.bbs", "root"].map(str::to_owned).to_vec();
        names.extend(credential_types.iter().flat_map(|id| [format!("{id}.bbs"), format!("{id}.status")]));
        for name in names {
            let path = key_path(dir, &name);
            if path.exists() {
                continue;
            }
            let mut material = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(material.as_mut());
            let secret = match name.as_str() {
                "did" | "w3c" => material,
                // All but one in 2^32 draws are private scalars; that one is refused when the file is read.
                "root" | "document-signer" => material,
                name if name.ends_with(".bbs") => {
                    bbs::SecretKey::generate(bbs::Suite::Sha256, material.as_ref(), name.as_bytes())
                        .map_err(KeyStoreError::Credential)?
                        .expose_bytes()
                }
                name => SetSecretKey::generate(material.as_ref(), name.as_bytes())?.expose_bytes(),
            };
            write_secret(&path, secret.as_ref()).map_err(|_| KeyStoreError::KeyUnavailable)?;
        }
        Self::open(dir, credential_types)
    }

    /// Reads the keys of all `credential_types`.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn open(dir: &Path, credential_types: &[&str]) -> Result<Self, KeyStoreError> {
        let malformed = |_| KeyStoreError::KeyMalformed;
        let set_key =
            |name: &str| SetSecretKey::from_bytes(&*read_secret(dir, name)?).map_err(|_| KeyStoreError::KeyMalformed);
        let mut types = BTreeMap::new();
        for id in credential_types {
            let bbs = read_secret(dir, &format!("{id}.bbs"))?;
            let secrets = TypeSecrets {
                bbs: bbs::SecretKey::from_bytes(bbs::Suite::Sha256, &bbs).map_err(malformed)?,
                status: set_key(&format!("{id}.status"))?,
            };
            types.insert((*id).to_owned(), secrets);
        }
        let did = Ed25519SigningKey::from_seed(&*read_secret(dir, "did")?);
        let twins = if key_path(dir, "root").exists() { Some(twin_secrets(dir)?) } else { None };
        Ok(Self { did, day_set: set_key("day-set")?, types, twins })
    }

    fn twin_secrets(&self) -> Result<&TwinSecrets, KeyStoreError> {
        self.twins.as_ref().ok_or(KeyStoreError::KeyUnavailable)
    }

    fn secrets(&self, credential_type: &str) -> Result<&TypeSecrets, KeyStoreError> {
        self.types.get(credential_type).ok_or(KeyStoreError::KeyUnavailable)
    }
}

impl KeyStore for SoftwareKeyStore {
    fn did_key(&self) -> &dyn Signer {
        &self.did
    }

    fn day_set_key(&self) -> [u8; 96] {
        *self.day_set.public_key().as_bytes()
    }

    fn type_keys(&self, credential_type: &str) -> Result<TypeKeys, KeyStoreError> {
        let secrets = self.secrets(credential_type)?;
        Ok(TypeKeys { bbs: *secrets.bbs.public_key().as_bytes(), status: *secrets.status.public_key().as_bytes() })
    }

    fn sign_credential(&self, credential_type: &str, blueprint: &Blueprint<'_>) -> Result<[u8; 80], KeyStoreError> {
        let key = &self.secrets(credential_type)?.bbs;
        let issuance = blind::Issuance {
            issuer: key.public_key(),
            header: blueprint.header,
            message_count: blueprint.message_count,
            hidden: &HIDDEN,
            nonce: blueprint.nonce,
        };
        let signature = blind::sign(key, &issuance, blueprint.commitment, blueprint.clear);
        signature.map(|signature| signature.to_bytes()).map_err(KeyStoreError::Credential)
    }

    fn sign_status(&self, credential_type: &str, numbers: &[Scalar]) -> Result<Vec<[u8; 48]>, KeyStoreError> {
        let signatures = self.secrets(credential_type)?.status.sign_all(numbers)?;
        Ok(signatures.iter().map(|signature| signature.to_bytes()).collect())
    }

    fn sign_days(&self, days: Range<u64>, progress: &mut dyn FnMut(u64)) -> Result<Vec<[u8; 48]>, KeyStoreError> {
        let signatures = self.day_set.sign_range(days, progress)?;
        Ok(signatures.iter().map(|signature| signature.to_bytes()).collect())
    }

    fn twin_keys(&self) -> Result<TwinKeys, KeyStoreError> {
        let secrets = self.twin_secrets()?;
        let recorded = |key: &StandardKey| {
            let bytes = key.multikey().to_multicodec();
            PublicKey::from_multicodec(&bytes).map_err(|_| KeyStoreError::KeyMalformed)
        };
        let bbs = PublicKey::Bls12381G2(*secrets.bbs.public_key().as_bytes());
        Ok(TwinKeys { root: recorded(&secrets.root)?, w3c: recorded(&secrets.w3c)?, bbs })
    }

    fn root(&self) -> Result<&dyn StandardSigner, KeyStoreError> {
        Ok(&self.twin_secrets()?.root)
    }

    fn document_signer(&self) -> Result<&dyn StandardSigner, KeyStoreError> {
        Ok(&self.twin_secrets()?.document_signer)
    }

    fn prove(
        &self,
        credential: &Value,
        options: &ProofOptions<'_>,
        contexts: &Contexts,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, KeyStoreError> {
        let secrets = self.twin_secrets()?;
        let key = match options.suite {
            Suite::Bbs2023 => ProofKey::Bbs(&secrets.bbs),
            _ => ProofKey::Standard(&secrets.w3c),
        };
        issue_credential(credential, key, options, contexts, rng).map_err(KeyStoreError::Proof)
    }
}

fn twin_secrets(dir: &Path) -> Result<TwinSecrets, KeyStoreError> {
    let p256 = |name| StandardKey::p256(&*read_secret(dir, name)?).map_err(|_| KeyStoreError::KeyMalformed);
    let bbs = read_secret(dir, "w3c.bbs")?;
    let bbs = bbs::SecretKey::from_bytes(bbs::Suite::Sha256, &bbs);
    Ok(TwinSecrets {
        root: p256("root")?,
        document_signer: p256("document-signer")?,
        w3c: StandardKey::ed25519(&*read_secret(dir, "w3c")?),
        bbs: bbs.map_err(|_| KeyStoreError::KeyMalformed)?,
    })
}

impl fmt::Debug for SoftwareKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareKeyStore([redacted])")
    }
}

fn key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
}

/// Reads a 32-byte secret, unless others could have read it too.
fn read_secret(dir: &Path, name: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
    let path = key_path(dir, name);
    refuse_open_permissions(&path)?;
    let bytes = Zeroizing::new(fs::read(path).map_err(|_| KeyStoreError::KeyUnavailable)?);
    let secret = bytes.as_slice().try_into().map_err(|_| KeyStoreError::KeyMalformed)?;
    Ok(Zeroizing::new(secret))
}

/// Refuses a secret file that group or others may touch.
pub(crate) fn refuse_open_permissions(path: &Path) -> Result<(), KeyStoreError> {
    let mode = fs::metadata(path).map_err(|_| KeyStoreError::KeyUnavailable)?.mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyStoreError::PermissionsTooOpen) }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_whole(path, bytes, 0o600)
}

/// Writes a file so that after a crash it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    const TYPES: [&str; 2] = ["a.1", "b.1"];

    fn store() -> (tempfile::TempDir, SoftwareKeyStore) {
        let dir = tempfile::tempdir().unwrap();
        let keys =
            SoftwareKeyStore::create(&dir.path().join("keys"), &TYPES, &mut ChaCha20Rng::from_seed([1; 32])).unwrap();
        (dir, keys)
    }

    #[test]
    fn keys_survive_and_are_the_owners_alone() {
        let (dir, keys) = store();
        let path = dir.path().join("keys");
        let again = SoftwareKeyStore::create(&path, &TYPES, &mut ChaCha20Rng::from_seed([2; 32])).unwrap();
        for id in TYPES {
            assert_eq!(keys.type_keys(id), again.type_keys(id));
        }
        assert_eq!(keys.did_key().public_key(), again.did_key().public_key());
        let (a, b) = (keys.type_keys("a.1").unwrap(), keys.type_keys("b.1").unwrap());
        assert!(a.bbs != b.bbs && a.status != b.status && a.status != keys.day_set_key());
        for file in fs::read_dir(&path).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(format!("{keys:?}"), "SoftwareKeyStore([redacted])");
    }

    #[test]
    fn missing_open_and_damaged_files_are_refused() {
        let (dir, keys) = store();
        assert_eq!(keys.type_keys("c.1"), Err(KeyStoreError::KeyUnavailable));
        let path = dir.path().join("keys");
        let file = path.join("a.1.bbs.key");
        let open = || SoftwareKeyStore::open(&path, &TYPES).err();
        assert_eq!(open(), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(open(), Some(KeyStoreError::PermissionsTooOpen));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        for damage in [vec![0xff; 32], vec![0; 32], vec![1; 31]] {
            fs::write(&file, damage).unwrap();
            assert_eq!(open(), Some(KeyStoreError::KeyMalformed));
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(open(), Some(KeyStoreError::KeyUnavailable));
    }

    #[test]
    fn what_cannot_be_signed_is_refused() {
        let (dir, keys) = store();
        let blueprint = Blueprint {
            header: b"",
            message_count: 3,
            nonce: b"n",
            commitment: &[0; 7],
            clear: &[(2, Scalar::from_u64(1))],
        };
        assert_eq!(keys.sign_credential("a.1", &blueprint), Err(KeyStoreError::Credential(BbsError::CommitmentLength)));
        // The one number a set key cannot sign is the negative of its secret.
        let secret = SetSecretKey::from_bytes(&read_secret(&dir.path().join("keys"), "a.1.status").unwrap()).unwrap();
        let forbidden = -Scalar::from_be_bytes(&secret.expose_bytes()).unwrap();
        assert_eq!(keys.sign_status("a.1", &[forbidden]), Err(KeyStoreError::Set(MembershipError::ValueUnsignable)));
        assert!(keys.sign_status("a.1", &[Scalar::from_u64(1)]).is_ok());
    }
}

//! Who may log in: `clerks.json` in the issuer's directory (CONS-01).
//!
//! ```json
//! {"clerks": [{"id": "kim", "name": "김민원", "roles": ["clerk"],
//!   "password": {"memory_kib": 19456, "passes": 2, "salt": "…", "digest": "…"}}]}
//! ```

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ConsoleError;
use crate::error::IssuerError;
use crate::keys::{refuse_open_permissions, write_secret};

/// The file, in the issuer's directory.
const FILE: &str = "clerks.json";
/// What one check of a password costs: 19 MiB, twice over. OWASP's first choice for Argon2id.
const COST: (u32, u32) = (19_456, 2);
/// Longest password that is looked at, in bytes.
const PASSWORD_MAX: usize = 256;
/// Letters of passwords that are made here, without those that are mistaken for others. As many as fit a byte evenly: 32.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many of them: 100 bits.
const LENGTH: usize = 20;

/// What a clerk may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Looks people up, asks, suspends, hands over.
    Clerk,
    /// Looks at what others ask, and decides.
    Approver,
    /// Reads the audit log.
    Auditor,
}

/// Someone who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clerk {
    /// What the audit log calls them: `a-z 0-9 -`, at most 32.
    pub id: String,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
}

impl Clerk {
    /// Whether the clerk has this role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Refuses whoever has none of these roles (CONS-07).
    pub(crate) fn must_be(&self, roles: &[Role]) -> Result<(), ConsoleError> {
        if roles.iter().any(|role| self.is(*role)) { Ok(()) } else { Err(ConsoleError::RoleNotAllowed) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    memory_kib: u32,
    passes: u32,
    #[serde(with = "hex::serde")]
    salt: [u8; 16],
    #[serde(with = "hex::serde")]
    digest: [u8; 32],
}

impl Password {
    fn new<R: CryptoRng + ?Sized>(text: &str, rng: &mut R) -> Result<Self, ConsoleError> {
        let mut password = Self { memory_kib: COST.0, passes: COST.1, salt: [0; 16], digest: [0; 32] };
        rng.fill_bytes(&mut password.salt);
        password.digest = *password.hash(text)?;
        Ok(password)
    }

    fn hash(&self, text: &str) -> Result<Zeroizing<[u8; 32]>, ConsoleError> {
        // No cheaper than our own, and nothing that takes the service's memory.
        if !(COST.0..=32_768).contains(&self.memory_kib) || !(COST.1..=8).contains(&self.passes) {
            return Err(ConsoleError::AccountsMalformed);
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32));
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(malformed)?);
        let mut digest = Zeroizing::new([0; 32]);
        argon2.hash_password_into(text.as_bytes(), &self.salt, digest.as_mut()).map_err(malformed)?;
        Ok(digest)
    }

    fn is(&self, text: &str) -> Result<bool, ConsoleError> {
        Ok(self.hash(text)?.ct_eq(&self.digest).into())
    }
}

fn malformed(_: argon2::Error) -> ConsoleError {
    ConsoleError::AccountsMalformed
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    id: String,
    name: String,
    roles: Vec<Role>,
    password: Password,
}

impl Account {
    fn clerk(&self) -> Clerk {
        Clerk { id: self.id.clone(), name: self.name.clone(), roles: self.roles.clone() }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clerks: Vec<Account>,
}

/// The clerks of an issuer. Passwords are kept as Argon2id digests.
pub struct Accounts {
    path: PathBuf,
    file: File,
}

impl core::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Accounts([redacted])")
    }
}

impl Accounts {
    /// Those of the issuer in `dir`; none where there is no file.
    ///
    /// # Errors
    /// [`ConsoleError::AccountsMalformed`], [`IssuerError::Keys`] when others may read the file.
    pub fn load(dir: &Path) -> Result<Self, ConsoleError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(Self { path, file: File::default() });
        }
        refuse_open_permissions(&path)?;
        let text = std::fs::read(&path).map_err(|_| IssuerError::FileUnavailable)?;
        let file: File = serde_json::from_slice(&text).map_err(|_| ConsoleError::AccountsMalformed)?;
        Ok(Self { path, file })
    }

    /// Whether nobody can log in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.clerks.is_empty()
    }

    /// The clerk of this name.
    #[must_use]
    pub fn clerk(&self, id: &str) -> Option<Clerk> {
        self.file.clerks.iter().find(|account| account.id == id).map(Account::clerk)
    }

    /// Adds a clerk, or gives one a new password and roles. Returns the password, which is kept nowhere.
    ///
    /// # Errors
    /// [`ConsoleError::AccountMalformed`], [`IssuerError::FileUnavailable`].
    pub fn set<R: CryptoRng + ?Sized>(
        &mut self,
        clerk: &Clerk,
        rng: &mut R,
    ) -> Result<Zeroizing<String>, ConsoleError> {
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let named = (1..=32).contains(&clerk.id.len()) && clerk.id.bytes().all(letters);
        if !named || clerk.roles.is_empty() || clerk.name.is_empty() || clerk.name.len() > 100 {
            return Err(ConsoleError::AccountMalformed);
        }
        let mut bytes = Zeroizing::new([0u8; LENGTH]);
        rng.fill_bytes(bytes.as_mut());
        let letter = |byte: &u8| char::from(LETTERS.get(usize::from(*byte % 32)).copied().unwrap_or(b'a'));
        let password: Zeroizing<String> = Zeroizing::new(bytes.iter().map(letter).collect());
        let account = Account {
            id: clerk.id.clone(),
            name: clerk.name.clone(),
            roles: clerk.roles.clone(),
            password: Password::new(&password, rng)?,
        };
        self.file.clerks.retain(|known| known.id != clerk.id);
        self.file.clerks.push(account);
        self.write()?;
        Ok(password)
    }

    /// Takes a clerk out. Returns whether there was one; its sessions end with the next request.
    ///
    /// # Errors
    /// [`IssuerError::FileUnavailable`].
    pub fn remove(&mut self, id: &str) -> Result<bool, ConsoleError> {
        let before = self.file.clerks.len();
        self.file.clerks.retain(|known| known.id != id);
        self.write()?;
        Ok(self.file.clerks.len() != before)
    }

    fn write(&self) -> Result<(), ConsoleError> {
        let json = serde_json::to_vec_pretty(&self.file).map_err(|_| ConsoleError::AccountsMalformed)?;
        Ok(write_secret(&self.path, &json).map_err(|_| IssuerError::FileUnavailable)?)
    }

    /// The clerk with this name and password. It takes as long for a name that nobody has (CONS-02).
    pub(crate) fn check(&self, id: &str, password: &str) -> Result<Clerk, ConsoleError> {
        if password.len() > PASSWORD_MAX {
            return Err(ConsoleError::LogInRefused);
        }
        let nobody = Password { memory_kib: COST.0, passes: COST.1, salt: [0; 16], digest: [0; 32] };
        let account = self.file.clerks.iter().find(|account| account.id == id);
        let right = account.map_or(&nobody, |account| &account.password).is(password)?;
        account.filter(|_| right).map(Account::clerk).ok_or(ConsoleError::LogInRefused)
    }
}

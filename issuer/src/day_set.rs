//! The public set of signed day numbers, with which wallets prove "at least so old" and "not expired".
//!
//! Every holder needs the same 65,536 signatures (3 MiB), made once and kept in a file. Soundness rests
//! on the issuer signing no other number.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use protocol::crypto::curve::Scalar;
use protocol::crypto::membership::{SetPublicKey, ValueSignature};

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::{KeyStore, KeyStoreError, write_whole};

/// Days 0 to 65,535: differences of up to 179 years.
pub const DAYS: u64 = 65_536;
/// Days in one slice; wallets fetch slices, or the whole.
pub const SLICE_DAYS: u64 = 4_096;
/// Threads that sign.
const THREADS: u64 = 2;

/// The signatures in order of days, 48 bytes each.
pub(crate) struct DaySet(Vec<u8>);

impl DaySet {
    /// Signs all days and writes the file, unless it is there already.
    pub(crate) fn create(dir: &Path, keys: &dyn KeyStore, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IssuerError> {
        if path(dir).exists() {
            return Ok(());
        }
        let done = AtomicU64::new(0);
        let sign = |part: u64| {
            let share = DAYS / THREADS;
            let mut before = 0;
            keys.sign_days(part * share..(part + 1) * share, &mut |now| {
                progress(done.fetch_add(now - before, Ordering::Relaxed) + now - before);
                before = now;
            })
        };
        let parts: Vec<Result<_, KeyStoreError>> = thread::scope(|scope| {
            let handles: Vec<_> = (0..THREADS).map(|part| scope.spawn(move || sign(part))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or(Err(KeyStoreError::KeyUnavailable))).collect()
        });
        let mut bytes = Vec::with_capacity(DAYS as usize * ValueSignature::LENGTH);
        for part in parts {
            part?.iter().for_each(|signature| bytes.extend_from_slice(signature));
        }
        write_whole(&path(dir), &bytes, 0o644).map_err(|_| IssuerError::FileUnavailable)
    }

    /// Reads the file, and checks its length and a sample of signatures against the key.
    pub(crate) fn open(dir: &Path, keys: &dyn KeyStore) -> Result<Self, IssuerError> {
        let bytes = fs::read(path(dir)).map_err(|_| IssuerError::FileUnavailable)?;
        let set = Self(bytes);
        let key = SetPublicKey::from_bytes(&keys.day_set_key()).map_err(|_| IssuerError::DaySetDamaged)?;
        if set.0.len() != DAYS as usize * ValueSignature::LENGTH {
            return Err(IssuerError::DaySetDamaged);
        }
        for day in (0..DAYS).step_by((DAYS / 16) as usize - 1) {
            let start = day as usize * ValueSignature::LENGTH;
            let signature = ValueSignature::from_bytes(&set.0[start..start + ValueSignature::LENGTH]);
            let holds = signature.and_then(|signature| key.verify(Scalar::from_u64(day), &signature));
            holds.map_err(|_| IssuerError::DaySetDamaged)?;
        }
        Ok(set)
    }

    /// All signatures.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Issuer {
    /// The signatures on all day numbers 0–65,535, in order, 48 bytes each. Public; the same for all types.
    #[must_use]
    pub fn day_set(&self) -> &[u8] {
        self.day_set.bytes()
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("day-set.bin")
}

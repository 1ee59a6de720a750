//! Lists of who is withdrawn: two bits for each of 131,072 entries, least significant bits first
//! (the layout of Token Status List with `bits` = 2).

use sha2::{Digest, Sha256};

/// Bits of one entry.
const BITS: usize = 2;

/// Why a status cannot be read from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatusListError {
    /// Not 32,768 bytes.
    #[error("the status list has the wrong length; update the trust bundle")]
    StatusListMalformed,
    /// A revoked entry was to be suspended or valid again. There is no way back.
    #[error("a revocation is for good; issue a new credential")]
    RevocationTakenBack,
    /// The list has no such entry. Never "valid".
    #[error("the credential names an entry that the status list does not have")]
    StatusIndexOutOfRange,
}

/// What a list says of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not withdrawn.
    Valid,
    /// Withdrawn for good.
    Revoked,
    /// Withdrawn for now.
    Suspended,
    /// A value this version does not know; not valid.
    Unknown,
}

/// The status of 131,072 credentials, with unused entries among them.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bytes: Vec<u8>,
}

impl StatusList {
    /// Entries of every list; the number says nothing about how many are in use.
    pub const ENTRIES: u32 = 131_072;

    /// A list on which everything is valid.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; Self::ENTRIES as usize * BITS / 8] }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// [`StatusListError::StatusListMalformed`] unless it has 32,768 bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, StatusListError> {
        if bytes.len() == Self::ENTRIES as usize * BITS / 8 {
            Ok(Self { bytes })
        } else {
            Err(StatusListError::StatusListMalformed)
        }
    }

    /// The bytes that are published.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest that is anchored on the ledger.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// What the list says of an entry (CRED-04).
    ///
    /// # Errors
    /// [`StatusListError::StatusIndexOutOfRange`] beyond the list.
    pub fn status(&self, index: u32) -> Result<Status, StatusListError> {
        let (byte, shift) = Self::place(index);
        let byte = self.bytes.get(byte).ok_or(StatusListError::StatusIndexOutOfRange)?;
        Ok(match byte >> shift & 0b11 {
            0 => Status::Valid,
            1 => Status::Revoked,
            2 => Status::Suspended,
            _ => Status::Unknown,
        })
    }

    /// Withdraws an entry for good. There is no way back (no un-revoke).
    ///
    /// # Errors
    /// [`StatusListError::StatusIndexOutOfRange`] beyond the list.
    pub fn revoke(&mut self, index: u32) -> Result<(), StatusListError> {
        let (byte, shift) = Self::place(index);
        let byte = self.bytes.get_mut(byte).ok_or(StatusListError::StatusIndexOutOfRange)?;
        *byte = *byte & !(0b11 << shift) | 1 << shift;
        Ok(())
    }

    /// Withdraws an entry for now (STAT-05).
    ///
    /// # Errors
    /// [`StatusListError::StatusIndexOutOfRange`] beyond the list, [`StatusListError::RevocationTakenBack`].
    pub fn suspend(&mut self, index: u32) -> Result<(), StatusListError> {
        self.change(index, 2)
    }

    /// Ends a suspension (STAT-05).
    ///
    /// # Errors
    /// [`StatusListError::StatusIndexOutOfRange`] beyond the list, [`StatusListError::RevocationTakenBack`].
    pub fn reinstate(&mut self, index: u32) -> Result<(), StatusListError> {
        self.change(index, 0)
    }

    fn change(&mut self, index: u32, value: u8) -> Result<(), StatusListError> {
        if self.status(index)? == Status::Revoked {
            return Err(StatusListError::RevocationTakenBack);
        }
        let (byte, shift) = Self::place(index);
        if let Some(byte) = self.bytes.get_mut(byte) {
            *byte = *byte & !(0b11 << shift) | value << shift;
        }
        Ok(())
    }

    fn place(index: u32) -> (usize, usize) {
        let bit = index as usize * BITS;
        (bit / 8, bit % 8)
    }
}

impl Default for StatusList {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cred_04_entries_are_independent() {
        let mut list = StatusList::new();
        list.revoke(5).unwrap();
        list.revoke(StatusList::ENTRIES - 1).unwrap();
        for index in [0, 4, 6, 7, StatusList::ENTRIES - 2] {
            assert_eq!(list.status(index), Ok(Status::Valid), "{index}");
        }
        assert_eq!(list.status(5), Ok(Status::Revoked));
        assert_eq!(list.as_bytes()[1], 0b0000_0100);
        assert_eq!(list.status(StatusList::ENTRIES - 1), Ok(Status::Revoked));
        assert_eq!(list.status(StatusList::ENTRIES), Err(StatusListError::StatusIndexOutOfRange));
        assert_eq!(list.status(u32::MAX), Err(StatusListError::StatusIndexOutOfRange));
        assert_eq!(list.revoke(StatusList::ENTRIES), Err(StatusListError::StatusIndexOutOfRange));
    }

    #[test]
    fn stat_05_a_suspension_ends_and_a_revocation_does_not() {
        let mut list = StatusList::new();
        list.suspend(9).unwrap();
        assert_eq!(list.status(9), Ok(Status::Suspended));
        list.reinstate(9).unwrap();
        assert!(list == StatusList::new());
        list.suspend(9).unwrap();
        list.revoke(9).unwrap();
        assert_eq!(list.status(9), Ok(Status::Revoked));
        assert_eq!(list.reinstate(9), Err(StatusListError::RevocationTakenBack));
        assert_eq!(list.suspend(9), Err(StatusListError::RevocationTakenBack));
        assert_eq!(list.suspend(StatusList::ENTRIES), Err(StatusListError::StatusIndexOutOfRange));
    }

    #[test]
    fn cred_04_other_values_are_not_valid() {
        let mut bytes = StatusList::new().as_bytes().to_vec();
        bytes[0] = 0b1110;
        let list = StatusList::from_bytes(bytes).unwrap();
        assert_eq!(list.status(0), Ok(Status::Suspended));
        assert_eq!(list.status(1), Ok(Status::Unknown));
        assert!(StatusList::from_bytes(vec![0; 100]).err() == Some(StatusListError::StatusListMalformed));
    }
}

//! Status lists as they travel beside the ledger: compressed, and bounded before they are unpacked.

use minicbor::{Decode, Encode};

use super::key::StateKey;
use crate::credential::StatusList;
use crate::credential::status::inflate::{self, InflateError};

/// Longest compressed list: incompressible bits and the format's overhead.
pub const ATTACHMENT_MAX: usize = UNPACKED_LENGTH + 1024;

/// Bytes of every list.
const UNPACKED_LENGTH: usize = StatusList::ENTRIES as usize / 4;

/// Why an attachment is not the list it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Longer than [`ATTACHMENT_MAX`], or unpacking to more than a list.
    #[error("the status list is larger than a list can be; use another source")]
    TooLarge,
    /// Not one whole zlib stream of a whole list.
    #[error("the status list is damaged; fetch it again")]
    StatusListMalformed,
    /// Not the list whose digest the ledger holds.
    #[error("the status list is not the one on the ledger; use another source")]
    StatusListMismatch,
}

/// A compressed status list, named by the record that holds its digest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Attachment {
    /// Key of the status list record.
    #[n(0)]
    pub anchor: StateKey,
    /// The list's bytes as one zlib stream (RFC 1950).
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub packed: Vec<u8>,
}

/// Compresses a list.
#[must_use]
pub fn pack(list: &StatusList) -> Vec<u8> {
    inflate::deflate_zlib(list.as_bytes())
}

/// Unpacks a list and compares it with the `digest` on the ledger (BNDL-06).
///
/// # Errors
/// [`AttachmentError`]; never unpacks more than one byte beyond a list.
pub fn unpack(packed: &[u8], digest: &[u8; 32]) -> Result<StatusList, AttachmentError> {
    if packed.len() > ATTACHMENT_MAX {
        return Err(AttachmentError::TooLarge);
    }
    let bytes = inflate::zlib(packed, UNPACKED_LENGTH).map_err(|error| match error {
        InflateError::TooLarge => AttachmentError::TooLarge,
        InflateError::StatusListMalformed => AttachmentError::StatusListMalformed,
    })?;
    let list = StatusList::from_bytes(bytes).map_err(|_| AttachmentError::StatusListMalformed)?;
    if list.digest() != *digest {
        return Err(AttachmentError::StatusListMismatch);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> StatusList {
        let mut list = StatusList::new();
        list.revoke(77).unwrap();
        list
    }

    use crate::credential::status::inflate::deflate_zlib as zlib;

    #[test]
    fn bndl_06_a_list_survives_the_journey_and_nothing_else_does() {
        let (packed, digest) = (pack(&list()), list().digest());
        assert!(unpack(&packed, &digest).unwrap() == list());
        assert_eq!(unpack(&packed, &[0; 32]).err(), Some(AttachmentError::StatusListMismatch));
        assert_eq!(unpack(&pack(&StatusList::new()), &digest).err(), Some(AttachmentError::StatusListMismatch));
        let malformed = Some(AttachmentError::StatusListMalformed);
        for cut in 0..packed.len() {
            assert_eq!(unpack(&packed[..cut], &digest).err(), malformed, "cut at {cut}");
        }
        assert_eq!(unpack(&[packed.as_slice(), &[0]].concat(), &digest).err(), malformed);
        assert_eq!(unpack(list().as_bytes(), &digest).err(), malformed, "not compressed");
        assert_eq!(unpack(&zlib(&list().as_bytes()[1..]), &digest).err(), malformed, "too short");
        let mut checksum = packed.clone();
        *checksum.last_mut().unwrap() ^= 1;
        assert_eq!(unpack(&checksum, &digest).err(), malformed);
    }

    #[test]
    fn bndl_06_a_bomb_is_not_unpacked() {
        let bomb = zlib(&vec![0; 20_000_000]);
        assert!(bomb.len() < ATTACHMENT_MAX);
        assert_eq!(unpack(&bomb, &list().digest()).err(), Some(AttachmentError::TooLarge));
        assert_eq!(unpack(&vec![0; ATTACHMENT_MAX + 1], &list().digest()).err(), Some(AttachmentError::TooLarge));
    }
}

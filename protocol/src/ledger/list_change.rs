//! What changed on a status list since an older one: positions and what they became, a few bytes each (BNDL-08).

use minicbor::{Decode, Encode};

use super::attachment::AttachmentError;
use crate::credential::StatusList;

/// Longest encoded change of one list, in bytes. Whoever needs more sends the list.
pub const CHANGES_MAX: usize = 16 * 1024;

/// The changed entries of one list, named by the first eight bytes of its record's state key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ListChange {
    /// [`StateKey::short`](super::key::StateKey::short) of the status list record.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub anchor: [u8; 8],
    /// For each changed entry, ascending: `gap << 2 | status` as LEB128 in its shortest form, the gap being the number
    /// of entries between the last one and this one.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub entries: Vec<u8>,
}

/// Encodes the entries of `list` at these ascending positions.
#[must_use]
pub fn pack(list: &StatusList, positions: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut next = 0;
    for position in positions {
        let status = list.as_bytes().get(position as usize / 4).map_or(0, |byte| byte >> (position % 4 * 2) & 0b11);
        let mut number = position.saturating_sub(next) << 2 | u32::from(status);
        while number > 0x7f {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        next = position + 1;
    }
    bytes
}

/// The positions at which two lists differ, ascending.
pub fn differences<'a>(old: &'a StatusList, new: &'a StatusList) -> impl Iterator<Item = u32> + 'a {
    let bytes = old.as_bytes().iter().zip(new.as_bytes()).zip(0..);
    bytes.filter(|((old, new), _)| old != new).flat_map(|((old, new), at): (_, u32)| {
        (0..4).filter(move |entry| (old ^ new) >> (entry * 2) & 0b11 != 0).map(move |entry| at * 4 + entry)
    })
}

/// The list that `base` becomes, if it has this `digest`.
///
/// # Errors
/// [`AttachmentError`]
pub fn apply(base: &StatusList, entries: &[u8], digest: &[u8; 32]) -> Result<StatusList, AttachmentError> {
    if entries.len() > CHANGES_MAX {
        return Err(AttachmentError::TooLarge);
    }
    let mut bytes = base.as_bytes().to_vec();
    let (mut rest, mut next) = (entries, 0u32);
    while !rest.is_empty() {
        let number = number(&mut rest).ok_or(AttachmentError::StatusListMalformed)?;
        let position = next.checked_add(number >> 2).filter(|position| *position < StatusList::ENTRIES);
        let position = position.ok_or(AttachmentError::StatusListMalformed)?;
        let byte = bytes.get_mut(position as usize / 4).ok_or(AttachmentError::StatusListMalformed)?;
        let shift = position % 4 * 2;
        *byte = *byte & !(0b11 << shift) | ((number & 0b11) as u8) << shift;
        next = position + 1;
    }
    let list = StatusList::from_bytes(bytes).map_err(|_| AttachmentError::StatusListMalformed)?;
    if list.digest() == *digest { Ok(list) } else { Err(AttachmentError::StatusListMismatch) }
}

/// The next number, of at most three bytes and in its shortest form.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14] {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (*byte != 0 || shift == 0).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(revoked: &[u32]) -> StatusList {
        let mut list = StatusList::new();
        revoked.iter().for_each(|entry| list.revoke(*entry).unwrap());
        list
    }

    #[test]
    fn bndl_08_a_list_becomes_another_by_its_changes() {
        let old = list(&[5, 77, 131_071]);
        for changed in [&[0][..], &[1, 2, 3], &[131_070], &[4, 6, 300, 70_000], &[]] {
            let new = list(&[&[5, 77, 131_071], changed].concat());
            let entries = pack(&new, differences(&old, &new));
            assert_eq!(differences(&old, &new).collect::<Vec<_>>(), changed);
            assert!(entries.len() <= 3 * changed.len());
            assert!(apply(&old, &entries, &new.digest()).unwrap() == new);
            // Also onto a list that has some of it already.
            assert!(apply(&new, &entries, &new.digest()).unwrap() == new);
            let wrong = apply(&list(&[9]), &entries, &new.digest()).err();
            assert_eq!(wrong, Some(AttachmentError::StatusListMismatch), "another base");
        }
        // Back from suspended to valid.
        let mut bytes = old.as_bytes().to_vec();
        bytes[1] |= 0b1000_0000;
        let suspended = StatusList::from_bytes(bytes).unwrap();
        let entries = pack(&old, differences(&suspended, &old));
        assert!(apply(&suspended, &entries, &old.digest()).unwrap() == old);
    }

    #[test]
    fn bndl_08_changes_have_one_spelling() {
        let (old, new) = (list(&[]), list(&[100_000]));
        let good = pack(&new, [100_000]);
        assert_eq!(good.len(), 3);
        let refused = |entries: &[u8]| apply(&old, entries, &new.digest()).err();
        let malformed = Some(AttachmentError::StatusListMalformed);
        assert_eq!(refused(&good), None);
        assert_eq!(refused(&good[..2]), malformed, "cut short");
        assert_eq!(refused(&[0x81, 0x00]), malformed, "longer than needed");
        assert_eq!(refused(&[0xff, 0xff, 0xff, 0x01]), malformed, "too long");
        assert_eq!(refused(&[0xff, 0xff, 0x7f]), malformed, "beyond the list");
        assert_eq!(refused(&[good.clone(), good.clone()].concat()), malformed, "beyond the list");
        assert_eq!(refused(&vec![0; CHANGES_MAX + 1]), Some(AttachmentError::TooLarge));
        assert_eq!(refused(&[]), Some(AttachmentError::StatusListMismatch));
    }
}

//! W3C Bitstring Status List 1.0: the first entry is the most significant bit of the first byte; gzip; multibase `u`.
//!
//! The credential around a list, and its proof, are a W3C credential like any other. Here is what is inside.

use super::inflate::{self, InflateError, UNPACKED_MAX};
use super::token::{Reference, TokenStatusError};
use super::{Status, StatusList};
use crate::crypto::jose::{base64url, from_base64url};
use serde_json::{Map, Value};

/// Fewest entries of a list (section 2.2): fewer would say too much about whom it is asked for.
pub const ENTRIES_MIN: usize = 131_072;

/// Why a bitstring is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitstringError {
    /// Not multibase `u` with base64url.
    #[error("the status list is not in multibase base64url; ask its issuer")]
    NonCanonicalEncoding,
    /// Fewer than [`ENTRIES_MIN`] entries: `STATUS_LIST_LENGTH_ERROR`.
    #[error("the status list is too short; ask its issuer for a longer one")]
    StatusListLength,
    /// The list has no such entry. Never "valid".
    #[error("the credential names an entry that the status list does not have")]
    StatusIndexOutOfRange,
    /// Entries of no bits or more than eight.
    #[error("the entries of the status list have a size that is not supported; ask its issuer")]
    StatusSize,
    /// Damaged, or too large.
    #[error(transparent)]
    Packed(#[from] InflateError),
}

/// What the bits of a list mean (`statusPurpose`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPurpose {
    /// Set for good.
    Revocation,
    /// Set for now.
    Suspension,
}

impl StatusPurpose {
    /// As credentials write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
        }
    }

    /// The address of this purpose of the list at `list`.
    #[must_use]
    pub fn address(self, list: &str) -> String {
        format!("{list}/{}", self.as_str())
    }
}

/// Where the status of a W3C credential stands (STAT-10): its entries (`credentialStatus`) are the purposes of one entry of
/// one list, revocation among them.
///
/// # Errors
/// [`TokenStatusError::StatusMissing`], [`TokenStatusError::StatusListMalformed`] for other entries, too: what they say
/// would not be known; [`TokenStatusError::StatusIndexOutOfRange`] for an entry that is not a number from 0
pub fn reference(credential: &Map<String, Value>) -> Result<Reference, TokenStatusError> {
    let entries = credential.get("credentialStatus").ok_or(TokenStatusError::StatusMissing)?;
    let entries = entries.as_array().map_or(std::slice::from_ref(entries), Vec::as_slice);
    let mut found: Option<Reference> = None;
    let mut revocation = false;
    for entry in entries {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).ok_or(TokenStatusError::StatusListMalformed);
        let purpose = [StatusPurpose::Revocation, StatusPurpose::Suspension];
        let purpose = purpose.into_iter().find(|it| text("statusPurpose") == Ok(it.as_str()));
        let purpose = purpose.filter(|_| text("type") == Ok("BitstringStatusListEntry"));
        let purpose = purpose.ok_or(TokenStatusError::StatusListMalformed)?;
        let list = text("statusListCredential")?.strip_suffix(purpose.as_str()).and_then(|it| it.strip_suffix('/'));
        let uri = list.ok_or(TokenStatusError::StatusListMalformed)?.to_owned();
        let index = text("statusListIndex")?;
        let number = index.parse::<u64>().ok().filter(|number| number.to_string() == index);
        let reference = Reference { uri, index: number.ok_or(TokenStatusError::StatusIndexOutOfRange)? };
        if found.as_ref().is_some_and(|other| *other != reference) {
            return Err(TokenStatusError::StatusListMalformed);
        }
        revocation |= purpose == StatusPurpose::Revocation;
        found = Some(reference);
    }
    found.filter(|_| revocation).ok_or(TokenStatusError::StatusListMalformed)
}

/// An unpacked list.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitstring {
    bytes: Vec<u8>,
}

impl Bitstring {
    /// A list of `entries` zero bits, rounded up to whole bytes and [`ENTRIES_MIN`].
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self { bytes: vec![0; entries.max(ENTRIES_MIN).div_ceil(8)] }
    }

    /// One purpose of a list of this network. A suspended entry is not revoked, nor a revoked one suspended; a value
    /// that is neither valid nor known is both, so that nobody takes it for valid.
    #[must_use]
    pub fn of(list: &StatusList, purpose: StatusPurpose) -> Self {
        let mut bits = Self::new(StatusList::ENTRIES as usize);
        for index in 0..StatusList::ENTRIES {
            let set = match list.status(index) {
                Ok(Status::Valid) => false,
                Ok(Status::Revoked) => purpose == StatusPurpose::Revocation,
                Ok(Status::Suspended) => purpose == StatusPurpose::Suspension,
                Ok(Status::Unknown) | Err(_) => true,
            };
            if set {
                bits.set(index as usize);
            }
        }
        bits
    }

    fn set(&mut self, index: usize) {
        if let Some(byte) = self.bytes.get_mut(index / 8) {
            *byte |= 0x80 >> (index % 8);
        }
    }

    /// Reads `encodedList` (STAT-02).
    ///
    /// # Errors
    /// [`BitstringError`]
    pub fn decode(text: &str) -> Result<Self, BitstringError> {
        if text.len() > UNPACKED_MAX {
            return Err(InflateError::TooLarge.into());
        }
        let packed = text.strip_prefix('u').and_then(from_base64url).ok_or(BitstringError::NonCanonicalEncoding)?;
        let bytes = inflate::gzip(&packed, UNPACKED_MAX)?;
        if bytes.len() * 8 < ENTRIES_MIN {
            return Err(BitstringError::StatusListLength);
        }
        Ok(Self { bytes })
    }

    /// `encodedList`.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("u{}", base64url(&inflate::deflate_gzip(&self.bytes)))
    }

    /// The value of an entry of `size` bits (`statusSize`), most significant bit first; 0 is not set (STAT-02).
    ///
    /// # Errors
    /// [`BitstringError::StatusIndexOutOfRange`], [`BitstringError::StatusSize`]
    pub fn value(&self, index: u64, size: u8) -> Result<u8, BitstringError> {
        if !(1..=8).contains(&size) {
            return Err(BitstringError::StatusSize);
        }
        let out_of_range = BitstringError::StatusIndexOutOfRange;
        let first = index.checked_mul(u64::from(size)).ok_or(out_of_range)?;
        let first = usize::try_from(first).map_err(|_| out_of_range)?;
        let end = first.checked_add(usize::from(size)).ok_or(out_of_range)?;
        (first..end).try_fold(0, |value, at| {
            let byte = self.bytes.get(at / 8).ok_or(out_of_range)?;
            Ok(value << 1 | byte >> (7 - at % 8) & 1)
        })
    }
}

impl core::fmt::Debug for Bitstring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Bitstring({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_10_entries_are_the_purposes_of_one_entry() {
        use serde_json::json;
        let entry = |purpose: &str, index: &str| {
            let list = format!("https://a/status/t/3/{purpose}");
            json!({ "type": "BitstringStatusListEntry", "statusPurpose": purpose, "statusListIndex": index,
                "statusListCredential": list })
        };
        let read = |status: Value| reference(json!({ "credentialStatus": status }).as_object().unwrap());
        let expected = Ok(Reference { uri: "https://a/status/t/3".into(), index: 5 });
        assert_eq!(read(json!([entry("revocation", "5"), entry("suspension", "5")])), expected);
        assert_eq!(read(entry("revocation", "5")), expected);
        assert_eq!(reference(&Map::new()), Err(TokenStatusError::StatusMissing));
        let malformed = Err(TokenStatusError::StatusListMalformed);
        assert_eq!(read(json!([])), malformed);
        assert_eq!(read(entry("suspension", "5")), malformed, "whether it is revoked would not be known");
        assert_eq!(read(json!([entry("revocation", "5"), entry("suspension", "6")])), malformed, "I15");
        assert_eq!(read(json!([entry("revocation", "5"), entry("message", "5")])), malformed);
        let mut other = entry("revocation", "5");
        other["statusListCredential"] = "https://a/status/t/3/suspension".into();
        assert_eq!(read(other), malformed, "the list of another purpose");
        let mut other = entry("revocation", "5");
        other["type"] = "StatusList2021Entry".into();
        assert_eq!(read(other), malformed);
        for index in ["", "-1", "05", "5.0", "18446744073709551616"] {
            assert_eq!(read(entry("revocation", index)), Err(TokenStatusError::StatusIndexOutOfRange), "{index}");
        }
    }

    #[test]
    fn stat_02_the_first_entry_is_the_highest_bit() {
        let mut list = StatusList::new();
        list.revoke(1).unwrap();
        list.suspend(10).unwrap();
        let revoked = Bitstring::of(&list, StatusPurpose::Revocation);
        let suspended = Bitstring::of(&list, StatusPurpose::Suspension);
        assert_eq!((revoked.bytes[0], suspended.bytes[1]), (0b0100_0000, 0b0010_0000));
        for (bits, set) in [(&revoked, 1), (&suspended, 10)] {
            let read = Bitstring::decode(&bits.encode()).unwrap();
            for index in 0..64 {
                assert_eq!(read.value(index, 1), Ok(u8::from(index == set)), "{index}");
            }
        }
        assert_eq!(revoked.value(0, 2), Ok(0b01));
        assert_eq!(revoked.value(0, 8), Ok(0b0100_0000));
        assert_eq!(revoked.value(131_071, 1), Ok(0));
        for beyond in [131_072, 1 << 31, u64::MAX] {
            assert_eq!(revoked.value(beyond, 1), Err(BitstringError::StatusIndexOutOfRange), "I01: {beyond}");
        }
        assert_eq!(revoked.value(65_536, 2), Err(BitstringError::StatusIndexOutOfRange));
        assert_eq!(revoked.value(0, 0), Err(BitstringError::StatusSize));
        assert_eq!(revoked.value(0, 9), Err(BitstringError::StatusSize));
    }

    #[test]
    fn stat_03_other_encodings_and_bombs_are_refused() {
        let good = Bitstring::new(0).encode();
        assert_eq!(Bitstring::decode(&good).unwrap(), Bitstring::new(ENTRIES_MIN));
        assert_eq!(Bitstring::decode(&good[1..]), Err(BitstringError::NonCanonicalEncoding));
        assert_eq!(Bitstring::decode(&format!("{good}=")), Err(BitstringError::NonCanonicalEncoding));
        let packed = |bytes: &[u8]| format!("u{}", base64url(bytes));
        let damaged = Err(BitstringError::Packed(InflateError::StatusListMalformed));
        let whole = inflate::deflate_gzip(&[0; 16_384]);
        assert_eq!(Bitstring::decode(&packed(&whole[..whole.len() - 4])), damaged, "I03");
        assert_eq!(Bitstring::decode(&packed(&[whole.as_slice(), &[0]].concat())), damaged, "I03");
        assert_eq!(Bitstring::decode(&packed(&whole.repeat(2))), damaged, "I03: two members");
        assert_eq!(Bitstring::decode(&packed(&inflate::deflate_zlib(&[0; 16_384]))), damaged, "I03: zlib");
        assert_eq!(
            Bitstring::decode(&packed(&inflate::deflate_gzip(&[0; 16_383]))),
            Err(BitstringError::StatusListLength)
        );
        let bomb = packed(&inflate::deflate_gzip(&vec![0; 20 << 20]));
        assert_eq!(Bitstring::decode(&bomb), Err(BitstringError::Packed(InflateError::TooLarge)), "I04");
        let long = "u".repeat(UNPACKED_MAX + 1);
        assert_eq!(Bitstring::decode(&long), Err(BitstringError::Packed(InflateError::TooLarge)));
    }
}

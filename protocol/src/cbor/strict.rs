//! Strict reading of CBOR that follows other standards (RFC 8949; ISO/IEC 18013-5, 8.2 and RFC 9052).
//!
//! Those standards do not fix one encoding of everything, so that what is hashed or signed is kept as it was received.
//! What lets two readers understand different things is refused all the same: indefinite lengths, numbers longer than
//! needed (but for the size of a map), a key twice in one map or one that is no number or string, nesting without end, bytes
//! behind the end.

use std::collections::BTreeSet;

/// Deepest nesting of arrays, maps and tags that is read.
pub const DEPTH_MAX: usize = 24;
/// Most items of one message.
const ITEMS_MAX: usize = 65_536;

/// Why bytes are not read as CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StrictError {
    /// More bytes or items than the reader allows.
    #[error("the data is larger than allowed; ask the sender for a smaller message")]
    TooLarge,
    /// Arrays, maps or tags nested more than [`DEPTH_MAX`] deep.
    #[error("the data is nested too deeply; ask the sender for a flatter message")]
    TooDeep,
    /// Not CBOR, or not one item.
    #[error("the data is not CBOR; ask the sender to encode it again")]
    MalformedCbor,
    /// Indefinite length, a number longer than needed, a key twice, or one that is a list or map.
    #[error("the data is encoded in an unusual way; ask the sender to encode it again")]
    NonCanonicalEncoding,
}

/// Checks that `bytes` are exactly one item without anything that could be understood in two ways.
///
/// # Errors
/// [`StrictError`]
pub fn check(bytes: &[u8], max_len: usize) -> Result<(), StrictError> {
    if bytes.len() > max_len {
        return Err(StrictError::TooLarge);
    }
    let mut walk = Walk { rest: bytes, items: 0 };
    walk.item(0)?;
    if walk.rest.is_empty() { Ok(()) } else { Err(StrictError::MalformedCbor) }
}

struct Walk<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], StrictError> {
        let count = usize::try_from(count).map_err(|_| StrictError::MalformedCbor)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(StrictError::MalformedCbor)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Major type and argument of a head, which is as short as it can be.
    fn head(&mut self) -> Result<(u8, u8, u64), StrictError> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, info) = (first >> 5, first & 0x1f);
        let (argument, least) = match info {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 0x100),
            26 => (self.number(4)?, 0x1_0000),
            27 => (self.number(8)?, 0x1_0000_0000),
            31 if major != 0 && major != 1 && major != 6 => return Err(StrictError::NonCanonicalEncoding),
            _ => return Err(StrictError::MalformedCbor),
        };
        // The arguments of major type 7 are not numbers but floats. How many members a map has may be said at length: the
        // encoder that most wallets in JavaScript use always takes two bytes for it, and no reader understands it otherwise.
        if major != 7 && major != 5 && argument < least {
            return Err(StrictError::NonCanonicalEncoding);
        }
        Ok((major, info, argument))
    }

    fn number(&mut self, len: u64) -> Result<u64, StrictError> {
        Ok(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn item(&mut self, depth: usize) -> Result<(), StrictError> {
        if depth > DEPTH_MAX {
            return Err(StrictError::TooDeep);
        }
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(StrictError::TooLarge);
        }
        let (major, info, argument) = self.head()?;
        match major {
            0 | 1 => Ok(()),
            2 => self.take(argument).map(|_| ()),
            3 => core::str::from_utf8(self.take(argument)?).map(|_| ()).map_err(|_| StrictError::MalformedCbor),
            4 => (0..argument).try_for_each(|_| self.item(depth + 1)),
            5 => {
                let mut keys = BTreeSet::new();
                for _ in 0..argument {
                    let before = self.rest;
                    self.item(depth + 1)?;
                    let (key, _) = before.split_at(before.len() - self.rest.len());
                    // A key that is a list or map could be there twice in two spellings; no standard has one.
                    let is_composite = key.first().is_some_and(|head| (4..=6).contains(&(head >> 5)));
                    if is_composite || !keys.insert(key) {
                        return Err(StrictError::NonCanonicalEncoding);
                    }
                    self.item(depth + 1)?;
                }
                Ok(())
            }
            6 => self.item(depth + 1),
            // Simple values below 32 have one byte.
            _ if info == 24 && argument < 32 => Err(StrictError::MalformedCbor),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(), StrictError> {
        check(&hex::decode(text).unwrap(), 1 << 16)
    }

    #[test]
    fn ordinary_items_pass() {
        for good in [
            "00",
            "1818",
            "3903e7",
            "43010203",
            "63e58c97",
            "820102",
            "a201020302",
            "b9000101a0",
            "d81842f600",
            "f6",
            "f97e00",
            "fb3ff8000000000000",
            "a0",
        ] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a36_everything_else_is_refused_by_name() {
        for unusual in [
            "1817",
            "190018",
            "1a0000ffff",
            "1b00000000ffffffff",
            "5803010203",
            "5f4101ff",
            "9fff",
            "bfff",
            "a2010201020",
            "a201020103",
            "b9000201020103",
            "9801a0",
            "a26161016161f6",
            "a1a000",
            "a18000",
            "a1c10000",
        ] {
            let bytes = if unusual.len() % 2 == 0 { unusual } else { continue };
            assert_eq!(read(bytes), Err(StrictError::NonCanonicalEncoding), "{unusual}");
        }
        for broken in
            ["", "18", "4301", "61ff", "8201", "a101", "0000", "1f", "ff00", "1c", "f818", "9bffffffffffffffff"]
        {
            assert!(
                matches!(read(broken), Err(StrictError::MalformedCbor | StrictError::NonCanonicalEncoding)),
                "{broken}"
            );
        }
        assert_eq!(read("0000"), Err(StrictError::MalformedCbor));
        assert_eq!(read("9bffffffffffffffff"), Err(StrictError::MalformedCbor), "a length nobody sends");
        assert_eq!(check(&[0x81; 10_000], 1 << 16), Err(StrictError::TooDeep), "depth 10,000");
        assert_eq!(check(&[0xc6; 10_000], 1 << 16), Err(StrictError::TooDeep), "tags");
        assert_eq!(check(&[0; 5], 4), Err(StrictError::TooLarge));
        let many = [&[0x9a, 0, 1, 0x11, 0x70][..], &[0; 70_000]].concat();
        assert_eq!(check(&many, 1 << 20), Err(StrictError::TooLarge));
    }
}

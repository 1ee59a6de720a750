//! The resident registration number, which never leaves the register module.

use core::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A resident registration number. It can be read from the register's file and compared, not written
/// anywhere: there is no `Serialize`, no accessor, and `Debug` shows nothing.
#[derive(PartialEq, Eq, PartialOrd, Ord, ZeroizeOnDrop)]
pub(super) struct ResidentNumber([u8; 13]);

impl ResidentNumber {
    /// Whether `text` contains these thirteen digits, however they are separated.
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(text.bytes().filter(u8::is_ascii_digit).collect());
        digits.windows(self.0.len()).any(|window| window == self.0)
    }
}

impl<'de> Deserialize<'de> for ResidentNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(text.bytes().filter(|b| *b != b'-').collect());
        let malformed = || serde::de::Error::custom("a resident number has thirteen digits");
        let number: [u8; 13] = digits.as_slice().try_into().map_err(|_| malformed())?;
        if number.iter().all(u8::is_ascii_digit) { Ok(Self(number)) } else { Err(malformed()) }
    }
}

impl fmt::Debug for ResidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::ResidentNumber;

    #[test]
    fn is_read_and_compared_but_never_shown() {
        let number: ResidentNumber = serde_json::from_str("\"901399-0000001\"").unwrap();
        assert_eq!(format!("{number:?}"), "[redacted]");
        assert!(number.occurs_in("901399 0000001"));
        assert!(!number.occurs_in("901399-0000002"));
        for bad in ["\"901399-000001\"", "\"90139-00000012\"x", "\"９01399-0000001\"", "12"] {
            let error = serde_json::from_str::<ResidentNumber>(bad).unwrap_err().to_string();
            assert!(!error.contains("901399"), "{error}");
        }
    }
}

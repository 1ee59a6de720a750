//! One canonical CBOR (RFC 8949, section 4.2.1) for every structure that is hashed, signed or sent.
//!
//! A type has exactly one encoding. Reading decodes, encodes again and compares, so that integers
//! longer than needed, indefinite lengths, duplicate or unsorted keys, unknown fields and trailing
//! bytes are all refused by one rule. Nesting is bounded by the Rust types: none of them is recursive.

pub mod strict;

use minicbor::{Decode, Encode};

/// Why bytes are not the canonical encoding of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// More bytes than the reader allows for this type.
    #[error("the data is larger than allowed; ask the sender for a smaller message")]
    TooLarge,
    /// Not CBOR, or not of the expected shape.
    #[error("the data does not have the expected shape; ask the sender to encode it again")]
    Malformed,
    /// Decodable, but not the one encoding this value has.
    #[error("the data is not in its canonical encoding; ask the sender to encode it again")]
    NonCanonicalEncoding,
}

/// The canonical encoding of `value`.
pub fn to_vec<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a `Vec` cannot fail, and no `Encode` of this crate reports an error of its own.
    // An empty result, were it ever returned, decodes as no type.
    if minicbor::encode(value, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// Reads the canonical encoding of a `T` of at most `max_len` bytes.
///
/// # Errors
/// [`EncodingError`] in the order too large, malformed, not canonical.
pub fn from_slice<T>(bytes: &[u8], max_len: usize) -> Result<T, EncodingError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    if bytes.len() > max_len {
        return Err(EncodingError::TooLarge);
    }
    let value: T = minicbor::decode(bytes).map_err(|_| EncodingError::Malformed)?;
    if to_vec(&value) != bytes {
        return Err(EncodingError::NonCanonicalEncoding);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct Sample {
        #[n(0)]
        count: u64,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        digest: [u8; 2],
        #[n(2)]
        note: Option<String>,
    }

    fn sample() -> Sample {
        Sample { count: 7, digest: [1, 2], note: None }
    }

    fn read(hex_text: &str) -> Result<Sample, EncodingError> {
        from_slice(&hex::decode(hex_text).unwrap(), 64)
    }

    #[test]
    fn canonical_bytes_round_trip() {
        let bytes = to_vec(&sample());
        assert_eq!(hex::encode(&bytes), "a2000701420102");
        assert_eq!(from_slice::<Sample>(&bytes, 64), Ok(sample()));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (why, other) in [
            ("integer longer than needed", "a200180701420102"),
            ("indefinite map", "bf000701420102ff"),
            ("duplicate key", "a30006000701420102"),
            ("unsorted keys", "a2014201020007"),
            ("unknown field", "a30007014201020305"),
            ("explicit null for an absent field", "a300070142010202f6"),
            ("trailing byte", "a200070142010200"),
        ] {
            assert_eq!(read(other), Err(EncodingError::NonCanonicalEncoding), "{why}");
        }
    }

    #[test]
    fn wrong_shapes_and_sizes_are_refused() {
        assert_eq!(read(""), Err(EncodingError::Malformed));
        assert_eq!(read("a10007"), Err(EncodingError::Malformed));
        assert_eq!(read("a20007015f41014102ff"), Err(EncodingError::Malformed), "indefinite byte string");
        assert_eq!(read("a200070143010203"), Err(EncodingError::Malformed));
        assert_eq!(from_slice::<Sample>(&to_vec(&sample()), 6), Err(EncodingError::TooLarge));
    }
}

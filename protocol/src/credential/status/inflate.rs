//! Compressed lists, unpacked no further than a bound that the reader sets beforehand.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};

/// Largest list of another issuer that is unpacked, in bytes: 16 million entries of two bits.
pub const UNPACKED_MAX: usize = 4 << 20;

/// Why a compressed list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// It would unpack to more than the bound.
    #[error("the status list is larger than allowed; ask its issuer for smaller ones")]
    TooLarge,
    /// Not one whole stream of the expected kind.
    #[error("the status list is damaged; fetch it again")]
    StatusListMalformed,
}

/// Unpacks one whole zlib stream (RFC 1950) of at most `max` bytes (STAT-03).
///
/// # Errors
/// [`InflateError`]; never unpacks more than one byte beyond `max`.
pub fn zlib(packed: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    let mut decoder = ZlibDecoder::new(packed);
    let bytes = bounded(&mut decoder, max)?;
    if decoder.total_in() == packed.len() as u64 { Ok(bytes) } else { Err(InflateError::StatusListMalformed) }
}

/// Unpacks one whole gzip member (RFC 1952) of at most `max` bytes (STAT-03).
///
/// # Errors
/// [`InflateError`]; never unpacks more than one byte beyond `max`.
pub fn gzip(packed: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    let mut decoder = flate2::bufread::GzDecoder::new(packed);
    let bytes = bounded(&mut decoder, max)?;
    // A second member, or anything else behind the first, is not looked at.
    if decoder.into_inner().is_empty() { Ok(bytes) } else { Err(InflateError::StatusListMalformed) }
}

fn bounded(decoder: &mut impl Read, max: usize) -> Result<Vec<u8>, InflateError> {
    let mut bytes = Vec::new();
    let read = decoder.take(max as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > max {
        return Err(InflateError::TooLarge);
    }
    read.map_err(|_| InflateError::StatusListMalformed)?;
    Ok(bytes)
}

/// Compresses with zlib.
#[must_use]
pub fn deflate_zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing into a `Vec` cannot fail; an empty result, were it returned, is refused by every reader.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Compresses with gzip.
#[must_use]
pub fn deflate_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

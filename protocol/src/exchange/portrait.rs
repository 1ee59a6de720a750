//! What travels beside a presentation: the issuer's records, and the picture whose digest it shows
//! (`specs/presentation.md`, "Portrait").

use std::io::Cursor;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::presentation::PresentationError;
use super::stapled::{STAPLED_MAX, StapledPresentation};
use crate::cbor;
use crate::ledger::staple::Staple;

/// Largest picture, in bytes: a dozen small codes.
pub const PORTRAIT_MAX: usize = 4 * 1024;
/// Greatest width and height, in pixels.
const SIDE_MAX: u32 = 256;
/// The chunks of a picture that is nothing else: no text, no programs, no metadata.
const CHUNKS: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", b"IEND"];
const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why a picture is not the one that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortraitError {
    /// Too large, not a picture, or a picture with something else in it.
    #[error("the portrait cannot be shown; do not accept it")]
    ImageRejected,
    /// Another picture than the one whose digest the issuer signed.
    #[error("the portrait is not the one that the issuer signed; do not accept it")]
    DigestMismatch,
}

/// Checks that `image` is a plain picture with this digest (PRES-15).
///
/// # Errors
/// [`PortraitError`]
pub fn check_portrait(image: &[u8], digest: &[u8]) -> Result<(), PortraitError> {
    if Sha256::digest(image)[..] != *digest {
        return Err(PortraitError::DigestMismatch);
    }
    if is_plain(image) { Ok(()) } else { Err(PortraitError::ImageRejected) }
}

/// A small PNG that can be decoded, of picture chunks alone and with nothing after them.
fn is_plain(image: &[u8]) -> bool {
    let Some(mut rest) = image.strip_prefix(MAGIC).filter(|_| image.len() <= PORTRAIT_MAX) else { return false };
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        // The checksum follows; the decoder looks at it.
        let Some(after) = length.checked_add(4).and_then(|length| body.get(length..)) else { return false };
        if !CHUNKS.contains(&&kind) {
            return false;
        }
        rest = after;
    }
    let limits = png::Limits { bytes: 1 << 20 };
    let Ok(mut reader) = png::Decoder::new_with_limits(Cursor::new(image), limits).read_info() else { return false };
    let (width, height) = (reader.info().width, reader.info().height);
    if !rest.is_empty() || width > SIDE_MAX || height > SIDE_MAX {
        return false;
    }
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    reader.next_frame(&mut pixels).is_ok() && reader.finish().is_ok()
}

/// A received message, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The presentation's bytes.
    pub presentation: Vec<u8>,
    /// What is to be known of its issuer.
    pub staple: Option<Staple>,
    /// The picture whose digest is shown; believed only after [`check_portrait`].
    pub portrait: Option<Vec<u8>>,
}

/// A presentation with a picture.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Illustrated {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    presentation: Vec<u8>,
    #[n(1)]
    staple: Option<Staple>,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    portrait: Vec<u8>,
}

impl Received {
    /// Takes a message apart: a presentation alone, with a staple, or with a picture. Nothing of it is believed yet.
    ///
    /// # Errors
    /// [`PresentationError::MalformedPresentation`] (STPL-01, PRES-15).
    pub fn split(bytes: &[u8]) -> Result<Self, PresentationError> {
        let malformed = |_| PresentationError::MalformedPresentation;
        // The first byte of an array of two or three; a presentation alone is a map.
        match bytes.first() {
            Some(0x82) => {
                let stapled: StapledPresentation = cbor::from_slice(bytes, STAPLED_MAX).map_err(malformed)?;
                Ok(Self { presentation: stapled.presentation, staple: Some(stapled.staple), portrait: None })
            }
            Some(0x83) => {
                let parts: Illustrated = cbor::from_slice(bytes, STAPLED_MAX + PORTRAIT_MAX).map_err(malformed)?;
                let Illustrated { presentation, staple, portrait } = parts;
                if portrait.len() > PORTRAIT_MAX {
                    return Err(PresentationError::MalformedPresentation);
                }
                Ok(Self { presentation, staple, portrait: Some(portrait) })
            }
            _ => Ok(Self { presentation: bytes.to_vec(), staple: None, portrait: None }),
        }
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { presentation, staple, portrait } = self.clone();
        match (portrait, staple) {
            (Some(portrait), staple) => cbor::to_vec(&Illustrated { presentation, staple, portrait }),
            (None, Some(staple)) => StapledPresentation { presentation, staple }.encode(),
            (None, None) => presentation,
        }
    }
}

impl core::fmt::Debug for Received {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Received([redacted])")
    }
}

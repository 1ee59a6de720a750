//! Proof values of selective suites: `u`, base64url of three header bytes and CBOR in its one shortest form.

use std::collections::BTreeMap;
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::Error as EncodeError;
use minicbor::{Decoder, Encoder};

use super::W3cError;

/// The longest list or map in a proof value.
const LIST_MAX: u64 = 2048;
/// The longest proof value.
const TEXT_MAX: usize = 128 * 1024;

const MALFORMED: W3cError = W3cError::MalformedProof("proofValue");
type Writer = Encoder<Vec<u8>>;
type Written = Result<(), EncodeError<Infallible>>;

pub(super) fn write(header: [u8; 3], body: impl FnOnce(&mut Writer) -> Written) -> Result<String, W3cError> {
    let mut encoder = Encoder::new(header.to_vec());
    body(&mut encoder).map_err(|_| MALFORMED)?;
    Ok(format!("u{}", URL_SAFE_NO_PAD.encode(encoder.into_writer())))
}

pub(super) fn byte_strings(encoder: &mut Writer, list: &[Vec<u8>]) -> Written {
    encoder.array(list.len() as u64)?;
    list.iter().try_for_each(|bytes| encoder.bytes(bytes).map(|_| ()))
}

pub(super) fn texts(encoder: &mut Writer, list: &[String]) -> Written {
    encoder.array(list.len() as u64)?;
    list.iter().try_for_each(|text| encoder.str(text).map(|_| ()))
}

pub(super) fn numbers(encoder: &mut Writer, list: &[usize]) -> Written {
    encoder.array(list.len() as u64)?;
    list.iter().try_for_each(|number| encoder.u64(*number as u64).map(|_| ()))
}

/// What stands after the header.
pub(super) fn payload(text: &str, header: [u8; 3]) -> Result<Vec<u8>, W3cError> {
    let digits = text.strip_prefix('u').filter(|digits| digits.len() <= TEXT_MAX).ok_or(MALFORMED)?;
    let bytes = URL_SAFE_NO_PAD.decode(digits).map_err(|_| MALFORMED)?;
    bytes.strip_prefix(&header).map(<[u8]>::to_vec).ok_or(MALFORMED)
}

pub(super) fn read<T>(
    bytes: &[u8],
    body: impl FnOnce(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<T, W3cError> {
    let mut decoder = Decoder::new(bytes);
    let value = body(&mut decoder).map_err(|_| MALFORMED)?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(MALFORMED) }
}

pub(super) fn array_of(decoder: &mut Decoder<'_>, length: u64) -> Result<(), DecodeError> {
    if decoder.array()? == Some(length) { Ok(()) } else { Err(DecodeError::message("an array of another length")) }
}

pub(super) fn list<'b, T>(
    decoder: &mut Decoder<'b>,
    mut element: impl FnMut(&mut Decoder<'b>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let length = decoder.array()?.filter(|length| *length <= LIST_MAX);
    (0..length.ok_or_else(|| DecodeError::message("a list without a length, or too long"))?)
        .map(|_| element(decoder))
        .collect()
}

pub(super) fn map<'b, T>(
    decoder: &mut Decoder<'b>,
    mut value: impl FnMut(&mut Decoder<'b>) -> Result<T, DecodeError>,
) -> Result<BTreeMap<u64, T>, DecodeError> {
    let length = decoder.map()?.filter(|length| *length <= LIST_MAX);
    let mut map = BTreeMap::new();
    for _ in 0..length.ok_or_else(|| DecodeError::message("a map without a length, or too long"))? {
        let key = decoder.u64()?;
        if map.insert(key, value(decoder)?).is_some() {
            return Err(DecodeError::message("a key twice"));
        }
    }
    Ok(map)
}

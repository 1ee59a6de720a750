//! Which codes which reader reads, under which conditions.

use std::error::Error;
use std::path::Path;

use image::GrayImage;
use protocol::exchange::qr;
use qrcode::{EcLevel, QrCode};
use rxing::{BarcodeFormat, RXingResultMetadataType, RXingResultMetadataValue};

use crate::camera::{CONDITIONS, Condition, picture};

/// How the bytes of a message become a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `MP1:` and base45, in alphanumeric mode.
    Base45,
    /// The message itself, in byte mode.
    Bytes,
}

/// A way to draw a message.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Text or bytes.
    pub encoding: Encoding,
    /// Error correction.
    pub level: EcLevel,
}

/// A program that reads codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A Rust port of quirc.
    Rqrr,
    /// A Rust port of ZXing.
    Rxing,
    /// ZXing in C++, from Python.
    ZxingCpp,
}

/// All readers.
pub const READERS: [Reader; 3] = [Reader::Rqrr, Reader::Rxing, Reader::ZxingCpp];

/// What a reader found in a picture.
pub struct Found {
    /// The bytes, where it offers them, and else the text's.
    pub bytes: Vec<u8>,
    /// The text, for a user that has only that; rqrr gives bytes always.
    pub text: Vec<u8>,
}

impl Choice {
    /// What a reader has to return.
    ///
    /// # Errors
    /// If the message is too long for one code.
    pub fn payload(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        match self.encoding {
            Encoding::Base45 => Ok(qr::to_text(qr::Kind::Presentation, message)?.into_bytes()),
            Encoding::Bytes => Ok(message.to_vec()),
        }
    }

    /// The code.
    ///
    /// # Errors
    /// If the message is too long for one code.
    pub fn draw(&self, message: &[u8]) -> Result<QrCode, Box<dyn Error>> {
        Ok(QrCode::with_error_correction_level(self.payload(message)?, self.level)?)
    }
}

impl Reader {
    /// What the reader finds in each picture.
    pub fn read_all(self, pictures: &[GrayImage]) -> Vec<Option<Found>> {
        match self {
            Self::Rqrr => pictures.iter().map(rqrr).collect(),
            Self::Rxing => pictures.iter().map(rxing).collect(),
            Self::ZxingCpp => zxing_cpp(pictures),
        }
    }
}

fn rqrr(picture: &GrayImage) -> Option<Found> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixel = |x, y| picture.get_pixel(x as u32, y as u32).0[0];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    prepared.detect_grids().into_iter().find_map(|grid| {
        let mut bytes = Vec::new();
        grid.decode_to(&mut bytes).ok().map(|_| Found { text: bytes.clone(), bytes })
    })
}

fn rxing(picture: &GrayImage) -> Option<Found> {
    let (width, height) = picture.dimensions();
    let found =
        rxing::helpers::detect_in_luma(picture.as_raw().clone(), width, height, Some(BarcodeFormat::QR_CODE)).ok()?;
    let text = found.getText().as_bytes().to_vec();
    let bytes = match found.getRXingResultMetadata().get(&RXingResultMetadataType::BYTE_SEGMENTS) {
        Some(RXingResultMetadataValue::ByteSegments(segments)) if !segments.is_empty() => segments.concat(),
        _ => text.clone(),
    };
    Some(Found { bytes, text })
}

fn zxing_cpp(pictures: &[GrayImage]) -> Vec<Option<Found>> {
    let mut input = Vec::new();
    for picture in pictures {
        input.extend(picture.width().to_be_bytes().iter().chain(&picture.height().to_be_bytes()));
        input.extend(picture.as_raw());
    }
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/zxing.py"));
    let found = |line: String| {
        let (bytes, text) = line.split_once(' ')?;
        Some(Found { bytes: hex::decode(bytes).ok()?, text: hex::decode(text).ok()? })
    };
    tests::python::lines(script, &input).into_iter().map(found).collect()
}

/// How many of `count` pictures each reader reads rightly.
///
/// # Errors
/// If the message is too long for one code.
pub fn count(message: &[u8], choice: Choice, condition: &Condition, count: u64) -> Result<[u64; 3], Box<dyn Error>> {
    let (code, payload) = (choice.draw(message)?, choice.payload(message)?);
    let pictures = (0..count).map(|seed| picture(&code, condition, seed)).collect::<Result<Vec<_>, _>>()?;
    let rightly = |found: &Option<Found>| found.as_ref().is_some_and(|found| found.bytes == payload);
    Ok(READERS.map(|reader| reader.read_all(&pictures).iter().filter(|found| rightly(found)).count() as u64))
}

/// Whether each reader's *text* still is the message, in a picture without harm.
///
/// # Errors
/// If the message is too long for one code.
pub fn text_survives(message: &[u8], choice: Choice) -> Result<[bool; 3], Box<dyn Error>> {
    let straight = [picture(&choice.draw(message)?, &CONDITIONS[0], 1)?];
    let payload = choice.payload(message)?;
    Ok(READERS.map(|reader| {
        let found = reader.read_all(&straight).into_iter().next().flatten();
        found.is_some_and(|found| found.text == payload)
    }))
}

//! Which codes which reader reads, under which conditions.

use std::error::Error;

use image::GrayImage;
use protocol::exchange::qr;
use qrcode::{EcLevel, QrCode};
use rxing::{BarcodeFormat, RXingResultMetadataType, RXingResultMetadataValue};

use crate::camera::{Condition, picture};

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
}

/// Both readers.
pub const READERS: [Reader; 2] = [Reader::Rqrr, Reader::Rxing];

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
    /// What the reader finds in a picture: the bytes, where it offers them, and else the text's.
    pub fn read(self, picture: &GrayImage) -> Option<Vec<u8>> {
        match self {
            Self::Rqrr => {
                let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
                    picture.width() as usize,
                    picture.height() as usize,
                    |x, y| picture.get_pixel(x as u32, y as u32).0[0],
                );
                prepared.detect_grids().into_iter().find_map(|grid| {
                    let mut bytes = Vec::new();
                    grid.decode_to(&mut bytes).ok().map(|_| bytes)
                })
            }
            Self::Rxing => {
                let found = rxing::helpers::detect_in_luma(
                    picture.as_raw().clone(),
                    picture.width(),
                    picture.height(),
                    Some(BarcodeFormat::QR_CODE),
                )
                .ok()?;
                let segments = found.getRXingResultMetadata().get(&RXingResultMetadataType::BYTE_SEGMENTS);
                match segments {
                    Some(RXingResultMetadataValue::ByteSegments(segments)) if !segments.is_empty() => {
                        Some(segments.concat())
                    }
                    _ => Some(found.getText().as_bytes().to_vec()),
                }
            }
        }
    }

    /// Whether the reader's *text* still is the message, for a user that has only that (rqrr gives bytes always).
    pub fn text_survives(self, picture: &GrayImage, payload: &[u8]) -> bool {
        match self {
            Self::Rqrr => self.read(picture).is_some_and(|bytes| bytes == payload),
            Self::Rxing => {
                let (width, height) = picture.dimensions();
                let found = rxing::helpers::detect_in_luma(
                    picture.as_raw().clone(),
                    width,
                    height,
                    Some(BarcodeFormat::QR_CODE),
                );
                found.is_ok_and(|found| found.getText().as_bytes() == payload)
            }
        }
    }
}

/// How many of `count` pictures each reader reads rightly.
///
/// # Errors
/// If the message is too long for one code.
pub fn count(message: &[u8], choice: Choice, condition: &Condition, count: u64) -> Result<[u64; 2], Box<dyn Error>> {
    let (code, payload) = (choice.draw(message)?, choice.payload(message)?);
    let mut read = [0; 2];
    for seed in 0..count {
        let picture = picture(&code, condition, seed)?;
        for (reader, read) in READERS.into_iter().zip(&mut read) {
            *read += u64::from(reader.read(&picture).is_some_and(|bytes| bytes == payload));
        }
    }
    Ok(read)
}

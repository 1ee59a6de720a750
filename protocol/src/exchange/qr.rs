//! Messages as QR codes: framing, drawing, reading.
//!
//! A frame is `M<kind><version>:` and the message in base45 (RFC 9285), so that the whole code stays in
//! the alphanumeric mode that every reader returns unchanged (QRF-01). One message, one code; one that no code
//! holds, or that a camera shall read from afar, goes in [several](super::frames).

use std::io::Cursor;

use qrcode::{Color, EcLevel, QrCode};

use super::finder;

/// What a PNG begins with.
const PNG_MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Version of the framing.
pub(super) const VERSION: char = '1';
/// Longest text a version-40 code at level L holds in alphanumeric mode.
pub(super) const TEXT_MAX: usize = 4_296;
/// Light modules around the code (ISO/IEC 18004, 5.3.8).
const QUIET_ZONE: usize = 4;
/// Pixels per module of a drawn code.
const SCALE: usize = 6;
/// Largest picture that is looked at, in pixels: what a phone's camera takes.
const PIXELS_MAX: usize = 12_500_000;

/// Why a code cannot be drawn or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Not one of our messages.
    #[error("this code is not a mobile identity code")]
    MalformedInput,
    /// A framing version this software does not know.
    #[error("this code was made by a newer version; update this app")]
    UnsupportedVersion,
    /// A message of another kind than expected, e.g. an offer held to a scanner.
    #[error("this is a code of another kind; ask for the right one")]
    UnexpectedKind,
    /// More than one code holds, or a picture of more than 12.5 million pixels.
    #[error("this is too large for one code")]
    TooLarge,
    /// No code was found in the picture, or it is damaged beyond repair.
    #[error("no readable code in the picture; scan again")]
    NoCodeFound,
    /// The picture is not a PNG that can be decoded, or is full of finder patterns.
    #[error("the picture cannot be read; scan again")]
    ImageRejected,
    /// A frame does not belong to the message that the frames before it are of.
    #[error("these codes do not belong together; scan all of them again")]
    FrameMismatch,
    /// Not enough frames were seen to put the message together.
    #[error("some codes of the sequence were not seen; keep scanning")]
    FrameMissing,
}

/// What a code carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A presentation, shown by a holder.
    Presentation,
    /// A request, shown by a verifier.
    Request,
    /// An offer, shown by an issuer.
    Offer,
    /// A trust anchor, printed by the ledger's operators.
    TrustAnchor,
}

impl Kind {
    pub(super) fn letter(self) -> char {
        match self {
            Self::Presentation => 'P',
            Self::Request => 'R',
            Self::Offer => 'O',
            Self::TrustAnchor => 'A',
        }
    }

    pub(super) fn of(letter: char) -> Option<Self> {
        [Self::Presentation, Self::Request, Self::Offer, Self::TrustAnchor]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }
}

/// The text of a code that carries `message`.
///
/// # Errors
/// [`QrError::TooLarge`] when no single code holds it.
pub fn to_text(kind: Kind, message: &[u8]) -> Result<String, QrError> {
    let text = format!("M{}{VERSION}:{}", kind.letter(), base45::encode(message));
    if text.len() > TEXT_MAX { Err(QrError::TooLarge) } else { Ok(text) }
}

/// The message in the text of a code.
///
/// # Errors
/// [`QrError`]: exactly one text is accepted for each message (QRF-02).
pub fn from_text(expected: Kind, text: &str) -> Result<Vec<u8>, QrError> {
    if text.len() > TEXT_MAX {
        return Err(QrError::TooLarge);
    }
    let (frame, body) = text.split_once(':').ok_or(QrError::MalformedInput)?;
    let mut frame = frame.chars();
    let (Some('M'), Some(letter), Some(version), None) = (frame.next(), frame.next(), frame.next(), frame.next())
    else {
        return Err(QrError::MalformedInput);
    };
    let kind = Kind::of(letter).ok_or(QrError::MalformedInput)?;
    if version != VERSION {
        return Err(QrError::UnsupportedVersion);
    }
    if kind != expected {
        return Err(QrError::UnexpectedKind);
    }
    let message = base45::decode(body).map_err(|_| QrError::MalformedInput)?;
    if message.is_empty() || base45::encode(&message) != body {
        return Err(QrError::MalformedInput);
    }
    Ok(message)
}

/// The message of this kind in `bytes`: a PNG with a code, the text of one, or the message itself.
///
/// # Errors
/// [`QrError`]
pub fn message(kind: Kind, bytes: Vec<u8>) -> Result<Vec<u8>, QrError> {
    if bytes.starts_with(&PNG_MAGIC) {
        return from_text(kind, &read_png(&bytes)?);
    }
    // No canonical CBOR message begins with the letter M (a text string of 13 bytes).
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.starts_with('M') => from_text(kind, text.trim_end_matches(['\r', '\n'])),
        _ => Ok(bytes),
    }
}

/// The text of a code, in a PNG with it or as it is.
///
/// # Errors
/// [`QrError`]
pub fn text(bytes: Vec<u8>) -> Result<String, QrError> {
    if bytes.starts_with(&PNG_MAGIC) {
        return read_png(&bytes);
    }
    let text = String::from_utf8(bytes).map_err(|_| QrError::MalformedInput)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A drawn code.
pub struct Drawing {
    code: QrCode,
}

impl Drawing {
    /// Draws text of [`to_text`] at error-correction level L: the screen is clean, the smallest modules win.
    ///
    /// # Errors
    /// [`QrError::TooLarge`].
    pub fn new(text: &str) -> Result<Self, QrError> {
        QrCode::with_error_correction_level(text, EcLevel::L).map(|code| Self { code }).map_err(|_| QrError::TooLarge)
    }

    /// The QR version, 1–40.
    #[must_use]
    pub fn version(&self) -> u8 {
        ((self.code.width() - 17) / 4) as u8
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        let inside = |v: usize| v.checked_sub(QUIET_ZONE).filter(|v| *v < self.code.width());
        matches!((inside(x), inside(y)), (Some(x), Some(y)) if self.code[(x, y)] == Color::Dark)
    }

    fn side(&self) -> usize {
        self.code.width() + 2 * QUIET_ZONE
    }

    /// Half-block characters for a terminal, light on dark reversed so that it scans on dark screens.
    #[must_use]
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        for y in (0..self.side()).step_by(2) {
            for x in 0..self.side() {
                out.push(match (self.dark(x, y), self.dark(x, y + 1)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                });
            }
            out.push('\n');
        }
        out
    }

    /// A PNG of one bit a pixel, six pixels a module.
    ///
    /// # Errors
    /// [`QrError::ImageRejected`] when the encoder fails.
    pub fn png(&self) -> Result<Vec<u8>, QrError> {
        let side = self.side() * SCALE;
        let line = side.div_ceil(8);
        let mut pixels = Vec::with_capacity(side * line);
        for y in 0..self.side() {
            // Lines of one module are alike. White is 1.
            let mut bits = vec![0xff_u8; line];
            for x in (0..side).filter(|x| self.dark(x / SCALE, y)) {
                bits[x / 8] &= !(0x80 >> (x % 8));
            }
            (0..SCALE).for_each(|_| pixels.extend_from_slice(&bits));
        }
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, side as u32, side as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        encoder.set_compression(png::Compression::Fast);
        // Five of six lines are what the one above is.
        encoder.set_filter(png::Filter::Up);
        let mut writer = encoder.write_header().map_err(|_| QrError::ImageRejected)?;
        writer.write_image_data(&pixels).map_err(|_| QrError::ImageRejected)?;
        writer.finish().map_err(|_| QrError::ImageRejected)?;
        Ok(out)
    }
}

/// Reads the text of the one code in a PNG (QRF-03).
///
/// # Errors
/// [`QrError`]; two codes in one picture are refused rather than guessed between.
pub fn read_png(bytes: &[u8]) -> Result<String, QrError> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: 4 * PIXELS_MAX });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|_| QrError::ImageRejected)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width.saturating_mul(height) > PIXELS_MAX {
        return Err(QrError::TooLarge);
    }
    // Row by row, so that a picture in colour takes no more memory than one in grey.
    if reader.info().interlaced {
        return Err(QrError::ImageRejected);
    }
    let samples = reader.output_color_type().0.samples();
    let mut pixels = Vec::with_capacity(width * height);
    while let Some(row) = reader.next_row().map_err(|_| QrError::ImageRejected)? {
        pixels.extend(row.data().chunks_exact(samples).map(grey));
    }
    find(width, height, pixels)
}

/// Reads the text of the one code in a camera's frame: four bytes a pixel (red, green, blue and one that is not looked
/// at), line by line without gaps (QRF-03).
///
/// # Errors
/// [`QrError::ImageRejected`] when there are not `height` lines of `width` pixels; otherwise as [`read_png`]
pub fn read_rgba(width: usize, height: usize, pixels: &[u8]) -> Result<String, QrError> {
    let count = width.checked_mul(height).ok_or(QrError::TooLarge)?;
    if count > PIXELS_MAX {
        return Err(QrError::TooLarge);
    }
    let (pixels, rest) = pixels.as_chunks::<4>();
    if count == 0 || pixels.len() != count || !rest.is_empty() {
        return Err(QrError::ImageRejected);
    }
    find(width, height, pixels.iter().map(|pixel| grey(pixel)).collect())
}

/// The text of the one code in a picture, one byte of brightness a pixel.
fn find(width: usize, height: usize, pixels: Vec<u8>) -> Result<String, QrError> {
    let pixel = |x: usize, y: usize| pixels.get(y * width + x).copied().unwrap_or(255);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    drop(pixels);
    if finder::too_many(width, height, |x, y| u8::from(image.get_pixel_at(x, y)) != 0) {
        return Err(QrError::ImageRejected);
    }
    let mut texts: Vec<String> = Vec::new();
    for grid in image.detect_grids() {
        if let Ok((_, text)) = grid.decode()
            && !texts.contains(&text)
        {
            texts.push(text);
        }
    }
    match (texts.pop(), texts.is_empty()) {
        (Some(text), true) => Ok(text),
        (Some(_), false) => Err(QrError::MalformedInput),
        (None, _) => Err(QrError::NoCodeFound),
    }
}

/// The brightness of a pixel (ITU-R BT.601); transparency is not looked at.
fn grey(samples: &[u8]) -> u8 {
    match samples {
        [r, g, b, ..] => ((u32::from(*r) * 299 + u32::from(*g) * 587 + u32::from(*b) * 114) / 1000) as u8,
        [v, ..] => *v,
        [] => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_from_every_carrier() {
        let text = to_text(Kind::Offer, b"\x86hello").unwrap();
        let png = Drawing::new(&text).unwrap().png().unwrap();
        for carrier in [b"\x86hello".to_vec(), text.clone().into_bytes(), format!("{text}\n").into_bytes(), png] {
            assert_eq!(message(Kind::Offer, carrier).unwrap(), b"\x86hello");
        }
        assert_eq!(message(Kind::Presentation, text.into_bytes()), Err(QrError::UnexpectedKind));
    }

    #[test]
    fn qrf_01_a_code_comes_back_as_it_was_drawn() {
        for length in [1, 32, 300, 1_000, 1_273] {
            let message: Vec<u8> = (0..length).map(|i| (i * 31 % 256) as u8).collect();
            let text = to_text(Kind::Presentation, &message).unwrap();
            let drawing = Drawing::new(&text).unwrap();
            let read = read_png(&drawing.png().unwrap()).unwrap();
            assert_eq!(read, text, "{length} bytes, version {}", drawing.version());
            assert_eq!(from_text(Kind::Presentation, &read).unwrap(), message);
            assert!(drawing.terminal().lines().count() > 10);
        }
    }

    #[test]
    fn qrf_02_one_text_for_each_message() {
        let good = to_text(Kind::Presentation, b"hello").unwrap();
        assert_eq!(from_text(Kind::Presentation, &good).unwrap(), b"hello");
        assert_eq!(from_text(Kind::Request, &good), Err(QrError::UnexpectedKind));
        assert_eq!(from_text(Kind::Presentation, &good.replace("MP1", "MP9")), Err(QrError::UnsupportedVersion));
        for bad in [
            "",
            ":",
            "MP1:",
            "MP1",
            "MX1:00",
            "XP1:00",
            "MP11:00",
            "MP1: ::",
            "mp1:00",
            "MP1:zz",
            "\u{feff}MP1:00",
            "javascript:alert(1)",
        ] {
            assert_eq!(from_text(Kind::Presentation, bad), Err(QrError::MalformedInput), "{bad}");
        }
        assert_eq!(from_text(Kind::Presentation, &"A".repeat(5_000)), Err(QrError::TooLarge));
        assert_eq!(to_text(Kind::Presentation, &[0; 4_000]), Err(QrError::TooLarge));
    }

    #[test]
    fn qrf_03_pictures_without_a_code() {
        assert_eq!(read_png(b""), Err(QrError::ImageRejected));
        assert_eq!(read_png(&[137, 80, 78, 71]), Err(QrError::ImageRejected));
        let drawing = Drawing::new(&to_text(Kind::Offer, b"offer").unwrap()).unwrap();
        let mut png = drawing.png().unwrap();
        let half = png.len() / 2;
        png[half] ^= 0xff;
        assert!(matches!(read_png(&png), Err(QrError::ImageRejected | QrError::NoCodeFound)));
    }

    #[test]
    fn qrf_03_a_frame_of_a_camera_is_read_like_a_picture() {
        let text = to_text(Kind::Offer, b"offer").unwrap();
        let drawing = Drawing::new(&text).unwrap();
        let side = drawing.side() * SCALE;
        let frame: Vec<u8> = (0..side * side)
            .flat_map(|at| {
                if drawing.dark(at % side / SCALE, at / side / SCALE) { [20, 10, 30, 0] } else { [240, 250, 230, 9] }
            })
            .collect();
        assert_eq!(read_rgba(side, side, &frame), Ok(text));
        assert_eq!(read_rgba(2, 2, &[255; 16]), Err(QrError::NoCodeFound));
        for (width, height, bytes) in
            [(0, 0, 0), (0, 5, 0), (2, 2, 15), (2, 2, 17), (2, 2, 20), (side, side + 1, frame.len())]
        {
            assert_eq!(read_rgba(width, height, &frame[..bytes]), Err(QrError::ImageRejected), "{width} by {height}");
        }
        assert_eq!(read_rgba(PIXELS_MAX, 2, &frame), Err(QrError::TooLarge));
        assert_eq!(read_rgba(usize::MAX, 2, &frame), Err(QrError::TooLarge));
    }

    /// A picture of finder patterns, `count` of them in a line or more lines.
    fn finder_patterns(count: usize) -> Vec<u8> {
        const SIDE: usize = 200;
        const PITCH: usize = 9;
        let in_a_line = SIDE / PITCH;
        let mut pixels = vec![255u8; SIDE * SIDE];
        for (column, line) in (0..count).map(|n| (n % in_a_line, n / in_a_line)) {
            for (x, y) in (0..49).map(|n| (n % 7, n / 7)) {
                let from_edge = x.min(y).min(6 - x).min(6 - y);
                if from_edge != 1 {
                    pixels[(line * PITCH + y) * SIDE + column * PITCH + x] = 0;
                }
            }
        }
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, SIDE as u32, SIDE as u32);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn qrf_03_a_picture_full_of_finder_patterns_is_not_searched() {
        // As many as five codes have: looked at, and nothing found.
        assert_eq!(read_png(&finder_patterns(16)), Err(QrError::NoCodeFound));
        assert_eq!(read_png(&finder_patterns(17)), Err(QrError::ImageRejected));
        // 400 bytes, over which the search alone takes seconds.
        let full = finder_patterns(22 * 22);
        assert!(full.len() < 2_000);
        assert_eq!(read_png(&full), Err(QrError::ImageRejected));
    }
}

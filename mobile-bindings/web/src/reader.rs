//! Codes in a camera's frames.

use protocol::exchange::frames::{self, Assembler, FRAME_BYTES, Frames};
use protocol::exchange::qr::{self, Kind, QrError};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{PageError, named};

/// Finds codes in a camera's frames, and puts messages together that are shown in several codes.
#[wasm_bindgen]
pub struct CodeReader {
    kind: Kind,
    assembler: Assembler,
}

#[wasm_bindgen]
impl CodeReader {
    /// A reader for messages of one kind: `presentation`, `request`, `offer` or `trust-anchor`.
    ///
    /// # Errors
    /// Throws a text that begins with `UnknownKind`.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: &str) -> Result<CodeReader, String> {
        let kind = kind_named(kind).map_err(|error| named(&error))?;
        Ok(Self { kind, assembler: Assembler::new(kind) })
    }

    /// The text of the one code in a frame of `width` by `height` pixels of four bytes each, as `getImageData` gives
    /// them; nothing when there is none.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name: `MalformedInput` for two codes in one frame, `ImageRejected`,
    /// `TooLarge`.
    pub fn find(&self, rgba: &[u8], width: usize, height: usize) -> Result<Option<String>, String> {
        match qr::read_rgba(width, height, rgba) {
            Ok(text) => Ok(Some(text)),
            Err(QrError::NoCodeFound) => Ok(None),
            Err(error) => Err(named(&error)),
        }
    }

    /// Takes the text of a code, and gives the message once it is whole. When a code belongs to another message than the
    /// ones before it, that message is begun.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name, e.g. `UnexpectedKind`.
    pub fn receive(&mut self, text: &str) -> Result<Option<Vec<u8>>, String> {
        if !frames::is_frame(text) {
            return qr::from_text(self.kind, text).map(Some).map_err(|error| named(&error));
        }
        let mut received = self.assembler.receive(text);
        if received == Err(QrError::FrameMismatch) {
            self.begin_anew();
            received = self.assembler.receive(text);
        }
        received.map_err(|error| named(&error))?;
        let message = self.assembler.message().ok();
        if message.is_some() {
            self.begin_anew();
        }
        Ok(message)
    }

    /// Forgets the codes seen so far.
    pub fn begin_anew(&mut self) {
        self.assembler = Assembler::new(self.kind);
    }

    /// How many pieces of the message are known, and of how many; `[0, 0]` before the first.
    #[must_use]
    pub fn progress(&self) -> Vec<u32> {
        let (known, of) = self.assembler.progress();
        [known, of].map(|count| u32::try_from(count).unwrap_or(u32::MAX)).to_vec()
    }
}

/// The picture of a code, a PNG, with a message of this kind.
///
/// # Errors
/// Throws a text that begins with `UnknownKind` or `TooLarge`.
#[wasm_bindgen]
pub fn draw_code(kind: &str, message: &[u8]) -> Result<Vec<u8>, String> {
    let kind = kind_named(kind).map_err(|error| named(&error))?;
    let png = qr::to_text(kind, message).and_then(|text| qr::Drawing::new(&text)).and_then(|code| code.png());
    png.map_err(|error| named(&error))
}

/// The texts of the codes that show a message of this kind: one, or where one does not hold it, small ones to be shown in
/// turn, half as many again as are needed.
///
/// # Errors
/// Throws a text that begins with `UnknownKind` or `TooLarge`.
#[wasm_bindgen]
pub fn code_texts(kind: &str, message: &[u8]) -> Result<Vec<String>, String> {
    let kind = kind_named(kind).map_err(|error| named(&error))?;
    match qr::to_text(kind, message) {
        Ok(text) => Ok(vec![text]),
        Err(QrError::TooLarge) => {
            let frames = Frames::new(kind, message, FRAME_BYTES).map_err(|error| named(&error))?;
            let count = frames.pieces() + frames.pieces().div_ceil(2);
            Ok(frames.take(count).collect())
        }
        Err(error) => Err(named(&error)),
    }
}

/// The picture of a code with this text, a PNG.
///
/// # Errors
/// Throws a text that begins with `TooLarge`.
#[wasm_bindgen]
pub fn draw_text(text: &str) -> Result<Vec<u8>, String> {
    qr::Drawing::new(text).and_then(|code| code.png()).map_err(|error| named(&error))
}

fn kind_named(name: &str) -> Result<Kind, PageError> {
    match name {
        "presentation" => Ok(Kind::Presentation),
        "request" => Ok(Kind::Request),
        "offer" => Ok(Kind::Offer),
        "trust-anchor" => Ok(Kind::TrustAnchor),
        _ => Err(PageError::UnknownKind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_or_in_pieces_and_a_new_one_takes_over() {
        assert!(CodeReader::new("postcard").is_err_and(|text| text.starts_with("UnknownKind: ")));
        assert!(draw_code("postcard", b"x").is_err_and(|text| text.starts_with("UnknownKind: ")));
        let mut reader = CodeReader::new("presentation").unwrap();
        assert_eq!(reader.receive(&qr::to_text(Kind::Presentation, b"one").unwrap()), Ok(Some(b"one".to_vec())));
        let offer = qr::to_text(Kind::Offer, b"one").unwrap();
        assert!(reader.receive(&offer).is_err_and(|text| text.starts_with("UnexpectedKind: ")));
        let [first, second] = [[1; 700], [2; 700]];
        let codes = |message: &[u8]| Frames::new(Kind::Presentation, message, 250).unwrap().take(3).collect::<Vec<_>>();
        assert_eq!(reader.progress(), [0, 0]);
        assert_eq!(reader.receive(&codes(&first)[0]), Ok(None));
        assert_eq!(reader.progress(), [1, 3]);
        // Another person steps up.
        for code in &codes(&second)[..2] {
            assert_eq!(reader.receive(code), Ok(None));
        }
        assert_eq!(reader.receive(&codes(&second)[2]), Ok(Some(second.to_vec())));
        assert_eq!(reader.progress(), [0, 0]);
    }

    #[test]
    fn what_one_code_does_not_hold_is_shown_in_several() {
        assert_eq!(code_texts("presentation", b"one").unwrap().len(), 1);
        assert!(code_texts("postcard", b"x").is_err_and(|text| text.starts_with("UnknownKind: ")));
        let message = vec![3; 6_000];
        let texts = code_texts("presentation", &message).unwrap();
        let mut reader = CodeReader::new("presentation").unwrap();
        let mut whole = texts.iter().filter_map(|text| reader.receive(text).unwrap());
        assert_eq!(whole.next(), Some(message));
        assert!(draw_text(&texts[0]).is_ok_and(|png| png.starts_with(b"\x89PNG")));
        assert!(draw_text(&"x".repeat(5_000)).is_err_and(|text| text.starts_with("TooLarge: ")));
    }

    #[test]
    fn frames_without_a_code_are_nothing_and_no_frames_are_refused() {
        let reader = CodeReader::new("presentation").unwrap();
        assert_eq!(reader.find(&[200; 64 * 64 * 4], 64, 64), Ok(None));
        assert!(reader.find(&[200; 64], 64, 64).is_err_and(|text| text.starts_with("ImageRejected: ")));
    }
}

//! A message in several codes, shown one after the other (`specs/presentation.md`, section "Several codes").
//!
//! The first frames hold the message piece by piece, all later ones are sums of pieces (a fountain code, by the
//! crate `ur`), so that whoever misses some needs only as many others. All frames name the message's hash, and
//! nothing is handed on before the whole message has it.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use ur::fountain::{Decoder, Encoder, Part};

use super::qr::{Kind, QrError, TEXT_MAX, VERSION};
use crate::cbor;
use crate::crypto::domains;

/// Bytes of the message in one frame when nothing else is asked for: a code of version 13.
pub const FRAME_BYTES: usize = 250;
/// Most pieces of a message.
const FRAMES_MAX: usize = 64;
/// Largest message, in bytes.
const MESSAGE_MAX: usize = 16 * 1024;
/// Most different frames that are looked at before the scan has to begin anew.
const SEEN_MAX: usize = 16 * FRAMES_MAX;
/// Longest encoded frame, in bytes.
const FRAME_MAX: usize = 2_860;

/// One frame. The last five fields are those of BCR-2024-001 (`ur`), in its order.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Frame {
    /// Hash of the whole message: which sequence this frame belongs to.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    message: [u8; 8],
    /// Number in the sequence, from 1.
    #[n(1)]
    number: u32,
    /// How many pieces the message has.
    #[n(2)]
    pieces: u32,
    /// Length of the message.
    #[n(3)]
    length: u32,
    /// The checksum (CRC, 32 bits) of the message, from which the library draws the pieces of a sum.
    #[n(4)]
    checksum: u32,
    /// A piece, or a sum of pieces.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    data: Vec<u8>,
}

/// The same without the hash, as the library encodes it.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Bare {
    #[n(0)]
    number: u32,
    #[n(1)]
    pieces: u32,
    #[n(2)]
    length: u32,
    #[n(3)]
    checksum: u32,
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    data: Vec<u8>,
}

/// The codes of a message, without end: a screen shows them in turn for as long as it takes.
pub struct Frames {
    kind: Kind,
    message: [u8; 8],
    encoder: Encoder,
}

impl Frames {
    /// Frames of at most `frame_bytes` bytes of `message` each.
    ///
    /// # Errors
    /// [`QrError::TooLarge`] for a message that is empty, over 16 KiB, or would need more than 64 pieces.
    pub fn new(kind: Kind, message: &[u8], frame_bytes: usize) -> Result<Self, QrError> {
        if message.is_empty() || message.len() > MESSAGE_MAX || message.len().div_ceil(frame_bytes.max(1)) > FRAMES_MAX
        {
            return Err(QrError::TooLarge);
        }
        let encoder = Encoder::new(message, frame_bytes).map_err(|_| QrError::TooLarge)?;
        Ok(Self { kind, message: hash(message), encoder })
    }

    /// How many pieces the message has: no fewer frames can be enough.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.encoder.fragment_count()
    }
}

impl Iterator for Frames {
    type Item = String;

    /// The text of the next code (QRF-04).
    fn next(&mut self) -> Option<String> {
        let part = minicbor::to_vec(self.encoder.next_part()).ok()?;
        let Bare { number, pieces, length, checksum, data } = minicbor::decode(&part).ok()?;
        let frame = Frame { message: self.message, number, pieces, length, checksum, data };
        Some(format!("M{}{VERSION}/{}", self.kind.letter(), base45::encode(cbor::to_vec(&frame))))
    }
}

/// Whether the text is of one frame of several, and not of a whole message.
#[must_use]
pub fn is_frame(text: &str) -> bool {
    text.starts_with('M') && text.as_bytes().get(3) == Some(&b'/')
}

/// Puts a message together from frames, in whatever order they are seen.
pub struct Assembler {
    expected: Kind,
    first: Option<Frame>,
    decoder: Decoder,
    seen: usize,
}

impl Assembler {
    /// Waits for the first frame of a message of this kind.
    #[must_use]
    pub fn new(expected: Kind) -> Self {
        Self { expected, first: None, decoder: Decoder::default(), seen: 0 }
    }

    /// Takes the text of a code. A frame that was seen already changes nothing; one that is refused neither.
    ///
    /// # Errors
    /// [`QrError`]; [`QrError::FrameMismatch`] for a frame of another message, or when all together are not the
    /// message they name: then the scan begins anew.
    pub fn receive(&mut self, text: &str) -> Result<(), QrError> {
        let frame = self.read(text)?;
        // QRF-05
        let same = |first: &Frame| {
            (first.message, first.pieces, first.length, first.checksum)
                == (frame.message, frame.pieces, frame.length, frame.checksum)
        };
        if !self.first.as_ref().is_none_or(same) {
            return Err(QrError::FrameMismatch);
        }
        self.seen += 1;
        if self.seen > SEEN_MAX {
            *self = Self::new(self.expected);
            return Err(QrError::TooLarge);
        }
        let Frame { number, pieces, length, checksum, data, .. } = frame.clone();
        let part = minicbor::to_vec(Bare { number, pieces, length, checksum, data }).unwrap_or_default();
        let part: Part = minicbor::decode(&part).map_err(|_| QrError::MalformedInput)?;
        self.decoder.receive(part).map_err(|_| QrError::FrameMismatch)?;
        self.first.get_or_insert(frame);
        // QRF-06
        if self.decoder.complete() && self.whole().is_none() {
            *self = Self::new(self.expected);
            return Err(QrError::FrameMismatch);
        }
        Ok(())
    }

    /// How many pieces are known, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.decoder.resolved_fragment_count().unwrap_or(0), self.decoder.fragment_count())
    }

    /// The message.
    ///
    /// # Errors
    /// [`QrError::FrameMissing`] until enough frames were seen.
    pub fn message(&self) -> Result<Vec<u8>, QrError> {
        self.whole().ok_or(QrError::FrameMissing)
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let message = self.decoder.message().ok()??;
        self.first.as_ref().is_some_and(|first| first.message == hash(&message)).then_some(message)
    }

    /// QRF-04: one text for each frame, and nothing in it that would make the library work without bound.
    fn read(&self, text: &str) -> Result<Frame, QrError> {
        if text.len() > TEXT_MAX {
            return Err(QrError::TooLarge);
        }
        let (head, body) = text.split_once('/').ok_or(QrError::MalformedInput)?;
        let mut head = head.chars();
        let (Some('M'), Some(letter), Some(version), None) = (head.next(), head.next(), head.next(), head.next())
        else {
            return Err(QrError::MalformedInput);
        };
        let kind = Kind::of(letter).ok_or(QrError::MalformedInput)?;
        if version != VERSION {
            return Err(QrError::UnsupportedVersion);
        }
        if kind != self.expected {
            return Err(QrError::UnexpectedKind);
        }
        let bytes = base45::decode(body).map_err(|_| QrError::MalformedInput)?;
        if base45::encode(&bytes) != body {
            return Err(QrError::MalformedInput);
        }
        let frame: Frame = cbor::from_slice(&bytes, FRAME_MAX).map_err(|_| QrError::MalformedInput)?;
        let (pieces, length) = (frame.pieces as usize, frame.length as usize);
        if pieces > FRAMES_MAX || length > MESSAGE_MAX {
            return Err(QrError::TooLarge);
        }
        let piece = frame.data.len();
        let fits = frame.number > 0 && pieces > 0 && piece > 0 && length.div_ceil(pieces) == piece;
        if fits && length.div_ceil(piece) == pieces { Ok(frame) } else { Err(QrError::MalformedInput) }
    }
}

fn hash(message: &[u8]) -> [u8; 8] {
    let digest = Sha256::new().chain_update(domains::QR_FRAMES).chain_update(message).finalize();
    core::array::from_fn(|i| digest[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize, seed: u8) -> Vec<u8> {
        (0..length).map(|i| (i * 31 + usize::from(seed)) as u8).collect()
    }

    fn put_together<'a>(frames: impl IntoIterator<Item = &'a String>) -> Result<Vec<u8>, QrError> {
        let mut assembler = Assembler::new(Kind::Presentation);
        frames.into_iter().try_for_each(|text| assembler.receive(text))?;
        assembler.message()
    }

    fn frames(message: &[u8], count: usize) -> Vec<String> {
        Frames::new(Kind::Presentation, message, FRAME_BYTES).unwrap().take(count).collect()
    }

    #[test]
    fn qrf_04_a_message_comes_back_whatever_is_missed() {
        for length in [1, FRAME_BYTES, FRAME_BYTES + 1, 1_012, 6_000, MESSAGE_MAX / 2] {
            let message = message(length, 1);
            let pieces = Frames::new(Kind::Presentation, &message, FRAME_BYTES).unwrap().pieces();
            assert_eq!(put_together(&frames(&message, pieces)).unwrap(), message, "{length} bytes in {pieces}");
            // Backwards, and each twice.
            let all = frames(&message, pieces);
            assert_eq!(put_together(all.iter().rev().chain(&all)).unwrap(), message);
            // Every second one, whichever half: sums stand in for what is missed.
            for parity in 0..2 {
                let some = frames(&message, 8 * pieces + 40);
                let seen: Vec<_> = some.iter().skip(parity).step_by(2).cloned().collect();
                assert_eq!(put_together(&seen).unwrap(), message, "{length} bytes in {pieces}");
            }
        }
    }

    #[test]
    fn qrf_04_frames_of_one_size_fit_small_codes() {
        let message = message(6_000, 2);
        let texts = frames(&message, 60);
        let versions: Vec<_> =
            texts.iter().map(|text| super::super::qr::Drawing::new(text).unwrap().version()).collect();
        assert!(versions.iter().all(|version| *version <= 13), "{versions:?}");
        assert!(texts.iter().all(|text| is_frame(text)));
        assert!(!is_frame(&super::super::qr::to_text(Kind::Presentation, &message[..100]).unwrap()));
    }

    #[test]
    fn qrf_05_frames_of_two_messages_do_not_mix() {
        let (ours, theirs) = (frames(&message(1_000, 3), 4), frames(&message(1_000, 4), 4));
        let mut assembler = Assembler::new(Kind::Presentation);
        assembler.receive(&ours[0]).unwrap();
        assert_eq!(assembler.receive(&theirs[1]), Err(QrError::FrameMismatch));
        assert_eq!(assembler.message(), Err(QrError::FrameMissing));
        assert_eq!(assembler.progress(), (1, 4));
        ours[1..].iter().for_each(|text| assembler.receive(text).unwrap());
        assert_eq!(assembler.message().unwrap(), message(1_000, 3), "the other's frame did no harm");
    }

    #[test]
    fn qrf_06_what_does_not_have_the_hash_is_not_a_message() {
        let good = frames(&message(500, 5), 2);
        let read = Assembler::new(Kind::Presentation).read(&good[1]).unwrap();
        let write = |frame: &Frame| format!("MP1/{}", base45::encode(cbor::to_vec(frame)));
        let mut forged = read.clone();
        forged.data[3] ^= 1;
        let mut assembler = Assembler::new(Kind::Presentation);
        assembler.receive(&good[0]).unwrap();
        assert_eq!(assembler.receive(&write(&forged)), Err(QrError::FrameMismatch));
        assert_eq!(assembler.progress(), (0, 0), "begins anew");
        good.iter().for_each(|text| assembler.receive(text).unwrap());
        assert!(assembler.message().is_ok());
        // The checksum of the library alone would let this through.
        let other_hash = |text: &String| {
            let frame = Assembler::new(Kind::Presentation).read(text).unwrap();
            write(&Frame { message: [7; 8], ..frame })
        };
        assert_eq!(put_together(&good.iter().map(other_hash).collect::<Vec<_>>()), Err(QrError::FrameMismatch));
    }

    #[test]
    fn qrf_04_nothing_makes_the_reader_work_without_bound() {
        let good = Assembler::new(Kind::Presentation).read(&frames(&message(500, 6), 1)[0]).unwrap();
        let refused = |change: fn(&mut Frame)| {
            let mut frame = good.clone();
            change(&mut frame);
            Assembler::new(Kind::Presentation).receive(&format!("MP1/{}", base45::encode(cbor::to_vec(&frame))))
        };
        assert_eq!(refused(|_| ()), Ok(()));
        assert_eq!(refused(|frame| frame.pieces = 0), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.pieces = 1), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.pieces = 3), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.pieces = 65_535), Err(QrError::TooLarge));
        assert_eq!(refused(|frame| frame.pieces = u32::MAX), Err(QrError::TooLarge));
        assert_eq!(refused(|frame| frame.length = u32::MAX), Err(QrError::TooLarge));
        assert_eq!(refused(|frame| frame.length = 0), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.number = 0), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.data.clear()), Err(QrError::MalformedInput));
        assert_eq!(refused(|frame| frame.data.push(0)), Err(QrError::MalformedInput));
        let text = &frames(&message(500, 6), 1)[0];
        let mut offers = Assembler::new(Kind::Offer);
        assert_eq!(offers.receive(text), Err(QrError::UnexpectedKind));
        assert_eq!(put_together([&text.replace("MP1/", "MP2/")]), Err(QrError::UnsupportedVersion));
        for bad in ["", "/", "MP1/", "MX1/00", "MP1:00", &format!("{text}0")] {
            assert_eq!(put_together([&bad.to_owned()]), Err(QrError::MalformedInput), "{bad}");
        }
        assert!(matches!(Frames::new(Kind::Offer, &[], 10), Err(QrError::TooLarge)));
        assert!(matches!(Frames::new(Kind::Offer, &[0; 700], 10), Err(QrError::TooLarge)));
        assert!(matches!(Frames::new(Kind::Offer, &[0; MESSAGE_MAX + 1], 2_000), Err(QrError::TooLarge)));
        assert!(matches!(Frames::new(Kind::Offer, &[0; 700], 0), Err(QrError::TooLarge)));
        // As many different sums as anyone likes to send.
        let mut assembler = Assembler::new(Kind::Presentation);
        let endless = Frames::new(Kind::Presentation, &message(12_800, 7), FRAME_BYTES).unwrap().skip(52).step_by(97);
        let refused = endless.take(SEEN_MAX + 1).find_map(|text| assembler.receive(&text).err());
        assert!(matches!(refused, None | Some(QrError::TooLarge)));
    }
}

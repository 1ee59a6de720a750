//! What a camera sees.

use protocol::exchange::frames::Frames;
use protocol::exchange::qr::{Drawing, Kind, to_text};

use super::status_list::zlib;
use super::{Case, flip};
use crate::world::World;

pub(super) fn cases(world: &World) -> Vec<Case> {
    let message = world.shop_request("request of the shop").encode();
    let text = to_text(Kind::Request, &message).expect("a request fits");
    let mut cases = texts(&text);
    cases.extend(pictures(&text));
    let other = world.shop_request("another request of the shop").encode();
    cases.extend(frames(&message, &other));
    cases
}

/// Several codes for one message, a code a line.
fn frames(message: &[u8], other: &[u8]) -> Vec<Case> {
    let frames = |message: &[u8]| -> Vec<String> {
        Frames::new(Kind::Request, message, 40).expect("a request is small").take(12).collect()
    };
    let (ours, theirs) = (frames(message), frames(other));
    let lines = |frames: &[&String]| frames.iter().map(|text| format!("{text}\n")).collect::<String>().into_bytes();
    let whole: Vec<_> = ours.iter().take(5).collect();
    let good = Case::valid("qr-frames", "in-order", "Every piece once.", lines(&whole)).with("kind", "request");
    let also = |slug: &str, title: &str, frames: &[&String]| Case {
        slug: slug.into(),
        title: title.into(),
        bytes: lines(frames),
        ..good.clone()
    };
    let broken = |slug: &str, title: &str, expect: &str, bytes| good.broken("E06", slug, title, expect, bytes);
    // The frame's array: hash, number, pieces, …: a small number is one byte of it.
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = base45::decode(&ours[0][4..]).expect("a frame");
        bytes.splice(at..at + 1, with.iter().copied());
        format!("MR1/{}\n", base45::encode(&bytes)).into_bytes()
    };
    vec![
        broken("missing", "One piece was not seen.", "FrameMissing", lines(&whole[..4])),
        broken("one-again-and-again", "One piece, five times.", "FrameMissing", lines(&[&ours[2]; 5])),
        broken(
            "other-sequence",
            "The last frame is of another message.",
            "FrameMismatch",
            lines(&[&ours[0], &ours[1], &ours[2], &ours[3], &theirs[4]]),
        ),
        broken("no-pieces", "A message of no pieces.", "MalformedInput", patched(11, &[0])),
        broken(
            "more-pieces-than-fit",
            "As many pieces as two bytes can say.",
            "TooLarge",
            patched(11, &[0x19, 255, 255]),
        ),
        broken("number-zero", "A frame before the first.", "MalformedInput", patched(10, &[0])),
        broken("one-code", "A whole message in place of a frame.", "MalformedInput", {
            to_text(Kind::Request, message).expect("one code").into_bytes()
        }),
        broken("other-kind", "Frames of an offer.", "UnexpectedKind", {
            lines(&whole).into_iter().map(|byte| if byte == b'R' { b'O' } else { byte }).collect()
        }),
        also("backwards", "Every piece, the last one first.", &ours[..5].iter().rev().collect::<Vec<_>>()),
        also("twice", "Every piece twice.", &[&whole[..], &whole[..]].concat()),
        also("sums", "Two pieces were missed; sums stand in for them.", &ours[2..].iter().collect::<Vec<_>>()),
        good,
    ]
}

fn texts(text: &str) -> Vec<Case> {
    let good = Case::valid("qr-text", "request", "The text of a request's code.", text.into()).with("kind", "request");
    let broken = |id: &str, slug: &str, title: &str, expect: &str, text: String| {
        good.broken(id, slug, title, expect, text.into())
    };
    let malformed = |id: &str, slug: &str, title: &str, text: String| broken(id, slug, title, "MalformedInput", text);
    let body = &text[4..];
    vec![
        malformed("E01", "empty", "An empty code.", String::new()),
        malformed("E01", "one-letter", "A single letter.", "M".into()),
        malformed("E01", "no-frame", "A message without its frame.", body.into()),
        malformed("E01", "no-message", "A frame without a message.", "MR1:".into()),
        malformed("E11", "javascript", "A script.", "javascript:alert(1)".into()),
        malformed("E11", "link", "A link.", "https://example.com/MR1:00".into()),
        malformed("E01", "unknown-kind", "A kind that does not exist.", format!("MX1:{body}")),
        malformed("E16", "lower-case", "The frame in lower case.", format!("mr1:{body}")),
        malformed("E16", "byte-order-mark", "A byte order mark before the frame.", format!("\u{feff}{text}")),
        malformed("E16", "nul", "A NUL after the message.", format!("{text}\0")),
        malformed("E16", "space-in-front", "A space before the frame.", format!(" {text}")),
        malformed("A21", "line-break", "A line break after the message.", format!("{text}\n")),
        malformed("A21", "letter-missing", "The last letter is missing.", text[..text.len() - 1].into()),
        malformed(
            "A21",
            "outside-alphabet",
            "A letter that base45 does not have.",
            format!("MR1:{}", body.replacen(&body[..1], "_", 1)),
        ),
        malformed("A21", "overflow", "Three letters that stand for more than two bytes.", format!("{text}:::")),
        broken("E02", "newer-version", "Version 9.", "UnsupportedVersion", format!("MR9:{body}")),
        broken("E01", "other-kind", "An offer where a request is due.", "UnexpectedKind", format!("MO1:{body}")),
        broken("E01", "too-large", "More letters than a code holds.", "TooLarge", format!("MR1:{}", "0".repeat(4_293))),
        good,
    ]
}

fn pictures(text: &str) -> Vec<Case> {
    let draw = |text: &str| Drawing::new(text).and_then(|drawing| drawing.png()).expect("a small code");
    let short = to_text(Kind::Offer, b"a message of a few bytes").expect("a short text");
    let png = draw(&short);
    let good = Case::valid("qr-png", "offer", "A picture of a code.", png.clone()).with("kind", "offer");
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| good.broken(id, slug, title, expect, bytes);
    let picture = Picture::read(&png);
    let other = Picture::read(&draw(&to_text(Kind::Offer, b"another message").expect("a short text")));
    let mut damaged = Picture::read(&png);
    damaged.blot(damaged.side / 4, damaged.side / 2);
    let request =
        Case { bytes: draw(text), slug: "request".into(), title: "A picture of a request.".into(), ..good.clone() }
            .with("kind", "request");
    let header = |width: u32, height: u32| png_of(width, height, &zlib(&[0]));
    vec![
        broken("E01", "empty", "Nothing at all.", "ImageRejected", vec![]),
        broken(
            "E01",
            "not-a-picture",
            "The code's text in place of a picture.",
            "ImageRejected",
            short.clone().into_bytes(),
        ),
        broken("E05", "cut-short", "Half a picture.", "ImageRejected", png[..png.len() / 2].to_vec()),
        broken("E05", "checksum", "A bit of the picture's checksum.", "ImageRejected", flip(&png, 32, 1)),
        broken("E05", "pixels-missing", "A picture without its pixels.", "ImageRejected", header(300, 300)),
        broken(
            "E04",
            "huge-dimensions",
            "A picture of 100,000 times 100,000 pixels in a few bytes.",
            "TooLarge",
            header(100_000, 100_000),
        ),
        broken(
            "E04",
            "largest-dimensions",
            "The largest sides a picture can have.",
            "ImageRejected",
            header(0x7fff_ffff, 0x7fff_ffff),
        ),
        broken(
            "E04",
            "bomb",
            "36 million pixels in a few kilobytes.",
            "TooLarge",
            png_of(6_000, 6_000, &zlib(&vec![0; 6_001 * 6_000])),
        ),
        broken(
            "E04",
            "largest-in-grey",
            "As many pixels as are looked at.",
            "NoCodeFound",
            png_of(3_500, 3_500, &zlib(&vec![0; 3_501 * 3_500])),
        ),
        broken(
            "E04",
            "largest-in-colour",
            "The same with colours and transparency.",
            "NoCodeFound",
            png_in(COLOUR, 3_500, 3_500, &zlib(&vec![0; (4 * 3_500 + 1) * 3_500])),
        ),
        broken(
            "E16",
            "interlaced",
            "A picture that has to be held as a whole to be put together.",
            "ImageRejected",
            png_in([8, 0, 0, 0, 1], 1, 1, &zlib(&[0, 255])),
        ),
        broken(
            "E04",
            "endless-pixels",
            "More pixels than the picture has.",
            "ImageRejected",
            png_of(100, 100, &zlib(&vec![255; 3_000_000])),
        ),
        broken(
            "E01",
            "white",
            "A white picture.",
            "NoCodeFound",
            Picture { side: 200, pixels: vec![255; 40_000] }.write(),
        ),
        broken(
            "E24",
            "damaged",
            "A code with more damage than its correction repairs.",
            "NoCodeFound",
            damaged.write(),
        ),
        broken("E06", "two-codes", "Two codes in one picture.", "MalformedInput", picture.beside(&other).write()),
        request,
        good,
    ]
}

/// A square picture in shades of grey.
struct Picture {
    side: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn read(bytes: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a picture");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        Self { side: info.width as usize, pixels }
    }

    fn write(&self) -> Vec<u8> {
        let rows = self.pixels.chunks(self.side).flat_map(|row| [&[0], row].concat());
        png_of(self.side as u32, (self.pixels.len() / self.side) as u32, &zlib(&rows.collect::<Vec<_>>()))
    }

    /// Paints a black square.
    fn blot(&mut self, at: usize, side: usize) {
        for y in at..at + side {
            self.pixels[y * self.side + at..y * self.side + at + side].fill(0);
        }
    }

    /// This picture and another below each other.
    fn beside(&self, other: &Self) -> Self {
        let widest = self.side.max(other.side);
        let rows = |picture: &Self| -> Vec<u8> {
            let row = |row: &[u8]| [row, &vec![255; widest - row.len()]].concat();
            picture.pixels.chunks(picture.side).flat_map(row).collect()
        };
        Self { side: widest, pixels: [rows(self), rows(other)].concat() }
    }
}

/// Depth, colour type, compression, filter and interlacing of a PNG in grey.
const GREY: [u8; 5] = [8, 0, 0, 0, 0];
/// The same with red, green, blue and alpha.
const COLOUR: [u8; 5] = [8, 6, 0, 0, 0];

/// A greyscale PNG with these compressed pixels, whatever they are.
fn png_of(width: u32, height: u32, packed: &[u8]) -> Vec<u8> {
    png_in(GREY, width, height, packed)
}

fn png_in(form: [u8; 5], width: u32, height: u32, packed: &[u8]) -> Vec<u8> {
    let size = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &form].concat();
    let chunk = |name: &[u8], data: &[u8]| {
        let named = [name, data].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&named);
        [(data.len() as u32).to_be_bytes().as_slice(), &named, &crc.sum().to_be_bytes()].concat()
    };
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(b"IHDR", &size), &chunk(b"IDAT", packed), &chunk(b"IEND", &[])].concat()
}

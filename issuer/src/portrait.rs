//! Drawn portraits for the sample register: 96 × 112 pixels, no photograph of anyone.

use serde::Deserialize;

/// Width in pixels.
pub const WIDTH: u32 = 96;
/// Height in pixels.
pub const HEIGHT: u32 = 112;
/// Largest portrait, in bytes, so that a wallet can pass it on in a few QR frames.
pub const SIZE_MAX: usize = 3 * 1_024;

/// The image could not be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the portrait cannot be drawn; report this")]
pub struct PortraitError;

/// What tells one drawn face from another.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Chooses colours and proportions.
    pub seed: u32,
    /// Whether the face wears glasses.
    pub glasses: bool,
    /// How the hair falls.
    pub hair: Hair,
}

/// How the hair falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hair {
    /// Close to the head.
    Short,
    /// To the shoulders.
    Long,
    /// Thin and grey.
    Grey,
}

// Palette positions; colours come from the seed.
const BACKDROP: u8 = 0;
const SKIN: u8 = 1;
const SHADE: u8 = 2;
const HAIR: u8 = 3;
const CLOTHES: u8 = 4;
const INK: u8 = 5;
const WHITE: u8 = 6;
const LIPS: u8 = 7;

/// Draws a face as a PNG of at most [`SIZE_MAX`] bytes. The same features give the same bytes.
///
/// # Errors
/// [`PortraitError`] when the PNG encoder fails.
pub fn draw(features: &Features) -> Result<Vec<u8>, PortraitError> {
    let pick = |shift: u32, count: u32| (features.seed.wrapping_mul(2_654_435_761) >> shift) % count;
    let head = Ellipse { x: 48, y: 50, width: 22 + pick(3, 4) as i32, height: 29 + pick(7, 4) as i32 };
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT) as usize);
    for y in 0..HEIGHT as i32 {
        for x in 0..WIDTH as i32 {
            pixels.push(face(features, &head, pick(11, 3) as i32, x, y));
        }
    }
    let palette = [
        [[214, 226, 238], [224, 232, 220], [236, 230, 218]][pick(13, 3) as usize],
        [[244, 214, 188], [232, 196, 164], [206, 160, 124], [250, 224, 202]][pick(17, 4) as usize],
        [196, 150, 122],
        if features.hair == Hair::Grey {
            [150, 150, 152]
        } else {
            [[28, 24, 24], [52, 36, 28], [76, 50, 34]][pick(19, 3) as usize]
        },
        [[38, 56, 92], [92, 40, 48], [44, 84, 66], [70, 70, 78]][pick(23, 4) as usize],
        [40, 32, 32],
        [252, 252, 252],
        [182, 92, 88],
    ];
    encode(&pixels, &palette.concat())
}

struct Ellipse {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl Ellipse {
    fn contains(&self, x: i32, y: i32) -> bool {
        let (dx, dy) = ((x - self.x) * self.height, (y - self.y) * self.width);
        dx * dx + dy * dy <= self.width * self.width * self.height * self.height
    }

    fn grown(&self, by: i32) -> Self {
        Self { width: self.width + by, height: self.height + by, ..*self }
    }
}

/// The palette position of one pixel, from what lies in front to what lies behind.
fn face(features: &Features, head: &Ellipse, spread: i32, x: i32, y: i32) -> u8 {
    // Both halves are the same, so draw the right one.
    let side = 48 + (x - 48).abs();
    let eye = Ellipse { x: 57 + spread, y: 49, width: 4, height: 3 };
    if features.glasses && eye.grown(4).contains(side, y) && !eye.grown(3).contains(side, y) {
        return INK;
    }
    if features.glasses && y == 49 && side < 52 {
        return INK;
    }
    if (Ellipse { width: 2, height: 2, ..eye }).contains(side, y) {
        return INK;
    }
    if eye.contains(side, y) {
        return WHITE;
    }
    if (41..=42).contains(&y) && (side - eye.x).abs() <= 5 {
        return HAIR;
    }
    if (Ellipse { x: 48, y: 66, width: 7 + spread, height: 2 }).contains(x, y) {
        return LIPS;
    }
    if (side <= 50 && (58..=59).contains(&y)) || (x == 46 && (50..58).contains(&y)) {
        return SHADE;
    }
    let fringe = head.y - head.height + if features.hair == Hair::Grey { 7 } else { 12 + (x - 40) / 8 };
    if head.contains(x, y) {
        return if y < fringe { HAIR } else { SKIN };
    }
    if y < head.y - 4 && head.grown(4).contains(x, y) {
        return HAIR;
    }
    if features.hair == Hair::Long && y >= head.y - 4 && y < 88 && side > 62 && side < 78 {
        return HAIR;
    }
    if (Ellipse { x: 48 + head.width, y: 52, width: 4, height: 6 }).contains(side, y) {
        return SKIN;
    }
    if side <= 57 && (70..92).contains(&y) {
        return if y < 84 { SHADE } else { SKIN };
    }
    if (Ellipse { x: 48, y: 116, width: 42, height: 30 }).contains(x, y) {
        return if side <= 48 + (y - 88) / 2 && y < 100 { WHITE } else { CLOTHES };
    }
    BACKDROP
}

fn encode(pixels: &[u8], palette: &[u8]) -> Result<Vec<u8>, PortraitError> {
    // Two pixels to a byte: eight colours need four bits in PNG.
    let packed: Vec<u8> = pixels.chunks(2).map(|pair| pair.iter().fold(0, |byte, pixel| byte << 4 | pixel)).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(palette);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().map_err(|_| PortraitError)?;
    writer.write_image_data(&packed).map_err(|_| PortraitError)?;
    writer.finish().map_err(|_| PortraitError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portraits_are_small_readable_and_repeatable() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..40 {
            for hair in [Hair::Short, Hair::Long, Hair::Grey] {
                let features = Features { seed, glasses: seed % 3 == 0, hair };
                let bytes = draw(&features).unwrap();
                assert!(bytes.len() <= SIZE_MAX, "{} bytes", bytes.len());
                assert_eq!(bytes, draw(&features).unwrap());
                let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
                let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
                let frame = reader.next_frame(&mut pixels).unwrap();
                assert_eq!((frame.width, frame.height), (WIDTH, HEIGHT));
                seen.insert(bytes);
            }
        }
        assert!(seen.len() > 60, "only {} different faces", seen.len());
    }
}

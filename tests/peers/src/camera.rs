//! A code as a camera sees it: a flat screen somewhere in front of a lens, light, noise and compression.
//!
//! Every picture follows from its seed.

use std::error::Error;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage, ImageFormat};
use qrcode::{Color, QrCode};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// What stands between a code and its picture.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// How tables name it.
    pub name: &'static str,
    /// Pixels per module in the middle of the picture.
    pub scale: f64,
    /// Greatest rotation in the picture's plane, in degrees.
    pub rotation: f64,
    /// Angle between the screen and the picture, in degrees; the axis is random.
    pub tilt: f64,
    /// Standard deviation of the blur, in modules.
    pub blur: f64,
    /// What is left of the light.
    pub light: f64,
    /// How much darker the picture is at one side than at the other, from 0 to 1.
    pub shade: f64,
    /// Standard deviation of the noise, in 256ths of white.
    pub noise: f64,
    /// JPEG quality, if it is compressed.
    pub jpeg: Option<u8>,
}

const PLAIN: Condition = Condition {
    name: "straight",
    scale: 5.0,
    rotation: 0.0,
    tilt: 0.0,
    blur: 0.0,
    light: 1.0,
    shade: 0.0,
    noise: 0.0,
    jpeg: None,
};

/// All conditions of the table. Where nothing else is said a module is five pixels wide: a code of version 23 then is 585
/// pixels wide, half the width of a phone's preview of 1080 by 1920.
pub const CONDITIONS: [Condition; 13] = [
    PLAIN,
    Condition { name: "3.5 px a module", scale: 3.5, ..PLAIN },
    Condition { name: "2.5 px a module", scale: 2.5, ..PLAIN },
    Condition { name: "rotated ≤ 180°", rotation: 180.0, ..PLAIN },
    Condition { name: "tilted 20°", tilt: 20.0, ..PLAIN },
    Condition { name: "tilted 35°", tilt: 35.0, ..PLAIN },
    Condition { name: "blurred 0.4", blur: 0.4, ..PLAIN },
    Condition { name: "blurred 0.6", blur: 0.6, ..PLAIN },
    Condition { name: "dimmed by 20 %", light: 0.8, ..PLAIN },
    Condition { name: "dimmed to 20 %, shaded", light: 0.2, shade: 0.4, ..PLAIN },
    Condition { name: "noise 20", noise: 20.0, ..PLAIN },
    Condition { name: "JPEG 30", jpeg: Some(30), ..PLAIN },
    Condition {
        name: "all, mildly",
        rotation: 15.0,
        tilt: 12.0,
        blur: 0.3,
        light: 0.8,
        shade: 0.2,
        noise: 8.0,
        jpeg: Some(60),
        ..PLAIN
    },
];

/// Light modules around a code.
const QUIET: f64 = 4.0;
const WHITE: f64 = 235.0;
const BLACK: f64 = 25.0;
/// The phone's frame around the screen.
const FRAME: f64 = 70.0;

/// The picture of `code` under `condition`.
///
/// # Errors
/// If the JPEG library fails.
pub fn picture(code: &QrCode, condition: &Condition, seed: u64) -> Result<GrayImage, Box<dyn Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let view = View::new(code.width() as f64 + 2.0 * QUIET, condition, &mut rng);
    let modules = code.to_colors();
    let shade_angle = uniform(&mut rng) * core::f64::consts::TAU;
    let side = view.side;
    let mut picture = GrayImage::from_fn(side, side, |u, v| {
        const GRID: u32 = 3;
        let mut sum = 0.0;
        for part in 0..GRID * GRID {
            let offset = |index: u32| (f64::from(index) + 0.5) / f64::from(GRID);
            let (x, y) = view.on_screen(f64::from(u) + offset(part % GRID), f64::from(v) + offset(part / GRID));
            sum += brightness(&modules, code.width(), x, y);
        }
        image::Luma([(sum / f64::from(GRID * GRID)).round() as u8])
    });
    if condition.blur > 0.0 {
        picture = image::imageops::blur(&picture, (condition.blur * condition.scale) as f32);
    }
    for (u, v, pixel) in picture.enumerate_pixels_mut() {
        let place = |at: u32| f64::from(at) / f64::from(side) - 0.5;
        let along = place(u) * shade_angle.cos() + place(v) * shade_angle.sin();
        let light = condition.light * (1.0 - condition.shade * (along + 0.5));
        let noise = if condition.noise > 0.0 { condition.noise * normal(&mut rng) } else { 0.0 };
        pixel.0[0] = (f64::from(pixel.0[0]) * light + noise).clamp(0.0, 255.0) as u8;
    }
    match condition.jpeg {
        None => Ok(picture),
        Some(quality) => {
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, quality).encode(&picture, side, side, ExtendedColorType::L8)?;
            Ok(image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)?.to_luma8())
        }
    }
}

/// Brightness of the screen's plane at (x, y), in modules from the middle of the code.
fn brightness(modules: &[Color], width: usize, x: f64, y: f64) -> f64 {
    let middle = width as f64 / 2.0;
    let (column, row) = (x + middle, y + middle);
    let within = |margin: f64| [column, row].iter().all(|at| *at >= -margin && *at < width as f64 + margin);
    match () {
        _ if within(0.0) && modules[row as usize * width + column as usize] == Color::Dark => BLACK,
        _ if within(QUIET) => WHITE,
        _ => FRAME,
    }
}

/// Where the screen is.
struct View {
    /// Width and height of the picture, in pixels.
    side: u32,
    focal: f64,
    distance: f64,
    /// The screen's two directions in space.
    axes: [[f64; 3]; 2],
}

impl View {
    fn new(width: f64, condition: &Condition, rng: &mut ChaCha20Rng) -> Self {
        let turn = (2.0 * uniform(rng) - 1.0) * condition.rotation.to_radians();
        let (axis, tilt) = (uniform(rng) * core::f64::consts::TAU, condition.tilt.to_radians());
        let (a, b) = (axis.cos(), axis.sin());
        // Rodrigues' rotation about (a, b, 0), after the rotation in the plane.
        let tilted = |x: f64, y: f64| {
            let along = (a * x + b * y) * (1.0 - tilt.cos());
            [x * tilt.cos() + a * along, y * tilt.cos() + b * along, (a * y - b * x) * tilt.sin()]
        };
        let axes = [tilted(turn.cos(), turn.sin()), tilted(-turn.sin(), turn.cos())];
        let distance = 2.5 * width;
        let spread = if condition.rotation > 45.0 { 1.5 } else { 1.3 };
        Self { side: (width * condition.scale * spread) as u32, focal: condition.scale * distance, distance, axes }
    }

    /// The point of the screen that is seen at a point of the picture.
    fn on_screen(&self, u: f64, v: f64) -> (f64, f64) {
        let half = f64::from(self.side) / 2.0;
        let (a, b) = ((u - half) / self.focal, (v - half) / self.focal);
        let [first, second] = self.axes;
        // axes·(x, y) seen from `distance` is at (a, b): two equations in x and y.
        let (m11, m12) = (first[0] - a * first[2], second[0] - a * second[2]);
        let (m21, m22) = (first[1] - b * first[2], second[1] - b * second[2]);
        let determinant = m11 * m22 - m12 * m21;
        let (right1, right2) = (a * self.distance, b * self.distance);
        ((right1 * m22 - m12 * right2) / determinant, (m11 * right2 - right1 * m21) / determinant)
    }
}

/// From 0 to 1.
fn uniform(rng: &mut ChaCha20Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// Box and Muller.
fn normal(rng: &mut ChaCha20Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (uniform(rng) * core::f64::consts::TAU).cos()
}

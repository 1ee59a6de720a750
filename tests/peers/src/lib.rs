//! Other implementations beside ours: what the benchmark, the table of QR readings and their tests share.

pub mod camera;
pub mod readings;

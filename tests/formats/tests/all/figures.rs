//! How long a verifier takes for one presentation, on one processor: printed, not judged.
//! `cargo test --release -p formats figures -- --nocapture`

use std::time::Instant;

use protocol::credential::mdoc::{DeviceCheck, MDL, verify_document};
use protocol::credential::sd_jwt::verify_presentation;
use protocol::crypto::x509::Root;

use crate::{mdoc, sd_jwt};

/// Presentations of each kind.
const COUNT: u32 = 200;

fn rate(name: &str, verify: impl Fn() -> bool) {
    let start = Instant::now();
    assert!((0..COUNT).all(|_| verify()));
    println!("{name}: {:.0} a second", f64::from(COUNT) / start.elapsed().as_secs_f64());
}

#[test]
fn figures() {
    let (text, roots) = (sd_jwt::ours(), sd_jwt::roots());
    let challenge = sd_jwt::challenge(sd_jwt::NOW);
    rate("SD-JWT VC presentations with chain and holder's proof", || {
        verify_presentation(&text, sd_jwt::VCT, &challenge, &roots).is_ok()
    });
    let (response, transcript) = (mdoc::signed(), mdoc::transcript());
    let roots = [Root::from_der(&mdoc::root_der()).unwrap()];
    let device = DeviceCheck { transcript: &transcript, reader: None };
    rate("mobile documents with chain and device signature", || {
        verify_document(&response, MDL, &device, &roots, sd_jwt::NOW).is_ok()
    });
}

//! The success rate of three readers on pictures of the demo's presentations, as a Markdown table.
//!
//! `cargo xtask qr-table [--pictures N]`; the same pictures for the same N, on every machine.

use std::error::Error;

use clap::Parser;
use peers::camera::CONDITIONS;
use peers::readings::{Choice, Encoding, count, text_survives};
use protocol::exchange::qr;
use qrcode::{EcLevel, Version};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tests::world::World;

/// Measure how well codes are read.
#[derive(Parser)]
struct Arguments {
    /// Pictures for each cell.
    #[arg(long, default_value_t = 20)]
    pictures: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    println!("Of {} pictures, read rightly by rqrr / rxing / zxing-cpp.\n", arguments.pictures);
    print!("| message | encoding | level | version |");
    CONDITIONS.iter().for_each(|condition| print!(" {} |", condition.name));
    println!(" text survives |\n|---|---|---|---|{}---|", "---|".repeat(CONDITIONS.len()));
    for (name, message) in messages() {
        for encoding in [Encoding::Base45, Encoding::Bytes] {
            for level in [EcLevel::L, EcLevel::M, EcLevel::Q] {
                row(name, &message, Choice { encoding, level }, arguments.pictures)?;
            }
        }
    }
    Ok(())
}

/// The demo's presentations, and a message that fills version 25-L.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let world = World::new();
    let show = |held: &tests::world::Held, issuing, profile| {
        held.show(issuing, &world.profile(profile), &mut ChaCha20Rng::seed_from_u64(1))
    };
    let age = show(&world.holder.identity, &world.identities, "age-19");
    let roadside = show(&world.holder.licence, &world.licences, "roadside");
    // The age proof's own bytes again, up to what one code of version 25 holds in base45.
    let full: Vec<_> = age.iter().cycle().take(1_230).copied().collect();
    vec![("age-19", age), ("roadside", roadside), ("1,230 bytes", full)]
}

fn row(name: &str, message: &[u8], choice: Choice, pictures: u64) -> Result<(), Box<dyn Error>> {
    let Ok(code) = choice.draw(message) else { return Ok(()) };
    let Version::Normal(version) = code.version() else { return Ok(()) };
    let text = match choice.encoding {
        Encoding::Base45 => format!("base45, {} characters", qr::to_text(qr::Kind::Presentation, message)?.len()),
        Encoding::Bytes => format!("bytes, {}", message.len()),
    };
    print!("| {name} | {text} | {:?} | {version} |", choice.level);
    for condition in &CONDITIONS {
        let [first, second, third] = count(message, choice, condition, pictures)?;
        print!(" {first} / {second} / {third} |");
    }
    let survives = text_survives(message, choice)?.map(|survives| if survives { "yes" } else { "no" });
    println!(" {} |", survives.join(" / "));
    Ok(())
}

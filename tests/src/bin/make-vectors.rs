//! Writes `specs/vectors/ledger-*.json` and `trust-bundle.json`: `cargo run --release -p tests --bin make-vectors`.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors"));
    for (name, text) in tests::vectors::files(&tests::world::World::new()) {
        std::fs::write(folder.join(name), text)?;
        println!("{name}");
    }
    Ok(())
}

//! Writes the files under `tests/negative` and `tests/COVERAGE.md`: `cargo run --release -p tests --bin make-negative`.
//!
//! Running it again changes nothing unless the product or the cases have changed.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/negative"));
    for folder in tests::cases::folders(root)? {
        std::fs::remove_dir_all(folder)?;
    }
    let cases = tests::cases::all(&tests::world::World::new());
    for case in &cases {
        let path = root.join(case.file());
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(path, case.render())?;
    }
    std::fs::write(root.join("../COVERAGE.md"), tests::coverage::table(&cases))?;
    println!("{} files", cases.len());
    Ok(())
}

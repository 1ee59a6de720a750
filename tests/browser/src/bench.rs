//! How long the verifier takes in Chromium, and how large it is: `cargo xtask bench` prints this below the figures
//! of the native code. Alone: `cargo run --release -p browser --bin browser-bench`.

use std::fs;

use browser::{Failure, Files};
use serde_json::{Value, json};
use tests::rng;
use tests::world::{NOW, World};

/// Presentations that are timed.
const RUNS: usize = 40;
/// The most milliseconds one check may take.
const LIMIT: f64 = 60.0;

fn main() -> Result<(), Failure> {
    let folder = browser::build()?;
    let world = World::new();
    let ledger = world.ledger("usual");
    let query = world.profile("age-19");
    let show = |n| world.holder.identity.show(&world.identities, &query, &mut rng(&format!("wasm {n}")));
    let codes: Vec<_> = (0..RUNS).map(|n| hex::encode(show(n))).collect();
    let bytes = codes.first().map_or(0, |code| code.len() / 2);
    let input = json!({
        "anchor": hex::encode(ledger.anchor().encode()),
        "bundle": hex::encode(ledger.bundle(protocol::ledger::bundle::Scope::Snapshot).encode()),
        "type": query.credential_type, "profile": "age-19", "now": NOW, "codes": codes,
    });
    let mut files = Files::new();
    for name in ["mid_web.js", "mid_web_bg.wasm"] {
        files.insert(name.to_owned(), fs::read(folder.join(name))?);
    }
    files.insert("index.html".into(), include_bytes!("../pages/bench.html").to_vec());
    files.insert("input.json".into(), input.to_string().into_bytes());
    let size = files["mid_web_bg.wasm"].len();
    let measured: Value = serde_json::from_str(&browser::open(files)?)?;
    let number = |name: &str| measured[name].as_f64().unwrap_or(f64::NAN);
    if measured["accepted"].as_u64() != Some(RUNS as u64) {
        return Err(format!("the browser did not accept all: {measured}").into());
    }
    println!("in Chromium, {RUNS} checks of {bytes} bytes (limit {LIMIT} ms each)");
    println!("  check                  least {:.1} ms, median {:.1} ms", number("least"), number("median"));
    println!("  start, until callable  {:.0} ms", number("start"));
    println!("  trust bundle           {:.0} ms", number("bundle"));
    println!("  wasm file              {size} bytes");
    Ok(())
}

//! The bindings as an app uses them: generated for Python from the library of this build, and run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a surprise should stop the test at once")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use protocol::ledger::bundle::Scope;
use tests::rng;
use tests::world::{NOW, World};

/// The library that was built along with this test. UniFFI's description of it is in its symbols.
fn library() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}mobile_bindings{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = deps.join(name);
    assert!(library.is_file(), "{} was not built", library.display());
    library
}

/// What a scanner and a wallet are given.
fn write_fixtures(place: &Path) {
    let world = World::new();
    let ledger = world.ledger("usual");
    let age = world.profile("age-19");
    let request = world.shop_request("python");
    let show = |name| world.holder.identity.show(&world.identities, &age, &mut rng(name));
    let write = |name: &str, bytes: &[u8]| fs::write(place.join(name), bytes).unwrap();
    write("anchor", &ledger.anchor().encode());
    write("bundle", &ledger.bundle(Scope::Snapshot).encode());
    write("shown-1", &show("python 1"));
    write("shown-2", &show("python 2"));
    write("request", &request.encode());
    write("answer", &world.holder.identity.reply(&world.identities, &age, &request, &mut rng("python answer")));
    write("shop-did", world.shop.did.as_str().as_bytes());
    write("shop-seed", &tests::seed("shop"));
    write("type", age.credential_type.as_bytes());
    write("now", NOW.to_string().as_bytes());
    write("canaries", world.canaries().join("\n").as_bytes());
}

#[test]
fn wallet_and_scanner_work_from_python() {
    let place = tempfile::tempdir().unwrap();
    let library = library();
    fs::copy(&library, place.path().join(library.file_name().unwrap())).unwrap();
    uniffi::generate(uniffi::GenerateOptions {
        languages: vec![uniffi::TargetLanguage::Python],
        source: library.to_str().unwrap().into(),
        out_dir: place.path().to_str().unwrap().into(),
        ..Default::default()
    })
    .unwrap();
    write_fixtures(place.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wallet_and_scanner.py");
    let ran = Command::new("python3").arg(script).arg(place.path()).env("PYTHONPATH", place.path()).output();
    let ran = ran.expect("python3 starts; install python3 to run this test");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    assert!(out.ends_with("all checks passed\n"), "{out}{err}");
}

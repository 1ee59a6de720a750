//! The wheel as an app uses it: made from the library of this build, installed and run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a surprise should stop the test at once")]

mod library;

use std::fs;
use std::path::Path;
use std::process::Command;

use journeys::{PIN, Services, ZK_IDENTITY};
use protocol::ledger::bundle::Scope;
use tests::python::interpreter;
use tests::rng;
use tests::world::{NOW, World};

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
    // The wheel, installed as an app's would be.
    let wheel = sdk_pack::python::package(&library::library(), place.path()).unwrap_or_else(|error| panic!("{error}"));
    let python = interpreter();
    let packages = place.path().join("packages");
    let install =
        ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"];
    let installed = Command::new(&python).args(install).arg(&packages).arg(wheel).status().unwrap();
    assert!(installed.success());
    write_fixtures(place.path());
    let services = Services::start(&place.path().join("network"));
    let offer = |person, name: &str| services.offer(person, &[ZK_IDENTITY], &place.path().join(name)).unwrap();
    let (code, other_code) = (offer("person-0001", "offer"), offer("person-0002", "sample-offer"));
    let anchor = services.dir.join("anchor.cbor");
    fs::write(place.path().join("code"), &code).unwrap();
    fs::write(place.path().join("bundle-address"), format!("{}/bundle", services.url)).unwrap();
    fs::copy(&anchor, place.path().join("live-anchor")).unwrap();
    let run = |command: &mut Command| {
        let ran = command.env("PYTHONPATH", &packages).output().unwrap();
        let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
        assert!(ran.status.success(), "{out}{err}");
        out
    };
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = run(Command::new(&python).arg(home.join("tests/wallet_and_scanner.py")).arg(place.path()));
    assert!(out.ends_with("all checks passed\n"), "{out}");
    let mut sample = Command::new(&python);
    sample.arg(home.join("python/sample.py")).arg(place.path().join("sample")).arg(PIN).arg(&anchor);
    let out =
        run(sample.arg(format!("{}/bundle", services.url)).arg(place.path().join("sample-offer")).arg(other_code));
    assert!(out.starts_with("adult; trust data is "), "{out}");
}

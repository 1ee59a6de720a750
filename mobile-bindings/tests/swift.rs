//! The Swift package has every function of the library. Nothing here compiles it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a surprise should stop the test at once")]

mod library;

use std::fs;
use std::process::Command;

#[test]
fn the_swift_package_has_every_function_of_the_library() {
    let place = tempfile::tempdir().unwrap();
    sdk_pack::swift::package(&library::library(), place.path()).unwrap_or_else(|error| panic!("{error}"));
    let read = |name: &str| fs::read_to_string(place.path().join("Sources").join(name)).unwrap();
    let header = read("MidSdkFFI/include/MidSdkFFI.h");
    assert!(read("MidSdkFFI/include/module.modulemap").contains("header \"MidSdkFFI.h\""));
    let symbols = sdk_pack::run(Command::new("nm").args(["-D", "--defined-only"]).arg(library::library())).unwrap();
    let functions: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .filter(|name| name.starts_with("uniffi_mobile_bindings_fn_"))
        .collect();
    assert!(functions.len() > 30, "{symbols}");
    for name in functions {
        assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
    }
    let source = read("MidSdk/MidSdk.swift");
    for call in
        ["create", "unlock", "accept", "update", "readRequest", "answer", "show", "prepareNext", "checkDisplayed"]
    {
        assert!(source.contains(&format!("func {call}(")), "{call}");
    }
}

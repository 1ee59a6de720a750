//! The API document against a running node, by tools of others: the OpenAPI validator, Schemathesis, the parser of
//! Prometheus, and the W3C's schemas of DID resolution.

use std::path::{Path, PathBuf};
use std::process::Command;

use protocol::ledger::StateKey;

use crate::world::{World, agency_did};

/// What is installed, each at one version.
const PACKAGES: [&str; 5] = [
    "schemathesis==4.32.5",
    "openapi-spec-validator==0.9.0",
    "prometheus_client==0.26.0",
    "jsonschema==4.26.0",
    "pyyaml",
];

/// A Python with the packages, made on the first run.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api-contract");
    let ready = folder.join("ready");
    if !ready.exists() {
        let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
        if !Command::new("python3").args(["-m", "venv"]).arg(&folder).status().is_ok_and(|made| made.success()) {
            run(Command::new("apt-get").args(["install", "-y", "-q", "python3-venv"]));
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        }
        run(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(PACKAGES));
        std::fs::write(&ready, "").unwrap();
    }
    folder.join("bin")
}

/// The published vectors, `-` where there are none.
fn vectors() -> String {
    let folder = std::env::var_os("MID_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"), PathBuf::from);
    let folder = folder.join("did-resolution");
    if folder.exists() { folder.display().to_string() } else { "-".to_owned() }
}

#[test]
fn the_node_answers_as_published_documents_and_its_own_say() {
    let world = World::new();
    world.set_up();
    let (base, bin) = (format!("http://{}", world.address()), python());
    let key = StateKey::did(&agency_did()).to_string();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/contract");
    let checked = Command::new(bin.join("python"))
        .arg(contract.join("check.py"))
        .args([base.as_str(), vectors().as_str(), agency_did().as_str(), key.as_str()])
        .status();
    assert!(checked.unwrap().success());

    // Whatever is sent: no answer that the document does not have, and no crash. 501 is what W3C's binding demands for
    // DIDs of other methods and 503 what a busy node says, so the general ban on 5xx is narrowed to 500 by the
    // document, which has it for one route only.
    let fuzzed = Command::new(bin.join("schemathesis"))
        .args(["run", &format!("{base}/openapi.json"), "--url", &base])
        .args(["--checks", "status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1", "--warnings", "off"])
        .args(["--suppress-health-check", "all", "--request-timeout", "30"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", contract)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .status();
    assert!(fuzzed.unwrap().success());
    assert!(!world.node().stopped());
}

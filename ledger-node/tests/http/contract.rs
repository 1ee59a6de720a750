//! The API document against a running node, by tools of others: the OpenAPI validator, Schemathesis, the parser of
//! Prometheus, and the W3C's schemas of DID resolution.

use std::path::{Path, PathBuf};
use std::process::Command;

use protocol::ledger::StateKey;
use tests::contract::Contract;
use tests::python;

use crate::world::{World, agency_did};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
    let base = format!("http://{}", world.address());
    let key = StateKey::did(&agency_did()).to_string();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/contract");
    let checked = Command::new(python::interpreter())
        .arg(contract.join("check.py"))
        .args([base.as_str(), vectors().as_str(), agency_did().as_str(), key.as_str()])
        .status();
    assert!(checked.unwrap().success());

    // Whatever is sent: no answer that the document does not have, and no crash. 501 is what W3C's binding demands for
    // DIDs of other methods and 503 what a busy node says, so the general ban on 5xx is narrowed to 500 by the
    // document, which has it for one route only.
    let (document, hooks) = (format!("{base}/openapi.json"), repository().join("tests/contract"));
    Contract {
        document: &document,
        base: &base,
        headers: &[],
        cases: 25,
        hooks: Some(&hooks),
        checks: &[],
        arguments: &[],
    }
    .holds();
    assert!(!world.node().stopped());
}

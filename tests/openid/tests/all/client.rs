//! The typed client that relying parties get: its types are those of the running service, it compiles, and its example
//! reads a verdict on what Credo shows.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use journeys::{LICENCE, Services};
use openid::javascript;
use serde_json::{Value, json};

use crate::credo::{offer, reader, root};

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{out}{err}");
}

#[test]
fn a_relying_party_in_typescript_reads_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::start(&dir.path().join("network"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verifier/server/client");
    tests::node::install(&folder);
    let tool = |name: &str| Command::new(folder.join("node_modules/.bin").join(name));
    let generated = dir.path().join("api.d.ts");
    run(tool("openapi-typescript")
        .arg(format!("{}/openid4vp/openapi.json", services.url))
        .arg("--output")
        .arg(&generated));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&generated), read(&folder.join("api.d.ts")), "generate it again: npm run generate");
    run(tool("tsc").current_dir(&folder));

    let token = std::fs::read_to_string(services.dir.join("police/api.token")).unwrap();
    let mut example = Command::new("node")
        .arg(folder.join("dist/example.js"))
        .args([&services.url, token.trim()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(example.stdout.take().unwrap());
    let mut link = String::new();
    printed.read_line(&mut link).unwrap();
    let (offer, tx_code) = offer(&services, "person-0001");
    let answers = javascript(&[json!({
        "job": "credo-take-and-answer", "offer": offer["openid_offer"], "txCode": tx_code,
        "roots": [root(&services), reader(&services)], "links": [link.trim()], "configurations": [format!("{LICENCE}.sd-jwt")],
    })]);
    assert_eq!(answers[0].as_ref().unwrap()["answers"][0]["status"], 200, "{answers:?}");
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    assert!(example.wait().unwrap().success());
    let told: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(told["claims"][0]["path"], "/name_ko", "{told}");
    assert!(told["fresh"].is_u64() && told["issuer"].as_str().unwrap().starts_with("did:mid:"), "{told}");
}

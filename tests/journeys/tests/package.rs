//! The package for npm: packed, installed, type-checked, and its sample relying party run with Node (J9 for the web).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use journeys::{Citizen, Services, ZK_IDENTITY, browser, now, rfc3339};
use serde_json::Value;

const TYPESCRIPT: &str = "typescript@5.9.3";
/// What a program of a relying party may write, and what it may not: claims of an answer that was not accepted.
const GOOD: &str = r#"
import init, { Scanner, type Answer, type Question } from "mid-verifier";

export async function adult(anchor: Uint8Array, bundle: Uint8Array, code: Uint8Array): Promise<string> {
  await init();
  const scanner = new Scanner(anchor);
  scanner.update_bundle(bundle);
  const questions: Question[] = JSON.parse(scanner.questions("did:mid:kr:x"));
  const answer: Answer = JSON.parse(scanner.check(code, questions[0].type, questions[0].profile, Date.now() / 1000));
  return answer.accepted ? answer.verdict.claims.map((claim) => claim.value.ko).join() : answer.refused;
}
"#;
const BAD: &str = r#"
import { type Answer } from "mid-verifier";
export const unchecked = (answer: Answer) => answer.verdict.claims;
"#;

#[test]
fn the_package_is_packed_installed_and_its_sample_checks() {
    let web = browser::web();
    let place = tempfile::tempdir().unwrap();
    let npm = |arguments: &[&str]| browser::run(Command::new("npm").args(arguments).current_dir(place.path()));
    npm(&["pack", "--silent", web.join("package").to_str().unwrap()]);
    let packed: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let [packed] = packed.as_slice() else { panic!("one package: {packed:?}") };
    let packed = format!("./{}", packed.to_str().unwrap());
    assert_eq!(packed, format!("./mid-verifier-{}.tgz", env!("CARGO_PKG_VERSION")));
    fs::write(place.path().join("package.json"), r#"{"private":true,"type":"module"}"#).unwrap();
    npm(&["install", "--no-save", "--no-audit", "--no-fund", "--silent", &packed, TYPESCRIPT]);
    let installed = place.path().join("node_modules/mid-verifier");
    for file in ["mid_web_bg.wasm", "mid_web.d.ts", "index.d.ts", "node.js", "README.md", "LICENSE", "sample.mjs"] {
        assert!(installed.join(file).exists(), "{file} is not in the package");
    }

    // Its types: what is right compiles, and claims without a verdict do not.
    fs::write(place.path().join("good.ts"), GOOD).unwrap();
    fs::write(place.path().join("bad.ts"), BAD).unwrap();
    let compiles = |file: &str| {
        let options = [
            "--noEmit",
            "--strict",
            "--module",
            "nodenext",
            "--target",
            "es2022",
            "--lib",
            "es2022,dom,esnext.disposable",
        ];
        let mut tsc = Command::new("node");
        tsc.arg("node_modules/typescript/bin/tsc").args(options).arg(file).current_dir(place.path());
        let out = tsc.output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let (good, said) = compiles("good.ts");
    assert!(good, "{said}");
    let (bad, said) = compiles("bad.ts");
    assert!(!bad && said.contains("verdict"), "{said}");

    // The sample, as a shop runs it.
    let services = Services::start(&place.path().join("network"));
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept(&services, "person-0001", &[ZK_IDENTITY]);
    let sample = place.path().join("sample.mjs");
    fs::copy(installed.join("sample.mjs"), &sample).unwrap();
    assert!(fs::read_to_string(&sample).unwrap().lines().count() <= 30);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut shop = Command::new("node")
        .args(["sample.mjs", &services.url, &port])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut lines = BufReader::new(shop.stdout.take().unwrap()).lines();
    let is_ready = lines.by_ref().map_while(Result::ok).any(|line| line == "ready");
    // From here on it needs nobody.
    assert!(services.interrupt().success());
    let ask = |code: &str| {
        let url = format!("http://127.0.0.1:{port}/");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer = agent.post(&url).send(code.as_bytes()).expect("the shop answers");
        let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        (answer.status().as_u16(), body)
    };
    let shown = |made_at: u64| {
        citizen.present("age-19", &rfc3339(made_at)).accepted();
        let bytes = fs::read(citizen.file("age-19.bin")).unwrap();
        protocol::exchange::qr::to_text(protocol::exchange::qr::Kind::Presentation, &bytes).unwrap()
    };
    let code = shown(now());
    let answers = [ask(&code), ask(&code), ask(&shown(now() - 50)), ask("MP1:00")];
    let _ = shop.kill();
    let _ = shop.wait();
    assert!(is_ready);
    let [accepted, again, late, broken] = answers;
    assert_eq!((accepted.0, &accepted.1["adult"]), (200, &Value::Bool(true)), "{accepted:?}");
    assert!(accepted.1.get("claims").is_none());
    for ((status, body), name) in [(again, "NonceReplayed"), (late, "Expired"), (broken, "MalformedPresentation")] {
        assert_eq!((status, body["refused"].as_str()), (422, Some(name)), "{body}");
    }
}

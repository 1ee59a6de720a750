//! The Kotlin package as an app uses it: built, and run on the JVM against the running services.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a surprise should stop the test at once")]

mod library;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use journeys::{LICENCE, Services, ZK_IDENTITY};
use sdk_pack::jvm::java;
use sdk_pack::kotlin::{Package, compile_once, package};

/// What the tests in Kotlin are given.
fn write_given(services: &Services, place: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(place.join(name), bytes).unwrap();
    fs::copy(services.dir.join("anchor.cbor"), place.join("anchor")).unwrap();
    write("bundle-address", format!("{}/bundle", services.url).as_bytes());
    let network: serde_json::Value =
        serde_json::from_slice(&fs::read(services.dir.join("network.json")).unwrap()).unwrap();
    write("shop-did", network["shop"]["did"].as_str().unwrap().as_bytes());
    fs::copy(services.dir.join("shop.key"), place.join("shop-seed")).unwrap();
    let register = services.dir.join("issuer/register.json");
    let people = fs::read_to_string(register).unwrap();
    let people: serde_json::Value = serde_json::from_str(&people).unwrap();
    write("canaries", strings(&people).join("\n").as_bytes());
    let offers = ["journey", "interrupted", "refused", "faults", "unused", "sample"];
    for (at, name) in offers.iter().enumerate() {
        let person = ["person-0001", "person-0002", "person-0003", "person-0005", "person-0006", "person-0007"][at];
        let code = services.offer(person, &[LICENCE, ZK_IDENTITY], &place.join(format!("offer-{name}"))).unwrap();
        write(&format!("code-{name}"), code.as_bytes());
    }
}

/// Every text of some length, e.g. a name.
fn strings(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) if text.len() > 5 => vec![text.clone()],
        serde_json::Value::Array(list) => list.iter().flat_map(strings).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn kotlin_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { kotlin_files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

#[test]
fn wallet_and_scanner_work_from_kotlin() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    write_given(&services, place.path());

    // Compiled once for each state of the sources, and kept beside the test.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kotlin");
    let Package { jar, needed } = package(&library::library(), &folder).unwrap_or_else(|error| panic!("{error}"));
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("kotlin");
    let compile = |sources: &[PathBuf], class_path: &[&Path], name: &str, options: &[&str]| {
        let classes = folder.join("build").join(name);
        compile_once(sources, class_path, &classes, options).unwrap_or_else(|error| panic!("{error}"));
        classes
    };
    let library_classes = folder.join("build/classes");
    // Android's part is compiled against Android's classes, and not run.
    let (android, java_jars): (Vec<_>, Vec<_>) = needed.iter().partition(|jar| jar.name[1] == "android-all");
    let all: Vec<&Path> =
        [library_classes.as_path()].into_iter().chain(needed.iter().map(|it| it.path.as_path())).collect();
    assert_eq!(android.len(), 1);
    compile(&kotlin_files(&home.join("src/android")), &all, "android", &["-jvm-target", "1.8"]);
    let sources = [kotlin_files(&home.join("src/test")), kotlin_files(&home.join("sample"))].concat();
    let mut class_path = vec![library_classes.as_path()];
    class_path.extend(java_jars.iter().map(|it| it.path.as_path()));
    let classes = compile(&sources, &class_path, "tests", &["-jvm-target", "17"]);
    // What runs is the jar.
    class_path[0] = &jar;
    class_path.push(&classes);
    let mut junit = java(&class_path).unwrap();
    junit.current_dir(place.path()).arg("-ea").arg(format!("-Dmid.place={}", place.path().display()));
    junit.arg(format!("-XX:ErrorFile={}", folder.join("crash.log").display()));
    junit.args(["org.junit.platform.console.ConsoleLauncher", "execute", "--scan-class-path"]).arg(&classes);
    junit.args(["--fail-if-no-tests", "--disable-banner", "--details=tree", "--disable-ansi-colors"]);
    let ran = junit.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("9 tests successful"), "{said}");

    // The samples, as two programs: an app with a wallet shows a code, a gate reads it.
    let anchor = place.path().join("anchor");
    let bundle = format!("{}/bundle", services.url);
    let offer = place.path().join("offer-sample");
    let code = fs::read_to_string(place.path().join("code-sample")).unwrap();
    let mut host = java(&class_path).unwrap();
    host.arg("sample.host.HostAppKt").arg(place.path().join("sample")).arg(journeys::PIN).arg(&anchor);
    let shown = host.arg(&bundle).arg(offer).arg(code).output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let mut gate = java(&class_path).unwrap();
    let gate = gate.arg("sample.gate.GateKt").arg(&anchor).arg(&bundle);
    let mut gate = gate.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // The same code twice: a replay.
    gate.stdin.take().unwrap().write_all(&[shown.stdout.as_slice(), &shown.stdout].concat()).unwrap();
    let said = String::from_utf8(gate.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.starts_with("adult; trust data is ") && said.contains("no: NonceReplayed"), "{said}");
}

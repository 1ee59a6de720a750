//! The chores, each a few commands.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Version of cargo-deny that the configuration is written for.
const CARGO_DENY: &str = "0.20.2";

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("..")
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    start(&root(), program, arguments, &[])
}

pub(crate) fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    start(folder, program, arguments, &[])
}

pub(crate) fn run_with(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    start(&root(), program, arguments, environment)
}

fn start(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    println!("· {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .status()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {}` failed ({status})", arguments.join(" "))) }
}

fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|found| found.status.success())
}

/// Installs a Debian package where its command is missing.
fn need(program: &str, package: &str) -> Result<(), String> {
    if has(program) {
        return Ok(());
    }
    run("apt-get", &["update", "-q"])?;
    run("apt-get", &["install", "-y", "-q", package])?;
    if has(program) { Ok(()) } else { Err(format!("install `{package}`: the tests need `{program}`")) }
}

/// All tests of the workspace. Some run under a system-call trace and without any network.
pub(crate) fn test(rest: &[String]) -> Result<(), String> {
    need("strace", "strace")?;
    need("unshare", "util-linux")?;
    // All that fails is told at once: a run is long.
    let mut arguments = vec!["test", "--release", "--workspace", "--locked", "--no-fail-fast"];
    arguments.extend(rest.iter().map(String::as_str));
    // The tests drive the program as a user would, so it has to be built as well.
    run("cargo", &["build", "--release", "--locked"])?;
    run("cargo", &arguments)?;
    // A wallet that saves, and one that shows a code, ending at each system call in turn; the trace kills them there.
    let last = ["test", "--release", "--locked", "--workspace", "--test", "killed", "--test", "shown_once", "--"];
    run("cargo", &[&last[..], &["--ignored", "--exact", "every_system_call_may_be_the_last"]].concat())
}

/// Figures beside named peers, then those of the browser; with `--peers` also beside those of `tests/rivals`, which take
/// minutes to build; with `--ledger` those of four validators instead, with `--services` those of issuer and verifier.
pub(crate) fn bench(rest: &[String]) -> Result<(), String> {
    const RIVALS: &str = "tests/rivals/target";
    if let Some((_, rest)) = rest.split_first().filter(|(first, _)| *first == "--ledger") {
        run("cargo", &["build", "--release", "--locked"])?;
        let bench = ["run", "--release", "--locked", "--package", "journeys", "--bin", "ledger-bench", "--"];
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        return run("cargo", &[&bench[..], &rest].concat());
    }
    if let Some((_, rest)) = rest.split_first().filter(|(first, _)| *first == "--services") {
        run("cargo", &["build", "--release", "--locked"])?;
        let bench = ["run", "--release", "--locked", "--package", "load", "--bin", "service-bench", "--"];
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        return run("cargo", &[&bench[..], &rest].concat());
    }
    let mut arguments = vec!["run", "--release", "--locked", "--package", "peers", "--bin", "bench", "--"];
    arguments.extend(rest.iter().map(String::as_str).filter(|word| *word != "--peers"));
    let program = format!("{RIVALS}/release/rivals");
    if rest.iter().any(|word| word == "--peers") {
        need("npm", "npm")?;
        let manifest = ["--release", "--locked", "--manifest-path", "tests/rivals/Cargo.toml", "--target-dir", RIVALS];
        run("cargo", &[&["build"][..], &manifest].concat())?;
        run("npm", &["ci", "--prefix", "tests/rivals/js"])?;
        arguments.extend(["--peer", &program, "--peer", "node tests/rivals/js/rival.mjs"]);
    }
    run("cargo", &arguments)?;
    need("npm", "npm")?;
    run("npm", &["ci", "--no-audit", "--no-fund", "--prefix", "tests/w3c/js"])?;
    let mut figures = vec!["run", "--release", "--locked", "--package", "figures", "--", "40", "tests/w3c/js"];
    figures.extend(rest.iter().any(|word| word == "--peers").then_some(program.as_str()));
    run("cargo", &figures)?;
    run("cargo", &["run", "--release", "--locked", "--package", "browser", "--bin", "browser-bench"])
}

/// Which codes two readers read, under which conditions.
pub(crate) fn qr_table(rest: &[String]) -> Result<(), String> {
    let mut arguments = vec!["run", "--release", "--locked", "--package", "peers", "--bin", "qr-table", "--"];
    arguments.extend(rest.iter().map(String::as_str));
    run("cargo", &arguments)?;
    run("cargo", &["run", "--release", "--locked", "--package", "browser", "--bin", "browser-bench"])
}

/// The verifier for web pages: `mid_web.js`, `mid_web.d.ts` and `mid_web_bg.wasm` in `folder` (default `target/web`), the
/// scanner app in its `scanner`, a package for npm in its `package`.
pub(crate) fn wasm(rest: &[String]) -> Result<(), String> {
    const TARGET: &str = "wasm32-unknown-unknown";
    // blst is in C, and only clang compiles C to wasm.
    need("clang", "clang")?;
    if has("rustup") {
        target(TARGET)?;
    }
    // One unit with link-time optimisation: a page pays for every byte. It touches nothing that runs on this machine.
    let config = ["--config", "profile.release.lto=true", "--config", "profile.release.codegen-units=1"];
    let build = ["build", "--release", "--locked", "--package", "web-bindings", "--lib", "--target", TARGET];
    let environment = [("CC_wasm32_unknown_unknown", "clang"), ("CFLAGS_wasm32_unknown_unknown", "-O3")];
    run_with("cargo", &[&build[..], &config].concat(), &environment)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let compiled = target.join(TARGET).join("release/mid_web.wasm").display().to_string();
    let folder = rest.first().cloned().unwrap_or_else(|| target.join("web").display().to_string());
    run("cargo", &["run", "--release", "--locked", "--package", "web-pack", "--", &compiled, &folder])
}

/// Packages for apps in Kotlin, Swift and Python, into `folder` (default `target/sdk`).
pub(crate) fn sdk(rest: &[String]) -> Result<(), String> {
    run("cargo", &["build", "--release", "--locked", "--package", "mobile-bindings", "--lib"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let file = format!("{}mobile_bindings{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = target.join("release").join(file).display().to_string();
    let folder = rest.first().cloned().unwrap_or_else(|| target.join("sdk").display().to_string());
    run("cargo", &["run", "--release", "--locked", "--package", "sdk-pack", "--", &library, &folder])
}

/// The main job in both languages.
pub(crate) fn demo() -> Result<(), String> {
    run("cargo", &["run", "--release", "--locked", "--", "demo", "--lang", "en"])?;
    run("cargo", &["run", "--release", "--locked", "--", "demo", "--lang", "ko"])
}

/// Ledger proofs attacked and measured; the tests run a short form of the attack.
pub(crate) fn ledger(rest: &[String]) -> Result<(), String> {
    let mut arguments = vec!["run", "--release", "--locked", "--package", "tests", "--bin", "ledger-figures", "--"];
    arguments.extend(rest.iter().map(String::as_str));
    run("cargo", &arguments)
}

/// Parsers of untrusted bytes under changed input, one after the other; the tests run ten seconds of each.
pub(crate) fn fuzz(rest: &[String]) -> Result<(), String> {
    const FUZZ: [&str; 6] = ["run", "--release", "--locked", "--package", "fuzz", "--"];
    let (seconds, seed) = (rest.first().map_or("600", String::as_str), rest.get(1).map_or("1", String::as_str));
    let folders = std::fs::read_dir(root().join("fuzz/corpus")).map_err(|error| format!("fuzz/corpus: {error}"))?;
    let mut targets: Vec<String> = folders.flatten().map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    targets.sort();
    targets.iter().try_for_each(|target| run("cargo", &[&FUZZ[..], &[target, seconds, seed]].concat()))
}

/// Makes a target of the compiler present.
fn target(name: &str) -> Result<(), String> {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let has = |listed: &std::process::Output| String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == name);
    if installed.is_ok_and(|listed| has(&listed)) { Ok(()) } else { run("rustup", &["target", "add", name]) }
}

/// Type-checks what phones and browsers run for both kinds of target.
pub(crate) fn targets() -> Result<(), String> {
    const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "aarch64-linux-android"];
    // blst is in C. A check needs the headers of some C library for that processor; a build for phones takes the NDK's.
    const HEADERS: &str = "/usr/aarch64-linux-gnu/include";
    need("clang", "clang")?;
    if !std::path::Path::new(HEADERS).exists() {
        run("apt-get", &["update", "-q"])?;
        run("apt-get", &["install", "-y", "-q", "libc6-dev-arm64-cross"])?;
    }
    TARGETS.iter().try_for_each(|name| target(name))?;
    // The wallet's file is for machines that have files; in a browser the page keeps the records.
    run_with(
        "cargo",
        &["check", "--release", "--locked", "--package", "wallet-core", "--target", TARGETS[0]],
        &[("CC_wasm32_unknown_unknown", "clang"), ("CFLAGS_wasm32_unknown_unknown", "-O3")],
    )?;
    let headers = format!("-isystem {HEADERS}");
    // One command for both, so that what runs while compiling is built once.
    run_with(
        "cargo",
        &[
            &["check", "--release", "--locked", "--package", "protocol", "--package", "verifier"][..],
            &TARGETS.map(|name| ["--target", name]).concat(),
        ]
        .concat(),
        &[
            ("CC_wasm32_unknown_unknown", "clang"),
            ("CFLAGS_wasm32_unknown_unknown", "-O3"),
            ("CC_aarch64_linux_android", "clang"),
            ("CFLAGS_aarch64_linux_android", &headers),
        ],
    )
}

/// Formats everything.
pub(crate) fn fmt() -> Result<(), String> {
    run("cargo", &["fmt", "--all"])
}

/// What a reviewer should not have to look for.
pub(crate) fn lint() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run("cargo", &["clippy", "--release", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    run_with(
        "cargo",
        &["doc", "--release", "--workspace", "--no-deps", "--locked"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    crate::layers::check()?;
    crate::variants::check()?;
    crate::ids::check()?;
    targets()?;
    deny()
}

/// Licences, duplicates, sources and known advisories.
fn deny() -> Result<(), String> {
    if !has("cargo-deny") {
        run("cargo", &["install", "cargo-deny", "--locked", "--version", CARGO_DENY])?;
    }
    run("cargo", &["deny", "--locked", "--workspace", "check", "licenses", "bans", "sources"])?;
    crate::advisories::check()
}

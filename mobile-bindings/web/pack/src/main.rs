//! `web-pack <compiled.wasm> <folder>`: writes `mid_web.js`, `mid_web.d.ts` and `mid_web_bg.wasm` into the folder, and the
//! apps, whole, into `<folder>/scanner` and `<folder>/wallet`; the package for npm goes into `<folder>/package`.
//!
//! The first is the job of the `wasm-bindgen` command, as a library of the version that `Cargo.lock` names, so that the
//! two halves always fit and nothing has to be installed.

mod app;
mod package;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [wasm, folder] = arguments.as_slice() else {
        eprintln!("web-pack <compiled.wasm> <folder>");
        return ExitCode::from(2);
    };
    let folder_path = Path::new(folder);
    let around = || app::all(folder_path).and_then(|()| package::npm(folder_path));
    match library(wasm, folder).and_then(|()| around().map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web-pack: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder with the apps' and the package's own files: of the checkout that `cargo run` runs in, which need not be the one
/// that this program was compiled in where several share a target directory.
fn sources() -> PathBuf {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.join("..")
}

/// The wasm and its JavaScript.
fn library(wasm: &str, folder: &str) -> Result<(), String> {
    let written = Bindgen::new()
        .input_path(wasm)
        .out_name("mid_web")
        .typescript(true)
        .omit_default_module_path(false)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder));
    written.map_err(|error| format!("{error:#}"))
}

//! The package for Swift: source, header and module map, laid out for the Swift package manager.

use std::fs;
use std::path::Path;

use crate::{bindings, generate, told};

/// Writes the package into `folder`.
///
/// # Errors
/// In words.
pub fn package(library: &Path, folder: &Path) -> Result<(), String> {
    let (home, generated) = (bindings().join("swift"), folder.join("build"));
    let sources = folder.join("Sources");
    for old in [&generated, &sources] {
        let _ = fs::remove_dir_all(old);
        fs::create_dir_all(old).map_err(told(old))?;
    }
    generate(uniffi::TargetLanguage::Swift, library, &generated)?;
    let places = [
        (generated.join("MidSdk.swift"), "Sources/MidSdk/MidSdk.swift"),
        (generated.join("MidSdkFFI.h"), "Sources/MidSdkFFI/include/MidSdkFFI.h"),
        (generated.join("MidSdkFFI.modulemap"), "Sources/MidSdkFFI/include/module.modulemap"),
        (home.join("Gate.swift"), "Sources/Gate/Gate.swift"),
        (home.join("Package.swift"), "Package.swift"),
        (home.join("README.md"), "README.md"),
    ];
    for (from, to) in places {
        let to = folder.join(to);
        to.parent().map_or(Ok(()), fs::create_dir_all).map_err(told(&to))?;
        fs::copy(&from, &to).map_err(told(&from))?;
    }
    // The package manager takes a folder without a source for none of C.
    let empty = sources.join("MidSdkFFI/empty.c");
    fs::write(&empty, "").map_err(told(&empty))
}

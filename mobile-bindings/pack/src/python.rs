//! The package for Python: a wheel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{VERSION, bindings, generate, run, strip, told};

/// Writes the wheel into `folder` and returns where it is.
///
/// # Errors
/// In words.
pub fn package(library: &Path, folder: &Path) -> Result<PathBuf, String> {
    let (home, build) = (bindings().join("python"), folder.join("build/mid_sdk"));
    let _ = fs::remove_dir_all(&build);
    fs::create_dir_all(&build).map_err(told(&build))?;
    generate(uniffi::TargetLanguage::Python, library, &build)?;
    strip(library, &build.join(library.file_name().ok_or("a library has a name")?))?;
    let file = build.join("__init__.py");
    fs::copy(home.join("package/__init__.py"), &file).map_err(told(&file))?;
    let mut write = Command::new("python3");
    let wheel = run(write.arg("-B").arg(home.join("wheel.py")).arg(&build).arg(VERSION).arg(folder))?;
    Ok(wheel.trim_end().into())
}

//! `sdk-pack <library> <folder>`: writes the packages for Kotlin, Swift and Python around an unstripped library.

use std::path::Path;
use std::process::ExitCode;

use sdk_pack::{kotlin, python, swift};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, folder] = arguments.as_slice() else {
        eprintln!("sdk-pack <library> <folder>");
        return ExitCode::from(2);
    };
    let (library, folder) = (Path::new(library), Path::new(folder));
    match write(library, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sdk-pack: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(library: &Path, folder: &Path) -> Result<(), String> {
    swift::package(library, &folder.join("swift"))?;
    let wheel = python::package(library, &folder.join("python"))?;
    let jar = kotlin::package_with_samples(library, &folder.join("kotlin"))?.jar;
    println!("{}\n{}\n{}", jar.display(), wheel.display(), folder.join("swift/Package.swift").display());
    Ok(())
}

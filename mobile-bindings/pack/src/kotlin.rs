//! The package for Kotlin and Java: a jar with the classes and the library of this machine's kind, and a POM.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::jvm::{Jar, compile, dependency, jars};
use crate::{VERSION, bindings, files, generate, run, strip, told};

const LOCK: &str = include_str!("../../kotlin/jars.lock");

/// What was written, and what programs around it need.
pub struct Package {
    /// The jar.
    pub jar: PathBuf,
    /// What it needs, and what its tests need.
    pub needed: Vec<Jar>,
}

/// Writes `mid-sdk-<version>.jar`, its POM and README into `folder`. Classes that are there already, from the same
/// sources, are not compiled again.
///
/// # Errors
/// In words.
pub fn package(library: &Path, folder: &Path) -> Result<Package, String> {
    let needed = jars(LOCK)?;
    let (build, home) = (folder.join("build"), bindings().join("kotlin"));
    let generated = build.join("generated");
    let _ = fs::remove_dir_all(&generated);
    fs::create_dir_all(&generated).map_err(told(&generated))?;
    generate(uniffi::TargetLanguage::Kotlin, library, &generated)?;
    let mut sources = files(&generated, "kt")?;
    sources.extend(files(&home.join("src/main"), "kt")?);
    let classes = build.join("classes");
    let libraries: Vec<&Path> = needed.iter().filter(|jar| !jar.test).map(|jar| jar.path.as_path()).collect();
    compile_once(&sources, &libraries, &classes, &["-jvm-target", "1.8"])?;
    let native = classes.join(resource_folder());
    fs::create_dir_all(&native).map_err(told(&native))?;
    strip(library, &native.join(library.file_name().ok_or("a library has a name")?))?;
    let jar = folder.join(format!("mid-sdk-{VERSION}.jar"));
    archive(&classes, &jar)?;
    let dependencies: String = needed.iter().filter(|jar| !jar.test).map(dependency).collect();
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>mid</groupId><artifactId>mid-sdk</artifactId><version>{VERSION}</version>\
         <dependencies>{dependencies}</dependencies></project>\n"
    );
    let file = folder.join(format!("mid-sdk-{VERSION}.pom"));
    fs::write(file, pom).map_err(told(&jar))?;
    let readme = folder.join("README.md");
    fs::copy(home.join("README.md"), &readme).map_err(told(&readme))?;
    Ok(Package { jar, needed })
}

/// The same, with what it needs in `lib`, and the samples as `samples.jar`.
///
/// # Errors
/// In words.
pub fn package_with_samples(library: &Path, folder: &Path) -> Result<Package, String> {
    let package = package(library, folder)?;
    let (lib, classes) = (folder.join("lib"), folder.join("build/samples"));
    fs::create_dir_all(&lib).map_err(told(&lib))?;
    let mut class_path = vec![package.jar.as_path()];
    for jar in package.needed.iter().filter(|jar| !jar.test) {
        let [_, artifact, version] = &jar.name;
        let to = lib.join(format!("{artifact}-{version}.jar"));
        fs::copy(&jar.path, &to).map_err(told(&to))?;
        class_path.push(&jar.path);
    }
    let sources = files(&bindings().join("kotlin/sample"), "kt")?;
    compile_once(&sources, &class_path, &classes, &["-jvm-target", "1.8"])?;
    archive(&classes, &folder.join("samples.jar"))?;
    Ok(package)
}

fn archive(classes: &Path, jar: &Path) -> Result<(), String> {
    let create = ["--create", "--date=1980-01-01T00:00:02Z", "--file"];
    run(Command::new("jar").args(create).arg(jar).arg("-C").arg(classes).arg(".")).map(|_| ())
}

/// Compiles Kotlin unless `classes` are from these sources and this class path already.
///
/// # Errors
/// What the compiler said.
pub fn compile_once(sources: &[PathBuf], class_path: &[&Path], classes: &Path, options: &[&str]) -> Result<(), String> {
    let mut hash = Sha256::new();
    // A folder of classes stands for the sources that it was compiled from.
    let stamp = |path: &Path| if path.is_dir() { path.with_extension("hash") } else { path.to_owned() };
    for file in sources.iter().map(PathBuf::as_path).chain(class_path.iter().copied()).map(stamp) {
        hash.update(Sha256::digest(fs::read(&file).map_err(told(&file))?));
    }
    let (stamp, hash) = (classes.with_extension("hash"), hex::encode(hash.finalize()));
    if fs::read_to_string(&stamp).is_ok_and(|before| before == hash) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(classes);
    compile(sources, class_path, classes, options)?;
    fs::write(&stamp, hash).map_err(told(&stamp))
}

/// Where JNA looks for a library inside a jar.
fn resource_folder() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let processor = std::env::consts::ARCH.replace('_', "-");
    format!("{system}-{processor}")
}

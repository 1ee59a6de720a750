//! Java, Maven and a Kotlin compiler, made present where they are missing.
//!
//! Jars are those of a lock file, one a line: `group:artifact:version`, the SHA-256 of the jar, and `test` if nothing but
//! tests needs it. Maven fetches exactly these, from wherever it is told to; a jar with another hash is an error.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::{run, told};

const COMPILER: &str = include_str!("../compiler.lock");
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies";

/// A jar of a lock file.
pub struct Jar {
    /// Where it is.
    pub path: PathBuf,
    /// Whether only tests need it.
    pub test: bool,
    /// `group`, `artifact`, `version`.
    pub name: [String; 3],
}

/// The jars that `lock` names. They stand in the user's cache folder, under a name that the list determines.
///
/// # Errors
/// In words, when one cannot be had or is not the one meant.
pub fn jars(lock: &str) -> Result<Vec<Jar>, String> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_else(std::env::temp_dir);
    let cache = cache.join("mid");
    let name = format!("jars-{}", hex::encode(&Sha256::digest(lock)[..8]));
    let folder = cache.join(&name);
    fs::create_dir_all(&folder).map_err(told(&folder))?;
    // Two programs may want it at once.
    let guard = fs::File::create(cache.join(format!("{name}.lock"))).map_err(told(&cache))?;
    guard.lock().map_err(told(&cache))?;
    let lines = lock.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let wanted = lines.map(|line| read(line, &folder)).collect::<Result<Vec<_>, _>>()?;
    let complete = folder.join("complete");
    if !complete.exists() {
        fetch(&wanted, &folder)?;
        for (jar, expected) in &wanted {
            let found = hex::encode(Sha256::digest(fs::read(&jar.path).map_err(told(&jar.path))?));
            if found != *expected {
                return Err(format!("{} has the SHA-256 {found}, the lock file says {expected}", jar.path.display()));
            }
        }
        fs::write(&complete, lock).map_err(told(&complete))?;
    }
    Ok(wanted.into_iter().map(|(jar, _)| jar).collect())
}

fn read(line: &str, folder: &Path) -> Result<(Jar, String), String> {
    let mut words = line.split_whitespace();
    let mut parts = words.next().unwrap_or_default().split(':').map(str::to_owned);
    let malformed = || format!("not a line of a lock file: {line}");
    let mut part = || parts.next().ok_or_else(malformed);
    let name = [part()?, part()?, part()?];
    let hash = words.next().ok_or_else(malformed)?.to_owned();
    let path = folder.join(format!("{}.{}-{}.jar", name[0], name[1], name[2]));
    Ok((Jar { path, test: words.next() == Some("test"), name }, hash))
}

fn fetch(wanted: &[(Jar, String)], folder: &Path) -> Result<(), String> {
    need("jar", &["openjdk-17-jdk-headless"])?;
    need("mvn", &["maven"])?;
    let mut pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>mid</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>"
        .to_owned();
    for (jar, _) in wanted {
        // The list is whole: what these would need besides is on it, or not needed.
        let _ = write!(
            pom,
            "{}<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>",
            dependency(jar).trim_end_matches("</dependency>")
        );
    }
    pom += "</dependencies></project>";
    let file = folder.join("pom.xml");
    fs::write(&file, pom).map_err(told(&file))?;
    let output = format!("-DoutputDirectory={}", folder.display());
    let maven = ["-B", "-q", COPY, "-Dmdep.prependGroupId=true", &output, "-f"];
    run(Command::new("mvn").args(maven).arg(&file)).map(|_| ())
}

/// A jar as a dependency in a POM.
#[must_use]
pub fn dependency(jar: &Jar) -> String {
    let [group, artifact, version] = &jar.name;
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
    )
}

/// `java` with this class path.
///
/// # Errors
/// When there is no Java and it cannot be installed.
pub fn java(class_path: &[&Path]) -> Result<Command, String> {
    need("jar", &["openjdk-17-jdk-headless"])?;
    let mut command = Command::new("java");
    // Cargo's: a library that it built for something else would be taken before the one in the jar.
    command.env_remove("LD_LIBRARY_PATH");
    command.arg("-cp").arg(std::env::join_paths(class_path).map_err(|error| error.to_string())?);
    Ok(command)
}

/// Compiles Kotlin sources into `classes`, with these options of the compiler.
///
/// # Errors
/// What the compiler said.
pub fn compile(sources: &[PathBuf], class_path: &[&Path], classes: &Path, options: &[&str]) -> Result<(), String> {
    let compiler = jars(COMPILER)?;
    let mut command = java(&compiler.iter().map(|jar| jar.path.as_path()).collect::<Vec<_>>())?;
    command.args(["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect", "-nowarn"]);
    command.args(options).arg("-cp");
    command.arg(std::env::join_paths(class_path).map_err(|error| error.to_string())?);
    run(command.arg("-d").arg(classes).args(sources)).map(|_| ())
}

/// Installs Debian packages where a command is missing.
fn need(program: &str, packages: &[&str]) -> Result<(), String> {
    let there = |option: &str| Command::new(program).arg(option).output().is_ok_and(|out| out.status.success());
    if there("--version") {
        return Ok(());
    }
    run(Command::new("apt-get").args(["update", "-q"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends"]).args(packages)).map(|_| ())
}

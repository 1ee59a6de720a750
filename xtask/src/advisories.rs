//! Known advisories: against the live database where it can be reached, else against the dated copy in `xtask/advisories`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chores::{root, run, run_in};

/// Where the database lives, and the folder name that `cargo deny` derives from that address.
const ADDRESS: &str = "https://github.com/RustSec/advisory-db";
const FOLDER: &str = "advisory-db-3157b0e258782691";

/// `refresh [DIR]` takes a new copy; without it, checks.
pub(crate) fn chore(rest: &[String]) -> Result<(), String> {
    match rest.split_first() {
        Some((word, rest)) if word == "refresh" => refresh(rest),
        Some((word, _)) => Err(format!("`{word}` is not known: `cargo xtask advisories [refresh [DIR]]`")),
        None => check(),
    }
}

/// Takes the advisories that name a crate of `Cargo.lock` from a clone of the database, or from its home.
fn refresh(rest: &[String]) -> Result<(), String> {
    let scratch = scratch()?;
    let clone = match rest.first() {
        Some(given) => PathBuf::from(given),
        None => {
            let clone = scratch.join("clone");
            run("git", &["clone", "--quiet", "--depth", "1", ADDRESS, text(&clone)?])?;
            clone
        }
    };
    let commit = said("git", &["-C", text(&clone)?, "log", "-1", "--format=%H %cs"])?;
    let listed = said("git", &["-C", text(&clone)?, "ls-tree", "-r", "--name-only", "HEAD", "crates/"])?;
    let names = locked_crates()?;
    let copy = copy();
    let _ = fs::remove_dir_all(copy.join("crates"));
    for path in listed.lines().filter(|path| path.split('/').nth(1).is_some_and(|name| names.contains(name))) {
        let advisory = said("git", &["-C", text(&clone)?, "show", &format!("HEAD:{path}")])?;
        write(&copy.join(path), &advisory)?;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    write(&copy.join("SNAPSHOT"), &format!("{}\n{}\n", commit.trim(), names.join("\n")))
}

/// Fails if a crate in use has an advisory that nobody has answered in `deny.toml`.
pub(crate) fn check() -> Result<(), String> {
    if run("cargo", &["deny", "--locked", "fetch", "db"]).is_ok() {
        return run("cargo", &["deny", "--frozen", "--workspace", "check", "advisories"]);
    }
    let snapshot = read(&copy().join("SNAPSHOT"))?;
    let mut lines = snapshot.lines();
    let source = lines.next().unwrap_or_default();
    let looked_at: BTreeSet<String> = lines.map(str::to_owned).collect();
    let unknown: Vec<String> = locked_crates()?.difference(&looked_at).cloned().collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(format!(
            "nobody has looked for advisories of {unknown}: run `cargo xtask advisories refresh` where {ADDRESS} can be reached"
        ));
    }
    println!("the advisory database cannot be reached from here; checking against the copy of {source}");
    let home = scratch()?;
    let database = home.join(FOLDER);
    copy_folder(&copy().join("crates"), &database.join("crates"))?;
    let identity = ["-c", "user.name=snapshot", "-c", "user.email=snapshot@localhost", "-c", "commit.gpgsign=false"];
    run_in(&database, "git", &["init", "--quiet"])?;
    run_in(&database, "git", &["add", "--all"])?;
    run_in(&database, "git", &[&identity[..], &["commit", "--quiet", "--message", "copy"]].concat())?;
    let head = said("git", &["-C", text(&database)?, "rev-parse", "HEAD"])?;
    // What `cargo deny` reads the age of a database from; the age that counts was printed above.
    write(&database.join(".git/FETCH_HEAD"), &format!("{}\t\tbranch 'main' of {ADDRESS}\n", head.trim()))?;
    let settings = read(&root().join("deny.toml"))?;
    let path = format!("[advisories]\ndb-path = {:?}\ndb-urls = [{ADDRESS:?}]\n", text(&home)?);
    write(&home.join("deny.toml"), &settings.replacen("[advisories]\n", &path, 1))?;
    let settings = home.join("deny.toml");
    run("cargo", &["deny", "--frozen", "--workspace", "--config", text(&settings)?, "check", "advisories"])?;
    fs::remove_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))
}

/// Names of everything in `Cargo.lock` that came from a registry.
fn locked_crates() -> Result<BTreeSet<String>, String> {
    Ok(registry_crates(&read(&root().join("Cargo.lock"))?))
}

fn registry_crates(lock: &str) -> BTreeSet<String> {
    let packages = lock.split("[[package]]").filter(|package| package.contains("\nsource = "));
    let name = |package: &str| {
        package.lines().find_map(|line| Some(line.strip_prefix("name = \"")?.trim_end_matches('"').to_owned()))
    };
    packages.filter_map(name).collect()
}

fn copy() -> PathBuf {
    root().join("xtask/advisories")
}

/// A folder of this run alone.
fn scratch() -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("mid-advisories-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(wrong)?;
    for entry in fs::read_dir(from).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target).map_err(wrong)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    let folder = path.parent().ok_or("a file has a folder")?;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not text", path.display()))
}

fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{program}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::registry_crates;

    #[test]
    fn only_crates_from_registries_are_looked_up() {
        let lock = "[[package]]\nname = \"ours\"\nversion = \"1\"\n\n[[package]]\nname = \"theirs\"\nversion = \"1\"\nsource = \"registry+x\"\n";
        assert_eq!(registry_crates(lock).into_iter().collect::<Vec<_>>(), ["theirs"]);
    }
}

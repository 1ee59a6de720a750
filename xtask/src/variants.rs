//! Every error variant is produced by some test.
//!
//! Reads the sources: variants of every public enum that derives `thiserror::Error` in library code,
//! against what test code names. A variant that no test names fails the build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::chores::root;

/// Folders whose errors count, and where tests are looked for.
const LIBRARIES: [&str; 8] = ["protocol", "issuer", "push", "relay", "wallet-core", "verifier", "ledger-node", "src"];

/// Fails with the list of variants that no test produces.
pub(crate) fn check() -> Result<(), String> {
    let mut sources = Vec::new();
    for folder in LIBRARIES.iter().chain(&["tests"]) {
        collect(&root().join(folder), &mut sources);
    }
    let mut variants: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    let mut tested = String::new();
    for path in &sources {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let in_tests = path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "examples");
        if path.extension().is_some_and(|kind| kind == "txt") || in_tests {
            tested.push_str(&text);
            continue;
        }
        let (code, tests) = text.split_once("#[cfg(test)]\nmod ").unwrap_or((&text, ""));
        tested.push_str(tests);
        for (name, variant) in error_variants(code) {
            variants.insert((name, variant), path.clone());
        }
    }
    let missing: Vec<String> = variants
        .iter()
        .filter(|((_, variant), _)| !names(&tested, variant))
        .map(|((name, variant), path)| {
            format!("  {name}::{variant} ({})", path.strip_prefix(root()).unwrap_or(path).display())
        })
        .collect();
    println!("{} error variants, {} without a test", variants.len(), missing.len());
    if variants.is_empty() {
        return Err("no error variants found; the reader of sources is broken".into());
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("no test produces\n{}", missing.join("\n"))) }
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                collect(&path, into);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "txt") {
            into.push(path);
        }
    }
}

/// `(enum, variant)` of every enum of `code` that derives `thiserror::Error`.
fn error_variants(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[derive(") || !line.contains("Error") {
            continue;
        }
        let Some(name) = lines.by_ref().take(4).find_map(|line| line.strip_prefix("pub enum ")) else { continue };
        let name = name.trim_end_matches(" {").to_owned();
        for line in lines.by_ref().take_while(|line| *line != "}") {
            let is_variant = line.starts_with("    ") && line.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase);
            if is_variant {
                let variant: String = line.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
                found.push((name.clone(), variant));
            }
        }
    }
    found
}

/// Whether the word occurs in the text, not as a part of a longer word.
fn names(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
        !joins(before) && !joins(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_variants_and_whole_words() {
        let code = "#[derive(Debug, thiserror::Error)]\npub enum E {\n    /// doc\n    #[error(\"x\")]\n    First,\n    Second(u8),\n}\n";
        assert_eq!(error_variants(code), [("E".into(), "First".into()), ("E".into(), "Second".into())]);
        assert!(names("Err(E::First)", "First"));
        assert!(!names("FirstOfAll", "First"));
    }
}

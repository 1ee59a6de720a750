//! Specifications and code name the same rules.
//!
//! A rule is defined where its id begins a paragraph or a table row of `specs/*.md` (`**REQ-04** …`,
//! `| ZKP-01 | …`). Every rule must be named in some source file, and every id named there, in this
//! spelling or in a test's name (`req_04_…`), must be a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::chores::root;

/// Fails with the rules that no source names, and the ids in sources that are no rule.
pub(crate) fn check() -> Result<(), String> {
    let specs = read_all(&root().join("specs"), "md")?;
    let sources = read_all(&root(), "rs")?;
    let mut rules = BTreeMap::new();
    let mut wrong = Vec::new();
    for (path, text) in &specs {
        for id in text.lines().filter_map(defined) {
            if rules.insert(id.clone(), path).is_some() {
                wrong.push(format!("  {id} is defined twice ({})", shown(path)));
            }
        }
    }
    // This file names ids as examples only.
    let sources: Vec<_> = sources.into_iter().filter(|(path, _)| !path.ends_with("xtask/src/ids.rs")).collect();
    let named: BTreeMap<String, &PathBuf> =
        sources.iter().flat_map(|(path, text)| ids(text).into_iter().map(move |id| (id, path))).collect();
    let tested: BTreeMap<String, &PathBuf> =
        sources.iter().flat_map(|(path, text)| in_test_names(text).into_iter().map(move |id| (id, path))).collect();
    let missing = rules.iter().filter(|(id, _)| !named.contains_key(*id));
    wrong.extend(missing.map(|(id, path)| format!("  {id} ({}) is named in no source", shown(path))));
    let unknown: BTreeMap<_, _> = named.iter().chain(&tested).filter(|(id, _)| !rules.contains_key(*id)).collect();
    wrong.extend(unknown.iter().map(|(id, path)| format!("  {id} ({}) is no rule of the specifications", shown(path))));
    println!("{} rules, {} named in sources, {} in names of tests", rules.len(), named.len(), tested.len());
    if rules.is_empty() {
        return Err("no rules found; the reader of specifications is broken".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("specifications and sources differ\n{}", wrong.join("\n"))) }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The files below `folder` with this extension, and their texts.
fn read_all(folder: &Path, extension: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let said = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| said(folder, error))? {
        let entry = entry.map_err(|error| said(folder, error))?;
        let (path, name) = (entry.path(), entry.file_name());
        let skipped = name == "target" || name.to_string_lossy().starts_with('.');
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !skipped {
                found.extend(read_all(&path, extension)?);
            }
        } else if path.extension().is_some_and(|kind| kind == extension) {
            let text = fs::read_to_string(&path).map_err(|error| said(&path, error))?;
            found.push((path, text));
        }
    }
    Ok(found)
}

/// The id of the rule that this line of a specification defines.
fn defined(line: &str) -> Option<String> {
    let cell = line.strip_prefix("| ").map(|rest| rest.split(" |").next().unwrap_or(rest));
    let word = match (cell, line.strip_prefix("**")) {
        (Some(cell), _) => cell.trim_matches('*'),
        (None, Some(bold)) => bold.split("**").next()?,
        (None, None) => return None,
    };
    is_id(word, '-', |c| c.is_ascii_uppercase()).then(|| word.to_owned())
}

/// Whether a word is three to five letters, the separator and two digits.
fn is_id(word: &str, separator: char, letter: impl Fn(char) -> bool) -> bool {
    word.split_once(separator).is_some_and(|(family, number)| {
        (3..=5).contains(&family.len())
            && family.chars().all(letter)
            && number.len() == 2
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

/// All ids that a text names.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    words.filter(|word| is_id(word, '-', |c| c.is_ascii_uppercase())).map(str::to_owned).collect()
}

/// The ids with which names of functions begin: `fn req_04_…`.
fn in_test_names(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
    let starts = names.filter_map(|name| {
        let (family, rest) = name.split_once('_')?;
        let (number, _) = rest.split_once('_')?;
        Some(format!("{family}_{number}"))
    });
    starts
        .filter(|start| is_id(start, '_', |c| c.is_ascii_lowercase()))
        .map(|start| start.to_ascii_uppercase().replace('_', "-"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_rules_and_their_names() {
        assert_eq!(defined("**REQ-04** A request"), Some("REQ-04".into()));
        assert_eq!(defined("| ZKP-01 | the proof | `ProofLength` |"), Some("ZKP-01".into()));
        assert_eq!(defined("| **VERD-01** | Is the clock"), Some("VERD-01".into()));
        for line in ["as REQ-04 says", "| the rule REQ-04 |", "**SHA-256** is", "**REQ-4** A request", "| id | MUST |"]
        {
            assert_eq!(defined(line), None, "{line}");
        }
        let text =
            "// ABC-01: one (PRES-02…04)\n    fn abcd_03_it_works() {\nfn abc_test() { \"SHA-256, X-25, UTF-160\" }";
        assert_eq!(ids(text).into_iter().collect::<Vec<_>>(), ["ABC-01", "PRES-02"]);
        assert_eq!(in_test_names(text).into_iter().collect::<Vec<_>>(), ["ABCD-03"]);
    }
}

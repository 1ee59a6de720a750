//! The scanner app says everything in both languages, every refusal included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Enumerations whose innermost variants reach the screen as names.
const ERRORS: [(&str, &str); 13] = [
    ("verifier/src/refusal.rs", "Refusal"),
    ("verifier/src/ask.rs", "AskError"),
    ("protocol/src/exchange/presentation.rs", "PresentationError"),
    ("protocol/src/exchange/portrait.rs", "PortraitError"),
    ("protocol/src/exchange/qr.rs", "QrError"),
    ("protocol/src/exchange/request.rs", "RequestError"),
    ("protocol/src/exchange/request.rs", "OverAsk"),
    ("protocol/src/disclosure/mod.rs", "ProofError"),
    ("protocol/src/ledger/bundle.rs", "BundleError"),
    ("protocol/src/ledger/attachment.rs", "AttachmentError"),
    ("protocol/src/ledger/staple.rs", "StapleError"),
    ("protocol/src/ledger/proof.rs", "ProofError"),
    ("mobile-bindings/web/src/lib.rs", "PageError"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn words(lang: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(format!("mobile-bindings/web/scanner/words/{lang}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The names that errors of this enumeration show: of variants that wrap another error, that one's.
fn variants(path: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let body = text.split_once(&format!("enum {name} {{\n")).unwrap_or_else(|| panic!("{path} has no {name}")).1;
    let lines = body.lines().take_while(|line| *line != "}");
    let of_own = lines.filter(|line| {
        let begins = line.strip_prefix("    ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        begins && !line.contains("#[from]")
    });
    of_own.map(|line| line.trim().chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

/// Keys that the page and its scripts name, and the beginnings of those they put together.
fn used() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut keys, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(root().join("mobile-bindings/web/scanner")).unwrap() {
        let path = entry.unwrap().path();
        if !path.extension().is_some_and(|kind| kind == "js" || kind == "html") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (before, quote) in [
            ("data-word=", '"'),
            ("data-label=", '"'),
            ("data-alt=", '"'),
            ("word(", '"'),
            ("word(", '`'),
            ("reason(", '"'),
        ] {
            for part in text.split(&format!("{before}{quote}")).skip(1) {
                let key = part.split(quote).next().unwrap();
                let key = if before == "reason(" { format!("why.{key}") } else { key.to_owned() };
                match key.split_once("${") {
                    Some((beginning, _)) => beginnings.insert(beginning.to_owned()),
                    None => keys.insert(key),
                };
            }
        }
        // What the scripts refuse themselves.
        for part in text.split("refused: \"").skip(1) {
            keys.insert(format!("why.{}", part.split('"').next().unwrap()));
        }
        for part in text.split("throw \"").skip(1) {
            keys.insert(format!("why.{}", part.split(':').next().unwrap()));
        }
    }
    (keys, beginnings)
}

#[test]
fn every_text_is_there_in_korean_and_in_english() {
    let (ko, en) = (words("ko"), words("en"));
    assert_eq!(ko.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>(), "one language has what the other lacks");
    let korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for (key, text) in &ko {
        assert!(!text.is_empty() && (korean(text) || key == "language"), "{key} is not Korean: {text}");
        let holes =
            |text: &str| text.split('{').skip(1).map(|part| part.split('}').next().unwrap().to_owned()).collect();
        let [theirs, ours]: [BTreeSet<String>; 2] = [holes(&en[key]), holes(text)];
        assert_eq!(theirs, ours, "{key} names other values in the other language");
    }
    for (key, text) in &en {
        assert!(!text.is_empty() && (!korean(text) || key == "language"), "{key} is not English: {text}");
    }
}

#[test]
fn whatever_the_app_says_has_a_text_and_no_text_is_left_over() {
    let ko = words("ko");
    let (mut keys, beginnings) = used();
    assert!(keys.len() > 60 && beginnings.contains("verdict."), "the reader of scripts is broken: {keys:?}");
    // Put together in the scripts from these parts.
    for (beginning, ends) in [
        ("age.", &["d", "h", "m", "s"][..]),
        ("verdict.", &["accepted", "refused", "unknown"]),
        ("replay.", &["challenge", "time-window"]),
        ("binding.", &["hardware-key", "link-secret"]),
        ("seeing.", &["nothing", "pieces", "other"]),
        ("trust.", &["none", "old", "as-of"]),
        ("check.", &["start", "stop"]),
        ("why.", &["other", "Unexpected"]),
    ] {
        keys.extend(ends.iter().map(|end| format!("{beginning}{end}")));
    }
    for (path, name) in ERRORS {
        let names = variants(path, name);
        assert!(!names.is_empty(), "{path}: {name}");
        keys.extend(names.iter().map(|name| format!("why.{name}")));
    }
    let missing: Vec<_> = keys.iter().filter(|key| !ko.contains_key(*key)).collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
    let unused: Vec<_> = ko.keys().filter(|key| !keys.contains(*key)).collect();
    assert!(unused.is_empty(), "nothing says {unused:?}");
}

//! The apps say everything in both languages, every refusal included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// An app: its folder, what of the other's folder is in it too, whose innermost variants reach its screen as names, and
/// texts that its scripts put together from a beginning and these ends.
struct App {
    folder: &'static str,
    shared: &'static [&'static str],
    errors: &'static [(&'static str, &'static str)],
    ends: &'static [(&'static str, &'static [&'static str])],
}

const SCANNER_ERRORS: [(&str, &str); 13] = [
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

const WALLET_ERRORS: [(&str, &str); 14] = [
    ("wallet-core/src/error.rs", "WalletError"),
    ("protocol/src/exchange/request.rs", "RequestError"),
    ("protocol/src/exchange/request.rs", "OverAsk"),
    ("protocol/src/exchange/qr.rs", "QrError"),
    ("protocol/src/exchange/offer.rs", "OfferError"),
    ("protocol/src/exchange/issuance.rs", "IssuanceRefusal"),
    ("protocol/src/exchange/presentation.rs", "PresentError"),
    ("protocol/src/exchange/presentation.rs", "PresentationError"),
    ("protocol/src/exchange/portrait.rs", "PortraitError"),
    ("protocol/src/credential/signed.rs", "CredentialError"),
    ("protocol/src/credential/calendar.rs", "DayError"),
    ("protocol/src/ledger/bundle.rs", "BundleError"),
    ("mobile-bindings/web/src/wallet/errand.rs", "ErrandError"),
    ("mobile-bindings/web/tests/words.rs", "Script"),
];

/// What the wallet's scripts refuse by themselves.
#[allow(dead_code, reason = "read as text, like the others")]
enum Script {
    PinsDiffer,
    PasskeyUnsupported,
    NotVerified,
}

const APPS: [App; 2] = [
    App {
        folder: "scanner",
        shared: &[],
        errors: &SCANNER_ERRORS,
        ends: &[
            ("age.", &["d", "h", "m", "s"]),
            ("verdict.", &["accepted", "refused", "unknown"]),
            ("replay.", &["challenge", "time-window"]),
            ("binding.", &["hardware-key", "link-secret"]),
            ("seeing.", &["nothing", "pieces", "other"]),
            ("trust.", &["none", "old", "as-of"]),
            ("check.", &["start", "stop"]),
            ("why.", &["other", "Unexpected"]),
        ],
    },
    App {
        folder: "wallet",
        shared: &["words.js"],
        errors: &WALLET_ERRORS,
        ends: &[
            ("age.", &["d", "h", "m", "s"]),
            ("state.", &["expired", "suspended", "withdrawn"]),
            ("consent.", &["shown", "proven", "kept", "bound", "recognition"]),
            (
                "event.",
                &[
                    "received",
                    "deleted",
                    "pin-changed",
                    "answered",
                    "answered-over-ask",
                    "declined",
                    "blocked",
                    "unanswered",
                    "displayed",
                    "shown",
                    "proven",
                    "asked",
                ],
            ),
            ("scan.", &["start", "stop"]),
            ("why.", &["other", "Unexpected"]),
            ("", &["wait", "show.wait", "offer.taking"]),
        ],
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn words(app: &App, lang: &str) -> BTreeMap<String, String> {
    let file = format!("mobile-bindings/web/{}/words/{lang}.json", app.folder);
    let text = fs::read_to_string(root().join(file)).unwrap();
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
fn used(app: &App) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut keys, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
    let own = fs::read_dir(root().join("mobile-bindings/web").join(app.folder)).unwrap();
    let shared = app.shared.iter().map(|name| root().join("mobile-bindings/web/scanner").join(name));
    for path in own.map(|entry| entry.unwrap().path()).chain(shared) {
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
    APPS.iter().for_each(in_both_languages);
}

fn in_both_languages(app: &App) {
    let (ko, en) = (words(app, "ko"), words(app, "en"));
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
    APPS.iter().for_each(no_more_and_no_less);
}

fn no_more_and_no_less(app: &App) {
    let ko = words(app, "ko");
    let (mut keys, beginnings) = used(app);
    assert!(keys.len() > 60 && beginnings.len() > 3, "the reader of scripts is broken: {keys:?}");
    for (beginning, ends) in app.ends {
        keys.extend(ends.iter().map(|end| format!("{beginning}{end}")));
    }
    for (path, name) in app.errors {
        let names = variants(path, name);
        assert!(!names.is_empty(), "{path}: {name}");
        keys.extend(names.iter().map(|name| format!("why.{name}")));
    }
    let missing: Vec<_> = keys.iter().filter(|key| !ko.contains_key(*key)).collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
    let unused: Vec<_> = ko.keys().filter(|key| !keys.contains(*key)).collect();
    assert!(unused.is_empty(), "nothing says {unused:?}");
}

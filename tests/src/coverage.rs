//! Which rows of the list of attacks on credentials, proofs, presentations, codes, the ledger, status, protocols and HTTP (A–F, I–K, N)
//! are met where.
//!
//! `tests/COVERAGE.md` is written from this and from the files under `tests/negative` by `make-negative`.

mod protocols;
mod standards;

use std::fmt::Write as _;

use crate::cases::Case;

/// Where a row is met.
enum Met {
    /// By files whose id it is.
    Files,
    /// By a test that is no file: its source below the workspace, and its function or the name it gives the case.
    Test(&'static str, &'static str),
    /// There is nothing it could be tried on, for this reason.
    Absent(&'static str),
}

use Met::{Absent, Files, Test};

const APP: &str = "tests/presenting/tests/all/app_link.rs";
const SD_JWT: &str = "protocol/src/credential/sd_jwt/tests.rs";
const MDOC: &str = "protocol/src/credential/mdoc/tests.rs";
const CHAIN: &str = "ledger-node/engine/src/chain.rs";
const SEEDS: &str = "tests/simulation/tests/seeds.rs";
const CHECKPOINTS: &str = "protocol/src/ledger/checkpoint/tests.rs";

const ROWS: &[(&str, &str, Met)] = &[
    ("C01", "signature with A the identity", Files),
    ("C02", "e out of range", Files),
    ("C04", "public key that is none", Files),
    ("C05", "points that are none", Files),
    ("C06", "proof with identity points", Files),
    ("C07", "proof of another length", Files),
    ("C08", "scalars out of range", Files),
    ("C10", "weak transcript, changed challenge", Files),
    ("C11", "nonce omitted where one is due", Test("tests/src/cases/presentation/question.rs", "nonce-missing")),
    ("C12", "proof of another session", Files),
    (
        "C13",
        "shown index out of range, twice, unsorted",
        Test("protocol/src/disclosure/tests.rs", "a_malformed_statement_is_refused"),
    ),
    ("C14", "another number of messages", Files),
    ("C16", "one key in two suites", Absent("issuer keys have one suite; one key for two purposes is LREC-04")),
    ("C17", "key rotated out", Files),
    ("C18", "two holders' halves", Files),
    ("C19", "range proofs that cheat", Files),
    ("C20", "generators of the prover's choice", Files),
    ("C22", "non-revocation part missing", Files),
    ("C23", "status of another epoch", Files),
    ("C24", "pseudonym for another verifier, or the identity", Files),
    ("C25", "another link secret than the credential's", Files),
    ("C26", "device binding", Files),
    ("C28", "random generator stuck", Test("protocol/src/disclosure/tests.rs", "a_stuck_generator_is_refused")),
    (
        "C29",
        "weak key material",
        Test("tests/exchange/refusals.rs", "c29_keys_are_not_made_from_weak_or_endless_material"),
    ),
    (
        "C30",
        "Wycheproof's points",
        Test("protocol/tests/wycheproof_points.rs", "points_are_decoded_as_wycheproof_says"),
    ),
    ("D01", "holder's signature absent", Files),
    ("D02", "holder's signature corrupted", Files),
    ("D04", "for another verifier", Files),
    ("D05", "another nonce, or none", Files),
    ("D06", "nonce used before", Files),
    (
        "D07",
        "posted a thousand times at once",
        Test("tests/exchange/replay.rs", "d07_of_a_thousand_parallel_tries_one_is_accepted"),
    ),
    ("D08", "hash over other disclosures", Test(SD_JWT, "sdj_09_the_proof_answers_this_request")),
    ("D10", "no time in the holder's proof", Test(SD_JWT, "sdj_09_the_proof_answers_this_request")),
    ("D11", "session transcript of mdoc", Test(MDOC, "mdoc_06_the_device_proves_itself_for_this_session")),
    ("D12", "withdrawn credentials", Files),
    ("D13", "two holders in one presentation", Absent("a presentation has one credential")),
    ("D14", "a credential that was not asked for", Files),
    ("D16", "less or other than was asked", Files),
    ("D17", "issuer outside the trusted ones", Test("tests/src/cases/presentation/issuer.rs", "IssuerNotTrusted")),
    ("D18", "another format", Test(SD_JWT, "sdj_01_other_forms_are_refused")),
    ("D19", "binding left out by the wallet", Files),
    (
        "D20",
        "members of vp_token",
        Test("tests/presenting/tests/all/answers.rs", "an_sd_jwt_is_bound_to_request_and_holder"),
    ),
    ("D22", "kind of user authentication", Absent("presentations say nothing of it")),
    (
        "D23",
        "wallet's attestation",
        Absent("presentations carry no attestations of wallets; issuers may ask for them (VCI-60)"),
    ),
    (
        "D24",
        "JWE that cheats",
        Test("protocol/src/crypto/jose/jwe/tests.rs", "jose_09_one_agreement_two_methods_no_compression"),
    ),
    (
        "D25",
        "JWE to an earlier key",
        Test("protocol/src/crypto/jose/jwe/tests.rs", "jose_10_only_the_recipient_opens_it_unchanged"),
    ),
    ("D26", "apu and apv", Test("protocol/src/crypto/jose/jwe/tests.rs", "jose_10_parties_are_part_of_the_key")),
    ("D28", "more shown than asked", Files),
    (
        "D29",
        "portraits that are more than a picture",
        Test("tests/exchange/portrait.rs", "d29_a_signed_file_that_is_more_than_a_picture_is_refused"),
    ),
    ("D30", "a switch for checking less later", Absent("policies have limits, not switches (ARCHITECTURE.md)")),
    ("E01", "random, empty, endless input", Files),
    ("E02", "newer version", Files),
    ("E04", "more than it looks", Files),
    ("E05", "cut short", Files),
    ("E06", "several codes", Files),
    ("E07", "screenshot after its time", Files),
    ("E08", "shown twice", Files),
    ("E10", "answer to another request", Files),
    ("E11", "schemes of links", Files),
    ("E12", "an attacker's offer", Files),
    (
        "E13",
        "printed code at another counter",
        Absent("codes have no counter; requests are signed and live two minutes"),
    ),
    ("E14", "offers and their time", Files),
    ("E16", "byte order marks, NUL, lower case", Files),
    ("E17", "portrait that does not fit", Test("tests/exchange/portrait.rs", "pres_15_no_other_picture_is_shown")),
    ("E18", "caller not registered", Test(APP, "alnk_04_only_the_app_that_asks_hands_it_over")),
    ("E19", "hijacked response", Test(APP, "alnk_05_nobody_else_reads_the_answer")),
    ("E20", "second response", Test("tests/presenting/tests/all/apps.rs", "alnk_06_one_answer_and_one_verdict")),
    (
        "E22",
        "session counters",
        Test("protocol/src/credential/mdoc/session/tests.rs", "mdoc_09_a_message_out_of_order_is_the_last"),
    ),
    ("E23", "structure-aware fuzzing", Test("tests/mutants/main.rs", "no_changed_presentation_is_accepted")),
    ("E24", "damage beyond correction", Files),
    ("F01", "transaction by someone who does not control", Files),
    ("F02", "replay, gap, last nonce", Files),
    ("F04", "too large, or nothing to write", Files),
    ("F05", "DID created again, changed after its end", Files),
    ("F06", "lost update", Files),
    ("F07", "signed with a key that was rotated out", Files),
    ("F08", "last key or controller removed", Files),
    ("F10", "another encoding of a valid transaction", Files),
    ("F11", "m − 1 governors, one counted twice", Files),
    ("F12", "withdrawal by the wrong issuer", Files),
    ("F13", "withdrawal taken back", Files),
    ("F14", "proposal of another height or parent", Test(CHAIN, "a_block_that_breaks_a_rule_is_invalid")),
    ("F16", "double votes", Test(SEEDS, "no_seed_breaks_a_promise")),
    (
        "F17",
        "votes of strangers",
        Test("protocol/src/ledger/certificate.rs", "another_header_network_or_key_is_refused"),
    ),
    ("F18", "exactly two thirds", Test(SEEDS, "a_network_torn_in_two_groups_of_2f_shows_whether_2f_votes_suffice")),
    ("F19", "lock forgotten after a restart", Test(SEEDS, "validators_that_forget_their_votes_are_found")),
    (
        "F20",
        "block time not after the parent's",
        Test("protocol/src/ledger/header.rs", "a_header_follows_only_its_parent"),
    ),
    (
        "F22",
        "forged evidence of double signing",
        Test(CHECKPOINTS, "chkp_07_who_signed_two_headers_of_one_height_is_named"),
    ),
    ("F23", "noise, halves of messages, floods of a peer", Test("tests/simulation/src/byzantine.rs", "make_noise")),
    (
        "F24",
        "peer that is no validator",
        Test(
            "ledger-node/engine/tests/founding.rs",
            "founders_without_a_dealer_run_one_network_and_a_stranger_is_not_let_in",
        ),
    ),
    (
        "F25",
        "state from elsewhere that is not whole",
        Test("ledger-node/src/sync/tests.rs", "whatever_a_source_sends_nothing_but_the_certified_state_is_installed"),
    ),
    ("F26", "proof with changed, exchanged, added siblings", Files),
    ("F28", "proof with what its grammar does not have", Files),
    ("F29", "absence by a neighbour elsewhere", Files),
    ("F30", "older than the floor", Files),
    (
        "F31",
        "chain of headers with too little overlap",
        Absent("there is none: one group key signs every header, and LPRF-06 hands it on"),
    ),
    ("F32", "two headers of one height", Files),
    ("F34", "edges of the tree", Files),
    ("F35", "more levels than a key has bits", Files),
    ("F36", "two checkpoints at once", Test(CHECKPOINTS, "chkp_06_a_later_checkpoint_forbids_earlier_ones_for_ever")),
    ("F37", "checkpoint of an unknown ledger, or of no validator", Files),
    (
        "F38",
        "identifiers of any size and spelling, ten thousand at once",
        Test("ledger-node/tests/http/operations.rs", "f38_identifiers_of_any_size_and_spelling_are_refused"),
    ),
    (
        "F40",
        "the same block with other seeds of hash maps",
        Test("ledger-node/src/rules/tests.rs", "the_outcome_is_deterministic"),
    ),
];

/// All rows, in order.
fn rows() -> impl Iterator<Item = &'static (&'static str, &'static str, Met)> {
    standards::BEFORE.iter().chain(ROWS).chain(standards::AFTER).chain(protocols::ROWS)
}

/// Rows that should be met and are not.
///
/// # Panics
/// When a source that is named cannot be read.
#[must_use]
pub fn missing(cases: &[Case]) -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let met = |(id, _, met): &(&str, &str, Met)| match met {
        Files => cases.iter().any(|case| case.id == *id && case.twin.is_some()),
        Test(path, name) => {
            let source = std::fs::read_to_string(format!("{root}/{path}")).expect("a source");
            [format!("fn {name}("), format!("fn {name}<"), format!("\"{name}\"")].iter().any(|it| source.contains(it))
        }
        Absent(reason) => !reason.is_empty(),
    };
    let rows = rows().filter(|row| !met(row)).map(|(id, what, _)| format!("{id}: {what}"));
    let modules = protocols::MODULES.iter().flat_map(|(path, names)| {
        let source = std::fs::read_to_string(format!("{root}/{path}")).expect("a source");
        let untried = move |name: &&&str| !source.contains(&function(name)) && !source.contains(**name);
        names.iter().filter(untried).map(|name| (*name).to_owned())
    });
    rows.chain(modules).collect()
}

/// The test of a module of the conformance suite.
fn function(module: &str) -> String {
    format!("fn {}(", module.replace('-', "_"))
}

/// The table, for `tests/COVERAGE.md`.
#[must_use]
pub fn table(cases: &[Case]) -> String {
    let mut text = String::from(
        "# Rows of the list of attacks\n\nCredentials of other standards (A, B), proofs (C), presentations (D), codes (E), the ledger (F), status (I), issuing\n\
         (J), presenting over a network (K) and HTTP (N). Written by `cargo run --release -p tests --bin make-negative` from\n\
         `tests/src/coverage.rs` and the files under `tests/negative`; forged statements are in [FORGED.md](FORGED.md).\n\n\
         | row | what | met by |\n|---|---|---|\n",
    );
    for (id, what, met) in rows() {
        let by = match met {
            Files => {
                let of_row: Vec<&Case> = cases.iter().filter(|case| case.id == *id && case.twin.is_some()).collect();
                let mut names: Vec<String> = of_row.iter().map(|case| format!("`{}`", case.expect)).collect();
                names.sort();
                names.dedup();
                format!("{} files: {}", of_row.len(), names.join(", "))
            }
            Test(path, "fn ") => format!("[{path}](../{path})"),
            Test(path, name) => format!("`{name}` in [{path}](../{path})"),
            Absent(reason) => format!("not applicable: {reason}"),
        };
        let _ = writeln!(text, "| {id} | {what} | {by} |");
    }
    text.push_str(
        "\n## Modules of the OpenID Foundation's conformance suite\n\nEach is tried under its own name; those that only go well are left to foreign \
         software ([profile](../specs/openid4vc-profile.md)).\n\n| module | in |\n|---|---|\n",
    );
    for (path, names) in protocols::MODULES {
        for name in *names {
            let _ = writeln!(text, "| `{name}` | [{path}](../{path}) |");
        }
    }
    text
}

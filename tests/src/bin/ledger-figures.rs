//! The ledger's proofs, attacked and measured: `cargo xtask ledger mutations|proofs|delta`.
#![allow(clippy::expect_used, reason = "a measurement that meets a surprise should stop at once")]

use std::collections::BTreeSet;
use std::time::Instant;

use protocol::credential::StatusList;
use protocol::exchange::qr::{self, Kind};
use protocol::identifier::Did;
use protocol::ledger::record::{Accreditation, Record, StatusListAnchor};
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{Scope, StateKey, check};
use rand_core::Rng;
use serde_json::json;
use tests::ledger_mutations::Mutations;

const TYPE: &str = "kr.go.police.driver-licence.1";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |default: u64| arguments.get(1).map_or(default, |text| text.parse().expect("a number"));
    let answer = match arguments.first().map(String::as_str) {
        Some("mutations") => mutations(number(1_000_000)),
        Some("proofs") => proofs(number(1_000_000)),
        Some("delta") => delta(number(1_000)),
        _ => {
            eprintln!("mutations [N], proofs [RECORDS] or delta [CHANGES]");
            std::process::exit(2);
        }
    };
    println!("{}", serde_json::to_string_pretty(&answer).expect("JSON"));
}

/// Changed proofs, none of which may be accepted.
fn mutations(count: u64) -> serde_json::Value {
    let started = Instant::now();
    let outcome = Mutations::new("campaign").run(count);
    assert_eq!(outcome.accepted, 0, "{outcome:?}");
    let seconds = started.elapsed().as_secs();
    json!({ "checked": outcome.checked, "accepted": outcome.accepted, "errors": outcome.errors, "seconds": seconds })
}

fn organisation(n: u64) -> Did {
    Did::derive("kr-demo", &n.to_be_bytes()).expect("a network name")
}

fn accreditation(n: u64) -> Record {
    let (from, until) = (1_767_225_600, 2_082_758_400);
    let (issuer, credential_type) = (organisation(n), TYPE.to_owned());
    Record::Accreditation(Accreditation { issuer, credential_type, from, until, withdrawn: false })
}

/// Sizes and times of whole proofs on a ledger of so many records.
fn proofs(records: u64) -> serde_json::Value {
    let seed = tests::seed("figures");
    let mut ledger = TestLedger::new("kr-demo", seed, seed, 1_795_143_000_000).expect("a seed of 32 bytes");
    ledger.write(&(0..records).map(accreditation).collect::<Vec<_>>(), 1_795_143_600_000);
    let anchor = ledger.anchor();
    let printed = qr::to_text(Kind::TrustAnchor, &anchor.encode()).expect("a short message");
    let version = qr::Drawing::new(&printed).expect("one code").version();
    let figures = |numbers: std::ops::Range<u64>| {
        let step = numbers.clone().count().div_ceil(12).max(1);
        let proofs: Vec<_> = (numbers.step_by(step))
            .map(|n| ledger.proof(&StateKey::accreditation(&organisation(n), TYPE)).expect("a proof"))
            .collect();
        let mut sizes: Vec<_> = proofs.iter().map(|proof| proof.encode().len()).collect();
        sizes.sort_unstable();
        let started = Instant::now();
        for proof in proofs.iter().cycle().take(120) {
            check(&anchor, proof, 0).expect("an honest proof");
        }
        let micros = started.elapsed().as_micros() / 120;
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        json!({ "bytes": { "least": sizes.first(), "mean": mean, "most": sizes.last() }, "check_micros": micros })
    };
    json!({
        "records": records,
        "anchor_bytes": anchor.encode().len(),
        "anchor_qr_version": version,
        "presence": figures(0..records),
        "absence": figures(records..records + 12),
    })
}

/// Size of a day's delta on the lists of 111 million credentials.
fn delta(changes: u64) -> serde_json::Value {
    const LISTS: u32 = 847;
    let seed = tests::seed("figures");
    let mut ledger = TestLedger::new("kr-demo", seed, seed, 1_795_143_000_000).expect("a seed of 32 bytes");
    let mut rng = tests::rng("delta");
    let mut below = |bound: u32| rng.next_u32() % bound;
    let record = |number: u32, list: &StatusList, as_of| {
        Record::StatusList(StatusListAnchor {
            issuer: organisation(1),
            credential_type: TYPE.into(),
            list: number,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of,
        })
    };
    // A thousandth of all credentials were withdrawn before.
    let mut lists: Vec<_> = (0..LISTS)
        .map(|_| {
            let mut list = StatusList::new();
            (0..131).for_each(|_| list.revoke(below(StatusList::ENTRIES)).expect("an entry"));
            list
        })
        .collect();
    let publish = |ledger: &mut TestLedger, lists: &[StatusList], numbers: &BTreeSet<u32>, as_of: u64| {
        let records: Vec<_> = numbers.iter().map(|n| record(*n, &lists[*n as usize], as_of)).collect();
        for (number, record) in numbers.iter().zip(&records) {
            ledger.publish(record.state_key(), lists[*number as usize].clone());
        }
        ledger.write(&records, as_of * 1_000);
    };
    publish(&mut ledger, &lists, &(0..LISTS).collect(), 1_795_143_600);
    let base = ledger.trusted_state().expect("a bundle that verifies");
    let mut touched = BTreeSet::new();
    for _ in 0..changes {
        let number = below(LISTS);
        touched.insert(number);
        lists[number as usize].revoke(below(StatusList::ENTRIES)).expect("an entry");
    }
    publish(&mut ledger, &lists, &touched, 1_795_230_000);
    let (whole, delta) = (ledger.bundle(Scope::Snapshot), ledger.bundle(Scope::Delta { since: base.height() }));
    let started = Instant::now();
    let state = delta.verify_onto(&base, &ledger.anchor()).expect("a delta that verifies");
    let millis = started.elapsed().as_millis();
    assert_eq!(state.to_bundle(), whole);
    json!({
        "lists": LISTS,
        "changes": changes,
        "lists_touched": touched.len(),
        "delta_bytes": delta.encode().len(),
        "snapshot_bytes": whole.encode().len(),
        "apply_millis": millis as u64,
    })
}

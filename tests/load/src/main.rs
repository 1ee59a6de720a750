//! `cargo xtask bench --services [--json FILE] [--seconds N] [--issues RATE] [--presentations RATE]`: issuer and verifier in one
//! process on embedded defaults, SQLite and all, under the load of a nation's peak hour, then under five times that, then again
//! under the first. Clients and services share this machine.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement stops at the first surprise")]

use load::open_loop::{Load, Report};
use load::service::Service;
use load::{answers, issues, licence, prepare, presentations};
use serde_json::{Value, json};

/// Most answers that are made before they are sent: the verifier keeps no more requests.
const PREPARED: usize = 9_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    let number = |name: &str, usual: f64| given(name).map_or(usual, |it| it.parse().expect("a number"));
    let (seconds, rate) = (number("--seconds", 20.0), number("--issues", 50.0));
    let checks = number("--presentations", 929.0);
    let place = tempfile::tempdir().expect("a folder");
    let steady = |rate: f64| Load { per_second: rate, count: (rate * seconds) as usize, clients: 64 };
    let flood = |rate: f64| Load { per_second: rate * 5.0, count: (rate * 5.0 * seconds / 2.0) as usize, clients: 256 };
    let people = 2 * steady(rate).count + flood(rate).count + 1;
    println!("starting with {people} people …");
    let service = Service::start(place.path(), people);
    let mut results = Vec::new();
    let mut note = |name: &str, report: Report| {
        let (mut line, memory) = (report.json(), service.services.memory_mib());
        line["what"] = name.into();
        line["service_memory_mib"] = memory.into();
        println!("{}", row(name, &report, memory));
        results.push(line);
        // What was turned away comes back after a second.
        std::thread::sleep(std::time::Duration::from_secs(2));
    };
    println!("{HEAD}");
    let mut first = 0;
    let mut issued = |load: Load| {
        let offers = service.offers(first, load.count);
        let report = issues(&service, load, &offers, first);
        first += load.count;
        report
    };
    note("issues", issued(steady(rate)));
    note("issues, five times", issued(flood(rate)));
    note("issues, afterwards", issued(steady(rate)));
    let licence = licence(&service, &service.offers(people - 1, 1).pop().expect("an offer"));
    let prepared = prepare(&service, &licence, PREPARED.min(steady(checks).count));
    note("answers checked", answers(&service, Load { count: prepared.len(), ..steady(checks) }, &prepared));
    note("presentations, whole", presentations(&service, steady(checks / 4.0), &licence));
    note("presentations, five times", presentations(&service, flood(checks), &licence));
    note("presentations, afterwards", presentations(&service, steady(checks / 4.0), &licence));
    if let Some(file) = given("--json") {
        let all =
            json!({ "processors": std::thread::available_parallelism().map_or(0, usize::from), "results": results });
        std::fs::write(&file, format!("{all:#}\n")).expect("the file can be written");
    }
    let failed = |it: &Value| it["failed"].as_object().is_some_and(|it| !it.is_empty());
    assert!(!results.iter().any(failed), "only 2xx, 429 and 503 are answers under load");
}

const HEAD: &str =
    "                            offered/s  done/s     done     busy    failed   p50 ms   p99 ms   max ms   MiB";

fn row(name: &str, report: &Report, memory: u64) -> String {
    let [p50, p99, max] = report.latency;
    let failed: usize = report.failed.values().sum();
    let (offered, goodput, done, busy) = (report.offered, report.goodput, report.done, report.busy);
    let mut line = format!(
        "{name:<28}{offered:>9.0} {goodput:>7.0} {done:>8} {busy:>8} {failed:>9} {p50:>8.1} {p99:>8.1} {max:>8.1} {memory:>5}"
    );
    for (name, count) in &report.failed {
        line.push_str(&format!("\n    {count} × {name}"));
    }
    line
}

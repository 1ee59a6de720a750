//! The long forms of tests whose short form CI runs: `campaign [kills|mutants|simulation|cluster|database|verifiers|rot] [N]`.

use crate::chores::{run, run_with};

/// Runs one of them. Without a name it is `kills`.
pub(crate) fn campaign(rest: &[String]) -> Result<(), String> {
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["mutants", rest @ ..] => {
            let (count, seed) = (rest.first().unwrap_or(&"1000000"), rest.get(1).unwrap_or(&"1"));
            test("tests", &["--test", "mutants"], &[("MID_MUTANTS", count), ("MID_MUTANTS_SEED", seed)])
        }
        ["simulation", rest @ ..] => test("simulation", &[], &[("MID_SEEDS", rest.first().unwrap_or(&"10000"))]),
        ["cluster", rest @ ..] => {
            run("cargo", &["build", "--release", "--locked"])?;
            let cycles = rest.first().unwrap_or(&"1000");
            let (restarts, partitions, wipes) =
                (("MID_RESTARTS", "200"), ("MID_PARTITIONS", "300"), ("MID_WIPES", "20"));
            // The promise is about a machine that does nothing else.
            let limit = ("MID_STALL_LIMIT", "10");
            let numbers = [("MID_CYCLES", *cycles), restarts, partitions, wipes, limit];
            test("journeys", &["--test", "cluster", "--test", "wiped"], &numbers)
        }
        ["database", rest @ ..] => {
            run("cargo", &["build", "--release", "--locked"])?;
            test("journeys", &["--test", "instances"], &[("MID_DATABASE_CYCLES", rest.first().unwrap_or(&"1000"))])
        }
        ["verifiers", rest @ ..] => {
            run("cargo", &["build", "--release", "--locked"])?;
            test("journeys", &["--test", "verifiers"], &[("MID_CYCLES", rest.first().unwrap_or(&"1000"))])
        }
        ["rot", rest @ ..] => {
            let (count, seed) = (rest.first().unwrap_or(&"2000"), rest.get(1).unwrap_or(&"1"));
            let numbers = [("MID_FLIPS", *count), ("MID_FLIPS_SEED", *seed)];
            test("ledger-node", &["--lib", "every_flipped_bit"], &numbers)?;
            test("ledger-engine", &["--test", "bitrot"], &numbers)
        }
        ["kills", rest @ ..] | rest => {
            run("cargo", &["build", "--release", "--locked"])?;
            test("journeys", &["--test", "kills"], &[("MID_KILLS", rest.first().unwrap_or(&"10000"))])
        }
    }
}

fn test(package: &str, which: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let fixed = ["test", "--release", "--locked", "--package", package];
    run_with("cargo", &[&fixed[..], which, &["--", "--nocapture"]].concat(), environment)
}

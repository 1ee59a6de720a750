//! Many seeds at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::{Network, Run, run};

/// The engine's futures are large, the more so with little optimisation.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Plans with what went wrong.
    pub failed: Vec<(Plan, Vec<String>)>,
    /// How many runs there were.
    pub runs: u64,
    /// Blocks in all of them.
    pub blocks: u64,
    /// The longest time from the last storm until everybody had everything, in simulated time.
    pub slowest: Duration,
    /// In real time.
    pub took: Duration,
}

/// Runs the plans of these seeds on all cores, until it is `enough`.
#[must_use]
pub fn run_all(
    validators: usize,
    seeds: std::ops::Range<u64>,
    plan: fn(usize, u64) -> Plan,
    enough: impl Fn(&Outcome) -> bool + Sync,
) -> Outcome {
    let began = Instant::now();
    let network = Arc::new(Network::new(validators));
    let next = AtomicU64::new(seeds.start);
    let outcome = Mutex::new(Outcome::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || enough(&outcome.lock().unwrap()) {
                return;
            }
            let plan = plan(validators, seed);
            let result = one(&network, &plan);
            let mut outcome = outcome.lock().unwrap();
            outcome.runs += 1;
            outcome.blocks += result.height;
            outcome.slowest = outcome.slowest.max(result.recovered.unwrap_or_default());
            if !result.violations.is_empty() {
                outcome.failed.push((plan, result.violations));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).unwrap();
        }
    });
    let mut outcome = outcome.into_inner().unwrap();
    outcome.took = began.elapsed();
    outcome
}

/// One plan on a thread that has the stack for it. A panic within is a violation like others.
#[must_use]
pub fn run_one(network: &Arc<Network>, plan: &Plan) -> Run {
    thread::scope(|scope| {
        let run = || one(network, plan);
        thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

fn one(network: &Arc<Network>, plan: &Plan) -> Run {
    catch_unwind(AssertUnwindSafe(|| run(network, plan))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violations = vec![format!("panicked: {}", text.unwrap_or_default())];
        Run { violations, height: 0, recovered: None, audit: String::new() }
    })
}

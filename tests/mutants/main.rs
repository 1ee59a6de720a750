//! Changed presentations through the whole path, from the text or the bytes of a code to the verifier: none is accepted.
//!
//! A few thousand run with the tests; `cargo xtask campaign mutants 1000000` is the long form. Input `i` of a seed is
//! the same in every run: `MID_MUTANTS_FROM=i MID_MUTANTS=1` repeats it alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod changes;
mod targets;

use std::collections::BTreeMap;
use std::time::Instant;

use peak_alloc::PeakAlloc;
use protocol::exchange::qr::{self, Kind};
use tests::changes::below;
use tests::world::{NOW, World};
use verifier::{Policy, SeenInMemory, Verifier};

use changes::Carrier;
use targets::Target;

/// Counts every allocation of this process.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// How many inputs the tests try.
const SHORT_FORM: u64 = 4_000;
/// More memory than any one input may take, in bytes.
const MEMORY_MAX: usize = 32 << 20;
/// More processor time than any one input may take, in microseconds.
const CPU_MICROS_MAX: u64 = 250_000;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// Processor time of this thread so far, in microseconds.
fn cpu_micros() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0) / 1_000
}

/// Most memory that this process has had, in bytes.
fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// What came of all inputs.
#[derive(Default)]
struct Tally {
    /// Refusals by name.
    refusals: BTreeMap<String, u64>,
    /// Inputs by kind of change.
    changes: BTreeMap<&'static str, u64>,
    accepted: Vec<String>,
    /// Changes that led to a valid message after all: the same, or another one whole. Not counted.
    valid: u64,
    most_memory: (usize, String),
    most_cpu: (u64, String),
    cpu_total: u64,
}

impl Tally {
    fn print(&self, count: u64, started: Instant) {
        println!("{count} changed presentations in {} s", started.elapsed().as_secs());
        println!("accepted: {}; not counted, as whole valid ones: {}", self.accepted.len(), self.valid);
        println!("most memory of one: {} KiB, {}", self.most_memory.0 / 1_024, self.most_memory.1);
        println!("most CPU of one: {} µs, {}", self.most_cpu.0, self.most_cpu.1);
        println!("CPU each: {} µs; process at most {} MiB", self.cpu_total / count.max(1), most_resident() >> 20);
        println!("changes: {:?}", self.changes);
        println!("refusals: {:?}", self.refusals);
    }
}

/// Reads the message as a scanner does, and checks it.
fn whole_path(
    target: &Target<'_>,
    verifier: &mut Verifier<SeenInMemory>,
    carrier: &Carrier,
) -> Result<Vec<u8>, String> {
    let message = match carrier {
        Carrier::Bytes(bytes) => qr::message(Kind::Presentation, bytes.clone()),
        Carrier::Text(text) => qr::from_text(Kind::Presentation, text),
        Carrier::Picture(png) => qr::read_png(png).and_then(|text| qr::from_text(Kind::Presentation, &text)),
    };
    let message = message.map_err(|error| protocol::error_name(&error))?;
    match verifier.check(&target.asked(), &message, target.trust, NOW) {
        Ok(_) => Ok(message),
        Err(refusal) => Err(refusal.name()),
    }
}

#[test]
fn no_changed_presentation_is_accepted() {
    let (count, from) = (setting("MID_MUTANTS", SHORT_FORM), setting("MID_MUTANTS_FROM", 0));
    let seed = setting("MID_MUTANTS_SEED", 1);
    let world = World::new();
    let trust = world.trust("usual");
    let targets = targets::all(&world, &trust);
    let fresh = || Verifier::new(Policy::default(), SeenInMemory::default());
    // The twins are good, which also fills the tables that are made on first use.
    for target in &targets {
        for carrier in target.carriers() {
            let read = whole_path(target, &mut fresh(), &carrier);
            assert_eq!(read.as_deref(), Ok(target.good.as_slice()), "{}", target.name);
        }
    }
    let mut verifiers: Vec<_> = targets.iter().map(|_| fresh()).collect();
    let (mut tally, started) = (Tally::default(), Instant::now());
    let mut index = from;
    let mut tried = 0;
    while tried < count {
        let mut rng = tests::rng(&format!("mutant {index} of seed {seed}"));
        let at = below(&mut rng, targets.len());
        let target = &targets[at];
        let (change, carrier) = changes::any(&mut rng, target);
        let label = format!("{change} of {} (seed {seed}, index {index})", target.name);
        index += 1;
        if target.is_good(&carrier) {
            continue;
        }
        HEAP.reset_peak_usage();
        let (memory, cpu) = (HEAP.current_usage(), cpu_micros());
        let outcome = whole_path(target, &mut verifiers[at], &carrier);
        let cpu = cpu_micros() - cpu;
        let memory = HEAP.peak_usage().saturating_sub(memory);
        match outcome {
            Err(name) => *tally.refusals.entry(name).or_default() += 1,
            // A valid message in another dress, or put together to another valid one whole, is not a changed one.
            Ok(message) if message == target.good || target.others.contains(&message) => {
                verifiers[at] = fresh();
                tally.valid += 1;
                continue;
            }
            Ok(_) => tally.accepted.push(label.clone()),
        }
        tried += 1;
        *tally.changes.entry(change).or_default() += 1;
        tally.cpu_total += cpu;
        if memory > tally.most_memory.0 {
            tally.most_memory = (memory, label.clone());
        }
        if cpu > tally.most_cpu.0 {
            tally.most_cpu = (cpu, label);
        }
        if tried % 100_000 == 0 {
            tally.print(tried, started);
        }
    }
    tally.print(tried, started);
    assert!(tally.accepted.is_empty(), "accepted: {:?}", tally.accepted);
    assert!(tally.most_memory.0 <= MEMORY_MAX, "{:?}", tally.most_memory);
    assert!(tally.most_cpu.0 <= CPU_MICROS_MAX, "{:?}", tally.most_cpu);
    // A change that is always stopped at the door tests nothing behind it.
    let deep = ["ProofInvalid", "PredicateInvalid", "InvalidPoint", "HolderBindingInvalid", "TypeMismatch"];
    let missed: Vec<_> = deep.into_iter().filter(|name| !tally.refusals.contains_key(*name)).collect();
    assert!(count < SHORT_FORM || missed.is_empty(), "the changes do not reach {missed:?}");
}

//! Runs one target over its corpus and over changes of it, and says what that cost.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::change::Changes;
use crate::targets::Target;

/// Processor time one input may take, in microseconds: four times the 250 ms of the plan, for slow machines.
pub const CPU_MICROS_MAX: u64 = 1_000_000;
/// How far memory may rise above what the corpus alone needs to be loaded, in bytes.
pub const MEMORY_MAX: u64 = 32 << 20;

/// What a run has seen.
pub struct Report {
    /// Inputs given.
    pub inputs: u64,
    /// Of those, how many were accepted by some parser.
    pub accepted: u64,
    /// Longest processor time of one input, in microseconds.
    pub slowest_micros: u64,
    /// How far memory rose, in bytes; 0 where the system does not say.
    pub memory: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slowest, memory) = (self.slowest_micros as f64 / 1e3, self.memory as f64 / f64::from(1 << 20));
        write!(f, "{} inputs, {} accepted, slowest {slowest:.1} ms, {memory:.1} MiB", self.inputs, self.accepted)
    }
}

/// What is wrong with an input.
pub struct Found {
    /// The input.
    pub input: Vec<u8>,
    /// What it does.
    pub what: String,
}

/// The folder of a target's corpus.
#[must_use]
pub fn folder(target: &Target) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target.name)
}

/// The files of a target's corpus, in order of their names.
#[must_use]
pub fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{}: {error}", target.name));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The whole corpus once, then changes of it that `seed` determines for `time`.
///
/// # Errors
/// The first input that panics or costs more than is allowed.
pub fn run(target: &Target, seed: u64, time: Duration) -> Result<Report, Found> {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    let before = memory("VmRSS:");
    let mut report = Report { inputs: 0, accepted: 0, slowest_micros: 0, memory: 0 };
    for input in &corpus {
        one(target, input, &mut report)?;
    }
    let (started, mut changes) = (Instant::now(), Changes::new(seed));
    while started.elapsed() < time {
        let base = &corpus[changes.below(corpus.len())];
        let other = &corpus[changes.below(corpus.len())];
        let input = changes.apply(base, other);
        one(target, &input, &mut report)?;
        report.memory = memory("VmHWM:").saturating_sub(before);
        if report.memory > MEMORY_MAX {
            return Err(Found { input, what: format!("memory has risen by {} bytes", report.memory) });
        }
    }
    Ok(report)
}

fn one(target: &Target, input: &[u8], report: &mut Report) -> Result<(), Found> {
    let started = cpu_micros();
    let done = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let micros = cpu_micros() - started;
    report.inputs += 1;
    report.slowest_micros = report.slowest_micros.max(micros);
    match done {
        Err(_) => Err(Found { input: input.to_vec(), what: "panics".to_owned() }),
        Ok(_) if micros > CPU_MICROS_MAX => {
            Err(Found { input: input.to_vec(), what: format!("takes {micros} µs of processor time") })
        }
        Ok(accepted) => {
            report.accepted += u64::from(accepted);
            Ok(())
        }
    }
}

/// Processor time of this thread so far; wall time where the system does not say.
fn cpu_micros() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = text.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(wall_micros, |nanoseconds| nanoseconds / 1_000)
}

fn wall_micros() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}

fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

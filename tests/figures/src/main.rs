//! Figures of credentials of other standards: `figures [ROUNDS [FOLDER [RIVALS]]]`, where FOLDER has Digital Bazaar's packages
//! (`tests/w3c/js` after `npm ci`) and RIVALS is the program of `tests/rivals`. `cargo xtask bench` calls it, with RIVALS when
//! asked for `--peers`.
//!
//! Time is the processor time of this thread, the least of all rounds, so that waiting for others does not count.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement stops at the first surprise"
)]

mod documents;
mod others;
mod status;
mod web;

/// Processor time of this thread so far, in nanoseconds.
fn cpu_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The least time of `rounds`, in microseconds, each of them `repeat` times in a row.
pub(crate) fn least(rounds: u32, repeat: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let started = cpu_nanos();
        (0..repeat).for_each(|_| work());
        best = best.min((cpu_nanos() - started) as f64 / 1e3 / f64::from(repeat));
    }
    best
}

/// One line of the table.
pub(crate) fn line(what: &str, micros: f64, wanted: &str) {
    println!("{what:<58} {:>9.0} µs {:>9.0}/s   {wanted}", micros, 1e6 / micros);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(40, |text| text.parse().unwrap());
    let folder = arguments.next();
    documents::measure(rounds);
    web::measure(rounds, folder.as_deref(), arguments.next().as_deref());
    status::measure();
}

//! How long our BBS and ZK presentations take, beside zkryptium, in units of one raw blst pairing.
//!
//! Every round runs every case, so that a busy machine slows all alike; the figure is the case's least
//! disturbed round over the pairing's, and the median is printed beside it. `cargo xtask bench` calls this; alone:
//! `cargo run --release -p peers --bin bench -- --json figures.json`.

mod cases;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;

/// Measure ratios to one pairing.
#[derive(Parser)]
struct Arguments {
    /// How many rounds to run.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Write the figures to this file too.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One thing that is measured.
pub(crate) struct Case {
    name: &'static str,
    /// The most pairings it may take, if we promise one.
    limit: Option<f64>,
    /// How often to run it in a row, so that short cases are timed over several milliseconds.
    repeat: u32,
    /// How many units one run contains; the figure is for one.
    units: u32,
    /// Whether to measure it in every fourth round only, because it takes long.
    rare: bool,
    run: Box<dyn FnMut()>,
}

struct Figure {
    name: &'static str,
    limit: Option<f64>,
    /// Least time over the least time of a pairing.
    ratio: f64,
    /// Least time, µs.
    least: f64,
    /// Median time, µs.
    median: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut cases = cases::all()?;
    let figures = measure(&mut cases, arguments.rounds);
    println!("{:<46} {:>9} {:>7} {:>10} {:>10}", "case", "pairings", "limit", "least µs", "median µs");
    for figure in &figures {
        let limit = figure.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit}"));
        let Figure { name, ratio, least, median, .. } = figure;
        println!("{name:<46} {ratio:>9.3} {limit:>7} {least:>10.1} {median:>10.1}");
    }
    if let Some(path) = arguments.json {
        let list: Vec<_> = figures.iter().map(to_json).collect();
        std::fs::write(path, serde_json::to_vec_pretty(&list)?)?;
    }
    Ok(())
}

fn measure(cases: &mut [Case], rounds: usize) -> Vec<Figure> {
    let mut times = vec![Vec::new(); cases.len()];
    for round in 0..=rounds.max(4) {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            if case.rare && round % 4 != 1 {
                continue;
            }
            let start = Instant::now();
            for _ in 0..case.repeat {
                (case.run)();
            }
            let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(case.repeat * case.units);
            if round > 0 {
                times.push(micros); // round 0 fills the tables
            }
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let least = |times: &[f64]| times.first().copied().unwrap_or(f64::NAN);
    let pairing = least(&times[0]);
    let figures = cases.iter().zip(&times);
    figures
        .map(|(case, times)| Figure {
            name: case.name,
            limit: case.limit,
            ratio: least(times) / pairing,
            least: least(times),
            median: times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
        })
        .collect()
}

fn to_json(figure: &Figure) -> serde_json::Value {
    serde_json::json!({
        "name": figure.name,
        "pairings": figure.ratio,
        "least_microseconds": figure.least,
        "median_microseconds": figure.median,
        "limit": figure.limit,
    })
}

//! How long our BBS and ZK presentations take, beside zkryptium, in units of one raw blst pairing.
//!
//! Time is the processor time of this program, so that waiting for others does not count; a batch, which uses all
//! processors, is also timed by the clock on the wall. Every round runs every case, so that a busy machine slows all
//! alike; the figure is the case's least disturbed round over the pairing's, and the median is printed beside it. `cargo xtask bench` calls this; alone:
//! `cargo run --release -p peers --bin bench -- --json figures.json`.

mod cases;
mod foreign;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use foreign::Foreign;

/// Measure ratios to one pairing.
#[derive(Parser)]
struct Arguments {
    /// How many rounds to run.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Run only cases whose name contains this; the pairing always runs.
    #[arg(long, default_value = "")]
    only: String,
    /// A program with cases of its own (`tests/rivals`), as a command; may be given more than once.
    #[arg(long)]
    peer: Vec<String>,
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
    name: String,
    limit: Option<f64>,
    /// Least time over the least time of a pairing.
    ratio: f64,
    /// The same by the clock on the wall.
    wall: f64,
    /// Least time, µs.
    least: f64,
    /// Median time, µs.
    median: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut cases = cases::all()?;
    let mut index = 0;
    cases.retain(|case| {
        index += 1;
        index == 1 || case.name.contains(&arguments.only)
    });
    let mut foreign: Vec<_> = arguments.peer.iter().map(|peer| Foreign::start(peer)).collect::<Result<_, _>>()?;
    let figures = measure(&mut cases, &mut foreign, arguments.rounds)?;
    println!("{:<68} {:>9} {:>7} {:>7} {:>10} {:>10}", "case", "pairings", "wall", "limit", "least µs", "median µs");
    for figure in &figures {
        let limit = figure.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit}"));
        let Figure { name, ratio, wall, least, median, .. } = figure;
        // Programs of their own report processor time only.
        let wall = if wall.is_nan() { "-".to_owned() } else { format!("{wall:.3}") };
        println!("{name:<68} {ratio:>9.3} {wall:>7} {limit:>7} {least:>10.1} {median:>10.1}");
    }
    let sizes = cases::sizes()?;
    for case in foreign.iter().flat_map(|foreign| &foreign.cases) {
        println!("{}: {} bytes", case.name, case.bytes);
    }
    for size in &sizes {
        println!("{}: {} bytes, QR version {}", size.name, size.bytes, size.version);
    }
    let published = cases::published();
    for figure in &published {
        println!("published, not run here: {} ({}): {}", figure.system, figure.what, figure.figure);
    }
    if let Some(path) = arguments.json {
        let figures: Vec<_> = figures.iter().map(to_json).collect();
        let sizes: Vec<_> = sizes
            .iter()
            .map(|size| serde_json::json!({ "name": size.name, "bytes": size.bytes, "qr_version": size.version }))
            .collect();
        let foreign: Vec<_> = foreign
            .iter()
            .flat_map(|foreign| &foreign.cases)
            .map(|case| serde_json::json!({ "name": case.name, "bytes": case.bytes }))
            .collect();
        let all = serde_json::json!({ "figures": figures, "presentations": sizes, "proofs": foreign, "published": published });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}

fn measure(
    cases: &mut [Case],
    foreign: &mut [Foreign],
    rounds: usize,
) -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let mut times = vec![Times::default(); cases.len()];
    let mut foreign_times: Vec<Vec<_>> =
        foreign.iter().map(|foreign| vec![Times::default(); foreign.cases.len()]).collect();
    for round in 0..=rounds.max(4) {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            if case.rare && round % 4 != 1 {
                continue;
            }
            let (start, wall) = (processor_seconds(), Instant::now());
            for _ in 0..case.repeat {
                (case.run)();
            }
            let runs = f64::from(case.repeat * case.units);
            if round > 0 {
                // Round 0 fills the tables.
                times.busy.push((processor_seconds() - start) * 1e6 / runs);
                times.wall.push(wall.elapsed().as_secs_f64() * 1e6 / runs);
            }
        }
        for (foreign, times) in foreign.iter_mut().zip(&mut foreign_times) {
            for (index, times) in times.iter_mut().enumerate() {
                if round % 4 == 1 {
                    times.busy.push(foreign.run(index)?);
                }
            }
        }
    }
    let pairing = times[0].least();
    let names = cases.iter().map(|case| (case.name.to_owned(), case.limit));
    let foreign_names = foreign.iter().flat_map(|foreign| &foreign.cases).map(|case| (case.name.clone(), None));
    let all = names.chain(foreign_names).zip(times.into_iter().chain(foreign_times.into_iter().flatten()));
    Ok(all
        .map(|((name, limit), mut times)| {
            let least = times.least();
            times.busy.sort_by(f64::total_cmp);
            Figure {
                name,
                limit,
                ratio: least.0 / pairing.0,
                wall: least.1 / pairing.1,
                least: least.0,
                median: times.busy.get(times.busy.len() / 2).copied().unwrap_or(f64::NAN),
            }
        })
        .collect())
}

/// What one case took in each round, in microseconds.
#[derive(Clone, Default)]
struct Times {
    busy: Vec<f64>,
    wall: Vec<f64>,
}

impl Times {
    /// Least processor time, and least time by the clock on the wall.
    fn least(&self) -> (f64, f64) {
        let least = |times: &[f64]| times.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::NAN);
        (least(&self.busy), least(&self.wall))
    }
}

/// How long this program has kept a processor busy.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn to_json(figure: &Figure) -> serde_json::Value {
    serde_json::json!({
        "name": figure.name,
        "pairings": figure.ratio,
        "pairings_by_the_wall": figure.wall,
        "least_microseconds": figure.least,
        "median_microseconds": figure.median,
        "limit": figure.limit,
    })
}

//! Runs other implementations, one case at a time, for `cargo xtask bench --peers`.
//!
//! First line out: the cases as JSON. Then, for each number in, that case is run once, and the microseconds of processor
//! time it took go out. `rivals ssi` is asked otherwise, by `tests/figures`.

mod anoncreds;
mod dock;
mod ssi;

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One thing that is measured.
struct Case {
    name: &'static str,
    /// Size of the proof.
    bytes: usize,
    run: Box<dyn Fn() -> Outcome<()>>,
}

fn main() -> Outcome<()> {
    if std::env::args().nth(1).as_deref() == Some("ssi") {
        return ssi::serve();
    }
    let mut cases = dock::cases()?;
    cases.extend(anoncreds::cases()?);
    let list: Vec<_> = cases.iter().map(|case| serde_json::json!({ "name": case.name, "bytes": case.bytes })).collect();
    let mut output = stdout().lock();
    writeln!(output, "{}", serde_json::to_string(&list)?)?;
    output.flush()?;
    for line in stdin().lock().lines() {
        let case = cases.get(line?.trim().parse::<usize>()?).ok_or("there is no such case")?;
        let start = processor_seconds();
        (case.run)()?;
        writeln!(output, "{}", (processor_seconds() - start) * 1e6)?;
        output.flush()?;
    }
    Ok(())
}

/// How long this program has kept a processor busy.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

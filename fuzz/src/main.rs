//! `fuzz TARGET [SECONDS [SEED]]` runs one target; `fuzz --list` names them; `fuzz --write` writes the corpus.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::process::ExitCode;
use std::time::Duration;

use fuzz::{drive, seeds, targets};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u64| arguments.get(at).map_or(otherwise, |text| text.parse().unwrap());
    match arguments.first().map(String::as_str) {
        Some("--list") => targets::ALL.iter().for_each(|target| println!("{}", target.name)),
        Some("--write") => seeds::write(),
        Some(name) => {
            let target = targets::ALL.iter().find(|target| target.name == name);
            let target = target.unwrap_or_else(|| panic!("no target is called {name}; see --list"));
            // What is refused by a panic is found without its message on every line.
            std::panic::set_hook(Box::new(|_| {}));
            match drive::run(target, number(2, 1), Duration::from_secs(number(1, 10))) {
                Ok(report) => println!("{name}: {report}"),
                Err(found) => {
                    let path = std::env::temp_dir().join(format!("fuzz-{name}.bin"));
                    std::fs::write(&path, &found.input).unwrap();
                    println!("{name}: an input {}: {} ({})", found.what, path.display(), hex::encode(&found.input));
                    return ExitCode::FAILURE;
                }
            }
        }
        None => {
            println!("fuzz TARGET [SECONDS [SEED]] | --list | --write");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

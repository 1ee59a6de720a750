//! Every chore of the project: `cargo xtask <chore>`.
//!
//! No dependency, so that it builds in a second and runs before anything else does.

mod advisories;
mod campaigns;
mod chores;
mod ids;
mod layers;
mod variants;

use std::process::ExitCode;

const HELP: &str = "cargo xtask <chore>

  test              every test of the workspace, published vectors included
  bench [--json F]  figures beside named peers, as ratios, in one run; --peers adds those that take long to build
  qr-table          which codes two readers read, in pictures as a camera takes them
  bench --ledger [--json F] [--seconds N] [--records N] [--snapshot]
                    four validators on this machine: finality, throughput, light client, a wiped node; CometBFT where Go is
  wasm [DIR]        the verifier for web pages, the scanner app and a package for npm, into DIR (default target/web)
  sdk [DIR]         packages for Kotlin, Swift and Python around the library of this machine, into DIR (default target/sdk)
  demo              the main job, in English and Korean
  campaign [N]      N random kills (default 10000) of issue, revoke, ledger commit and wallet save
  campaign simulation [N]   N seeds (default 10000) of simulated networks of validators with faults
  campaign cluster [N]      validators as processes, killed all at once N times (default 1000); restarts, partitions
  campaign database [N]     an issuer of two instances on one PostgreSQL, either killed in the middle, N cycles (default 1000)
  campaign verifiers [N]    a verifier on two instances at one database, either killed in the middle, N cycles (default 1000)
  campaign mutants [N [SEED]]
                    N changed presentations (default 1000000) through the whole path of a verifier
  campaign rot [N [SEED]]
                    N flipped bits (default 2000) in a ledger node's database, and in the files of consensus
  fuzz [SECONDS [SEED]]     every parser of untrusted bytes under changed input, this long each (default 600)
  targets           type-check protocol and verifier for the web and for Android
  ledger WHAT [N]   ledger proofs attacked and measured: mutations, proofs, delta
  fmt               format everything
  variants          which error variants no test produces
  ids               whether specifications and sources name the same rules
  lint              formatting, clippy, documentation, error variants, rules, targets, licences and advisories
  advisories        whether a crate in use has a known advisory; with `refresh [DIR]`, take a new copy of what is known
  pre-pr            lint, then test: what CI does

Environment: MID_VECTORS names the folder of published test vectors (default ../shared/vectors).";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_str() {
        "test" => chores::test(&rest),
        "bench" => chores::bench(&rest),
        "wasm" => chores::wasm(&rest),
        "sdk" => chores::sdk(&rest),
        "qr-table" => chores::qr_table(&rest),
        "demo" => chores::demo(),
        "campaign" => campaigns::campaign(&rest),
        "ledger" => chores::ledger(&rest),
        "fuzz" => chores::fuzz(&rest),
        "targets" => chores::targets(),
        "fmt" => chores::fmt(),
        "variants" => variants::check(),
        "ids" => ids::check(),
        "advisories" => advisories::chore(&rest),
        "lint" => chores::lint(),
        "pre-pr" => chores::lint().and_then(|()| chores::test(&[])),
        _ => {
            println!("{HELP}");
            return if chore.is_empty() || chore == "help" { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("xtask: {what}");
            ExitCode::FAILURE
        }
    }
}

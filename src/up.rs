//! `mid up`: a whole network on this machine, until Ctrl-C.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::files;
use crate::network::Network;
use crate::output::{Answer, CliError};
use crate::{console, serving};

/// Run everything on this machine.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "mid-network")]
    dir: PathBuf,
    /// Address to serve on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7800")]
    listen: SocketAddr,
    /// Address that others are told, where a proxy with TLS stands before this one
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Keep what the issuer remembers in this PostgreSQL instead of a file: postgres://user:password@host/name. Read when the
    /// network is made; afterwards the address is in DIR/issuer/database.url
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Address of the clerks' console, on this machine; one port above when none is named
    #[arg(long, value_name = "ADDR")]
    console: Option<SocketAddr>,
}

pub(crate) fn run(args: &UpArgs) -> Result<Answer, CliError> {
    serving::log();
    let public = args.url.as_deref();
    let mut network = if Network::exists(&args.dir) {
        check_database(args)?;
        Network::open(&args.dir, args.listen, public)?
    } else {
        eprintln!("making a network in {} (some seconds, once)", args.dir.display());
        Network::bootstrap(&args.dir, args.listen, public, args.database.as_deref(), &progress)?
    };
    // Before anybody is told that it runs: whoever then says stop is heard.
    let told_to_stop = {
        let _inside = network.runtime().enter();
        serving::told_to_stop()
    };
    network.serve()?;
    let (url, dir) = (network.url(), args.dir.display());
    let mut out = std::io::stdout();
    // Whoever started it may not be reading; the services run all the same.
    let _ = writeln!(
        out,
        "한국어      {url}/ko\nEnglish     {url}/en\nanchor      {dir}/anchor.cbor\nbundle      {dir}/bundle.cbor"
    );
    let console = console::start(&network, args.console)?;
    let _ = writeln!(out, "console     {}", console.url);
    for (id, password) in &console.made {
        let _ = writeln!(out, "  log in as {id} with {} (shown once)", password.as_str());
    }
    let _ = writeln!(out, "Ctrl-C stops it; the next start goes on where it was.");
    network.runtime().block_on(told_to_stop);
    network.shutdown()?;
    Ok(Answer::new("stopped", json!({ "stopped": true })))
}

/// What was put into one database is not in another.
fn check_database(args: &UpArgs) -> Result<(), CliError> {
    let file = args.dir.join("issuer").join(issuer::DATABASE_ADDRESS);
    let Some(given) = &args.database else { return Ok(()) };
    let is_same = file.exists() && files::read(&file)?.trim_ascii() == given.trim().as_bytes();
    let text =
        format!("this network was made with another database; leave --database out, or correct {}", file.display());
    if is_same { Ok(()) } else { Err(CliError::refused("OtherDatabase", text)) }
}

fn progress(done: usize, all: usize) {
    let mut err = std::io::stderr();
    if err.is_terminal() && all > 0 {
        // A progress line that cannot be written is not worth failing for.
        let _ =
            write!(err, "\rsigning the public day set: {} %{}", done * 100 / all, if done == all { "\n" } else { "" });
        let _ = err.flush();
    }
}

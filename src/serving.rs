//! Running services until the operator says stop.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use issuer::Issuer;
use issuer::console::{self, Accounts, Console};
use issuer::server::{self, AdminToken, Limits, Service};
use ledger_node::sync::{self, Fetched, Progress, Source};
use ledger_node::{Node, NodeConfig, genesis};
use protocol::ledger::anchor::TrustAnchor;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use verifier_server::Database;

use crate::console::refuse_plain;
use crate::output::CliError;
use crate::{clock, randomness};

/// Threads that answer requests; what blocks runs beside them.
const WORKERS: usize = 2;

/// From here on a crash leaves no copy of keys or personal data on disk.
pub(crate) fn no_core_dumps() {
    // Where it cannot be limited further, it is limited already.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// The folder with the program that checks proofs in browsers: the one named, else where `cargo xtask wasm` puts it.
pub(crate) fn web_dir(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| {
        let program = std::env::current_exe().ok()?;
        Some(program.parent()?.parent()?.join("web")).filter(|folder| folder.is_dir())
    })
}

/// Threads for a service.
pub(crate) fn runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| CliError::refused("NoThreads", format!("no threads can be started: {error}")))
}

/// Warnings of the services go to standard error; none names a person.
pub(crate) fn log() {
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).finish();
    // Set once; a second service in the same process uses the first one's.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Ends when the operator presses Ctrl-C or the system asks to stop. They are heard from the call on, which is made inside of a
/// runtime; until then they end the process.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> {
    let heard = signal(SignalKind::interrupt()).and_then(|it| Ok((it, signal(SignalKind::terminate())?)));
    async {
        match heard {
            Ok((mut interrupt, mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            Err(_) => tracing::error!("signals cannot be heard"),
        }
    }
}

/// Makes the group key of a new network with its other founders; `None` if the operator stopped it.
pub(crate) fn found(folder: &Path) -> Result<Option<TrustAnchor>, CliError> {
    log();
    let runtime = runtime()?;
    let (stop, stopped) = oneshot::channel();
    runtime.spawn(async move {
        told_to_stop().await;
        // Nobody listens once the key is made; then the next one that hears the signal stops.
        let _ = stop.send(());
    });
    eprintln!("waiting for the other founders, Ctrl-C stops it");
    Ok(genesis::convene(folder, async move {
        let _ = stopped.await;
    })?)
}

/// Fetches the ledger's state for a node that has none, and says at `listen` how far it is.
pub(crate) fn fetch(
    folder: &Path,
    sources: Vec<Box<dyn Source + Send + Sync>>,
    listen: SocketAddr,
) -> Result<Fetched, CliError> {
    log();
    let runtime = runtime()?;
    let (progress, stop) = (Arc::new(Progress::default()), Arc::new(AtomicBool::new(false)));
    let (done, over) = oneshot::channel::<()>();
    let told = progress.clone();
    let serving = runtime.spawn(async move {
        let over = async move {
            let _ = over.await;
        };
        if let Err(error) = sync::serve(listen, told, over).await {
            tracing::warn!(%error, "nobody can ask how far it is");
        }
    });
    let asked = stop.clone();
    runtime.spawn(async move {
        told_to_stop().await;
        asked.store(true, Ordering::Relaxed);
    });
    let told = progress.clone();
    let lines = runtime.spawn(async move {
        loop {
            let reached = told.reached();
            eprintln!(
                "fetching the ledger: block {}, {} %, {} records, {} bytes",
                reached.height, reached.percent, reached.records, reached.bytes
            );
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    let fetched = sync::fetch(folder, &sources, &progress, &|| stop.load(Ordering::Relaxed));
    lines.abort();
    // The address is free before the node itself serves there.
    let _ = done.send(());
    let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), serving).await });
    runtime.shutdown_background();
    Ok(fetched?)
}

/// Runs a ledger node.
pub(crate) fn ledger(config: &NodeConfig, listen: SocketAddr) -> Result<(), CliError> {
    log();
    let runtime = runtime()?;
    let node = Node::start(config)?;
    eprintln!("the ledger node serves http://{listen}, Ctrl-C stops it");
    Ok(runtime.block_on(async { ledger_node::serve(node, listen, told_to_stop()).await })?)
}

/// Serves an issuer and keeps what it changes published. `console` is where its clerks' console is, too, and whether browsers
/// reach it over TLS.
pub(crate) fn issuer(
    issuer: &Arc<Issuer>,
    ledger: Arc<dyn issuer::ledger::Ledger + Send + Sync>,
    listen: SocketAddr,
    console: Option<(SocketAddr, bool)>,
) -> Result<(), CliError> {
    log();
    if let Some((address, behind_tls)) = console {
        refuse_plain(address, behind_tls)?;
        if Accounts::load(issuer.dir())?.is_empty() {
            return Err(CliError::refused("NoClerks", "nobody could log in; add someone with `mid issuer clerk`"));
        }
    }
    let runtime = runtime()?;
    let token = AdminToken::load(issuer.dir(), &mut randomness::os()?)?;
    let service = Service::new(issuer.clone(), Arc::new(clock::now), token, Limits::default());
    let unusable =
        |error: std::io::Error| CliError::refused("AddressUnusable", format!("cannot listen on {listen}: {error}"));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(unusable)?;
        eprintln!("the issuer serves http://{}, Ctrl-C stops it", listener.local_addr().map_err(unusable)?);
        let publishing = tokio::spawn(server::keep_published(service.clone(), ledger));
        if let Some((address, behind_tls)) = console {
            let listener = tokio::net::TcpListener::bind(address).await.map_err(unusable)?;
            eprintln!("the console serves http://{}", listener.local_addr().map_err(unusable)?);
            let console = Console::new(service.clone(), behind_tls);
            tokio::spawn(console.clone().keep_working());
            let limits = ledger_node::Limits::default();
            tokio::spawn(ledger_node::serve_router(listener, console::router(console), limits, told_to_stop()));
        }
        let app = server::router(service.clone()).merge(server::well_known(service));
        // The same limits for slow clients as a ledger node has.
        let limits = ledger_node::Limits::default();
        ledger_node::serve_router(listener, app, limits, told_to_stop()).await;
        publishing.abort();
        Ok(())
    })
}

/// Serves a push relay.
pub(crate) fn relay(relay: push_relay::Relay, listen: SocketAddr) -> Result<(), CliError> {
    log();
    let unusable =
        |error: std::io::Error| CliError::refused("AddressUnusable", format!("cannot listen on {listen}: {error}"));
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(unusable)?;
        eprintln!("the relay serves http://{}, Ctrl-C stops it", listener.local_addr().map_err(unusable)?);
        let cleaning = tokio::spawn(relay.clone().keep_clean());
        let waiting = relay.clone();
        let stopped = async move {
            told_to_stop().await;
            waiting.stop();
        };
        ledger_node::serve_router(listener, relay.router(), ledger_node::Limits::default(), stopped).await;
        cleaning.abort();
        Ok(())
    })
}

/// Serves a verifier, with a database that can be used when it starts.
pub(crate) fn verifier(
    app: impl FnOnce() -> axum::Router,
    database: Option<&Database>,
    listen: SocketAddr,
) -> Result<(), CliError> {
    log();
    let unusable =
        |error: std::io::Error| CliError::refused("AddressUnusable", format!("cannot listen on {listen}: {error}"));
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(unusable)?;
        if let Some(database) = database {
            database.check().await?;
        }
        eprintln!("the verifier serves http://{}, Ctrl-C stops it", listener.local_addr().map_err(unusable)?);
        ledger_node::serve_router(listener, app(), ledger_node::Limits::default(), told_to_stop()).await;
        Ok(())
    })
}

//! Serving one node until it is told to stop, to clients that may be slow on purpose.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::api::Limits;
use crate::node::{Node, NodeError};

/// How long nothing is accepted after the system had no place for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the node at `listen` until `stop` completes, lets running requests end, and stops the validator.
///
/// # Errors
/// [`NodeError::Io`], [`NodeError::Engine`]
pub async fn serve(
    node: Node,
    listen: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "the ledger node serves");
    let mut tip = node.subscribe();
    let stopped = async move {
        // A validator that stopped by itself takes its service with it.
        let by_itself = async { while tip.changed().await.is_ok() {} };
        tokio::select! { () = stop => {}, () = by_itself => {} }
    };
    serve_router(listener, node.router(), node.limits(), stopped).await;
    let ended = tokio::task::spawn_blocking(move || node.stop()).await;
    ended.map_err(std::io::Error::other)?
}

/// Serves `router` until `stop` completes and running requests have ended.
///
/// The router's own limits begin when a request's head is there. Before that, a client has [`Limits::header_time`] for
/// it; a connection is closed after the request in which its [`Limits::connection_time`] ends; and more than
/// [`Limits::connections`] wait to be accepted. So a client that sends or reads byte by byte holds a place for a while,
/// never for good.
pub async fn serve_router(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let connections = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let places = Arc::new(Semaphore::new(limits.connections));
    let (stopping, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! { () = &mut stop => break, next = next => next };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (router, stopping) = (router.clone(), stopping.subscribe());
        tokio::spawn(async move {
            connection(stream, peer, router, limits, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(());
    // All places are free again when the last connection has ended.
    let _ = places.acquire_many(connections).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    // An error is a client that is gone or was too slow: there is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(limits.connection_time) => {}
        _ = stopping.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(limits.write_time, connection).await;
}

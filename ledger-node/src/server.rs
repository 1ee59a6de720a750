//! Serving one node until it is told to stop, to clients that may be slow on purpose.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
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
/// it, and from then [`Limits::body_time`] for its body (else 408); a connection is closed after the request in which its
/// [`Limits::connection_time`] ends; and more than [`Limits::connections`] wait to be accepted. So a client that sends or
/// reads byte by byte holds a place for a while, never for good.
///
/// After a request in chunks the connection is closed: where it says its length another way, too, the chunks count
/// (RFC 9112, section 6.1), and nothing that a proxy took for its body is read as a request.
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
        answer(request, router.clone(), limits.body_time)
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

async fn answer(request: Request<Incoming>, router: Router, body_time: Duration) -> Result<Response, Infallible> {
    if request.body().is_end_stream() {
        return router.oneshot(request.map(Body::new)).await;
    }
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let late = Arc::new(AtomicBool::new(false));
    let timely = |body| Body::new(Timely { body, end: Box::pin(tokio::time::sleep(body_time)), late: late.clone() });
    let mut response = router.oneshot(request.map(timely)).await?;
    let late = late.load(Ordering::Relaxed);
    if late {
        let error = serde_json::json!({ "error": "request_timeout" });
        response = (StatusCode::REQUEST_TIMEOUT, axum::Json(error)).into_response();
    }
    if late || chunked {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A body that has to be there in time.
struct Timely {
    body: Incoming,
    end: Pin<Box<tokio::time::Sleep>>,
    /// Set when it was not.
    late: Arc<AtomicBool>,
}

impl hyper::body::Body for Timely {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(this.end.as_mut().poll(context));
        this.late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

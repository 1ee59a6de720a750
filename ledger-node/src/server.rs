//! Serving one node until it is told to stop.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::node::{Node, NodeError};

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
    axum::serve(listener, node.router()).with_graceful_shutdown(stopped).await?;
    let ended = tokio::task::spawn_blocking(move || node.stop()).await;
    ended.map_err(std::io::Error::other)?
}

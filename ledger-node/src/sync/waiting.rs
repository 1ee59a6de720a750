//! What a node says of itself while it fetches the ledger: that it lives, how far it is, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Progress;

/// Says at `listen` how far it is, until `done`.
///
/// # Errors
/// When the address cannot be used.
pub async fn serve(
    listen: SocketAddr,
    progress: Arc<Progress>,
    done: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    axum::serve(listener, router(progress)).with_graceful_shutdown(done).await
}

fn router(progress: Arc<Progress>) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(ready)
        .with_state(progress)
}

fn told(progress: &Progress) -> Value {
    let reached = progress.reached();
    json!({
        "error": "Fetching",
        "running": true,
        "fetching": {
            "height": reached.height, "percent": reached.percent, "records": reached.records, "bytes": reached.bytes,
        },
    })
}

async fn live(State(progress): State<Arc<Progress>>) -> Response {
    Json(told(&progress)).into_response()
}

async fn ready(State(progress): State<Arc<Progress>>) -> Response {
    let later = [(header::RETRY_AFTER, HeaderValue::from_static("5"))];
    (StatusCode::SERVICE_UNAVAILABLE, later, Json(told(&progress))).into_response()
}

async fn metrics(State(progress): State<Arc<Progress>>) -> Response {
    let reached = progress.reached();
    let mut text = String::new();
    for (name, help, value) in [
        ("height", "Height of the block whose state is fetched", reached.height),
        ("percent", "Per cent of the state that is here", reached.percent),
        ("records", "Records that are here", reached.records),
        ("bytes", "Bytes that were read", reached.bytes),
        ("shunned", "Nodes that sent something wrong and are not asked again", reached.shunned),
    ] {
        text += &format!(
            "# HELP mid_ledger_fetch_{name} {help}.\n# TYPE mid_ledger_fetch_{name} gauge\nmid_ledger_fetch_{name} {value}\n"
        );
    }
    text += "# EOF\n";
    let media_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

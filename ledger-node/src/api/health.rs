//! Is it alive, and may it be asked?

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::node::Node;

/// How a node is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// The validator runs.
    running: bool,
    /// There is a state that can be proven.
    certified: bool,
    /// Blocks are missing: reads go on, marked stale.
    stale: bool,
    /// Height of the last committed block.
    height: u64,
    /// Time since that block, in milliseconds.
    age_ms: u64,
}

fn health(node: &Node) -> Health {
    let freshness = node.freshness();
    Health {
        running: !node.stopped(),
        certified: node.certified_height().is_some(),
        stale: freshness.stale,
        height: freshness.height,
        age_ms: freshness.age_ms,
    }
}

fn answer(well: bool, health: Health) -> Response {
    if well {
        return Json(health).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("5"))], Json(health))
        .into_response()
}

/// The process works: if not, restart it.
#[utoipa::path(get, path = "/health/live", operation_id = "live", tag = "Operations", responses(
    (status = 200, description = "The validator runs", body = Health),
    (status = 503, description = "The validator has stopped", body = Health)))]
pub(super) async fn live(State(node): State<Node>) -> Response {
    let health = health(&node);
    answer(health.running, health)
}

/// The node may be asked for the present state: if not, send clients to another one. Reads go on all the same.
#[utoipa::path(get, path = "/health/ready", operation_id = "ready", tag = "Operations", responses(
    (status = 200, description = "The node follows the ledger", body = Health),
    (status = 503, description = "Stopped, without a provable state, or behind", body = Health)))]
pub(super) async fn ready(State(node): State<Node>) -> Response {
    let health = health(&node);
    answer(health.running && health.certified && !health.stale, health)
}

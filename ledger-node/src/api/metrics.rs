//! Figures for the people who run a node, in the form of Prometheus (OpenMetrics 1.0). No figure names a person, a DID
//! or an address.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::error::ApiError;
use crate::node::Node;
use crate::standing::Standing;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// The end of a text of figures.
const END: &str = "# EOF\n";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Seen {
    Voting,
    Behind,
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStanding {
    standing: Seen,
}

/// The figures of one node.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<Answered, Counter>,
    seconds: Family<OfRoute, Histogram>,
    height: Gauge,
    certified_height: Gauge,
    age: Gauge,
    stale: Gauge,
    records: Gauge,
    validators: Family<ByStanding, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mid_ledger");
        let answers = Family::<Answered, Counter>::default();
        registry.register("http_answers", "Answers over HTTP", answers.clone());
        let seconds = Family::new_with_constructor(new_histogram as fn() -> Histogram);
        registry.register("http_seconds", "Time until an answer begins, in seconds", seconds.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let height = gauge("height", "Height of the last committed block");
        let certified_height = gauge("certified_height", "Height of the newest state that can be proven");
        let age = gauge("age_milliseconds", "Time since the last committed block");
        let stale = gauge("stale", "1 when blocks are missing and reads are marked stale");
        let records = gauge("records", "Records on the ledger");
        let validators = Family::<ByStanding, Gauge>::default();
        registry.register("validators", "Validators as this node sees them", validators.clone());
        Self { registry, answers, seconds, height, certified_height, age, stale, records, validators }
    }
}

fn new_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

impl Metrics {
    fn observe(&self, route: &str, method: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.seconds.get_or_create(&OfRoute { route: route.clone() }).observe(took.as_secs_f64());
        self.answers.get_or_create(&Answered { route, method: method.to_owned(), status }).inc();
    }
}

/// Counts every answer, and says as of when it is true.
pub(super) async fn observe(State(node): State<Node>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    // Whatever a client invents is one series.
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST") => method.to_owned(),
        _ => "other".to_owned(),
    };
    let mut response = next.run(request).await;
    node.metrics().observe(&route, &method, response.status().as_u16(), started.elapsed());
    let freshness = node.freshness();
    let headers = response.headers_mut();
    headers.insert("ledger-height", HeaderValue::from(freshness.height));
    headers.insert("ledger-time-ms", HeaderValue::from(freshness.time_ms));
    if freshness.stale {
        headers.insert("ledger-stale", HeaderValue::from(freshness.age_ms / 1_000));
    }
    response
}

/// Figures of the service and of consensus, network and storage.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "Operations",
    responses((status = 200, description = "Figures", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub(super) async fn metrics(State(node): State<Node>) -> Result<Response, ApiError> {
    let metrics: Arc<Metrics> = node.metrics();
    let freshness = node.freshness();
    let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    metrics.height.set(gauge(freshness.height));
    metrics.certified_height.set(gauge(node.certified_height().unwrap_or_default()));
    metrics.age.set(gauge(freshness.age_ms));
    metrics.stale.set(i64::from(freshness.stale));
    metrics.records.set(gauge(node.state().envelopes().count() as u64));
    let validators = node.validators().await;
    for (standing, seen) in
        [(Standing::Voting, Seen::Voting), (Standing::Behind, Seen::Behind), (Standing::Absent, Seen::Absent)]
    {
        let count = validators.iter().filter(|validator| validator.standing == standing).count();
        metrics.validators.get_or_create(&ByStanding { standing: seen }).set(gauge(count as u64));
    }
    let mut text = String::new();
    encode(&mut text, &metrics.registry).map_err(|_| ApiError::internal())?;
    if let Some(engine) = node.engine_figures().await {
        text.truncate(text.trim_end_matches(END).len());
        text.push_str(&engine);
    }
    if !text.ends_with(END) {
        text.push_str(END);
    }
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

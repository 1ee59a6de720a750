//! The document that describes the API. The routes are written once: each handler carries its own description.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, ResponseBuilder, Server};
use utoipa_axum::router::OpenApiRouter;

use super::error::Refusal;
use crate::node::Node;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ledger node",
        description = "Submit signed transactions, resolve DIDs, fetch proofs and trust bundles. Reading needs no key; \
            nothing but a signed transaction changes what the ledger holds.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "Ledger", description = "Records, proofs, bundles"),
        (name = "DID resolution", description = "W3C DID Resolution 1.0, HTTP binding"),
        (name = "Operations", description = "Health and figures")
    ),
    paths(super::resolve::resolve),
    components(schemas(Refusal))
)]
struct Document;

/// A router that begins with the general part of the document.
pub(super) fn router() -> OpenApiRouter<Node> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// Adds what holds for every route.
pub(super) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.servers = Some(vec![Server::new(".")]);
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            busy(operation);
        }
    }
    document
}

fn refusal() -> Content {
    ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Refusal")))).build()
}

fn busy(operation: &mut Operation) {
    let response = ResponseBuilder::new()
        .description("Busy or out of time; come back after `Retry-After` seconds")
        .content("application/json", refusal());
    operation.responses.responses.entry("503".to_owned()).or_insert_with(|| response.build().into());
}

/// Serves the document.
pub(super) fn serve(
    document: &utoipa::openapi::OpenApi,
) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    // Writing plain data cannot fail.
    let text = document.to_json().unwrap_or_default();
    move || {
        let media_type = HeaderValue::from_static("application/json");
        std::future::ready(([(header::CONTENT_TYPE, media_type)], text.clone()).into_response())
    }
}

//! The document that describes the API. The routes are written once: each handler carries its own description.

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Content, ContentBuilder, Ref, RefOr, ResponseBuilder, Server};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::Service;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Issuer",
        description = "Credentials for wallets of this system (`/v1`) and of others (OpenID4VCI 1.0, whose metadata are at \
            `/.well-known/openid-credential-issuer` of the host), public data of status, and what operators do. Nothing that \
            concerns one person may be cached.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "Wallets", description = "Enrolment of this system's wallets, in CBOR"),
        (name = "Wallets of others", description = "OpenID4VCI 1.0"),
        (name = "Public", description = "For everyone, to be kept by anyone"),
        (name = "Operators", description = "From the same machine, with the token")
    ),
    components(schemas(Refusal))
)]
struct Document;

/// Why nothing else came.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refusal {
    /// The stable name of the reason, or the code of the standard.
    pub(super) error: String,
}

/// A router that begins with the general part of the document.
pub(super) fn router() -> OpenApiRouter<Service> {
    let mut document = Document::openapi();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_with(Components::new).add_security_scheme("token", token);
    document.servers = Some(vec![Server::new(".")]);
    OpenApiRouter::with_openapi(document)
}

/// Adds what holds for every route.
pub(super) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            everywhere(operation);
        }
    }
    document
}

fn refusal() -> Content {
    ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Refusal")))).build()
}

fn everywhere(operation: &mut Operation) {
    for (status, description) in [
        ("429", "Too many requests; come back after `Retry-After` seconds"),
        ("503", "Busy or out of time; come back after `Retry-After` seconds"),
    ] {
        let response = ResponseBuilder::new().description(description).content("application/json", refusal());
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.build().into());
    }
}

/// Serves the document.
pub(super) fn serve(
    document: &utoipa::openapi::OpenApi,
) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    // Writing plain data cannot fail.
    let text = Bytes::from(document.to_json().unwrap_or_default());
    move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response())
}

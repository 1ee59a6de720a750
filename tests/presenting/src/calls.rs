//! The service as relying parties and wallets call it, without a network.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::TOKEN;

/// Status, headers and body of an answer.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and error codes.
    #[must_use]
    pub fn refusal(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text("error"), text("error_description"))
    }
}

/// Sends a request.
pub async fn send(router: &Router, method: Method, uri: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let request =
        headers.iter().fold(Request::builder().method(method).uri(uri), |it, (name, value)| it.header(*name, *value));
    let answer = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 1 << 24).await.unwrap().to_vec() }
}

/// A relying party's call.
pub async fn call(router: &Router, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    send(router, Method::POST, path, &[("authorization", &bearer), ("content-type", "application/json")], body).await
}

/// A request for `query`, changed.
pub async fn create(router: &Router, query: &Value, more: &Value) -> Answer {
    let mut body = json!({ "purpose": "rental", "dcql_query": query });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    call(router, "/openid4vp/requests", &body).await
}

/// The signed request, fetched by a wallet with its nonce.
pub async fn fetch(router: &Router, created: &Value, nonce: &str) -> String {
    let body = format!("wallet_nonce={nonce}").into_bytes();
    let answer = send(router, Method::POST, path(created["request_uri"].as_str().unwrap()), &[FORM], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    String::from_utf8(answer.body).unwrap()
}

/// The content type of forms.
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Posts a form where the wallet was told.
pub async fn post(router: &Router, uri: &str, form: &str) -> Answer {
    send(router, Method::POST, path(uri), &[FORM], form.as_bytes().to_vec()).await
}

/// The path of an address.
#[must_use]
pub fn path(uri: &str) -> &str {
    let (_, rest) = uri.split_once("://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

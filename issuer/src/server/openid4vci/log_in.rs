//! The page where a person types the digits that the counter told.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use protocol::exchange::openid4vci::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Refusal, read_form, settled};
use crate::openid4vci::{AuthorizationParameters, LogIn, LoggedIn};
use crate::server::Service;
use crate::server::openapi::Refusal as RefusalBody;

/// The form of the page.
#[derive(Serialize, ToSchema)]
pub(super) struct LogInCall {
    request_uri: String,
    session: String,
    /// Six digits.
    counter_code: String,
}

/// Nothing is loaded and nobody puts the page into a frame. Where the form may lead is not said: browsers would apply it
/// to the way back to the client.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The page where a person logs in.
#[utoipa::path(get, path = "/openid4vci/authorize", operation_id = "log_in_page", tag = "Wallets of others",
    params(("client_id" = Option<String>, Query, description = "Who asks"), ("request_uri" = Option<String>, Query, description = "As pushed")),
    responses(
        (status = 200, description = "HTML", content_type = "text/html; charset=utf-8", body = String),
        (status = 400, description = "Not a pushed request", body = RefusalBody),
        (status = 401, description = "No such client", body = RefusalBody)))]
pub(super) async fn page(
    State(service): State<Service>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let outcome = async {
        let Query(query) = query.map_err(|_| ErrorCode::InvalidRequest)?;
        let parameters = AuthorizationParameters::read(query)?;
        let opened = service.blocking(move |issuer, now, rng| issuer.openid_authorize(&parameters, now, rng));
        let log_in = opened.await.map_err(|_| ErrorCode::TemporarilyUnavailable)??;
        Ok::<_, Refusal>(html(&log_in, false))
    };
    settled(outcome.await)
}

/// The person logs in.
#[utoipa::path(post, path = "/openid4vci/authorize", operation_id = "log_in", tag = "Wallets of others",
    request_body(content = LogInCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The page again: the digits were wrong", content_type = "text/html; charset=utf-8", body = String),
        (status = 302, description = "Back to the client, with a code"),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
pub(super) async fn submit(
    State(service): State<Service>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let outcome = async {
        let parameters = AuthorizationParameters::read(read_form(form)?)?;
        let done = service.blocking(move |issuer, now, rng| issuer.openid_log_in(&parameters, now, rng));
        match done.await.map_err(|_| ErrorCode::TemporarilyUnavailable)?? {
            LoggedIn::Again(log_in) => Ok(html(&log_in, true)),
            LoggedIn::Back(address) => {
                let address = HeaderValue::from_str(&address).map_err(|_| ErrorCode::InvalidRequest)?;
                Ok((StatusCode::FOUND, [(header::LOCATION, address)]).into_response())
            }
        }
    };
    settled(outcome.await)
}

fn html(log_in: &LogIn, again: bool) -> Response {
    let list: String = log_in
        .credentials
        .iter()
        .map(|(ko, en)| format!("<li>{} <span lang=\"en\">{}</span></li>", escaped(ko), escaped(en)))
        .collect();
    let wrong = if again {
        "<p role=\"alert\">번호가 맞지 않습니다. <span lang=\"en\">These digits are wrong.</span></p>"
    } else {
        ""
    };
    let page = format!(
        "<!doctype html><html lang=\"ko\"><head><meta charset=\"utf-8\"><title>신분증 발급 · Log in</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1rem/1.5 sans-serif;max-width:30rem;\
         margin:2rem auto;padding:0 1rem}}input,button{{font:inherit;padding:.5rem}}</style></head><body>\
         <h1>신분증 발급 <span lang=\"en\">Get a credential</span></h1><ul>{list}</ul>\
         <p>지갑 <span lang=\"en\">Wallet</span>: {client}</p>{wrong}\
         <form method=\"post\" action=\"authorize\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"request_uri\" value=\"{name}\">\
         <input type=\"hidden\" name=\"session\" value=\"{session}\">\
         <p><label for=\"code\">창구에서 받은 여섯 자리 번호 <span lang=\"en\">The six digits from the counter</span></label><br>\
         <input id=\"code\" name=\"counter_code\" inputmode=\"numeric\" required></p>\
         <p><button>계속 <span lang=\"en\">Continue</span></button></p></form></body></html>",
        client = escaped(&log_in.client),
        name = escaped(&log_in.request_uri),
        session = escaped(&log_in.session),
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page)).into_response()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

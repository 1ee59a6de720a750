//! The page where a person types the digits that the counter told, or has a chip card answer.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use protocol::exchange::openid4vci::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Refusal, read_form, settled};
use crate::openid4vci::{Again, AuthorizationParameters, LogIn, LoggedIn};
use crate::server::Service;
use crate::server::openapi::Refusal as RefusalBody;

/// The form of the page.
#[derive(Serialize, ToSchema)]
pub(super) struct LogInCall {
    request_uri: String,
    session: String,
    /// Six digits, where there was an offer.
    counter_code: Option<String>,
    /// What the chip card answered, where there was none.
    card_answer: Option<String>,
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
        Ok::<_, Refusal>(html(&log_in, None))
    };
    settled(outcome.await)
}

/// The person logs in.
#[utoipa::path(post, path = "/openid4vci/authorize", operation_id = "log_in", tag = "Wallets of others",
    request_body(content = LogInCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The page again: digits or answer were wrong", content_type = "text/html; charset=utf-8", body = String),
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
            LoggedIn::Again(log_in, why) => Ok(html(&log_in, Some(why))),
            LoggedIn::Back(address) => {
                let address = HeaderValue::from_str(&address).map_err(|_| ErrorCode::InvalidRequest)?;
                Ok((StatusCode::FOUND, [(header::LOCATION, address)]).into_response())
            }
        }
    };
    settled(outcome.await)
}

fn html(log_in: &LogIn, again: Option<Again>) -> Response {
    let list: String = log_in
        .credentials
        .iter()
        .map(|(ko, en)| format!("<li>{} <span lang=\"en\">{}</span></li>", escaped(ko), escaped(en)))
        .collect();
    let wrong = match again {
        None => "",
        Some(Again::Digits) => {
            "<p role=\"alert\">번호가 맞지 않습니다. <span lang=\"en\">These digits are wrong.</span></p>"
        }
        Some(Again::Card(_)) => {
            "<p role=\"alert\">카드의 응답이 맞지 않습니다. 새 문장으로 다시 하십시오. \
             <span lang=\"en\">The card's answer does not hold. Do it again with the new text.</span></p>"
        }
    };
    let asked = log_in.card.as_deref().map_or_else(|| DIGITS.to_owned(), card);
    let page = format!(
        "<!doctype html><html lang=\"ko\"><head><meta charset=\"utf-8\"><title>신분증 발급 · Log in</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1rem/1.5 sans-serif;max-width:30rem;\
         margin:2rem auto;padding:0 1rem}}input,button,textarea{{font:inherit;padding:.5rem}}textarea{{width:100%;\
         box-sizing:border-box}}code{{overflow-wrap:anywhere}}</style></head><body>\
         <h1>신분증 발급 <span lang=\"en\">Get a credential</span></h1><ul>{list}</ul>\
         <p>지갑 <span lang=\"en\">Wallet</span>: {client}</p>{wrong}\
         <form method=\"post\" action=\"authorize\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"request_uri\" value=\"{name}\">\
         <input type=\"hidden\" name=\"session\" value=\"{session}\">{asked}\
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

/// Where the digits of an offer are typed.
const DIGITS: &str = "<p><label for=\"code\">창구에서 받은 여섯 자리 번호 <span lang=\"en\">The six digits from the counter</span>\
     </label><br><input id=\"code\" name=\"counter_code\" inputmode=\"numeric\" required></p>";

/// Where a chip card answers: its reader is opened on this device, or given the text; its answer is handed back here.
fn card(link: &str) -> String {
    let link = escaped(link);
    format!(
        "<p>본인이 직접 연 페이지일 때만 계속하십시오. <span lang=\"en\">Go on only if you opened this page yourself.</span></p>\
         <p><a href=\"{link}\">이 기기에서 카드 읽기 <span lang=\"en\">Read the card on this device</span></a></p>\
         <p>또는 이 문장을 카드 프로그램에 입력 <span lang=\"en\">Or give this to the card's program</span>:<br>\
         <code id=\"challenge\">{link}</code></p>\
         <p><label for=\"answer\">카드의 응답 <span lang=\"en\">The card's answer</span></label><br>\
         <textarea id=\"answer\" name=\"card_answer\" rows=\"5\" required></textarea></p>"
    )
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

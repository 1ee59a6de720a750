//! The page where a person types the digits that the counter told, has a chip card answer, or shows a credential.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::exchange::openid4vci::ErrorCode;
use protocol::exchange::qr::Drawing;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Refusal, read_form, settled};
use crate::openid4vci::{Again, AuthorizationParameters, HeldRefusal, HeldStep, LogIn, LoggedIn};
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
    /// With a credential that the person holds: `here` and `elsewhere` ask for it, `shown` looks who it was, `confirmed` goes on.
    credential: Option<String>,
}

/// Ties the browser that a wallet opens to the one with the page (HELD-03).
const COOKIE: &str = "mid-log-in";

/// Nothing is loaded and nobody puts the page into a frame. Where the form may lead is not said: browsers would apply it
/// to the way back to the client.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

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
        (status = 200, description = "The next page, or the same again: digits or answer were wrong", content_type = "text/html; charset=utf-8", body = String),
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
        let done = done.await.map_err(|_| ErrorCode::TemporarilyUnavailable)??;
        let is_asked_here = matches!(&done, LoggedIn::Page(LogIn { held: HeldStep::Asked { here: true, .. }, .. }));
        let cookie = match &done {
            LoggedIn::Page(page) if is_asked_here => Some(cookie(&service, page)?),
            _ => None,
        };
        let mut response = next(&done)?;
        response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        Ok(response)
    };
    settled(outcome.await)
}

/// The browser is back from a wallet on the same device.
#[utoipa::path(get, path = "/openid4vci/shown", operation_id = "shown", tag = "Wallets of others",
    params(("response_code" = Option<String>, Query, description = "From the verifier")),
    responses(
        (status = 200, description = "The page again: nothing that holds was shown", content_type = "text/html; charset=utf-8", body = String),
        (status = 302, description = "Back to the client, with a code"),
        (status = 400, description = "No such log-in is open in this browser", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody)))]
pub(super) async fn shown(
    State(service): State<Service>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let outcome = async {
        let Query(query) = query.map_err(|_| ErrorCode::InvalidRequest)?;
        let code = query.into_iter().find(|(name, _)| name == "response_code").map(|(_, code)| code);
        let code = code.filter(|code| code.len() <= 256).ok_or(ErrorCode::InvalidRequest)?;
        let (name, session) = in_this_browser(&headers).ok_or(ErrorCode::InvalidRequestUri)?;
        let done = service.blocking(move |issuer, now, rng| issuer.openid_shown(&name, &session, &code, now, rng));
        Ok::<_, Refusal>(next(&done.await.map_err(|_| ErrorCode::TemporarilyUnavailable)??)?)
    };
    settled(outcome.await)
}

/// Where the browser goes on.
fn next(done: &LoggedIn) -> Result<Response, ErrorCode> {
    Ok(match done {
        LoggedIn::Page(log_in) => html(log_in, None),
        LoggedIn::Again(log_in, why) => html(log_in, Some(*why)),
        LoggedIn::Back(address) => {
            let address = HeaderValue::from_str(address).map_err(|_| ErrorCode::InvalidRequest)?;
            (StatusCode::FOUND, [(header::LOCATION, address)]).into_response()
        }
    })
}

/// What the browser with the page keeps. It is sent when another program opens the way back, and to nobody else's pages.
fn cookie(service: &Service, page: &LogIn) -> Result<HeaderValue, ErrorCode> {
    let identifier = service.issuer.openid_identifier();
    let (scheme, rest) = identifier.split_once("://").ok_or(ErrorCode::InvalidRequest)?;
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    let secure = if scheme == "https" { "; Secure" } else { "" };
    let value = format!("{}.{}", base64url(page.request_uri.as_bytes()), page.session);
    let cookie = format!("{COOKIE}={value}; Path={path}/openid4vci; Max-Age=600; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).map_err(|_| ErrorCode::InvalidRequest)
}

/// The request's name and the session of the log-in that this browser has open.
fn in_this_browser(headers: &HeaderMap) -> Option<(String, String)> {
    let mut pairs =
        headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    let (name, session) = value.split_once('.')?;
    let name = String::from_utf8(from_base64url(name)?).ok()?;
    Some((name, session.to_owned()))
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
        Some(Again::Credential(HeldRefusal::CredentialNotShown)) => {
            "<p role=\"alert\">아직 제시되지 않았습니다. <span lang=\"en\">Nothing has been shown yet.</span></p>"
        }
        Some(Again::Credential(HeldRefusal::CredentialCheckUnavailable)) => {
            "<p role=\"alert\">지금은 확인할 수 없습니다. 잠시 후 다시 하십시오. \
             <span lang=\"en\">This cannot be checked now. Try again later.</span></p>"
        }
        Some(Again::Credential(_)) => {
            "<p role=\"alert\">제시된 신분증으로 로그인할 수 없습니다. \
             <span lang=\"en\">What was shown is not good for logging in.</span></p>"
        }
    };
    let (digits_or_card, held) = match (&log_in.card, &log_in.held) {
        (Some(link), held) => (card(link), credential(held)),
        (None, HeldStep::None) => (DIGITS.to_owned(), String::new()),
        (None, held) => (String::new(), credential(held)),
    };
    let (digits_or_card, held) = (in_form(log_in, &digits_or_card, GO_ON), in_form(log_in, &held, ""));
    let page = format!(
        "<!doctype html><html lang=\"ko\"><head><meta charset=\"utf-8\"><title>신분증 발급 · Log in</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1rem/1.5 sans-serif;max-width:30rem;\
         margin:2rem auto;padding:0 1rem}}input,button,textarea{{font:inherit;padding:.5rem}}textarea{{width:100%;\
         box-sizing:border-box}}code{{overflow-wrap:anywhere}}</style></head><body>\
         <h1>신분증 발급 <span lang=\"en\">Get a credential</span></h1><ul>{list}</ul>\
         <p>지갑 <span lang=\"en\">Wallet</span>: {client}</p>{wrong}{held}{digits_or_card}</body></html>",
        client = escaped(&log_in.client),
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page)).into_response()
}

/// What sends a form off.
const GO_ON: &str = "<p><button>계속 <span lang=\"en\">Continue</span></button></p>";

/// A form of this log-in; nothing where nothing is asked.
fn in_form(log_in: &LogIn, asked: &str, button: &str) -> String {
    if asked.is_empty() {
        return String::new();
    }
    format!(
        "<form method=\"post\" action=\"authorize\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"request_uri\" value=\"{name}\">\
         <input type=\"hidden\" name=\"session\" value=\"{session}\">{asked}{button}</form>",
        name = escaped(&log_in.request_uri),
        session = escaped(&log_in.session),
    )
}

/// Where a credential is asked for, shown, and its owner confirmed.
fn credential(step: &HeldStep) -> String {
    let button = |value: &str, ko: &str, en: &str| {
        format!("<p><button name=\"credential\" value=\"{value}\">{ko} <span lang=\"en\">{en}</span></button></p>")
    };
    match step {
        HeldStep::None => String::new(),
        HeldStep::Offered(ko, en) => format!(
            "<p>가지고 있는 신분증을 제시: {} <span lang=\"en\">Show a credential that you hold: {}</span></p>{}{}",
            escaped(ko),
            escaped(en),
            button("here", "이 기기의 지갑으로", "With the wallet on this device"),
            button("elsewhere", "다른 기기의 지갑으로", "With a wallet on another device"),
        ),
        HeldStep::Asked { link, here: true } => format!(
            "<p><a id=\"wallet\" href=\"{}\">지갑 열기 <span lang=\"en\">Open the wallet</span></a></p>{}",
            escaped(link),
            button("elsewhere", "다른 기기의 지갑으로", "With a wallet on another device"),
        ),
        HeldStep::Asked { link, here: false } => format!(
            "<p>지갑으로 이 부호를 찍고, 동의한 뒤 계속하십시오. <span lang=\"en\">Scan this with the wallet, agree there, \
             then go on here.</span></p>{}<p><code id=\"wallet\">{}</code></p>{}",
            drawn(link),
            escaped(link),
            button("shown", "제시했습니다", "I have shown it"),
        ),
        HeldStep::Recognised(name) => format!(
            "<p><strong id=\"person\">{}</strong> 님이 맞으면 계속하십시오. <span lang=\"en\">Go on if this is you.</span></p>{}",
            escaped(name),
            button("confirmed", "본인입니다", "This is me"),
        ),
    }
}

/// A link as a picture of its code; nothing where it is too long for one.
fn drawn(link: &str) -> String {
    let Ok(png) = Drawing::new(link).and_then(|it| it.png()) else { return String::new() };
    let png = base64::engine::general_purpose::STANDARD.encode(png);
    format!("<p><img alt=\"QR\" src=\"data:image/png;base64,{png}\"></p>")
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

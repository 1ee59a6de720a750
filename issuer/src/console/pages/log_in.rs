//! Logging in and out.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::error_name;

use super::{Console, Fields, Filled, Page, html, lang_of, status};
use crate::console::sessions::Token;
use crate::console::words::Lang;
use crate::console::{Accounts, ConsoleError};

#[derive(Template)]
#[template(path = "console/log_in.html")]
struct LogIn {
    page: Page,
    form: String,
    /// The name and text of what was wrong.
    wrong: Option<(String, &'static str)>,
}

/// The form comes with a token in a cookie, which its hidden field repeats: nobody logs a browser in from elsewhere (CONS-05).
fn page(console: &Console, lang: Lang, error: Option<&ConsoleError>) -> Response {
    let token = Token::new(&mut rand_core::UnwrapErr(getrandom::SysRng));
    let wrong = error.map(error_name).map(|name| (lang.why(&name), name)).map(|(why, name)| (name, why));
    let template = LogIn { page: Page::plain(lang, "log-in.title", "log-in"), form: token.form(), wrong };
    (console.set_cookie(Some(&token)), html(error.map_or(StatusCode::OK, status), &template)).into_response()
}

/// `GET /{lang}/log-in`
pub(super) async fn form(State(console): State<Console>, uri: Uri) -> Response {
    page(&console, lang_of(uri.path()), None)
}

/// `POST /{lang}/log-in`
pub(super) async fn submit(
    State(console): State<Console>,
    uri: Uri,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, axum::extract::rejection::FormRejection>,
) -> Response {
    let lang = lang_of(uri.path());
    let outcome = async {
        let Form(fields) = form.map_err(|_| ConsoleError::FormMalformed)?;
        let fields = Fields(fields);
        if !console.token(&headers).is_some_and(|token| token.is_of(fields.one("form"))) {
            return Err(ConsoleError::FormTokenMissing); // CONS-05
        }
        let (id, password) = (fields.one("id").to_owned(), zeroize::Zeroizing::new(fields.one("password").to_owned()));
        let dir = console.service.dir().to_owned();
        // CONS-03: guesses are counted one after the other, and one check's memory is all that is taken.
        let _turn = console.log_in.lock().await;
        console
            .run(move |issuer, now, rng| {
                issuer.console_log_in(&Accounts::load(&dir)?, (&id, password.as_str()), now, rng)
            })
            .await
    };
    match outcome.await {
        Ok(token) => (console.set_cookie(Some(&token)), Redirect::to(&format!("/{}/", lang.code()))).into_response(),
        Err(error) => page(&console, lang, Some(&error)),
    }
}

/// `POST /{lang}/log-out`
pub(super) async fn log_out(State(console): State<Console>, filled: Filled) -> Response {
    let token = filled.entered.token.clone();
    match console.run(move |issuer, _, _| issuer.console_log_out(&token)).await {
        Ok(()) => (console.set_cookie(None), filled.entered.to("log-in")).into_response(),
        Err(error) => filled.entered.refused(&error),
    }
}

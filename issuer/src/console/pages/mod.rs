//! The console over HTTP: who is logged in, which forms are taken, what a page is.

mod audit;
mod cases;
mod desk;
mod jobs;
mod log_in;
mod reviews;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use protocol::error_name;

use super::sessions::Token;
use super::words::Lang;
use super::{Accounts, Clerk, Console, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::server::Random;

/// Largest form: a list of people.
const FORM_MAX: usize = 512 * 1_024;
/// What pages may do: show themselves and one picture, run one script of ours, send forms to us. Nothing inline, nothing from
/// elsewhere (CONS-12).
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/progress.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// All routes of the console.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/style.css", get(|| asset("text/css; charset=utf-8", STYLE)))
        .route("/progress.js", get(|| asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/icon.svg", get(|| asset("image/svg+xml", ICON)))
        .route("/{lang}/log-in", get(log_in::form).post(log_in::submit))
        .route("/{lang}/log-out", post(log_in::log_out))
        .route("/{lang}/", get(desk::desk).post(desk::search))
        .route("/{lang}/person", get(desk::person))
        .route("/{lang}/portrait", get(desk::portrait))
        .route("/{lang}/ask", post(desk::ask))
        .route("/{lang}/cases", get(cases::list))
        .route("/{lang}/cases/{number}", get(cases::one))
        .route("/{lang}/cases/{number}/decision", post(cases::decide))
        .route("/{lang}/cases/{number}/offer", post(cases::hand_over))
        .route("/{lang}/reviews/{id}", get(reviews::one))
        .route("/{lang}/reviews/{id}/decision", post(reviews::decide))
        .route("/{lang}/jobs", get(jobs::list).post(jobs::ask))
        .route("/{lang}/jobs/{number}", get(jobs::one))
        .route("/{lang}/jobs/{number}/decision", post(jobs::decide))
        .route("/{lang}/audit", get(audit::page))
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .layer(middleware::map_response(guarded))
        .with_state(console)
}

/// To the pages in the language that the browser prefers.
async fn home(headers: HeaderMap) -> Redirect {
    let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Redirect::to(&format!("/{}/", Lang::preferred(accepts).code()))
}

async fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

/// What holds for every answer.
async fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Console {
    /// Runs `work` where it blocks nobody.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Issuer, u64, &mut Random) -> Result<T, ConsoleError> + Send + 'static,
    ) -> Result<T, ConsoleError> {
        let done = self.service.blocking(work).await;
        done.unwrap_or(Err(ConsoleError::Issuer(IssuerError::StorageUnavailable)))
    }

    /// The cookie's name: over TLS one that no other host and no plain page can set (CONS-04).
    fn cookie(&self) -> &'static str {
        if self.secure { "__Host-clerk" } else { "clerk" }
    }

    /// The token in the request's cookie.
    fn token(&self, headers: &HeaderMap) -> Option<Token> {
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie()).and_then(|(_, value)| Token::read(value))
    }

    /// Sets the cookie, or takes it away.
    fn set_cookie(&self, token: Option<&Token>) -> [(header::HeaderName, String); 1] {
        let (name, secure) = (self.cookie(), if self.secure { "; Secure" } else { "" });
        let rest = format!("Path=/; HttpOnly; SameSite=Strict{secure}");
        let cookie = match token {
            Some(token) => format!("{name}={}; {rest}", token.to_text().as_str()),
            None => format!("{name}=; Max-Age=0; {rest}"),
        };
        [(header::SET_COOKIE, cookie)]
    }
}

/// The language of a request's path; Korean where it says none.
fn lang_of(path: &str) -> Lang {
    path.trim_start_matches('/').split('/').next().and_then(Lang::of_path).unwrap_or(Lang::Ko)
}

/// A request of a clerk who is logged in.
struct Entered {
    lang: Lang,
    clerk: Clerk,
    token: Token,
}

impl FromRequestParts<Console> for Entered {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let lang = lang_of(parts.uri.path());
        let to_log_in = || {
            // The way on, and for whoever follows none, why.
            let told = refused(Page::plain(lang, "refused.title", ""), &ConsoleError::NotLoggedIn);
            (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/{}/log-in", lang.code()))], told.into_body())
                .into_response()
        };
        let Some(token) = console.token(&parts.headers) else { return Err(to_log_in()) };
        let (dir, shown) = (console.service.dir().to_owned(), token.clone());
        let session =
            console.run(move |issuer, now, _| issuer.console_session(&Accounts::load(&dir)?, &shown, now)).await;
        match session {
            Ok(clerk) => Ok(Self { lang, clerk, token }),
            Err(ConsoleError::NotLoggedIn) => Err(to_log_in()), // CONS-04
            Err(error) => Err(refused(Page::plain(lang, "refused.title", ""), &error)),
        }
    }
}

impl Entered {
    /// A page for this clerk; `here` is its path below the language.
    fn page(&self, title: &'static str, here: impl Into<String>) -> Page {
        Page {
            lang: self.lang,
            title: self.lang.word(title).to_owned(),
            here: here.into(),
            who: Some(Who { clerk: self.clerk.clone(), form: self.token.form() }),
        }
    }

    /// What a form or page was refused with.
    fn refused(&self, error: &ConsoleError) -> Response {
        refused(self.page("refused.title", ""), error)
    }

    fn to(&self, path: &str) -> Response {
        Redirect::to(&format!("/{}/{path}", self.lang.code())).into_response()
    }
}

/// The fields of a form, as sent.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }
}

/// A form of a clerk who is logged in, from a page of the same session (CONS-05). There is no other way to read one.
struct Filled {
    entered: Entered,
    fields: Fields,
}

impl FromRequest<Console> for Filled {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let entered = Entered::from_request_parts(&mut parts, console).await?;
        let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), console).await;
        let Ok(Form(fields)) = form else { return Err(entered.refused(&ConsoleError::FormMalformed)) };
        let fields = Fields(fields);
        if !entered.token.is_of(fields.one("form")) {
            return Err(entered.refused(&ConsoleError::FormTokenMissing)); // CONS-05
        }
        Ok(Self { entered, fields })
    }
}

/// Who a page is for.
struct Who {
    clerk: Clerk,
    /// What every form on it carries.
    form: String,
}

/// What every page has.
struct Page {
    lang: Lang,
    title: String,
    /// Its path below the language, for the other language.
    here: String,
    who: Option<Who>,
}

impl Page {
    fn plain(lang: Lang, title: &'static str, here: &str) -> Self {
        Self { lang, title: lang.word(title).to_owned(), here: here.to_owned(), who: None }
    }

    fn word<'a>(&self, key: &'a str) -> &'a str {
        self.lang.word(key)
    }

    /// A text whose key is put together.
    fn named(&self, beginning: &str, end: &str) -> String {
        self.lang.word(&format!("{beginning}.{end}")).to_owned()
    }

    fn code(&self) -> &'static str {
        self.lang.code()
    }

    fn form(&self) -> &str {
        self.who.as_ref().map_or("", |who| &who.form)
    }

    fn is(&self, role: Role) -> bool {
        self.who.as_ref().is_some_and(|who| who.clerk.is(role))
    }

    fn audits(&self) -> bool {
        self.is(Role::Auditor)
    }

    fn asks(&self) -> bool {
        self.is(Role::Clerk)
    }

    fn works(&self) -> bool {
        self.is(Role::Clerk) || self.is(Role::Approver)
    }

    fn current(&self, path: &str) -> &'static str {
        if self.here.split(['/', '?']).next() == Some(path) { "page" } else { "false" }
    }
}

fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn shown(template: &impl Template) -> Response {
    html(StatusCode::OK, template)
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct Refused {
    page: Page,
    name: String,
    why: &'static str,
}

fn refused(page: Page, error: &ConsoleError) -> Response {
    let name = error_name(error);
    let why = page.lang.why(&name);
    html(status(error), &Refused { page, name, why })
}

fn status(error: &ConsoleError) -> StatusCode {
    match error {
        ConsoleError::LogInRefused | ConsoleError::NotLoggedIn => StatusCode::UNAUTHORIZED,
        ConsoleError::LockedOut => StatusCode::TOO_MANY_REQUESTS,
        ConsoleError::FormTokenMissing | ConsoleError::FourEyesRequired | ConsoleError::RoleNotAllowed => {
            StatusCode::FORBIDDEN
        }
        ConsoleError::CaseUnknown => StatusCode::NOT_FOUND,
        ConsoleError::CaseNotAtStep | ConsoleError::ApprovalExpired => StatusCode::CONFLICT,
        ConsoleError::FormMalformed | ConsoleError::ListMalformed | ConsoleError::AccountMalformed => {
            StatusCode::BAD_REQUEST
        }
        ConsoleError::AccountsMalformed => StatusCode::SERVICE_UNAVAILABLE,
        ConsoleError::Issuer(
            IssuerError::Register(_) | IssuerError::CredentialTypeUnknown | IssuerError::ReviewUnknown,
        ) => StatusCode::NOT_FOUND,
        ConsoleError::Issuer(IssuerError::StorageUnavailable) => StatusCode::SERVICE_UNAVAILABLE,
        ConsoleError::Issuer(_) => StatusCode::CONFLICT,
    }
}

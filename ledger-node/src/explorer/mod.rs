//! Read-only pages for whoever wants to see what the ledger holds: validators, blocks, organisations, accreditations,
//! and who may ask what, since when. Korean and English.
//!
//! Plain HTML made here; the one script there is runs the proof check in the visitor's own browser. Nothing is loaded
//! from elsewhere, and every link is relative, so that the pages work under any address.

mod accreditations;
mod blocks;
mod check;
mod html;
mod lang;
mod organisations;
mod overview;
mod permissions;
mod records;
mod verifiers;

use std::path::Path as FilePath;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use self::html::escape;
use self::lang::Lang;
use crate::clock;
use crate::node::Node;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/check.js");
const ICON: &str = include_str!("assets/icon.svg");
/// What `cargo xtask wasm` makes, and the only files that are served from its folder.
const WEB_FILES: [(&str, &str); 2] =
    [("mid_web.js", "text/javascript; charset=utf-8"), ("mid_web_bg.wasm", "application/wasm")];

/// Routes below `/explorer`.
pub(crate) fn router() -> Router<Node> {
    Router::new()
        .route("/explorer", get(|headers: HeaderMap| home(headers, "explorer/")))
        .route("/explorer/", get(|headers: HeaderMap| home(headers, "")))
        .route("/explorer/{lang}", get(slash))
        .route("/explorer/{lang}/", get(overview::page))
        .route("/explorer/{lang}/organisations", get(organisations::list))
        .route("/explorer/{lang}/organisations/{did}", get(organisations::one))
        .route("/explorer/{lang}/accreditations", get(accreditations::list))
        .route("/explorer/{lang}/verifiers", get(verifiers::list))
        .route("/explorer/{lang}/verifiers/{did}", get(verifiers::one))
        .route("/explorer/{lang}/blocks", get(blocks::list))
        .route("/explorer/{lang}/blocks/{height}", get(blocks::one))
        .route("/explorer/{lang}/check", get(check::page))
        .route("/explorer/assets/style.css", get(|| asset("text/css; charset=utf-8", STYLE)))
        .route("/explorer/assets/check.js", get(|| asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/explorer/assets/icon.svg", get(|| asset("image/svg+xml", ICON)))
        .route("/explorer/web/{file}", get(web))
}

/// To the pages in the language that the browser prefers.
async fn home(headers: HeaderMap, below: &'static str) -> Response {
    let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    to(&format!("{below}{}/", Lang::preferred(accepts).code()))
}

async fn slash(Path(lang): Path<String>) -> Response {
    Lang::of_path(&lang).map_or_else(|| StatusCode::NOT_FOUND.into_response(), |lang| to(&format!("{}/", lang.code())))
}

fn to(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn asset(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
    ];
    (headers, text).into_response()
}

/// Whether the program that checks proofs in a browser is there.
fn has_web(folder: Option<&FilePath>) -> bool {
    folder.is_some_and(|folder| WEB_FILES.iter().all(|(file, _)| folder.join(file).is_file()))
}

/// The program that checks proofs in a browser, from the folder the operator named.
async fn web(State(node): State<Node>, Path(file): Path<String>) -> Response {
    let known = WEB_FILES.iter().find(|(name, _)| *name == file);
    let (Some((name, media_type)), Some(folder)) = (known, node.web()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path = folder.join(name);
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    match read {
        Ok(Ok(bytes)) => ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], bytes).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Which part of the pages one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Overview,
    Verifiers,
    Accreditations,
    Organisations,
    Blocks,
    Check,
}

impl Section {
    const ALL: [Self; 6] =
        [Self::Overview, Self::Verifiers, Self::Accreditations, Self::Organisations, Self::Blocks, Self::Check];

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "./",
            Self::Verifiers => "verifiers",
            Self::Accreditations => "accreditations",
            Self::Organisations => "organisations",
            Self::Blocks => "blocks",
            Self::Check => "check",
        }
    }

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Overview => lang.pick("현황", "Overview"),
            Self::Verifiers => lang.pick("검증자 등록", "Who may ask"),
            Self::Accreditations => lang.pick("발급 자격", "Who may issue"),
            Self::Organisations => lang.pick("기관", "Organisations"),
            Self::Blocks => lang.pick("블록", "Blocks"),
            Self::Check => lang.pick("증명 확인", "Check a proof"),
        }
    }
}

/// One page.
struct Page {
    lang: Lang,
    section: Section,
    title: String,
    /// What follows the section in the path; then the page lies one level deeper.
    below: Option<String>,
    /// The page runs the script.
    script: bool,
}

impl Page {
    fn new(lang: Lang, section: Section) -> Self {
        Self { lang, section, title: section.name(lang).to_owned(), below: None, script: false }
    }

    fn below(lang: Lang, section: Section, below: &str, title: String) -> Self {
        Self { lang, section, title, below: Some(below.to_owned()), script: false }
    }

    /// The way to the language's first page.
    fn root(&self) -> &'static str {
        if self.below.is_some() { "../" } else { "" }
    }

    fn answer(&self, node: &Node, body: &str) -> Response {
        let code = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                    frame-ancestors 'none'";
        let with_script = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
                           connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(if self.script { with_script } else { code })),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(self.lang.code())),
        ];
        (headers, self.document(node, body)).into_response()
    }

    fn document(&self, node: &Node, body: &str) -> String {
        let (lang, root) = (self.lang, self.root());
        let t = |ko, en| lang.pick(ko, en);
        let other = lang.other();
        let place = match (&self.below, self.section) {
            (None, Section::Overview) => String::new(),
            (None, section) => section.path().to_owned(),
            (Some(below), _) if below.is_empty() => String::new(),
            (Some(below), section) => format!("{}/{below}", section.path()),
        };
        let link = |section: &Section| {
            let current = match (*section == self.section, self.below.is_none()) {
                (false, _) => "",
                (true, true) => " aria-current=\"page\"",
                (true, false) => " aria-current=\"true\"",
            };
            format!("<li><a href=\"{root}{}\"{current}>{}</a></li>", section.path(), section.name(lang))
        };
        let links: String = Section::ALL.iter().map(link).collect();
        let freshness = node.freshness();
        let network = escape(&node.anchor().network);
        let script = if self.script {
            format!("<script type=\"module\" src=\"{root}../assets/check.js\"></script>\n")
        } else {
            String::new()
        };
        let as_of = format!(
            "{} {} · {}",
            t("높이", "height"),
            html::number(freshness.height),
            html::time(lang, freshness.time_ms / 1_000)
        );
        let begins = if node.first_block() > 1 {
            let said = t(
                "이 노드는 다음 블록부터의 역사만 보관합니다. 그보다 오래된 것은 그 블록의 날짜로 보입니다:",
                "This node keeps history from this block on; what is older shows the date of that block:",
            );
            format!("<p>{said} {}</p>", html::number(node.first_block()))
        } else {
            String::new()
        };
        format!(
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} · {site}</title>\n<link rel=\"icon\" href=\"{root}../assets/icon.svg\" type=\"image/svg+xml\">\n\
             <link rel=\"stylesheet\" href=\"{root}../assets/style.css\">\n{script}</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">{skip}</a>\n\
             <header class=\"masthead\"><div class=\"wide\">\n\
             <a class=\"brand\" href=\"{root}./\"><img src=\"{root}../assets/icon.svg\" alt=\"\" width=\"36\" height=\"36\">\
             <span><strong>{site}</strong><small translate=\"no\">{network}</small></span></a>\n\
             <a class=\"language\" href=\"{root}../{other_code}/{place}\" lang=\"{other_code}\" hreflang=\"{other_code}\">{other_name}</a>\n\
             </div>\n<nav aria-label=\"{menu}\"><ul class=\"wide\">{links}</ul></nav></header>\n\
             <main id=\"main\" class=\"wide\" tabindex=\"-1\">\n<h1>{title}</h1>\n{body}</main>\n\
             <footer><div class=\"wide\"><p>{as_of}</p>{begins}<p>{about}</p></div></footer>\n</body>\n</html>\n",
            code = lang.code(),
            title = escape(&self.title),
            site = t("신원 원장 열람", "Identity ledger explorer"),
            skip = t("본문으로 건너뛰기", "Skip to content"),
            other_code = other.code(),
            other_name = other.name(),
            menu = t("주 메뉴", "Main menu"),
            place = escape(&place),
            about = t(
                "이 쪽은 읽기 전용이며, 이 노드가 알고 있는 내용을 보여 줍니다. 원장에는 기관의 기록만 있고 개인은 없습니다.",
                "This page is read-only and shows what this node knows. The ledger holds records of organisations, never of people.",
            ),
        )
    }
}

/// A page that does not exist, in the visitor's language.
fn missing(node: &Node, lang: Lang) -> Response {
    let page = Page {
        title: lang.pick("찾을 수 없습니다", "Not found").to_owned(),
        ..Page::new(lang, Section::Overview)
    };
    let page = Page { below: Some(String::new()), ..page };
    let said = lang.pick("원장에 그런 기록이 없습니다.", "The ledger has no such record.");
    (StatusCode::NOT_FOUND, page.answer(node, &format!("<p>{said}</p>"))).into_response()
}

/// The language of a path, or the answer that there is none.
fn language(part: &str) -> Result<Lang, StatusCode> {
    Lang::of_path(part).ok_or(StatusCode::NOT_FOUND)
}

/// Unix seconds of the last block: the ledger's own present.
fn present(node: &Node) -> u64 {
    node.latest().time_ms / 1_000
}

/// The real present, for ages.
fn now_ms() -> u64 {
    clock::now_ms()
}

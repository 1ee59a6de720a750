//! An app that `cargo xtask wasm` put together, scanner or wallet: static files below `/scanner/` or `/wallet/`, read once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// What pages, workers and scripts of an app may do: run its own scripts and wasm, fetch trust data from any mirror and
/// credentials from any issuer, and nothing inline. Those on this machine may do without TLS.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self' https: http://127.0.0.1:* http://localhost:*; worker-src 'self'; \
                      manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Files = Arc<HashMap<String, Bytes>>;

/// The app in the folder `name` of `web`; `None` where it has not been put together.
pub(crate) fn router(web: &Path, name: &str) -> Option<Router> {
    let mut files = HashMap::new();
    read(&web.join(name), "", &mut files).ok()?;
    let start = format!("/{name}/");
    files.contains_key("sw.js").then(|| {
        Router::new()
            .route(&format!("/{name}"), get(|| async move { Redirect::permanent(&start) }))
            .route(&format!("/{name}/"), get(|State(files): State<Files>| answer(files, "index.html".to_owned())))
            .route(&format!("/{name}/{{*file}}"), get(|State(files): State<Files>, UrlPath(file)| answer(files, file)))
            .with_state(Arc::new(files))
    })
}

fn read(folder: &Path, below: &str, files: &mut HashMap<String, Bytes>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

async fn answer(files: Files, file: String) -> Response {
    let Some(content) = files.get(&file) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type(&file))),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // The app keeps its own copy and asks for a newer one; nothing between needs to keep another.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content.clone()).into_response()
}

fn media_type(file: &str) -> &'static str {
    match file.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

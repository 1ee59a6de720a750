//! What wallets call: open an inbox, look into it, delete what was read, close it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::crypto::jose::from_base64url;
use protocol::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::pushes::urgency;
use crate::store::{Inbox, Message};
use crate::{Relay, RelayError, handle, hashed};

/// Longest call that opens an inbox, in bytes.
const CALL_MAX: usize = 512;
/// What an answer says beside its body.
const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Opens an inbox; who asks is not asked (PUSH-11).
pub(crate) async fn open(State(relay): State<Relay>, headers: HeaderMap, body: Bytes) -> Result<Response, RelayError> {
    let sender = sender(&headers, &body)?;
    let now = relay.now();
    // One number for all: the relay does not tell callers apart.
    if !relay.0.opened.admits([0; 32], now) {
        return Err(RelayError::TooManyInboxes);
    }
    let (push, receive) = (handle(), handle());
    let (name, reader) = (hashed(&push), hashed(&receive));
    relay
        .blocking(move |it| it.0.store.open_inbox(&name, &reader, sender.as_deref(), it.0.limits.inboxes, now))
        .await?;
    let base = &relay.0.base_url;
    let location = format!("{base}/subscription/{receive}");
    let link = format!("<{base}/push/{push}>; rel=\"urn:ietf:params:push\"");
    Ok((StatusCode::CREATED, [NO_STORE], [(header::LOCATION, location), (header::LINK, link)]).into_response())
}

/// The one sender that the inbox is to take pushes from: `{"vapid": key}` (RFC 8292, section 4.1).
fn sender(headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, RelayError> {
    if body.is_empty() {
        return Ok(None);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let options = json::read_object(body, CALL_MAX).ok().filter(|_| kind == Some("application/webpush-options+json"));
    let key =
        options.as_ref().and_then(|it| it.get("vapid")).and_then(|it| it.as_str()).ok_or(RelayError::MalformedCall)?;
    let point = from_base64url(key).filter(|it| it.len() == 65 && it[0] == 4).ok_or(RelayError::MalformedCall)?;
    Ok(Some(protocol::crypto::jose::base64url(&point)))
}

/// The oldest message, as soon as there is one, within the time that the wallet wants to wait. It stays until it is deleted, so
/// that a wallet that dies in between finds it again.
pub(crate) async fn receive(
    State(relay): State<Relay>,
    Path(receive): Path<String>,
    headers: HeaderMap,
) -> Result<Response, RelayError> {
    let (reader, now) = (hashed(&receive), relay.now());
    let inbox = relay.blocking(move |it| it.0.store.inbox(&reader, now)).await?;
    let least = urgency(&headers, 0)?;
    let wait = wait(&headers)?.min(relay.0.limits.wait_max);
    let place = relay.0.places.clone().try_acquire_owned().map_err(|_| RelayError::TooManyWaiting)?;
    let until = Instant::now() + Duration::from_secs(wait);
    let waiting = Waiting::begin(&relay, inbox);
    let message = loop {
        // Whoever pushes after this line wakes this wallet, even before it waits.
        let mut woken = std::pin::pin!(waiting.notify.notified());
        woken.as_mut().enable();
        let now = relay.now();
        let found = relay.blocking(move |it| it.0.store.oldest(&inbox, least, now)).await?;
        if found.is_some() || relay.stopping() || tokio::time::timeout_at(until, woken).await.is_err() {
            break found;
        }
    };
    drop(place);
    let Some(Message { name, expires_at, body, .. }) = message else {
        return Ok((StatusCode::NO_CONTENT, [NO_STORE]).into_response());
    };
    let link = format!("<{}/message/{name}>; rel=\"urn:ietf:params:push:message\"", relay.0.base_url);
    let left = expires_at.saturating_sub(relay.now()).to_string();
    let about = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_ENCODING, "aes128gcm".to_owned()),
        (header::LINK, link),
        (HeaderName::from_static("ttl"), left),
    ];
    Ok((StatusCode::OK, [NO_STORE], about, body).into_response())
}

/// A wallet that waits for messages to an inbox, as long as it does.
struct Waiting {
    relay: Relay,
    inbox: Inbox,
    notify: Arc<Notify>,
}

impl Waiting {
    fn begin(relay: &Relay, inbox: Inbox) -> Self {
        let notify = relay.waiting().entry(inbox).or_default().clone();
        Self { relay: relay.clone(), inbox, notify }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.relay.waiting();
        // The map's own, and this one.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.inbox);
        }
    }
}

/// `Prefer: wait=20`, in seconds (RFC 7240, section 4.3); not at all where nothing is said.
fn wait(headers: &HeaderMap) -> Result<u64, RelayError> {
    let Some(prefer) = headers.get("prefer") else { return Ok(0) };
    let prefer = prefer.to_str().map_err(|_| RelayError::MalformedCall)?;
    let wait = prefer.split([',', ';']).find_map(|it| it.trim().strip_prefix("wait="));
    wait.map_or(Ok(0), |it| it.parse().map_err(|_| RelayError::MalformedCall))
}

/// Closes an inbox with all that is in it (PUSH-13).
pub(crate) async fn close(State(relay): State<Relay>, Path(receive): Path<String>) -> Result<Response, RelayError> {
    let reader = hashed(&receive);
    relay.blocking(move |it| it.0.store.close(&reader)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Deletes a message: the wallet has it, or the site does not want it delivered any more (PUSH-13).
pub(crate) async fn delete(State(relay): State<Relay>, Path(message): Path<String>) -> Result<Response, RelayError> {
    relay.blocking(move |it| it.0.store.delete(&message)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

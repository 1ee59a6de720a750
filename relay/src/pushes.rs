//! What sites call: push a message (RFC 8030, section 5).

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use push_message::{check_authorization, is_encrypted};

use crate::store::Message;
use crate::{Relay, RelayError, handle, hashed};

/// How long a message that is worth nothing later is kept for a wallet that waits just now, in seconds.
const AT_ONCE: u64 = 10;
/// Longest topic (RFC 8030, section 5.4).
const TOPIC_MAX: usize = 32;
/// RFC 8030, section 5.3, the least urgent first.
const URGENCIES: [&str; 4] = ["very-low", "low", "normal", "high"];
/// What a push is that does not say.
const NORMAL: u8 = 2;

/// Takes a message (PUSH-12), and acknowledges it once it is on disk.
pub(crate) async fn push(
    State(relay): State<Relay>,
    Path(push): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, RelayError> {
    let (inbox, now) = (hashed(&push), relay.now());
    let wanted = relay.blocking(move |it| it.0.store.sender(&inbox)).await?;
    check_sender(&relay, &headers, wanted.as_deref(), now)?;
    if !relay.0.pushes.admits(inbox, now) {
        return Err(RelayError::TooManyPushes);
    }
    let body = body.map_err(|_| RelayError::MessageTooLarge)?;
    let (wished, topic, urgency) = (ttl(&headers)?, topic(&headers)?, urgency(&headers, NORMAL)?);
    // Nothing that could be read is carried: not by its name, not by its form.
    let named = text(&headers, "content-encoding")?.is_some_and(|it| it.eq_ignore_ascii_case("aes128gcm"));
    if !named || !is_encrypted(&body) {
        return Err(RelayError::NotEncrypted);
    }
    let ttl = wished.min(relay.0.limits.ttl_max);
    let name = handle();
    let location = format!("{}/message/{name}", relay.0.base_url);
    let notify = relay.waiting().get(&inbox).cloned();
    // Worth something at once or never: for a wallet that waits, or for nobody (RFC 8030, section 5.2).
    if ttl > 0 || notify.is_some() {
        let expires_at = now.saturating_add(if ttl > 0 { ttl } else { AT_ONCE });
        let message = Message { name, topic, urgency, expires_at, body: body.to_vec() };
        relay.blocking(move |it| it.0.store.keep(&inbox, &message, it.0.limits.messages, now)).await?;
        // One that began to wait while this was written has not seen it.
        if let Some(notify) = notify.or_else(|| relay.waiting().get(&inbox).cloned()) {
            notify.notify_waiters();
        }
    }
    let about = [(header::LOCATION, location), (HeaderName::from_static("ttl"), ttl.to_string())];
    Ok((StatusCode::CREATED, about).into_response())
}

/// Who pushes, where the inbox wants to know or the sender says (PUSH-05).
fn check_sender(relay: &Relay, headers: &HeaderMap, wanted: Option<&str>, now: u64) -> Result<(), RelayError> {
    let Some(said) = headers.get(header::AUTHORIZATION) else {
        return if wanted.is_none() { Ok(()) } else { Err(RelayError::SenderRequired) };
    };
    let said = said.to_str().map_err(|_| RelayError::SenderNotAccepted)?;
    let audience = push_message::origin(&relay.0.base_url).unwrap_or_default();
    let sender = check_authorization(said, audience, now)?;
    if wanted.is_none_or(|it| it == sender) { Ok(()) } else { Err(RelayError::SenderNotAccepted) }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, RelayError> {
    headers.get(name).map(|it| it.to_str().map_err(|_| RelayError::MalformedCall)).transpose()
}

fn ttl(headers: &HeaderMap) -> Result<u64, RelayError> {
    let ttl = text(headers, "ttl")?.ok_or(RelayError::TtlMissing)?;
    let digits = ttl.bytes().all(|it| it.is_ascii_digit()) && !ttl.is_empty();
    // Longer than any number here is long enough.
    if digits { Ok(ttl.parse().unwrap_or(u64::MAX)) } else { Err(RelayError::MalformedCall) }
}

fn topic(headers: &HeaderMap) -> Result<Option<String>, RelayError> {
    let Some(topic) = text(headers, "topic")? else { return Ok(None) };
    let plain = topic.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_');
    let fits = plain && !topic.is_empty() && topic.len() <= TOPIC_MAX;
    fits.then(|| Some(topic.to_owned())).ok_or(RelayError::MalformedCall)
}

/// How urgent a message is, or must be at least.
pub(crate) fn urgency(headers: &HeaderMap, unsaid: u8) -> Result<u8, RelayError> {
    let Some(urgency) = text(headers, "urgency")? else { return Ok(unsaid) };
    let known = URGENCIES.iter().position(|it| *it == urgency);
    known.and_then(|it| u8::try_from(it).ok()).ok_or(RelayError::MalformedCall)
}

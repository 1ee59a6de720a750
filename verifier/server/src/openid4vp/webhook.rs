//! Telling a relying party that its request is decided: where, in what form, and how often that is tried.
//!
//! The form is that of Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), so that libraries of
//! others check it. It has the request's id and its state, and nothing of an answer.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::sync::watch;

use super::Presenting;
use crate::Database;
use crate::store::{DueCall, PendingCall, State};

/// Longest address, in bytes.
const ADDRESS_MAX: usize = 1024;
/// Shortest secret, in bytes (Standard Webhooks: 24 to 64).
const SECRET_MIN: usize = 24;
/// Longest secret, in bytes.
const SECRET_MAX: usize = 64;

/// Which addresses a relying party may be called at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// With TLS.
    Https,
    /// On this machine.
    ThisMachine,
    /// With TLS, or on this machine.
    HttpsOrThisMachine,
}

/// An address that a policy lets through: there is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackAddress(String);

impl CallbackAddress {
    /// `https://host…`, or by the policy `http://127.0.0.1:…` and `http://localhost:…`, without a fragment, without user
    /// information.
    #[must_use]
    pub fn read(text: &str, reach: Reach) -> Option<Self> {
        let local = text.strip_prefix("http://").filter(|_| reach != Reach::Https);
        let rest = text.strip_prefix("https://").filter(|_| reach != Reach::ThisMachine).or(local)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte);
        let host = authority.split(':').next().unwrap_or_default();
        let here = matches!(host, "127.0.0.1" | "localhost");
        let fits = text.len() <= ADDRESS_MAX && text.bytes().all(plain) && !host.is_empty() && !authority.contains('@');
        (fits && (local.is_none() || here)).then(|| Self(text.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where to.
    pub address: CallbackAddress,
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`, `content-type`.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// Delivers: `POST` with these headers and body, following no redirect; the status of the answer, if there was one.
pub type Deliver = Arc<dyn Fn(&Delivery) -> Option<u16> + Send + Sync>;

/// The secret that signs deliveries, shared with the relying party.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// 24 to 64 bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (SECRET_MIN..=SECRET_MAX).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// Reads what [`WebhookSecret::to_text`] wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::new(&BASE64.decode(text.trim().strip_prefix("whsec_")?).ok()?)
    }

    /// As libraries take it: `whsec_` and base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("whsec_{}", BASE64.encode(&self.0))
    }

    fn sign(&self, id: &str, at: u64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    }
}

impl core::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

/// How relying parties are called.
#[derive(Clone)]
pub struct Webhooks {
    /// Where.
    pub reach: Reach,
    /// In whose name.
    pub secret: WebhookSecret,
    /// By whom.
    pub deliver: Deliver,
    /// How long to wait before each further attempt.
    pub waits: Vec<Duration>,
}

impl Webhooks {
    /// Five attempts within three minutes.
    #[must_use]
    pub fn new(reach: Reach, secret: WebhookSecret, deliver: Deliver) -> Self {
        Self { reach, secret, deliver, waits: [1, 5, 25, 125].map(Duration::from_secs).to_vec() }
    }
}

impl core::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Webhooks").field("reach", &self.reach).field("waits", &self.waits).finish_non_exhaustive()
    }
}

/// How long an instance that has no call to make waits before it looks for those of others.
const LOOK: Duration = Duration::from_secs(1);

/// OVP-22. The same for all attempts: by it the relying party knows a repetition.
pub(super) fn message() -> String {
    format!("msg_{}", super::handle())
}

impl Presenting {
    /// Waits until the request is decided here, or over, and tells the relying party.
    pub(super) fn announce(
        &self,
        webhooks: Webhooks,
        address: CallbackAddress,
        id: String,
        call: PendingCall,
        mut followed: watch::Receiver<State>,
    ) {
        let service = self.clone();
        tokio::spawn(async move {
            let decided = followed.wait_for(|state| !state.open());
            let state = match tokio::time::timeout(Duration::from_secs(call.life), decided).await {
                Ok(Ok(state)) => state.name(),
                _ => "expired",
            };
            let mut waits = webhooks.waits.iter();
            while !service.deliver(&webhooks, &address, &call.message, &id, state).await {
                let Some(wait) = waits.next() else { return };
                tokio::time::sleep(*wait).await;
            }
        });
    }

    /// Makes the calls that are noted in the database, whichever instance noted them, as long as there is this one.
    pub(super) fn make_calls(&self, database: Database, webhooks: Webhooks) {
        let service = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(inner) = service.upgrade() {
                let service = Self(inner);
                // Nobody takes a call that it cannot make at once.
                match service.0.deliveries.clone().acquire_owned().await {
                    Ok(turn) => match database.due_call().await {
                        Ok(Some(call)) => {
                            let (database, webhooks) = (database.clone(), webhooks.clone());
                            tokio::spawn(async move {
                                let _turn = turn;
                                service.make_call(&database, &webhooks, &call).await;
                            });
                            continue;
                        }
                        // Where the database does not answer, the call is taken again later.
                        Ok(None) | Err(_) => drop(turn),
                    },
                    Err(_) => return,
                }
                drop(service);
                database.rung(LOOK).await;
            }
        });
    }

    /// Makes one attempt. What cannot be noted of it is tried again by whoever comes next: at least once is what is promised.
    async fn make_call(&self, database: &Database, webhooks: &Webhooks, call: &DueCall) {
        let state = call.state.map_or("expired", State::name);
        let made = match CallbackAddress::read(&call.address, webhooks.reach) {
            Some(address) => self.attempt(webhooks, &address, &call.message, &call.id, state).await,
            None => true, // the policy is another one now
        };
        let _ = match webhooks.waits.get(call.failed).filter(|_| !made) {
            Some(wait) => database.call_again(call, *wait).await,
            None => database.called(call).await,
        };
    }

    /// One attempt, when it is its turn.
    async fn deliver(
        &self,
        webhooks: &Webhooks,
        address: &CallbackAddress,
        message: &str,
        id: &str,
        state: &str,
    ) -> bool {
        let Ok(_turn) = self.0.deliveries.acquire().await else { return true };
        self.attempt(webhooks, address, message, id, state).await
    }

    /// One attempt: whether the relying party has it.
    async fn attempt(
        &self,
        webhooks: &Webhooks,
        address: &CallbackAddress,
        message: &str,
        id: &str,
        state: &str,
    ) -> bool {
        let body = json!({ "type": "presentation.decided", "data": { "id": id, "state": state } }).to_string();
        let at = self.now();
        let Some(signature) = webhooks.secret.sign(message, at, body.as_bytes()) else { return true };
        let delivery = Delivery {
            address: address.clone(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("webhook-id", message.to_owned()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", signature),
            ],
            body: body.into_bytes(),
        };
        let deliver = webhooks.deliver.clone();
        let answered = tokio::task::spawn_blocking(move || deliver(&delivery)).await.ok().flatten();
        answered.is_some_and(|status| (200..300).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ovp_21_addresses_are_those_of_the_policy() {
        let (tls, here) = ("https://shop.example/hook?a=1", "http://127.0.0.1:8080/hook");
        for (reach, expected) in
            [(Reach::Https, [true, false]), (Reach::ThisMachine, [false, true]), (Reach::HttpsOrThisMachine, [true; 2])]
        {
            assert_eq!([tls, here].map(|it| CallbackAddress::read(it, reach).is_some()), expected, "{reach:?}");
        }
        for wrong in [
            "http://shop.example/",
            "http://127.0.0.1.shop.example/",
            "http://127.0.0.1@shop.example/",
            "http://localhost:1@shop.example/",
            "https://",
            "https:///hook",
            "https://a b/",
            "https://shop.example/#x",
            "https://shop.example/\r\nx: y",
            "ftp://shop.example/",
            "file:///etc/passwd",
        ] {
            assert_eq!(CallbackAddress::read(wrong, Reach::HttpsOrThisMachine), None, "{wrong}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(ADDRESS_MAX));
        assert_eq!(CallbackAddress::read(&long, Reach::Https), None);
    }

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn ovp_22_signatures_are_those_of_standard_webhooks() {
        let secret = WebhookSecret::new(&BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()).unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.to_text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert!(
            WebhookSecret::from_text(&secret.to_text()).is_some() && WebhookSecret::from_text("whsec_AAAA").is_none()
        );
        assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
        assert!(WebhookSecret::new(&[0; 23]).is_none() && WebhookSecret::new(&[0; 65]).is_none());
    }
}

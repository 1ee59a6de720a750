//! Calling a wallet (`specs/push-relay.md`): a request goes to the inbox that its owner gave, sealed, through a push service that this
//! verifier was set up with and no other.

use protocol::crypto::multikey::StandardSigner;
use push_message::{Notice, PushError, Subscription, authorization, origin, sender_key};
use rand_core::UnwrapErr;
use serde::Serialize;

use crate::openid4vp::{CallbackAddress, Deliver, Delivery, Reach};

/// Of all that wait in an inbox the newest is worth opening. It is the same for everybody and says nothing.
const TOPIC: &str = "1";

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sent {
    /// The push service took it. Whether the wallet ever looks, nobody knows.
    Accepted,
    /// The inbox was closed: forget it, and show a code instead.
    Gone,
    /// The push service does not take it now.
    NotAccepted,
    /// The push service cannot be reached.
    Unreachable,
}

/// How wallets are called.
pub struct Pushes {
    services: Vec<String>,
    key: Box<dyn StandardSigner + Send + Sync>,
    contact: Option<String>,
    deliver: Deliver,
}

impl Pushes {
    /// Through push services at these origins alone (PUSH-04), in the name of a P-256 key (RFC 8292) and with an address to complain to.
    /// `deliver` posts, and follows no redirect.
    #[must_use]
    pub fn new(
        services: Vec<String>,
        key: Box<dyn StandardSigner + Send + Sync>,
        contact: Option<String>,
        deliver: Deliver,
    ) -> Self {
        Self { services, key, contact, deliver }
    }

    /// The key as browsers take it for an inbox that takes no other's pushes (`applicationServerKey`).
    #[must_use]
    pub fn sender_key(&self) -> Option<String> {
        sender_key(&self.key.multikey())
    }

    /// Whether this verifier pushes there. Where to push comes from outside, so that it is a choice of few and never an address of
    /// somebody else's choosing.
    pub(crate) fn reaches(&self, inbox: &Subscription) -> bool {
        origin(inbox.endpoint()).is_some_and(|it| self.services.iter().any(|service| service == it))
    }

    /// Pushes a link that is worth opening for `ttl` seconds. Blocks until the push service has answered.
    pub(crate) fn send(&self, inbox: &Subscription, link: &str, ttl: u64, now: u64) -> Result<Sent, PushError> {
        let body = inbox.seal(&Notice::new(link).to_bytes(), &mut UnwrapErr(getrandom::SysRng))?;
        let token = authorization(inbox.endpoint(), self.contact.as_deref(), &*self.key, now)?;
        let address = CallbackAddress::read(inbox.endpoint(), Reach::HttpsOrThisMachine);
        let headers = vec![
            ("authorization", token),
            ("content-encoding", "aes128gcm".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("ttl", ttl.to_string()),
            ("topic", TOPIC.to_owned()),
            ("urgency", "high".to_owned()),
        ];
        let delivery = Delivery { address: address.ok_or(PushError::AddressNotAllowed)?, headers, body };
        Ok(match (self.deliver)(&delivery) {
            Some(200..=202) => Sent::Accepted,
            Some(404 | 410) => Sent::Gone,
            Some(_) => Sent::NotAccepted,
            None => Sent::Unreachable,
        })
    }
}

//! Messages of Web Push (`specs/push-relay.md`): encrypted for one inbox (RFC 8291 over RFC 8188), all of one length, and the token by
//! which a push service knows who sends (RFC 8292). The wallet opens them, a verifier seals them, the relay between sees neither.
//!
//! ```
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! use push_message::{BODY, InboxKey, Notice, Subscription};
//!
//! # let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! let key = InboxKey::generate(&mut rng);
//! let told = Subscription::new("https://relay.example/push/3x0fA", &key)?;
//! // The site keeps this, as a browser's `PushSubscription` writes it, and seals to it later.
//! let known = Subscription::from_json(&told.to_json())?;
//! let body = known.seal(&Notice::new("mid-wallet://answer#mid=AAAA").to_bytes(), &mut rng)?;
//! assert_eq!(body.len(), BODY);
//! assert_eq!(Notice::read(&key.open(&body)?)?.open(), "mid-wallet://answer#mid=AAAA");
//! # Ok::<(), push_message::PushError>(())
//! ```

mod message;
mod notice;
mod sender;
mod subscription;

pub use message::{BODY, BODY_MAX, InboxKey, TEXT_MAX, is_encrypted};
pub use notice::{Notice, match_code};
pub use sender::{authorization, check_authorization, sender_key};
pub use subscription::{Subscription, origin};

/// Why a message is not sealed, not opened, or not taken from whoever sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Not what a browser or a wallet says of its inbox.
    #[error("this is no push subscription; ask the wallet for it again")]
    MalformedSubscription,
    /// The push service is neither at an `https` address nor on this machine.
    #[error("pushes go to https addresses only; ask for another subscription")]
    AddressNotAllowed,
    /// Longer than what all messages are padded to.
    #[error("this is too long for a push; show it as a code instead")]
    MessageTooLong,
    /// Not one record of `aes128gcm` from a P-256 key, or longer than pushes are.
    #[error("this push cannot be read; it was dropped")]
    MalformedMessage,
    /// Not encrypted to this inbox, or changed.
    #[error("this push is not for this inbox, or was changed; it was dropped")]
    PushNotForInbox,
    /// What was pushed is nothing that this version knows.
    #[error("this push is of a newer version; update this app")]
    UnknownNotice,
    /// Not a token of RFC 8292.
    #[error("the sender's token cannot be read; sign a new one")]
    MalformedToken,
    /// Signed by another key, for another push service, or over.
    #[error("the sender's token is not for this push service and moment; sign a new one")]
    TokenNotAccepted,
}

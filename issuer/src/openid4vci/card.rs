//! Logging in with a chip card and its PIN (`specs/chip-card.md`): the page shows a challenge that is good for this log-in alone, the
//! card signs it after its PIN, and the register says whose card that is.

use hmac::{Hmac, KeyInit, Mac};
use protocol::crypto::algorithm::Algorithm;
use protocol::crypto::jose::{Jws, base64url, from_base64url};
use protocol::exchange::openid4vci::form;
use rand_core::CryptoRng;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::random;
use crate::issuer::Issuer;
use crate::register::{PersonId, RegisterError};
use crate::store::PushedRequest;

/// Media type (`typ`) of an answer.
const KIND: &str = "mid-card-log-in+jwt";
/// What the link begins with that a card's reader is opened with.
const LINK: &str = "mid-card://log-in";
/// Keeps challenges apart from everything else made with a secret. It never leaves the issuer.
const LABEL: &[u8] = b"mid/v1/issuer/card-challenge;";
/// Seconds a challenge lives.
const LIFE: u64 = 300;
/// Length of a challenge: a time, random bytes, and a tag that ties them to the log-in.
const LENGTH: usize = 8 + 16 + 32;

/// Why the answer of a card is none. The page does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardRefusal {
    /// It is not a signed answer.
    #[error("this is not the answer of a card")]
    CardAnswerMalformed,
    /// The register knows no such card.
    #[error("the register knows no card of this number")]
    CardUnknown,
    /// The card's key has not signed it.
    #[error("the card's key has not signed this")]
    CardSignatureInvalid,
    /// It is for another issuer.
    #[error("the card's answer is for another issuer")]
    CardAudienceMismatch,
    /// The card was told another wallet, or other credentials.
    #[error("the card was told that something else is asked for")]
    CardRequestMismatch,
    /// The challenge is not of this log-in, or has run out.
    #[error("the card has answered another challenge, or an old one")]
    CardChallengeInvalid,
}

/// An open log-in: what its challenges are tied to.
#[derive(Clone, Copy)]
pub(super) struct OpenLogIn<'a> {
    /// The request's name.
    pub(super) name: &'a str,
    /// What ties the page to whoever opened it.
    pub(super) session: &'a str,
    /// The issuer's secret.
    pub(super) secret: &'a [u8; 32],
    /// Unix seconds.
    pub(super) now: u64,
}

impl OpenLogIn<'_> {
    /// A fresh challenge for this log-in.
    fn challenge<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> Option<String> {
        let seen = [self.now.to_be_bytes().as_slice(), &random(rng)].concat();
        let tag = self.tag(&seen)?.finalize().into_bytes();
        Some(base64url(&[seen.as_slice(), tag.as_slice()].concat()))
    }

    /// Whether a challenge was made for this log-in, not long ago (CARD-13).
    fn made(&self, challenge: &str) -> bool {
        let bytes = from_base64url(challenge).filter(|bytes| bytes.len() == LENGTH).unwrap_or_default();
        let Some((seen, tag)) = bytes.split_at_checked(24) else { return false };
        let made_at = seen.first_chunk().map(|time| u64::from_be_bytes(*time));
        let young = made_at.and_then(|made_at| self.now.checked_sub(made_at)).is_some_and(|age| age <= LIFE);
        young && self.tag(seen).is_some_and(|expected| expected.verify_slice(tag).is_ok())
    }

    fn tag(&self, seen: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret).ok()?;
        mac.update(LABEL);
        // Digests, so that no name runs into a session.
        mac.update(&Sha256::digest(self.name));
        mac.update(&Sha256::digest(self.session));
        mac.update(seen);
        Some(mac)
    }
}

impl Issuer {
    /// The link that the page shows for a card, with a fresh challenge.
    pub(super) fn card_link<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        rng: &mut R,
    ) -> Option<String> {
        let query = form(&[
            ("issuer", self.openid_identifier()),
            ("client", &pushed.client),
            ("wants", &pushed.credential_types.join(" ")),
            ("challenge", &log_in.challenge(rng)?),
        ]);
        Some(format!("{LINK}?{query}"))
    }

    /// Whose card has answered for this log-in.
    pub(super) fn card_answered(
        &self,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        answer: &str,
    ) -> Result<Result<PersonId, CardRefusal>, RegisterError> {
        Ok(self.card_holder(answer)?.and_then(|(person, said)| {
            if said.get("aud").and_then(Value::as_str) != Some(self.openid_identifier()) {
                return Err(CardRefusal::CardAudienceMismatch); // CARD-11
            }
            let wants = Value::from(pushed.credential_types.clone());
            let client = said.get("client").and_then(Value::as_str);
            if client != Some(pushed.client.as_str()) || said.get("wants") != Some(&wants) {
                return Err(CardRefusal::CardRequestMismatch); // CARD-12
            }
            let nonce = said.get("nonce").and_then(Value::as_str).unwrap_or_default();
            if log_in.made(nonce) { Ok(person) } else { Err(CardRefusal::CardChallengeInvalid) } // CARD-13
        }))
    }

    /// Whose card has signed an answer, and what it says (CARD-10).
    #[allow(clippy::type_complexity, reason = "read in one place")]
    fn card_holder(
        &self,
        answer: &str,
    ) -> Result<Result<(PersonId, serde_json::Map<String, Value>), CardRefusal>, RegisterError> {
        let read = || {
            let jws = Jws::read(answer).ok()?;
            jws.expect_kind(KIND).ok()?;
            let number = jws.header().text("kid")?.to_owned();
            (jws.header().algorithm() == Algorithm::Es256).then_some((jws, number))
        };
        let Some((jws, number)) = read() else { return Ok(Err(CardRefusal::CardAnswerMalformed)) };
        let (person, key) = match self.register.holder_of_card(&number) {
            Ok(known) => known,
            Err(RegisterError::PersonUnknown) => return Ok(Err(CardRefusal::CardUnknown)),
            Err(other) => return Err(other),
        };
        let Ok(verified) = jws.verify(&key) else { return Ok(Err(CardRefusal::CardSignatureInvalid)) };
        Ok(verified.claims().map(|said| (person, said)).map_err(|_| CardRefusal::CardAnswerMalformed))
    }
}

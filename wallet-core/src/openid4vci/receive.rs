//! From the owner's consent to checked credentials: token, nonce, credential, notification.

use minicbor::{Decode, Encode};
use protocol::credential::w3c::Suite;
use protocol::crypto::multikey::{Multikey, StandardSigner};
use protocol::exchange::openid4vci::dpop::{self, Request as DpopRequest};
use protocol::exchange::openid4vci::key_proof::{self, Expected};
use protocol::exchange::openid4vci::{
    CREDENTIALS_MAX, CredentialRequest, CredentialResponse, ErrorBody, ErrorCode, LDP_VC, MDOC, MESSAGE_MAX,
    NonceResponse, NotificationEvent, NotificationRequest, PRE_AUTHORIZED, Proofs, SD_JWT, TokenResponse, form, read,
};
use rand_core::CryptoRng;
use serde::Serialize;

use super::check::{Received, Trusted, check};
use super::discover::{KnownIssuer, OfferedCredential};
use super::{Answer, ReceiveError, Request};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// How often a request is sent again for each credential, and as often for the token.
const REPEATS: u32 = 3;

/// Formats of foreign credentials that the wallet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Format {
    /// SD-JWT VC.
    #[n(0)]
    SdJwt,
    /// Mobile document.
    #[n(1)]
    Mdoc,
    /// W3C credential with an `eddsa-rdfc-2022` proof: all of it is shown, or nothing.
    #[n(2)]
    W3cEddsa,
    /// W3C credential with a `bbs-2023` base proof: parts of it are shown.
    #[n(3)]
    W3cBbs,
}

impl Format {
    /// The name in the standards.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SdJwt => SD_JWT,
            Self::Mdoc => MDOC,
            Self::W3cEddsa | Self::W3cBbs => LDP_VC,
        }
    }

    /// The suite of a W3C credential's proof.
    #[must_use]
    pub const fn suite(self) -> Option<Suite> {
        match self {
            Self::SdJwt | Self::Mdoc => None,
            Self::W3cEddsa => Some(Suite::EddsaRdfc2022),
            Self::W3cBbs => Some(Suite::Bbs2023),
        }
    }
}

/// The keys of one way through the protocol, all of them the wallet's own.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The one that tokens are bound to.
    pub sender: &'a dyn StandardSigner,
    /// For each offered credential, in order, those that its copies are bound to: at most [`Receiving::copies_max`].
    pub holders: &'a [&'a [&'a dyn StandardSigner]],
}

/// How far it is.
#[derive(Debug)]
pub enum Progress {
    /// The next request is to be sent.
    More(Box<Receiving>),
    /// Everything was received.
    Done(Vec<Received>),
}

/// Which request is next.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
enum Stage {
    #[n(0)]
    Token,
    #[n(1)]
    Nonce,
    #[n(2)]
    Credential,
    #[n(3)]
    Notification,
}

/// On the way. Each request is made with [`Receiving::request`], and its answer given to [`Receiving::answered`]. A wallet keeps
/// it after every step.
#[derive(Encode, Decode)]
#[cbor(array)]
pub struct Receiving {
    #[n(0)]
    issuer: String,
    #[n(1)]
    token_endpoint: String,
    #[n(2)]
    nonce_endpoint: Option<String>,
    #[n(3)]
    credential_endpoint: String,
    #[n(4)]
    notification_endpoint: Option<String>,
    #[n(5)]
    copies_max: u32,
    #[n(6)]
    code: String,
    #[n(7)]
    tx_code: Option<String>,
    #[n(8)]
    credentials: Vec<OfferedCredential>,
    #[n(9)]
    stage: Stage,
    /// How often a request may still be sent again with what the server asked for.
    #[n(10)]
    repeats: u32,
    #[n(11)]
    dpop_nonce: Option<String>,
    #[n(12)]
    token: Option<String>,
    #[n(13)]
    nonce: Option<String>,
    #[n(14)]
    notification_id: Option<String>,
    /// How many of the credentials are there.
    #[n(15)]
    done: u32,
    #[n(16)]
    received: Vec<Received>,
}

/// It holds codes and tokens.
impl core::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiving({} received, [redacted])", self.received.len())
    }
}

impl Receiving {
    pub(super) fn new(known: &KnownIssuer, token_endpoint: String, tx_code: Option<String>) -> Self {
        let (metadata, credentials) = (known.metadata(), known.credentials().to_vec());
        Self {
            issuer: metadata.credential_issuer.clone(),
            token_endpoint,
            nonce_endpoint: metadata.nonce_endpoint.clone(),
            credential_endpoint: metadata.credential_endpoint.clone(),
            notification_endpoint: metadata.notification_endpoint.clone(),
            copies_max: metadata.batch_credential_issuance.map_or(1, |batch| batch.batch_size.max(1)),
            code: known.code().to_owned(),
            tx_code,
            repeats: credentials.len() as u32 * REPEATS + REPEATS,
            credentials,
            stage: Stage::Token,
            dpop_nonce: None,
            token: None,
            nonce: None,
            notification_id: None,
            done: 0,
            received: Vec::new(),
        }
    }

    /// How many copies of a credential, each for a key of its own, the issuer gives at once.
    #[must_use]
    pub fn copies_max(&self) -> u32 {
        self.copies_max
    }

    /// What is to be had, in order.
    #[must_use]
    pub fn credentials(&self) -> &[OfferedCredential] {
        &self.credentials
    }

    /// What is there already.
    #[must_use]
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// The issuer's address.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether it is the same offer.
    pub(crate) fn same_offer(&self, other: &Self) -> bool {
        (&self.issuer, &self.code) == (&other.issuer, &other.code)
    }

    /// What to send next.
    ///
    /// # Errors
    /// [`ReceiveError::KeyUnavailable`], also when there is a key too few.
    pub fn request(&self, keys: &Keys<'_>, now: u64, rng: &mut dyn CryptoRng) -> Result<Request, ReceiveError> {
        match self.stage {
            Stage::Token => {
                let mut parameters = vec![("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", self.code.as_str())];
                parameters.extend(self.tx_code.as_deref().map(|code| ("tx_code", code)));
                let body = form(&parameters).into_bytes();
                self.post(&self.token_endpoint, Some(FORM), body, keys, now, rng)
            }
            Stage::Nonce => {
                let address = self.nonce_endpoint.clone().ok_or(ReceiveError::MetadataInvalid)?;
                Ok(Request { method: "POST", address, headers: vec![("accept", JSON.to_owned())], body: Vec::new() })
            }
            Stage::Credential => {
                let holders = keys.holders.get(self.done as usize).ok_or(ReceiveError::KeyUnavailable)?;
                let expected = Expected { issuer: &self.issuer, client: None, now };
                let proof = |holder: &&dyn StandardSigner| key_proof::make(*holder, &expected, self.nonce.as_deref());
                let jwt = holders.iter().map(proof).collect::<Result<Vec<_>, _>>();
                let jwt = jwt.map_err(|_| ReceiveError::KeyUnavailable)?;
                let request = CredentialRequest {
                    credential_configuration_id: self.next_one().map(|offered| offered.configuration.clone()),
                    proofs: Some(Proofs { jwt }),
                    ..CredentialRequest::default()
                };
                self.post(&self.credential_endpoint, Some(JSON), json(&request), keys, now, rng)
            }
            Stage::Notification => {
                let address = self.notification_endpoint.as_ref().ok_or(ReceiveError::MetadataInvalid)?;
                let notification = NotificationRequest {
                    notification_id: self.notification_id.clone().unwrap_or_default(),
                    event: NotificationEvent::CredentialAccepted,
                    event_description: None,
                };
                self.post(address, Some(JSON), json(&notification), keys, now, rng)
            }
        }
    }

    fn post(
        &self,
        address: &str,
        kind: Option<&str>,
        body: Vec<u8>,
        keys: &Keys<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Request, ReceiveError> {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let request = DpopRequest { method: "POST", address, token: self.token.as_deref() };
        let proof = dpop::make(keys.sender, &request, self.dpop_nonce.as_deref(), now, id);
        let proof = proof.map_err(|_| ReceiveError::KeyUnavailable)?;
        let mut headers = vec![("dpop", proof), ("accept", JSON.to_owned())];
        headers.extend(kind.map(|kind| ("content-type", kind.to_owned())));
        headers.extend(self.token.as_ref().map(|token| ("authorization", format!("DPoP {token}"))));
        Ok(Request { method: "POST", address: address.to_owned(), headers, body })
    }

    /// Takes the answer to [`Receiving::request`]. `holder` is the public half of the key that the credential under way is
    /// bound to.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing of what is under way can be used then, but for what was received before.
    pub fn answered(
        mut self,
        answer: &Answer,
        keys: &Keys<'_>,
        trusted: &Trusted<'_>,
        now: u64,
    ) -> Result<Progress, ReceiveError> {
        if let Some(nonce) = &answer.dpop_nonce {
            self.dpop_nonce = Some(nonce.clone());
        }
        if !(200..300).contains(&answer.status) {
            return self.refused(answer);
        }
        match self.stage {
            Stage::Token => {
                let token: TokenResponse = message(answer, MESSAGE_MAX)?;
                // VCI-42
                if !token.token_type.eq_ignore_ascii_case("dpop") {
                    return Err(ReceiveError::AnswerMalformed);
                }
                self.token = Some(token.access_token);
                self.tx_code = None;
                self.stage = self.first_stage();
            }
            Stage::Nonce => {
                self.nonce = Some(message::<NonceResponse>(answer, MESSAGE_MAX)?.c_nonce);
                self.stage = Stage::Credential;
            }
            Stage::Credential => {
                let response: CredentialResponse = message(answer, CREDENTIALS_MAX)?;
                let holders = keys.holders.get(self.done as usize).ok_or(ReceiveError::KeyUnavailable)?;
                let mut holders: Vec<Multikey> = holders.iter().map(|holder| holder.multikey()).collect();
                let offered = self.next_one().cloned().ok_or(ReceiveError::AnswerMalformed)?;
                if response.credentials.is_empty() || response.credentials.len() > holders.len() {
                    return Err(ReceiveError::AnswerMalformed);
                }
                for issued in &response.credentials {
                    let copy = check(offered.clone(), &issued.credential, trusted, now)?;
                    // Each copy has a key of its own.
                    let mine = holders.iter().position(|holder| *holder == copy.holder);
                    holders.remove(mine.ok_or(ReceiveError::CredentialInvalid)?);
                    self.received.push(copy);
                }
                self.done += 1;
                self.notification_id = response.notification_id.filter(|_| self.notification_endpoint.is_some());
                self.stage = if self.notification_id.is_some() { Stage::Notification } else { self.first_stage() };
            }
            Stage::Notification => self.stage = self.first_stage(),
        }
        let over = self.stage != Stage::Notification && self.next_one().is_none();
        Ok(if over { Progress::Done(self.received) } else { Progress::More(Box::new(self)) })
    }

    /// What a credential begins with.
    fn first_stage(&self) -> Stage {
        if self.nonce_endpoint.is_some() { Stage::Nonce } else { Stage::Credential }
    }

    /// The credential under way.
    fn next_one(&self) -> Option<&OfferedCredential> {
        self.credentials.get(self.done as usize)
    }

    /// Goes on where the server only wants a fresh nonce.
    fn refused(mut self, answer: &Answer) -> Result<Progress, ReceiveError> {
        let code = read::<ErrorBody>(&answer.body, MESSAGE_MAX).map(|body| body.error).unwrap_or_default();
        let sender = code == ErrorCode::UseDpopNonce.as_str() && answer.dpop_nonce.is_some();
        let proof = code == ErrorCode::InvalidNonce.as_str() && self.stage == Stage::Credential;
        if (sender || proof) && self.repeats > 0 {
            self.repeats -= 1;
            self.stage = if proof { self.first_stage() } else { self.stage };
            return Ok(Progress::More(Box::new(self)));
        }
        if self.stage == Stage::Notification {
            // Whether the issuer takes note is the issuer's affair.
            self.stage = self.first_stage();
            return Ok(if self.next_one().is_none() {
                Progress::Done(self.received)
            } else {
                Progress::More(Box::new(self))
            });
        }
        let shown: String = code.chars().filter(char::is_ascii_graphic).take(64).collect();
        Err(ReceiveError::Refused(shown))
    }
}

fn json(message: &impl Serialize) -> Vec<u8> {
    // Plain structs of texts cannot fail.
    serde_json::to_vec(message).unwrap_or_default()
}

fn message<T: serde::de::DeserializeOwned>(answer: &Answer, max: usize) -> Result<T, ReceiveError> {
    read(&answer.body, max).map_err(|_| ReceiveError::AnswerMalformed)
}

//! From the owner's consent to checked credentials: token, nonce, credential, notification.

use protocol::credential::mdoc::IssuerSigned;
use protocol::credential::sd_jwt::{self, Trust};
use protocol::crypto::jose::from_base64url;
use protocol::crypto::multikey::{Multikey, StandardSigner};
use protocol::crypto::x509::Root;
use protocol::exchange::openid4vci::dpop::{self, Request as DpopRequest};
use protocol::exchange::openid4vci::key_proof::{self, Expected};
use protocol::exchange::openid4vci::{
    CREDENTIALS_MAX, CredentialRequest, CredentialResponse, ErrorBody, ErrorCode, MESSAGE_MAX, NonceResponse,
    NotificationEvent, NotificationRequest, PRE_AUTHORIZED, Proofs, TokenResponse, form, read,
};
use rand_core::CryptoRng;
use serde::Serialize;

use super::discover::{KnownIssuer, OfferedCredential};
use super::{Answer, ReceiveError, Request};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// How often a request is sent again for each credential, and as often for the token.
const REPEATS: usize = 3;

/// Formats of foreign credentials that the wallet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// SD-JWT VC.
    SdJwt,
    /// Mobile document.
    Mdoc,
}

/// The keys of one way through the protocol, all of them the wallet's own.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The one that tokens are bound to.
    pub sender: &'a dyn StandardSigner,
    /// For each offered credential, in order, the one it is bound to.
    pub holders: &'a [&'a dyn StandardSigner],
}

/// A credential that was checked: by a trusted issuer, of the offered kind, for the wallet's key, and valid now.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// What was offered.
    pub offered: OfferedCredential,
    /// The credential: the text of an SD-JWT, the bytes of `IssuerSigned`.
    pub credential: Vec<u8>,
    /// The key it is bound to.
    pub holder: Multikey,
}

impl core::fmt::Debug for Received {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Received({} [redacted])", self.offered.configuration)
    }
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Token,
    Nonce,
    Credential,
    Notification,
}

/// On the way. Each request is made with [`Receiving::request`], and its answer given to [`Receiving::answered`].
pub struct Receiving {
    known: KnownIssuer,
    token_endpoint: String,
    tx_code: Option<String>,
    stage: Stage,
    /// How often a request may still be sent again with what the server asked for.
    repeats: usize,
    dpop_nonce: Option<String>,
    token: Option<String>,
    nonce: Option<String>,
    notification_id: Option<String>,
    received: Vec<Received>,
}

/// It holds codes and tokens.
impl core::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiving({} received, [redacted])", self.received.len())
    }
}

impl Receiving {
    pub(super) fn new(known: KnownIssuer, token_endpoint: String, tx_code: Option<String>) -> Self {
        Self {
            repeats: REPEATS * (known.credentials().len() + 1),
            known,
            token_endpoint,
            tx_code,
            stage: Stage::Token,
            dpop_nonce: None,
            token: None,
            nonce: None,
            notification_id: None,
            received: Vec::new(),
        }
    }

    /// What to send next.
    ///
    /// # Errors
    /// [`ReceiveError::KeyUnavailable`], also when there is a key too few.
    pub fn request(&self, keys: &Keys<'_>, now: u64, rng: &mut dyn CryptoRng) -> Result<Request, ReceiveError> {
        let metadata = self.known.metadata();
        match self.stage {
            Stage::Token => {
                let mut parameters = vec![("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", self.known.code())];
                parameters.extend(self.tx_code.as_deref().map(|code| ("tx_code", code)));
                let body = form(&parameters).into_bytes();
                self.post(&self.token_endpoint, Some(FORM), body, keys, now, rng)
            }
            Stage::Nonce => {
                let address = metadata.nonce_endpoint.clone().ok_or(ReceiveError::MetadataInvalid)?;
                Ok(Request { method: "POST", address, headers: vec![("accept", JSON.to_owned())], body: Vec::new() })
            }
            Stage::Credential => {
                let holder = keys.holders.get(self.received.len()).ok_or(ReceiveError::KeyUnavailable)?;
                let expected = Expected { issuer: &metadata.credential_issuer, client: None, now };
                let proof = key_proof::make(*holder, &expected, self.nonce.as_deref());
                let proof = proof.map_err(|_| ReceiveError::KeyUnavailable)?;
                let request = CredentialRequest {
                    credential_configuration_id: self.next_one().map(|offered| offered.configuration.clone()),
                    proofs: Some(Proofs { jwt: vec![proof] }),
                    ..CredentialRequest::default()
                };
                self.post(&metadata.credential_endpoint, Some(JSON), json(&request), keys, now, rng)
            }
            Stage::Notification => {
                let address = metadata.notification_endpoint.as_ref().ok_or(ReceiveError::MetadataInvalid)?;
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
        roots: &[Root],
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
                let holder = keys.holders.get(self.received.len()).ok_or(ReceiveError::KeyUnavailable)?.multikey();
                let offered = self.next_one().cloned().ok_or(ReceiveError::AnswerMalformed)?;
                let [credential] = response.credentials.as_slice() else {
                    return Err(ReceiveError::AnswerMalformed);
                };
                self.received.push(check(offered, &credential.credential, holder, roots, now)?);
                self.notification_id =
                    response.notification_id.filter(|_| self.known.metadata().notification_endpoint.is_some());
                self.stage = if self.notification_id.is_some() { Stage::Notification } else { self.first_stage() };
            }
            Stage::Notification => self.stage = self.first_stage(),
        }
        let over = self.stage != Stage::Notification && self.next_one().is_none();
        Ok(if over { Progress::Done(self.received) } else { Progress::More(Box::new(self)) })
    }

    /// What a credential begins with.
    fn first_stage(&self) -> Stage {
        if self.known.metadata().nonce_endpoint.is_some() { Stage::Nonce } else { Stage::Credential }
    }

    /// The credential under way.
    fn next_one(&self) -> Option<&OfferedCredential> {
        self.known.credentials().get(self.received.len())
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

/// VCI-43: nothing is stored that a verifier would not accept from this phone.
fn check(
    offered: OfferedCredential,
    text: &str,
    holder: Multikey,
    roots: &[Root],
    now: u64,
) -> Result<Received, ReceiveError> {
    let invalid = ReceiveError::CredentialInvalid;
    let (credential, bound) = match offered.format {
        Format::SdJwt => {
            let trust = Trust { roots, now };
            let verified = sd_jwt::verify_issued(text, &offered.kind, &trust).map_err(|_| invalid.clone())?;
            let bound = verified.authentic().holder_key().map_err(|_| invalid.clone())?;
            (text.as_bytes().to_vec(), bound)
        }
        Format::Mdoc => {
            let bytes = from_base64url(text).ok_or(invalid.clone())?;
            let signed = IssuerSigned::from_slice(&bytes).map_err(|_| invalid.clone())?;
            let (object, _) = signed.verify(&offered.kind, roots, now).map_err(|_| invalid.clone())?;
            (bytes, object.device_key)
        }
    };
    if bound == holder { Ok(Received { offered, credential, holder }) } else { Err(invalid) }
}

//! From the owner's consent to checked credentials: token, nonce, credential, notification.

use minicbor::{Decode, Encode};
use protocol::credential::w3c::Suite;
use protocol::crypto::multikey::{Multikey, StandardSigner};
use protocol::exchange::openid4vci::attestation::{CLIENT_HEADER, POSSESSION_HEADER, make_possession};
use protocol::exchange::openid4vci::di_vp;
use protocol::exchange::openid4vci::dpop::{self, Request as DpopRequest};
use protocol::exchange::openid4vci::encryption::ENCRYPTED;
use protocol::exchange::openid4vci::key_proof::{self, Expected, make_attested};
use protocol::exchange::openid4vci::{
    CREDENTIALS_MAX, CredentialRequest, CredentialResponse, DeferredRequest, ErrorBody, ErrorCode, LDP_VC, MDOC,
    MESSAGE_MAX, NonceResponse, NotificationEvent, NotificationRequest, PRE_AUTHORIZED, Proofs, PushedResponse,
    REFRESH, SD_JWT, TokenResponse, form, read,
};
use rand_core::CryptoRng;
use serde::Serialize;

use super::check::{Received, Trusted, check};
use super::discover::{OfferedCredential, Sheet, takes_presentations};
use super::encryption::Encryption;
use super::log_in::LogIn;
use super::provider::WalletProvider;
use super::{Answer, ReceiveError, Request};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// How often a request is sent again for each credential, and as often for the token.
const REPEATS: u32 = 3;
/// Longest time that a wallet leaves an issuer alone, in seconds.
const WAIT_MAX: u64 = 7 * 86_400;

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
    /// Who vouches for the wallet, if anybody does.
    pub provider: Option<&'a dyn WalletProvider>,
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
    /// A clerk of the issuer has to look first.
    #[n(4)]
    Deferred,
    /// The token has run out.
    #[n(5)]
    Refresh,
    /// A request to log in is sent beforehand.
    #[n(6)]
    Push,
    /// The owner is at the issuer's page.
    #[n(7)]
    LogIn,
    /// The owner came back with a code.
    #[n(8)]
    Code,
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
    #[n(17)]
    encryption: Option<Encryption>,
    #[n(18)]
    deferred_endpoint: Option<String>,
    #[n(19)]
    refresh_token: Option<String>,
    /// Names the credential under way while a clerk of the issuer looks.
    #[n(20)]
    transaction_id: Option<String>,
    /// When it is worth asking again, Unix seconds.
    #[n(21)]
    not_before: Option<u64>,
    /// The authorisation server, where it wants the wallet attested.
    #[n(22)]
    attested_for: Option<String>,
    /// The configurations whose keys have to be attested.
    #[n(23)]
    attested_keys: Option<Vec<String>>,
    /// Whether everything is there, and this is what gets the same anew.
    #[n(24)]
    at_rest: Option<bool>,
    /// The log-in, where it goes that way.
    #[n(25)]
    log_in: Option<LogIn>,
    /// The configurations whose keys are proven by presentations.
    #[n(26)]
    presented_keys: Option<Vec<String>>,
}

/// It holds codes and tokens.
impl core::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiving({} received, [redacted])", self.received.len())
    }
}

impl Receiving {
    pub(super) fn new(sheet: &Sheet, tx_code: Option<String>, rng: &mut dyn CryptoRng) -> Self {
        let known = sheet.known();
        let (metadata, credentials) = (known.metadata(), known.credentials().to_vec());
        let attested = |offered: &&OfferedCredential| {
            let configuration = metadata.credential_configurations_supported.get(&offered.configuration);
            let proof = configuration.and_then(|it| it.proof_types_supported.get("jwt"));
            proof.is_some_and(|proof| proof.key_attestations_required.is_some())
        };
        let attested_keys = credentials.iter().filter(attested).map(|it| it.configuration.clone()).collect();
        let names = credentials.iter().map(|it| it.configuration.clone());
        let presented_keys = names.filter(|id| takes_presentations(metadata, id)).collect();
        Self {
            issuer: metadata.credential_issuer.clone(),
            token_endpoint: sheet.token_endpoint().to_owned(),
            nonce_endpoint: metadata.nonce_endpoint.clone(),
            credential_endpoint: metadata.credential_endpoint.clone(),
            notification_endpoint: metadata.notification_endpoint.clone(),
            copies_max: metadata.batch_credential_issuance.map_or(1, |batch| batch.batch_size.max(1)),
            code: known.code().to_owned(),
            tx_code,
            repeats: repeats(&credentials),
            credentials,
            stage: Stage::Token,
            dpop_nonce: None,
            token: None,
            nonce: None,
            notification_id: None,
            done: 0,
            received: Vec::new(),
            encryption: known.encryption().map(|chosen| Encryption::new(chosen, rng)),
            deferred_endpoint: metadata.deferred_credential_endpoint.clone(),
            refresh_token: None,
            transaction_id: None,
            not_before: None,
            attested_for: sheet.attested_for(),
            attested_keys: Some(attested_keys),
            at_rest: None,
            log_in: None,
            presented_keys: Some(presented_keys),
        }
    }

    /// The same by logging in.
    pub(super) fn logging_in(sheet: &Sheet, log_in: LogIn, rng: &mut dyn CryptoRng) -> Self {
        Self { stage: Stage::Push, code: String::new(), log_in: Some(log_in), ..Self::new(sheet, None, rng) }
    }

    /// The address that the owner's browser opens, while the log-in is open.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        self.log_in.as_ref().filter(|_| self.waits_for_owner())?.page()
    }

    /// Whether the owner has to come back from the issuer's page first.
    #[must_use]
    pub fn waits_for_owner(&self) -> bool {
        self.stage == Stage::LogIn
    }

    /// Whether it is a log-in of which nothing has come yet.
    pub(crate) fn is_only_a_log_in(&self) -> bool {
        matches!(self.stage, Stage::Push | Stage::LogIn)
    }

    /// Whether an address that the app was opened with answers this log-in.
    pub(crate) fn is_answered_by(&self, address: &str) -> bool {
        self.waits_for_owner() && self.log_in.as_ref().is_some_and(|log_in| log_in.is_answered_by(address))
    }

    /// Goes on with the address that the app was opened with when the owner had logged in.
    ///
    /// # Errors
    /// [`ReceiveError::LogInUnknown`], [`ReceiveError::IssuerMismatch`], [`ReceiveError::Refused`],
    /// [`ReceiveError::AnswerMalformed`]
    pub fn came_back(mut self, address: &str) -> Result<Self, ReceiveError> {
        let waits = self.waits_for_owner();
        let log_in = self.log_in.as_mut().filter(|_| waits).ok_or(ReceiveError::LogInUnknown)?;
        log_in.came_back(address)?;
        self.stage = Stage::Code;
        Ok(self)
    }

    /// What is left when everything is there: what gets the same anew, if the issuer gave that.
    pub(super) fn at_rest(self) -> Option<Self> {
        self.refresh_token.as_ref()?;
        Some(Self {
            code: String::new(),
            tx_code: None,
            stage: Stage::Refresh,
            dpop_nonce: None,
            token: None,
            nonce: None,
            notification_id: None,
            done: 0,
            received: Vec::new(),
            encryption: None,
            transaction_id: None,
            not_before: None,
            log_in: None,
            at_rest: Some(true),
            ..self
        })
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.at_rest == Some(true)
    }

    /// Gets what `old` got anew, from the issuer as it is now.
    pub(super) fn renewing(sheet: &Sheet, old: &Self, rng: &mut dyn CryptoRng) -> Self {
        let refresh_token = old.refresh_token.clone();
        Self { stage: Stage::Refresh, refresh_token, ..Self::new(sheet, None, rng) }
    }

    /// When it is worth sending the next request, Unix seconds, while a clerk of the issuer looks.
    #[must_use]
    pub fn not_before(&self) -> Option<u64> {
        self.not_before
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
        !self.code.is_empty() && (&self.issuer, &self.code) == (&other.issuer, &other.code)
    }

    /// What to send next.
    ///
    /// # Errors
    /// [`ReceiveError::KeyUnavailable`], also when there is a key too few; [`ReceiveError::LogInPending`]
    pub fn request(&self, keys: &Keys<'_>, now: u64, rng: &mut dyn CryptoRng) -> Result<Request, ReceiveError> {
        match self.stage {
            Stage::Token => {
                self.can_attest(keys)?;
                let mut parameters = vec![("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", self.code.as_str())];
                parameters.extend(self.tx_code.as_deref().map(|code| ("tx_code", code)));
                let body = form(&parameters).into_bytes();
                self.ask_token(&self.token_endpoint, body, keys, now, rng)
            }
            Stage::Push => {
                self.can_attest(keys)?;
                let log_in = self.log_in.as_ref().ok_or(ReceiveError::LogInUnknown)?;
                // The key of this proof is the one that the code is good for (RFC 9449, section 10.1).
                self.ask_token(log_in.push_endpoint(), log_in.pushed().into_bytes(), keys, now, rng)
            }
            Stage::LogIn => Err(ReceiveError::LogInPending),
            Stage::Code => {
                let log_in = self.log_in.as_ref().ok_or(ReceiveError::LogInUnknown)?;
                self.ask_token(&self.token_endpoint, log_in.exchange().into_bytes(), keys, now, rng)
            }
            Stage::Refresh => {
                let token = self.refresh_token.as_deref().unwrap_or_default();
                let body = form(&[("grant_type", REFRESH), ("refresh_token", token)]).into_bytes();
                self.ask_token(&self.token_endpoint, body, keys, now, rng)
            }
            Stage::Nonce => {
                let address = self.nonce_endpoint.clone().ok_or(ReceiveError::MetadataInvalid)?;
                Ok(Request { method: "POST", address, headers: vec![("accept", JSON.to_owned())], body: Vec::new() })
            }
            Stage::Credential => {
                let holders = keys.holders.get(self.done as usize).ok_or(ReceiveError::KeyUnavailable)?;
                let request = CredentialRequest {
                    credential_configuration_id: self.next_one().map(|offered| offered.configuration.clone()),
                    proofs: Some(self.proofs(holders, keys, now, rng)?),
                    credential_response_encryption: self.encryption.as_ref().and_then(Encryption::answer_to),
                    ..CredentialRequest::default()
                };
                self.ask_credential(&self.credential_endpoint, json(&request), keys, now, rng)
            }
            Stage::Deferred => {
                let address = self.deferred_endpoint.as_ref().ok_or(ReceiveError::MetadataInvalid)?;
                let request = DeferredRequest {
                    transaction_id: self.transaction_id.clone().unwrap_or_default(),
                    credential_response_encryption: self.encryption.as_ref().and_then(Encryption::answer_to),
                };
                self.ask_credential(address, json(&request), keys, now, rng)
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

    /// VCI-47: before a code is used up.
    fn can_attest(&self, keys: &Keys<'_>) -> Result<(), ReceiveError> {
        let attested = self.attested_for.is_some() || self.attested_keys.iter().flatten().next().is_some();
        if attested && keys.provider.is_none() { Err(ReceiveError::AttestationUnavailable) } else { Ok(()) }
    }

    /// A request to the authorisation server, with the provider's word where it is wanted.
    fn ask_token(
        &self,
        address: &str,
        body: Vec<u8>,
        keys: &Keys<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Request, ReceiveError> {
        let mut request = self.post(address, Some(FORM), body, keys, now, rng)?;
        if let Some(server) = &self.attested_for {
            let provider = keys.provider.ok_or(ReceiveError::AttestationUnavailable)?;
            let attestation = provider.attest_wallet(&keys.sender.multikey(), now);
            let attestation = attestation.map_err(|_| ReceiveError::AttestationUnavailable)?;
            let mut id = [0; 16];
            rng.fill_bytes(&mut id);
            let possession = make_possession(keys.sender, provider.client_id(), server, now, id);
            let possession = possession.map_err(|_| ReceiveError::KeyUnavailable)?;
            request.headers.extend([(CLIENT_HEADER, attestation), (POSSESSION_HEADER, possession)]);
        }
        Ok(request)
    }

    /// A proof for each key; one for all where their provider vouches for them.
    fn proofs(
        &self,
        holders: &[&dyn StandardSigner],
        keys: &Keys<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Proofs, ReceiveError> {
        let (expected, nonce) = (Expected { issuer: &self.issuer, client: None, now }, self.nonce.as_deref());
        let configuration = self.next_one().map(|offered| &offered.configuration);
        let among =
            |list: &Option<Vec<String>>| configuration.is_some_and(|id| list.iter().flatten().any(|it| it == id));
        let attested = among(&self.attested_keys);
        if among(&self.presented_keys) {
            let nonce = nonce.ok_or(ReceiveError::MetadataInvalid)?;
            let made =
                holders.iter().map(|holder| di_vp::make(*holder, &expected, nonce, rng)).collect::<Result<_, _>>();
            return Ok(Proofs { di_vp: made.map_err(|_| ReceiveError::KeyUnavailable)?, ..Proofs::default() });
        }
        let made = if attested {
            let provider = keys.provider.ok_or(ReceiveError::AttestationUnavailable)?;
            let public: Vec<Multikey> = holders.iter().map(|holder| holder.multikey()).collect();
            let attestation = provider.attest_keys(&public, nonce, now);
            let attestation = attestation.map_err(|_| ReceiveError::AttestationUnavailable)?;
            let first = holders.first().ok_or(ReceiveError::KeyUnavailable)?;
            make_attested(*first, &expected, nonce, Some(&attestation)).map(|proof| vec![proof])
        } else {
            holders.iter().map(|holder| key_proof::make(*holder, &expected, nonce)).collect()
        };
        Ok(Proofs { jwt: made.map_err(|_| ReceiveError::KeyUnavailable)?, ..Proofs::default() })
    }

    /// A request to a credential endpoint, encrypted where the issuer announces that.
    fn ask_credential(
        &self,
        address: &str,
        request: Vec<u8>,
        keys: &Keys<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Request, ReceiveError> {
        match &self.encryption {
            None => self.post(address, Some(JSON), request, keys, now, rng),
            Some(encryption) => {
                let sealed = encryption.seal(&request, rng)?;
                let mut request = self.post(address, Some(ENCRYPTED), sealed, keys, now, rng)?;
                request.headers.retain(|(name, _)| *name != "accept");
                request.headers.push(("accept", format!("{ENCRYPTED}, {JSON}")));
                Ok(request)
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
            Stage::Push => {
                let pushed: PushedResponse = message(answer, MESSAGE_MAX)?;
                self.log_in.as_mut().ok_or(ReceiveError::LogInUnknown)?.opened_as(pushed.request_uri);
                self.stage = Stage::LogIn;
            }
            Stage::LogIn => return Err(ReceiveError::LogInPending),
            Stage::Token | Stage::Refresh | Stage::Code => {
                let token: TokenResponse = message(answer, MESSAGE_MAX)?;
                // VCI-42
                if !token.token_type.eq_ignore_ascii_case("dpop") {
                    return Err(ReceiveError::AnswerMalformed);
                }
                self.token = Some(token.access_token);
                self.refresh_token = token.refresh_token.or(self.refresh_token);
                self.tx_code = None;
                self.log_in = None;
                self.stage = if self.transaction_id.is_some() { Stage::Deferred } else { self.first_stage() };
            }
            Stage::Nonce => {
                self.nonce = Some(message::<NonceResponse>(answer, MESSAGE_MAX)?.c_nonce);
                self.stage = Stage::Credential;
            }
            Stage::Credential | Stage::Deferred => {
                let opened = match &self.encryption {
                    None => None,
                    Some(encryption) => encryption.open(&answer.body)?,
                };
                let body = opened.as_deref().unwrap_or(&answer.body);
                let response: CredentialResponse =
                    read(body, CREDENTIALS_MAX).map_err(|_| ReceiveError::AnswerMalformed)?;
                if response.transaction_id.is_some() {
                    return self.wait(response, now);
                }
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
                (self.transaction_id, self.not_before) = (None, None);
                self.notification_id = response.notification_id.filter(|_| self.notification_endpoint.is_some());
                self.stage = if self.notification_id.is_some() { Stage::Notification } else { self.first_stage() };
            }
            Stage::Notification => self.stage = self.first_stage(),
        }
        let over = self.stage != Stage::Notification && self.next_one().is_none();
        Ok(if over { Progress::Done(self.received) } else { Progress::More(Box::new(self)) })
    }

    /// A clerk has to look: the name of the transaction is kept, and the same until the credentials are there (VCI-46).
    fn wait(mut self, response: CredentialResponse, now: u64) -> Result<Progress, ReceiveError> {
        let new = self.stage == Stage::Credential;
        let usable = response.credentials.is_empty() && self.deferred_endpoint.is_some();
        if !usable || !(new || response.transaction_id == self.transaction_id) {
            return Err(ReceiveError::AnswerMalformed);
        }
        self.transaction_id = response.transaction_id;
        self.not_before = Some(now.saturating_add(response.interval.unwrap_or_default().clamp(1, WAIT_MAX)));
        self.repeats = repeats(&self.credentials);
        self.stage = Stage::Deferred;
        Ok(Progress::More(Box::new(self)))
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
        // What an answer brought that was lost is asked for again with the same keys; a token that has run out is renewed.
        let lost = code == ErrorCode::InvalidTransactionId.as_str() && self.stage == Stage::Deferred;
        let over = code == ErrorCode::InvalidToken.as_str() && self.refresh_token.is_some() && self.token.is_some();
        if (lost || over) && self.repeats > 0 {
            self.repeats -= 1;
            if lost {
                (self.transaction_id, self.not_before) = (None, None);
                self.stage = self.first_stage();
            } else if self.stage != Stage::Notification {
                self.token = None;
                self.stage = Stage::Refresh;
            }
            if self.stage != Stage::Notification {
                return Ok(Progress::More(Box::new(self)));
            }
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

/// How often requests are sent again for these.
fn repeats(credentials: &[OfferedCredential]) -> u32 {
    credentials.len() as u32 * REPEATS + REPEATS
}

fn json(message: &impl Serialize) -> Vec<u8> {
    // Plain structs of texts cannot fail.
    serde_json::to_vec(message).unwrap_or_default()
}

fn message<T: serde::de::DeserializeOwned>(answer: &Answer, max: usize) -> Result<T, ReceiveError> {
    read(&answer.body, max).map_err(|_| ReceiveError::AnswerMalformed)
}

#[cfg(test)]
mod tests {
    use protocol::crypto::multikey::StandardKey;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    /// Nothing is asked for while the owner is at the issuer's page, and nobody comes back from where nobody was sent.
    #[test]
    fn a_log_in_is_waited_for() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let stage = |stage: Stage| Receiving {
            issuer: "https://issuer.example".into(),
            token_endpoint: String::new(),
            nonce_endpoint: None,
            credential_endpoint: String::new(),
            notification_endpoint: None,
            copies_max: 1,
            code: String::new(),
            tx_code: None,
            credentials: Vec::new(),
            stage,
            repeats: 0,
            dpop_nonce: None,
            token: None,
            nonce: None,
            notification_id: None,
            done: 0,
            received: Vec::new(),
            encryption: None,
            deferred_endpoint: None,
            refresh_token: None,
            transaction_id: None,
            not_before: None,
            attested_for: None,
            attested_keys: None,
            at_rest: None,
            log_in: None,
            presented_keys: None,
        };
        let sender = StandardKey::generate_p256(&mut rng);
        let keys = Keys { sender: &sender, holders: &[], provider: None };
        assert_eq!(stage(Stage::LogIn).request(&keys, 0, &mut rng).err(), Some(ReceiveError::LogInPending));
        let answer = Answer { status: 200, dpop_nonce: None, body: Vec::new() };
        let trusted = Trusted { roots: &[], ledger: None };
        let answered = stage(Stage::LogIn).answered(&answer, &keys, &trusted, 0).map(drop);
        assert_eq!(answered, Err(ReceiveError::LogInPending));
        for other in [Stage::Token, Stage::Push, Stage::Code, Stage::LogIn] {
            assert_eq!(stage(other).came_back("app:/back?code=c").map(drop), Err(ReceiveError::LogInUnknown));
        }
    }
}

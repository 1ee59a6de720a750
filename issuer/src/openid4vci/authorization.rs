//! The authorisation code: a request sent beforehand (RFC 9126), a log-in with the counter code, an answer that says who
//! it is from (RFC 9207), a code bound to whoever asked (RFC 7636).
//!
//! Whoever asks has the offer's secret (`issuer_state`); whoever logs in has the six digits that were told separately.

use protocol::crypto::jose::{base64url, from_base64url};
use protocol::exchange::openid4vci::dpop::Dpop;
use protocol::exchange::openid4vci::{ErrorCode, PushedResponse, TokenResponse, form};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::dpop::{Presented, only_once};
use super::token::{CLIENT_MAX, GRANT_LIFE, issue_tokens, token};
use super::{Outcome, inside, random, read_code};
use crate::issuer::Issuer;
use crate::store::{AuditEvent, CodeCheck, Grant, OpenIdCode, PushedRequest, ReviewState, Writer};

/// Seconds within which the log-in of a pushed request is opened.
const PUSHED_LIFE: u64 = 90;
/// Seconds a log-in stays open.
const LOG_IN_LIFE: u64 = 600;
/// Seconds an authorisation code lives.
const CODE_LIFE: u64 = 60;
/// Requests alive at once; more are refused, so that asking cannot fill the disk.
const PUSHED_MAX: u64 = 10_000;
/// What names of pushed requests begin with (RFC 9126, section 2.2).
const URN: &str = "urn:ietf:params:oauth:request_uri:";
/// Keeps the mask of an offer's code apart from other hashes. It never leaves the issuer.
const MASK: &[u8] = b"mid/v1/issuer/pushed-offer;";
/// Longest parameter, in bytes.
const PARAMETER_MAX: usize = 2_048;

/// The parameters of an authorisation request; others are ignored.
#[derive(Clone, Default)]
pub struct AuthorizationParameters(Vec<(String, String)>);

/// They contain the offer's secret.
impl core::fmt::Debug for AuthorizationParameters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AuthorizationParameters([redacted])")
    }
}

impl AuthorizationParameters {
    /// Reads a form or a query. A parameter without a value counts as missing.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a parameter that occurs twice or is too long.
    pub fn read(parameters: Vec<(String, String)>) -> Result<Self, ErrorCode> {
        let kept: Vec<_> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut names: Vec<_> = kept.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        if twice || kept.iter().any(|(_, value)| value.len() > PARAMETER_MAX) {
            return Err(ErrorCode::InvalidRequest);
        }
        Ok(Self(kept))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, ErrorCode> {
        self.get(name).ok_or(ErrorCode::InvalidRequest)
    }
}

/// A log-in page to show.
#[derive(Clone)]
pub struct LogIn {
    /// The request's name, for the page's form.
    pub request_uri: String,
    /// Ties the page to whoever opened it.
    pub session: String,
    /// What is asked for: names in Korean and English.
    pub credentials: Vec<(String, String)>,
    /// The host or application that the person goes back to.
    pub client: String,
}

/// It holds secrets.
impl core::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LogIn([redacted])")
    }
}

/// What came of a log-in.
#[derive(Debug, Clone)]
pub enum LoggedIn {
    /// The person goes back to the client, with the answer in the address.
    Back(String),
    /// Wrong digits: the page once more.
    Again(LogIn),
}

impl Issuer {
    /// Takes an authorisation request that is sent beforehand (VCI-50…52).
    ///
    /// # Errors
    /// [`ErrorCode`]
    pub fn openid_push<R: CryptoRng + ?Sized>(
        &self,
        parameters: &AuthorizationParameters,
        presented: &Presented<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<PushedResponse, ErrorCode> {
        let client = parameters.need("client_id")?;
        let redirect = parameters.need("redirect_uri")?;
        if client.len() > CLIENT_MAX || !may_go_back_to(redirect) || parameters.get("request_uri").is_some() {
            return Err(ErrorCode::InvalidRequest);
        }
        if parameters.need("response_type")? != "code" {
            return Err(ErrorCode::UnsupportedResponseType);
        }
        // VCI-51
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(ErrorCode::InvalidRequest);
        }
        let challenge = from_base64url(parameters.need("code_challenge")?).and_then(|it| it.try_into().ok());
        let challenge = challenge.ok_or(ErrorCode::InvalidRequest)?;
        let proof = match presented.dpop {
            Some(_) => Some(self.check_dpop(presented, now)?),
            None => None,
        };
        let thumbprint = key_of_code(parameters, proof.as_ref())?;
        self.check_wallet(presented, Some(client), now)?;
        let offer = parameters.get("issuer_state").and_then(read_code).ok_or(ErrorCode::InvalidRequest)?;
        let open = self.store.read(|store| store.open_offer(&offer, now)).map_err(inside)?;
        // Without six digits to log in with, there is no log-in.
        let (offered, _) = open.filter(|(_, with_code)| *with_code).ok_or(ErrorCode::InvalidRequest)?;
        let credential_types = self.asked_for(parameters.get("scope"), &offered)?;
        let request_uri = format!("{URN}{}", base64url(&random(rng)));
        let pushed = PushedRequest {
            client: client.to_owned(),
            redirect: redirect.to_owned(),
            state: parameters.get("state").map(str::to_owned),
            challenge,
            thumbprint,
            masked_offer: mask(&request_uri, &offer),
            credential_types,
            expires_at: now.saturating_add(PUSHED_LIFE),
        };
        let kept = self.store.write(|store| {
            if let Some(proof) = &proof
                && let Err(code) = only_once(store, proof, now)?
            {
                return Ok(Err(code));
            }
            let kept = store.add_pushed(&request_uri, &pushed, now, PUSHED_MAX)?;
            Ok(if kept { Ok(()) } else { Err(ErrorCode::TemporarilyUnavailable) })
        });
        kept.map_err(inside)??;
        Ok(PushedResponse { request_uri, expires_in: PUSHED_LIFE })
    }

    /// The credential types that a scope stands for, as far as they are offered.
    fn asked_for(&self, scope: Option<&str>, offered: &[String]) -> Result<Vec<String>, ErrorCode> {
        let known = self.configurations();
        let mut types = Vec::new();
        for id in scope.ok_or(ErrorCode::InvalidScope)?.split(' ') {
            let found = known.iter().find(|it| it.id == id).map(|it| it.credential_type.clone());
            types.push(found.filter(|it| offered.contains(it)).ok_or(ErrorCode::InvalidScope)?);
        }
        types.sort_unstable();
        types.dedup();
        Ok(types)
    }

    /// Opens the log-in of a request, once (VCI-53).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequestUri`], [`ErrorCode::InvalidRequest`]
    pub fn openid_authorize<R: CryptoRng + ?Sized>(
        &self,
        parameters: &AuthorizationParameters,
        now: u64,
        rng: &mut R,
    ) -> Result<LogIn, ErrorCode> {
        let client = parameters.need("client_id")?;
        let name = parameters.get("request_uri").ok_or(ErrorCode::InvalidRequestUri)?;
        let session = token(rng);
        let until = now.saturating_add(LOG_IN_LIFE);
        let opened = self.store.write(|store| store.open_pushed(name, client, &session, now, until)).map_err(inside)?;
        Ok(self.page(name, session, &opened.ok_or(ErrorCode::InvalidRequestUri)?))
    }

    fn page(&self, name: &str, session: String, pushed: &PushedRequest) -> LogIn {
        let named = |id: &String| self.entry(id).ok().map(|it| &it.credential_type.name);
        let labels = pushed.credential_types.iter().filter_map(named);
        LogIn {
            request_uri: name.to_owned(),
            session,
            credentials: labels.map(|name| (name.ko.clone(), name.en.clone())).collect(),
            client: pushed.client.clone(),
        }
    }

    /// Logs in with the digits that the counter told (VCI-54).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequestUri`] when no log-in is open, [`ErrorCode::InvalidRequest`]
    pub fn openid_log_in<R: CryptoRng + ?Sized>(
        &self,
        parameters: &AuthorizationParameters,
        now: u64,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let (name, session) = (parameters.need("request_uri")?, parameters.need("session")?);
        let digits = parameters.get("counter_code").unwrap_or_default();
        self.store.write(|store| self.log_in(store, name, session, digits, now, rng)).map_err(inside)?
    }

    fn log_in<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        name: &str,
        session: &str,
        digits: &str,
        now: u64,
        rng: &mut R,
    ) -> Outcome<LoggedIn> {
        let Some(pushed) = store.opened(name, session, now)? else { return Ok(Err(ErrorCode::InvalidRequestUri)) };
        let code = mask(name, &pushed.masked_offer);
        let about = store.offered_to(&code, now)?;
        let offer = match store.check_code(&code, Some(digits), now)? {
            CodeCheck::Good(offer) => offer,
            CodeCheck::Mismatch | CodeCheck::Refused => {
                if let Some(person) = about {
                    store.audit(now, AuditEvent::CodeRefused, "", person.as_str(), 0)?;
                }
                // As long as the offer lives.
                if store.open_offer(&code, now)?.is_some() {
                    return Ok(Ok(LoggedIn::Again(self.page(name, session.to_owned(), &pushed))));
                }
                store.close_pushed(name)?;
                let refused = [("error", ErrorCode::AccessDenied.as_str())];
                return Ok(Ok(LoggedIn::Back(self.answer_to(&pushed, &refused))));
            }
        };
        store.redeem_offer(&code)?;
        store.close_pushed(name)?;
        let grant = Grant {
            id: random(rng),
            person: offer.person,
            revision: offer.revision,
            replaces: offer.replaces,
            client: Some(pushed.client.clone()),
            // Nobody's, until the code is exchanged.
            thumbprint: [0; 32],
            expires_at: now.saturating_add(GRANT_LIFE),
            review: ReviewState::of(offer.review),
        };
        store.add_grant(&grant, &pushed.credential_types)?;
        for id in &pushed.credential_types {
            store.audit(now, AuditEvent::Redeemed, id, grant.person.as_str(), 0)?;
        }
        let authorization = token(rng);
        store.add_code(
            &authorization,
            &OpenIdCode {
                grant: grant.id,
                redirect: pushed.redirect.clone(),
                challenge: pushed.challenge,
                thumbprint: pushed.thumbprint,
                used: false,
                expires_at: now.saturating_add(CODE_LIFE),
            },
        )?;
        Ok(Ok(LoggedIn::Back(self.answer_to(&pushed, &[("code", &authorization)]))))
    }

    /// The address that the person is sent back to (VCI-55).
    fn answer_to(&self, pushed: &PushedRequest, answer: &[(&str, &str)]) -> String {
        let mut parameters = answer.to_vec();
        parameters.extend(pushed.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", self.openid_identifier()));
        let separator = if pushed.redirect.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", pushed.redirect, form(&parameters))
    }

    /// Exchanges an authorisation code (VCI-56).
    pub(super) fn exchange_code<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        given: &Exchange<'_>,
        proof: &Dpop,
        now: u64,
        rng: &mut R,
    ) -> Outcome<TokenResponse> {
        let refused = Ok(Err(ErrorCode::InvalidGrant));
        if let Err(code) = only_once(store, proof, now)? {
            return Ok(Err(code));
        }
        let Some(code) = store.code(given.code, now)? else { return refused };
        if code.used {
            store.end_grant(&code.grant)?; // RFC 9700, section 4.5
            return refused;
        }
        let challenge: [u8; 32] = Sha256::digest(given.verifier).into();
        let fits = bool::from(challenge.ct_eq(&code.challenge))
            && given.redirect == code.redirect
            && code.thumbprint.is_none_or(|thumbprint| thumbprint == proof.thumbprint);
        if !fits {
            return refused;
        }
        store.use_code(given.code)?;
        let grant = store.bind_grant(&code.grant, &proof.thumbprint)?;
        let Some(grant) = grant.filter(|grant| grant.client.as_deref() == Some(given.client)) else {
            store.end_grant(&code.grant)?;
            return refused;
        };
        Ok(Ok(issue_tokens(store, &grant, now, rng)?))
    }
}

/// What comes with an authorisation code.
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect: &'a str,
    pub(super) verifier: &'a str,
}

/// The key that a code is to be bound to: of the proof, of `dpop_jkt`, or both when they agree (RFC 9449, section 10).
fn key_of_code(parameters: &AuthorizationParameters, proof: Option<&Dpop>) -> Result<Option<[u8; 32]>, ErrorCode> {
    let named = match parameters.get("dpop_jkt") {
        None => None,
        Some(text) => {
            let thumbprint = from_base64url(text).and_then(|it| <[u8; 32]>::try_from(it).ok());
            Some(thumbprint.ok_or(ErrorCode::InvalidRequest)?)
        }
    };
    match (named, proof.map(|proof| proof.thumbprint)) {
        (Some(named), Some(proven)) if named != proven => Err(ErrorCode::InvalidDpopProof),
        (named, proven) => Ok(proven.or(named)),
    }
}

/// `https`, this machine, or a scheme of an application's own (RFC 8252, section 7), and no fragment.
fn may_go_back_to(address: &str) -> bool {
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic()) && !address.contains(['#', '\\', '"', '<', '>']);
    let Some((scheme, rest)) = address.split_once(':') else { return false };
    let loopback = ["//127.0.0.1", "//[::1]", "//localhost"]
        .iter()
        .any(|host| rest.strip_prefix(host).is_some_and(|more| more.is_empty() || more.starts_with([':', '/', '?'])));
    plain
        && !address.contains('@')
        && match scheme {
            "https" => rest.len() > 2 && rest.starts_with("//"),
            "http" => loopback,
            // Reverse domain names, or names that no browser runs.
            "javascript" | "data" | "file" | "blob" | "vbscript" | "about" | "view-source" => false,
            other => {
                other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) && !rest.is_empty()
            }
        }
}

/// Masks and unmasks: only who knows the request's name can read the offer's code in the store.
fn mask(name: &str, code: &[u8; 16]) -> [u8; 16] {
    let key = Sha256::new().chain_update(MASK).chain_update(name).finalize();
    let mut masked = *code;
    masked.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    masked
}

//! The authorisation code: a request sent beforehand (RFC 9126), a log-in with the counter code, a chip card or a credential, an
//! answer that says who it is from (RFC 9207), a code bound to whoever asked (RFC 7636).
//!
//! Whoever asks with an offer has its secret (`issuer_state`) and logs in with the six digits that were told separately; whoever
//! asks without one logs in with a chip card ([`card`](super::card)) or a credential that they hold ([`held`](super::held)).

use protocol::crypto::jose::{base64url, from_base64url};
use protocol::exchange::openid4vci::dpop::Dpop;
use protocol::exchange::openid4vci::{ErrorCode, PushedResponse, TokenResponse, form};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::card::{CardRefusal, OpenLogIn};
use super::dpop::{Presented, only_once};
use super::held::{AsksForCredentials, HeldRefusal};
use super::token::{CLIENT_MAX, GRANT_LIFE, issue_tokens, token};
use super::{Outcome, inside, random, read_code};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::{PersonId, PersonState};
use crate::store::{AuditEvent, CodeCheck, Grant, OpenIdCode, OpenOffer, PushedRequest, ReviewState, Writer};

/// Seconds within which the log-in of a pushed request is opened.
const PUSHED_LIFE: u64 = 90;
/// Seconds a log-in stays open.
const LOG_IN_LIFE: u64 = 600;
/// Seconds an authorisation code lives.
const CODE_LIFE: u64 = 60;
/// Requests alive at once; more are refused, so that asking cannot fill the disk.
const PUSHED_MAX: u64 = 10_000;
/// Those alive after which requests without an offer, which anybody can send, are refused.
const PUSHED_WITHOUT_OFFER: u64 = PUSHED_MAX / 2;
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
    /// [`ErrorCode::InvalidRequest`] for a parameter that occurs twice, is too long or has a character U+0000.
    pub fn read(parameters: Vec<(String, String)>) -> Result<Self, ErrorCode> {
        let kept: Vec<_> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut names: Vec<_> = kept.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        // No name, address or code has U+0000 in it, and not every database can keep one.
        let odd = |value: &str| value.len() > PARAMETER_MAX || value.contains('\0');
        if twice || kept.iter().any(|(_, value)| odd(value)) {
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
    /// The link for a chip card, with a fresh challenge; `None` where nobody has one, or the person types the digits that the counter told.
    pub card: Option<String>,
    /// Where the log-in with a credential stands.
    pub held: HeldStep,
}

/// Where the log-in with a credential stands.
#[derive(Debug, Clone)]
pub enum HeldStep {
    /// There is none here.
    None,
    /// The person may show a credential of this name, in Korean and English.
    Offered(String, String),
    /// It is asked for.
    Asked {
        /// What a wallet is opened with.
        link: String,
        /// Whether the wallet is on the device of the page.
        here: bool,
    },
    /// It was shown on another device; this is the beginning of the person's name.
    Recognised(String),
}

impl HeldStep {
    pub(super) fn offered(held: Option<&dyn AsksForCredentials>) -> Self {
        held.map_or(Self::None, |held| {
            let (ko, en) = held.credential();
            Self::Offered(ko, en)
        })
    }
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
    /// The next page.
    Page(LogIn),
    /// The page once more, and why.
    Again(LogIn, Again),
}

/// Why a log-in has to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Wrong digits.
    Digits,
    /// The answer of a card that does not hold.
    Card(CardRefusal),
    /// A credential that was not shown, or does not hold.
    Credential(HeldRefusal),
}

/// Who logged in, and on which terms.
pub(super) struct Identified {
    pub(super) person: PersonId,
    pub(super) revision: u32,
    pub(super) replaces: bool,
    pub(super) review: ReviewState,
}

/// What came of a try.
enum Try {
    Good(Identified),
    Wrong(Again),
    /// There is nothing left to try.
    Over,
}

/// What the person gave.
struct Given<'a> {
    digits: &'a str,
    card_answer: &'a str,
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
        let issuer_state = parameters.get("issuer_state");
        let offer = issuer_state.map(|text| read_code(text).ok_or(ErrorCode::InvalidRequest)).transpose()?;
        let (offered, limit) = match &offer {
            Some(offer) => {
                let open = self.store.read(|store| store.open_offer(offer, now)).map_err(inside)?;
                // Without six digits to log in with, there is no log-in.
                let open = open.filter(|(_, with_code)| *with_code).ok_or(ErrorCode::InvalidRequest)?;
                (open.0, PUSHED_MAX)
            }
            // CARD-14, HELD-01
            None if self.held.is_some()
                || self.register.has_cards().map_err(|_| ErrorCode::TemporarilyUnavailable)? =>
            {
                let all = self.configurations().into_iter().map(|it| it.credential_type).collect();
                (all, PUSHED_WITHOUT_OFFER)
            }
            None => return Err(ErrorCode::InvalidRequest),
        };
        let credential_types = self.asked_for(parameters.get("scope"), &offered)?;
        let request_uri = format!("{URN}{}", base64url(&random(rng)));
        let pushed = PushedRequest {
            client: client.to_owned(),
            redirect: redirect.to_owned(),
            state: parameters.get("state").map(str::to_owned),
            challenge,
            thumbprint,
            masked_offer: offer.map(|offer| mask(&request_uri, &offer)),
            credential_types,
            expires_at: now.saturating_add(PUSHED_LIFE),
            asked: None,
            asks: 0,
            recognised: None,
        };
        let kept = self.store.write(|store| {
            if let Some(proof) = &proof
                && let Err(code) = only_once(store, proof, now)?
            {
                return Ok(Err(code));
            }
            let kept = store.add_pushed(&request_uri, &pushed, now, limit)?;
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
        let secret = self.openid_secret(rng).map_err(inside)?;
        let opened = self.store.write(|store| store.open_pushed(name, client, &session, now, until)).map_err(inside)?;
        let log_in = OpenLogIn { name, session: &session, secret: &secret, now };
        Ok(self.page(&log_in, &opened.ok_or(ErrorCode::InvalidRequestUri)?, rng))
    }

    pub(super) fn page<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        rng: &mut R,
    ) -> LogIn {
        let named = |id: &String| self.entry(id).ok().map(|it| &it.credential_type.name);
        let labels = pushed.credential_types.iter().filter_map(named);
        let offered = pushed.masked_offer.is_some();
        let has_cards = !offered && self.register.has_cards().unwrap_or_default();
        let held = match (&pushed.recognised, &pushed.asked) {
            _ if offered => HeldStep::None,
            (Some(person), _) => HeldStep::Recognised(self.beginning_of_name(person)),
            (None, Some(asked)) => HeldStep::Asked { link: asked.link.clone(), here: asked.here },
            (None, None) => HeldStep::offered(self.held.as_deref()),
        };
        LogIn {
            request_uri: log_in.name.to_owned(),
            session: log_in.session.to_owned(),
            credentials: labels.map(|name| (name.ko.clone(), name.en.clone())).collect(),
            client: pushed.client.clone(),
            card: if has_cards { self.card_link(log_in, pushed, rng) } else { None },
            held,
        }
    }

    /// Enough of a name for its owner, and not more: the first character.
    fn beginning_of_name(&self, id: &PersonId) -> String {
        let person = self.register.person(id).ok();
        let name = person.as_ref().and_then(|it| it.attribute("name_ko")).and_then(|name| name.chars().next());
        name.map(|first| format!("{first}○○")).unwrap_or_default()
    }

    /// Logs in with the digits that the counter told (VCI-54), with the answer of a chip card (CARD-10…14), or with a
    /// credential that the person holds, in steps (HELD-01…06).
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
        let given = Given {
            digits: parameters.get("counter_code").unwrap_or_default(),
            card_answer: parameters.get("card_answer").unwrap_or_default().trim(),
        };
        let secret = self.openid_secret(rng).map_err(inside)?;
        let log_in = OpenLogIn { name, session, secret: &secret, now };
        if let Some(step) = parameters.get("credential") {
            return self.log_in_by_credential(&log_in, step, rng);
        }
        self.store.write(|store| self.log_in(store, &log_in, &given, rng)).map_err(inside)?
    }

    fn log_in<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        log_in: &OpenLogIn<'_>,
        given: &Given<'_>,
        rng: &mut R,
    ) -> Outcome<LoggedIn> {
        let (name, now) = (log_in.name, log_in.now);
        let Some(pushed) = store.opened(name, log_in.session, now)? else {
            return Ok(Err(ErrorCode::InvalidRequestUri));
        };
        let tried = match &pushed.masked_offer {
            Some(masked) => self.try_digits(store, &mask(name, masked), given.digits, now)?,
            None => self.try_card(store, log_in, &pushed, given.card_answer)?,
        };
        let who = match tried {
            Try::Good(who) => who,
            Try::Wrong(again) => return Ok(Ok(LoggedIn::Again(self.page(log_in, &pushed, rng), again))),
            Try::Over => return Ok(Ok(LoggedIn::Back(self.turned_away(store, name, &pushed)?))),
        };
        Ok(Ok(LoggedIn::Back(self.let_in(store, log_in, &pushed, who, rng)?)))
    }

    /// Ends a log-in with a refusal: where the person goes.
    pub(super) fn turned_away(
        &self,
        store: &Writer<'_>,
        name: &str,
        pushed: &PushedRequest,
    ) -> Result<String, IssuerError> {
        store.close_pushed(name)?;
        Ok(self.answer_to(pushed, &[("error", ErrorCode::AccessDenied.as_str())]))
    }

    /// Ends a log-in with a code: where the person goes.
    pub(super) fn let_in<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        who: Identified,
        rng: &mut R,
    ) -> Result<String, IssuerError> {
        let now = log_in.now;
        // Whatever was answered once is good for nothing any more.
        store.close_pushed(log_in.name)?;
        let grant = Grant {
            id: random(rng),
            person: who.person,
            revision: who.revision,
            replaces: who.replaces,
            client: Some(pushed.client.clone()),
            // Nobody's, until the code is exchanged.
            thumbprint: [0; 32],
            expires_at: now.saturating_add(GRANT_LIFE),
            review: who.review,
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
        Ok(self.answer_to(pushed, &[("code", &authorization)]))
    }

    /// The digits of an offer (VCI-54).
    fn try_digits(&self, store: &Writer<'_>, code: &[u8; 16], digits: &str, now: u64) -> Result<Try, IssuerError> {
        let about = store.offered_to(code, now)?;
        match store.check_code(code, Some(digits), now)? {
            CodeCheck::Good(offer) => {
                store.redeem_offer(code)?;
                let OpenOffer { person, revision, replaces, review } = offer;
                Ok(Try::Good(Identified { person, revision, replaces, review: ReviewState::of(review) }))
            }
            CodeCheck::Mismatch | CodeCheck::Refused => {
                if let Some(person) = about {
                    store.audit(now, AuditEvent::CodeRefused, "", person.as_str(), 0)?;
                }
                // As long as the offer lives.
                let open = store.open_offer(code, now)?.is_some();
                Ok(if open { Try::Wrong(Again::Digits) } else { Try::Over })
            }
        }
    }

    /// The answer of a card (CARD-10…13). Whoever has card and PIN may take a licence to another phone, in place of the one before.
    fn try_card(
        &self,
        store: &Writer<'_>,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        answer: &str,
    ) -> Result<Try, IssuerError> {
        let id = match self.card_answered(log_in, pushed, answer)? {
            Ok(id) => id,
            Err(refusal) => return Ok(Try::Wrong(Again::Card(refusal))),
        };
        let person = self.register.person(&id)?;
        if person.state != PersonState::Living {
            return Ok(Try::Over); // CARD-14
        }
        store.audit(log_in.now, AuditEvent::CardAnswered, "", id.as_str(), 0)?;
        let (revision, review) = (person.revision, ReviewState::NotNeeded);
        Ok(Try::Good(Identified { person: id, revision, replaces: true, review }))
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

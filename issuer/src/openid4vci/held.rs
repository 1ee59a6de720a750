//! Logging in with a credential that the person holds (`specs/held-credential.md`). Somebody else asks for it and checks it: a
//! verifier, which the issuer does not import. The issuer says what for, hears what the credential says, and asks the register
//! whose that is.

use std::collections::BTreeMap;

use protocol::exchange::openid4vci::ErrorCode;
use rand_core::CryptoRng;

use super::authorization::{Again, HeldStep, Identified, LoggedIn};
use super::card::OpenLogIn;
use super::{Endpoint, inside};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::{PersonId, PersonState, RegisterError};
use crate::store::{AskedCredential, AuditEvent, PushedRequest, ReviewState, Writer};

/// Times that one log-in asks for a credential.
const ASKS_MAX: u64 = 8;
/// Longest name of a client in the text that the person agrees to, in characters.
const CLIENT_SHOWN: usize = 64;

/// What a person is asked to show a credential for.
#[derive(Debug, Clone)]
pub struct CredentialQuestion {
    /// Where the browser goes afterwards with a `response_code`, when the wallet is on the same device.
    pub back: Option<String>,
    /// What the person agrees to, in Korean.
    pub text_ko: String,
    /// The same in English.
    pub text_en: String,
}

/// A request for a credential that was made.
#[derive(Clone)]
pub struct CredentialRequested {
    /// What it is called; wallets never see it.
    pub id: String,
    /// What a wallet is opened with.
    pub link: String,
}

/// The name is a secret of the log-in.
impl core::fmt::Debug for CredentialRequested {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CredentialRequested([redacted])")
    }
}

/// A verifier, as the issuer sees it.
pub trait AsksForCredentials: Send + Sync {
    /// What the credential is called, in Korean and English.
    fn credential(&self) -> (String, String);

    /// Asks for it.
    ///
    /// # Errors
    /// [`HeldRefusal::CredentialCheckUnavailable`]
    fn ask(&self, question: &CredentialQuestion) -> Result<CredentialRequested, HeldRefusal>;

    /// What the credential says that was shown for a request of this name, with names of the register's attributes: authentic,
    /// not withdrawn, by its holder, for this request. Once.
    ///
    /// # Errors
    /// [`HeldRefusal`]
    fn shown(&self, id: &str, response_code: Option<&str>) -> Result<BTreeMap<String, String>, HeldRefusal>;
}

/// Why a log-in with a credential does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeldRefusal {
    /// No answer has come yet.
    #[error("no credential has been shown yet; open the wallet, then go on")]
    CredentialNotShown,
    /// The owner declined, the verifier refused what was shown, or the time is over.
    #[error("no credential was shown that holds; ask again")]
    CredentialNotAccepted,
    /// The browser does not have the code that the one has which the wallet opened.
    #[error("the credential was shown from another browser")]
    ShownElsewhere,
    /// What it says fits nobody in the register, or several people.
    #[error("the register knows nobody of whom the credential speaks")]
    HolderNotFound,
    /// The verifier does not answer.
    #[error("credentials cannot be checked at the moment; try again later")]
    CredentialCheckUnavailable,
}

impl Issuer {
    /// One step of the log-in with a credential: `here` and `elsewhere` ask, `shown` looks who it was, `confirmed` goes on.
    pub(super) fn log_in_by_credential<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        step: &str,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let pushed = self.open_for_credential(log_in)?;
        match step {
            "here" | "elsewhere" => self.ask_for_credential(log_in, &pushed, step == "here", rng),
            "shown" => match pushed.asked.clone().filter(|asked| !asked.here) {
                Some(asked) => self.look_who(log_in, pushed, &asked, rng),
                None => Err(ErrorCode::InvalidRequest),
            },
            "confirmed" => {
                let person = pushed.recognised.clone().ok_or(ErrorCode::InvalidRequest)?;
                self.go_on_as(log_in, pushed.asked.as_ref(), &person, rng)
            }
            _ => Err(ErrorCode::InvalidRequest),
        }
    }

    /// The browser is back from a wallet on its own device, with the verifier's code (HELD-03).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequestUri`] when no such log-in is open in this browser, [`ErrorCode::InvalidRequest`]
    pub fn openid_shown<R: CryptoRng + ?Sized>(
        &self,
        request_uri: &str,
        session: &str,
        response_code: &str,
        now: u64,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let secret = self.openid_secret(rng).map_err(inside)?;
        let log_in = OpenLogIn { name: request_uri, session, secret: &secret, now };
        let pushed = self.open_for_credential(&log_in)?;
        let asked = pushed.asked.clone().filter(|asked| asked.here).ok_or(ErrorCode::InvalidRequest)?;
        match self.whose(&asked, Some(response_code))? {
            Ok(person) => self.go_on_as(&log_in, Some(&asked), &person, rng),
            Err(refusal) => Ok(self.again(&log_in, &pushed, refusal, rng)),
        }
    }

    /// A log-in that is open and has no offer, at an issuer that has credentials asked for (HELD-01).
    fn open_for_credential(&self, log_in: &OpenLogIn<'_>) -> Result<PushedRequest, ErrorCode> {
        let open = self.store.write(|store| store.opened(log_in.name, log_in.session, log_in.now)).map_err(inside)?;
        let pushed = open.ok_or(ErrorCode::InvalidRequestUri)?;
        if pushed.masked_offer.is_some() || self.held.is_none() { Err(ErrorCode::InvalidRequest) } else { Ok(pushed) }
    }

    fn ask_for_credential<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        here: bool,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let held = self.held.as_ref().ok_or(ErrorCode::InvalidRequest)?;
        // HELD-06: counted before the verifier hears of it.
        if pushed.asks >= ASKS_MAX {
            return Err(ErrorCode::AccessDenied);
        }
        self.store.write(|store| store.count_ask(log_in.name)).map_err(inside)?;
        let back = here.then(|| self.openid_endpoint(Endpoint::Shown));
        let (text_ko, text_en) = self.agreed(pushed);
        let requested = match held.ask(&CredentialQuestion { back, text_ko, text_en }) {
            Ok(requested) => requested,
            Err(refusal) => return Ok(self.again(log_in, pushed, refusal, rng)),
        };
        let asked = AskedCredential { id: requested.id, link: requested.link, here };
        self.store.write(|store| store.credential_asked(log_in.name, &asked)).map_err(inside)?;
        let mut page = self.page(log_in, pushed, rng);
        page.held = HeldStep::Asked { link: asked.link, here };
        Ok(LoggedIn::Page(page))
    }

    /// What the person agrees to in the wallet (HELD-02): what is issued, by whom, and into which wallet.
    fn agreed(&self, pushed: &PushedRequest) -> (String, String) {
        let names = pushed.credential_types.iter().filter_map(|id| self.entry(id).ok());
        let (ko, en): (Vec<_>, Vec<_>) =
            names.map(|it| (it.credential_type.name.ko.clone(), it.credential_type.name.en.clone())).unzip();
        let plain = |it: &char| it.is_alphanumeric() || "-._:/ ".contains(*it);
        let client: String = pushed.client.chars().filter(plain).take(CLIENT_SHOWN).collect();
        let (issuer, ko, en) = (self.openid_identifier(), ko.join(", "), en.join(", "));
        (
            format!("{issuer}에서 지갑 ‘{client}’에 발급받기: {ko}. 본인이 직접 연 페이지일 때만 동의하십시오."),
            format!("{issuer} issues into the wallet '{client}': {en}. Agree only if you opened its page yourself."),
        )
    }

    /// Whom a credential shown on another device is of: the page says it, and the person confirms (HELD-04).
    fn look_who<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        mut pushed: PushedRequest,
        asked: &AskedCredential,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let person = match pushed.recognised.clone() {
            Some(person) => person,
            None => match self.whose(asked, None)? {
                Ok(person) => person,
                Err(refusal) => return Ok(self.again(log_in, &pushed, refusal, rng)),
            },
        };
        self.store.write(|store| store.recognised(log_in.name, &asked.id, &person)).map_err(inside)?;
        pushed.recognised = Some(person);
        Ok(LoggedIn::Page(self.page(log_in, &pushed, rng)))
    }

    /// Whom the register knows with everything that the credential says (HELD-05).
    fn whose(
        &self,
        asked: &AskedCredential,
        response_code: Option<&str>,
    ) -> Result<Result<PersonId, HeldRefusal>, ErrorCode> {
        let held = self.held.as_ref().ok_or(ErrorCode::InvalidRequest)?;
        let attributes = match held.shown(&asked.id, response_code) {
            Ok(attributes) => attributes,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.register.holder_of(&attributes) {
            Ok(person) => Ok(Ok(person)),
            Err(RegisterError::PersonUnknown | RegisterError::SeveralPeople) => Ok(Err(HeldRefusal::HolderNotFound)),
            Err(_) => Err(ErrorCode::TemporarilyUnavailable),
        }
    }

    fn again<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        refusal: HeldRefusal,
        rng: &mut R,
    ) -> LoggedIn {
        let mut page = self.page(log_in, pushed, rng);
        // What was asked for is still there to be shown; anything else begins anew.
        if refusal != HeldRefusal::CredentialNotShown {
            page.held = HeldStep::offered(self.held.as_deref());
        }
        LoggedIn::Again(page, Again::Credential(refusal))
    }

    /// The way back to the client, if the log-in still is what it was.
    fn go_on_as<R: CryptoRng + ?Sized>(
        &self,
        log_in: &OpenLogIn<'_>,
        asked: Option<&AskedCredential>,
        person: &PersonId,
        rng: &mut R,
    ) -> Result<LoggedIn, ErrorCode> {
        let done = self.store.write(|store| {
            let open = store.opened(log_in.name, log_in.session, log_in.now)?;
            let Some(pushed) = open.filter(|pushed| pushed.asked.as_ref() == asked) else {
                return Ok(Err(ErrorCode::InvalidRequestUri));
            };
            Ok(Ok(LoggedIn::Back(self.shown_by(store, log_in, &pushed, person, rng)?)))
        });
        done.map_err(inside)?
    }

    fn shown_by<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        log_in: &OpenLogIn<'_>,
        pushed: &PushedRequest,
        id: &PersonId,
        rng: &mut R,
    ) -> Result<String, IssuerError> {
        let person = self.register.person(id)?;
        if person.state != PersonState::Living {
            return self.turned_away(store, log_in.name, pushed);
        }
        store.audit(log_in.now, AuditEvent::CredentialShown, "", id.as_str(), 0)?;
        let (revision, review) = (person.revision, ReviewState::NotNeeded);
        let who = Identified { person: id.clone(), revision, replaces: true, review };
        self.let_in(store, log_in, pushed, who, rng)
    }
}

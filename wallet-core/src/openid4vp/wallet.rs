//! The same with a wallet file: what it holds answers, with the owner's consent, and the log says so.

use protocol::crypto::jose::base64url;
use protocol::exchange::dcql::{ClaimsQuery, CredentialQuery, Meta};
use protocol::exchange::openid4vp::dc_api::{ISO_MDOC, IsoRequest, SIGNED, UNSIGNED, is_origin};
use protocol::exchange::openid4vp::{Expected, Vocabulary, VpError};
use rand_core::CryptoRng;
use serde_json::Value;

use super::{Link, OpenIdError, Outgoing, Sheet, read_reader_request, read_request};
use crate::activity::{self, Asked, Event};
use crate::contents::{self, CredentialId};
use crate::error::WalletError;
use crate::foreign::{StoredForeign, with_usable};
use crate::presenting::Decision;
use crate::wallet::{Open, Wallet};

/// Most names of claims in one entry of the log, and most characters of each: a verifier chooses them.
const NAMES_MAX: usize = 32;
const NAME_MAX: usize = 64;

/// What came before the request that a verifier signed: a link, or a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Came {
    /// `client_id` of the link; none through a browser.
    pub client_id: Option<String>,
    /// The nonce that was posted to fetch it.
    pub wallet_nonce: Option<String>,
    /// The origin that the browser says.
    pub origin: Option<String>,
    /// `EncryptionInfo` of a reader of mobile documents, whose device request the request is then.
    pub encryption_info: Option<String>,
}

impl Came {
    /// By this link, with a fresh nonce where the link lets the wallet post one.
    pub fn by(link: &Link, rng: &mut dyn CryptoRng) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let wallet_nonce = link.post.then(|| base64url(&nonce));
        Self { client_id: Some(link.client_id.clone()), wallet_nonce, ..Self::default() }
    }

    /// Through a browser, from a page at `origin`, with this protocol and data. Also gives the request to read.
    ///
    /// # Errors
    /// [`OpenIdError::Request`]: [`VpError::MalformedRequest`]; [`VpError::RequestNotAuthenticated`] for a request that nobody signed:
    /// an origin is registered nowhere (OVP-16).
    pub fn through_browser(origin: &str, protocol: &str, data: &Value) -> Result<(Self, String), OpenIdError> {
        let malformed = |what| OpenIdError::Request(VpError::MalformedRequest(what));
        if !is_origin(origin) {
            return Err(malformed("origin"));
        }
        let came = Self { origin: Some(origin.to_owned()), ..Self::default() };
        match protocol {
            SIGNED => {
                let text = data.get("request").and_then(Value::as_str).ok_or_else(|| malformed("request"))?;
                Ok((came, text.to_owned()))
            }
            UNSIGNED => Err(VpError::RequestNotAuthenticated.into()),
            ISO_MDOC => {
                let iso = IsoRequest::from_json(data)?;
                Ok((Self { encryption_info: Some(iso.encryption_info), ..came }, iso.device_request))
            }
            _ => Err(malformed("protocol")),
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            client_id: self.client_id.as_deref(),
            wallet_nonce: self.wallet_nonce.as_deref(),
            origin: self.origin.as_deref(),
        }
    }
}

/// What the owner is asked before anything is answered. Only a wallet can make one, from an authentic request.
#[derive(Debug)]
pub struct OpenIdConsent {
    /// Who asks what and why, and what could answer.
    pub sheet: Sheet,
    /// The credentials that [`Offered::credential`](super::Offered) counts.
    pub credentials: Vec<CredentialId>,
    request: String,
    came: Came,
    vocabulary: Vocabulary,
}

impl OpenIdConsent {
    /// The newest credential for everything that has to be answered.
    #[must_use]
    pub fn usual(&self) -> Vec<(String, CredentialId)> {
        let usual = self.sheet.usual().into_iter();
        usual.filter_map(|(query, at)| Some((query, *self.credentials.get(at)?))).collect()
    }
}

impl Wallet {
    /// Reads a verifier's signed request for the owner to look at. Nothing is fetched for it.
    ///
    /// # Errors
    /// [`WalletError::OpenId`] when whoever asks is not who they say, or not registered; [`WalletError::TrustMissing`],
    /// [`WalletError::Locked`]
    pub fn read_openid_request(
        &self,
        request: &str,
        came: &Came,
        vocabulary: &Vocabulary,
        now: u64,
    ) -> Result<OpenIdConsent, WalletError> {
        self.with_open(now, |open| {
            consent(open, request, came, vocabulary, now, |_, _| Ok(())).map(|(consent, ())| consent)
        })
    }

    /// Does what the owner decided, with the credentials that they chose for each query, and returns what the app posts. The log
    /// is written, and a copy that was shown is used up, before that (OVP-11). What is sent when they say no is what is sent when
    /// the wallet does not hold what was asked (OVP-10).
    ///
    /// # Errors
    /// [`WalletError::OpenId`], with [`VpError::OverAsk`] for a request that was blocked; [`WalletError::TrustMissing`],
    /// [`WalletError::Locked`]
    pub fn answer_openid(
        &self,
        asked: &OpenIdConsent,
        decision: Decision,
        chosen: &[(String, CredentialId)],
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Outgoing, WalletError> {
        self.with_open(now, |open| {
            // Whatever has changed since the owner looked: trust data, credentials, time.
            let answered = consent(open, &asked.request, &asked.came, &asked.vocabulary, now, |consent, held| {
                let chosen = chosen.iter().map(|(query, id)| {
                    let at = consent.credentials.iter().position(|held| held == id).ok_or(OpenIdError::NotOffered);
                    Ok((query.clone(), at?))
                });
                let chosen = chosen.collect::<Result<Vec<_>, OpenIdError>>();
                Ok(chosen.and_then(|chosen| consent.sheet.answer(decision, &chosen, held, now, rng)))
            });
            let (consent, answer) = answered?;
            let sent = consent.sheet.choices.is_some() && decision != Decision::Decline;
            let entries = entries(&consent, if sent { Some(chosen) } else { None });
            let event: fn(Asked) -> Event = match (&answer, decision) {
                (Ok(_), Decision::Decline) => Event::Declined,
                (Ok(_), _) if !sent => Event::Unanswered,
                (Ok(_), Decision::ApproveOverAsk) if too_much(&consent, chosen) => Event::AnsweredOverAsk,
                (Ok(_), _) => Event::Answered,
                (Err(OpenIdError::Request(VpError::OverAsk(_))), _) => Event::Blocked,
                (Err(_), _) => Event::Unanswered,
            };
            let used: Vec<CredentialId> = match (&answer, sent) {
                (Ok(_), true) => chosen.iter().map(|(_, id)| *id).collect(),
                _ => Vec::new(),
            };
            let gone = open.store.change(|transaction| {
                let mut gone = Vec::new();
                for id in &used {
                    let Some(mut stored) = contents::find::<StoredForeign>(transaction, id)? else { continue };
                    gone.extend(use_up(&mut stored).map(|number| id.copy_alias(number)));
                    contents::put(transaction, id, &stored);
                }
                entries.into_iter().try_for_each(|asked| activity::append(transaction, now, &event(asked)))?;
                Ok(gone)
            })?;
            for alias in gone {
                // One that stays behind after a crash signs nothing any more: nothing names it.
                open.area.delete_key(&alias)?;
            }
            Ok(answer?)
        })
    }
}

/// Marks the first copy as shown, and removes it where another is left. Says which was removed.
fn use_up(stored: &mut StoredForeign) -> Option<u8> {
    if stored.copies.len() > 1 {
        return Some(stored.copies.remove(0).number);
    }
    stored.copies.iter_mut().for_each(|copy| copy.shown = true);
    None
}

fn consent<T>(
    open: &Open,
    request: &str,
    came: &Came,
    vocabulary: &Vocabulary,
    now: u64,
    work: impl FnOnce(&OpenIdConsent, &[super::Foreign<'_>]) -> Result<T, WalletError>,
) -> Result<(OpenIdConsent, T), WalletError> {
    with_usable(open, now, |held, foreign| {
        let trust = open.trust()?;
        let sheet = match (&came.encryption_info, &came.origin) {
            (Some(encryption_info), Some(origin)) => {
                let (device_request, encryption_info) = (request.to_owned(), encryption_info.clone());
                let iso = IsoRequest { device_request, encryption_info };
                read_reader_request(&iso, origin, foreign, trust, vocabulary, now)?
            }
            _ => read_request(request, &came.expected(), foreign, trust, vocabulary, now)?,
        };
        let credentials = held.iter().map(|(id, _)| *id).collect();
        let consent = OpenIdConsent {
            sheet,
            credentials,
            request: request.to_owned(),
            came: came.clone(),
            vocabulary: vocabulary.clone(),
        };
        let done = work(&consent, foreign)?;
        Ok((consent, done))
    })
}

/// Whether the verifier asks for more than it registered, or sees more of what was chosen (OVP-06, OVP-17).
fn too_much(consent: &OpenIdConsent, chosen: &[(String, CredentialId)]) -> bool {
    let is_chosen = |at: usize| consent.credentials.get(at).is_some_and(|held| chosen.iter().any(|(_, id)| id == held));
    let options = consent.sheet.choices.iter().flatten().flat_map(|choice| &choice.options);
    consent.sheet.over_ask.is_some() || options.filter(|it| is_chosen(it.credential)).any(|it| it.over_ask.is_some())
}

/// What the log says of a request: an entry for each credential that was asked for, or only for those that were shown.
fn entries(consent: &OpenIdConsent, shown: Option<&[(String, CredentialId)]>) -> Vec<Asked> {
    let sheet = &consent.sheet;
    let request = &sheet.request;
    let short = |text: &str| text.chars().take(NAME_MAX).collect::<String>();
    let purpose = request.registration.as_ref().map(|(_, purpose)| short(purpose)).unwrap_or_default();
    let wanted = request
        .query
        .credentials
        .iter()
        .filter(|query| shown.is_none_or(|shown| shown.iter().any(|(id, _)| *id == query.id)));
    let entry = |query: &CredentialQuery| Asked {
        verifier: sheet.verifier.clone(),
        name_ko: sheet.name.ko.clone(),
        name_en: sheet.name.en.clone(),
        purpose: purpose.clone(),
        credential_type: short(match &query.meta {
            Meta::SdJwt { vct_values } => vct_values.first().map_or("", String::as_str),
            Meta::MsoMdoc { doctype_value } => doctype_value,
            Meta::LdpVc { type_values } => type_values.first().and_then(|it| it.last()).map_or("", String::as_str),
            Meta::Other { .. } => query.meta.format(),
        }),
        shown: all_of(consent, &query.id, shown)
            .unwrap_or_else(|| query.claims.iter().map(ClaimsQuery::name).collect())
            .iter()
            .take(NAMES_MAX)
            .map(|name| short(name))
            .collect(),
        proven: Vec::new(),
        pseudonym: None,
    };
    wanted.map(entry).collect()
}

/// The names of everything in the credential that answered, where its format shows all of it. In others it is what was asked.
fn all_of(consent: &OpenIdConsent, query: &str, shown: Option<&[(String, CredentialId)]>) -> Option<Vec<String>> {
    let (_, id) = shown?.iter().find(|(asked, _)| asked == query)?;
    let at = consent.credentials.iter().position(|held| held == id)?;
    let choice = consent.sheet.choices.as_ref()?.iter().find(|it| it.query == query)?;
    let option = choice.options.iter().find(|it| it.credential == at && it.all)?;
    Some(option.shown.iter().map(|(pointer, _)| pointer.trim_start_matches('/').replace('/', ".")).collect())
}

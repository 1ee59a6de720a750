//! From app to app: a request that another app hands to the wallet, or that a code on a screen leads to, and where the answer goes
//! (`specs/app-link.md`).
//!
//! A verifier wraps its [`SignedRequest`] into an [`AppRequest`] that names the app which may hand it over, where the answer goes
//! and the key that it is sealed to, and signs that too. Nobody but the holder of that key reads the answer, whichever app is
//! opened with it.

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::request::{AuthenticRequest, RequestError, SignedRequest};
use crate::cbor;
use crate::crypto::agreement::AgreementKey;
use crate::crypto::domains;
use crate::crypto::hpke::{self, Sealed};
use crate::crypto::jose::{base64url, from_base64url};
use crate::crypto::keys::{Signature, Signer, SignerError};
use crate::crypto::multikey::Multikey;
use crate::exchange::openid4vp::host;
use crate::ledger::record::Purposes;
use crate::ledger::state::TrustedState;

/// Version of the encoding.
const VERSION: u8 = 1;
/// Largest encoding of a request with everything around it, in bytes.
const SIZE_MAX: usize = 4_096;
/// Longest link that is read, in bytes.
const LINK_MAX: usize = 8_192;
/// Longest address or name of an app, in bytes.
const TEXT_MAX: usize = 512;
/// Longest answer, in bytes.
pub const ANSWER_MAX: usize = 256 * 1_024;
/// What the encoding follows in a link. A fragment stays on the device: no server that the link names gets it.
const MARK: &str = "#mid=";
/// The same for the answer.
const ANSWER_MARK: &str = "#answer=";
/// Schemes that browsers and phones give another meaning: no app's.
const NOT_AN_APP: [&str; 8] = ["http", "https", "javascript", "data", "file", "intent", "about", "blob"];

/// Why a request from another app is not answered, or an answer not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppLinkError {
    /// Not such a link, or not such an answer.
    #[error("this is not a link from another app; go back to that app and start again")]
    MalformedLink,
    /// Made by a newer version.
    #[error("this link was made by a newer version; update this app")]
    UnsupportedVersion,
    /// The answer would go to an address that is neither an app's nor `https`.
    #[error("the answer would go to an address that is no app's; do not answer")]
    SchemeNotAllowed,
    /// Handed over by another app than the verifier named.
    #[error("another app handed this over than the one that asks; do not answer")]
    CallerNotTrusted,
    /// The answer is not for this session's key, or was changed.
    #[error("the answer is not for this request, or was changed; ask again")]
    DecryptionFailed,
    /// The request inside.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// The wallet opens this link with the answer in its fragment: `scooter://done`, or an `https` address that an app has claimed.
    #[n(0)]
    Open(#[n(0)] String),
    /// The wallet posts the answer to this `https` address.
    #[n(1)]
    Post(#[n(0)] String),
}

impl Reply {
    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Open(address) | Self::Post(address) => address,
        }
    }

    /// ALNK-03
    fn check(&self) -> Result<(), AppLinkError> {
        let fits = match self {
            Self::Open(link) => is_app_link(link),
            Self::Post(address) => address.len() <= TEXT_MAX && !address.contains('#') && host(address).is_some(),
        };
        if fits { Ok(()) } else { Err(AppLinkError::SchemeNotAllowed) }
    }
}

/// Whether this is an address that an app can have: of a scheme of its own, or `https`; without a fragment.
#[must_use]
pub fn is_app_link(link: &str) -> bool {
    let plain = link.len() <= TEXT_MAX && !link.contains(|it: char| it.is_control() || it == ' ' || it == '#');
    let Some((scheme, _)) = link.split_once("://").filter(|_| plain) else { return false };
    let letters = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-+.".contains(&it);
    let own = scheme.bytes().all(letters) && scheme.bytes().next().is_some_and(|it| it.is_ascii_lowercase());
    (own && !NOT_AN_APP.contains(&scheme)) || (scheme == "https" && host(link).is_some())
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Payload {
    #[n(0)]
    version: u8,
    #[n(1)]
    request: SignedRequest,
    #[n(2)]
    caller: Option<String>,
    #[n(3)]
    reply: Reply,
    #[cbor(n(4), with = "minicbor::bytes")]
    key: [u8; 33],
}

/// What a verifier has an app hand to the wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRequest {
    /// The question, signed.
    pub request: SignedRequest,
    /// The app that hands it over, as the phone's system names it (package, bundle, or origin of a page); none where a code on a
    /// screen does.
    pub caller: Option<String>,
    /// Where the answer goes.
    pub reply: Reply,
    /// The session's key, to which the answer is sealed: fresh, on P-256.
    pub key: Multikey,
}

impl AppRequest {
    /// Signs it with the key that signed the request.
    ///
    /// # Errors
    /// [`AppLinkError::SchemeNotAllowed`], [`AppLinkError::MalformedLink`] for a key on another curve or what is too long;
    /// [`AppLinkError::CallerNotTrusted`] for a way back to an app that is not named.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedAppRequest, AppLinkError> {
        self.reply.check()?;
        let Multikey::P256(key) = self.key else { return Err(AppLinkError::MalformedLink) };
        if matches!(self.reply, Reply::Open(_)) && self.caller.is_none() {
            return Err(AppLinkError::CallerNotTrusted);
        }
        let (request, caller, reply) = (self.request.clone(), self.caller.clone(), self.reply.clone());
        let payload = cbor::to_vec(&Payload { version: VERSION, request, caller, reply, key });
        let signature = signer.sign(domains::APP_LINK_SIGNATURE, &payload);
        let signature = signature.map_err(|_: SignerError| AppLinkError::MalformedLink)?;
        let signed = SignedAppRequest { payload, signature };
        if cbor::to_vec(&signed).len() > SIZE_MAX { Err(AppLinkError::MalformedLink) } else { Ok(signed) }
    }
}

/// The same with its signature, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignedAppRequest {
    #[cbor(n(0), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[n(1)]
    signature: Signature,
}

impl SignedAppRequest {
    /// The link that opens a wallet; `start` is the wallet's own address, e.g. `mid-wallet://answer`.
    #[must_use]
    pub fn link(&self, start: &str) -> String {
        format!("{start}{MARK}{}", base64url(&cbor::to_vec(self)))
    }

    /// Whether a text looks like such a link.
    #[must_use]
    pub fn is_link(text: &str) -> bool {
        text.contains("://") && text.contains(MARK)
    }

    /// Reads a link (ALNK-01). Which address it begins with says nothing: the phone opened this wallet with it.
    ///
    /// # Errors
    /// [`AppLinkError::MalformedLink`]
    pub fn read(link: &str) -> Result<Self, AppLinkError> {
        let (_, text) = link.split_once(MARK).filter(|_| link.len() <= LINK_MAX).ok_or(AppLinkError::MalformedLink)?;
        let bytes = from_base64url(text).ok_or(AppLinkError::MalformedLink)?;
        cbor::from_slice(&bytes, SIZE_MAX).map_err(|_| AppLinkError::MalformedLink)
    }

    /// What the answer is sealed for: the hash of everything that travelled.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new_with_prefix(domains::APP_LINK_DIGEST).chain_update(cbor::to_vec(self)).finalize().into()
    }

    /// Checks who asks, that what stands around the question is by them, too, and that the app that handed it over is the one that
    /// they named. `caller` is what the phone's system says of that app; none when a code was scanned.
    ///
    /// # Errors
    /// [`AppLinkError`]; whether the question stays within the registration is the caller's to ask.
    pub fn authenticate(
        &self,
        caller: Option<&str>,
        trust: &TrustedState,
        now: u64,
    ) -> Result<AuthenticAppRequest, AppLinkError> {
        let payload: Payload = cbor::from_slice(&self.payload, SIZE_MAX).map_err(|_| AppLinkError::MalformedLink)?;
        if payload.version != VERSION {
            return Err(AppLinkError::UnsupportedVersion); // ALNK-01
        }
        payload.reply.check()?;
        let authentic = payload.request.authenticate(trust, now)?;
        // ALNK-02: by the key that asks, not by some other of the verifier's.
        let asked = &authentic.request;
        let key = trust
            .did(&asked.verifier)
            .and_then(|did| did.key_for(&asked.key, Purposes::ASSERTION, asked.issued_at))
            .ok_or(RequestError::KeyNotTrusted)?;
        let signed = key.key.verify(domains::APP_LINK_SIGNATURE, &self.payload, &self.signature);
        signed.map_err(|_| RequestError::RequestNotAuthenticated)?;
        // ALNK-04 (E18)
        let named = match (&payload.caller, &payload.reply) {
            (Some(named), _) => caller == Some(named),
            (None, Reply::Post(_)) => true,
            (None, Reply::Open(_)) => false,
        };
        if !named {
            return Err(AppLinkError::CallerNotTrusted);
        }
        let key = Multikey::p256_from_sec1(&payload.key).map_err(|_| AppLinkError::MalformedLink)?;
        Ok(AuthenticAppRequest {
            request: authentic,
            signed: payload.request,
            reply: payload.reply,
            key,
            digest: self.digest(),
        })
    }
}

/// A request from another app that is from who it says.
#[derive(Debug, Clone)]
pub struct AuthenticAppRequest {
    /// The question.
    pub request: AuthenticRequest,
    /// The same as it was signed.
    pub signed: SignedRequest,
    /// Where the answer goes.
    pub reply: Reply,
    key: Multikey,
    digest: [u8; 32],
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Answer {
    #[cbor(n(0), with = "minicbor::bytes")]
    encapsulated: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

impl AuthenticAppRequest {
    /// The presentation, sealed to the session's key (ALNK-05); nothing for an owner who says no, and for a wallet that does not hold
    /// what was asked: to the verifier both are the same.
    ///
    /// # Errors
    /// [`AppLinkError::MalformedLink`] for a presentation that is too long.
    pub fn seal(
        &self,
        presentation: Option<&[u8]>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, AppLinkError> {
        let sealed = hpke::seal(&self.key, &info(&self.digest), presentation.unwrap_or_default(), rng);
        let Sealed { encapsulated, ciphertext } = sealed.map_err(|_| AppLinkError::MalformedLink)?;
        let answer = cbor::to_vec(&Answer { encapsulated, ciphertext });
        if answer.len() > ANSWER_MAX { Err(AppLinkError::MalformedLink) } else { Ok(answer) }
    }

    /// The link that the wallet opens with a sealed answer, where it opens one.
    #[must_use]
    pub fn back(&self, answer: &[u8]) -> Option<String> {
        match &self.reply {
            Reply::Open(link) => Some(format!("{link}{ANSWER_MARK}{}", base64url(answer))),
            Reply::Post(_) => None,
        }
    }
}

/// What an app was opened with: the sealed answer after the mark.
///
/// # Errors
/// [`AppLinkError::MalformedLink`]
pub fn answer_of(link: &str) -> Result<Vec<u8>, AppLinkError> {
    let text = link.split_once(ANSWER_MARK).map(|(_, text)| text).filter(|it| it.len() <= 2 * ANSWER_MAX);
    text.and_then(from_base64url).ok_or(AppLinkError::MalformedLink)
}

/// Opens a sealed answer (ALNK-05): the presentation, or nothing where the wallet says no. `digest` is that of the request.
///
/// # Errors
/// [`AppLinkError::MalformedLink`], [`AppLinkError::DecryptionFailed`]
pub fn open_answer(key: &AgreementKey, digest: &[u8; 32], answer: &[u8]) -> Result<Option<Vec<u8>>, AppLinkError> {
    let answer: Answer = cbor::from_slice(answer, ANSWER_MAX).map_err(|_| AppLinkError::MalformedLink)?;
    let sealed = Sealed { encapsulated: answer.encapsulated, ciphertext: answer.ciphertext };
    let opened = hpke::open(key, &info(digest), &sealed).map_err(|_| AppLinkError::DecryptionFailed)?;
    Ok(Some(opened).filter(|it| !it.is_empty()))
}

fn info(digest: &[u8; 32]) -> Vec<u8> {
    [domains::APP_LINK_ANSWER, digest].concat()
}

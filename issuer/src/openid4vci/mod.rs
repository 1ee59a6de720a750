//! OpenID4VCI 1.0: what wallets of others ask, in place of our own protocol (`specs/openid4vci.md`).
//!
//! In the order of a wallet's way: [`offer`](Issuer::openid_offer) · metadata · log-in · token · nonce · credential ·
//! notification. An offer of the counter is taken up in one protocol or the other. Every access token is bound to a
//! key of the wallet by DPoP; every credential to one of its keys by a proof over a nonce of the issuer. Providers may have
//! to vouch for both; a clerk may have to look before anything is issued.

mod authorization;
mod batch;
mod card;
mod configuration;
mod credential;
mod deferred;
mod dpop;
mod encryption;
mod held;
mod metadata;
mod standing;
mod token;
mod wallets;

use protocol::crypto::jose::{base64url, from_base64url};
use protocol::exchange::openid4vci::{Authorization, ErrorCode, Grants, NonceResponse, Offer, PreAuthorized, TxCode};
use rand_core::CryptoRng;

pub use authorization::{Again, AuthorizationParameters, HeldStep, LogIn, LoggedIn};
pub use batch::{TwinsRequest, TwinsResponse};
pub use card::CardRefusal;
pub use configuration::Configuration;
pub use deferred::Review;
pub use dpop::Presented;
pub use encryption::Opened;
pub use held::{AsksForCredentials, CredentialQuestion, CredentialRequested, HeldRefusal};
pub use standing::FetchesStatusLists;
pub(crate) use standing::Standing;
pub use token::TokenParameters;
pub(crate) use wallets::TrustedProviders;
pub use wallets::WalletProviders;

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::offer::MadeOffer;

/// Most keys of one credential request.
pub const BATCH_MAX: u32 = 8;

/// The paths below the issuer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Where an offer by reference is fetched.
    Offers,
    /// Where authorisation requests are sent beforehand.
    Push,
    /// Where people log in.
    Authorize,
    /// Where a browser comes back to when its person has shown a credential.
    Shown,
    /// Where access tokens come from.
    Token,
    /// Where nonces for key proofs come from.
    Nonce,
    /// Where credentials come from.
    Credential,
    /// Where all twins of an enrolment come from with one call.
    Twins,
    /// Where credentials come from that a clerk had to look at.
    Deferred,
    /// Where wallets say what became of them.
    Notification,
}

impl Endpoint {
    /// The path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Offers => "/openid4vci/offers",
            Self::Push => "/openid4vci/par",
            Self::Authorize => "/openid4vci/authorize",
            Self::Shown => "/openid4vci/shown",
            Self::Token => "/openid4vci/token",
            Self::Nonce => "/openid4vci/nonce",
            Self::Credential => "/openid4vci/credential",
            Self::Twins => "/openid4vci/twins",
            Self::Deferred => "/openid4vci/deferred",
            Self::Notification => "/openid4vci/notification",
        }
    }
}

/// Inside a transaction: `Ok(Err(code))` keeps what was written (a used nonce, a lost attempt), `Err` undoes it.
type Outcome<T> = Result<Result<T, ErrorCode>, IssuerError>;

/// A wallet is not told what is wrong inside.
fn inside(_: IssuerError) -> ErrorCode {
    ErrorCode::TemporarilyUnavailable
}

/// 128 random bits.
fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> [u8; 16] {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn read_code(text: &str) -> Option<[u8; 16]> {
    from_base64url(text)?.try_into().ok()
}

impl Issuer {
    /// The identifier under which other wallets know the issuer: its address.
    #[must_use]
    pub fn openid_identifier(&self) -> &str {
        self.description.url.trim_end_matches('/')
    }

    /// The address of an endpoint.
    #[must_use]
    pub fn openid_endpoint(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.openid_identifier(), endpoint.path())
    }

    /// An offer of the counter as other wallets read it; `None` when no type in it has a format they know.
    #[must_use]
    pub fn openid_offer(&self, made: &MadeOffer) -> Option<Offer> {
        self.offer_of(&made.offer.code, &made.offer.credential_types, made.tx_code.is_some())
    }

    /// The address at which an offer can be fetched, for a smaller QR code. Who sees it has the offer.
    #[must_use]
    pub fn openid_offer_address(&self, made: &MadeOffer) -> String {
        format!("{}/{}", self.openid_endpoint(Endpoint::Offers), base64url(&made.offer.code))
    }

    /// The offer whose code is in its address, as long as nobody has taken it up.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn openid_offer_at(&self, code: &str, now: u64) -> Result<Option<Offer>, IssuerError> {
        let Some(code) = read_code(code) else { return Ok(None) };
        let open = self.store.read(|store| store.open_offer(&code, now))?;
        Ok(open.and_then(|(types, with_code)| self.offer_of(&code, &types, with_code)))
    }

    fn offer_of(&self, code: &[u8; 16], types: &[String], with_code: bool) -> Option<Offer> {
        let configurations: Vec<String> = self
            .configurations()
            .into_iter()
            .filter(|configuration| types.contains(&configuration.credential_type))
            .map(|configuration| configuration.id)
            .collect();
        let tx_code = TxCode { input_mode: Some("numeric".into()), length: Some(6), description: None };
        let pre_authorized =
            PreAuthorized { code: base64url(code), tx_code: with_code.then_some(tx_code), authorization_server: None };
        // The digits that are told separately are also what the person logs in with.
        let authorization_code =
            with_code.then(|| Authorization { issuer_state: Some(base64url(code)), authorization_server: None });
        (!configurations.is_empty()).then(|| Offer {
            credential_issuer: self.openid_identifier().to_owned(),
            credential_configuration_ids: configurations,
            grants: Some(Grants { pre_authorized: Some(pre_authorized), authorization_code }),
        })
    }

    /// A fresh nonce for key proofs.
    ///
    /// # Errors
    /// [`ErrorCode::TemporarilyUnavailable`].
    pub fn openid_nonce<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<NonceResponse, ErrorCode> {
        let nonce = self.nonce(now, rng).map_err(|_| ErrorCode::TemporarilyUnavailable)?;
        Ok(NonceResponse { c_nonce: base64url(&nonce.nonce) })
    }
}

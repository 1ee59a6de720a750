//! What a wallet gets: credentials from offers, and public data.

use protocol::credential;

use super::Label;

/// An offer as the owner is asked about it.
#[derive(uniffi::Record)]
pub struct OfferSheet {
    /// DID of who offers.
    pub issuer: String,
    /// Where the credentials are fetched.
    pub url: String,
    /// What is offered.
    pub credential_types: Vec<OfferedType>,
    /// Whether a code that the issuer told separately has to be typed.
    pub tx_code: bool,
}

/// A credential type of an offer.
#[derive(uniffi::Record)]
pub struct OfferedType {
    /// The type's id.
    pub id: String,
    /// What people call it.
    pub name: Label,
}

impl From<wallet_core::OfferSheet> for OfferSheet {
    fn from(sheet: wallet_core::OfferSheet) -> Self {
        let offered = |(id, name): (String, credential::Label)| OfferedType { id, name: (&name).into() };
        Self {
            issuer: sheet.issuer.to_string(),
            url: sheet.url,
            credential_types: sheet.credential_types.into_iter().map(offered).collect(),
            tx_code: sheet.tx_code,
        }
    }
}

/// A request for a credential that is under way.
#[derive(uniffi::Record)]
pub struct PendingIssuance {
    /// The id the credential will have.
    pub id: String,
    /// The type asked for.
    pub credential_type: String,
    /// Where to send the request.
    pub url: String,
    /// What to send, the same each time until it is answered.
    pub request: Vec<u8>,
}

impl From<wallet_core::PendingIssuance> for PendingIssuance {
    fn from(pending: wallet_core::PendingIssuance) -> Self {
        Self {
            id: pending.id.to_string(),
            credential_type: pending.credential_type,
            url: pending.url,
            request: pending.request,
        }
    }
}

/// What the app should fetch, at a time that has nothing to do with any use.
#[derive(uniffi::Record)]
pub struct Needs {
    /// Whether to fetch a newer trust bundle.
    pub trust: bool,
    /// Day signatures to fetch.
    pub day_sets: Vec<DaySetNeeded>,
    /// Status tokens to fetch.
    pub status_tokens: Vec<StatusTokensNeeded>,
}

/// A set of day signatures.
#[derive(uniffi::Record)]
pub struct DaySetNeeded {
    /// DID of who publishes it.
    pub issuer: String,
    /// The key it is signed with, 96 bytes.
    pub key: Vec<u8>,
}

/// A public slice of status tokens.
#[derive(uniffi::Record)]
pub struct StatusTokensNeeded {
    /// DID of who publishes them.
    pub issuer: String,
    /// The credential's type.
    pub credential_type: String,
    /// The issuer key's short name, 8 bytes.
    pub issuer_key: Vec<u8>,
    /// The newest epoch on the ledger.
    pub epoch: u32,
    /// How many bits choose the slice.
    pub slice_bits: u8,
    /// Those bits.
    pub slice_index: u64,
}

impl Needs {
    pub(crate) fn new(needs: wallet_core::Needs, slice_bits: u8) -> Self {
        let day_set =
            |set: wallet_core::DaySetNeeded| DaySetNeeded { issuer: set.issuer.to_string(), key: set.key.to_vec() };
        let tokens = |tokens: wallet_core::StatusTokensNeeded| {
            let slice = tokens.slice(slice_bits);
            StatusTokensNeeded {
                issuer: tokens.issuer.to_string(),
                credential_type: tokens.credential_type,
                issuer_key: tokens.issuer_key.to_vec(),
                epoch: tokens.epoch,
                slice_bits: slice.bits,
                slice_index: slice.index,
            }
        };
        Self {
            trust: needs.trust,
            day_sets: needs.day_sets.into_iter().map(day_set).collect(),
            status_tokens: needs.status_tokens.into_iter().map(tokens).collect(),
        }
    }
}

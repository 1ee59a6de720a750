//! The messages roles exchange, in flow order: offer · issuance · request · presentation · qr · frames.

mod finder;
pub mod frames;
mod issuance;
mod offer;
mod presentation;
pub mod qr;
mod query;
mod request;
mod stapled;

pub use issuance::{CredentialRequest, CredentialResponse, IssuanceNonce, IssuanceRefusal, StatusToken, StatusTokens};
pub use offer::{Offer, OfferError};
pub use presentation::{
    AuthenticPresentation, Binding, Freshness, HandleStatus, Holding, IssuerEvidence, PresentError, Presentation,
    PresentationError, Shown, status_token_number,
};
pub use query::{Predicate, Query};
pub use request::{AuthenticRequest, OverAsk, Request, RequestError, SignedRequest};
pub use stapled::{STAPLED_MAX, StapledPresentation};

//! The messages roles exchange, in flow order: offer · issuance · request · presentation · qr · frames; and those of
//! OpenID for issuing.

pub mod app_link;
pub mod dcql;
mod evidence;
mod finder;
pub mod frames;
mod issuance;
mod offer;
pub mod openid4vci;
pub mod openid4vp;
mod portrait;
mod predicate;
mod presentation;
mod pseudonym;
pub mod qr;
mod query;
mod request;
mod stapled;

pub use evidence::IssuerEvidence;
pub use issuance::{
    CopyRequest, CopySignature, CredentialRequest, CredentialResponse, IssuanceNonce, IssuanceRefusal, StatusToken,
    StatusTokens,
};
pub use offer::{Offer, OfferError};
pub use portrait::{PORTRAIT_MAX, PortraitError, Received, check_portrait};
pub use predicate::{Claim, Predicate};
pub use presentation::{
    AuthenticPresentation, Binding, Bound, Bytes, ExplainedPseudonym, ExplainedStatus, Explanation, Freshness,
    HandleStatus, Holding, Prepared, PresentError, Presentation, PresentationError, Readable, SLOT, Shown, TypeGuess,
    status_token_number,
};
pub(crate) use pseudonym::is_event_name;
pub use pseudonym::{Period, Pseudonym, Scope};
pub use query::Query;
pub use request::{AuthenticRequest, OverAsk, Request, RequestError, SignedRequest};
pub use stapled::{STAPLED_MAX, StapledPresentation};

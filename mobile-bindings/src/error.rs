//! What an app can do about a failure: six cases instead of a hundred.

use protocol::credential::DayError;
use protocol::error_name;
use protocol::exchange::qr::QrError;
use protocol::exchange::{IssuanceRefusal, PresentError, PresentationError, RequestError};
use protocol::ledger::bundle::BundleError;
use verifier::Refusal;
use verifier::ask::AskError;
use wallet_core::WalletError;

use crate::courier::CourierError;

/// Why a call did not do what it was asked.
///
/// `reason` is a stable name, e.g. `ProofInvalid`; `advice` says in English what to do next. Neither says who the
/// holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ApiError {
    /// Do the same again, after what the advice says.
    #[error("{advice}")]
    Retry {
        /// Stable name.
        reason: String,
        /// What to do next.
        advice: String,
    },
    /// Ask for the PIN.
    #[error("the wallet is locked; enter the PIN")]
    Unlock {
        /// Tries left after a wrong PIN; none when no PIN was entered.
        attempts_left: Option<u8>,
    },
    /// Get the credential issued again.
    #[error("{advice}")]
    Renew {
        /// Stable name.
        reason: String,
        /// What to do next.
        advice: String,
    },
    /// Fetch newer public data, or a newer version of the app.
    #[error("{advice}")]
    Update {
        /// Stable name.
        reason: String,
        /// What to do next.
        advice: String,
    },
    /// No, and asking again does not help.
    #[error("{advice}")]
    Refused {
        /// Stable name.
        reason: String,
        /// What to do next.
        advice: String,
    },
    /// The app passed something that no correct app passes, or the phone is broken.
    #[error("{advice}")]
    Bug {
        /// Stable name.
        reason: String,
        /// What to do next.
        advice: String,
    },
}

/// The cases that carry a name and an advice.
enum Act {
    Retry,
    Renew,
    Update,
    Refused,
    Bug,
}

impl ApiError {
    fn new<E: core::fmt::Debug + core::fmt::Display>(act: Act, error: &E) -> Self {
        let (reason, advice) = (error_name(error), error.to_string());
        match act {
            Act::Retry => Self::Retry { reason, advice },
            Act::Renew => Self::Renew { reason, advice },
            Act::Update => Self::Update { reason, advice },
            Act::Refused => Self::Refused { reason, advice },
            Act::Bug => Self::Bug { reason, advice },
        }
    }

    /// An argument that is not of the form the documentation gives.
    pub(crate) fn argument(name: &str) -> Self {
        Self::Bug { reason: "MalformedArgument".into(), advice: format!("`{name}` is malformed; report this") }
    }
}

impl From<WalletError> for ApiError {
    fn from(error: WalletError) -> Self {
        use WalletError as E;
        let act = match &error {
            E::Locked => return Self::Unlock { attempts_left: None },
            E::PinIncorrect { remaining } => return Self::Unlock { attempts_left: Some(*remaining) },
            E::PinBlocked => return Self::Unlock { attempts_left: Some(0) },
            E::Bundle(error) => bundle(error),
            E::Request(error) => request(error),
            E::Present(error) => present(error),
            E::Evidence(error) => presentation(error),
            E::AlreadyOpen | E::StorageFull | E::StorageUnavailable => Act::Retry,
            E::NonceExpired | E::MalformedResponse | E::NoSuchIssuance => Act::Retry,
            E::MalformedDaySet | E::DaySetInvalid => Act::Retry,
            E::MalformedStatusTokens | E::StatusTokenInvalid | E::SliceTooSmall | E::StatusRollback => Act::Retry,
            E::KeyInvalidated | E::CredentialWithdrawn | E::CopiesUsedUp => Act::Renew,
            E::TrustMissing | E::EpochNotAnnounced | E::StorageVersionUnsupported => Act::Update,
            E::KeystoreFault | E::CommitmentFailed => Act::Bug,
            _ => Act::Refused,
        };
        Self::new(act, &error)
    }
}

impl From<CourierError> for ApiError {
    fn from(error: CourierError) -> Self {
        let refused = match error {
            CourierError::Fetch(unreachable) => return Self::new(Act::Retry, &unreachable),
            CourierError::IssuerAddressUnknown => return Self::new(Act::Refused, &error),
            CourierError::Refused(refused) => refused,
            _ => return Self::new(Act::Retry, &error),
        };
        use IssuanceRefusal as E;
        let act = match refused {
            E::InvalidNonce | E::InvalidProof | E::IdempotencyConflict | E::TemporarilyUnavailable => Act::Retry,
            E::InvalidRequest => Act::Update,
            _ => Act::Refused,
        };
        Self::new(act, &refused)
    }
}

impl From<Refusal> for ApiError {
    fn from(error: Refusal) -> Self {
        let act = match &error {
            Refusal::Presentation(error) => presentation(error),
            Refusal::TrustStale | Refusal::UnknownKey | Refusal::UnknownType => Act::Update,
            Refusal::StatusUnknown | Refusal::StatusUnavailable | Refusal::StatusTooOld => Act::Update,
            Refusal::ClockUnreliable => Act::Retry,
            _ => Act::Refused,
        };
        Self::new(act, &error)
    }
}

impl From<BundleError> for ApiError {
    fn from(error: BundleError) -> Self {
        Self::new(bundle(&error), &error)
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::new(request(&error), &error)
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        let act = match &error {
            AskError::SigningFailed => Act::Bug,
            AskError::NotRegistered => Act::Update,
            AskError::QueryNotAnswerable | AskError::OverAsk(_) => Act::Refused,
        };
        Self::new(act, &error)
    }
}

impl From<QrError> for ApiError {
    fn from(error: QrError) -> Self {
        let act = match error {
            QrError::UnsupportedVersion => Act::Update,
            _ => Act::Refused,
        };
        Self::new(act, &error)
    }
}

impl From<DayError> for ApiError {
    fn from(error: DayError) -> Self {
        Self::new(Act::Refused, &error)
    }
}

fn bundle(error: &BundleError) -> Act {
    match error {
        BundleError::BundleMalformed | BundleError::BundleUnordered | BundleError::BaseMissing => Act::Retry,
        _ => Act::Refused,
    }
}

fn request(error: &RequestError) -> Act {
    match error {
        RequestError::UnsupportedVersion => Act::Update,
        _ => Act::Refused,
    }
}

fn presentation(error: &PresentationError) -> Act {
    match error {
        PresentationError::UnsupportedVersion | PresentationError::InvalidIssuerKey => Act::Update,
        _ => Act::Refused,
    }
}

fn present(error: &PresentError) -> Act {
    match error {
        PresentError::CredentialExpired | PresentError::Credential(_) => Act::Renew,
        PresentError::SetSignatureMissing | PresentError::StatusTokenMissing => Act::Update,
        PresentError::PreparedForAnotherDay => Act::Retry,
        PresentError::KeystoreFault | PresentError::Proof(_) => Act::Bug,
        PresentError::QueryNotAnswerable | PresentError::PredicateNotSatisfied => Act::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(error: impl Into<ApiError>) -> (&'static str, String) {
        match error.into() {
            ApiError::Retry { reason, .. } => ("retry", reason),
            ApiError::Unlock { attempts_left } => ("unlock", format!("{attempts_left:?}")),
            ApiError::Renew { reason, .. } => ("renew", reason),
            ApiError::Update { reason, .. } => ("update", reason),
            ApiError::Refused { reason, .. } => ("refused", reason),
            ApiError::Bug { reason, .. } => ("bug", reason),
        }
    }

    #[test]
    fn pins_ask_for_a_pin_and_say_how_often() {
        assert_eq!(act(WalletError::Locked), ("unlock", "None".into()));
        assert_eq!(act(WalletError::PinIncorrect { remaining: 9 }), ("unlock", "Some(9)".into()));
        assert_eq!(act(WalletError::PinBlocked), ("unlock", "Some(0)".into()));
        assert_eq!(act(WalletError::PinTooWeak), ("refused", "PinTooWeak".into()));
    }

    #[test]
    fn reasons_are_those_of_the_innermost_error() {
        let expired = PresentError::CredentialExpired;
        assert_eq!(act(WalletError::Present(expired)), ("renew", "CredentialExpired".into()));
        assert_eq!(act(WalletError::Bundle(BundleError::StateMismatch)), ("refused", "StateMismatch".into()));
        assert_eq!(act(WalletError::Request(RequestError::RequestExpired)), ("refused", "RequestExpired".into()));
        let newer = PresentationError::UnsupportedVersion;
        assert_eq!(act(Refusal::Presentation(newer)), ("update", "UnsupportedVersion".into()));
    }

    #[test]
    fn each_case_has_errors_that_lead_to_it() {
        assert_eq!(act(WalletError::StorageFull), ("retry", "StorageFull".into()));
        assert_eq!(act(WalletError::KeyInvalidated), ("renew", "KeyInvalidated".into()));
        assert_eq!(act(WalletError::TrustMissing), ("update", "TrustMissing".into()));
        assert_eq!(act(WalletError::StorageTampered), ("refused", "StorageTampered".into()));
        assert_eq!(act(WalletError::KeystoreFault), ("bug", "KeystoreFault".into()));
        assert_eq!(act(Refusal::Expired), ("refused", "Expired".into()));
        assert_eq!(act(Refusal::TrustStale), ("update", "TrustStale".into()));
        assert_eq!(act(AskError::NotRegistered), ("update", "NotRegistered".into()));
        assert_eq!(act(QrError::UnexpectedKind), ("refused", "UnexpectedKind".into()));
        assert_eq!(act(CourierError::ServiceFailed), ("retry", "ServiceFailed".into()));
        assert_eq!(act(CourierError::EpochChanging), ("retry", "EpochChanging".into()));
        assert_eq!(act(CourierError::AnswerMalformed), ("retry", "AnswerMalformed".into()));
        assert_eq!(act(CourierError::IssuerAddressUnknown), ("refused", "IssuerAddressUnknown".into()));
        assert_eq!(act(CourierError::from(IssuanceRefusal::InvalidGrant)), ("refused", "InvalidGrant".into()));
        assert_eq!(act(CourierError::from(IssuanceRefusal::InvalidRequest)), ("update", "InvalidRequest".into()));
    }

    #[test]
    fn the_text_is_the_advice() {
        assert_eq!(ApiError::from(Refusal::Expired).to_string(), Refusal::Expired.to_string());
    }
}

//! Why there is no verdict.

use protocol::exchange::{PortraitError, PresentationError};
use protocol::ledger::StapleError;

/// Why a presentation is refused. Names are stable; texts say what to do next and never who the holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The device's clock is behind the time that the trust data proves.
    #[error("this device's clock is wrong; set it and scan again")]
    ClockUnreliable,
    /// The trust data is older than the policy allows: cannot tell.
    #[error("cannot tell: the trust data is too old; connect once to update it")]
    TrustStale,
    /// The presentation's form, holder binding or proof is wrong.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// The proof of the issuer that came with the presentation proves nothing.
    #[error(transparent)]
    Staple(#[from] StapleError),
    /// The picture that came with the presentation is not the one that was signed.
    #[error(transparent)]
    Portrait(#[from] PortraitError),
    /// The trust data does not know the issuer's key.
    #[error("the issuer's key is not in the trust data; update it and scan again")]
    UnknownKey,
    /// The key was not valid at the time.
    #[error("the issuer's key was not valid at this time; do not accept")]
    KeyNotValidAtTime,
    /// The key is marked compromised.
    #[error("the issuer's key was compromised; ask the holder to renew the credential")]
    KeyCompromised,
    /// The issuer's DID is unknown or deactivated.
    #[error("the issuer is not trusted (any more); do not accept")]
    IssuerNotTrusted,
    /// The issuer is genuine but not accredited for this credential type at this time.
    #[error("the issuer is not accredited for this credential type; do not accept")]
    IssuerNotAuthorizedForType,
    /// The credential type's definition is not in the trust data.
    #[error("the credential type is not in the trust data; update it and scan again")]
    UnknownType,
    /// A credential of another type than asked for.
    #[error("this is another kind of credential; ask for the right one")]
    CredentialNotRequested,
    /// Something asked for is missing.
    #[error("the presentation does not answer the question; ask again")]
    QueryNotSatisfied,
    /// More is shown than was asked for; nothing of it is passed on.
    #[error("the presentation shows more than was asked; it was discarded; ask again")]
    ClaimNotRequested,
    /// The displayed code is older than its window, e.g. a screenshot.
    #[error("the code has expired; ask the holder to show it live")]
    Expired,
    /// The presentation is from the future.
    #[error("the code is from the future; check the clocks of both devices")]
    IssuedInFuture,
    /// It answers another request, or none where one was made, or one where none was made.
    #[error("this answers another request; scan the answer to yours")]
    NonceMismatch,
    /// The request it answers has run out.
    #[error("the request has expired; make a new one")]
    RequestExpired,
    /// It was accepted before.
    #[error("this was already used; ask the holder to show a fresh code")]
    NonceReplayed,
    /// The holder has taken part in this event before.
    #[error("this holder has taken part already; each may do so once")]
    PseudonymUsed,
    /// Withdrawn for good.
    #[error("the credential was revoked; do not accept")]
    StatusRevoked,
    /// Withdrawn for now.
    #[error("the credential is suspended; do not accept")]
    StatusSuspended,
    /// A status value that this version does not know; not valid.
    #[error("the credential's status is not known to this version; update this app")]
    StatusUnknown,
    /// The status list or epoch is not in the trust data: cannot tell.
    #[error("cannot tell: the credential's status is not in the trust data; update it")]
    StatusUnavailable,
    /// The list has no such entry.
    #[error("the credential names a status entry that does not exist; do not accept")]
    StatusIndexOutOfRange,
    /// The holder's status token is from an older epoch: withdrawn since, or not renewed.
    #[error("the credential was withdrawn or its status is out of date; ask the holder to connect once")]
    StatusStale,
    /// The holder's status token is of an epoch that began too long ago, whether or not there is a newer one.
    #[error("cannot tell: the credential's status is too old; holder and verifier should connect once")]
    StatusTooOld,
}

impl Refusal {
    /// The stable name of the innermost reason, e.g. `ProofInvalid`.
    #[must_use]
    pub fn name(&self) -> String {
        protocol::error_name(self)
    }
}

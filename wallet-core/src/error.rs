//! Why the wallet refuses.

use protocol::credential::CredentialError;
use protocol::exchange::app_link::AppLinkError;
use protocol::exchange::{OfferError, PortraitError, PresentError, PresentationError, RequestError};
use protocol::ledger::bundle::BundleError;

use crate::inbox::InboxError;
use crate::openid4vci::ReceiveError;
use crate::openid4vp::OpenIdError;
use crate::secure_area::SecureAreaError;

/// Why the wallet does not do what it was asked. Whatever the reason, nothing leaves the phone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    // The wallet file.
    /// There is no wallet in this place.
    #[error("there is no wallet here; set one up")]
    NoWallet,
    /// There already is a wallet in this place.
    #[error("there already is a wallet here; unlock it")]
    WalletExists,
    /// Another process or handle has the wallet open.
    #[error("the wallet is open in another app; close it there")]
    AlreadyOpen,
    /// The wallet is locked, or was idle for too long.
    #[error("the wallet is locked; enter the PIN")]
    Locked,
    /// The file, or what the secure area keeps for it, was changed by someone else than the wallet.
    #[error("the wallet's storage was changed from outside and stays closed; set the wallet up again")]
    StorageTampered,
    /// The file is an older copy.
    #[error("this is an old copy of the wallet and stays closed; set the wallet up again")]
    RollbackDetected,
    /// The file was written by a newer version of this software. It was not touched.
    #[error("the wallet was written by a newer version; update this app")]
    StorageVersionUnsupported,
    /// The disk is full. What was stored before is intact.
    #[error("the phone's storage is full; free some space and try again")]
    StorageFull,
    /// The file cannot be read or written now.
    #[error("the wallet's storage cannot be reached; try again")]
    StorageUnavailable,
    /// The file belongs to another phone.
    #[error("this wallet belongs to another phone; set up a new one here")]
    DeviceMismatch,
    /// The work factor of the PIN is below the floor.
    #[error("the work factor that protects the PIN is too low; set the wallet up again")]
    KdfBelowFloor,
    /// The work factor of the PIN is above what a phone can do.
    #[error("the work factor that protects the PIN is too high; set the wallet up again")]
    KdfAboveCap,

    // The PIN.
    /// Not 6–12 digits.
    #[error("a PIN has 6 to 12 digits; enter it again")]
    PinFormat,
    /// One of the first that anyone would try.
    #[error("this PIN is easy to guess; choose another")]
    PinTooWeak,
    /// The wrong PIN.
    #[error("wrong PIN; {remaining} tries left")]
    PinIncorrect {
        /// Tries left before the wallet is blocked.
        remaining: u8,
    },
    /// Ten wrong PINs in a row.
    #[error("too many wrong PINs; the wallet is blocked: set it up again")]
    PinBlocked,

    // The secure area.
    /// The phone invalidated a key.
    #[error("the phone has invalidated a key of the wallet; get the credential issued again")]
    KeyInvalidated,
    /// The secure area failed, or signed with another key than it should.
    #[error("the phone's secure area failed; restart the phone")]
    KeystoreFault,

    // Trust data.
    /// No trust bundle is installed.
    #[error("the wallet has no trust data yet; connect it once")]
    TrustMissing,
    /// The bundle is not certified, incomplete, or older than the one installed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The trust anchor is not the one of the first bundle.
    #[error("this trust data belongs to another ledger than the wallet's; use the wallet's own")]
    AnchorMismatch,

    // Getting a credential.
    /// The offer cannot be taken up.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The issuer is not on the ledger, or no longer.
    #[error("this issuer is not registered; do not enter any code and tell the police")]
    IssuerNotTrusted,
    /// The issuer may not issue this type.
    #[error("this issuer may not issue this type of credential; do not accept it")]
    IssuerNotAccredited,
    /// The offer does not contain this type, or the ledger does not know it.
    #[error("this type of credential is not part of the offer")]
    TypeNotOffered,
    /// The offer wants a transaction code, or wants none.
    #[error("enter the code that the issuer told you for this offer, and only that")]
    TxCodeMismatch,
    /// The issuer's nonce has expired.
    #[error("the issuer's nonce has expired; fetch a new one")]
    NonceExpired,
    /// There is no such issuance under way.
    #[error("this issuance is not under way; start it again from the offer")]
    NoSuchIssuance,
    /// The commitment to the holder's secrets could not be made, e.g. because random numbers repeat.
    #[error("the request for the credential could not be made; restart the phone and try again")]
    CommitmentFailed,
    /// Not the encoding of an answer.
    #[error("the issuer's answer cannot be read; send the request again")]
    MalformedResponse,
    /// The answer is about another type, key or issuer than was asked for.
    #[error("the issuer's answer does not belong to the request; do not accept it")]
    ResponseMismatch,
    /// The credential is not what its type or its issuer's key says.
    #[error(transparent)]
    Credential(#[from] CredentialError),

    /// The picture is not the one whose digest is in the credential.
    #[error(transparent)]
    Portrait(#[from] PortraitError),

    // Public data for proofs.
    /// Not signatures on day numbers of the expected length and place.
    #[error("the public data for proofs cannot be read; fetch it again")]
    MalformedDaySet,
    /// A signature is not the issuer's.
    #[error("the public data for proofs is not from the issuer; fetch it again")]
    DaySetInvalid,
    /// Not a slice of status tokens.
    #[error("the status tokens cannot be read; fetch them again")]
    MalformedStatusTokens,
    /// A token is not the issuer's.
    #[error("the status tokens are not from the issuer; fetch them again")]
    StatusTokenInvalid,
    /// A slice of status tokens that so few share that fetching it would say who fetched it.
    #[error("the issuer's slices of status tokens are too small to hide in; fetch all of them, and tell the issuer")]
    SliceTooSmall,
    /// The installed trust data does not know the tokens' epoch yet.
    #[error("the status tokens are newer than the wallet's trust data; fetch trust data first")]
    EpochNotAnnounced,
    /// The tokens are for an earlier epoch than those the wallet has.
    #[error("the status tokens are older than what the wallet has; fetch newer ones")]
    StatusRollback,

    // Presenting.
    /// The request is not answered.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The wallet holds no credential of the type asked for.
    #[error("you do not hold a credential of this kind; nothing was sent")]
    NotHeld,
    /// There is no credential with this id.
    #[error("there is no such credential in the wallet")]
    NoSuchCredential,
    /// The type has no ready-made answer of this name.
    #[error("this credential has no such ready-made answer")]
    NoSuchProfile,
    /// Every one-time copy of the credential has been used, or none was issued.
    #[error("no answer with a key of the phone is left for this credential; get it issued again")]
    CopiesUsedUp,
    /// The issuer withdrew the credential.
    #[error("the issuer has withdrawn this credential; ask the issuer")]
    CredentialWithdrawn,
    /// The owner said no.
    #[error("you declined; nothing was sent")]
    Declined,
    /// The answer cannot be made.
    #[error(transparent)]
    Present(#[from] PresentError),
    /// The issuer's record on the ledger is unusable.
    #[error(transparent)]
    Evidence(#[from] PresentationError),

    // Formats of others.
    /// Nothing is received of this offer.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The request is not answered.
    #[error(transparent)]
    OpenId(#[from] OpenIdError),
    /// A link from another app.
    #[error(transparent)]
    AppLink(AppLinkError),
    /// An inbox, or what was pushed to it.
    #[error(transparent)]
    Inbox(#[from] InboxError),

    // The activity log.
    /// An entry of the activity log was changed, removed or moved.
    #[error("the activity log was changed from outside; its entries cannot be relied on")]
    LogTampered,
}

impl From<std::io::Error> for WalletError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::StorageFull,
            _ => Self::StorageUnavailable,
        }
    }
}

impl From<SecureAreaError> for WalletError {
    fn from(error: SecureAreaError) -> Self {
        match error {
            SecureAreaError::KeyInvalidated => Self::KeyInvalidated,
            SecureAreaError::SealBroken | SecureAreaError::RecordTampered => Self::StorageTampered,
            SecureAreaError::RecordConflict => Self::StorageUnavailable,
            SecureAreaError::StorageFull => Self::StorageFull,
            SecureAreaError::Unavailable | SecureAreaError::UnknownKey => Self::KeystoreFault,
        }
    }
}

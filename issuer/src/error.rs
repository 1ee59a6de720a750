//! Why an operation failed, in words for the issuer's operators. What a wallet is told is
//! [`IssuanceRefusal`](protocol::exchange::IssuanceRefusal). No text names a person or a claim.

use ledger_client::ClientError;
use postgresql::DatabaseError;
use protocol::credential::twins::TwinsError;
use protocol::credential::{TypeError, ValueError};
use protocol::identifier::DidError;

use crate::keys::KeyStoreError;
use crate::register::RegisterError;
use crate::twins::TwinError;

/// Why an issuer's operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// There is an issuer in the directory already.
    #[error("there is an issuer in this directory already; open it or choose another directory")]
    AlreadyExists,
    /// There is no issuer in the directory, or its description cannot be read.
    #[error("there is no issuer in this directory; create one or restore it from the backup")]
    NotAnIssuer,
    /// A file could not be read or written.
    #[error("a file of the issuer cannot be read or written; check disk and permissions")]
    FileUnavailable,
    /// The database did not do what it was asked.
    #[error("the database failed; check its disk, or the server where it is on one, and try again")]
    StorageUnavailable,
    /// The database server cannot be used.
    #[error("database.url in the issuer's directory: {0}")]
    Database(#[source] DatabaseError),
    /// The database belongs to another issuer, or to none.
    #[error("the database is not this issuer's; correct the address in database.url")]
    StorageForeign,
    /// The database was written by a newer version.
    #[error("the database was written by a newer version; use that version")]
    StorageVersionUnsupported,
    /// The audit log does not fit itself or the issued credentials.
    #[error("the audit log was tampered with; stop issuing and investigate")]
    AuditLogTampered,
    /// The public set of days is damaged.
    #[error("the day set is damaged; delete its file and open the issuer again")]
    DaySetDamaged,
    /// The parameters of public sets of a type are damaged.
    #[error("the parameters of public sets are damaged; restore the file from the backup or the ledger")]
    PublicSetsDamaged,
    /// The issuer does not issue this type.
    #[error("this issuer does not issue that credential type")]
    CredentialTypeUnknown,
    /// The type is not one whose withdrawal is learnt in that way.
    #[error("withdrawal of this credential type is learnt in another way")]
    StatusMethodMismatch,
    /// No such offer can be made: no types, or a life of no or more than seven days.
    #[error("an offer names at least one type and lives at most seven days; correct it")]
    OfferMalformed,
    /// The address is not one that wallets follow.
    #[error("wallets follow https addresses only, or http on this machine; correct the address")]
    AddressNotAllowed,
    /// The person has died.
    #[error("the register says that the person has died; nothing can be issued")]
    PersonDeceased,
    /// The register has no value for an attribute of the type.
    #[error("the register has no value for an attribute that the credential type needs")]
    AttributeMissing,
    /// The register's value does not fit the type.
    #[error("the register's value does not fit the credential type: {0}")]
    AttributeRefused(#[from] ValueError),
    /// The person has an active credential of the type, and the offer was not made as a replacement.
    #[error("the person has an active credential of this type; offer a replacement or revoke it first")]
    AlreadyActive,
    /// There is no such credential.
    #[error("no such credential was issued; check the person, type or handle")]
    CredentialUnknown,
    /// It was withdrawn for good, and can be neither suspended nor reinstated.
    #[error("the credential was withdrawn for good; make an offer for a new one")]
    CredentialRevoked,
    /// The person's credential of the type is suspended: nothing takes its place meanwhile (ISSU-19).
    #[error("the person's credential of this type is suspended; reinstate it, or revoke it for good")]
    CredentialSuspended,
    /// The type has no twin of this format, or no such status list.
    #[error("credentials of this type are not issued in that format")]
    TwinUnavailable,
    /// The file of wallet providers has no root, or one that is none.
    #[error("wallet-providers.json has no usable root certificate; write it again")]
    WalletProvidersMalformed,
    /// Nothing of that name waits for a clerk.
    #[error("nothing of that name waits for a decision; list what waits")]
    ReviewUnknown,
    /// The enrolment was withdrawn or has run out.
    #[error("the enrolment was withdrawn or has run out; enrol the person again")]
    EnrolmentOver,
    /// The register says something else than at enrolment.
    #[error("the register's entry has changed since the enrolment; make an offer that replaces it")]
    EntryChanged,
    /// More twins of one enrolment than are valid at once.
    #[error("this enrolment has as many credentials as are allowed at once; wait until some have expired")]
    TooManyTwins,
    /// A twin could not be written.
    #[error("the credential cannot be written: {0}")]
    Twin(#[from] TwinError),
    /// A file of twins is refused.
    #[error(transparent)]
    Twins(#[from] TwinsError),
    /// The register refused.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The key store refused.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The ledger refused; what was to be published is kept and sent again.
    #[error(transparent)]
    Ledger(#[from] ClientError),
    /// A credential type file is refused.
    #[error(transparent)]
    CredentialType(#[from] TypeError),
    /// The network's name is refused.
    #[error(transparent)]
    Did(#[from] DidError),
}

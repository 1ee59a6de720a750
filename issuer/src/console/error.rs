//! Why the console did not do what was asked.

use crate::error::IssuerError;
use crate::keys::KeyStoreError;
use crate::register::RegisterError;

/// Why the console refuses. The page shows the variant's name and a text in the clerk's language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// No clerk has this name and password (CONS-02).
    #[error("name or password is wrong; nothing tells which")]
    LogInRefused,
    /// Too many wrong passwords in a row (CONS-03).
    #[error("too many wrong passwords; wait a quarter of an hour")]
    LockedOut,
    /// There is no session, or it has run out (CONS-04).
    #[error("log in first")]
    NotLoggedIn,
    /// A form came without the token of its page (CONS-05).
    #[error("this form was not made by the console for this session; open the page again")]
    FormTokenMissing,
    /// Whoever asked may not approve (CONS-06).
    #[error("whoever asked may not decide; a second clerk has to")]
    FourEyesRequired,
    /// The clerk's roles do not allow it (CONS-07).
    #[error("your roles do not allow this")]
    RoleNotAllowed,
    /// There is no such case or job.
    #[error("there is no such case")]
    CaseUnknown,
    /// It was decided, carried out or refused before, or nobody has decided yet.
    #[error("the case is not at this step; open it again to see where it is")]
    CaseNotAtStep,
    /// It was approved too long ago (CONS-09).
    #[error("the approval has run out; ask again")]
    ApprovalExpired,
    /// A form lacks something, or has something that it cannot have.
    #[error("the form is not filled in as it should be")]
    FormMalformed,
    /// The list of a bulk job names nobody, or too many (CONS-10).
    #[error("a list names between 1 and 5,000 people, one to a line")]
    ListMalformed,
    /// The file of clerks cannot be read (CONS-01).
    #[error("clerks.json cannot be read; write it with `mid issuer clerk`")]
    AccountsMalformed,
    /// A clerk's name within the console is refused (CONS-01).
    #[error("a clerk is called by 1 to 32 letters a-z, digits and hyphens, and has at least one role")]
    AccountMalformed,
    /// The issuer refuses.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl From<RegisterError> for ConsoleError {
    fn from(error: RegisterError) -> Self {
        Self::Issuer(error.into())
    }
}

impl From<KeyStoreError> for ConsoleError {
    fn from(error: KeyStoreError) -> Self {
        Self::Issuer(error.into())
    }
}

//! Why an answer is refused.

use protocol::credential::mdoc::MdocError;
use protocol::credential::sd_jwt::SdJwtError;
use protocol::credential::status::token::TokenStatusError;
use protocol::credential::w3c::W3cError;
use protocol::exchange::dcql::DcqlError;
use protocol::exchange::openid4vp::VpError;
use protocol::ledger::CertificateIssuerError;

use crate::refusal::Refusal;

/// Why an answer is refused. Names are stable; texts say what to do next and never who the holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefusal {
    /// Trust data, time, status, replay: as for our own presentations.
    #[error(transparent)]
    Standing(#[from] Refusal),
    /// The answer's form.
    #[error(transparent)]
    Form(#[from] VpError),
    /// An SD-JWT: form, issuer's signature, holder's proof.
    #[error(transparent)]
    SdJwt(#[from] SdJwtError),
    /// A mobile document: form, issuer's signature, device's proof.
    #[error(transparent)]
    Mdoc(#[from] MdocError),
    /// A W3C credential: form, issuer's proof, holder's proof.
    #[error(transparent)]
    W3c(#[from] W3cError),
    /// It does not answer the question, or shows more.
    #[error(transparent)]
    Query(#[from] DcqlError),
    /// The issuer is not on the ledger, or may not issue this.
    #[error(transparent)]
    Issuer(#[from] CertificateIssuerError),
    /// The status cannot be told.
    #[error(transparent)]
    Status(#[from] TokenStatusError),
    /// The holder agreed to another transaction than was asked, or to none.
    #[error("the holder agreed to another transaction; do not carry it out")]
    TransactionMismatch,
}

impl AnswerRefusal {
    /// The stable name of the innermost reason, e.g. `HolderBindingInvalid`.
    #[must_use]
    pub fn name(&self) -> String {
        protocol::error_name(self)
    }
}

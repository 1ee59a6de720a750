//! Why a W3C credential, presentation or proof is refused.

use crate::crypto::keys::SignerError;
use crate::identifier::ControllerError;

/// Why a W3C document is not signed, not shown or not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum W3cError {
    /// More bytes, members or statements than are read.
    #[error("the document is too large; ask for a smaller one")]
    TooLarge,
    /// Objects in objects deeper than are read.
    #[error("the document is nested too deeply; ask for a flatter one")]
    TooDeep,
    /// Not JSON.
    #[error("this is not JSON; ask for the document again")]
    MalformedJson,
    /// Two members of one name in one object.
    #[error("a member occurs twice; refuse the sender")]
    DuplicateClaim,
    /// A number that programs write in different ways.
    #[error("a number has too many digits; send it as text")]
    NumberOutOfRange,
    /// A context that is not one of those known by their content, or an inline one where none is allowed.
    #[error("a JSON-LD context is not among those known; refuse or add it")]
    ContextNotAllowed,
    /// Something that no signature over statements would cover: an undefined term, a relative reference, a null.
    #[error("a member has no meaning in the contexts, so that no signature covers it; define the term or leave it out")]
    UnprotectedTerm,
    /// Nodes without names that are too costly to tell apart.
    #[error("the statements are too costly to put in order; give the nodes ids")]
    CanonicalizationLimit,
    /// A member that the data model requires is missing, or has another form.
    #[error("the member `{0}` is not as the data model requires; correct it")]
    MalformedCredential(&'static str),
    /// A date that is not written as the standard says, or an end before the beginning.
    #[error("the validity is malformed; ask the issuer for a new credential")]
    MalformedValidity,
    /// Valid only later.
    #[error("the credential is not valid yet; come back later")]
    CredentialNotYetValid,
    /// Not valid any more.
    #[error("the credential has expired; renew it")]
    CredentialExpired,
    /// No proof.
    #[error("there is no proof; ask for a signed document")]
    ProofMissing,
    /// A proof without a member it needs, or with one in another form.
    #[error("the member `{0}` of a proof is not as the standard requires; refuse the document")]
    MalformedProof(&'static str),
    /// A cryptographic suite that is not known here.
    #[error("the cryptographic suite is not known; ask for one of the standard ones")]
    SuiteUnknown,
    /// A key of another algorithm than the suite's.
    #[error("the key is of another algorithm than the proof; refuse the document")]
    KeyAlgorithmMismatch,
    /// Made for another purpose.
    #[error("the proof was made for another purpose; refuse it")]
    ProofPurposeMismatch,
    /// Dated after now.
    #[error("the proof is dated in the future; check the clock")]
    IssuedInFuture,
    /// The proof's own end has passed.
    #[error("the proof has expired; ask for a new one")]
    ProofExpired,
    /// Made for another party.
    #[error("the proof was made for another domain; refuse it")]
    DomainMismatch,
    /// Not an answer to this question.
    #[error("the proof answers another challenge; refuse it")]
    ChallengeMismatch,
    /// A proof builds on one that is not there.
    #[error("a proof builds on one that is missing; ask for the whole chain")]
    PreviousProofMissing,
    /// No signature by this key over these statements.
    #[error("the signature does not fit the document; do not trust it")]
    SignatureInvalid,
    /// The issuer named is not who signed.
    #[error("the credential was not signed by its issuer; refuse it")]
    IssuerMismatch,
    /// The holder named is not who presents.
    #[error("the presentation was not signed by its holder; refuse it")]
    HolderMismatch,
    /// A proof that only its holder should see.
    #[error("this is the issuer's base proof, which shows everything; present a derived one")]
    BaseProof,
    /// No pointer says what is to be shown, or one leads nowhere.
    #[error("a pointer leads nowhere; name members of the document")]
    PointerNotFound,
    /// The identifier of the key does not vouch for it.
    #[error(transparent)]
    Controller(#[from] ControllerError),
    /// The key store did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

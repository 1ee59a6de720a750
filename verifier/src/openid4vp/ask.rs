//! Building requests.

use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::{
    ClientId, ClientMetadata, RequestObject, ResponseMode, TransactionData, Vocabulary, check_registration,
};
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;

use crate::ask::AskError;

/// What is to be asked.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who asks, to wallets.
    pub client_id: ClientId,
    /// Who asks, on the ledger.
    pub verifier: Did,
    /// The registered purpose.
    pub purpose: String,
    /// The question.
    pub query: DcqlQuery,
    /// What the holder agrees to.
    pub transactions: Vec<TransactionData>,
    /// How the answer comes back.
    pub response: ResponseMode,
    /// Keys for encrypted answers.
    pub metadata: ClientMetadata,
    /// Fresh, base64url.
    pub nonce: String,
    /// What the answer repeats.
    pub state: Option<String>,
}

/// The request, unless it is wider than the registration (OVP-06): then it never exists.
///
/// # Errors
/// [`AskError::NotRegistered`], [`AskError::OverAsk`]; [`AskError::QueryNotAnswerable`] for a transaction that no credential of
/// the query can answer for.
pub fn ask(
    draft: Draft,
    vocabulary: &Vocabulary,
    trust: &TrustedState,
    now: u64,
    life: u64,
) -> Result<RequestObject, AskError> {
    let registration = trust.verifier(&draft.verifier).ok_or(AskError::NotRegistered)?;
    check_registration(&draft.query, Some(&draft.purpose), registration, vocabulary)?;
    let request = RequestObject {
        client_id: draft.client_id,
        response: draft.response,
        nonce: draft.nonce,
        state: draft.state,
        query: draft.query,
        metadata: draft.metadata,
        transactions: draft.transactions,
        wallet_nonce: None,
        registration: Some((draft.verifier, draft.purpose)),
        issued_at: Some(now),
        expires_at: Some(now.saturating_add(life)),
    };
    // What a wallet would refuse is not sent.
    let members = request.to_json();
    let members = members.as_object().ok_or(AskError::QueryNotAnswerable)?;
    RequestObject::from_json(members).map_err(|_| AskError::QueryNotAnswerable)
}

//! A wallet's answer becomes a verdict.

use std::sync::Arc;

use axum::http::StatusCode;
use protocol::exchange::openid4vp::{Response, VpError, form};
use protocol::ledger::state::TrustedState;
use tokio::sync::OwnedSemaphorePermit;
use verifier::Refusal;
use verifier::openid4vp::{AnswerRefusal, Checked, check};

use super::store::Asked;
use super::{By, Presenting, failure, handle};
use crate::store::{ByOwned, EphemeralKey, FirstAnswer, NotKept, Unavailable, Uses};

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseFailure {
    /// There is no such request, or it is over, or it was answered (K23, K24).
    #[error("this request is over; make a new one")]
    RequestOver,
    /// There is no trust data to check with.
    #[error("cannot tell: there is no trust data; try again later")]
    TrustUnavailable,
    /// Too many answers wait to be checked.
    #[error("too many answers wait to be checked; send it again in a moment")]
    Overloaded,
    /// The database that instances share does not answer. The answer may be sent again.
    #[error("the answer cannot be kept: the database does not answer; send it again in a moment")]
    StoreUnavailable,
    /// The thread that checked it died.
    #[error("the answer could not be checked; present again")]
    NotChecked,
    /// The answer is refused.
    #[error(transparent)]
    Refused(#[from] AnswerRefusal),
}

impl ResponseFailure {
    /// The stable name of the innermost reason.
    #[must_use]
    pub fn name(&self) -> String {
        protocol::error_name(self)
    }

    pub(super) fn answer(&self) -> axum::response::Response {
        match self {
            Self::TrustUnavailable | Self::Overloaded | Self::StoreUnavailable | Self::NotChecked => {
                failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &self.name())
            }
            Self::RequestOver | Self::Refused(_) => failure(StatusCode::BAD_REQUEST, "invalid_request", &self.name()),
        }
    }
}

impl From<Unavailable> for ResponseFailure {
    fn from(_: Unavailable) -> Self {
        Self::StoreUnavailable
    }
}

impl Presenting {
    /// Takes the form that a wallet posts. Returns where the holder's browser goes, on the same device.
    ///
    /// # Errors
    /// [`ResponseFailure`]
    pub async fn respond(&self, wallet: &str, body: Vec<u8>) -> Result<Option<String>, ResponseFailure> {
        let asked = self.open(By::Handle(wallet)).await?;
        let parameters = form::read(&body).map_err(AnswerRefusal::from)?;
        let get = |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        if get("error").is_some() {
            if get("state") != asked.request.state.as_deref() {
                return Err(AnswerRefusal::from(VpError::StateMismatch).into());
            }
            return self.decline(By::Handle(wallet)).await.map(|()| None);
        }
        let turn = self.0.turns.go_on().await.ok_or(ResponseFailure::Overloaded)?;
        // Whoever waited may have been overtaken.
        let asked = self.open(By::Handle(wallet)).await?;
        let read = move |service: &Self, asked: &Asked, trust: &TrustedState| {
            let response = Response::from_form(&parameters, asked.key.as_ref().map(EphemeralKey::key))?;
            let settings = &service.0.settings;
            check(&asked.request, &response, trust, &settings.vocabulary, &settings.policy, service.now())
        };
        self.decide(ByOwned::Handle(wallet.to_owned()), asked, turn, read).await
    }

    /// The request, as long as it can be answered.
    pub(super) async fn open(&self, by: By<'_>) -> Result<Arc<Asked>, ResponseFailure> {
        self.0.store.open(by, false, self.now()).await?.ok_or(ResponseFailure::RequestOver)
    }

    /// The holder, or the wallet, says no.
    pub(super) async fn decline(&self, by: By<'_>) -> Result<(), ResponseFailure> {
        if self.0.store.decline(by).await? { Ok(()) } else { Err(ResponseFailure::RequestOver) }
    }

    /// What comes of an answer that `read` reads and checks, where it blocks nobody, whether or not anybody waits for it still.
    pub(super) async fn decide(
        &self,
        by: ByOwned,
        asked: Arc<Asked>,
        turn: OwnedSemaphorePermit,
        read: impl FnOnce(&Self, &Asked, &TrustedState) -> Result<Checked, AnswerRefusal> + Send + 'static,
    ) -> Result<Option<String>, ResponseFailure> {
        let service = self.clone();
        let decided = tokio::spawn(async move {
            let _turn = turn;
            let (checking, question) = (service.clone(), asked.clone());
            let checked = crate::processor::run(move || {
                let trust = (checking.0.trust)().ok_or(ResponseFailure::TrustUnavailable)?;
                Ok::<_, ResponseFailure>(read(&checking, &question, &trust))
            });
            let checked = match checked.await.map_err(|_| ResponseFailure::NotChecked)?? {
                Ok(checked) => checked,
                Err(refusal) => {
                    service.0.store.refused(by.by()).await?;
                    return Err(refusal.into());
                }
            };
            service.keep(by.by(), &asked, checked).await
        });
        let decided = decided.await.map_err(|_| ResponseFailure::NotChecked)?;
        self.sweep();
        decided
    }

    /// Keeps the verdict on the first answer. Returns where the holder's browser goes, on the same device.
    async fn keep(&self, by: By<'_>, asked: &Asked, checked: Checked) -> Result<Option<String>, ResponseFailure> {
        let mut uses = Uses::default();
        let answered = checked.once(&mut uses)?;
        let code = asked.redirect_uri.as_ref().map(|_| handle());
        let to = asked.redirect_uri.as_ref().zip(code.as_ref()).map(|(uri, code)| {
            let mark = if uri.contains('?') { '&' } else { '?' };
            format!("{uri}{mark}{}", form::write(&[("response_code", code)]))
        });
        let verdict = serde_json::to_value(&answered).map_err(|_| ResponseFailure::NotChecked)?;
        // D07: of many answers to one request, one is the first.
        let answer = FirstAnswer { verdict, response_code: code, uses };
        self.0.store.answer(by, answer, self.now()).await.map_err(|not| match not {
            NotKept::Over => ResponseFailure::RequestOver,
            NotKept::Used(_) => AnswerRefusal::from(Refusal::NonceReplayed).into(),
            NotKept::Unavailable => ResponseFailure::StoreUnavailable,
        })?;
        Ok(to)
    }
}

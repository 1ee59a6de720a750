//! A wallet's answer becomes a verdict.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use protocol::exchange::openid4vp::{Response, VpError, form};
use protocol::ledger::state::TrustedState;
use verifier::openid4vp::{AnswerRefusal, Checked, check};

use super::store::Asked;
use super::{Presenting, failure, handle};

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
            Self::TrustUnavailable | Self::Overloaded | Self::NotChecked => {
                failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &self.name())
            }
            Self::RequestOver | Self::Refused(_) => failure(StatusCode::BAD_REQUEST, "invalid_request", &self.name()),
        }
    }
}

/// A panic in the middle of a change left it made or not made; the service goes on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Presenting {
    /// Takes the form that a wallet posts. Returns where the holder's browser goes, on the same device.
    ///
    /// # Errors
    /// [`ResponseFailure`]
    pub async fn respond(&self, wallet: &str, body: Vec<u8>) -> Result<Option<String>, ResponseFailure> {
        let asked = self.open(wallet)?;
        let parameters = form::read(&body).map_err(AnswerRefusal::from)?;
        let get = |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        if get("error").is_some() {
            if get("state") != asked.request.state.as_deref() {
                return Err(AnswerRefusal::from(VpError::StateMismatch).into());
            }
            lock(&self.0.store).decline(wallet).ok_or(ResponseFailure::RequestOver)?;
            return Ok(None);
        }
        let turn = self.0.turns.go_on().await.ok_or(ResponseFailure::Overloaded)?;
        // Whoever waited may have been overtaken.
        let asked = self.open(wallet)?;
        let (service, handle) = (self.clone(), wallet.to_owned());
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            service.decide(&handle, &asked, |trust| {
                let response = Response::from_form(&parameters, asked.key.as_ref())?;
                let settings = &service.0.settings;
                check(&asked.request, &response, trust, &settings.vocabulary, &settings.policy, service.now())
            })
        });
        let checked = checked.await;
        let to = checked.map_err(|_| ResponseFailure::NotChecked)??;
        self.sweep();
        Ok(to)
    }

    pub(super) fn open(&self, wallet: &str) -> Result<Arc<Asked>, ResponseFailure> {
        lock(&self.0.store).open(wallet, false, self.now()).ok_or(ResponseFailure::RequestOver)
    }

    /// What comes of an answer that `read` reads and checks. Blocks the thread.
    pub(super) fn decide(
        &self,
        wallet: &str,
        asked: &Asked,
        read: impl FnOnce(&TrustedState) -> Result<Checked, AnswerRefusal>,
    ) -> Result<Option<String>, ResponseFailure> {
        let trust = (self.0.trust)().ok_or(ResponseFailure::TrustUnavailable)?;
        let checked = read(&trust);
        let checked = match checked {
            Ok(checked) => checked,
            Err(refusal) => {
                lock(&self.0.store).refused(wallet);
                return Err(refusal.into());
            }
        };
        // D07: of many answers to one request, one is the first.
        let answered = checked.once(&mut *lock(&self.0.seen))?;
        let code = asked.redirect_uri.as_ref().map(|_| handle());
        let to = asked.redirect_uri.as_ref().zip(code.as_ref()).map(|(uri, code)| {
            let mark = if uri.contains('?') { '&' } else { '?' };
            format!("{uri}{mark}{}", form::write(&[("response_code", code)]))
        });
        lock(&self.0.store).answer(wallet, answered, code, self.now()).ok_or(ResponseFailure::RequestOver)?;
        Ok(to)
    }
}

//! Fetching, for the commands that may. Presenting and checking never come here.

use std::time::Duration;

use serde::de::DeserializeOwned;
use verifier_server::openid4vp::Delivery;
use wallet_core::openid4vci::{self, Request};

use crate::output::CliError;

/// Longest time for one request, everything included.
const TIME: Duration = Duration::from_secs(30);
/// Largest answer, in bytes.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;

/// Largest answer where little is expected, in bytes.
const SMALL_MAX: u64 = 64 * 1024;

/// What came of a call.
pub(crate) struct Called {
    pub(crate) status: u16,
    /// Those that were wanted, in their order.
    pub(crate) headers: Vec<Option<String>>,
    pub(crate) body: Vec<u8>,
}

/// An answer of any status.
pub(crate) struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// The body, unless it tells of an error.
    pub(crate) fn ok(self) -> Result<Vec<u8>, CliError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let named: Option<Named> = serde_json::from_slice(&self.body).ok();
        Err(match named {
            Some(Named { error }) => {
                CliError::refused(&camel_case(&error), format!("the service refused with status {}", self.status))
            }
            None => CliError::refused(
                "ServiceFailed",
                format!("the service answered with status {}; try again later", self.status),
            ),
        })
    }

    /// The body, or the refusal of type `E` that the service names.
    pub(crate) fn or_refusal<E: DeserializeOwned>(self) -> Result<Result<Vec<u8>, E>, CliError> {
        if (200..300).contains(&self.status) {
            return Ok(Ok(self.body));
        }
        let refusal = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
        match refusal.and_then(|value| serde_json::from_value(value.get("error")?.clone()).ok()) {
            Some(refusal) => Ok(Err(refusal)),
            None => {
                Err(self.ok().err().unwrap_or_else(|| CliError::refused("ServiceFailed", "the service gave no answer")))
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Named {
    error: String,
}

/// `unsupported_type` is `UnsupportedType` here.
fn camel_case(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at_checked(1).unwrap_or((part, ""));
        first.to_ascii_uppercase() + rest
    };
    name.split(['_', '-']).map(part).collect()
}

/// A client that follows no redirect and no proxy, and reads no endless answer.
pub(crate) struct Http(ureq::Agent);

impl Http {
    pub(crate) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIME))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// `GET url`.
    pub(crate) fn get(&self, url: &str) -> Result<Answer, CliError> {
        answer(url, self.0.get(url).call())
    }

    /// `POST url` with a body of CBOR.
    pub(crate) fn post(&self, url: &str, body: &[u8]) -> Result<Answer, CliError> {
        answer(url, self.0.post(url).content_type("application/cbor").send(body))
    }

    /// `POST url` with a body of JSON.
    pub(crate) fn post_json(&self, url: &str, body: &[u8]) -> Result<Answer, CliError> {
        answer(url, self.0.post(url).content_type("application/json").send(body))
    }

    /// Any request without a body: status, the headers that are wanted, and the body of the answer.
    pub(crate) fn call(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        wanted: &[&str],
    ) -> Result<Called, CliError> {
        let request = ureq::http::Request::builder().method(method).uri(url);
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let unusable = || CliError::refused("ServiceFailed", format!("{} is no address", origin(url)));
        let request = request.body(()).map_err(|_| unusable())?;
        let mut response = self.0.run(request).map_err(|error| unreachable(url, &error))?;
        let header = |name: &&str| response.headers().get(*name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let (status, headers) = (response.status().as_u16(), wanted.iter().map(header).collect());
        let body = response.body_mut().with_config().limit(SMALL_MAX).read_to_vec();
        Ok(Called { status, headers, body: body.map_err(|error| unreachable(url, &error))? })
    }

    /// `POST` of a webhook or a push: the status of the answer, if there was one.
    pub(crate) fn deliver(&self, delivery: &Delivery) -> Option<u16> {
        let time = Some(Duration::from_secs(10));
        let request = self.0.post(delivery.address.as_str()).config().timeout_global(time).build();
        let request = delivery.headers.iter().fold(request, |it, (name, value)| it.header(*name, value));
        Some(request.send(&delivery.body[..]).ok()?.status().as_u16())
    }
}

impl Http {
    /// `GET` of a text of this media type, if it comes within five seconds.
    pub(crate) fn fetch(&self, url: &str, kind: &str) -> Option<String> {
        let request = self.0.get(url).config().timeout_global(Some(Duration::from_secs(5))).build();
        let mut response = request.header("accept", kind).call().ok()?;
        let text = response.body_mut().with_config().limit(openid4vci::ANSWER_MAX as u64).read_to_string().ok()?;
        (response.status().as_u16() == 200).then_some(text)
    }

    /// `POST` of JSON to a service of one's own that knows this token: the status and what it answers, if it does within five seconds.
    pub(crate) fn ask(&self, url: &str, token: &str, body: &serde_json::Value) -> Option<(u16, serde_json::Value)> {
        let request = self.0.post(url).config().timeout_global(Some(Duration::from_secs(5))).build();
        let request = request.header("authorization", &format!("Bearer {token}")).content_type("application/json");
        let mut response = request.send(body.to_string()).ok()?;
        let answer = response.body_mut().with_config().limit(openid4vci::ANSWER_MAX as u64).read_to_vec().ok()?;
        Some((response.status().as_u16(), serde_json::from_slice(&answer).unwrap_or_default()))
    }

    /// Sends what a wallet wants sent to an issuer or verifier of others.
    pub(crate) fn exchange(&self, request: &Request) -> Result<openid4vci::Answer, CliError> {
        let address = request.address.as_str();
        let response = match request.method {
            "GET" => {
                let sent =
                    request.headers.iter().fold(self.0.get(address), |it, (name, value)| it.header(*name, value));
                sent.call()
            }
            _ => {
                let sent =
                    request.headers.iter().fold(self.0.post(address), |it, (name, value)| it.header(*name, value));
                sent.send(request.body.as_slice())
            }
        };
        let mut response = response.map_err(|error| unreachable(address, &error))?;
        let dpop_nonce = response.headers().get("dpop-nonce").and_then(|it| it.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(openid4vci::ANSWER_MAX as u64).read_to_vec();
        let body = body.map_err(|error| unreachable(address, &error))?;
        Ok(openid4vci::Answer { status, dpop_nonce, body })
    }
}

fn unreachable(url: &str, error: &ureq::Error) -> CliError {
    CliError::refused("ServiceUnreachable", format!("{} cannot be reached ({error}); try again", origin(url)))
}

fn answer(url: &str, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, CliError> {
    let mut response = response.map_err(|error| unreachable(url, &error))?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
    let body = body.map_err(|error| unreachable(url, &error))?;
    Ok(Answer { status, body })
}

/// Scheme and authority: paths may name what nobody else needs to see in a terminal's history.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_origins() {
        assert_eq!(camel_case("invalid_grant"), "InvalidGrant");
        assert_eq!(camel_case("StateMismatch"), "StateMismatch");
        assert_eq!(origin("http://127.0.0.1:80/v1/x"), "http://127.0.0.1:80");
        assert_eq!(origin("http://h"), "http://h");
    }
}

//! The authorisation code: a request sent beforehand (RFC 9126), a page that the owner's browser opens, an answer that says who it
//! is from (RFC 9207), a code that is good for whoever asked (RFC 7636).

use minicbor::{Decode, Encode};
use protocol::crypto::jose::base64url;
use protocol::exchange::openid4vci::{AUTHORIZATION_CODE, form};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::ReceiveError;
use super::discover::{LogInEndpoints, WayBack};

/// Longest address that is taken back, in bytes.
const BACK_MAX: usize = 8 * 1_024;

/// A log-in under way. It holds secrets and is kept in the wallet file alone.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(super) struct LogIn {
    #[n(0)]
    push_endpoint: String,
    #[n(1)]
    authorization_endpoint: String,
    /// Who has to answer.
    #[n(2)]
    server: String,
    #[n(3)]
    client: String,
    #[n(4)]
    redirect: String,
    #[n(5)]
    scope: String,
    #[n(6)]
    issuer_state: Option<String>,
    /// 256 random bits: who has them may exchange the code.
    #[n(7)]
    verifier: String,
    /// 128 random bits: what comes back belongs to this log-in.
    #[n(8)]
    state: String,
    /// The name of the pushed request.
    #[n(9)]
    request_uri: Option<String>,
    #[n(10)]
    code: Option<String>,
}

impl LogIn {
    pub(super) fn new(
        endpoints: &LogInEndpoints,
        server: &str,
        back: &WayBack<'_>,
        scope: String,
        issuer_state: Option<String>,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let (mut verifier, mut state) = ([0; 32], [0; 16]);
        rng.fill_bytes(&mut verifier);
        rng.fill_bytes(&mut state);
        Self {
            push_endpoint: endpoints.push.clone(),
            authorization_endpoint: endpoints.authorize.clone(),
            server: server.to_owned(),
            client: back.client.to_owned(),
            redirect: back.redirect.to_owned(),
            scope,
            issuer_state,
            verifier: base64url(&verifier),
            state: base64url(&state),
            request_uri: None,
            code: None,
        }
    }

    pub(super) fn push_endpoint(&self) -> &str {
        &self.push_endpoint
    }

    /// What is pushed (VCI-81).
    pub(super) fn pushed(&self) -> String {
        let challenge = base64url(&Sha256::digest(&self.verifier));
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.client.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("scope", self.scope.as_str()),
            ("state", self.state.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        parameters.extend(self.issuer_state.as_deref().map(|it| ("issuer_state", it)));
        form(&parameters)
    }

    /// Remembers the name of what was pushed.
    pub(super) fn opened_as(&mut self, request_uri: String) {
        self.request_uri = Some(request_uri);
    }

    /// What the owner's browser opens.
    pub(super) fn page(&self) -> Option<String> {
        let name = self.request_uri.as_deref()?;
        let separator = if self.authorization_endpoint.contains('?') { '&' } else { '?' };
        let query = form(&[("client_id", self.client.as_str()), ("request_uri", name)]);
        Some(format!("{}{separator}{query}", self.authorization_endpoint))
    }

    /// Whether an address that the app was opened with belongs to this log-in: it has its `state` (VCI-82).
    pub(super) fn is_answered_by(&self, address: &str) -> bool {
        self.parameters(address).is_ok_and(|all| one(&all, "state").is_ok_and(|it| it == Some(self.state.as_str())))
    }

    /// Takes the code out of the address that the owner came back with.
    pub(super) fn came_back(&mut self, address: &str) -> Result<(), ReceiveError> {
        let parameters = self.parameters(address)?;
        if one(&parameters, "state")? != Some(self.state.as_str()) {
            return Err(ReceiveError::LogInUnknown); // VCI-82
        }
        // VCI-83, before anything else is believed: RFC 9207, section 2.4.
        if one(&parameters, "iss")? != Some(self.server.as_str()) {
            return Err(ReceiveError::IssuerMismatch);
        }
        match (one(&parameters, "code")?, one(&parameters, "error")?) {
            (Some(code), None) => self.code = Some(code.to_owned()),
            (None, Some(error)) => {
                let shown = error.chars().filter(char::is_ascii_graphic).take(64).collect();
                return Err(ReceiveError::Refused(shown));
            }
            _ => return Err(ReceiveError::AnswerMalformed),
        }
        Ok(())
    }

    /// What exchanges the code (VCI-84).
    pub(super) fn exchange(&self) -> String {
        form(&[
            ("grant_type", AUTHORIZATION_CODE),
            ("code", self.code.as_deref().unwrap_or_default()),
            ("client_id", self.client.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", self.verifier.as_str()),
        ])
    }

    /// The parameters of an address below this log-in's way back.
    fn parameters(&self, address: &str) -> Result<Vec<(String, String)>, ReceiveError> {
        let rest = address.strip_prefix(self.redirect.as_str()).filter(|_| address.len() <= BACK_MAX);
        let begins = if self.redirect.contains('?') { '&' } else { '?' };
        let query = rest.and_then(|rest| rest.strip_prefix(begins)).ok_or(ReceiveError::LogInUnknown)?;
        query_pairs(query).ok_or(ReceiveError::AnswerMalformed)
    }
}

/// Names and values of a query; `None` for one that is not well formed.
pub(crate) fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

/// The one value of a parameter, if there is any.
fn one<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, ReceiveError> {
    let mut values = parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(ReceiveError::AnswerMalformed),
    }
}

/// `application/x-www-form-urlencoded`, one name or value.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        read.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(read).ok()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const ISSUER: &str = "https://issuer.example";

    fn log_in(redirect: &str) -> LogIn {
        let endpoints = LogInEndpoints { push: format!("{ISSUER}/par"), authorize: format!("{ISSUER}/authorize") };
        let back = WayBack { client: "wallet", redirect };
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        LogIn::new(&endpoints, ISSUER, &back, "a b".to_owned(), Some("offered".to_owned()), &mut rng)
    }

    #[test]
    fn vci_81_what_is_pushed_binds_the_code_and_has_no_secret() {
        let mut log_in = log_in("app:/back");
        let pushed = query_pairs(&log_in.pushed()).unwrap();
        let get = |name: &str| one(&pushed, name).unwrap().unwrap_or_default().to_owned();
        assert_eq!(get("code_challenge"), base64url(&Sha256::digest(&log_in.verifier)));
        assert_eq!((get("code_challenge_method"), get("response_type")), ("S256".into(), "code".into()));
        assert_eq!((get("scope"), get("issuer_state")), ("a b".into(), "offered".into()));
        assert_eq!((get("redirect_uri"), get("client_id")), ("app:/back".into(), "wallet".into()));
        assert!(!log_in.pushed().contains(&log_in.verifier));
        assert_eq!(log_in.page(), None);
        log_in.opened_as("urn:x".to_owned());
        assert_eq!(log_in.page().unwrap(), format!("{ISSUER}/authorize?client_id=wallet&request_uri=urn%3Ax"));
    }

    #[test]
    fn vci_82_only_the_answer_to_this_log_in_by_this_issuer_is_taken() {
        for redirect in ["app:/back", "https://wallet.example/back?x=1"] {
            let begins = if redirect.contains('?') { '&' } else { '?' };
            let good = log_in(redirect);
            let back = |query: &str| {
                let address = format!("{redirect}{begins}{}", query.replace("STATE", &good.state));
                let mut log_in = good.clone();
                let known = log_in.is_answered_by(&address);
                log_in.came_back(&address).map(|()| (known, log_in.code.unwrap()))
            };
            let iss = "iss=https%3A%2F%2Fissuer.example";
            assert_eq!(back(&format!("code=c%2Bd&state=STATE&{iss}")), Ok((true, "c+d".to_owned())));
            for (query, refusal) in [
                (format!("code=c&state=other&{iss}"), ReceiveError::LogInUnknown),
                (format!("code=c&{iss}"), ReceiveError::LogInUnknown),
                ("code=c&state=STATE".to_owned(), ReceiveError::IssuerMismatch), // VCI-83
                ("code=c&state=STATE&iss=https%3A%2F%2Fother.example".to_owned(), ReceiveError::IssuerMismatch),
                (format!("error=access_denied&state=STATE&{iss}"), ReceiveError::Refused("access_denied".into())),
                (format!("state=STATE&{iss}"), ReceiveError::AnswerMalformed),
                (format!("code=c&code=d&state=STATE&{iss}"), ReceiveError::AnswerMalformed),
                (format!("code=c&error=x&state=STATE&{iss}"), ReceiveError::AnswerMalformed),
                (format!("code=%zz&state=STATE&{iss}"), ReceiveError::AnswerMalformed),
            ] {
                assert_eq!(back(&query), Err(refusal), "{query}");
            }
            let mut log_in = good.clone();
            assert_eq!(log_in.came_back("elsewhere:/back?code=c"), Err(ReceiveError::LogInUnknown));
            let long = format!("{redirect}{begins}code={}", "c".repeat(BACK_MAX));
            assert_eq!(log_in.came_back(&long), Err(ReceiveError::LogInUnknown));
        }
    }

    #[test]
    fn vci_84_the_code_is_exchanged_with_the_verifier() {
        let mut log_in = log_in("app:/back");
        let address = format!("app:/back?code=c&state={}&iss=https%3A%2F%2Fissuer.example", log_in.state);
        log_in.came_back(&address).unwrap();
        let sent = query_pairs(&log_in.exchange()).unwrap();
        let get = |name: &str| one(&sent, name).unwrap().unwrap_or_default().to_owned();
        assert_eq!((get("grant_type"), get("code")), ("authorization_code".into(), "c".into()));
        assert_eq!((get("code_verifier"), get("redirect_uri")), (log_in.verifier.clone(), "app:/back".into()));
    }
}

//! The link with which a verifier calls a wallet.

use protocol::exchange::openid4vp::{VpError, form};

use super::OpenIdError;

/// Longest link that is read, in bytes.
const LINK_MAX: usize = 8 * 1_024;

/// Who asks, and where the signed request is. Nothing of it is believed: the request says it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who asks.
    pub client_id: String,
    /// Where the request is fetched.
    pub request_uri: String,
    /// Whether it is fetched by posting a nonce of the wallet (`request_uri_method`).
    pub post: bool,
}

impl Link {
    /// Reads `openid4vp://?…` or a link of another scheme with the same parameters. Requests by value are not followed: nobody
    /// needs them where a wallet can fetch.
    ///
    /// # Errors
    /// [`OpenIdError::Request`]: [`VpError::MalformedRequest`]; [`VpError::ResponseUriNotCovered`] for an address that is
    /// neither `https` nor this machine.
    pub fn read(text: &str) -> Result<Self, OpenIdError> {
        let malformed = || OpenIdError::Request(VpError::MalformedRequest("link"));
        let (_, query) = text.split_once('?').filter(|_| text.len() <= LINK_MAX).ok_or_else(malformed)?;
        let parameters = form::read(query.as_bytes()).map_err(|_| malformed())?;
        let value = |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
        let request_uri = value("request_uri").ok_or_else(malformed)?;
        if !fetched(&request_uri) {
            return Err(VpError::ResponseUriNotCovered.into());
        }
        let post = match value("request_uri_method").as_deref() {
            None | Some("get") => false,
            Some("post") => true,
            Some(_) => return Err(malformed()),
        };
        Ok(Self { client_id: value("client_id").ok_or_else(malformed)?, request_uri, post })
    }

    /// What is posted to fetch the request, where a nonce is.
    #[must_use]
    pub fn body(wallet_nonce: &str) -> String {
        form::write(&[("wallet_nonce", wallet_nonce)])
    }
}

/// Over TLS, or from this machine, and without user information.
fn fetched(address: &str) -> bool {
    let (secure, rest) = match address.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, address.strip_prefix("http://").unwrap_or_default()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    let plain =
        !host.is_empty() && !authority.contains('@') && !address.contains(|it: char| it.is_control() || it == ' ');
    plain && (secure || host == "localhost" || host == "127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_verifier_and_where_the_request_is() {
        let link = "openid4vp://?client_id=x509_hash%3AAA&request_uri=https%3A%2F%2Fshop.example%2Fo%2F1";
        let read = Link::read(link).unwrap();
        assert_eq!(
            read,
            Link { client_id: "x509_hash:AA".into(), request_uri: "https://shop.example/o/1".into(), post: false }
        );
        assert!(Link::read(&format!("{link}&request_uri_method=post")).unwrap().post);
        assert!(Link::read(&link.replace("https%3A%2F%2Fshop.example", "http%3A%2F%2F127.0.0.1%3A80")).is_ok());
        assert_eq!(Link::body("a b"), "wallet_nonce=a%20b");
        let malformed = Err(OpenIdError::Request(VpError::MalformedRequest("link")));
        for broken in [
            "openid4vp://".to_owned(),
            "openid4vp://?client_id=a".to_owned(),
            "openid4vp://?request_uri=https%3A%2F%2Fshop.example".to_owned(),
            format!("{link}&client_id=b"),
            format!("{link}&request_uri_method=put"),
            format!("{link}&x={}", "x".repeat(LINK_MAX)),
        ] {
            assert_eq!(Link::read(&broken), malformed, "{broken}");
        }
        for address in [
            "http://shop.example",
            "https://a@shop.example",
            "https://",
            "ftp://shop.example",
            "http://127.0.0.1.example",
        ] {
            let link = format!("openid4vp://?client_id=a&request_uri={}", form::escape(address));
            assert_eq!(Link::read(&link), Err(VpError::ResponseUriNotCovered.into()), "{address}");
        }
    }
}

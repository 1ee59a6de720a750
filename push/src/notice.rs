//! What is pushed: where to look, and nothing about anybody.

use protocol::json;
use serde_json::json;

use crate::PushError;
use crate::message::TEXT_MAX;

/// Version of the text.
const VERSION: u64 = 1;

/// A link that the owner may open. It has no name, no claim and no identifier of a person (PUSH-03); what is asked the verifier has
/// signed, and the wallet shows it before anything is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice(String);

impl Notice {
    /// A link that opens a wallet.
    #[must_use]
    pub fn new(link: &str) -> Self {
        Self(link.to_owned())
    }

    /// The link.
    #[must_use]
    pub fn open(&self) -> &str {
        &self.0
    }

    /// As it is sealed: JSON, `{"open": …, "version": 1}`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json!({ "version": VERSION, "open": self.0 }).to_string().into_bytes()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`PushError::UnknownNotice`]
    pub fn read(bytes: &[u8]) -> Result<Self, PushError> {
        let members = json::read_object(bytes, TEXT_MAX).map_err(|_| PushError::UnknownNotice)?;
        let link = members.get("open").and_then(|it| it.as_str());
        let known = members.get("version").and_then(serde_json::Value::as_u64) == Some(VERSION);
        link.filter(|_| known).map(Self::new).ok_or(PushError::UnknownNotice)
    }
}

/// The number that the page shows where the log-in began, and that the owner types before a request that was pushed is answered
/// (PUSH-06): whoever began it elsewhere has a page that the owner does not see. `digest` is that of the request.
#[must_use]
pub fn match_code(digest: &[u8; 32]) -> String {
    let number = digest[..8].iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{:03}", number % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_03_a_notice_is_a_link() {
        let notice = Notice::new("mid-wallet://answer#mid=AA");
        assert_eq!(notice.to_bytes(), br#"{"open":"mid-wallet://answer#mid=AA","version":1}"#);
        assert_eq!(Notice::read(&notice.to_bytes()), Ok(notice));
        for other in [&b""[..], b"[]", b"{}", br#"{"open":"a"}"#, br#"{"open":"a","version":2}"#, br#"{"version":1}"#] {
            assert_eq!(Notice::read(other), Err(PushError::UnknownNotice));
        }
    }

    #[test]
    fn push_06_the_number_has_three_digits() {
        assert_eq!(match_code(&[0; 32]), "000");
        let mut digest = [0; 32];
        digest[7] = 42;
        digest[8] = 255;
        assert_eq!(match_code(&digest), "042");
        assert_eq!(match_code(&[255; 32]), "615");
    }
}

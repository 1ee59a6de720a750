//! The credential offer (section 4.1), by value and by reference.

use serde::{Deserialize, Serialize};

use super::read;

/// The scheme under which wallets are called.
const SCHEME: &str = "openid-credential-offer://";
/// Longest link that is read, in bytes.
const URI_MAX: usize = 8 * 1_024;
/// Most credentials of one offer.
const CONFIGURATIONS_MAX: usize = 32;

/// Why a link is no offer that a wallet follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferUriError {
    /// Not a link with an offer, or an offer without its members.
    #[error("this is not a credential offer; ask the issuer for a new one")]
    OfferUriMalformed,
    /// Both the offer and a reference to it, or one of them twice.
    #[error("the link contains two offers; do not use it and tell the issuer")]
    OfferUriAmbiguous,
    /// An address that is neither https nor this machine.
    #[error("an address in the offer is not https; do not use it and tell the issuer")]
    OfferAddressNotAllowed,
}

/// What an issuer offers, and how the wallet gets it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The credential issuer's identifier: its address.
    pub credential_issuer: String,
    /// Names of the issuer's configurations.
    pub credential_configuration_ids: Vec<String>,
    /// How an access token is obtained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
}

/// How an access token is obtained.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grants {
    /// By logging in at the authorisation server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_code: Option<Authorization>,
    /// By a code in the offer.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:pre-authorized_code")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_authorized: Option<PreAuthorized>,
}

/// The authorisation code: what ties the log-in to the offer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The secret of this offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_state: Option<String>,
    /// Which of the issuer's authorisation servers is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_server: Option<String>,
}

/// The pre-authorised code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreAuthorized {
    /// The secret of this offer.
    #[serde(rename = "pre-authorized_code")]
    pub code: String,
    /// There when a code that is told separately must be typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_code: Option<TxCode>,
    /// Which of the issuer's authorisation servers takes the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_server: Option<String>,
}

/// What the code that is told separately looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxCode {
    /// `numeric` or `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_mode: Option<String>,
    /// Number of characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// What the issuer tells the person about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Whoever sees the code can take the credential.
impl core::fmt::Debug for Offer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Offer({}, [redacted])", self.credential_issuer)
    }
}

impl core::fmt::Debug for PreAuthorized {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PreAuthorized([redacted])")
    }
}

impl core::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Authorization([redacted])")
    }
}

impl core::fmt::Debug for Grants {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Grants([redacted])")
    }
}

impl Offer {
    /// Reads an offer in JSON and checks that its issuer may be asked.
    ///
    /// # Errors
    /// [`OfferUriError`]
    pub fn read(json: &[u8]) -> Result<Self, OfferUriError> {
        let offer: Self = read(json, URI_MAX).map_err(|_| OfferUriError::OfferUriMalformed)?;
        let count = offer.credential_configuration_ids.len();
        if count == 0 || count > CONFIGURATIONS_MAX {
            return Err(OfferUriError::OfferUriMalformed);
        }
        if !may_be_asked(&offer.credential_issuer) || offer.credential_issuer.contains(['?', '#']) {
            return Err(OfferUriError::OfferAddressNotAllowed); // VCI-01
        }
        Ok(offer)
    }

    /// The link with the offer in it.
    #[must_use]
    pub fn to_uri(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{SCHEME}?credential_offer={}", escape(&json))
    }

    /// The link to the offer at `address`.
    #[must_use]
    pub fn reference(address: &str) -> String {
        format!("{SCHEME}?credential_offer_uri={}", escape(address))
    }

    /// The pre-authorised code, if the offer has one.
    #[must_use]
    pub fn pre_authorized(&self) -> Option<&PreAuthorized> {
        self.grants.as_ref()?.pre_authorized.as_ref()
    }
}

/// What a link holds: the offer, or where it is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferUri {
    /// By value.
    Offer(Offer),
    /// By reference; the answer is for [`Offer::read`].
    Address(String),
}

impl OfferUri {
    /// Reads a link, whatever its scheme: a wallet is also called under schemes of its own and `https` links.
    ///
    /// # Errors
    /// [`OfferUriError`]
    pub fn read(uri: &str) -> Result<Self, OfferUriError> {
        let query = uri.split_once('?').map(|(_, query)| query).filter(|_| uri.len() <= URI_MAX);
        let query = query.ok_or(OfferUriError::OfferUriMalformed)?;
        let (mut offer, mut address) = (Vec::new(), Vec::new());
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = unescape(value).ok_or(OfferUriError::OfferUriMalformed)?;
            match name {
                "credential_offer" => offer.push(value),
                "credential_offer_uri" => address.push(value),
                _ => {}
            }
        }
        match (offer.as_slice(), address.as_slice()) {
            ([json], []) => Ok(Self::Offer(Offer::read(json.as_bytes())?)),
            ([], [address]) if may_be_asked(address) => Ok(Self::Address(address.clone())),
            ([], [_]) => Err(OfferUriError::OfferAddressNotAllowed), // VCI-01
            ([], []) => Err(OfferUriError::OfferUriMalformed),
            _ => Err(OfferUriError::OfferUriAmbiguous),
        }
    }
}

/// Whether a wallet asks this address: `https`, or `http` on this machine, and no user in it.
pub(super) fn may_be_asked(address: &str) -> bool {
    let host = match address.strip_prefix("https://") {
        Some(rest) => rest,
        None => match address.strip_prefix("http://") {
            Some(rest) if ["127.0.0.1:", "[::1]:", "localhost:"].iter().any(|it| rest.starts_with(it)) => rest,
            _ => return false,
        },
    };
    let authority = host.split(['/', '?', '#']).next().unwrap_or_default();
    !authority.is_empty() && !address.contains(['@', '\\']) && address.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A form as token endpoints read it (`application/x-www-form-urlencoded`).
#[must_use]
pub fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// RFC 3986: everything but unreserved characters as `%XX`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let mut value = [0];
                hex::decode_to_slice(digits, &mut value).ok()?;
                value[0]
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

//! What a mobile document's proof is bound to, as it can be written down and computed again.

use protocol::credential::mdoc::dc_api::EncryptionInfo;
use protocol::credential::mdoc::{Handover, SessionTranscript};
use protocol::crypto::jose::{EncryptionKey, base64url, from_base64url};
use protocol::exchange::openid4vp::{RequestObject, ResponseMode, VpError};
use serde::{Deserialize, Serialize};

/// How request and answer travelled, beside who asked and with which nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Session {
    /// The answer was posted.
    DirectPost {
        /// To this address.
        response_uri: String,
        /// Encrypted to the key with this thumbprint, base64url; in clear where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Through a browser, whose origin is the audience.
    DcApi {
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Through a browser, as `org-iso-mdoc`.
    IsoMdoc {
        /// `EncryptionInfo` as it was sent, base64url; the nonce is in it.
        encryption_info: String,
    },
}

impl Session {
    /// The session of a request.
    pub(super) fn of(request: &RequestObject) -> Result<Self, VpError> {
        let key = request.metadata.keys.first().filter(|_| request.response.encrypted());
        let key = key.map(EncryptionKey::thumbprint).map(|it| base64url(&it));
        match &request.response {
            ResponseMode::DirectPost(uri) | ResponseMode::DirectPostJwt(uri) => {
                Ok(Self::DirectPost { response_uri: uri.clone(), key })
            }
            ResponseMode::DcApi(_) | ResponseMode::DcApiJwt(_) => Ok(Self::DcApi { key }),
        }
    }

    /// What the device signed for it. `verifier` is the client identifier, or `origin:` and the origin.
    pub(super) fn transcript(&self, verifier: &str, nonce: &str) -> Result<SessionTranscript, VpError> {
        let malformed = || VpError::MalformedPresentation("session");
        let thumbprint = |key: &Option<String>| match key {
            None => Ok(None),
            Some(text) => {
                let bytes = from_base64url(text).and_then(|it| <[u8; 32]>::try_from(it).ok());
                bytes.map(Some).ok_or_else(malformed)
            }
        };
        let origin = || verifier.strip_prefix("origin:").ok_or_else(malformed);
        Ok(match self {
            Self::DirectPost { response_uri, key } => {
                let thumbprint = thumbprint(key)?;
                let (client_id, thumbprint) = (verifier, thumbprint.as_ref());
                SessionTranscript::new(&Handover::OpenId4Vp { client_id, nonce, thumbprint, response_uri })
            }
            Self::DcApi { key } => {
                let thumbprint = thumbprint(key)?;
                let (origin, thumbprint) = (origin()?, thumbprint.as_ref());
                SessionTranscript::new(&Handover::DcApi { origin, nonce, thumbprint })
            }
            Self::IsoMdoc { encryption_info } => {
                let info = EncryptionInfo::from_text(encryption_info).map_err(|_| malformed())?;
                if base64url(&info.nonce) != nonce {
                    return Err(malformed());
                }
                SessionTranscript::new(&Handover::IsoDcApi { origin: origin()?, encryption_info })
            }
        })
    }
}

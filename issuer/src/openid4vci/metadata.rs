//! What the issuer and its authorisation server say about themselves (section 12.2; RFC 8414): what is said is enforced.

use base64::Engine as _;
use protocol::crypto::jose;
use protocol::exchange::openid4vci::attestation::CLIENT_METHOD;
use protocol::exchange::openid4vci::encryption::ResponseEncryption;
use protocol::exchange::openid4vci::{
    AUTHORIZATION_CODE, BatchIssuance, IssuerMetadata, METADATA_KIND, PRE_AUTHORIZED, REFRESH, ServerMetadata,
};
use rand_core::CryptoRng;
use serde_json::{Map, Value};

use super::{BATCH_MAX, Endpoint};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::KeyStoreError;

/// How long signed metadata are good, in seconds.
const METADATA_LIFE: u64 = 86_400;
/// The one algorithm of wallets' keys.
pub(super) const ALGORITHM: &str = "ES256";

impl Issuer {
    /// The issuer's metadata.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`]
    pub fn openid_metadata<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<IssuerMetadata, IssuerError> {
        let configurations = self.configurations();
        Ok(IssuerMetadata {
            credential_issuer: self.openid_identifier().to_owned(),
            authorization_servers: Vec::new(),
            credential_endpoint: self.openid_endpoint(Endpoint::Credential),
            nonce_endpoint: Some(self.openid_endpoint(Endpoint::Nonce)),
            deferred_credential_endpoint: Some(self.openid_endpoint(Endpoint::Deferred)),
            notification_endpoint: Some(self.openid_endpoint(Endpoint::Notification)),
            batch_credential_issuance: Some(BatchIssuance { batch_size: BATCH_MAX }),
            credential_request_encryption: Some(self.request_encryption(now, rng)?),
            credential_response_encryption: Some(ResponseEncryption::optional()),
            display: Vec::new(),
            credential_configurations_supported: configurations
                .into_iter()
                .map(|configuration| (configuration.id.clone(), configuration.metadata()))
                .collect(),
        })
    }

    /// The authorisation server's metadata.
    #[must_use]
    pub fn openid_server_metadata(&self) -> ServerMetadata {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        // VCI-65: what is announced is what is asked for.
        let attested = self.wants_attested_wallets();
        let of_attestations = if attested { vec![ALGORITHM.to_owned()] } else { Vec::new() };
        ServerMetadata {
            issuer: self.openid_identifier().to_owned(),
            token_endpoint: self.openid_endpoint(Endpoint::Token),
            authorization_endpoint: Some(self.openid_endpoint(Endpoint::Authorize)),
            pushed_authorization_request_endpoint: Some(self.openid_endpoint(Endpoint::Push)),
            require_pushed_authorization_requests: true,
            code_challenge_methods_supported: texts(&["S256"]),
            authorization_response_iss_parameter_supported: true,
            scopes_supported: self.configurations().into_iter().map(|configuration| configuration.id).collect(),
            response_types_supported: texts(&["code"]),
            grant_types_supported: texts(&[PRE_AUTHORIZED, AUTHORIZATION_CODE, REFRESH]),
            token_endpoint_auth_methods_supported: texts(&[if attested { CLIENT_METHOD } else { "none" }]),
            client_attestation_signing_alg_values_supported: of_attestations.clone(),
            client_attestation_pop_signing_alg_values_supported: of_attestations,
            dpop_signing_alg_values_supported: texts(&[ALGORITHM]),
            anonymous_pre_authorized: !attested,
        }
    }

    /// The issuer's metadata as a JWT, signed with the key that signs credentials (section 12.2.3).
    ///
    /// # Errors
    /// Those of keys and certificates.
    pub fn openid_signed_metadata<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<String, IssuerError> {
        let unwritable = |_| IssuerError::TwinUnavailable;
        let signer = self.certificates(now, rng)?.signer;
        let chain = base64::engine::general_purpose::STANDARD.encode(signer);
        let header =
            Map::from_iter([("typ".to_owned(), METADATA_KIND.into()), ("x5c".to_owned(), Value::from(vec![chain]))]);
        let mut claims = serde_json::to_value(self.openid_metadata(now, rng)?).map_err(unwritable)?;
        claims["iss"] = self.openid_identifier().into();
        claims["sub"] = self.openid_identifier().into();
        claims["iat"] = now.into();
        claims["exp"] = now.saturating_add(METADATA_LIFE).into();
        jose::sign(&header, claims.to_string().as_bytes(), self.keys.document_signer()?)
            .map_err(|_| KeyStoreError::KeyUnavailable.into())
    }
}

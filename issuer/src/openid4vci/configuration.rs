//! What can be had, each in one format (section 12.2.4).

use std::collections::BTreeMap;

use protocol::credential::CredentialType;
use protocol::credential::twins::{Claims, Source, Twins};
use protocol::crypto::jose::base64url;
use protocol::exchange::openid4vci::{
    ClaimDescription, CredentialConfiguration, CredentialMetadata, Display, MDOC, ProofType, SD_JWT,
};
use serde_json::{Value, json};

use super::metadata::ALGORITHM;
use crate::issuer::Issuer;
use crate::twins::TwinFormat;

/// ES256 in COSE (RFC 9053).
const COSE_ES256: i64 = -7;

/// A credential type in one format.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Its name in metadata, offers and requests.
    pub id: String,
    /// Id of the credential type.
    pub credential_type: String,
    /// The format.
    pub format: TwinFormat,
    metadata: CredentialConfiguration,
}

impl Configuration {
    /// A configuration for each of our formats that the standard knows.
    fn of(credential_type: &CredentialType, twins: &Twins) -> impl Iterator<Item = Self> {
        let display = [("ko-KR", &credential_type.name.ko), ("en-US", &credential_type.name.en)];
        let display = display.map(|(locale, name)| Display { name: Some(name.clone()), locale: Some(locale.into()) });
        let proof = ProofType {
            proof_signing_alg_values_supported: vec![ALGORITHM.to_owned()],
            key_attestations_required: None,
        };
        let common = CredentialConfiguration {
            format: String::new(),
            scope: None,
            vct: None,
            doctype: None,
            cryptographic_binding_methods_supported: Vec::new(),
            credential_signing_alg_values_supported: Vec::new(),
            proof_types_supported: BTreeMap::from([("jwt".to_owned(), proof)]),
            credential_metadata: None,
        };
        let described = move |claims| Some(CredentialMetadata { display: display.to_vec(), claims });
        let named = |suffix: &str| format!("{}.{suffix}", credential_type.id);
        let sd_jwt = twins.sd_jwt.as_ref().map(|twin| Self {
            id: named("sd-jwt"),
            credential_type: credential_type.id.clone(),
            format: TwinFormat::SdJwt,
            metadata: CredentialConfiguration {
                format: SD_JWT.to_owned(),
                scope: Some(named("sd-jwt")),
                vct: Some(twin.vct.clone()),
                cryptographic_binding_methods_supported: vec!["jwk".to_owned()],
                credential_signing_alg_values_supported: vec![ALGORITHM.into()],
                credential_metadata: described(paths(&twin.claims, &[])),
                ..common.clone()
            },
        });
        let mdoc = twins.mdoc.as_ref().map(|twin| Self {
            id: named("mdoc"),
            credential_type: credential_type.id.clone(),
            format: TwinFormat::Mdoc,
            metadata: CredentialConfiguration {
                format: MDOC.to_owned(),
                scope: Some(named("mdoc")),
                doctype: Some(twin.doctype.clone()),
                cryptographic_binding_methods_supported: vec!["cose_key".to_owned()],
                credential_signing_alg_values_supported: vec![COSE_ES256.into()],
                credential_metadata: described(
                    twin.namespaces.iter().flat_map(|(name, claims)| paths(claims, &[json!(name)])).collect(),
                ),
                ..common.clone()
            },
        });
        [sd_jwt, mdoc].into_iter().flatten()
    }

    /// What the metadata say of it.
    pub(super) fn metadata(self) -> CredentialConfiguration {
        self.metadata
    }

    /// A credential as it travels.
    pub(super) fn write(&self, credential: Vec<u8>) -> Option<String> {
        match self.format {
            TwinFormat::Mdoc => Some(base64url(&credential)),
            TwinFormat::SdJwt | TwinFormat::W3cEddsa | TwinFormat::W3cBbs => String::from_utf8(credential).ok(),
        }
    }
}

fn paths(claims: &Claims, above: &[Value]) -> Vec<ClaimDescription> {
    let mut found = Vec::new();
    for (name, source) in claims {
        let path = [above, &[json!(name)]].concat();
        if let Source::Group(inner) = source {
            found.extend(paths(inner, &path));
        }
        found.push(ClaimDescription { path, display: Vec::new() });
    }
    found
}

impl Issuer {
    /// Everything that wallets of others can have.
    #[must_use]
    pub fn configurations(&self) -> Vec<Configuration> {
        let known = self.credential_types().filter_map(|credential_type| {
            self.twins(&credential_type.id).map(|twins| Configuration::of(credential_type, twins))
        });
        known.flatten().collect()
    }
}

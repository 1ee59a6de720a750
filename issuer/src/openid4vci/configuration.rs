//! What can be had, each in one format (section 12.2.4).

use std::collections::BTreeMap;

use protocol::credential::CredentialType;
use protocol::credential::twins::{Claims, Source, Twins, W3cTwin};
use protocol::credential::w3c::Suite;
use protocol::crypto::jose::base64url;
use protocol::exchange::openid4vci::attestation::KeyRequirements;
use protocol::exchange::openid4vci::di_vp;
use protocol::exchange::openid4vci::{
    ClaimDescription, CredentialConfiguration, CredentialDefinition, CredentialMetadata, Display, LDP_VC, MDOC,
    ProofType, SD_JWT,
};
use serde_json::{Value, json};

use super::metadata::ALGORITHM;
use crate::issuer::Issuer;
use crate::twins::{TwinFormat, w3c};

/// ES256 in COSE (RFC 9053).
const COSE_ES256: i64 = -7;

/// The proof type that is a presentation.
const PRESENTATION: &str = "di_vp";

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
    fn of(credential_type: &CredentialType, twins: &Twins, keys: Option<&KeyRequirements>) -> Vec<Self> {
        let display = [("ko-KR", &credential_type.name.ko), ("en-US", &credential_type.name.en)];
        let display = display.map(|(locale, name)| Display { name: Some(name.clone()), locale: Some(locale.into()) });
        let proof = ProofType {
            proof_signing_alg_values_supported: vec![ALGORITHM.to_owned()],
            key_attestations_required: keys.cloned(),
        };
        let mut proofs = BTreeMap::from([("jwt".to_owned(), proof.clone())]);
        if keys.is_some() {
            proofs.insert("attestation".to_owned(), proof);
        }
        let common = CredentialConfiguration {
            format: String::new(),
            scope: None,
            vct: None,
            doctype: None,
            credential_definition: None,
            cryptographic_binding_methods_supported: Vec::new(),
            credential_signing_alg_values_supported: Vec::new(),
            proof_types_supported: proofs,
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
        // VCI-66: what signs W3C presentations may prove its key by one, where keys need no attestation, which has no place there.
        let mut w3c_proofs = common.proof_types_supported.clone();
        if keys.is_none() {
            let suites = di_vp::SUITES.map(|suite| suite.as_str().to_owned()).to_vec();
            let proof = ProofType { proof_signing_alg_values_supported: suites, key_attestations_required: None };
            w3c_proofs.insert(PRESENTATION.to_owned(), proof);
        }
        let of_suite = |format, suite: Suite, twin: &W3cTwin| Self {
            id: named(suite.as_str()),
            credential_type: credential_type.id.clone(),
            format,
            metadata: CredentialConfiguration {
                format: LDP_VC.to_owned(),
                scope: Some(named(suite.as_str())),
                credential_definition: Some(CredentialDefinition {
                    context: w3c::context(twin).map(Value::from).to_vec(),
                    kinds: w3c::types(twin).map(str::to_owned).to_vec(),
                }),
                proof_types_supported: w3c_proofs.clone(),
                // The proof of the key has it as jwk; the credential names it as did:key.
                cryptographic_binding_methods_supported: vec!["jwk".to_owned()],
                credential_signing_alg_values_supported: vec![suite.as_str().into()],
                credential_metadata: described(paths(&twin.claims, &[json!("credentialSubject")])),
                ..common.clone()
            },
        };
        let w3c = twins.w3c.as_ref().map(|twin| {
            [(TwinFormat::W3cBbs, Suite::Bbs2023), (TwinFormat::W3cEddsa, Suite::EddsaRdfc2022)]
                .map(|(format, suite)| of_suite(format, suite, twin))
        });
        [sd_jwt, mdoc].into_iter().chain(w3c.into_iter().flatten().map(Some)).flatten().collect::<Vec<_>>()
    }

    /// What the metadata say of it.
    pub(super) fn metadata(self) -> CredentialConfiguration {
        self.metadata
    }

    /// Whether keys may prove themselves by presentations.
    pub(super) fn takes_presentations(&self) -> bool {
        self.metadata.proof_types_supported.contains_key(PRESENTATION)
    }

    /// A credential as it travels.
    pub(super) fn write(&self, credential: Vec<u8>) -> Option<Value> {
        match self.format {
            TwinFormat::Mdoc => Some(base64url(&credential).into()),
            TwinFormat::SdJwt => String::from_utf8(credential).ok().map(Value::String),
            TwinFormat::W3cEddsa | TwinFormat::W3cBbs => serde_json::from_slice(&credential).ok(),
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
            let twins = self.twins(&credential_type.id)?;
            Some(Configuration::of(credential_type, twins, self.wants_attested_keys()))
        });
        known.flatten().collect()
    }
}

//! The request object (sections 5 and 5.8; RFC 9101).

use serde_json::{Map, Value, json};

use super::client_id::host;
use super::{ClientId, TransactionData, VpError, dc_api};
use crate::credential::w3c::Suite;
use crate::crypto::jose::{self, ContentEncryption, EncryptionKey, JwsError, key_set};
use crate::crypto::multikey::StandardSigner;
use crate::exchange::dcql::DcqlQuery;
use crate::identifier::Did;

/// Media type of the signed request (`typ`).
pub const REQUEST_KIND: &str = "oauth-authz-req+jwt";
/// For whom requests are when the wallet is not known beforehand (section 5.8).
pub const AUDIENCE: &str = "https://self-issued.me/v2";
/// In `verifier_info`: who asks on the ledger, and for which registered purpose.
const REGISTRATION: &str = "mid_registration";
/// Fewest characters of a nonce: 96 bits in base64url.
const NONCE_MIN: usize = 16;
/// Longest nonce, state or address, in bytes.
const TEXT_MAX: usize = 1024;
/// What means something only under a signature.
const SIGNED_ONLY: [&str; 5] = ["client_id", "expected_origins", "aud", "iat", "exp"];
/// Most transactions of a request.
const TRANSACTIONS_MAX: usize = 8;

/// How the answer comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseMode {
    /// Posted to this address.
    DirectPost(String),
    /// Posted there, encrypted.
    DirectPostJwt(String),
    /// Through a browser's Digital Credentials API, for these origins.
    DcApi(Vec<String>),
    /// Through it, encrypted.
    DcApiJwt(Vec<String>),
}

impl ResponseMode {
    /// Through a browser: what the holder's proof names as its audience, for the first of these origins (appendix A.4). The client
    /// identifier is not the audience there, signed or not.
    #[must_use]
    pub fn audience(&self) -> Option<String> {
        match self {
            Self::DirectPost(_) | Self::DirectPostJwt(_) => None,
            Self::DcApi(origins) | Self::DcApiJwt(origins) => origins.first().map(|it| dc_api::audience(it)),
        }
    }

    /// The name in the standard.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DirectPost(_) => "direct_post",
            Self::DirectPostJwt(_) => "direct_post.jwt",
            Self::DcApi(_) => "dc_api",
            Self::DcApiJwt(_) => "dc_api.jwt",
        }
    }

    /// Whether the answer is encrypted.
    #[must_use]
    pub fn encrypted(&self) -> bool {
        matches!(self, Self::DirectPostJwt(_) | Self::DcApiJwt(_))
    }

    /// Where the answer is posted.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::DirectPost(uri) | Self::DirectPostJwt(uri) => Some(uri),
            Self::DcApi(_) | Self::DcApiJwt(_) => None,
        }
    }
}

/// What a verifier says of itself (section 11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientMetadata {
    /// Keys that answers may be encrypted to; the first that can be used is.
    pub keys: Vec<EncryptionKey>,
    /// How answers may be encrypted, the preferred first.
    pub methods: Vec<ContentEncryption>,
}

impl ClientMetadata {
    fn to_json(&self) -> Value {
        let algorithms = json!(["ES256", "ES384", "EdDSA"]);
        let mut members = json!({ "vp_formats_supported": {
            "dc+sd-jwt": { "sd-jwt_alg_values": algorithms, "kb-jwt_alg_values": algorithms },
            // ES256, ES384, EdDSA, and their fully specified twins (RFC 9864).
            "mso_mdoc": {
                "issuerauth_alg_values": [-7, -35, -8, -9, -51, -19],
                "deviceauth_alg_values": [-7, -35, -8, -9, -51, -19],
            },
            "ldp_vc": {
                "proof_type_values": ["DataIntegrityProof"],
                "cryptosuite_values": Suite::ALL.map(Suite::as_str),
            },
        }});
        if !self.keys.is_empty() {
            members["jwks"] = key_set(&self.keys);
            let names: Vec<&str> = self.methods.iter().map(|it| it.name()).collect();
            members["encrypted_response_enc_values_supported"] = json!(names);
        }
        members
    }

    fn from_json(value: &Value) -> Result<Self, VpError> {
        let malformed = VpError::MalformedRequest("client_metadata");
        let members = value.as_object().ok_or(malformed.clone())?;
        // K17: keys that cannot be used are passed over.
        let keys = members.get("jwks").and_then(|it| it.get("keys")).and_then(Value::as_array);
        let keys = keys.into_iter().flatten().filter_map(|it| EncryptionKey::from_json(it).ok()).collect();
        let methods = match members.get("encrypted_response_enc_values_supported") {
            None => vec![ContentEncryption::A128Gcm],
            Some(list) => {
                let list = list.as_array().ok_or(malformed)?;
                list.iter().filter_map(Value::as_str).filter_map(ContentEncryption::from_name).collect()
            }
        };
        Ok(Self { keys, methods })
    }
}

/// What a verifier asks, before it is signed or after that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestObject {
    /// Who asks.
    pub client_id: ClientId,
    /// How the answer comes back.
    pub response: ResponseMode,
    /// Fresh for every request: base64url or the like.
    pub nonce: String,
    /// What the answer repeats.
    pub state: Option<String>,
    /// What is asked.
    pub query: DcqlQuery,
    /// What the verifier says of itself.
    pub metadata: ClientMetadata,
    /// What the holder agrees to.
    pub transactions: Vec<TransactionData>,
    /// The nonce of the wallet that fetched it.
    pub wallet_nonce: Option<String>,
    /// The verifier on the ledger and its purpose, where it says so.
    pub registration: Option<(Did, String)>,
    /// Unix seconds.
    pub issued_at: Option<u64>,
    /// Unix seconds.
    pub expires_at: Option<u64>,
}

/// Who signs a request.
pub enum Signing<'a> {
    /// The owner of a certificate: leaf first, without the root.
    Certificates(&'a [Vec<u8>]),
    /// A key of a DID: its whole name, with the fragment.
    KeyId(&'a str),
}

impl RequestObject {
    /// The members of the object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        set("response_type", "vp_token".into());
        set("client_id", self.client_id.to_string().into());
        set("response_mode", self.response.name().into());
        set("aud", AUDIENCE.into());
        set("nonce", self.nonce.as_str().into());
        set("dcql_query", self.query.to_json());
        set("client_metadata", self.metadata.to_json());
        match &self.response {
            ResponseMode::DirectPost(uri) | ResponseMode::DirectPostJwt(uri) => {
                set("response_uri", uri.as_str().into());
            }
            ResponseMode::DcApi(origins) | ResponseMode::DcApiJwt(origins) => set("expected_origins", json!(origins)),
        }
        let texts = [("state", &self.state), ("wallet_nonce", &self.wallet_nonce)];
        for (name, value) in texts.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            set(name, value.as_str().into());
        }
        for (name, value) in [("iat", self.issued_at), ("exp", self.expires_at)] {
            if let Some(value) = value {
                set(name, value.into());
            }
        }
        if !self.transactions.is_empty() {
            set("transaction_data", self.transactions.iter().map(TransactionData::encoded).collect());
        }
        if let Some((did, purpose)) = &self.registration {
            let data = json!({ "did": did.as_str(), "purpose": purpose });
            set("verifier_info", json!([{ "format": REGISTRATION, "data": data }]));
        }
        Value::Object(members)
    }

    /// The members as an unsigned request of the Digital Credentials API: nobody is named, and the browser says the origin
    /// (appendix A.3.1).
    #[must_use]
    pub fn to_unsigned_json(&self) -> Value {
        let mut members = self.to_json();
        if let Some(members) = members.as_object_mut() {
            members.retain(|name, _| !SIGNED_ONLY.contains(&name.as_str()));
        }
        members
    }

    /// Signs the request.
    ///
    /// # Errors
    /// [`JwsError`], from the key store.
    pub fn sign(&self, signing: &Signing<'_>, signer: &dyn StandardSigner) -> Result<String, JwsError> {
        use base64::Engine as _;
        let standard = base64::engine::general_purpose::STANDARD;
        let mut header = Map::new();
        header.insert("typ".into(), REQUEST_KIND.into());
        match signing {
            Signing::Certificates(chain) => {
                header.insert("x5c".into(), chain.iter().map(|der| standard.encode(der)).collect());
            }
            Signing::KeyId(id) => drop(header.insert("kid".into(), (*id).into())),
        }
        jose::sign(&header, self.to_json().to_string().as_bytes(), signer)
    }

    /// Reads the members of an object (OVP-02). Whether it is authentic was the caller's question.
    ///
    /// # Errors
    /// [`VpError`]
    pub fn from_json(members: &Map<String, Value>) -> Result<Self, VpError> {
        let text = |name: &'static str| match members.get(name) {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().filter(|it| !it.is_empty() && it.len() <= TEXT_MAX);
                text.map(|it| Some(it.to_owned())).ok_or(VpError::MalformedRequest(name))
            }
        };
        let needed = |name: &'static str| text(name)?.ok_or(VpError::MalformedRequest(name));
        if needed("response_type")? != "vp_token" {
            return Err(VpError::MalformedRequest("response_type"));
        }
        let client_id = ClientId::read(&needed("client_id")?)?;
        let nonce = needed("nonce")?;
        // Section 5.2: URL-safe, and fresh enough (K07).
        if nonce.len() < NONCE_MIN || !nonce.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~".contains(&it)) {
            return Err(VpError::NonceInvalid);
        }
        if members.contains_key("scope") {
            return Err(VpError::MalformedRequest("scope"));
        }
        let query = DcqlQuery::from_json(members.get("dcql_query").ok_or(VpError::MalformedRequest("dcql_query"))?)?;
        let metadata = members.get("client_metadata").map(ClientMetadata::from_json).transpose()?.unwrap_or_default();
        let response = response_mode(members, &needed)?;
        if response.encrypted() && (metadata.keys.is_empty() || metadata.methods.is_empty()) {
            return Err(VpError::EncryptionKeyMissing); // K18
        }
        let transactions = transactions(members, &query)?;
        Ok(Self {
            client_id,
            response,
            nonce,
            state: text("state")?,
            query,
            metadata,
            transactions,
            wallet_nonce: text("wallet_nonce")?,
            registration: registration(members),
            issued_at: time(members, "iat")?,
            expires_at: time(members, "exp")?,
        })
    }
}

fn response_mode(
    members: &Map<String, Value>,
    needed: &dyn Fn(&'static str) -> Result<String, VpError>,
) -> Result<ResponseMode, VpError> {
    let posted = || {
        // Section 8.2: never both (K06).
        if members.contains_key("redirect_uri") {
            return Err(VpError::MalformedRequest("redirect_uri"));
        }
        let uri = needed("response_uri")?;
        if host(&uri).is_some() { Ok(uri) } else { Err(VpError::ResponseUriNotCovered) }
    };
    let origins = || {
        let list = members.get("expected_origins").and_then(Value::as_array);
        let list = list.filter(|it| !it.is_empty() && it.len() <= TRANSACTIONS_MAX);
        let text = |it: &Value| it.as_str().map(str::to_owned).ok_or(VpError::MalformedRequest("expected_origins"));
        list.ok_or(VpError::MalformedRequest("expected_origins"))?.iter().map(text).collect::<Result<Vec<_>, _>>()
    };
    match needed("response_mode")?.as_str() {
        "direct_post" => posted().map(ResponseMode::DirectPost),
        "direct_post.jwt" => posted().map(ResponseMode::DirectPostJwt),
        "dc_api" => origins().map(ResponseMode::DcApi),
        "dc_api.jwt" => origins().map(ResponseMode::DcApiJwt),
        _ => Err(VpError::MalformedRequest("response_mode")),
    }
}

fn transactions(members: &Map<String, Value>, query: &DcqlQuery) -> Result<Vec<TransactionData>, VpError> {
    let Some(list) = members.get("transaction_data") else { return Ok(Vec::new()) };
    let list = list.as_array().filter(|it| !it.is_empty() && it.len() <= TRANSACTIONS_MAX);
    let read = |it: &Value| {
        let transaction = TransactionData::read(it.as_str().ok_or(VpError::InvalidTransactionData)?)?;
        transaction.check(query).map(|()| transaction)
    };
    list.ok_or(VpError::InvalidTransactionData)?.iter().map(read).collect()
}

/// Of `verifier_info`, which others use for their own, the part that is ours.
fn registration(members: &Map<String, Value>) -> Option<(Did, String)> {
    let list = members.get("verifier_info")?.as_array()?;
    let data = list.iter().find(|it| it.get("format").is_some_and(|it| it == REGISTRATION))?.get("data")?;
    let did = data.get("did")?.as_str()?.parse().ok()?;
    Some((did, data.get("purpose")?.as_str()?.to_owned()))
}

fn time(members: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, VpError> {
    members.get(name).map(|it| it.as_u64().ok_or(VpError::MalformedRequest(name))).transpose()
}

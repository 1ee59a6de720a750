//! Requests through a browser's Digital Credentials API (appendix A), and `org-iso-mdoc` beside them (ISO/IEC TS 18013-7, annex C):
//! the browser says the origin, and the answer is for it alone.

use serde_json::{Value, json};

use super::authenticate::registered;
use super::{AuthenticRequestObject, ClientId, ClientMetadata, RequestObject, ResponseMode, Vocabulary, VpError};
use crate::credential::mdoc::dc_api::EncryptionInfo;
use crate::credential::mdoc::{DeviceRequest, Handover, ItemsRequest, SessionTranscript};
use crate::crypto::jose::{base64url, from_base64url};
use crate::exchange::dcql::{DcqlQuery, Meta, member_path};
use crate::ledger::state::TrustedState;

pub use crate::credential::mdoc::dc_api::PROTOCOL as ISO_MDOC;

/// A request that names nobody: only the browser's origin stands behind it.
pub const UNSIGNED: &str = "openid4vp-v1-unsigned";
/// A request object that its verifier signed.
pub const SIGNED: &str = "openid4vp-v1-signed";

/// What a holder's proof names as its audience.
#[must_use]
pub fn audience(origin: &str) -> String {
    format!("origin:{origin}")
}

/// Whether this is an origin as browsers write it: scheme, host and port, `https` or this machine, nothing after them.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-.:".contains(&it);
    super::client_id::host(text).is_some() && !authority.is_empty() && authority.bytes().all(plain)
}

/// What a reader of mobile documents asks: data for [`ISO_MDOC`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsoRequest {
    /// `DeviceRequest`, base64url.
    pub device_request: String,
    /// `EncryptionInfo`, base64url, whose text is part of the session.
    pub encryption_info: String,
}

impl IsoRequest {
    /// As the API carries it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "deviceRequest": self.device_request, "encryptionInfo": self.encryption_info })
    }

    /// Reads what the API carried.
    ///
    /// # Errors
    /// [`VpError::MalformedRequest`]
    pub fn from_json(value: &Value) -> Result<Self, VpError> {
        let text = |name: &'static str| {
            value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(VpError::MalformedRequest(name))
        };
        Ok(Self { device_request: text("deviceRequest")?, encryption_info: text("encryptionInfo")? })
    }

    /// The session with the page at `origin`.
    #[must_use]
    pub fn transcript(&self, origin: &str) -> SessionTranscript {
        SessionTranscript::new(&Handover::IsoDcApi { origin, encryption_info: &self.encryption_info })
    }

    /// Checks who asks, and whether they may: every document's request is signed for this session by one reader, whose
    /// certificates end at a root on the ledger (OVP-16; OVP-03, OVP-04 and OVP-06 as for others).
    ///
    /// # Errors
    /// [`VpError`]; asking for more than was registered is said by [`AuthenticRequestObject::within_registration`].
    pub fn authenticate(
        &self,
        origin: &str,
        trust: &TrustedState,
        vocabulary: &Vocabulary,
        now: u64,
    ) -> Result<(AuthenticRequestObject, EncryptionInfo), VpError> {
        let info = EncryptionInfo::from_text(&self.encryption_info)?;
        let bytes = from_base64url(&self.device_request).ok_or(VpError::MalformedRequest("deviceRequest"))?;
        let asked = DeviceRequest::from_slice(&bytes)?;
        let (transcript, roots) = (self.transcript(origin), trust.certificate_roots());
        let mut reader = None;
        for request in &asked.requests {
            let leaf = request.verify_reader(&transcript, &roots, now)?;
            let certificates = request.reader_certificates()?;
            let certificate = certificates.first().ok_or(VpError::KeyNotTrusted)?;
            let found = (leaf.root, ClientId::of_certificate(certificate));
            match &reader {
                None => reader = Some(found),
                Some(first) if *first == found => {}
                Some(_) => return Err(VpError::ClientIdMismatch),
            }
        }
        let (root, client_id) = reader.ok_or(VpError::MalformedRequest("docRequests"))?;
        let owner = trust.certificate_owners(root, now).next().ok_or(VpError::KeyNotTrusted)?.clone();
        let request = RequestObject {
            client_id,
            response: ResponseMode::DcApi(vec![origin.to_owned()]),
            nonce: base64url(&info.nonce),
            state: None,
            query: query(&asked)?,
            metadata: ClientMetadata::default(),
            transactions: Vec::new(),
            wallet_nonce: None,
            registration: None,
            issued_at: None,
            expires_at: None,
        };
        Ok((registered(request, owner, trust, vocabulary)?, info))
    }
}

/// The same question in DCQL: a credential query for each document, all of them needed, with all of their elements.
fn query(asked: &DeviceRequest) -> Result<DcqlQuery, VpError> {
    let credential = |(number, items): (usize, &ItemsRequest)| {
        let claim = |(namespace, name, keep): &(String, String, bool)| json!({ "path": [namespace, name], "intent_to_retain": keep });
        json!({
            "id": format!("document-{}", number + 1), "format": "mso_mdoc",
            "meta": { "doctype_value": items.doc_type }, "claims": items.elements.iter().map(claim).collect::<Vec<_>>(),
        })
    };
    let credentials: Vec<Value> = asked.requests.iter().map(|it| &it.items).enumerate().map(credential).collect();
    Ok(DcqlQuery::from_json(&json!({ "credentials": credentials }))?)
}

/// A question in DCQL as a reader asks it; none where ISO/IEC 18013-5 cannot say it: other formats, choices, values, authorities,
/// several documents of one type.
#[must_use]
pub fn items(query: &DcqlQuery) -> Option<Vec<ItemsRequest>> {
    let mut all: Vec<ItemsRequest> = Vec::new();
    for credential in &query.credentials {
        let Meta::MsoMdoc { doctype_value } = &credential.meta else { return None };
        let plain =
            !credential.multiple && credential.claim_sets.is_empty() && credential.trusted_authorities.is_empty();
        if !plain || credential.claims.is_empty() || all.iter().any(|it| it.doc_type == *doctype_value) {
            return None;
        }
        let mut elements = Vec::new();
        for claim in &credential.claims {
            let path = member_path(&claim.path)?;
            let [namespace, name] = path[..] else { return None };
            if !claim.values.is_empty() {
                return None;
            }
            elements.push((namespace.to_owned(), name.to_owned(), claim.intent_to_retain == Some(true)));
        }
        all.push(ItemsRequest { doc_type: doctype_value.clone(), elements });
    }
    query.credential_sets.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for origin in
            ["https://bank.example", "https://bank.example:8443", "http://localhost:3000", "http://127.0.0.1:80"]
        {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "bank.example",
            "https://bank.example/",
            "http://bank.example",
            "https://Bank.example",
            "https://a@b",
            "https://",
            "null",
            "origin:https://a",
        ] {
            assert!(!is_origin(other), "{other}");
        }
        assert_eq!(audience("https://bank.example"), "origin:https://bank.example");
    }

    #[test]
    fn only_what_a_reader_can_say_is_said() {
        let plain = json!({ "credentials": [{
            "id": "mdl", "format": "mso_mdoc", "meta": { "doctype_value": "org.iso.18013.5.1.mDL" },
            "claims": [{ "path": ["org.iso.18013.5.1", "family_name"], "intent_to_retain": true }],
        }] });
        let read = |value: &Value| items(&DcqlQuery::from_json(value).unwrap());
        let asked = read(&plain).unwrap();
        let element = ("org.iso.18013.5.1".to_owned(), "family_name".to_owned(), true);
        assert_eq!(asked, [ItemsRequest { doc_type: "org.iso.18013.5.1.mDL".into(), elements: vec![element] }]);
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut query = plain.clone();
            change(&mut query);
            query
        };
        for other in [
            changed(&|it| it["credentials"][0]["multiple"] = json!(true)),
            changed(&|it| it["credentials"][0]["claims"][0]["values"] = json!(["Hong"])),
            changed(&|it| drop(it["credentials"][0].as_object_mut().unwrap().remove("claims"))),
            changed(&|it| it["credential_sets"] = json!([{ "options": [["mdl"]] }])),
            changed(&|it| it["credentials"][0]["trusted_authorities"] = json!([{ "type": "aki", "values": ["AA"] }])),
            changed(&|it| {
                let mut second = it["credentials"][0].clone();
                second["id"] = json!("again");
                it["credentials"].as_array_mut().unwrap().push(second);
            }),
            json!({ "credentials": [{ "id": "l", "format": "dc+sd-jwt", "meta": { "vct_values": ["x"] } }] }),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }
}

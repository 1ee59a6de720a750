//! Credentials and presentations inside a JWS (VC-JOSE-COSE 1.0), as the suite of the data model sends them: its fixture has
//! the claims `vc` and `vp` of the time before the recommendation, which are taken as the content.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::credential::w3c::{CREDENTIALS_V2, read_json};
use protocol::crypto::multikey::{Multikey, StandardSigner};
use protocol::identifier::{Controllers as _, DidKeys, Purpose};
use serde_json::{Value, json};

use crate::handlers::Refusal;

/// A credential in its envelope.
pub(crate) fn sealed(credential: &Value, signer: &dyn StandardSigner, method: &str) -> Result<Value, Refusal> {
    let header = json!({ "alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": method });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(credential));
    let signature = signer.sign(signed.as_bytes()).map_err(|error| Refusal(error.to_string()))?;
    Ok(json!({
        "@context": [CREDENTIALS_V2],
        "type": "EnvelopedVerifiableCredential",
        "id": format!("data:application/vc+jwt,{signed}.{}", URL_SAFE_NO_PAD.encode(signature)),
    }))
}

/// Whether a document is an envelope of this type: its first context, its type and a `data:` URL.
pub(crate) fn is_envelope(document: &Value, kind: &str) -> bool {
    let context = &document["@context"];
    let first = context.as_str().or_else(|| context[0].as_str());
    let typed = document["type"] == kind || document["type"] == json!([kind]);
    // Anything beside the envelope would be signed by nobody.
    let bare = document.as_object().is_some_and(|members| members.len() == 3);
    bare && typed && first == Some(CREDENTIALS_V2) && document["id"].as_str().is_some_and(|id| id.starts_with("data:"))
}

/// What stands in an envelope whose signature holds, and all its claims; `claim` is its old place among them.
pub(crate) fn opened(document: &Value, claim: &str, purpose: Purpose) -> Result<(Value, Value), Refusal> {
    let refuse = |why: &str| Refusal(format!("the envelope {why}"));
    let (_, token) =
        document["id"].as_str().and_then(|id| id.split_once(',')).ok_or_else(|| refuse("is no data URL"))?;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return Err(refuse("holds no JWS")) };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| refuse("is not base64url"));
    let header = read_json(&decode(header)?)?;
    let method = header["kid"].as_str().ok_or_else(|| refuse("names no key"))?;
    let controller = method.split('#').next().unwrap_or_default();
    let key = DidKeys.document(controller).and_then(|found| found.key(method, purpose));
    let key = key.map_err(|error| Refusal(error.to_string()))?;
    let fits = match (header["alg"].as_str(), &key) {
        (Some("EdDSA" | "Ed25519"), Multikey::Ed25519(_)) | (Some("ES256"), Multikey::P256(_)) => {
            header.get("crit").is_none()
        }
        _ => false,
    };
    if !fits {
        return Err(refuse("has another algorithm than its key"));
    }
    let signed = &token[..token.len() - signature.len() - 1];
    key.verify(signed.as_bytes(), &decode(signature)?).map_err(|error| Refusal(error.to_string()))?;
    let mut claims = read_json(&decode(payload)?)?;
    match claims.get_mut(claim).map(Value::take) {
        Some(content) => Ok((content, claims)),
        None => Ok((claims.clone(), claims)),
    }
}

//! A status list in which nothing is withdrawn, for suites that look at its form (Bitstring Status List 1.0).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::credential::w3c::CREDENTIALS_V2;
use serde_json::{Value, json};

/// Entries of a list: the least that the standard allows.
const ENTRIES: usize = 131_072;

/// The entry of a credential.
pub(crate) fn entry(https: &str, index: u32) -> Value {
    let list = format!("https://{https}/status-lists/1");
    json!({
        "id": format!("{list}#{index}"),
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": index.to_string(),
        "statusListCredential": list,
    })
}

/// The list, unsigned.
pub(crate) fn list(https: &str, issuer: &str) -> Value {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; ENTRIES / 8]).expect("memory");
    let bits = packer.finish().expect("memory");
    let id = format!("https://{https}/status-lists/1");
    json!({
        "@context": [CREDENTIALS_V2],
        "id": id,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": "2025-01-01T00:00:00Z",
        "credentialSubject": {
            "id": format!("{id}#list"),
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": format!("u{}", URL_SAFE_NO_PAD.encode(bits)),
        },
    })
}

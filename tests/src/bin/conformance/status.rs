//! A status list in which nothing is withdrawn, for suites that look at its form (Bitstring Status List 1.0).

use protocol::credential::status::bitstring::{Bitstring, ENTRIES_MIN};
use protocol::credential::w3c::CREDENTIALS_V2;
use serde_json::{Value, json};

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
            "encodedList": Bitstring::new(ENTRIES_MIN).encode(),
        },
    })
}

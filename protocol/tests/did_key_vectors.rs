//! The published test vectors of did:key, from `$MID_VECTORS/did-key` or `../shared/vectors/did-key` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use protocol::crypto::keys::SignatureError;
use protocol::crypto::multikey::Multikey;
use protocol::identifier::{ControllerError, Controllers, DidKey, DidKeys, Purpose};
use serde_json::Value;

/// The key as the vectors write it: a JWK or base58 of the bare key.
fn stated(vector: &Value) -> Option<Vec<u8>> {
    let method = &vector["didDocument"]["verificationMethod"][0];
    if let Some(jwk) = method.get("publicKeyJwk") {
        return Multikey::from_jwk(jwk).ok().map(|key| key.to_multicodec()[2..].to_vec());
    }
    bs58::decode(method["publicKeyBase58"].as_str()?).into_vec().ok()
}

#[test]
fn published_identifiers_are_the_keys_they_state() {
    let Some(folder) = vectors::at("did-key") else { return };
    let (mut read, mut unknown) = (0, 0);
    for file in ["bls12381", "ed25519-x25519", "nist-curves", "rsa", "secp256k1"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
        let vectors: Value = serde_json::from_str(&text).unwrap();
        for (identifier, vector) in vectors.as_object().unwrap() {
            let bare = identifier.strip_prefix("did:key:").unwrap();
            // P-521, RSA, secp256k1, and the pair of BLS keys that no suite uses: kinds that are not read here.
            let unsupported = ["z2J9", "z4MX", "zgg", "zQ3s", "z5Tc"].iter().any(|start| bare.starts_with(start));
            if unsupported {
                assert_eq!(DidKey::parse(identifier), Err(ControllerError::InvalidKey));
                assert_eq!(Multikey::from_multibase(bare), Err(SignatureError::InvalidKey));
                unknown += 1;
                continue;
            }
            let key = DidKey::parse(identifier).unwrap_or_else(|error| panic!("{identifier}: {error}")).key();
            assert_eq!(Some(key.to_multicodec()[2..].to_vec()), stated(vector), "{identifier}");
            let method = vector["didDocument"]["verificationMethod"][0]["id"].as_str().unwrap();
            let document = DidKeys.document(identifier).unwrap();
            let method = if method.starts_with('#') { format!("{identifier}{method}") } else { method.to_owned() };
            assert_eq!(document.key(&method, Purpose::AssertionMethod), Ok(key), "{identifier}");
            read += 1;
        }
    }
    println!("{read} identifiers read, {unknown} of kinds that are not read");
    assert_eq!((read, unknown), (15, 11));
}

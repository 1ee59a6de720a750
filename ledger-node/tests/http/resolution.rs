//! W3C DID Resolution 1.0, HTTP binding: what `specs/did-mid.md` says, and what public suites ask.

use ledger_client::ClientError;
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{DidKey, DidRecord, Purposes, Record};
use serde_json::{Value, json};

use crate::world::{World, agency_did, agency_record_as_stored, now};

const RESULT: &str = "application/did-resolution";
const DEREFERENCED: &str = "application/did-url-dereferencing";

fn get(world: &World, path: &str, accept: &str) -> (u16, String, Value) {
    let (status, head, body) = world.get(&format!("/1.0/identifiers/{path}"), accept);
    (status, head, serde_json::from_str(&body).unwrap())
}

fn error(body: &Value, metadata: &str) -> String {
    body[metadata]["error"]["type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned()
}

#[test]
fn didm_06_dids_resolve_with_their_media_types() {
    let world = World::new();
    world.set_up();
    let did = agency_did();
    for path in [did.to_string(), did.as_str().replace(':', "%3A")] {
        for accept in [RESULT, "*/*", "application/json, application/ld+json, */*"] {
            let (status, head, body) = get(&world, &path, accept);
            assert_eq!(status, 200, "{body}");
            assert!(head.contains("content-type: application/did-resolution"), "{head}");
            assert_eq!(body["didDocument"]["id"], did.as_str());
            assert_eq!(body["didResolutionMetadata"]["contentType"], RESULT);
            assert_eq!(body["didResolutionMetadata"]["ledger"]["stale"], false);
            assert_eq!(body["didDocument"]["assertionMethod"][0], format!("{did}#key-1"));
            assert_eq!(body["didDocumentMetadata"]["versionId"], "1");
            assert!(body["didDocumentMetadata"]["created"].as_str().unwrap().ends_with('Z'));
            assert!(body["didDocumentMetadata"].get("updated").is_none());
        }
    }
    for accept in ["application/did", "application/did+json", "application/did+ld+json"] {
        let (status, head, body) = get(&world, did.as_str(), accept);
        assert_eq!(status, 200);
        assert!(head.contains(&format!("content-type: {accept}\r\n")) && head.contains("vary: accept"), "{head}");
        assert_eq!(body["id"], did.as_str());
    }
    let (status, _, body) = get(&world, did.as_str(), "text/html");
    assert_eq!((status, error(&body, "didResolutionMetadata").as_str()), (406, "REPRESENTATION_NOT_SUPPORTED"));
}

#[test]
fn didm_07_every_error_has_its_type_and_status() {
    let world = World::new();
    world.set_up();
    let did = agency_did();
    for (path, status, kind) in [
        ("not-a-did".to_owned(), 400, "INVALID_DID"),
        ("did:example".into(), 400, "INVALID_DID"),
        (String::new(), 400, "INVALID_DID"),
        ("..%2f..%2fetc%2fpasswd".into(), 400, "INVALID_DID"),
        ("did:mid:KR:x%23key-1".into(), 400, "INVALID_DID_URL"),
        (format!("{did}?versionId=first"), 400, "INVALID_OPTIONS"),
        (format!("{did}?versionTime=2026-05-04"), 400, "INVALID_OPTIONS"),
        (format!("{did}?versionId=9"), 404, "NOT_FOUND"),
        (format!("{did}?versionTime=2020-01-01T00:00:00Z"), 404, "NOT_FOUND"),
        (Did::derive("kr", b"x").unwrap().to_string(), 404, "NOT_FOUND"),
        ("did:web:example.com".into(), 501, "METHOD_NOT_SUPPORTED"),
        ("did:unsupported:123456789abcdefghi".into(), 501, "METHOD_NOT_SUPPORTED"),
        (format!("{did}?hl=zQmWvQxTqbG2Z9HPJgG57jjwR154cKhbtJenbyYTWkjgF3e"), 501, "FEATURE_NOT_SUPPORTED"),
    ] {
        let (got, _, body) = get(&world, &path, RESULT);
        assert_eq!((got, error(&body, "didResolutionMetadata").as_str()), (status, kind), "{path}");
        assert_eq!(body["didResolutionMetadata"]["error"]["status"], status);
        assert!(body["didDocument"].is_null() && body["didDocumentMetadata"] == json!({}), "{path}");
        let (got, head, body) = get(&world, &path, DEREFERENCED);
        assert_eq!(got, status, "{path}");
        if !path.is_empty() {
            assert!(head.contains("content-type: application/did-url-dereferencing"), "{head}");
            let other = kind.replace("INVALID_DID_URL", "INVALID_DID");
            assert_eq!(
                error(&body, "dereferencingMetadata").replace("INVALID_DID_URL", "INVALID_DID"),
                other,
                "{path}"
            );
            assert!(body["contentStream"].is_null() && body["contentMetadata"] == json!({}), "{path}");
        }
    }
}

#[test]
fn didm_08_did_urls_lead_to_keys_versions_and_services() {
    let world = World::new();
    world.set_up();
    let did = agency_did();
    let (status, head, body) = get(&world, &format!("{did}%23key-1"), DEREFERENCED);
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("content-type: application/did-url-dereferencing"), "{head}");
    assert_eq!(body["dereferencingMetadata"]["contentType"], DEREFERENCED);
    assert_eq!(body["contentStream"]["id"], format!("{did}#key-1"));
    assert_eq!(body["contentStream"]["type"], "Multikey");
    assert_eq!(body["contentMetadata"], json!({}));
    // The same without asking for a form, and the key alone.
    assert_eq!(get(&world, &format!("{did}%23key-1"), "*/*").2, body);
    let (_, head, alone) = get(&world, &format!("{did}%23key-1"), "application/did");
    assert!(head.contains("content-type: application/did\r\n"));
    assert_eq!(alone, body["contentStream"]);
    // The whole document, with its metadata.
    let (_, _, whole) = get(&world, did.as_str(), DEREFERENCED);
    assert_eq!(whole["contentStream"]["id"], did.as_str());
    assert_eq!(whole["contentMetadata"]["versionId"], "1");

    for (path, status, kind) in [
        (format!("{did}%23key-2"), 404, "NOT_FOUND"),
        (format!("{did}/whois"), 404, "NOT_FOUND"),
        (format!("{did}%23key-1?verificationRelationship=authentication"), 200, ""),
        (
            format!("{did}%23key-1?verificationRelationship=keyAgreement"),
            500,
            "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
        ),
        (
            format!("{did}%23key-1?verificationRelationship=verificationMethod"),
            500,
            "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
        ),
        (format!("{did}?verificationRelationship=authentication"), 500, "INVALID_VERIFICATION_METHOD"),
        (format!("{did}?service=files&relativeRef=%2Fresume.pdf"), 200, ""),
    ] {
        let (got, _, body) = get(&world, &path, DEREFERENCED);
        assert_eq!((got, error(&body, "dereferencingMetadata").as_str()), (status, kind), "{path}");
    }
    // No service in a did:mid document: no address to be sent to.
    assert_eq!(get(&world, &format!("{did}?service=files"), "text/uri-list").0, 404);
    assert_eq!(get(&world, did.as_str(), "text/uri-list").0, 406);
}

#[test]
fn didm_09_earlier_versions_stay_resolvable_until_the_did_is_given_up() {
    let world = World::new();
    world.set_up();
    let did = agency_did();
    let mut record = agency_record_as_stored(&world);
    let second = Ed25519SigningKey::from_seed(&[22; 32]).public_key();
    let purposes = Purposes::ASSERTION;
    record.keys.push(DidKey { fragment: "key-2".into(), key: second, purposes, from: now() - 5, until: None });
    // Version times are whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let between = now() - 1;
    world.client().submit(&world.act(vec![Record::Did(record.clone())])).unwrap();

    let keys = |body: &Value| body["didDocument"]["verificationMethod"].as_array().unwrap().len();
    let (_, _, latest) = get(&world, did.as_str(), RESULT);
    assert_eq!((keys(&latest), &latest["didDocumentMetadata"]["versionId"]), (2, &json!("2")));
    assert!(latest["didDocumentMetadata"]["updated"].is_string());
    assert_ne!(latest["didDocumentMetadata"]["updated"], latest["didDocumentMetadata"]["created"]);
    let time = rfc3339(between);
    for path in [
        format!("{did}?versionId=1"),
        format!("{}%3FversionId%3D1", did.as_str().replace(':', "%3A")),
        format!("{did}?versionTime={time}"),
    ] {
        let (status, _, first) = get(&world, &path, RESULT);
        assert_eq!((status, keys(&first)), (200, 1), "{path}");
        assert_eq!(first["didDocumentMetadata"]["versionId"], "1");
        assert_eq!(first["didDocumentMetadata"]["nextVersionId"], "2");
        assert_eq!(first["didDocumentMetadata"]["nextUpdate"], latest["didDocumentMetadata"]["updated"]);
    }
    let (status, _, body) = get(&world, &format!("{did}?versionId=1%23key-2"), DEREFERENCED);
    assert_eq!(
        (status, error(&body, "dereferencingMetadata").as_str()),
        (400, "INVALID_OPTIONS"),
        "a `#` within a value"
    );
    assert_eq!(get(&world, &format!("{did}%23key-2?versionId=1"), DEREFERENCED).0, 404);
    assert_eq!(get(&world, &format!("{did}%23key-2?versionId=2"), DEREFERENCED).0, 200);

    let gone = DidRecord { deactivated: true, ..record };
    world.client().submit(&world.act(vec![Record::Did(gone)])).unwrap();
    for (accept, metadata) in
        [(RESULT, "didDocumentMetadata"), (DEREFERENCED, "contentMetadata"), ("application/did", "didDocumentMetadata")]
    {
        for path in [did.to_string(), format!("{did}?versionId=1"), format!("{did}%23key-1")] {
            let (status, _, body) = get(&world, &path, accept);
            assert_eq!((status, &body[metadata]["deactivated"]), (410, &json!(true)), "{path}");
            assert!(body["didDocument"].is_null() && body["contentStream"].is_null());
        }
    }
    assert_eq!(world.client().resolve(&did), Err(ClientError::Deactivated));
}

/// A time in UTC with whole seconds.
fn rfc3339(seconds: u64) -> String {
    let day = protocol::credential::Day::from_number(u32::try_from(seconds / 86_400).unwrap() + 25_567).unwrap();
    let rest = seconds % 86_400;
    format!("{day}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

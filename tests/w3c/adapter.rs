//! The conformance adapter over HTTP and HTTPS, called as suites call it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::peer::Peer;

struct Adapter {
    process: Child,
    https: String,
    http: String,
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Adapter {
    fn start() -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let (https, http) = (free(), free());
        let process = Command::new(env!("CARGO_BIN_EXE_conformance"))
            .args(["--https", &https, "--http", &http, "--now", "1748736000"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let adapter = Self { process, https, http };
        for _ in 0..600 {
            if std::net::TcpStream::connect(&adapter.http).is_ok() {
                return adapter;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("the adapter does not answer");
    }

    fn post(&self, peer: &mut Peer, path: &str, body: &Value) -> (u64, Value) {
        let url = format!("https://{}/{path}", self.https);
        let answer = peer.call(&json!({ "do": "call", "url": url, "method": "POST", "body": body })).unwrap();
        (answer["status"].as_u64().unwrap(), answer["body"].clone())
    }
}

fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential", "AlumniCredential"],
        "credentialSubject": { "id": "did:example:subject", "alumniOf": "한국대학교" }
    })
}

#[test]
fn suites_issue_derive_and_verify() {
    let (adapter, mut peer) = (Adapter::start(), Peer::start());
    let list = peer
        .call(&json!({ "do": "call", "url": format!("http://{}/issuers.json", adapter.http), "method": "GET" }))
        .unwrap();
    let issuers = list["body"]["issuers"].as_array().unwrap().clone();
    assert_eq!(issuers.len(), 10);
    let mut checked = 0;
    for issuer in &issuers {
        let endpoint = issuer["endpoint"].as_str().unwrap();
        let path = endpoint.strip_prefix(&format!("https://{}/", adapter.https)).unwrap();
        for old in [false, true] {
            let mut document = credential();
            document["issuer"] = issuer["id"].clone();
            if old {
                document["@context"] =
                    json!(["https://www.w3.org/2018/credentials/v1", { "alumniOf": "x:a", "AlumniCredential": "x:A" }]);
                document["issuanceDate"] = "2025-01-01T00:00:00Z".into();
                if path.starts_with("status") {
                    continue;
                }
            }
            let (status, body) =
                adapter.post(&mut peer, path, &json!({ "credential": document, "options": { "checks": [] } }));
            assert_eq!(status, 201, "{path}: {body}");
            let mut signed = body["verifiableCredential"].clone();
            if issuer.get("derive").is_some() {
                let derive =
                    issuer["derive"].as_str().unwrap().strip_prefix(&format!("https://{}/", adapter.https)).unwrap();
                let (status, _) =
                    adapter.post(&mut peer, "credentials/verify", &json!({ "verifiableCredential": signed }));
                assert_eq!(status, 400, "{path}: a base proof is not for verifiers");
                let options = json!({ "selectivePointers": ["/credentialSubject"] });
                let (status, body) =
                    adapter.post(&mut peer, derive, &json!({ "verifiableCredential": signed, "options": options }));
                assert_eq!(status, 201, "{path}: {body}");
                signed = body["verifiableCredential"].clone();
            }
            let (status, body) = adapter.post(
                &mut peer,
                "credentials/verify",
                &json!({ "verifiableCredential": signed, "options": {} }),
            );
            assert_eq!((status, &body["errors"]), (200, &json!([])), "{path}: {body}");
            signed["credentialSubject"]["alumniOf"] = "other".into();
            let (status, _) = adapter.post(&mut peer, "credentials/verify", &json!({ "verifiableCredential": signed }));
            assert_eq!(status, 400, "{path}");
            checked += 1;
        }
        for bad in [
            json!({}),
            json!({ "credential": null }),
            json!({ "credential": "x" }),
            json!({ "credential": { "type": [] } }),
        ] {
            assert_eq!(adapter.post(&mut peer, path, &bad).0, 400, "{path}: {bad}");
        }
    }
    for bad in [json!({}), json!({ "verifiableCredential": null }), json!({ "verifiableCredential": "{}" }), json!([])]
    {
        assert_eq!(adapter.post(&mut peer, "credentials/verify", &bad).0, 400, "{bad}");
        assert_eq!(adapter.post(&mut peer, "presentations/verify", &bad).0, 400, "{bad}");
    }
    let status = json!({ "do": "call", "url": format!("https://{}/status-lists/1", adapter.https), "method": "GET" });
    let status = peer.call(&status).unwrap();
    assert_eq!(status["status"], 200);
    let (code, body) =
        adapter.post(&mut peer, "credentials/verify", &json!({ "verifiableCredential": status["body"] }));
    assert_eq!(code, 200, "{body}");
    println!("{checked} credentials issued and verified by the adapter");
}

/// What the DID resolution suite asks, for each method; the DIDs are those that the adapter names at start.
#[test]
fn dids_are_resolved() {
    let (adapter, mut peer) = (Adapter::start(), Peer::start());
    let mut get = |path: &str, accept: &str| {
        let url = format!("http://{}/{path}", adapter.http);
        peer.call(&json!({ "do": "call", "url": url, "method": "GET", "accept": accept })).unwrap()
    };
    let resolver = get("issuers.json", "*/*")["body"]["didResolvers"][0].clone();
    let dids = &resolver["supportedDids"];
    let path = |did: &Value| format!("1.0/identifiers/{}", did.as_str().unwrap());
    assert_eq!(dids["valid"].as_array().unwrap().len(), 3);
    for valid in dids["valid"].as_array().unwrap() {
        let did = &valid["did"];
        for spelled in [path(did), path(&did.as_str().unwrap().replace(':', "%3A").into())] {
            let result = get(&spelled, "application/did-resolution");
            assert_eq!((&result["status"], &result["type"]), (&json!(200), &json!("application/did-resolution")));
            assert_eq!(&result["body"]["didDocument"]["id"], did);
        }
        assert_eq!(&get(&path(did), "application/did+ld+json")["body"]["id"], did);
        assert_eq!(get(&path(did), "application/x-unheard-of")["status"], 406);
        let whole = get(&path(did), "application/did-url-dereferencing");
        assert_eq!(&whole["body"]["contentStream"]["id"], did);
    }
    let part = &dids["derefUrls"][0]["didUrl"];
    let content = get(&path(&part.as_str().unwrap().replace('#', "%23").into()), "application/did-url-dereferencing");
    assert_eq!((&content["body"]["contentStream"]["id"], &content["status"]), (part, &json!(200)));
    let (not_found, deactivated) = (dids["notFound"].as_str().unwrap(), dids["deactivated"].as_str().unwrap());
    let gone = get(&path(&deactivated.into()), "application/did-resolution");
    assert_eq!((&gone["status"], &gone["body"]["didDocumentMetadata"]["deactivated"]), (&json!(410), &json!(true)));
    for (bad, status, kind) in [
        ("not-a-did", 400, "INVALID_DID"),
        ("did:example", 400, "INVALID_DID"),
        ("did:key:z6Mk", 400, "INVALID_DID"),
        ("did:jwk:e30", 400, "INVALID_DID"),
        ("did:mid:kr:x", 400, "INVALID_DID"),
        ("did:abc:x", 501, "METHOD_NOT_SUPPORTED"),
        (not_found, 404, "NOT_FOUND"),
    ] {
        let refused = get(&path(&bad.into()), "application/did-resolution");
        assert_eq!(refused["status"], status, "{bad}");
        let error = refused["body"]["didResolutionMetadata"]["error"]["type"].as_str().unwrap();
        assert!(error.ends_with(&format!("#{kind}")), "{bad}: {error}");
    }
}

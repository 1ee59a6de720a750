//! Wallets and verifiers that others wrote, over HTTP where there is any.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use base64::Engine as _;
use openid::javascript;
use presenting::calls::{call, create};
use presenting::{DOCTYPE, HOLDER, HOST, Issued, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::dc_api::EncryptionInfo;
use protocol::credential::mdoc::{
    DeviceRequest, DeviceResponse, Document, IssuerSigned, ItemsRequest, Proof, SessionTranscript,
};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{EncryptionKey, Jwk, base64url, from_base64url, key_set};
use protocol::crypto::multikey::StandardSigner as _;
use protocol::exchange::openid4vp::dc_api::IsoRequest;
use protocol::exchange::openid4vp::{Expected, Vocabulary};
use serde_json::{Value, json};
use wallet_core::Decision;
use wallet_core::openid4vp::{Foreign, read_reader_request, read_request};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The private key as JSON, for the packages.
fn secret(seed: u8) -> Value {
    let mut jwk = Jwk::from(key(seed).multikey()).to_json();
    jwk["d"] = base64url(&[seed; 32]).into();
    jwk
}

/// The shop's service on a port of this machine.
async fn serve(world: &World) -> (Router, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.service(&format!("http://{address}"), now).router();
    let served = router.clone();
    tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
    (router, address)
}

/// A job for Credo with everything that the holder has.
fn holds(world: &World, issued: &Issued, link: &Value) -> Value {
    json!({
        "job": "credo-answer", "link": link, "roots": [base64(&world.issuer_root()), base64(&world.shop_root())],
        "key": secret(HOLDER), "sdJwt": issued.sd_jwt, "mdoc": base64url(&issued.mdoc), "docType": DOCTYPE,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credo_answers_our_verifier_in_both_formats() {
    let world = World::at(now());
    let (router, _) = serve(&world).await;
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let mut both = sd_jwt_query(&[&["family_name"]]);
    let mdoc = mdoc_query(&["family_name", "age_over_19"]);
    both["credentials"].as_array_mut().unwrap().push(mdoc["credentials"][0].clone());
    let mut chosen = sd_jwt_query(&[&["address", "region"], &["classes"], &["address", "country"]]);
    let mut claims = chosen["credentials"][0]["claims"].clone();
    for (claim, id) in claims.as_array_mut().unwrap().iter_mut().zip(["a", "b", "c"]) {
        claim["id"] = id.into();
    }
    chosen["credentials"][0]["claims"] = claims;
    chosen["credentials"][0]["claim_sets"] = json!([["c"], ["a"]]);
    let transaction = json!([{ "credential_ids": ["licence"], "text_ko": "이체", "text_en": "Transfer" }]);
    let licence = sd_jwt_query(&[&["family_name"], &["address", "region"]]);
    let mut not_held = licence.clone();
    not_held["credentials"][0]["claims"][0]["values"] = json!(["김"]);
    // What is asked, how, whether a transaction is agreed to, and how many credentials come.
    let cases = [
        (&licence, json!({}), false, Some(1)),
        (&licence, json!({ "response_mode": "direct_post", "request_uri_method": "get" }), false, Some(1)),
        (&licence, json!({ "transactions": transaction }), true, Some(1)),
        (&mdoc, json!({}), false, Some(1)),
        (&mdoc, json!({ "response_mode": "direct_post" }), false, Some(1)),
        (&both, json!({ "redirect_uri": "https://shop.example/done" }), false, Some(2)),
        (&chosen, json!({}), false, Some(1)),
        (&not_held, json!({}), false, None),
    ];
    let (mut jobs, mut asked) = (Vec::new(), Vec::new());
    for (query, more, agreed, _) in &cases {
        let created = create(&router, query, more).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let created = created.json();
        let mut job = holds(&world, &issued, &created["link"]);
        if *agreed {
            job["transaction"] = "licence".into();
        }
        jobs.push(job);
        asked.push(created);
    }
    let answers = tokio::task::spawn_blocking(move || javascript(&jobs)).await.unwrap();
    for (((query, more, agreed, count), created), answer) in cases.iter().zip(&asked).zip(answers) {
        let answer = answer.unwrap_or_else(|error| panic!("{more}: {error}"));
        let Some(count) = count else {
            assert_eq!(answer, json!({ "held": false }), "values decide");
            continue;
        };
        assert_eq!((&answer["status"], &answer["signed"]), (&json!(200), &json!(true)), "{answer}");
        assert_eq!(answer["encrypted"], more["response_mode"] != "direct_post", "{answer}");
        let path = format!("/openid4vp/requests/{}/verdict", created["id"].as_str().unwrap());
        let back = answer["body"]["redirect_uri"].as_str();
        assert_eq!(back.is_some(), more.get("redirect_uri").is_some());
        let code = back.map_or(Value::Null, |it| json!({ "response_code": it.rsplit_once('=').unwrap().1 }));
        let verdict = call(&router, &path, &code).await.json();
        assert_eq!(verdict["accepted"], true, "{verdict}");
        let credentials = verdict["verdict"]["credentials"].as_array().unwrap();
        assert_eq!((credentials.len(), credentials[0]["issuer"].as_str()), (*count, Some(world.issuer.as_str())));
        let asked: usize =
            query["credentials"].as_array().unwrap().iter().map(|it| it["claims"].as_array().unwrap().len()).sum();
        let shown: usize = credentials.iter().map(|it| it["claims"].as_array().unwrap().len()).sum();
        if query["credentials"][0].get("claim_sets").is_some() {
            assert_eq!(
                credentials[0]["claims"],
                json!([{ "path": "/address/region", "value": "서울" }]),
                "the second set"
            );
        } else {
            assert_eq!(shown, asked, "{verdict}");
        }
        assert_eq!(verdict["verdict"]["transactions"].as_array().unwrap().len(), usize::from(*agreed));
    }
}

/// A request of `@openid4vc/openid4vp`: our wallet authenticates it, answers, and the answer passes there.
#[test]
fn our_wallet_answers_a_foreign_verifier() {
    let world = World::at(now());
    let decryption = AgreementKey::from_seed(&[21; 32]).unwrap();
    let encryption = EncryptionKey { key: decryption.public().unwrap(), id: Some("enc-1".into()) };
    let mut private = encryption.to_json();
    private["d"] = base64url(&[21; 32]).into();
    let mut query = sd_jwt_query(&[&["family_name"], &["address", "region"]]);
    query["credentials"].as_array_mut().unwrap().push(mdoc_query(&["age_over_19"])["credentials"][0].clone());
    let response_uri = format!("https://{HOST}/answer");
    let payload = json!({
        "response_type": "vp_token", "client_id": format!("x509_san_dns:{HOST}"), "response_mode": "direct_post.jwt",
        "response_uri": response_uri, "nonce": "n-0S6_WzA2MjabcdefghijK", "state": "af0ifjsldkj", "dcql_query": query,
        "client_metadata": {
            "jwks": key_set(&[encryption]),
            "encrypted_response_enc_values_supported": ["A256GCM"],
            "vp_formats_supported": { "dc+sd-jwt": { "sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"] }, "mso_mdoc": {} },
        },
    });
    let asked = javascript(&[json!({
        "job": "verifier-ask", "payload": payload, "x5c": [base64(&world.shop_certificate())], "signer": secret(13),
        "requestUri": format!("https://{HOST}/request"), "issuedAt": world.now,
    })]);
    let asked = asked[0].as_ref().unwrap();
    let object = asked["object"].as_str().unwrap();
    let issued = world.issue_unlisted(key(HOLDER).multikey());
    let holder = key(HOLDER);
    let held = [
        Foreign::sd_jwt(&issued.sd_jwt, &issued.verified, &holder).unwrap(),
        Foreign::mdoc(&issued.mdoc, DOCTYPE, &holder).unwrap(),
    ];
    let client_id = format!("x509_san_dns:{HOST}");
    let expected = Expected { client_id: Some(&client_id), wallet_nonce: None, origin: None };
    let sheet = read_request(object, &expected, &held, &world.trust, &Vocabulary::default(), world.now).unwrap();
    assert_eq!((sheet.name.en.as_str(), sheet.over_ask.as_ref()), ("Shop", None));
    let sent = sheet.answer(Decision::Approve, &sheet.usual(), &held, world.now, &mut tests::rng("foreign")).unwrap();
    assert_eq!(sent.uri.as_deref(), Some(response_uri.as_str()));
    let open = |form: &str, nonce: &str| {
        let mut payload = payload.clone();
        payload["nonce"] = nonce.into();
        json!({
            "job": "verifier-open", "payload": payload, "form": form, "decryption": private,
            "roots": [base64(&world.issuer_root())], "responseUri": response_uri,
        })
    };
    let answers =
        javascript(&[open(&sent.body, "n-0S6_WzA2MjabcdefghijK"), open(&sent.body, "another-nonce-abcdefghijK")]);
    let opened = answers[0].as_ref().unwrap();
    assert_eq!(opened["encrypted"], true);
    let claims = &opened["claims"]["licence"];
    assert_eq!((&claims["family_name"], &claims["address"]), (&json!("홍"), &json!({ "region": "서울" })));
    assert_eq!(claims.get("birthdate"), None);
    assert_eq!(opened["claims"]["mdl"][presenting::NAMESPACE], json!({ "age_over_19": true }));
    assert!(answers[1].is_err(), "for another nonce: {:?}", answers[1]);
}

/// The same through a browser: what our service gives a page, signed by it or by nobody, is answered by Credo for the page's
/// origin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credo_answers_a_page_signed_and_unsigned() {
    let world = World::at(now());
    let router = world.service("https://verifier.example", now).router();
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let page = "https://bank.example";
    let (mut jobs, mut asked) = (Vec::new(), Vec::new());
    for query in [sd_jwt_query(&[&["family_name"]]), mdoc_query(&["family_name", "age_over_19"])] {
        for protocol in ["openid4vp-v1-signed", "openid4vp-v1-unsigned"] {
            for mode in ["dc_api.jwt", "dc_api"] {
                let body = json!({
                    "purpose": "rental", "origins": [page], "dcql_query": query, "protocols": [protocol],
                    "response_mode": mode,
                });
                let created = call(&router, "/openid4vp/dc-api", &body).await;
                assert_eq!(created.status, 201, "{}", created.json());
                let created = created.json();
                let mut job = holds(&world, &issued, &Value::Null);
                job["job"] = "credo-answer-page".into();
                job["origin"] = page.into();
                job["request"] = created["pages"][0]["digital"]["requests"][0]["data"].clone();
                jobs.push(job);
                asked.push((protocol, mode, created));
            }
        }
    }
    let answers = tokio::task::spawn_blocking(move || javascript(&jobs)).await.unwrap();
    for ((protocol, mode, created), answer) in asked.iter().zip(answers) {
        let answer = answer.unwrap_or_else(|error| panic!("{protocol} {mode}: {error}"));
        assert_eq!(answer["signed"], *protocol == "openid4vp-v1-signed", "{answer}");
        assert_eq!(answer["data"].get("response").is_some(), *mode == "dc_api.jwt", "{answer}");
        let id = created["id"].as_str().unwrap();
        let handed = json!({ "origin": page, "protocol": protocol, "data": answer["data"] });
        let taken = call(&router, &format!("/openid4vp/dc-api/{id}"), &handed).await;
        assert_eq!(taken.status, 204, "{protocol} {mode}: {}", taken.json());
        let read = call(&router, &format!("/openid4vp/requests/{id}/verdict"), &Value::Null).await.json();
        assert_eq!(read["verdict"]["credentials"][0]["issuer"], world.issuer.as_str(), "{read}");
    }
}

/// `org-iso-mdoc` against Python's `cryptography`: it opens what our wallet answers, and our service opens what it seals.
#[tokio::test]
async fn python_reads_and_writes_org_iso_mdoc() {
    let world = World::at(now());
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let (page, holder) = ("https://bank.example", key(HOLDER));
    let python = |jobs: &[Value]| {
        let input: String = jobs.iter().map(|job| format!("{job}\n")).collect();
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("browser.py");
        let lines = tests::python::lines(&script, input.as_bytes());
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    // A reader in Python: our wallet answers the shop's request, to a key of Python's.
    let reader_key = AgreementKey::from_seed(&[21; 32]).unwrap();
    let info = EncryptionInfo { nonce: vec![9; 16], key: reader_key.public().unwrap() };
    let mut iso = IsoRequest { device_request: String::new(), encryption_info: info.to_text().unwrap() };
    let elements = ["family_name", "age_over_19"].map(|it| (presenting::NAMESPACE.to_owned(), it.to_owned(), false));
    let items = [ItemsRequest { doc_type: DOCTYPE.into(), elements: elements.to_vec() }];
    let chain = [world.shop_certificate()];
    let request = DeviceRequest::make(&items, &iso.transcript(page), Some((&chain, &key(13)))).unwrap();
    iso.device_request = base64url(&request);
    let held = [Foreign::mdoc(&issued.mdoc, DOCTYPE, &holder).unwrap()];
    let sheet = read_reader_request(&iso, page, &held, &world.trust, &Vocabulary::default(), world.now).unwrap();
    let rng = &mut tests::rng("python");
    let sent = sheet.answer(Decision::Approve, &sheet.usual(), &held, world.now, rng).unwrap();
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    let job = |origin: &str, seed: &str| {
        json!({
            "job": "open", "response": sent["response"], "encryptionInfo": iso.encryption_info, "origin": origin,
            "key": seed.repeat(32),
        })
    };
    let opened = python(&[job(page, "15"), job("https://evil.example", "15"), job(page, "16")]);
    assert_eq!(opened[0], json!({ "status": 0, "shown": { "family_name": "Hong", "age_over_19": true } }));
    assert!(opened[1].get("error").is_some() && opened[2].get("error").is_some(), "{opened:?}");

    // A device in Python: the session is Python's, and so is what our service opens.
    let router = world.service("https://verifier.example", now).router();
    let body = json!({
        "purpose": "rental", "origins": [page], "dcql_query": mdoc_query(&["age_over_19"]), "protocols": ["org-iso-mdoc"],
    });
    let created = call(&router, "/openid4vp/dc-api", &body).await.json();
    let data = &created["pages"][0]["digital"]["requests"][0]["data"];
    let session = python(&[json!({ "job": "transcript", "encryptionInfo": data["encryptionInfo"], "origin": page })]);
    let session = SessionTranscript::from_bytes(&from_base64url(session[0]["transcript"].as_str().unwrap()).unwrap());
    let signed = IssuerSigned::from_slice(&issued.mdoc).unwrap();
    let shown = [(presenting::NAMESPACE, "age_over_19")];
    let document = Document::present(&signed, DOCTYPE, &shown, &session, &Proof::Signature(&holder)).unwrap();
    let response = base64url(&DeviceResponse { documents: vec![document] }.to_vec());
    let seal = json!({
        "job": "seal", "encryptionInfo": data["encryptionInfo"], "origin": page, "deviceResponse": response,
    });
    let id = created["id"].as_str().unwrap();
    let handed = json!({ "origin": page, "protocol": "org-iso-mdoc", "data": python(&[seal])[0] });
    let taken = call(&router, &format!("/openid4vp/dc-api/{id}"), &handed).await;
    assert_eq!(taken.status, 204, "{}", taken.json());
    let read = call(&router, &format!("/openid4vp/requests/{id}/verdict"), &Value::Null).await.json();
    assert_eq!(read["verdict"]["credentials"][0]["claims"][0]["value"], true, "{read}");
}

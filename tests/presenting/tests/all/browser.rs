//! A page asks through a browser's Digital Credentials API: the service, our wallet, and origins that are not the page's.

use axum::Router;
use presenting::calls::{Answer, call};
use presenting::{DOCTYPE, HOLDER, Issued, NAMESPACE, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::dc_api::{EncryptionInfo, seal};
use protocol::credential::mdoc::{
    DeviceRequest, DeviceResponse, Document, IssuerSigned, ItemsRequest, MdocError, Proof,
};
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::crypto::multikey::StandardSigner as _;
use protocol::exchange::dcql::DcqlError;
use protocol::exchange::openid4vp::dc_api::{ISO_MDOC, IsoRequest, SIGNED, UNSIGNED};
use protocol::exchange::openid4vp::{Expected, Vocabulary, VpError};
use serde_json::{Value, json};
use wallet_core::Decision;
use wallet_core::openid4vp::{Came, Foreign, OpenIdError, Sheet, read_reader_request, read_request};

use crate::service::{BASE, NOW, state, verdict};

const PAGE: &str = "https://bank.example";
const OTHER: &str = "https://evil.example";

async fn ask(router: &Router, query: &Value, more: &Value) -> Answer {
    let mut body = json!({ "purpose": "rental", "origins": [PAGE], "dcql_query": query });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    call(router, "/openid4vp/dc-api", &body).await
}

async fn hand_in(router: &Router, created: &Value, origin: &str, protocol: &str, data: &Value) -> Answer {
    let path = format!("/openid4vp/dc-api/{}", created["id"].as_str().unwrap());
    call(router, &path, &json!({ "origin": origin, "protocol": protocol, "data": data })).await
}

/// What the page at `PAGE` asks by this protocol.
fn asked(created: &Value, protocol: &str) -> Value {
    let requests = created["pages"][0]["digital"]["requests"].as_array().unwrap();
    requests.iter().find(|it| it["protocol"] == protocol).unwrap()["data"].clone()
}

struct Owner<'a> {
    world: &'a World,
    issued: Issued,
}

impl<'a> Owner<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, issued: world.issue(key(HOLDER).multikey(), 1) }
    }

    fn with<T>(&self, work: impl FnOnce(&[Foreign<'_>]) -> T) -> T {
        let holder = key(HOLDER);
        work(&[
            Foreign::sd_jwt(&self.issued.sd_jwt, &self.issued.verified, &holder).unwrap(),
            Foreign::mdoc(&self.issued.mdoc, DOCTYPE, &holder).unwrap(),
        ])
    }

    /// What the wallet reads of it in a browser that says `origin`.
    fn read(&self, origin: &str, protocol: &str, data: &Value, held: &[Foreign<'_>]) -> Result<Sheet, OpenIdError> {
        let (came, text) = Came::through_browser(origin, protocol, data)?;
        let (trust, vocabulary) = (&self.world.trust, &Vocabulary::default());
        match came.encryption_info {
            Some(encryption_info) => {
                let iso = IsoRequest { device_request: text, encryption_info };
                read_reader_request(&iso, origin, held, trust, vocabulary, NOW)
            }
            None => {
                let expected = Expected { client_id: None, wallet_nonce: None, origin: Some(origin) };
                read_request(&text, &expected, held, trust, vocabulary, NOW)
            }
        }
    }

    fn answer(&self, protocol: &str, data: &Value) -> Value {
        self.with(|held| {
            let sheet = self.read(PAGE, protocol, data, held).unwrap();
            assert_eq!((sheet.name.en.as_str(), sheet.purpose.as_ref().unwrap().en.as_str()), ("Shop", "Rent a car"));
            let sent = sheet.answer(Decision::Approve, &sheet.usual(), held, NOW, &mut tests::rng("browser")).unwrap();
            assert_eq!(sent.uri, None);
            serde_json::from_str(&sent.body).unwrap()
        })
    }

    fn refused(&self, origin: &str, protocol: &str, data: &Value) -> OpenIdError {
        self.with(|held| self.read(origin, protocol, data, held).map(|_| ()).unwrap_err())
    }
}

#[tokio::test]
async fn ovp_15_both_formats_by_every_protocol_and_mode() {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    let owner = Owner::new(&world);
    let (licence, mdl) = (sd_jwt_query(&[&["family_name"]]), mdoc_query(&["family_name", "age_over_19"]));
    let cases = [
        (&licence, SIGNED, "dc_api.jwt", "/family_name"),
        (&licence, SIGNED, "dc_api", "/family_name"),
        (&mdl, SIGNED, "dc_api.jwt", "/org.iso.18013.5.1/family_name"),
        (&mdl, SIGNED, "dc_api", "/org.iso.18013.5.1/family_name"),
        (&mdl, ISO_MDOC, "dc_api.jwt", "/org.iso.18013.5.1/family_name"),
    ];
    for (query, protocol, mode, first) in cases {
        let more = json!({ "protocols": [protocol, UNSIGNED], "response_mode": mode });
        let created = ask(&router, query, &more).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let created = created.json();
        let data = owner.answer(protocol, &asked(&created, protocol));
        assert_eq!(data.get("response").is_some(), mode == "dc_api.jwt", "{data}");
        assert_eq!(hand_in(&router, &created, PAGE, protocol, &data).await.status, 204);
        let again = hand_in(&router, &created, PAGE, protocol, &data).await.refusal();
        assert_eq!((again.0, again.2.as_str()), (400, "RequestOver"), "K23");
        let read = verdict(&router, &created, &Value::Null).await.json();
        assert_eq!(read["verdict"]["credentials"][0]["claims"][0]["path"], first, "{read}");
        // Who agreed to show something to this page can be told later; what was shown can not.
        let receipt = &read["verdict"]["receipt"];
        assert_eq!(receipt["verifier"], format!("origin:{PAGE}"));
        let proves = call(&router, "/openid4vp/receipts", receipt).await;
        assert_eq!(proves.status, 200, "{}", proves.json());
        let mut elsewhere = receipt.clone();
        elsewhere["verifier"] = json!(format!("origin:{OTHER}"));
        assert_eq!(call(&router, "/openid4vp/receipts", &elsewhere).await.status, 422);
    }
}

#[tokio::test]
async fn ovp_15_an_answer_is_for_one_origin() {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    let owner = Owner::new(&world);
    let second = "https://shop.example";
    for (query, protocol, name) in [
        (sd_jwt_query(&[&["family_name"]]), SIGNED, "AudienceMismatch"),
        (mdoc_query(&["family_name"]), SIGNED, "HolderBindingInvalid"),
        (mdoc_query(&["family_name"]), ISO_MDOC, "DecryptionFailed"),
    ] {
        let created = ask(&router, &query, &json!({ "origins": [PAGE, second], "protocols": [protocol] })).await.json();
        let data = owner.answer(protocol, &asked(&created, protocol));
        let refused = |answer: Answer| answer.refusal().2;
        assert_eq!(refused(hand_in(&router, &created, OTHER, protocol, &data).await), "ResponseUriNotCovered", "K15");
        assert_eq!(refused(hand_in(&router, &created, second, protocol, &data).await), name, "made for another page");
        let by = if protocol == SIGNED { ISO_MDOC } else { SIGNED };
        assert_eq!(refused(hand_in(&router, &created, PAGE, by, &data).await), "MalformedPresentation");
        assert_eq!(refused(hand_in(&router, &created, PAGE, protocol, &json!({})).await), "MalformedPresentation");
        assert_eq!(hand_in(&router, &created, PAGE, protocol, &data).await.status, 204, "the valid twin");
    }
    // No wallet finds it by a link, and nobody without the token hands anything in.
    let created = ask(&router, &sd_jwt_query(&[&["family_name"]]), &Value::Null).await.json();
    let path = format!("/openid4vp/dc-api/{}", created["id"].as_str().unwrap());
    let bare = presenting::calls::send(&router, axum::http::Method::POST, &path, &[], b"{}".to_vec()).await;
    assert_eq!(bare.status, 401);
    let gone = json!({ "id": "AAAA" });
    assert_eq!(hand_in(&router, &gone, PAGE, SIGNED, &json!({})).await.refusal().2, "RequestOver");
    assert_eq!(call(&router, &path, &json!({ "origin": PAGE })).await.refusal().2, "MalformedCall");
    let declined = hand_in(&router, &created, PAGE, SIGNED, &json!({ "error": "access_denied" })).await;
    assert_eq!((declined.status.as_u16(), state(&router, &created).await.1), (204, json!("declined")));
}

#[tokio::test]
async fn ovp_15_what_cannot_be_asked_of_a_browser_is_not_made() {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    let (licence, mdl) = (sd_jwt_query(&[&["family_name"]]), mdoc_query(&["family_name"]));
    assert_eq!(ask(&router, &mdl, &json!({ "protocols": [SIGNED, UNSIGNED, ISO_MDOC] })).await.status, 201);
    let transaction = json!([{ "credential_ids": ["licence"], "text_ko": "이체", "text_en": "Transfer" }]);
    for (query, more, status, name) in [
        (&licence, json!({ "origins": [] }), 400, "MalformedCall"),
        (&licence, json!({ "origins": ["https://bank.example/"] }), 400, "MalformedCall"),
        (&licence, json!({ "origins": ["http://bank.example"] }), 400, "MalformedCall"),
        (&licence, json!({ "protocols": ["openid4vp"] }), 400, "MalformedCall"),
        (&licence, json!({ "response_mode": "direct_post" }), 400, "MalformedCall"),
        (&licence, json!({ "protocols": [ISO_MDOC] }), 400, "MalformedCall"),
        (&licence, json!({ "more": 1 }), 400, "MalformedCall"),
        (&mdl, json!({ "protocols": [ISO_MDOC], "client_id": "decentralized_identifier" }), 400, "UnknownSigner"),
        (&mdl, json!({ "protocols": [ISO_MDOC], "transactions": transaction }), 400, "QueryNotAnswerable"),
        (&mdoc_query(&["birth_date"]), json!({ "protocols": [ISO_MDOC] }), 403, "AttributeNotRegistered"),
    ] {
        let refused = ask(&router, query, &more).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (status, name), "{more}");
    }
}

#[tokio::test]
async fn ovp_16_the_wallet_answers_whom_it_knows_on_the_page_that_they_named() {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    let owner = Owner::new(&world);
    let created =
        ask(&router, &mdoc_query(&["family_name"]), &json!({ "protocols": [SIGNED, UNSIGNED, ISO_MDOC] })).await;
    let created = created.json();
    let [signed, unsigned, iso] = [SIGNED, UNSIGNED, ISO_MDOC].map(|protocol| asked(&created, protocol));
    for name in ["client_id", "expected_origins", "aud", "iat", "exp", "state"] {
        assert_eq!(unsigned.get(name), None, "appendix A.3.1: {name}");
    }
    assert_eq!((&unsigned["response_type"], &unsigned["response_mode"]), (&json!("vp_token"), &json!("dc_api.jwt")));
    // The valid twins.
    owner.answer(SIGNED, &signed);
    owner.answer(ISO_MDOC, &iso);
    let request = |error| OpenIdError::Request(error);
    let reader = |error| request(VpError::Mdoc(error));
    assert_eq!(owner.refused(OTHER, SIGNED, &signed), request(VpError::ResponseUriNotCovered), "K15");
    assert_eq!(owner.refused(OTHER, ISO_MDOC, &iso), reader(MdocError::ReaderAuthInvalid));
    assert_eq!(owner.refused(PAGE, UNSIGNED, &unsigned), request(VpError::RequestNotAuthenticated));
    assert_eq!(owner.refused("bank.example", SIGNED, &signed), request(VpError::MalformedRequest("origin")));
    assert_eq!(owner.refused(PAGE, "openid4vp", &signed), request(VpError::MalformedRequest("protocol")));
    assert_eq!(owner.refused(PAGE, SIGNED, &iso), request(VpError::MalformedRequest("request")));
    assert_eq!(owner.refused(PAGE, ISO_MDOC, &signed), request(VpError::MalformedRequest("deviceRequest")));
    let info = iso["encryptionInfo"].as_str().unwrap().to_owned();
    let with = |device_request: &[u8]| json!({ "deviceRequest": base64url(device_request), "encryptionInfo": info });
    let session = IsoRequest { device_request: String::new(), encryption_info: info.clone() }.transcript(PAGE);
    let items = |elements: &[&str]| {
        let elements = elements.iter().map(|it| (NAMESPACE.to_owned(), (*it).to_owned(), false)).collect();
        [ItemsRequest { doc_type: DOCTYPE.into(), elements }]
    };
    // A reader that does not say who it is, and one that nobody knows.
    let silent = DeviceRequest::make(&items(&["family_name"]), &session, None).unwrap();
    assert_eq!(owner.refused(PAGE, ISO_MDOC, &with(&silent)), reader(MdocError::ReaderAuthMissing));
    let (signer, certificate) = world.issuer_signer();
    let of_issuer = Some((&[certificate][..], &signer as _));
    let stranger = DeviceRequest::make(&items(&["family_name"]), &session, of_issuer).unwrap();
    assert!(matches!(
        owner.refused(PAGE, ISO_MDOC, &with(&stranger)),
        OpenIdError::Request(VpError::Mdoc(MdocError::Certificate(_)))
    ));
    let shop = [world.shop_certificate()];
    let by_shop = |items: &[ItemsRequest]| DeviceRequest::make(items, &session, Some((&shop, &key(13)))).unwrap();
    assert_eq!(
        owner.refused(PAGE, ISO_MDOC, &with(&by_shop(&items(&[])))),
        request(VpError::Query(DcqlError::MalformedQuery("claims")))
    );
    let other_info = IsoRequest { encryption_info: base64url(b"\x82"), ..IsoRequest::from_json(&iso).unwrap() };
    assert!(matches!(owner.refused(PAGE, ISO_MDOC, &other_info.to_json()), OpenIdError::Request(VpError::Mdoc(_))));
    // More than was registered is blocked, and said.
    owner.with(|held| {
        let sheet = owner.read(PAGE, ISO_MDOC, &with(&by_shop(&items(&["birth_date"]))), held).unwrap();
        assert!(sheet.over_ask.is_some());
        let blocked = sheet.answer(Decision::Approve, &sheet.usual(), held, NOW, &mut tests::rng("browser"));
        assert!(matches!(blocked, Err(OpenIdError::Request(VpError::OverAsk(_)))));
        let declined = sheet.answer(Decision::Decline, &[], held, NOW, &mut tests::rng("browser")).unwrap();
        assert_eq!(declined.body, r#"{"error":"access_denied"}"#);
    });
}

/// MDOC-10: the answer is sealed to the reader's key, for this request and page; the device's documents are those asked for.
#[tokio::test]
async fn mdoc_10_answers_of_devices_are_checked_as_any() {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    let owner = Owner::new(&world);
    let created = ask(&router, &mdoc_query(&["age_over_19"]), &json!({ "protocols": [ISO_MDOC] })).await.json();
    let iso = asked(&created, ISO_MDOC);
    let data = owner.answer(ISO_MDOC, &iso);
    let mut sealed = from_base64url(data["response"].as_str().unwrap()).unwrap();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    let changed = json!({ "response": base64url(&sealed) });
    let name = |answer: Answer| answer.refusal().2;
    assert_eq!(name(hand_in(&router, &created, PAGE, ISO_MDOC, &changed).await), "DecryptionFailed");
    // Sealed well, and less than was asked, or twice, or of another type.
    let request = IsoRequest::from_json(&iso).unwrap();
    let info = EncryptionInfo::from_text(&request.encryption_info).unwrap();
    let session = request.transcript(PAGE);
    let signed = IssuerSigned::from_slice(&owner.issued.mdoc).unwrap();
    let holder = key(HOLDER);
    let show = |elements: &[&str], doc_type: &str| {
        let elements: Vec<_> = elements.iter().map(|it| (NAMESPACE, *it)).collect();
        let proof = Proof::Signature(&holder);
        Document::present(&signed, doc_type, &elements, &session, &proof).unwrap()
    };
    let sealed = |documents: Vec<Document>| {
        let response = DeviceResponse { documents }.to_vec();
        let rng = &mut tests::rng("sealed");
        json!({ "response": seal(&response, &info, &session, rng).unwrap() })
    };
    let another = ask(&router, &mdoc_query(&["age_over_19"]), &json!({ "protocols": [ISO_MDOC] })).await.json();
    let other = hand_in(&router, &another, PAGE, ISO_MDOC, &data).await;
    assert_eq!(name(other), "DecryptionFailed", "of another request");
    for (documents, refusal) in [
        (vec![], "QueryNotSatisfied"),
        (vec![show(&["family_name"], DOCTYPE)], "QueryNotSatisfied"),
        (vec![show(&["age_over_19"], DOCTYPE), show(&["age_over_19"], DOCTYPE)], "CredentialNotRequested"),
    ] {
        assert_eq!(name(hand_in(&router, &created, PAGE, ISO_MDOC, &sealed(documents)).await), refusal);
    }
    assert_eq!(hand_in(&router, &created, PAGE, ISO_MDOC, &data).await.status, 204, "the valid twin");
}

use rand_core::SeedableRng as _;
use serde_json::{Value, json};

use super::*;
use crate::credential::Label;
use crate::crypto::agreement::AgreementKey;
use crate::crypto::jose::{ContentEncryption, EncryptionKey, JweError, JwsError, base64url};
use crate::crypto::keys::{P256SigningKey, Signer as _};
use crate::crypto::multikey::{StandardKey, StandardSigner as _};
use crate::crypto::x509::CertificateError;
use crate::crypto::x509::testkit::Draft as Certificate;
use crate::exchange::OverAsk;
use crate::exchange::dcql::{DcqlError, DcqlQuery};
use crate::identifier::Did;
use crate::json::JsonError;
use crate::ledger::record::{DidKey, DidRecord, Permit, Purpose, Purposes, Record, VerifierRegistration};
use crate::ledger::state::TrustedState;
use crate::ledger::testkit::TestLedger;

const NOW: u64 = 1_800_000_000;
const HOST: &str = "verifier.example";
const TYPE: &str = "urn:kr:licence:1";

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_chacha::ChaCha20Rng::from_seed([9; 32])
}

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

/// The verifier's DID: key 1 signs requests, key 2 is a root of certificates.
fn record() -> DidRecord {
    let public = |seed| P256SigningKey::from_seed(&[seed; 32]).unwrap().public_key();
    let did = Did::derive("kr", &public(1).to_multicodec()).unwrap();
    let named = |fragment: &str, seed, purposes| DidKey {
        fragment: fragment.into(),
        key: public(seed),
        purposes,
        from: NOW - 1000,
        until: Some(NOW + 1000),
    };
    let keys = vec![
        named("key-1", 1, Purposes::ALL),
        named("x509-1", 2, Purposes::ASSERTION),
        named("login", 3, Purposes::AUTHENTICATION),
    ];
    DidRecord { did, keys, deactivated: false }
}

fn label(text: &str) -> Label {
    Label { ko: text.into(), en: text.into() }
}

fn registration(withdrawn: bool) -> VerifierRegistration {
    let permit = |claims: &[&str]| Permit {
        credential_type: TYPE.into(),
        claims: claims.iter().map(|it| (*it).into()).collect(),
        predicates: vec![],
        pseudonyms: vec![],
        binding: None,
    };
    let purpose = |id: &str, claims: &[&str]| Purpose { id: id.into(), text: label(id), permits: vec![permit(claims)] };
    let purposes = vec![purpose("age", &["age"]), purpose("rental", &["name", "address", "age"])];
    VerifierRegistration { did: record().did, name: label("Shop"), purposes, withdrawn }
}

fn state(records: &[Record]) -> TrustedState {
    let mut ledger = TestLedger::new("kr", [7; 32], [1; 32], NOW * 1000 - 9000).unwrap();
    ledger.write(records, NOW * 1000 - 1000);
    ledger.trusted_state().unwrap()
}

fn trust() -> TrustedState {
    state(&[Record::Did(record()), Record::Verifier(registration(false))])
}

fn root() -> Certificate {
    Certificate::root("CN=Shop", key(2).multikey(), NOW - 900, NOW + 900)
}

/// A certificate for [`HOST`].
fn certificate(root: &Certificate, signer: u8) -> Vec<u8> {
    let mut leaf = root.leaf("CN=Requests", key(4).multikey(), None);
    let name = [&[0x82, HOST.len() as u8], HOST.as_bytes()].concat();
    let names = [&[0x30, name.len() as u8], name.as_slice()].concat();
    leaf.extra.push(("2.5.29.17", false, names));
    leaf.sign(&key(signer))
}

fn encryption() -> AgreementKey {
    AgreementKey::from_seed(&[5; 32]).unwrap()
}

fn query(claims: &[&str]) -> DcqlQuery {
    let claims: Vec<Value> = claims.iter().map(|it| json!({ "path": it.split('.').collect::<Vec<_>>() })).collect();
    let meta = json!({ "vct_values": [TYPE] });
    let credential = json!({ "id": "a", "format": "dc+sd-jwt", "meta": meta, "claims": claims });
    DcqlQuery::from_json(&json!({ "credentials": [credential] })).unwrap()
}

fn request(client_id: ClientId) -> RequestObject {
    let key = EncryptionKey { key: encryption().public().unwrap(), id: Some("1".into()) };
    RequestObject {
        client_id,
        response: ResponseMode::DirectPostJwt(format!("https://{HOST}/response/1")),
        nonce: "n-0S6_WzA2MjabcdefghijK".into(),
        state: Some("s".into()),
        query: query(&["name"]),
        metadata: ClientMetadata { keys: vec![key], methods: ContentEncryption::ALL.to_vec() },
        transactions: vec![TransactionData::new(vec!["a".into()], "이체", "Transfer")],
        wallet_nonce: Some("w".into()),
        registration: Some((record().did, "rental".into())),
        issued_at: Some(NOW),
        expires_at: Some(NOW + 300),
    }
}

fn dns() -> ClientId {
    ClientId::X509SanDns(HOST.into())
}

fn expected() -> Expected<'static> {
    Expected { client_id: None, wallet_nonce: Some("w"), origin: None }
}

fn signed(request: &RequestObject) -> String {
    let did = format!("{}#key-1", record().did.as_str());
    match &request.client_id {
        ClientId::DecentralizedIdentifier(_) => request.sign(&Signing::KeyId(&did), &key(1)),
        _ => request.sign(&Signing::Certificates(&[certificate(&root(), 2)]), &key(4)),
    }
    .unwrap()
}

fn read(text: &str) -> Result<AuthenticRequestObject, VpError> {
    authenticate(text, &expected(), &trust(), &Vocabulary::default(), NOW)
}

fn refusal(change: impl FnOnce(&mut RequestObject)) -> VpError {
    let mut changed = request(dns());
    change(&mut changed);
    read(&signed(&changed)).unwrap_err()
}

/// The request with a member set, or removed, as its verifier would sign it.
fn with(name: &str, value: Option<Value>) -> VpError {
    let mut members = request(dns()).to_json();
    match value {
        Some(value) => members[name] = value,
        None => drop(members.as_object_mut().unwrap().remove(name)),
    }
    read(&raw(REQUEST_KIND, &members, &key(4))).unwrap_err()
}

fn raw(kind: &str, members: &Value, signer: &StandardKey) -> String {
    use base64::Engine as _;
    let der = base64::engine::general_purpose::STANDARD.encode(certificate(&root(), 2));
    let header = json!({ "typ": kind, "x5c": [der] });
    crate::crypto::jose::sign(header.as_object().unwrap(), members.to_string().as_bytes(), signer).unwrap()
}

#[test]
fn ovp_03_three_ways_to_say_who_asks() {
    let hash = ClientId::of_certificate(&certificate(&root(), 2));
    let did = ClientId::DecentralizedIdentifier(record().did);
    for client_id in [dns(), hash, did] {
        let asked = request(client_id.clone());
        assert_eq!(ClientId::read(&client_id.to_string()), Ok(client_id.clone()));
        let text = signed(&asked);
        let named = client_id.to_string();
        let link = Expected { client_id: Some(&named), ..expected() };
        let authentic = authenticate(&text, &link, &trust(), &Vocabulary::default(), NOW).unwrap();
        assert_eq!((&authentic.request, &authentic.verifier), (&asked, &record().did));
        assert_eq!((authentic.name.en.as_str(), authentic.purpose.as_ref().unwrap().en.as_str()), ("Shop", "rental"));
        assert_eq!(authentic.within_registration(), Ok(()));
        let other = Expected { client_id: Some("x509_san_dns:other.example"), ..expected() };
        let refused = authenticate(&text, &other, &trust(), &Vocabulary::default(), NOW).unwrap_err();
        assert_eq!((refused.code(), refused), ("invalid_client", VpError::ClientIdMismatch));
    }
}

#[test]
fn ovp_01_other_identifiers_are_refused() {
    for text in [
        "verifier.example",
        "x509_san_dns:",
        "x509_san_dns:a b",
        "x509_hash:AAAA",
        "x509_hash:***",
        "decentralized_identifier:did:web:x",
        "redirect_uri:https://x.example",
        "openid_federation:https://x.example",
        "",
    ] {
        assert_eq!(ClientId::read(text), Err(VpError::UnsupportedClientId), "K03: {text}");
        assert_eq!(with("client_id", Some(text.into())), VpError::UnsupportedClientId, "K03: {text}");
    }
}

#[test]
fn ovp_03_who_it_is_not() {
    let name = |name: &str| ClientId::X509SanDns(name.into());
    assert_eq!(refusal(|it| it.client_id = name("other.example")), VpError::ClientIdMismatch, "K04");
    assert_eq!(refusal(|it| it.client_id = ClientId::X509Hash([0; 32])), VpError::ClientIdMismatch, "K04");
    let mut text = signed(&request(dns()));
    let last = if text.ends_with('A') { 'Q' } else { 'A' };
    let at = text.len() - 10;
    text.replace_range(at..=at, &last.to_string());
    assert_eq!(read(&text).unwrap_err(), VpError::RequestNotAuthenticated, "K01");
    let by_other = raw(REQUEST_KIND, &request(dns()).to_json(), &key(6));
    assert_eq!(read(&by_other).unwrap_err(), VpError::RequestNotAuthenticated, "K01");
    let kind = raw("JWT", &request(dns()).to_json(), &key(4));
    assert_eq!(read(&kind).unwrap_err(), VpError::Jws(JwsError::UnexpectedTokenType), "K11");
    let symmetric = format!("{}.e30.AAAA", base64url(br#"{"alg":"HS256","typ":"oauth-authz-req+jwt"}"#));
    assert_eq!(read(&symmetric).unwrap_err(), VpError::Jws(JwsError::DisallowedAlgorithm), "K11");
    // A root that nobody recorded.
    let stranger = Certificate::root("CN=Shop", key(8).multikey(), NOW - 900, NOW + 900);
    let chain = [certificate(&stranger, 8)];
    let text = request(dns()).sign(&Signing::Certificates(&chain), &key(4)).unwrap();
    let untrusted = VpError::Certificate(CertificateError::KeyNotTrusted);
    assert_eq!((untrusted.code(), read(&text).unwrap_err()), ("invalid_client", untrusted));

    let did = request(ClientId::DecentralizedIdentifier(record().did));
    for fragment in ["key-9", "login", "x", ""] {
        let id = format!("{}#{fragment}", record().did.as_str());
        let text = did.sign(&Signing::KeyId(&id), &key(1)).unwrap();
        assert_eq!(read(&text).unwrap_err(), VpError::KeyNotTrusted, "{fragment}");
    }
    let nobody = state(&[Record::Did(record())]);
    let ask = |trust: &TrustedState, text: &str| {
        authenticate(text, &expected(), trust, &Vocabulary::default(), NOW).unwrap_err()
    };
    assert_eq!(ask(&nobody, &signed(&did)), VpError::VerifierNotRegistered);
    let withdrawn = state(&[Record::Did(record()), Record::Verifier(registration(true))]);
    assert_eq!(ask(&withdrawn, &signed(&request(dns()))), VpError::VerifierNotRegistered);
    assert_eq!(ask(&state(&[]), &signed(&did)), VpError::VerifierNotRegistered);
}

#[test]
fn ovp_02_malformed_requests_are_refused() {
    for name in ["response_type", "client_id", "nonce", "response_mode", "dcql_query", "response_uri"] {
        assert_eq!(with(name, None), VpError::MalformedRequest(name), "{name}");
        assert!(matches!(with(name, Some(json!(1))), VpError::MalformedRequest(_) | VpError::Query(_)), "{name}");
    }
    let malformed = VpError::MalformedRequest;
    for (name, value, error) in [
        ("response_type", json!("code"), malformed("response_type")),
        ("response_mode", json!("fragment"), malformed("response_mode")),
        ("response_mode", json!("dc_api.jwt"), malformed("expected_origins")),
        ("scope", json!("x"), malformed("scope")),
        ("redirect_uri", json!("https://verifier.example/"), malformed("redirect_uri")),
        ("client_metadata", json!([]), malformed("client_metadata")),
        ("iat", json!("x"), malformed("iat")),
        ("state", json!(""), malformed("state")),
        ("nonce", json!("short"), VpError::NonceInvalid),
        ("nonce", json!("with a space, long enough"), VpError::NonceInvalid),
        ("aud", json!("https://other.example"), VpError::AudienceMismatch),
        ("dcql_query", json!({}), VpError::Query(DcqlError::MalformedQuery("credentials"))),
        ("client_metadata", json!({ "jwks": { "keys": [{ "kty": "RSA" }] } }), VpError::EncryptionKeyMissing),
        ("response_uri", json!("http://verifier.example/"), VpError::ResponseUriNotCovered),
        ("response_uri", json!("javascript:alert(1)"), VpError::ResponseUriNotCovered),
        ("response_uri", json!("https://a@verifier.example/"), VpError::ResponseUriNotCovered),
    ] {
        let refused = with(name, Some(value.clone()));
        assert_eq!((refused.code(), &refused), ("invalid_request", &error), "{name} {value}");
    }
    assert_eq!(with("aud", None), VpError::AudienceMismatch, "K11");
    // K17: keys that cannot be used come first.
    let mut members = request(dns()).to_json();
    let keys = members["client_metadata"]["jwks"]["keys"].as_array_mut().unwrap();
    keys.insert(0, json!({ "kty": "RSA", "use": "enc" }));
    let authentic = read(&raw(REQUEST_KIND, &members, &key(4))).unwrap();
    assert_eq!(authentic.request.metadata, request(dns()).metadata, "K17");
    members["unknown"] = json!({});
    assert!(read(&raw(REQUEST_KIND, &members, &key(4))).is_ok(), "J35");
}

#[test]
fn ovp_05_for_this_wallet_and_now() {
    assert_eq!(refusal(|it| it.wallet_nonce = None), VpError::WalletNonceMismatch, "K10");
    assert_eq!(refusal(|it| it.wallet_nonce = Some("x".into())), VpError::WalletNonceMismatch, "K10");
    assert_eq!(refusal(|it| it.expires_at = Some(NOW)), VpError::RequestExpired, "K11");
    assert_eq!(refusal(|it| it.issued_at = Some(NOW + 61)), VpError::RequestExpired, "K11");
    let elsewhere = ResponseMode::DirectPostJwt("https://evil.example/".into());
    assert_eq!(refusal(|it| it.response = elsewhere), VpError::ResponseUriNotCovered, "K05");
    // K15: a browser says from where it was asked.
    let mut asked = request(dns());
    asked.response = ResponseMode::DcApiJwt(vec!["https://verifier.example".into()]);
    let text = signed(&asked);
    let from = |origin| {
        let expected = Expected { origin, ..expected() };
        authenticate(&text, &expected, &trust(), &Vocabulary::default(), NOW).map(|_| ())
    };
    assert_eq!(from(Some("https://verifier.example")), Ok(()));
    assert_eq!(from(Some("https://evil.example")), Err(VpError::ResponseUriNotCovered), "K15");
    assert_eq!(from(None), Err(VpError::MalformedRequest("response_mode")));
}

#[test]
fn ovp_06_no_more_than_was_registered() {
    let over = |change: &dyn Fn(&mut RequestObject)| {
        let mut asked = request(dns());
        change(&mut asked);
        read(&signed(&asked)).unwrap().within_registration()
    };
    assert_eq!(over(&|it| it.query = query(&["name", "address.region", "age"])), Ok(()), "within what is registered");
    assert_eq!(over(&|it| it.registration = None), Ok(()), "some purpose covers it");
    let attribute = |name: &str| Err(VpError::OverAsk(OverAsk::AttributeNotRegistered(name.into())));
    assert_eq!(over(&|it| it.query = query(&["name", "birth.date"])), attribute("birth.date"), "K19");
    assert_eq!(over(&|it| it.registration = Some((record().did, "age".into()))), attribute("name"), "K19");
    let purpose = Err(VpError::OverAsk(OverAsk::PurposeNotRegistered("none".into())));
    assert_eq!(over(&|it| it.registration = Some((record().did, "none".into()))), purpose);
    let other = json!({ "credentials": [{ "id": "a", "format": "dc+sd-jwt", "meta": { "vct_values": ["x"] } }] });
    let other = DcqlQuery::from_json(&other).unwrap();
    let untyped = OverAsk::TypeNotRegistered("x".into());
    assert_eq!(over(&|it| it.query = other.clone()), Err(VpError::OverAsk(untyped)));
    let someone = Did::derive("kr", b"x").unwrap();
    assert_eq!(refusal(|it| it.registration = Some((someone, "rental".into()))), VpError::ClientIdMismatch);

    // A mobile document and its elements, by the ledger's names.
    let mdoc = json!({ "credentials": [{ "id": "m", "format": "mso_mdoc", "meta": { "doctype_value": "org.x.1" },
        "claims": [{ "path": ["org.x", "age_over_19"] }, { "path": ["org.x", "name"] }] }] });
    let mdoc = DcqlQuery::from_json(&mdoc).unwrap();
    let names: Vocabulary = serde_json::from_value(json!({
        "org.x.1": { "credential_type": TYPE, "claims": { "age_over_19": "age" } },
    }))
    .unwrap();
    let registration = registration(false);
    assert_eq!(check_registration(&mdoc, None, &registration, &names).unwrap().id, "rental");
    assert!(check_registration(&mdoc, None, &registration, &Vocabulary::default()).is_err());
    assert!(check_registration(&mdoc, Some("age"), &registration, &names).is_err());
}

#[test]
fn ovp_06_claims_of_twins_are_the_attributes_they_are_made_of() {
    let read = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/types");
        std::fs::read(folder.join(name)).unwrap()
    };
    let licence = crate::credential::CredentialType::parse(&read("driver-licence.json")).unwrap();
    let twins = crate::credential::twins::Twins::parse(&read("driver-licence.twins.json"), &licence).unwrap();
    let names = Vocabulary::of_twins(&[twins]);
    assert_eq!(names.credential_type("org.iso.18013.5.1.mDL"), licence.id);
    let mut registration = registration(false);
    registration.purposes[0].permits[0].credential_type = licence.id.clone();
    registration.purposes[0].permits[0].claims = vec!["licence_number".into(), "birth_date".into()];
    let ask = |format: &str, meta: Value, path: Value| {
        let credential = json!({ "id": "a", "format": format, "meta": meta, "claims": [{ "path": path }] });
        let query = DcqlQuery::from_json(&json!({ "credentials": [credential] })).unwrap();
        check_registration(&query, Some("age"), &registration, &names).map(|it| it.id.clone())
    };
    let sd_jwt = |path: Value| ask("dc+sd-jwt", json!({ "vct_values": [licence.id] }), path);
    let mdoc = |name: &str| {
        let path = json!(["org.iso.18013.5.1", name]);
        ask("mso_mdoc", json!({ "doctype_value": "org.iso.18013.5.1.mDL" }), path)
    };
    let kind = "https://www.police.go.kr/credentials/driver-licence/1#DriverLicence";
    let base = "https://www.w3.org/2018/credentials#VerifiableCredential";
    let w3c = |types: Value, path: Value| ask("ldp_vc", json!({ "type_values": [types] }), path);
    let subject = |name: &str| w3c(json!([base, kind]), json!(["credentialSubject", name]));
    for within in [
        subject("licenceNumber"),
        subject("over19"),
        sd_jwt(json!(["document_number"])),
        sd_jwt(json!(["age_equal_or_over", "19"])),
        mdoc("birth_date"),
        mdoc("age_over_19"),
    ] {
        assert_eq!(within, Ok("age".into()));
    }
    for (beyond, name) in [
        (sd_jwt(json!(["name_ko"])), "name_ko"),
        (sd_jwt(json!(["age_equal_or_over"])), "age_equal_or_over"),
        (mdoc("family_name"), "family_name"),
        (mdoc("portrait"), "portrait"),
        (subject("portrait"), "credentialSubject.portrait"),
        (subject("nameKo"), "credentialSubject.nameKo"),
        (w3c(json!([kind]), json!(["credentialSubject"])), "credentialSubject"),
        (w3c(json!([kind]), json!(["credentialStatus", 0, "statusListIndex"])), "credentialStatus.statusListIndex"),
    ] {
        assert_eq!(beyond, Err(OverAsk::AttributeNotRegistered(name.into())));
    }
    let any = w3c(json!([kind, base]), json!(["credentialSubject", "over19"]));
    assert_eq!(any, Err(OverAsk::TypeNotRegistered(base.into())), "any credential at all");
    // Its context is known from the same file.
    let contexts = [crate::credential::w3c::CREDENTIALS_V2, "https://www.police.go.kr/credentials/driver-licence/1"];
    let credential = json!({ "@context": contexts, "type": "DriverLicence" });
    let expanded = crate::credential::w3c::expanded_types(&credential, &names.contexts());
    assert_eq!(expanded, Ok(vec![kind.to_owned()]));
    let text = serde_json::to_string(&names).unwrap();
    assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), names);
}

#[test]
fn ovp_07_transactions_are_understood_whole() {
    let encode = |value: Value| base64url(value.to_string().as_bytes());
    let good = json!({ "type": TRANSACTION_TEXT, "credential_ids": ["a"], "text_ko": "가", "text_en": "x" });
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        super::tests::with("transaction_data", Some(json!([encode(changed)])))
    };
    for (name, value) in [
        ("type", json!("payment")),
        ("amount", json!(1)),
        ("credential_ids", json!(["b"])),
        ("credential_ids", json!([])),
        ("credential_ids", json!("a")),
        ("text_en", json!(1)),
        ("transaction_data_hashes_alg", json!(["sha-512"])),
    ] {
        let refused = with(name, value.clone());
        assert_eq!(
            (refused.code(), refused),
            ("invalid_transaction_data", VpError::InvalidTransactionData),
            "K13: {value}"
        );
    }
    for value in [json!([]), json!({}), json!(["***"]), json!([1])] {
        assert_eq!(super::tests::with("transaction_data", Some(value)), VpError::InvalidTransactionData, "K13");
    }
    let read = TransactionData::read(&encode(good)).unwrap();
    assert_eq!((read.text_ko.as_str(), read.hash().len()), ("가", 43));
    assert_eq!(
        TransactionData::read(request(dns()).transactions[0].encoded()),
        Ok(request(dns()).transactions.remove(0))
    );
}

#[test]
fn ovp_08_answers_are_lists_by_query() {
    let token = json!({ "a": ["x~y~"], "b": [{}] });
    assert_eq!(VpToken::from_json(&token).unwrap().to_json(), token);
    for bad in [json!({}), json!([]), json!("x"), json!({ "a": "x" }), json!({ "a": [] }), json!({ "a": [1] })] {
        let refused = VpToken::from_json(&bad);
        assert_eq!(refused, Err(VpError::MalformedPresentation("vp_token")), "D20: {bad}");
    }
    assert!(!format!("{:?}", VpToken::from_json(&token).unwrap()).contains('~'));
}

#[test]
fn ovp_09_encrypted_where_that_was_asked_for() {
    let vp_token = VpToken::from_json(&json!({ "a": ["x y&=+가"] })).unwrap();
    let answer = Response { vp_token, state: Some("s".into()) };
    let asked = request(dns());
    let form = |mode: &ResponseMode| {
        let text = answer.to_form(mode, &asked.metadata, &mut rng()).unwrap();
        form::read(text.as_bytes()).unwrap()
    };
    let (sealed, clear) = (form(&asked.response), form(&ResponseMode::DirectPost("https://x.example".into())));
    let key = encryption();
    assert_eq!(Response::from_form(&sealed, Some(&key)), Ok(answer.clone()));
    assert_eq!(Response::from_form(&clear, None), Ok(answer.clone()));
    assert_eq!(Response::from_form(&clear, Some(&key)), Err(VpError::MalformedPresentation("response")));
    assert_eq!(Response::from_form(&sealed, None), Err(VpError::MalformedPresentation("vp_token")));
    let other = AgreementKey::from_seed(&[6; 32]).unwrap();
    assert_eq!(Response::from_form(&sealed, Some(&other)), Err(VpError::Jwe(JweError::DecryptionFailed)), "D25");
    let keyless = ClientMetadata::default();
    assert_eq!(answer.encrypt(&keyless, &mut rng()), Err(VpError::EncryptionKeyMissing), "K18");
    let twice = vec![("vp_token".to_owned(), r#"{"a":["x"],"a":["y"]}"#.to_owned())];
    assert_eq!(Response::from_form(&twice, None), Err(VpError::Json(JsonError::DuplicateClaim)));
    let numbered = json!({ "vp_token": { "a": ["x"] }, "state": 1 });
    assert_eq!(Response::from_json(&numbered), Err(VpError::MalformedPresentation("state")));
    assert_eq!(ErrorResponse::declined(Some("s")).to_form(), "error=access_denied&state=s", "OVP-10");
}

#[test]
fn forms_have_one_meaning() {
    let read = |text: &str| form::read(text.as_bytes());
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(read("a=1&b=%EA%B0%80+%2B&c="), Ok(vec![pair("a", "1"), pair("b", "가 +"), pair("c", "")]));
    let many = (0..=form::PARAMETERS_MAX).map(|it| format!("p{it}=1")).collect::<Vec<_>>().join("&");
    for bad in ["a=1&a=2", "a", "a=%", "a=%zz", "a=%ff", &many, "%61=1&a=2"] {
        assert_eq!(read(bad), Err(VpError::MalformedPresentation("form")), "K28: {bad}");
    }
    assert_eq!(form::read(&vec![b'a'; form::FORM_MAX + 1]), Err(VpError::MalformedPresentation("form")));
    // What a wallet would send for another request is the verifier's affair.
    assert_eq!(VpError::StateMismatch.code(), "invalid_request");
}

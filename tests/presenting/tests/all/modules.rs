//! What the OpenID Foundation's conformance suite tries on verifiers and wallets of OpenID4VP 1.0, module by module, each under
//! the module's name. `tests/COVERAGE.md` lists them all.

use presenting::calls::{create, fetch, path, post, send};
use presenting::{HOLDER, HOST, Issued, STRANGER, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::Handover;
use protocol::crypto::jose::{self, base64url};
use protocol::crypto::multikey::StandardSigner as _;
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::{Expected, REQUEST_KIND, RequestObject, ResponseMode, VpError};
use serde_json::{Map, Value, json};
use wallet_core::Decision;
use wallet_core::openid4vp::OpenIdError;

use crate::answers::{self, Showing, document, judge, refusal, showing};
use crate::service::{BASE, ready};
use crate::wallet::{ORIGIN, Owner, posted, request};

/// The same text with another bit in its last signature.
fn tampered(jwt: &str) -> String {
    let at = jwt.len() - 10;
    let other = if &jwt[at..=at] == "A" { "Q" } else { "A" };
    format!("{}{other}{}", &jwt[..at], &jwt[at + 1..])
}

mod verifier {
    use super::*;

    struct Asked {
        world: World,
        request: RequestObject,
        issued: Issued,
    }

    fn asked() -> Asked {
        let world = World::at(answers::NOW);
        let request = answers::request(&world, &sd_jwt_query(&[&["family_name"]]), vec![]);
        let issued = world.issue(key(HOLDER).multikey(), 1);
        Asked { world, request, issued }
    }

    impl Asked {
        fn refusal(&self, change: impl FnOnce(&mut Showing<'_>)) -> String {
            let mut shown = showing(&self.request);
            change(&mut shown);
            refusal(&self.world, &self.request, shown.token(&self.issued))
        }
    }

    #[test]
    fn oid4vp_1final_verifier_happy_flow() {
        let asked = asked();
        assert!(judge(&asked.world, &asked.request, showing(&asked.request).token(&asked.issued)).is_ok());
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_credential_signature() {
        let mut asked = asked();
        let (issuers, disclosures) = asked.issued.sd_jwt.split_once('~').unwrap();
        asked.issued.sd_jwt = format!("{}~{disclosures}", tampered(issuers));
        assert_eq!(asked.refusal(|_| {}), "SignatureInvalid");
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_kb_jwt_signature() {
        let asked = asked();
        let text = tampered(&showing(&asked.request).text(&asked.issued));
        assert_eq!(refusal(&asked.world, &asked.request, json!({ "licence": [text] })), "HolderBindingInvalid");
        assert_eq!(asked.refusal(|it| it.by = key(STRANGER)), "HolderBindingInvalid");
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_kb_jwt_aud() {
        assert_eq!(asked().refusal(|it| it.audience = "x509_hash:other".into()), "AudienceMismatch");
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_kb_jwt_nonce() {
        assert_eq!(asked().refusal(|it| it.nonce = "n-1S6_WzA2MjabcdefghijK"), "NonceMismatch");
    }

    #[test]
    fn oid4vp_1final_verifier_kb_jwt_iat_in_future() {
        assert_eq!(asked().refusal(|it| it.now += 86_400), "IssuedInFuture");
    }

    #[test]
    fn oid4vp_1final_verifier_kb_jwt_iat_in_past() {
        assert_eq!(asked().refusal(|it| it.now -= 86_400), "HolderBindingExpired");
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_sd_hash() {
        let asked = asked();
        let text = showing(&asked.request).text(&asked.issued);
        let other = Showing { paths: vec!["/birthdate"], ..showing(&asked.request) }.text(&asked.issued);
        // The proof of another selection of claims.
        let (covered, _) = text.rsplit_once('~').unwrap();
        let (_, proof) = other.rsplit_once('~').unwrap();
        let token = json!({ "licence": [format!("{covered}~{proof}")] });
        assert_eq!(refusal(&asked.world, &asked.request, token), "TransactionMismatch");
    }

    #[test]
    fn oid4vp_1final_verifier_invalid_session_transcript() {
        let Asked { world, issued, .. } = asked();
        let request = answers::request(&world, &mdoc_query(&["age_over_19"]), vec![]);
        let (client_id, thumbprint) = (request.client_id.to_string(), request.metadata.keys[0].thumbprint());
        let session = |nonce| Handover::OpenId4Vp {
            client_id: &client_id,
            nonce,
            thumbprint: Some(&thumbprint),
            response_uri: answers::URI,
        };
        let shown = |nonce| document(&issued, &["age_over_19"], &session(nonce), &key(HOLDER));
        assert!(judge(&world, &request, shown(&request.nonce)).is_ok());
        assert_eq!(refusal(&world, &request, shown("n-1S6_WzA2MjabcdefghijK")), "HolderBindingInvalid");
    }

    #[test]
    fn oid4vp_1final_verifier_minimal_cnf_jwk() {
        let asked = asked();
        let key = asked.issued.verified.claims()["cnf"]["jwk"].as_object().unwrap();
        assert_eq!(key.keys().collect::<Vec<_>>(), ["crv", "kty", "x", "y"]);
        assert!(judge(&asked.world, &asked.request, showing(&asked.request).token(&asked.issued)).is_ok());
    }

    #[tokio::test]
    async fn oid4vp_1final_verifier_request_uri_fetched_twice() {
        let world = World::at(answers::NOW);
        let router = world.service(BASE, || answers::NOW).router();
        let (created, sent) = ready(&world, &router, &mdoc_query(&["age_over_19"]), &Value::Null, 1).await;
        assert!(!fetch(&router, &created, "again").await.is_empty());
        assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    }

    #[tokio::test]
    async fn oid4vp_1final_verifier_request_uri_method_post() {
        let world = World::at(answers::NOW);
        let router = world.service(BASE, || answers::NOW).router();
        let created = create(&router, &mdoc_query(&["age_over_19"]), &Value::Null).await.json();
        assert!(created["link"].as_str().unwrap().contains("request_uri_method=post"));
        let payload = |object: String| -> Value {
            let payload = jose::from_base64url(object.split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice(&payload).unwrap()
        };
        let posted = payload(fetch(&router, &created, "of-the-wallet").await);
        assert_eq!(posted["wallet_nonce"], "of-the-wallet");
        let got =
            send(&router, axum::http::Method::GET, path(created["request_uri"].as_str().unwrap()), &[], vec![]).await;
        assert_eq!(payload(String::from_utf8(got.body).unwrap()).get("wallet_nonce"), None);
    }
}

mod wallet {
    use super::*;

    const NOBODY: Expected<'_> = Expected { client_id: None, wallet_nonce: None, origin: None };

    fn asked() -> RequestObject {
        posted(&sd_jwt_query(&[&["family_name"]]))
    }

    /// A request as the shop signs it, whatever it says.
    fn signed(owner: &Owner, members: &Value) -> String {
        use base64::Engine as _;
        let certificate = base64::engine::general_purpose::STANDARD.encode(owner.world.shop_certificate());
        let header =
            Map::from_iter([("typ".to_owned(), REQUEST_KIND.into()), ("x5c".to_owned(), json!([certificate]))]);
        jose::sign(&header, members.to_string().as_bytes(), &key(13)).unwrap()
    }

    /// What becomes of a request that is `changed`.
    fn read(changed: impl FnOnce(&mut Value)) -> Result<usize, VpError> {
        let owner = Owner::new();
        let mut members = asked().to_json();
        changed(&mut members);
        match owner.read_signed(&signed(&owner, &members), &NOBODY) {
            Ok(sheet) => Ok(sheet.choices.unwrap().len()),
            Err(OpenIdError::Request(error)) => Err(error),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn oid4vp_1final_wallet_happy_flow() {
        assert_eq!(read(|_| {}), Ok(1));
        assert_eq!(read(|it| it["unknown"] = json!({ "ignored": true })), Ok(1), "the alternate flow");
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_invalid_client_id_prefix() {
        for prefix in ["invalid_prefix", "X509_san_dns", "verifier_attestation"] {
            let error = read(|it| it["client_id"] = format!("{prefix}:{HOST}").into()).unwrap_err();
            assert_eq!((error.code(), error), ("invalid_request", VpError::UnsupportedClientId));
        }
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_invalid_request_object_signature() {
        let owner = Owner::new();
        let text = tampered(&signed(&owner, &asked().to_json()));
        let refused = owner.read_signed(&text, &NOBODY).map(|_| ());
        assert_eq!(refused, Err(OpenIdError::Request(VpError::RequestNotAuthenticated)));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_mismatched_client_id() {
        let owner = Owner::new();
        let text = signed(&owner, &asked().to_json());
        let read = |client_id| owner.read_signed(&text, &Expected { client_id: Some(client_id), ..NOBODY }).map(|_| ());
        assert_eq!(read("x509_san_dns:verifier.example"), Ok(()));
        assert_eq!(read("x509_san_dns:other.example"), Err(OpenIdError::Request(VpError::ClientIdMismatch)));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_missing_nonce() {
        let without = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("nonce"));
        assert_eq!(read(without), Err(VpError::MalformedRequest("nonce")));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_redirect_uri_with_direct_post() {
        let with = |it: &mut Value| it["redirect_uri"] = format!("{ORIGIN}/back").into();
        assert_eq!(read(with), Err(VpError::MalformedRequest("redirect_uri")));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_response_uri_not_client_id() {
        let elsewhere = |it: &mut Value| it["response_uri"] = "https://other.example/answer".into();
        assert_eq!(read(elsewhere), Err(VpError::ResponseUriNotCovered));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_unknown_transaction_data_type() {
        let transaction = json!({ "type": "urn:unknown", "credential_ids": ["licence"] }).to_string();
        let with = |it: &mut Value| it["transaction_data"] = json!([base64url(transaction.as_bytes())]);
        assert_eq!(read(with).unwrap_err().code(), "invalid_transaction_data");
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_wrong_expected_origins() {
        let owner = Owner::new();
        let read = |origin: &str| {
            let query = sd_jwt_query(&[&["family_name"]]);
            owner.read(&request(&query, ResponseMode::DcApiJwt(vec![origin.into()]))).map(|_| ())
        };
        assert_eq!(read(ORIGIN), Ok(()));
        assert_eq!(read("https://other.example"), Err(OpenIdError::Request(VpError::ResponseUriNotCovered)));
    }

    #[test]
    fn oid4vp_1final_wallet_negative_test_required_non_matching_credential() {
        let owner = Owner::new();
        let mut query = sd_jwt_query(&[&["family_name"]]);
        let mut other = query["credentials"][0].clone();
        (other["id"], other["claims"][0]["values"]) = ("other".into(), json!(["김"]));
        query["credentials"].as_array_mut().unwrap().push(other);
        let set =
            |required: bool| json!([{ "options": [["licence"]] }, { "options": [["other"]], "required": required }]);
        query["credential_sets"] = set(true);
        let sheet = owner.read(&posted(&query)).unwrap();
        assert!(sheet.choices.is_none());
        // It looks like a refusal: no part of an answer is sent.
        let sent = owner.answer(&sheet, Decision::Approve, &[]).unwrap();
        assert_eq!(sent, owner.answer(&sheet, Decision::Decline, &[]).unwrap());
        // oid4vp-1final-wallet-optional-credential-set: the same where it need not be there.
        query["credential_sets"] = set(false);
        let sheet = owner.read(&posted(&query)).unwrap();
        assert_eq!(sheet.choices.as_ref().unwrap().len(), 1);
        assert!(owner.answer(&sheet, Decision::Approve, &sheet.usual()).is_ok());
    }

    #[test]
    fn oid4vp_1final_wallet_ignores_unusable_encryption_key() {
        let first = |it: &mut Value| {
            let keys = it["client_metadata"]["jwks"]["keys"].as_array_mut().unwrap();
            keys.insert(0, json!({ "kty": "RSA", "use": "enc", "kid": "r", "n": "AQAB", "e": "AQAB" }));
            keys.insert(0, json!({ "kty": "AKP", "use": "enc", "kid": "q", "alg": "ML-KEM-768", "pub": "AAAA" }));
        };
        assert_eq!(read(first), Ok(1));
    }

    #[test]
    fn oid4vp_1final_wallet_fewer_claims_than_available() {
        let owner = Owner::new();
        let sheet = owner.read(&asked()).unwrap();
        let shown = |sheet: &wallet_core::openid4vp::Sheet| {
            let shown = &sheet.choices.as_ref().unwrap()[0].options[0].shown;
            shown.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shown(&sheet), ["/family_name"]);
        // oid4vp-1final-wallet-no-claims-in-dcql-query: who asks for no claim gets none that can be kept back.
        let mut query = sd_jwt_query(&[]);
        query["credentials"][0].as_object_mut().unwrap().remove("claims");
        let mut asked = asked();
        asked.query = DcqlQuery::from_json(&query).unwrap();
        assert!(shown(&owner.read(&asked).unwrap()).is_empty());
    }
}

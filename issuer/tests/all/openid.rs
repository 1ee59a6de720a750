//! OpenID4VCI at the HTTP service: every code of the standards beside the request that is answered.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use issuer::register::PersonId;
use issuer::server::Limits;
use issuer::{IssuerError, RegisterEvent, RevocationReason, Withdrawal, openid4vci::BATCH_MAX};
use protocol::credential::sd_jwt;
use protocol::credential::w3c::Suite;
use protocol::crypto::jose::{self, Jwk, Jws, base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::crypto::x509::{Purpose, Root, verify_chain};
use protocol::exchange::openid4vci::dpop::{self, Request as DpopRequest};
use protocol::exchange::openid4vci::key_proof::{self, Expected};
use protocol::exchange::openid4vci::{Offer, OfferUri, PRE_AUTHORIZED};
use protocol::identifier::DidKey;
use rand_core::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::http::{Answer, Site, site};
use crate::world::*;

pub(crate) const BASE: &str = "http://127.0.0.1:8701";
pub(crate) const SD_JWT: &str = "kr.go.police.driver-licence.1.sd-jwt";
pub(crate) const MDOC: &str = "kr.go.police.driver-licence.1.mdoc";
pub(crate) const BBS: &str = "kr.go.police.driver-licence.1.bbs-2023";
pub(crate) const EDDSA: &str = "kr.go.police.driver-licence.1.eddsa-rdfc-2022";

/// What a wallet sends to the token endpoint.
pub(crate) type Form<'a> = &'a [(&'a str, &'a str)];

/// A wallet of someone else.
pub(crate) struct Foreign<'a> {
    pub(crate) site: &'a Site,
    pub(crate) key: StandardKey,
    pub(crate) nonce: Option<String>,
}

pub(crate) fn key() -> StandardKey {
    StandardKey::generate_p256(&mut fresh())
}

pub(crate) fn url_encoded(form: Form<'_>) -> String {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    form.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

impl<'a> Foreign<'a> {
    pub(crate) async fn new(site: &'a Site) -> Self {
        let mut wallet = Self { site, key: key(), nonce: None };
        // Any answer brings the nonce for the next proof.
        let refused = wallet.token(&[("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", "x")]).await;
        assert_eq!((refused.status, refused.error()), (StatusCode::BAD_REQUEST, "use_dpop_nonce".into()), "VCI-11");
        wallet
    }

    pub(crate) fn now(&self) -> u64 {
        self.site.clock.load(Ordering::Relaxed)
    }

    pub(crate) fn dpop(&self, path: &str, token: Option<&str>) -> String {
        let mut id = [0; 16];
        fresh().fill_bytes(&mut id);
        let request = DpopRequest { method: "POST", address: &format!("{BASE}{path}"), token };
        dpop::make(&self.key, &request, self.nonce.as_deref(), self.now(), id).unwrap()
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = self.site.send(request).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "J38");
        if let Some(nonce) = answer.headers.get("dpop-nonce") {
            self.nonce = Some(nonce.to_str().unwrap().to_owned());
        }
        answer
    }

    pub(crate) async fn token(&mut self, form: Form<'_>) -> Answer {
        let proof = self.dpop("/openid4vci/token", None);
        self.token_with(form, &[("dpop", &proof)]).await
    }

    pub(crate) async fn token_with(&mut self, form: Form<'_>, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            Request::post("/openid4vci/token").header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(url_encoded(form))).unwrap()).await
    }

    /// Takes an offer up: access and refresh token.
    pub(crate) async fn redeem(&mut self, offer: &Taken) -> (String, String) {
        let answer = self.token(&offer.form()).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let json = answer.json();
        assert_eq!(json["token_type"], "DPoP");
        (json["access_token"].as_str().unwrap().to_owned(), json["refresh_token"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn c_nonce(&self) -> String {
        let answer = self.site.post("/openid4vci/nonce", Body::empty()).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        answer.json()["c_nonce"].as_str().unwrap().to_owned()
    }

    pub(crate) fn proof(&self, key: &StandardKey, nonce: &str) -> String {
        key_proof::make(key, &Expected { issuer: BASE, client: None, now: self.now() }, Some(nonce)).unwrap()
    }

    pub(crate) async fn ask(&mut self, token: &str, body: &Value) -> Answer {
        self.call("/openid4vci/credential", token, body).await
    }

    pub(crate) async fn call(&mut self, path: &str, token: &str, body: &Value) -> Answer {
        let proof = self.dpop(path, Some(token));
        self.call_with(path, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)], body).await
    }

    pub(crate) async fn call_with(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A request for `configuration` with a fresh nonce and these keys.
    pub(crate) async fn request(&self, configuration: &str, keys: &[&StandardKey]) -> Value {
        let nonce = self.c_nonce().await;
        let proofs: Vec<String> = keys.iter().map(|key| self.proof(key, &nonce)).collect();
        json!({ "credential_configuration_id": configuration, "proofs": { "jwt": proofs } })
    }

    /// One credential, as the wallet stores it.
    pub(crate) async fn fetch(&mut self, token: &str, configuration: &str, key: &StandardKey) -> Answer {
        let body = self.request(configuration, &[key]).await;
        self.ask(token, &body).await
    }
}

/// An offer as a wallet reads it.
pub(crate) struct Taken {
    pub(crate) code: String,
    pub(crate) tx_code: Option<String>,
    pub(crate) offer: Offer,
}

impl Taken {
    pub(crate) fn form(&self) -> Vec<(&str, &str)> {
        let mut form = vec![("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", self.code.as_str())];
        form.extend(self.tx_code.as_deref().map(|code| ("tx_code", code)));
        form
    }
}

pub(crate) async fn offer_for(site: &Site, person: &str, with_tx_code: bool, replaces: bool) -> Taken {
    let order = json!({
        "person": person, "credential_types": [LICENCE], "with_tx_code": with_tx_code, "replaces": replaces, "life": 600,
    });
    ordered(site, &order).await
}

pub(crate) async fn ordered(site: &Site, order: &Value) -> Taken {
    let with_tx_code = order["with_tx_code"] == true;
    let made = site.admin("/v1/admin/offers", order).await.json();
    let OfferUri::Offer(offer) = OfferUri::read(made["openid_offer"].as_str().unwrap()).unwrap() else { panic!() };
    let code = offer.pre_authorized().unwrap().code.clone();
    assert_eq!(offer.pre_authorized().unwrap().tx_code.is_some(), with_tx_code);
    Taken { code, tx_code: made["tx_code"].as_str().map(str::to_owned), offer }
}

pub(crate) async fn offer(site: &Site) -> Taken {
    offer_for(site, HOLDER, true, false).await
}

pub(crate) fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, code));
}

pub(crate) fn bad(answer: &Answer, code: &str) {
    refused(answer, StatusCode::BAD_REQUEST, code);
}

#[tokio::test]
async fn a_foreign_wallet_takes_a_licence_in_two_formats() {
    let site = site(Limits::default());
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    assert_eq!(metadata["credential_issuer"], BASE);
    assert_eq!(metadata["batch_credential_issuance"]["batch_size"], BATCH_MAX);
    let server = site.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!((&server["issuer"], &server["dpop_signing_alg_values_supported"]), (&json!(BASE), &json!(["ES256"])));

    let offered = offer(&site).await;
    assert_eq!(offered.offer.credential_configuration_ids, [SD_JWT, MDOC, BBS, EDDSA]);
    assert!(metadata["credential_configurations_supported"].get(SD_JWT).is_some());
    let by_reference = site.get(&format!("/openid4vci/offers/{}", offered.code)).await;
    assert_eq!(Offer::read(&by_reference.body).unwrap(), offered.offer);
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offered).await;
    assert_eq!(
        site.get(&format!("/openid4vci/offers/{}", offered.code)).await.status,
        StatusCode::NOT_FOUND,
        "taken up"
    );

    let holder = key();
    let answer = wallet.fetch(&token, SD_JWT, &holder).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let text = answer.json()["credentials"][0]["credential"].as_str().unwrap().to_owned();
    let root = Root::from_der(&site.issuer.root_certificate(NOW, &mut fresh()).unwrap()).unwrap();
    let trust = sd_jwt::Trust { roots: &[root], now: NOW };
    let claims = sd_jwt::verify_issued(&text, LICENCE, &trust).unwrap();
    assert_eq!(claims.claims()["cnf"]["jwk"], Jwk::from(holder.multikey()).to_json());
    let (one, two) = (key(), key());
    let request = wallet.request(MDOC, &[&one, &two]).await;
    let answer = wallet.ask(&token, &request).await.json();
    assert_eq!(answer["credentials"].as_array().unwrap().len(), 2);

    let id = answer["notification_id"].as_str().unwrap();
    let told = json!({ "notification_id": id, "event": "credential_accepted" });
    for _ in 0..2 {
        let answer = wallet.call("/openid4vci/notification", &token, &told).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0), "J27: repeating changes nothing");
    }
    let issued = site.issuer.issued(&PersonId::new(HOLDER)).unwrap();
    assert_eq!(issued.len(), 1, "one enrolment, whatever the formats");
    site.issuer.check_audit().unwrap();
}

/// One call, one enrolment, all formats; each answer is the one that its request gets by itself.
#[tokio::test]
async fn vci_72_one_call_yields_all_twins() {
    const TWINS: &str = "/openid4vci/twins";
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let formats = [SD_JWT, MDOC, BBS, EDDSA];
    let keys: Vec<_> = formats.iter().map(|_| [key(), key()]).collect();
    let nonce = wallet.c_nonce().await;
    let one = |wallet: &Foreign<'_>, configuration: &str, keys: &[StandardKey; 2], nonce: &str| {
        let proofs: Vec<_> = keys.iter().map(|key| wallet.proof(key, nonce)).collect();
        json!({ "credential_configuration_id": configuration, "proofs": { "jwt": proofs } })
    };
    let all: Vec<_> = formats.iter().zip(&keys).map(|(format, keys)| one(&wallet, format, keys, &nonce)).collect();
    let call = |requests: &[Value]| json!({ "credential_requests": requests });
    // Nothing of it is issued when anything of it is wrong.
    let other_nonce = wallet.c_nonce().await;
    let with = |last: Value| {
        let mut all = all.clone();
        all[3] = last;
        call(&all)
    };
    let mut encrypted = all[3].clone();
    encrypted["credential_response_encryption"] = json!({});
    for (body, code) in [
        (call(&[]), "invalid_credential_request"),
        (call(&vec![all[0].clone(); 9]), "invalid_credential_request"),
        (with(all[0].clone()), "invalid_credential_request"),
        (with(encrypted), "invalid_credential_request"),
        (with(json!({ "credential_configuration_id": EDDSA })), "invalid_proof"),
        (with(json!({ "credential_configuration_id": "x" })), "unknown_credential_configuration"),
        (with(one(&wallet, EDDSA, &keys[0], &nonce)), "invalid_proof"), // VCI-73
        (with(one(&wallet, EDDSA, &keys[3], &other_nonce)), "invalid_proof"),
        (json!({}), "invalid_credential_request"),
        (json!([]), "invalid_credential_request"),
    ] {
        bad(&wallet.call(TWINS, &token, &body).await, code);
    }
    assert!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().is_empty());

    let answer = wallet.call(TWINS, &token, &call(&all)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let responses = answer.json()["credential_responses"].as_array().unwrap().clone();
    assert!(responses.len() == 4 && responses.iter().all(|it| it["credentials"].as_array().unwrap().len() == 2));
    assert_eq!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1, "one enrolment");
    // VCI-73: the same again, at once or one by one; a nonce is good for one call.
    assert_eq!(wallet.call(TWINS, &token, &call(&all)).await.json(), answer.json());
    assert_eq!(wallet.ask(&token, &all[1]).await.json(), responses[1]);
    let fresh_keys = [key(), key()];
    bad(&wallet.call(TWINS, &token, &call(&[one(&wallet, SD_JWT, &fresh_keys, &nonce)])).await, "invalid_nonce");
    let further = one(&wallet, SD_JWT, &fresh_keys, &other_nonce);
    let mixed = wallet.call(TWINS, &token, &call(&[further])).await;
    assert_eq!(mixed.status, StatusCode::OK, "{:?}", mixed.body);
    let unsigned = wallet.call_with(TWINS, &[("authorization", &format!("DPoP {token}"))], &call(&all)).await;
    refused(&unsigned, StatusCode::UNAUTHORIZED, "invalid_dpop_proof");

    // A clerk looks at them one by one.
    let order = json!({
        "person": LEAP_DAY_CHILD, "credential_types": [LICENCE], "with_tx_code": true, "review": true, "life": 600,
    });
    let (token, _) = wallet.redeem(&ordered(&site, &order).await).await;
    let nonce = wallet.c_nonce().await;
    let asked = call(&[one(&wallet, SD_JWT, &[key(), key()], &nonce)]);
    bad(&wallet.call(TWINS, &token, &asked).await, "credential_request_denied");
    site.issuer.check_audit().unwrap();
}

/// Appendix A.1.2: W3C credentials with Data Integrity proofs, one to show parts of and one to show whole.
#[tokio::test]
async fn a_foreign_wallet_takes_a_licence_as_w3c_credential() {
    let site = site(Limits::default());
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let (one, two) = (key(), key());
    let mut shown = Vec::new();
    for (id, suite) in [(BBS, Suite::Bbs2023), (EDDSA, Suite::EddsaRdfc2022)] {
        let configuration = &metadata["credential_configurations_supported"][id];
        assert_eq!((&configuration["format"], &configuration["scope"]), (&json!("ldp_vc"), &json!(id)));
        assert_eq!(configuration["credential_signing_alg_values_supported"], json!([suite.as_str()]));
        let claims = configuration["credential_metadata"]["claims"].as_array().unwrap();
        assert!(claims.iter().any(|it| it["path"] == json!(["credentialSubject", "nameKo"])));
        let request = wallet.request(id, &[&one, &two]).await;
        let answer = wallet.ask(&token, &request).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let answer = answer.json();
        let [first, second] = &answer["credentials"].as_array().unwrap()[..] else { panic!("two copies") };
        for (copy, key) in [(first, &one), (second, &two)] {
            let credential = &copy["credential"];
            let definition = &configuration["credential_definition"];
            assert_eq!((&credential["@context"], &credential["type"]), (&definition["@context"], &definition["type"]));
            assert_eq!(credential["credentialSubject"]["id"], DidKey::new(key.multikey()).to_text());
            assert_eq!(credential["proof"]["cryptosuite"], suite.as_str());
            let status = credential["credentialStatus"][0]["statusListIndex"].as_str().unwrap().to_owned();
            assert!(!shown.contains(&status), "TWIN-04: an entry of its own");
            shown.push(status);
        }
        assert_eq!(wallet.ask(&token, &request).await.json(), answer, "VCI-26: the same again");
    }
}

#[tokio::test]
async fn metadata_are_signed_for_those_who_ask() {
    let site = site(Limits::default());
    let request =
        Request::get("/.well-known/openid-credential-issuer").header("accept", "application/jwt, application/json");
    let answer = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/jwt");
    let jwt = String::from_utf8(answer.body.to_vec()).unwrap();
    let jws = Jws::read(&jwt).unwrap();
    jws.expect_kind("openidvci-issuer-metadata+jwt").unwrap();
    let root = Root::from_der(&site.issuer.root_certificate(NOW, &mut fresh()).unwrap()).unwrap();
    let leaf = verify_chain(&jws.header().certificates().unwrap(), &[root], Purpose::Credentials, NOW).unwrap();
    let claims = jws.verify(&leaf.key).unwrap().claims().unwrap();
    assert_eq!((&claims["sub"], &claims["iat"]), (&json!(BASE), &json!(NOW)));
    let plain = site.get("/.well-known/openid-credential-issuer").await.json();
    assert!(plain.as_object().unwrap().iter().all(|(name, value)| claims[name] == *value));
}

/// J17, J18, J19.
#[tokio::test]
async fn vci_02_codes_are_good_once_and_die_after_five_errors() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let with = |code: &'static str| {
        vec![("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", offered.code.as_str()), ("tx_code", code)]
    };
    let plain = &with("")[..2];
    bad(&wallet.token(plain).await, "invalid_request"); // VCI-03
    bad(&wallet.token(&with("")).await, "invalid_request");
    let wrong = if offered.tx_code.as_deref() == Some("000000") { "000001" } else { "000000" };
    for _ in 0..5 {
        bad(&wallet.token(&with(wrong)).await, "invalid_grant");
    }
    bad(&wallet.token(&offered.form()).await, "invalid_grant");

    let unprotected = offer_for(&site, HOLDER, false, false).await;
    let with_code = [&unprotected.form()[..], &[("tx_code", "123456")]].concat();
    bad(&wallet.token(&with_code).await, "invalid_request"); // VCI-03
    site.clock.fetch_add(601, Ordering::Relaxed);
    bad(&wallet.token(&unprotected.form()).await, "use_dpop_nonce");
    bad(&wallet.token(&unprotected.form()).await, "invalid_grant");

    let raced = offer(&site).await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let wallet = Foreign { site: &site, key: key(), nonce: wallet.nonce.clone() };
        let request = Request::post("/openid4vci/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", wallet.dpop("/openid4vci/token", None));
        let request = request.body(Body::from(url_encoded(&raced.form()))).unwrap();
        racing.spawn(site.app.clone().oneshot(request));
    }
    let answers: Vec<StatusCode> = racing.join_all().await.into_iter().map(|it| it.unwrap().status()).collect();
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 1);
    let others = [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE];
    assert!(answers.iter().all(|status| others.contains(status)), "{answers:?}");
    bad(&wallet.token(&raced.form()).await, "invalid_grant");
}

#[tokio::test]
async fn token_requests_are_read_strictly() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    bad(&wallet.token(&[]).await, "invalid_request");
    bad(&wallet.token(&[("grant_type", "password")]).await, "unsupported_grant_type");
    bad(&wallet.token(&[("grant_type", "authorization_code")]).await, "invalid_request");
    bad(&wallet.token(&[("grant_type", PRE_AUTHORIZED)]).await, "invalid_request");
    bad(&wallet.token(&[("grant_type", "refresh_token")]).await, "invalid_request");
    bad(&wallet.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await, "invalid_grant");
    let twice = [&offered.form()[..], &[("grant_type", PRE_AUTHORIZED)]].concat();
    bad(&wallet.token(&twice).await, "invalid_request");
    let long = "c".repeat(300);
    let named = [&offered.form()[..], &[("client_id", long.as_str())]].concat();
    bad(&wallet.token(&named).await, "invalid_request");
    for code in ["", "AA", "not base64url", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let form = [("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", code)];
        let expected = if code.is_empty() { "invalid_request" } else { "invalid_grant" };
        bad(&wallet.token(&form).await, expected);
    }
    let proof = wallet.dpop("/openid4vci/token", None);
    let json = Request::post("/openid4vci/token").header("content-type", "application/json").header("dpop", proof);
    bad(&wallet.send(json.body(Body::from("{}")).unwrap()).await, "invalid_request");
    // J35: what nobody knows is ignored.
    let more = [&offered.form()[..], &[("new", "1")]].concat();
    assert_eq!(wallet.token(&more).await.status, StatusCode::OK);
    // J36.
    for path in ["token", "nonce", "credential", "notification"] {
        for method in [Method::GET, Method::PUT, Method::TRACE] {
            let request = Request::builder().method(method).uri(format!("/openid4vci/{path}"));
            assert_eq!(site.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::METHOD_NOT_ALLOWED);
        }
        let request =
            Request::post(format!("/openid4vci/{path}")).header("content-type", "application/x-www-form-urlencoded");
        let large = request.body(Body::from("a".repeat(70_000))).unwrap();
        let status = site.send(large).await.status;
        assert!(status == StatusCode::PAYLOAD_TOO_LARGE || path == "nonce", "N02: {path} {status}");
    }
}

/// J13, at the token endpoint.
#[tokio::test]
async fn vci_10_tokens_are_given_to_the_holder_of_a_key() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let form = offered.form();
    bad(&wallet.token_with(&form, &[]).await, "invalid_dpop_proof");
    bad(&wallet.token_with(&form, &[("dpop", "x")]).await, "invalid_dpop_proof");
    let good = wallet.dpop("/openid4vci/token", None);
    bad(&wallet.token_with(&form, &[("dpop", &good), ("dpop", &good)]).await, "invalid_dpop_proof");
    for (path, token) in [("/openid4vci/credential", None), ("/openid4vci/token", Some("t"))] {
        let other = wallet.dpop(path, token);
        bad(&wallet.token_with(&form, &[("dpop", &other)]).await, "invalid_dpop_proof");
    }
    // Nonces of another server, of another time, and none.
    let nonce = wallet.nonce.clone();
    for other in [None, Some("x".to_owned()), Some(base64url(&[0; 40]))] {
        wallet.nonce = other;
        bad(&wallet.token(&form).await, "use_dpop_nonce"); // VCI-11
    }
    wallet.nonce = nonce;
    assert_eq!(
        wallet.token_with(&form, &[("dpop", &good)]).await.status,
        StatusCode::OK,
        "none of it used the code up"
    );
    bad(&wallet.token_with(&form, &[("dpop", &good)]).await, "invalid_dpop_proof"); // VCI-12
}

/// J13, J14, J15, at the credential endpoint.
#[tokio::test]
async fn vci_13_tokens_are_good_with_their_key_only() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let body = wallet.request(SD_JWT, &[&key()]).await;
    let path = "/openid4vci/credential";
    let bearer = format!("DPoP {token}");
    let unauthorized = |answer: &Answer, code: &str| {
        refused(answer, StatusCode::UNAUTHORIZED, code);
        let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("DPoP ") && challenge.contains(code), "{challenge}");
    };
    unauthorized(&wallet.call_with(path, &[("authorization", &bearer)], &body).await, "invalid_dpop_proof");
    let without_hash = wallet.dpop(path, None);
    let answer = wallet.call_with(path, &[("authorization", &bearer), ("dpop", &without_hash)], &body).await;
    unauthorized(&answer, "invalid_dpop_proof");
    let mut thief = Foreign::new(&site).await;
    unauthorized(&thief.ask(&token, &body).await, "invalid_dpop_proof");
    let good = wallet.dpop(path, Some(&token));
    let scheme = format!("Bearer {token}");
    unauthorized(&wallet.call_with(path, &[("authorization", &scheme), ("dpop", &good)], &body).await, "invalid_token");
    unauthorized(&wallet.call_with(path, &[("dpop", &good)], &body).await, "invalid_token");
    unauthorized(&wallet.ask("another", &body).await, "invalid_token");
    // VCI-14
    let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str()), ("dpop", good.as_str())];
    bad(&wallet.call_with(path, &twice, &body).await, "invalid_request");
    let in_query = format!("{path}?access_token={token}");
    bad(&wallet.call_with(&in_query, &[("dpop", &good)], &body).await, "invalid_request");
    let zipped = [("authorization", bearer.as_str()), ("dpop", good.as_str()), ("content-encoding", "gzip")];
    let request = wallet.call_with(path, &zipped, &body).await;
    assert_eq!(request.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "N08");
    let answer = wallet.call_with(path, &[("authorization", &bearer), ("dpop", &good)], &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    unauthorized(
        &wallet.call_with(path, &[("authorization", &bearer), ("dpop", &good)], &body).await,
        "invalid_dpop_proof",
    );
    site.clock.fetch_add(601, Ordering::Relaxed);
    unauthorized(&wallet.ask(&token, &body).await, "invalid_token");
}

/// J01, J02, J03, J05 to J09, J24.
#[tokio::test]
async fn vci_20_requests_prove_their_keys() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let holder = key();
    let request = wallet.request(SD_JWT, &[&holder]).await;
    let with = |name: &str, value: Value| {
        let mut changed = request.clone();
        changed[name] = value;
        changed
    };
    bad(
        &wallet.ask(&token, &with("credential_configuration_id", "x".into())).await,
        "unknown_credential_configuration",
    );
    let by_identifier = json!({ "credential_identifier": "x", "proofs": request["proofs"] });
    bad(&wallet.ask(&token, &by_identifier).await, "unknown_credential_identifier");
    bad(&wallet.ask(&token, &with("credential_identifier", "x".into())).await, "invalid_credential_request");
    bad(&wallet.ask(&token, &json!({ "proofs": request["proofs"] })).await, "invalid_credential_request");
    bad(&wallet.ask(&token, &json!([])).await, "invalid_credential_request");
    let encrypted = with("credential_response_encryption", json!({ "jwk": {}, "enc": "A128GCM" }));
    bad(&wallet.ask(&token, &encrypted).await, "invalid_encryption_parameters"); // VCI-24
    for proofs in [Value::Null, json!({}), json!({ "jwt": [] }), json!({ "di_vp": [{}] }), json!({ "jwt": ["x"] })] {
        bad(&wallet.ask(&token, &with("proofs", proofs)).await, "invalid_proof");
    }
    let nonce = wallet.c_nonce().await;
    let now = wallet.now();
    let proof = |expected: Expected<'_>, nonce: Option<&str>| key_proof::make(&holder, &expected, nonce).unwrap();
    let right = Expected { issuer: BASE, client: None, now };
    for wrong in [
        proof(Expected { issuer: "https://other.example", ..right }, Some(&nonce)),
        proof(Expected { client: Some("me"), ..right }, Some(&nonce)),
        proof(Expected { now: now + 61, ..right }, Some(&nonce)),
        proof(Expected { now: now - 600, ..right }, Some(&nonce)),
        proof(right, None),
    ] {
        bad(&wallet.ask(&token, &with("proofs", json!({ "jwt": [wrong] }))).await, "invalid_proof");
    }
    // VCI-23: of nobody, expired, and used below.
    for nonce in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let proofs = json!({ "jwt": [proof(right, Some(nonce))] });
        bad(&wallet.ask(&token, &with("proofs", proofs)).await, "invalid_nonce");
    }
    let twice = wallet.request(SD_JWT, &[&holder, &holder]).await;
    bad(&wallet.ask(&token, &twice).await, "invalid_proof"); // VCI-21
    let other = wallet.c_nonce().await;
    let mixed = json!({ "jwt": [wallet.proof(&key(), &nonce), wallet.proof(&key(), &other)] });
    bad(&wallet.ask(&token, &with("proofs", mixed)).await, "invalid_proof"); // VCI-22
    let many: Vec<StandardKey> = (0..=BATCH_MAX).map(|_| key()).collect();
    let many = wallet.request(SD_JWT, &many.iter().collect::<Vec<_>>()).await;
    bad(&wallet.ask(&token, &many).await, "invalid_credential_request");

    // J35, and none of it used nonce or offer up.
    let mut good = with("new", json!({ "member": 1 }));
    good["proofs"]["attestation_hint"] = 1.into();
    assert_eq!(wallet.ask(&token, &good).await.status, StatusCode::OK);
    let used = with("proofs", json!({ "jwt": [wallet.proof(&key(), &first_nonce(&request))] }));
    bad(&wallet.ask(&token, &used).await, "invalid_nonce");
    let late = wallet.request(SD_JWT, &[&key()]).await;
    site.clock.fetch_add(301, Ordering::Relaxed);
    let late = json!({ "credential_configuration_id": SD_JWT,
        "proofs": { "jwt": [wallet.proof(&key(), &first_nonce(&late))] } });
    bad(&wallet.ask(&token, &late).await, "invalid_nonce");
}

pub(crate) fn first_nonce(request: &Value) -> String {
    let proof = request["proofs"]["jwt"][0].as_str().unwrap();
    let payload = jose::from_base64url(proof.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["nonce"].as_str().unwrap().to_owned()
}

/// J33: the same keys again, after whatever happened to the first answer.
#[tokio::test]
async fn vci_26_the_same_request_gets_the_same_credential() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, refresh) = wallet.redeem(&offer(&site).await).await;
    let holder = key();
    let request = wallet.request(SD_JWT, &[&holder]).await;
    let first = wallet.ask(&token, &request).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(wallet.ask(&token, &request).await.body, first.body, "the very same request");
    assert_eq!(wallet.fetch(&token, SD_JWT, &holder).await.body, first.body, "the same key with a fresh nonce");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let renewed = wallet.token(&form).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(wallet.fetch(&renewed, SD_JWT, &holder).await.body, first.body, "with another access token");
    let other = wallet.fetch(&renewed, SD_JWT, &key()).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_ne!(other.body, first.body, "another key is another copy");
    assert_eq!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1);
    // VCI-05: a refresh token is good with its key only.
    bad(&Foreign::new(&site).await.token(&form).await, "invalid_grant");
}

/// J31.
#[tokio::test]
async fn vci_27_one_phone_has_the_licence() {
    let site = site(Limits::default());
    let mut first = Foreign::new(&site).await;
    let both = [offer(&site).await, offer(&site).await];
    let (token, refresh) = first.redeem(&both[0]).await;
    assert_eq!(first.fetch(&token, SD_JWT, &key()).await.status, StatusCode::OK);
    let mut second = Foreign::new(&site).await;
    let (other, _) = second.redeem(&both[1]).await;
    bad(&second.fetch(&other, SD_JWT, &key()).await, "credential_request_denied");
    // A replacement swaps in one step: the first phone's is withdrawn, and it gets nothing more.
    let swap = offer_for(&site, HOLDER, true, true).await;
    let (other, _) = second.redeem(&swap).await;
    assert_eq!(second.fetch(&other, MDOC, &key()).await.status, StatusCode::OK);
    bad(&first.fetch(&token, SD_JWT, &key()).await, "credential_request_denied");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    bad(&first.token(&form).await, "invalid_grant"); // VCI-05
    let person = PersonId::new(HOLDER);
    assert_eq!(site.issuer.issued(&person).unwrap().iter().filter(|it| it.revoked_at.is_none()).count(), 1);
    // The phone is lost.
    site.issuer.revoke_all(&person, RevocationReason::PhoneLost, NOW).unwrap();
    bad(&second.fetch(&other, SD_JWT, &key()).await, "credential_request_denied");
    // An offer is taken up in one protocol.
    let offered = offer(&site).await;
    second.redeem(&offered).await;
    let code: [u8; 16] = jose::from_base64url(&offered.code).unwrap().try_into().unwrap();
    let own = Wallet::new(&site.issuer, LICENCE);
    let mut request = own.request_with(
        &issuer::MadeOffer { offer: protocol_offer(&site, code), tx_code: offered.tx_code.map(Into::into) },
        site.issuer.nonce(NOW, &mut fresh()).unwrap().nonce,
        Vec::new(),
    );
    request.code = code;
    assert_eq!(site.post("/v1/credentials", request.encode()).await.error(), "invalid_grant");
}

fn protocol_offer(site: &Site, code: [u8; 16]) -> protocol::exchange::Offer {
    protocol::exchange::Offer {
        issuer: site.issuer.did().clone(),
        url: BASE.into(),
        code,
        credential_types: vec![LICENCE.into()],
        tx_code: true,
        expires_at: NOW + 600,
    }
}

/// J37, J8: between proofing and issuing nothing may change; afterwards a change renews.
#[tokio::test]
async fn vci_28_a_changed_entry_is_renewed_and_never_slips_in() {
    let site = site(Limits::default());
    let person = PersonId::new(HOLDER);
    let mut wallet = Foreign::new(&site).await;
    let early = offer(&site).await;
    let (token, _) = wallet.redeem(&early).await;
    site.register.record_attribute(&person, "address", "부산광역시 해운대구 우동 1").unwrap();
    bad(&wallet.fetch(&token, SD_JWT, &key()).await, "credential_request_denied"); // VCI-25
    assert!(site.issuer.issued(&person).unwrap().is_empty(), "no row left");

    let (token, refresh) = wallet.redeem(&offer(&site).await).await;
    let holder = key();
    let before = wallet.fetch(&token, SD_JWT, &holder).await;
    assert_eq!(before.status, StatusCode::OK);
    site.register.record_attribute(&person, "address", "대구광역시 중구 동인동 2").unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let renewed = wallet.token(&form).await.json()["access_token"].as_str().unwrap().to_owned();
    let after = wallet.fetch(&renewed, SD_JWT, &key()).await;
    assert_eq!(after.status, StatusCode::OK, "{:?}", after.body);
    let issued = site.issuer.issued(&person).unwrap();
    let withdrawn = issued.iter().filter(|it| it.revoked_at.is_some()).count();
    assert_eq!((issued.len(), withdrawn), (2, 1), "the old one is withdrawn");
    site.register.record_death(&person).unwrap();
    bad(&wallet.token(&form).await, "invalid_grant");
    bad(&wallet.fetch(&renewed, SD_JWT, &key()).await, "credential_request_denied");
}

/// J8: the register's event withdraws at once, and the phone that had it gets it anew by itself.
#[tokio::test]
async fn vci_29_what_a_change_has_withdrawn_is_renewed_and_nothing_else() {
    let site = site(Limits::default());
    let person = PersonId::new(HOLDER);
    let moved = || {
        let street = format!("부산광역시 해운대구 우동 {}", fresh().next_u32());
        site.register.record_attribute(&person, "address", &street).unwrap();
        let event = RegisterEvent::Changed(vec!["address".to_owned()]);
        assert_eq!(site.issuer.register_event(&person, &event, NOW).unwrap(), [LICENCE]);
    };
    // Who has a licence, and what asks for it anew.
    let mut wallet = Foreign::new(&site).await;
    let (token, refresh) = wallet.redeem(&offer(&site).await).await;
    assert_eq!(wallet.fetch(&token, SD_JWT, &key()).await.status, StatusCode::OK);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let active = || site.issuer.issued(&person).unwrap().iter().filter(|it| it.revoked_at.is_none()).count();
    for count in 2..4 {
        moved();
        assert_eq!(active(), 0, "what is no longer true is withdrawn at once");
        let renewed = wallet.token(&form).await.json()["access_token"].as_str().unwrap().to_owned();
        for format in [SD_JWT, MDOC] {
            let answer = wallet.fetch(&renewed, format, &key()).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        }
        assert_eq!((active(), site.issuer.issued(&person).unwrap().len()), (1, count));
    }
    // An event without another entry is none to renew for.
    let event = RegisterEvent::Changed(vec!["address".to_owned()]);
    site.issuer.register_event(&person, &event, NOW).unwrap();
    let renewed = wallet.token(&form).await.json()["access_token"].as_str().unwrap().to_owned();
    bad(&wallet.fetch(&renewed, SD_JWT, &key()).await, "credential_request_denied");
    site.register.record_attribute(&person, "address", "대구광역시 중구 동인동 2").unwrap();
    assert_eq!(wallet.fetch(&renewed, SD_JWT, &key()).await.status, StatusCode::OK);

    // A move is no way around a suspension, a loss or a withdrawal, before it or after it.
    let lost = RevocationReason::PhoneLost;
    let steps: [&dyn Fn(); 6] = [
        &|| {
            site.issuer.suspend(&person, LICENCE, NOW).unwrap();
            moved();
        },
        &|| {
            moved();
            assert_eq!(site.issuer.suspend(&person, LICENCE, NOW), Err(IssuerError::CredentialRevoked));
        },
        &|| {
            moved();
            assert_eq!(site.issuer.suspend_all(&person, NOW), Ok(Vec::new()));
        },
        &|| {
            moved();
            assert_eq!(site.issuer.revoke(&person, LICENCE, lost, NOW), Ok(Withdrawal::AlreadyRevoked));
        },
        &|| {
            moved();
            assert_eq!(site.issuer.revoke_all(&person, lost, NOW), Ok(0));
        },
        &|| {
            moved();
            // Another phone took its place, and was lost.
            let enrolment = site.issuer.enrol(&person, LICENCE, false, NOW + 1, &mut fresh()).unwrap();
            site.issuer.revoke_handle(LICENCE, enrolment.handle, lost, NOW + 1).unwrap();
        },
    ];
    for (number, happens) in steps.into_iter().enumerate() {
        let mut wallet = Foreign::new(&site).await;
        let (token, refresh) = wallet.redeem(&offer_for(&site, HOLDER, true, true).await).await;
        assert_eq!(wallet.fetch(&token, SD_JWT, &key()).await.status, StatusCode::OK, "{number}");
        happens();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let answer = wallet.token(&form).await;
        if answer.status == StatusCode::OK {
            let renewed = answer.json()["access_token"].as_str().unwrap().to_owned();
            bad(&wallet.fetch(&renewed, SD_JWT, &key()).await, "credential_request_denied");
        } else {
            bad(&answer, "invalid_grant"); // VCI-05
        }
        assert_eq!(wallet.fetch(&token, SD_JWT, &key()).await.status.as_u16() / 100, 4, "{number}");
        assert_eq!(active(), 0, "{number}");
    }
}

/// J27.
#[tokio::test]
async fn vci_30_notifications_name_an_answer_of_the_same_wallet() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let answer = wallet.fetch(&token, SD_JWT, &key()).await.json();
    let path = "/openid4vci/notification";
    let told = json!({ "notification_id": answer["notification_id"], "event": "credential_deleted", "event_description": "gone" });
    for (name, value, code) in [
        ("notification_id", json!("x"), "invalid_notification_id"),
        ("notification_id", json!("AAAAAAAAAAAAAAAAAAAAAA"), "invalid_notification_id"),
        ("notification_id", json!(1), "invalid_notification_request"),
        ("event", json!("credential_sold"), "invalid_notification_request"),
    ] {
        let mut wrong = told.clone();
        wrong[name] = value;
        bad(&wallet.call(path, &token, &wrong).await, code);
    }
    let mut other = Foreign::new(&site).await;
    let (foreign, _) = other.redeem(&offer_for(&site, LEAP_DAY_CHILD, true, false).await).await;
    bad(&other.call(path, &foreign, &told).await, "invalid_notification_id");
    assert_eq!(wallet.call(path, &token, &told).await.status, StatusCode::NO_CONTENT);
}

/// What a wallet pushes for an offer.
pub(crate) struct Push {
    pub(crate) verifier: String,
    pub(crate) form: Vec<(&'static str, String)>,
}

impl Push {
    pub(crate) fn new(offered: &Taken) -> Self {
        let mut secret = [0; 32];
        fresh().fill_bytes(&mut secret);
        let verifier = base64url(&secret);
        let form = vec![
            ("client_id", "wallet".to_owned()),
            ("response_type", "code".to_owned()),
            ("redirect_uri", "com.example.wallet:/back?x=1".to_owned()),
            ("code_challenge", base64url(&Sha256::digest(&verifier))),
            ("code_challenge_method", "S256".to_owned()),
            ("scope", SD_JWT.to_owned()),
            ("issuer_state", offered.code.clone()),
            ("state", "s&t".to_owned()),
        ];
        Self { verifier, form }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.form.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.form.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) async fn send(&self, site: &Site, dpop: Option<&str>) -> Answer {
        let form: Vec<(&str, &str)> = self.form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut request = Request::post("/openid4vci/par").header("content-type", "application/x-www-form-urlencoded");
        if let Some(dpop) = dpop {
            request = request.header("dpop", dpop);
        }
        site.send(request.body(Body::from(url_encoded(&form))).unwrap()).await
    }

    pub(crate) async fn accepted(&self, site: &Site) -> String {
        let answer = self.send(site, None).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.json()["request_uri"].as_str().unwrap().to_owned()
    }
}

async fn open_log_in(site: &Site, client: &str, request_uri: &str) -> Answer {
    let query = url_encoded(&[("client_id", client), ("request_uri", request_uri)]);
    site.get(&format!("/openid4vci/authorize?{query}")).await
}

fn session_of(page: &Answer) -> String {
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    text.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn log_in(site: &Site, request_uri: &str, session: &str, digits: &str) -> Answer {
    let form = [("request_uri", request_uri), ("session", session), ("counter_code", digits)];
    let request = Request::post("/openid4vci/authorize").header("content-type", "application/x-www-form-urlencoded");
    site.send(request.body(Body::from(url_encoded(&form))).unwrap()).await
}

fn back(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::FOUND, "{:?}", answer.body);
    answer.headers[header::LOCATION].to_str().unwrap().to_owned()
}

/// From offer to authorisation code.
async fn code_for(site: &Site, offered: &Taken, push: &Push) -> String {
    let request_uri = push.accepted(site).await;
    let page = open_log_in(site, "wallet", &request_uri).await;
    let address = back(&log_in(site, &request_uri, &session_of(&page), offered.tx_code.as_deref().unwrap()).await);
    // VCI-55
    assert!(address.starts_with("com.example.wallet:/back?x=1&code="), "{address}");
    assert!(address.ends_with("&state=s%26t&iss=http%3A%2F%2F127.0.0.1%3A8701"), "{address}");
    address.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

fn exchange<'a>(code: &'a str, push: &'a Push) -> Vec<(&'static str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "wallet"),
        ("redirect_uri", "com.example.wallet:/back?x=1"),
        ("code_verifier", &push.verifier),
    ]
}

#[tokio::test]
async fn vci_54_a_person_logs_in_with_the_counter_code() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let push = Push::new(&offered);
    let code = code_for(&site, &offered, &push).await;
    let answer = wallet.token(&exchange(&code, &push)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    // The client said who it is, and key proofs may repeat it.
    let expected = Expected { issuer: BASE, client: Some("wallet"), now: wallet.now() };
    let proof = key_proof::make(&key(), &expected, Some(&wallet.c_nonce().await)).unwrap();
    let body = json!({ "credential_configuration_id": SD_JWT, "proofs": { "jwt": [proof] } });
    assert_eq!(wallet.ask(&token, &body).await.status, StatusCode::OK);
    bad(&wallet.token(&offered.form()).await, "invalid_grant");
    site.issuer.check_audit().unwrap();
}

/// J21.
#[tokio::test]
async fn vci_50_requests_are_pushed_and_opened_once() {
    let site = site(Limits::default());
    let offered = offer(&site).await;
    for (name, value, code) in [
        ("client_id", "", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("redirect_uri", "http://example.com/", "invalid_request"),
        ("redirect_uri", "http://127.0.0.1.evil.example/", "invalid_request"),
        ("redirect_uri", "javascript:alert(1)", "invalid_request"),
        ("redirect_uri", "https://a.example/#x", "invalid_request"),
        ("redirect_uri", "https://a@b.example/", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"), // VCI-51, J20
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("issuer_state", "", "invalid_request"), // VCI-52
        ("issuer_state", "AAAAAAAAAAAAAAAAAAAAAA", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "openid", "invalid_scope"),
        ("request_uri", "urn:x", "invalid_request"),
        ("dpop_jkt", "x", "invalid_request"),
    ] {
        bad(&Push::new(&offered).with(name, value).send(&site, None).await, code);
    }
    let twice = Push::new(&offered);
    let mut form = twice.form.clone();
    form.push(("state", "again".into()));
    bad(&Push { form, ..twice }.send(&site, None).await, "invalid_request");
    for redirect in ["https://wallet.example/back", "http://127.0.0.1:4/back", "http://localhost/", "com.example:/x"] {
        Push::new(&offered).with("redirect_uri", redirect).accepted(&site).await;
    }
    // VCI-53: outside of a pushed request, another client's, opened twice, expired.
    let get = |query: &str| format!("/openid4vci/authorize?{query}");
    bad(&site.get(&get("client_id=wallet&response_type=code&scope=x")).await, "invalid_request_uri");
    bad(&site.get(&get("request_uri=x")).await, "invalid_request");
    bad(&open_log_in(&site, "wallet", "urn:ietf:params:oauth:request_uri:x").await, "invalid_request_uri");
    let request_uri = Push::new(&offered).accepted(&site).await;
    bad(&open_log_in(&site, "other", &request_uri).await, "invalid_request_uri");
    let page = open_log_in(&site, "wallet", &request_uri).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
    bad(&open_log_in(&site, "wallet", &request_uri).await, "invalid_request_uri");
    bad(&log_in(&site, &request_uri, "another session", "000000").await, "invalid_request_uri");
    let late = Push::new(&offered).accepted(&site).await;
    site.clock.fetch_add(91, Ordering::Relaxed);
    bad(&open_log_in(&site, "wallet", &late).await, "invalid_request_uri");
    // The client's name is shown, and is not markup.
    let push = Push::new(&offered).with("client_id", "<b>'\"&");
    let page = open_log_in(&site, "<b>'\"&", &push.accepted(&site).await).await;
    assert!(String::from_utf8(page.body.to_vec()).unwrap().contains("&lt;b&gt;&#39;&quot;&amp;"));
}

#[tokio::test]
async fn vci_54_wrong_digits_end_the_offer() {
    let site = site(Limits::default());
    let offered = offer(&site).await;
    let request_uri = Push::new(&offered).accepted(&site).await;
    let session = session_of(&open_log_in(&site, "wallet", &request_uri).await);
    let wrong = if offered.tx_code.as_deref() == Some("000000") { "000001" } else { "000000" };
    for _ in 0..4 {
        let again = log_in(&site, &request_uri, &session, wrong).await;
        assert_eq!((again.status, session_of(&again)), (StatusCode::OK, session.clone()));
    }
    let address = back(&log_in(&site, &request_uri, &session, wrong).await);
    assert!(address.contains("error=access_denied&state=s%26t&iss="), "{address}");
    bad(&log_in(&site, &request_uri, &session, offered.tx_code.as_deref().unwrap()).await, "invalid_request_uri");
    bad(&Push::new(&offered).send(&site, None).await, "invalid_request");
}

/// J20.
#[tokio::test]
async fn vci_56_codes_are_bound_to_whoever_asked() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let push = Push::new(&offered);
    let code = code_for(&site, &offered, &push).await;
    let good = exchange(&code, &push);
    for (at, value) in [(1, "another"), (3, "com.example.wallet:/other"), (4, "another"), (4, "")] {
        let mut wrong = good.clone();
        wrong[at].1 = value;
        bad(&wallet.token(&wrong).await, "invalid_grant");
    }
    bad(&wallet.token(&good[..2]).await, "invalid_request");
    let answer = wallet.token(&good).await;
    assert_eq!(answer.status, StatusCode::OK);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(wallet.fetch(&token, SD_JWT, &key()).await.status, StatusCode::OK);
    // A second use ends what the first one got.
    bad(&wallet.token(&good).await, "invalid_grant");
    refused(&wallet.fetch(&token, SD_JWT, &key()).await, StatusCode::UNAUTHORIZED, "invalid_token");

    // A code of another client, one that has run out, and one that was bound to a key when it was asked for.
    let site = crate::http::site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let bound = Push::new(&offered);
    let proof = wallet.dpop("/openid4vci/par", None);
    let pushed = bound.send(&site, Some(&proof)).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    bad(&bound.send(&site, Some(&proof)).await, "invalid_dpop_proof");
    let other = base64url(&[1; 32]);
    let proof = wallet.dpop("/openid4vci/par", None);
    bad(&Push::new(&offered).with("dpop_jkt", &other).send(&site, Some(&proof)).await, "invalid_dpop_proof");
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let session = session_of(&open_log_in(&site, "wallet", &request_uri).await);
    let address = back(&log_in(&site, &request_uri, &session, offered.tx_code.as_deref().unwrap()).await);
    let code = address.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let mut thief = Foreign::new(&site).await;
    bad(&thief.token(&exchange(code, &bound)).await, "invalid_grant");
    let mut foreign = exchange(code, &bound);
    foreign[2].1 = "other";
    bad(&wallet.token(&foreign).await, "invalid_grant");

    let site = crate::http::site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let offered = offer(&site).await;
    let push = Push::new(&offered);
    let code = code_for(&site, &offered, &push).await;
    site.clock.fetch_add(61, Ordering::Relaxed);
    bad(&wallet.token(&exchange(&code, &push)).await, "invalid_grant");
}

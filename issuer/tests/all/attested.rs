//! Wallets and keys that a provider vouches for, at the HTTP service.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use issuer::openid4vci::{FetchesStatusLists, WalletProviders};
use issuer::register::FileRegister;
use issuer::server::Limits;
use issuer::{Issuer, IssuerError};
use protocol::credential::status::token::{StatusToken, TokenList};
use protocol::crypto::jose::{self, Jwk};
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner};
use protocol::crypto::x509::{CertificateDraft, Use};
use protocol::exchange::openid4vci::PRE_AUTHORIZED;
use protocol::exchange::openid4vci::attestation::{
    CLIENT_HEADER, CLIENT_KIND, KEYS_KIND, KeyRequirements, POSSESSION_HEADER, Provider, make_possession,
};
use protocol::exchange::openid4vci::key_proof::{self, Expected};
use rand_core::Rng;
use serde_json::{Map, Value, json};

use crate::http::{Answer, Site, serve};
use crate::openid::*;
use crate::world::*;

pub(crate) const CLIENT: &str = "https://provider.example/wallet";
pub(crate) const HIGH: &str = "iso_18045_high";

pub(crate) fn seeded(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn certificate(subject: &str, key: &StandardKey, usage: Use) -> Vec<u8> {
    let draft = CertificateDraft {
        subject,
        issuer: "CN=Provider root,C=KR",
        contact: "https://provider.example/",
        serial: [usage as u8 + 1; 20],
        from: NOW - 1_000,
        until: NOW + 1_000_000,
        key: key.multikey(),
        usage,
    };
    draft.sign(&seeded(1)).unwrap()
}

/// An issuer that believes one provider, and wants keys attested if `keys`.
pub(crate) fn site(keys: bool) -> Site {
    site_with(keys, |issuer| issuer)
}

fn site_with(keys: bool, change: impl FnOnce(Issuer) -> Issuer) -> Site {
    let world = world();
    let roots = [certificate("CN=Provider root,C=KR", &seeded(1), Use::Root)];
    let keys = keys.then(|| KeyRequirements { key_storage: vec![HIGH.into()], user_authentication: Vec::new() });
    WalletProviders::of(&roots, keys).write(world.dir.path()).unwrap();
    let issuer = change(Issuer::open(world.dir.path(), world.register.clone()).unwrap());
    serve(World { issuer, ..world }, Limits::default())
}

/// What a provider says, with its own key and certificate.
pub(crate) struct Vouching {
    pub(crate) key: StandardKey,
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Vouching {
    pub(crate) fn new() -> Self {
        Self { key: seeded(2), chain: vec![certificate("CN=Provider,C=KR", &seeded(2), Use::Attester)] }
    }

    pub(crate) fn provider(&self) -> Provider<'_> {
        Provider { signer: &self.key, chain: &self.chain }
    }

    pub(crate) fn wallet(&self, key: &StandardKey) -> String {
        self.provider().attest_client(CLIENT, "Wallet", &key.multikey(), NOW, NOW + 86_400).unwrap()
    }

    pub(crate) fn keys(&self, keys: &[Multikey], storage: &str, nonce: Option<&str>) -> String {
        let kept = KeyRequirements { key_storage: vec![storage.into()], user_authentication: Vec::new() };
        self.provider().attest_keys(keys, &kept, nonce, NOW, NOW + 86_400).unwrap()
    }
}

/// What this provider says, with these claims.
fn claimed(vouching: &Vouching, kind: &str, claims: &Value) -> String {
    use base64::Engine as _;
    let chain: Vec<_> =
        vouching.chain.iter().map(|der| base64::engine::general_purpose::STANDARD.encode(der)).collect();
    let header = Map::from_iter([("typ".to_owned(), kind.into()), ("x5c".to_owned(), json!(chain))]);
    jose::sign(&header, claims.to_string().as_bytes(), &vouching.key).unwrap()
}

/// Status lists, as their addresses serve them.
#[derive(Clone, Default)]
struct Lists(Arc<Mutex<BTreeMap<String, String>>>);

impl FetchesStatusLists for Lists {
    fn fetch(&self, address: &str) -> Option<String> {
        self.0.lock().unwrap().get(address).cloned()
    }
}

/// J12. An attestation without a status list lives for a day; one with a list as long as the list says so.
#[tokio::test]
async fn vci_69_providers_stand_by_what_they_attested() {
    let lists = Lists::default();
    let source = lists.clone();
    let site = site_with(true, move |issuer| issuer.with_status_lists(Arc::new(source)));
    let blind = self::site(false);
    let mut wallet = Foreign::new(&site).await;
    let (vouching, key) = (Vouching::new(), key());
    let stranger = Vouching { key: seeded(7), chain: vouching.chain.clone() };
    let list = |name: &str, by: &Vouching, issued: u64, expires: Option<u64>, revoked: bool| {
        // Entry 1 is withdrawn if `revoked`.
        let list = TokenList::new(1, vec![u8::from(revoked) << 1]).unwrap();
        let token = StatusToken { uri: name.to_owned(), issued, expires, ttl: None, list };
        token.sign_jwt(&by.chain, &by.key).unwrap()
    };
    let address = |name: &str| format!("https://provider.example/{name}");
    let serve = |name: &str, text: String| lists.0.lock().unwrap().insert(address(name), text);
    serve("good", list(&address("good"), &vouching, NOW, None, false));
    serve("revoked", list(&address("revoked"), &vouching, NOW, None, true));
    serve("other", list(&address("good"), &vouching, NOW, None, false));
    serve("forged", list(&address("forged"), &stranger, NOW, None, false));
    serve("over", list(&address("over"), &vouching, NOW - 9, Some(NOW), false));
    serve("old", list(&address("old"), &vouching, NOW - 86_401, None, false));
    let named = |name: &str, index: u64| json!({ "status_list": { "uri": address(name), "idx": index } });
    let attested = |life: u64, status: Value| {
        let cnf = json!({ "jwk": Jwk::from(key.multikey()).to_json() });
        let mut claims = json!({ "sub": CLIENT, "cnf": cnf, "iat": NOW, "exp": NOW + life });
        if !status.is_null() {
            claims["status"] = status;
        }
        claimed(&vouching, CLIENT_KIND, &claims)
    };
    let offered = offer(&site).await;
    let form = offered.form();
    for unfit in [
        attested(86_401, Value::Null),
        attested(60, json!({})),
        attested(60, json!({ "identifier_list": {} })),
        attested(60, named("revoked", 1)),
        attested(60, named("nowhere", 1)),
        attested(60, named("other", 1)),
        attested(60, named("forged", 1)),
        attested(60, named("over", 1)),
        attested(60, named("old", 1)),
        attested(60, named("good", 8)),
    ] {
        unknown(&token(&mut wallet, &form, &unfit, &possession(&key)).await);
    }
    let long = attested(30 * 86_400, named("good", 1));
    let answer = token(&mut wallet, &form, &long, &possession(&key)).await;
    assert_eq!(answer.status, StatusCode::OK, "none of it used the code up: {:?}", answer.body);
    // Keys likewise.
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    let (holder, nonce) = (seeded(5), wallet.c_nonce().await);
    let of_keys = |life: u64, status: Value| {
        let keys = json!([Jwk::from(holder.multikey()).to_json()]);
        let mut claims =
            json!({ "attested_keys": keys, "key_storage": [HIGH], "nonce": nonce, "iat": NOW, "exp": NOW + life });
        if !status.is_null() {
            claims["status"] = status;
        }
        let attestation = claimed(&vouching, KEYS_KIND, &claims);
        json!({ "credential_configuration_id": SD_JWT, "proofs": { "attestation": [attestation] } })
    };
    for unfit in [of_keys(86_401, Value::Null), of_keys(60, named("revoked", 1)), of_keys(60, named("nowhere", 1))] {
        bad(&wallet.ask(&access, &unfit).await, "invalid_proof");
    }
    assert_eq!(wallet.ask(&access, &of_keys(90 * 86_400, named("good", 1))).await.status, StatusCode::OK);
    // Withdrawn: from the next look at the list on, also for refreshing.
    serve("good", list(&address("good"), &vouching, NOW + 301, None, true));
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_eq!(
        token(&mut wallet, &refresh, &long, &possession(&key)).await.status,
        StatusCode::OK,
        "kept for five minutes"
    );
    site.clock.fetch_add(301, Ordering::Relaxed);
    let at = possession_at(&key, wallet.now());
    unknown(&token(&mut wallet, &refresh, &long, &at).await);
    // An issuer that cannot look a list up does not believe one.
    let mut other = Foreign::new(&blind).await;
    let offered = offer(&blind).await;
    unknown(&token(&mut other, &offered.form(), &long, &possession(&key)).await);
    assert_eq!(
        token(&mut other, &offered.form(), &attested(86_400, Value::Null), &possession(&key)).await.status,
        StatusCode::OK
    );
}

fn possession_at(key: &StandardKey, now: u64) -> String {
    let mut id = [0; 16];
    fresh().fill_bytes(&mut id);
    make_possession(key, CLIENT, BASE, now, id).unwrap()
}

pub(crate) fn possession(key: &StandardKey) -> String {
    possession_at(key, NOW)
}

pub(crate) async fn token(wallet: &mut Foreign<'_>, form: Form<'_>, attestation: &str, possession: &str) -> Answer {
    let proof = wallet.dpop("/openid4vci/token", None);
    let headers = [("dpop", proof.as_str()), (CLIENT_HEADER, attestation), (POSSESSION_HEADER, possession)];
    wallet.token_with(form, &headers).await
}

pub(crate) fn unknown(answer: &Answer) {
    refused(answer, StatusCode::UNAUTHORIZED, "invalid_client");
}

/// J11.
#[tokio::test]
async fn vci_60_tokens_go_to_attested_wallets() {
    let site = site(false);
    let server = site.get("/.well-known/oauth-authorization-server").await.json();
    // VCI-65
    assert_eq!(server["token_endpoint_auth_methods_supported"], json!(["attest_jwt_client_auth"]));
    assert_eq!(server["client_attestation_signing_alg_values_supported"], json!(["ES256"]));
    assert_eq!(server["pre-authorized_grant_anonymous_access_supported"], false);
    let mut wallet = Foreign::new(&site).await;
    let (offered, vouching, key) = (offer(&site).await, Vouching::new(), key());
    let form = offered.form();
    let attestation = vouching.wallet(&key);
    unknown(&wallet.token(&form).await);
    let proof = wallet.dpop("/openid4vci/token", None);
    unknown(&wallet.token_with(&form, &[("dpop", &proof), (CLIENT_HEADER, &attestation)]).await);
    let stranger = Vouching { key: seeded(7), chain: vouching.chain.clone() };
    let other_server = make_possession(&key, CLIENT, "https://other.example", NOW, [1; 16]).unwrap();
    let other_client = make_possession(&key, "other", BASE, NOW, [2; 16]).unwrap();
    let late = vouching.provider().attest_client(CLIENT, "Wallet", &key.multikey(), NOW - 9, NOW).unwrap();
    for (attestation, possession) in [
        ("x", possession(&key)),
        (attestation.as_str(), "x".to_owned()),
        (&stranger.wallet(&key), possession(&key)),
        (&late, possession(&key)),
        (&attestation, possession(&seeded(8))),
        (&attestation, other_server),
        (&attestation, other_client),
    ] {
        unknown(&token(&mut wallet, &form, attestation, &possession).await);
    }
    // VCI-62: the wallet is who its provider says.
    let other = [&form[..], &[("client_id", "other")]].concat();
    unknown(&token(&mut wallet, &other, &attestation, &possession(&key)).await);
    let once = possession(&key);
    let answer = token(&mut wallet, &form, &attestation, &once).await;
    assert_eq!(answer.status, StatusCode::OK, "none of it used the code up: {:?}", answer.body);
    unknown(&token(&mut wallet, &form, &attestation, &once).await); // VCI-61

    // Refreshing wants it, too, from a wallet of the same provider.
    let json = answer.json();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", json["refresh_token"].as_str().unwrap())];
    unknown(&wallet.token(&refresh).await);
    let namesake = vouching.provider().attest_client("other", "Wallet", &key.multikey(), NOW, NOW + 60).unwrap();
    let of_namesake = make_possession(&key, "other", BASE, NOW, [3; 16]).unwrap();
    bad(&token(&mut wallet, &refresh, &namesake, &of_namesake).await, "invalid_grant");
    assert_eq!(token(&mut wallet, &refresh, &attestation, &possession(&key)).await.status, StatusCode::OK);
    // Keys need not be attested here.
    let access = json["access_token"].as_str().unwrap();
    assert_eq!(wallet.fetch(access, SD_JWT, &seeded(5)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn vci_60_pushed_requests_are_by_attested_wallets() {
    let site = site(false);
    let (offered, vouching, key) = (offer(&site).await, Vouching::new(), key());
    let push = Push::new(&offered).with("client_id", CLIENT);
    let send = async |headers: &[(&str, String)]| {
        let form: Vec<(&str, &str)> = push.form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut request = Request::post("/openid4vci/par").header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        site.send(request.body(Body::from(url_encoded(&form))).unwrap()).await
    };
    unknown(&send(&[]).await);
    let attestation = vouching.wallet(&key);
    let twice = [(CLIENT_HEADER, attestation.clone()), (CLIENT_HEADER, attestation.clone())];
    unknown(&send(&twice).await);
    let good = [(CLIENT_HEADER, attestation), (POSSESSION_HEADER, possession(&key))];
    assert_eq!(send(&good).await.status, StatusCode::CREATED);
    unknown(&send(&good).await);
    let other = Push::new(&offered);
    unknown(&other.send(&site, None).await);
}

#[tokio::test]
async fn vci_63_keys_are_attested_where_that_is_wanted() {
    let site = site(true);
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    let proofs = &metadata["credential_configurations_supported"][SD_JWT]["proof_types_supported"];
    for kind in ["jwt", "attestation"] {
        assert_eq!(proofs[kind]["key_attestations_required"], json!({ "key_storage": [HIGH] }), "VCI-65");
    }
    let mut wallet = Foreign::new(&site).await;
    let (offered, vouching, instance) = (offer(&site).await, Vouching::new(), key());
    let form = offered.form();
    let answer = token(&mut wallet, &form, &vouching.wallet(&instance), &possession(&instance)).await.json();
    let access = answer["access_token"].as_str().unwrap();
    let holders = [key(), key(), key()];
    let public: Vec<Multikey> = holders.iter().map(StandardSigner::multikey).collect();
    let request = |proofs: Value| json!({ "credential_configuration_id": SD_JWT, "proofs": proofs });
    let nonce = wallet.c_nonce().await;
    let other_nonce = wallet.c_nonce().await;
    let prove = |key: &StandardKey, attestation: Option<&str>| {
        let expected = Expected { issuer: BASE, client: Some(CLIENT), now: NOW };
        key_proof::make_attested(key, &expected, Some(&nonce), attestation).unwrap()
    };
    let good = vouching.keys(&public, HIGH, Some(&nonce));
    let stranger = Vouching { key: seeded(7), chain: vouching.chain.clone() };
    for attestation in [
        None,
        Some("x".to_owned()),
        Some(vouching.keys(&public, "iso_18045_basic", Some(&nonce))),
        Some(vouching.keys(&public, HIGH, None)),
        Some(vouching.keys(&public, HIGH, Some(&other_nonce))),
        Some(vouching.keys(&public[1..], HIGH, Some(&nonce))),
        Some(stranger.keys(&public, HIGH, Some(&nonce))),
        Some(vouching.wallet(&holders[0])),
    ] {
        let one = request(json!({ "jwt": [prove(&holders[0], attestation.as_deref())] }));
        bad(&wallet.ask(access, &one).await, "invalid_proof");
    }
    let both = json!({ "jwt": [prove(&holders[0], Some(&good))], "attestation": [good] });
    bad(&wallet.ask(access, &request(both)).await, "invalid_proof");
    // One proof, and an attestation that names all keys: a copy for each.
    let answer = wallet.ask(access, &request(json!({ "jwt": [prove(&holders[0], Some(&good))] }))).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.json()["credentials"].as_array().unwrap().len(), 3);

    // VCI-64: without any signature of the keys themselves.
    let nonce = wallet.c_nonce().await;
    let fresh_keys: Vec<Multikey> = (0..2).map(|_| key().multikey()).collect();
    let good = vouching.keys(&fresh_keys, HIGH, Some(&nonce));
    for wrong in [
        json!([good, good]),
        json!(["x"]),
        json!([vouching.keys(&fresh_keys, HIGH, None)]),
        json!([vouching.keys(&[fresh_keys[0], fresh_keys[0]], HIGH, Some(&nonce))]),
        json!([stranger.keys(&fresh_keys, HIGH, Some(&nonce))]),
    ] {
        bad(&wallet.ask(access, &request(json!({ "attestation": wrong }))).await, "invalid_proof");
    }
    let many: Vec<Multikey> = (0..9).map(|_| key().multikey()).collect();
    let many = json!({ "attestation": [vouching.keys(&many, HIGH, Some(&nonce))] });
    bad(&wallet.ask(access, &request(many)).await, "invalid_credential_request");
    let answer = wallet.ask(access, &request(json!({ "attestation": [good] }))).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.json()["credentials"].as_array().unwrap().len(), 2);
    let used = json!({ "attestation": [vouching.keys(&[key().multikey()], HIGH, Some(&nonce))] });
    bad(&wallet.ask(access, &request(used)).await, "invalid_nonce");
}

#[tokio::test]
async fn where_nobody_vouches_attestations_are_no_proof() {
    let site = crate::http::site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (access, _) = wallet.redeem(&offer(&site).await).await;
    let nonce = wallet.c_nonce().await;
    let attestation = Vouching::new().keys(&[key().multikey()], HIGH, Some(&nonce));
    let request = json!({ "credential_configuration_id": SD_JWT, "proofs": { "attestation": [attestation] } });
    bad(&wallet.ask(&access, &request).await, "invalid_proof");
    let anonymous = [("grant_type", PRE_AUTHORIZED), ("pre-authorized_code", "x")];
    bad(&wallet.token(&anonymous).await, "invalid_grant");
}

#[test]
fn a_file_without_a_root_is_refused() {
    let world = world();
    let malformed = Some(IssuerError::WalletProvidersMalformed);
    assert_eq!(WalletProviders::of(&[], None).write(world.dir.path()).err(), malformed);
    let leaf = certificate("CN=Provider,C=KR", &seeded(2), Use::Attester);
    assert_eq!(WalletProviders::of(&[leaf], None).write(world.dir.path()).err(), malformed);
    std::fs::write(world.dir.path().join(WalletProviders::FILE), b"{\"roots\":[\"AA==\"]}").unwrap();
    let opened = Issuer::open(world.dir.path(), Arc::new(FileRegister::sample().unwrap()));
    assert_eq!(opened.err(), malformed);
}

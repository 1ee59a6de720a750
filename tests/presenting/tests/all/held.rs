//! A wallet file that takes credentials of other formats from an issuer, holds them, and answers with them.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use presenting::{DAY, DOCTYPE, HOST, VCT, World, key, mdoc_query, sd_jwt_query, vocabulary};
use protocol::credential::w3c::Suite;
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{self, ContentEncryption, EncryptionKey, base64url, from_base64url};
use protocol::crypto::multikey::{Multikey, StandardSigner as _};
use protocol::exchange::OverAsk;
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vci::key_proof::Expected;
use protocol::exchange::openid4vci::{METADATA_KIND, di_vp};
use protocol::exchange::openid4vp::{
    ClientId, ClientMetadata, RequestObject, Response, ResponseMode, Signing, TransactionData, VpError,
};
use serde_json::{Map, Value, json};
use verifier::openid4vp::check;
use verifier::{Policy, SeenInMemory};
use wallet_core::openid4vci::{Answer, Format, Invitation, ReceiveError, Request, Sheet};
use wallet_core::openid4vp::{Came, OpenIdConsent, OpenIdError, Outgoing};
use wallet_core::{
    CredentialId, CredentialState, Decision, Event, KdfParameters, PersonalNumbers, SetUp, SoftwareSecureArea, Wallet,
    WalletError,
};

pub(crate) const NOW: u64 = 1_795_143_600;
const PIN: &str = "839174";
const ISSUER: &str = "https://issuer.example";

/// An issuer of a few lines, which remembers for which keys it was asked.
pub(crate) struct Issuer<'a> {
    pub(crate) world: &'a World,
    pub(crate) offers: &'static [&'static str],
    pub(crate) batch: u32,
    /// The entry of the status list that its credentials stand on.
    pub(crate) entry: u64,
    pub(crate) asked: RefCell<Vec<Vec<Multikey>>>,
}

impl Issuer<'_> {
    pub(crate) fn sheet(&self, code: &str) -> Sheet {
        let offer = json!({
            "credential_issuer": ISSUER, "credential_configuration_ids": self.offers,
            "grants": { "urn:ietf:params:oauth:grant-type:pre-authorized_code": { "pre-authorized_code": code } },
        });
        let link = format!(
            "openid-credential-offer://?credential_offer={}",
            protocol::exchange::openid4vp::form::escape(&offer.to_string())
        );
        let Ok(Invitation::Offer(offered)) = Invitation::read(&link) else { panic!("an offer by value") };
        let answer = self.answer(&offered.ask_issuer());
        let known = offered.issuer_known(&answer, &self.world.trust.certificate_roots(), &vocabulary(), NOW).unwrap();
        let answer = self.answer(&known.ask_server());
        known.server_known(&answer).unwrap()
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let ok = |body: Value| Answer { status: 200, dpop_nonce: None, body: body.to_string().into_bytes() };
        match request.address.strip_prefix(ISSUER).unwrap() {
            "/.well-known/openid-credential-issuer" => {
                Answer { status: 200, dpop_nonce: None, body: self.metadata().into_bytes() }
            }
            "/.well-known/oauth-authorization-server" => ok(json!({
                "issuer": ISSUER, "token_endpoint": format!("{ISSUER}/token"),
                "dpop_signing_alg_values_supported": ["ES256"],
            })),
            "/token" if request.body.windows(7).any(|it| it == b"refused") => {
                Answer { status: 400, ..ok(json!({ "error": "invalid_grant" })) }
            }
            "/token" => ok(json!({ "access_token": "t", "token_type": "DPoP", "expires_in": 600 })),
            "/nonce" => ok(json!({ "c_nonce": "n" })),
            "/credential" => ok(self.credential(&request.body)),
            "/notification" => Answer { status: 204, dpop_nonce: None, body: Vec::new() },
            other => panic!("{other}"),
        }
    }

    fn metadata(&self) -> String {
        let configuration = |format: &str, name: &str, kind: &str| {
            json!({
                "format": format, name: kind,
                "proof_types_supported": { "jwt": { "proof_signing_alg_values_supported": ["ES256"] } },
                "credential_metadata": { "display": [{ "name": "면허", "locale": "ko" }, { "name": "Licence", "locale": "en" }] },
            })
        };
        let w3c = |suite: &str, kind: &str| {
            json!({
                "format": "ldp_vc", "credential_signing_alg_values_supported": [suite],
                "credential_definition": {
                    "@context": ["https://www.w3.org/ns/credentials/v2", "https://issuer.example/licence/1"],
                    "type": ["VerifiableCredential", kind],
                },
                // One of them takes presentations only.
                "proof_types_supported": match suite {
                    "eddsa-rdfc-2022" => json!({ "di_vp": { "proof_signing_alg_values_supported": ["ecdsa-rdfc-2019"] } }),
                    _ => json!({ "jwt": { "proof_signing_alg_values_supported": ["ES256"] } }),
                },
            })
        };
        let claims = json!({
            "sub": ISSUER, "iat": NOW - 10, "credential_issuer": ISSUER,
            "credential_endpoint": format!("{ISSUER}/credential"), "nonce_endpoint": format!("{ISSUER}/nonce"),
            "notification_endpoint": format!("{ISSUER}/notification"),
            "batch_credential_issuance": { "batch_size": self.batch },
            "credential_configurations_supported": {
                "sd-jwt": configuration("dc+sd-jwt", "vct", VCT), "mdoc": configuration("mso_mdoc", "doctype", DOCTYPE),
                "bbs": w3c("bbs-2023", "Licence"), "eddsa": w3c("eddsa-rdfc-2022", "Licence"), "other": w3c("bbs-2023", "Other"),
                "sd": w3c("ecdsa-sd-2023", "Licence"),
            },
        });
        let (signer, certificate) = self.world.issuer_signer();
        let mut header = Map::new();
        use base64::Engine as _;
        header.insert("typ".into(), METADATA_KIND.into());
        header.insert("x5c".into(), json!([base64::engine::general_purpose::STANDARD.encode(certificate)]));
        jose::sign(&header, claims.to_string().as_bytes(), &signer).unwrap()
    }

    fn credential(&self, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap();
        let keys = all_proven(&body);
        let issued = keys.iter().map(|key| {
            let issued = self.world.issue(*key, self.entry);
            let credential = match body["credential_configuration_id"].as_str().unwrap() {
                "mdoc" => base64url(&issued.mdoc).into(),
                "bbs" => self.world.w3c(*key, self.entry, Suite::Bbs2023),
                "eddsa" => self.world.w3c(*key, self.entry, Suite::EddsaRdfc2022),
                _ => issued.sd_jwt.into(),
            };
            json!({ "credential": credential })
        });
        let issued: Vec<Value> = issued.collect();
        self.asked.borrow_mut().push(keys);
        json!({ "credentials": issued, "notification_id": "n" })
    }
}

/// The keys that a request proves. VCI-68: the kind of proof that is announced alone is what comes.
pub(crate) fn all_proven(request: &Value) -> Vec<Multikey> {
    let expected = Expected { issuer: ISSUER, client: None, now: NOW };
    let presented = |proof: &Value| {
        let proven = di_vp::check(proof, &expected).unwrap();
        assert_eq!(proven.nonce, "n");
        proven.key
    };
    let (kind, key): (_, &dyn Fn(&Value) -> Multikey) = match request["credential_configuration_id"].as_str() {
        Some("eddsa") => ("di_vp", &presented),
        _ => ("jwt", &proven),
    };
    request["proofs"][kind].as_array().unwrap().iter().map(key).collect()
}

/// The key in a proof's header.
fn proven(proof: &Value) -> Multikey {
    let header = from_base64url(proof.as_str().unwrap().split('.').next().unwrap()).unwrap();
    Multikey::from_jwk(&serde_json::from_slice::<Value>(&header).unwrap()["jwk"]).unwrap()
}

fn area(place: &Path) -> Arc<SoftwareSecureArea> {
    Arc::new(SoftwareSecureArea::open_or_create(&place.join("phone"), &mut tests::rng("phone")).unwrap())
}

pub(crate) fn new_wallet(world: &World, place: &Path) -> Wallet {
    let set_up =
        SetUp { pin: PIN, personal: PersonalNumbers::default(), kdf: KdfParameters::FLOOR, idle_seconds: 30 * DAY };
    let wallet = Wallet::create(&place.join("wallet"), area(place), &set_up, NOW, &mut tests::rng("new")).unwrap();
    wallet.install_trust(&world.trust.to_bundle().encode(), &world.anchor, NOW).unwrap();
    wallet
}

/// The phone dies and starts again.
pub(crate) fn restarted(wallet: Wallet, place: &Path) -> Wallet {
    drop(wallet);
    let wallet = Wallet::open(&place.join("wallet"), area(place)).unwrap();
    wallet.unlock(PIN, NOW).unwrap();
    wallet
}

/// Takes up an offer without any accident.
pub(crate) fn obtain(wallet: &Wallet, issuer: &Issuer<'_>, code: &str) -> Vec<CredentialId> {
    let mut rng = tests::rng(code);
    let id = wallet.begin_receiving(issuer.sheet(code), None, NOW, &mut rng).unwrap();
    loop {
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        if let Some(received) = wallet.receiving_answered(&id, &issuer.answer(&request), NOW).unwrap() {
            return received;
        }
    }
}

fn issuer(world: &World, batch: u32, entry: u64) -> Issuer<'_> {
    Issuer { world, offers: &["sd-jwt", "mdoc"], batch, entry, asked: RefCell::default() }
}

fn keys_of(place: &Path) -> usize {
    let files = std::fs::read_dir(place.join("phone")).unwrap().flatten();
    files.filter(|it| it.path().extension().is_some_and(|it| it == "key")).count() - 1 // the root key
}

#[test]
fn vci_44_nothing_received_is_lost_when_the_phone_dies_after_any_step() {
    let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
    let (issuer, place) = (issuer(&world, 3, 1), place.path());
    let mut rng = tests::rng("44");
    let mut wallet = new_wallet(&world, place);
    let id = wallet.begin_receiving(issuer.sheet("a"), None, NOW, &mut rng).unwrap();
    let mut steps = 0;
    let received = loop {
        wallet = restarted(wallet, place);
        assert_eq!(wallet.receiving(NOW).unwrap(), [id]);
        assert_eq!(wallet.begin_receiving(issuer.sheet("a"), None, NOW, &mut rng).unwrap(), id, "the same goes on");
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        // The answer is lost on the way: the same is asked again.
        drop(issuer.answer(&request));
        wallet = restarted(wallet, place);
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        steps += 1;
        if let Some(received) = wallet.receiving_answered(&id, &issuer.answer(&request), NOW).unwrap() {
            break received;
        }
    };
    // Token; nonce, credential and notification of each.
    assert_eq!((steps, received.len()), (7, 2));
    let asked = issuer.asked.borrow();
    assert_eq!(asked.len(), 4);
    assert_eq!((&asked[0], &asked[2]), (&asked[1], &asked[3]), "a lost answer is asked for with the same keys");
    let mut distinct: Vec<String> = asked.iter().flatten().map(Multikey::to_multibase).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6, "three keys for each of two");

    wallet = restarted(wallet, place);
    assert!(wallet.receiving(NOW).unwrap().is_empty());
    assert_eq!(wallet.receiving_request(&id, NOW, &mut rng), Err(WalletError::NoSuchIssuance));
    let held = wallet.credentials(NOW).unwrap();
    let told: Vec<_> = held.iter().map(|it| (it.format, it.credential_type.as_str(), it.copies, it.state)).collect();
    let usable = CredentialState::Usable;
    assert!(told.contains(&(Some(Format::SdJwt), VCT, Some(3), usable)), "{told:?}");
    assert!(told.contains(&(Some(Format::Mdoc), DOCTYPE, Some(3), usable)), "{told:?}");
    let licence = held.iter().find(|it| it.format == Some(Format::SdJwt)).unwrap();
    assert_eq!(
        (licence.name.ko.as_str(), licence.name.en.as_str(), &licence.issuer),
        ("면허", "Licence", &world.issuer)
    );
    let value =
        |name: &str| licence.attributes.iter().find(|(label, _)| label.en == name).map(|(_, value)| value.ko.clone());
    assert_eq!((value("family_name"), value("exp")), (Some("홍".into()), None));
    assert_eq!(keys_of(place), 6, "the key of the tokens is gone");
    let received = |event: &Event| matches!(event, Event::Received { issuer, .. } if *issuer == world.issuer);
    assert_eq!(wallet.history(NOW).unwrap().iter().filter(|it| received(&it.event)).count(), 2);

    // The next takes its place, keys and all; deleting one leaves nothing of it.
    drop(asked);
    let next = obtain(&wallet, &issuer, "b");
    let ids: Vec<_> = wallet.credentials(NOW).unwrap().iter().map(|it| it.id).collect();
    assert!(ids.len() == 2 && next.iter().all(|id| ids.contains(id)));
    assert_eq!(keys_of(place), 6);
    wallet.delete_credential(&next[0], NOW).unwrap();
    assert_eq!((wallet.credentials(NOW).unwrap().len(), keys_of(place)), (1, 3));
    assert_eq!(wallet.delete_credential(&next[0], NOW), Err(WalletError::NoSuchCredential));
    wallet.erase().unwrap();
    assert_eq!(keys_of(place), 0);
}

#[test]
fn what_the_issuer_refuses_ends_the_offer_and_keeps_what_was_received() {
    let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
    let (issuer, mut rng) = (issuer(&world, 1, 1), tests::rng("refused"));
    let wallet = new_wallet(&world, place.path());
    let code = wallet.begin_receiving(issuer.sheet("x"), Some("493027"), NOW, &mut rng);
    assert_eq!(code, Err(WalletError::Receive(ReceiveError::TxCodeUnfit)));
    let id = wallet.begin_receiving(issuer.sheet("refused"), None, NOW, &mut rng).unwrap();
    let answer = issuer.answer(&wallet.receiving_request(&id, NOW, &mut rng).unwrap());
    let refused = WalletError::Receive(ReceiveError::Refused("invalid_grant".into()));
    assert_eq!(wallet.receiving_answered(&id, &answer, NOW), Err(refused));
    assert_eq!(wallet.abandon_receiving(&id, NOW), Ok(vec![]));
    assert_eq!(wallet.abandon_receiving(&id, NOW), Err(WalletError::NoSuchIssuance));
    assert_eq!(keys_of(place.path()), 0);

    // The first of two is there when the second is refused.
    let id = wallet.begin_receiving(issuer.sheet("half"), None, NOW, &mut rng).unwrap();
    for _ in 0..5 {
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        assert_eq!(wallet.receiving_answered(&id, &issuer.answer(&request), NOW), Ok(None));
    }
    let denied = Answer { status: 400, dpop_nonce: None, body: br#"{"error":"credential_request_denied"}"#.to_vec() };
    assert!(wallet.receiving_answered(&id, &denied, NOW).is_err());
    assert_eq!(wallet.abandon_receiving(&id, NOW).unwrap().len(), 1);
    assert_eq!((wallet.credentials(NOW).unwrap().len(), keys_of(place.path())), (1, 1));

    // VCI-43: two copies for one key, and one for a key of someone else, are not what was asked for.
    let id = wallet.begin_receiving(issuer.sheet("other"), None, NOW, &mut rng).unwrap();
    for _ in 0..2 {
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        wallet.receiving_answered(&id, &issuer.answer(&request), NOW).unwrap();
    }
    let stranger =
        json!({ "credentials": [{ "credential": world.issue(key(presenting::STRANGER).multikey(), 1).sd_jwt }] });
    let stranger = Answer { status: 200, dpop_nonce: None, body: stranger.to_string().into_bytes() };
    let invalid = Err(WalletError::Receive(ReceiveError::CredentialInvalid));
    assert_eq!(wallet.receiving_answered(&id, &stranger, NOW), invalid);
}

/// A wallet with a licence in both formats, and a shop that asks.
pub(crate) struct Owner {
    pub(crate) world: World,
    pub(crate) wallet: Wallet,
    place: tempfile::TempDir,
}

fn agreement() -> AgreementKey {
    AgreementKey::from_seed(&[5; 32]).unwrap()
}

impl Owner {
    fn with(batch: u32, entry: u64) -> Self {
        let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
        let wallet = new_wallet(&world, place.path());
        obtain(&wallet, &issuer(&world, batch, entry), "a");
        Self { world, wallet, place }
    }

    /// With W3C credentials of these configurations.
    pub(crate) fn with_w3c(offers: &'static [&'static str], batch: u32, entry: u64) -> Self {
        let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
        let wallet = new_wallet(&world, place.path());
        obtain(&wallet, &Issuer { offers, ..issuer(&world, batch, entry) }, "w3c");
        let wallet = restarted(wallet, place.path());
        Self { world, wallet, place }
    }

    pub(crate) fn request(&self, query: &Value, now: u64) -> RequestObject {
        RequestObject {
            client_id: ClientId::X509SanDns(HOST.into()),
            response: ResponseMode::DirectPostJwt(format!("https://{HOST}/answer")),
            nonce: format!("n-0S6_WzA2Mjabcdefgh{now}"),
            state: Some("s".into()),
            query: DcqlQuery::from_json(query).unwrap(),
            metadata: ClientMetadata {
                keys: vec![EncryptionKey { key: agreement().public().unwrap(), id: None }],
                methods: ContentEncryption::ALL.to_vec(),
            },
            transactions: vec![],
            wallet_nonce: None,
            registration: None,
            issued_at: Some(now),
            expires_at: Some(now + 300),
        }
    }

    pub(crate) fn read(&self, request: &RequestObject, now: u64) -> Result<OpenIdConsent, WalletError> {
        let text = request.sign(&Signing::Certificates(&[self.world.shop_certificate()]), &key(13)).unwrap();
        self.wallet.read_openid_request(&text, &Came::default(), &vocabulary(), now)
    }

    pub(crate) fn answer(
        &self,
        consent: &OpenIdConsent,
        decision: Decision,
        now: u64,
    ) -> Result<Outgoing, WalletError> {
        self.wallet.answer_openid(consent, decision, &consent.usual(), now, &mut tests::rng("answer"))
    }

    /// What the shop learns, or would.
    pub(crate) fn learned(&self, asked: &RequestObject, sent: &Outgoing) -> (usize, usize, Response) {
        let form = protocol::exchange::openid4vp::form::read(sent.body.as_bytes()).unwrap();
        let response = Response::from_form(&form, Some(&agreement())).unwrap();
        let checked = check(asked, &response, &self.world.trust, &vocabulary(), &Policy::default(), NOW);
        let answered = checked.unwrap().once(&mut SeenInMemory::default()).unwrap();
        (answered.credentials().len(), answered.transactions().len(), response)
    }

    pub(crate) fn events(&self, now: u64) -> Vec<Event> {
        self.wallet.history(now).unwrap().into_iter().skip(2).map(|it| it.event).collect()
    }
}

#[test]
fn ovp_11_the_owner_agrees_the_log_says_so_and_each_copy_is_shown_once() {
    let owner = Owner::with(2, 1);
    let mut asked = owner.request(&sd_jwt_query(&[&["family_name"]]), NOW);
    asked.transactions = vec![TransactionData::new(vec!["licence".into()], "이체 1,000원", "Transfer of 1,000 won")];
    let mut keys = Vec::new();
    for left in [1, 0, 0] {
        let consent = owner.read(&asked, NOW).unwrap();
        assert_eq!(
            (consent.sheet.name.en.as_str(), consent.sheet.transactions[0].ko.as_str()),
            ("Shop", "이체 1,000원")
        );
        let option = &consent.sheet.choices.as_ref().unwrap()[0].options[0];
        assert_eq!(option.shown, [("/family_name".to_owned(), json!("홍"))]);
        let sent = owner.answer(&consent, Decision::Approve, NOW).unwrap();
        let (credentials, transactions, response) = owner.learned(&asked, &sent);
        assert_eq!((credentials, transactions), (1, 1));
        // The issuer's part tells copies apart: each has a key of its own.
        let text = response.vp_token.0["licence"][0].as_str().unwrap().to_owned();
        keys.push(text.split('~').next().unwrap().to_owned());
        let held = owner.wallet.credentials(NOW).unwrap();
        assert_eq!(held.iter().find(|it| it.credential_type == VCT).unwrap().copies, Some(left));
    }
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[1], keys[2], "the last one is shown again");
    assert_eq!(keys_of(owner.place.path()), 3);

    let asked = owner.request(&mdoc_query(&["family_name", "age_over_19"]), NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    assert_eq!(owner.learned(&asked, &owner.answer(&consent, Decision::Approve, NOW).unwrap()).0, 1);
    let events = owner.events(NOW);
    let Event::Answered(last) = events.last().unwrap() else { panic!("{events:?}") };
    assert_eq!((last.name_en.as_str(), last.credential_type.as_str(), last.shown.len()), ("Shop", DOCTYPE, 2));
    assert_eq!(events.iter().filter(|it| matches!(it, Event::Answered(_))).count(), 4);
    assert!(!format!("{events:?}").contains('홍'), "names of attributes, never values");
}

#[test]
fn ovp_10_refusing_and_not_holding_are_the_same_bytes() {
    let owner = Owner::with(1, 1);
    let asked = owner.request(&sd_jwt_query(&[&["family_name"]]), NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    let declined = owner.answer(&consent, Decision::Decline, NOW).unwrap();
    let empty = Owner::with(1, 1);
    for held in empty.wallet.credentials(NOW).unwrap() {
        empty.wallet.delete_credential(&held.id, NOW).unwrap();
    }
    let nothing = empty.read(&asked, NOW).unwrap();
    assert!(nothing.sheet.choices.is_none() && nothing.usual().is_empty());
    assert_eq!(empty.answer(&nothing, Decision::Approve, NOW).unwrap(), declined);
    assert!(matches!(owner.events(NOW).last(), Some(Event::Declined(_))));
    assert!(matches!(empty.events(NOW).last(), Some(Event::Unanswered(_))));
    // What the owner looked at and what there is now are not the same: nothing is sent.
    let held = owner.wallet.credentials(NOW).unwrap();
    owner.wallet.delete_credential(&held.iter().find(|it| it.credential_type == VCT).unwrap().id, NOW).unwrap();
    let gone = owner.answer(&consent, Decision::Approve, NOW);
    assert_eq!(gone, Err(WalletError::OpenId(OpenIdError::NotOffered)));
    let late = owner.read(&asked, NOW + 300).map(drop);
    assert_eq!(late, Err(WalletError::OpenId(OpenIdError::Request(VpError::RequestExpired))));
}

#[test]
fn ovp_06_unregistered_attributes_are_blocked_and_noted() {
    let owner = Owner::with(1, 1);
    let asked = owner.request(&sd_jwt_query(&[&["family_name"], &["birthdate"]]), NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    let over_ask = OverAsk::AttributeNotRegistered("birthdate".into());
    assert_eq!(consent.sheet.over_ask, Some(over_ask.clone()));
    let blocked = owner.answer(&consent, Decision::Approve, NOW);
    assert_eq!(blocked, Err(WalletError::OpenId(OpenIdError::Request(VpError::OverAsk(over_ask)))));
    assert!(matches!(owner.events(NOW).last(), Some(Event::Blocked(_))));
    assert!(owner.answer(&consent, Decision::ApproveOverAsk, NOW).is_ok());
    assert!(matches!(owner.events(NOW).last(), Some(Event::AnsweredOverAsk(_))));
}

#[test]
fn what_has_run_out_or_was_withdrawn_is_listed_as_that_and_does_not_answer() {
    let owner = Owner::with(1, 1);
    let late = NOW + 6 * DAY;
    let states =
        |owner: &Owner, now| owner.wallet.credentials(now).unwrap().iter().map(|it| it.state).collect::<Vec<_>>();
    assert_eq!(states(&owner, late), [CredentialState::Expired; 2]);
    let asked = owner.request(&sd_jwt_query(&[&["family_name"]]), late);
    assert!(owner.read(&asked, late).unwrap().sheet.choices.is_none());
    for (entry, state) in [(2, CredentialState::Withdrawn), (3, CredentialState::Suspended)] {
        let owner = Owner::with(1, entry);
        assert!(states(&owner, NOW).contains(&state), "entry {entry}");
        let asked = owner.request(&sd_jwt_query(&[&["family_name"]]), NOW);
        assert!(owner.read(&asked, NOW).unwrap().sheet.choices.is_none());
    }
}

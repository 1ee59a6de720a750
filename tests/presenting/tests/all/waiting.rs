//! A wallet file that takes credentials from an issuer to which requests are encrypted, and whose clerk has to look first.

use std::cell::{Cell, RefCell};

use presenting::{World, vocabulary};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{self, ContentEncryption, EncryptionKey, Jwe, Parties, encrypt, from_base64url};
use protocol::exchange::openid4vci::METADATA_KIND;
use protocol::exchange::openid4vci::encryption::{AnswerTo, RequestEncryption, ResponseEncryption};
use serde_json::{Map, Value, json};
use wallet_core::WalletError;
use wallet_core::openid4vci::{Answer, Invitation, ReceiveError, Request, Sheet};

use crate::held::{Issuer, NOW, new_wallet, restarted};

/// What happens before the credentials come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Happens {
    Waiting,
    TokenOver,
    AnswerLost,
    Given,
}

struct Sealed<'a> {
    issuer: Issuer<'a>,
    key: AgreementKey,
    /// Whether answers come in clear all the same.
    clear: bool,
    /// What it tells those who ask for a deferred credential, the last first.
    tells: RefCell<Vec<Happens>>,
    aside: RefCell<Option<Vec<u8>>>,
    refreshed: Cell<u32>,
}

impl<'a> Sealed<'a> {
    fn new(world: &'a World, clear: bool, tells: &[Happens]) -> Self {
        let issuer = Issuer { world, offers: &["sd-jwt"], batch: 2, entry: 1, asked: RefCell::default() };
        let key = AgreementKey::from_seed(&[7; 32]).unwrap();
        let tells = RefCell::new(tells.iter().rev().copied().collect());
        Self { issuer, key, clear, tells, aside: RefCell::default(), refreshed: Cell::new(0) }
    }

    fn sheet(&self) -> Sheet {
        let offer = json!({
            "credential_issuer": "https://issuer.example", "credential_configuration_ids": ["sd-jwt"],
            "grants": { "urn:ietf:params:oauth:grant-type:pre-authorized_code": { "pre-authorized_code": "c" } },
        });
        let escaped = protocol::exchange::openid4vp::form::escape(&offer.to_string());
        let link = format!("openid-credential-offer://?credential_offer={escaped}");
        let Ok(Invitation::Offer(offered)) = Invitation::read(&link) else { panic!("an offer by value") };
        let roots = self.issuer.world.trust.certificate_roots();
        let answer = self.answer(&offered.ask_issuer());
        let known = offered.issuer_known(&answer, &roots, &vocabulary(), NOW).unwrap();
        let answer = self.answer(&known.ask_server());
        known.server_known(&answer).unwrap()
    }

    /// The issuer's metadata, and that it takes encrypted requests and may put them aside.
    fn metadata(&self, plain: &Answer) -> Answer {
        let text = String::from_utf8(plain.body.clone()).unwrap();
        let payload = from_base64url(text.split('.').nth(1).unwrap()).unwrap();
        let mut claims: Value = serde_json::from_slice(&payload).unwrap();
        let key = EncryptionKey { key: self.key.public().unwrap(), id: Some("1".into()) };
        claims["credential_request_encryption"] = serde_json::to_value(RequestEncryption::optional(key)).unwrap();
        claims["credential_response_encryption"] = serde_json::to_value(ResponseEncryption::optional()).unwrap();
        claims["deferred_credential_endpoint"] = "https://issuer.example/deferred".into();
        let (signer, certificate) = self.issuer.world.issuer_signer();
        use base64::Engine as _;
        let chain = json!([base64::engine::general_purpose::STANDARD.encode(certificate)]);
        let header = Map::from_iter([("typ".to_owned(), METADATA_KIND.into()), ("x5c".to_owned(), chain)]);
        let jwt = jose::sign(&header, claims.to_string().as_bytes(), &signer).unwrap();
        Answer { status: 200, dpop_nonce: None, body: jwt.into_bytes() }
    }

    fn answer(&self, request: &Request) -> Answer {
        let path = request.address.strip_prefix("https://issuer.example").unwrap();
        let told = |status, body: Value| Answer { status, dpop_nonce: None, body: body.to_string().into_bytes() };
        match path {
            "/.well-known/openid-credential-issuer" => self.metadata(&self.issuer.answer(request)),
            "/token" => {
                let again = request.body.starts_with(b"grant_type=refresh_token");
                self.refreshed.set(self.refreshed.get() + u32::from(again));
                told(200, json!({ "access_token": "t", "token_type": "DPoP", "refresh_token": "r" }))
            }
            "/credential" | "/deferred" => {
                let text = core::str::from_utf8(&request.body).unwrap();
                let opened = Jwe::read(text).unwrap().decrypt(&self.key).unwrap();
                let body: Value = serde_json::from_slice(&opened).unwrap();
                let to = AnswerTo::read(&body["credential_response_encryption"]).unwrap();
                let waiting = json!({ "transaction_id": "x", "interval": 5 });
                let (status, answer) = if path == "/credential" {
                    let plain = Request { body: opened, ..request.clone() };
                    *self.aside.borrow_mut() = Some(self.issuer.answer(&plain).body);
                    (202, waiting)
                } else {
                    assert_eq!(body["transaction_id"], "x");
                    match self.tells.borrow_mut().pop().unwrap() {
                        Happens::Waiting => (202, waiting),
                        Happens::TokenOver => return told(401, json!({ "error": "invalid_token" })),
                        Happens::AnswerLost => return told(400, json!({ "error": "invalid_transaction_id" })),
                        Happens::Given => (200, serde_json::from_slice(self.aside.borrow().as_ref().unwrap()).unwrap()),
                    }
                };
                if self.clear {
                    return told(status, answer);
                }
                let mut rng = tests::rng("answer");
                let content = answer.to_string();
                let sealed = encrypt(content.as_bytes(), None, &to.key, to.method, &Parties::default(), &mut rng);
                assert_eq!(to.method, ContentEncryption::A256Gcm);
                Answer { status, dpop_nonce: None, body: sealed.unwrap().into_bytes() }
            }
            _ => self.issuer.answer(request),
        }
    }
}

#[test]
fn vci_46_a_wallet_waits_for_a_clerk_over_restarts() {
    let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
    let tells = [Happens::Waiting, Happens::TokenOver, Happens::Waiting, Happens::AnswerLost, Happens::Given];
    let issuer = Sealed::new(&world, false, &tells);
    let mut rng = tests::rng("waiting");
    let mut wallet = new_wallet(&world, place.path());
    let id = wallet.begin_receiving(issuer.sheet(), None, NOW, &mut rng).unwrap();
    let received = loop {
        wallet = restarted(wallet, place.path());
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        let answer = issuer.answer(&request);
        let came = wallet.receiving_answered(&id, &answer, NOW).unwrap();
        if answer.status == 202 {
            assert_eq!(wallet.receiving_not_before(&id, NOW), Ok(Some(NOW + 5)));
        }
        if let Some(received) = came {
            break received;
        }
    };
    assert_eq!((received.len(), issuer.refreshed.get()), (1, 1));
    let asked = issuer.issuer.asked.borrow();
    assert_eq!((asked.len(), &asked[0]), (2, &asked[1]), "what got lost is asked for with the same keys");
    assert!(wallet.receiving(NOW).unwrap().is_empty(), "what is at rest is not under way");
    assert_eq!(wallet.renewals(NOW).unwrap().len(), 1, "VCI-48");
    wallet.delete_credential(&received[0], NOW).unwrap();
    assert!(wallet.renewals(NOW).unwrap().is_empty());
}

#[test]
fn vci_45_an_answer_in_clear_is_refused() {
    let (world, place) = (World::at(NOW), tempfile::tempdir().unwrap());
    let issuer = Sealed::new(&world, true, &[]);
    let mut rng = tests::rng("clear");
    let wallet = new_wallet(&world, place.path());
    let id = wallet.begin_receiving(issuer.sheet(), None, NOW, &mut rng).unwrap();
    let refused = loop {
        let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
        if let Err(refused) = wallet.receiving_answered(&id, &issuer.answer(&request), NOW) {
            break refused;
        }
    };
    assert_eq!(refused, WalletError::Receive(ReceiveError::AnswerMalformed));
}

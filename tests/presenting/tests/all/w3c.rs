//! The licence as W3C credential: from the issuer into the wallet file, to a verifier, and past software of others.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;

use presenting::{DAY, HOLDER, HOST, KIND, STRANGER, VCT, World, key, vocabulary, w3c_query};
use protocol::credential::w3c::{Challenge, Suite, W3cError, derive_credential, present};
use protocol::crypto::multikey::StandardSigner as _;
use protocol::exchange::OverAsk;
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::{
    ClientId, ClientMetadata, RequestObject, Response, ResponseMode, Vocabulary, VpError, VpToken,
};
use serde_json::{Value, json};
use verifier::ask::AskError;
use verifier::openid4vp::{AnswerRefusal, Answered, Draft, ask, check};
use verifier::{Policy, SeenInMemory};
use wallet_core::openid4vci::{Answer, Format, ReceiveError};
use wallet_core::openid4vp::{Foreign, OpenIdError};
use wallet_core::{CredentialState, Decision, Event, WalletError};

use crate::held::{Issuer, NOW, Owner, all_proven, new_wallet, obtain};

const SUITES: [Suite; 2] = [Suite::EddsaRdfc2022, Suite::Bbs2023];

fn draft(world: &World, query: &Value) -> Draft {
    Draft {
        client_id: ClientId::of_certificate(&world.shop_certificate()),
        verifier: world.shop.clone(),
        purpose: "rental".into(),
        query: DcqlQuery::from_json(query).unwrap(),
        transactions: vec![],
        response: ResponseMode::DirectPost(format!("https://{HOST}/answer")),
        metadata: ClientMetadata::default(),
        nonce: "n-0S6_WzA2MjabcdefghijK".into(),
        state: Some("state".into()),
    }
}

fn request(world: &World, claims: &[&str]) -> RequestObject {
    ask(draft(world, &w3c_query(claims)), &vocabulary(), &world.trust, NOW, 300).unwrap()
}

fn judge(world: &World, names: &Vocabulary, asked: &RequestObject, token: Value) -> Result<Answered, AnswerRefusal> {
    let response =
        Response { vp_token: VpToken::from_json(&json!({ "w3c": [token] })).unwrap(), state: asked.state.clone() };
    check(asked, &response, &world.trust, names, &Policy::default(), NOW)?.once(&mut SeenInMemory::default())
}

fn refusal(world: &World, asked: &RequestObject, token: Value) -> String {
    judge(world, &vocabulary(), asked, token).unwrap_err().name()
}

/// A credential, cut down to these claims where its suite can.
fn shown(credential: &Value, claims: &[&str]) -> Value {
    if credential["proof"]["cryptosuite"] != "bbs-2023" {
        return credential.clone();
    }
    let pointers: Vec<String> = ["id"].iter().chain(claims).map(|name| format!("/credentialSubject/{name}")).collect();
    derive_credential(credential, &pointers, b"", &vocabulary().contexts(), &mut tests::rng("derive")).unwrap()
}

struct Showing<'a> {
    domain: String,
    challenge: &'a str,
    now: u64,
    by: u8,
}

fn showing(asked: &RequestObject) -> Showing<'_> {
    Showing { domain: asked.client_id.to_string(), challenge: &asked.nonce, now: NOW, by: HOLDER }
}

impl Showing<'_> {
    fn of(&self, credential: &Value) -> Value {
        let challenge = Challenge { domain: &self.domain, challenge: self.challenge, now: self.now };
        present(credential, &key(self.by), &challenge, &vocabulary().contexts(), &mut tests::rng("show")).unwrap()
    }
}

#[test]
fn ovp_12_a_w3c_credential_is_bound_to_request_and_holder() {
    let world = World::at(NOW);
    let asked = request(&world, &["familyName"]);
    for suite in SUITES {
        let issued = world.w3c(key(HOLDER).multikey(), 1, suite);
        let credential = shown(&issued, &["familyName"]);
        let right = showing(&asked).of(&credential);
        let answered = judge(&world, &vocabulary(), &asked, right.clone()).unwrap();
        let [it] = answered.credentials() else { panic!("one credential") };
        assert_eq!((it.query(), it.format(), it.kind()), ("w3c", "ldp_vc", KIND));
        assert_eq!((it.credential_type(), it.issuer()), (VCT, &world.issuer));
        let claims: Vec<_> = it.claims().iter().map(|it| (it.path.as_str(), it.value.clone())).collect();
        assert_eq!(claims, [("/credentialSubject/familyName", json!("홍"))], "what was asked, whatever was shown");
        assert!(answered.receipt().is_none() && !format!("{answered:?}").contains('홍'), "VERD-08");
        let with = |change: &dyn Fn(&mut Showing<'_>)| {
            let mut showing = showing(&asked);
            change(&mut showing);
            refusal(&world, &asked, showing.of(&credential))
        };
        assert_eq!(with(&|it| it.domain = "x509_hash:other".into()), "DomainMismatch", "D04");
        let bare = asked.client_id.to_string().split_once(':').unwrap().1.to_owned();
        assert_eq!(with(&|it| it.domain = bare.clone()), "DomainMismatch", "D04: prefix stripped");
        assert_eq!(with(&|it| it.challenge = "N-0S6_WzA2MjabcdefghijK"), "ChallengeMismatch", "D05: case");
        assert_eq!(with(&|it| it.now = NOW + 301), "IssuedInFuture", "D10");
        assert_eq!(with(&|it| it.by = STRANGER), "HolderMismatch", "D02");
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut other = right.clone();
            change(&mut other);
            refusal(&world, &asked, other)
        };
        let claim = |it: &mut Value| it["verifiableCredential"][0]["credentialSubject"]["familyName"] = "김".into();
        assert_eq!(changed(&claim), "SignatureInvalid");
        assert_eq!(changed(&|it| it["proof"]["domain"] = "x".into()), "DomainMismatch");
        assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("proof"))), "ProofMissing", "D01");
        let twice = json!([credential, credential]);
        assert_eq!(changed(&|it| it["verifiableCredential"] = twice.clone()), "MalformedCredential", "D13");
        assert_eq!(changed(&|it| it["verifiableCredential"][0]["proof"] = json!([])), "ProofMissing");
        assert_eq!(refusal(&world, &asked, credential.clone()), "MalformedCredential", "D19: without a presentation");
        assert_eq!(refusal(&world, &asked, right.to_string().into()), "MalformedPresentation", "D20: a text");
        // Contexts that this verifier does not know.
        let unknown = judge(&world, &Vocabulary::default(), &asked, right.clone()).unwrap_err();
        assert!(matches!(unknown, AnswerRefusal::W3c(W3cError::ContextNotAllowed)), "{unknown:?}");
        let less = request(&world, &["familyName", "over19"]);
        let partly = refusal_or_ok(&world, &less, showing(&less).of(&credential));
        assert_eq!(partly.as_deref(), (suite == Suite::Bbs2023).then_some("QueryNotSatisfied"));
        let again = || {
            let token = VpToken::from_json(&json!({ "w3c": [right] })).unwrap();
            let response = Response { vp_token: token, state: asked.state.clone() };
            check(&asked, &response, &world.trust, &vocabulary(), &Policy::default(), NOW).unwrap()
        };
        let mut seen = SeenInMemory::default();
        assert!(again().once(&mut seen).is_ok());
        assert_eq!(again().once(&mut seen).unwrap_err().name(), "NonceReplayed", "D06");
    }
    let base = world.w3c(key(HOLDER).multikey(), 1, Suite::Bbs2023);
    assert_eq!(refusal(&world, &asked, showing(&asked).of(&base)), "BaseProof");
    let more = showing(&asked).of(&shown(&base, &["familyName", "birthDate"]));
    assert_eq!(refusal(&world, &asked, more), "ClaimNotRequested", "D28");
    // Another format where this one was asked for, and this one where another was.
    let sd_jwt = world.issue(key(HOLDER).multikey(), 1).sd_jwt;
    assert_eq!(refusal(&world, &asked, sd_jwt.into()), "MalformedPresentation", "D18");
    let other =
        ask(draft(&world, &presenting::sd_jwt_query(&[&["family_name"]])), &vocabulary(), &world.trust, NOW, 300);
    let token = VpToken::from_json(&json!({ "licence": [showing(&asked).of(&base)] })).unwrap();
    let response = Response { vp_token: token, state: asked.state.clone() };
    let refused = check(&other.unwrap(), &response, &world.trust, &vocabulary(), &Policy::default(), NOW);
    assert_eq!(refused.err().map(|it| it.name()).as_deref(), Some("MalformedPresentation"), "D18");
}

fn refusal_or_ok(world: &World, asked: &RequestObject, token: Value) -> Option<String> {
    judge(world, &vocabulary(), asked, token).err().map(|it| it.name())
}

#[test]
fn ovp_13_the_issuer_may_issue_every_type_and_the_status_is_on_the_ledger() {
    let world = World::at(NOW);
    let asked = request(&world, &["over19"]);
    let holder = key(HOLDER).multikey();
    for suite in SUITES {
        let of = |draft: &Value| {
            let credential = shown(&world.w3c_sign(draft, suite), &["over19"]);
            refusal_or_ok(&world, &asked, showing(&asked).of(&credential))
        };
        let right = world.w3c_draft(holder, 1);
        assert_eq!(of(&right), None);
        for (index, name) in [(2, "StatusRevoked"), (3, "StatusSuspended"), (200_000, "StatusIndexOutOfRange")] {
            assert_eq!(of(&world.w3c_draft(holder, index)).as_deref(), Some(name), "D12");
        }
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut draft = right.clone();
            change(&mut draft);
            of(&draft).unwrap_or_default()
        };
        let unlisted = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("credentialStatus"));
        assert_eq!(changed(&unlisted), "", "a type that the ledger does not define: it only runs out");
        let elsewhere = |it: &mut Value| it["credentialStatus"][1]["statusListIndex"] = "7".into();
        assert_eq!(changed(&elsewhere), "StatusListMalformed", "I15");
        let foreign = |it: &mut Value| {
            for at in 0..2 {
                let purpose = it["credentialStatus"][at]["statusPurpose"].as_str().unwrap().to_owned();
                it["credentialStatus"][at]["statusListCredential"] =
                    format!("https://issuer.example/status/other/7/{purpose}").into();
            }
        };
        assert_eq!(changed(&foreign), "StatusUnavailable");
        let late = |it: &mut Value| {
            it["validFrom"] = "2020-01-01T00:00:00Z".into();
            it["validUntil"] = "2020-01-02T00:00:00Z".into();
        };
        assert_eq!(changed(&late), "CredentialExpired");
        let early = |it: &mut Value| {
            it["validFrom"] = "2036-01-01T00:00:00Z".into();
            it["validUntil"] = "2036-01-02T00:00:00Z".into();
        };
        assert_eq!(changed(&early), "CredentialNotYetValid");
        assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("validUntil"))), "MalformedValidity");
        assert_eq!(changed(&|it| it["type"] = json!(["VerifiableCredential"])), "IssuerNotAuthorizedForType");
        // A type that the issuer is not accredited for, beside one that it is.
        let both =
            |it: &mut Value| it["type"] = json!(["VerifiableCredential", "BitstringStatusListCredential", "Licence"]);
        assert_eq!(changed(&both), "IssuerNotAuthorizedForType", "A25");
        let other = |it: &mut Value| it["credentialSubject"]["id"] = "did:example:holder".into();
        assert_eq!(changed(&other), "NotResolved");
        let unaccredited = World::with(NOW, false);
        let credential = shown(&world.w3c(holder, 1, suite), &["over19"]);
        let refused = refusal(&unaccredited, &asked, showing(&asked).of(&credential));
        assert_eq!(refused, "IssuerNotAuthorizedForType", "A25");
    }
    // Signed with a key of the issuer that is for other things, and by a stranger in its name.
    let mut stolen = world.w3c(holder, 1, Suite::EddsaRdfc2022);
    stolen["proof"]["verificationMethod"] = format!("{}#x509-1", world.issuer).into();
    assert_eq!(refusal(&world, &asked, showing(&asked).of(&stolen)), "UnknownKey");
    let mut stranger = world.w3c(holder, 1, Suite::EddsaRdfc2022);
    stranger["issuer"] = world.shop.to_string().into();
    assert_eq!(refusal(&world, &asked, showing(&asked).of(&stranger)), "SignatureInvalid");
}

#[test]
fn ovp_06_no_more_is_asked_of_w3c_credentials_than_was_registered() {
    let world = World::at(NOW);
    let asked = |query: &Value| ask(draft(&world, query), &vocabulary(), &world.trust, NOW, 300).err();
    assert_eq!(asked(&w3c_query(&["familyName", "over19"])), None);
    let over = |name: &str| Some(AskError::OverAsk(OverAsk::AttributeNotRegistered(name.into())));
    assert_eq!(asked(&w3c_query(&["birthDate"])), over("credentialSubject.birthDate"));
    let mut whole = w3c_query(&["over19"]);
    whole["credentials"][0]["claims"][0]["path"] = json!(["credentialSubject"]);
    assert_eq!(asked(&whole), over("credentialSubject"));
    let any = json!([["https://www.w3.org/2018/credentials#VerifiableCredential"]]);
    whole["credentials"][0]["meta"]["type_values"] = any;
    assert!(matches!(asked(&whole), Some(AskError::OverAsk(OverAsk::TypeNotRegistered(_)))));
}

/// The consent sheet, and what was in the presentation.
fn told(options: &[wallet_core::openid4vp::Offered], at: usize) -> Vec<&str> {
    options[at].shown.iter().map(|(path, _)| path.trim_start_matches("/credentialSubject/")).collect()
}

const ALL: [&str; 5] = ["birthDate", "classes", "familyName", "givenName", "over19"];

#[test]
fn ovp_14_a_part_where_a_part_can_be_shown_and_all_of_it_only_with_the_owners_consent() {
    let owner = Owner::with_w3c(&["eddsa", "bbs"], 2, 1);
    let held = owner.wallet.credentials(NOW).unwrap();
    let formats: Vec<_> = held.iter().map(|it| (it.format.unwrap(), it.copies, it.state)).collect();
    let usable = CredentialState::Usable;
    assert!(formats.contains(&(Format::W3cBbs, Some(2), usable)), "{formats:?}");
    assert!(formats.contains(&(Format::W3cEddsa, Some(2), usable)), "{formats:?}");
    assert!(held.iter().all(|it| it.credential_type == KIND && it.issuer == owner.world.issuer));
    let values: Vec<_> = held[0].attributes.iter().map(|(label, _)| label.ko.as_str()).collect();
    assert!(values.contains(&"familyName") && !values.iter().any(|it| it.contains("proof")), "{values:?}");

    let asked = owner.request(&w3c_query(&["familyName"]), NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    let options = &consent.sheet.choices.as_ref().unwrap()[0].options;
    assert_eq!((options[0].all, options[1].all), (false, true), "the part first");
    assert_eq!((told(options, 0), told(options, 1)), (vec!["familyName"], ALL.to_vec()));
    let sent = owner.answer(&consent, Decision::Approve, NOW).unwrap();
    let (credentials, _, response) = owner.learned(&asked, &sent);
    let text = response.vp_token.to_json().to_string();
    assert!(credentials == 1 && text.contains('홍') && !text.contains("1990-01-01") && !text.contains("길동"));

    // The one that shows all, because the owner chose it.
    let consent = owner.read(&asked, NOW).unwrap();
    let all = consent.sheet.choices.as_ref().unwrap()[0].options[1].credential;
    let chosen = [("w3c".to_owned(), consent.credentials[all])];
    let mut rng = tests::rng("all");
    // OVP-17: it has a birth date, which the verifier did not register. So the owner has to insist.
    let over_ask = OverAsk::AttributeNotRegistered("credentialSubject.birthDate".into());
    assert_eq!(consent.sheet.choices.as_ref().unwrap()[0].options[1].over_ask, Some(over_ask.clone()));
    let blocked = owner.wallet.answer_openid(&consent, Decision::Approve, &chosen, NOW, &mut rng);
    assert_eq!(blocked, Err(WalletError::OpenId(OpenIdError::Request(VpError::OverAsk(over_ask)))));
    let consent = owner.read(&asked, NOW).unwrap();
    let sent = owner.wallet.answer_openid(&consent, Decision::ApproveOverAsk, &chosen, NOW, &mut rng).unwrap();
    let (credentials, _, response) = owner.learned(&asked, &sent);
    assert!(credentials == 1 && response.vp_token.to_json().to_string().contains("1990-01-01"));
    let events = owner.events(NOW);
    let [.., Event::Answered(part), Event::Blocked(_), Event::AnsweredOverAsk(whole)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((part.credential_type.as_str(), part.shown.len(), whole.shown.len()), (KIND, 1, 5));
    assert!(!format!("{events:?}").contains('홍'), "names of attributes, never values");
    let left: Vec<_> = owner.wallet.credentials(NOW).unwrap().iter().map(|it| it.copies).collect();
    assert_eq!(left, [Some(1), Some(1)], "each copy is shown once");

    // Nothing at all is asked for: who holds it is shown.
    let mut nothing = w3c_query(&["familyName"]);
    nothing["credentials"][0].as_object_mut().unwrap().remove("claims");
    let asked = owner.request(&nothing, NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    assert!(told(&consent.sheet.choices.as_ref().unwrap()[0].options, 0).is_empty());
    assert_eq!(owner.learned(&asked, &owner.answer(&consent, Decision::Approve, NOW).unwrap()).0, 1);
    // An element of a list and not the others; values that do not fit.
    let mut element = w3c_query(&[]);
    element["credentials"][0]["claims"] = json!([{ "path": ["credentialSubject", "classes", 1] }]);
    let asked = owner.request(&element, NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    assert_eq!(consent.sheet.choices.as_ref().unwrap()[0].options[0].shown[0].1, json!(["2-small"]));
    let (_, _, response) = owner.learned(&asked, &owner.answer(&consent, Decision::Approve, NOW).unwrap());
    assert!(!response.vp_token.to_json().to_string().contains("1-ordinary"));
    element["credentials"][0]["claims"][0]["values"] = json!(["9-none"]);
    assert!(owner.read(&owner.request(&element, NOW), NOW).unwrap().sheet.choices.is_none());

    // Where only the one that shows all is left, the sheet says so.
    let bbs = owner.wallet.credentials(NOW).unwrap().into_iter().find(|it| it.format == Some(Format::W3cBbs)).unwrap();
    owner.wallet.delete_credential(&bbs.id, NOW).unwrap();
    let asked = owner.request(&w3c_query(&["over19"]), NOW);
    let consent = owner.read(&asked, NOW).unwrap();
    let options = &consent.sheet.choices.as_ref().unwrap()[0].options;
    assert_eq!((options.len(), options[0].all, told(options, 0)), (1, true, ALL.to_vec()));
    let beyond = owner.read(&owner.request(&w3c_query(&["birthDate"]), NOW), NOW).unwrap();
    let over_ask = OverAsk::AttributeNotRegistered("credentialSubject.birthDate".into());
    assert_eq!(beyond.sheet.over_ask, Some(over_ask.clone()));
    let blocked = owner.answer(&beyond, Decision::Approve, NOW);
    assert_eq!(blocked, Err(WalletError::OpenId(OpenIdError::Request(VpError::OverAsk(over_ask)))));
}

#[test]
fn what_was_withdrawn_suspended_or_has_run_out_is_listed_as_that_and_not_shown() {
    for (entry, state) in [(2, CredentialState::Withdrawn), (3, CredentialState::Suspended)] {
        let owner = Owner::with_w3c(&["bbs", "eddsa"], 1, entry);
        assert!(owner.wallet.credentials(NOW).unwrap().iter().all(|it| it.state == state), "entry {entry}");
        let asked = owner.request(&w3c_query(&["over19"]), NOW);
        assert!(owner.read(&asked, NOW).unwrap().sheet.choices.is_none());
    }
    let owner = Owner::with_w3c(&["bbs", "eddsa"], 1, 1);
    let late = NOW + 6 * DAY;
    assert!(owner.wallet.credentials(late).unwrap().iter().all(|it| it.state == CredentialState::Expired));
    assert!(owner.read(&owner.request(&w3c_query(&["over19"]), late), late).unwrap().sheet.choices.is_none());
}

/// VCI-43: nothing is stored that a verifier would not accept from this phone.
#[test]
fn vci_43_w3c_credentials_are_checked_before_they_are_stored() {
    let (world, other) = (World::at(NOW), World::with(NOW, false));
    let receive = |world: &World, id: &'static str, made: &dyn Fn(protocol::crypto::multikey::Multikey) -> Value| {
        let place = tempfile::tempdir().unwrap();
        let wallet = new_wallet(world, place.path());
        let offers: &'static [&'static str] = if id == "bbs" { &["bbs"] } else { &["eddsa"] };
        let issuer = Issuer { world, offers, batch: 1, entry: 1, asked: RefCell::default() };
        let mut rng = tests::rng("check");
        let id = wallet.begin_receiving(issuer.sheet("a"), None, NOW, &mut rng).unwrap();
        loop {
            let request = wallet.receiving_request(&id, NOW, &mut rng).unwrap();
            let mut answer = issuer.answer(&request);
            if request.address.ends_with("/credential") {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let credential = made(all_proven(&body)[0]);
                let body = json!({ "credentials": [{ "credential": credential }] }).to_string().into_bytes();
                answer = Answer { status: 200, dpop_nonce: None, body };
            }
            match wallet.receiving_answered(&id, &answer, NOW) {
                Ok(Some(received)) => return Ok(received.len()),
                Ok(None) => {}
                Err(WalletError::Receive(why)) => return Err(why),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let invalid = Err(ReceiveError::CredentialInvalid);
    for (id, suite) in [("bbs", Suite::Bbs2023), ("eddsa", Suite::EddsaRdfc2022)] {
        assert_eq!(receive(&world, id, &|key| world.w3c(key, 1, suite)), Ok(1));
        assert_eq!(receive(&other, id, &|key| world.w3c(key, 1, suite)), invalid, "A25: not accredited");
        let another = if suite == Suite::Bbs2023 { Suite::EddsaRdfc2022 } else { Suite::Bbs2023 };
        assert_eq!(receive(&world, id, &|key| world.w3c(key, 1, another)), invalid, "another suite");
        let stranger = |_| world.w3c(key(STRANGER).multikey(), 1, suite);
        assert_eq!(receive(&world, id, &stranger), invalid, "another holder");
        let text = |key| world.w3c(key, 1, suite).to_string().into();
        assert_eq!(receive(&world, id, &text), invalid, "a text");
        let changed = |change: &dyn Fn(&mut Value)| {
            receive(&world, id, &|key| {
                let mut draft = world.w3c_draft(key, 1);
                change(&mut draft);
                world.w3c_sign(&draft, suite)
            })
        };
        assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("credentialStatus"))), invalid, "no status");
        assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("validUntil"))), invalid, "no end");
        assert_eq!(changed(&|it| it["type"] = json!(["VerifiableCredential"])), invalid, "no type");
        let both = json!(["VerifiableCredential", "BitstringStatusListCredential", "Licence"]);
        assert_eq!(changed(&|it| it["type"] = both.clone()), invalid, "another type beside it");
        let forged = |key| {
            let mut credential = world.w3c(key, 1, suite);
            credential["credentialSubject"]["familyName"] = "김".into();
            credential
        };
        assert_eq!(receive(&world, id, &forged), invalid);
    }
    let derived = |key| shown(&world.w3c(key, 1, Suite::Bbs2023), &ALL);
    assert_eq!(receive(&world, "bbs", &derived), invalid, "nothing could be left out of it any more");
    // What the wallet could not check or show it does not ask for: types and suites that it does not know.
    let place = tempfile::tempdir().unwrap();
    let wallet = new_wallet(&world, place.path());
    let issuer =
        Issuer { world: &world, offers: &["other", "sd", "bbs"], batch: 1, entry: 1, asked: RefCell::default() };
    assert_eq!(issuer.sheet("a").credentials().len(), 1);
    assert_eq!(obtain(&wallet, &issuer, "a").len(), 1);
    let nobodys = Foreign::w3c(json!({}), vocabulary().contexts(), &key(HOLDER)).map(drop);
    assert_eq!(nobodys, Err(OpenIdError::W3c(W3cError::MalformedCredential("@context"))));
}

/// Digital Bazaar's packages verify what our wallet posts.
#[test]
fn others_verify_the_presentations_that_our_wallet_posts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../w3c/js");
    tests::node::install(&folder);
    let (mut jobs, mut expected) = (Vec::new(), Vec::new());
    for offers in [&["bbs"] as &'static [&'static str], &["eddsa"]] {
        let owner = Owner::with_w3c(offers, 1, 1);
        let asked = owner.request(&w3c_query(&["familyName", "classes"]), NOW);
        let consent = owner.read(&asked, NOW).unwrap();
        let sent = owner.answer(&consent, Decision::ApproveOverAsk, NOW).unwrap();
        let presentation = owner.learned(&asked, &sent).2.vp_token.0["w3c"][0].clone();
        let job = |presentation: &Value, domain: &str, challenge: &str| {
            json!({
                "presentation": presentation, "domain": domain, "challenge": challenge, "now": NOW,
                "documents": owner.world.w3c_documents(),
            })
        };
        let domain = asked.client_id.to_string();
        jobs.push(job(&presentation, &domain, &asked.nonce));
        jobs.push(job(&presentation, HOST, &asked.nonce));
        jobs.push(job(&presentation, &domain, "other"));
        let mut changed = presentation.clone();
        changed["verifiableCredential"][0]["credentialSubject"]["familyName"] = "김".into();
        jobs.push(job(&changed, &domain, &asked.nonce));
        expected.extend([true, false, false, false]);
    }
    let answers = tests::node::read(Command::new("node").arg(folder.join("presentation.mjs")), &jobs);
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer.is_ok(), *expected, "{answer:?}");
    }
    println!("{} presentations, {} of them accepted", answers.len(), expected.iter().filter(|it| **it).count());
}

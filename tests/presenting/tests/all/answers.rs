//! Answers as foreign and dishonest wallets may send them, each fault beside its valid twin.

use presenting::{DOCTYPE, HOLDER, Issued, NAMESPACE, STRANGER, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::{DeviceResponse, Document, Handover, IssuerSigned, Proof, SessionTranscript};
use protocol::credential::sd_jwt::{KeyBinding, SdJwt};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{ContentEncryption, EncryptionKey, base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::{
    ClientId, ClientMetadata, RequestObject, Response, ResponseMode, TransactionData, Vocabulary, VpToken,
};
use serde_json::{Value, json};
use verifier::openid4vp::{AnswerRefusal, Answered, Draft, ask, check};
use verifier::{Policy, SeenInMemory};

pub(crate) const NOW: u64 = 1_795_143_600;
pub(crate) const URI: &str = "https://verifier.example/openid4vp/response/1";

pub(crate) fn agreement(seed: u8) -> AgreementKey {
    AgreementKey::from_seed(&[seed; 32]).unwrap()
}

pub(crate) fn request(world: &World, query: &Value, transactions: Vec<TransactionData>) -> RequestObject {
    let key = EncryptionKey { key: agreement(5).public().unwrap(), id: None };
    let draft = Draft {
        client_id: ClientId::of_certificate(&world.shop_certificate()),
        verifier: world.shop.clone(),
        purpose: "rental".into(),
        query: DcqlQuery::from_json(query).unwrap(),
        transactions,
        response: ResponseMode::DirectPostJwt(URI.into()),
        metadata: ClientMetadata { keys: vec![key], methods: ContentEncryption::ALL.to_vec() },
        nonce: "n-0S6_WzA2MjabcdefghijK".into(),
        state: Some("state".into()),
    };
    ask(draft, &Vocabulary::default(), &world.trust, NOW, 300).unwrap()
}

fn response(request: &RequestObject, token: Value) -> Response {
    Response { vp_token: VpToken::from_json(&token).unwrap(), state: request.state.clone() }
}

pub(crate) fn judge(world: &World, request: &RequestObject, token: Value) -> Result<Answered, AnswerRefusal> {
    let (names, policy) = (Vocabulary::default(), Policy::default());
    let checked = check(request, &response(request, token), &world.trust, &names, &policy, NOW)?;
    checked.once(&mut SeenInMemory::default())
}

pub(crate) fn refusal(world: &World, request: &RequestObject, token: Value) -> String {
    judge(world, request, token).unwrap_err().name()
}

/// Refusals are of eight families.
#[test]
fn refusals_say_whose_rule_was_broken() {
    let world = World::at(NOW);
    let asked = request(&world, &sd_jwt_query(&[&["family_name"]]), vec![]);
    let answer = |index: u64, token: &dyn Fn(String) -> Value| {
        judge(&world, &asked, token(showing(&asked).text(&world.issue(key(HOLDER).multikey(), index)))).unwrap_err()
    };
    assert!(matches!(answer(2, &|it| json!({ "licence": [it] })), AnswerRefusal::Standing(_)));
    assert!(matches!(answer(1, &|_| json!({ "licence": [{}] })), AnswerRefusal::Form(_)));
    assert!(matches!(answer(1, &|_| json!({ "licence": ["x"] })), AnswerRefusal::SdJwt(_)));
    assert!(matches!(answer(1, &|it| json!({ "other": [it] })), AnswerRefusal::Query(_)));
    let documents = request(&world, &mdoc_query(&["age_over_19"]), vec![]);
    assert!(matches!(judge(&world, &documents, json!({ "mdl": ["oA"] })), Err(AnswerRefusal::Mdoc(_))));
    let token = showing(&asked).token(&world.issue(key(HOLDER).multikey(), 1));
    assert!(matches!(judge(&World::with(NOW, false), &asked, token), Err(AnswerRefusal::Issuer(_))));
    let nowhere = protocol::credential::status::token::TokenStatusError::StatusMissing;
    assert_eq!(AnswerRefusal::Status(nowhere).name(), "StatusMissing");
}

/// How an SD-JWT is shown.
pub(crate) struct Showing<'a> {
    pub(crate) audience: String,
    pub(crate) nonce: &'a str,
    pub(crate) now: u64,
    pub(crate) paths: Vec<&'a str>,
    pub(crate) hashes: Vec<String>,
    pub(crate) by: StandardKey,
}

pub(crate) fn showing(request: &RequestObject) -> Showing<'_> {
    let (audience, nonce) = (request.client_id.to_string(), request.nonce.as_str());
    Showing { audience, nonce, now: NOW, paths: vec!["/family_name"], hashes: vec![], by: key(HOLDER) }
}

impl Showing<'_> {
    pub(crate) fn text(&self, issued: &Issued) -> String {
        let binding = KeyBinding { audience: &self.audience, nonce: self.nonce, now: self.now };
        SdJwt::read(&issued.sd_jwt).unwrap().present_with(&self.paths, &binding, &self.hashes, &self.by).unwrap()
    }

    pub(crate) fn token(&self, issued: &Issued) -> Value {
        json!({ "licence": [self.text(issued)] })
    }
}

#[test]
fn an_sd_jwt_is_bound_to_request_and_holder() {
    let world = World::at(NOW);
    let asked = request(&world, &sd_jwt_query(&[&["family_name"]]), vec![]);
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let answered = judge(&world, &asked, showing(&asked).token(&issued)).unwrap();
    let [credential] = answered.credentials() else { panic!("one credential") };
    assert_eq!((credential.query(), credential.format(), credential.kind()), ("licence", "dc+sd-jwt", presenting::VCT));
    assert_eq!((credential.credential_type(), credential.issuer()), (presenting::VCT, &world.issuer));
    assert_eq!(credential.claims()[0].value, "홍");
    assert!(!format!("{answered:?}").contains('홍'), "VERD-08: claims never print");
    let with = |change: &dyn Fn(&mut Showing<'_>)| {
        let mut shown = showing(&asked);
        change(&mut shown);
        refusal(&world, &asked, shown.token(&issued))
    };
    assert_eq!(with(&|it| it.audience = "x509_hash:other".into()), "AudienceMismatch", "D04");
    let bare = asked.client_id.to_string().split_once(':').unwrap().1.to_owned();
    assert_eq!(with(&|it| it.audience = bare.clone()), "AudienceMismatch", "D04: prefix stripped");
    assert_eq!(with(&|it| it.nonce = "other"), "NonceMismatch", "D05");
    assert_eq!(with(&|it| it.nonce = "N-0S6_WzA2MjabcdefghijK"), "NonceMismatch", "D05: case");
    assert_eq!(with(&|it| it.now = NOW + 61), "IssuedInFuture", "D10");
    assert_eq!(with(&|it| it.now = NOW - 601), "HolderBindingExpired");
    assert_eq!(with(&|it| it.by = key(STRANGER)), "HolderBindingInvalid", "D02");
    assert_eq!(with(&|it| it.paths.push("/birthdate")), "ClaimNotRequested", "D28");
    assert_eq!(with(&|it| it.paths.clear()), "QueryNotSatisfied");
    let text = showing(&asked).text(&issued);
    let (covered, proof) = text.rsplit_once('~').unwrap();
    let token = |text: String| json!({ "licence": [text] });
    assert_eq!(refusal(&world, &asked, token(format!("{covered}~"))), "HolderBindingMissing", "D01");
    let more = SdJwt::read(&issued.sd_jwt).unwrap().disclose(&["/family_name", "/birthdate"]).unwrap();
    assert_eq!(refusal(&world, &asked, token(format!("{more}{proof}"))), "TransactionMismatch", "D08");
    // Of its shape.
    assert_eq!(refusal(&world, &asked, json!({ "other": [text] })), "CredentialNotRequested", "D20");
    assert_eq!(refusal(&world, &asked, json!({ "licence": [text, text] })), "CredentialNotRequested", "D14");
    assert_eq!(refusal(&world, &asked, json!({ "licence": [text], "mdl": [text] })), "CredentialNotRequested", "D14");
    assert_eq!(refusal(&world, &asked, json!({ "licence": [{}] })), "MalformedPresentation", "D20");
    let mdoc = base64url(&issued.mdoc);
    assert_eq!(refusal(&world, &asked, token(mdoc)), "UnsupportedFormat", "D18");
}

#[test]
fn the_wallet_says_nothing_of_what_was_asked() {
    let world = World::at(NOW);
    let issued = world.issue(key(HOLDER).multikey(), 1);
    // D19: what the wallet would like of holder binding is no part of an answer.
    let mut query = sd_jwt_query(&[&["family_name"]]);
    query["credentials"][0]["require_cryptographic_holder_binding"] = json!(false);
    let asked = request(&world, &query, vec![]);
    let unbound = SdJwt::read(&issued.sd_jwt).unwrap().disclose(&["/family_name"]).unwrap();
    assert_eq!(refusal(&world, &asked, json!({ "licence": [unbound] })), "HolderBindingMissing", "D19");
    // D16, D17: values and authorities.
    let mut query = sd_jwt_query(&[&["family_name"]]);
    query["credentials"][0]["claims"][0]["values"] = json!(["김"]);
    let asked = request(&world, &query, vec![]);
    assert_eq!(refusal(&world, &asked, showing(&asked).token(&issued)), "QueryNotSatisfied", "D16");
    query["credentials"][0]["claims"][0]["values"] = json!(["홍"]);
    query["credentials"][0]["trusted_authorities"] = json!([{ "type": "aki", "values": ["AAAA"] }]);
    let asked = request(&world, &query, vec![]);
    assert_eq!(refusal(&world, &asked, showing(&asked).token(&issued)), "IssuerNotTrusted", "D17");
    let sd_jwt = SdJwt::read(&issued.sd_jwt).unwrap();
    let authorities = protocol::crypto::x509::authorities(&sd_jwt.header().certificates().unwrap());
    query["credentials"][0]["trusted_authorities"] = json!([{ "type": "aki", "values": authorities }]);
    let asked = request(&world, &query, vec![]);
    assert!(judge(&world, &asked, showing(&asked).token(&issued)).is_ok());
}

#[test]
fn withdrawn_expired_and_unaccredited() {
    let world = World::at(NOW);
    let asked = request(&world, &sd_jwt_query(&[&["family_name"]]), vec![]);
    for (index, name) in [
        (2, "StatusRevoked"),
        (3, "StatusSuspended"),
        (1 << 40, "StatusIndexOutOfRange"),
        (200_000, "StatusIndexOutOfRange"),
    ] {
        let issued = world.issue(key(HOLDER).multikey(), index);
        assert_eq!(refusal(&world, &asked, showing(&asked).token(&issued)), name, "D12");
    }
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let token = || showing(&asked).token(&issued);
    let at = |now: u64| {
        let policy = Policy::default();
        check(&asked, &response(&asked, token()), &world.trust, &Vocabulary::default(), &policy, now)
            .err()
            .map(|it| it.name())
    };
    assert_eq!(at(NOW), None);
    assert_eq!(at(NOW + 300).as_deref(), Some("RequestExpired"));
    assert_eq!(at(NOW + 2 * presenting::DAY).as_deref(), Some("TrustStale"));
    assert_eq!(at(NOW - 1000).as_deref(), Some("ClockUnreliable"));
    let unaccredited = World::with(NOW, false);
    assert_eq!(refusal(&unaccredited, &asked, token()), "IssuerNotAuthorizedForType", "A25");
    let mut other = asked.clone();
    other.state = Some("other".into());
    let stray =
        check(&other, &response(&asked, token()), &world.trust, &Vocabulary::default(), &Policy::default(), NOW);
    assert_eq!(stray.err().map(|it| it.name()).as_deref(), Some("StateMismatch"));
    // D06: once.
    let mut seen = SeenInMemory::default();
    let checked = || {
        check(&asked, &response(&asked, token()), &world.trust, &Vocabulary::default(), &Policy::default(), NOW)
            .unwrap()
    };
    assert!(checked().once(&mut seen).is_ok());
    assert_eq!(checked().once(&mut seen).unwrap_err().name(), "NonceReplayed", "D06");
}

#[test]
fn ovp_07_the_holder_agrees_to_this_transaction_and_no_other() {
    let world = World::at(NOW);
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let transfer = TransactionData::new(vec!["licence".into()], "이체", "Transfer");
    let asked = request(&world, &sd_jwt_query(&[&["family_name"]]), vec![transfer.clone()]);
    let with = |hashes: Vec<String>| {
        let shown = Showing { hashes, ..showing(&asked) };
        judge(&world, &asked, shown.token(&issued)).map(|it| it.transactions().len()).map_err(|it| it.name())
    };
    assert_eq!(with(vec![transfer.hash()]), Ok(1));
    let other = TransactionData::new(vec!["licence".into()], "이체", "Transfer more");
    for hashes in [vec![], vec![other.hash()], vec![transfer.hash(), other.hash()]] {
        assert_eq!(with(hashes), Err("TransactionMismatch".into()));
    }
    let plain = request(&world, &sd_jwt_query(&[&["family_name"]]), vec![]);
    let shown = Showing { hashes: vec![transfer.hash()], ..showing(&plain) };
    assert_eq!(refusal(&world, &plain, shown.token(&issued)), "TransactionMismatch", "nobody asked for it");
}

/// A mobile document, shown in this session by this key.
pub(crate) fn document(issued: &Issued, elements: &[&str], handover: &Handover<'_>, by: &StandardKey) -> Value {
    let signed = IssuerSigned::from_slice(&issued.mdoc).unwrap();
    let elements: Vec<_> = elements.iter().map(|name| (NAMESPACE, *name)).collect();
    let transcript = SessionTranscript::new(handover);
    let document = Document::present(&signed, DOCTYPE, &elements, &transcript, &Proof::Signature(by)).unwrap();
    json!({ "mdl": [base64url(&DeviceResponse { documents: vec![document] }.to_vec())] })
}

#[test]
fn a_mobile_document_is_bound_to_its_session() {
    let world = World::at(NOW);
    let asked = request(&world, &mdoc_query(&["age_over_19"]), vec![]);
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let (client_id, thumbprint) = (asked.client_id.to_string(), asked.metadata.keys[0].thumbprint());
    let other_key = EncryptionKey { key: agreement(6).public().unwrap(), id: None }.thumbprint();
    let session =
        |client_id, nonce, thumbprint, response_uri| Handover::OpenId4Vp { client_id, nonce, thumbprint, response_uri };
    let right = session(&client_id, &asked.nonce, Some(&thumbprint), URI);
    let holder = key(HOLDER);
    let answered = judge(&world, &asked, document(&issued, &["age_over_19"], &right, &holder)).unwrap();
    assert_eq!(answered.credentials()[0].claims()[0].value, true);
    for (why, wrong) in [
        ("nonce", session(&client_id, "other", Some(&thumbprint), URI)),
        ("response_uri", session(&client_id, &asked.nonce, Some(&thumbprint), "https://evil.example/")),
        ("thumbprint", session(&client_id, &asked.nonce, Some(&other_key), URI)),
        ("no thumbprint", session(&client_id, &asked.nonce, None, URI)),
        ("client id", session("x509_hash:other", &asked.nonce, Some(&thumbprint), URI)),
        (
            "browser",
            Handover::DcApi { origin: "https://verifier.example", nonce: &asked.nonce, thumbprint: Some(&thumbprint) },
        ),
    ] {
        // The standard's transcript is one hash: what differs in it cannot be told, only that the proof is of another session.
        let token = document(&issued, &["age_over_19"], &wrong, &holder);
        assert_eq!(refusal(&world, &asked, token), "HolderBindingInvalid", "D11: {why}");
    }
    let stranger = document(&issued, &["age_over_19"], &right, &key(STRANGER));
    assert_eq!(refusal(&world, &asked, stranger), "HolderBindingInvalid", "D02");
    let more = document(&issued, &["age_over_19", "birth_date"], &right, &holder);
    assert_eq!(refusal(&world, &asked, more), "ClaimNotRequested", "D28");
    let less = document(&issued, &["family_name"], &right, &holder);
    assert_eq!(refusal(&world, &asked, less), "QueryNotSatisfied");
    let nothing = json!({ "mdl": [base64url(&DeviceResponse { documents: vec![] }.to_vec())] });
    assert_eq!(refusal(&world, &asked, nothing), "DocumentMissing");
    assert_eq!(refusal(&world, &asked, json!({ "mdl": ["***"] })), "MalformedPresentation");
}

/// D12, D20: a list of presentations is as good as its worst.
#[test]
fn of_several_credentials_each_has_to_pass() {
    let world = World::at(NOW);
    let mut query = sd_jwt_query(&[&["family_name"]]);
    query["credentials"][0]["multiple"] = json!(true);
    let asked = request(&world, &query, vec![]);
    let text = |index| showing(&asked).text(&world.issue(key(HOLDER).multikey(), index));
    let (valid, also, revoked) = (text(1), text(4), text(2));
    assert_eq!(judge(&world, &asked, json!({ "licence": [valid, also] })).unwrap().credentials().len(), 2);
    for token in [json!({ "licence": [valid, revoked] }), json!({ "licence": [revoked, valid] })] {
        assert_eq!(refusal(&world, &asked, token), "StatusRevoked", "D12");
    }
}

//! What the owner is asked, and what is sent.

use presenting::{DOCTYPE, HOLDER, HOST, Issued, NAMESPACE, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::MdocError;
use protocol::credential::sd_jwt::SdJwtError;
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{ContentEncryption, EncryptionKey};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::OverAsk;
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::{
    ClientId, ClientMetadata, Expected, RequestObject, Response, ResponseMode, Signing, TransactionData, Vocabulary,
    VpError,
};
use serde_json::{Value, json};
use verifier::openid4vp::check;
use verifier::{Policy, SeenInMemory};
use wallet_core::Decision;
use wallet_core::openid4vp::{Foreign, OpenIdError, Outgoing, Sheet, read_request};

pub(crate) const NOW: u64 = 1_795_143_600;
pub(crate) const ORIGIN: &str = "https://verifier.example";

fn agreement() -> AgreementKey {
    AgreementKey::from_seed(&[5; 32]).unwrap()
}

pub(crate) fn request(query: &Value, response: ResponseMode) -> RequestObject {
    let encryption = EncryptionKey { key: agreement().public().unwrap(), id: None };
    RequestObject {
        client_id: ClientId::X509SanDns(HOST.into()),
        response,
        nonce: "n-0S6_WzA2MjabcdefghijK".into(),
        state: Some("s".into()),
        query: DcqlQuery::from_json(query).unwrap(),
        metadata: ClientMetadata { keys: vec![encryption], methods: ContentEncryption::ALL.to_vec() },
        transactions: vec![],
        wallet_nonce: None,
        registration: None,
        issued_at: Some(NOW),
        expires_at: Some(NOW + 300),
    }
}

pub(crate) fn posted(query: &Value) -> RequestObject {
    request(query, ResponseMode::DirectPostJwt(format!("{ORIGIN}/answer")))
}

pub(crate) struct Owner {
    pub(crate) world: World,
    issued: Issued,
    key: StandardKey,
}

impl Owner {
    pub(crate) fn new() -> Self {
        let world = World::at(NOW);
        let issued = world.issue(key(HOLDER).multikey(), 1);
        Self { world, issued, key: key(HOLDER) }
    }

    pub(crate) fn held(&self) -> [Foreign<'_>; 2] {
        [
            Foreign::sd_jwt(&self.issued.sd_jwt, &self.issued.verified, &self.key).unwrap(),
            Foreign::mdoc(&self.issued.mdoc, DOCTYPE, &self.key).unwrap(),
        ]
    }

    pub(crate) fn read(&self, request: &RequestObject) -> Result<Sheet, OpenIdError> {
        let text = request.sign(&Signing::Certificates(&[self.world.shop_certificate()]), &key(13)).unwrap();
        let origin = request.response.uri().is_none().then_some(ORIGIN);
        self.read_signed(&text, &Expected { client_id: None, wallet_nonce: None, origin })
    }

    pub(crate) fn read_signed(&self, text: &str, expected: &Expected<'_>) -> Result<Sheet, OpenIdError> {
        read_request(text, expected, &self.held(), &self.world.trust, &Vocabulary::default(), NOW)
    }

    pub(crate) fn answer(
        &self,
        sheet: &Sheet,
        decision: Decision,
        chosen: &[(String, usize)],
    ) -> Result<Outgoing, OpenIdError> {
        sheet.answer(decision, chosen, &self.held(), NOW, &mut tests::rng("wallet"))
    }
}

#[test]
fn the_owner_reads_who_asks_what_and_why() {
    let owner = Owner::new();
    let mut asked = posted(&sd_jwt_query(&[&["family_name"], &["classes", "1"]]));
    let mut query = sd_jwt_query(&[&["family_name"]]);
    query["credentials"][0]["claims"].as_array_mut().unwrap().push(json!({ "path": ["classes", 1] }));
    query["credentials"].as_array_mut().unwrap().push(mdoc_query(&["age_over_19"])["credentials"][0].clone());
    query["credential_sets"] = json!([{ "options": [["licence"]] }, { "options": [["mdl"]], "required": false }]);
    assert!(owner.read(&asked).unwrap().choices.is_none(), "a member named 1 is not there");
    asked.query = DcqlQuery::from_json(&query).unwrap();
    asked.transactions = vec![TransactionData::new(vec!["licence".into()], "이체", "Transfer")];
    let sheet = owner.read(&asked).unwrap();
    assert_eq!((sheet.verifier.clone(), sheet.name.en.as_str()), (owner.world.shop.clone(), "Shop"));
    assert_eq!(
        (sheet.purpose.as_ref().unwrap().en.as_str(), sheet.transactions[0].ko.as_str()),
        ("Rent a car", "이체")
    );
    let [licence, mdl] = &sheet.choices.as_ref().unwrap()[..] else { panic!("two") };
    assert_eq!((licence.required, mdl.required, mdl.retained), (true, false, false));
    let shown = &licence.options[0].shown;
    assert_eq!(shown[..], [("/family_name".into(), json!("홍")), ("/classes/1".into(), json!("2-small"))]);
    assert!(!format!("{sheet:?} {licence:?}", licence = licence.options).contains('홍'), "nothing of it prints");
    // What is optional may be answered or not; what was not offered may not.
    let check = |chosen: &[(String, usize)]| {
        let sent = owner.answer(&sheet, Decision::Approve, chosen)?;
        let form = protocol::exchange::openid4vp::form::read(sent.body.as_bytes()).unwrap();
        let response = Response::from_form(&form, Some(&agreement())).unwrap();
        let checked = check(&asked, &response, &owner.world.trust, &Vocabulary::default(), &Policy::default(), NOW);
        let answered = checked.unwrap().once(&mut SeenInMemory::default()).unwrap();
        Ok::<_, OpenIdError>((answered.credentials().len(), answered.transactions().len()))
    };
    let pick = |query: &str, credential| (query.to_owned(), credential);
    assert_eq!(check(&sheet.usual()), Ok((1, 1)));
    assert_eq!(check(&[pick("licence", 0), pick("mdl", 1)]), Ok((2, 1)));
    for wrong in [
        vec![],
        vec![pick("mdl", 1)],
        vec![pick("licence", 1)],
        vec![pick("licence", 9)],
        vec![pick("other", 0)],
        vec![pick("licence", 0), pick("licence", 0)],
    ] {
        assert_eq!(check(&wrong), Err(OpenIdError::NotOffered), "{wrong:?}");
    }
}

#[test]
fn ovp_06_what_was_not_registered_is_blocked_unless_the_owner_insists() {
    let owner = Owner::new();
    let sheet = owner.read(&posted(&sd_jwt_query(&[&["family_name"], &["birthdate"]]))).unwrap();
    let over_ask = OverAsk::AttributeNotRegistered("birthdate".into());
    assert_eq!((sheet.over_ask.as_ref(), sheet.purpose.is_none()), (Some(&over_ask), true), "K19");
    let blocked = owner.answer(&sheet, Decision::Approve, &sheet.usual());
    assert_eq!(blocked, Err(OpenIdError::Request(VpError::OverAsk(over_ask))));
    assert!(owner.answer(&sheet, Decision::ApproveOverAsk, &sheet.usual()).is_ok());
    // K22: to the verifier a probe with a wrong value and an owner who says no look the same.
    let mut probe = sd_jwt_query(&[&["family_name"]]);
    probe["credentials"][0]["claims"][0]["values"] = json!(["김"]);
    let probed = owner.read(&posted(&probe)).unwrap();
    let nothing = owner.answer(&probed, Decision::Approve, &[]).unwrap();
    assert_eq!(nothing, owner.answer(&sheet, Decision::Decline, &sheet.usual()).unwrap(), "OVP-10");
}

#[test]
fn a_browser_carries_request_and_answer() {
    let owner = Owner::new();
    let query = mdoc_query(&["age_over_19"]);
    for mode in [ResponseMode::DcApi(vec![ORIGIN.into()]), ResponseMode::DcApiJwt(vec![ORIGIN.into()])] {
        let asked = request(&query, mode.clone());
        let sheet = owner.read(&asked).unwrap();
        let sent = owner.answer(&sheet, Decision::Approve, &sheet.usual()).unwrap();
        assert_eq!(sent.uri, None);
        let data: Value = serde_json::from_str(&sent.body).unwrap();
        let response = match mode.encrypted() {
            true => Response::decrypt(data["response"].as_str().unwrap(), &agreement()).unwrap(),
            false => Response::from_json(&data).unwrap(),
        };
        let checked = check(&asked, &response, &owner.world.trust, &Vocabulary::default(), &Policy::default(), NOW);
        let answered = checked.unwrap().once(&mut SeenInMemory::default()).unwrap();
        assert_eq!(answered.credentials()[0].claims()[0].path, format!("/{NAMESPACE}/age_over_19"));
        let declined = owner.answer(&sheet, Decision::Decline, &[]).unwrap();
        assert_eq!(declined.body, r#"{"error":"access_denied"}"#);
    }
}

#[test]
fn credentials_that_nobody_issued_are_not_taken_up() {
    let owner = Owner::new();
    let text = Foreign::sd_jwt("x", &owner.issued.verified, &owner.key).map(|_| ());
    assert_eq!(text, Err(OpenIdError::SdJwt(SdJwtError::UnsupportedFormat)));
    let document = Foreign::mdoc(b"\xa0", DOCTYPE, &owner.key).map(|_| ());
    assert_eq!(document, Err(OpenIdError::Mdoc(MdocError::MalformedDocument)));
    let mut forged = posted(&sd_jwt_query(&[&["family_name"]]));
    forged.client_id = ClientId::X509SanDns("other.example".into());
    assert_eq!(owner.read(&forged).map(|_| ()), Err(OpenIdError::Request(VpError::ClientIdMismatch)));
}

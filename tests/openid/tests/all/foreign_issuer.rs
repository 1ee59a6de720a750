//! Our wallet takes credentials from a foreign issuer: `@openid4vc/openid4vci` and `@openid4vc/oauth2` check what it sends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use journeys::{Client, now};
use protocol::credential::sd_jwt::{Trust, verify_issued};
use protocol::crypto::jose::{Jwk, base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::crypto::x509::Root;
use protocol::crypto::x509::testkit::Draft as Certificate;
use protocol::exchange::openid4vp::Vocabulary;
use serde_json::{Value, json};
use wallet_core::openid4vci::{
    Answer, Invitation, Keys, Offered, Progress, ReceiveError, Received, Request, Sheet, Trusted, WayBack,
};

const VCT: &str = "urn:example:student-card:1";
const CODE: &str = "493027";

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn root(seed: u8) -> Certificate {
    Certificate::root("CN=Foreign root,C=KR", key(seed).multikey(), now() - 100, now() + 86_400)
}

fn roots(seed: u8) -> [Root; 1] {
    [Root::from_der(&root(seed).sign(&key(seed))).unwrap()]
}

/// A process that serves as an issuer with one fault, or none.
struct ForeignIssuer {
    child: Child,
    base: String,
    offer: String,
}

impl ForeignIssuer {
    fn start(fault: &str) -> Self {
        let certificate = root(1).leaf("CN=Foreign issuer,C=KR", key(2).multikey(), None).sign(&key(1));
        let mut secret = Jwk::from(key(2).multikey()).to_json();
        secret["d"] = base64url(&[2; 32]).into();
        let settings = json!({
            "key": secret, "chain": [base64::engine::general_purpose::STANDARD.encode(certificate)],
            "vct": VCT, "txCode": CODE, "fault": fault,
        });
        let script = openid::script("issuer.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Self { base: text("base"), offer: text("offer"), child }
    }

    /// From the link to the sheet, as the app goes.
    fn sheet(&self, roots: &[Root]) -> Result<Sheet, ReceiveError> {
        let Invitation::Offer(offered) = Invitation::read(&self.offer)? else { panic!("an offer by value") };
        let answer = send(&offered.ask_issuer());
        let known = offered.issuer_known(&answer, roots, &Vocabulary::default(), now())?;
        let answer = send(&known.ask_server());
        known.server_known(&answer)
    }

    /// All the way, by logging in at its page.
    fn log_in(&self) -> Result<Vec<Received>, ReceiveError> {
        let roots = roots(1);
        let mut rng = tests::rng(&self.base);
        let back = WayBack { client: "mid-wallet", redirect: "mid-wallet:/logged-in" };
        let mut receiving = self.sheet(&roots)?.log_in(&back, &mut rng)?;
        let (sender, holder) = (key(5), key(6));
        let keys = Keys { sender: &sender, holders: &[&[&holder]], provider: None };
        for _ in 0..40 {
            if let Some(page) = receiving.page() {
                let opened = Client::default().exchange("GET", &page, &[], &[], "location").unwrap();
                receiving = receiving.came_back(&opened.1.unwrap())?;
                let again = Client::default().exchange("GET", &page, &[], &[], "location").unwrap();
                assert_eq!((again.0, again.1), (400, None), "a page is opened once");
            }
            let answer = send(&receiving.request(&keys, now(), &mut rng)?);
            match receiving.answered(&answer, &keys, &Trusted { roots: &roots, ledger: None }, now())? {
                Progress::Done(received) => return Ok(received),
                Progress::More(more) => receiving = *more,
            }
        }
        panic!("it never ends");
    }

    /// All the way.
    fn receive(&self, code: &str) -> Result<Vec<Received>, ReceiveError> {
        let roots = roots(1);
        let mut rng = tests::rng(&self.base);
        let mut receiving = self.sheet(&roots)?.accept(Some(code), &mut rng)?;
        let (sender, holder) = (key(5), key(6));
        let keys = Keys { sender: &sender, holders: &[&[&holder]], provider: None };
        for _ in 0..40 {
            let answer = send(&receiving.request(&keys, now(), &mut rng)?);
            match receiving.answered(&answer, &keys, &Trusted { roots: &roots, ledger: None }, now())? {
                Progress::Done(received) => return Ok(received),
                Progress::More(more) => receiving = *more,
            }
        }
        panic!("it never ends");
    }
}

impl Drop for ForeignIssuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an app does for the wallet.
fn send(request: &Request) -> Answer {
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, dpop_nonce, body) =
        Client::default().exchange(request.method, &request.address, &headers, &request.body, "dpop-nonce").unwrap();
    Answer { status, dpop_nonce, body }
}

#[test]
fn our_wallet_takes_a_credential_from_a_foreign_issuer() {
    let issuer = ForeignIssuer::start("");
    let sheet = issuer.sheet(&roots(1)).unwrap();
    assert_eq!((sheet.issuer(), sheet.tx_code()), (issuer.base.as_str(), Some(Some(6))));
    assert_eq!(sheet.credentials()[0].names, [("Student card".to_owned(), Some("en".to_owned()))]);
    let without = sheet.clone().accept(None, &mut tests::rng("without a code"));
    assert_eq!(without.unwrap_err(), ReceiveError::TxCodeUnfit);

    let received = issuer.receive(CODE).unwrap();
    assert_eq!((received.len(), received[0].holder), (1, key(6).multikey()));
    let text = String::from_utf8(received[0].credential.clone()).unwrap();
    let verified = verify_issued(&text, VCT, &Trust { roots: &roots(1), now: now() }).unwrap();
    assert_eq!(verified.claims()["given_name"], "길동");
    let told = Client::default().get(&format!("{}/events", issuer.base)).unwrap().1;
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told, json!([{ "notification_id": "n-1", "event": "credential_accepted" }]));
}

/// VCI-80 to VCI-84: what is pushed, PKCE and the sender's key are checked by their code, who answers by ours.
#[test]
fn our_wallet_logs_in_at_a_foreign_issuer() {
    let issuer = ForeignIssuer::start("");
    let received = issuer.log_in().unwrap();
    assert_eq!((received.len(), received[0].holder), (1, key(6).multikey()));
    let told = Client::default().get(&format!("{}/events", issuer.base)).unwrap().1;
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told, json!([{ "notification_id": "n-1", "event": "credential_accepted" }]));
    drop(issuer);
    for (fault, expected) in [
        ("plain", ReceiveError::GrantUnsupported),   // VCI-80
        ("nobody", ReceiveError::GrantUnsupported),  // VCI-80
        ("other-state", ReceiveError::LogInUnknown), // VCI-82
        ("mix-up", ReceiveError::IssuerMismatch),    // VCI-83, J23
        ("unnamed", ReceiveError::IssuerMismatch),   // VCI-83
        ("declined", ReceiveError::Refused("access_denied".into())),
        ("never-content", ReceiveError::Refused("use_dpop_nonce".into())),
        ("bearer-token", ReceiveError::AnswerMalformed),
    ] {
        assert_eq!(ForeignIssuer::start(fault).log_in().unwrap_err(), expected, "{fault}");
    }
}

#[test]
fn what_a_foreign_issuer_must_not_do_is_refused_by_name() {
    // VCI-40, J29: before any code is asked for.
    let issuer = ForeignIssuer::start("");
    assert_eq!(issuer.sheet(&roots(3)).unwrap_err(), ReceiveError::IssuerUntrusted);
    let wrong = issuer.receive("000000").unwrap_err();
    assert_eq!(wrong, ReceiveError::Refused("invalid_grant".into()));
    drop(issuer);
    // A nonce that has run out is replaced without a word.
    assert_eq!(ForeignIssuer::start("stale-nonce").receive(CODE).map(|it| it.len()), Ok(1));
    for (fault, expected) in [
        ("unsigned", ReceiveError::MetadataInvalid),
        ("changed-metadata", ReceiveError::MetadataInvalid),
        ("other-issuer", ReceiveError::IssuerMismatch),
        ("other-host", ReceiveError::MetadataInvalid),   // VCI-41, J30
        ("other-server", ReceiveError::IssuerMismatch),  // J23
        ("bearer", ReceiveError::GrantUnsupported),      // VCI-42
        ("bearer-token", ReceiveError::AnswerMalformed), // VCI-42
        ("never-content", ReceiveError::Refused("use_dpop_nonce".into())),
        ("attested-keys", ReceiveError::AttestationUnavailable), // VCI-47
        ("other-proofs", ReceiveError::NothingUsable),
        ("other-encryption", ReceiveError::EncryptionUnsupported), // VCI-45
        ("other-key", ReceiveError::CredentialInvalid),            // VCI-43
        ("other-type", ReceiveError::CredentialInvalid),
        ("changed-credential", ReceiveError::CredentialInvalid),
    ] {
        assert_eq!(ForeignIssuer::start(fault).receive(CODE).unwrap_err(), expected, "{fault}");
    }
}

#[test]
fn invitations_are_read_before_anything_is_fetched() {
    let code = "x:?credential_offer=%7B%22credential_issuer%22%3A%22https%3A%2F%2Fa.example%22%2C%22credential_configuration_ids%22%3A%5B%22a%22%5D%7D";
    assert_eq!(Invitation::read(code).unwrap_err(), ReceiveError::GrantUnsupported);
    assert!(matches!(Invitation::read("x:?credential_offer_uri=http%3A%2F%2Fa.example"), Err(ReceiveError::Offer(_))));
    let Ok(Invitation::Fetch(request)) = Invitation::read("x:?credential_offer_uri=https%3A%2F%2Fa.example%2F1") else {
        panic!("by reference")
    };
    assert_eq!((request.method, request.address.as_str()), ("GET", "https://a.example/1"));
    let gone = Answer { status: 404, dpop_nonce: None, body: Vec::new() };
    assert_eq!(Offered::read(&gone).unwrap_err(), ReceiveError::AnswerMalformed);
}

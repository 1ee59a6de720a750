//! What is done while the kills fall, and what must still be true afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::JoinHandle;
use std::time::Duration;

use journeys::{Client, LICENCE, Services, ZK_IDENTITY, credential_request, evidence};
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::exchange::{IssuanceNonce, IssuerEvidence};
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::record::{DidKey, DidRecord, Purposes, Record};
use protocol::ledger::transaction::{Sender, Transaction, TransactionBody, Write};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use serde_json::json;

/// People of the sample register who may hold both credentials.
const PEOPLE: [&str; 3] = ["person-0001", "person-0002", "person-0003"];
/// How many old acknowledgements are looked at after each restart; all of them at the end.
const RECENT: usize = 6;

/// Acknowledged by the services, so never to be lost.
struct Issued {
    request: Vec<u8>,
    response: Vec<u8>,
    person: usize,
    credential_type: &'static str,
}

/// What was acknowledged, and what was under way when the kill fell.
pub(crate) struct Operations {
    issuers: BTreeMap<&'static str, IssuerEvidence>,
    anchor: TrustAnchor,
    ministry: [u8; 32],
    network: String,
    issued: Vec<Issued>,
    /// A request whose answer did not arrive.
    in_doubt: Option<(Vec<u8>, usize, &'static str)>,
    revoked: Vec<(usize, &'static str)>,
    recorded: Vec<([u8; 32], u64)>,
    /// Transactions without an answer: they may be recorded or not, but not twice.
    unanswered: Vec<[u8; 32]>,
    next_nonce: u64,
    count: u64,
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (issued, revoked, recorded) = (self.issued.len(), self.revoked.len(), self.recorded.len());
        write!(
            f,
            "{issued} issued, {revoked} revoked, {recorded} ledger transactions acknowledged, {} in doubt",
            self.unanswered.len()
        )
    }
}

impl Operations {
    /// Reads from the services what a wallet and the ministry know.
    pub(crate) fn new(services: &Services) -> Self {
        let anchor = TrustAnchor::decode(&std::fs::read(services.dir.join("anchor.cbor")).unwrap()).unwrap();
        let (_, bundle) = services.client.get(&format!("{}/bundle", services.url)).unwrap();
        let trust = TrustBundle::decode(&bundle).unwrap().verify(&anchor, 0).unwrap();
        let issuers = [LICENCE, ZK_IDENTITY].map(|id| (id, evidence(&trust, anchor.network_id, id)));
        let seed = std::fs::read(services.dir.join("ministry.key")).unwrap();
        Self {
            issuers: issuers.into_iter().collect(),
            network: anchor.network.clone(),
            anchor,
            ministry: seed.try_into().unwrap(),
            issued: Vec::new(),
            in_doubt: None,
            revoked: Vec::new(),
            recorded: Vec::new(),
            unanswered: Vec::new(),
            next_nonce: 0,
            count: 0,
        }
    }

    /// How much there is to lose.
    pub(crate) fn acknowledged(&self) -> usize {
        self.issued.len() + self.revoked.len() + self.recorded.len()
    }

    /// What was acknowledged lately is still there; what was in doubt is settled by asking again.
    pub(crate) fn after_restart(&mut self, services: &Services) {
        // First what is in doubt: it may be the credential that came after a revocation.
        if let Some((request, person, credential_type)) = self.in_doubt.take() {
            let (status, response) = credential(&services.client, &services.url, &request).expect("the issuer answers");
            // It was stored before the kill or is issued now; asking once more gives the same one.
            assert_eq!(status, 200, "a retry after a crash is refused: {}", String::from_utf8_lossy(&response));
            let issued = Issued { request, response, person, credential_type };
            same_answer(services, &issued);
            self.revoked.retain(|revoked| *revoked != (person, credential_type));
            self.issued.push(issued);
        }
        for issued in self.issued.iter().rev().take(RECENT) {
            same_answer(services, issued);
        }
        for (id, height) in self.recorded.iter().rev().take(RECENT) {
            assert_eq!(recorded_at(services, id), Some(*height), "an acknowledged transaction was lost");
        }
        for (person, credential_type) in self.revoked.iter().rev().take(RECENT) {
            let again = revoke(&At::of(services), *person, credential_type).unwrap();
            assert_eq!(again, "already-revoked", "an acknowledged revocation was lost");
        }
        self.next_nonce = next_nonce(&services.client, &services.url).expect("the ledger answers");
    }

    /// Works until the services are gone.
    pub(crate) fn run_until_killed(
        &mut self,
        services: Services,
        life: Duration,
        rng: &mut ChaCha20Rng,
    ) -> JoinHandle<()> {
        let at = At::of(&services);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(life);
            services.kill();
        });
        while self.one(&at, rng).is_some() {}
        killer
    }

    /// One operation; nothing when the services are gone.
    fn one(&mut self, at: &At, rng: &mut ChaCha20Rng) -> Option<()> {
        self.count += 1;
        let person = rng.next_u32() as usize % PEOPLE.len();
        let credential_type = if rng.next_u32().is_multiple_of(2) { LICENCE } else { ZK_IDENTITY };
        match self.count % 4 {
            0 => {
                let held = self.issued.iter().any(|i| i.person == person && i.credential_type == credential_type);
                if held {
                    revoke(at, person, credential_type)?;
                    self.revoked.push((person, credential_type));
                }
                Some(())
            }
            1 | 2 => self.issue(at, person, credential_type, rng),
            _ => self.record(at, rng),
        }
    }

    fn issue(&mut self, at: &At, person: usize, credential_type: &'static str, rng: &mut ChaCha20Rng) -> Option<()> {
        let offer = json!({
            "person": PEOPLE[person], "credential_types": [credential_type], "with_tx_code": false, "replaces": true, "life": 600,
        });
        let (status, offer) = at.client.admin(&format!("{}/issuer/v1/admin/offers", at.url), &at.token, &offer)?;
        assert_eq!(status, 200, "{offer}");
        let offer = protocol::cbor::from_slice::<protocol::exchange::Offer>(
            &hex::decode(offer["offer"].as_str()?).ok()?,
            1_024,
        )
        .ok()?;
        let (status, nonce) = post(&at.client, &format!("{}/issuer/v1/nonce", at.url), &[])?;
        assert_eq!(status, 200);
        let nonce: IssuanceNonce = protocol::cbor::from_slice(&nonce, 64).unwrap();
        let request = credential_request(&self.issuers[credential_type], offer.code, nonce.nonce, rng);
        self.in_doubt = Some((request.clone(), person, credential_type));
        let (status, response) = credential(&at.client, &at.url, &request)?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&response));
        self.in_doubt = None;
        self.revoked.retain(|revoked| *revoked != (person, credential_type));
        self.issued.push(Issued { request, response, person, credential_type });
        Some(())
    }

    /// The ministry registers another organisation.
    fn record(&mut self, at: &At, rng: &mut ChaCha20Rng) -> Option<()> {
        let ministry = Ed25519SigningKey::from_seed(&self.ministry);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let own = Ed25519SigningKey::from_seed(&seed);
        let key = own.public_key();
        let did = Did::derive(&self.network, &key.to_multicodec()).unwrap();
        let key = DidKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: 0, until: None };
        let record = Record::Did(DidRecord { did, keys: vec![key], deactivated: false });
        let body = TransactionBody {
            network_id: self.anchor.network_id,
            sender: Sender::Governance,
            nonce: self.next_nonce,
            writes: vec![Write { record, previous_version: 0 }],
        };
        let bytes = body.signed_by(&[&ministry as &dyn Signer, &own]).unwrap().encode();
        let id = Transaction::id(&bytes);
        self.unanswered.push(id);
        let (status, answer) = at.client.post(&format!("{}/ledger/v1/transactions", at.url), &bytes)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        if status == 409 && text.contains("DuplicateTx") {
            // One that was never answered became final after all, and has this nonce.
            self.unanswered.pop();
            assert!(!self.unanswered.is_empty(), "a nonce is taken that nobody used: {text}");
            self.next_nonce = next_nonce(&at.client, &at.url)?;
            return Some(());
        }
        assert!(status == 200 || status == 202, "{status} {text}");
        if status == 200 {
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
            self.unanswered.pop();
            self.recorded.push((id, answer["height"].as_u64().unwrap()));
            self.next_nonce += 1;
        }
        Some(())
    }
}

/// Where the services are, for a thread that does not own them.
struct At {
    client: Client,
    url: String,
    token: String,
}

impl At {
    fn of(services: &Services) -> Self {
        Self { client: services.client.clone(), url: services.url.clone(), token: services.admin_token() }
    }
}

fn credential(client: &Client, url: &str, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    post(client, &format!("{url}/issuer/v1/credentials"), request)
}

/// Posts, and again when told that it is too often, as a client should.
fn post(client: &Client, url: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
    loop {
        match client.post(url, body)? {
            (429, _) => std::thread::sleep(Duration::from_millis(250)),
            answer => return Some(answer),
        }
    }
}

fn same_answer(services: &Services, issued: &Issued) {
    let (status, again) = credential(&services.client, &services.url, &issued.request).expect("the issuer answers");
    assert_eq!(status, 200, "an acknowledged credential was lost: {}", String::from_utf8_lossy(&again));
    assert!(again == issued.response, "a retry got another credential");
}

fn revoke(at: &At, person: usize, credential_type: &str) -> Option<String> {
    let body = json!({ "person": PEOPLE[person], "credential_type": credential_type, "reason": "right-withdrawn" });
    let (status, answer) = at.client.admin(&format!("{}/issuer/v1/admin/revocations", at.url), &at.token, &body)?;
    assert_eq!(status, 200, "{answer}");
    answer["outcome"].as_str().map(str::to_owned)
}

fn recorded_at(services: &Services, id: &[u8; 32]) -> Option<u64> {
    let url = format!("{}/ledger/v1/transactions/{}", services.url, hex::encode(id));
    let (status, body) = services.client.get(&url)?;
    (status == 200).then(|| serde_json::from_slice::<serde_json::Value>(&body).ok()?["height"].as_u64()).flatten()
}

fn next_nonce(client: &Client, url: &str) -> Option<u64> {
    let (_, body) = client.get(&format!("{url}/ledger/v1/nonces/governance"))?;
    serde_json::from_slice::<serde_json::Value>(&body).ok()?["next"].as_u64()
}

/// Everything that was ever acknowledged, and the issuer's own books.
pub(crate) fn check_everything(operations: &Operations, services: &Services) {
    let mut handles = std::collections::BTreeSet::new();
    for issued in &operations.issued {
        same_answer(services, issued);
        let response = protocol::exchange::CredentialResponse::decode(&issued.response).unwrap();
        let handle = (issued.credential_type, response.credential.handle);
        assert!(handles.insert(handle), "a status handle was given out twice");
    }
    for (id, height) in &operations.recorded {
        assert_eq!(recorded_at(services, id), Some(*height), "an acknowledged transaction was lost");
    }
    // The books: an unbroken audit chain that agrees with what is stored, one active credential for each
    // person and type at most.
    let issuer = services.dir.join("issuer");
    let audit = journeys::run(&["issuer", "audit", "--dir", issuer.to_str().unwrap()]).accepted();
    println!("audit: {audit}");
}

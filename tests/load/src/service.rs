//! `mid up` with as many people as are needed.

use std::path::Path;

use journeys::{Client, Services, now};
use protocol::credential::CredentialType;
use protocol::credential::twins::Twins;
use protocol::exchange::openid4vp::Vocabulary;
use protocol::ledger::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::state::TrustedState;
use serde_json::Value;

/// The type of the licences.
pub const LICENCE: &str = journeys::LICENCE;

/// Everything runs.
pub struct Service {
    /// The processes.
    pub services: Services,
    /// The ledger as wallets have it.
    pub trust: TrustedState,
    /// What the ledger calls types and claims.
    pub vocabulary: Vocabulary,
    /// The relying party's token.
    pub token: String,
}

impl Service {
    /// Starts it in `dir` with `people` persons, of which each is a driver of the sample register under another number.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(dir: &Path, people: usize) -> Self {
        let network = dir.join("network");
        assert!(Services::start(&network).interrupt().success(), "mid up stops in order");
        let file = network.join("issuer/register.json");
        let sample: Value = serde_json::from_slice(&std::fs::read(&file).expect("a register")).expect("JSON");
        let drives = |it: &&Value| it["state"] == "living" && it["attributes"]["licence_number"].is_string();
        let drivers: Vec<&Value> = sample["people"].as_array().expect("people").iter().filter(drives).collect();
        let person = |number: usize| {
            let mut person = drivers[number % drivers.len()].clone();
            person["id"] = id(number).into();
            person["resident_number"] = format!("851399-{:07}", 1_000_000 + number).into();
            person
        };
        let register =
            serde_json::json!({ "about": "Invented people.", "people": (0..people).map(person).collect::<Vec<_>>() });
        std::fs::write(&file, register.to_string()).expect("the register can be written");
        let services = Services::start(&network);
        let anchor = std::fs::read(network.join("anchor.cbor")).expect("an anchor");
        let anchor = TrustAnchor::decode(&anchor).expect("an anchor");
        let (status, bundle) = services.client.get(&format!("{}/bundle", services.url)).expect("a bundle");
        assert_eq!(status, 200);
        let trust = TrustBundle::decode(&bundle).expect("a bundle").verify(&anchor, 0).expect("a bundle that holds");
        let token = std::fs::read_to_string(network.join("police/api.token")).expect("a token").trim().to_owned();
        Self { services, trust, vocabulary: vocabulary(), token }
    }

    /// Offers of the licence, for the persons from `first` on. Made before the measurement: by a clerk, or a job at night.
    ///
    /// # Panics
    /// When the issuer does not make them.
    #[must_use]
    pub fn offers(&self, first: usize, count: usize) -> Vec<String> {
        let client = Client::default();
        let (url, token) = (format!("{}/issuer/v1/admin/offers", self.services.url), self.services.admin_token());
        let offer = |number: usize| {
            let body = serde_json::json!({ "person": id(number), "credential_types": [LICENCE], "with_tx_code": false, "life": 3600 });
            let (status, answer) = client.admin(&url, &token, &body).expect("an answer");
            assert_eq!(status, 200, "{answer}");
            answer["openid_offer"].as_str().expect("a link").to_owned()
        };
        (first..first + count).map(offer).collect()
    }

    /// Now, Unix seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        now()
    }
}

fn id(number: usize) -> String {
    format!("load-{number:06}")
}

fn vocabulary() -> Vocabulary {
    let licence = CredentialType::parse(include_bytes!("../../../specs/types/driver-licence.json"));
    let licence = licence.expect("the type");
    let twins = Twins::parse(include_bytes!("../../../specs/types/driver-licence.twins.json"), &licence);
    Vocabulary::of_twins(&[twins.expect("its twins")])
}

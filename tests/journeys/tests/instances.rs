//! Two instances of an issuer on one PostgreSQL: `kill -9` of either in the middle, nothing lost, nothing double.
//!
//! 20 cycles by default; `MID_DATABASE_CYCLES` sets another number (`cargo xtask campaign database` runs 1,000).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use journeys::{Citizen, Instances, LICENCE, Services, ZK_IDENTITY, credential_request, evidence, mid, run, wait_for};
use protocol::credential::Status;
use protocol::exchange::{CredentialResponse, IssuanceNonce, IssuerEvidence, Offer};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::state::TrustedState;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::json;
use test_database::Cluster;

/// Who asks at the same time as others, each with people of its own.
const PEOPLE: [[&str; 2]; 2] = [["person-0001", "person-0002"], ["person-0003", "person-0005"]];
/// Who has a wallet.
const OWNER: &str = "person-0006";
/// A wallet takes longer than a request: one comes with every so many kills.
const WALLET_EVERY: u64 = 5;
/// So often it is the database's turn, too.
const DATABASE_EVERY: u64 = 10;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What was acknowledged.
struct Issued {
    request: Vec<u8>,
    response: Vec<u8>,
    person: &'static str,
    credential_type: &'static str,
    handle: u64,
}

/// One that asks, revokes, asks again, and opens epochs.
struct Asker {
    people: [&'static str; 2],
    rng: ChaCha20Rng,
    issued: Vec<Issued>,
    /// The handle that should be active, if one should.
    active: BTreeMap<(&'static str, &'static str), Option<u64>>,
    revocations: u64,
}

impl Asker {
    fn one(&mut self, instances: &Instances, issuers: &BTreeMap<&str, IssuerEvidence>) {
        let person = self.people[self.rng.next_u32() as usize % 2];
        let credential_type = if self.rng.next_u32().is_multiple_of(2) { LICENCE } else { ZK_IDENTITY };
        match self.rng.next_u32() % 16 {
            0..=2 if self.active.contains_key(&(person, credential_type)) => {
                let body = json!({ "person": person, "credential_type": credential_type, "reason": "right-withdrawn" });
                let (status, answer) = instances.admin("revocations", &body);
                assert_eq!(status, 200, "{answer}");
                self.active.insert((person, credential_type), None);
                self.revocations += 1;
            }
            3 | 4 if !self.issued.is_empty() => {
                let old = &self.issued[self.rng.next_u32() as usize % self.issued.len()];
                same(instances, old);
            }
            5 => {
                let (status, answer) = instances.admin("epochs", &json!({ "credential_type": ZK_IDENTITY }));
                assert_eq!(status, 200, "{answer}");
            }
            _ => self.ask(instances, &issuers[credential_type], person, credential_type),
        }
    }

    fn ask(
        &mut self,
        instances: &Instances,
        issuer: &IssuerEvidence,
        person: &'static str,
        credential_type: &'static str,
    ) {
        let terms = json!({
            "person": person, "credential_types": [credential_type], "with_tx_code": false, "replaces": true, "life": 600,
        });
        let (status, made) = instances.admin("offers", &terms);
        assert_eq!(status, 200, "{made}");
        let offer = hex::decode(made["offer"].as_str().unwrap()).unwrap();
        let offer = protocol::cbor::from_slice::<Offer>(&offer, 1_024).unwrap();
        let (status, nonce) = instances.post("/v1/nonce", &[]);
        assert_eq!(status, 200);
        let nonce: IssuanceNonce = protocol::cbor::from_slice(&nonce, 64).unwrap();
        let request = credential_request(issuer, offer.code, nonce.nonce, &mut self.rng);
        let (status, response) = instances.post("/v1/credentials", &request);
        assert_eq!(status, 200, "a request or its repeat is refused: {}", String::from_utf8_lossy(&response));
        let handle = CredentialResponse::decode(&response).unwrap().credential.handle;
        self.active.insert((person, credential_type), Some(handle));
        self.issued.push(Issued { request, response, person, credential_type, handle });
    }
}

/// Whoever is asked again says the same.
fn same(instances: &Instances, issued: &Issued) {
    let (status, again) = instances.post("/v1/credentials", &issued.request);
    assert_eq!(status, 200, "an acknowledged credential was lost: {}", String::from_utf8_lossy(&again));
    assert!(again == issued.response, "a repeat got another credential");
}

fn trust(instances: &Instances, place: &Path) -> TrustedState {
    let (file, anchor) = (place.join("bundle"), instances.anchor.display().to_string());
    run(&["ledger", "bundle", "--url", &instances.ledger, "--anchor", &anchor, "--out", file.to_str().unwrap()])
        .accepted();
    let anchor = TrustAnchor::decode(&std::fs::read(&instances.anchor).unwrap()).unwrap();
    TrustBundle::decode(&std::fs::read(file).unwrap()).unwrap().verify(&anchor, 0).unwrap()
}

/// A wallet takes a licence up, and goes on where it was when the issuer breaks off.
fn take_up(instances: &Instances, dir: &Path) {
    let citizen = Citizen::new(dir);
    let terms = json!({
        "person": OWNER, "credential_types": [LICENCE], "with_tx_code": true, "replaces": true, "life": 600,
    });
    let (status, made) = instances.admin("offers", &terms);
    assert_eq!(status, 200, "{made}");
    std::fs::write(citizen.file("offer"), hex::decode(made["offer"].as_str().unwrap()).unwrap()).unwrap();
    let (offer, code) = (citizen.path("offer"), made["tx_code"].as_str().unwrap().to_owned());
    let anchor = instances.anchor.display().to_string();
    let accept = [&offer, "--tx-code", &code, "--anchor", &anchor, "--url", &instances.ledger];
    wait_for("the wallet has its licence", || {
        let outcome = citizen.wallet("accept", &accept);
        match outcome.code {
            0 => true,
            _ => match outcome.refused() {
                // It broke off, or nobody was there: the app tries again.
                "ServiceUnreachable" | "TemporarilyUnavailable" | "ServiceFailed" => false,
                // What the first try had asked for has come with the second, and the code is used up.
                "InvalidGrant" => citizen.wallet("list", &[]).accepted().to_string().contains(LICENCE),
                _ => panic!("refused: {}", outcome.text),
            },
        }
    });
    let held = citizen.wallet("list", &[]).accepted();
    assert_eq!(held["credentials"].as_array().map(Vec::len), Some(1), "{held}");
}

/// One process, and the same journeys: own formats, those of others, a restart, and what is told about a wrong address.
#[test]
fn a_network_of_one_process_keeps_what_its_issuer_remembers_in_a_database() {
    let place = tempfile::tempdir().unwrap();
    let cluster = Cluster::start();
    let (url, dir) = (cluster.database("issuer"), place.path().join("network"));
    let services = Services::start_on_database(&dir, &url);
    let (own, foreign) = (Citizen::new(&place.path().join("own")), Citizen::new(&place.path().join("foreign")));
    own.accept(&services, "person-0001", &[LICENCE, ZK_IDENTITY]);
    foreign.accept_openid(&services, "person-0002", &[LICENCE]);
    services.kill();
    let services = Services::start(&dir);
    own.accept(&services, "person-0003", &[LICENCE]);
    assert_eq!(cluster.number(&url, "SELECT COUNT(*) FROM credential"), 4);
    assert!(!dir.join("issuer/issuer.db").exists());
    services.kill();
    let folder = dir.display().to_string();
    let other = cluster.database("another");
    let up = mid(&["up", "--dir", &folder, "--listen", "127.0.0.1:0", "--database", &other]).output().unwrap();
    assert!(String::from_utf8_lossy(&up.stderr).contains("refused: OtherDatabase: this network"), "{up:?}");
    let anchor = dir.join("anchor.cbor").display().to_string();
    let new = place.path().join("new").display().to_string();
    let init = |database: &str| {
        run(&[
            "issuer",
            "init",
            "--dir",
            &new,
            "--anchor",
            &anchor,
            "--url",
            "http://127.0.0.1:1",
            "--database",
            database,
        ])
    };
    assert_eq!(init("postgres://issuer@database.example/issuer").refused(), "AddressUnprotected");
    assert_eq!(init("postgres://issuer@127.0.0.1:9/issuer").refused(), "Unreachable");
    assert_eq!(init("issuer.db").refused(), "AddressMalformed");
    assert_eq!(init(&url).refused(), "StorageForeign", "another issuer's");
    init(&cluster.database("new")).accepted();
}

#[test]
fn issu_23_either_may_be_killed_at_any_time() {
    let (cycles, seed) = (number("MID_DATABASE_CYCLES", 20), number("MID_SEED", 20_261_122));
    println!("seed {seed}");
    let place = tempfile::tempdir().unwrap();
    let instances = Instances::start(place.path());
    let state = trust(&instances, place.path());
    let network = TrustAnchor::decode(&std::fs::read(&instances.anchor).unwrap()).unwrap().network_id;
    let issuers: BTreeMap<_, _> = [LICENCE, ZK_IDENTITY].map(|id| (id, evidence(&state, network, id))).into();
    let mut askers = PEOPLE.map(|people| Asker {
        people,
        rng: ChaCha20Rng::seed_from_u64(seed ^ u64::from(people[0].as_bytes()[10])),
        issued: Vec::new(),
        active: BTreeMap::new(),
        revocations: 0,
    });
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut wallets = 0;
    for cycle in 0..cycles {
        let which = (rng.next_u32() % 2) as usize;
        let life = Duration::from_millis(u64::from(rng.next_u32() % 250));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for asker in &mut askers {
                let (instances, issuers, done) = (&instances, &issuers, &done);
                scope.spawn(move || {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        asker.one(instances, issuers);
                    }
                });
            }
            let wallet = cycle % WALLET_EVERY == 0;
            let owner = wallet.then(|| {
                let (instances, dir) = (&instances, place.path().join(format!("owner-{cycle}")));
                scope.spawn(move || take_up(instances, &dir))
            });
            wallets += u64::from(wallet);
            std::thread::sleep(life);
            instances.kill(which);
            if cycle % DATABASE_EVERY == DATABASE_EVERY - 1 {
                instances.cluster.kill();
                instances.cluster.resume();
            }
            instances.resume(which);
            if let Some(owner) = owner {
                owner.join().unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        if cycle % 20 == 19 {
            let issued: usize = askers.iter().map(|asker| asker.issued.len()).sum();
            println!("{} of {cycles} cycles: {issued} issued, {wallets} wallets", cycle + 1);
        }
    }
    check(&instances, &askers, wallets, place.path());
    let issued: usize = askers.iter().map(|asker| asker.issued.len()).sum();
    let revoked: u64 = askers.iter().map(|asker| asker.revocations).sum();
    println!(
        "{cycles} kills of one of two instances: {issued} credentials and {revoked} revocations acknowledged, {wallets} wallets, \
         0 lost, 0 double; failure rate < {:.2} % at 95 %",
        300.0 / cycles as f64
    );
}

fn check(instances: &Instances, askers: &[Asker], wallets: u64, place: &Path) {
    // Past the program: who has what, and whether it is active.
    let query = "SELECT credential_type, handle, person, (revoked_at IS NULL)::INT FROM credential";
    let rows = instances.cluster.sql(&instances.database, query);
    let issued = askers.iter().map(|asker| asker.issued.len()).sum::<usize>() + wallets as usize;
    assert_eq!(rows.len(), issued, "nothing lost, nothing double");
    let mut stored = BTreeMap::new();
    let mut active = BTreeMap::new();
    for row in &rows {
        let (id, handle, person) = (row[0].as_str(), row[1].parse::<u64>().unwrap(), row[2].as_str());
        assert!(stored.insert((id, handle), person).is_none(), "a handle was given out twice");
        if row[3] == "1" {
            assert!(active.insert((person, id), handle).is_none(), "one active credential for a person and type");
        }
    }
    let mut handles = BTreeSet::new();
    for one in askers.iter().flat_map(|asker| &asker.issued) {
        let handle = (one.credential_type, one.handle);
        assert!(handles.insert(handle), "two answers with one handle");
        assert_eq!(stored.get(&handle), Some(&one.person), "an acknowledged credential was lost");
    }
    for (held, last) in askers.iter().flat_map(|asker| &asker.active) {
        assert_eq!(active.get(held), last.as_ref(), "what was acknowledged last holds");
    }
    assert!(active.contains_key(&(OWNER, LICENCE)), "the wallets' licence");
    // Each instance says so, alone.
    for which in [0, 1] {
        let client = journeys::Client::default();
        for one in askers.iter().flat_map(|asker| asker.issued.iter().rev().take(20)) {
            let answer = client.post(&format!("{}/v1/credentials", instances.direct(which)), &one.request);
            assert!(answer.is_some_and(|it| it == (200, one.response.clone())), "both say the same");
        }
        let dir = instances.dir(which).display().to_string();
        let audit = run(&["issuer", "audit", "--dir", &dir]).accepted();
        println!("audit of instance {which}: {audit}");
    }
    // The ledger knows what was withdrawn and what was not, whoever was killed before it could tell.
    wait_for("the ledger has the newest status list", || {
        let state = trust(instances, place);
        let issuer = state.envelopes().find_map(|envelope| match &envelope.record {
            protocol::ledger::record::Record::StatusList(anchor) => Some(anchor.issuer.clone()),
            _ => None,
        });
        let Some(issuer) = issuer else { return false };
        askers.iter().all(|asker| {
            asker.issued.iter().filter(|one| one.credential_type == LICENCE).all(|one| {
                let is_active = asker.active[&(one.person, LICENCE)] == Some(one.handle);
                let expected = if is_active { Status::Valid } else { Status::Revoked };
                let list = state.status_list(&issuer, LICENCE, (one.handle >> 32) as u32);
                list.is_some_and(|list| list.status(one.handle as u32) == Ok(expected))
            })
        })
    });
}

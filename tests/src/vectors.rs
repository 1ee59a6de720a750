//! What another implementation of the ledger's formats is checked with: the files `specs/vectors/ledger-*.json`.

use protocol::cbor;
use protocol::crypto::keys::{Ed25519SigningKey, P256SigningKey, PublicKey, Signer};
use protocol::ledger::key::StateKey;
use protocol::ledger::proof::{Evidence, LedgerProof};
use protocol::ledger::{
    Account, Activation, Envelope, Header, NonceCount, Record, Scheduled, Sender, Succession, Transaction,
    TransactionBody, TrustAnchor, Validator, ValidatorSet, Write, check,
};
use serde_json::{Value, json};

use crate::cases::{self, ACCEPTED, Case};
use crate::world::{AS_OF, NETWORK, World};

/// Longest input that is worth a vector, in bytes: what only fills space is left out.
const LENGTH_MAX: usize = 8 * 1024;

/// Names and contents of the files.
#[must_use]
pub fn files(world: &World) -> Vec<(&'static str, String)> {
    let cases = cases::all(world);
    let of = |surface: &str, show: &dyn Fn(&Case) -> Value| -> Vec<Value> {
        let short = |case: &&Case| case.surface == surface && case.bytes.len() <= LENGTH_MAX;
        cases.iter().filter(short).map(show).collect()
    };
    let file = |name, about: &str, cases: Vec<Value>| {
        let text = serde_json::to_string_pretty(&json!({ "about": about, "cases": cases }));
        (name, text.expect("JSON") + "\n")
    };
    vec![
        file("ledger-records.json", "records and transactions: specs/ledger-records.md", records(world)),
        file(
            "ledger-proof.json",
            "expect: what is proven, its key and height; or the refusal: specs/ledger-proof.md",
            of("ledger-proof", &proof),
        ),
        file(
            "trust-bundle.json",
            "base: the case that a delta is laid onto; state_root: of what comes of it: specs/trust-bundle.md",
            of("trust-bundle", &|case| bundle(case, &cases)),
        ),
        file(
            "ledger-checkpoint.json",
            "a quorum of the validators is needed: specs/ledger-checkpoint.md",
            of("ledger-checkpoint", &checkpoint),
        ),
    ]
}

fn parameter<'c>(case: &'c Case, name: &str) -> &'c str {
    case.parameter(name).unwrap_or_default()
}

fn name(case: &Case) -> String {
    format!("{} {}", case.id, case.title)
}

fn proof(case: &Case) -> Value {
    let (anchor, floor) = (parameter(case, "anchor"), parameter(case, "floor"));
    let expect = if case.expect == ACCEPTED {
        let proof = LedgerProof::decode(&case.bytes).expect("an accepted proof");
        let found = matches!(proof.evidence, Evidence::Present(_));
        let anchor = TrustAnchor::decode(&hex::decode(anchor).expect("hex")).expect("an anchor");
        let proven = check(&anchor, &proof, 0).expect("an accepted proof");
        format!("{} {} {}", if found { "present" } else { "absent" }, proven.key, proven.height)
    } else {
        case.expect.clone()
    };
    let floor: u64 = floor.parse().expect("a height");
    json!({ "name": name(case), "anchor": anchor, "floor": floor, "proof": hex::encode(&case.bytes), "expect": expect })
}

fn bundle(case: &Case, cases: &[Case]) -> Value {
    let base = case.parameter("base").filter(|base| *base != "none");
    let base = base.and_then(|file| cases.iter().find(|case| case.file() == file)).map(name);
    let header = protocol::ledger::TrustBundle::decode(&case.bytes).ok().map(|bundle| bundle.header);
    let root = header.and_then(|header| Header::decode(&header).ok()).map(|header| hex::encode(header.state_root));
    json!({
        "name": name(case),
        "anchor": parameter(case, "anchor"),
        "floor": parameter(case, "floor").parse::<u64>().unwrap_or(0),
        "base": base,
        "bundle": hex::encode(&case.bytes),
        "expect": case.expect,
        "state_root": root.filter(|_| case.expect == ACCEPTED),
    })
}

fn checkpoint(case: &Case) -> Value {
    json!({
        "name": name(case),
        "network_id": parameter(case, "network"),
        "header": parameter(case, "header"),
        "validators": parameter(case, "validators").split(' ').collect::<Vec<_>>(),
        "note": String::from_utf8_lossy(&case.bytes),
        "expect": case.expect,
    })
}

/// Every kind of record, and a transaction of governors and one of an organisation.
fn records(world: &World) -> Vec<Value> {
    let ed25519 = |name: &str| Ed25519SigningKey::from_seed(&crate::seed(name));
    let node = |name: &str| match ed25519(name).public_key() {
        PublicKey::Ed25519(key) => Validator { key, address: "192.0.2.1:7801".into() },
        _ => panic!("an Ed25519 key"),
    };
    let mut all: Vec<Record> = world.trust("usual").envelopes().map(|envelope| envelope.record.clone()).collect();
    all.sort_by_key(|record| cbor::to_vec(record)[1]);
    all.dedup_by_key(|record| cbor::to_vec(record)[1]);
    let validators = ValidatorSet { validators: vec![node("validator 0")] };
    let change = Record::Validators(validators.clone());
    let anchor = world.ledger("usual").anchor();
    let succession = Succession { network_id: crate::seed("successor"), group_key: anchor.group_key, height: 1 };
    all.extend([
        Record::Nonce(NonceCount { account: Account::Governance, next: 7 }),
        Record::Nonce(NonceCount { account: Account::Did { did: world.shop.did.clone() }, next: 1 }),
        Record::Validators(validators),
        Record::Scheduled(Scheduled::new(&change, 1, AS_OF + 86_400)),
        Record::Scheduled(Scheduled { activation: Activation::Cancelled, ..Scheduled::new(&change, 1, AS_OF) }),
        Record::Succession(Box::new(succession)),
    ]);
    let mut cases: Vec<Value> = (all.into_iter())
        .map(|record| {
            let (bytes, key) = (cbor::to_vec(&record), record.state_key());
            let value = Envelope { version: 1, height: 4, record }.encode();
            let value_hash = hex::encode(protocol::ledger::tree::value_hash(&value));
            json!({
                "kind": bytes[1],
                "record": hex::encode(&bytes),
                "state_key": key.to_string(),
                "value": hex::encode(value),
                "value_sha256": value_hash,
            })
        })
        .collect();
    let police = Record::Did(world.police.record());
    let p256 = P256SigningKey::from_seed(&crate::seed("p256")).expect("a seed");
    let (one, two) = (ed25519("governor one"), ed25519("governor two"));
    let organisation = Sender::Did { did: world.police.did.clone(), fragment: crate::world::KEY.into() };
    let transactions: [(&str, Sender, Vec<&dyn Signer>); 3] = [
        ("of two governors", Sender::Governance, vec![&one, &two]),
        ("of an organisation", organisation.clone(), vec![&world.police.key]),
        ("signed with P-256", organisation, vec![&p256]),
    ];
    for (name, sender, signers) in transactions {
        let writes = vec![Write { record: police.clone(), previous_version: 1 }];
        let account = sender.account();
        let body = TransactionBody { network_id: anchor.network_id, sender, nonce: 3, writes };
        let signed = cbor::to_vec(&body);
        let bytes = body.signed_by(&signers).expect("software keys").encode();
        cases.push(json!({
            "transaction": name,
            "network": NETWORK,
            "signed_body": hex::encode(signed),
            "bytes": hex::encode(&bytes),
            "id": hex::encode(Transaction::id(&bytes)),
            "nonce_state_key": StateKey::nonce(&account).to_string(),
        }));
    }
    cases
}

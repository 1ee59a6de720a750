//! One record of the ledger, checked in the visitor's browser.

use protocol::credential::CredentialType;
use protocol::ledger::Activation;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::proof::{self, LedgerProof, ProofError, Proven};
use protocol::ledger::record::{DidKey, Purpose, Purposes, Record};
use protocol::ledger::transaction::Account;
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{PageError, refused, seconds};

/// Why a proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotProven {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Checks a ledger proof against the trust anchor, and nothing else. `floor` is the highest height the page has
/// seen proven before, 0 for none. Answers JSON:
///
/// - `{"proven": true, "key": "<hex>", "height": …, "time_ms": …, "present": true, "version": …, "written_at": …,
///   "bytes": "<hex of the envelope>", "record": {"<kind>": {…}}}`
/// - `{"proven": true, …, "present": false}` when the ledger held no such record
/// - `{"refused": "<Name>", "message": "…"}`
#[wasm_bindgen]
#[must_use]
pub fn check_ledger_proof(anchor: &[u8], proof: &[u8], floor: f64) -> String {
    let answer = check(anchor, proof, floor).map_or_else(|error| refused(&error), |proven| proven_record(&proven));
    answer.to_string()
}

fn check(anchor: &[u8], proof: &[u8], floor: f64) -> Result<Proven, NotProven> {
    let anchor = TrustAnchor::decode(anchor).map_err(|_| PageError::MalformedAnchor)?;
    let floor = seconds(floor)?;
    Ok(proof::check(&anchor, &LedgerProof::decode(proof)?, floor)?)
}

/// What a proof has proven, for people and pages.
#[must_use]
pub fn proven_record(proven: &Proven) -> Value {
    let mut answer = json!({
        "proven": true,
        "key": hex::encode(proven.key.0),
        "height": proven.height,
        "time_ms": proven.time_ms,
        "present": proven.envelope.is_some(),
    });
    if let Some(envelope) = &proven.envelope {
        answer["version"] = envelope.version.into();
        answer["written_at"] = envelope.height.into();
        answer["bytes"] = hex::encode(envelope.encode()).into();
        answer["record"] = record(&envelope.record);
    }
    answer
}

fn record(record: &Record) -> Value {
    match record {
        Record::Did(r) => {
            let keys: Vec<_> = r.keys.iter().map(key).collect();
            json!({ "did": { "did": r.did, "keys": keys, "deactivated": r.deactivated } })
        }
        Record::Accreditation(r) => json!({ "accreditation": {
            "issuer": r.issuer, "credential_type": r.credential_type,
            "from": r.from, "until": r.until, "withdrawn": r.withdrawn,
        }}),
        Record::Verifier(r) => {
            let purposes: Vec<_> = r.purposes.iter().map(purpose).collect();
            json!({ "verifier": { "did": r.did, "name": r.name, "purposes": purposes, "withdrawn": r.withdrawn } })
        }
        Record::CredentialType(r) => {
            json!({ "credential_type": CredentialType::parse(&r.definition).ok().map_or_else(|| json!({ "id": r.id }), |parsed| json!(parsed)) })
        }
        Record::IssuerKey(r) => json!({ "issuer_key": {
            "issuer": r.issuer, "credential_type": r.credential_type, "key_id": hex::encode(r.key_id()),
            "bbs": hex::encode(r.bbs), "day_set": hex::encode(r.day_set), "status": hex::encode(r.status),
            "sets": hex::encode(&r.sets),
            "from": r.from, "until": r.until, "compromised_from": r.compromised_from,
        }}),
        Record::StatusList(r) => json!({ "status_list": {
            "issuer": r.issuer, "credential_type": r.credential_type, "list": r.list,
            "digest": hex::encode(r.digest), "entries": r.entries, "as_of": r.as_of,
        }}),
        Record::StatusEpoch(r) => json!({ "status_epoch": {
            "issuer_key": hex::encode(r.issuer_key), "epoch": r.epoch, "at": r.at,
        }}),
        Record::Governance(r) => {
            let keys: Vec<_> = r.keys.iter().map(|key| hex::encode(key.0)).collect();
            json!({ "governance": { "network": r.network, "keys": keys, "threshold": r.threshold, "delay": r.delay } })
        }
        Record::Validators(r) => {
            let each = r.validators.iter().map(|v| json!({ "key": hex::encode(v.key), "address": v.address }));
            json!({ "validators": each.collect::<Vec<_>>() })
        }
        Record::Scheduled(r) => {
            let activation = match r.activation {
                Activation::Waiting => "waiting",
                Activation::InForce => "in_force",
                Activation::Cancelled => "cancelled",
                Activation::Failed => "failed",
            };
            let change = r.record().ok().map(|change| self::record(&change));
            json!({ "scheduled": {
                "change": change, "previous_version": r.previous_version, "at": r.at, "activation": activation,
            }})
        }
        Record::Succession(r) => json!({ "succession": {
            "network_id": hex::encode(r.network_id), "group_key": hex::encode(r.group_key), "height": r.height,
        }}),
        Record::Nonce(r) => {
            let account = match &r.account {
                Account::Governance => "governance".to_owned(),
                Account::Did { did } => did.to_string(),
            };
            json!({ "nonce": { "account": account, "next": r.next } })
        }
    }
}

fn key(key: &DidKey) -> Value {
    let all = [
        (Purposes::ASSERTION, "assertion"),
        (Purposes::AUTHENTICATION, "authentication"),
        (Purposes::CONTROL, "control"),
    ];
    let purposes: Vec<_> =
        all.iter().filter(|(purpose, _)| key.purposes.contains(*purpose)).map(|(_, name)| *name).collect();
    json!({
        "fragment": key.fragment, "key": hex::encode(key.key.to_multicodec()), "purposes": purposes,
        "from": key.from, "until": key.until,
    })
}

fn purpose(purpose: &Purpose) -> Value {
    let permits: Vec<_> = purpose
        .permits
        .iter()
        .map(|p| json!({ "credential_type": p.credential_type, "claims": p.claims, "predicates": p.predicates, "pseudonyms": p.pseudonyms }))
        .collect();
    json!({ "id": purpose.id, "text": purpose.text, "permits": permits })
}

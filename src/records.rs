//! Ledger records as people write them: a JSON file of what shall be recorded, and by whom.

use issuer::ledger::Ledger;
use protocol::credential::{CredentialType, HolderBinding, Label};
use protocol::crypto::keys::PublicKey;
use protocol::exchange::{Predicate, Scope};
use protocol::identifier::Did;
use protocol::ledger::record::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, IssuerKey, Permit, Purpose, Purposes, Record,
    StatusEpoch, StatusListAnchor, TypeDefinition, VerifierRegistration,
};
use protocol::ledger::transaction::{Account, Sender};
use protocol::ledger::{Activation, Scheduled, Succession, Validator, ValidatorSet};
use serde::{Deserialize, Serialize};

use crate::ledger::answered;
use crate::output::CliError;

/// A transaction before it has a nonce, versions and signatures.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// Who sends it.
    pub(crate) sender: SenderText,
    /// The records as they shall be.
    pub(crate) records: Vec<RecordText>,
    /// When they shall come into force, Unix seconds; at once when absent (LRUL-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<u64>,
}

/// Who sends a transaction.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SenderText {
    /// The governors together.
    Governance,
    /// An organisation with one of its keys.
    Did {
        did: Did,
        #[serde(default = "first_key")]
        key: String,
    },
}

fn first_key() -> String {
    "key-1".to_owned()
}

/// One record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RecordText {
    Did {
        did: Did,
        keys: Vec<KeyText>,
        #[serde(default)]
        deactivated: bool,
    },
    Accreditation {
        issuer: Did,
        credential_type: String,
        from: u64,
        until: u64,
        #[serde(default)]
        withdrawn: bool,
    },
    Verifier {
        did: Did,
        name: Label,
        purposes: Vec<PurposeText>,
        #[serde(default)]
        withdrawn: bool,
    },
    CredentialType(Box<CredentialType>),
    IssuerKey(Box<IssuerKeyText>),
    Governance {
        network: String,
        keys: Vec<String>,
        threshold: u8,
        /// Seconds before more power comes into force.
        #[serde(default)]
        delay: u32,
    },
    StatusList {
        issuer: Did,
        credential_type: String,
        list: u32,
        digest: String,
        entries: u32,
        as_of: u64,
    },
    StatusEpoch {
        issuer_key: String,
        epoch: u32,
        at: u64,
    },
    Validators {
        validators: Vec<ValidatorText>,
    },
    Scheduled {
        change: Box<RecordText>,
        previous_version: u64,
        at: u64,
        #[serde(default)]
        activation: ActivationText,
    },
    Succession {
        network_id: String,
        group_key: String,
        height: u64,
    },
    /// Shown, never sent: only the execution of transactions writes it.
    Nonce {
        account: String,
        next: u64,
    },
}

/// One validator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidatorText {
    key: String,
    #[serde(default)]
    address: String,
}

/// What became of a scheduled change.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActivationText {
    #[default]
    Waiting,
    InForce,
    Cancelled,
    Failed,
}

/// The uses of a key, and what they are called.
const PURPOSES: [(Purposes, &str); 3] =
    [(Purposes::ASSERTION, "assertion"), (Purposes::AUTHENTICATION, "authentication"), (Purposes::CONTROL, "control")];

/// One key of a DID.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyText {
    fragment: String,
    /// Multikey, `z…`.
    key: String,
    /// `assertion`, `authentication`, `control`.
    purposes: Vec<String>,
    from: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

/// One purpose of a verifier.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurposeText {
    id: String,
    text: Label,
    permits: Vec<PermitText>,
}

/// The most that may be asked of one credential type.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermitText {
    credential_type: String,
    #[serde(default)]
    claims: Vec<String>,
    #[serde(default)]
    predicates: Vec<Predicate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pseudonyms: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<HolderBinding>,
}

/// What an issuer signs credentials of a type with; keys in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerKeyText {
    issuer: Did,
    credential_type: String,
    bbs: String,
    day_set: String,
    status: String,
    #[serde(default)]
    sets: String,
    from: u64,
    until: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compromised_from: Option<u64>,
}

impl Draft {
    /// How an organisation creates its DID, with one key that may do everything from `from` on, and others. It signs itself;
    /// governors add their signatures (LRUL-14).
    pub(crate) fn new_did(did: &Did, key: &PublicKey, from: u64, more: Option<DidKey>) -> Self {
        let first = DidKey { fragment: first_key(), key: *key, purposes: Purposes::ALL, from, until: None };
        let keys = std::iter::once(first).chain(more).collect();
        Self::of_did(&DidRecord { did: did.clone(), keys, deactivated: false })
    }

    /// How an organisation writes its DID with the keys of `record`, of which the first signs.
    pub(crate) fn of_did(record: &DidRecord) -> Self {
        let sender = SenderText::Did { did: record.did.clone(), key: first_key() };
        let (did, keys) = (record.did.clone(), record.keys.iter().map(KeyText::of).collect());
        Self { sender, records: vec![RecordText::Did { did, keys, deactivated: record.deactivated }], at: None }
    }

    /// Reads a draft.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, CliError> {
        serde_json::from_slice(json)
            .map_err(|error| CliError::refused("MalformedDraft", format!("not a draft of a transaction: {error}")))
    }

    /// The records, each checked for itself.
    pub(crate) fn records(self) -> Result<Vec<Record>, CliError> {
        self.records
            .into_iter()
            .map(|text| {
                let record = text.record()?;
                record.validate()?;
                Ok(record)
            })
            .collect()
    }
}

impl Draft {
    /// The records to write, each scheduled where the draft names a time. What they replace is what `ledger` has now.
    pub(crate) fn records_from(self, ledger: &dyn Ledger) -> Result<Vec<Record>, CliError> {
        let at = self.at;
        let records = self.records()?;
        let Some(at) = at else { return Ok(records) };
        let schedule = |record: Record| {
            let present = ledger.record(&record.state_key()).map_err(answered)?;
            let scheduled = Scheduled::new(&record, present.map_or(0, |envelope| envelope.version), at);
            scheduled.record()?;
            Ok(Record::Scheduled(scheduled))
        };
        records.into_iter().map(schedule).collect()
    }
}

impl From<Activation> for ActivationText {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Waiting => Self::Waiting,
            Activation::InForce => Self::InForce,
            Activation::Cancelled => Self::Cancelled,
            Activation::Failed => Self::Failed,
        }
    }
}

impl From<ActivationText> for Activation {
    fn from(text: ActivationText) -> Self {
        match text {
            ActivationText::Waiting => Self::Waiting,
            ActivationText::InForce => Self::InForce,
            ActivationText::Cancelled => Self::Cancelled,
            ActivationText::Failed => Self::Failed,
        }
    }
}

impl SenderText {
    /// The sender as the ledger knows it.
    pub(crate) fn sender(&self) -> Sender {
        match self {
            Self::Governance => Sender::Governance,
            Self::Did { did, key } => Sender::Did { did: did.clone(), fragment: key.clone() },
        }
    }
}

impl RecordText {
    fn record(self) -> Result<Record, CliError> {
        Ok(match self {
            Self::Did { did, keys, deactivated } => {
                let keys = keys.into_iter().map(KeyText::key).collect::<Result<_, _>>()?;
                Record::Did(DidRecord { did, keys, deactivated })
            }
            Self::Accreditation { issuer, credential_type, from, until, withdrawn } => {
                Record::Accreditation(Accreditation { issuer, credential_type, from, until, withdrawn })
            }
            Self::Verifier { did, name, purposes, withdrawn } => {
                let purposes = purposes.into_iter().map(PurposeText::purpose).collect();
                Record::Verifier(VerifierRegistration { did, name, purposes, withdrawn })
            }
            Self::CredentialType(credential_type) => Record::CredentialType(TypeDefinition {
                id: credential_type.id.clone(),
                definition: credential_type.definition(),
            }),
            Self::IssuerKey(text) => Record::IssuerKey(Box::new(text.key()?)),
            Self::Governance { network, keys, threshold, delay } => {
                let keys = keys.iter().map(|key| Ok(GovernanceKey(bytes(key)?))).collect::<Result<_, CliError>>()?;
                Record::Governance(Governance { network, keys, threshold, delay })
            }
            Self::StatusList { issuer, credential_type, list, digest, entries, as_of } => {
                let digest = bytes(&digest)?;
                Record::StatusList(StatusListAnchor { issuer, credential_type, list, digest, entries, as_of })
            }
            Self::StatusEpoch { issuer_key, epoch, at } => {
                Record::StatusEpoch(StatusEpoch { issuer_key: bytes(&issuer_key)?, epoch, at })
            }
            Self::Validators { validators } => {
                let validator = |text: ValidatorText| {
                    Ok::<_, CliError>(Validator { key: bytes(&text.key)?, address: text.address })
                };
                let mut validators = validators.into_iter().map(validator).collect::<Result<Vec<_>, _>>()?;
                validators.sort_by_key(|validator| validator.key);
                Record::Validators(ValidatorSet { validators })
            }
            Self::Scheduled { change, previous_version, at, activation } => {
                let scheduled = Scheduled::new(&change.record()?, previous_version, at);
                Record::Scheduled(Scheduled { activation: activation.into(), ..scheduled })
            }
            Self::Succession { network_id, group_key, height } => {
                let (network_id, group_key) = (bytes(&network_id)?, bytes(&group_key)?);
                Record::Succession(Box::new(Succession { network_id, group_key, height }))
            }
            Self::Nonce { .. } => {
                return Err(CliError::refused("MalformedDraft", "nonces are counted by the ledger itself"));
            }
        })
    }

    /// A record as people read it. None for a credential type that this software does not understand.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Did(r) => Self::Did {
                did: r.did.clone(),
                keys: r.keys.iter().map(KeyText::of).collect(),
                deactivated: r.deactivated,
            },
            Record::Accreditation(r) => Self::Accreditation {
                issuer: r.issuer.clone(),
                credential_type: r.credential_type.clone(),
                from: r.from,
                until: r.until,
                withdrawn: r.withdrawn,
            },
            Record::Verifier(r) => Self::Verifier {
                did: r.did.clone(),
                name: r.name.clone(),
                purposes: r.purposes.iter().map(PurposeText::of).collect(),
                withdrawn: r.withdrawn,
            },
            Record::CredentialType(r) => Self::CredentialType(Box::new(CredentialType::parse(&r.definition).ok()?)),
            Record::IssuerKey(r) => r.as_ref().into(),
            Record::Governance(r) => Self::Governance {
                network: r.network.clone(),
                keys: r.keys.iter().map(|key| hex::encode(key.0)).collect(),
                threshold: r.threshold,
                delay: r.delay,
            },
            Record::StatusList(r) => Self::StatusList {
                issuer: r.issuer.clone(),
                credential_type: r.credential_type.clone(),
                list: r.list,
                digest: hex::encode(r.digest),
                entries: r.entries,
                as_of: r.as_of,
            },
            Record::StatusEpoch(r) => {
                Self::StatusEpoch { issuer_key: hex::encode(r.issuer_key), epoch: r.epoch, at: r.at }
            }
            Record::Validators(r) => {
                let text = |v: &Validator| ValidatorText { key: hex::encode(v.key), address: v.address.clone() };
                Self::Validators { validators: r.validators.iter().map(text).collect() }
            }
            Record::Scheduled(r) => Self::Scheduled {
                change: Box::new(Self::of(&r.record().ok()?)?),
                previous_version: r.previous_version,
                at: r.at,
                activation: r.activation.into(),
            },
            Record::Succession(r) => Self::Succession {
                network_id: hex::encode(r.network_id),
                group_key: hex::encode(r.group_key),
                height: r.height,
            },
            Record::Nonce(r) => {
                let account = match &r.account {
                    Account::Governance => "governance".to_owned(),
                    Account::Did { did } => did.to_string(),
                };
                Self::Nonce { account, next: r.next }
            }
        })
    }
}

impl KeyText {
    fn of(key: &DidKey) -> Self {
        let purposes = PURPOSES.iter().filter(|(purpose, _)| key.purposes.contains(*purpose));
        Self {
            fragment: key.fragment.clone(),
            key: key.key.to_multikey(),
            purposes: purposes.map(|(_, name)| (*name).to_owned()).collect(),
            from: key.from,
            until: key.until,
        }
    }

    fn key(self) -> Result<DidKey, CliError> {
        let mut purposes = Purposes(0);
        for name in &self.purposes {
            let known = PURPOSES.iter().find(|(_, known)| known == name);
            let unknown = || CliError::refused("InvalidPurpose", "a key is for assertion, authentication or control");
            purposes.0 |= known.ok_or_else(unknown)?.0.0;
        }
        let key = PublicKey::from_multikey(&self.key)?;
        Ok(DidKey { fragment: self.fragment, key, purposes, from: self.from, until: self.until })
    }
}

impl PurposeText {
    fn of(purpose: &Purpose) -> Self {
        let permit = |p: &Permit| PermitText {
            credential_type: p.credential_type.clone(),
            claims: p.claims.clone(),
            predicates: p.predicates.clone(),
            pseudonyms: p.pseudonyms.clone(),
            binding: p.binding,
        };
        Self {
            id: purpose.id.clone(),
            text: purpose.text.clone(),
            permits: purpose.permits.iter().map(permit).collect(),
        }
    }

    fn purpose(self) -> Purpose {
        let permit = |p: PermitText| Permit {
            credential_type: p.credential_type,
            claims: p.claims,
            predicates: p.predicates,
            pseudonyms: p.pseudonyms,
            binding: p.binding,
        };
        Purpose { id: self.id, text: self.text, permits: self.permits.into_iter().map(permit).collect() }
    }
}

impl IssuerKeyText {
    fn key(self) -> Result<IssuerKey, CliError> {
        Ok(IssuerKey {
            bbs: bytes(&self.bbs)?,
            day_set: bytes(&self.day_set)?,
            status: bytes(&self.status)?,
            sets: hex::decode(&self.sets)
                .map_err(|_| CliError::refused("MalformedDraft", "expected bytes in hexadecimal"))?,
            issuer: self.issuer,
            credential_type: self.credential_type,
            from: self.from,
            until: self.until,
            compromised_from: self.compromised_from,
        })
    }
}

/// Bytes of a known length in hexadecimal.
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], CliError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map(|()| bytes)
        .map_err(|_| CliError::refused("MalformedDraft", format!("expected {N} bytes in hexadecimal")))
}

impl From<&IssuerKey> for RecordText {
    fn from(key: &IssuerKey) -> Self {
        Self::IssuerKey(Box::new(IssuerKeyText {
            issuer: key.issuer.clone(),
            credential_type: key.credential_type.clone(),
            bbs: hex::encode(key.bbs),
            day_set: hex::encode(key.day_set),
            status: hex::encode(key.status),
            sets: hex::encode(&key.sets),
            from: key.from,
            until: key.until,
            compromised_from: key.compromised_from,
        }))
    }
}

#[cfg(test)]
mod tests {
    use protocol::ledger::NonceCount;

    use super::*;

    #[test]
    fn a_registration_is_read_and_checked() {
        let json = r#"{"sender":"governance","records":[{"verifier":{"did":"did:mid:kr:P2wGvuyk6hGu5LitAyTa8j",
            "name":{"ko":"가게","en":"Shop"},"purposes":[{"id":"age-19","text":{"ko":"주류 판매","en":"Selling alcohol"},
            "permits":[{"credential_type":"kr.go.police.zk-identity.1",
            "predicates":[{"age-at-least":{"years":19,"statute":"civil"}}]}]}]}}]}"#;
        assert_eq!(Draft::parse(json.as_bytes()).unwrap().records().unwrap().len(), 1);
        let empty = json.replace("Shop", " ");
        let refused = Draft::parse(empty.as_bytes()).unwrap().records();
        assert!(matches!(refused, Err(CliError::Refused { name, .. }) if name == "TextMissing"));
        let record = Draft::parse(json.as_bytes()).unwrap().records().unwrap().remove(0);
        assert_eq!(RecordText::of(&record).unwrap().record().unwrap(), record);
        for activation in [Activation::Waiting, Activation::InForce, Activation::Cancelled, Activation::Failed] {
            let scheduled = Record::Scheduled(Scheduled { activation, ..Scheduled::new(&record, 3, 9) });
            assert_eq!(RecordText::of(&scheduled).unwrap().record().unwrap(), scheduled);
        }
        let validators = [(1, ""), (2, "192.0.2.1:7801")].map(|(n, at)| Validator { key: [n; 32], address: at.into() });
        let succession = Succession { network_id: [1; 32], group_key: [2; 96], height: 3 };
        for record in [
            Record::Validators(ValidatorSet { validators: validators.to_vec() }),
            Record::Succession(Box::new(succession)),
        ] {
            assert_eq!(RecordText::of(&record).unwrap().record().unwrap(), record);
        }
        let counted = NonceCount { account: Account::Governance, next: 1 };
        let counted = RecordText::of(&Record::Nonce(counted)).unwrap().record();
        assert!(matches!(counted, Err(CliError::Refused { name, .. }) if name == "MalformedDraft"));
        let unknown = json.replace("\"sender\"", "\"extra\":1,\"sender\"");
        assert!(
            matches!(Draft::parse(unknown.as_bytes()), Err(CliError::Refused { name, .. }) if name == "MalformedDraft")
        );
    }
}

//! The trust data that verifiers have: the usual one, and each with one thing changed.

use protocol::credential::StatusList;
use protocol::ledger::record::{Accreditation, IssuerKey, Record, StatusEpoch, StatusListAnchor, TypeDefinition};
use protocol::ledger::state::TrustedState;
use protocol::ledger::testkit::TestLedger;

use super::{ALWAYS, AS_OF, EPOCH, LIST, NETWORK, NOW, World};

/// Names of all trust data that [`World::trust`] knows.
pub const TRUST_VARIANTS: [&str; 25] = [
    "usual",
    "key-missing",
    "key-retired",
    "key-not-yet-valid",
    "key-compromised",
    "key-damaged",
    "key-swapped",
    "transport-accredited",
    "issuer-unknown",
    "issuer-deactivated",
    "accreditation-missing",
    "accreditation-withdrawn",
    "accreditation-over",
    "type-missing",
    "list-missing",
    "list-not-anchored",
    "revoked",
    "suspended",
    "status-unknown",
    "epoch-later",
    "epoch-missing",
    "epoch-days-ago",
    "verifier-unknown",
    "verifier-withdrawn",
    "verifier-key-retired",
];

struct Contents {
    records: Vec<Record>,
    list: StatusList,
    published: bool,
}

impl World {
    /// The ledger's state under one of [`TRUST_VARIANTS`], checked as a verifier checks it.
    ///
    /// # Panics
    /// When there is no such variant.
    #[must_use]
    pub fn trust(&self, variant: &str) -> TrustedState {
        self.ledger(variant).trusted_state().expect("a ledger that verifies")
    }

    /// The ledger under one of [`TRUST_VARIANTS`].
    ///
    /// # Panics
    /// When there is no such variant.
    #[must_use]
    pub fn ledger(&self, variant: &str) -> TestLedger {
        let mut contents = self.usual();
        self.change(&mut contents, variant);
        let governor = crate::seed("governor");
        let mut ledger =
            TestLedger::new(NETWORK, self.network, governor, (AS_OF - 3_600) * 1_000).expect("a seed of 32 bytes");
        let anchor = contents.records.iter_mut().find_map(|record| match record {
            Record::StatusList(anchor) => Some(anchor),
            _ => None,
        });
        let anchor = anchor.map(|anchor| {
            anchor.digest = contents.list.digest();
            Record::StatusList(anchor.clone()).state_key()
        });
        ledger.write(&contents.records, AS_OF * 1_000);
        if let Some(anchor) = anchor.filter(|_| contents.published) {
            ledger.publish(anchor, contents.list);
        }
        ledger
    }

    fn usual(&self) -> Contents {
        let mut records: Vec<Record> = self.organisations().collect();
        for issuing in [&self.licences, &self.identities] {
            records.push(accreditation(&issuing.record));
            records.push(Record::CredentialType(TypeDefinition {
                id: issuing.credential_type.id.clone(),
                definition: issuing.credential_type.definition(),
            }));
        }
        let keys = [&self.licences, &self.identities, &self.unaccredited].map(|issuing| &issuing.record);
        records.extend(keys.map(|key| Record::IssuerKey(Box::new(key.clone()))));
        records.extend(self.verifiers().map(Record::Verifier));
        for key in [&self.identities.record, &self.unaccredited.record] {
            records.push(Record::StatusEpoch(StatusEpoch { issuer_key: key.key_id(), epoch: EPOCH, at: AS_OF }));
        }
        records.push(Record::StatusList(StatusListAnchor {
            issuer: self.police.did.clone(),
            credential_type: self.licences.credential_type.id.clone(),
            list: LIST,
            digest: [0; 32],
            entries: StatusList::ENTRIES,
            as_of: AS_OF,
        }));
        let mut list = StatusList::new();
        for withdrawn in [1, 77, 4_000, 131_071] {
            list.revoke(withdrawn).expect("an entry");
        }
        Contents { records, list, published: true }
    }

    fn change(&self, contents: &mut Contents, variant: &str) {
        let Contents { records, list, published } = contents;
        let entry = self.holder.person.entry;
        match variant {
            "usual" => {}
            "key-missing" => records.retain(|record| !matches!(record, Record::IssuerKey(_))),
            "key-retired" => keys(records).for_each(|key| key.until = NOW),
            "key-not-yet-valid" => keys(records).for_each(|key| key.from = NOW + 1),
            "key-compromised" => keys(records).for_each(|key| key.compromised_from = Some(NOW)),
            // A point outside the subgroup.
            "key-damaged" => keys(records).for_each(|key| key.status[95] ^= 1),
            // The set of days is signed by another key than the credential's issuer published.
            "key-swapped" => keys(records).for_each(|key| key.day_set = key.status),
            "transport-accredited" => records.push(accreditation(&self.unaccredited.record)),
            "issuer-unknown" => {
                records.retain(|record| !matches!(record, Record::Did(who) if who.did == self.police.did));
            }
            "issuer-deactivated" => records.iter_mut().for_each(|record| match record {
                Record::Did(who) if who.did == self.police.did => who.deactivated = true,
                _ => {}
            }),
            "accreditation-missing" => records.retain(|record| !matches!(record, Record::Accreditation(_))),
            "accreditation-withdrawn" => accreditations(records).for_each(|held| held.withdrawn = true),
            "accreditation-over" => accreditations(records).for_each(|held| held.until = NOW),
            "type-missing" => records.retain(|record| !matches!(record, Record::CredentialType(_))),
            "list-missing" => *published = false,
            "list-not-anchored" => records.retain(|record| !matches!(record, Record::StatusList(_))),
            "revoked" => list.revoke(entry).expect("an entry"),
            "suspended" => *list = with_status(list, entry, 0b10),
            "status-unknown" => *list = with_status(list, entry, 0b11),
            "epoch-later" => epochs(records).for_each(|current| current.epoch += 1),
            "epoch-days-ago" => epochs(records).for_each(|current| current.at = NOW - 48 * 3_600 - 1),
            "epoch-missing" => records.retain(|record| !matches!(record, Record::StatusEpoch(_))),
            "verifier-unknown" => records.retain(|record| !matches!(record, Record::Verifier(_))),
            "verifier-withdrawn" => records.iter_mut().for_each(|record| {
                if let Record::Verifier(registration) = record {
                    registration.withdrawn = true;
                }
            }),
            "verifier-key-retired" => records.iter_mut().for_each(|record| {
                if let Record::Did(who) = record {
                    who.keys.iter_mut().for_each(|key| key.until = Some(NOW));
                }
            }),
            other => panic!("there is no trust data named {other}"),
        }
    }
}

fn accreditation(key: &IssuerKey) -> Record {
    let (issuer, credential_type) = (key.issuer.clone(), key.credential_type.clone());
    Record::Accreditation(Accreditation { issuer, credential_type, from: ALWAYS.0, until: ALWAYS.1, withdrawn: false })
}

fn keys(records: &mut [Record]) -> impl Iterator<Item = &mut IssuerKey> {
    records.iter_mut().filter_map(|record| match record {
        Record::IssuerKey(key) => Some(key.as_mut()),
        _ => None,
    })
}

fn accreditations(records: &mut [Record]) -> impl Iterator<Item = &mut Accreditation> {
    records.iter_mut().filter_map(|record| match record {
        Record::Accreditation(held) => Some(held),
        _ => None,
    })
}

fn epochs(records: &mut [Record]) -> impl Iterator<Item = &mut StatusEpoch> {
    records.iter_mut().filter_map(|record| match record {
        Record::StatusEpoch(current) => Some(current),
        _ => None,
    })
}

/// The list with two other bits for one entry, which only a newer or a careless issuer would publish.
fn with_status(list: &StatusList, entry: u32, bits: u8) -> StatusList {
    let mut bytes = list.as_bytes().to_vec();
    bytes[entry as usize / 4] |= bits << (entry % 4 * 2);
    StatusList::from_bytes(bytes).expect("a list of the same length")
}

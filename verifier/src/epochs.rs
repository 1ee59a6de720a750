//! When status epochs began.

use std::collections::BTreeMap;

use protocol::ledger::IssuerKeyId;
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;
use serde::{Deserialize, Serialize};

/// Epochs of one key that are remembered: a month of days.
const REMEMBERED: usize = 32;

/// When one status epoch of an issuer key began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownEpoch {
    /// The issuer key's short name.
    #[serde(with = "hex::serde")]
    pub issuer_key: IssuerKeyId,
    /// The epoch.
    pub epoch: u32,
    /// Unix seconds.
    pub began: u64,
}

/// Beginnings of epochs, as trust data said them one after the other.
#[derive(Debug, Default)]
pub(crate) struct KnownEpochs {
    began: BTreeMap<IssuerKeyId, BTreeMap<u32, u64>>,
    /// The highest ledger height noted: older trust data has nothing new.
    height: Option<u64>,
}

impl KnownEpochs {
    /// Notes the newest epoch of every key.
    pub(crate) fn observe(&mut self, trust: &TrustedState) {
        if self.height.is_some_and(|height| height >= trust.height()) {
            return;
        }
        self.height = Some(trust.height());
        self.note_all(trust);
    }

    /// Notes the epochs in these records, which may be a few of a newer state.
    pub(crate) fn note_all(&mut self, trust: &TrustedState) {
        for envelope in trust.envelopes() {
            if let Record::StatusEpoch(newest) = &envelope.record {
                self.note(KnownEpoch { issuer_key: newest.issuer_key, epoch: newest.epoch, began: newest.at });
            }
        }
    }

    /// All that is remembered.
    pub(crate) fn all(&self) -> impl Iterator<Item = KnownEpoch> {
        self.began.iter().flat_map(|(key, of_key)| {
            of_key.iter().map(|(epoch, began)| KnownEpoch { issuer_key: *key, epoch: *epoch, began: *began })
        })
    }

    /// Notes one.
    pub(crate) fn note(&mut self, known: KnownEpoch) {
        let of_key = self.began.entry(known.issuer_key).or_default();
        of_key.insert(known.epoch, known.began);
        while of_key.len() > REMEMBERED {
            of_key.pop_first();
        }
    }

    /// When this epoch of the key began, unix seconds.
    pub(crate) fn began(&self, key: &IssuerKeyId, epoch: u32) -> Option<u64> {
        self.began.get(key)?.get(&epoch).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_month_is_remembered() {
        let mut known = KnownEpochs::default();
        let of = |epoch: u32| KnownEpoch { issuer_key: [1; 8], epoch, began: u64::from(epoch) * 100 };
        (1..=40).for_each(|epoch| known.note(of(epoch)));
        assert_eq!(known.began(&[1; 8], 40), Some(4_000));
        assert_eq!(known.began(&[1; 8], 9), Some(900));
        assert_eq!(known.began(&[1; 8], 8), None);
        assert_eq!(known.began(&[2; 8], 40), None);
        assert_eq!(known.all().collect::<Vec<_>>(), (9..=40).map(of).collect::<Vec<_>>());
    }
}

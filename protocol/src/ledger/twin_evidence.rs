//! What a verifier of credentials in other formats needs of the ledger: documents of its DIDs, and the status of entries in
//! its issuers' lists. Roots of certificates are in the module beside.

use super::record::Purposes;
use super::state::TrustedState;
use crate::credential::Status;
use crate::credential::status::ListAddress;
use crate::crypto::multikey::Multikey;
use crate::identifier::{ControllerDocument, ControllerError, Controllers, Did, Purpose};

/// Why a status cannot be told. None of these means "valid".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListedStatusError {
    /// The credential names a list that is not one of its issuer's and its type's.
    #[error("the credential names a status list that is not its issuer's; refuse it")]
    ForeignStatusList,
    /// The trust bundle does not have the list.
    #[error("the status list is not in the trust bundle; update the bundle")]
    StatusListMissing,
    /// The list has no such entry.
    #[error("the credential names an entry that the status list does not have")]
    StatusIndexOutOfRange,
}

/// What a list says, and as of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedStatus {
    /// What it says.
    pub status: Status,
    /// The state of affairs it shows, Unix seconds.
    pub as_of: u64,
}

/// The DIDs of the ledger at a time.
#[derive(Clone, Copy)]
pub struct LedgerControllers<'a> {
    state: &'a TrustedState,
    at: u64,
}

impl TrustedState {
    /// Resolves `did:mid` with the keys in force at `at` (Unix seconds).
    #[must_use]
    pub fn controllers(&self, at: u64) -> LedgerControllers<'_> {
        LedgerControllers { state: self, at }
    }

    /// The status at entry `index` of the list that a credential of `credential_type`, signed by `issuer`, names (STAT-09).
    ///
    /// # Errors
    /// [`ListedStatusError`]
    pub fn listed_status(
        &self,
        issuer: &Did,
        credential_type: &str,
        address: &str,
        index: u64,
    ) -> Result<ListedStatus, ListedStatusError> {
        let list = ListAddress::read(address).filter(|list| list.credential_type == credential_type);
        let number = list.ok_or(ListedStatusError::ForeignStatusList)?.number;
        let missing = ListedStatusError::StatusListMissing;
        let anchor = self.status_list_anchor(issuer, credential_type, number).ok_or(missing)?;
        let list = self.status_list(issuer, credential_type, number).ok_or(missing)?;
        let out_of_range = ListedStatusError::StatusIndexOutOfRange;
        let index = u32::try_from(index).map_err(|_| out_of_range)?;
        Ok(ListedStatus { status: list.status(index).map_err(|_| out_of_range)?, as_of: anchor.as_of })
    }
}

impl Controllers for LedgerControllers<'_> {
    /// The document of a DID of this network. Keys of certificate roots are left out: they sign certificates only.
    fn document(&self, identifier: &str) -> Result<ControllerDocument, ControllerError> {
        let did = identifier.parse::<Did>().map_err(|_| ControllerError::NotResolved)?;
        let record = self.state.did(&did).ok_or(ControllerError::NotResolved)?;
        let mut keys = Vec::new();
        for key in record.keys.iter().filter(|key| !record.deactivated && !key.fragment.starts_with(super::ROOT_PREFIX))
        {
            let multikey = Multikey::from_multicodec(&key.key.to_multicodec());
            let multikey = multikey.map_err(|_| ControllerError::InvalidKey)?;
            let may = |purpose: Purposes| key.usable(purpose, self.at);
            let purposes = [
                (may(Purposes::ASSERTION), Purpose::AssertionMethod),
                (may(Purposes::AUTHENTICATION), Purpose::Authentication),
            ];
            keys.push((
                key.fragment.clone(),
                multikey,
                purposes.into_iter().filter(|(may, _)| *may).map(|(_, it)| it).collect(),
            ));
        }
        Ok(ControllerDocument::of_keys(identifier, keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::StatusList;
    use crate::crypto::keys::{Ed25519SigningKey, Signer as _};
    use crate::ledger::testkit::TestLedger;
    use crate::ledger::{DidKey, DidRecord, Record, StatusListAnchor};

    const NOW: u64 = 1_800_000_000;
    const TYPE: &str = "kr.police.licence";

    fn state() -> (TrustedState, Did) {
        let key = |seed| Ed25519SigningKey::from_seed(&[seed; 32]).public_key();
        let did = Did::derive("kr", &key(1).to_multicodec()).unwrap();
        let named = |fragment: &str, seed, purposes, until| DidKey {
            fragment: fragment.into(),
            key: key(seed),
            purposes,
            from: NOW - 100,
            until,
        };
        let keys = vec![
            named("key-1", 1, Purposes::AUTHENTICATION, None),
            named("w3c-1", 2, Purposes::ASSERTION, Some(NOW + 10)),
            named("x509-1", 3, Purposes::ASSERTION, None),
        ];
        let mut ledger = TestLedger::new("kr", [7; 32], [1; 32], NOW * 1000 - 9000).unwrap();
        let mut list = StatusList::new();
        list.suspend(5).unwrap();
        let anchor = Record::StatusList(StatusListAnchor {
            issuer: did.clone(),
            credential_type: TYPE.to_owned(),
            list: 3,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of: NOW - 5,
        });
        let without = Record::StatusList(StatusListAnchor {
            issuer: did.clone(),
            credential_type: TYPE.to_owned(),
            list: 4,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of: NOW - 5,
        });
        let record = Record::Did(DidRecord { did: did.clone(), keys, deactivated: false });
        let key = anchor.state_key();
        ledger.write(&[record, anchor, without], NOW * 1000 - 1000);
        ledger.publish(key, list);
        (ledger.trusted_state().unwrap(), did)
    }

    #[test]
    fn stat_09_a_list_is_the_issuers_and_the_types() {
        let (state, did) = state();
        let ask = |address: &str, index| state.listed_status(&did, TYPE, address, index);
        let suspended = ListedStatus { status: Status::Suspended, as_of: NOW - 5 };
        assert_eq!(ask("https://anyone.example/status/kr.police.licence/3", 5), Ok(suspended));
        assert_eq!(ask("https://a/status/kr.police.licence/3", 6).map(|it| it.status), Ok(Status::Valid));
        let foreign = Err(ListedStatusError::ForeignStatusList);
        assert_eq!(ask("https://a/status/kr.police.other/3", 5), foreign);
        assert_eq!(ask("https://a/lists/3", 5), foreign);
        let missing = Err(ListedStatusError::StatusListMissing);
        assert_eq!(ask("https://a/status/kr.police.licence/2", 5), missing);
        assert_eq!(ask("https://a/status/kr.police.licence/4", 5), missing, "recorded, and not carried");
        let other = Did::derive("kr", b"other").unwrap();
        assert_eq!(state.listed_status(&other, TYPE, "https://a/status/kr.police.licence/3", 5), missing);
        for index in [131_072, u64::from(u32::MAX), u64::MAX] {
            let refused = ask("https://a/status/kr.police.licence/3", index);
            assert_eq!(refused, Err(ListedStatusError::StatusIndexOutOfRange), "I01: {index}");
        }
    }

    #[test]
    fn didm_05_keys_of_the_ledger_serve_their_purpose_and_time() {
        let (state, did) = state();
        let ask = |fragment: &str, purpose, at| {
            let document = state.controllers(at).document(&did.to_string()).unwrap();
            document.key(&format!("{did}#{fragment}"), purpose).map(|_| ())
        };
        assert_eq!(ask("w3c-1", Purpose::AssertionMethod, NOW), Ok(()));
        assert_eq!(ask("key-1", Purpose::Authentication, NOW), Ok(()));
        let not_allowed = Err(ControllerError::PurposeNotAllowed);
        assert_eq!(ask("key-1", Purpose::AssertionMethod, NOW), not_allowed, "A33");
        assert_eq!(ask("w3c-1", Purpose::AssertionMethod, NOW + 10), not_allowed, "A34: retired");
        assert_eq!(ask("w3c-1", Purpose::AssertionMethod, NOW - 101), not_allowed, "A34: not yet");
        assert_eq!(ask("x509-1", Purpose::AssertionMethod, NOW), Err(ControllerError::UnknownKey));
        let unknown = state.controllers(NOW).document("did:mid:kr:zzz").map(|_| ());
        assert_eq!(unknown, Err(ControllerError::NotResolved));
    }
}

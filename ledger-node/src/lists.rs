//! Status lists, which travel beside the ledger: taken in whole, given out as what changed.

use std::sync::PoisonError;

use minicbor::bytes::ByteVec;
use protocol::credential::Status;
use protocol::ledger::attachment::{self, Attachment};
use protocol::ledger::list_change::{self, CHANGES_MAX};
use protocol::ledger::{Envelope, ListChange, Record, Scope, TrustBundle};

use crate::machine::{Certified, Shared};
use crate::node::{ListError, NodeError};
use crate::store::{ListChanges, StoreError, StoredList};

/// The trust bundle of a certified state: all of it, or what came above a height.
pub(crate) fn bundle(shared: &Shared, certified: &Certified, scope: Scope) -> Result<TrustBundle, NodeError> {
    let Certified { state, header, certificate } = certified;
    let (since, changed) = match scope {
        Scope::Snapshot => (None, ListChanges::default()),
        Scope::Delta { since } => (Some(since), shared.store.list_changes(since)?),
    };
    let values = state.envelopes().filter(|envelope| since.is_none_or(|since| envelope.height > since));
    let values = values.map(|envelope| ByteVec::from(envelope.encode())).collect();
    let (mut attachments, mut changes) = (Vec::new(), Vec::new());
    let lists = shared.lists.read().unwrap_or_else(PoisonError::into_inner);
    for (key, list) in
        lists.iter().filter(|(key, list)| anchored(state.get(key)).is_some_and(|(d, _)| d == list.digest))
    {
        if since.is_some() && !changed.whole.contains(key) {
            let Some(positions) = changed.entries.get(key) else { continue };
            let current = attachment::unpack(&list.packed, &list.digest).map_err(|_| not_the_list())?;
            let entries = list_change::pack(&current, positions.iter().copied());
            if entries.len() < list.packed.len().min(CHANGES_MAX) {
                changes.push(ListChange { anchor: key.short(), entries });
                continue;
            }
        }
        attachments.push(Attachment { anchor: *key, packed: list.packed.clone() });
    }
    let (header, certificate) = (header.encode().to_vec(), certificate.clone());
    Ok(TrustBundle { header, certificate, scope, values, attachments, changes })
}

/// Takes the bytes of a list whose digest is on the ledger (LRUL-11).
pub(crate) fn put(shared: &Shared, attachment: &Attachment) -> Result<(), NodeError> {
    let (state, at) = shared.tip();
    let (digest, recorded) = anchored(state.get(&attachment.anchor)).ok_or(ListError::UnknownStatusList)?;
    let list = attachment::unpack(&attachment.packed, &digest).map_err(ListError::from)?;
    let mut lists = shared.lists.write().unwrap_or_else(PoisonError::into_inner);
    let mut changed = Vec::new();
    if let Some(stored) = lists.get(&attachment.anchor) {
        if stored.digest == digest {
            return Ok(());
        }
        let old = attachment::unpack(&stored.packed, &stored.digest).map_err(|_| not_the_list())?;
        changed = list_change::differences(&old, &list).collect();
        // Revocation is for ever.
        if changed.iter().any(|entry| old.status(*entry) == Ok(Status::Revoked)) {
            return Err(ListError::RevocationTakenBack.into());
        }
    }
    let stored = StoredList { digest, packed: attachment.packed.clone(), height: at.height };
    shared.store.put_status_list(&attachment.anchor, &stored, recorded, &changed)?;
    lists.insert(attachment.anchor, stored);
    drop(lists);
    shared.forget_snapshot();
    Ok(())
}

fn not_the_list() -> StoreError {
    StoreError::Damaged("a status list is not the one of its digest".into())
}

/// The digest that a status list record holds, and the height since which it does.
fn anchored(envelope: Option<&Envelope>) -> Option<([u8; 32], u64)> {
    match envelope.map(|envelope| (&envelope.record, envelope.height)) {
        Some((Record::StatusList(list), height)) => Some((list.digest, height)),
        _ => None,
    }
}

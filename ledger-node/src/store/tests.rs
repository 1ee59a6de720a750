use protocol::ledger::{Record, StatusEpoch};

use super::*;

fn envelope(n: u64, height: u64) -> Envelope {
    let record = Record::StatusEpoch(StatusEpoch { issuer_key: n.to_be_bytes(), epoch: 1, at: n });
    Envelope { version: 1, height, record }
}

fn block(height: u64, transactions: Vec<Vec<u8>>) -> FinalizedBlock {
    let certificate = height.is_multiple_of(2).then(|| vec![9; 83]);
    FinalizedBlock {
        height,
        time_ms: height,
        header: vec![height as u8; 145],
        certificate,
        records: vec![vec![0xff, height as u8]],
        transactions,
    }
}

/// `before`, after a block that wrote `envelopes`.
fn after(before: &State, envelopes: &[Envelope]) -> State {
    let mut state = before.clone();
    state.begin_block();
    envelopes.iter().for_each(|envelope| state.insert(envelope.clone()));
    state
}

fn cosignature() -> Cosignature {
    Cosignature { key: [1; 32], time: 2, signature: [3; 64] }
}

fn id(bytes: &[u8]) -> TransactionId {
    Transaction::id(bytes)
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let genesis = State::new([envelope(0, 0)]);
    let state = after(&genesis, &[envelope(1, 1), envelope(1, 1)]);
    {
        let store = Store::open(&path).unwrap();
        store.begin(&genesis).unwrap();
        store.begin(&genesis).unwrap();
        assert!(store.last().unwrap().is_none());
        store.commit(&block(1, vec![b"tx".to_vec()]), &state, Some(&cosignature())).unwrap();
        store.commit(&block(2, vec![]), &after(&state, &[]), None).unwrap();
    }
    let store = Store::open(&path).unwrap();
    let of_the_engine = [1, 2].map(|height: u8| (height.into(), vec![vec![0xff, height]]));
    assert_eq!(store.engine_records().unwrap(), of_the_engine.into());
    let (last, recovered) = store.last().unwrap().unwrap();
    assert_eq!((last.header[0], last.certificate), (2, Some(vec![9; 83])));
    assert_eq!(recovered.root(), state.root(), "the genesis record included");
    assert_eq!(store.transaction_height(&id(b"tx")).unwrap(), Some(1));
    assert_eq!(store.transaction_height(&[2; 32]).unwrap(), None);
    assert_eq!(store.block(1).unwrap().unwrap().certificate, None);
    assert_eq!(store.block(3).unwrap(), None);
    assert_eq!(store.cosignature(1).unwrap(), Some(cosignature()));
    assert_eq!(store.cosignature(2).unwrap(), None);
    assert_eq!(store.last_cosigned().unwrap(), Some(vec![1; 145]));
}

#[test]
fn a_block_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
    let before = State::new([envelope(0, 0)]);
    store.begin(&before).unwrap();
    store.commit(&block(1, vec![]), &before, None).unwrap();
    let after = after(&before, &[envelope(1, 2)]);
    // The same transaction twice breaks the second insert.
    let failed = store.commit(&block(2, vec![vec![1], vec![1]]), &after, Some(&cosignature()));
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    let (last, recovered) = store.last().unwrap().unwrap();
    assert_eq!((last.header[0], recovered.root()), (1, before.root()));
    assert_eq!(store.transaction_height(&id(&[1])).unwrap(), None);
    assert_eq!(store.cosignature(2).unwrap(), None);
    // Without the fault it goes through.
    store.commit(&block(2, vec![vec![1]]), &after, None).unwrap();
    assert_eq!(store.last().unwrap().unwrap().1.root(), after.root());
}

#[test]
fn status_lists_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
    let list = |n| StoredList { digest: [n; 32], packed: vec![n], height: u64::from(n) };
    store.put_status_list(&StateKey([1; 32]), &list(1), 1, &[]).unwrap();
    store.put_status_list(&StateKey([1; 32]), &list(2), 2, &[5]).unwrap();
    store.put_status_list(&StateKey([2; 32]), &list(3), 3, &[]).unwrap();
    let lists = store.status_lists().unwrap();
    assert_eq!(lists.into_values().collect::<Vec<_>>(), [list(2), list(3)]);
}

#[test]
fn what_changed_on_lists_is_told_from_any_height() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
    let (a, b) = (StateKey([1; 32]), StateKey([2; 32]));
    let put = |key, recorded, height, changed: &[u32]| {
        let list = StoredList { digest: [0; 32], packed: vec![], height };
        store.put_status_list(key, &list, recorded, changed).unwrap();
    };
    put(&a, 10, 11, &[]);
    put(&b, 10, 10, &[]);
    put(&a, 20, 20, &[7, 8]);
    // Three blocks passed between the digest and the list.
    put(&a, 30, 33, &[9, 7]);
    let told = |since| {
        let ListChanges { whole, entries } = store.list_changes(since).unwrap();
        (whole.into_iter().collect::<Vec<_>>(), entries.get(&a).cloned())
    };
    assert_eq!(told(9), (vec![a, b], None), "before there was any");
    assert_eq!(told(10), (vec![a, b], None));
    assert_eq!(told(11), (vec![a], None), "the list may have come after the bundle");
    assert_eq!(told(12), (vec![], Some(vec![7, 8, 9])));
    assert_eq!(told(20), (vec![a], None));
    assert_eq!(told(21), (vec![], Some(vec![7, 9])));
    assert_eq!(told(31), (vec![a], None), "a bundle without the list");
    assert_eq!(told(34), (vec![], None));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    std::fs::write(&path, [0x5a; 4096]).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged(_))));
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Database(_))), "a folder");
    std::fs::remove_file(&path).unwrap();
    assert!(Store::open(&path).unwrap().last().unwrap().is_none());
}

#[test]
fn rows_that_do_not_hold_what_was_written_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
    let state = after(&State::new([]), &[envelope(1, 1)]);
    store.commit(&block(1, vec![vec![1]]), &state, None).unwrap();
    let read = |column: &str| -> Vec<u8> {
        store.lock().query_row(&format!("SELECT {column} FROM records"), [], |row| row.get(0)).unwrap()
    };
    let (value, seal) = (read("value"), read("seal"));
    let write = |value: &[u8]| store.lock().execute("UPDATE records SET value = ?1", [value]).unwrap();
    for damaged in [&value[..value.len() - 1], &[&value[..], &[0]].concat(), &[]] {
        assert_eq!(write(damaged), 1);
        assert!(matches!(store.last(), Err(StoreError::Damaged(_))));
        Store::reseal(&folder.path().join("ledger.sqlite")).unwrap();
        assert!(matches!(store.last(), Err(StoreError::Damaged(_))), "not a record, whatever its seal");
    }
    assert_eq!(write(&value), 1);
    store.lock().execute("UPDATE records SET seal = ?1", [&seal]).unwrap();
    assert_eq!(store.last().unwrap().unwrap().1.root(), state.root());
    for wrong in [&seal[..7], &[0; 8], b"12345678"] {
        store.lock().execute("UPDATE records SET seal = ?1", [wrong]).unwrap();
        assert!(matches!(store.last(), Err(StoreError::Damaged(_))));
    }
}

//! Four validators over loopback: one may fail, two may not.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{check_chain, init, start, wait_for};

#[test]
fn four_agree_three_go_on_two_halt_and_the_returned_catch_up() {
    let root = tempfile::tempdir().unwrap();
    let network = init(root.path(), 4);
    let folders: Vec<_> = network.validators.iter().map(|place| place.folder.clone()).collect();
    let mut nodes: Vec<_> = folders.iter().map(|folder| Some(start(folder))).collect();

    let submit = |nodes: &[Option<_>], at: usize, text: &str| {
        let (validator, _): &(ledger_engine::Handle, common::TextLedger) = nodes[at].as_ref().unwrap();
        validator.submit(text.as_bytes().to_vec()).unwrap();
    };
    let everyone_has = |nodes: &[Option<(ledger_engine::Handle, common::TextLedger)>], text: &str| {
        wait_for(text, || {
            nodes.iter().flatten().all(|(_, ledger)| ledger.texts().iter().any(|have| have == text.as_bytes()))
        });
    };

    submit(&nodes, 0, "warm up");
    everyone_has(&nodes, "warm up");
    let mut latencies = Vec::new();
    for at in 0..20 {
        let text = format!("all four {at}");
        let submitted = Instant::now();
        submit(&nodes, at % 4, &text);
        everyone_has(&nodes, &text);
        latencies.push(submitted.elapsed());
    }
    latencies.sort();
    eprintln!("four: submit -> commit everywhere p50 {:?}, max {:?}", latencies[10], latencies[19]);

    // One stops: the others go on.
    nodes[1].take().unwrap().0.stop().unwrap();
    let mut latencies = Vec::new();
    for at in 0..8 {
        let text = format!("three {at}");
        let submitted = Instant::now();
        submit(&nodes, 0, &text);
        everyone_has(&nodes, &text);
        latencies.push(submitted.elapsed());
    }
    eprintln!("three of four: {latencies:?}");

    // A second one stops: nothing becomes final.
    nodes[2].take().unwrap().0.stop().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let height = nodes[0].as_ref().unwrap().0.latest().height;
    submit(&nodes, 0, "two");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(nodes[0].as_ref().unwrap().0.latest().height, height);

    // Both return and catch up with what they missed.
    let returned = Instant::now();
    nodes[1] = Some(start(&folders[1]));
    nodes[2] = Some(start(&folders[2]));
    everyone_has(&nodes, "two");
    everyone_has(&nodes, "three 7");
    eprintln!("two returned: final everywhere after {:?}", returned.elapsed());

    let chains: BTreeSet<Vec<Vec<u8>>> = {
        let shortest = nodes.iter().flatten().map(|(_, ledger)| ledger.committed.lock().unwrap().len()).min().unwrap();
        nodes
            .iter()
            .flatten()
            .map(|(_, ledger)| {
                ledger.committed.lock().unwrap()[..shortest].iter().map(|block| block.header.clone()).collect()
            })
            .collect()
    };
    assert_eq!(chains.len(), 1, "one chain");
    for (validator, ledger) in nodes.iter().flatten() {
        let blocks = ledger.committed.lock().unwrap().clone();
        let certified = check_chain(validator, &blocks);
        eprintln!("{} blocks, {certified} with own certificate", blocks.len());
        assert!(certified * 2 > blocks.len());
        validator.stop().unwrap();
    }
}

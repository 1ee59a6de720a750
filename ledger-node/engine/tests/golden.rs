//! Writes `specs/vectors/ledger-certificate.json` from validators that run. Its readers are the tests of
//! `protocol` (what a verifier makes of it) and of `setup` (that this version still signs the same bytes).

#![allow(clippy::unwrap_used, reason = "a tool of the tests")]

mod common;

use std::path::Path;

use common::{init, start, wait_for};
use ledger_engine::FinalizedBlock;
use protocol::ledger::certificate::Certificate;
use serde_json::{Value, json};

struct Network {
    validators: usize,
    network_id: [u8; 32],
    group_key: [u8; 96],
    blocks: Vec<FinalizedBlock>,
}

fn run(root: &Path, validators: usize) -> Network {
    let places = init(root, validators).validators;
    let nodes: Vec<_> = places.iter().map(|place| start(&place.folder)).collect();
    for at in 0..4 {
        nodes[0].0.submit(format!("text {at}").into_bytes()).unwrap();
        wait_for("the commit", || nodes.iter().all(|(_, ledger)| ledger.texts().len() == at + 1));
    }
    let (validator, ledger) = &nodes[0];
    let network = Network {
        validators,
        network_id: validator.network_id(),
        group_key: validator.group_key(),
        blocks: ledger.committed.lock().unwrap().clone(),
    };
    nodes.iter().for_each(|(validator, _)| validator.stop().unwrap());
    network
}

fn case(name: &str, expect: &str, network: &Network, header: &[u8], certificate: &[u8]) -> Value {
    json!({
        "name": name,
        "expect": expect,
        "network_id": hex::encode(network.network_id),
        "group_key": hex::encode(network.group_key),
        "header": hex::encode(header),
        "certificate": hex::encode(certificate),
    })
}

#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_certificates() {
    let root = tempfile::tempdir().unwrap();
    let one = run(&root.path().join("one"), 1);
    let four = run(&root.path().join("four"), 4);
    let mut cases = Vec::new();
    for network in [&one, &four] {
        for block in network.blocks.iter().filter(|block| block.certificate.is_some()) {
            let name = format!("validators: {}, height: {}", network.validators, block.height);
            cases.push(case(&name, "Valid", network, &block.header, block.certificate.as_ref().unwrap()));
        }
    }
    let header = &one.blocks[1].header;
    let good = one.blocks[1].certificate.clone().unwrap();
    let parsed = Certificate::decode(&good).unwrap();
    assert!(parsed.view < 0x7f && parsed.epoch == 0, "one byte each");
    let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        bytes
    };
    let stranger = Network { network_id: four.network_id, group_key: one.group_key, validators: 1, blocks: Vec::new() };
    let other_key =
        Network { group_key: four.group_key, network_id: one.network_id, validators: 1, blocks: Vec::new() };
    let no_key = Network { group_key: [0; 96], network_id: one.network_id, validators: 1, blocks: Vec::new() };
    let signature_of_another = one.blocks[2].certificate.clone().unwrap();
    let signature_at = good.len() - 48;
    for (name, expect, network, header, certificate) in [
        ("last byte missing", "Truncated", &one, header, edited(&|bytes| bytes.truncate(82))),
        ("empty", "Truncated", &one, header, Vec::new()),
        ("one byte more", "TrailingBytes", &one, header, edited(&|bytes| bytes.push(0))),
        (
            "epoch in two bytes",
            "NonCanonicalEncoding",
            &one,
            header,
            edited(&|bytes| {
                bytes.splice(0..1, [0x80, 0]);
            }),
        ),
        (
            "view of 65 bits",
            "NonCanonicalEncoding",
            &one,
            header,
            edited(&|bytes| {
                bytes.splice(1..2, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
            }),
        ),
        ("another epoch", "SignatureInvalid", &one, header, edited(&|bytes| bytes[0] = 1)),
        ("another view", "SignatureInvalid", &one, header, edited(&|bytes| bytes[1] += 1)),
        ("another parent view", "SignatureInvalid", &one, header, edited(&|bytes| bytes[2] += 1)),
        (
            "signature of another block",
            "SignatureInvalid",
            &one,
            header,
            edited(&|bytes| {
                bytes[signature_at..].copy_from_slice(&signature_of_another[signature_of_another.len() - 48..]);
            }),
        ),
        (
            "signature at infinity",
            "InvalidPoint",
            &one,
            header,
            edited(&|bytes| {
                bytes[signature_at..].fill(0);
                bytes[signature_at] = 0xc0;
            }),
        ),
        (
            "signature outside the field",
            "InvalidPoint",
            &one,
            header,
            edited(&|bytes| {
                bytes[signature_at..].fill(0xff);
                bytes[signature_at] = 0x9f;
            }),
        ),
        ("certificate of another block", "WrongPayload", &one, header, signature_of_another.clone()),
        ("group key of another network", "SignatureInvalid", &other_key, header, good.clone()),
        ("group key is no point", "InvalidGroupKey", &no_key, header, good.clone()),
        ("trust anchor of another network", "WrongNetwork", &stranger, header, good.clone()),
    ] {
        cases.push(case(name, expect, network, header, &certificate));
    }
    let file = json!({
        "about": "Finalisation certificates of running validators (protocol::ledger::certificate), in hex. \
                  Written by the ignored test of ledger-node/engine/tests/golden.rs.",
        "cases": cases,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/vectors/ledger-certificate.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
}

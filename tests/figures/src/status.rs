//! The status of a nation: 37 million people with three credentials each.

use std::time::Instant;

use protocol::credential::StatusList;
use protocol::credential::status::bitstring::{Bitstring, StatusPurpose};
use protocol::credential::status::token::{StatusToken, TokenList};
use protocol::crypto::multikey::StandardKey;

const ENTRIES: u64 = 111_000_000;

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
}

pub(crate) fn measure() {
    let count = ENTRIES.div_ceil(u64::from(StatusList::ENTRIES));
    let before = resident();
    let mut lists: Vec<StatusList> = (0..count).map(|_| StatusList::new()).collect();
    // Two in a hundred withdrawn, spread over all: pages are really in use.
    for number in 0..ENTRIES / 50 {
        let at = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % ENTRIES;
        let (list, entry) = (at / u64::from(StatusList::ENTRIES), at % u64::from(StatusList::ENTRIES));
        lists[list as usize].revoke(entry as u32).unwrap();
    }
    println!("{:<58} {:>9.1} MiB             wanted: 64 MiB", "111 million entries in memory", resident() - before);
    let started = Instant::now();
    let list = &mut lists[400];
    list.revoke(77).unwrap();
    let digest = list.digest();
    let key = StandardKey::p256(&[2; 32]).unwrap();
    let token = StatusToken {
        uri: "https://issuer.example/status/a/400".into(),
        issued: 1,
        expires: None,
        ttl: None,
        list: TokenList::from(&*list),
    };
    let jwt = token.sign_jwt(&[], &key).unwrap();
    let bits = Bitstring::of(list, StatusPurpose::Revocation).encode();
    let took = started.elapsed().as_secs_f64() * 1e3;
    let what = "one change in both forms, ready for ledger and web";
    println!("{what:<58} {took:>9.1} ms              wanted: 1 s ({} + {} bytes)", jwt.len(), bits.len());
    assert_ne!(digest, StatusList::new().digest());
}

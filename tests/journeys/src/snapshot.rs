//! How long a wiped node takes to follow again, by the size of the ledger's state.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::crypto::keys::{Ed25519SigningKey, Signer as _};
use protocol::identifier::Did;
use protocol::ledger::record::{DidKey, DidRecord, Purposes, Record};
use serde_json::{Value, json};

use crate::{Client, Cluster};

/// Records of one transaction: each new organisation signs, and a transaction has at most 64 signatures.
const WRITES: u64 = 60;
/// Transactions on their way at once.
const IN_FLIGHT: u64 = 16;
const LIMIT: Duration = Duration::from_secs(1_800);

fn key(n: u64) -> Ed25519SigningKey {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&n.to_be_bytes());
    Ed25519SigningKey::from_seed(&seed)
}

fn organisation(n: u64) -> Record {
    let key = key(n).public_key();
    let did = Did::derive("kr-test", &key.to_multicodec()).expect("a name");
    let key = DidKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: 0, until: None };
    Record::Did(DidRecord { did, keys: vec![key], deactivated: false })
}

/// Puts so many records on a new ledger of four validators, wipes one of them, and measures until it follows again.
///
/// # Panics
/// When anything does not go as it should.
#[must_use]
pub fn measure(records: u64) -> Value {
    let place = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::init(place.path(), 4);
    cluster.start_all();
    let began = Instant::now();
    let (next, transactions) = (AtomicU64::new(0), records.div_ceil(WRITES));
    std::thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                let client = Client::with_timeout(Duration::from_secs(30));
                loop {
                    let nonce = next.fetch_add(1, Ordering::Relaxed);
                    if nonce >= transactions {
                        return;
                    }
                    let wanted = nonce * WRITES..records.min((nonce + 1) * WRITES);
                    let keys: Vec<_> = wanted.clone().map(key).collect();
                    let transaction = cluster.governed(nonce, wanted.map(organisation).collect(), &keys);
                    let url = cluster.submission_url(0);
                    while client.post(&url, &transaction).is_none_or(|(status, _)| status != 200) {
                        assert!(began.elapsed() < LIMIT, "the records are not taken");
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
    });
    let written = began.elapsed();
    println!("snapshot: {records} records written in {:.1} s", written.as_secs_f64());

    cluster.kill(3);
    let folder = cluster.folder(3).to_owned();
    let kept = place.path().join("kept");
    fs::rename(&folder, &kept).expect("a folder that can be moved");
    fs::create_dir(&folder).expect("an empty folder");
    for name in ["node.key", "node.json", "genesis.json", "anchor.cbor"] {
        fs::copy(kept.join(name), folder.join(name)).expect("a key file");
    }
    let target = cluster.height(0);
    let sources: Vec<String> = (0..3).map(|who| cluster.url(who)).collect();
    let from: Vec<&str> = sources.iter().flat_map(|url| ["--sync-from", url.as_str()]).collect();
    let began = Instant::now();
    cluster.launch_with(3, &from);
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        while !holds() {
            assert!(began.elapsed() < LIMIT, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed().as_secs_f64()
    };
    let serves =
        wait("it does not serve", &|| cluster.get(3, "/health/ready").is_some_and(|(status, _)| status == 200));
    let follows = wait("it does not follow", &|| cluster.height(3) >= target);
    let first = cluster.status(3).expect("a status");
    let key = organisation(records - 1).state_key();
    assert_eq!(cluster.get(3, &format!("/v1/records/{key}")).expect("an answer").0, 200);
    let bytes = fs::metadata(folder.join("ledger.sqlite")).map_or(0, |file| file.len());
    let whole = fs::metadata(cluster.folder(0).join("ledger.sqlite")).map_or(0, |file| file.len());
    println!(
        "snapshot: a wiped node serves after {serves:.1} s and follows after {follows:.1} s; {bytes} bytes, {whole} with history"
    );
    json!({
        "records": records, "written_seconds": written.as_secs_f64(), "serves_seconds": serves,
        "follows_seconds": follows, "height": first["height"], "database_bytes": bytes, "database_bytes_with_history": whole,
    })
}

//! A node begins with the state that another one offers; whatever a source does, nothing but that state is installed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Sender, StateKey, TransactionBody, Validator,
    ValidatorSet, Write,
};

use super::*;
use crate::{Node, NodeConfig, NodeError, audit, backup};

fn key(seed: u64) -> Ed25519SigningKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Ed25519SigningKey::from_seed(&bytes)
}

fn did(seed: u64) -> Did {
    Did::derive("kr", &key(seed).public_key().to_multicodec()).unwrap()
}

fn organisation(seed: u64) -> Record {
    let (fragment, key) = (format!("key-{seed}"), key(seed).public_key());
    let key = DidKey { fragment, key, purposes: Purposes::ALL, from: 0, until: None };
    Record::Did(DidRecord { did: did(seed), keys: vec![key], deactivated: false })
}

/// Who asks for the name of a new organisation.
fn founder(record: &Record) -> Option<Ed25519SigningKey> {
    let Record::Did(record) = record else { return None };
    Some(key(record.keys[0].fragment.strip_prefix("key-")?.parse().ok()?))
}

/// A network of one validator with epochs of 16 blocks, and what its governors do.
struct World {
    place: tempfile::TempDir,
    node: Option<Node>,
    runtime: tokio::runtime::Runtime,
    genesis: Genesis,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
        let keys = vec![GovernanceKey(governor)];
        let governance = Governance { network: "kr".into(), keys, threshold: 1, delay: 0 };
        let network = ledger_engine::NewNetwork {
            name: "kr".into(),
            time_ms: 1_700_000_000_000,
            application: genesis::application(governance),
            validators: genesis::places(&place.path().join("first"), &["127.0.0.1:0".parse().unwrap()]),
        };
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let epochs = std::num::NonZeroU64::new(16);
        let genesis = ledger_engine::init_with_epochs(&network, epochs, &mut rng).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut world = Self { place, node: None, runtime, genesis };
        world.start();
        world
    }

    fn start(&mut self) {
        let (heartbeat, finality_limit) = (Duration::from_millis(500), Duration::from_secs(120));
        let config = NodeConfig { heartbeat, finality_limit, ..NodeConfig::new(self.place.path().join("first")) };
        self.node = Some(Node::start(&config).unwrap());
    }

    fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    fn govern(&self, records: Vec<Record>) -> u64 {
        let node = self.node();
        let version = |record: &Record| node.record(&record.state_key()).map_or(0, |envelope| envelope.version);
        let mut signers = vec![key(100)];
        signers.extend(records.iter().filter(|record| version(record) == 0).filter_map(founder));
        let write = |record: Record| Write { previous_version: version(&record), record };
        let body = TransactionBody {
            network_id: node.anchor().network_id,
            sender: Sender::Governance,
            nonce: node.next_nonce(&Sender::Governance),
            writes: records.into_iter().map(write).collect(),
        };
        let signers: Vec<&dyn Signer> = signers.iter().map(|key| key as &dyn Signer).collect();
        let bytes = body.signed_by(&signers).unwrap().encode();
        self.runtime.block_on(node.submit(bytes)).unwrap().height
    }

    /// An empty folder of a node that knows this network.
    fn newcomer(&self, name: &str) -> PathBuf {
        let folder = self.place.path().join(name);
        let part = genesis::new_identity(
            &self.place.path().join(format!("{name}-peer")),
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.1:1".parse().unwrap(),
            &mut rand_core::UnwrapErr(getrandom::SysRng),
        );
        let address = "127.0.0.1:0".parse().unwrap();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        genesis::join(&folder, address, "127.0.0.1:2".parse().unwrap(), &self.genesis, &[part.unwrap()], &mut rng)
            .unwrap();
        folder
    }

    fn honest(&self) -> Peer {
        Box::new(Serving { node: self.node().clone(), change: None, asked: AtomicUsize::new(0) })
    }

    fn hostile(&self, change: impl Fn(&str, usize, Answer) -> Answer + Send + Sync + 'static) -> Peer {
        Box::new(Serving { node: self.node().clone(), change: Some(Box::new(change)), asked: AtomicUsize::new(0) })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop().unwrap();
        }
    }
}

type Peer = Box<dyn Source + Send + Sync>;
type Make<'a> = Box<dyn Fn() -> Peer + 'a>;
type Change = Box<dyn Fn(&str, usize, Answer) -> Answer + Send + Sync>;

/// What the node's API answers, or what somebody makes of it.
struct Serving {
    node: Node,
    change: Option<Change>,
    asked: AtomicUsize,
}

impl Source for Serving {
    fn name(&self) -> String {
        if self.change.is_some() { "hostile" } else { "honest" }.into()
    }

    fn get(&self, path: &str, max: usize) -> Answer {
        let found = match path.strip_prefix("/v1/snapshot/") {
            None => self.node.offer().map(|offer| offer.to_vec()),
            Some(rest) => {
                let (height, prefix) = rest.split_once("?at=").unwrap();
                self.node.part(height.parse().unwrap(), &prefix.parse().unwrap()).map(|part| part.encode())
            }
        };
        let answer = found.map_or(Answer::Nothing, Answer::Bytes);
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.change.as_ref().map_or(answer.clone(), |change| change(path, asked, answer));
        match answer {
            Answer::Bytes(bytes) if bytes.len() > max => Answer::TooMany,
            other => other,
        }
    }
}

fn never() -> bool {
    false
}

fn is_part(path: &str) -> bool {
    path.contains("?at=")
}

/// Makes something else of a part.
fn parts(change: impl Fn(Part) -> Part + Send + Sync) -> impl Fn(&str, usize, Answer) -> Answer + Send + Sync {
    move |path, _, answer| match answer {
        Answer::Bytes(bytes) if is_part(path) => Answer::Bytes(change(Part::decode(&bytes).unwrap()).encode()),
        other => other,
    }
}

fn values(part: Part, change: impl Fn(&mut Vec<Vec<u8>>)) -> Part {
    let Part::Records { values } = part else { return part };
    let mut values: Vec<Vec<u8>> = values.into_iter().map(Into::into).collect();
    change(&mut values);
    Part::Records { values: values.into_iter().map(Into::into).collect() }
}

#[test]
fn a_new_node_begins_with_the_state_of_another_and_says_what_it_does_not_know() {
    let world = World::new();
    for n in 0..40 {
        world.govern((0..8).map(|m| organisation(1_000 + 8 * n + m)).collect());
    }
    let DidRecord { did, keys, .. } = match organisation(1_000) {
        Record::Did(record) => record,
        _ => unreachable!(),
    };
    // The same organisation again, so that there is a version which a state does not hold.
    world.govern(vec![Record::Did(DidRecord { did: did.clone(), keys, deactivated: false })]);
    world.govern(vec![organisation(2_000)]);
    let folder = world.newcomer("second");
    assert!(is_needed(&folder));
    let progress = Progress::default();
    let fetched = fetch(&folder, &[world.honest()], &progress, &never).unwrap();
    let reached = progress.reached();
    assert_eq!((reached.height, reached.percent, reached.records), (fetched.height, 100, fetched.records));
    assert!(!is_needed(&folder) && fetched.records > 320 && reached.bytes > 10_000, "{reached:?}");

    // It starts from there, and has what the state has.
    let node = Node::start(&NodeConfig::new(&folder)).unwrap();
    assert_eq!((node.latest().height, node.first_block()), (fetched.height, fetched.height));
    assert_eq!(node.state_root(), fetched.state_root);
    let key = StateKey::did(&did);
    assert_eq!(node.record(&key), world.node().record(&key));
    assert!(protocol::ledger::check(node.anchor(), &node.proof(&key).unwrap(), fetched.height).is_ok());
    // What it was before, it says that it does not know.
    let (known, all) = (node.versions(&key).unwrap(), world.node().versions(&key).unwrap());
    assert_eq!((known.len(), all.len()), (1, 2));
    assert!(known[0].is_inherited && known[0].envelope == all[1].envelope && !all[1].is_inherited);
    assert!(matches!(node.block(fetched.height - 1), Err(NodeError::NotKept)));
    assert!(node.block(fetched.height).unwrap().is_some() && node.block(fetched.height + 9).unwrap().is_none());
    // It can hand on what it has.
    let third = world.newcomer("third");
    let second = Serving { node: node.clone(), change: None, asked: AtomicUsize::new(0) };
    let again = fetch(&third, &[Box::new(second)], &Progress::default(), &never).unwrap();
    assert_eq!(again, fetched);
    node.stop().unwrap();
    drop(node);
    let audited = audit::audit(&folder).unwrap();
    assert_eq!((audited.found.first, audited.found.records, audited.executed), (fetched.height, fetched.records, None));
    let refused = backup::make(&folder, &world.place.path().join("backup.sqlite"))
        .and_then(|()| backup::examine(&world.place.path().join("backup.sqlite")).map(|_| ()));
    assert!(matches!(refused, Err(backup::BackupError::NotFromTheBeginning(first)) if first == fetched.height));
}

#[test]
fn whatever_a_source_sends_nothing_but_the_certified_state_is_installed() {
    let world = World::new();
    for n in 0..12 {
        world.govern((0..8).map(|m| organisation(2_000 + 8 * n + m)).collect());
    }
    let stale = world.node().offer().unwrap().to_vec();
    let other = World::new();
    other.govern(vec![organisation(1)]);
    let foreign = other.node().offer().unwrap().to_vec();
    let changes: Vec<(&str, Make<'_>)> = vec![
        ("a record less", Box::new(|| world.hostile(parts(|part| values(part, |values| drop(values.pop())))))),
        (
            "a record more",
            Box::new(|| {
                world.hostile(parts(|part| {
                    values(part, |values| {
                        let record = organisation(77);
                        values.push(Envelope { version: 1, height: 1, record }.encode());
                    })
                }))
            }),
        ),
        (
            "a record twice",
            Box::new(|| world.hostile(parts(|part| values(part, |values| values.push(values[0].clone()))))),
        ),
        (
            "a changed bit",
            Box::new(|| {
                world.hostile(parts(|part| {
                    values(part, |values| {
                        let last = values[0].len() - 1;
                        values[0][last] ^= 1;
                    })
                }))
            }),
        ),
        ("no records", Box::new(|| world.hostile(parts(|part| values(part, Vec::clear))))),
        (
            "noise",
            Box::new(|| {
                world.hostile(|path, _, answer| if is_part(path) { Answer::Bytes(vec![0xff; 999]) } else { answer })
            }),
        ),
        (
            "endless bytes",
            Box::new(|| {
                world.hostile(
                    |path, _, answer| if is_part(path) { Answer::Bytes(vec![0; PART_MAX + 1]) } else { answer },
                )
            }),
        ),
        ("an endless offer", Box::new(|| world.hostile(|_, _, _| Answer::Bytes(vec![0; OFFER_MAX + 1])))),
        (
            "a bomb of hashes",
            Box::new(|| world.hostile(parts(|_| Part::of(&[Subtree { is_single: false, hash: [7; 32] }; 16])))),
        ),
        (
            "the offer of another network",
            Box::new(|| {
                let foreign = foreign.clone();
                world
                    .hostile(move |path, _, answer| if is_part(path) { answer } else { Answer::Bytes(foreign.clone()) })
            }),
        ),
        (
            "an offer that is not certified",
            Box::new(|| {
                world.hostile(|path, _, answer| match answer {
                    Answer::Bytes(bytes) if !is_part(path) => {
                        let mut offer = Offer::decode(&bytes).unwrap();
                        offer.block.header[144] ^= 1;
                        Answer::Bytes(offer.encode())
                    }
                    other => other,
                })
            }),
        ),
        (
            "an appointment that is none",
            Box::new(|| {
                world.hostile(|path, _, answer| match answer {
                    Answer::Bytes(bytes) if !is_part(path) => {
                        let mut offer = Offer::decode(&bytes).unwrap();
                        offer.appointment = vec![offer.block.clone()];
                        Answer::Bytes(offer.encode())
                    }
                    other => other,
                })
            }),
        ),
    ];
    for (number, (what, source)) in changes.iter().enumerate() {
        // Alone it is found out, and nothing is installed.
        let folder = world.newcomer(&format!("alone-{number}"));
        let refused = fetch(&folder, &[source()], &Progress::default(), &never);
        assert!(matches!(refused, Err(SyncError::NobodyHonest)), "{what}: {refused:?}");
        assert!(is_needed(&folder) && !folder.join(BEGINNING).exists(), "{what}");
        // Beside an honest one it is shunned.
        let progress = Progress::default();
        let fetched = fetch(&folder, &[source(), world.honest()], &progress, &never).unwrap();
        assert_eq!(fetched.state_root, Store::open(&folder.join(DATABASE)).unwrap().last().unwrap().unwrap().1.root());
        assert!(progress.reached().shunned <= 1, "{what}");
    }

    // An old offer is true, and not taken where somebody has a newer one.
    let began = Instant::now();
    let newer = world.govern(vec![organisation(3_000)]);
    let folder = world.newcomer("fresh");
    let old = move |path: &str, _: usize, answer: Answer| {
        if is_part(path) { answer } else { Answer::Bytes(stale.clone()) }
    };
    // The node itself offers the same block for a minute: another one serves the new one.
    let fresh = Renewed(world.node().clone(), Mutex::new(None));
    let fetched = fetch(&folder, &[world.hostile(old), Box::new(fresh)], &Progress::default(), &never).unwrap();
    assert!(fetched.height >= newer, "{fetched:?} after {:?}", began.elapsed());
}

/// A node's newest state, offered anew.
struct Renewed(Node, Mutex<Option<crate::snapshot::Offers>>);

impl Source for Renewed {
    fn name(&self) -> String {
        "renewed".into()
    }

    fn get(&self, path: &str, _: usize) -> Answer {
        let mut offers = self.1.lock().unwrap();
        let found = match path.strip_prefix("/v1/snapshot/") {
            None => {
                let made = crate::snapshot::Offers::default();
                let offer = self.0.offer_of(&made).map(|offer| offer.to_vec());
                *offers = Some(made);
                offer
            }
            Some(rest) => {
                let (height, prefix) = rest.split_once("?at=").unwrap();
                let offers = offers.as_ref().unwrap();
                offers.part(height.parse().unwrap(), &prefix.parse().unwrap()).map(|part| part.encode())
            }
        };
        found.map_or(Answer::Nothing, Answer::Bytes)
    }
}

/// Offers another appointment.
struct Appointing(Renewed, fn(&mut Offer));

impl Source for Appointing {
    fn name(&self) -> String {
        "appointing".into()
    }

    fn get(&self, path: &str, max: usize) -> Answer {
        match self.0.get(path, max) {
            Answer::Bytes(bytes) if !is_part(path) => {
                let mut offer = Offer::decode(&bytes).unwrap();
                (self.1)(&mut offer);
                Answer::Bytes(offer.encode())
            }
            other => other,
        }
    }
}

#[test]
fn a_source_that_goes_away_is_followed_by_another_and_nothing_is_fetched_twice() {
    let world = World::new();
    for n in 0..10 {
        world.govern((0..8).map(|m| organisation(4_000 + 8 * n + m)).collect());
    }
    let folder = world.newcomer("second");
    // It answers once, and then nothing any more.
    let leaving =
        world.hostile(|path, asked, answer| if is_part(path) && asked > 2 { Answer::Nothing } else { answer });
    let progress = Progress::default();
    let fetched = fetch(&folder, &[leaving, world.honest()], &progress, &never).unwrap();
    assert_eq!(fetched.state_root, Store::open(&folder.join(DATABASE)).unwrap().last().unwrap().unwrap().1.root());
    assert_eq!(progress.reached().shunned, 0);
    assert!(matches!(fetch(&folder, &[], &progress, &never), Err(SyncError::InTheWay(_))));

    // Nobody is there: it waits until it is told to stop.
    let folder = world.newcomer("patient");
    let nobody = world.hostile(|_, _, _| Answer::Nothing);
    let asked = AtomicUsize::new(0);
    let stopped = || asked.fetch_add(1, Ordering::Relaxed) > 2;
    assert!(matches!(fetch(&folder, &[nobody], &progress, &stopped), Err(SyncError::Stopped)));
    // What an interrupted attempt left is no ledger, and is cleared away.
    fs::write(folder.join(UNFINISHED), b"half of it").unwrap();
    fs::write(folder.join(BEGINNING), b"{}").unwrap();
    assert!(is_needed(&folder));
    let unstarted = Node::start(&NodeConfig::new(&folder)).map(|_| ());
    assert!(unstarted.is_err(), "it does not begin where it has nothing");
    for name in [DATABASE, CONSENSUS] {
        let path = folder.join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else if path.exists() {
            fs::remove_file(&path).unwrap()
        }
    }
    assert!(fetch(&folder, &[world.honest()], &progress, &never).is_ok());

    // A share means that this validator may have voted, and its memory of that is gone.
    let folder = world.newcomer("voter");
    fs::write(folder.join("share.key"), "00").unwrap();
    let refused = fetch(&folder, &[world.honest()], &progress, &never);
    assert!(matches!(refused, Err(SyncError::ShareInTheWay(path)) if path == folder.join("share.key")));
    assert!(matches!(fetch(&folder.join("nowhere"), &[], &progress, &never), Err(SyncError::Engine(_))));
    let file = folder.join("genesis.json");
    fs::remove_file(folder.join("share.key")).unwrap();
    assert!(file.exists());
}

#[test]
fn while_it_fetches_it_says_how_far_it_is() {
    use std::io::{Read as _, Write as _};
    let listen = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap();
    let progress = std::sync::Arc::new(Progress::default());
    progress.begin(4_711);
    progress.add(4, 100, 2_000);
    progress.skip(4, 3, 50);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (done, over) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(serve(listen, progress, async move { drop(over.await) }));
    let get = |path: &str| {
        let mut stream = loop {
            if let Ok(stream) = std::net::TcpStream::connect(listen) {
                break stream;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let ready = get("/health/ready");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.to_lowercase().contains("retry-after"), "{ready}");
    assert!(ready.contains(r#""height":4711"#) && ready.contains(r#""percent":25"#), "{ready}");
    assert!(get("/health/live").starts_with("HTTP/1.1 200"));
    assert!(get("/v1/bundle").starts_with("HTTP/1.1 503"), "it serves nothing of the ledger");
    let figures = get("/metrics");
    assert!(figures.contains("mid_ledger_fetch_percent 25\n") && figures.ends_with("# EOF\n"), "{figures}");
    done.send(()).unwrap();
    runtime.block_on(serving).unwrap().unwrap();
}

#[test]
fn snap_05_states_are_handed_out_with_the_block_that_appointed_the_validators() {
    let world = World::new();
    let same = Record::Validators(ValidatorSet {
        validators: vec![Validator { key: world.genesis.validators[0], address: String::new() }],
    });
    world.govern(vec![organisation(1), organisation(2)]);
    assert_eq!(Offer::decode(&world.node().offer().unwrap()).unwrap().appointment, vec![]);
    world.govern(vec![same]);
    let offer = || world.node().offer_of(&crate::snapshot::Offers::default());
    assert!(matches!(offer(), Err(NodeError::HandoverUnderWay)), "the validators named are not those in office");
    let began = Instant::now();
    let offered = loop {
        match offer() {
            // The block after which they are in office may be the one that is offered; here it shall be an earlier one.
            Ok(offered) => {
                let Offer { block, appointment } = Offer::decode(&offered).unwrap();
                if appointment.first() != Some(&block) {
                    break offered;
                }
            }
            Err(error) => assert!(matches!(error, NodeError::HandoverUnderWay | NodeError::NotCertifiedYet), "{error}"),
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the handover does not end");
        std::thread::sleep(Duration::from_millis(50));
    };
    let decoded = Offer::decode(&offered).unwrap();
    assert_eq!(decoded.appointment.len(), 1);
    // Without it, or with the block before it, the offer is not believed.
    type Change = fn(&mut Offer);
    let changes: [(&str, Change); 2] = [
        ("none", |offer| offer.appointment.clear()),
        ("another", |offer| offer.appointment = vec![offer.block.clone()]),
    ];
    for (name, change) in changes {
        let folder = world.newcomer(name);
        let wrong = Appointing(Renewed(world.node().clone(), Mutex::new(None)), change);
        let refused = fetch(&folder, &[Box::new(wrong)], &Progress::default(), &never);
        assert!(matches!(refused, Err(SyncError::NobodyHonest)), "{refused:?}");
    }
    let folder = world.newcomer("second");
    let newest = Renewed(world.node().clone(), Mutex::new(None));
    let fetched = fetch(&folder, &[Box::new(newest)], &Progress::default(), &never).unwrap();
    let node = Node::start(&NodeConfig::new(&folder)).unwrap();
    assert_eq!(node.latest().height, fetched.height);
    // And it has it for others.
    assert_eq!(Offer::decode(&node.offer().unwrap()).unwrap().appointment, decoded.appointment);
    node.stop().unwrap();
}

//! The simulated world of one run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::simulated::{self, Receiver, Sender};
use commonware_p2p::simulated::{Config as NetworkConfig, Control, Link, Oracle, SplitTarget};
use commonware_runtime::deterministic::{self, Context, FaultConfig, PartialWriteMode, ResizeConfig, WriteConfig};
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _};
use commonware_utils::{NZU32, NZUsize, Probability, probability};
use ledger_engine::testkit::{Door, Links, Seat, Settings, Validator};
use ledger_engine::{Genesis, StateMachine};
use ledger_node::genesis;
use ledger_node::state::State;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::byzantine::{Channels, misbehave};
use crate::check::{self, Run};
use crate::client::{Book, governance};
use crate::links::{Reach, Rough, Stuffing, Weather};
use crate::plan::{Behaviour, Dice, Plan, Planted, PowerCut, Storm};
use crate::record::{Crooked, Record, Records, Watched};

const CHANNELS: u64 = 6;
const GENESIS_MS: u64 = 1_800_000_000_000;
/// A client looks again this often, in simulated time.
const PACE: Duration = Duration::from_millis(250);
/// A validator that missed the last certificate of a quiet network gets it with the next block: after this at the latest.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After the last storm everything must be recorded within this time.
const PATIENCE: Duration = Duration::from_secs(90);

/// The keys of a network's validators; the same for all runs.
pub struct Network {
    pub(crate) seats: Arc<Vec<Seat>>,
    pub(crate) genesis: Genesis,
}

impl Network {
    /// A network of so many validators with keys of its own.
    #[must_use]
    pub fn new(validators: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let addresses: Vec<_> = (0..validators).map(|at| ([127, 0, 0, 1], 1 + at as u16).into()).collect();
        let places = genesis::places(folder.path(), &addresses);
        let folders: Vec<_> = places.iter().map(|place| place.folder.clone()).collect();
        genesis::init(governance(), places, GENESIS_MS, &mut ChaCha20Rng::seed_from_u64(2026)).unwrap();
        let mut seats: Vec<_> = folders.iter().map(|folder| Seat::load(folder).unwrap()).collect();
        // In the order of their votes' numbers.
        seats.sort_by_key(Seat::public_key);
        let genesis = seats[0].genesis().clone();
        Self { seats: Arc::new(seats), genesis }
    }

    /// A state machine with a database in memory that lives as long as somebody has it open.
    pub(crate) fn machine(&self, name: &str) -> impl StateMachine<State = State> + use<> {
        let uri = format!("file:{name}?mode=memory&cache=shared");
        ledger_node::testkit::machine(&self.genesis, Path::new(&uri)).unwrap()
    }
}

/// What outlasts the simulated machines: disks of databases, and what the checks need.
pub(crate) struct World {
    pub(crate) network: Arc<Network>,
    pub(crate) plan: Plan,
    pub(crate) book: Book,
    pub(crate) records: Mutex<Records>,
    pub(crate) violations: Mutex<Vec<String>>,
    weather: Arc<Weather>,
    /// Of each running validator and copy. One that has lost its door stops.
    doors: Mutex<BTreeMap<(usize, usize), Door>>,
    /// How often a validator forgot everything.
    generations: Mutex<BTreeMap<usize, usize>>,
    /// Names of this run's databases begin with it.
    run: u64,
    keepers: Mutex<Vec<Box<dyn std::any::Any + Send>>>,
    starts: AtomicU64,
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// Runs a plan and checks what came of it.
#[must_use]
pub fn run(network: &Arc<Network>, plan: &Plan) -> Run {
    let world = Arc::new(World {
        network: network.clone(),
        plan: plan.clone(),
        book: Book::new(network.genesis.network_id()),
        records: Mutex::default(),
        violations: Mutex::default(),
        weather: Arc::default(),
        doors: Mutex::default(),
        generations: Mutex::default(),
        run: RUNS.fetch_add(1, Ordering::Relaxed),
        keepers: Mutex::default(),
        starts: AtomicU64::new(0),
    });
    let start: SystemTime = UNIX_EPOCH + Duration::from_millis(GENESIS_MS + 1_000);
    let config = deterministic::Config::new().with_seed(plan.seed).with_start_time(start);
    let mut runner = deterministic::Runner::new(config);
    let mut storms = plan.storms.as_slice();
    loop {
        // Up to and with the next power cut.
        let cut = storms.iter().position(|storm| storm.power_cut.is_some());
        let (now, later) = storms.split_at(cut.map_or(storms.len(), |at| at + 1));
        storms = later;
        let (outcome, checkpoint) =
            runner.start_and_recover(|context| segment(context, world.clone(), now, cut.is_none()));
        if let Some((recovered, audit)) = outcome {
            return check::check(&world, recovered, audit);
        }
        runner = deterministic::Runner::from(checkpoint);
    }
}

/// From power on to power off, or to the end.
async fn segment(
    context: Context,
    world: Arc<World>,
    storms: &[Storm],
    is_last: bool,
) -> Option<(Option<Duration>, String)> {
    let cut = storms.last().and_then(|storm| storm.power_cut.clone());
    *context.storage_fault_config().write() = faults(cut.as_ref());
    let keys: Vec<_> = world.network.seats.iter().map(Seat::public_key).collect();
    let config = NetworkConfig {
        max_size: 4 * 1024 * 1024,
        disconnect_on_block: true,
        max_peers_per_set: NZUsize!(16),
        tracked_peer_sets: NZUsize!(1),
    };
    let (network, oracle) = simulated::Network::new_with_peers(context.child("network"), config, keys.clone()).await;
    let network = network.start();
    let mut site = Site { context: &context, world: &world, oracle, keys, running: BTreeMap::new() };
    for who in 0..world.plan.validators {
        site.start(who).await;
    }
    let clients = {
        let world = world.clone();
        context.child("clients").spawn(move |context| serve_clients(context, world))
    };
    for storm in storms {
        site.weather(storm).await;
        site.live_through(storm).await;
    }
    let outcome = if is_last { Some((site.calm().await, context.auditor().state())) } else { None };
    if is_last {
        site.look_for_quarrels().await;
    }
    clients.abort();
    site.power_off();
    network.abort();
    if let (Some(_), None) = (cut, &outcome) {
        // Lengths of files are as uncertain as bytes. Set only now, or changes of length would fail before the cut.
        let half = ResizeConfig { failure_rate: probability!(0.5), partial_rate: probability!(0.5) };
        let config = context.storage_fault_config();
        let with_lengths = config.read().clone().resize(half);
        *config.write() = with_lengths;
    }
    outcome
}

/// What a power cut leaves of what was written and not synced. Nothing fails before.
fn faults(cut: Option<&PowerCut>) -> FaultConfig {
    let Some(cut) = cut else { return FaultConfig::default() };
    FaultConfig::default().write(WriteConfig {
        failure_rate: probability!(0.0),
        retention_rate: Probability::new(cut.kept, 100).unwrap(),
        mode: if cut.scattered { PartialWriteMode::Subset } else { PartialWriteMode::Prefix },
    })
}

/// All machines while there is power.
struct Site<'a> {
    context: &'a Context,
    world: &'a Arc<World>,
    oracle: Oracle<PublicKey, Context>,
    keys: Vec<PublicKey>,
    running: BTreeMap<usize, Vec<Handle<()>>>,
}

type Pair = (Sender<PublicKey, Context>, Receiver<PublicKey>);

impl Site<'_> {
    /// Starts a validator, honest or not.
    async fn start(&mut self, who: usize) {
        let control = self.oracle.control(self.keys[who].clone());
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            channels.push(control.register(channel, Quota::per_second(NZU32!(128))).await.unwrap());
        }
        let behaviour = self.world.plan.behaviour(who);
        let context = self.context.child("validator").with_attribute("who", who);
        let handles = match behaviour {
            None | Some(Behaviour::Crooked) => {
                vec![self.whole(context, who, 0, self.links(who, control, channels, None))]
            }
            Some(Behaviour::Twins) => self.twins(&context, who, &control, channels),
            Some(Behaviour::Silent) => vec![],
            Some(other) => {
                let links = self.links(who, control, channels, None);
                let (world, seat, dice) = (self.world.clone(), self.seat(who), self.dice(who));
                let act = move |context: Context| async move {
                    misbehave(context, other, seat, links, &world.book, dice).await;
                };
                vec![context.spawn(act)]
            }
        };
        self.running.insert(who, handles);
    }

    fn seat(&self, who: usize) -> Seat {
        self.world.network.seats[who].clone()
    }

    /// Other numbers at each start.
    fn dice(&self, who: usize) -> Dice {
        let start = self.world.starts.fetch_add(1, Ordering::Relaxed);
        Dice::new(self.world.plan.seed, 1_000 + start * 100 + who as u64)
    }

    fn links(
        &self,
        who: usize,
        control: Control<PublicKey, Context>,
        channels: Vec<Pair>,
        only: Option<Arc<BTreeSet<PublicKey>>>,
    ) -> Channels<Control<PublicKey, Context>> {
        let pair = |(sender, receiver)| {
            let receiver = Rough::new(receiver, self.world.weather.clone(), self.dice(who));
            (Reach::new(sender, only.clone()), receiver)
        };
        let mut pairs = channels.into_iter().map(pair);
        let mut next = || pairs.next().unwrap();
        let mut links = Links {
            votes: next(),
            certificates: next(),
            resolver: next(),
            backfill: next(),
            broadcast: next(),
            mempool: next(),
            peers: self.oracle.manager(),
            blocker: control,
        };
        if self.world.plan.planted == Some(Planted::TwoThirdsSuffice) {
            links.votes.1 = links.votes.1.stuffed(Stuffing::new(who, self.world.network.seats.clone()));
        }
        links
    }

    /// Two validators with the same keys. Each reaches, and hears, its own part of the others.
    fn twins(
        &self,
        context: &Context,
        who: usize,
        control: &Control<PublicKey, Context>,
        channels: Vec<Pair>,
    ) -> Vec<Handle<()>> {
        let mut parts = [BTreeSet::new(), BTreeSet::new()];
        for (side, key) in
            self.world.plan.sides().into_iter().zip(&self.keys).filter(|(_, key)| **key != self.keys[who])
        {
            parts[side].insert(key.clone());
        }
        let parts = parts.map(Arc::new);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (sender, receiver) in channels {
            let hears = parts[0].clone();
            let route = move |(from, _): &(PublicKey, _)| {
                if hears.contains(from) { SplitTarget::Primary } else { SplitTarget::Secondary }
            };
            let (one, two) = receiver.split_with(context.child("split"), route);
            first.push((sender.clone(), one));
            second.push((sender, two));
        }
        [first, second]
            .into_iter()
            .zip(parts)
            .enumerate()
            .map(|(copy, (channels, part))| {
                let links = self.links(who, control.clone(), channels, Some(part));
                self.whole(context.child("twin").with_attribute("copy", copy), who, copy, links)
            })
            .collect()
    }

    /// A validator as the product has it; Byzantine ones have a state machine of their own.
    fn whole(
        &self,
        context: Context,
        who: usize,
        copy: usize,
        links: Channels<Control<PublicKey, Context>>,
    ) -> Handle<()> {
        let world = self.world;
        let generation = world.generations.lock().unwrap().get(&who).copied().unwrap_or(0);
        let name = world.database(who, copy, generation);
        let settings = Settings {
            heartbeat: HEARTBEAT,
            leader_timeout: Duration::from_millis(1_500),
            prefix: format!("v{who}c{copy}g{generation}-"),
        };
        // A database in memory is gone when the last one closes it.
        world.keepers.lock().unwrap().push(Box::new(world.network.machine(&name)));
        let (seat, inner) = (self.seat(who), world.network.machine(&name));
        let opened = match world.plan.behaviour(who) {
            None => {
                let record: Arc<Record> = world.records.lock().unwrap().entry((who, generation)).or_default().clone();
                Validator::open(&seat, Watched { inner, record }, settings)
            }
            Some(Behaviour::Crooked) => {
                Validator::open(&seat, Crooked { inner, loot: world.book.forbidden.clone() }, settings)
            }
            Some(_) => Validator::open(&seat, inner, settings),
        };
        let (validator, door) = opened.unwrap_or_else(|error| panic!("validator {who} does not start: {error}"));
        let is_honest = world.plan.behaviour(who).is_none();
        world.doors.lock().unwrap().insert((who, copy), door);
        let world = world.clone();
        context.spawn(move |context| async move {
            let ended = validator.run(context, links).await;
            // A Byzantine one may fall over. Nobody ends because the world let go of it.
            if is_honest || ended.is_ok() {
                world.violate(format!("validator {who} stopped by itself: {ended:?}"));
            }
        })
    }

    fn stop(&mut self, who: usize) {
        self.world.doors.lock().unwrap().retain(|(other, _), _| *other != who);
        for handle in self.running.remove(&who).unwrap_or_default() {
            handle.abort();
        }
        if self.world.plan.planted == Some(Planted::Forgetful) {
            *self.world.generations.lock().unwrap().entry(who).or_default() += 1;
        }
    }

    fn power_off(mut self) {
        for who in 0..self.world.plan.validators {
            self.stop(who);
        }
    }

    async fn weather(&self, storm: &Storm) {
        self.world.weather.set(storm.repeated, storm.overtaken);
        let link = Link {
            latency: storm.latency,
            jitter: storm.jitter,
            success_rate: Probability::new(100 - storm.lost, 100).unwrap(),
        };
        self.connect(|from, to| self.world.plan.passes(storm, from, to).then(|| link.clone())).await;
    }

    async fn connect(&self, link: impl Fn(usize, usize) -> Option<Link>) {
        for (from, sender) in self.keys.iter().enumerate() {
            for (to, receiver) in self.keys.iter().enumerate().filter(|(to, _)| *to != from) {
                // Whether there was one or not.
                let _ = self.oracle.remove_link(sender.clone(), receiver.clone()).await;
                if let Some(link) = link(from, to) {
                    self.oracle.add_link(sender.clone(), receiver.clone(), link).await.unwrap();
                }
            }
        }
    }

    /// Crashes and returns as they come. Who is still away at the end comes back then.
    async fn live_through(&mut self, storm: &Storm) {
        let begin = self.context.current();
        let honest = |crash: &&crate::plan::Crash| self.world.plan.behaviour(crash.who).is_none();
        let crashes: Vec<_> = storm.crashes.iter().filter(honest).cloned().collect();
        let mut events: Vec<(Duration, usize, bool)> = Vec::new();
        for crash in crashes {
            let back = (crash.after + crash.away).min(storm.duration);
            events.push((crash.after.min(back), crash.who, false));
            events.push((back, crash.who, true));
        }
        events.sort();
        for (at, who, comes_back) in events {
            self.context.sleep_until(begin + at).await;
            if comes_back {
                // The files of the crashed one are closed when its tasks are gone.
                self.context.sleep(Duration::from_millis(20)).await;
                self.start(who).await;
            } else {
                self.stop(who);
            }
        }
        self.context.sleep_until(begin + storm.duration).await;
    }

    /// The network is whole: how long until everybody has recorded everything, if ever.
    async fn calm(&self) -> Option<Duration> {
        self.world.weather.set(0, 0);
        let link = Link {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(2),
            success_rate: probability!(1.0),
        };
        self.connect(|_, _| Some(link.clone())).await;
        let begin = self.context.current();
        let elapsed = || self.context.current().duration_since(begin).unwrap_or_default();
        while elapsed() < PATIENCE {
            self.context.sleep(PACE).await;
            if self.world.everybody_has_everything() {
                return Some(elapsed());
            }
        }
        None
    }

    /// No honest validator shuts an honest one out.
    async fn look_for_quarrels(&self) {
        let honest: BTreeSet<_> = self.world.plan.honest().map(|who| self.keys[who].clone()).collect();
        for (from, to) in self.oracle.blocked().await.unwrap() {
            if honest.contains(&from) && honest.contains(&to) {
                self.world.violate(format!("an honest validator shut out an honest one: {from} {to}"));
            }
        }
    }
}

impl World {
    pub(crate) fn violate(&self, what: String) {
        self.violations.lock().unwrap().push(what);
    }

    pub(crate) fn database(&self, who: usize, copy: usize, generation: usize) -> String {
        format!("simulation-{}-{who}-{copy}-{generation}", self.run)
    }

    /// The present record of each honest validator.
    pub(crate) fn present(&self) -> Vec<(usize, usize, Arc<Record>)> {
        let (records, generations) = (self.records.lock().unwrap(), self.generations.lock().unwrap());
        let of = |who: usize| {
            let generation = generations.get(&who).copied().unwrap_or(0);
            Some((who, generation, records.get(&(who, generation))?.clone()))
        };
        self.plan.honest().filter_map(of).collect()
    }

    fn everybody_has_everything(&self) -> bool {
        let present = self.present();
        present.len() == self.plan.honest().count() && present.iter().all(|(_, _, record)| record.has(&self.book.last))
    }

    /// Whether any honest validator made this final.
    fn is_recorded(&self, transaction: &[u8]) -> bool {
        self.present().iter().any(|(_, _, record)| record.has(transaction))
    }
}

/// Clients hand in what is not recorded yet, each sender in its order, and now and then something forbidden.
async fn serve_clients(context: Context, world: Arc<World>) {
    let mut dice = Dice::new(world.plan.seed, 2);
    loop {
        context.sleep(PACE).await;
        let doors: Vec<Door> = world.doors.lock().unwrap().values().cloned().collect();
        if doors.is_empty() {
            continue;
        }
        let mut is_done = true;
        for chain in &world.book.chains {
            if let Some(next) = chain.iter().find(|transaction| !world.is_recorded(transaction)) {
                is_done = false;
                // Refused while an earlier one is missing: tried again later.
                let _ = doors[dice.index(doors.len())].submit(next.clone());
            }
        }
        if is_done {
            let _ = doors[dice.index(doors.len())].submit(world.book.last.clone());
        }
        let forbidden = &world.book.forbidden[dice.index(world.book.forbidden.len())];
        let _ = doors[dice.index(doors.len())].submit(forbidden.clone());
    }
}

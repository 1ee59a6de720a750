//! What a seed stands for.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// Everything that a run is made of, besides the order of tasks, which the seed decides as well.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many validators there are.
    pub validators: usize,
    /// At most a third: who breaks the protocol, and how.
    pub byzantine: Vec<(usize, Behaviour)>,
    /// One after the other; after the last one the network is whole.
    pub storms: Vec<Storm>,
    /// A bug that the checks must find.
    pub planted: Option<Planted>,
}

/// How a Byzantine validator behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Two whole validators with the same keys, each talking to other peers: real equivocation of a leader, with
    /// two valid blocks.
    Twins,
    /// A whole validator that proposes invalid blocks and finds every block valid.
    Crooked,
    /// Votes for what it is asked and for something else.
    Conflicter,
    /// Gives a view up and makes it final.
    Nuller,
    /// Votes in another one's name.
    Impersonator,
    /// Votes for what is long past.
    Outdated,
    /// Sends noise, and halves of messages, on every channel.
    Garbage,
    /// Says nothing.
    Silent,
}

/// Twins are the hardest to stand.
const BEHAVIOURS: [Behaviour; 10] = [
    Behaviour::Twins,
    Behaviour::Twins,
    Behaviour::Twins,
    Behaviour::Crooked,
    Behaviour::Conflicter,
    Behaviour::Nuller,
    Behaviour::Impersonator,
    Behaviour::Outdated,
    Behaviour::Garbage,
    Behaviour::Silent,
];

/// Some seconds of bad weather.
#[derive(Debug, Clone)]
pub struct Storm {
    /// How long it lasts.
    pub duration: Duration,
    /// Mean time on a link.
    pub latency: Duration,
    /// Its standard deviation.
    pub jitter: Duration,
    /// Of a hundred messages, how many are lost.
    pub lost: u64,
    /// Of a hundred messages, how many arrive twice.
    pub repeated: u64,
    /// Of a hundred messages, how many are overtaken by later ones.
    pub overtaken: u64,
    /// For each validator the part of the network it is in. Nothing passes between parts, but twins are in both.
    pub parts: Vec<usize>,
    /// Links that carry nothing in one direction, (from, to).
    pub one_way: Vec<(usize, usize)>,
    /// Who crashes, when, and for how long. What was not synced is lost.
    pub crashes: Vec<Crash>,
    /// All machines lose power at the end.
    pub power_cut: Option<PowerCut>,
}

/// A validator that crashes and comes back.
#[derive(Debug, Clone)]
pub struct Crash {
    /// Who.
    pub who: usize,
    /// After the storm's beginning.
    pub after: Duration,
    /// How long it is away.
    pub away: Duration,
}

/// What the disks hold after all lost power at once: everything synced, and of the rest …
#[derive(Debug, Clone)]
pub struct PowerCut {
    /// … this share of the bytes, of a hundred,
    pub kept: u64,
    /// scattered bytes instead of the beginning of each write.
    pub scattered: bool,
}

/// A bug that the checks must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Validators accept 2f votes where 2f + 1 are needed.
    TwoThirdsSuffice,
    /// A validator that comes back has forgotten what it voted for, and everything else.
    Forgetful,
}

/// Numbers from a seed.
pub(crate) struct Dice(ChaCha20Rng);

impl Dice {
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        rng.set_stream(purpose);
        Self(rng)
    }

    /// Below `limit`, which is above zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    pub(crate) fn index(&mut self, limit: usize) -> usize {
        self.below(limit as u64) as usize
    }

    /// In `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// How many validators out of `n` may be Byzantine.
#[must_use]
pub fn faults(n: usize) -> usize {
    (n - 1) / 3
}

/// Longer than a heartbeat: a side on which no client has anything to record makes an empty block.
const TORN: Duration = Duration::from_secs(20);

/// Who is on which side of a network cut in two.
fn halves(dice: &mut Dice, validators: usize) -> Vec<usize> {
    let mut parts: Vec<_> = (0..validators).map(|at| at % 2).collect();
    for at in (1..validators).rev() {
        parts.swap(at, dice.index(at + 1));
    }
    parts
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(validators: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let mut byzantine: Vec<(usize, Behaviour)> = Vec::new();
        for _ in 0..dice.below(faults(validators) as u64 + 1) {
            let who = dice.index(validators);
            let how = BEHAVIOURS[dice.index(BEHAVIOURS.len())];
            if byzantine.iter().all(|(other, _)| *other != who) {
                byzantine.push((who, how));
            }
        }
        let storms = (0..=dice.below(2)).map(|_| Storm::roll(&mut dice, validators)).collect();
        Self { seed, validators, byzantine, storms, planted: None }
    }

    /// The same with a planted bug.
    #[must_use]
    pub fn planted(validators: usize, seed: u64, bug: Planted) -> Self {
        Self { planted: Some(bug), ..Self::of(validators, seed) }
    }

    /// Two groups of 2f validators that vote for so long without hearing of each other that each would make a block final,
    /// with transactions or without. A quorum of 2f cannot stand it, and one of 2f + 1 must.
    ///
    /// Two such groups of 3f + 1 validators share f − 1. So four are cut into halves, all of them honest. Of seven, one is
    /// a twin and talks to both sides, which have three honest ones each.
    #[must_use]
    pub fn torn(validators: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let parts = halves(&mut dice, validators);
        let twins = faults(validators) - 1;
        // Each side keeps f + 1 honest ones: with an odd number the twins come from the larger one.
        let larger = usize::from(2 * parts.iter().filter(|part| **part == 1).count() > validators);
        let byzantine = (0..validators).filter(|who| parts[*who] == larger).take(twins);
        let byzantine = byzantine.map(|who| (who, Behaviour::Twins)).collect();
        let latency = dice.millis(5, 60);
        let storm = Storm { duration: TORN, latency, parts, ..Storm::calm(validators) };
        Self { seed, validators, byzantine, storms: vec![storm], planted: None }
    }

    pub(crate) fn behaviour(&self, who: usize) -> Option<Behaviour> {
        self.byzantine.iter().find(|(other, _)| *other == who).map(|(_, how)| *how)
    }

    /// Whether messages pass from one to another in a storm.
    pub(crate) fn passes(&self, storm: &Storm, from: usize, to: usize) -> bool {
        let is_everywhere = |who| self.behaviour(who) == Some(Behaviour::Twins);
        let meet = storm.parts[from] == storm.parts[to] || is_everywhere(from) || is_everywhere(to);
        meet && !storm.one_way.contains(&(from, to))
    }

    /// For each validator the twin that talks to it: the sides of the first partition.
    pub(crate) fn sides(&self) -> Vec<usize> {
        let parted = self.storms.iter().find(|storm| storm.is_parted());
        parted.map_or_else(|| (0..self.validators).map(|at| at % 2).collect(), |storm| storm.parts.clone())
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.validators).filter(|who| self.behaviour(*who).is_none())
    }
}

impl Storm {
    fn roll(dice: &mut Dice, validators: usize) -> Self {
        let duration = dice.millis(3_000, 7_000);
        let parts = match dice.below(5) {
            // Everyone sees everyone.
            0 | 1 => vec![0; validators],
            // One is alone.
            2 => {
                let alone = dice.index(validators);
                (0..validators).map(|who| usize::from(who == alone)).collect()
            }
            // Two halves.
            _ => halves(dice, validators),
        };
        let mut one_way = Vec::new();
        if dice.chance(25) {
            for _ in 0..=dice.below(2) {
                one_way.push((dice.index(validators), dice.index(validators)));
            }
        }
        let mut crashes: Vec<Crash> = Vec::new();
        if dice.chance(60) {
            for _ in 0..=dice.below(validators as u64) {
                let who = dice.index(validators);
                if crashes.iter().all(|crash| crash.who != who) {
                    crashes.push(Crash { who, after: dice.millis(100, 3_000), away: dice.millis(50, 3_000) });
                }
            }
            crashes.sort_by_key(|crash| crash.after);
        }
        let power_cut =
            dice.chance(30).then(|| PowerCut { kept: [0, 50, 90, 100][dice.index(4)], scattered: dice.chance(50) });
        let rough = dice.chance(50);
        Self {
            duration,
            latency: dice.millis(5, 60),
            jitter: dice.millis(0, 30),
            lost: if dice.chance(50) { dice.below(25) } else { 0 },
            repeated: if rough { dice.below(20) } else { 0 },
            overtaken: if rough { dice.below(20) } else { 0 },
            parts,
            one_way,
            crashes,
            power_cut,
        }
    }

    /// Hardly one.
    fn calm(validators: usize) -> Self {
        Self {
            duration: Duration::ZERO,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            lost: 0,
            repeated: 0,
            overtaken: 0,
            parts: vec![0; validators],
            one_way: vec![],
            crashes: vec![],
            power_cut: None,
        }
    }

    pub(crate) fn is_parted(&self) -> bool {
        self.parts.iter().any(|part| *part != self.parts[0])
    }
}

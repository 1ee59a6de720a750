//! Who validates from when, and what the chain says about it.
//!
//! Blocks are counted in epochs of equal length. A committee is in office for whole epochs; its successor gets the
//! same group key in new shares (Desmedt resharing of the consensus library). The chain carries what everyone must
//! agree on for that, as records of the engine in front of a block's transactions:
//!
//! * `Begin` in the first block of an epoch: the state machine names another committee than the one in office;
//! * `Log` from the middle of that epoch on: what a member of the committee dealt to the next, once for each member;
//! * `End` in its last block: the next committee with its public polynomial, if the logs suffice. Otherwise the
//!   committee stays, and the next epoch tries again.
//!
//! Everything here is a pure function of the blocks, so a node that starts reads it from them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;

use commonware_codec::{Buf, Copying, DecodeExt as _, EncodeSize, Error, RangeCfg, Read, ReadExt as _, Write};
use commonware_cryptography::bls12381::dkg::feldman_desmedt::{
    DealerLog, Info, Logs, Output, Reveal, SignedDealerLog, observe,
};
use commonware_cryptography::bls12381::primitives::sharing::{Mode, ModeVersion, Sharing};
use commonware_cryptography::bls12381::primitives::variant::MinSig;
use commonware_cryptography::ed25519;
use commonware_parallel::Sequential;
use commonware_runtime::BufMut;
use commonware_utils::ordered::Set;
use commonware_utils::{N3f1, NZU32, NZU64};
use protocol::crypto::domains;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::ceremony::Key;
use crate::machine::{EngineRecords, Roster};
use crate::setup::{MAX_VALIDATORS, key_set};

/// No transaction begins with this byte; the engine's records do.
pub(crate) const RECORD: u8 = 0xff;

/// Blocks of an epoch unless the genesis says otherwise.
pub(crate) const EPOCH_BLOCKS: NonZeroU64 = NZU64!(256);

type Log = SignedDealerLog<MinSig, Key>;
pub(crate) type DealerLogs = Logs<MinSig, Key, N3f1>;

/// What never changes in a network.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) epoch_blocks: NonZeroU64,
    /// What resharing is bound to.
    namespace: Vec<u8>,
}

impl Terms {
    pub(crate) fn new(network_id: &[u8; 32], epoch_blocks: NonZeroU64) -> Self {
        Self { epoch_blocks, namespace: [domains::LEDGER_RESHARE, network_id].concat() }
    }

    pub(crate) fn epoch(&self, height: u64) -> u64 {
        height / self.epoch_blocks
    }

    fn index(&self, height: u64) -> u64 {
        height % self.epoch_blocks
    }

    /// Whether `height` is the last of its epoch.
    pub(crate) fn is_last(&self, height: u64) -> bool {
        self.index(height) == self.epoch_blocks.get() - 1
    }

    /// The first height of an epoch.
    pub(crate) fn first(&self, epoch: u64) -> u64 {
        epoch.saturating_mul(self.epoch_blocks.get())
    }

    /// Whether a member stops waiting for acknowledgements at `height`: late enough for those who are there to have
    /// given them, early enough for every member to lead a block that takes its log.
    pub(crate) fn is_late(&self, height: u64) -> bool {
        self.index(height) >= self.epoch_blocks.get() / 8 * 5
    }

    /// Whether members may put their logs into the block at `height`.
    fn takes_logs(&self, height: u64) -> bool {
        self.index(height) >= self.epoch_blocks.get() / 2 && !self.is_last(height)
    }
}

/// Validators as the engine's records name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    /// The state machine's number of this set.
    pub(crate) version: u64,
    pub(crate) keys: Set<Key>,
    pub(crate) addresses: Vec<Option<SocketAddr>>,
}

impl Members {
    /// `None` unless the roster can be a committee.
    pub(crate) fn new(roster: &Roster) -> Option<Self> {
        if roster.validators.is_empty() || roster.validators.len() > MAX_VALIDATORS as usize {
            return None;
        }
        let mut sorted = roster.validators.clone();
        sorted.sort_by_key(|(key, _)| *key);
        let keys = sorted.iter().map(|(key, _)| Key::decode(Copying(key)));
        let keys = key_set(keys.collect::<Result<Vec<_>, _>>().ok()?).ok()?;
        Some(Self { version: roster.version, keys, addresses: sorted.into_iter().map(|(_, at)| at).collect() })
    }
}

impl Write for Members {
    fn write(&self, buf: &mut impl BufMut) {
        self.version.write(buf);
        self.keys.write(buf);
        for address in &self.addresses {
            address_text(address).write(buf);
        }
    }
}

fn address_text(address: &Option<SocketAddr>) -> Vec<u8> {
    address.map(|address| address.to_string().into_bytes()).unwrap_or_default()
}

impl EncodeSize for Members {
    fn encode_size(&self) -> usize {
        let addresses = self.addresses.iter().map(|address| address_text(address).encode_size());
        self.version.encode_size() + self.keys.encode_size() + addresses.sum::<usize>()
    }
}

impl Read for Members {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let version = u64::read(buf)?;
        let keys = Set::<Key>::read_cfg(buf, &(RangeCfg::from(1..=MAX_VALIDATORS as usize), ()))?;
        let mut addresses = Vec::with_capacity(keys.len());
        for _ in 0..keys.len() {
            let text = Vec::<u8>::read_cfg(buf, &(RangeCfg::from(0..=64), ()))?;
            let text = String::from_utf8(text).map_err(|_| Error::Invalid("Members", "address"))?;
            addresses.push(match text.as_str() {
                "" => None,
                text => Some(text.parse().map_err(|_| Error::Invalid("Members", "address"))?),
            });
        }
        Ok(Self { version, keys, addresses })
    }
}

/// The validators in office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committee {
    /// The first epoch of its office: the name of its shares.
    pub(crate) since: u64,
    pub(crate) members: Members,
    pub(crate) output: Output<MinSig, Key>,
}

impl Committee {
    /// The first committee of a network.
    pub(crate) fn genesis(validators: Set<Key>, sharing: &Sharing<MinSig>) -> Result<Self, Error> {
        // Written as the library writes it: how the key came to be is not part of our genesis.
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&Sha256::digest(domains::LEDGER_GENESIS));
        sharing.write(&mut bytes);
        validators.write(&mut bytes);
        validators.write(&mut bytes);
        Set::<Key>::default().write(&mut bytes);
        let output = read_output(&mut Copying(bytes.as_slice()))?;
        let addresses = vec![None; validators.len()];
        Ok(Self { since: 0, members: Members { version: 0, keys: validators, addresses }, output })
    }

    /// Whether `members` differ from those in office so that a new committee is due.
    pub(crate) fn differs(&self, members: &Members) -> bool {
        // The first record of the validators may be part of the genesis, and says what is the case.
        let known = self.members.version == 0 && members.version == 1 && self.members.keys == members.keys;
        members.version > self.members.version && !known
    }
}

fn read_output(buf: &mut impl Buf) -> Result<Output<MinSig, Key>, Error> {
    Output::read_cfg(buf, &(NZU32!(MAX_VALIDATORS), ModeVersion::v0()))
}

/// What one epoch does to hand the key on.
#[derive(Debug)]
pub(crate) struct Round {
    /// The epoch it happens in.
    pub(crate) epoch: u64,
    pub(crate) info: Info<MinSig, Key>,
    pub(crate) next: Members,
}

enum Record {
    Begin(Members),
    Log(Log),
    End(Committee),
}

impl Record {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![RECORD];
        match self {
            Self::Begin(members) => {
                0u8.write(&mut bytes);
                members.write(&mut bytes);
            }
            Self::Log(log) => {
                1u8.write(&mut bytes);
                log.write(&mut bytes);
            }
            Self::End(committee) => {
                2u8.write(&mut bytes);
                committee.since.write(&mut bytes);
                committee.members.write(&mut bytes);
                committee.output.write(&mut bytes);
            }
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = Copying(bytes);
        let record = Self::read_from(&mut rest).map_err(|error| error.to_string())?;
        if rest.0.is_empty() { Ok(record) } else { Err("an engine record is too long".into()) }
    }

    fn read_from(buf: &mut impl Buf) -> Result<Self, Error> {
        if u8::read(buf)? != RECORD {
            return Err(Error::Invalid("Record", "mark"));
        }
        match u8::read(buf)? {
            0 => Ok(Self::Begin(Members::read(buf)?)),
            1 => Ok(Self::Log(Log::read_cfg(buf, &NZU32!(MAX_VALIDATORS))?)),
            2 => {
                let (since, members) = (u64::read(buf)?, Members::read(buf)?);
                Ok(Self::End(Committee { since, members, output: read_output(buf)? }))
            }
            _ => Err(Error::Invalid("Record", "kind")),
        }
    }
}

/// The engine's records in front of a block's transactions, and the transactions.
pub(crate) fn split(transactions: &[Vec<u8>]) -> (&[Vec<u8>], &[Vec<u8>]) {
    let records = transactions.iter().take_while(|transaction| transaction.first() == Some(&RECORD)).count();
    transactions.split_at(records)
}

/// A dealer's log as a record.
pub(crate) fn log_record(log: Log) -> Vec<u8> {
    Record::Log(log).to_bytes()
}

/// What holds after a block.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) terms: Arc<Terms>,
    /// Who is in office in the block's epoch.
    pub(crate) committee: Arc<Committee>,
    /// Whether this epoch hands the key on.
    pub(crate) round: Option<Arc<Round>>,
    /// The logs on the chain, by dealer.
    pub(crate) logs: Arc<BTreeMap<Key, DealerLog<MinSig, Key>>>,
    /// After the last block of an epoch: who is in office in the next one, if somebody else.
    pub(crate) next: Option<Arc<Committee>>,
}

impl Office {
    pub(crate) fn new(terms: Arc<Terms>, committee: Committee) -> Self {
        Self { terms, committee: Arc::new(committee), round: None, logs: Arc::default(), next: None }
    }

    /// What holds at the start of an epoch under `committee`.
    pub(crate) fn resume(terms: Arc<Terms>, committee: Arc<Committee>) -> Self {
        Self { terms, committee, round: None, logs: Arc::default(), next: None }
    }

    /// Before the first block of an epoch.
    pub(crate) fn rolled(&self) -> Self {
        Self::resume(self.terms.clone(), self.next.clone().unwrap_or_else(|| self.committee.clone()))
    }

    fn round(&self, epoch: u64, next: Members) -> Option<Round> {
        let info = Info::new::<N3f1>(
            &self.terms.namespace,
            epoch,
            Some(self.committee.output.clone()),
            Mode::NonZeroCounter,
            Reveal::V1,
            self.committee.members.keys.clone(),
            next.keys.clone(),
        );
        Some(Round { epoch, info: info.ok()?, next })
    }

    /// The committee that the logs make, if they suffice.
    fn outcome(&self, rng: &mut impl CryptoRng) -> Option<Committee> {
        let round = self.round.as_ref()?;
        let output = observe::<_, _, N3f1>(rng, self.dealt(round), &Sequential).ok()?;
        Some(Committee { since: round.epoch + 1, members: round.next.clone(), output })
    }

    /// The logs of `round` for the library.
    pub(crate) fn dealt(&self, round: &Round) -> DealerLogs {
        let mut logs = Logs::new(round.info.clone());
        for (dealer, log) in self.logs.iter() {
            logs.record(dealer.clone(), log.clone());
        }
        logs
    }

    /// Whether empty blocks should come quickly, because a new committee waits for the epoch to end.
    pub(crate) fn hurries(&self, roster: Option<&Roster>) -> bool {
        let wanted = || roster.and_then(Members::new).is_some_and(|members| self.committee.differs(&members));
        self.round.is_some() || self.next.is_some() || wanted()
    }

    /// Who should be in office, if that is somebody else.
    pub(crate) fn wanted(&self, roster: Option<&Roster>) -> Option<Members> {
        roster.and_then(Members::new).filter(|members| self.committee.differs(members))
    }

    /// The records of the next block and what holds after it.
    pub(crate) fn propose(
        &self,
        height: u64,
        roster: Option<&Roster>,
        own_log: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> (Vec<Vec<u8>>, Self) {
        let mut records = self.due(height, roster, rng);
        if let Some(log) = own_log
            && records.is_empty()
            && self.apply(height, roster, &[log.to_vec()], rng).is_ok()
        {
            records.push(log.to_vec());
        }
        match self.apply(height, roster, &records, rng) {
            Ok(after) => (records, after),
            // Not reached: what is due applies.
            Err(_) => (Vec::new(), self.clone()),
        }
    }

    /// The records that the block at `height` must have.
    fn due(&self, height: u64, roster: Option<&Roster>, rng: &mut impl CryptoRng) -> Vec<Vec<u8>> {
        if self.terms.index(height) == 0 {
            let wanted = self.rolled().wanted(roster);
            return wanted.map(|members| Record::Begin(members).to_bytes()).into_iter().collect();
        }
        if self.terms.is_last(height) {
            return self.outcome(rng).map(|committee| Record::End(committee).to_bytes()).into_iter().collect();
        }
        Vec::new()
    }

    /// Checks the records of the next block; what holds after it.
    pub(crate) fn apply(
        &self,
        height: u64,
        roster: Option<&Roster>,
        records: &[Vec<u8>],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, String> {
        let edge = self.terms.index(height) == 0 || self.terms.is_last(height);
        if edge && self.due(height, roster, rng) != records {
            return Err("the engine's records at the edge of an epoch are not the ones that are due".into());
        }
        self.replay(height, records)
    }

    /// What holds after a block that is final.
    pub(crate) fn replay(&self, height: u64, records: &[Vec<u8>]) -> Result<Self, String> {
        let mut office = if self.terms.index(height) == 0 { self.rolled() } else { self.clone() };
        for record in records {
            match Record::read(record)? {
                Record::Begin(members) if self.terms.index(height) == 0 && office.round.is_none() => {
                    let round = office.round(self.terms.epoch(height), members);
                    office.round = Some(Arc::new(round.ok_or("nobody can hand the key on to these validators")?));
                }
                Record::Log(log) if self.terms.takes_logs(height) => {
                    let round = office.round.as_ref().ok_or("a log where no key is handed on")?;
                    let (dealer, log) = log.check(&round.info).ok_or("a log that its dealer did not sign")?;
                    if office.committee.members.keys.position(&dealer).is_none() {
                        return Err("a log of somebody who has no share".into());
                    }
                    if Arc::make_mut(&mut office.logs).insert(dealer, log).is_some() {
                        return Err("a second log of one dealer".into());
                    }
                }
                Record::End(committee) if self.terms.is_last(height) && office.next.is_none() => {
                    office.next = Some(Arc::new(committee));
                }
                _ => return Err("an engine record in the wrong place".into()),
            }
        }
        Ok(office)
    }
}

/// Where a node's own blocks begin, and what held there.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The block before the first that is read: the genesis, or the one the node was restored at.
    pub(crate) height: u64,
    /// What held after it.
    pub(crate) office: Office,
    /// The records that say so.
    pub(crate) records: EngineRecords,
}

impl Origin {
    /// Of blocks up to `height` under `first`, of which nothing but the engine's records is left.
    pub(crate) fn after(
        terms: Arc<Terms>,
        first: Committee,
        height: u64,
        records: &EngineRecords,
    ) -> Result<Self, String> {
        let begun = terms.first(terms.epoch(height));
        let ended = records.range(..begun).rev().find_map(|(_, records)| ended_with(records));
        let mut office = Office::new(terms, ended.unwrap_or(first));
        for (at, records) in records.range(begun..=height) {
            office = office.replay(*at, records)?;
        }
        let records = Self::needed(&office.terms, height, records);
        Ok(Self { height, office, records })
    }

    /// Who votes on the next block.
    pub(crate) fn committee(&self) -> Arc<Committee> {
        if self.office.terms.is_last(self.height) {
            self.office.rolled().committee
        } else {
            self.office.committee.clone()
        }
    }

    /// Those of `records` that [`Origin::after`] reads.
    pub(crate) fn needed(terms: &Terms, height: u64, records: &EngineRecords) -> EngineRecords {
        let begun = terms.first(terms.epoch(height));
        let ended = records.range(..begun).rev().find(|(_, records)| ended_with(records).is_some());
        let needed = ended.into_iter().chain(records.range(begun..=height));
        needed.map(|(at, records)| (*at, records.clone())).collect()
    }
}

/// The committee that a final block at the end of an epoch puts in office, if it does.
pub(crate) fn ended_with(transactions: &[Vec<u8>]) -> Option<Committee> {
    split(transactions).0.iter().find_map(|record| match Record::read(record) {
        Ok(Record::End(committee)) => Some(committee),
        _ => None,
    })
}

/// The signer of a node's network identity.
pub(crate) type Signer = ed25519::PrivateKey;

#[cfg(test)]
pub(crate) mod tests;

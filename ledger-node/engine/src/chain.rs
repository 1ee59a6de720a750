//! The chain rules and the states of blocks that are not final yet. No consensus in here.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::ledger::header::{Header, body_root};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::epoch::{self, Members, Office};
use crate::error::EngineError;
use crate::machine::{BlockTime, FinalizedBlock, StateMachine};
use crate::mempool::{MAX_BLOCK_BYTES, MAX_BLOCK_TRANSACTIONS, TransactionId, transaction_id};

/// A block this validator proposes.
pub(crate) struct Proposal {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<Vec<u8>>,
    /// Candidates to forget.
    pub(crate) refused: Vec<Vec<u8>>,
}

/// What is known about the block with some digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its state is at hand: it is the last committed block or an executed one above it.
    Executed,
    /// It lies above the last committed block and was not executed here.
    Unknown,
    /// It is not above the last committed block: nothing can be built on it any more.
    Past,
}

/// Why a block was not executed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExecuteError {
    /// The block is invalid for ever and everywhere.
    Invalid(String),
    /// The parent's state is not at hand: nothing is said about the block.
    NoParent,
}

/// A [`Chain`] whose state machine is erased, so that the consensus wiring is compiled once, in this crate.
pub(crate) trait Replica: Send + Sync + 'static {
    fn admit(&self, transaction: &[u8]) -> Result<(), String>;
    /// Whose transaction it is, if the state machine says so.
    fn sender(&self, transaction: &[u8]) -> Option<[u8; 32]>;
    /// Header of the last committed block.
    fn committed(&self) -> Header;
    fn standing(&self, header: &Header) -> Standing;
    /// Transactions in the executed blocks between the last committed one and `digest`, both ends included.
    fn taken(&self, digest: &[u8; 32]) -> HashSet<TransactionId>;
    /// A block on `parent`, executed; `None` if the parent's state is not at hand.
    fn build(&self, parent: &Header, time_ms: u64, candidates: Vec<Vec<u8>>) -> Option<Proposal>;
    fn execute(&self, header: &Header, transactions: &[Vec<u8>]) -> Result<(), ExecuteError>;
    /// Who is in office after the last committed block.
    fn office(&self) -> Office;
    /// Sets what the blocks up to the last committed one say of it, before any block is built or executed. `seed`
    /// is secret randomness.
    fn restore(&self, office: Office, seed: [u8; 32]);
    /// Who should be in office after the last committed block, if that is somebody else.
    fn wanted(&self) -> Option<Members>;
    /// Whether empty blocks should come quickly above this one.
    fn hurries(&self, digest: &[u8; 32]) -> bool;
    /// What this validator has to say in a handover: its own record, until it stands in a block.
    fn offer(&self, record: Option<Vec<u8>>);
    /// Has the state machine drop what is below `height`.
    fn prune(&self, height: u64) -> Result<(), String>;
    /// Commits the block above the last committed one.
    fn commit(&self, header: &Header, transactions: &[Vec<u8>], certificate: Option<Vec<u8>>) -> Result<(), String>;
}

/// A state machine, its last committed state, and one state per executed block above it.
pub(crate) struct Chain<M: StateMachine> {
    machine: M,
    states: Mutex<States<M::State>>,
    rng: Mutex<ChaCha20Rng>,
    offered: Mutex<Option<Vec<u8>>>,
}

struct States<S> {
    committed: (Header, S, Office),
    executed: HashMap<[u8; 32], Executed<S>>,
}

struct Executed<S> {
    header: Header,
    transactions: Vec<TransactionId>,
    state: S,
    office: Office,
}

impl<S: Clone> States<S> {
    fn get(&self, digest: &[u8; 32]) -> Option<(Header, S, Office)> {
        if self.committed.0.digest() == *digest {
            return Some(self.committed.clone());
        }
        self.executed.get(digest).map(|block| (block.header, block.state.clone(), block.office.clone()))
    }
}

impl<M: StateMachine> Chain<M> {
    /// Recovers the state machine and checks that its last block belongs to the chain of `genesis`.
    pub(crate) fn recover(machine: M, genesis: Header, office: Office) -> Result<Self, EngineError> {
        let recovered = machine.recover().map_err(EngineError::StateMismatch)?;
        let header = match recovered.header {
            None => genesis,
            Some(bytes) => {
                let header = Header::decode(&bytes).map_err(|error| EngineError::StateMismatch(error.to_string()))?;
                if header.network_id != genesis.network_id {
                    return Err(EngineError::StateMismatch("it belongs to another network".into()));
                }
                if header.state_root != machine.root(&recovered.state) {
                    return Err(EngineError::StateMismatch(format!(
                        "its root is not the one of block {}",
                        header.height
                    )));
                }
                header
            }
        };
        let states = States { committed: (header, recovered.state, office), executed: HashMap::new() };
        let rng = Mutex::new(ChaCha20Rng::from_seed([0; 32]));
        Ok(Self { machine, states: Mutex::new(states), rng, offered: Mutex::default() })
    }

    fn keep(&self, header: Header, transactions: &[Vec<u8>], state: M::State, office: Office) {
        let transactions = transactions.iter().map(|transaction| transaction_id(transaction)).collect();
        let mut states = self.lock();
        if header.height > states.committed.0.height {
            states.executed.insert(header.digest(), Executed { header, transactions, state, office });
        }
    }

    fn lock(&self) -> MutexGuard<'_, States<M::State>> {
        lock(&self.states)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of the candidates that fit into a block behind the engine's records.
fn fitting(mut candidates: Vec<Vec<u8>>, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let taken: usize = records.iter().map(Vec::len).sum();
    let mut bytes: usize = candidates.iter().map(Vec::len).sum();
    while let Some(last) = candidates.last()
        && (bytes + taken > MAX_BLOCK_BYTES || candidates.len() + records.len() > MAX_BLOCK_TRANSACTIONS)
    {
        bytes -= last.len();
        candidates.pop();
    }
    candidates
}

impl<M: StateMachine> Replica for Chain<M> {
    fn admit(&self, transaction: &[u8]) -> Result<(), String> {
        self.machine.admit(transaction)
    }

    fn sender(&self, transaction: &[u8]) -> Option<[u8; 32]> {
        self.machine.sender(transaction)
    }

    fn committed(&self) -> Header {
        self.lock().committed.0
    }

    fn standing(&self, header: &Header) -> Standing {
        let states = self.lock();
        let digest = header.digest();
        if states.executed.contains_key(&digest) || states.committed.0.digest() == digest {
            Standing::Executed
        } else if header.height > states.committed.0.height {
            Standing::Unknown
        } else {
            Standing::Past
        }
    }

    fn taken(&self, digest: &[u8; 32]) -> HashSet<TransactionId> {
        let states = self.lock();
        let mut taken = HashSet::new();
        let mut digest = *digest;
        while let Some(block) = states.executed.get(&digest) {
            taken.extend(&block.transactions);
            digest = block.header.parent;
        }
        taken
    }

    fn build(&self, parent: &Header, time_ms: u64, candidates: Vec<Vec<u8>>) -> Option<Proposal> {
        let (parent, state, office) = self.lock().get(&parent.digest())?;
        let at = BlockTime { height: parent.height.checked_add(1)?, time_ms };
        let own = lock(&self.offered).clone();
        let roster = self.machine.validators(&state);
        let (mut transactions, office) =
            office.propose(at.height, roster.as_ref(), own.as_deref(), &mut *lock(&self.rng));
        let built = self.machine.build(&state, at, fitting(candidates, &transactions));
        transactions.extend(built.transactions);
        let header = Header {
            network_id: parent.network_id,
            height: at.height,
            timestamp_ms: time_ms,
            parent: parent.digest(),
            body_root: body_root(&transactions),
            state_root: self.machine.root(&built.state),
        };
        self.keep(header, &transactions, built.state, office);
        Some(Proposal { header, transactions, refused: built.refused })
    }

    fn execute(&self, header: &Header, transactions: &[Vec<u8>]) -> Result<(), ExecuteError> {
        let invalid = |reason: String| ExecuteError::Invalid(reason);
        let (parent, state, office) = {
            let states = self.lock();
            if states.executed.contains_key(&header.digest()) {
                return Ok(());
            }
            states.get(&header.parent).ok_or(ExecuteError::NoParent)?
        };
        header.follows(&parent).map_err(|error| invalid(error.to_string()))?;
        if header.body_root != body_root(transactions) {
            return Err(invalid("the body is not the one the header names".into()));
        }
        let at = BlockTime { height: header.height, time_ms: header.timestamp_ms };
        let (records, own) = epoch::split(transactions);
        let roster = self.machine.validators(&state);
        let office = office.apply(at.height, roster.as_ref(), records, &mut *lock(&self.rng)).map_err(invalid)?;
        let state = self.machine.execute(&state, at, own).map_err(invalid)?;
        if header.state_root != self.machine.root(&state) {
            return Err(invalid("the state root is not the one the transactions lead to".into()));
        }
        self.keep(*header, transactions, state, office);
        Ok(())
    }

    fn office(&self) -> Office {
        self.lock().committed.2.clone()
    }

    fn restore(&self, office: Office, seed: [u8; 32]) {
        *lock(&self.rng) = ChaCha20Rng::from_seed(seed);
        self.lock().committed.2 = office;
    }

    fn wanted(&self) -> Option<Members> {
        let (_, state, office) = self.lock().committed.clone();
        office.wanted(self.machine.validators(&state).as_ref())
    }

    fn hurries(&self, digest: &[u8; 32]) -> bool {
        let block = self.lock().get(digest);
        block.is_some_and(|(_, state, office)| office.hurries(self.machine.validators(&state).as_ref()))
    }

    fn offer(&self, record: Option<Vec<u8>>) {
        *lock(&self.offered) = record;
    }

    fn prune(&self, height: u64) -> Result<(), String> {
        self.machine.prune(height)
    }

    fn commit(&self, header: &Header, transactions: &[Vec<u8>], certificate: Option<Vec<u8>>) -> Result<(), String> {
        let digest = header.digest();
        self.execute(header, transactions).map_err(|error| match error {
            ExecuteError::Invalid(reason) => format!("final block {} is invalid here: {reason}", header.height),
            ExecuteError::NoParent => format!("final block {} does not follow the committed one", header.height),
        })?;
        let (state, office) = {
            let states = self.lock();
            if header.parent != states.committed.0.digest() {
                return Err(format!("final block {} does not follow the committed one", header.height));
            }
            states.executed.get(&digest).map(|block| (block.state.clone(), block.office.clone()))
        }
        .ok_or_else(|| format!("the state of block {} is gone", header.height))?;
        let (records, own) = epoch::split(transactions);
        let block = FinalizedBlock {
            height: header.height,
            time_ms: header.timestamp_ms,
            header: header.encode().to_vec(),
            certificate,
            records: records.to_vec(),
            transactions: own.to_vec(),
        };
        self.machine.commit(block, &state)?;
        let mut states = self.lock();
        states.committed = (*header, state, office);
        states.executed.retain(|_, block| block.header.height > header.height);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::EPOCH_BLOCKS;
    use crate::machine::{Built, Recovered};

    /// Adds its transactions, single bytes above zero, up to a limit of 100.
    struct Sum {
        recovered: Recovered<u64>,
        committed: Mutex<Vec<u64>>,
    }

    impl Sum {
        fn at(header: Option<Vec<u8>>, state: u64) -> Self {
            Self { recovered: Recovered { state, header }, committed: Mutex::default() }
        }

        fn add(state: u64, transaction: &[u8]) -> Option<u64> {
            let [byte @ 1..=255] = transaction else { return None };
            Some(state + u64::from(*byte)).filter(|sum| *sum <= 100)
        }
    }

    impl StateMachine for Sum {
        type State = u64;

        fn recover(&self) -> Result<Recovered<u64>, String> {
            Ok(self.recovered.clone())
        }

        fn root(&self, state: &u64) -> [u8; 32] {
            let mut root = [7; 32];
            root[..8].copy_from_slice(&state.to_be_bytes());
            root
        }

        fn admit(&self, _: &[u8]) -> Result<(), String> {
            Ok(())
        }

        fn build(&self, parent: &u64, _: BlockTime, candidates: Vec<Vec<u8>>) -> Built<u64> {
            let mut built = Built { transactions: Vec::new(), refused: Vec::new(), state: *parent };
            for candidate in candidates {
                match Self::add(built.state, &candidate) {
                    Some(state) => {
                        built.state = state;
                        built.transactions.push(candidate);
                    }
                    None => built.refused.push(candidate),
                }
            }
            built
        }

        fn execute(&self, parent: &u64, _: BlockTime, transactions: &[Vec<u8>]) -> Result<u64, String> {
            let sum = transactions.iter().try_fold(*parent, |state, transaction| Self::add(state, transaction));
            sum.ok_or("not a number to add".into())
        }

        fn commit(&self, _: FinalizedBlock, state: &u64) -> Result<(), String> {
            self.committed.lock().unwrap().push(*state);
            Ok(())
        }
    }

    const GENESIS_TIME: u64 = 1_000;

    fn genesis() -> Header {
        Header::genesis([3; 32], GENESIS_TIME)
    }

    fn office() -> Office {
        crate::epoch::tests::office(1, EPOCH_BLOCKS).0
    }

    fn chain() -> Chain<Sum> {
        Chain::recover(Sum::at(None, 0), genesis(), office()).unwrap()
    }

    #[test]
    fn a_proposal_is_what_everyone_executes_and_commits() {
        let (proposer, other) = (chain(), chain());
        let first = proposer.build(&genesis(), 1_001, vec![vec![5], vec![0], vec![6]]).unwrap();
        assert_eq!((first.transactions.clone(), first.refused.clone()), (vec![vec![5], vec![6]], vec![vec![0]]));
        let second = proposer.build(&first.header, 1_002, vec![vec![7]]).unwrap();
        let taken = HashSet::from([[5], [6], [7]].map(|transaction| transaction_id(&transaction)));
        assert_eq!(proposer.taken(&second.header.digest()), taken);

        assert_eq!(other.execute(&second.header, &second.transactions), Err(ExecuteError::NoParent));
        for block in [&first, &second] {
            assert_eq!(other.standing(&block.header), Standing::Unknown);
            assert_eq!(other.execute(&block.header, &block.transactions), Ok(()));
            assert_eq!(other.standing(&block.header), Standing::Executed);
        }
        for chain in [&proposer, &other] {
            assert!(chain.commit(&second.header, &second.transactions, None).is_err(), "out of order");
            chain.commit(&first.header, &first.transactions, None).unwrap();
            chain.commit(&second.header, &second.transactions, None).unwrap();
            assert_eq!(*chain.machine.committed.lock().unwrap(), [11, 18]);
            assert_eq!(chain.committed(), second.header);
            assert_eq!(chain.standing(&first.header), Standing::Past);
            assert!(chain.build(&first.header, 1_003, Vec::new()).is_none(), "nothing is built on the past");
            assert!(chain.lock().executed.is_empty());
        }
        // A final block that was never proposed here is executed by its commit.
        let third = proposer.build(&second.header, 1_003, vec![vec![8]]).unwrap();
        other.commit(&third.header, &third.transactions, None).unwrap();
        assert_eq!(other.machine.committed.lock().unwrap().last(), Some(&26));
    }

    #[test]
    fn a_block_that_breaks_a_rule_is_invalid() {
        let good = chain().build(&genesis(), 1_001, vec![vec![5]]).unwrap().header;
        let refuse = |header: Header, transactions: &[Vec<u8>]| match chain().execute(&header, transactions) {
            Err(ExecuteError::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        };
        let body = [vec![5]];
        assert_eq!(chain().execute(&good, &body), Ok(()));
        assert!(refuse(Header { height: 2, ..good }, &body).contains("height"));
        assert!(refuse(Header { timestamp_ms: GENESIS_TIME, ..good }, &body).contains("timestamp"));
        assert!(refuse(Header { network_id: [4; 32], ..good }, &body).contains("network"));
        assert!(refuse(Header { state_root: [0; 32], ..good }, &body).contains("state root"));
        assert!(refuse(good, &[vec![6]]).contains("body"));
        let zero = [vec![0]];
        assert!(refuse(Header { body_root: body_root(&zero), ..good }, &zero).contains("not a number"));
        let orphan = Header { parent: [9; 32], ..good };
        assert_eq!(chain().execute(&orphan, &body), Err(ExecuteError::NoParent));
    }

    #[test]
    fn a_state_is_recovered_only_with_its_own_header() {
        let header = Header { state_root: Sum::at(None, 0).root(&5), height: 9, ..genesis() };
        let recover = |header: Option<Vec<u8>>, state| Chain::recover(Sum::at(header, state), genesis(), office());
        assert_eq!(recover(Some(header.encode().to_vec()), 5).unwrap().committed(), header);
        let mismatch = |result: Result<Chain<Sum>, EngineError>| matches!(result, Err(EngineError::StateMismatch(_)));
        assert!(mismatch(recover(Some(header.encode().to_vec()), 6)));
        assert!(mismatch(recover(Some(vec![1; 7]), 5)));
        let other = Header { network_id: [4; 32], ..header };
        assert!(mismatch(recover(Some(other.encode().to_vec()), 5)));
    }
}

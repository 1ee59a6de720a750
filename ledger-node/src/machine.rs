//! The rules and the store behind the consensus engine.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ledger_engine::{BlockTime, Built, FinalizedBlock, Recovered, Roster, StateMachine};
use protocol::ledger::{Account, Header, Sender, StateKey, Transaction, TransactionId, Validator};
use zeroize::Zeroizing;

use crate::cosigner::Cosigner;
use crate::rules::{self, Admitted, TxError};
use crate::state::State;
use crate::store::{Store, StoreError, StoredList};

/// How many transactions are remembered as checked, and how many refusals with their reason.
const REMEMBERED: usize = 8_192;

/// A state with the header and certificate that prove it.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) state: State,
    pub(crate) header: Header,
    pub(crate) certificate: Vec<u8>,
}

/// What the engine's threads and the HTTP handlers both see.
pub(crate) struct Shared {
    pub(crate) network_id: [u8; 32],
    pub(crate) store: Store,
    base: AtomicU64,
    cosigner: Cosigner,
    genesis: State,
    /// The last committed state, and its block's place.
    tip: RwLock<(State, BlockTime)>,
    /// The last committed state that has its own certificate.
    certified: RwLock<Option<Arc<Certified>>>,
    /// Transactions whose signatures were found good: by name, so that this stays small.
    admitted: Mutex<Remembered<()>>,
    refused: Mutex<Remembered<TxError>>,
    /// By sender: the nonce after the last transaction that this node handed to the engine.
    handed_over: Mutex<BTreeMap<Account, u64>>,
    pub(crate) lists: RwLock<BTreeMap<StateKey, StoredList>>,
    /// The whole trust bundle, encoded, and the certified height it was made of.
    snapshot: Mutex<Option<(u64, Arc<[u8]>)>>,
}

/// A bounded map that forgets the oldest.
struct Remembered<V> {
    order: VecDeque<TransactionId>,
    values: HashMap<TransactionId, V>,
}

impl<V> Remembered<V> {
    fn new() -> Self {
        Self { order: VecDeque::new(), values: HashMap::new() }
    }

    fn insert(&mut self, id: TransactionId, value: V) {
        if self.values.insert(id, value).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// As [`Shared::new`], of someone who is no validator and cosigns nothing.
    pub(crate) fn watching(
        network_id: [u8; 32],
        genesis: State,
        genesis_time_ms: u64,
        store: Store,
    ) -> Result<Self, StoreError> {
        Self::new(network_id, genesis, genesis_time_ms, store, Zeroizing::new([0; 32]))
    }

    pub(crate) fn new(
        network_id: [u8; 32],
        genesis: State,
        genesis_time_ms: u64,
        store: Store,
        node_key: Zeroizing<[u8; 32]>,
    ) -> Result<Self, StoreError> {
        store.begin(&genesis)?;
        let (lists, base) = (store.status_lists()?, store.first()?);
        let cosigner = Cosigner::new(node_key, &store)?;
        let tip = (genesis.clone(), BlockTime { height: 0, time_ms: genesis_time_ms });
        Ok(Self {
            network_id,
            store,
            base: AtomicU64::new(base),
            cosigner,
            genesis,
            tip: RwLock::new(tip),
            certified: RwLock::new(None),
            admitted: Mutex::new(Remembered::new()),
            refused: Mutex::new(Remembered::new()),
            handed_over: Mutex::default(),
            lists: RwLock::new(lists),
            snapshot: Mutex::default(),
        })
    }

    /// Height of the first block that is stored here.
    pub(crate) fn base(&self) -> u64 {
        self.base.load(Ordering::Relaxed)
    }

    /// The last committed state and where its block stands.
    pub(crate) fn tip(&self) -> (State, BlockTime) {
        self.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last committed state that can be proven; `None` before the first certificate.
    pub(crate) fn certified(&self) -> Option<Arc<Certified>> {
        self.certified.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why a transaction was left out of a block built here.
    pub(crate) fn refusal(&self, id: &TransactionId) -> Option<TxError> {
        lock(&self.refused).values.get(id).copied()
    }

    /// Checks what needs no state; remembers success, so that signatures are checked once.
    pub(crate) fn admit(&self, bytes: &[u8]) -> Result<Admitted, TxError> {
        let id = Transaction::id(bytes);
        if lock(&self.admitted).values.contains_key(&id) {
            return rules::admit_again(bytes, &self.network_id);
        }
        let admitted = rules::admit(bytes, &self.network_id)?;
        lock(&self.admitted).insert(id, ());
        Ok(admitted)
    }

    /// Notes that the engine has the transaction of `sender` with this nonce.
    pub(crate) fn handed_over(&self, sender: &Sender, nonce: u64) {
        let mut handed_over = lock(&self.handed_over);
        let next = handed_over.entry(sender.account()).or_default();
        *next = (*next).max(nonce.saturating_add(1));
    }

    /// The nonce after the last transaction of `sender` that the engine was given here.
    pub(crate) fn next_after_handed_over(&self, sender: &Sender) -> u64 {
        lock(&self.handed_over).get(&sender.account()).copied().unwrap_or(0)
    }

    /// The encoded bundle of this certified height or a later one, made once however many ask for it.
    pub(crate) fn snapshot<E>(&self, height: u64, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Arc<[u8]>, E> {
        let mut kept = lock(&self.snapshot);
        match kept.as_ref() {
            Some((of, bytes)) if *of >= height => Ok(bytes.clone()),
            _ => {
                let bytes = Arc::<[u8]>::from(make()?);
                *kept = Some((height, bytes.clone()));
                Ok(bytes)
            }
        }
    }

    /// Has the bundle made anew. Not with `lists` locked: whoever makes a bundle waits for them.
    pub(crate) fn forget_snapshot(&self) {
        *lock(&self.snapshot) = None;
    }

    fn advance(&self, header: Header, certificate: Option<Vec<u8>>, state: State) {
        let at = BlockTime { height: header.height, time_ms: header.timestamp_ms };
        if let Some(certificate) = certificate {
            let certified = Certified { state: state.clone(), header, certificate };
            *self.certified.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certified));
        }
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = (state, at);
    }
}

/// The ledger as the engine drives it.
pub(crate) struct Machine(pub(crate) Arc<Shared>);

impl StateMachine for Machine {
    type State = State;

    fn recover(&self) -> Result<Recovered<State>, String> {
        let Some((block, state)) = self.0.store.last().map_err(|error| error.to_string())? else {
            return Ok(Recovered { state: self.0.genesis.clone(), header: None });
        };
        let header = Header::decode(&block.header).map_err(|error| error.to_string())?;
        if header.state_root != state.root() {
            return Err("the stored records are not those of the last block".into());
        }
        self.0.advance(header, block.certificate, state.clone());
        Ok(Recovered { state, header: Some(block.header) })
    }

    fn root(&self, state: &State) -> [u8; 32] {
        state.root()
    }

    fn admit(&self, transaction: &[u8]) -> Result<(), String> {
        self.0.admit(transaction).map(|_| ()).map_err(|error| error.name())
    }

    fn sender(&self, transaction: &[u8]) -> Option<[u8; 32]> {
        Some(match Transaction::decode(transaction).ok()?.body.sender {
            Sender::Governance => StateKey::governance().0,
            Sender::Did { did, .. } => StateKey::did(&did).0,
        })
    }

    fn build(&self, parent: &State, at: BlockTime, candidates: Vec<Vec<u8>>) -> Built<State> {
        let mut built = Built { transactions: Vec::new(), refused: Vec::new(), state: parent.clone() };
        rules::begin_block(&mut built.state, at);
        let mut waiting = candidates;
        // One sender's transactions may arrive out of order: whatever only came too early is tried again.
        while !waiting.is_empty() {
            let mut early = Vec::new();
            let progress = built.transactions.len();
            for bytes in waiting {
                match self.0.admit(&bytes).and_then(|t| rules::apply(&mut built.state, at, &t)) {
                    Ok(()) => built.transactions.push(bytes),
                    Err(TxError::NonceGap) => early.push(bytes),
                    Err(error) => self.refuse(&mut built, bytes, error),
                }
            }
            if built.transactions.len() == progress {
                early.into_iter().for_each(|bytes| self.refuse(&mut built, bytes, TxError::NonceGap));
                break;
            }
            waiting = early;
        }
        built
    }

    fn execute(&self, parent: &State, at: BlockTime, transactions: &[Vec<u8>]) -> Result<State, String> {
        let mut state = parent.clone();
        rules::begin_block(&mut state, at);
        for bytes in transactions {
            let admitted = self.0.admit(bytes).map_err(|error| error.name())?;
            rules::apply(&mut state, at, &admitted).map_err(|error| error.name())?;
        }
        Ok(state)
    }

    /// The set in force, not one that is only scheduled. Its address is left out where operators tell their peers.
    fn validators(&self, state: &State) -> Option<Roster> {
        roster(state)
    }

    fn commit(&self, block: FinalizedBlock, state: &State) -> Result<(), String> {
        let header = Header::decode(&block.header).map_err(|error| error.to_string())?;
        let cosignature = self.0.cosigner.cosign(&header, state).map_err(|error| error.to_string())?;
        self.0.store.commit(&block, state, cosignature.as_ref()).map_err(|error| error.to_string())?;
        self.0.advance(header, block.certificate, state.clone());
        Ok(())
    }

    fn prune(&self, height: u64) -> Result<(), String> {
        self.0.store.prune(height).map_err(|error| error.to_string())?;
        self.0.base.store(height, Ordering::Relaxed);
        Ok(())
    }
}

/// The validators whom a state names.
pub(crate) fn roster(state: &State) -> Option<Roster> {
    let (set, envelope) = state.validators()?;
    let validator = |validator: &Validator| (validator.key, validator.address.parse().ok());
    Some(Roster { version: envelope.version, validators: set.validators.iter().map(validator).collect() })
}

impl Machine {
    fn refuse(&self, built: &mut Built<State>, bytes: Vec<u8>, error: TxError) {
        lock(&self.0.refused).insert(Transaction::id(&bytes), error);
        built.refused.push(bytes);
    }
}

#[cfg(test)]
mod tests;

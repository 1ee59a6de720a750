//! Runs consensus epoch after epoch, and hands the group key on between committees.
//!
//! One simplex engine runs at a time. When the last block of an epoch is committed, the engine stops, the new share is
//! kept if there is one, the next epoch's engine starts, and the old share and the old engine's journal are erased.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::Epochable as _;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::simplex::config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::simplex::types::{Context, Finalization};
use commonware_consensus::simplex::{self, Plan};
use commonware_consensus::types::{Epoch, Height, ViewDelta};
use commonware_consensus::{CertifiableAutomaton, Relay, Reporter};
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::bls12381::primitives::variant::MinSig;
use commonware_cryptography::{Digestible as _, Sha256, Signer as _, sha256};
use commonware_p2p::utils::mux::{Builder as _, MuxHandle, Muxer};
use commonware_p2p::{Blocker, Message as Received, Receiver, Recipients, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_utils::NZDuration;
use commonware_utils::channel::mpsc as channels;
use tokio::sync::mpsc;

use crate::block::Block;
use crate::ceremony::Key;
use crate::chain::Replica;
use crate::consensus::{BUFFER_BYTES, MAILBOX, REPLAY_BYTES, Runtime, Timeouts};
use crate::epoch::{self, Committee, Members, Office, Origin, Signer};
use crate::handover::{Handover, Message};
use crate::secrets::{Secrets, epoch_of, handover_name, share_name};
use crate::setup::Scheme;

pub(crate) type Marshal = Mailbox<Scheme, Standard<Block>>;

const TICK: Duration = Duration::from_millis(500);

/// A block was committed; the first of these says where the chain stands at the start.
pub(crate) struct Committed {
    pub(crate) height: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) office: Office,
}

/// Who is spoken with: those in office, those who should be, and those on the way.
pub(crate) type Track = Box<dyn FnMut(&[Members]) + Send>;

/// The channels of consensus, for all epochs.
pub(crate) struct Channels<S, R> {
    pub(crate) votes: (S, R),
    pub(crate) certificates: (S, R),
    pub(crate) resolver: (S, R),
    /// Without it there is one epoch, and its channels are not shared.
    pub(crate) handover: Option<(S, R)>,
}

pub(crate) struct Keeper<E, A, B> {
    pub(crate) context: E,
    pub(crate) prefix: String,
    pub(crate) signer: Signer,
    /// What certificates are signed under.
    pub(crate) namespace: Vec<u8>,
    pub(crate) genesis: sha256::Digest,
    pub(crate) origin: Arc<Mutex<Origin>>,
    /// The certificate of the block where this node's blocks begin, if not with the genesis.
    pub(crate) begun: Option<(u64, Finalization<Scheme, sha256::Digest>)>,
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) secrets: Box<dyn Secrets>,
    pub(crate) track: Track,
    pub(crate) events: mpsc::UnboundedReceiver<Committed>,
    pub(crate) automaton: A,
    pub(crate) blocker: B,
    pub(crate) marshal: Marshal,
    pub(crate) timeouts: Timeouts,
    pub(crate) page_cache: CacheRef,
}

struct Muxes<S: Sender> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    resolver: MuxHandle<S>,
}

struct Running {
    epoch: u64,
    engine: Handle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.engine.abort();
    }
}

type Backup = channels::Receiver<(u64, Received<Key>)>;

impl<E, A, B> Keeper<E, A, B>
where
    E: Runtime,
    A: CertifiableAutomaton<Context = Context<sha256::Digest, Key>, Digest = sha256::Digest>
        + Relay<Digest = sha256::Digest, PublicKey = Key, Plan = Plan<Key>>
        + Reporter<Activity = simplex::types::Activity<Scheme, sha256::Digest>>
        + Sync,
    B: Blocker<PublicKey = Key> + Sync,
{
    /// Runs until something ends that must not; returns what.
    pub(crate) async fn run<S, R>(mut self, channels: Channels<S, R>) -> String
    where
        S: Sender<PublicKey = Key>,
        R: Receiver<PublicKey = Key>,
    {
        match self.keep(channels).await {
            // The committer ended, and says why itself.
            Ok(()) => std::future::pending().await,
            Err(reason) => reason,
        }
    }

    async fn keep<S, R>(&mut self, channels: Channels<S, R>) -> Result<(), String>
    where
        S: Sender<PublicKey = Key>,
        R: Receiver<PublicKey = Key>,
    {
        let Some((mut speaker, mut listener)) = channels.handover else {
            let Some(start) = self.events.recv().await else { return Ok(()) };
            let mut running = self.launch(&start, channels.votes, channels.certificates, channels.resolver).await?;
            loop {
                tokio::select! {
                    biased;
                    event = self.events.recv() => if event.is_none() { return Ok(()) },
                    ended = &mut running.engine => return Err(why(ended)),
                }
            }
        };
        let (sender, receiver) = channels.votes;
        let builder = Muxer::builder(self.context.child("votes"), sender, receiver);
        let (mux, votes, mut late_votes): (_, _, Backup) = builder.with_backup().build();
        mux.start();
        let (sender, receiver) = channels.certificates;
        let builder = Muxer::builder(self.context.child("certificates"), sender, receiver);
        let (mux, certificates, mut late_certificates): (_, _, Backup) = builder.with_backup().build();
        mux.start();
        let (sender, receiver) = channels.resolver;
        let (mux, resolver) = Muxer::new(self.context.child("resolver"), sender, receiver);
        mux.start();
        let mut muxes = Muxes { votes, certificates, resolver };

        let Some(start) = self.events.recv().await else { return Ok(()) };
        let mut running = self.enter(&start, &mut muxes).await?;
        let mut handover: Option<Handover> = None;
        let mut known = Vec::new();
        self.consider(&start, &mut handover, &mut known)?;
        let mut next_tick = self.context.current() + TICK;
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => {
                    let Some(event) = event else { return Ok(()) };
                    // After a crash the last committed block may come once more, when its epoch is over already.
                    let ends = event.office.terms.epoch(event.height + 1) > running.epoch;
                    if ends {
                        if let Some(handover) = handover.take()
                            && event.office.next.is_some()
                        {
                            handover.finish(&event.office, &mut *self.secrets, &mut self.context)?;
                        }
                        drop(running);
                        running = self.enter(&event, &mut muxes).await?;
                    }
                    self.consider(&event, &mut handover, &mut known)?;
                }
                Some((their, (from, _))) = late_votes.recv() => self.hint(running.epoch, their, from),
                Some((their, (from, _))) = late_certificates.recv() => self.hint(running.epoch, their, from),
                message = listener.recv() => {
                    let (from, bytes) = message.map_err(|error| error.to_string())?;
                    if let (Ok(message), Some(handover)) = (Message::decode(bytes), handover.as_mut())
                        && message.epoch == handover.epoch()
                        && let Some(said) = handover.receive(&from, message.said, &mut *self.secrets)?
                    {
                        let answer = Message { epoch: message.epoch, said };
                        speaker.send(Recipients::One(from), answer.encode(), true);
                    }
                }
                () = self.context.sleep_until(next_tick) => {
                    next_tick = self.context.current() + TICK;
                    for (to, message) in handover.as_ref().map(Handover::tick).unwrap_or_default() {
                        speaker.send(Recipients::One(to), message.encode(), true);
                    }
                }
                ended = &mut running.engine => {
                    return Err(why(ended));
                }
            }
        }
    }

    /// A node that speaks of a later epoch can tell how this one ended.
    fn hint(&self, ours: u64, theirs: u64, from: Key) {
        if theirs > ours {
            let terms = self.replica.office().terms;
            let last = Height::new(terms.first(ours + 1) - 1);
            self.marshal.hint_finalized(last, commonware_utils::non_empty_vec![from]);
        }
    }

    /// Takes part in what a committed block began, and lets in whom it names.
    fn consider(
        &mut self,
        event: &Committed,
        handover: &mut Option<Handover>,
        known: &mut Vec<Members>,
    ) -> Result<(), String> {
        let last = event.office.terms.is_last(event.height);
        let office = if last { event.office.rolled() } else { event.office.clone() };
        let mut members = vec![office.committee.members.clone()];
        members.extend(office.round.as_ref().map(|round| round.next.clone()));
        members.extend(self.replica.wanted());
        if *known != members {
            (self.track)(&members);
            *known = members;
        }

        let me = self.signer.public_key();
        match &office.round {
            None => *handover = None,
            Some(round) if handover.as_ref().is_none_or(|handover| handover.epoch() != round.epoch) => {
                let share = self.share(&office.committee)?;
                let begun =
                    Handover::new(&office, round.clone(), &self.signer, share, &mut *self.secrets, &mut self.context)?;
                *handover = Some(begun);
                tracing::info!(epoch = round.epoch, "the group key is handed on to the next validators");
            }
            Some(_) => {}
        }
        if handover.is_none() || office.logs.contains_key(&me) {
            self.replica.offer(None);
        } else if let Some(record) = handover.as_mut().and_then(|it| it.record(office.terms.is_late(event.height))) {
            self.replica.offer(Some(record));
        }
        Ok(())
    }

    fn share(&self, committee: &Committee) -> Result<Option<Share>, String> {
        let name = share_name(committee.since);
        let secret = self.secrets.get(&name).map_err(|error| error.to_string())?;
        secret.map(|bytes| Share::decode(Copying(&bytes)).map_err(|error| format!("{name}: {error}"))).transpose()
    }

    /// Starts the engine of the epoch after `event` on channels of its own.
    async fn enter<S: Sender<PublicKey = Key>>(
        &mut self,
        event: &Committed,
        muxes: &mut Muxes<S>,
    ) -> Result<Running, String> {
        let epoch = event.office.terms.epoch(event.height + 1);
        let votes = muxes.votes.register(epoch).await.map_err(|error| error.to_string())?;
        let certificates = muxes.certificates.register(epoch).await.map_err(|error| error.to_string())?;
        let resolver = muxes.resolver.register(epoch).await.map_err(|error| error.to_string())?;
        self.launch(event, votes, certificates, resolver).await
    }

    /// Starts the engine of the epoch after `event`.
    async fn launch<S, R>(
        &mut self,
        event: &Committed,
        votes: (S, R),
        certificates: (S, R),
        resolver: (S, R),
    ) -> Result<Running, String>
    where
        S: Sender<PublicKey = Key>,
        R: Receiver<PublicKey = Key>,
    {
        let last = event.office.terms.is_last(event.height);
        let office = if last { event.office.rolled() } else { event.office.clone() };
        let terms = office.terms.clone();
        let epoch = terms.epoch(event.height + 1);
        let floor = match (terms.first(epoch), &self.begun) {
            (_, Some((_, begun))) if begun.epoch().get() == epoch => Floor::Finalized(begun.clone()),
            (0, _) => Floor::Genesis(self.genesis),
            (first, _) if first - 1 == event.height => Floor::Genesis(event.digest.into()),
            (first, _) => {
                let block = self.marshal.get_block(Height::new(first - 1)).await;
                Floor::Genesis(block.ok_or("the last block of the epoch before is missing")?.digest())
            }
        };
        let scheme = self.scheme(&office.committee).await?;
        let engine = simplex::Engine::new(
            self.context.child("simplex").with_attribute("epoch", epoch),
            simplex::Config {
                scheme,
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.automaton.clone(),
                relay: self.automaton.clone(),
                reporter: self.automaton.clone(),
                strategy: Sequential,
                partition: self.partition(epoch),
                mailbox_size: MAILBOX,
                epoch: Epoch::new(epoch),
                floor,
                replay_buffer: REPLAY_BYTES,
                write_buffer: BUFFER_BYTES,
                page_cache: self.page_cache.clone(),
                leader_timeout: self.timeouts.leader,
                certification_timeout: self.timeouts.certification,
                timeout_retry: self.timeouts.retry,
                view_retention: ViewDelta::new(64),
                skip: SkipPolicy::Enabled { timeout: self.timeouts.skip, budget: SkipBudget::Participants },
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                forward: ForwardPolicy::SilentVoters,
                track_historical_votes: false,
            },
        );
        let engine = engine.start(votes, certificates, resolver);
        self.forget(epoch, &office.committee).await?;
        Ok(Running { epoch, engine })
    }

    fn partition(&self, epoch: u64) -> String {
        let prefix = &self.prefix;
        if epoch == 0 { format!("{prefix}simplex") } else { format!("{prefix}simplex-{epoch}") }
    }

    /// With this validator's share if it has one for this committee; otherwise the node follows without a vote.
    async fn scheme(&mut self, committee: &Committee) -> Result<Scheme, String> {
        let keys = committee.members.keys.clone();
        let polynomial = committee.output.public().clone();
        if keys.position(&self.signer.public_key()).is_some() {
            if self.share(committee)?.is_none() {
                self.recover_share(committee).await?;
            }
            if let Some(share) = self.share(committee)? {
                let mismatch = || String::from("the share is not one of the committee in office: restore the folder");
                let expected = polynomial.partial_public(share.index).map_err(|_| mismatch())?;
                if share.public::<MinSig>() != expected {
                    return Err(mismatch());
                }
                return Scheme::signer(&self.namespace, keys, polynomial, share).ok_or_else(mismatch);
            }
            tracing::warn!("this validator has no share of the group key: it follows until the next handover");
        }
        Ok(Scheme::verifier(&self.namespace, keys, polynomial))
    }

    /// Computes the share of a committee whose handover was over when this node was not running.
    async fn recover_share(&mut self, committee: &Committee) -> Result<(), String> {
        let Some(epoch) = committee.since.checked_sub(1) else { return Ok(()) };
        if self.secrets.get(&handover_name(epoch)).map_err(|error| error.to_string())?.is_none() {
            return Ok(());
        }
        let terms = self.replica.office().terms;
        let last = terms.first(committee.since) - 1;
        let origin = present(&self.origin);
        let ended = office_at(&self.marshal, &origin, last).await?;
        if let Some(round) = ended.round.clone() {
            let mut handover = Handover::new(&ended, round, &self.signer, None, &mut *self.secrets, &mut self.context)?;
            // What it dealt is not needed any more.
            let _ = handover.record(true);
            handover.finish(&ended, &mut *self.secrets, &mut self.context)?;
        }
        Ok(())
    }

    /// Erases what only an earlier committee or epoch needed.
    async fn forget(&mut self, epoch: u64, committee: &Committee) -> Result<(), String> {
        let kept = share_name(committee.since);
        for name in self.secrets.names().map_err(|error| error.to_string())? {
            let of = epoch_of(&name).unwrap_or(u64::MAX);
            let share = name.starts_with("share");
            if name != kept && ((share && of < committee.since) || (!share && of <= epoch)) {
                self.secrets.erase(&name).map_err(|error| error.to_string())?;
            }
        }
        if let Some(before) = epoch.checked_sub(1) {
            // Not there any more after the second start in one epoch.
            let _ = self.context.remove(&self.partition(before), None).await;
        }
        Ok(())
    }
}

fn why(ended: Result<(), commonware_runtime::Error>) -> String {
    ended.err().map_or("consensus ended".into(), |error| error.to_string())
}

/// Where this node's blocks begin now.
pub(crate) fn present(origin: &Mutex<Origin>) -> Origin {
    origin.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What holds after the final block at `height`, read from the blocks above `origin`.
pub(crate) async fn office_at(marshal: &Marshal, origin: &Origin, height: u64) -> Result<Office, String> {
    let block = async |height: u64| {
        let block = marshal.get_block(Height::new(height)).await;
        block.ok_or_else(|| format!("block {height} is missing in the consensus storage"))
    };
    if height < origin.height {
        return Err(format!("the blocks of this node begin above {height}"));
    }
    let terms = origin.office.terms.clone();
    let current = terms.epoch(height);
    let mut office = origin.office.clone();
    let mut next = origin.height + 1;
    if current > terms.epoch(origin.height) {
        let mut committee = office.rolled().committee;
        for ended in (terms.epoch(origin.height)..current).rev() {
            let last = block(terms.first(ended + 1) - 1).await?;
            if let Some(ended) = epoch::ended_with(&last.inner().transactions) {
                committee = Arc::new(ended);
                break;
            }
        }
        office = Office::resume(terms.clone(), committee);
        next = terms.first(current);
    }
    for height in next..=height {
        let block = block(height).await?;
        office = office.replay(height, epoch::split(&block.inner().transactions).0)?;
    }
    Ok(office)
}

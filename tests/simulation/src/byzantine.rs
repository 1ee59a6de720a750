//! Validators that break the protocol with votes of their own. Those that are whole validators with a flaw are set up
//! in [`crate::world`].
//!
//! The engine's own mocks behave alike. They come with a feature that has all of the engine compiled a second time,
//! and know nothing of our blocks and transactions.

use std::collections::BTreeMap;

use commonware_codec::{DecodeExt as _, Encode};
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal, Vote};
use commonware_consensus::types::Participant;
use commonware_cryptography::{ed25519::PublicKey, sha256};
use commonware_p2p::{Receiver as _, Recipients, Sender as _, simulated};
use commonware_runtime::{Clock as _, IoBuf, deterministic::Context};
use ledger_engine::testkit::{Links, Scheme, Seat, block_message, gossip_message};
use protocol::ledger::header::{Header, body_root};

use crate::client::Book;
use crate::links::{Reach, Rough};
use crate::plan::{Behaviour, Dice};

type Ballot = Vote<Scheme, sha256::Digest>;
pub(crate) type Channels<B> = Links<Reach, Rough, simulated::Manager<PublicKey, Context>, B>;

/// Votes as `behaviour` says, for ever.
pub(crate) async fn misbehave<B>(
    context: Context,
    behaviour: Behaviour,
    seat: Seat,
    links: Channels<B>,
    book: &Book,
    mut dice: Dice,
) {
    if behaviour == Behaviour::Garbage {
        return make_noise(context, &seat, links, book, dice).await;
    }
    let (mut sender, mut receiver) = links.votes;
    let scheme = seat.scheme();
    let mut past = BTreeMap::new();
    while let Ok((_, bytes)) = receiver.recv().await {
        let Ok(vote) = Ballot::decode(bytes) else { continue };
        let answers = match behaviour {
            Behaviour::Conflicter => conflicting(scheme, vote, &mut dice),
            Behaviour::Nuller => nulling(scheme, vote),
            Behaviour::Impersonator => impersonating(scheme, vote),
            Behaviour::Outdated => outdated(scheme, vote, &mut past),
            _ => None,
        };
        for answer in answers.unwrap_or_default() {
            sender.send(Recipients::All, answer.encode(), true);
        }
    }
}

fn random_digest(dice: &mut Dice) -> sha256::Digest {
    let mut bytes = [0; 32];
    dice.fill(&mut bytes);
    sha256::Digest::from(bytes)
}

fn conflicting(scheme: &Scheme, vote: Ballot, dice: &mut Dice) -> Option<Vec<Ballot>> {
    let other =
        |proposal: &Proposal<_>, dice: &mut Dice| Proposal::new(proposal.round, proposal.parent, random_digest(dice));
    Some(match vote {
        Vote::Notarize(vote) => vec![
            Vote::Notarize(Notarize::sign(scheme, other(&vote.proposal, dice))?),
            Vote::Notarize(Notarize::sign(scheme, vote.proposal)?),
        ],
        Vote::Finalize(vote) => vec![
            Vote::Finalize(Finalize::sign(scheme, other(&vote.proposal, dice))?),
            Vote::Finalize(Finalize::sign(scheme, vote.proposal)?),
        ],
        Vote::Nullify(_) => vec![],
    })
}

fn nulling(scheme: &Scheme, vote: Ballot) -> Option<Vec<Ballot>> {
    let Vote::Notarize(vote) = vote else { return None };
    Some(vec![
        Vote::Nullify(Nullify::sign::<sha256::Digest>(scheme, vote.proposal.round)?),
        Vote::Finalize(Finalize::sign(scheme, vote.proposal)?),
    ])
}

fn impersonating(scheme: &Scheme, vote: Ballot) -> Option<Vec<Ballot>> {
    let other = |signer: Participant| Participant::new(u32::from(signer == Participant::new(0)));
    Some(match vote {
        Vote::Notarize(vote) => {
            let mut own = Notarize::sign(scheme, vote.proposal)?;
            own.attestation.signer = other(own.attestation.signer);
            vec![Vote::Notarize(own)]
        }
        Vote::Finalize(vote) => {
            let mut own = Finalize::sign(scheme, vote.proposal)?;
            own.attestation.signer = other(own.attestation.signer);
            vec![Vote::Finalize(own)]
        }
        Vote::Nullify(_) => vec![],
    })
}

fn outdated(scheme: &Scheme, vote: Ballot, past: &mut BTreeMap<u64, Proposal<sha256::Digest>>) -> Option<Vec<Ballot>> {
    let proposal = match vote {
        Vote::Notarize(vote) => vote.proposal,
        Vote::Finalize(vote) => vote.proposal,
        Vote::Nullify(_) => return None,
    };
    let view = proposal.round.view().get();
    past.insert(view, proposal);
    let old = past.range(..view.saturating_sub(2)).next_back()?.1.clone();
    Some(vec![Vote::Notarize(Notarize::sign(scheme, old.clone())?), Vote::Finalize(Finalize::sign(scheme, old)?)])
}

/// Noise, halves of real messages, blocks without a proposal, and transactions nobody may make.
async fn make_noise<B>(context: Context, seat: &Seat, links: Channels<B>, book: &Book, mut dice: Dice) {
    let Links { votes, certificates, resolver, backfill, broadcast, mempool, .. } = links;
    let (mut votes_out, mut votes_in) = votes;
    let mut others = [certificates.0, resolver.0, backfill.0, broadcast.0.clone(), mempool.0.clone()];
    let (mut broadcast, mut mempool) = (broadcast.0, mempool.0);
    loop {
        let pause = context.sleep(dice.millis(200, 900));
        let heard = tokio::select! {
            biased;
            heard = votes_in.recv() => heard.ok().map(|(_, bytes)| bytes.as_ref().to_vec()),
            () = pause => None,
        };
        let mut noise = vec![0; 1 + dice.index(300)];
        dice.fill(&mut noise);
        match dice.below(6) {
            0 => drop(votes_out.send(Recipients::All, IoBuf::from(noise), false)),
            1 => drop(others[dice.index(5)].send(Recipients::All, IoBuf::from(noise), false)),
            2 => {
                let mut half = heard.unwrap_or_default();
                half.truncate(half.len() / 2);
                drop(votes_out.send(Recipients::All, IoBuf::from(half), false));
            }
            3 => {
                let transactions = vec![book.forbidden[dice.index(book.forbidden.len())].clone()];
                let header = Header {
                    height: 1 + dice.below(20),
                    timestamp_ms: seat.genesis().time_ms + dice.below(100_000),
                    body_root: body_root(&transactions),
                    ..Header::genesis(seat.genesis().network_id(), 0)
                };
                drop(broadcast.send(Recipients::All, IoBuf::from(block_message(header, transactions)), false));
            }
            _ => drop(mempool.send(Recipients::All, IoBuf::from(gossip_message(&book.forbidden)), false)),
        }
    }
}

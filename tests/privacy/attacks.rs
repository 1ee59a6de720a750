//! Ways of telling which of two suspects made a presentation, each looking at one kind of trace.
//!
//! An attack answers for each suspect whether the trace leads there. A guess is a trace that leads to one and not to the
//! other.

use std::collections::HashSet;

use protocol::credential::Layout;
use protocol::crypto::curve::Scalar;
use tests::wire::PresentationWire;

use crate::bayes::{self, Bayes};
use crate::crowd::Seen;
use crate::dossier::{Dossier, Suspect, traits_of, unsigned};

/// Which suspects the trace leads to.
type Trace = Box<dyn Fn(&Dossier, &Seen) -> [bool; 2]>;

/// An attack by its name.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    trace: Trace,
}

impl Attack {
    fn new(name: &'static str, trace: impl Fn(&Dossier, &Seen) -> [bool; 2] + 'static) -> Self {
        Self { name, trace: Box::new(trace) }
    }

    /// For each suspect on its own.
    fn each(name: &'static str, trace: fn(&Dossier, &Suspect, &Seen) -> bool) -> Self {
        Self::new(name, move |dossier, seen| [0, 1].map(|index| trace(dossier, &dossier.suspects[index], seen)))
    }

    /// The suspect the trace leads to, if it leads to one only.
    pub(crate) fn guess(&self, dossier: &Dossier, seen: &Seen) -> Option<usize> {
        match (self.trace)(dossier, seen) {
            [true, false] => Some(0),
            [false, true] => Some(1),
            _ => None,
        }
    }
}

/// Everything tried.
pub(crate) fn all(dossier: &Dossier) -> Vec<Attack> {
    let labelled = [0, 1].map(|index| dossier.suspects[index].labelled.as_slice());
    let by = |features: bayes::Features| {
        let trained = Bayes::train(features, labelled);
        move |_: &Dossier, seen: &Seen| {
            let guess = trained.guess(&seen.bytes);
            [guess == 0, guess == 1]
        }
    };
    vec![
        Attack::new("common bytes", common_bytes),
        Attack::each("known points", |_, suspect, seen| {
            seen.points.iter().any(|point| suspect.points.contains_key(&unsigned(point)))
        }),
        Attack::each("known points times a secret key", key_relation),
        Attack::each("points related by a known number", number_relation),
        Attack::each("responses without blinding", unblinded),
        Attack::each("blinding that is small or repeats", weak_blinding),
        Attack::each("randomised signature that fits one exponent only", signature_equation),
        Attack::each("length and fields", shape),
        Attack::each("time", time),
        Attack::new("bits that never change", constant_bits(dossier)),
        Attack::new("statistics of bits", by(bayes::bits)),
        Attack::new("statistics of byte pairs", by(bayes::pairs)),
    ]
}

/// Bytes that are on one suspect's file and not on the other's.
fn common_bytes(dossier: &Dossier, seen: &Seen) -> [bool; 2] {
    let [one, two] = [0, 1].map(|index| &dossier.suspects[index].traits);
    let leads = |to: &HashSet<_>, not_to: &HashSet<_>| {
        traits_of(&seen.bytes).iter().any(|bytes| to.contains(bytes) && !not_to.contains(bytes))
    };
    [leads(one, two), leads(two, one)]
}

/// For all pairs of known G2 elements X, Y: e(P, X) = e(Q, Y) for a point P shown and a point Q on file. Whoever has
/// the secret keys compares multiples instead.
fn key_relation(dossier: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let factors = dossier.keys.iter().flat_map(|(_, key)| [*key, key.invert().unwrap()]);
    factors.into_iter().any(|factor| {
        seen.points.iter().any(|point| suspect.points.contains_key(&unsigned(&point.multiply(&factor).to_affine())))
    })
}

/// One shown point is another one times a number of this suspect.
fn number_relation(_: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let shown: HashSet<_> = seen.points.iter().map(unsigned).collect();
    suspect.numbers.iter().filter(|(_, number)| *number != Scalar::ONE).any(|(_, number)| {
        seen.points.iter().any(|point| shown.contains(&unsigned(&point.multiply(number).to_affine())))
    })
}

/// The hidden numbers' positions: all but the shown device key of this type.
fn hidden() -> impl Iterator<Item = usize> {
    (0..).filter(|at| *at != Layout::DEVICE_KEY)
}

fn unblinded(_: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let inverse = seen.challenge.invert().unwrap();
    let responses = seen.signature.iter().chain(&seen.messages).chain(&seen.parts);
    responses
        .map(|response| *response * inverse)
        .any(|ratio| suspect.numbers.iter().any(|(_, number)| ratio == *number || ratio == -*number))
}

/// m̃ = m̂ − m·c for every number that is on file: small, or the same twice.
fn weak_blinding(_: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let blinding = |seen: &Seen| -> Vec<[u8; 32]> {
        let pairs = hidden().zip(&seen.messages);
        pairs
            .filter_map(|(at, response)| {
                let message = suspect.messages.get(at).copied().flatten()?;
                Some((*response - message * seen.challenge).to_be_bytes())
            })
            .chain([(seen.signature[0] - suspect.e * seen.challenge).to_be_bytes()])
            .collect()
    };
    let own = blinding(seen);
    let distinct: HashSet<_> = own.iter().collect();
    let small = own.iter().any(|bytes| bytes[..16].iter().all(|byte| *byte == 0));
    let earlier =
        suspect.labelled.iter().take(8).any(|bytes| blinding(&Seen::new(bytes)).iter().any(|b| distinct.contains(b)));
    small || distinct.len() < own.len() || earlier
}

/// With the secret key: for whoever holds the signature with exponent e, Abar·(sk + e) is D times r1. The right e shows by
/// that r1 being no fresh number, but 1, a number on file, or its inverse; with a fresh one every e fits some r1.
fn signature_equation(dossier: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let (sk, a_bar, d) = (dossier.keys[0].1, seen.points[0], seen.points[2]);
    let own = unsigned(&a_bar.multiply(&(sk + suspect.e)).to_affine());
    let known = suspect.numbers.iter().flat_map(|(_, number)| [Some(*number), number.invert()]).flatten();
    let mut factors = known.chain([Scalar::ONE]);
    factors.any(|factor| unsigned(&d.multiply(&factor).to_affine()) == own)
}

fn shape(_: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    let shape = |wire: &PresentationWire, length: usize| {
        (length, wire.shown.len(), wire.proven.len(), wire.handle.is_some(), wire.device_key.is_some())
    };
    let this = shape(&seen.wire, seen.bytes.len());
    let known = |bytes: &Vec<u8>| shape(&PresentationWire::decode(bytes), bytes.len());
    suspect.labelled.iter().any(|bytes| known(bytes) == this)
}

/// A bit that is always 0 in what one suspect shows and always 1 in what the other does.
fn constant_bits(dossier: &Dossier) -> impl Fn(&Dossier, &Seen) -> [bool; 2] + 'static {
    let always = |index: usize, value: u8| -> Vec<u8> {
        let labelled = &dossier.suspects[index].labelled;
        let length = labelled.iter().map(Vec::len).min().unwrap_or(0);
        (0..length).map(|at| labelled.iter().fold(0xff, |bits, bytes| bits & (bytes[at] ^ !value))).collect()
    };
    // For each byte, the bits that are 0 for the first and 1 for the second, and the other way round.
    let and = |one: Vec<u8>, two: Vec<u8>| one.iter().zip(&two).map(|(a, b)| a & b).collect::<Vec<u8>>();
    let up = and(always(0, 0), always(1, 0xff));
    let down = and(always(0, 0xff), always(1, 0));
    move |_, seen| {
        let bytes = || seen.bytes.iter();
        let tell = |value: u8| {
            bytes().zip(&up).any(|(byte, mask)| mask & (byte ^ !value) != 0)
                || bytes().zip(&down).any(|(byte, mask)| mask & (byte ^ value) != 0)
        };
        [tell(0), tell(0xff)]
    }
}

/// The same offset of the clock within a minute as always.
fn time(_: &Dossier, suspect: &Suspect, seen: &Seen) -> bool {
    suspect.labelled.iter().any(|bytes| PresentationWire::decode(bytes).made_at % 60 == seen.wire.made_at % 60)
}

//! Ways of changing a presentation: its text, its bytes, its fields, and the parts of its proof.

use protocol::credential::Value;
use protocol::crypto::curve::{G1, G1Affine, Scalar};
use protocol::exchange::qr::{Drawing, Kind, to_text};
use protocol::exchange::{Period, Scope};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tests::changes::{below, bytes, pick};
use tests::wire::PresentationWire;
use tests::world::{EPOCH, NOW};

use crate::targets::Target;

/// How a changed message reaches the verifier.
pub(crate) enum Carrier {
    /// As a file or from a link.
    Bytes(Vec<u8>),
    /// As the text of a code.
    Text(String),
    /// As a picture of a code.
    Picture(Vec<u8>),
}

/// A change and what it is called; one in a hundred travels as a text, one in two thousand as a picture.
pub(crate) fn any(rng: &mut ChaCha20Rng, target: &Target<'_>) -> (&'static str, Carrier) {
    let (name, bytes) = match below(rng, 20) {
        0..=1 => return ("text", Carrier::Text(text(rng, &target.text))),
        2..=4 => {
            let other = pick(rng, &target.others).as_slice();
            ("bytes", bytes(rng, &target.good, other))
        }
        5..=8 => ("field", fields(rng, target)),
        9..=10 => ("scalar", proof(rng, target, scalar)),
        11..=13 => ("point", proof(rng, target, point)),
        14..=16 => ("part", proof(rng, target, part)),
        17 => ("mixed", proof(rng, target, mixed)),
        18 if !target.forged.is_empty() => ("forged", forged(rng, target)),
        _ => ("several", several(rng, target)),
    };
    let carrier = match below(rng, 2_000) {
        0 => to_text(Kind::Presentation, &bytes).and_then(|text| Drawing::new(&text)?.png()).map(Carrier::Picture),
        1..=20 => to_text(Kind::Presentation, &bytes).map(Carrier::Text),
        _ => return (name, Carrier::Bytes(bytes)),
    };
    (name, carrier.unwrap_or(Carrier::Bytes(vec![])))
}

/// Letters of a code changed, moved, doubled or lost; another kind or version.
fn text(rng: &mut ChaCha20Rng, good: &str) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let mut letters = good.as_bytes().to_vec();
    for _ in 0..=below(rng, 3) {
        let (at, other) = (below(rng, letters.len()), below(rng, letters.len()));
        match below(rng, 6) {
            0 => letters[at] = *pick(rng, LETTERS),
            1 => letters.swap(at, other),
            2 => drop(letters.drain(at.min(other)..at.max(other).max(at.min(other) + 1))),
            3 => letters.insert(at, *pick(rng, LETTERS)),
            4 => letters[below(rng, 4)] = *pick(rng, LETTERS),
            _ => letters.extend_from_within(at..),
        }
        if letters.len() < 5 {
            letters = good.as_bytes().to_vec();
            letters.push(b'0');
        }
    }
    String::from_utf8(letters).expect("letters of the alphabet")
}

/// One field changed to something of the same form, taken from another presentation, left out or doubled. A phone
/// that signs whatever it is given signs half of them again.
fn fields(rng: &mut ChaCha20Rng, target: &Target<'_>) -> Vec<u8> {
    let mut wire = PresentationWire::decode(&target.good);
    let from = PresentationWire::decode(pick(rng, &target.others).as_slice());
    match below(rng, 18) {
        0 => wire.version = rng.next_u32() as u8,
        1 => wire.made_at = NOW.wrapping_add(rng.next_u64() % 120).wrapping_sub(60),
        2 => wire.epoch = wire.epoch.map(|_| EPOCH + rng.next_u32() % 3),
        3 => wire.epoch = if wire.epoch.is_some() { None } else { Some(EPOCH) },
        4 => wire.handle = wire.handle.map(|handle| handle ^ 1 << below(rng, 64)),
        5 => wire.handle = if wire.handle.is_some() { None } else { Some(rng.next_u64()) },
        6 => wire.request = if wire.request.is_some() { None } else { Some([rng.next_u32() as u8; 32]) },
        7 => wire.shown = from.shown,
        8 => wire.proven = from.proven,
        9 => wire.device_key = from.device_key,
        10 => wire.device_signature = from.device_signature,
        11 => wire.issuer_key[below(rng, 8)] ^= 1 << below(rng, 8),
        12 if !wire.shown.is_empty() => {
            let at = below(rng, wire.shown.len());
            match below(rng, 5) {
                0 => wire.shown[at].value = Value::Bytes(vec![(rng.next_u64() % 64) as u8]),
                1 => wire.shown[at].value = Value::Text("홍길동".into()),
                2 => wire.shown[at].position = rng.next_u32() as u8 % 26,
                3 => drop(wire.shown.remove(at)),
                _ => wire.shown.push(wire.shown[at].clone()),
            }
        }
        13 if !wire.proven.is_empty() => {
            let at = below(rng, wire.proven.len());
            match below(rng, 2) {
                0 => drop(wire.proven.remove(at)),
                _ => wire.proven.extend_from_within(at..=at),
            }
        }
        14 => wire.pseudonym = if below(rng, 2) == 0 { None } else { from.pseudonym },
        15 => {
            if let Some(pseudonym) = &mut wire.pseudonym {
                match below(rng, 3) {
                    0 => pseudonym.value[below(rng, 48)] ^= 1 << below(rng, 8),
                    1 => pseudonym.scope = Scope::Period(Period::Day),
                    _ => pseudonym.value = pseudonym_point(rng),
                }
            }
        }
        16 => wire.made_at = from.made_at.wrapping_add(u64::from(from.made_at == wire.made_at)),
        _ => wire.proof = from.proof,
    }
    signed(rng, target, wire)
}

/// A point of the subgroup that is nobody's pseudonym.
fn pseudonym_point(rng: &mut ChaCha20Rng) -> [u8; 48] {
    G1Affine::generator().multiply(&Scalar::from_u64(rng.next_u64())).to_affine().to_compressed()
}

fn signed(rng: &mut ChaCha20Rng, target: &Target<'_>, wire: PresentationWire) -> Vec<u8> {
    match target.phone.filter(|_| below(rng, 4) != 0) {
        Some(phone) => wire.signed(phone).encode(),
        None => wire.encode(),
    }
}

/// The proof in its parts: three points, scalars, and 128 bytes for each membership.
struct Parts {
    /// Where points are.
    points: Vec<usize>,
    /// Where scalars are.
    scalars: Vec<usize>,
    /// Where memberships begin.
    memberships: Vec<usize>,
}

impl Parts {
    fn of(proof: &[u8]) -> Self {
        let is_point = |at: usize| {
            let bytes = proof.get(at..at + 48).and_then(|bytes| bytes.try_into().ok());
            bytes.is_some_and(|bytes| G1Affine::from_compressed(bytes).is_ok())
        };
        let (mut points, mut scalars, mut memberships) = (vec![0, 48, 96], vec![], vec![]);
        let mut at = 144;
        while at + 32 <= proof.len() {
            // A scalar's first bit is 0, a compressed point's 1.
            if proof[at] & 0x80 != 0 && is_point(at) && is_point(at + 48) {
                memberships.push(at);
                points.extend([at, at + 48]);
                at += 96;
            } else {
                scalars.push(at);
                at += 32;
            }
        }
        Self { points, scalars, memberships }
    }
}

/// What changes a proof, given another one and where its parts are.
type Change = fn(&mut ChaCha20Rng, &mut Vec<u8>, &[u8], &Parts);

fn proof(rng: &mut ChaCha20Rng, target: &Target<'_>, change: Change) -> Vec<u8> {
    let mut wire = PresentationWire::decode(&target.good);
    let from = PresentationWire::decode(pick(rng, &target.others).as_slice()).proof;
    let parts = Parts::of(&wire.proof);
    change(rng, &mut wire.proof, &from, &parts);
    signed(rng, target, wire)
}

#[allow(clippy::ptr_arg, reason = "a `Change`")]
fn scalar(rng: &mut ChaCha20Rng, proof: &mut Vec<u8>, from: &[u8], parts: &Parts) {
    const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
    let (at, other) = (*pick(rng, &parts.scalars), *pick(rng, &parts.scalars));
    let old: [u8; 32] = proof[at..at + 32].try_into().expect("32 bytes");
    let number = Scalar::from_be_bytes(&old).expect("below the order");
    let new: [u8; 32] = match below(rng, 9) {
        0 => (number + Scalar::ONE).to_be_bytes(),
        1 => (-number).to_be_bytes(),
        2 => Scalar::random(rng).to_be_bytes(),
        3 => [0; 32],
        4 => hex::decode(ORDER).expect("a literal").try_into().expect("32 bytes"),
        5 => Scalar::from_u64(rng.next_u64() % 4).to_be_bytes(),
        6 => proof[other..other + 32].try_into().expect("32 bytes"),
        7 if at + 32 <= from.len() => from[at..at + 32].try_into().expect("32 bytes"),
        _ => (number + number).to_be_bytes(),
    };
    proof[at..at + 32].copy_from_slice(&new);
}

#[allow(clippy::ptr_arg, reason = "a `Change`")]
fn point(rng: &mut ChaCha20Rng, proof: &mut Vec<u8>, from: &[u8], parts: &Parts) {
    let (at, other) = (*pick(rng, &parts.points), *pick(rng, &parts.points));
    let old = G1Affine::from_compressed(proof[at..at + 48].try_into().expect("48 bytes")).expect("a point");
    let compressed = |point: G1| point.to_affine().to_compressed();
    let mut stray = [0u8; 48];
    (stray[0], stray[47]) = (0x80 | (0x20 * (rng.next_u32() as u8 & 1)), rng.next_u32() as u8);
    let new: [u8; 48] = match below(rng, 9) {
        0 => compressed(-G1::from(old)),
        1 => compressed(old.multiply(&Scalar::random(rng))),
        2 => compressed(G1::from(old) + G1Affine::generator()),
        3 => G1Affine::generator().to_compressed(),
        4 => stray,
        5 => proof[other..other + 48].try_into().expect("48 bytes"),
        6 if at + 48 <= from.len() => from[at..at + 48].try_into().expect("48 bytes"),
        7 => {
            let mut identity = [0; 48];
            identity[0] = 0xc0;
            identity
        }
        _ => compressed(G1::from(old).double()),
    };
    proof[at..at + 48].copy_from_slice(&new);
    // The same factor on both points of a pair, which every pairing equation survives.
    if below(rng, 4) == 0 && !parts.memberships.is_empty() {
        let at = *pick(rng, &parts.memberships);
        let factor = Scalar::random(rng);
        for at in [at, at + 48] {
            let bytes = proof[at..at + 48].try_into().expect("48 bytes");
            if let Ok(point) = G1Affine::from_compressed(bytes) {
                proof[at..at + 48].copy_from_slice(&compressed(point.multiply(&factor)));
            }
        }
    }
}

/// Whole sub-proofs moved, doubled, left out, or taken from elsewhere.
fn part(rng: &mut ChaCha20Rng, proof: &mut Vec<u8>, from: &[u8], parts: &Parts) {
    let Some(at) = parts.memberships.get(below(rng, parts.memberships.len().max(1))).copied() else {
        return mixed(rng, proof, from, parts);
    };
    let other = *pick(rng, &parts.memberships);
    let one = proof[at..at + 128].to_vec();
    match below(rng, 6) {
        0 if at != other => {
            proof.copy_within(other..other + 128, at);
            proof[other..other + 128].copy_from_slice(&one);
        }
        1 => drop(proof.drain(at..at + 128)),
        2 => drop(proof.splice(other..other, one)),
        3 if at != other => proof.copy_within(other..other + 128, at),
        4 if from.len() == proof.len() => proof[at..at + 128].copy_from_slice(&from[at..at + 128]),
        _ => {
            let start = from.len() - 128;
            proof[at..at + 128].copy_from_slice(&from[start..]);
        }
    }
}

/// The front of one proof with the end of another, cut where parts meet.
fn mixed(rng: &mut ChaCha20Rng, proof: &mut Vec<u8>, from: &[u8], parts: &Parts) {
    let cuts: Vec<usize> = parts.points.iter().chain(&parts.scalars).copied().filter(|at| *at > 0).collect();
    let (one, two) = (*pick(rng, &cuts), *pick(rng, &cuts));
    let (start, end) = (one.min(two), one.max(two).min(from.len()));
    match below(rng, 3) {
        0 if start < end => proof[start..end].copy_from_slice(&from[start..end]),
        1 if start < from.len() => {
            proof.truncate(start);
            proof.extend_from_slice(&from[start..]);
        }
        _ if end < proof.len() && end > 0 => proof[..end].copy_from_slice(&from[..end]),
        _ => proof.push(0),
    }
}

/// A proof of something untrue by a holder who can calculate, as it is or changed further.
fn forged(rng: &mut ChaCha20Rng, target: &Target<'_>) -> Vec<u8> {
    let forged = pick(rng, &target.forged);
    match below(rng, 4) {
        0 => bytes(rng, forged, &target.good),
        _ => forged.clone(),
    }
}

/// A change of a field on top of a change of the proof.
fn several(rng: &mut ChaCha20Rng, target: &Target<'_>) -> Vec<u8> {
    let fielded = PresentationWire::decode(&fields(rng, target));
    let change = *pick(rng, &[scalar as Change, point, part, mixed]);
    let proven = PresentationWire::decode(&proof(rng, target, change)).proof;
    signed(rng, target, PresentationWire { proof: proven, ..fielded })
}

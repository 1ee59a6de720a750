//! Random changes of bytes that a reader has to refuse.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// A number below `bound`.
pub fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

/// One of them.
pub fn pick<'a, T>(rng: &mut ChaCha20Rng, of: &'a [T]) -> &'a T {
    &of[below(rng, of.len())]
}

/// `good` changed in one place without regard to what it means, at times by a piece of `other`.
#[must_use]
pub fn bytes(rng: &mut ChaCha20Rng, good: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = good.to_vec();
    let at = below(rng, out.len());
    let end = at + below(rng, 40.min(out.len() - at) + 1);
    match below(rng, 7) {
        0 => out[at] ^= 1 << below(rng, 8),
        1 => out[at] = rng.next_u32() as u8,
        2 => drop(out.drain(at..end)),
        3 => {
            let again = out[at..end].to_vec();
            out.splice(at..at, again);
        }
        4 => out.truncate(at),
        // The heads of both: lengths that promise more than there is.
        5 => out[at] = *pick(rng, &[0x1b, 0x3b, 0x5b, 0x7b, 0x9b, 0xbb, 0x5f, 0x9f, 0xbf, 0xff, 0xd8, 0xf6, 0x1a]),
        _ if end <= other.len() => out[at..end].copy_from_slice(&other[at..end]),
        _ => out.push(rng.next_u32() as u8),
    }
    out
}

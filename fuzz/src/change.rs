//! Changes of an input: small ones that keep most of it, and parts of another put into it.

/// A small generator: the same changes for the same seed, on every machine.
pub struct Changes(u64);

/// Bytes that parsers treat in a special way.
const SPECIAL: [u8; 16] = [0, 1, 0x7f, 0x80, 0xff, 0x18, 0x1b, 0x5b, 0x9f, 0xbf, 0xd8, b'"', b'~', b'.', b'{', b'['];
/// Longest input that is made.
const LENGTH_MAX: usize = 1 << 16;

impl Changes {
    /// Changes that `seed` determines.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    /// `input` with one to four changes, some of them from `other`.
    pub fn apply(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            self.once(&mut bytes, other);
        }
        bytes.truncate(LENGTH_MAX);
        bytes
    }

    fn once(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let length = self.below(16.min(bytes.len() - at) + 1);
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = SPECIAL[self.below(SPECIAL.len())],
            2 => bytes.insert(at, SPECIAL[self.below(SPECIAL.len())]),
            3 => drop(bytes.drain(at..at + length)),
            // The same again, a few times: nesting and repetition.
            4 => {
                let part = bytes[at..at + length].repeat(1 + self.below(8));
                drop(bytes.splice(at..at, part));
            }
            5 => {
                let from = self.below(other.len() + 1);
                let part = &other[from..from + self.below(64.min(other.len() - from) + 1)];
                drop(bytes.splice(at..at + length, part.iter().copied()));
            }
            6 => bytes.truncate(at),
            // A length or number of the text or CBOR kind.
            7 => {
                let number = [0, 1, 23, 255, 65_535, u32::MAX.into(), u64::MAX][self.below(7)];
                drop(bytes.splice(at..at + length, number.to_string().into_bytes()));
            }
            _ => {
                let number = u64::MAX >> self.below(64);
                drop(bytes.splice(at..at + length, number.to_be_bytes()));
            }
        }
    }
}

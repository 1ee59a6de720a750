//! Status lists, as they arrive from a mirror.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use protocol::credential::StatusList;
use protocol::ledger::attachment::pack;

use super::{Case, flip};

pub(super) fn cases() -> Vec<Case> {
    let packed = pack(&list());
    let good = Case::valid("status-list", "one-revoked", "A list on which one entry is revoked.", packed.clone())
        .with("digest", &hex::encode(list().digest()))
        .with("entry", "76");
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| good.broken(id, slug, title, expect, bytes);
    let malformed = |id: &str, slug: &str, title: &str, bytes| broken(id, slug, title, "StatusListMalformed", bytes);
    let entry = |entry: &str, id: &str, slug: &str, title: &str, expect: &str| {
        good.under(("entry", entry), id, slug, title, expect)
    };
    let raw = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(list().as_bytes()).and_then(|()| encoder.finish()).expect("memory")
    };
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    };
    vec![
        entry("131072", "I01", "entry-beyond", "The first entry that a list does not have.", "StatusIndexOutOfRange"),
        entry("4294967295", "I01", "entry-overflow", "An entry whose bit position overflows.", "StatusIndexOutOfRange"),
        entry("77", "I15", "entry-revoked", "The entry that is revoked.", "Revoked"),
        malformed("I03", "cut-short", "The stream ends early.", packed[..packed.len() - 5].to_vec()),
        malformed("I03", "empty", "Nothing at all.", vec![]),
        malformed("I03", "trailing-byte", "A byte follows the stream.", [packed.as_slice(), &[0]].concat()),
        malformed("I03", "checksum", "A bit of the checksum.", flip(&packed, packed.len() - 1, 1)),
        malformed("I03", "raw-deflate", "Deflate without its frame.", raw),
        malformed("I03", "gzip", "Gzip where zlib is due.", gzip(list().as_bytes())),
        malformed("I05", "gzip-around", "Gzip around the stream.", gzip(&packed)),
        malformed("I17", "shrunk", "A list of half the length.", zlib(&list().as_bytes()[..16_384])),
        broken("I04", "bomb", "A list of a hundred times the length.", "TooLarge", zlib(&vec![0; 3_276_800])),
        broken("I04", "bomb-of-nulls", "Fifty megabytes of nothing.", "TooLarge", zlib(&vec![0; 50_000_000])),
        broken(
            "I08",
            "other-list",
            "A list on which nobody is revoked.",
            "StatusListMismatch",
            pack(&StatusList::new()),
        ),
        good,
    ]
}

/// The list of these cases: entry 77 is revoked.
pub(super) fn list() -> StatusList {
    let mut list = StatusList::new();
    list.revoke(77).expect("an entry");
    list
}

/// The bytes as one zlib stream.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

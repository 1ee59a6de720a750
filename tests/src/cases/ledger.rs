//! What mirrors of the ledger hand out: trust bundles and proofs.

use minicbor::bytes::ByteVec;
use protocol::credential::StatusList;
use protocol::ledger::attachment::{ATTACHMENT_MAX, Attachment, pack};
use protocol::ledger::bundle::{Scope, TrustBundle};
use protocol::ledger::key::StateKey;
use protocol::ledger::proof::{Evidence, LedgerProof};
use protocol::ledger::record::{Record, StatusListAnchor};
use protocol::ledger::testkit::TestLedger;

use super::Case;
use super::status_list::{list, zlib};
use crate::world::{AS_OF, LIST, NETWORK, World};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = bundles(world);
    cases.extend(deltas(world));
    cases.extend(proofs(world));
    cases
}

/// Deltas whose lists are changes, and a fork.
fn deltas(world: &World) -> Vec<Case> {
    let (mut ledger, key) = small_ledger(world, NETWORK, "small network");
    let anchor = hex::encode(ledger.anchor().encode());
    let base = Case::valid("trust-bundle", "whole", "A whole bundle.", ledger.bundle(Scope::Snapshot).encode());
    let base = base.with("anchor", &anchor).with("floor", "2");
    let mut changed = list();
    changed.revoke(500).expect("an entry");
    changed.revoke(131_000).expect("an entry");
    let record = |list: &StatusList, as_of| {
        Record::StatusList(StatusListAnchor {
            issuer: world.police.did.clone(),
            credential_type: world.licences.credential_type.id.clone(),
            list: LIST,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of,
        })
    };
    ledger.publish(key, changed.clone());
    ledger.write(&[record(&changed, AS_OF + 1)], AS_OF * 1_000 + 1);
    let delta = ledger.bundle(Scope::Delta { since: 2 });
    let good = Case::valid("trust-bundle", "list-changes", "Two entries of a list are changed.", delta.encode());
    let good = good.with("anchor", &anchor).with("base", &base.file());
    let edited = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut TrustBundle)| {
        let mut other = delta.clone();
        change(&mut other);
        good.broken(id, slug, title, expect, other.encode())
    };
    let unlisted = {
        // The same network, whose first bundle came without the list.
        let mut bundle = small_ledger(world, NETWORK, "small network").0.bundle(Scope::Snapshot);
        bundle.attachments.clear();
        let case = Case::valid("trust-bundle", "without-list", "A bundle that carries no list.", bundle.encode());
        case.with("anchor", &anchor).with("floor", "2")
    };
    let fork = {
        let (mut other, _) = small_ledger(world, NETWORK, "small network");
        other.write(&[Record::Did(world.shop.record())], AS_OF * 1_000 + 1);
        let seen =
            Case::valid("trust-bundle", "seen", "What was seen at height 3.", ledger.bundle(Scope::Snapshot).encode());
        let seen = seen.with("anchor", &anchor).with("floor", "3");
        let again =
            Case::valid("trust-bundle", "seen-again", "The same once more.", ledger.bundle(Scope::Snapshot).encode());
        let again = again.with("anchor", &anchor).with("base", &seen.file());
        let fork = again.broken(
            "F32",
            "fork",
            "Another certified state of the same height.",
            "ForkDetected",
            other.bundle(Scope::Snapshot).encode(),
        );
        [seen, again, fork]
    };
    let mut cases = vec![
        edited("BNDL-08", "change-of-nothing", "A change of a list that is not recorded.", "AttachmentUnknown", &|b| {
            b.changes[0].anchor = [9; 8];
        }),
        edited("BNDL-04", "change-twice", "A list is changed twice.", "BundleUnordered", &|b| {
            b.changes.push(b.changes[0].clone());
        }),
        edited("BNDL-08", "change-of-another-entry", "The next entry instead.", "StatusListMismatch", &|b| {
            b.changes[0].entries[0] ^= 4;
        }),
        edited("BNDL-08", "change-left-out", "The second change is left out.", "StatusListMismatch", &|b| {
            b.changes[0].entries.truncate(2);
        }),
        edited("BNDL-08", "change-respelled", "A number is longer than needed.", "StatusListMalformed", &|b| {
            b.changes[0].entries = vec![0x81, 0x80, 0x00];
        }),
        edited("BNDL-08", "change-beyond", "An entry that no list has.", "StatusListMalformed", &|b| {
            b.changes[0].entries = vec![0xff, 0xff, 0x7f];
        }),
        edited("BNDL-08", "change-too-long", "More changes than a list may have here.", "TooLarge", &|b| {
            b.changes[0].entries = vec![0; 16 * 1024 + 1];
        }),
        good.under(
            ("base", &unlisted.file()),
            "BNDL-08",
            "change-without-list",
            "Changes of a list that the verifier does not have.",
            "BaseMissing",
        ),
        base.broken("BNDL-08", "change-in-snapshot", "A whole bundle with changes.", "BundleMalformed", {
            let mut whole = ledger.bundle(Scope::Snapshot);
            whole.changes.clone_from(&delta.changes);
            whole.encode()
        }),
        good,
        unlisted,
    ];
    cases.extend(fork);
    cases
}

/// A network with two organisations and a list.
fn small_ledger(world: &World, network: &str, name: &str) -> (TestLedger, StateKey) {
    let mut ledger =
        TestLedger::new(network, crate::seed(name), crate::seed("governor"), (AS_OF - 60) * 1_000).expect("a seed");
    let anchor = Record::StatusList(StatusListAnchor {
        issuer: world.police.did.clone(),
        credential_type: world.licences.credential_type.id.clone(),
        list: LIST,
        digest: list().digest(),
        entries: StatusList::ENTRIES,
        as_of: AS_OF,
    });
    let key = anchor.state_key();
    ledger.write(&[Record::Did(world.police.record()), anchor], AS_OF * 1_000);
    ledger.publish(key, list());
    (ledger, key)
}

fn bundles(world: &World) -> Vec<Case> {
    let (mut ledger, key) = small_ledger(world, NETWORK, "small network");
    let anchor = hex::encode(ledger.anchor().encode());
    let bundle = ledger.bundle(Scope::Snapshot);
    let height = 2;
    let good = Case::valid("trust-bundle", "whole", "A whole bundle.", bundle.encode())
        .with("anchor", &anchor)
        .with("floor", "2");
    let broken =
        |id: &str, slug: &str, title: &str, expect: &str, bytes: Vec<u8>| good.broken(id, slug, title, expect, bytes);
    let edited = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut TrustBundle)| {
        let mut other = bundle.clone();
        change(&mut other);
        broken(id, slug, title, expect, other.encode())
    };
    let anchored = |name: &str, network: &str| hex::encode(small_ledger(world, network, name).0.anchor().encode());
    let other_name = {
        let mut anchor = ledger.anchor();
        anchor.network = "other".into();
        hex::encode(anchor.encode())
    };
    let same_id_other_key = {
        let mut anchor = small_ledger(world, NETWORK, "another network").0.anchor();
        anchor.network_id = ledger.anchor().network_id;
        hex::encode(anchor.encode())
    };
    let police = Record::Did(world.police.record()).state_key();
    let at = |key: StateKey| {
        let is = |value: &ByteVec| {
            protocol::ledger::record::Envelope::decode(value).is_ok_and(|e| e.record.state_key() == key)
        };
        bundle.values.iter().position(is).expect("a record of the ledger")
    };
    let (police_at, list_at) = (at(police), at(key));
    let later = {
        let mut deactivated = world.police.record();
        deactivated.deactivated = true;
        ledger.write(&[Record::Did(deactivated)], AS_OF * 1_000 + 1);
        ledger.bundle(Scope::Snapshot)
    };
    let delta = Case::valid(
        "trust-bundle",
        "delta",
        "What changed since the whole bundle.",
        ledger.bundle(Scope::Delta { since: height }).encode(),
    )
    .with("anchor", &anchor)
    .with("base", "valid/trust-bundle-whole.txt");
    vec![
        broken("BNDL-01", "empty", "Nothing at all.", "BundleMalformed", vec![]),
        broken(
            "BNDL-01",
            "cut-short",
            "The last byte is missing.",
            "BundleMalformed",
            good.bytes[..good.bytes.len() - 1].to_vec(),
        ),
        broken(
            "BNDL-01",
            "trailing-byte",
            "A byte follows the bundle.",
            "BundleMalformed",
            [good.bytes.as_slice(), &[0]].concat(),
        ),
        edited("BNDL-01", "value-not-a-record", "A value that is no record.", "BundleMalformed", &|b| {
            b.values[0] = vec![0x80].into()
        }),
        edited("BNDL-01", "header-cut", "A header of 144 bytes.", "BundleMalformed", &|b| b.header.truncate(144)),
        good.under(
            ("anchor", &anchored("another network", NETWORK)),
            "F29",
            "other-network",
            "A network of the same name with another genesis.",
            "WrongNetwork",
        ),
        good.under(("anchor", &other_name), "F29", "other-name", "A network of another name.", "WrongNetwork"),
        good.under(
            ("anchor", &same_id_other_key),
            "F37",
            "other-validators",
            "Certified by validators that are not trusted.",
            "CertificateInvalid",
        ),
        edited("F26", "certificate-cut", "The certificate lacks its last byte.", "CertificateInvalid", &|b| {
            b.certificate.truncate(82)
        }),
        edited("F26", "certificate-of-nobody", "A bit of the certificate's signature.", "CertificateInvalid", &|b| {
            b.certificate[60] ^= 1
        }),
        edited(
            "F26",
            "certificate-of-another-block",
            "The certificate of a later header.",
            "CertificateInvalid",
            &|b| b.certificate.clone_from(&later.certificate),
        ),
        edited("F28", "header-changed", "A bit of the state root.", "CertificateInvalid", &|b| b.header[144] ^= 1),
        edited("F28", "later-time", "A block time of tomorrow.", "CertificateInvalid", &|b| b.header[46] ^= 0x80),
        good.under(("floor", "3"), "F30", "roll-back", "Older than what is already known.", "BundleRollback"),
        edited("BNDL-04", "out-of-order", "Two records change places.", "BundleUnordered", &|b| b.values.swap(0, 1)),
        edited("BNDL-04", "record-twice", "A record comes twice.", "BundleUnordered", &|b| {
            b.values.insert(0, b.values[0].clone())
        }),
        edited("BNDL-04", "list-twice", "A list comes twice.", "BundleUnordered", &|b| {
            b.attachments.push(b.attachments[0].clone())
        }),
        edited("BNDL-05", "record-missing", "The police's record is left out.", "StateMismatch", &|b| {
            b.values.remove(police_at);
        }),
        edited(
            "BNDL-05",
            "list-record-missing",
            "The list's record is left out with the list.",
            "StateMismatch",
            &|b| {
                b.values.remove(list_at);
                b.attachments.clear();
            },
        ),
        edited("BNDL-05", "record-older", "A record as it was, in a later state.", "StateMismatch", &|b| {
            b.header.clone_from(&later.header);
            b.certificate.clone_from(&later.certificate);
        }),
        edited("BNDL-05", "record-changed", "A key of the police is replaced.", "StateMismatch", &|b| {
            let value: Vec<u8> = b.values[police_at].to_vec();
            let key = world.police.record().keys[0].key.to_multicodec();
            let at = value.windows(key.len()).position(|window| window == key).expect("the key");
            let mut changed = value.clone();
            changed[at..at + key.len()].copy_from_slice(&world.shop.record().keys[0].key.to_multicodec());
            b.values[police_at] = changed.into();
        }),
        edited("BNDL-06", "list-changed", "Another list than the ledger holds.", "StatusListMismatch", &|b| {
            b.attachments[0].packed = pack(&StatusList::new())
        }),
        edited("BNDL-06", "list-damaged", "A list that is cut short.", "StatusListMalformed", &|b| {
            b.attachments[0].packed.truncate(9)
        }),
        edited("BNDL-06", "list-bomb", "A list that unpacks to ten megabytes.", "TooLarge", &|b| {
            b.attachments[0].packed = zlib(&vec![0; 10_000_000])
        }),
        edited("BNDL-06", "list-too-long", "More bytes than any list packs to.", "TooLarge", &|b| {
            b.attachments[0].packed = vec![0x78; ATTACHMENT_MAX + 1]
        }),
        edited("BNDL-06", "list-unknown", "A list of which the ledger knows nothing.", "AttachmentUnknown", &|b| {
            b.attachments[0] = Attachment { anchor: police, packed: pack(&list()) };
        }),
        delta
            .broken("BNDL-07", "delta-alone", "A delta without what it builds on.", "BaseMissing", delta.bytes.clone())
            .with("base", "none"),
        delta.broken(
            "BNDL-07",
            "delta-too-late",
            "A delta that begins after what is here.",
            "BaseMissing",
            ledger.bundle(Scope::Delta { since: height + 1 }).encode(),
        ),
        delta.broken("BNDL-05", "delta-incomplete", "A delta that leaves out what changed.", "StateMismatch", {
            let mut incomplete = ledger.bundle(Scope::Delta { since: height });
            incomplete.values.clear();
            incomplete.encode()
        }),
        delta,
        good,
    ]
}

/// A key that parts from this one at its first bit.
fn flipped(key: &StateKey) -> StateKey {
    let mut other = *key;
    other.0[0] ^= 0x80;
    other
}

/// The path with one level more, in the right form.
fn deeper(path: &mut Vec<u8>) {
    let depth = usize::from(u16::from_be_bytes([path[0], path[1]]));
    if depth % 8 == 0 {
        path.insert(2 + depth / 8, 0);
    }
    path[2 + depth / 8] |= 0x80 >> (depth % 8);
    path[1] += 1;
    path.extend([7; 32]);
}

fn proofs(world: &World) -> Vec<Case> {
    let (mut ledger, list_key) = small_ledger(world, NETWORK, "small network");
    let police = Record::Did(world.police.record()).state_key();
    let absent = StateKey::did(&world.shop.did);
    let anchor = hex::encode(ledger.anchor().encode());
    let proof = ledger.proof(&police).expect("a record");
    let absence = ledger.proof(&absent).expect("a proof of absence");
    let valid = |slug: &str, title: &str, proof: &LedgerProof, key: &StateKey| {
        let case = Case::valid("ledger-proof", slug, title, proof.encode());
        case.with("anchor", &anchor).with("floor", "2").with("about", &key.to_string())
    };
    let good = valid("present", "The police is on the ledger.", &proof, &police);
    let gone = valid("absent", "The shop is not on the ledger.", &absence, &absent);
    let edit = |twin: &Case,
                of: &LedgerProof,
                id: &str,
                slug: &str,
                title: &str,
                expect: &str,
                change: &dyn Fn(&mut LedgerProof)| {
        let mut other = of.clone();
        change(&mut other);
        twin.broken(id, slug, title, expect, other.encode())
    };
    let edited = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut LedgerProof)| {
        edit(&good, &proof, id, slug, title, expect, change)
    };
    let edited_absence = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut LedgerProof)| {
        edit(&gone, &absence, id, slug, title, expect, change)
    };
    let other_network = hex::encode(small_ledger(world, NETWORK, "another network").0.anchor().encode());
    let list_proof = ledger.proof(&list_key).expect("a record");
    let value = match &proof.evidence {
        Evidence::Present(value) => value.clone(),
        _ => panic!("the police is on the ledger"),
    };
    let later = {
        let mut deactivated = world.police.record();
        deactivated.deactivated = true;
        ledger.write(&[Record::Did(deactivated)], AS_OF * 1_000 + 1);
        ledger.proof(&police).expect("a record")
    };
    let (grammar, invalid, uncertified) = ("ProofGrammar", "ProofInvalid", "CertificateInvalid");
    vec![
        good.broken("LPRF-01", "empty", "Nothing at all.", grammar, vec![]),
        good.broken(
            "LPRF-01",
            "trailing-byte",
            "A byte follows the proof.",
            grammar,
            [good.bytes.as_slice(), &[0]].concat(),
        ),
        good.broken("LPRF-01", "too-large", "More bytes than a proof may have.", grammar, vec![0; 60_000]),
        edited("LPRF-03", "path-empty", "No path.", grammar, &|p| p.path.clear()),
        edited("LPRF-03", "path-longer", "A sibling too many.", grammar, &|p| p.path.extend([7; 32])),
        edited("F35", "path-too-deep", "A path of 257 levels.", grammar, &|p| {
            p.path = [&[1, 1], [0xff; 33 + 257 * 32].as_slice()].concat()
        }),
        edited("LPRF-03", "unused-bits", "A bit beyond the path's depth.", grammar, &|p| p.path[2] |= 1),
        edited("LPRF-03", "empty-sibling", "A sibling that is the empty tree.", grammar, &|p| {
            let at = p.path.len() - 32;
            p.path[at..].fill(0);
        }),
        edited("F28", "sibling-changed", "A bit of a sibling.", invalid, &|p| {
            *p.path.last_mut().expect("a sibling") ^= 1
        }),
        edited("F28", "path-of-another", "The path of another record.", invalid, &|p| {
            p.path.clone_from(&list_proof.path)
        }),
        edited("F28", "record-of-another", "Another record on this path.", invalid, &|p| {
            p.evidence = list_proof.evidence.clone()
        }),
        edited("F28", "record-changed", "A record that says deactivated.", invalid, &|p| {
            p.evidence = later.evidence.clone();
        }),
        edited("F28", "present-called-absent", "A record that is there is called absent.", invalid, &|p| {
            p.evidence = Evidence::AbsentEmpty { key: police }
        }),
        edited("F28", "present-as-other", "A record passed off as another that stands in the way.", invalid, &|p| {
            let value_hash = protocol::ledger::tree::value_hash(&value);
            p.evidence = Evidence::AbsentOther { key: police, other: police, value_hash };
        }),
        edited("F28", "value-not-canonical", "The record in another spelling.", grammar, &|p| {
            p.evidence = Evidence::Present([value.as_slice(), &[0]].concat());
        }),
        edited("F26", "header-changed", "A bit of the state root.", uncertified, &|p| p.header[140] ^= 1),
        edited("F26", "header-short", "A header of 144 bytes.", grammar, &|p| p.header.truncate(144)),
        edited("F26", "header-version", "A header of version 2.", grammar, &|p| p.header[0] = 2),
        edited("F26", "certificate-flipped", "A bit of the certificate's signature.", uncertified, &|p| {
            *p.certificate.last_mut().expect("bytes") ^= 1
        }),
        edited("F26", "certificate-missing", "No certificate.", uncertified, &|p| p.certificate.clear()),
        edited("F26", "certificate-of-another-block", "The certificate of a later header.", uncertified, &|p| {
            p.certificate.clone_from(&later.certificate)
        }),
        good.under(
            ("anchor", &other_network),
            "F29",
            "other-network",
            "A network of the same name with another genesis.",
            "WrongNetwork",
        ),
        good.under(("floor", "3"), "F30", "roll-back", "Older than what is already known.", "LedgerStale"),
        // A node of another tree put in the place of a leaf: its bytes are no record, so it stays a claim of absence.
        edited_absence("F29", "neighbour-not-adjacent", "A neighbour from elsewhere in the tree.", invalid, &|p| {
            let Evidence::Present(value) = &list_proof.evidence else { panic!("the list is on the ledger") };
            let value_hash = protocol::ledger::tree::value_hash(value);
            p.evidence = Evidence::AbsentOther { key: absent, other: flipped(&absent), value_hash };
        }),
        edited("F34", "root-as-leaf", "A path of no levels, as if the tree had one record.", invalid, &|p| {
            p.path = vec![0, 0];
        }),
        edited("F34", "empty-tree", "A path of no levels to nothing, as if the tree were empty.", invalid, &|p| {
            p.path = vec![0, 0];
            p.evidence = Evidence::AbsentEmpty { key: police };
        }),
        edited("F34", "one-level-more", "A level more below the record.", invalid, &|p| deeper(&mut p.path)),
        edited("F26", "siblings-swapped", "Two siblings change places.", invalid, &|p| {
            let at = p.path.len() - 64;
            p.path[at..].rotate_left(32);
        }),
        edited("F26", "sibling-missing", "The last sibling is missing.", grammar, &|p| {
            p.path.truncate(p.path.len() - 32)
        }),
        edited("F26", "path-cut", "The path lacks its last byte.", grammar, &|p| p.path.truncate(p.path.len() - 1)),
        edited_absence(
            "F28",
            "absent-called-present",
            "A record of another network is put where there is none.",
            invalid,
            &|p| {
                p.evidence = Evidence::Present(protocol::cbor::to_vec(&protocol::ledger::record::Envelope {
                    version: 1,
                    height: 2,
                    record: Record::Did(world.shop.record()),
                }));
            },
        ),
        edited_absence("F28", "absence-of-another", "The proof says that the police is absent.", invalid, &|p| {
            match &mut p.evidence {
                Evidence::AbsentEmpty { key } | Evidence::AbsentOther { key, .. } => *key = police,
                Evidence::Present(_) => panic!("the shop is absent"),
            }
        }),
        good,
        gone,
    ]
}

//! Transactions that a ledger node must refuse, on a small ledger of their own.

use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::ledger::record::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, IssuerKey, Purposes, Record, StatusEpoch,
    StatusListAnchor, TypeDefinition,
};
use protocol::ledger::transaction::{Sender, Transaction, TransactionBody, Write};
use protocol::ledger::{Activation, Scheduled};

use super::Case;
use super::status_list::list;
use crate::world::{ALWAYS, AS_OF, EPOCH, KEY, LIST, NETWORK, NOW, Organisation, World};

/// The id of the network that the transactions are for.
#[must_use]
pub fn network_id() -> [u8; 32] {
    crate::seed("transactions")
}

fn governors() -> [Ed25519SigningKey; 3] {
    ["first governor", "second governor", "third governor"].map(|name| Ed25519SigningKey::from_seed(&crate::seed(name)))
}

/// Two of three govern the network, without delay.
#[must_use]
pub fn governance() -> Governance {
    let keys = governors().map(|key| match key.public_key() {
        PublicKey::Ed25519(bytes) => GovernanceKey(bytes),
        _ => unreachable!("an Ed25519 key"),
    });
    Governance { network: NETWORK.into(), keys: keys.to_vec(), threshold: 2, delay: 0 }
}

/// What the ledger has executed before any case, at [`AS_OF`]: a type, three organisations, an accredited issuer with its
/// key, list and epoch.
#[must_use]
pub fn prelude(world: &World) -> Vec<Vec<u8>> {
    let [first, second, _] = governors();
    let World { police, shop, transport, licences, .. } = world;
    let definition =
        TypeDefinition { id: licences.credential_type.id.clone(), definition: licences.credential_type.definition() };
    let mut founding = vec![(Record::CredentialType(definition), 0)];
    founding.extend([police, shop, transport].map(|who| (Record::Did(who.record()), 0)));
    let signers: [&dyn Signer; 5] = [&first, &second, &police.key, &shop.key, &transport.key];
    let published = vec![(lists(world, AS_OF), 0), (epoch(world, EPOCH, AS_OF), 0)];
    vec![
        signed(body(Sender::Governance, 0, founding), &signers),
        signed(body(Sender::Governance, 1, vec![(accreditation(world), 0)]), &[&first, &second]),
        own(police, 0, vec![(Record::IssuerKey(Box::new(licences.record.clone())), 0)]),
        own(police, 1, published),
    ]
}

/// Nonces after the prelude.
const GOVERNED: u64 = 2;
const POLICE: u64 = 2;

fn body(sender: Sender, nonce: u64, writes: Vec<(Record, u64)>) -> TransactionBody {
    let writes = writes.into_iter().map(|(record, previous_version)| Write { record, previous_version }).collect();
    TransactionBody { network_id: network_id(), sender, nonce, writes }
}

fn signed(body: TransactionBody, signers: &[&dyn Signer]) -> Vec<u8> {
    body.signed_by(signers).expect("software keys").encode()
}

fn sender(who: &Organisation, fragment: &str) -> Sender {
    Sender::Did { did: who.did.clone(), fragment: fragment.into() }
}

fn own(who: &Organisation, nonce: u64, writes: Vec<(Record, u64)>) -> Vec<u8> {
    signed(body(sender(who, KEY), nonce, writes), &[&who.key])
}

fn governed(nonce: u64, writes: Vec<(Record, u64)>) -> Vec<u8> {
    let [first, second, _] = governors();
    signed(body(Sender::Governance, nonce, writes), &[&first, &second])
}

fn accreditation_with(world: &World, change: impl Fn(&mut Accreditation)) -> Record {
    let mut accreditation = Accreditation {
        issuer: world.police.did.clone(),
        credential_type: world.licences.credential_type.id.clone(),
        from: ALWAYS.0,
        until: ALWAYS.1,
        withdrawn: false,
    };
    change(&mut accreditation);
    Record::Accreditation(accreditation)
}

fn accreditation(world: &World) -> Record {
    accreditation_with(world, |_| {})
}

fn lists(world: &World, as_of: u64) -> Record {
    Record::StatusList(StatusListAnchor {
        issuer: world.police.did.clone(),
        credential_type: world.licences.credential_type.id.clone(),
        list: LIST,
        digest: list().digest(),
        entries: protocol::credential::StatusList::ENTRIES,
        as_of,
    })
}

fn epoch(world: &World, epoch: u32, at: u64) -> Record {
    Record::StatusEpoch(StatusEpoch { issuer_key: world.licences.record.key_id(), epoch, at })
}

fn did_key(fragment: &str, who: &Organisation) -> DidKey {
    DidKey { fragment: fragment.into(), ..who.record().keys[0].clone() }
}

fn did(who: &Organisation, keys: Vec<DidKey>) -> Record {
    Record::Did(DidRecord { keys, ..who.record() })
}

/// The cases.
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = signed_by_whom(world);
    cases.extend(once_and_in_order(world));
    cases.extend(forms(world));
    cases.extend(creations(world));
    cases.extend(for_ever(world));
    cases
}

fn valid(slug: &str, title: &str, bytes: Vec<u8>) -> Case {
    Case::valid("transaction", slug, title, bytes).with("before", "none")
}

/// The issuer's list, which several cases change.
fn publication(world: &World) -> Case {
    valid("list", "An issuer publishes a list.", own(&world.police, POLICE, vec![(lists(world, NOW), 1)]))
}

fn signed_by_whom(world: &World) -> Vec<Case> {
    let World { police, shop, .. } = world;
    let [first, second, third] = governors();
    let more = accreditation_with(world, |a| a.until -= 1);
    let permission = valid(
        "accreditation",
        "Two of three governors shorten an accreditation.",
        governed(GOVERNED, vec![(more.clone(), 1)]),
    );
    let by = |signers: &[&dyn Signer]| signed(body(Sender::Governance, GOVERNED, vec![(more.clone(), 1)]), signers);
    let update = did(police, vec![did_key(KEY, police), did_key("key-2", shop)]);
    let change = valid("key-added", "An organisation adds a key.", own(police, POLICE, vec![(update.clone(), 1)]));
    let list = publication(world);
    let not_his = "Unauthorized";
    vec![
        change.broken(
            "F01",
            "by-another",
            "Another organisation sends the change.",
            not_his,
            own(shop, 0, vec![(update.clone(), 1)]),
        ),
        change.broken(
            "F01",
            "with-another-key",
            "In the controller's name, signed with another organisation's key.",
            not_his,
            signed(body(sender(police, KEY), POLICE, vec![(update.clone(), 1)]), &[&shop.key]),
        ),
        change.broken(
            "F01",
            "two-keys",
            "Signed by the controller and by somebody else.",
            not_his,
            signed(body(sender(police, KEY), POLICE, vec![(update, 1)]), &[&police.key, &shop.key]),
        ),
        permission.broken("F11", "one-of-two", "One governor where two are needed.", "QuorumNotMet", by(&[&first])),
        permission.broken("F11", "one-twice", "One governor signs twice.", "QuorumNotMet", by(&[&third, &third])),
        permission.broken("F11", "none", "No governor signs.", "QuorumNotMet", by(&[])),
        permission.broken(
            "F11",
            "a-stranger-too",
            "Two governors and a stranger.",
            not_his,
            by(&[&first, &second, &shop.key]),
        ),
        permission.broken(
            "F11",
            "by-the-accredited",
            "An issuer prolongs its own accreditation.",
            not_his,
            own(police, POLICE, vec![(accreditation_with(world, |a| a.until += 1), 1)]),
        ),
        list.broken(
            "F12",
            "by-another-issuer",
            "Another organisation publishes the list.",
            not_his,
            own(shop, 0, vec![(lists(world, NOW), 1)]),
        ),
        list.broken(
            "F12",
            "epoch-by-another",
            "Another organisation opens an epoch.",
            not_his,
            own(shop, 0, vec![(epoch(world, EPOCH + 1, NOW), 1)]),
        ),
        list.broken(
            "F12",
            "by-the-governors",
            "The governors publish the list.",
            not_his,
            governed(GOVERNED, vec![(lists(world, NOW), 1)]),
        ),
        permission,
        change,
        list,
    ]
}

fn once_and_in_order(world: &World) -> Vec<Case> {
    let police = &world.police;
    let list = publication(world);
    let added = did(police, vec![did_key(KEY, police), did_key("key-2", &world.shop)]);
    let change = valid("key-added", "An organisation adds a key.", own(police, POLICE, vec![(added.clone(), 1)]));
    let retired = DidKey { until: Some(NOW), ..did_key(KEY, police) };
    let rotated = did(police, vec![retired.clone(), did_key("key-2", &world.shop)]);
    let rotation = valid("rotation", "A new key takes the old one's place.", own(police, POLICE, vec![(rotated, 1)]));
    let next = POLICE + 1;
    vec![
        list.broken("F02", "replay", "The same transaction once more.", "DuplicateTx", list.bytes.clone())
            .with("before", &list.file()),
        list.broken("F02", "gap", "A nonce is left out.", "NonceGap", own(police, next, vec![(lists(world, NOW), 1)])),
        list.broken(
            "F02",
            "last-nonce",
            "The largest nonce there is.",
            "NonceOverflow",
            own(police, u64::MAX, vec![(lists(world, NOW), 1)]),
        ),
        change.broken(
            "F05",
            "created-again",
            "A DID that exists is created.",
            "AlreadyExists",
            own(police, POLICE, vec![(added.clone(), 0)]),
        ),
        change
            .broken(
                "F06",
                "lost-update",
                "The change of a version that was replaced meanwhile.",
                "VersionConflict",
                own(police, next, vec![(added, 1)]),
            )
            .with("before", &change.file()),
        rotation
            .broken(
                "F07",
                "after-rotation",
                "The old key signs after the new one took its place.",
                "KeyNotValidAtHeight",
                own(police, next, vec![(lists(world, NOW), 1)]),
            )
            .with("before", &rotation.file()),
        rotation.broken(
            "F08",
            "no-key-left",
            "The last key is retired.",
            "WouldOrphan",
            own(police, POLICE, vec![(did(police, vec![retired.clone()]), 1)]),
        ),
        rotation.broken(
            "F08",
            "no-control-left",
            "The key that is left may not change the DID.",
            "WouldOrphan",
            own(
                police,
                POLICE,
                vec![(
                    did(
                        police,
                        vec![retired, DidKey { purposes: Purposes::ASSERTION, ..did_key("key-2", &world.shop) }],
                    ),
                    1,
                )],
            ),
        ),
        rotation,
    ]
}

fn forms(world: &World) -> Vec<Case> {
    let police = &world.police;
    let list = publication(world);
    let writes = |count: usize| own(police, POLICE, vec![(lists(world, NOW), 1); count]);
    let crowd = {
        let mut transaction = Transaction::decode(&list.bytes).expect("a transaction");
        transaction.endorsements = vec![transaction.endorsements[0].clone(); 65];
        transaction.encode()
    };
    let long_form = [&[0x98, 0x02], &list.bytes[1..]].concat();
    let indefinite = [&[0x9f], &list.bytes[1..], &[0xff]].concat();
    let forged = super::flip(&list.bytes, list.bytes.len() - 1, 1);
    let elsewhere =
        TransactionBody { network_id: [9; 32], ..body(sender(police, KEY), POLICE, vec![(lists(world, NOW), 1)]) };
    let (large, spelled) = ("TooLarge", "NonCanonicalEncoding");
    vec![
        list.broken("F04", "too-long", "A byte more than a transaction may have.", large, vec![0x82; 64 * 1024 + 1]),
        list.broken("F04", "too-many-writes", "65 writes.", large, writes(65)),
        list.broken("F04", "too-many-signatures", "65 signatures.", large, crowd),
        list.broken("F04", "no-writes", "Nothing to write.", "EmptyTx", writes(0)),
        list.broken("F10", "trailing-byte", "A byte follows.", spelled, [list.bytes.as_slice(), &[0]].concat()),
        list.broken("F10", "long-form", "The length of an array in two bytes.", spelled, long_form),
        list.broken("F10", "indefinite", "An array of indefinite length.", spelled, indefinite),
        list.broken("LTXN-03", "forged", "A bit of the signature is turned.", "SignatureInvalid", forged),
        list.broken("LTXN-02", "elsewhere", "For another network.", "WrongNetwork", signed(elsewhere, &[&police.key])),
        list.broken(
            "LTXN-01",
            "cut-short",
            "The last byte is missing.",
            "Malformed",
            list.bytes[..list.bytes.len() - 1].to_vec(),
        ),
    ]
}

fn creations(world: &World) -> Vec<Case> {
    let [first, second, _] = governors();
    let bank = Organisation::new("bank");
    let create =
        |record: Record, signers: &[&dyn Signer]| signed(body(sender(&bank, KEY), 0, vec![(record, 0)]), signers);
    let all: [&dyn Signer; 3] = [&bank.key, &first, &second];
    let created = valid(
        "creation",
        "An organisation creates its DID, admitted by two governors.",
        create(Record::Did(bank.record()), &all),
    );
    let governed = |record: Record, signers: &[&dyn Signer]| {
        signed(body(Sender::Governance, GOVERNED, vec![(record, 0)]), signers)
    };
    let weaker = did(&bank, vec![DidKey { purposes: Purposes::ASSERTION, ..did_key(KEY, &bank) }]);
    let stolen = Record::Did(DidRecord { did: bank.did.clone(), ..world.shop.record() });
    let later = Record::Scheduled(Scheduled::new(&Record::Did(bank.record()), 0, NOW + 1));
    let refused = "Unauthorized";
    vec![
        created.broken(
            "F01",
            "creation-unasked",
            "The governors name a DID whose controller did not sign.",
            refused,
            governed(Record::Did(bank.record()), &[&first, &second]),
        ),
        created.broken(
            "F01",
            "creation-by-another",
            "Another organisation's key signs for the new one.",
            refused,
            create(Record::Did(bank.record()), &[&world.shop.key, &first, &second]),
        ),
        created.broken(
            "LRUL-14",
            "creation-scheduled",
            "The governors schedule it, for when nobody asks.",
            refused,
            governed(later, &[&first, &second]),
        ),
        created.broken(
            "F11",
            "creation-unadmitted",
            "No governor admits it.",
            "QuorumNotMet",
            create(Record::Did(bank.record()), &[&bank.key]),
        ),
        created.broken(
            "F11",
            "creation-by-one",
            "One governor admits it where two are needed.",
            "QuorumNotMet",
            create(Record::Did(bank.record()), &[&bank.key, &first]),
        ),
        created.broken(
            "F08",
            "creation-without-control",
            "The first key may not change the DID.",
            "WouldOrphan",
            create(weaker, &all),
        ),
        created.broken(
            "LRUL-02",
            "creation-of-another",
            "The record's first key is not the one the DID is derived from.",
            "IdentifierMismatch",
            create(stolen, &[&world.shop.key, &first, &second]),
        ),
        created
            .broken("F05", "creation-again", "The same DID is created once more.", "DuplicateTx", {
                let keys = vec![did_key(KEY, &bank), did_key("key-2", &world.shop)];
                create(did(&bank, keys), &all)
            })
            .with("before", &created.file()),
        created,
    ]
}

fn for_ever(world: &World) -> Vec<Case> {
    let World { police, licences, .. } = world;
    let gone = Record::Did(DidRecord { deactivated: true, ..police.record() });
    let deactivated = valid("deactivation", "An organisation gives its DID up.", own(police, POLICE, vec![(gone, 1)]));
    let withdrawn = valid(
        "withdrawal",
        "The governors withdraw an accreditation.",
        governed(GOVERNED, vec![(accreditation_with(world, |a| a.withdrawn = true), 1)]),
    );
    let key = |compromised_from| Record::IssuerKey(Box::new(IssuerKey { compromised_from, ..licences.record.clone() }));
    let compromised =
        valid("compromise", "An issuer reports its key lost.", own(police, POLICE, vec![(key(Some(AS_OF)), 1)]));
    let opened =
        valid("epoch", "An issuer opens an epoch.", own(police, POLICE, vec![(epoch(world, EPOCH + 1, NOW), 1)]));
    let list = publication(world);
    let next = POLICE + 1;
    let over = "IllegalTransition";
    let cancelled = {
        let scheduled = Scheduled::new(&accreditation_with(world, |a| a.until += 1), 1, NOW + 60);
        Record::Scheduled(Scheduled { activation: Activation::Cancelled, ..scheduled })
    };
    vec![
        deactivated
            .broken(
                "F05",
                "update-after-deactivation",
                "It is changed afterwards.",
                "Deactivated",
                own(police, next, vec![(Record::Did(police.record()), 2)]),
            )
            .with("before", &deactivated.file()),
        deactivated
            .broken(
                "F05",
                "revived-by-governors",
                "The governors take the deactivation back.",
                "Deactivated",
                governed(GOVERNED, vec![(Record::Did(police.record()), 2)]),
            )
            .with("before", &deactivated.file()),
        withdrawn
            .broken(
                "F13",
                "accreditation-back",
                "The withdrawal is taken back.",
                over,
                governed(GOVERNED + 1, vec![(accreditation(world), 2)]),
            )
            .with("before", &withdrawn.file()),
        compromised
            .broken("F13", "trusted-again", "The report is taken back.", over, own(police, next, vec![(key(None), 2)]))
            .with("before", &compromised.file()),
        compromised
            .broken(
                "F13",
                "compromised-later",
                "The cut-off moves to a later time.",
                over,
                own(police, next, vec![(key(Some(AS_OF + 1)), 2)]),
            )
            .with("before", &compromised.file()),
        opened.broken(
            "F13",
            "epoch-back",
            "An epoch is opened again.",
            over,
            own(police, POLICE, vec![(epoch(world, EPOCH, NOW), 1)]),
        ),
        list.broken(
            "F13",
            "list-back",
            "A list of an earlier time takes a later one's place.",
            over,
            own(police, POLICE, vec![(lists(world, AS_OF - 1), 1)]),
        ),
        list.broken(
            "LRUL-09",
            "list-ahead",
            "A list from the future.",
            over,
            own(police, POLICE, vec![(lists(world, NOW + 61), 1)]),
        ),
        withdrawn.broken(
            "LRUL-12",
            "nothing-to-cancel",
            "A change is cancelled that nobody scheduled.",
            over,
            governed(GOVERNED, vec![(cancelled, 0)]),
        ),
        deactivated,
        withdrawn,
        compromised,
        opened,
    ]
}

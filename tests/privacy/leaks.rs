//! Wallets with a leak, to show that the game would find one.

use protocol::credential::{Credential, Day, Layout};
use protocol::crypto::curve::{G1, G1Affine, Scalar};
use protocol::crypto::membership::ValueSignature;
use protocol::disclosure::{Membership, Statement};
use protocol::exchange::{Claim, status_token_number};
use tests::forger::{FirstMove, Material, Part};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EPOCH, Held, NOW};

use crate::crowd::crowd;

/// Presentations of each holder in a leak's game.
const EACH: usize = 12;
/// In the game of a leak of a few bits.
const EACH_OF_BITS: usize = 60;

/// A wallet that does one thing wrong.
pub(crate) struct Leak {
    pub(crate) name: &'static str,
    /// The attack that must find it.
    pub(crate) found_by: &'static str,
    make: fn(usize, usize) -> Vec<u8>,
}

impl Leak {
    /// What two holders with this wallet show.
    pub(crate) fn pools(&self) -> [Vec<Vec<u8>>; 2] {
        let each = if self.found_by == "bits that never change" { EACH_OF_BITS } else { EACH };
        [0, 1].map(|who| (0..each).map(|round| (self.make)(who, round)).collect())
    }
}

/// A presentation of the product itself.
fn honest(who: usize, round: usize) -> Vec<u8> {
    crowd().shows[who][100 + round].clone()
}

fn edited(who: usize, round: usize, change: impl FnOnce(&mut PresentationWire)) -> Vec<u8> {
    let mut wire = PresentationWire::decode(&honest(who, round));
    change(&mut wire);
    wire.encode()
}

pub(crate) fn all() -> Vec<Leak> {
    let leak = |name, found_by, make| Leak { name, found_by, make };
    vec![
        leak("the random generator starts over each time", "common bytes", |who, _| {
            let world = &crowd().world;
            crowd().identities()[who].show(&world.identities, &world.profile("age-19"), &mut rng("stuck"))
        }),
        leak("the handle is shown", "common bytes", |who, round| {
            edited(who, round, |wire| wire.handle = Some(crowd().identities()[who].credential.handle))
        }),
        leak("one holder's wallet shows an attribute more", "length and fields", |who, round| {
            let gender = protocol::exchange::Shown { position: 2, value: protocol::credential::Value::Number(2) };
            edited(who, round, |wire| wire.shown.extend((who == 1).then_some(gender)))
        }),
        leak("the exact second is given, and one clock is off", "time", |who, round| {
            edited(who, round, |wire| wire.made_at += 60 * round as u64 + 7 * who as u64)
        }),
        leak("three bits of the challenge are chosen by trying", "bits that never change", |who, round| {
            let is_marked = |bytes: &&Vec<u8>| {
                let proof = PresentationWire::decode(bytes).proof;
                usize::from(proof[proof.len() - 3 * 128 - 1] & 7) == 5 * who
            };
            crowd().shows[who].iter().filter(is_marked).nth(round).expect("one in eight").clone()
        }),
        leak("the signature's point is shown as it is", "known points", |who, round| {
            forged(who, round, |_, first, material| {
                first.signature[0] = decoded(&material.signature[..48]);
            })
        }),
        leak("the signature is blinded by its own exponent", "known points", |who, round| {
            forged(who, round, |_, first, material| {
                let e = Scalar::from_be_bytes(material.signature[48..].try_into().unwrap()).unwrap();
                first.signature[0] = decoded(&material.signature[..48]).multiply(&e);
            })
        }),
        leak("D is what the issuer signed, not blinded", "known points times a secret key", |who, round| {
            forged(who, round, |_, first, material| {
                // A·(sk + e) is B; shown is B·1/sk² for a wallet in league with its maker, who has sk.
                let sk = Scalar::from_be_bytes(&crowd().world.identities.bbs.expose_bytes()).unwrap();
                let inverse = sk.invert().unwrap();
                first.signature[2] = decoded(&material.signature[..48]).multiply(&(inverse * inverse));
            })
        }),
        leak("r1 is 1", "randomised signature that fits one exponent only", |who, round| {
            forged(who, round, |_, first, material| {
                // D·r1 is Abar·(sk + e): with D = B·r2, Abar is then A·r2.
                let e = Scalar::from_be_bytes(material.signature[48..].try_into().unwrap()).unwrap();
                let sk = Scalar::from_be_bytes(&crowd().world.identities.bbs.expose_bytes()).unwrap();
                first.signature[0] = first.signature[2].multiply(&(sk + e).invert().unwrap());
            })
        }),
        leak("the status token is shown as it was fetched", "known points", |who, round| {
            forged(who, round, |statement, first, material| {
                let mut draw = rng(&format!("token {who} {round}"));
                let hidden = first.hidden.iter().find(|hidden| hidden.index == Layout::HANDLE).unwrap();
                let value = hidden.message + statement.memberships[1].constant;
                let v = &material.value_signatures[1];
                let base = statement.memberships[1].base;
                first.parts[1] = Part::new(&base, v, value, hidden.tilde, [Scalar::ONE, Scalar::random(&mut draw)]);
            })
        }),
        leak("one point is another times the handle", "points related by a known number", |who, round| {
            forged(who, round, |_, first, _| {
                let handle = Scalar::from_u64(crowd().identities()[who].credential.handle);
                first.parts[0].a_prime = first.signature[2].multiply(&handle);
            })
        }),
        leak("the handle's blinding is forgotten", "responses without blinding", |who, round| {
            forged(who, round, |_, first, _| {
                let hidden = first.hidden.iter_mut().find(|hidden| hidden.index == Layout::HANDLE).unwrap();
                hidden.tilde = Scalar::ZERO;
            })
        }),
        leak("blinding of 64 bits", "blinding that is small or repeats", |who, round| {
            forged(who, round, |_, first, _| {
                let hidden = first.hidden.iter_mut().find(|hidden| hidden.index == Layout::HANDLE).unwrap();
                hidden.tilde = Scalar::from_u64(u64::MAX - round as u64);
            })
        }),
        leak(
            "blinding that repeats from one presentation to the next",
            "blinding that is small or repeats",
            |who, round| {
                forged(who, round, |_, first, _| {
                    let repeated = Scalar::random(&mut rng(&format!("repeated {who}")));
                    let hidden = first.hidden.iter_mut().find(|hidden| hidden.index == Layout::HANDLE).unwrap();
                    hidden.tilde = repeated;
                })
            },
        ),
    ]
}

fn decoded(bytes: &[u8]) -> G1 {
    G1::from(G1Affine::from_compressed(bytes.try_into().unwrap()).unwrap())
}

/// An age code from the specification, with the first move open to change. Whether it verifies is not the point.
fn forged(who: usize, round: usize, change: impl FnOnce(&Statement<'_>, &mut FirstMove, &Material<'_>)) -> Vec<u8> {
    let (world, held): (_, &Held) = (&crowd().world, crowd().identities()[who]);
    let (issuing, evidence, credential) = (&world.identities, &held.evidence, &held.credential);
    let wire = PresentationWire { proof: vec![], ..PresentationWire::decode(&honest(who, round)) };
    let messages = credential.messages(&issuing.credential_type, &held.secrets).unwrap();
    let today = Day::in_korea(NOW);
    let number = |day: Day| Scalar::from_u64(u64::from(day.number()));
    let Some(Claim::AtMost(latest)) = wire.proven[0].claim(&issuing.credential_type, today) else { panic!("an age") };
    let birth = Layout::ATTRIBUTES + wire.proven[0].position(&issuing.credential_type).unwrap();
    let memberships = [
        Membership::signed(evidence.day_set(), Layout::EXPIRY, Scalar::ONE, -number(today)),
        Membership::signed(evidence.status(), Layout::HANDLE, Scalar::ONE, status_token_number(0, EPOCH)),
        Membership::signed(evidence.day_set(), birth, -Scalar::ONE, number(latest)),
    ];
    let value = |index: usize| {
        let membership: &Membership<'_> = &memberships[index];
        membership.coefficient * messages[membership.message] + membership.constant
    };
    let point = |signature: ValueSignature| G1Affine::from_compressed(&signature.to_bytes()).unwrap();
    let value_signatures = [
        point(issuing.days.sign(value(0)).unwrap()),
        point(issuing.status_token(credential.handle, EPOCH)),
        point(issuing.days.sign(value(2)).unwrap()),
    ];
    let header = Credential::header(&evidence.network, &evidence.key_id, &issuing.credential_type);
    let shown = [(Layout::DEVICE_KEY, Scalar::ZERO)];
    let statement = Statement {
        issuer: evidence.bbs(),
        header: &header,
        message_count: messages.len(),
        shown: &shown,
        memberships: &memberships,
        pseudonym: None,
    };
    let material =
        Material { signature: &credential.signature, messages: &messages, value_signatures: &value_signatures };
    let mut first = FirstMove::new(&statement, &material, &mut rng(&format!("leaky {who} {round}")));
    change(&statement, &mut first, &material);
    let proof = first.finish(&statement, &wire.context()).encode();
    PresentationWire { proof, ..wire }.encode()
}

#[test]
fn a_wallet_without_a_leak_makes_the_products_presentations() {
    let world = &crowd().world;
    let bytes = forged(0, 0, |_, _, _| {});
    let mut verifier = verifier::Verifier::new(verifier::Policy::default(), verifier::SeenInMemory::default());
    let query = world.profile("age-19");
    verifier.check(&verifier::Asked::Displayed(&query), &bytes, &world.trust("usual"), NOW).expect("an honest proof");
}

//! Proofs by a dishonest holder: the challenge holds, and what it says is not true.

use protocol::credential::{Credential, CredentialType, Day, HolderSecrets, Layout};
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::crypto::membership::{SetPublicKey, SetSecretKey, ValueSignature};
use protocol::disclosure::{Membership, Statement};
use protocol::exchange::{Claim, Query, status_token_number};

use super::{Case, Valid};
use crate::forger::{Material, forge};
use crate::wire::PresentationWire;
use crate::world::{EPOCH, Held, NOW, World};

/// One membership as the forger claims it.
struct Claimed<'a> {
    set: &'a SetPublicKey,
    message: usize,
    coefficient: Scalar,
    constant: Scalar,
    signature: ValueSignature,
}

/// An age code as the forger makes it: honest until something is changed.
struct Forgery<'a> {
    world: &'a World,
    held: &'a Held,
    wire: PresentationWire,
    claimed: Vec<Claimed<'a>>,
}

const EXPIRY: usize = 0;
const STATUS: usize = 1;
const AGE: usize = 2;

impl<'a> Forgery<'a> {
    /// "Aged 19 or over" from `held`, with the signatures on `reserve` and `left` days.
    fn new(world: &'a World, held: &'a Held, left: u16, reserve: u16) -> Self {
        let (identities, evidence) = (&world.identities, &held.evidence);
        let query: Query = world.profile("age-19");
        let today = Day::in_korea(NOW);
        let number = |day: Day| Scalar::from_u64(u64::from(day.number()));
        let one = Scalar::from_u64(1);
        let predicate = &query.prove[0];
        let birth_date = Layout::ATTRIBUTES + predicate.position(&identities.credential_type).expect("a birth date");
        let claimed = vec![
            Claimed {
                set: evidence.day_set(),
                message: Layout::EXPIRY,
                coefficient: one,
                constant: -number(today),
                signature: identities.day_signature(left),
            },
            Claimed {
                set: evidence.status(),
                message: Layout::HANDLE,
                coefficient: one,
                constant: status_token_number(0, EPOCH),
                signature: identities.status_token(held.credential.handle, EPOCH),
            },
            Claimed {
                set: evidence.day_set(),
                message: birth_date,
                coefficient: -one,
                constant: number(latest(&query, &identities.credential_type)),
                signature: identities.day_signature(reserve),
            },
        ];
        let wire = PresentationWire {
            version: 1,
            issuer_key: evidence.key_id,
            made_at: NOW,
            request: None,
            shown: vec![],
            proven: query.prove,
            handle: None,
            epoch: Some(EPOCH),
            device_key: None,
            proof: vec![],
            device_signature: None,
            pseudonym: None,
        };
        Self { world, held, wire, claimed }
    }

    fn finish(&self, name: &str) -> Vec<u8> {
        self.finish_with(name, &self.held.credential, &self.held.secrets)
    }

    fn finish_with(&self, name: &str, credential: &Credential, secrets: &HolderSecrets) -> Vec<u8> {
        let credential_type = &self.world.identities.credential_type;
        let evidence = &self.held.evidence;
        let messages = credential.messages(credential_type, secrets).expect("a credential of the type");
        let header = Credential::header(&evidence.network, &evidence.key_id, credential_type);
        let memberships: Vec<_> =
            self.claimed.iter().map(|c| Membership::signed(c.set, c.message, c.coefficient, c.constant)).collect();
        let statement = Statement {
            issuer: evidence.bbs(),
            header: &header,
            message_count: messages.len(),
            shown: &[(Layout::DEVICE_KEY, Scalar::ZERO)],
            memberships: &memberships,
            pseudonym: None,
        };
        let point = |c: &Claimed<'_>| G1Affine::from_compressed(&c.signature.to_bytes()).expect("a point");
        let value_signatures: Vec<_> = self.claimed.iter().map(point).collect();
        let material =
            Material { signature: &credential.signature, messages: &messages, value_signatures: &value_signatures };
        let proof = forge(&statement, &material, &self.wire.context(), &mut crate::rng(name));
        PresentationWire { proof, ..self.wire.clone() }.encode()
    }
}

/// The last birth date that qualifies for the first statement of `query`, an age.
fn latest(query: &Query, credential_type: &CredentialType) -> Day {
    match query.prove[0].claim(credential_type, Day::in_korea(NOW)) {
        Some(Claim::AtMost(day)) => day,
        other => panic!("not an age: {other:?}"),
    }
}

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let world = valid.world;
    let today = Day::in_korea(NOW).number();
    let latest = latest(&world.profile("age-19"), &world.identities.credential_type).number();
    let reserve = |birth: &str| latest.wrapping_sub(birth.parse::<Day>().expect("a date").number()) as u16;
    let left = 3_650;
    let adult = || Forgery::new(world, &world.holder.identity, left, reserve(world.holder.person.birth_date));
    // The minor is one day short: −1 wraps around to 65,535, which the issuer signed as well.
    let minor = || Forgery::new(world, &world.minor.identity, left, reserve(world.minor.person.birth_date));

    let honest = Case {
        slug: "made-from-the-specification".into(),
        title: "An adult's age code, made without the product's code.".into(),
        bytes: adult().finish("honest forger"),
        ..valid.age.clone()
    };
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| honest.broken(id, slug, title, expect, bytes);

    let mut too_young = minor();
    too_young.claimed[AGE].signature = world.identities.day_signature(0);
    let mut swapped = minor();
    let swap = &mut swapped.claimed[AGE];
    (swap.coefficient, swap.constant) = (-swap.coefficient, -swap.constant);
    swap.signature = world.identities.day_signature(1);
    let mut other_message = minor();
    other_message.claimed[AGE].message = Layout::EXPIRY;
    let own_set = SetSecretKey::generate(&crate::seed("forger's set"), b"days").expect("32 bytes");
    let day_before = -Scalar::from_u64(1);
    let mut own_signature = minor();
    own_signature.claimed[AGE].signature = own_set.sign(day_before).expect("any number");
    let mut own_key = minor();
    own_key.claimed[AGE].signature = own_set.sign(day_before).expect("any number");
    own_key.claimed[AGE].set = own_set.public_key();
    let mut old_token = adult();
    let handle = world.holder.identity.credential.handle;
    old_token.claimed[STATUS].signature = world.identities.status_token(handle, EPOCH - 1);
    let mut borrowed_token = adult();
    let neighbours = world.neighbour.identity.credential.handle;
    borrowed_token.claimed[STATUS].signature = world.identities.status_token(neighbours, EPOCH);
    let mut token_as_day = minor();
    token_as_day.claimed[AGE].signature = token_as_day.claimed[STATUS].signature;

    let yesterday = Day::from_number(today - 1).expect("a day");
    let expired = Held::with(&world.identities, &world.holder.person, "expired identity", yesterday, None);
    let mut expired_wrapped = Forgery::new(world, &expired, u16::MAX, reserve(world.holder.person.birth_date));
    expired_wrapped.claimed[STATUS].signature = world.identities.status_token(expired.credential.handle, EPOCH);
    let mut expired_zero = Forgery::new(world, &expired, 0, reserve(world.holder.person.birth_date));
    expired_zero.claimed[EXPIRY].constant = -Scalar::from_u64(u64::from(today - 1));

    let (minors, minors_secrets) = (&world.minor.identity.credential, &world.minor.identity.secrets);
    let older = Credential { values: world.identities.values(&world.holder.person), ..minors.clone() };
    let mut lied = minor();
    lied.claimed[AGE].signature = world.identities.day_signature(reserve(world.holder.person.birth_date));
    let stolen_link = &world.neighbour.identity.secrets;

    let predicate = "PredicateInvalid";
    let cases = vec![
        broken(
            "C19",
            "negative-age-wrapped",
            "One day too young; −1 taken for 65,535.",
            predicate,
            minor().finish("wrapped"),
        ),
        broken(
            "C19",
            "reserve-of-zero",
            "One day too young, with the signature on zero days.",
            predicate,
            too_young.finish("zero"),
        ),
        broken(
            "C19",
            "direction-swapped",
            "Proves that the bound is not reached.",
            "ProofInvalid",
            swapped.finish("swapped"),
        ),
        broken(
            "C19",
            "other-message",
            "Proves the statement about the expiry date.",
            "ProofInvalid",
            other_message.finish("other message"),
        ),
        broken(
            "C19",
            "own-signature",
            "A day number signed by the forger.",
            predicate,
            own_signature.finish("own signature"),
        ),
        broken("C20", "own-set", "A set of the forger's own.", "ProofInvalid", own_key.finish("own set")),
        broken(
            "C19",
            "token-as-day",
            "A status token where a day number is due.",
            predicate,
            token_as_day.finish("token as day"),
        ),
        broken(
            "C19",
            "signature-by-nobody",
            "A birth date that the issuer did not sign.",
            "ProofInvalid",
            lied.finish_with("lied", &older, minors_secrets),
        ),
        broken(
            "C25",
            "other-link-secret",
            "Another person's link secret.",
            "ProofInvalid",
            adult().finish_with("stolen", &world.holder.identity.credential, stolen_link),
        ),
        broken(
            "C23",
            "token-of-last-epoch",
            "Last epoch's token passed off as this one's.",
            predicate,
            old_token.finish("old token"),
        ),
        broken(
            "C23",
            "token-of-another",
            "The status token of another credential.",
            predicate,
            borrowed_token.finish("borrowed token"),
        ),
        broken(
            "L04",
            "expired-wrapped",
            "Expired yesterday; −1 taken for 65,535.",
            predicate,
            expired_wrapped.finish("expired"),
        ),
        broken(
            "L04",
            "expired-other-day",
            "Expired yesterday; compares with yesterday.",
            "ProofInvalid",
            expired_zero.finish("expired zero"),
        ),
    ];
    [vec![honest], cases].concat()
}

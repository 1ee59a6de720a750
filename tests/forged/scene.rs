//! An issuer, people with credentials, and a statement with every kind of part.

use protocol::crypto::bbs::{self, SecretKey, Suite};
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::crypto::membership::{SetPublicKey, SetSecretKey, ValueSignature, epoch_offset};
use protocol::crypto::public_set::SetParameters;
use protocol::disclosure::{Membership, Pseudonym, Statement, pseudonym};
use tests::forger::{FirstMove, Material};
use tests::rng;

pub(crate) const HEADER: &[u8] = b"credential header";
pub(crate) const CONTEXT: &[u8] = b"verifier, nonce, purpose";
const TODAY: u64 = 46_345;
const EPOCH: u64 = 412;
/// Position of each message.
pub(crate) const LINK: usize = 0;
pub(crate) const BLINDER: usize = 1;
const HANDLE: usize = 2;
const EXPIRY: usize = 3;
const BIRTH: usize = 4;
const CLASSES: usize = 5;
const REGION: usize = 6;
const NATIONALITY: usize = 7;
const SHOWN: usize = 8;
const COUNT: usize = 10;

/// A person's credential.
pub(crate) struct Person {
    pub(crate) messages: Vec<Scalar>,
    pub(crate) signature: [u8; 80],
}

/// What a set is.
pub(crate) enum Set {
    Days,
    Status,
    Public(Vec<u64>),
}

/// One membership of the statement, with the value of someone for whom it is not true.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) set: Set,
    pub(crate) message: usize,
    pub(crate) coefficient: Scalar,
    pub(crate) constant: Scalar,
    /// Just outside.
    pub(crate) outside: Scalar,
    /// The member next to it, as a message.
    pub(crate) member: Scalar,
}

pub(crate) struct Scene {
    pub(crate) issuer: SecretKey,
    pub(crate) stranger: SecretKey,
    days: SetSecretKey,
    status: SetSecretKey,
    /// A set of the cheat's own.
    pub(crate) own: SetSecretKey,
    pub(crate) own_sets: SetParameters,
    sets: SetParameters,
    parts: Vec<Part>,
    pub(crate) holder: Person,
    pub(crate) other: Person,
}

fn number(value: u64) -> Scalar {
    Scalar::from_u64(value)
}

pub(crate) fn point(signature: &ValueSignature) -> G1Affine {
    G1Affine::from_compressed(&signature.to_bytes()).unwrap()
}

impl Scene {
    pub(crate) fn new() -> Self {
        let key = |name: &[u8]| SecretKey::generate(Suite::Sha256, &tests::seed("scene"), name).unwrap();
        let set = |name: &[u8]| SetSecretKey::generate(&tests::seed("scene"), name).unwrap();
        let issuer = key(b"issuer");
        let messages = |name: &str| -> Vec<Scalar> {
            let mut rng = rng(name);
            let mut messages: Vec<_> = (0..COUNT).map(|_| Scalar::random(&mut rng)).collect();
            for (index, value) in
                [(EXPIRY, TODAY + 900), (BIRTH, TODAY - 30 * 365), (CLASSES, 0b101), (REGION, 4), (NATIONALITY, 2)]
            {
                messages[index] = number(value);
            }
            messages[HANDLE] = number(0x0123_4567_89ab_cdef ^ name.len() as u64);
            messages
        };
        let person = |name: &str| {
            let messages = messages(name);
            let signature = bbs::sign(&issuer, HEADER, &messages).unwrap().to_bytes();
            Person { messages, signature }
        };
        let (holder, other) = (person("holder"), person("neighbour"));
        let one = Scalar::ONE;
        let (adult, pensioner) = (TODAY - 19 * 365, TODAY - 65 * 365);
        let signed = |name, set, message, coefficient, constant, outside: u64, member: u64| Part {
            name,
            set,
            message,
            coefficient,
            constant,
            outside: number(outside),
            member: number(member),
        };
        let public = |name, message, members: &[u64], outside: u64| Part {
            name,
            set: Set::Public(members.to_vec()),
            message,
            coefficient: one,
            constant: Scalar::ZERO,
            outside: number(outside),
            member: number(members[0]),
        };
        let licensed: Vec<u64> = (0..16).filter(|bitmap| bitmap & 0b101 != 0).collect();
        let mut withdrawn = signed("not withdrawn", Set::Status, HANDLE, one, epoch_offset(EPOCH), 0x0dd, 0);
        withdrawn.member = holder.messages[HANDLE];
        let parts = vec![
            signed("not expired", Set::Days, EXPIRY, one, -number(TODAY), TODAY - 1, TODAY),
            withdrawn,
            signed("age at least", Set::Days, BIRTH, -one, number(adult), adult + 1, adult),
            signed("age below", Set::Days, BIRTH, one, -number(pensioner + 1), pensioner, pensioner + 1),
            public("licence class any of", CLASSES, &licensed, 0b1010),
            public("region inside", REGION, &[3, 4, 5, 6], 7),
            public("nationality any of", NATIONALITY, &[0, 2, 3, 9], 5),
            public("nationality none of", NATIONALITY, &(0..40).filter(|code| code % 5 != 3).collect::<Vec<_>>(), 3),
        ];
        Self {
            stranger: key(b"stranger"),
            days: set(b"days"),
            status: set(b"status"),
            own: set(b"own"),
            own_sets: SetParameters::generate(&tests::seed("own sets"), b"sets", 64).unwrap(),
            sets: SetParameters::generate(&tests::seed("scene"), b"sets", 64).unwrap(),
            parts,
            holder,
            other,
            issuer,
        }
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.parts.iter().map(|part| part.name).collect()
    }

    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name == name)
    }

    pub(crate) fn part(&self, index: usize) -> &Part {
        &self.parts[index]
    }

    fn key(&self, set: &Set) -> &SetPublicKey {
        match set {
            Set::Days => self.days.public_key(),
            Set::Status => self.status.public_key(),
            Set::Public(_) => self.sets.key(),
        }
    }

    /// The base of a public set, or the generator.
    pub(crate) fn base(&self, set: &Set) -> G1Affine {
        match set {
            Set::Public(members) => self.sets.base(members).unwrap(),
            _ => G1Affine::generator(),
        }
    }

    fn membership(&self, part: &Part) -> Membership<'_> {
        match &part.set {
            Set::Public(_) => Membership::public(self.sets.key(), part.message, self.base(&part.set)),
            set => Membership::signed(self.key(set), part.message, part.coefficient, part.constant),
        }
    }

    /// What admits `message` to the part's set.
    pub(crate) fn admitted(&self, part: &Part, message: Scalar) -> G1Affine {
        let value = part.coefficient * message + part.constant;
        let small = || u64::from_be_bytes(message.to_be_bytes()[24..].try_into().unwrap());
        point(&match &part.set {
            Set::Days => self.days.sign(value).unwrap(),
            Set::Status => self.status.sign(value).unwrap(),
            Set::Public(members) => self.sets.witness(members, small()).unwrap(),
        })
    }

    /// The status token of `handle` in another epoch.
    pub(crate) fn token(&self, handle: Scalar, back: u64) -> G1Affine {
        point(&self.status.sign(handle + epoch_offset(EPOCH - back)).unwrap())
    }

    /// A day number signed by the key of the days.
    pub(crate) fn day(&self, value: u64) -> G1Affine {
        point(&self.days.sign(number(value)).unwrap())
    }

    /// What admits all of a person's messages.
    pub(crate) fn all_admitted(&self, person: &Person) -> Vec<G1Affine> {
        self.parts.iter().map(|part| self.admitted(part, person.messages[part.message])).collect()
    }

    /// A person like the holder for whom one part is not true, with the points of one next to it.
    pub(crate) fn liar(&self, index: usize) -> (Person, Vec<G1Affine>) {
        let part = &self.parts[index];
        let mut messages = self.holder.messages.clone();
        messages[part.message] = part.outside;
        let signature = bbs::sign(&self.issuer, HEADER, &messages).unwrap().to_bytes();
        let admitted = |other: &Part| match other.name == part.name {
            true => self.admitted(part, part.member),
            false => self.admitted(other, messages[other.message]),
        };
        let points = self.parts.iter().map(admitted).collect();
        (Person { messages, signature }, points)
    }

    /// Runs `check` with the whole statement and an honest proof of it.
    pub(crate) fn with(&self, check: impl FnOnce(&Statement<'_>, &[u8])) {
        self.run(None, check);
    }

    /// The same with a pseudonym.
    pub(crate) fn with_pseudonym(&self, scope: &[u8], check: impl FnOnce(&Statement<'_>, &[u8])) {
        self.run(Some(scope), check);
    }

    fn run(&self, scope: Option<&[u8]>, check: impl FnOnce(&Statement<'_>, &[u8])) {
        let memberships: Vec<_> = self.parts.iter().map(|part| self.membership(part)).collect();
        let shown = [(SHOWN, self.holder.messages[SHOWN])];
        let statement = Statement {
            issuer: self.issuer.public_key(),
            header: HEADER,
            message_count: COUNT,
            shown: &shown,
            memberships: if scope.is_some() { &memberships[..1] } else { &memberships },
            pseudonym: scope.map(|scope| Pseudonym {
                scope,
                message: LINK,
                value: pseudonym(scope, &self.holder.messages[LINK]),
            }),
        };
        let honest = self.first(&statement, &self.holder, "honest").finish(&statement, CONTEXT).encode();
        check(&statement, &honest);
    }

    /// A first move of this person with everything it has.
    pub(crate) fn first(&self, statement: &Statement<'_>, person: &Person, name: &str) -> FirstMove {
        self.first_with(statement, person, &self.all_admitted(person), name)
    }

    /// A first move with other points.
    pub(crate) fn first_with(
        &self,
        statement: &Statement<'_>,
        person: &Person,
        points: &[G1Affine],
        name: &str,
    ) -> FirstMove {
        let material = Material { signature: &person.signature, messages: &person.messages, value_signatures: points };
        FirstMove::new(statement, &material, &mut rng(name))
    }
}

//! What holds is accepted, and every way of cheating we know is refused, beside its valid twin.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::oracle;
use super::prover::FirstMove;
use super::statement::Checked;
use super::*;
use crate::crypto::bbs::tests::{StuckRng, outside_subgroup};
use crate::crypto::bbs::{self, SecretKey, Signature, Suite};
use crate::crypto::curve::{G1Affine, Scalar};
use crate::crypto::membership::{SetSecretKey, ValueSignature, epoch_offset};
use crate::crypto::public_set::SetParameters;

const HEADER: &[u8] = b"credential header";
pub(super) const CONTEXT: &[u8] = b"verifier, nonce, purpose";
const TODAY: u64 = 20_500;
const EPOCH: u64 = 7;

/// A credential of nine messages: link secret, blinder, birth day, classes, expiry day, handle, three more.
pub(super) struct Credential {
    issuer: SecretKey,
    days: SetSecretKey,
    sets: SetParameters,
    handles: SetSecretKey,
    messages: Vec<Scalar>,
    signature: Signature,
}

const SECRET: usize = 0;
const BIRTH: usize = 2;
const CLASSES: usize = 3;
const EXPIRY: usize = 4;
const HANDLE: usize = 5;
/// The bitmaps that have bit 0 or bit 1; the credential has bits 0 and 2.
const LICENSED: [u64; 6] = [1, 2, 3, 5, 6, 7];

pub(super) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn number(value: u64) -> Scalar {
    Scalar::from_u64(value)
}

impl Credential {
    fn new(seed: u8, birth: u64) -> Self {
        let issuer = SecretKey::generate(Suite::Sha256, &[1; 32], b"issuer").unwrap();
        let set = |purpose: &[u8]| SetSecretKey::generate(&[2; 32], purpose).unwrap();
        let mut messages: Vec<_> = (0..9).map(|i| Scalar::from_be_bytes_wide(&[seed + i; 48])).collect();
        messages[BIRTH] = number(birth);
        messages[CLASSES] = number(0b101);
        messages[EXPIRY] = number(TODAY + 900);
        messages[HANDLE] = Scalar::from_u128(0x1234_5678_9abc_def0 + u128::from(seed));
        let signature = bbs::sign(&issuer, HEADER, &messages).unwrap();
        let sets = SetParameters::generate(&[2; 32], b"sets", 7).unwrap();
        Self { issuer, days: set(b"days"), sets, handles: set(b"handles"), messages, signature }
    }

    fn adult(&self) -> Membership<'_> {
        let latest = number(TODAY - 19 * 365);
        Membership::signed(self.days.public_key(), BIRTH, -Scalar::ONE, latest)
    }

    fn unexpired(&self) -> Membership<'_> {
        Membership::signed(self.days.public_key(), EXPIRY, Scalar::ONE, -number(TODAY))
    }

    fn licensed(&self) -> Membership<'_> {
        self.one_of(&LICENSED)
    }

    fn one_of(&self, bitmaps: &[u64]) -> Membership<'_> {
        Membership::public(self.sets.key(), CLASSES, self.sets.base(bitmaps).unwrap())
    }

    fn current(&self, epoch: u64) -> Membership<'_> {
        Membership::signed(self.handles.public_key(), HANDLE, Scalar::ONE, epoch_offset(epoch))
    }

    fn value_signature(&self, membership: &Membership<'_>) -> ValueSignature {
        let value = membership.coefficient * self.messages[membership.message] + membership.constant;
        match [&self.days, &self.handles].into_iter().find(|key| key.public_key() == membership.set) {
            Some(key) => key.sign(value).unwrap(),
            None => self.sets.witness(&LICENSED, 0b101).unwrap(),
        }
    }

    fn value_signatures(&self, memberships: &[Membership<'_>]) -> Vec<ValueSignature> {
        memberships.iter().map(|membership| self.value_signature(membership)).collect()
    }

    fn statement<'a>(&'a self, shown: &'a [(usize, Scalar)], memberships: &'a [Membership<'a>]) -> Statement<'a> {
        let issuer = self.issuer.public_key();
        Statement { issuer, header: HEADER, message_count: 9, shown, memberships, pseudonym: None }
    }

    fn witness<'a>(&'a self, value_signatures: &'a [ValueSignature]) -> Witness<'a> {
        Witness { signature: &self.signature, messages: &self.messages, value_signatures }
    }
}

/// The verdict of `verify`, once the oracle and a batch with the same item agree with it.
fn verdict(statement: &Statement<'_>, context: &[u8], proof: &[u8]) -> Result<(), ProofError> {
    let verdict = verify(statement, context, proof);
    let presented = Presented { statement: *statement, context, proof };
    assert_eq!(oracle::accepts(&presented), verdict.is_ok(), "{verdict:?}");
    assert_eq!(verify_batch(&[presented, presented]), [verdict, verdict]);
    verdict
}

/// What a cheat gets who runs the prover without its checks.
fn cheat(statement: &Statement<'_>, witness: &Witness<'_>) -> Result<(), ProofError> {
    let checked = Checked::new(statement).unwrap();
    let cheating = FirstMove::without_checks(&checked, witness, CONTEXT, &mut rng(9)).unwrap().0;
    let proof = cheating.answer(CONTEXT).unwrap().to_bytes();
    verdict(statement, CONTEXT, &proof)
}

/// The usual full statement and a valid proof of it.
pub(super) fn with_full<T>(test: impl FnOnce(&Credential, &Statement<'_>, &Witness<'_>, Vec<u8>) -> T) -> T {
    let credential = Credential::new(1, 9_000);
    let memberships = [credential.adult(), credential.licensed(), credential.unexpired(), credential.current(EPOCH)];
    let value_signatures = credential.value_signatures(&memberships);
    let shown = [(1, credential.messages[1]), (7, credential.messages[7])];
    let mut statement = credential.statement(&shown, &memberships);
    let value = pseudonym(b"shop, 2026", &credential.messages[SECRET]);
    statement.pseudonym = Some(Pseudonym { scope: b"shop, 2026", message: SECRET, value });
    let witness = credential.witness(&value_signatures);
    let proof = prove(&statement, &witness, CONTEXT, &mut rng(1)).unwrap();
    test(&credential, &statement, &witness, proof)
}

#[test]
fn a_full_presentation_is_accepted() {
    with_full(|_, statement, _, proof| {
        assert_eq!(verdict(statement, CONTEXT, &proof), Ok(()));
        assert_eq!(proof.len(), proof_length(statement));
        assert_eq!(proof.len(), 272 + 7 * 32 + 4 * 128);
    });
}

#[test]
fn random_shapes_are_accepted() {
    let mut rng = rng(42);
    for round in 1..61u8 {
        let credential = Credential::new(round, 1 + u64::from(round) * 200);
        let pick = |rng: &mut ChaCha20Rng, one_in: u32| rng.next_u32().is_multiple_of(one_in);
        let shown: Vec<_> =
            [1, 6, 7, 8].into_iter().filter(|_| pick(&mut rng, 2)).map(|i| (i, credential.messages[i])).collect();
        let all = [credential.adult(), credential.licensed(), credential.unexpired(), credential.current(EPOCH)];
        let memberships: Vec<_> = all.into_iter().cycle().take(7).filter(|_| pick(&mut rng, 3)).collect();
        let mut statement = credential.statement(&shown, &memberships);
        let scope = [round];
        if pick(&mut rng, 2) {
            let value = pseudonym(&scope, &credential.messages[SECRET]);
            statement.pseudonym = Some(Pseudonym { scope: &scope, message: SECRET, value });
        }
        let value_signatures = credential.value_signatures(&memberships);
        let witness = credential.witness(&value_signatures);
        let context = &[round; 100][..usize::from(round)];
        let precomputed = Precomputed::new(&statement, &witness, b"", &mut rng).unwrap();
        let proof = precomputed.finish(context).unwrap();
        assert_eq!(proof.len(), proof_length(&statement));
        assert_eq!(verdict(&statement, context, &proof), Ok(()), "{round}");
    }
}

#[test]
fn boundary_days_are_told_apart() {
    let latest = TODAY - 19 * 365;
    // The set holds 0..=3 here, so that both ends of the range are near.
    for (birth, admitted) in [(latest, true), (latest - 3, true), (latest + 1, false), (latest - 4, false)] {
        let credential = Credential::new(1, birth);
        let domain = credential.days.sign_range(0..4, |_| ()).unwrap();
        let memberships = [credential.adult()];
        let statement = credential.statement(&[], &memberships);
        let results: Vec<_> = domain
            .iter()
            .map(|signature| prove(&statement, &credential.witness(&[*signature]), CONTEXT, &mut rng(1)))
            .collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), usize::from(admitted), "{birth}");
        for proof in results {
            match proof {
                Ok(proof) => assert_eq!(verdict(&statement, CONTEXT, &proof), Ok(())),
                Err(error) => assert_eq!(error, ProofError::WitnessMismatch),
            }
        }
    }
}

/// Every member's signature, used by someone whose value is outside, fails in the pairing and names the predicate.
#[test]
fn a_value_outside_the_set_is_refused() {
    let minor = Credential::new(1, TODAY - 19 * 365 + 1);
    let memberships = [minor.licensed(), minor.adult()];
    let honest = minor.value_signatures(&memberships[..1])[0];
    let statement = minor.statement(&[], &memberships);
    for value in [0, 1, 65_535] {
        let value_signatures = [honest, minor.days.sign(number(value)).unwrap()];
        let witness = minor.witness(&value_signatures);
        assert_eq!(cheat(&statement, &witness), Err(ProofError::PredicateInvalid { index: 1 }));
        assert_eq!(prove(&statement, &witness, CONTEXT, &mut rng(1)), Err(ProofError::WitnessMismatch));
    }
    // A modulus wrap (−1) is just another value that was never signed.
    let forged = ValueSignature(G1Affine::generator());
    assert_eq!(cheat(&statement, &minor.witness(&[honest, forged])), Err(ProofError::PredicateInvalid { index: 1 }));
}

#[test]
fn a_value_signed_by_another_set_is_refused() {
    with_full(|credential, statement, witness, _| {
        let mut value_signatures = witness.value_signatures.to_vec();
        value_signatures[1] = credential.days.sign(credential.messages[CLASSES]).unwrap();
        let wrong = Witness { value_signatures: &value_signatures, ..*witness };
        assert_eq!(cheat(statement, &wrong), Err(ProofError::PredicateInvalid { index: 1 }));
        assert_eq!(cheat(statement, witness), Ok(()));
    });
}

/// Bitmaps without an allowed bit have no witness, and what proves membership for another value, of another set or of
/// another size proves nothing here.
#[test]
fn zkp_17_a_value_outside_a_public_set_is_refused() {
    let credential = Credential::new(1, 9_000);
    let sets = &credential.sets;
    for (set, member) in [(&[2u64, 3, 6, 7][..], false), (&[4, 5, 6, 7], true), (&[5], true), (&[4], false)] {
        let memberships = [credential.unexpired(), credential.one_of(set)];
        let statement = credential.statement(&[], &memberships);
        let expiry = credential.value_signature(&memberships[0]);
        let outcome = |point: ValueSignature| cheat(&statement, &credential.witness(&[expiry, point]));
        assert_eq!(sets.witness(set, 0b101).is_ok(), member, "{set:?}");
        if let Ok(witness) = sets.witness(set, 0b101) {
            assert_eq!(outcome(witness), Ok(()));
        }
        let no = Err(ProofError::PredicateInvalid { index: 1 });
        for other in set.iter().filter(|other| **other != 0b101) {
            assert_eq!(outcome(sets.witness(set, *other).unwrap()), no, "the witness of another value");
        }
        assert_eq!(outcome(sets.witness(&LICENSED, 0b101).unwrap()), no, "the witness of another set");
        assert_eq!(outcome(ValueSignature(sets.base(set).unwrap())), no, "the base itself");
        assert_eq!(outcome(ValueSignature(G1Affine::generator())).is_ok(), set == [5], "the generator");
        assert_eq!(outcome(expiry), no, "a signed value");
        // A set of the holder's own choice, under parameters of its own.
        let own = SetParameters::generate(&[9; 32], b"sets", 7).unwrap();
        assert_eq!(outcome(own.witness(&LICENSED, 0b101).unwrap()), no, "other parameters");
    }
}

#[test]
fn a_handle_admitted_in_another_epoch_is_refused() {
    let credential = Credential::new(1, 9_000);
    let (now, before) = ([credential.current(EPOCH)], [credential.current(EPOCH - 1)]);
    let old = credential.value_signatures(&before);
    let statement = credential.statement(&[], &now);
    assert_eq!(cheat(&statement, &credential.witness(&old)), Err(ProofError::PredicateInvalid { index: 0 }));
    let proof = prove(&credential.statement(&[], &before), &credential.witness(&old), CONTEXT, &mut rng(1)).unwrap();
    assert_eq!(verdict(&credential.statement(&[], &before), CONTEXT, &proof), Ok(()));
    assert_eq!(verdict(&statement, CONTEXT, &proof), Err(ProofError::ProofInvalid));
}

#[test]
fn a_signature_by_nobody_is_refused() {
    with_full(|credential, statement, witness, _| {
        let other = SecretKey::generate(Suite::Sha256, &[7; 32], b"other").unwrap();
        let signature = bbs::sign(&other, HEADER, &credential.messages).unwrap();
        let wrong = Witness { signature: &signature, ..*witness };
        assert_eq!(cheat(statement, &wrong), Err(ProofError::ProofInvalid));
        assert_eq!(prove(statement, &wrong, CONTEXT, &mut rng(1)), Err(ProofError::WitnessMismatch));
    });
}

#[test]
fn another_statement_or_context_is_refused() {
    with_full(|credential, statement, _, proof| {
        let refused =
            |statement: Statement<'_>| assert_eq!(verdict(&statement, CONTEXT, &proof), Err(ProofError::ProofInvalid));
        assert_eq!(verdict(statement, b"another context", &proof), Err(ProofError::ProofInvalid));
        assert_eq!(verdict(statement, b"", &proof), Err(ProofError::ProofInvalid));
        let other = SecretKey::generate(Suite::Sha256, &[7; 32], b"other").unwrap();
        refused(Statement { issuer: other.public_key(), ..*statement });
        refused(Statement { header: b"other header", ..*statement });
        let mut shown = statement.shown.to_vec();
        shown[0].1 = Scalar::ONE;
        refused(Statement { shown: &shown, ..*statement });
        shown[0] = (6, statement.shown[0].1);
        refused(Statement { shown: &shown, ..*statement });
        for index in 0..4 {
            let mut memberships = statement.memberships.to_vec();
            memberships[index].constant += Scalar::ONE; // off by one
            refused(Statement { memberships: &memberships, ..*statement });
            memberships[index] = statement.memberships[index];
            memberships[index].coefficient = -memberships[index].coefficient; // swapped direction
            refused(Statement { memberships: &memberships, ..*statement });
            memberships[index] = statement.memberships[index];
            memberships[index].message = 8; // another attribute
            refused(Statement { memberships: &memberships, ..*statement });
            memberships[index] = statement.memberships[index];
            memberships[index].base = credential.sets.base(&[5]).unwrap(); // another set
            refused(Statement { memberships: &memberships, ..*statement });
            memberships[index] = statement.memberships[index];
            memberships.swap(index, (index + 1) % 4); // order
            refused(Statement { memberships: &memberships, ..*statement });
        }
        let pseudonym = statement.pseudonym.unwrap();
        for changed in [
            Pseudonym { scope: b"shop, 2027", ..pseudonym },
            Pseudonym { message: 8, ..pseudonym },
            Pseudonym { value: super::pseudonym(b"shop, 2026", &credential.messages[8]), ..pseudonym },
            Pseudonym { value: super::pseudonym(b"shop, 2027", &credential.messages[SECRET]), ..pseudonym },
        ] {
            refused(Statement { pseudonym: Some(changed), ..*statement });
        }
        refused(Statement { pseudonym: None, ..*statement });
    });
}

#[test]
fn a_malformed_statement_is_refused() {
    with_full(|_, statement, witness, proof| {
        let refused = |statement: Statement<'_>, error| {
            assert_eq!(verify(&statement, CONTEXT, &proof), Err(error));
            assert_eq!(prove(&statement, witness, CONTEXT, &mut rng(1)), Err(error));
        };
        let [first, second] = [statement.shown[0], statement.shown[1]];
        for shown in [[second, first], [first, first], [first, (9, second.1)]] {
            refused(Statement { shown: &shown, ..*statement }, ProofError::IndexInvalid);
        }
        refused(Statement { message_count: 257, ..*statement }, ProofError::TooManyMessages);
        let mut memberships = statement.memberships.to_vec();
        memberships[2].coefficient = Scalar::ZERO;
        refused(Statement { memberships: &memberships, ..*statement }, ProofError::PredicateVacuous);
        for message in [1, 9] {
            memberships[2] = Membership { message, ..statement.memberships[2] };
            refused(Statement { memberships: &memberships, ..*statement }, ProofError::IndexInvalid);
            let pseudonym = Pseudonym { message, ..statement.pseudonym.unwrap() };
            refused(Statement { pseudonym: Some(pseudonym), ..*statement }, ProofError::IndexInvalid);
        }
        memberships[2] = Membership { base: G1Affine::default(), ..statement.memberships[2] };
        refused(Statement { memberships: &memberships, ..*statement }, ProofError::IdentityPoint);
        let pseudonym = Pseudonym { value: G1Affine::default(), ..statement.pseudonym.unwrap() };
        refused(Statement { pseudonym: Some(pseudonym), ..*statement }, ProofError::IdentityPoint);
    });
}

#[test]
fn the_prover_refuses_what_it_cannot_prove() {
    with_full(|credential, statement, witness, _| {
        let refused = |statement: &Statement<'_>, witness: &Witness<'_>| {
            let made = prove(statement, witness, CONTEXT, &mut rng(1));
            assert_eq!(made, Err(ProofError::WitnessMismatch));
        };
        let mut shown = statement.shown.to_vec();
        shown[0].1 = Scalar::ONE;
        refused(&Statement { shown: &shown, ..*statement }, witness);
        refused(statement, &Witness { messages: &witness.messages[..8], ..*witness });
        refused(statement, &Witness { value_signatures: &witness.value_signatures[..3], ..*witness });
        let mut messages = credential.messages.clone();
        messages[6] = Scalar::ONE;
        refused(statement, &Witness { messages: &messages, ..*witness });
        let value = pseudonym(b"shop, 2026", &credential.messages[8]);
        let wrong = Pseudonym { value, ..statement.pseudonym.unwrap() };
        refused(&Statement { pseudonym: Some(wrong), ..*statement }, witness);
    });
}

#[test]
fn a_stuck_generator_is_refused() {
    with_full(|_, statement, witness, _| {
        for byte in [0, 7, 255] {
            let made = prove(statement, witness, CONTEXT, &mut StuckRng(byte));
            assert_eq!(made, Err(ProofError::RngFailure));
        }
    });
}

/// A generator rewound to an earlier state (a restored virtual machine) repeats its output for another
/// statement; the blinding differs all the same.
#[test]
fn a_rewound_generator_does_not_repeat_the_blinding() {
    with_full(|_, statement, witness, proof| {
        let fewer = Statement { shown: &statement.shown[..1], ..*statement };
        let other = prove(&fewer, witness, CONTEXT, &mut rng(1)).unwrap();
        assert_ne!(proof[..144], other[..144]);
        assert_eq!(proof, prove(statement, witness, CONTEXT, &mut rng(1)).unwrap());
        assert_ne!(proof, prove(statement, witness, CONTEXT, &mut rng(2)).unwrap());
    });
}

/// Two holders join forces: the membership or the hidden half of one with the rest of the other.
#[test]
fn halves_of_two_credentials_do_not_fit() {
    let (old, young) = (Credential::new(1, 9_000), Credential::new(60, TODAY - 100));
    let memberships = [old.adult()];
    let value_signatures = old.value_signatures(&memberships);
    let statement = old.statement(&[], &memberships);
    let good = prove(&statement, &old.witness(&value_signatures), CONTEXT, &mut rng(1)).unwrap();
    assert_eq!(verdict(&statement, CONTEXT, &good), Ok(()));
    // The young one's credential with the old one's admitted value.
    let borrowed = Witness { value_signatures: &value_signatures, ..young.witness(&[]) };
    assert_eq!(cheat(&statement, &borrowed), Err(ProofError::PredicateInvalid { index: 0 }));
    // Parts cut from two finished proofs with the same shape.
    let other = prove(&statement, &old.witness(&value_signatures), CONTEXT, &mut rng(2)).unwrap();
    let cut = good.len() - 128;
    assert_eq!(verdict(&statement, CONTEXT, &[&good[..cut], &other[cut..]].concat()), Err(ProofError::ProofInvalid));
    assert_eq!(verdict(&statement, CONTEXT, &[&other[..144], &good[144..]].concat()), Err(ProofError::ProofInvalid));
    // The old one's birth day in the young one's message list.
    let mut messages = young.messages.clone();
    messages[BIRTH] = old.messages[BIRTH];
    let mixed = Witness { signature: &young.signature, messages: &messages, value_signatures: &value_signatures };
    assert_eq!(cheat(&statement, &mixed), Err(ProofError::ProofInvalid));
}

#[test]
fn parts_in_another_order_are_refused() {
    let credential = Credential::new(1, 9_000);
    // Two predicates of one set, so that both parts pair with the same key.
    let memberships = [credential.adult(), credential.unexpired()];
    let value_signatures = credential.value_signatures(&memberships);
    let statement = credential.statement(&[], &memberships);
    let good = prove(&statement, &credential.witness(&value_signatures), CONTEXT, &mut rng(1)).unwrap();
    assert_eq!(verdict(&statement, CONTEXT, &good), Ok(()));
    let (head, parts) = good.split_at(good.len() - 256);
    let (first, second) = parts.split_at(128);
    for order in [[second, first], [first, first], [second, second]] {
        let changed = [head, order[0], order[1]].concat();
        assert_eq!(verdict(&statement, CONTEXT, &changed), Err(ProofError::ProofInvalid));
    }
}

#[test]
fn wrong_lengths_points_and_scalars_are_refused() {
    with_full(|_, statement, _, proof| {
        for length in
            [0, 1, 272, proof.len() - 128, proof.len() - 32, proof.len() - 1, proof.len() + 1, proof.len() + 32]
        {
            let mut changed = proof.clone();
            changed.resize(length, 1);
            assert_eq!(verdict(statement, CONTEXT, &changed), Err(ProofError::ProofLength), "{length}");
        }
        let replaced = |offset: usize, field: &[u8]| {
            let mut changed = proof.clone();
            changed[offset..offset + field.len()].copy_from_slice(field);
            verdict(statement, CONTEXT, &changed)
        };
        let head = 144 + 32 * 11;
        let parts = (0..4).map(|i| head + 128 * i);
        let points: Vec<_> = [0, 48, 96].into_iter().chain(parts.clone().flat_map(|part| [part, part + 48])).collect();
        let scalars: Vec<_> = (144..head).step_by(32).chain(parts.map(|part| part + 96)).collect();
        let mut identity = [0u8; 48];
        identity[0] = 0xc0;
        let outside = outside_subgroup();
        let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001").unwrap();
        for offset in points {
            assert_eq!(replaced(offset, &identity), Err(ProofError::IdentityPoint), "{offset}");
            assert_eq!(replaced(offset, &outside), Err(ProofError::InvalidPoint), "{offset}");
            assert_eq!(replaced(offset, &[0; 48]), Err(ProofError::InvalidPoint), "{offset}");
            let generator = G1Affine::generator().to_compressed();
            assert_eq!(replaced(offset, &generator), Err(ProofError::ProofInvalid), "{offset}");
        }
        for offset in scalars {
            assert_eq!(replaced(offset, &[0; 32]), Err(ProofError::ScalarOutOfRange), "{offset}");
            assert_eq!(replaced(offset, &order), Err(ProofError::ScalarOutOfRange), "{offset}");
            assert_eq!(replaced(offset, &number(5).to_be_bytes()), Err(ProofError::ProofInvalid), "{offset}");
        }
    });
}

#[test]
fn any_changed_byte_is_refused() {
    with_full(|_, statement, _, proof| {
        for offset in 0..proof.len() {
            let mut changed = proof.clone();
            changed[offset] ^= 1 << (offset % 8);
            assert!(verify(statement, CONTEXT, &changed).is_err(), "{offset}");
        }
        assert_eq!(verify(statement, CONTEXT, &proof), Ok(()));
    });
}

#[test]
fn two_thousand_mutations_are_refused() {
    with_full(|_, statement, _, proof| {
        let mut rng = rng(5);
        for round in 0..2_000 {
            let mut changed = proof.clone();
            for _ in 0..1 + rng.next_u32() % 4 {
                let (from, to) = (rng.next_u32() as usize % proof.len(), rng.next_u32() as usize % proof.len());
                match rng.next_u32() % 5 {
                    0 => changed[from] = changed[from].wrapping_add(1 + (rng.next_u32() % 255) as u8),
                    1 => changed[from] = 0,
                    2 => {
                        let field = proof[to / 16 * 16..].iter().take(48).copied().collect::<Vec<_>>();
                        let start = (from / 16 * 16).min(proof.len() - field.len());
                        changed[start..start + field.len()].copy_from_slice(&field);
                    }
                    3 => changed.swap(from, to),
                    _ => changed[from] ^= 1 << (rng.next_u32() % 8),
                }
            }
            if changed == proof {
                continue;
            }
            let presented = Presented { statement: *statement, context: CONTEXT, proof: &changed };
            assert!(verify(statement, CONTEXT, &changed).is_err(), "{round}");
            if round % 10 == 0 {
                assert!(!oracle::accepts(&presented), "{round}");
            }
        }
    });
}

#[test]
fn a_batch_gives_each_its_own_verdict() {
    let credentials: Vec<_> = (0..6).map(|i| Credential::new(i * 12, 9_000 + u64::from(i))).collect();
    let memberships: Vec<_> = credentials.iter().map(|c| [c.adult(), c.current(EPOCH)]).collect();
    let statements: Vec<_> = credentials.iter().zip(&memberships).map(|(c, m)| c.statement(&[], m)).collect();
    let mut proofs: Vec<_> = credentials
        .iter()
        .zip(&memberships)
        .zip(&statements)
        .map(|((c, m), statement)| prove(statement, &c.witness(&c.value_signatures(m)), CONTEXT, &mut rng(1)).unwrap())
        .collect();
    let batch = |proofs: &[Vec<u8>]| {
        let items: Vec<_> = statements
            .iter()
            .zip(proofs)
            .map(|(statement, proof)| Presented { statement: *statement, context: CONTEXT, proof })
            .collect();
        verify_batch(&items)
    };
    assert_eq!(batch(&proofs), [Ok(()); 6]);
    assert!(verify_batch(&[]).is_empty());
    // 1: fails its challenge. 3: a predicate fails the pairing. 4: too short.
    proofs[1][150] ^= 1;
    let mut outside = credentials[3].value_signatures(&memberships[3]);
    outside[1] = credentials[3].handles.sign(number(1)).unwrap();
    let checked = Checked::new(&statements[3]).unwrap();
    let witness = credentials[3].witness(&outside);
    let cheating = FirstMove::without_checks(&checked, &witness, b"", &mut rng(1)).unwrap().0;
    proofs[3] = cheating.answer(CONTEXT).unwrap().to_bytes();
    proofs[4].pop();
    let expected = [
        Ok(()),
        Err(ProofError::ProofInvalid),
        Ok(()),
        Err(ProofError::PredicateInvalid { index: 1 }),
        Err(ProofError::ProofLength),
        Ok(()),
    ];
    assert_eq!(batch(&proofs), expected);
}

#[test]
fn pseudonyms_link_within_a_scope_only() {
    let (secret, other) = (number(77), number(78));
    assert_eq!(pseudonym(b"a", &secret), pseudonym(b"a", &secret));
    assert_ne!(pseudonym(b"a", &secret), pseudonym(b"b", &secret));
    assert_ne!(pseudonym(b"a", &secret), pseudonym(b"a", &other));
}

/// A copied process or a restored machine: the generator gives the same numbers again. Two answers to two questions with
/// one blinding would give the holder's numbers away.
#[test]
fn zkp_13_a_generator_that_is_set_back_blinds_another_question_anew() {
    with_full(|_, statement, witness, _| {
        let made = |context: &[u8]| prove(statement, witness, context, &mut rng(1)).unwrap();
        let (one, same, other) = (made(b"one question"), made(b"one question"), made(b"another question"));
        assert_eq!(one, same);
        for (ours, others) in one.chunks_exact(16).zip(other.chunks_exact(16)) {
            assert_ne!(ours, others, "a point or a response is the same");
        }
    });
}

#[test]
fn precomputed_shows_nothing() {
    with_full(|_, statement, witness, _| {
        let precomputed = Precomputed::new(statement, witness, b"", &mut rng(1)).unwrap();
        assert_eq!(format!("{precomputed:?}"), "Precomputed([redacted])");
    });
}

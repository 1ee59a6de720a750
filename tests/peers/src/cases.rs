//! What is measured: BBS with 16 messages of which 4 are shown, as both libraries' users call it (byte
//! strings in, verdict out), and whole ZK presentations.

use std::error::Error;
use std::hint::black_box;
use std::rc::Rc;

use blst::{blst_fp12, blst_p1_affine, blst_p2_affine, min_pk};
use protocol::crypto::bbs::{self, ProofCheck, SecretKey, Signature, Suite};
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::crypto::membership::{SetSecretKey, ValueSignature, epoch_offset};
use protocol::crypto::public_set::SetParameters;
use protocol::disclosure::{
    Membership, Precomputed, Presented, Pseudonym, Statement, Witness, prove, pseudonym, verify, verify_batch,
};
use protocol::exchange::qr;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tests::world::{Held, Issuing, NOW, World};
use verifier::{Asked, Policy, Seen, Verifier};
use zkryptium::bbsplus::ciphersuites::Bls12381Sha256;
use zkryptium::bbsplus::keys::{BBSplusPublicKey, BBSplusSecretKey};
use zkryptium::schemes::algorithms::BBSplus;
use zkryptium::schemes::generics::{PoKSignature, Signature as PeerSignature};

use super::Case;

const HEADER: &[u8] = b"header";
const CONTEXT: &[u8] = b"presentation header";
const MESSAGES: usize = 16;
const SHOWN: [usize; 4] = [1, 6, 7, 15];
const BATCH: usize = 64;

/// All cases; the first is the unit.
pub(crate) fn all() -> Result<Vec<Case>, Box<dyn Error>> {
    let mut cases = vec![pairing()?];
    cases.extend(ours()?);
    cases.extend(zkryptium()?);
    for (names, predicates, pseudonym) in [(THREE, 3, false), (FOUR, 4, false), (PSEUDONYM, 4, true)] {
        cases.extend(presentation(names, predicates, pseudonym)?);
    }
    cases.push(set()?);
    cases.extend(demo()?);
    Ok(cases)
}

/// A presentation of the demo, envelope included.
pub(crate) struct Size {
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    pub(crate) version: u8,
}

/// The second has all four predicates.
const PROFILES: [&str; 3] = ["age-19", "adult-driver", "roadside"];

/// How large the demo's presentations are.
pub(crate) fn sizes() -> Result<Vec<Size>, Box<dyn Error>> {
    let world = World::new();
    let size = |name: &'static str| {
        let (held, issuing) = answering(&world, name);
        let shown = held.show(issuing, &world.profile(name), &mut rng());
        let text = qr::to_text(qr::Kind::Presentation, &shown)?;
        Ok(Size { name, bytes: shown.len(), version: qr::Drawing::new(&text)?.version() })
    };
    PROFILES.into_iter().map(size).collect()
}

/// A figure of a system that is not run here.
#[derive(serde::Serialize)]
pub(crate) struct Published {
    pub(crate) system: &'static str,
    pub(crate) what: &'static str,
    pub(crate) figure: &'static str,
    source: &'static str,
}

/// Figures of systems that are not run here, and where they are from.
pub(crate) fn published() -> [Published; 1] {
    [Published {
        system: "Longfellow",
        what: "age from an mdoc",
        figure: "proofs of 323–365 KB, about a second",
        source: "figures collected in 2026 for the plan of this project, not measured here; code: github.com/google/longfellow-zk",
    }]
}

/// What the demo shows a shop and an officer, envelope included: made by a wallet's credential, checked
/// by a scanner that has the trust state at hand.
fn demo() -> Result<Vec<Case>, Box<dyn Error>> {
    let world = Rc::new(World::new());
    let mut cases = Vec::new();
    for (profile, names) in PROFILES.into_iter().zip([AGE, DRIVER, ROADSIDE]) {
        let query = world.profile(profile);
        let (held, issuing) = answering(&world, profile);
        let shown = held.show(issuing, &query, &mut rng());
        let (there, asked) = (world.clone(), query.clone());
        let show = move || {
            let (held, issuing) = answering(&there, profile);
            black_box(held.show(issuing, &asked, &mut rng()));
        };
        let trust = world.trust("usual");
        let mut scanner = Verifier::new(Policy::default(), Forgetful);
        let check = move || {
            let verdict = scanner.check(&Asked::Displayed(&query), black_box(&shown), &trust, NOW);
            assert!(verdict.is_ok());
        };
        // What a wallet calls, from the credential to the bytes that leave.
        cases.extend([case(names[0], Some(6.0), show), case(names[1], Some(6.0), check)]);
    }
    Ok(cases)
}

const AGE: [&str; 2] = ["age-19 of the demo: create", "age-19 of the demo: check"];
const DRIVER: [&str; 2] = ["adult-driver of the demo: create", "adult-driver of the demo: check"];
const ROADSIDE: [&str; 2] = ["roadside of the demo: create", "roadside of the demo: check"];

/// The credential that answers.
fn answering<'a>(world: &'a World, profile: &str) -> (&'a Held, &'a Issuing) {
    match profile {
        "roadside" => (&world.holder.licence, &world.licences),
        _ => (&world.holder.identity, &world.identities),
    }
}

/// Lets the same presentation be checked again and again.
struct Forgetful;

impl Seen for Forgetful {
    fn first_use(&mut self, _: [u8; 32], _: u64, _: u64) -> bool {
        true
    }
}

fn case(name: &'static str, limit: Option<f64>, run: impl FnMut() + 'static) -> Case {
    Case { name, limit, repeat: 8, units: 1, rare: false, run: Box::new(run) }
}

fn batch(name: &'static str, limit: Option<f64>, run: impl FnMut() + 'static) -> Case {
    Case { repeat: 1, units: BATCH as u32, rare: true, ..case(name, limit, run) }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn texts() -> Vec<Vec<u8>> {
    (0..MESSAGES).map(|i| format!("attribute number {i}").into_bytes()).collect()
}

fn scalars(texts: &[Vec<u8>]) -> Vec<Scalar> {
    texts.iter().map(|text| Suite::Sha256.message_to_scalar(text)).collect()
}

fn pairing() -> Result<Case, Box<dyn Error>> {
    let key = min_pk::SecretKey::key_gen(&[1; 32], b"").map_err(|error| format!("{error:?}"))?;
    let (public, signature) = (key.sk_to_pk(), key.sign(b"message", b"dst", b""));
    Ok(case("one pairing (blst)", None, move || {
        let (p, q): (&blst_p1_affine, &blst_p2_affine) = ((&public).into(), (&signature).into());
        black_box(blst_fp12::miller_loop(black_box(q), black_box(p)).final_exp());
    }))
}

fn ours() -> Result<Vec<Case>, Box<dyn Error>> {
    let key = Rc::new(SecretKey::generate(Suite::Sha256, &[9; 32], b"bench")?);
    let (texts, public) = (texts(), key.public_key().clone());
    let messages = scalars(&texts);
    let signature = bbs::sign(&key, HEADER, &messages)?;
    let encoded = signature.to_bytes();
    let make = move |seed: u64, public: &bbs::PublicKey, signature: &Signature, messages: &[Scalar]| {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        bbs::prove(public, signature, HEADER, CONTEXT, messages, &SHOWN, &mut rng)
    };
    let proofs: Vec<_> = (0..BATCH as u64)
        .map(|seed| Ok(make(seed, &public, &signature, &messages)?.to_bytes()))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let shown = |texts: &[Vec<u8>]| -> Vec<(usize, Scalar)> {
        SHOWN.map(|index| (index, Suite::Sha256.message_to_scalar(&texts[index]))).to_vec()
    };
    let check = move |public: &bbs::PublicKey, bytes: &[Vec<u8>], texts: &[Vec<u8>]| {
        let shown = shown(texts);
        let checks: Vec<_> = bytes
            .iter()
            .map(|proof| ProofCheck { key: public, proof, header: HEADER, presentation_header: CONTEXT, shown: &shown })
            .collect();
        let verdicts = match &checks[..] {
            [check] => vec![bbs::verify_proof(check)],
            checks => bbs::verify_proofs(checks),
        };
        assert!(verdicts.len() == bytes.len() && verdicts.iter().all(Result::is_ok));
    };
    let sign = {
        let (key, texts) = (key.clone(), texts.clone());
        move || assert!(bbs::sign(&key, HEADER, &scalars(&texts)).is_ok())
    };
    let verify = {
        let (public, texts) = (public.clone(), texts.clone());
        move || {
            let signature = Signature::from_bytes(&encoded);
            let verdict = signature.and_then(|signature| bbs::verify(&public, &signature, HEADER, &scalars(&texts)));
            assert!(verdict.is_ok());
        }
    };
    let prove = {
        let (public, texts) = (public.clone(), texts.clone());
        move || assert!(make(1, &public, &signature, &scalars(&texts)).is_ok())
    };
    let verify_one = {
        let (public, texts, proof) = (public.clone(), texts.clone(), vec![proofs[0].clone()]);
        move || check(&public, &proof, &texts)
    };
    Ok(vec![
        case("BBS sign", None, sign),
        case("BBS verify", None, verify),
        case("BBS prove", None, prove),
        case("BBS verify proof", Some(2.3), verify_one),
        batch("BBS verify proof, batch of 64, each", Some(0.5), move || check(&public, &proofs, &texts)),
    ])
}

fn zkryptium() -> Result<Vec<Case>, Box<dyn Error>> {
    type Peer = BBSplus<Bls12381Sha256>;
    let ours = SecretKey::generate(Suite::Sha256, &[9; 32], b"bench")?;
    let secret = BBSplusSecretKey::from_bytes(ours.expose_bytes().as_ref())?;
    let public = BBSplusPublicKey::from_bytes(ours.public_key().as_bytes())?;
    let texts = texts();
    let signature = PeerSignature::<Peer>::sign(Some(&texts), &secret, &public, Some(HEADER))?.to_bytes();
    let prove = move |public: &BBSplusPublicKey, texts: &[Vec<u8>]| {
        PoKSignature::<Peer>::proof_gen(public, &signature, Some(HEADER), Some(CONTEXT), Some(texts), Some(&SHOWN))
    };
    let proof = prove(&public, &texts)?.to_bytes();
    let shown: Vec<_> = SHOWN.map(|index| texts[index].clone()).to_vec();
    let rare = |name, run: Box<dyn FnMut()>| Case { name, limit: None, repeat: 1, units: 1, rare: true, run };
    let (public1, public2, public3) = (public.clone(), public.clone(), public.clone());
    let (texts1, texts2) = (texts.clone(), texts.clone());
    Ok(vec![
        rare(
            "zkryptium sign",
            Box::new(move || {
                let signed = PeerSignature::<Peer>::sign(Some(&texts1), &secret, &public1, Some(HEADER));
                assert!(signed.is_ok());
            }),
        ),
        rare(
            "zkryptium verify",
            Box::new(move || {
                let decoded = PeerSignature::<Peer>::from_bytes(&signature);
                let verdict = decoded.and_then(|decoded| decoded.verify(&public2, Some(&texts2), Some(HEADER)));
                assert!(verdict.is_ok());
            }),
        ),
        rare("zkryptium prove", Box::new(move || assert!(prove(&public3, &texts).is_ok()))),
        rare(
            "zkryptium verify proof",
            Box::new(move || {
                let verdict = PoKSignature::<Peer>::from_bytes(&proof).and_then(|decoded| {
                    decoded.proof_verify(&public, Some(&shown), Some(&SHOWN), Some(HEADER), Some(CONTEXT))
                });
                assert!(verdict.is_ok());
            }),
        ),
    ])
}

type Names = [&'static str; 5];
const THREE: Names = [
    "ZK presentation, 3 predicates: prove, cold",
    "ZK presentation, 3 predicates: precompute",
    "ZK presentation, 3 predicates: verify",
    "ZK presentation, 3 predicates: 64, each",
    "ZK presentation, 3 predicates: finish",
];
/// Age, licence class, not withdrawn, not expired: the whole statement.
const FOUR: Names = [
    "ZK presentation, 4 predicates: prove, cold",
    "ZK presentation, 4 predicates: precompute",
    "ZK presentation, 4 predicates: verify",
    "ZK presentation, 4 predicates: 64, each",
    "ZK presentation, 4 predicates: finish",
];
const PSEUDONYM: Names = [
    "ZK presentation, 4 + pseudonym: prove, cold",
    "ZK presentation, 4 + pseudonym: precompute",
    "ZK presentation, 4 + pseudonym: verify",
    "ZK presentation, 4 + pseudonym: 64, each",
    "ZK presentation, 4 + pseudonym: finish",
];

/// A credential of 16 messages with everything a presentation of it needs.
struct Holder {
    issuer: SecretKey,
    days: SetSecretKey,
    handles: SetSecretKey,
    classes: SetParameters,
    /// The base of the bitmaps of six classes that have one of the first two.
    licensed: G1Affine,
    messages: Vec<Scalar>,
    signature: Signature,
    value_signatures: Vec<ValueSignature>,
    shown: Vec<(usize, Scalar)>,
    predicates: usize,
    pseudonym: bool,
}

impl Holder {
    fn new(predicates: usize, pseudonym: bool) -> Result<Self, Box<dyn Error>> {
        let issuer = SecretKey::generate(Suite::Sha256, &[9; 32], b"bench")?;
        let set = |purpose: &[u8]| SetSecretKey::generate(&[9; 32], purpose);
        let classes = SetParameters::generate(&[9; 32], b"classes", 63)?;
        let bitmaps: Vec<u64> = (0..64).filter(|bitmap| bitmap & 3 != 0).collect();
        let licensed = classes.base(&bitmaps)?;
        let mut messages = scalars(&texts());
        for (index, value) in [(2, 9_000), (3, 5), (4, 21_000), (5, 77)] {
            messages[index] = Scalar::from_u64(value);
        }
        let signature = bbs::sign(&issuer, HEADER, &messages)?;
        let shown = SHOWN.map(|index| (index, messages[index])).to_vec();
        let (days, handles, value_signatures) = (set(b"days")?, set(b"handles")?, Vec::new());
        let mut holder = Self {
            issuer,
            days,
            handles,
            classes,
            licensed,
            messages,
            signature,
            value_signatures,
            shown,
            predicates,
            pseudonym,
        };
        let mut value_signatures = Vec::new();
        for membership in holder.memberships() {
            let value = membership.coefficient * holder.messages[membership.message] + membership.constant;
            let keys = [&holder.days, &holder.handles];
            let signed = match keys.into_iter().find(|key| key.public_key() == membership.set) {
                Some(key) => key.sign(value),
                None => holder.classes.witness(&bitmaps, 5),
            };
            value_signatures.push(signed?);
        }
        holder.value_signatures = value_signatures;
        Ok(holder)
    }

    /// Age, licence class, not withdrawn, and not expired.
    fn memberships(&self) -> Vec<Membership<'_>> {
        let (one, days) = (Scalar::ONE, self.days.public_key());
        let all = [
            Membership::signed(days, 2, -one, Scalar::from_u64(13_000)),
            Membership::public(self.classes.key(), 3, self.licensed),
            Membership::signed(self.handles.public_key(), 5, one, epoch_offset(3)),
            Membership::signed(days, 4, one, -Scalar::from_u64(20_000)),
        ];
        all.into_iter().take(self.predicates).collect()
    }

    fn with<T>(&self, run: impl FnOnce(&Statement<'_>, &Witness<'_>) -> T) -> T {
        let memberships = self.memberships();
        let scope = b"verifier, 2026";
        let value = self.pseudonym.then(|| pseudonym(scope, &self.messages[0]));
        let statement = Statement {
            issuer: self.issuer.public_key(),
            header: HEADER,
            message_count: MESSAGES,
            shown: &self.shown,
            memberships: &memberships,
            pseudonym: value.map(|value| Pseudonym { scope, message: 0, value }),
        };
        let witness =
            Witness { signature: &self.signature, messages: &self.messages, value_signatures: &self.value_signatures };
        run(&statement, &witness)
    }
}

fn presentation(names: Names, predicates: usize, pseudonym: bool) -> Result<Vec<Case>, Box<dyn Error>> {
    let [cold, precompute, verify_one, verify_many, finish] = names;
    let holder = Rc::new(Holder::new(predicates, pseudonym)?);
    let proofs: Vec<_> = (0..BATCH as u64)
        .map(|seed| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            holder.with(|statement, witness| prove(statement, witness, CONTEXT, &mut rng))
        })
        .collect::<Result<_, _>>()?;
    let pool = Rc::new(std::cell::RefCell::new(Vec::new()));
    let [holder1, holder2, holder3] = [(); 3].map(|()| holder.clone());
    let (pool1, proof) = (pool.clone(), proofs[0].clone());
    let promised = (!pseudonym).then_some(6.0);
    Ok(vec![
        case(cold, promised, move || {
            let made = holder1.with(|statement, witness| prove(statement, witness, CONTEXT, &mut rng()));
            assert!(made.is_ok());
        }),
        case(precompute, None, move || {
            let made = holder2.with(|statement, witness| Precomputed::new(statement, witness, CONTEXT, &mut rng()));
            pool1.borrow_mut().extend(made);
        }),
        case(verify_one, promised, move || {
            assert!(holder3.with(|statement, _| verify(statement, CONTEXT, &proof)).is_ok());
        }),
        batch(verify_many, promised.map(|_| 3.0), move || {
            holder.with(|statement, _| {
                let items: Vec<_> =
                    proofs.iter().map(|proof| Presented { statement: *statement, context: CONTEXT, proof }).collect();
                assert!(verify_batch(&items).iter().all(Result::is_ok));
            });
        }),
        case(finish, promised.map(|_| 0.1), move || {
            let made = pool.borrow_mut().pop().map(|precomputed| precomputed.finish(CONTEXT));
            assert!(made.is_some_and(|made| made.is_ok()));
        }),
    ])
}

fn set() -> Result<Case, Box<dyn Error>> {
    const VALUES: u64 = 4_096;
    let key = SetSecretKey::generate(&[9; 32], b"days")?;
    let run = move || assert!(key.sign_range(0..VALUES, |_| ()).is_ok());
    Ok(Case { repeat: 1, units: VALUES as u32, rare: true, ..case("set signature, 4,096 in a range, each", None, run) })
}

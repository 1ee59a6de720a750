//! Everything that the issuer and all verifiers know together, about two suspects.

use std::collections::{HashMap, HashSet};

use protocol::credential::{Day, Value};
use protocol::crypto::bbs::blind;
use protocol::crypto::curve::{G1, G1Affine, Scalar};
use protocol::exchange::{Scope, status_token_number};
use tests::wire::PresentationWire;
use tests::world::{EPOCH, NOW};

use crate::crowd::{Crowd, Seen};

/// Bytes in a row that count as a common trait.
pub(crate) const TRAIT: usize = 8;

/// What is on file about one suspect.
pub(crate) struct Suspect {
    /// Every eight bytes of everything on file: the issuer's row, the issuance transcript, earlier presentations.
    pub(crate) traits: HashSet<[u8; TRAIT]>,
    /// Every point on file, times every factor that is known, without its sign.
    pub(crate) points: HashMap<[u8; 48], String>,
    /// Every number on file.
    pub(crate) numbers: Vec<(String, Scalar)>,
    /// The numbers that the issuer signed, by their position; nothing where only the holder knows them.
    pub(crate) messages: Vec<Option<Scalar>>,
    /// e of the signature.
    pub(crate) e: Scalar,
    /// Presentations that are known to be this suspect's.
    pub(crate) labelled: Vec<Vec<u8>>,
}

/// All that is known.
pub(crate) struct Dossier {
    /// The issuer's secret keys, by name.
    pub(crate) keys: Vec<(String, Scalar)>,
    pub(crate) suspects: [Suspect; 2],
}

/// The encoding without the bit that tells a point from its negative.
pub(crate) fn unsigned(point: &G1Affine) -> [u8; 48] {
    let mut bytes = point.to_compressed();
    bytes[0] &= !0x20;
    bytes
}

pub(crate) fn traits(bytes: &[u8]) -> impl Iterator<Item = [u8; TRAIT]> {
    bytes.windows(TRAIT).map(|window| window.try_into().unwrap())
}

/// The traits of a presentation: of the proof, of the request's digest and the pseudonym, and of everything around them. What
/// straddles two of these is mostly public bytes and a few random ones, which are alike now and then.
pub(crate) fn traits_of(presentation: &[u8]) -> HashSet<[u8; TRAIT]> {
    let wire = PresentationWire::decode(presentation);
    let around = PresentationWire { proof: vec![], request: None, pseudonym: None, ..wire.clone() }.encode();
    let event = wire.pseudonym.as_ref().map(|pseudonym| match &pseudonym.scope {
        Scope::Event(name) => name.clone(),
        Scope::Period(_) => String::new(),
    });
    let random = [
        wire.proof,
        wire.request.map(Vec::from).unwrap_or_default(),
        wire.pseudonym.map(|pseudonym| pseudonym.value.to_vec()).unwrap_or_default(),
        event.unwrap_or_default().into_bytes(),
    ];
    random.iter().flat_map(|bytes| traits(bytes)).chain(traits(&around)).collect()
}

impl Dossier {
    /// The file on the two holders, with these presentations of theirs known.
    pub(crate) fn open(crowd: &Crowd, labelled: [&[Vec<u8>]; 2]) -> Self {
        let issuing = &crowd.world.identities;
        let number = |bytes: &[u8; 32]| Scalar::from_be_bytes(bytes).unwrap();
        let keys = vec![
            ("sk".to_owned(), number(&issuing.bbs.expose_bytes())),
            ("y of days".to_owned(), number(&issuing.days.expose_bytes())),
            ("y of status".to_owned(), number(&issuing.status.expose_bytes())),
        ];
        let suspects = [0, 1].map(|index| Suspect::open(crowd, &keys, index, labelled[index]));
        Self { keys, suspects }
    }
}

impl Suspect {
    fn open(crowd: &Crowd, keys: &[(String, Scalar)], index: usize, labelled: &[Vec<u8>]) -> Self {
        let (issuing, holder) = (&crowd.world.identities, crowd.holders()[index]);
        let credential = &holder.identity.credential;
        let clear = credential.clear_messages(&issuing.credential_type).unwrap();
        let mut messages = vec![None; issuing.credential_type.message_count()];
        clear.iter().for_each(|(at, value)| messages[*at] = Some(*value));

        // The issuance transcript: what the wallet sent, made again from the same randomness.
        let mut rng = tests::rng(&format!("identity of {}", holder.person.id));
        let secrets = [Scalar::random(&mut rng), Scalar::random(&mut rng)];
        let header = issuing.header();
        let commitment = blind::commit(&issuing.issuance(&header), &secrets, &mut rng).unwrap();
        assert_eq!(secrets, [holder.identity.secrets.link_secret, holder.identity.secrets.blinder]);

        // Points: signature, what was signed, the commitment, tokens and day signatures.
        let decoded = |bytes: &[u8]| G1::from(G1Affine::from_compressed(bytes.try_into().unwrap()).unwrap());
        let a = decoded(&credential.signature[..48]);
        let e = Scalar::from_be_bytes(credential.signature[48..].try_into().unwrap()).unwrap();
        let sk = keys[0].1;
        let today = Day::in_korea(NOW);
        let left = (credential.expiry.number() - today.number()) as u16;
        let latest = crowd.world.profile("age-19").prove[0].claim(&issuing.credential_type, today);
        let Some(protocol::exchange::Claim::AtMost(latest)) = latest else { panic!("an age") };
        let born = holder.person.birth_date.parse::<Day>().unwrap();
        let reserve = (latest.number() - born.number()) as u16;
        let mut known = vec![
            ("A".to_owned(), a),
            ("B".to_owned(), a.multiply(&(sk + e))),
            ("commitment".to_owned(), decoded(&commitment[..48])),
            ("days left".to_owned(), decoded(&issuing.day_signature(left).to_bytes())),
            ("reserve of age".to_owned(), decoded(&issuing.day_signature(reserve).to_bytes())),
        ];
        // What proves that this holder's classes and region are in the sets that are asked about.
        let values = &holder.identity.credential.values;
        for predicate in crowd.world.rental().prove.iter().chain(&crowd.both_regions().prove) {
            let claim = predicate.claim(&issuing.credential_type, today).unwrap();
            let at = predicate.position(&issuing.credential_type).unwrap();
            if let (protocol::exchange::Claim::Among(members), Value::Number(value)) = (claim, &values[at]) {
                let witness = holder.identity.evidence.sets().unwrap().witness(&members, *value).unwrap();
                known.push((format!("witness of number {at}"), decoded(&witness.to_bytes())));
            }
        }
        for epoch in [EPOCH - 1, EPOCH] {
            let token = issuing.status_token(credential.handle, epoch);
            known.push((format!("token of epoch {epoch}"), decoded(&token.to_bytes())));
        }

        let handle = Scalar::from_u64(credential.handle);
        let mut numbers = vec![
            ("e".to_owned(), e),
            ("sk + e".to_owned(), sk + e),
            ("handle".to_owned(), handle),
            ("days left".to_owned(), Scalar::from_u64(left.into())),
            ("reserve".to_owned(), Scalar::from_u64(reserve.into())),
            ("handle and epoch".to_owned(), status_token_number(credential.handle, EPOCH)),
            ("y + handle and epoch".to_owned(), keys[2].1 + status_token_number(credential.handle, EPOCH)),
            ("y + days left".to_owned(), keys[1].1 + Scalar::from_u64(left.into())),
            ("y + reserve".to_owned(), keys[1].1 + Scalar::from_u64(reserve.into())),
        ];
        numbers.extend(clear.iter().map(|(at, value)| (format!("message {at}"), *value)));
        numbers.retain(|(_, number)| !number.is_zero());

        // Every point times every number, key, and inverse of these.
        let mut factors = vec![("1".to_owned(), Scalar::ONE)];
        for (name, number) in numbers.iter().chain(keys) {
            factors.push((name.clone(), *number));
            factors.push((format!("1/({name})"), number.invert().unwrap()));
        }
        let mut points = HashMap::new();
        for (point_name, point) in &known {
            for (name, factor) in &factors {
                points.insert(unsigned(&point.multiply(factor).to_affine()), format!("{point_name}·{name}"));
            }
        }

        let mut on_file: Vec<Vec<u8>> =
            vec![credential.signature.to_vec(), commitment, credential.handle.to_be_bytes().to_vec()];
        on_file.extend(known.iter().map(|(_, point)| point.to_affine().to_compressed().to_vec()));
        on_file.extend(numbers.iter().map(|(_, number)| number.to_be_bytes().to_vec()));
        on_file.retain(|bytes| bytes.len() >= TRAIT);
        let mut file_traits: HashSet<_> = on_file.iter().flat_map(|bytes| traits(bytes)).collect();
        // Small numbers are mostly zeros, and eight zeros are nobody's.
        file_traits.retain(|bytes| bytes.iter().filter(|byte| **byte != 0).count() > 3);
        file_traits.extend(labelled.iter().flat_map(|bytes| traits_of(bytes)));
        for seen in labelled.iter().map(|bytes| Seen::new(bytes)) {
            points.extend(seen.points.iter().map(|point| (unsigned(point), "an earlier presentation".to_owned())));
        }
        Self { traits: file_traits, points, numbers, messages, e, labelled: labelled.to_vec() }
    }
}

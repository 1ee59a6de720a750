//! P1 in small: two anonymous presentations of one holder have nothing in common that another holder's
//! would not have as well.

use std::collections::HashSet;

use protocol::crypto::keys::Signer;
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{Holder, World};

/// Bytes in a row that count as a common trait; by chance it happens once in 2^64 pairs of places.
const TRAIT: usize = 8;
const PRESENTATIONS: usize = 40;

fn shows(world: &World, holder: &Holder, count: usize) -> Vec<Vec<u8>> {
    let mut rng = rng(holder.person.id);
    let query = world.profile("age-19");
    (0..count).map(|_| holder.identity.show(&world.identities, &query, &mut rng)).collect()
}

#[test]
fn p1_proofs_of_one_holder_have_no_bytes_in_common() {
    let world = World::new();
    let mut seen: HashSet<[u8; TRAIT]> = HashSet::new();
    for bytes in shows(&world, &world.holder, PRESENTATIONS) {
        let proof = PresentationWire::decode(&bytes).proof;
        let traits: HashSet<[u8; TRAIT]> = proof.windows(TRAIT).map(|window| window.try_into().unwrap()).collect();
        assert!(seen.is_disjoint(&traits));
        seen.extend(traits);
    }
}

#[test]
fn p1_all_but_the_proof_is_the_same_for_every_holder() {
    let world = World::new();
    let without_proof =
        |bytes: &Vec<u8>| PresentationWire { proof: vec![], ..PresentationWire::decode(bytes) }.encode();
    let of = |holder| shows(&world, holder, 5).iter().map(without_proof).collect::<HashSet<_>>();
    let everyone: HashSet<_> = [&world.holder, &world.neighbour].into_iter().flat_map(of).collect();
    assert_eq!(everyone.len(), 1);
}

#[test]
fn p1_the_allowed_common_bytes_are_the_issuers_key_and_the_time() {
    let world = World::new();
    let [one, two] = <[Vec<u8>; 2]>::try_from(shows(&world, &world.holder, 2)).unwrap();
    let traits = |bytes: &[u8]| bytes.windows(TRAIT).map(<[u8]>::to_vec).collect::<HashSet<_>>();
    let start = one.len() - PresentationWire::decode(&one).proof.len();
    let public: HashSet<_> = traits(&one[..start]);
    let common: Vec<_> = traits(&one).intersection(&traits(&two)).cloned().collect();
    assert!(!common.is_empty() && common.iter().all(|bytes| public.contains(bytes)));
}

#[test]
fn an_anonymous_presentation_names_neither_handle_nor_phone() {
    let world = World::new();
    let (identity, licence) = (&world.holder.identity, &world.holder.licence);
    let phone = licence.device.as_ref().unwrap().public_key().to_multicodec();
    for bytes in shows(&world, &world.holder, 5) {
        let wire = PresentationWire::decode(&bytes);
        assert!(wire.handle.is_none() && wire.device_key.is_none() && wire.device_signature.is_none());
        assert!(wire.shown.is_empty());
        for secret in
            [identity.credential.handle.to_be_bytes().to_vec(), phone.clone(), identity.credential.signature.to_vec()]
        {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

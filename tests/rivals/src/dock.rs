//! Dock's libraries on arkworks: BBS with 16 messages of which 4 are shown, and the Bulletproofs++ range proof that its
//! proof system puts beside a BBS proof.

use std::collections::{BTreeMap, BTreeSet};

use ark_bls12_381::{Bls12_381, Fr, G1Affine};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use ark_std::UniformRand;
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use bbs_plus::proof_23::{PoKOfSignature23G1Proof, PoKOfSignature23G1Protocol};
use bbs_plus::setup::{KeypairG2, SignatureParams23G1};
use bbs_plus::signature_23::Signature23G1;
use blake2::Blake2b512;
use bulletproofs_plus_plus::range_proof_arbitrary_range::ProofArbitraryRange;
use bulletproofs_plus_plus::setup::SetupParams;
use dock_crypto_utils::signature::MessageOrBlinding;
use dock_crypto_utils::transcript::{Transcript, new_merlin_transcript};
use schnorr_pok::compute_random_oracle_challenge;

use crate::{Case, Outcome};

const SHOWN: [usize; 4] = [1, 6, 7, 15];

pub(crate) fn cases() -> Outcome<Vec<Case>> {
    let mut cases = bbs()?;
    cases.extend(range()?);
    Ok(cases)
}

/// An error of these libraries that is not a standard one.
fn text(error: impl core::fmt::Debug) -> String {
    format!("{error:?}")
}

fn bbs() -> Outcome<Vec<Case>> {
    let mut rng = StdRng::seed_from_u64(1);
    let messages: Vec<Fr> = (0..16).map(|_| Fr::rand(&mut rng)).collect();
    let params = SignatureParams23G1::<Bls12_381>::new::<Blake2b512>(b"rivals", 16);
    let keys = KeypairG2::<Bls12_381>::generate_using_rng_and_bbs23_params(&mut rng, &params);
    let signature = Signature23G1::<Bls12_381>::new(&mut rng, &messages, &keys.secret_key, &params).map_err(text)?;
    let indexes: BTreeSet<_> = SHOWN.into();
    let shown: BTreeMap<_, _> = SHOWN.map(|index| (index, messages[index])).into();

    let (their_shown, their_params) = (shown.clone(), params.clone());
    let prove = move || -> Outcome<Vec<u8>> {
        let mut rng = StdRng::seed_from_u64(2);
        let choices = messages.iter().enumerate().map(|(index, message)| match indexes.contains(&index) {
            true => MessageOrBlinding::RevealMessage(message),
            false => MessageOrBlinding::BlindMessageRandomly(message),
        });
        let protocol =
            PoKOfSignature23G1Protocol::init(&mut rng, None, None, &signature, &their_params, choices).map_err(text)?;
        let mut input = Vec::new();
        protocol.challenge_contribution(&their_shown, &their_params, &mut input).map_err(text)?;
        let proof = protocol.gen_proof(&compute_random_oracle_challenge::<Fr, Blake2b512>(&input)).map_err(text)?;
        let mut bytes = Vec::new();
        proof.serialize_compressed(&mut bytes).map_err(text)?;
        Ok(bytes)
    };
    let bytes = prove()?;
    let (size, public) = (bytes.len(), keys.public_key.clone());
    let verify = move || -> Outcome<()> {
        let proof = PoKOfSignature23G1Proof::<Bls12_381>::deserialize_compressed(&bytes[..]).map_err(text)?;
        let mut input = Vec::new();
        proof.challenge_contribution(&shown, &params, &mut input).map_err(text)?;
        let challenge = compute_random_oracle_challenge::<Fr, Blake2b512>(&input);
        Ok(proof.verify(&shown, &challenge, public.clone(), params.clone()).map_err(text)?)
    };
    Ok(vec![
        Case { name: "dock bbs_plus 0.25: prove", bytes: size, run: Box::new(move || prove().map(|_| ())) },
        Case { name: "dock bbs_plus 0.25: verify proof", bytes: size, run: Box::new(verify) },
    ])
}

/// A value of 16 bits between two bounds, as a proof that stands beside the BBS proof.
fn range() -> Outcome<Vec<Case>> {
    const BASE: u16 = 2;
    const BITS: u16 = 16;
    let params = SetupParams::<G1Affine>::new_for_arbitrary_range_proof::<Blake2b512>(b"rivals", BASE, BITS, 1);
    let their_params = params.clone();
    let prove = move || -> Outcome<Vec<u8>> {
        let mut rng = StdRng::seed_from_u64(3);
        let blinding = vec![Fr::rand(&mut rng), Fr::rand(&mut rng)];
        let mut transcript = new_merlin_transcript(b"rivals");
        transcript.append(b"setup", &their_params);
        let bounds = vec![(9_000, 0, 13_000)];
        let proof = ProofArbitraryRange::new_with_given_base(
            &mut rng,
            BASE,
            BITS,
            bounds,
            blinding,
            their_params.clone(),
            &mut transcript,
        );
        let mut bytes = Vec::new();
        proof.map_err(text)?.serialize_compressed(&mut bytes).map_err(text)?;
        Ok(bytes)
    };
    let bytes = prove()?;
    let size = bytes.len();
    let verify = move || -> Outcome<()> {
        let proof = ProofArbitraryRange::<G1Affine>::deserialize_compressed(&bytes[..]).map_err(text)?;
        let mut transcript = new_merlin_transcript(b"rivals");
        transcript.append(b"setup", &params);
        Ok(proof.verify(BITS, &params, &mut transcript).map_err(text)?)
    };
    Ok(vec![
        Case {
            name: "dock bulletproofs_plus_plus 0.9, 16 bits: prove",
            bytes: size,
            run: Box::new(move || prove().map(|_| ())),
        },
        Case { name: "dock bulletproofs_plus_plus 0.9, 16 bits: verify", bytes: size, run: Box::new(verify) },
    ])
}

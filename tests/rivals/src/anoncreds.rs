//! AnonCreds (Camenisch–Lysyanskaya signatures over RSA): 16 attributes of which 4 are shown, and one predicate.

use std::rc::Rc;

use anoncreds_clsignatures::*;

use crate::{Case, Outcome};

const ATTRIBUTES: usize = 16;
const SHOWN: [usize; 4] = [1, 6, 7, 15];

/// A credential with all that proving and verifying need.
struct Issued {
    schema: CredentialSchema,
    non_schema: NonCredentialSchema,
    key: CredentialPublicKey,
    values: CredentialValues,
    signature: CredentialSignature,
    request: SubProofRequest,
    nonce: Nonce,
}

pub(crate) fn cases() -> Outcome<Vec<Case>> {
    let mut all = Vec::new();
    for (names, predicate) in [
        (
            ["AnonCreds (anoncreds-clsignatures 0.3.2): prove", "AnonCreds (anoncreds-clsignatures 0.3.2): verify"],
            false,
        ),
        (["AnonCreds, one predicate: prove", "AnonCreds, one predicate: verify"], true),
    ] {
        let issued = Rc::new(issue(predicate).map_err(text)?);
        let proof = issued.prove().map_err(text)?;
        let bytes = serde_json::to_vec(&proof)?.len();
        let there = issued.clone();
        all.push(Case { name: names[0], bytes, run: Box::new(move || Ok(there.prove().map(|_| ()).map_err(text)?)) });
        let verify = move || match issued.verify(&proof).map_err(text)? {
            true => Ok(()),
            false => Err("AnonCreds refused its own proof".into()),
        };
        all.push(Case { name: names[1], bytes, run: Box::new(verify) });
    }
    Ok(all)
}

/// This library's error is not a standard one.
fn text(error: Error) -> String {
    error.to_string()
}

fn name(index: usize) -> String {
    format!("attribute{index}")
}

fn issue(predicate: bool) -> Result<Issued, Error> {
    let mut schema = Issuer::new_credential_schema_builder()?;
    let mut values = Issuer::new_credential_values_builder()?;
    for index in 0..ATTRIBUTES {
        schema.add_attr(&name(index))?;
        values.add_dec_known(&name(index), &(19_000 + index * 977).to_string())?;
    }
    let schema = schema.finalize()?;
    let mut non_schema = Issuer::new_non_credential_schema_builder()?;
    non_schema.add_attr("master_secret")?;
    let non_schema = non_schema.finalize()?;
    let (key, secret_key, correctness) = Issuer::new_credential_def(&schema, &non_schema, false)?;

    let link_secret = Prover::new_link_secret()?;
    let known = values.finalize()?;
    let mut hidden = Issuer::new_credential_values_builder()?;
    hidden.add_value_hidden("master_secret", link_secret.as_ref())?;
    let hidden = hidden.finalize()?;
    let values = known.merge(&hidden)?;
    let nonces = (new_nonce()?, new_nonce()?);
    let (blinded, factors, blinded_correctness) =
        Prover::blind_credential_secrets(&key, &correctness, &hidden, &nonces.0)?;
    let (mut signature, signature_correctness) = Issuer::sign_credential(
        "rivals",
        &blinded,
        &blinded_correctness,
        &nonces.0,
        &nonces.1,
        &known,
        &key,
        &secret_key,
    )?;
    Prover::process_credential_signature(
        &mut signature,
        &values,
        &signature_correctness,
        &factors,
        &key,
        &nonces.1,
        None,
        None,
        None,
    )?;

    let mut request = Verifier::new_sub_proof_request_builder()?;
    for index in SHOWN {
        request.add_revealed_attr(&name(index))?;
    }
    if predicate {
        request.add_predicate(&name(2), "GE", 18_000)?;
    }
    let request = request.finalize()?;
    Ok(Issued { schema, non_schema, key, values, signature, request, nonce: new_nonce()? })
}

impl Issued {
    fn prove(&self) -> Result<Proof, Error> {
        let mut builder = Prover::new_proof_builder()?;
        builder.add_common_attribute("master_secret")?;
        builder.add_sub_proof_request(
            &self.request,
            &self.schema,
            &self.non_schema,
            &self.signature,
            &self.values,
            &self.key,
            None,
            None,
        )?;
        builder.finalize(&self.nonce)
    }

    fn verify(&self, proof: &Proof) -> Result<bool, Error> {
        let mut verifier = Verifier::new_proof_verifier()?;
        verifier.add_sub_proof_request(&self.request, &self.schema, &self.non_schema, &self.key, None, None)?;
        verifier.verify(proof, &self.nonce)
    }
}

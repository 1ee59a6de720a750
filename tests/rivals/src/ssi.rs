//! SpruceID's `ssi`, whose `bbs-2023` stands on zkryptium: `rivals ssi` answers a job a line, as `tests/w3c/js/peer.mjs`
//! does, and tells the least processor time it took.
//!
//! Contexts come from its own bundle and keys are handed over as verification methods, so that nothing is fetched and no
//! identifier parsed. A document arrives as text, and what is timed begins with parsing it.

use std::collections::HashMap;
use std::io::{BufRead, Write, stdin, stdout};

use serde_json::{Value, json};
use ssi::claims::data_integrity::{
    AnyDataIntegrity, AnySelectionOptions, AnySignatureOptions, AnySuite, CryptographicSuite, DataIntegrityDocument,
    ProofConfiguration,
};
use ssi::claims::{SignatureEnvironment, VerificationParameters};
use ssi::prelude::{AnyMethod, JWK, SingleSecretSigner};
use ssi::security::{MultibaseBuf, multibase::Base};

use crate::{Outcome, processor_seconds};

/// Verification methods by their names.
type Methods = HashMap<iref::IriBuf, AnyMethod>;

/// A credential with its proof.
fn read(document: &str) -> Outcome<AnyDataIntegrity> {
    Ok(serde_json::from_str(document)?)
}

fn verify(document: &str, methods: &Methods) -> Outcome<()> {
    let parameters = VerificationParameters::from_resolver(methods);
    Ok(pollster::block_on(read(document)?.verify(parameters))??)
}

/// Sign with a new key: its method and the credential with a base proof.
fn sign(document: &Value, mandatory: &Value) -> Outcome<(Value, Value)> {
    let key = JWK::generate_bls12381g2();
    let multikey = MultibaseBuf::encode(Base::Base58Btc, key.to_multicodec()?.as_bytes());
    let controller = format!("did:key:{multikey}");
    let name = format!("{controller}#{multikey}");
    let method = json!({ "type": "Multikey", "id": name, "controller": controller, "publicKeyMultibase": multikey });
    let configuration: ProofConfiguration<AnySuite> = serde_json::from_value(json!({
        "type": "DataIntegrityProof", "cryptosuite": "bbs-2023", "verificationMethod": name, "proofPurpose": "assertionMethod",
    }))?;
    let (suite, options) = configuration.into_suite_and_options();
    let methods: Methods = serde_json::from_value(json!({ name: method }))?;
    let mut credential = document.clone();
    credential["issuer"] = controller.into();
    let credential: DataIntegrityDocument = serde_json::from_value(credential)?;
    let mandatory: AnySignatureOptions = serde_json::from_value(json!({ "mandatoryPointers": mandatory }))?;
    let signer = SingleSecretSigner::new(key).into_local();
    let environment = SignatureEnvironment::default();
    let signing = suite.sign_with(environment, credential, &methods, signer, options.cast(), mandatory);
    Ok((json!(methods), serde_json::to_value(pollster::block_on(signing)?)?))
}

/// Show a part.
fn derive(document: &str, methods: &Methods, pointers: &Value) -> Outcome<Value> {
    let options: AnySelectionOptions =
        serde_json::from_value(json!({ "selectivePointers": pointers, "presentationHeader": null }))?;
    let parameters = VerificationParameters::from_resolver(methods);
    Ok(serde_json::to_value(pollster::block_on(read(document)?.select(parameters, options))?)?)
}

/// The least time of `rounds`, in microseconds, and what came out.
fn least<T>(rounds: u64, mut work: impl FnMut() -> Outcome<T>) -> Outcome<(f64, T)> {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = processor_seconds();
        work()?;
        best = best.min((processor_seconds() - start) * 1e6);
    }
    Ok((best, work()?))
}

fn answer(job: &Value) -> Outcome<Value> {
    let rounds = job["rounds"].as_u64().unwrap_or(1);
    let text = job["document"].to_string();
    let methods = || -> Outcome<Methods> { Ok(serde_json::from_value(job["methods"].clone())?) };
    match job["do"].as_str() {
        Some("verify") => {
            let methods = methods()?;
            let (micros, ()) = least(rounds, || verify(&text, &methods))?;
            Ok(json!({ "micros": micros }))
        }
        Some("sign") => {
            let (methods, document) = sign(&job["document"], &job["mandatory"])?;
            Ok(json!({ "methods": methods, "document": document }))
        }
        Some("derive") => {
            let methods = methods()?;
            let (micros, document) = least(rounds, || derive(&text, &methods, &job["pointers"]))?;
            Ok(json!({ "micros": micros, "document": document }))
        }
        _ => Err("there is no such job".into()),
    }
}

/// Answers until there is nothing more to read.
pub(crate) fn serve() -> Outcome<()> {
    let mut output = stdout().lock();
    for line in stdin().lock().lines() {
        let job: Value = serde_json::from_str(&line?)?;
        let answer = match answer(&job) {
            Ok(answer) => json!({ "ok": answer }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

//! A wallet's side of issuing, without a wallet: many requests in little time.

use protocol::credential::{Credential, Layout};
use protocol::crypto::bbs::blind::{self, Issuance};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::{P256SigningKey, Signature};
use protocol::exchange::{CredentialRequest, IssuerEvidence};
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

/// What the ledger says of the issuer of a type.
///
/// # Panics
/// When it says nothing.
#[must_use]
pub fn evidence(trust: &TrustedState, network: [u8; 32], credential_type: &str) -> IssuerEvidence {
    let of_type = |record: &Record| match record {
        Record::IssuerKey(key) if key.credential_type == credential_type => Some(key.as_ref().clone()),
        _ => None,
    };
    let key = trust.envelopes().find_map(|envelope| of_type(&envelope.record)).expect("a key of the issuer");
    let known = trust.credential_type(credential_type).expect("the type").clone();
    IssuerEvidence::new(network, &key, known).expect("evidence")
}

/// A request on an offer's code without a transaction code, encoded.
///
/// # Panics
/// When the type cannot be asked for.
#[must_use]
pub fn credential_request(
    evidence: &IssuerEvidence,
    code: [u8; 16],
    nonce: [u8; 16],
    rng: &mut ChaCha20Rng,
) -> Vec<u8> {
    let header = Credential::header(&evidence.network, &evidence.key_id, &evidence.credential_type);
    let issuance = Issuance {
        issuer: evidence.bbs(),
        header: &header,
        message_count: evidence.credential_type.message_count(),
        hidden: &[Layout::LINK_SECRET, Layout::BLINDER],
        nonce: &nonce,
    };
    let secrets = [Scalar::random(rng), Scalar::random(rng)];
    let commitment = blind::commit(&issuance, &secrets, rng).expect("a commitment");
    let device = P256SigningKey::generate(rng);
    let mut idempotency_key = [0; 16];
    rng.fill_bytes(&mut idempotency_key);
    let request = CredentialRequest {
        code,
        tx_code: None,
        credential_type: evidence.credential_type.id.clone(),
        nonce,
        commitment,
        device_key: protocol::crypto::keys::Signer::public_key(&device),
        device_proof: Signature([0; 64]),
        idempotency_key,
        copies: None,
    };
    request.sign(&device, &[]).expect("a request").encode()
}

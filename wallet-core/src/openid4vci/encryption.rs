//! Encrypted requests, and a key for the answers to them (VCI-45).

use minicbor::{Decode, Encode};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{ContentEncryption, EncryptionKey, Jwe, Parties, encrypt};
use protocol::crypto::multikey::Multikey;
use protocol::exchange::openid4vci::IssuerMetadata;
use protocol::exchange::openid4vci::encryption::AnswerTo;
use rand_core::CryptoRng;
use serde_json::Value;

use super::ReceiveError;

/// How one issuer is written to, and the wallet's own key for what it writes back.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(super) struct Encryption {
    #[cbor(n(0), with = "super::check::key")]
    key: Multikey,
    #[n(1)]
    key_id: Option<String>,
    #[n(2)]
    method: String,
    /// Content encryption of answers; they are in clear when the issuer does not announce any.
    #[n(3)]
    answers: Option<String>,
    /// The private key for answers.
    #[cbor(n(4), with = "minicbor::bytes")]
    secret: [u8; 32],
}

/// What both sides can do.
pub(super) type Chosen = (EncryptionKey, ContentEncryption, Option<ContentEncryption>);

/// What the issuer announces and this wallet can do, if anything.
pub(super) fn chosen(metadata: &IssuerMetadata) -> Result<Option<Chosen>, ReceiveError> {
    let (request, response) = (&metadata.credential_request_encryption, &metadata.credential_response_encryption);
    let needed = request.as_ref().is_some_and(|it| it.encryption_required);
    let answers_needed = response.as_ref().is_some_and(|it| it.encryption_required);
    let answers = response.as_ref().and_then(|it| it.chosen());
    let chosen = request.as_ref().and_then(|it| it.chosen());
    let unsupported = ReceiveError::EncryptionUnsupported;
    match chosen {
        Some(_) if answers_needed && answers.is_none() => Err(unsupported),
        Some((key, method)) => Ok(Some((key, method, answers))),
        None if needed || answers_needed => Err(unsupported),
        None => Ok(None),
    }
}

impl Encryption {
    pub(super) fn new((key, method, answers): Chosen, rng: &mut dyn CryptoRng) -> Self {
        let mut secret = [0; 32];
        // One draw in 2^32 is not below the group order.
        loop {
            rng.fill_bytes(&mut secret);
            if AgreementKey::from_seed(&secret).is_ok() {
                break;
            }
        }
        let name = |method: ContentEncryption| method.name().to_owned();
        Self { key: key.key, key_id: key.id, method: name(method), answers: answers.map(name), secret }
    }

    fn own(&self) -> Option<AgreementKey> {
        AgreementKey::from_seed(&self.secret).ok()
    }

    /// The member of a request that says how to answer.
    pub(super) fn answer_to(&self) -> Option<Value> {
        let method = ContentEncryption::from_name(self.answers.as_deref()?)?;
        let key = EncryptionKey { key: self.own()?.public().ok()?, id: None };
        Some(AnswerTo { key, method }.to_json())
    }

    pub(super) fn seal(&self, request: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, ReceiveError> {
        let failed = ReceiveError::EncryptionUnsupported;
        let method = ContentEncryption::from_name(&self.method).ok_or(failed.clone())?;
        let key = EncryptionKey { key: self.key, id: self.key_id.clone() };
        let token = encrypt(request, None, &key, method, &Parties::default(), rng).map_err(|_| failed)?;
        Ok(token.into_bytes())
    }

    /// An answer in clear: one that should be encrypted and is not is refused.
    pub(super) fn open(&self, answer: &[u8]) -> Result<Option<Vec<u8>>, ReceiveError> {
        let Some(method) = self.answers.as_deref() else { return Ok(None) };
        let malformed = ReceiveError::AnswerMalformed;
        let text = core::str::from_utf8(answer).map_err(|_| malformed.clone())?;
        let token = Jwe::read(text.trim()).map_err(|_| malformed.clone())?;
        if token.method().name() != method {
            return Err(malformed);
        }
        let key = self.own().ok_or(malformed.clone())?;
        token.decrypt(&key).map(Some).map_err(|_| malformed)
    }
}

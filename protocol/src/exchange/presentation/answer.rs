//! The holder's side: an answer to a question, exactly or not at all.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{Freshness, Parts, PresentError, Presentation, SLOT, Shown, VERSION};
use crate::credential::{Credential, CredentialError, Day, HolderBinding, HolderSecrets, StatusMethod, Value};
use crate::crypto::bbs;
use crate::crypto::curve::Scalar;
use crate::crypto::domains;
use crate::crypto::keys::Signer;
use crate::crypto::membership::ValueSignature;
use crate::disclosure::{self, ProofError, Statement, Witness};
use crate::exchange::evidence::IssuerEvidence;
use crate::exchange::predicate::Claim;
use crate::exchange::pseudonym::Pseudonym;
use crate::exchange::query::Query;
use crate::identifier::Did;

/// What a holder has in hand to answer with.
pub struct Holding<'a> {
    /// The credential.
    pub credential: &'a Credential,
    /// Its secrets.
    pub secrets: &'a HolderSecrets,
    /// The issuer's keys and type, from trusted evidence.
    pub evidence: &'a IssuerEvidence,
    /// Looks up the public signature on a day number, 0–65,535.
    pub day_signature: &'a dyn Fn(u16) -> Option<ValueSignature>,
    /// The current status token with its epoch, in types that use one.
    pub status_token: Option<(u32, ValueSignature)>,
    /// The device key, in types bound to one.
    pub device: Option<&'a dyn Signer>,
}

/// An answer without its proof, and what proves it.
pub(super) struct Draft<'a> {
    pub(super) made: Presentation,
    evidence: &'a IssuerEvidence,
    parts: Parts,
    signature: bbs::Signature,
    messages: Zeroizing<Vec<Scalar>>,
    value_signatures: Zeroizing<Vec<ValueSignature>>,
}

impl Draft<'_> {
    /// Lets `prove` do so; the third argument is the context.
    pub(super) fn proven<T>(
        &self,
        prove: impl FnOnce(&Statement<'_>, &Witness<'_>, &[u8]) -> Result<T, ProofError>,
    ) -> Result<T, PresentError> {
        let memberships = self.parts.memberships(self.evidence);
        let statement = self.parts.statement(self.evidence, &memberships);
        let witness =
            Witness { signature: &self.signature, messages: &self.messages, value_signatures: &self.value_signatures };
        prove(&statement, &witness, &self.parts.context).map_err(unproven)
    }
}

/// PRES-07: a proof that does not pass the holder's own check is a fault of the machine.
pub(super) fn unproven(error: ProofError) -> PresentError {
    match error {
        ProofError::ProofInvalid => PresentError::KeystoreFault,
        other => PresentError::Proof(other),
    }
}

impl Presentation {
    /// Answers `query` from what the holder has, exactly or not at all (PRES-08).
    ///
    /// # Errors
    /// [`PresentError`]; there is no answer that shows more or proves less than was asked. A pseudonym is for a
    /// verifier that asked: see [`Self::create_for`].
    pub fn create(
        holding: &Holding<'_>,
        query: &Query,
        freshness: Freshness,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, PresentError> {
        Self::create_from(Self::draft(holding, query, None, freshness)?, holding.device, rng)
    }

    /// As [`Self::create`], for the verifier whose request it answers.
    ///
    /// # Errors
    /// [`PresentError`].
    pub fn create_for(
        verifier: &Did,
        holding: &Holding<'_>,
        query: &Query,
        freshness: Freshness,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, PresentError> {
        Self::create_from(Self::draft(holding, query, Some(verifier), freshness)?, holding.device, rng)
    }

    fn create_from(
        draft: Draft<'_>,
        device: Option<&dyn Signer>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, PresentError> {
        // PRES-07, the first half: any fault on the way is found here, before there is anything to show.
        let proof = draft.proven(|statement, witness, context| disclosure::prove(statement, witness, context, rng))?;
        let mut made = draft.made;
        made.proof = proof;
        made.sign_by_device(device)?;
        Ok(made)
    }

    /// The device key's signature over everything else, in types bound to one.
    pub(super) fn sign_by_device(&mut self, device: Option<&dyn Signer>) -> Result<(), PresentError> {
        let Some(key) = &self.device_key else { return Ok(()) };
        let device = device.ok_or(PresentError::KeystoreFault)?;
        let bytes = self.device_bytes();
        let signed = device.sign(domains::PRESENTATION_DEVICE, &bytes).map_err(|_| PresentError::KeystoreFault)?;
        // PRES-07, the second half: a secure area that signs with another key is caught before anything leaves.
        key.verify(domains::PRESENTATION_DEVICE, &bytes, &signed).map_err(|_| PresentError::KeystoreFault)?;
        self.device_signature = Some(signed);
        Ok(())
    }

    /// All of an answer but its proof.
    pub(super) fn draft<'a>(
        holding: &Holding<'a>,
        query: &Query,
        verifier: Option<&Did>,
        freshness: Freshness,
    ) -> Result<Draft<'a>, PresentError> {
        let credential = holding.credential;
        let credential_type = &holding.evidence.credential_type;
        let same_key = credential.issuer_key == holding.evidence.key_id;
        if !query.fits(credential_type) || !same_key {
            return Err(PresentError::QueryNotAnswerable); // PRES-08
        }
        let made_at = match query.binding {
            HolderBinding::LinkSecret => freshness.made_at - freshness.made_at % SLOT, // PRES-10
            HolderBinding::DeviceKey => freshness.made_at,
        };
        let pseudonym = match (&query.pseudonym, verifier, freshness.request) {
            (None, ..) => None,
            (Some(scope), Some(verifier), Some(_)) => {
                let bytes = scope.bytes(&holding.evidence.network, verifier, Day::in_korea(made_at));
                let value = disclosure::pseudonym(&bytes, &holding.secrets.link_secret).to_compressed();
                Some(Pseudonym { verifier: verifier.clone(), scope: scope.clone(), value })
            }
            // PRES-12: a pseudonym answers a request.
            _ => return Err(PresentError::QueryNotAnswerable),
        };
        let messages = credential.messages(credential_type, holding.secrets)?;
        if query.binding != credential.binding() {
            return Err(PresentError::QueryNotAnswerable); // PRES-09
        }
        let mut positions: Vec<usize> = query.show.iter().filter_map(|name| credential_type.position(name)).collect();
        positions.sort_unstable();
        let shown = positions
            .into_iter()
            .filter_map(|p| {
                let encoding = &credential_type.attributes.get(p)?.encoding;
                Some(Shown { position: p as u8, value: encoding.to_fixed(credential.values.get(p)?) }) // PRES-13
            })
            .collect();
        let by_list = credential_type.status == StatusMethod::List;
        let token = match (by_list, holding.status_token.as_ref()) {
            (true, _) => None,
            (false, Some(token)) => Some(*token),
            (false, None) => return Err(PresentError::StatusTokenMissing),
        };
        let made = Self {
            version: VERSION,
            issuer_key: credential.issuer_key,
            made_at,
            request: freshness.request,
            shown,
            proven: query.prove.clone(),
            handle: by_list.then_some(credential.handle),
            epoch: token.as_ref().map(|(epoch, _)| *epoch),
            device_key: credential.device_key,
            proof: Vec::new(),
            device_signature: None,
            pseudonym,
        };
        let value_signatures = made.value_signatures(holding, token)?;
        let (_, shown) = made.form(holding.evidence).map_err(|_| PresentError::QueryNotAnswerable)?;
        let parts = made.parts(holding.evidence, shown).map_err(|_| PresentError::QueryNotAnswerable)?;
        let signature =
            bbs::Signature::from_bytes(&credential.signature).map_err(|_| CredentialError::SignatureInvalid)?;
        Ok(Draft { made, evidence: holding.evidence, parts, signature, messages, value_signatures })
    }

    fn value_signatures(
        &self,
        holding: &Holding<'_>,
        token: Option<(u32, ValueSignature)>,
    ) -> Result<Zeroizing<Vec<ValueSignature>>, PresentError> {
        let today = Day::in_korea(self.made_at);
        let credential = holding.credential;
        let distance = |later: Day, earlier: u64| {
            u64::from(later.number()).checked_sub(earlier).and_then(|d| u16::try_from(d).ok())
        };
        let look_up = |value: u16| (holding.day_signature)(value).ok_or(PresentError::SetSignatureMissing);
        let left = distance(credential.expiry, u64::from(today.number())).ok_or(PresentError::CredentialExpired)?;
        // Which signatures these are says what the hidden values are.
        let mut signatures = Zeroizing::new(Vec::with_capacity(2 + self.proven.len()));
        signatures.push(look_up(left)?);
        signatures.extend(token.map(|(_, signature)| signature));
        let credential_type = &holding.evidence.credential_type;
        for predicate in &self.proven {
            let position = predicate.position(credential_type).ok_or(PresentError::QueryNotAnswerable)?;
            let Some(Value::Number(number)) = credential.values.get(position) else {
                return Err(PresentError::QueryNotAnswerable);
            };
            let claim = predicate.claim(credential_type, today).ok_or(PresentError::QueryNotAnswerable)?;
            if !claim.holds(*number) {
                return Err(PresentError::PredicateNotSatisfied);
            }
            let day = |day: &Day| u64::from(day.number());
            let reserve = |reserve: u64| u16::try_from(reserve).map_err(|_| PresentError::PredicateNotSatisfied);
            signatures.push(match &claim {
                Claim::AtMost(last) => look_up(reserve(day(last) - number)?)?,
                Claim::AtLeast(first) => look_up(reserve(number - day(first))?)?,
                Claim::Among(members) => {
                    holding.evidence.witness(members, *number).map_err(|_| PresentError::QueryNotAnswerable)?
                }
            });
        }
        Ok(signatures)
    }
}

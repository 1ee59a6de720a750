//! Many presentations at once.

use super::{AuthenticPresentation, Presentation, PresentationError};
use crate::disclosure::{self, Presented, ProofError};
use crate::exchange::IssuerEvidence;

impl Presentation {
    /// What [`Presentation::authenticate`] says of each, for less: the pairings of all proofs are folded into one
    /// product with one final exponentiation. When that does not hold, halving finds which proof is to blame, so that
    /// one bad presentation costs the others nothing.
    #[must_use]
    pub fn authenticate_all(
        items: &[(&Self, &IssuerEvidence)],
    ) -> Vec<Result<AuthenticPresentation, PresentationError>> {
        let begun: Vec<_> = items.iter().map(|(received, evidence)| received.before_proof(evidence)).collect();
        let sets: Vec<_> = begun
            .iter()
            .zip(items)
            .map(|(begun, (_, evidence))| match begun {
                Ok((_, parts)) => parts.memberships(evidence),
                Err(_) => Vec::new(),
            })
            .collect();
        let ready = begun.iter().zip(&sets).zip(items);
        let presented: Vec<_> = ready
            .filter_map(|((begun, sets), (received, evidence))| {
                let (_, parts) = begun.as_ref().ok()?;
                let statement = parts.statement(evidence, sets);
                Some(Presented { statement, context: &parts.context, proof: &received.proof })
            })
            .collect();
        let mut verdicts = disclosure::verify_batch(&presented).into_iter();
        let each = begun.into_iter().zip(items);
        each.map(|(begun, (received, evidence))| {
            let (values, _) = begun?;
            verdicts.next().unwrap_or(Err(ProofError::ProofInvalid))?;
            Ok(received.authentic(evidence, values))
        })
        .collect()
    }
}

//! An answer that waits for its moment.

use rand_core::CryptoRng;

use super::answer::unproven;
use super::{Freshness, Holding, PresentError, Presentation, SLOT};
use crate::credential::Day;
use crate::crypto::keys::Signer;
use crate::disclosure::Precomputed;
use crate::exchange::Query;

/// A presentation of which everything is done that needs neither the moment nor the request it is for. It becomes one
/// presentation and is gone; it cannot be cloned, stored or sent.
pub struct Prepared {
    pub(super) made: Presentation,
    pub(super) precomputed: Precomputed,
}

impl Presentation {
    /// Prepares an answer to `query` for some moment of the day that `now` (unix seconds) is on in Korea.
    ///
    /// # Errors
    /// As [`Presentation::create`]; a query for a pseudonym cannot be prepared, because it names the verifier.
    pub fn prepare(
        holding: &Holding<'_>,
        query: &Query,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Prepared, PresentError> {
        let draft = Self::draft(holding, query, None, Freshness { made_at: now, request: None })?;
        // PRES-07, the first half: any fault on the way is found here, before there is anything to show.
        let precomputed =
            draft.proven(|statement, witness, context| Precomputed::new(statement, witness, context, rng))?;
        Ok(Prepared { made: draft.made, precomputed })
    }
}

impl Prepared {
    /// The day it is good for: what it says of age and validity is said of this day.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::in_korea(self.made.made_at)
    }

    /// The epoch of its status token, in types that use one.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        self.made.epoch
    }

    /// Binds it to its moment and request. Costs a few multiplications of numbers, and the device key's signature in
    /// types bound to one.
    ///
    /// # Errors
    /// [`PresentError::PreparedForAnotherDay`] (PRES-14); [`PresentError::KeystoreFault`] when `device` did not sign, or
    /// not with the credential's key, and for a fault of processor or memory.
    pub fn finish(self, freshness: Freshness, device: Option<&dyn Signer>) -> Result<Presentation, PresentError> {
        let day = self.day();
        let Self { mut made, precomputed } = self;
        made.made_at = match made.device_key {
            None => freshness.made_at - freshness.made_at % SLOT, // PRES-10
            Some(_) => freshness.made_at,
        };
        if Day::in_korea(made.made_at) != day {
            return Err(PresentError::PreparedForAnotherDay); // PRES-14
        }
        made.request = freshness.request;
        made.proof = precomputed.finish(&made.context()).map_err(unproven)?;
        made.sign_by_device(device)?;
        Ok(made)
    }
}

impl core::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Prepared([redacted])")
    }
}

//! An answer that waits for its moment.

use rand_core::CryptoRng;

use super::{Freshness, Holding, PresentError, Presentation, SLOT};
use crate::credential::Day;
use crate::crypto::domains;
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
        Self::prepare_for(holding, query, None, Freshness { made_at: now, request: None }, rng)
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
    /// not with the credential's key; [`PresentError::Proof`] for a fault of the processor.
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
        made.proof = precomputed.finish(&made.context())?;
        if let Some(key) = &made.device_key {
            let device = device.ok_or(PresentError::KeystoreFault)?;
            let bytes = made.device_bytes();
            let signed = device.sign(domains::PRESENTATION_DEVICE, &bytes).map_err(|_| PresentError::KeystoreFault)?;
            // PRES-07, the second half: a secure area that signs with another key is caught before anything leaves.
            key.verify(domains::PRESENTATION_DEVICE, &bytes, &signed).map_err(|_| PresentError::KeystoreFault)?;
            made.device_signature = Some(signed);
        }
        Ok(made)
    }
}

impl core::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Prepared([redacted])")
    }
}

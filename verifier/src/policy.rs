//! How old things may be.

use protocol::ledger::state::TrustedState;

use crate::refusal::Refusal;
use crate::verdict::TrustGrade;

/// Limits of one use: a police phone, a shop, a gate. Every limit has a value; none can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Oldest trust data that still allows a verdict, in seconds. Beyond it the answer is "cannot tell".
    pub trust_age_max: u64,
    /// How long a displayed code lives, in seconds.
    pub display_window: u64,
    /// How far the holder's clock may be ahead, in seconds.
    pub clock_skew: u64,
    /// How many status epochs a hidden handle's token may lag behind the newest one in the trust data.
    pub status_lag_max: u32,
    /// How long ago the epoch of a hidden handle's token may have begun, in seconds. Beyond it the answer is "cannot
    /// tell", also when no newer epoch is known.
    pub status_age_max: u64,
}

impl Policy {
    /// VERD-01: no verdict on a wrong clock or on trust data older than the policy allows.
    pub(crate) fn trust_grade(&self, trust: &TrustedState, now: u64) -> Result<TrustGrade, Refusal> {
        let as_of = trust.time_ms() / 1_000;
        if now.saturating_add(self.clock_skew) < as_of {
            return Err(Refusal::ClockUnreliable);
        }
        let age = now.saturating_sub(as_of);
        if age > self.trust_age_max {
            return Err(Refusal::TrustStale);
        }
        Ok(TrustGrade { height: trust.height(), as_of, age })
    }
}

impl Default for Policy {
    /// A day for trust data, 30 seconds for a displayed code, the newest status epoch only, and that of at most two
    /// days: trust data of a day with an epoch of a day.
    fn default() -> Self {
        Self {
            trust_age_max: 24 * 3600,
            display_window: 30,
            clock_skew: 8,
            status_lag_max: 0,
            status_age_max: 48 * 3600,
        }
    }
}

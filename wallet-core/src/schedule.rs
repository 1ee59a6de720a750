//! When the app fetches next: never because something is to be shown.

use rand_core::CryptoRng;

/// The least time between two updates, in seconds.
const AT_LEAST: u64 = 6 * 3_600;
/// How far updates are spread beyond that, in seconds: an update is due about twice a day.
const SPREAD: u64 = 12 * 3_600;

/// When to call [`Wallet::needs`](crate::Wallet::needs) again, Unix seconds: after six hours at least and eighteen at
/// most, each second as likely as the next. The choice has nothing of the wallet in it, so that the time of a fetch says
/// nothing about its owner, and not all phones of the country come at the first minute of an epoch.
#[must_use]
pub fn next_update(now: u64, rng: &mut dyn CryptoRng) -> u64 {
    // A remainder of 64 bits: that some seconds are likelier by 2⁻⁴⁸ is nothing.
    now.saturating_add(AT_LEAST).saturating_add(rng.next_u64() % SPREAD)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn updates_are_spread_evenly_over_half_a_day() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut quarters = [0u32; 4];
        for _ in 0..4_000 {
            let after = next_update(1_000, &mut rng) - 1_000;
            assert!((AT_LEAST..AT_LEAST + SPREAD).contains(&after));
            quarters[((after - AT_LEAST) * 4 / SPREAD) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (900..1_100).contains(count)), "{quarters:?}");
    }
}

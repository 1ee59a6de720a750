//! Age as statutes define it (CRED-06): one table of rules, nothing else in the project subtracts years.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::calendar::{Day, days_in_month};

/// The statute an age question refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Statute {
    /// Full years from birth (Korean Civil Act, articles 158 and 160): reached at 0:00 of the birthday;
    /// someone born on 29 February reaches it on 1 March of a common year.
    #[n(0)]
    Civil,
    /// "Year age" of the Youth Protection Act, article 2: reached on 1 January of the year in which the
    /// birthday falls.
    #[n(1)]
    YouthProtection,
}

impl Statute {
    /// The last birth date that has reached `years` on day `today`: the age question becomes
    /// `birth_date ≤ latest_birth_date(…)`.
    ///
    /// Returns day 0 when nobody counted by this calendar is old enough.
    #[must_use]
    pub fn latest_birth_date(self, years: u8, today: Day) -> Day {
        self.last_qualifying(years, today).unwrap_or(Day::from_number(0).unwrap_or(today))
    }

    /// The first birth date that has not reached `years` on day `today`: the question "below this age" becomes
    /// `birth_date ≥ earliest_birth_date_below(…)`.
    ///
    /// Returns day 0 when nobody counted by this calendar has reached it.
    #[must_use]
    pub fn earliest_birth_date_below(self, years: u8, today: Day) -> Day {
        let reached = self.last_qualifying(years, today);
        reached.map_or(Day::from_number(0).unwrap_or(today), |reached| reached.plus(1))
    }

    fn last_qualifying(self, years: u8, today: Day) -> Option<Day> {
        let (year, month, day) = today.ymd();
        let birth_year = year - i32::from(years);
        let date = match self {
            // No 29 February that year: whoever was born on 1 March has the birthday tomorrow.
            Self::Civil => Day::from_ymd(birth_year, month, day.min(days_in_month(birth_year, month))),
            Self::YouthProtection => Day::from_ymd(birth_year, 12, 31),
        };
        date.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cred_06_who_has_reached_an_age() {
        // statute, years, today, born, reached
        let rows = [
            (Statute::Civil, 19, "2026-11-20", "2007-11-20", true),
            (Statute::Civil, 19, "2026-11-20", "2007-11-21", false),
            (Statute::Civil, 19, "2026-11-20", "1900-01-01", true),
            // Born on 29 February: 1 March in common years, the day itself in leap years.
            (Statute::Civil, 19, "2023-02-28", "2004-02-29", false),
            (Statute::Civil, 19, "2023-03-01", "2004-02-29", true),
            (Statute::Civil, 20, "2024-02-28", "2004-02-29", false),
            (Statute::Civil, 20, "2024-02-29", "2004-02-29", true),
            // Today is 29 February, the birth year had none.
            (Statute::Civil, 19, "2024-02-29", "2005-02-28", true),
            (Statute::Civil, 19, "2024-02-29", "2005-03-01", false),
            (Statute::YouthProtection, 19, "2026-01-01", "2007-12-31", true),
            (Statute::YouthProtection, 19, "2025-12-31", "2007-01-01", false),
            (Statute::YouthProtection, 19, "2026-12-31", "2008-01-01", false),
            (Statute::Civil, 0, "2026-11-20", "2026-11-20", true),
            (Statute::Civil, 0, "2026-11-20", "2026-11-21", false),
        ];
        for (statute, years, today, born, reached) in rows {
            let latest = statute.latest_birth_date(years, today.parse().unwrap());
            assert_eq!(born.parse::<Day>().unwrap() <= latest, reached, "{statute:?} {years} {today} {born}");
            // Whoever has not reached an age is below it, and nobody is both.
            let below =
                born.parse::<Day>().unwrap() >= statute.earliest_birth_date_below(years, today.parse().unwrap());
            assert_eq!(below, !reached, "{statute:?} {years} {today} {born}");
        }
        // Nobody is 200: the cut-off is before the calendar begins.
        assert_eq!(Statute::Civil.latest_birth_date(200, "2026-11-20".parse().unwrap()).number(), 0);
        assert_eq!(Statute::Civil.earliest_birth_date_below(200, "2026-11-20".parse().unwrap()).number(), 0);
    }
}

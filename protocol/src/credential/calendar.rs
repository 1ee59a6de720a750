//! Calendar days as numbers, so that proofs can compare them.

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Encode};

/// Days from 1900-01-01 to 1970-01-01.
const UNIX_EPOCH: i64 = 25_567;
/// Korea Standard Time is UTC+9 without daylight saving.
const KST_SECONDS: u64 = 9 * 3600;
/// 9999-12-31, the last day a date can name.
const LAST: u32 = 2_958_463;

/// Why a date cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not a date of the form `YYYY-MM-DD` between 1900-01-01 and 9999-12-31.
    #[error("this is not a date; write it as YYYY-MM-DD")]
    MalformedDate,
}

/// A calendar day, counted from 1900-01-01 (= 0). The numbers are what credentials sign (CTYP-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] u32);

impl Day {
    /// The day with this number.
    ///
    /// # Errors
    /// [`DayError::MalformedDate`] beyond 9999-12-31.
    pub fn from_number(number: u32) -> Result<Self, DayError> {
        if number <= LAST { Ok(Self(number)) } else { Err(DayError::MalformedDate) }
    }

    /// Days since 1900-01-01.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The day it is in Korea at `unix_seconds`; birthdays and expiry follow Korean time.
    #[must_use]
    pub fn in_korea(unix_seconds: u64) -> Self {
        let days = unix_seconds.saturating_add(KST_SECONDS) / 86_400;
        let number = days.saturating_add(UNIX_EPOCH as u64).min(u64::from(LAST));
        Self(number as u32)
    }

    /// A day of the proleptic Gregorian calendar.
    ///
    /// # Errors
    /// [`DayError::MalformedDate`] when there is no such day.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Result<Self, DayError> {
        if !(1900..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(DayError::MalformedDate);
        }
        // Counting years from March puts the leap day last.
        let y = i64::from(if month <= 2 { year - 1 } else { year });
        let m = i64::from((month + 9) % 12);
        let of_year = (153 * m + 2) / 5 + i64::from(day) - 1;
        let absolute = 365 * y + y / 4 - y / 100 + y / 400 + of_year;
        // 1900-01-01 on the same scale.
        let first = 365 * 1899 + 1899 / 4 - 1899 / 100 + 1899 / 400 + (153 * 10 + 2) / 5;
        u32::try_from(absolute - first).map_err(|_| DayError::MalformedDate).map(Self)
    }

    /// Year, month and day.
    #[must_use]
    pub fn ymd(self) -> (i32, u32, u32) {
        let mut year = 1900 + (i64::from(self.0) / 366) as i32;
        while Self::from_ymd(year + 1, 1, 1).is_ok_and(|next| next <= self) {
            year += 1;
        }
        let start = Self::from_ymd(year, 1, 1).map_or(0, Self::number);
        let mut rest = self.0.saturating_sub(start);
        let mut month = 1;
        while month < 12 && rest >= days_in_month(year, month) {
            rest -= days_in_month(year, month);
            month += 1;
        }
        (year, month, rest + 1)
    }

    /// When it begins in Korea, Unix seconds; days before 1970 begin at 0.
    #[must_use]
    pub fn begins_in_korea(self) -> u64 {
        const UNIX_EPOCH: u64 = 25_567;
        let hours = (u64::from(self.0) * 24).saturating_sub(UNIX_EPOCH * 24 + 9);
        hours * 3_600
    }

    /// This day plus `days`, stopping at 9999-12-31.
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days).min(LAST))
    }
}

/// Length of a month.
pub(super) fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let bytes = text.as_bytes();
        let digits = |range: core::ops::Range<usize>| {
            let part = text.get(range).ok_or(DayError::MalformedDate)?;
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(DayError::MalformedDate);
            }
            part.parse::<u32>().map_err(|_| DayError::MalformedDate)
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(DayError::MalformedDate);
        }
        Self::from_ymd(digits(0..4)? as i32, digits(5..7)?, digits(8..10)?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.ymd();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctyp_05_days_count_from_1900() {
        assert_eq!(Day::from_ymd(1900, 1, 1).unwrap().number(), 0);
        assert_eq!(Day::from_ymd(1970, 1, 1).unwrap().number(), UNIX_EPOCH as u32);
        assert_eq!(Day::from_ymd(9999, 12, 31).unwrap().number(), LAST);
        let mut previous = None;
        for number in (0..80_000).chain(LAST - 800..=LAST) {
            let day = Day::from_number(number).unwrap();
            let (y, m, d) = day.ymd();
            assert_eq!(Day::from_ymd(y, m, d).unwrap(), day);
            if let Some(p) = previous {
                assert!(day > p);
            }
            previous = Some(day);
            assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
        }
        assert_eq!(Day::from_number(LAST + 1), Err(DayError::MalformedDate));
    }

    #[test]
    fn midnight_is_korean() {
        // 2026-11-20T14:59:59Z is still the 20th in Seoul, a second later it is the 21st.
        let t = 1_795_186_799;
        assert_eq!(Day::in_korea(t).to_string(), "2026-11-20");
        assert_eq!(Day::in_korea(t + 1).to_string(), "2026-11-21");
        assert_eq!(Day::in_korea(u64::MAX).to_string(), "9999-12-31");
    }

    #[test]
    fn malformed_dates() {
        for bad in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "1899-12-31",
            "2026-1-01",
            "+026-01-01",
            "2026-01-01 ",
            "２０２６-01-01",
            "10000-01-01",
        ] {
            assert_eq!(bad.parse::<Day>(), Err(DayError::MalformedDate), "{bad}");
        }
        assert!("2024-02-29".parse::<Day>().is_ok());
    }
}

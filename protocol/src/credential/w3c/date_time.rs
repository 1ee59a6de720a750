//! `dateTimeStamp` of XML Schema 1.1: a date and time with its offset from UTC.

use super::W3cError;

/// Seconds since 1970-01-01T00:00:00Z of `2023-02-25T19:10:39.5-06:00`; a fraction is left out (VCDM-06).
///
/// # Errors
/// [`W3cError::MalformedValidity`]
pub(super) fn unix_seconds(text: &str) -> Result<i64, W3cError> {
    parse(text).ok_or(W3cError::MalformedValidity)
}

fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month_day) = date.split_at_checked(4)?;
    let [b'-', m1, m2, b'-', d1, d2] = *month_day.as_bytes() else { return None };
    let digits = |bytes: &[u8]| -> Option<i64> {
        bytes.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (digits(year.as_bytes())?, digits(&[m1, m2])?, digits(&[d1, d2])?);
    let [b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *rest.as_bytes().get(..9)? else { return None };
    let (hours, minutes, seconds) = (digits(&[h1, h2])?, digits(&[n1, n2])?, digits(&[s1, s2])?);
    let mut zone = rest.get(9..)?;
    if let Some(fraction) = zone.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit())?;
        zone = fraction.get(end..).filter(|_| (1..=9).contains(&end))?;
    }
    let offset = match zone.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let offset = hours * 60 + minutes;
            if minutes > 59 || offset > 14 * 60 {
                return None;
            }
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(days(year, month, day)? * 86_400 + hours * 3600 + minutes * 60 + seconds - offset * 60)
}

/// Days since 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) || year < 1 {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    // 719,162 days lie before 1970-01-01.
    Some(years + months + day - 1 - 719_162)
}

/// `2023-02-26T01:10:39Z`.
#[must_use]
pub fn text(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The date of a day since 1970-01-01 (the proleptic Gregorian calendar in eras of 400 years).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vcdm_06_reads_date_time_stamps_and_nothing_else() {
        assert_eq!(unix_seconds("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(unix_seconds("2023-02-25T19:10:39-06:00"), unix_seconds("2023-02-26T01:10:39Z"));
        assert_eq!(unix_seconds("2023-02-26T01:02:58.447Z"), Ok(1_677_373_378));
        for second in [0, 951_782_400, 1_677_373_378, 4_102_444_799, 253_402_300_799] {
            assert_eq!(unix_seconds(&text(second)), Ok(i64::try_from(second).unwrap()), "{}", text(second));
        }
        for bad in [
            "",
            "2023",
            "2023-02-26",
            "2023-02-26T01:02:58",
            "2023-02-30T01:02:58Z",
            "2023-13-01T01:02:58Z",
            "2023-02-26t01:02:58Z",
            "2023-02-26T24:02:58Z",
            "2023-02-26T01:60:58Z",
            "2023-02-26T01:02:60Z",
            "2023-02-26T01:02:58.Z",
            "2023-02-26T01:02:58+15:00",
            "2023-02-26T01:02:58z",
            "Sat 25 Feb 2023 07:16:31 PM CST",
            "2023-02-26T01:02:58+0900",
            "２023-02-26T01:02:58Z",
            "0000-01-01T00:00:00Z",
            "2023-02-26T01:02:58Z ",
            "1900-02-29T00:00:00Z",
        ] {
            assert_eq!(unix_seconds(bad), Err(W3cError::MalformedValidity), "{bad}");
        }
    }
}

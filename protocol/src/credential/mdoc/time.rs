//! Dates as mobile documents write them: `tdate` (RFC 3339, whole seconds, UTC) and `full-date` (RFC 8943).

use super::{MdocError, Value};
use crate::credential::Day;

/// Number of the day 1970-01-01.
const UNIX_EPOCH: u64 = 25_567;
const DAY: u64 = 86_400;

/// A point in time: tag 0, `2026-11-21T00:00:00Z`.
#[must_use]
pub fn date_time(at: u64) -> Value {
    let days = u32::try_from(at / DAY + UNIX_EPOCH).unwrap_or(u32::MAX);
    let (year, month, day) = Day::from_number(days).map_or((9999, 12, 31), Day::ymd);
    let rest = at % DAY;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    Value::Tag(0, Box::new(Value::Text(text)))
}

/// Reads a point in time, Unix seconds; before 1970 is 0.
///
/// # Errors
/// [`MdocError::MalformedDate`]
pub fn parse_date_time(value: &Value) -> Result<u64, MdocError> {
    let text = match value {
        Value::Tag(0, inner) => inner.as_text(),
        _ => None,
    };
    let text = text.filter(|it| it.is_ascii() && it.len() == 20).ok_or(MdocError::MalformedDate)?;
    let (day, time) = text.split_at(10);
    let day: Day = day.parse().map_err(|_| MdocError::MalformedDate)?;
    let fields: Vec<&str> =
        time.strip_prefix('T').and_then(|it| it.strip_suffix('Z')).map_or_else(Vec::new, |it| it.split(':').collect());
    let number = |text: &str, below: u64| {
        let digits = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
        text.parse::<u64>().ok().filter(|it| digits && *it < below).ok_or(MdocError::MalformedDate)
    };
    let [hour, minute, second] = fields[..] else { return Err(MdocError::MalformedDate) };
    let seconds = number(hour, 24)? * 3600 + number(minute, 60)? * 60 + number(second, 60)?;
    Ok((u64::from(day.number()) * DAY + seconds).saturating_sub(UNIX_EPOCH * DAY))
}

/// A day: tag 1004, `2026-11-21`.
#[must_use]
pub fn date(day: Day) -> Value {
    Value::Tag(1004, Box::new(Value::Text(day.to_string())))
}

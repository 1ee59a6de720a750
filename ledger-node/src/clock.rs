//! The one place of this crate that reads the real clock, and how times are written.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Unix milliseconds; 0 for a clock set before 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time in UTC with whole seconds, as DID documents and pages write it; empty beyond the year 9999.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Unix seconds of a time in UTC with whole seconds: no other form is a `versionTime` (DID 1.1, section 3.2.1).
pub(crate) fn parse_utc(text: &str) -> Option<u64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp()).ok().filter(|seconds| text.len() == 20 && rfc3339(*seconds) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        assert_eq!(rfc3339(1_777_854_600), "2026-05-04T00:30:00Z");
        assert_eq!(parse_utc("2026-05-04T00:30:00Z"), Some(1_777_854_600));
        for other in ["2026-05-04T09:30:00+09:00", "2026-05-04T00:30:00.5Z", "2026-05-04", "", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse_utc(other), None, "{other}");
        }
        assert_eq!(rfc3339(u64::MAX), "");
    }
}

//! The one place that reads the real clock.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Unix milliseconds. A clock before 1970 reads as 0, which every check of trust data refuses.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    now_ms() / 1_000
}

/// `--now`: another time than the machine's, for rehearsals and for checking what was shown earlier.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Now {
    /// Another time than the clock's, e.g. 2026-05-04T09:30:00+09:00
    #[arg(long = "now", value_name = "RFC3339", value_parser = parse)]
    given: Option<u64>,
}

impl Now {
    /// Unix seconds.
    pub(crate) fn seconds(self) -> u64 {
        self.given.unwrap_or_else(now)
    }
}

/// Unix seconds of a time as RFC 3339 writes it.
fn parse(text: &str) -> Result<u64, String> {
    let at =
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "write the time as 2026-05-04T09:30:00+09:00".to_owned())?;
    u64::try_from(at.unix_timestamp()).map_err(|_| "the time must not be before 1970".to_owned())
}

/// A time as RFC 3339 writes it, in UTC.
pub(crate) fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(parse("2026-05-04T09:30:00+09:00"), Ok(1_777_854_600));
        assert_eq!(rfc3339(1_777_854_600), "2026-05-04T00:30:00Z");
        assert!(parse("2026-05-04").is_err());
        assert!(parse("1969-12-31T23:59:59Z").is_err());
    }
}

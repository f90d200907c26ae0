//! Points in time, as people and programs write them.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

const DAY: u64 = 24 * 60 * 60;

/// A time or a whole day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Unix seconds.
    At(u64),
    /// The first second of a day.
    Day(u64),
}

impl Moment {
    /// The time, or the first second of the day.
    pub(crate) fn start(self) -> u64 {
        match self {
            Self::At(time) | Self::Day(time) => time,
        }
    }

    /// The time, or the first second after the day.
    pub(crate) fn end(self) -> u64 {
        match self {
            Self::At(time) => time,
            Self::Day(time) => time + DAY,
        }
    }
}

/// Reads a day such as `2030-01-31`, a time such as `2030-01-31T12:00:00Z`, or Unix seconds, for options.
pub(crate) fn moment(text: &str) -> Result<Moment, &'static str> {
    const WHY: &str =
        "a day is written 2030-01-31, a time 2030-01-31T12:00:00Z or in Unix seconds, from 1970 on";
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Ok(Moment::At(seconds));
    }
    let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).map_err(|_| WHY);
    match Date::parse(text, format_description!("[year]-[month]-[day]")) {
        Ok(day) => seconds(day.midnight().assume_utc()).map(Moment::Day),
        Err(_) => seconds(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| WHY)?).map(Moment::At),
    }
}

/// Unix seconds of now.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Unix seconds as a person reads them.
pub(crate) fn readable(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read() {
        assert_eq!(moment("2030-01-31"), Ok(Moment::Day(1_896_048_000)));
        assert_eq!(moment("2030-01-31T12:00:00+02:00"), Ok(Moment::At(1_896_084_000)));
        assert_eq!(moment(" 1896084000 "), Ok(Moment::At(1_896_084_000)));
        for text in [
            "",
            "soon",
            "2030-02-30",
            "2030-1-31",
            "2030-01-31 12:00",
            "-1",
            "1969-12-31",
            "99999999999999999999",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_has_a_start_and_an_end() {
        let day = moment("2030-01-31").unwrap();
        assert_eq!(readable(day.start()), "2030-01-31T00:00:00Z");
        assert_eq!(readable(day.end()), "2030-02-01T00:00:00Z");
        assert_eq!(readable(u64::MAX), u64::MAX.to_string());
    }
}

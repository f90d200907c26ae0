//! How a pairing session stands: pure rules in the shape of RFC 8628.

use super::entity::pairing;

/// Seconds between two questions at first.
pub(super) const INTERVAL_S: i64 = 5;
/// Seconds more after each question that came too soon.
const SLOW_DOWN_S: i64 = 5;
const MAX_INTERVAL_S: i64 = 60;
/// How long a code can be entered.
pub(super) const LIFE_MS: i64 = 10 * 60_000;
/// How long the printer has to take the answer after the approval.
pub(super) const ANSWER_LIFE_MS: i64 = 5 * 60_000;
/// Clocks and networks are not exact: a question this much too soon is in time.
const TOLERANCE_MS: i64 = 500;

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has decided yet.
    Pending,
    /// Somebody approved; the answer can be taken.
    Approved,
    /// The printer has used the token of the answer.
    Completed,
    /// Somebody refused.
    Denied,
    /// Too late.
    Expired,
}

impl Standing {
    pub(super) fn of(row: &pairing::Model, now: i64) -> Self {
        match row.state.as_str() {
            "completed" => Self::Completed,
            "denied" => Self::Denied,
            _ if row.expires_at <= now => Self::Expired,
            "approved" => Self::Approved,
            _ => Self::Pending,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Completed => "completed",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// What a question about a pending session changes: the interval from now on, and whether it came too soon.
pub(super) fn asked(interval_s: i64, asked_at: Option<i64>, now: i64) -> (i64, bool) {
    let too_soon = asked_at.is_some_and(|last| now.saturating_sub(last) + TOLERANCE_MS < interval_s * 1000);
    if too_soon { ((interval_s + SLOW_DOWN_S).min(MAX_INTERVAL_S), true) } else { (interval_s, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_in_time_keep_the_interval_and_hasty_ones_lengthen_it() {
        assert_eq!(asked(5, None, 0), (5, false));
        assert_eq!(asked(5, Some(0), 5_000), (5, false));
        assert_eq!(asked(5, Some(0), 4_600), (5, false));
        assert_eq!(asked(5, Some(0), 4_000), (10, true));
        assert_eq!(asked(10, Some(0), 5_000), (15, true));
        assert_eq!(asked(60, Some(0), 1), (60, true));
    }
}

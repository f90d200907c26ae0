//! How many failures to sign in are written down: the audit log forgets nothing, and strangers fill no disk with it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::limit::{Limiter, Rate};

/// Of one account.
const ONE: Rate = Rate::new(20, 180_000);
/// Of accounts that do not exist.
const NOBODY: Rate = Rate::new(60, 60_000);
/// Of all together.
const ALL: Rate = Rate::new(600, 6_000);

/// Counts them. Those that are not written down are told by the next one that is.
#[derive(Debug)]
pub(crate) struct Failures {
    one: Limiter,
    nobody: Limiter,
    all: Limiter,
    not_noted: AtomicU64,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            one: Limiter::of(ONE),
            nobody: Limiter::of(NOBODY),
            all: Limiter::of(ALL),
            not_noted: AtomicU64::new(0),
        }
    }
}

impl Failures {
    /// Whether one for this account is written down, and then how many before it were not.
    pub(crate) fn admit(&self, account: Option<&str>, now_ms: i64) -> Option<u64> {
        let own = match account {
            Some(account) => self.one.attempt(account, now_ms),
            None => self.nobody.attempt((), now_ms),
        };
        if own.and_then(|()| self.all.attempt((), now_ms)).is_err() {
            self.not_noted.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.not_noted.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_no_disk_and_none_of_their_tries_is_forgotten() {
        let failures = Failures::default();
        let accounts: Vec<String> = (0..1_000).map(|number| format!("acc_{number}")).collect();
        let (mut rows, mut told) = (0, 0);
        let hour_ms = 3_600_000;
        for second in 0..24 * 3_600_i64 {
            for account in &accounts[..3] {
                let row = failures.admit(Some(account), second * 1_000);
                rows += u64::from(row.is_some());
                told += row.unwrap_or_default();
            }
        }
        assert!(rows <= 3 * (20 + 24 * 20), "{rows} rows in a day of guesses");
        assert!(told + rows + 3 * 180 > 3 * 24 * 3_600, "{told} were told of");
        for account in &accounts {
            rows += u64::from(failures.admit(Some(account), 30 * hour_ms).is_some());
        }
        assert!(rows <= 3 * 500 + 600, "many accounts have a limit together: {rows}");
    }
}

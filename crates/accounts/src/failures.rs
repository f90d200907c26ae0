//! How many failures to sign in are written down: the audit log forgets nothing, and strangers fill no disk with it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::limit::{Limiter, Rate};

/// Of one account.
const ONE: Rate = Rate::new(20, 180_000);
/// Of accounts that do not exist.
const NOBODY: Rate = Rate::new(60, 60_000);
/// Of all together.
const ALL: Rate = Rate::new(600, 6_000);

/// Accounts counted apart; two that meet share a number, and nobody can compute which ones do.
const COUNTS: usize = 1 << 12;

/// Counts them. Those that are not written down are told by the next one of the same account that is.
#[derive(Debug)]
pub(crate) struct Failures {
    one: Limiter,
    nobody: Limiter,
    all: Limiter,
    seed: RandomState,
    not_noted: Box<[AtomicU64]>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            one: Limiter::of(ONE),
            nobody: Limiter::of(NOBODY),
            all: Limiter::of(ALL),
            seed: RandomState::new(),
            not_noted: (0..COUNTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Failures {
    /// Whether one for this account is written down, and then how many before it were not.
    pub(crate) fn admit(&self, account: Option<&str>, now_ms: i64) -> Option<u64> {
        let not_noted = &self.not_noted[self.seed.hash_one(account) as usize % COUNTS];
        let own = match account {
            Some(account) => self.one.attempt(account, now_ms),
            None => self.nobody.attempt((), now_ms),
        };
        let all = own.and_then(|()| {
            self.all.attempt((), now_ms).inspect_err(|_| match account {
                Some(account) => self.one.refund(account),
                None => self.nobody.refund(()),
            })
        });
        if all.is_err() {
            not_noted.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(not_noted.swap(0, Ordering::Relaxed))
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

    #[test]
    fn nobody_is_told_of_what_happened_to_others() {
        let failures = Failures::default();
        for _ in 0..100 {
            failures.admit(Some("ann"), 0);
            failures.admit(None, 0);
        }
        // Two accounts in 4096 may share a number, three out of three never do.
        let told = ["bob", "cid", "dan"].map(|other| failures.admit(Some(other), 0));
        assert!(told.contains(&Some(0)), "{told:?}");
        assert_eq!(failures.admit(Some("ann"), 180_000), Some(80));
    }
}

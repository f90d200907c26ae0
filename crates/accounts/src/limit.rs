//! Token buckets in constant memory.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// So many buckets, whoever asks: two keys that meet in one share it, and nobody can compute which ones do.
const BUCKETS: usize = 1 << 14;

/// How often something may be done: so often at once, then once in every so many milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Milliseconds until one more is allowed.
    pub every_ms: u32,
}

impl Rate {
    /// `burst` at once, then one in every `every_ms` milliseconds.
    pub const fn new(burst: u32, every_ms: u32) -> Self {
        Self { burst, every_ms }
    }

    /// So many times as often.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { burst: self.burst.saturating_mul(factor), every_ms: (self.every_ms / factor.max(1)).max(1) }
    }
}

/// A limit on attempts for each key (an address, an account, both).
#[derive(Debug)]
pub struct Limiter {
    seed: RandomState,
    buckets: Mutex<(Rate, Box<[Bucket]>)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    spent: u32,
    since_ms: i64,
}

impl Limiter {
    /// Allows `burst` attempts at once, and one more every `refill_ms` milliseconds.
    pub fn new(burst: u32, refill_ms: u32) -> Self {
        let buckets = vec![Bucket::default(); BUCKETS].into_boxed_slice();
        let rate = Rate::new(burst, refill_ms.max(1));
        Self { seed: RandomState::new(), buckets: Mutex::new((rate, buckets)) }
    }

    /// As [`Limiter::new`].
    pub fn of(rate: Rate) -> Self {
        Self::new(rate.burst, rate.every_ms)
    }

    /// Allows another rate from now on; what was spent stays spent.
    pub fn set(&self, rate: Rate) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.0 = Rate::new(rate.burst, rate.every_ms.max(1));
    }

    /// Whether an attempt would be allowed, without counting one.
    ///
    /// # Errors
    /// Seconds until the next attempt is allowed.
    pub fn check(&self, key: impl Hash + Copy, now_ms: i64) -> Result<(), u64> {
        self.attempt(key, now_ms)?;
        self.refund(key);
        Ok(())
    }

    /// Counts an attempt at `now_ms`.
    ///
    /// # Errors
    /// Seconds until the next attempt is allowed; a refused attempt costs nothing.
    pub fn attempt(&self, key: impl Hash, now_ms: i64) -> Result<(), u64> {
        self.with(key, |Rate { burst, every_ms }, bucket| {
            let elapsed = now_ms.saturating_sub(bucket.since_ms);
            if bucket.spent == 0 || elapsed < 0 {
                *bucket = Bucket { spent: bucket.spent, since_ms: now_ms };
            } else {
                let refilled = elapsed / i64::from(every_ms);
                bucket.spent = bucket.spent.saturating_sub(u32::try_from(refilled).unwrap_or(u32::MAX));
                bucket.since_ms += refilled * i64::from(every_ms);
            }
            if bucket.spent >= burst {
                let wait = bucket.since_ms + i64::from(every_ms) - now_ms;
                return Err(u64::try_from(wait).unwrap_or(0).div_ceil(1000).max(1));
            }
            bucket.spent += 1;
            Ok(())
        })
    }

    /// Gives an attempt back: it was honest after all.
    pub fn refund(&self, key: impl Hash) {
        self.with(key, |_, bucket| bucket.spent = bucket.spent.saturating_sub(1));
    }

    fn with<T>(&self, key: impl Hash, act: impl FnOnce(Rate, &mut Bucket) -> T) -> T {
        let index = self.seed.hash_one(key) as usize % BUCKETS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (rate, buckets) = &mut *buckets;
        act(*rate, &mut buckets[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_then_one_for_each_interval() {
        let limiter = Limiter::new(3, 10_000);
        let mut now = 1_000_000;
        for _ in 0..3 {
            limiter.attempt("a", now).unwrap();
        }
        assert_eq!(limiter.attempt("a", now), Err(10));
        now += 9_500;
        assert_eq!(limiter.attempt("a", now), Err(1));
        now += 500;
        limiter.attempt("a", now).unwrap();
        assert_eq!(limiter.attempt("a", now), Err(10));
        now += 3_600_000;
        for _ in 0..3 {
            limiter.attempt("a", now).unwrap();
        }
        assert!(limiter.attempt("a", now).is_err());
    }

    #[test]
    fn a_refund_makes_room_and_never_more_than_the_burst() {
        let limiter = Limiter::new(1, 10_000);
        limiter.attempt("a", 0).unwrap();
        limiter.refund("a");
        limiter.refund("a");
        limiter.attempt("a", 0).unwrap();
        assert!(limiter.attempt("a", 0).is_err());
    }

    #[test]
    fn looking_costs_nothing_and_sees_when_all_is_spent() {
        let limiter = Limiter::of(Rate::new(1, 10_000));
        for _ in 0..3 {
            limiter.check("a", 0).unwrap();
        }
        limiter.attempt("a", 0).unwrap();
        assert_eq!(limiter.check("a", 0), Err(10));
        limiter.check("a", 10_000).unwrap();
    }

    #[test]
    fn another_rate_counts_from_now_on() {
        let limiter = Limiter::of(Rate::new(1, 10_000));
        limiter.attempt("a", 0).unwrap();
        limiter.set(Rate::new(3, 1_000));
        limiter.attempt("a", 0).unwrap();
        limiter.attempt("a", 0).unwrap();
        assert_eq!(limiter.attempt("a", 0), Err(1));
        limiter.set(Rate::new(1, 10_000));
        assert_eq!(limiter.attempt("a", 0), Err(10));
    }

    #[test]
    fn a_rate_for_many_is_a_multiple_of_the_rate_for_one() {
        assert_eq!(Rate::new(10, 800).times(8), Rate::new(80, 100));
        assert_eq!(Rate::new(u32::MAX, 3).times(8), Rate::new(u32::MAX, 1));
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let limiter = Limiter::new(1, 1_000);
        limiter.attempt("a", 1_000_000_000).unwrap();
        assert_eq!(limiter.attempt("a", 5_000), Err(1));
        limiter.attempt("a", 6_000).unwrap();
    }
}

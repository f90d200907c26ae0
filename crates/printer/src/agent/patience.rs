//! How long a claimed job waits for what it needs.
//!
//! Its key is out: whoever gives up costs somebody a free retry or a print (design section 4), and silence gives nothing back. So it
//! waits, with signs of life, for as long as its signed statement holds; until then it prints, or a person takes it back.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// Somebody waits for the answer about a job that was carried here.
const CARRIED: Duration = Duration::from_secs(80);
/// However long a statement says that it holds.
const AT_MOST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Pauses that double, until it is over.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// For a job that was just claimed, whose statement holds for `valid`.
    pub(super) fn claimed(valid: Duration, now: Instant) -> Self {
        Self { until: now + valid.min(AT_MOST), pause: FIRST }
    }

    /// For a job that was carried here.
    pub(super) fn carried(now: Instant) -> Self {
        Self { until: now + CARRIED, pause: FIRST }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// How long to wait after one more failure; `got_on` says that something came before it.
    pub(super) fn pause(&mut self, got_on: bool, now: Instant) -> Option<Duration> {
        if self.is_over(now) {
            return None;
        }
        let pause = if got_on { FIRST } else { self.pause };
        self.pause = (pause * 2).min(LONGEST);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// Seconds until it is over, and how often it was asked.
    fn waited(mut patience: Patience, begin: Instant) -> (u64, u32) {
        let (mut now, mut asked) = (begin, 0);
        while let Some(pause) = patience.pause(false, now) {
            assert!(pause <= LONGEST);
            (now, asked) = (now + pause, asked + 1);
        }
        (now.duration_since(begin).as_secs(), asked)
    }

    #[test]
    fn a_claimed_job_waits_as_long_as_its_statement_holds_and_a_carried_one_as_long_as_somebody_listens() {
        let begin = Instant::now();
        let (seconds, asked) = waited(Patience::claimed(DAY, begin), begin);
        assert!((86_400..86_500).contains(&seconds) && asked < 1_500, "{seconds} {asked}");
        let (seconds, _) = waited(Patience::carried(begin), begin);
        assert!((80..160).contains(&seconds), "{seconds}");
    }

    #[test]
    fn what_gets_on_is_asked_again_at_once() {
        let begin = Instant::now();
        let mut patience = Patience::claimed(DAY, begin);
        for _ in 0..20 {
            patience.pause(false, begin);
        }
        assert_eq!(patience.pause(false, begin), Some(LONGEST));
        assert_eq!(patience.pause(true, begin), Some(FIRST));
        assert_eq!(patience.pause(false, begin), Some(FIRST * 2));
    }
}

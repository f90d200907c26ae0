//! How long a claimed job waits for what it needs.
//!
//! Its key is out: whoever gives up costs somebody a free retry or a print (design section 4), and silence gives nothing back. So it
//! waits, with signs of life, for as long as its signed statement holds; until then it prints, or a person takes it back.

use std::time::{Duration, Instant};

use sealpost_envelope::JobManifest;

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
    /// For a job that was just claimed, or carried here.
    pub(super) fn new(manifest: &JobManifest, carried: bool, now: Instant) -> Self {
        let valid = Duration::from_secs(manifest.exp.saturating_sub(manifest.iat)).min(AT_MOST);
        Self { until: now + if carried { CARRIED } else { valid }, pause: FIRST }
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

    fn manifest() -> JobManifest {
        JobManifest {
            iss: String::new(),
            aud: String::new(),
            job: "j_1".to_owned(),
            listing: String::new(),
            release: String::new(),
            nonce: String::new(),
            cipher: sealpost_envelope::ContentCipher::Age,
            iv: None,
            blob_sha256: [0; 32],
            blob_size: 0,
            key_sha256: [0; 32],
            plain_sha256: [0; 32],
            plain_size: 0,
            iat: 1_000,
            exp: 1_000 + 86_400,
        }
    }

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
        let (seconds, asked) = waited(Patience::new(&manifest(), false, begin), begin);
        assert!((86_400..86_500).contains(&seconds) && asked < 1_500, "{seconds} {asked}");
        let (seconds, _) = waited(Patience::new(&manifest(), true, begin), begin);
        assert!((80..160).contains(&seconds), "{seconds}");
    }

    #[test]
    fn what_gets_on_is_asked_again_at_once() {
        let begin = Instant::now();
        let mut patience = Patience::new(&manifest(), false, begin);
        for _ in 0..20 {
            patience.pause(false, begin);
        }
        assert_eq!(patience.pause(false, begin), Some(LONGEST));
        assert_eq!(patience.pause(true, begin), Some(FIRST));
        assert_eq!(patience.pause(false, begin), Some(FIRST * 2));
    }
}

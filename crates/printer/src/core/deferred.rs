//! Jobs whose keys the store has and cannot give just now: each is asked for again in its own time, and others go on.

use sealpost_api::Problem;

use super::{Core, Effect, Now, backoff::Backoff};

/// How many are remembered. One that is forgotten is only asked for sooner.
const REMEMBERED: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Deferred {
    job: String,
    not_before: u64,
    backoff: Backoff,
}

impl Core {
    /// The store said itself that no key left it at this claim. `released` says that an earlier claim may have had one.
    pub(super) fn defer(&mut self, job: &str, released: bool, now: Now) -> Vec<Effect> {
        let known = self.deferred.iter().position(|deferred| deferred.job == job);
        let mut deferred = match known {
            Some(at) => self.deferred.remove(at),
            None => {
                let backoff = Backoff::new(1_000, 300_000, self.run ^ 5);
                Deferred { job: job.to_owned(), not_before: 0, backoff }
            }
        };
        deferred.not_before = now.mono + deferred.backoff.fail();
        if self.deferred.len() == REMEMBERED {
            self.deferred.remove(0);
        }
        self.deferred.push(deferred);
        if released {
            return Vec::new();
        }
        self.document.job = None;
        vec![Effect::Save]
    }

    pub(super) fn is_deferred(&self, job: &str, now: Now) -> bool {
        self.deferred.iter().any(|deferred| deferred.job == job && now.mono < deferred.not_before)
    }

    pub(super) fn forget_deferred(&mut self, job: &str) {
        self.deferred.retain(|deferred| deferred.job != job);
    }

    /// When the first of those that are listed is asked for again.
    pub(super) fn deferred_wake(&self, now: Now) -> u64 {
        let listed = |job: &str| self.queue.iter().any(|offer| offer.print_job_id == job);
        let waiting = self.deferred.iter().filter(|deferred| deferred.not_before > now.mono);
        waiting
            .filter(|deferred| listed(&deferred.job))
            .map(|deferred| deferred.not_before)
            .min()
            .unwrap_or(u64::MAX)
    }
}

/// Whether the store says that it has the job and not its key or file: nothing left it.
pub(super) fn is_withheld(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "sealing_anew" | "key_missing" | "file_missing")
}

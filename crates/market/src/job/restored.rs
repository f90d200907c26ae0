//! Jobs in a store that was restored from a backup, which is older than the world.
//!
//! Nothing that was waiting or under way is believed: its print stays reserved, and its printer is asked. A job whose key was not
//! out in the backup is **held**: it may have been printed since. Its printer alone knows, and says so by what it does: an agent
//! never claims what it started before, so its claim says that it did not; a report under a lease that the store does not
//! remember says that it did. Where a printer cannot tell, a person decides.

use super::{Effect, Job, JobState, Outcome, Transition};
use crate::{Fact, Party, RuleError};

/// What a job of a restored store says until its printer does.
const MESSAGE: &str =
    "The store was restored from a backup: it waits to hear from the printer what became of this print.";

impl Job {
    /// Whether the store waits to hear if this job, whose key it has not released as far as it remembers, was printed.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state == JobState::Interrupted && !self.key_released
    }

    /// Whether the store that it is in was restored before it started, as far as both know, and gave no lease for it since. Its blob
    /// and key are then in no backup: it is sealed anew.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.restored && !self.started
    }

    /// Whether its printer says of it that nothing was printed: what the store itself broke off costs nobody anything.
    pub(super) fn is_spared(&self, outcome: Outcome) -> bool {
        (self.is_forgotten() || self.is_broken_off()) && outcome != Outcome::Success
    }
}

impl Transition {
    pub(super) fn store_restored(mut self) -> Self {
        if self.job.state.is_final() {
            return self.unchanged();
        }
        if !self.job.key_released {
            // It may be out, and a purchase whose key may be out is not given back by itself.
            self.licence.keys_released = self.licence.keys_released.saturating_add(1);
        }
        self.job.message = Some(MESSAGE.to_owned());
        self.job.restored = !self.job.started;
        // Blobs of single jobs are in no backup: a job that is claimed after all is sealed anew.
        self.effects.push(Effect::DiscardKey);
        self.interrupt()
    }

    /// A report came that may be under a lease of the time that was lost.
    pub(super) fn believe_lease(&mut self, given: Option<u64>) {
        if self.job.state == JobState::Interrupted {
            self.job.lease = self.job.lease.max(given.unwrap_or_default());
            self.job.key_released = true;
        }
    }

    /// Its printer says that nothing was printed: that costs nothing, not even a free retry.
    pub(super) fn spare(mut self, outcome: Outcome) -> Result<Self, RuleError> {
        let (licence, job) = (self.licence.id.clone(), self.job.id.clone());
        self.licence = self.licence.release()?;
        self.facts.push(Fact::PrintReleased { licence, job, free_retry: false });
        Ok(self.end(outcome.into()))
    }

    /// A person says of a job that is held or that the store broke off that it was never printed: that costs nothing.
    pub(super) fn was_not_printed(mut self, by: Party) -> Result<Self, RuleError> {
        let (licence, job) = (self.licence.id.clone(), self.job.id.clone());
        self.licence = self.licence.release()?;
        self.facts.push(Fact::JobDecided { job: job.clone(), outcome: Outcome::Cancelled, by });
        self.facts.push(Fact::PrintReleased { licence, job, free_retry: false });
        Ok(self.end(JobState::Cancelled))
    }
}

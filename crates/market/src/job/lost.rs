//! Jobs whose file or key the store lost after their printer claimed them.
//!
//! The printer cannot begin: it claims again, as it may before it starts, and gets a fresh key under the next lease; and what it says
//! of a print that the store made impossible costs nobody anything.

use super::{Effect, Job, JobState, Transition};
use crate::{Fact, RuleError};

impl Job {
    /// Whether the store lost its file or key before it started, as far as both know, and gave no lease for it since.
    #[must_use]
    pub fn is_broken_off(&self) -> bool {
        self.lost && !self.started
    }
}

impl Transition {
    pub(super) fn blob_lost(mut self) -> Result<Self, RuleError> {
        match self.job.state {
            JobState::Sealing => return Ok(self.unchanged()),
            JobState::ReadyToPrint => self.job.state = JobState::Sealing,
            // It waits in its own way: see `is_held`.
            JobState::Interrupted if self.job.is_held() => {}
            JobState::Processing if !self.job.started => self.job.lost = true,
            state if state.is_final() => return Err(RuleError::JobFinished(state)),
            _ => return Err(RuleError::KeyReleased),
        }
        self.facts.push(Fact::JobBlobLost { job: self.job.id.clone() });
        self.effects.extend([Effect::DiscardKey, Effect::StartSealing]);
        Ok(self)
    }
}

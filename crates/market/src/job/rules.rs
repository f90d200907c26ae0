//! The table: which event takes a job where, and what its licence gets.

use super::{Effect, Job, JobEvent, JobState, NewJob, Outcome, Report, ReportStatus, Transition, reason};
use crate::{Fact, Licence, Nonce, Party, PrinterId, RuleError, Timestamp};

/// Makes a job and reserves one print for it.
///
/// # Errors
/// Those of [`Licence::reserve`].
pub fn create_job(new: NewJob, licence: Licence, now: Timestamp) -> Result<Transition, RuleError> {
    let licence = licence.reserve(now)?;
    let job = Job {
        id: new.id,
        licence: licence.id.clone(),
        release: new.release,
        printer: new.printer,
        state: if new.seal_once { JobState::ReadyToPrint } else { JobState::Sealing },
        lease: 0,
        lease_until: None,
        nonce: None,
        key_released: false,
        started: false,
        expires_at: new.expires_at,
        reports: Vec::new(),
        message: None,
        cancel_requested: false,
        free_retry: false,
        restored: false,
        lost: false,
    };
    let effect = if new.seal_once { Effect::TellPrinter } else { Effect::StartSealing };
    let facts = vec![
        Fact::JobCreated {
            job: job.id.clone(),
            licence: licence.id.clone(),
            release: job.release.clone(),
            printer: job.printer.clone(),
        },
        Fact::PrintReserved { licence: licence.id.clone(), job: job.id.clone() },
    ];
    Ok(Transition { job, licence, effects: vec![effect], facts, repeated: false })
}

/// Applies `event` to `job`, whose licence is `licence`.
///
/// # Errors
/// A [`RuleError`] that says why not; nothing has changed then.
pub fn apply(job: Job, licence: Licence, event: JobEvent, now: Timestamp) -> Result<Transition, RuleError> {
    if job.licence != licence.id {
        return Err(RuleError::OtherLicence);
    }
    let step = Transition { job, licence, effects: Vec::new(), facts: Vec::new(), repeated: false };
    match event {
        JobEvent::BlobWritten => step.blob_written(),
        JobEvent::BlobLost => step.blob_lost(),
        JobEvent::Cancel { by } => step.cancel(by),
        JobEvent::Expire => step.expire(now),
        JobEvent::Claim { printer, nonce, after, lease_until } => {
            step.claim(printer, nonce, after, lease_until, now)
        }
        JobEvent::Report(report) => step.report(report),
        JobEvent::LeaseSilent => step.lease_silent(now),
        JobEvent::StoreRestored => Ok(step.store_restored()),
        JobEvent::Decide { outcome, by } => step.decide(outcome, by),
    }
}

impl Transition {
    fn blob_written(mut self) -> Result<Self, RuleError> {
        match self.job.state {
            JobState::Sealing => {
                self.job.state = JobState::ReadyToPrint;
                self.facts.push(Fact::JobSealed { job: self.job.id.clone() });
                self.effects.push(Effect::TellPrinter);
                Ok(self)
            }
            JobState::Interrupted | JobState::Processing
                if self.job.is_forgotten()
                    || (self.job.state == JobState::Processing && self.job.is_broken_off()) =>
            {
                self.facts.push(Fact::JobSealed { job: self.job.id.clone() });
                self.effects.push(Effect::TellPrinter);
                Ok(self)
            }
            state if state.is_final() => Err(RuleError::JobFinished(state)),
            // The sealing task resumes after a crash and says it again.
            _ => Ok(self.unchanged()),
        }
    }

    // Whose job somebody may cancel is a question of ownership, which the caller answers.
    fn cancel(mut self, by: Party) -> Result<Self, RuleError> {
        if !self.job.state.is_running() && self.job.state != JobState::Interrupted {
            return self.take_back(JobState::Cancelled, reason::taken_back(by));
        }
        if self.job.cancel_requested {
            return Ok(self.unchanged());
        }
        self.job.cancel_requested = true;
        self.facts.push(Fact::StopAsked { job: self.job.id.clone(), by });
        self.effects.push(Effect::AskToStop);
        Ok(self)
    }

    fn expire(self, now: Timestamp) -> Result<Self, RuleError> {
        if self.job.expires_at.is_none_or(|end| !now.reached(end)) {
            return Err(RuleError::NotDue);
        }
        self.take_back(JobState::Expired, reason::EXPIRED)
    }

    fn take_back(mut self, to: JobState, why: &str) -> Result<Self, RuleError> {
        match self.job.state {
            JobState::Sealing | JobState::ReadyToPrint => {
                self.licence = self.licence.release()?;
                self.job.message = Some(why.to_owned());
                self.facts.push(Fact::PrintReleased {
                    licence: self.licence.id.clone(),
                    job: self.job.id.clone(),
                    free_retry: false,
                });
                Ok(self.end(to))
            }
            state if state == to => Ok(self.unchanged()),
            state if state.is_final() => Err(RuleError::JobFinished(state)),
            _ => Err(RuleError::KeyReleased),
        }
    }

    fn claim(
        mut self,
        printer: PrinterId,
        nonce: Nonce,
        after: Option<u64>,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Self, RuleError> {
        if self.job.printer != printer {
            return Err(RuleError::OtherPrinter);
        }
        match self.job.state {
            state
                if state == JobState::ReadyToPrint
                    || (state == JobState::Interrupted && self.job.is_forgotten()) =>
            {
                if self.job.expires_at.is_some_and(|end| now.reached(end)) {
                    return Err(RuleError::JobFinished(JobState::Expired));
                }
            }
            JobState::Processing if !self.job.started => {}
            JobState::Sealing => {
                return Err(RuleError::JobState { state: self.job.state, action: "claimed" });
            }
            JobState::Interrupted if !self.job.started => {
                return Err(RuleError::JobState { state: self.job.state, action: "claimed" });
            }
            state if state.is_final() => return Err(RuleError::JobFinished(state)),
            _ => return Err(RuleError::AlreadyStarted),
        }
        if self.job.cancel_requested {
            return Err(RuleError::StopAsked);
        }
        self.licence.check_active(now)?;
        let current = self.job.lease;
        let again = current > 0 && self.job.nonce.as_ref() == Some(&nonce);
        if again && !self.job.is_broken_off() {
            return Ok(self.unchanged());
        }
        // What it was answered can be answered no more, so the same claim is one under the next lease.
        if let Some(given) = after.filter(|given| *given != current && !again) {
            return Err(RuleError::LeaseMoved { given, current });
        }
        let lease = current.checked_add(1).ok_or(RuleError::AlreadyStarted)?;
        self.licence.keys_released = self.licence.keys_released.saturating_add(1);
        self.job.state = JobState::Processing;
        self.job.key_released = true;
        self.job.restored = false;
        self.job.lost = false;
        self.job.lease = lease;
        self.job.lease_until = Some(lease_until);
        self.job.nonce = Some(nonce.clone());
        self.facts.push(Fact::KeyReleased { job: self.job.id.clone(), printer: printer.clone(), lease });
        self.effects.push(Effect::ReleaseKey { printer, lease, nonce });
        Ok(self)
    }

    fn report(mut self, report: Report) -> Result<Self, RuleError> {
        if self.job.printer != report.printer {
            return Err(RuleError::OtherPrinter);
        }
        if report.id.as_ref().is_some_and(|id| self.job.reports.contains(id)) {
            return Ok(self.unchanged());
        }
        let waits = matches!(self.job.state, JobState::Sealing | JobState::ReadyToPrint);
        if waits && !self.job.key_released && report.lease.is_none_or(|lease| lease == 0) {
            // Its printer gives it up before it has its key: taken off the queue there, or a claim that nobody could answer.
            if let Some(outcome @ (Outcome::Cancelled | Outcome::Failure)) = report.status.outcome() {
                self.note(&report);
                let silent =
                    if outcome == Outcome::Cancelled { reason::TURNED_AWAY } else { reason::GIVEN_UP };
                let why = self.job.message.clone().unwrap_or_else(|| silent.to_owned());
                return self.take_back(outcome.into(), &why);
            }
        }
        if let Some(given) = report.lease {
            let current = self.job.lease;
            // A store that was restored may have given later leases, but none after the start.
            let lost = self.job.state == JobState::Interrupted && self.job.is_forgotten();
            if given == 0 || (given > current && !lost) {
                return Err(RuleError::UnknownLease { given });
            }
            if given < current {
                return Err(RuleError::OldLease { given, current });
            }
        }
        let state = self.job.state;
        if state.is_final() {
            // LMNT clients send no identifiers: the same outcome again is a repetition, another one is too late.
            return if report.status.outcome().map(JobState::from) == Some(state) {
                Ok(self.unchanged())
            } else {
                Err(RuleError::JobFinished(state))
            };
        }
        if !state.is_running() && state != JobState::Interrupted {
            return Err(RuleError::JobState { state, action: "reported about" });
        }
        if let Some(outcome) = report.status.outcome().filter(|outcome| self.job.is_spared(*outcome)) {
            self.note(&report);
            return self.spare(outcome);
        }
        self.believe_lease(report.lease);
        self.note(&report);
        match (report.status.outcome(), report.status) {
            (Some(outcome), _) => self.settle(outcome),
            (None, ReportStatus::Interrupted) => {
                // It may have started, so its printer's claim would prove nothing.
                self.job.restored = false;
                Ok(self.interrupt())
            }
            (None, status) => Ok(self.keep_alive(status, report.lease_until)),
        }
    }

    fn lease_silent(self, now: Timestamp) -> Result<Self, RuleError> {
        let state = self.job.state;
        if state == JobState::Interrupted {
            return Ok(self.unchanged());
        }
        if !state.is_running() {
            return Err(RuleError::JobState { state, action: "interrupted" });
        }
        if self.job.lease_until.is_none_or(|end| !now.reached(end)) {
            return Err(RuleError::NotDue);
        }
        let mut step = self.interrupt();
        step.job.message = Some(reason::SILENT.to_owned());
        Ok(step)
    }

    fn decide(mut self, outcome: Outcome, by: Party) -> Result<Self, RuleError> {
        if !matches!(by, Party::Publisher | Party::Operator) {
            return Err(RuleError::NotAllowed("the publisher or an operator"));
        }
        match self.job.state {
            JobState::Interrupted
                if (self.job.is_held() || self.job.is_broken_off()) && outcome == Outcome::Cancelled =>
            {
                self.was_not_printed(by)
            }
            JobState::Interrupted => {
                self.facts.push(Fact::JobDecided { job: self.job.id.clone(), outcome, by });
                self.settle(outcome)
            }
            state if state.is_final() => Err(RuleError::JobFinished(state)),
            state => Err(RuleError::JobState { state, action: "decided" }),
        }
    }

    fn settle(mut self, outcome: Outcome) -> Result<Self, RuleError> {
        let given_back = match outcome {
            Outcome::Success => {
                self.job.started = true;
                self.licence = self.licence.consume()?;
                false
            }
            Outcome::Failure | Outcome::Cancelled => {
                let (licence, given_back) = self.licence.settle_failure()?;
                self.licence = licence;
                given_back
            }
        };
        self.job.free_retry = given_back;
        let (licence, job) = (self.licence.id.clone(), self.job.id.clone());
        self.facts.push(if given_back {
            Fact::PrintReleased { licence, job, free_retry: true }
        } else {
            Fact::PrintUsed { licence, job }
        });
        Ok(self.end(outcome.into()))
    }

    fn keep_alive(mut self, status: ReportStatus, lease_until: Timestamp) -> Self {
        self.job.lease_until = Some(lease_until);
        self.job.state = match status {
            ReportStatus::Starting | ReportStatus::Printing => JobState::Printing,
            ReportStatus::Paused => JobState::Paused,
            // A started print never reads as being prepared again, whatever order reports arrive in.
            _ if !self.job.started => JobState::Processing,
            _ if self.job.state == JobState::Interrupted => JobState::Printing,
            _ => self.job.state,
        };
        self.job.started |= self.job.state != JobState::Processing;
        self
    }

    pub(super) fn interrupt(mut self) -> Self {
        if self.job.state != JobState::Interrupted {
            self.facts.push(Fact::JobInterrupted { job: self.job.id.clone(), lease: self.job.lease });
        }
        self.job.state = JobState::Interrupted;
        self.job.lease_until = None;
        self
    }

    pub(super) fn end(mut self, state: JobState) -> Self {
        self.job.state = state;
        self.job.lease_until = None;
        self.facts.push(Fact::JobEnded { job: self.job.id.clone(), state });
        self.effects.push(Effect::DiscardKey);
        self
    }

    fn note(&mut self, report: &Report) {
        if let Some(id) = &report.id {
            if self.job.reports.len() >= Job::REPORTS_KEPT {
                self.job.reports.remove(0);
            }
            self.job.reports.push(id.clone());
        }
        match &report.message {
            Some(message) => self.job.message = Some(message.chars().take(Job::MESSAGE_CHARS).collect()),
            // What was said of an interruption or of the way there is no reason of an end.
            None if report.status.outcome().is_some() || self.job.state == JobState::Interrupted => {
                self.job.message = None;
            }
            None => {}
        }
        if !report.status.is_heartbeat_in(self.job.state) {
            self.facts.push(Fact::JobReported {
                job: self.job.id.clone(),
                lease: self.job.lease,
                report: report.id.clone(),
                status: report.status,
            });
        }
    }

    pub(super) fn unchanged(mut self) -> Self {
        self.repeated = true;
        self
    }
}

impl ReportStatus {
    fn is_heartbeat_in(self, state: JobState) -> bool {
        matches!(
            (self, state),
            (Self::Processing, JobState::Processing | JobState::Printing | JobState::Paused)
                | (Self::Starting | Self::Printing, JobState::Printing)
                | (Self::Paused, JobState::Paused)
        )
    }
}

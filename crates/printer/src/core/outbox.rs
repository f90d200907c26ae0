//! Reports: durable until the store has answered, one at a time, oldest first. Signs of life only go out when
//! nothing waits, and are never repeated.

use sealpost_api::printer::{Report, ReportStatus, Reported, Statistics};

use super::{Core, Effect, JobRecord, Now, Outgoing, Stage, Trouble, backoff::Backoff, reason};

#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// Id and whether it is durable.
    in_flight: Option<(String, bool)>,
    not_before: u64,
    backoff: Backoff,
}

impl Sender {
    pub(super) fn new(seed: u64) -> Self {
        Self { in_flight: None, not_before: 0, backoff: Backoff::new(1_000, 300_000, seed) }
    }
}

impl Core {
    /// Puts a report about the current job into the outbox. The caller makes it durable.
    pub(super) fn push_report(&mut self, status: ReportStatus, message: Option<String>) {
        if let Some(outgoing) = self.report(status, message) {
            self.document.outbox.push_back(outgoing);
        }
    }

    pub(super) fn send_report(&mut self, now: Now) -> Vec<Effect> {
        if self.outbox.in_flight.is_some() || !self.paired_and_trusted() {
            return Vec::new();
        }
        if let Some(outgoing) = self.document.outbox.front() {
            if now.mono < self.outbox.not_before {
                return Vec::new();
            }
            self.outbox.in_flight = Some((outgoing.report.report_id.clone(), true));
            return vec![Effect::Send(Box::new(outgoing.clone()))];
        }
        let Some(status) = self.due_beat(now) else { return Vec::new() };
        if let Some(current) = &mut self.current {
            current.beat = Some((now.mono, status));
            current.told = current.news();
        }
        let Some(outgoing) = self.report(status, None) else { return Vec::new() };
        self.outbox.in_flight = Some((outgoing.report.report_id.clone(), false));
        vec![Effect::Send(Box::new(outgoing))]
    }

    pub(super) fn reported(
        &mut self,
        report_id: &str,
        result: Result<Reported, Trouble>,
        now: Now,
    ) -> Vec<Effect> {
        let Some((_, durable)) = self.outbox.in_flight.take_if(|(id, _)| id == report_id) else {
            return Vec::new();
        };
        match result {
            Ok(answer) => {
                self.outbox.backoff.reset();
                self.outbox.not_before = 0;
                self.clear_error("report");
                let mut effects = if durable { self.settle(report_id, true, now) } else { Vec::new() };
                effects.extend(self.heard(&answer, now));
                effects
            }
            Err(Trouble::Unauthorized) => self.unauthorized(now),
            Err(Trouble::Refused(problem)) => {
                // Where the claim was never answered the store may know nothing of it.
                let sure = self.document.outbox.front().is_none_or(|waiting| waiting.report.lease > 0);
                if sure {
                    self.note("report", Trouble::Refused(problem), now);
                }
                if durable { self.settle(report_id, false, now) } else { self.lease_lost(now) }
            }
            Err(trouble) => {
                if durable {
                    self.outbox.not_before = now.mono + self.outbox.backoff.fail();
                }
                self.note("report", trouble, now);
                Vec::new()
            }
        }
    }

    pub(super) fn outbox_wake(&self) -> u64 {
        let waits = !self.document.outbox.is_empty() && self.outbox.in_flight.is_none();
        if waits && self.paired_and_trusted() { self.outbox.not_before } else { u64::MAX }
    }

    /// Whether a sign of life could go out at once.
    pub(super) fn outbox_is_free(&self) -> bool {
        self.outbox.in_flight.is_none() && self.document.outbox.is_empty() && self.paired_and_trusted()
    }

    /// The store answered for good: the report leaves the outbox.
    fn settle(&mut self, report_id: &str, accepted: bool, now: Now) -> Vec<Effect> {
        let Some(at) = self.document.outbox.iter().position(|waiting| waiting.report.report_id == report_id)
        else {
            return Vec::new();
        };
        let Some(settled) = self.document.outbox.remove(at) else { return Vec::new() };
        let mut effects = vec![Effect::Save];
        if settled.report.status == ReportStatus::Starting {
            effects.extend(self.announced(&settled.job, accepted, now));
        }
        effects
    }

    fn heard(&mut self, answer: &Reported, now: Now) -> Vec<Effect> {
        let Some(current) = &self.current else { return Vec::new() };
        if current.record.id != answer.print_job_id || !answer.cancel_requested || current.cancelled.is_some()
        {
            return Vec::new();
        }
        self.cancel(reason::STOP_ASKED, now)
    }

    /// A sign of life was refused. Before the start that ends the job here; a print that runs is left alone.
    fn lease_lost(&mut self, now: Now) -> Vec<Effect> {
        let Some(current) = self
            .current
            .as_ref()
            .filter(|current| matches!(current.stage, Stage::Preparing | Stage::Waiting))
        else {
            return Vec::new();
        };
        let job = current.record.id.clone();
        self.clear_error("delay");
        self.current = None;
        self.document.job = None;
        self.poll.wake(now);
        vec![Effect::Save, Effect::Abort { job: job.clone() }, Effect::Discard { job }]
    }

    /// A report about a job that is not at hand.
    pub(super) fn report_about(
        &mut self,
        record: &JobRecord,
        status: ReportStatus,
        message: Option<String>,
    ) -> Outgoing {
        self.reports_made += 1;
        let report = Report {
            report_id: format!("rep_{:016x}-{}", self.run, self.reports_made),
            lease: record.lease,
            status,
            message: message.map(|text| text.chars().take(500).collect()),
            progress_permille: None,
            layer: None,
            statistics: Statistics::default(),
        };
        Outgoing { job: record.id.clone(), report }
    }

    fn report(&mut self, status: ReportStatus, message: Option<String>) -> Option<Outgoing> {
        let current = self.current.clone()?;
        let mut outgoing = self.report_about(&current.record, status, message);
        let report = &mut outgoing.report;
        report.progress_permille =
            if status == ReportStatus::Success { Some(1000) } else { current.progress };
        report.layer = current.layer;
        report.statistics = current.statistics;
        Some(outgoing)
    }
}

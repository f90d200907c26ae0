//! One job from claim to start. `starting` is durable, and accepted by the store, before the start command is sent.

use sealpost_api::{
    Problem,
    printer::{ClaimedJob, ReportStatus, Statistics},
};
use sealpost_market::JobState;

use super::{
    Core, Effect, Klipper, Now, Opened, Trouble,
    admit::peek_nonce,
    deferred::is_withheld,
    document::{Ended, JobRecord, remember},
    reason,
};

/// How far the current job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// An earlier run handed it over; whether somebody started it meanwhile is being found out.
    Recovering,
    /// Downloading, checking, opening.
    Preparing,
    /// Opened; the printer is doing something else.
    Waiting,
    /// Being handed to the extra.
    Loading,
    /// `starting` is durable; the store has not answered yet.
    Announcing,
    /// The start command was sent.
    Starting,
    /// Being printed, as far as is known.
    Watching,
    /// The extra was asked to close a file that did not start.
    Dropping,
}

/// The job at hand.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub(super) record: JobRecord,
    pub(super) stage: Stage,
    pub(super) layers: Option<u32>,
    /// Somebody asked to stop it; the reason.
    pub(super) cancelled: Option<&'static str>,
    pub(super) cancel_sent: bool,
    /// The cancel command failed: not sent again before this, monotonic.
    pub(super) cancel_again: Option<u64>,
    /// Why it ends, once the extra let go of it.
    pub(super) ending: Option<(ReportStatus, String)>,
    /// The extra was seen to hold or print it.
    pub(super) seen: bool,
    /// Something does not fit: a fresh look decides. The query that was sent for it.
    pub(super) doubt: Option<Doubt>,
    /// When to doubt without any sign, monotonic.
    pub(super) doubt_at: u64,
    pub(super) progress: Option<u32>,
    /// What was measured while the printer was known to be at this job.
    pub(super) statistics: Statistics,
    pub(super) layer: Option<u32>,
    /// Last sign of life sent, and the status it had.
    pub(super) beat: Option<(u64, ReportStatus)>,
    /// Percent and layer that the last one told.
    pub(super) told: (Option<u32>, Option<u32>),
}

/// Waiting for a fresh look at the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// To be asked once the printer can be asked.
    Wanted,
    /// Asked.
    Asked(u64),
}

impl Current {
    /// What people who look on would see change.
    pub(super) fn news(&self) -> (Option<u32>, Option<u32>) {
        (self.progress.map(|permille| permille / 10), self.layer)
    }

    pub(super) fn new(record: JobRecord) -> Self {
        Self {
            record,
            stage: Stage::Preparing,
            layers: None,
            cancelled: None,
            cancel_sent: false,
            cancel_again: None,
            ending: None,
            seen: false,
            doubt: None,
            doubt_at: u64::MAX,
            progress: None,
            statistics: Statistics::default(),
            layer: None,
            beat: None,
            told: (None, None),
        }
    }

    /// A job that may have been started since an earlier run of this program handed it over.
    pub(super) fn recovering(record: JobRecord) -> Self {
        let stage = if record.starting { Stage::Watching } else { Stage::Recovering };
        Self { stage, doubt: Some(Doubt::Wanted), ..Self::new(record) }
    }
}

/// A claim whose answer has not come.
#[derive(Clone, Debug)]
pub(super) struct Claiming {
    pub(super) job: String,
    /// An earlier claim of the same job may have arrived.
    pub(super) again: bool,
    /// The store listed it as one whose key it has not given to anybody.
    pub(super) untouched: bool,
}

/// A claimed job whose manifest is being looked at.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    claimed: Box<ClaimedJob>,
    nonce: String,
    fresh: bool,
    asked_for_keys: bool,
}

impl Core {
    pub(super) fn start_claim(&mut self, now: Now) -> Vec<Effect> {
        if self.current.is_some() || self.claiming.is_some() || now.mono < self.claim_not_before {
            return Vec::new();
        }
        // Reports that wait belong to the job before: its end is told before the next one begins.
        if self.keys.wanted || !self.paired_and_trusted() || !self.document.outbox.is_empty() {
            return Vec::new();
        }
        let unfinished = self.unfinished().map(|record| record.id.clone());
        if self.custodian.is_some() && unfinished.is_none() {
            return Vec::new();
        }
        let offer = match &unfinished {
            // The store has to say about that one first.
            Some(id) => self.queue.iter().find(|offer| offer.print_job_id == *id),
            None => self.queue.iter().find(|offer| !self.is_deferred(&offer.print_job_id, now)),
        };
        let Some(offer) = offer.filter(|offer| !self.is_deferred(&offer.print_job_id, now)) else {
            return Vec::new();
        };
        let untouched = offer.status == JobState::ReadyToPrint;
        let (job, title, after) = (offer.print_job_id.clone(), offer.title.clone(), offer.lease);
        if let Err(problem) = self.printer_is_free() {
            self.note_problem("printer", problem, now);
            return Vec::new();
        }
        self.clear_error("printer");
        self.claiming = Some(Claiming { job: job.clone(), again: unfinished.is_some(), untouched });
        // Known before it is asked for: an answer that never arrives is not forgotten, and which lease holds then is not known.
        self.document.job = Some(JobRecord::claimed(job.clone(), title, 0, 120));
        vec![Effect::Save, Effect::Claim { job, after }]
    }

    /// The job that was asked for and is not at hand: its claim was not answered, or the program ended before the hand-over.
    pub(super) fn unfinished(&self) -> Option<&JobRecord> {
        self.document.job.as_ref().filter(|_| self.current.is_none() && self.claiming.is_none())
    }

    /// Ends the unfinished job: it certainly was not started.
    pub(super) fn give_up(&mut self, status: ReportStatus, message: String, now: Now) -> Vec<Effect> {
        let Some(record) = self.unfinished().cloned() else { return Vec::new() };
        self.document.job = None;
        self.queue.retain(|offer| offer.print_job_id != record.id);
        remember(&mut self.document.started, &record.id);
        self.note_end(&record, status, Some(&message), now);
        let report = self.report_about(&record, status, Some(message));
        self.document.outbox.push_back(report);
        vec![Effect::Save, Effect::Discard { job: record.id }]
    }

    /// Whether a print could start now.
    pub fn printer_is_free(&self) -> Result<(), Problem> {
        let seen = &self.observed;
        if !seen.moonraker {
            return Err(busy("moonraker_unreachable", "Moonraker is not reached")
                .hint("Is Moonraker running? See `sealpost-printer check`."));
        }
        if seen.klipper != Klipper::Ready {
            return Err(busy("klipper_not_ready", "Klipper is not ready")
                .detail(format!("Klipper is in state `{}`.", seen.klipper.as_str()))
                .hint("The job waits until Klipper is ready."));
        }
        let Some(extra) = &seen.extra else {
            return Err(busy("extra_missing", "Klipper runs without the sealpost extra")
                .hint("Add `[sealpost]` to printer.cfg and restart Klipper."));
        };
        let printing = self.occupied || matches!(seen.print_state.as_str(), "printing" | "paused");
        if printing || matches!(extra.state.as_str(), "printing" | "paused") {
            return Err(
                busy("printer_busy", "The printer is printing").hint("The job waits until it is done.")
            );
        }
        Ok(())
    }

    pub(super) fn claimed(
        &mut self,
        job: &str,
        nonce: &str,
        result: Result<Box<ClaimedJob>, Trouble>,
        now: Now,
    ) -> Vec<Effect> {
        // Not asked for any more: the pairing ended meanwhile.
        let Some(Claiming { again, untouched, .. }) = self.claiming.take_if(|claiming| claiming.job == job)
        else {
            return Vec::new();
        };
        match result {
            Ok(claimed) if claimed.print_job_id == job => {
                self.claim_backoff.reset();
                self.clear_error("claim");
                self.forget_deferred(job);
                self.take_job(claimed, nonce, true, now)
            }
            Ok(_) => {
                self.poll.wake(now);
                Vec::new()
            }
            Err(Trouble::Unauthorized) => self.unauthorized(now),
            Err(Trouble::Retry(problem)) if is_withheld(&problem) => {
                self.queue.retain(|offer| offer.print_job_id != job);
                self.poll.wake(now);
                self.note("claim", Trouble::Retry(problem), now);
                self.defer(job, again && !untouched, now)
            }
            Err(trouble) => {
                self.queue.retain(|offer| offer.print_job_id != job);
                self.claim_not_before = now.mono + self.claim_backoff.fail();
                self.poll.wake(now);
                self.note("claim", trouble.clone(), now);
                match trouble {
                    // An earlier claim arrived after all: the next poll tells what its lease is.
                    Trouble::Refused(problem) if problem.code == "lease_moved" => Vec::new(),
                    Trouble::Refused(problem) if again => {
                        let message = format!("not_started: {}: {}", problem.code, problem.title);
                        self.give_up(ReportStatus::Failure, message, now)
                    }
                    Trouble::Refused(_) => {
                        self.document.job = None;
                        vec![Effect::Save]
                    }
                    // It may have arrived: the next poll tells.
                    _ => Vec::new(),
                }
            }
        }
    }

    /// Whether a job that somebody carried here would be taken. What is wrong with it is told to them alone: a report
    /// could end somebody else's job.
    pub fn check_handed_in(&self, claimed: &ClaimedJob, now: Now) -> Result<(), Problem> {
        self.check_idle()?;
        if self.document.started.contains(&claimed.print_job_id) {
            return Err(Problem::new(409, "job_not_taken", "This job was printed or refused before")
                .hint("Send the job anew."));
        }
        // Nobody claimed it, so nobody sent a nonce: that it was never used before has to do.
        let nonce = peek_nonce(&claimed.job_manifest).unwrap_or_default();
        self.admit(claimed, &nonce, false, now).map(drop)
    }

    /// Whether the printer is free and nothing of a store's is under way.
    pub fn check_idle(&self) -> Result<(), Problem> {
        self.printer_is_free()?;
        if self.current.is_some() || self.claiming.is_some() || self.document.job.is_some() {
            return Err(
                Problem::new(409, "job_at_hand", "Another job is at hand").hint("Wait until it ended.")
            );
        }
        Ok(())
    }

    pub(super) fn handed_in(&mut self, claimed: Box<ClaimedJob>, now: Now) -> Vec<Effect> {
        if self.check_handed_in(&claimed, now).is_err() {
            return Vec::new();
        }
        let nonce = peek_nonce(&claimed.job_manifest).unwrap_or_default();
        self.take_job(claimed, &nonce, false, now)
    }

    pub(super) fn prepared(&mut self, job: &str, result: Result<Opened, Problem>, now: Now) -> Vec<Effect> {
        let Some(current) = self.at_stage(job, Stage::Preparing) else { return Vec::new() };
        match result {
            Ok(opened) => {
                current.layers = opened.layers;
                current.stage = Stage::Waiting;
                self.clear_error("delay");
                self.load_when_free()
            }
            Err(problem) if problem.code == "claim_again" => self.claim_again(problem, now),
            Err(problem) => self.fail(&problem, now),
        }
    }

    /// The store lost what it was claimed for, and says so itself: its next claim gets another key.
    fn claim_again(&mut self, problem: Problem, now: Now) -> Vec<Effect> {
        let Some(current) = self.current.take() else { return Vec::new() };
        let job = current.record.id.clone();
        self.document.job = Some(current.record);
        self.clear_error("delay");
        self.note_problem("claim", problem, now);
        self.poll.wake(now);
        let mut effects = self.defer(&job, true, now);
        effects.extend([Effect::Save, Effect::Abort { job: job.clone() }, Effect::Discard { job }]);
        effects
    }

    pub(super) fn delayed(&mut self, job: &str, problem: Problem, now: Now) -> Vec<Effect> {
        if self.at_stage(job, Stage::Preparing).is_some() {
            self.note_problem("delay", problem, now);
        }
        Vec::new()
    }

    /// Somebody may have started another print while this one was downloaded.
    pub(super) fn load_when_free(&mut self) -> Vec<Effect> {
        let free = self.printer_is_free().is_ok();
        let session = self.observed.session.clone();
        let Some(current) = self.current.as_mut().filter(|current| free && current.stage == Stage::Waiting)
        else {
            return Vec::new();
        };
        current.stage = Stage::Loading;
        current.record.handed = true;
        current.record.session = session;
        self.document.job = Some(current.record.clone());
        vec![Effect::Save, Effect::Load { job: current.record.id.clone(), layers: current.layers }]
    }

    pub(super) fn loaded(
        &mut self,
        job: &str,
        result: Result<(), Problem>,
        sent: bool,
        now: Now,
    ) -> Vec<Effect> {
        if self.at_stage(job, Stage::Loading).is_none() {
            return Vec::new();
        }
        if let Err(problem) = result {
            if !sent {
                return self.fail(&problem, now);
            }
            self.note_problem("job", problem.clone(), now);
            return self.drop_file(ReportStatus::Failure, sentence(&problem));
        }
        let Some(current) = self.at_stage(job, Stage::Loading) else { return Vec::new() };
        if let Some(reason) = current.cancelled {
            return self.drop_file(ReportStatus::Cancelled, reason.to_owned());
        }
        current.stage = Stage::Announcing;
        current.record.starting = true;
        let record = current.record.clone();
        remember(&mut self.document.started, job);
        self.document.job = Some(record);
        self.push_report(ReportStatus::Starting, None);
        vec![Effect::Save]
    }

    /// The store took note of `starting`: the one place where the start command is sent.
    pub(super) fn announced(&mut self, job: &str, accepted: bool, now: Now) -> Vec<Effect> {
        let Some(current) = self.at_stage(job, Stage::Announcing) else { return Vec::new() };
        if !accepted {
            return self.drop_file(ReportStatus::Interrupted, reason::NOT_OURS.to_owned());
        }
        current.stage = Stage::Starting;
        current.doubt_at = now.mono + 60_000;
        vec![Effect::Start { job: job.to_owned() }]
    }

    pub(super) fn start_answered(&mut self, job: &str, result: Result<(), String>) -> Vec<Effect> {
        let Some(current) = self.at_stage(job, Stage::Starting) else { return Vec::new() };
        current.stage = Stage::Watching;
        if let Err(message) = result {
            current.ending = Some((ReportStatus::Failure, format!("start_refused: {message}")));
            current.doubt = Some(Doubt::Wanted);
        }
        Vec::new()
    }

    pub(super) fn dropped(&mut self, job: &str, gone: bool, now: Now) -> Vec<Effect> {
        let Some(current) = self.at_stage(job, Stage::Dropping) else { return Vec::new() };
        if !gone {
            // It runs after all, or nobody can say: look again.
            current.stage = Stage::Watching;
            current.doubt = Some(Doubt::Wanted);
            return Vec::new();
        }
        if let Some((status, message)) = current.ending.take() {
            return self.finish(status, Some(message), now);
        }
        if let Some(reason) = current.cancelled {
            return self.finish(ReportStatus::Cancelled, Some(reason.to_owned()), now);
        }
        // Taken back from an earlier run's hand-over: it can be claimed again.
        let mut record = current.record.clone();
        (record.handed, record.session) = (false, None);
        self.current = None;
        self.document.job = Some(record);
        self.poll.wake(now);
        vec![Effect::Save]
    }

    pub(super) fn cancel_answered(
        &mut self,
        job: &str,
        result: &Result<(), String>,
        now: Now,
    ) -> Vec<Effect> {
        if let Some(current) = self.at_stage(job, Stage::Watching).filter(|_| result.is_err()) {
            current.cancel_again = Some(now.mono + 3_000);
        }
        Vec::new()
    }

    /// Stops the current job as far as it has come.
    pub(super) fn cancel(&mut self, reason: &'static str, now: Now) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        current.cancelled = Some(reason);
        let job = current.record.id.clone();
        match current.stage {
            Stage::Preparing | Stage::Waiting => {
                let mut effects = vec![Effect::Abort { job }];
                effects.extend(self.end(ReportStatus::Cancelled, Some(reason.to_owned()), now));
                effects
            }
            Stage::Announcing => self.drop_file(ReportStatus::Cancelled, reason.to_owned()),
            Stage::Watching if !current.cancel_sent && current.seen => {
                current.cancel_sent = true;
                vec![Effect::CancelPrint { job }]
            }
            // Taken up again when the step under way has been answered.
            Stage::Recovering | Stage::Loading | Stage::Starting | Stage::Watching | Stage::Dropping => {
                Vec::new()
            }
        }
    }

    /// Ends the current job with a report that will reach the store.
    pub(super) fn finish(&mut self, status: ReportStatus, message: Option<String>, now: Now) -> Vec<Effect> {
        self.poll.wake(now);
        self.end(status, message, now)
    }

    pub(super) fn drop_file(&mut self, status: ReportStatus, message: String) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        current.stage = Stage::Dropping;
        current.ending = Some((status, message));
        vec![Effect::Drop { job: current.record.id.clone() }]
    }

    fn take_job(&mut self, claimed: Box<ClaimedJob>, nonce: &str, fresh: bool, now: Now) -> Vec<Effect> {
        let id = claimed.print_job_id.clone();
        self.queue.retain(|offer| offer.print_job_id != id);
        if self.current.is_some() || self.document.started.contains(&id) {
            return Vec::new();
        }
        let record =
            JobRecord::claimed(id.clone(), claimed.title.clone(), claimed.lease, claimed.lease_seconds);
        if self.document.removed.contains(&id) {
            self.document.job = Some(record);
            return self.give_up(ReportStatus::Cancelled, reason::REMOVED.to_owned(), now);
        }
        self.current = Some(Current::new(record.clone()));
        self.document.job = Some(record);
        self.open_or_refuse(Admission { claimed, nonce: nonce.to_owned(), fresh, asked_for_keys: false }, now)
    }

    /// Goes on with a job that waited for newer keys.
    pub(super) fn admit_again(&mut self, now: Now) -> Vec<Effect> {
        let Some(admission) = self.admission.take() else { return Vec::new() };
        let id = admission.claimed.print_job_id.clone();
        if self.at_stage(&id, Stage::Preparing).is_none() {
            return Vec::new();
        }
        self.open_or_refuse(admission, now)
    }

    fn open_or_refuse(&mut self, mut admission: Admission, now: Now) -> Vec<Effect> {
        match self.admit(&admission.claimed, &admission.nonce, admission.fresh, now) {
            Ok(manifest) => {
                remember(&mut self.document.nonces, &manifest.nonce);
                self.raise_floor(manifest.iat, now);
                vec![
                    Effect::Save,
                    Effect::Prepare { claimed: admission.claimed, manifest: Box::new(manifest) },
                ]
            }
            // The store may have changed its keys since the last poll.
            Err(problem) if problem.code == "manifest_unknown_key" && !admission.asked_for_keys => {
                admission.asked_for_keys = true;
                self.admission = Some(admission);
                self.keys.wanted = true;
                vec![Effect::Save]
            }
            Err(problem) => self.fail(&problem, now),
        }
    }

    fn fail(&mut self, problem: &Problem, now: Now) -> Vec<Effect> {
        self.note_problem("job", problem.clone(), now);
        self.finish(ReportStatus::Failure, Some(sentence(problem)), now)
    }

    fn end(&mut self, status: ReportStatus, message: Option<String>, now: Now) -> Vec<Effect> {
        let Some(record) = self.current.as_ref().map(|current| current.record.clone()) else {
            return Vec::new();
        };
        let job = record.id.clone();
        self.clear_error("delay");
        // A job that ended is never begun again, not even when the store offers it once more by mistake.
        remember(&mut self.document.started, &job);
        self.note_end(&record, status, message.as_deref(), now);
        self.push_report(status, message);
        self.document.job = None;
        self.current = None;
        vec![Effect::Save, Effect::Discard { job }]
    }

    /// For `status`. The caller saves.
    pub(super) fn note_end(
        &mut self,
        record: &JobRecord,
        outcome: ReportStatus,
        reason: Option<&str>,
        now: Now,
    ) {
        let (id, title) = (record.id.clone(), record.title.clone());
        let reason = reason.map(|text| text.chars().take(500).collect());
        self.document.ended = Some(Ended { id, title, outcome, reason, at: self.wall(now) });
    }

    fn at_stage(&mut self, job: &str, stage: Stage) -> Option<&mut Current> {
        self.current.as_mut().filter(|current| current.record.id == job && current.stage == stage)
    }
}

fn sentence(problem: &Problem) -> String {
    let said = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    format!("{}: {said}", problem.code)
}

fn busy(code: &str, title: &str) -> Problem {
    Problem::new(503, code, title)
}

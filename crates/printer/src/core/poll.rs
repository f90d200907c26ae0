//! Asking for jobs: one request at a time; a trigger that comes during one asks again afterwards.

use sealpost_api::printer::{JobOffer, Poll, ReportStatus};

use super::{Core, Effect, JobRecord, Now, Trouble, backoff::Backoff, document::remember, reason};

/// Triggers closer together than this share one request, milliseconds.
const GAP: u64 = 250;

#[derive(Clone, Debug)]
pub(super) struct Poller {
    pub(super) in_flight: bool,
    /// A trigger is waiting; it is only cleared by a request that begins after it came.
    pub(super) wanted: bool,
    /// When the slow poll is due.
    next: u64,
    /// No request before this.
    not_before: u64,
    pub(super) interval: u64,
    backoff: Backoff,
    /// Unix seconds of the last answer.
    pub(super) last_answer: Option<u64>,
}

impl Poller {
    pub(super) fn new(interval: u64, seed: u64) -> Self {
        Self {
            in_flight: false,
            wanted: true,
            next: 0,
            not_before: 0,
            interval,
            backoff: Backoff::new(2_000, 300_000, seed),
            last_answer: None,
        }
    }

    pub(super) fn wake(&mut self, now: Now) {
        self.wanted = true;
        self.not_before = self.not_before.min(now.mono + GAP);
    }
}

impl Core {
    pub(super) fn start_poll(&mut self, now: Now) -> Vec<Effect> {
        let due = self.poll.wanted || now.mono >= self.poll.next;
        if !due || self.poll.in_flight || now.mono < self.poll.not_before || !self.paired_and_trusted() {
            return Vec::new();
        }
        self.poll.wanted = false;
        self.poll.in_flight = true;
        vec![Effect::Poll]
    }

    pub(super) fn polled(&mut self, result: Result<Poll, Trouble>, now: Now) -> Vec<Effect> {
        self.poll.in_flight = false;
        self.poll.next = now.mono + self.poll.interval;
        self.poll.not_before = now.mono + GAP;
        match result {
            Ok(poll) => {
                self.poll.backoff.reset();
                self.poll.last_answer = Some(self.wall(now));
                self.clear_error("store");
                self.took_poll(poll, now)
            }
            Err(Trouble::Unauthorized) => {
                self.poll.wanted = true;
                self.unauthorized(now)
            }
            Err(trouble) => {
                // What was wanted still is: the failed request answered no trigger.
                self.poll.wanted = true;
                self.poll.not_before = now.mono + self.poll.backoff.fail();
                self.note("store", trouble, now);
                Vec::new()
            }
        }
    }

    pub(super) fn poll_wake(&self) -> u64 {
        if self.poll.in_flight || !self.paired_and_trusted() {
            return u64::MAX;
        }
        let due = if self.poll.wanted { 0 } else { self.poll.next };
        due.max(self.poll.not_before)
    }

    fn took_poll(&mut self, poll: Poll, now: Now) -> Vec<Effect> {
        let pinned = self.document.pairing.as_ref().map_or(0, |pairing| pairing.key_set_version);
        self.keys.wanted |= poll.key_set_version > pinned;
        let current = self.current.as_ref().map(|current| current.record.id.clone());
        let claiming = self.claiming.as_ref().map(|claiming| claiming.job.clone());
        let offers = poll
            .jobs
            .into_iter()
            .filter(|offer| is_safe_id(&offer.print_job_id))
            .filter(|offer| Some(&offer.print_job_id) != current.as_ref())
            .filter(|offer| !self.document.started.contains(&offer.print_job_id));
        let (removed, queue): (Vec<_>, Vec<_>) =
            offers.partition(|offer| self.document.removed.contains(&offer.print_job_id));
        self.queue = queue;
        let mut effects = Vec::new();
        if let Some(job) = current {
            if poll.cancel_requested.contains(&job) {
                effects.extend(self.cancel(reason::STOP_ASKED, now));
            }
        } else if let Some(job) = self.unfinished().map(|record| record.id.clone()) {
            if poll.cancel_requested.contains(&job) {
                effects.extend(self.give_up(ReportStatus::Cancelled, reason::STOP_ASKED.to_owned(), now));
            } else if self.document.removed.contains(&job) {
                effects.extend(self.give_up(ReportStatus::Cancelled, reason::REMOVED.to_owned(), now));
            } else if self.queue.iter().all(|offer| offer.print_job_id != job) {
                // Given up by the store, which cannot know that nothing was started.
                effects.extend(self.give_up(ReportStatus::Failure, reason::BROKEN_OFF.to_owned(), now));
            }
        }
        for offer in removed {
            // What is claimed just now is turned away once it is known whether the claim arrived.
            if Some(&offer.print_job_id) != claiming.as_ref() && self.turn_away(&offer, now) {
                effects.push(Effect::Save);
            }
        }
        effects
    }

    /// Tells the store that a job it offers was taken off the queue here; false where it is told already. The caller saves.
    pub(super) fn turn_away(&mut self, offer: &JobOffer, now: Now) -> bool {
        let id = &offer.print_job_id;
        if self.document.started.contains(id) {
            return false;
        }
        // Nobody told its lease: the report means the one in force, or none.
        let record = JobRecord::claimed(id.clone(), offer.title.clone(), 0, 0);
        let report = self.report_about(&record, ReportStatus::Cancelled, Some(reason::REMOVED.to_owned()));
        self.document.outbox.push_back(report);
        // It ended here: it is told once.
        remember(&mut self.document.started, id);
        self.note_end(&record, ReportStatus::Cancelled, Some(reason::REMOVED), now);
        true
    }
}

/// Ids become file names and parts of G-code lines: nothing else is let in.
pub(crate) fn is_safe_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

//! Asking for jobs: one request at a time; a trigger that comes during one asks again afterwards.

use sealpost_api::printer::{Poll, ReportStatus};

use super::{Core, Effect, Now, Trouble, backoff::Backoff};

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
                self.took_poll(poll)
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

    fn took_poll(&mut self, poll: Poll) -> Vec<Effect> {
        let pinned = self.document.pairing.as_ref().map_or(0, |pairing| pairing.key_set_version);
        self.keys.wanted |= poll.key_set_version > pinned;
        let current = self.current.as_ref().map(|current| current.record.id.clone());
        self.queue = poll
            .jobs
            .into_iter()
            .filter(|offer| is_safe_id(&offer.print_job_id))
            .filter(|offer| Some(&offer.print_job_id) != current.as_ref())
            .filter(|offer| !self.document.started.contains(&offer.print_job_id))
            .filter(|offer| !self.document.removed.contains(&offer.print_job_id))
            .collect();
        if let Some(job) = current {
            return if poll.cancel_requested.contains(&job) {
                self.cancel("asked to stop")
            } else {
                Vec::new()
            };
        }
        let Some(job) = self.unfinished().map(|record| record.id.clone()) else { return Vec::new() };
        if poll.cancel_requested.contains(&job) {
            self.give_up(ReportStatus::Cancelled, "asked to stop".to_owned())
        } else if self.document.removed.contains(&job) {
            self.give_up(ReportStatus::Cancelled, super::job::REMOVED.to_owned())
        } else if self.queue.iter().all(|offer| offer.print_job_id != job) {
            // Given up by the store, which cannot know that nothing was started.
            self.give_up(
                ReportStatus::Failure,
                "not_started: the printer was interrupted before the print began".to_owned(),
            )
        } else {
            Vec::new()
        }
    }
}

/// Ids become file names and parts of G-code lines: nothing else is let in.
pub(crate) fn is_safe_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

//! The agent's decisions, without sockets, files or clocks: `(state, event, now) -> (state, effects)`.
//!
//! Drivers feed [`Event`]s in, carry out the [`Effect`]s in order and call again at [`Core::wake_at`]. What must
//! survive a crash is the [`Document`]; everything else is found out anew.

mod admit;
mod auth;
mod backoff;
mod custodian;
mod deferred;
mod document;
mod event;
mod job;
mod keys;
mod outbox;
mod poll;
mod reason;
mod view;
mod watch;

#[cfg(test)]
mod tests;

use sealpost_api::{
    Problem,
    printer::{JobOffer, ReportStatus},
};

pub use self::{
    document::{Document, Ended, JobRecord, Outgoing, Pairing},
    event::{Effect, Event, Extra, Klipper, LastPrint, Now, Observation, Opened, TokenLife, Trouble},
    job::Stage,
    view::{CurrentJob, LastError, QueueEntry, View},
};
pub(crate) use self::{poll::is_safe_id, reason::without_lines};

/// Not before this program was made: the lowest value of the time floor, Unix seconds.
const BUILT: u64 = 1_767_225_600;

/// Settings of the core.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Milliseconds between two slow polls.
    pub poll_interval: u64,
    /// Random; sets this run's report ids and spreads waiting times.
    pub run: u64,
}

/// The state of the agent.
#[derive(Clone, Debug)]
pub struct Core {
    document: Document,
    run: u64,
    reports_made: u64,
    queries_made: u64,
    /// Monotonic time at which the floor was raised in this run: it keeps rising without a clock.
    floor_since: Option<u64>,
    auth: auth::Auth,
    poll: poll::Poller,
    outbox: outbox::Sender,
    keys: keys::Keys,
    queue: Vec<JobOffer>,
    claiming: Option<job::Claiming>,
    claim_not_before: u64,
    claim_backoff: backoff::Backoff,
    deferred: Vec<deferred::Deferred>,
    /// Set while whoever keeps the printer's key is away.
    custodian: Option<custodian::Away>,
    current: Option<job::Current>,
    admission: Option<job::Admission>,
    observed: Observation,
    /// The printer is wanted for a file of its owner's.
    occupied: bool,
    errors: Vec<(&'static str, LastError)>,
}

impl Core {
    /// Takes up where `document` left off.
    pub fn new(document: Document, life: Option<TokenLife>, rules: Rules) -> Self {
        let mut core = Self {
            run: rules.run,
            reports_made: 0,
            queries_made: 0,
            floor_since: None,
            auth: auth::Auth::new(life, rules.run),
            poll: poll::Poller::new(rules.poll_interval, rules.run ^ 1),
            outbox: outbox::Sender::new(rules.run ^ 2),
            keys: keys::Keys::new(rules.run ^ 3),
            queue: Vec::new(),
            claiming: None,
            claim_not_before: 0,
            claim_backoff: backoff::Backoff::new(2_000, 300_000, rules.run ^ 4),
            deferred: Vec::new(),
            custodian: None,
            current: None,
            admission: None,
            observed: Observation::default(),
            occupied: false,
            errors: Vec::new(),
            document,
        };
        core.keys.wanted = core.document.pairing.as_ref().is_some_and(|pairing| pairing.key_set.is_none());
        // One that never left this program stays on record until the store has said what becomes of it.
        core.current = core
            .document
            .job
            .clone()
            .filter(|record| record.handed || record.starting)
            .map(job::Current::recovering);
        core
    }

    /// What must be durable.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Changes how often the slow poll comes, milliseconds.
    pub fn set_poll_interval(&mut self, interval: u64) {
        self.poll.interval = interval;
    }

    /// Begins no job while the printer is wanted for a file of its owner's.
    pub fn occupy(&mut self, occupied: bool) {
        self.occupied = occupied;
    }

    /// Takes note of an event and says what to do.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = self.take(event, now);
        effects.extend(self.advance(now));
        effects
    }

    /// When to call again with [`Event::Tick`] unless something happens before, in the count of [`Now::mono`].
    pub fn wake_at(&self, now: Now) -> u64 {
        let wakes = [
            self.auth_wake(now),
            self.poll_wake(),
            self.outbox_wake(),
            self.keys_wake(),
            self.job_wake(now),
            self.custodian_wake(),
        ];
        wakes.into_iter().min().unwrap_or(u64::MAX).max(now.mono)
    }

    /// The best guess at the time, Unix seconds: never before the build or what the store last signed.
    pub fn wall(&self, now: Now) -> u64 {
        now.unix.max(self.floor(now))
    }

    /// It is not earlier than this, whatever the clock says.
    fn floor(&self, now: Now) -> u64 {
        let passed = self.floor_since.map_or(0, |since| now.mono.saturating_sub(since) / 1000);
        BUILT.max(self.document.time_floor + passed)
    }

    fn take(&mut self, event: Event, now: Now) -> Vec<Effect> {
        match event {
            Event::Tick => Vec::new(),
            Event::Signal | Event::CheckNow => {
                self.poll.wake(now);
                Vec::new()
            }
            Event::Polled(result) => self.polled(result, now),
            Event::Claimed { job, nonce, result } => self.claimed(&job, &nonce, result, now),
            Event::Reported { report_id, result } => self.reported(&report_id, result, now),
            Event::KeysFetched(result) => self.keys_fetched(result, now),
            Event::TokenRenewed(result) => self.renewed(result, now),
            Event::Paired { pairing, life } => self.paired(pairing, life, now),
            Event::Unpaired => self.unpaired(),
            Event::Prepared { job, result } => self.prepared(&job, result, now),
            Event::Loaded { job, result, sent } => self.loaded(&job, result, sent, now),
            Event::StartAnswered { job, result } => self.start_answered(&job, result),
            Event::CancelAnswered { job, result } => self.cancel_answered(&job, &result, now),
            Event::Dropped { job, gone } => self.dropped(&job, gone, now),
            Event::Observed(observation) => self.observe(*observation, now),
            Event::Queried { query, result } => self.queried(query, result, now),
            Event::Remove { job } => self.remove(&job, now),
            Event::HandedIn { claimed } => self.handed_in(claimed, now),
            Event::Delayed { job, problem } => self.delayed(&job, problem, now),
            Event::Custodian(result) => {
                self.heard_custodian(result, now);
                Vec::new()
            }
        }
    }

    fn advance(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = self.renew(now);
        effects.extend(self.fetch_keys(now));
        effects.extend(self.start_poll(now));
        effects.extend(self.ask_custodian(now));
        effects.extend(self.start_claim(now));
        effects.extend(self.load_when_free());
        effects.extend(self.advance_job(now));
        effects.extend(self.send_report(now));
        effects
    }

    fn paired(&mut self, pairing: Pairing, life: TokenLife, now: Now) -> Vec<Effect> {
        let same_store = self.document.pairing.as_ref().is_some_and(|known| {
            known.root_key == pairing.root_key && known.printer_id == pairing.printer_id
        });
        if !same_store {
            // Reports and claims belong to the store they were made for.
            self.document.outbox.clear();
            self.document.nonces.clear();
            self.document.job = None;
            self.document.ended = None;
            self.claiming = None;
            self.queue.clear();
        }
        self.deferred.clear();
        self.custodian = None;
        self.auth = auth::Auth::new(Some(life), self.run);
        self.keys.wanted = pairing.key_set.is_none();
        self.document.pairing = Some(pairing);
        self.errors.clear();
        self.poll.wake(now);
        vec![Effect::Save]
    }

    fn unpaired(&mut self) -> Vec<Effect> {
        self.document.pairing = None;
        self.document.outbox.clear();
        self.document.job = None;
        self.document.ended = None;
        self.claiming = None;
        self.deferred.clear();
        self.custodian = None;
        self.auth = auth::Auth::new(None, self.run);
        self.queue.clear();
        self.errors.clear();
        vec![Effect::Save]
    }

    fn remove(&mut self, job: &str, now: Now) -> Vec<Effect> {
        document::remember(&mut self.document.removed, job);
        let offered = self.queue.iter().position(|offer| offer.print_job_id == job);
        let offered = offered.map(|at| self.queue.remove(at));
        let mut effects = vec![Effect::Save];
        if self.current.as_ref().is_some_and(|current| current.record.id == job) {
            effects.extend(self.cancel(reason::REMOVED, now));
        } else if self.unfinished().is_some_and(|record| record.id == job) {
            effects.extend(self.give_up(ReportStatus::Cancelled, reason::REMOVED.to_owned(), now));
        } else if let Some(offer) =
            offered.filter(|_| self.claiming.as_ref().is_none_or(|claiming| claiming.job != job))
        {
            self.turn_away(&offer, now);
        }
        effects
    }

    fn raise_floor(&mut self, signed: u64, now: Now) {
        if signed > self.floor(now) {
            self.document.time_floor = signed;
            self.floor_since = Some(now.mono);
        }
    }

    fn note(&mut self, topic: &'static str, trouble: Trouble, now: Now) {
        let problem = match trouble {
            Trouble::Retry(problem) | Trouble::Refused(problem) => problem,
            Trouble::Unauthorized => {
                Problem::new(401, "token_refused", "The store does not take this printer's token")
                    .hint("The agent asks for a new one by its key; if this stays, pair the printer again.")
            }
        };
        self.note_problem(topic, problem, now);
    }

    fn note_problem(&mut self, topic: &'static str, problem: Problem, now: Now) {
        self.clear_error(topic);
        self.errors.push((topic, LastError { problem, at: self.wall(now) }));
    }

    fn clear_error(&mut self, topic: &'static str) {
        self.errors.retain(|(other, _)| *other != topic);
    }
}

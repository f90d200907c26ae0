//! A store, a printer and a disk around the core, in virtual time; every answer comes when the test says so.

mod printer;
mod statements;
mod store;

use std::collections::{BTreeSet, VecDeque};

use sealpost_api::{Problem, printer::ReportStatus};

pub(super) use self::statements::{claimed, key_set, key_set_of_another, root, signed_by_another};
use self::{printer::FakePrinter, store::FakeStore};
use super::super::*;

pub(super) const ORIGIN: &str = "https://store.example";
pub(super) const PRINTER: &str = "p_1";
pub(super) const START: u64 = 1_800_000_000;

pub(super) struct World {
    pub(super) core: Core,
    /// What a crash leaves.
    pub(super) disk: Document,
    pub(super) mono: u64,
    /// What the machine's clock is off by, seconds; a large negative one is a board without a clock.
    pub(super) clock_off: i64,
    /// Saves fail.
    pub(super) disk_full: bool,
    /// Saves are not copied: for long runs without a crash.
    pub(super) light: bool,
    /// Requests that were made and not answered.
    pub(super) pending: VecDeque<Effect>,
    pub(super) store: FakeStore,
    pub(super) printer: FakePrinter,
    pub(super) polls: u64,
    pub(super) claims: Vec<String>,
    /// Whoever keeps the printer's key does not answer.
    pub(super) custodian_away: bool,
    /// The file that the agent itself holds open.
    pub(super) opened: Option<String>,
    /// Jobs whose blob lies in the cache.
    pub(super) cached: BTreeSet<String>,
    /// Effects until the program is gone, and whether what it asked for arrives.
    fuse: Option<(u32, bool)>,
    waiting: VecDeque<Effect>,
    answered: BTreeSet<String>,
    /// When the last token came, while nobody refused it.
    fresh: Option<u64>,
    runs: u64,
    nonces: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let document = Document {
            pairing: Some(Pairing {
                store: ORIGIN.to_owned(),
                printer_id: PRINTER.to_owned(),
                printer_name: "test".to_owned(),
                root_key: hex::encode(root().verifying_key().as_bytes()),
                key_set: None,
                key_set_version: 0,
            }),
            ..Document::default()
        };
        let mut world = Self {
            core: Core::new(document.clone(), life(), rules(0)),
            disk: document,
            mono: 0,
            clock_off: 0,
            disk_full: false,
            light: false,
            pending: VecDeque::new(),
            store: FakeStore { key_set_version: 1, ..FakeStore::default() },
            printer: FakePrinter::new(),
            polls: 0,
            claims: Vec::new(),
            custodian_away: false,
            opened: None,
            cached: BTreeSet::new(),
            fuse: None,
            waiting: VecDeque::new(),
            answered: BTreeSet::new(),
            fresh: None,
            runs: 0,
            nonces: 0,
        };
        world.observe();
        world
    }

    pub(super) fn now(&self) -> Now {
        Now { mono: self.mono, unix: (START + self.mono / 1000).saturating_add_signed(self.clock_off) }
    }

    pub(super) fn handle(&mut self, event: Event) {
        let effects = self.core.handle(event, self.now());
        self.waiting.extend(effects);
        self.carry_out();
        self.check();
    }

    pub(super) fn observe(&mut self) {
        let observation = Box::new(self.printer.look());
        self.handle(Event::Observed(observation));
    }

    pub(super) fn tick(&mut self, millis: u64) {
        self.mono += millis;
        self.store.time = self.mono / 1000;
        self.handle(Event::Tick);
    }

    /// The program is gone after this many more effects; requests under way may or may not arrive.
    pub(super) fn crash_after(&mut self, effects: u32, arrived: bool) {
        self.fuse = Some((effects, arrived));
    }

    /// Everything in memory is gone.
    pub(super) fn crash(&mut self, arrived: bool) {
        self.fuse = None;
        self.waiting.clear();
        for effect in std::mem::take(&mut self.pending) {
            if arrived {
                let _ = self.act(effect, true);
            }
        }
        self.opened = None;
        self.fresh = None;
        if self.disk.job.is_none() {
            self.cached.clear();
        }
        self.runs += 1;
        self.core = Core::new(self.disk.clone(), life(), rules(self.runs));
        self.handle(Event::Tick);
    }

    /// The agent's machine is without power for a week; its clock starts `clock_off` seconds off.
    pub(super) fn off_for_a_week(&mut self, clock_off: i64) {
        // Nobody may notice the time before the store does: what was in memory is gone at once.
        self.pending.clear();
        self.mono += 7 * 24 * 3_600_000;
        self.clock_off = clock_off;
        self.store.time = self.mono / 1000;
        self.store.sweep();
        self.crash(false);
    }

    /// Everything around the core forgets a job that ended.
    pub(super) fn forget(&mut self, job: &str) {
        self.store.jobs.remove(job);
        self.store.applied.clear();
        self.store.outcomes.clear();
        self.claims = Vec::new();
        self.printer.forget();
        self.answered.clear();
    }

    /// What the store tells of a job to those who ask.
    pub(super) fn reason(&self, job: &str) -> &str {
        self.store.jobs[job].0.message.as_deref().unwrap_or_default()
    }

    /// Klipper's process is started anew.
    pub(super) fn kill_klipper(&mut self) {
        self.printer.up = false;
        self.observe();
        self.printer.kill();
        self.printer.up = true;
        self.observe();
    }

    /// The print gets on or ends.
    pub(super) fn print_on(&mut self, outcome: &str) {
        self.printer.end(outcome);
        self.observe();
    }

    /// Answers the oldest request but `skip`.
    pub(super) fn answer(&mut self, skip: usize, works: bool) {
        if self.pending.is_empty() {
            return;
        }
        let index = skip % self.pending.len();
        let effect = self.pending.remove(index).unwrap();
        if let Some(event) = self.act(effect, works) {
            if let Event::Reported { report_id, result: Ok(_) | Err(Trouble::Refused(_)) } = &event {
                self.answered.insert(report_id.clone());
            }
            self.handle(event);
        }
    }

    /// Lets time pass, and all that is asked be answered, until it is as `wanted`.
    pub(super) fn until(&mut self, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            if self.pending.is_empty() {
                self.tick(1_000);
            } else {
                self.answer(0, true);
            }
        }
    }

    /// Lets everything work until nothing happens any more.
    pub(super) fn settle(&mut self) {
        self.fuse = None;
        self.disk_full = false;
        self.store.offline = false;
        self.store.mistaken.clear();
        self.store.lost.clear();
        self.custodian_away = false;
        self.printer.up = true;
        self.printer.moonraker = true;
        for _ in 0..2_000 {
            self.store.token_void = false;
            if !self.pending.is_empty() {
                self.answer(0, true);
                continue;
            }
            if self.store.seal() {
                self.handle(Event::Signal);
            }
            if self.printer.extra.state == "paused" {
                self.printer.pause();
            }
            if self.printer.extra.state == "printing" {
                self.print_on("complete");
                continue;
            }
            self.observe();
            let wake = self.core.wake_at(self.now());
            // A poll or a token that is backed off for longer than this is not at rest.
            let core = &self.core;
            let wants = core.poll.wanted || core.auth.void || core.keys.wanted || !core.queue.is_empty();
            let idle = self.core.document().outbox.is_empty() && self.core.document().job.is_none();
            if idle && !wants && self.pending.is_empty() && wake > self.mono + 30_000 {
                return;
            }
            let step = wake.saturating_sub(self.mono).clamp(10, 3_600_000);
            self.tick(step);
        }
        panic!("does not come to rest: {:?}", self.core.view(self.now()));
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.waiting.pop_front() {
            match &mut self.fuse {
                Some((0, arrived)) => {
                    let arrived = *arrived;
                    return self.crash(arrived);
                }
                Some((left, _)) => *left -= 1,
                None => {}
            }
            if matches!(effect, Effect::Save) {
                if self.disk_full {
                    self.waiting.push_front(effect);
                    return;
                }
                self.save();
            } else {
                self.perform(effect);
            }
        }
    }

    fn save(&mut self) {
        let document = self.core.document();
        let kept: BTreeSet<_> = document.outbox.iter().map(|waiting| &waiting.report.report_id).collect();
        for waiting in &self.disk.outbox {
            let id = &waiting.report.report_id;
            assert!(kept.contains(id) || self.answered.contains(id), "{waiting:?} was lost unanswered");
        }
        if self.light {
            self.disk.outbox.clone_from(&document.outbox);
        } else {
            self.disk = document.clone();
        }
    }

    fn perform(&mut self, effect: Effect) {
        match &effect {
            Effect::Poll => {
                self.polls += 1;
                let waiting = self.pending.iter().filter(|other| matches!(other, Effect::Poll)).count();
                assert_eq!(waiting, 0, "two polls at once");
            }
            Effect::Claim { job, .. } => {
                let known = self.core.document().started.contains(job);
                assert!(!known, "{job} was started or ended, and is claimed again");
                self.claims.push(job.clone());
            }
            Effect::Refresh | Effect::Reissue => {
                let young = self.fresh.is_some_and(|since| self.mono < since + 6 * 3_600_000);
                assert!(!young, "a token that just came is asked for again");
            }
            Effect::Send(outgoing) => {
                let durable = self.disk.outbox.iter().any(|kept| kept.report == outgoing.report);
                use ReportStatus::{Paused, Printing, Processing};
                let beat = matches!(outgoing.report.status, Processing | Printing | Paused);
                assert!(durable || beat, "sent before it was durable: {outgoing:?}");
            }
            Effect::Start { job } if !self.light => {
                let record = self.disk.job.as_ref().filter(|record| record.id == *job);
                assert!(record.is_some_and(|record| record.starting), "starting was not durable");
                assert!(self.disk.started.contains(job), "started before that was durable");
                let told = |(id, report): &(String, _)| {
                    let report: &sealpost_api::printer::Report = report;
                    id == job && report.status == ReportStatus::Starting
                };
                assert!(self.store.applied.iter().any(told), "started before the store knew");
            }
            Effect::Load { job, .. } if !self.light => {
                let record = self.disk.job.as_ref().filter(|record| record.id == *job);
                assert!(record.is_some_and(|record| record.handed), "handed over before that was durable");
            }
            Effect::Prepare { claimed, .. } => {
                self.cached.insert(claimed.print_job_id.clone());
            }
            Effect::Abort { job } if self.opened.as_ref() == Some(job) => self.opened = None,
            Effect::Discard { job } => {
                self.cached.clear();
                if self.opened.as_ref() == Some(job) {
                    self.opened = None;
                }
                // Whatever was being prepared is aborted.
                self.pending.retain(
                    |other| !matches!(other, Effect::Prepare { claimed, .. } if claimed.print_job_id == *job),
                );
            }
            _ => {}
        }
        if !matches!(effect, Effect::Abort { .. } | Effect::Discard { .. }) {
            self.pending.push_back(effect);
        }
    }

    /// What holds at every moment.
    fn check(&self) {
        for (job, starts) in &self.printer.starts {
            assert_eq!(*starts, 1, "{job} was started {starts} times");
        }
        for (job, ids) in &self.store.outcomes {
            assert_eq!(ids.len(), 1, "{job} was reported under several ids: {ids:?}");
        }
        if let Some(job) = &self.opened {
            let held = self.core.current.as_ref().is_some_and(|current| current.record.id == *job);
            assert!(held || !self.waiting.is_empty(), "the file of {job} stays open");
        }
        if self.printer.extra.state == "loaded" && self.waiting.is_empty() && !self.light {
            let held = self.printer.extra.job.as_ref();
            let known = self.core.document().job.as_ref().map(|record| &record.id);
            assert_eq!(held, known, "Klipper holds a file that nobody will start or take back");
        }
        // Jobs that were turned away may wait to be told, one report each.
        let outbox = &self.core.document().outbox;
        assert!(outbox.len() <= 3 + self.core.document().removed.len(), "{outbox:?}");
        assert!(self.core.errors.len() <= 9, "{:?}", self.core.errors);
    }

    /// Answers an effect; where it does not work it may have arrived all the same.
    fn act(&mut self, effect: Effect, works: bool) -> Option<Event> {
        let arrives = works || self.mono.is_multiple_of(2);
        let down = || Trouble::Retry(Problem::new(503, "down", "down"));
        // Of a request to the store: whether its answer arrives where it did itself.
        let reached = match () {
            () if self.store.offline || !arrives => Err(down()),
            () if self.store.token_void => {
                self.fresh = None;
                Err(Trouble::Unauthorized)
            }
            () => Ok(works),
        };
        let heard = |answered: bool| if answered { Ok(()) } else { Err(down()) };
        Some(match effect {
            Effect::Save | Effect::Discard { .. } | Effect::Abort { .. } => return None,
            Effect::Poll => Event::Polled(reached.and_then(|ok| heard(ok).map(|()| self.store.poll()))),
            Effect::Claim { job, after } => {
                self.nonces += 1;
                let nonce = format!("nonce-{}", self.nonces);
                let result = reached.and_then(|ok| {
                    let answer = self.store.claim(&job, &nonce, after);
                    heard(ok).and(answer)
                });
                Event::Claimed { job, nonce, result }
            }
            Effect::Send(outgoing) => {
                let report_id = outgoing.report.report_id.clone();
                let result = reached.and_then(|ok| {
                    let answer = self.store.report(*outgoing);
                    heard(ok).and(answer)
                });
                Event::Reported { report_id, result }
            }
            Effect::AskCustodian => Event::Custodian(match works && !self.custodian_away {
                true => Ok(()),
                false => Err(Problem::new(503, "cws_unreachable", "down")),
            }),
            Effect::FetchKeys => Event::KeysFetched(reached.and_then(heard).map(|()| self.store.keys())),
            Effect::Refresh => {
                let renewed = reached.and_then(heard).map(|()| self.new_token());
                self.fresh = renewed.is_ok().then_some(self.mono);
                Event::TokenRenewed(renewed)
            }
            Effect::Reissue => {
                let works = works && !self.store.offline;
                if works {
                    self.store.token_void = false;
                    self.fresh = Some(self.mono);
                }
                Event::TokenRenewed(if works { Ok(self.new_token()) } else { Err(down()) })
            }
            Effect::Prepare { claimed, .. } => {
                let opened = Opened { size: 100, layers: Some(3) };
                let result = match self.store.download(&claimed.print_job_id) {
                    Ok(()) if works => Ok(opened),
                    Ok(()) => Err(Problem::new(422, "blob_corrupt", "bad")),
                    lost => lost.map(|()| opened),
                };
                if result.is_ok() {
                    self.opened = Some(claimed.print_job_id.clone());
                }
                Event::Prepared { job: claimed.print_job_id, result }
            }
            Effect::Load { job, .. } => {
                self.opened = None;
                let taken = arrives && self.printer.load(&job);
                let refused = Err(Problem::new(503, "extra_unreachable", "no"));
                let sent = arrives && !works;
                Event::Loaded { job, result: if taken && works { Ok(()) } else { refused }, sent }
            }
            Effect::Start { job } => {
                let starts = arrives && self.printer.start(&job);
                // Without an answer nobody knows whether it started.
                let result = if works && starts { Ok(()) } else { Err("no answer".to_owned()) };
                Event::StartAnswered { job, result }
            }
            Effect::CancelPrint { job } => {
                if arrives && self.printer.up && self.printer.extra.job.as_ref() == Some(&job) {
                    self.printer.end("cancelled");
                }
                Event::CancelAnswered {
                    job,
                    result: if works { Ok(()) } else { Err("no answer".to_owned()) },
                }
            }
            Effect::Drop { job } => {
                let gone = arrives && self.printer.drop_job(&job);
                Event::Dropped { job, gone: works && gone }
            }
            Effect::Query { query } => {
                let works = works && self.printer.moonraker;
                let result =
                    if works { Ok(Box::new(self.printer.look())) } else { Err("timeout".to_owned()) };
                Event::Queried { query, result }
            }
        })
    }

    /// By the store's clock, received by the machine's.
    fn new_token(&self) -> TokenLife {
        let issued = self.core.wall(self.now());
        TokenLife { issued, expires: START + self.mono / 1000 + 30 * 24 * 3600 }
    }
}

pub(super) fn rules(run: u64) -> Rules {
    Rules { poll_interval: 60_000, run }
}

pub(super) fn life() -> Option<TokenLife> {
    Some(TokenLife { issued: START, expires: START + 30 * 24 * 3600 })
}

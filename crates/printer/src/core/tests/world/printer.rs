//! Klipper with the extra: what it holds, what it prints, what it remembers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::{Extra, Klipper, LastPrint, Observation};

pub(in crate::core::tests) struct FakePrinter {
    pub(in crate::core::tests) extra: Extra,
    pub(in crate::core::tests) up: bool,
    pub(in crate::core::tests) moonraker: bool,
    /// How often each job began to move.
    pub(in crate::core::tests) starts: BTreeMap<String, u32>,
    /// How prints really ended; `lost` where nobody could see it.
    pub(in crate::core::tests) ends: BTreeMap<String, String>,
    /// What this process of Klipper started.
    memory: BTreeSet<String>,
    /// Counts the starts of the extra.
    session: u32,
}

impl FakePrinter {
    pub(super) fn new() -> Self {
        let extra = Extra { state: "idle".to_owned(), ..Extra::default() };
        Self {
            extra,
            up: true,
            moonraker: true,
            starts: BTreeMap::new(),
            ends: BTreeMap::new(),
            memory: BTreeSet::new(),
            session: 0,
        }
    }

    pub(super) fn load(&mut self, job: &str) -> bool {
        let free = matches!(self.extra.state.as_str(), "idle" | "loaded");
        if !self.up || !free || self.memory.contains(job) {
            return false;
        }
        self.let_go("dropped");
        "loaded".clone_into(&mut self.extra.state);
        self.extra.job = Some(job.to_owned());
        self.extra.size = 100;
        true
    }

    /// Starts what is held, by command or by hand.
    pub(in crate::core::tests) fn start(&mut self, job: &str) -> bool {
        if !self.up || self.extra.state != "loaded" || self.extra.job.as_deref() != Some(job) {
            return false;
        }
        "printing".clone_into(&mut self.extra.state);
        self.memory.insert(job.to_owned());
        *self.starts.entry(job.to_owned()).or_default() += 1;
        true
    }

    pub(super) fn drop_job(&mut self, job: &str) -> bool {
        if !self.up || (self.extra.job.as_deref() == Some(job) && self.extra.state != "loaded") {
            return false;
        }
        if self.extra.job.as_deref() == Some(job) {
            self.let_go("dropped");
        }
        true
    }

    pub(in crate::core::tests) fn pause(&mut self) {
        let other = match self.extra.state.as_str() {
            "printing" => "paused",
            "paused" => "printing",
            _ => return,
        };
        other.clone_into(&mut self.extra.state);
    }

    /// The print ends.
    pub(in crate::core::tests) fn end(&mut self, outcome: &str) {
        if matches!(self.extra.state.as_str(), "printing" | "paused") {
            self.let_go(outcome);
        }
    }

    /// `RESTART`: the same process goes on and remembers.
    pub(in crate::core::tests) fn restart(&mut self) {
        let outcome = if self.extra.state == "loaded" { "dropped" } else { "shutdown" };
        self.let_go(outcome);
        self.session += 1;
    }

    /// The process ends; nothing is remembered.
    pub(in crate::core::tests) fn kill(&mut self) {
        self.let_go("lost");
        self.extra = Extra { state: "idle".to_owned(), ..Extra::default() };
        self.memory.clear();
        self.session += 1;
    }

    pub(in crate::core::tests) fn look(&self) -> Observation {
        if !self.moonraker {
            return Observation::default();
        }
        Observation {
            moonraker: true,
            klipper: if self.up { Klipper::Ready } else { Klipper::Disconnected },
            print_state: match self.extra.state.as_str() {
                "printing" | "paused" if self.up => self.extra.state.clone(),
                _ => "standby".to_owned(),
            },
            extra: self.up.then(|| self.extra.clone()),
            session: self.up.then(|| self.session.to_string()),
            ..Observation::default()
        }
    }

    /// For long runs: what began and ended before, and who was started by this process.
    pub(super) fn forget(&mut self) {
        self.starts.clear();
        self.ends.clear();
        self.memory.clear();
    }

    fn let_go(&mut self, outcome: &str) {
        let Some(job) = self.extra.job.take() else { return };
        if self.extra.state != "loaded" {
            self.ends.insert(job.clone(), outcome.to_owned());
        }
        let position = if outcome == "complete" { self.extra.size } else { self.extra.size / 2 };
        let (outcome, size) = (outcome.to_owned(), self.extra.size);
        self.extra.last = Some(LastPrint { job, outcome, position, size, message: String::new() });
        "idle".clone_into(&mut self.extra.state);
    }
}

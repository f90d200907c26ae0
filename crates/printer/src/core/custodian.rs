//! Whoever keeps the printer's key for older stores: while they are known to be away nothing is claimed, because what was claimed
//! and cannot be opened costs somebody a print.

use sealpost_api::Problem;

use super::{Core, Effect, Now, backoff::Backoff};

#[derive(Clone, Debug)]
pub(super) struct Away {
    asked: bool,
    not_before: u64,
    backoff: Backoff,
}

impl Core {
    pub(super) fn heard_custodian(&mut self, result: Result<(), Problem>, now: Now) {
        let Err(problem) = result else {
            self.custodian = None;
            self.clear_error("custodian");
            return;
        };
        let away = self.custodian.get_or_insert_with(|| Away {
            asked: false,
            not_before: 0,
            backoff: Backoff::new(2_000, 60_000, self.run ^ 6),
        });
        away.asked = false;
        away.not_before = now.mono + away.backoff.fail();
        self.note_problem("custodian", problem, now);
    }

    /// Asks on behalf of the jobs that wait. A job at hand asks by itself.
    pub(super) fn ask_custodian(&mut self, now: Now) -> Vec<Effect> {
        if now.mono < self.custodian_wake() {
            return Vec::new();
        }
        let Some(away) = &mut self.custodian else { return Vec::new() };
        away.asked = true;
        vec![Effect::AskCustodian]
    }

    pub(super) fn custodian_wake(&self) -> u64 {
        let asks = self.current.is_none() && !self.queue.is_empty();
        match &self.custodian {
            Some(away) if asks && !away.asked => away.not_before,
            _ => u64::MAX,
        }
    }
}

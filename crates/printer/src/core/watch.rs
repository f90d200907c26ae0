//! How a print goes and how it ended: judged by what the extra says, never by the absence of signs.

use sealpost_api::printer::ReportStatus;

use super::{
    Core, Effect, Klipper, LastPrint, Now, Observation, Stage,
    document::remember,
    job::{Current, Doubt},
    reason,
};

/// Longest time between two signs of life, milliseconds.
const BEAT: u64 = 30_000;
/// Where another percent or layer is reached: people look on.
const NEWS: u64 = 5_000;

impl Core {
    pub(super) fn observe(&mut self, observation: Observation, now: Now) -> Vec<Effect> {
        let lost = observation.klipper != Klipper::Ready && self.observed.klipper == Klipper::Ready;
        self.observed = observation;
        if lost
            && let Some(current) = self.current.as_mut().filter(|current| current.stage == Stage::Watching)
        {
            // Klipper may come back as a new process that knows nothing of the print.
            current.doubt = Some(Doubt::Wanted);
        }
        let mut effects = self.notice_start();
        effects.extend(self.judge(false, now));
        effects
    }

    /// Somebody at the printer started the file that was only handed over: then it is a print like any other.
    fn notice_start(&mut self) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        let Some(extra) = &self.observed.extra else { return Vec::new() };
        let id = current.record.id.clone();
        let early = !current.record.starting || current.stage == Stage::Announcing;
        let runs = extra.job.as_ref() == Some(&id) && matches!(extra.state.as_str(), "printing" | "paused");
        let ran = extra.last.as_ref().is_some_and(|last| last.job == id && last.outcome != "dropped");
        if !early || !(runs || ran) {
            return Vec::new();
        }
        let announced = current.stage == Stage::Announcing;
        current.stage = Stage::Watching;
        if announced {
            return Vec::new();
        }
        current.record.starting = true;
        self.document.job = Some(current.record.clone());
        remember(&mut self.document.started, &id);
        self.push_report(ReportStatus::Starting, None);
        vec![Effect::Save, Effect::Abort { job: id }]
    }

    pub(super) fn queried(
        &mut self,
        query: u64,
        result: Result<Box<Observation>, String>,
        now: Now,
    ) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        if current.doubt != Some(Doubt::Asked(query)) {
            return Vec::new();
        }
        match result {
            Ok(observation) => {
                current.doubt = None;
                current.doubt_at = u64::MAX;
                self.observed = *observation;
                let mut effects = self.notice_start();
                effects.extend(self.judge(true, now));
                effects
            }
            Err(_) => {
                current.doubt = Some(Doubt::Wanted);
                current.doubt_at = now.mono + 2_000;
                Vec::new()
            }
        }
    }

    pub(super) fn advance_job(&mut self, now: Now) -> Vec<Effect> {
        let ready =
            self.observed.moonraker && matches!(self.observed.klipper, Klipper::Ready | Klipper::Shutdown);
        let Some(current) = &mut self.current else { return Vec::new() };
        if !matches!(current.stage, Stage::Recovering | Stage::Watching) {
            return Vec::new();
        }
        if current.cancel_again.is_some_and(|again| now.mono >= again) {
            // Sent again where the next look finds that it still prints.
            current.cancel_again = None;
            current.cancel_sent = false;
            current.doubt = Some(Doubt::Wanted);
            current.doubt_at = u64::MAX;
        }
        let overdue = now.mono >= current.doubt_at && !current.seen && current.doubt.is_none();
        let patient = current.doubt == Some(Doubt::Wanted)
            && current.doubt_at != u64::MAX
            && now.mono < current.doubt_at
            && current.ending.is_none();
        if !ready || patient || !(overdue || current.doubt == Some(Doubt::Wanted)) {
            return Vec::new();
        }
        self.queries_made += 1;
        current.doubt = Some(Doubt::Asked(self.queries_made));
        vec![Effect::Query { query: self.queries_made }]
    }

    pub(super) fn job_wake(&self, now: Now) -> u64 {
        let claim = match (&self.current, &self.claiming, self.queue.is_empty()) {
            (None, None, false) if self.claim_not_before > now.mono => self.claim_not_before,
            (None, None, false) => self.deferred_wake(now),
            _ => u64::MAX,
        };
        let Some(current) = &self.current else { return claim };
        let looks = matches!(current.stage, Stage::Recovering | Stage::Watching);
        let doubt = if looks && current.doubt_at > now.mono { current.doubt_at } else { u64::MAX };
        let doubt = doubt.min(current.cancel_again.unwrap_or(u64::MAX));
        let beat = if self.outbox_is_free() { self.next_beat(current) } else { u64::MAX };
        doubt.min(beat)
    }

    /// The sign of life that is due, if one is.
    pub(super) fn due_beat(&self, now: Now) -> Option<ReportStatus> {
        let current = self.current.as_ref()?;
        let status = self.life_sign(current)?;
        let changed = current.beat.is_none_or(|(_, last)| last != status);
        (changed || now.mono >= self.next_beat(current)).then_some(status)
    }

    fn next_beat(&self, current: &Current) -> u64 {
        if self.life_sign(current).is_none() {
            return u64::MAX;
        }
        let has_news = current.stage == Stage::Watching && current.told != current.news();
        let longest = if has_news { NEWS } else { BEAT };
        let period = longest.min(current.record.lease_seconds.max(3) * 1000 / 3);
        current.beat.map_or(0, |(at, _)| at + period)
    }

    fn life_sign(&self, current: &Current) -> Option<ReportStatus> {
        match current.stage {
            Stage::Preparing | Stage::Waiting | Stage::Loading => Some(ReportStatus::Processing),
            Stage::Watching => {
                let extra = self.observed.extra.as_ref()?;
                let ours = self.observed.klipper == Klipper::Ready
                    && extra.job.as_deref() == Some(current.record.id.as_str());
                match extra.state.as_str() {
                    "printing" if ours => Some(ReportStatus::Printing),
                    "paused" if ours => Some(ReportStatus::Paused),
                    _ => None,
                }
            }
            Stage::Recovering | Stage::Announcing | Stage::Starting | Stage::Dropping => None,
        }
    }

    fn judge(&mut self, fresh: bool, now: Now) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        if !matches!(current.stage, Stage::Recovering | Stage::Starting | Stage::Watching) {
            return Vec::new();
        }
        let id = current.record.id.as_str();
        let Some(extra) = &self.observed.extra else {
            return if fresh { self.cannot_tell(now) } else { Vec::new() };
        };
        let ours = extra.job.as_deref() == Some(id);
        // What it holds has not ended: then that is how an earlier hand-over of the same job ended.
        let ended = extra.last.as_ref().filter(|last| last.job == id && !ours);
        // A restarted Klipper counts from nothing again: what was measured before stays.
        if ours || (ended.is_some() && self.observed.print_state != "standby") {
            current.statistics = self.observed.statistics.clone();
            current.layer = self.observed.layer;
        }
        if let Some(last) = ended.filter(|last| last.outcome == "dropped") {
            if !fresh {
                // It may be from before the hand-over.
                current.doubt = current.doubt.or(Some(Doubt::Wanted));
                current.doubt_at = u64::MAX;
                return Vec::new();
            }
            if current.ending.is_none() && !current.record.starting {
                current.stage = Stage::Dropping;
                let id = last.job.clone();
                return self.dropped(&id, true, now);
            }
        }
        if let Some(last) = ended {
            let (status, mut message) = outcome(last);
            if status == ReportStatus::Cancelled
                && let Some(reason) = current.cancelled
            {
                message = Some(reason.to_owned());
            }
            return self.finish(status, message, now);
        }
        match extra.state.as_str() {
            "printing" | "paused" if ours => {
                current.seen = true;
                current.doubt_at = u64::MAX;
                current.ending = None;
                current.stage = Stage::Watching;
                current.doubt = current.doubt.filter(|_| !fresh && self.observed.klipper != Klipper::Ready);
                if extra.size > 0 {
                    let permille = u128::from(extra.position) * 1000 / u128::from(extra.size);
                    // The last command is done when the extra says so, not when it was read.
                    current.progress = Some(u32::try_from(permille).unwrap_or(999).min(999));
                }
                match current.cancelled {
                    Some(reason) => self.cancel(reason, now),
                    None => Vec::new(),
                }
            }
            // Only a fresh answer is later than the start command.
            "loaded" if ours && fresh => match (current.cancelled, current.ending.clone()) {
                (Some(reason), _) => self.drop_file(ReportStatus::Cancelled, reason.to_owned()),
                (None, Some((status, message))) => self.drop_file(status, message),
                (None, None) if !current.record.starting => {
                    current.stage = Stage::Dropping;
                    vec![Effect::Drop { job: current.record.id.clone() }]
                }
                (None, None) => self.drop_file(ReportStatus::Failure, reason::HELD.to_owned()),
            },
            _ if fresh => self.cannot_tell(now),
            _ => Vec::new(),
        }
    }

    fn cannot_tell(&mut self, now: Now) -> Vec<Effect> {
        let Some(current) = &mut self.current else { return Vec::new() };
        let same = current.record.session.is_some() && current.record.session == self.observed.session;
        if same && !current.record.starting {
            // The same extra knows nothing of it: it never arrived there.
            current.stage = Stage::Dropping;
            let id = current.record.id.clone();
            return self.dropped(&id, true, now);
        }
        self.finish(ReportStatus::Interrupted, Some(reason::FORGOTTEN.to_owned()), now)
    }
}

fn outcome(last: &LastPrint) -> (ReportStatus, Option<String>) {
    let status = match last.outcome.as_str() {
        "complete" if last.position == last.size => return (ReportStatus::Success, None),
        "cancelled" => ReportStatus::Cancelled,
        "error" | "shutdown" | "dropped" => ReportStatus::Failure,
        _ => ReportStatus::Interrupted,
    };
    (status, Some(reason::of(last)))
}

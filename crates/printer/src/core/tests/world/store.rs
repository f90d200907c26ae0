//! A store that goes by the real rules.

use std::collections::{BTreeMap, BTreeSet};

use sealpost_api::{
    Problem,
    printer::{ClaimedJob, JobOffer, Poll, Report, ReportStatus, Reported},
};
use sealpost_market::{self as market, Job, JobEvent, JobState, Licence, NewJob, Party, Timestamp};
use serde_json::json;

use super::{
    super::super::{Outgoing, Trouble},
    PRINTER, START,
    statements::{claimed, key_set},
};

/// Silence after which the store counts a job as interrupted.
pub(super) const LEASE_SECONDS: u32 = 900;

#[derive(Default)]
pub(in crate::core::tests) struct FakeStore {
    pub(in crate::core::tests) jobs: BTreeMap<String, (Job, Licence)>,
    pub(in crate::core::tests) applied: Vec<(String, Report)>,
    pub(in crate::core::tests) token_void: bool,
    pub(in crate::core::tests) offline: bool,
    pub(in crate::core::tests) key_set_version: u64,
    /// Jobs that it offers by mistake, however they stand.
    pub(in crate::core::tests) mistaken: BTreeSet<String>,
    /// Jobs whose keys are lost; `true` where the store cannot seal them anew.
    pub(in crate::core::tests) lost: BTreeMap<String, bool>,
    /// Ids of the outcomes that were sent for each job, accepted or not.
    pub(in crate::core::tests) outcomes: BTreeMap<String, BTreeSet<String>>,
    /// Seconds since the beginning, by the store's own good clock.
    pub(super) time: u64,
}

impl FakeStore {
    pub(in crate::core::tests) fn add(&mut self, job: &str) {
        let licence: Licence = serde_json::from_value(json!({
            "id": "lic_1", "listing": "l_1", "kind": "gcode", "holder": "a_1", "allowed": 1, "used": 0, "reserved": 0,
            "state": "active", "expires_at": null, "free_retries": 0, "free_retries_used": 0, "keys_released": 0,
            "covers": null, "publisher_key": null,
        }))
        .unwrap();
        let new = NewJob {
            id: job.parse().unwrap(),
            release: "r_1".parse().unwrap(),
            printer: PRINTER.parse().unwrap(),
            seal_once: true,
            expires_at: None,
        };
        let made = market::create_job(new, licence, self.now()).unwrap();
        self.jobs.insert(job.to_owned(), (made.job, made.licence));
    }

    pub(in crate::core::tests) fn state(&self, job: &str) -> JobState {
        self.jobs[job].0.state
    }

    pub(in crate::core::tests) fn cancel(&mut self, job: &str) {
        let _ = self.change(job, JobEvent::Cancel { by: Party::Buyer });
    }

    /// What is sealed anew is sealed; whether there was anything.
    pub(in crate::core::tests) fn seal(&mut self) -> bool {
        let waits = |id: &String| self.state(id) == JobState::Sealing || self.lost.get(id) == Some(&false);
        let ids: Vec<_> = self.jobs.keys().filter(|id| waits(id)).cloned().collect();
        for id in &ids {
            let _ = self.change(id, JobEvent::BlobWritten);
            self.lost.remove(id);
        }
        !ids.is_empty()
    }

    /// Leases that fell silent.
    pub(in crate::core::tests) fn sweep(&mut self) {
        let ids: Vec<_> = self.jobs.keys().cloned().collect();
        for id in ids {
            let _ = self.change(&id, JobEvent::LeaseSilent);
        }
    }

    /// Outcomes that were taken for a job; interruptions count.
    pub(in crate::core::tests) fn terminal(&self, job: &str) -> Vec<ReportStatus> {
        let of_job = self.applied.iter().filter(|(id, report)| id == job && is_end(report.status));
        of_job.map(|(_, report)| report.status).collect()
    }

    pub(super) fn poll(&mut self) -> Poll {
        self.sweep();
        let mut poll = Poll { key_set_version: self.key_set_version, ..Poll::default() };
        for (id, (job, _)) in &self.jobs {
            let ready = job.state == JobState::ReadyToPrint;
            let mistaken = self.mistaken.contains(id);
            if mistaken || ready || (job.state == JobState::Processing && !job.started) {
                poll.jobs.push(JobOffer {
                    print_job_id: id.clone(),
                    status: job.state,
                    title: id.clone(),
                    blob_size: 1,
                    created_at: String::new(),
                    lease: job.lease,
                });
            }
            if job.cancel_requested && (job.state.is_running() || job.state == JobState::Interrupted) {
                poll.cancel_requested.push(id.clone());
            }
        }
        poll
    }

    pub(super) fn claim(&mut self, id: &str, nonce: &str, after: u64) -> Result<Box<ClaimedJob>, Trouble> {
        self.sweep();
        if let Some(for_good) = self.lost.get(id).copied()
            && !self.state(id).is_final()
        {
            let sealed = !for_good && self.change(id, JobEvent::BlobLost).is_ok();
            let code = if sealed { "sealing_anew" } else { "key_missing" };
            return Err(Trouble::Retry(Problem::new(503, code, code)));
        }
        let printer = PRINTER.parse().unwrap();
        let lease_until = self.now().plus_seconds(LEASE_SECONDS);
        let nonce_of = nonce.parse().unwrap();
        self.change(id, JobEvent::Claim { printer, nonce: nonce_of, after: Some(after), lease_until })?;
        let iat = START + self.time;
        Ok(Box::new(claimed(id, self.jobs[id].0.lease, nonce, |manifest| {
            manifest.iat = iat;
            manifest.exp = iat + 24 * 3600;
        })))
    }

    pub(super) fn report(&mut self, outgoing: Outgoing) -> Result<Reported, Trouble> {
        self.sweep();
        let Outgoing { job: id, report } = outgoing;
        if is_end(report.status) {
            self.outcomes.entry(id.clone()).or_default().insert(report.report_id.clone());
        }
        let named = report.lease > 0;
        let event = JobEvent::Report(market::Report {
            id: named.then(|| report.report_id.parse().unwrap()),
            printer: PRINTER.parse().unwrap(),
            lease: named.then_some(report.lease),
            status: serde_json::from_value(json!(report.status)).unwrap(),
            message: report.message.clone(),
            lease_until: self.now().plus_seconds(LEASE_SECONDS),
        });
        let repeated = self.change(&id, event)?;
        if !repeated {
            self.applied.push((id.clone(), report));
        }
        let job = &self.jobs[&id].0;
        let cancel_requested = job.cancel_requested && !job.state.is_final();
        Ok(Reported { print_job_id: id, state: job.state, cancel_requested })
    }

    /// Of a claimed job whose file is lost, and sealed anew for another claim.
    pub(super) fn download(&mut self, id: &str) -> Result<(), Problem> {
        if self.lost.get(id) == Some(&false) && self.change(id, JobEvent::BlobLost).is_ok() {
            return Err(Problem::new(409, "claim_again", "lost"));
        }
        Ok(())
    }

    pub(super) fn keys(&self) -> String {
        key_set(self.key_set_version)
    }

    fn now(&self) -> Timestamp {
        Timestamp((START + self.time).cast_signed())
    }

    fn change(&mut self, id: &str, event: JobEvent) -> Result<bool, Trouble> {
        let Some((job, licence)) = self.jobs.get(id).cloned() else {
            return Err(Trouble::Refused(Problem::new(404, "not_found", "no such job")));
        };
        match market::apply(job, licence, event, self.now()) {
            Ok(step) => {
                self.jobs.insert(id.to_owned(), (step.job, step.licence));
                Ok(step.repeated)
            }
            Err(error) => Err(Trouble::Refused(Problem::new(409, "refused", error.to_string()))),
        }
    }
}

fn is_end(status: ReportStatus) -> bool {
    use ReportStatus::{Cancelled, Failure, Interrupted, Success};
    matches!(status, Cancelled | Failure | Interrupted | Success)
}

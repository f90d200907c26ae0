//! Values the suites begin with.

use sealpost_market::{
    Job, JobEvent, JobId, Licence, LicenceId, LicencePayment, LicenceState, Listing, ListingKind,
    ListingState, NewJob, Nonce, Outcome, Party, Price, PrinterId, Report, ReportId, ReportStatus, RuleError,
    Terms, Timestamp, Transition, Version, apply, create_job,
};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);
pub(crate) const LEASE_SECONDS: u32 = 300;
pub(crate) const JOB_SECONDS: u32 = 86_400;

pub(crate) fn listing(kind: ListingKind, price: Price, prints: u32) -> Listing {
    Listing {
        id: "l_1".parse().expect("id"),
        publisher: "a_9".parse().expect("id"),
        kind,
        state: ListingState::Listed,
        price,
        terms: Terms { prints, ..Terms::default() },
    }
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().expect("version")
}

pub(crate) fn licence(allowed: u32, free_retries: u32) -> Licence {
    Licence {
        id: LicenceId::parse("lic_1").expect("id"),
        listing: "l_1".parse().expect("id"),
        kind: ListingKind::Gcode,
        holder: "a_1".parse().expect("id"),
        allowed,
        used: 0,
        reserved: 0,
        state: LicenceState::Active,
        payment: LicencePayment::Good,
        expires_at: None,
        free_retries,
        free_retries_used: 0,
        keys_released: 0,
        covers: None,
        publisher_key: None,
    }
}

pub(crate) fn printer() -> PrinterId {
    "p_1".parse().expect("id")
}

pub(crate) fn new_job(id: &str, seal_once: bool, now: Timestamp) -> NewJob {
    NewJob {
        id: JobId::parse(id).expect("id"),
        release: "r_1".parse().expect("id"),
        printer: printer(),
        seal_once,
        expires_at: Some(now.plus_seconds(JOB_SECONDS)),
    }
}

/// One job of one licence at one time.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) job: Job,
    pub(crate) licence: Licence,
    pub(crate) now: Timestamp,
}

impl Desk {
    pub(crate) fn new(seal_once: bool) -> Self {
        Self::with(licence(3, 1), seal_once)
    }

    pub(crate) fn with(licence: Licence, seal_once: bool) -> Self {
        let made = create_job(new_job("j_1", seal_once, NOW), licence, NOW).expect("job");
        Self { job: made.job, licence: made.licence, now: NOW }
    }

    pub(crate) fn event(&mut self, event: JobEvent) -> Result<Transition, RuleError> {
        let next = apply(self.job.clone(), self.licence.clone(), event, self.now)?;
        (self.job, self.licence) = (next.job.clone(), next.licence.clone());
        Ok(next)
    }

    pub(crate) fn claim(&mut self) -> Result<Transition, RuleError> {
        self.event(claim(self.now))
    }

    pub(crate) fn say(&mut self, status: ReportStatus) -> Result<Transition, RuleError> {
        self.event(report(None, None, status, self.now))
    }

    pub(crate) fn after(&mut self, seconds: u32) -> &mut Self {
        self.now = self.now.plus_seconds(seconds);
        self
    }

    /// allowed, used, reserved
    pub(crate) fn counts(&self) -> [u32; 3] {
        [self.licence.allowed, self.licence.used, self.licence.reserved]
    }

    pub(crate) fn decide(&mut self, outcome: Outcome, by: Party) -> Result<Transition, RuleError> {
        self.event(JobEvent::Decide { outcome, by })
    }
}

/// A claim with a nonce of its own, after whatever lease is in force.
pub(crate) fn claim(now: Timestamp) -> JobEvent {
    use std::sync::atomic::{AtomicU64, Ordering};
    static FRESH: AtomicU64 = AtomicU64::new(0);
    claim_with(FRESH.fetch_add(1, Ordering::Relaxed), None, now)
}

pub(crate) fn claim_with(nonce: u64, after: Option<u64>, now: Timestamp) -> JobEvent {
    JobEvent::Claim {
        printer: printer(),
        nonce: Nonce::parse(&format!("n_{nonce}")).expect("id"),
        after,
        lease_until: now.plus_seconds(LEASE_SECONDS),
    }
}

pub(crate) fn report(id: Option<&str>, lease: Option<u64>, status: ReportStatus, now: Timestamp) -> JobEvent {
    JobEvent::Report(Report {
        id: id.map(|id| ReportId::parse(id).expect("id")),
        printer: printer(),
        lease,
        status,
        message: None,
        lease_until: now.plus_seconds(LEASE_SECONDS),
    })
}

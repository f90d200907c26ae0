//! Whatever happens in whatever order, licences and jobs stay honest.

use std::collections::HashMap;

use crate::desk::{JOB_SECONDS, LEASE_SECONDS, NOW, claim, licence, new_job, report};
use proptest::prelude::*;
use sealpost_market::{
    Effect, Job, JobEvent, JobState, Licence, LicenceState, Outcome, Party, ReportStatus, Timestamp, apply,
    create_job,
};

#[derive(Debug, Clone)]
enum Step {
    Create { seal_once: bool },
    Wait { seconds: u32 },
    Suspend,
    Lift,
    To { job: usize, what: What },
}

#[derive(Debug, Clone)]
enum What {
    BlobWritten,
    Cancel,
    Expire,
    Claim,
    Silent,
    Decide(Outcome),
    Say { status: ReportStatus, lease: Option<u64>, id: Option<u8> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = || prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Cancelled)];
    let status = prop_oneof![
        Just(ReportStatus::Processing),
        Just(ReportStatus::Starting),
        Just(ReportStatus::Printing),
        Just(ReportStatus::Paused),
        Just(ReportStatus::Success),
        Just(ReportStatus::Failure),
        Just(ReportStatus::Cancelled),
        Just(ReportStatus::Interrupted),
    ];
    let what = prop_oneof![
        3 => Just(What::BlobWritten),
        1 => Just(What::Cancel),
        1 => Just(What::Expire),
        4 => Just(What::Claim),
        2 => Just(What::Silent),
        1 => outcome().prop_map(What::Decide),
        6 => (status, proptest::option::of(0u64..4), proptest::option::of(0u8..6))
            .prop_map(|(status, lease, id)| What::Say { status, lease, id }),
    ];
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|seal_once| Step::Create { seal_once }),
        2 => prop_oneof![Just(1), Just(LEASE_SECONDS), Just(JOB_SECONDS)].prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Suspend),
        1 => Just(Step::Lift),
        12 => (0usize..4, what).prop_map(|(job, what)| Step::To { job, what }),
    ];
    proptest::collection::vec(step, 0..120)
}

struct World {
    licence: Licence,
    jobs: Vec<Job>,
    /// Keys given out and prints begun, by job.
    keys: HashMap<String, u64>,
    starts: HashMap<String, u32>,
    given_back: u32,
    now: Timestamp,
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Create { seal_once } => {
                let id = format!("j_{}", self.jobs.len());
                let left = self.licence.left();
                let active = self.licence.check_active(self.now).is_ok();
                let made = create_job(new_job(&id, seal_once, self.now), self.licence.clone(), self.now);
                assert_eq!(made.is_ok(), active && left > 0);
                if let Ok(made) = made {
                    self.licence = made.licence;
                    self.jobs.push(made.job);
                }
            }
            Step::Wait { seconds } => self.now = self.now.plus_seconds(seconds),
            Step::Suspend => self.licence.state = LicenceState::Suspended,
            Step::Lift => self.licence.state = LicenceState::Active,
            Step::To { job, what } if job < self.jobs.len() => self.to(job, what),
            Step::To { .. } => {}
        }
        self.check();
    }

    fn to(&mut self, index: usize, what: What) {
        let before = self.jobs[index].clone();
        let event = match what {
            What::BlobWritten => JobEvent::BlobWritten,
            What::Cancel => JobEvent::Cancel { by: Party::Buyer },
            What::Expire => JobEvent::Expire,
            What::Claim => claim(self.now),
            What::Silent => JobEvent::LeaseSilent,
            What::Decide(outcome) => JobEvent::Decide { outcome, by: Party::Operator },
            What::Say { status, lease, id } => {
                report(id.map(|id| format!("rep_{id}")).as_deref(), lease, status, self.now)
            }
        };
        let old = self.licence.clone();
        let Ok(next) = apply(before.clone(), old.clone(), event.clone(), self.now) else { return };
        if next.repeated {
            assert_eq!((&next.job, &next.licence), (&before, &old), "a repetition changes nothing");
            assert!(next.effects.is_empty() && next.facts.is_empty());
        }
        if before.state.is_final() {
            assert_eq!(next.job, before, "final states are final");
        }
        if before.started {
            assert_eq!(next.job.lease, before.lease, "no key after the start");
        }
        assert!(next.job.key_released || !before.key_released);
        assert!(next.job.started || !before.started);
        self.check_print(&before, &event, &old, &next.licence);
        for effect in &next.effects {
            if let Effect::ReleaseKey { lease, .. } = effect {
                assert_eq!(old.state, LicenceState::Active, "no key on a licence that gives none");
                let keys = self.keys.entry(before.id.to_string()).or_default();
                *keys += 1;
                assert_eq!(lease, keys, "leases count the keys");
            }
        }
        if next.job.started && !before.started {
            *self.starts.entry(before.id.to_string()).or_default() += 1;
        }
        self.given_back += u32::from(next.job.free_retry && !before.free_retry);
        self.jobs[index] = next.job;
        self.licence = next.licence;
    }

    fn check_print(&self, before: &Job, event: &JobEvent, old: &Licence, new: &Licence) {
        let ended = old.reserved - new.reserved;
        if !before.key_released && ended == 1 {
            let mut restored = new.clone();
            restored.reserved += 1;
            assert_eq!(&restored, old, "before the key, a job is taken back without a trace");
        }
        if before.key_released && ended == 1 {
            let spoken = matches!(event, JobEvent::Report(_) | JobEvent::Decide { .. });
            assert!(spoken, "after the key, silence never gives a print back nor takes it");
        }
    }

    fn check(&self) {
        let l = &self.licence;
        assert!(l.used + l.reserved <= l.allowed);
        let open = self.jobs.iter().filter(|j| !j.state.is_final()).count();
        assert_eq!(l.reserved as usize, open, "every unfinished job holds one print");
        let successes = self.jobs.iter().filter(|j| j.state == JobState::Success).count();
        assert!(l.used as usize >= successes);
        assert!(self.starts.values().all(|n| *n <= 1), "one job, one start");
        assert_eq!(l.free_retries_used, self.given_back);
        assert!(l.free_retries_used <= l.free_retries);
        let keys: u64 = self.keys.values().sum();
        assert_eq!(u64::from(l.keys_released), keys);
        let begun = self.jobs.iter().filter(|j| j.started).count();
        assert!(
            begun <= (l.allowed + l.free_retries) as usize,
            "never more starts than prints and free retries"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn licences_and_jobs_stay_honest(allowed in 0u32..4, free_retries in 0u32..3, steps in steps()) {
        let mut world = World {
            licence: licence(allowed, free_retries),
            jobs: Vec::new(),
            keys: HashMap::new(),
            starts: HashMap::new(),
            given_back: 0,
            now: NOW,
        };
        steps.into_iter().for_each(|step| world.step(step));
    }

    #[test]
    fn an_interrupted_job_is_resolved_by_a_report_however_late(wait in any::<u32>(), started in any::<bool>()) {
        let mut desk = crate::desk::Desk::new(true);
        desk.claim().expect("claim");
        if started {
            desk.say(ReportStatus::Printing).expect("printing");
        }
        desk.after(LEASE_SECONDS).event(JobEvent::LeaseSilent).expect("silent");
        desk.after(wait).say(ReportStatus::Success).expect("late");
        prop_assert_eq!(desk.counts(), [3, 1, 0]);
    }
}

//! Whatever happens in whatever order, licences and jobs stay honest: many licences, many jobs, two printers, people who sell,
//! refund, suspend and decide, a chain that takes payments back, reports that come twice, late, and under any lease.

use std::collections::HashMap;

use proptest::prelude::*;
use sealpost_market::{
    Effect, Job, JobEvent, JobState, Licence, LicenceState, ListingKind, NewPurchase, Outcome, Party,
    PaymentMethod, Price, Purchase, PurchaseEvent, PurchaseState, ReportStatus, Terms, Timestamp, apply,
    create_job, start_chain_purchase, start_purchase,
};

use crate::desk::{self, JOB_SECONDS, LEASE_SECONDS, NOW, claim_with, listing, new_job, report, version};

#[derive(Debug, Clone)]
enum Step {
    Sell { chain: bool, prints: u32, free_retries: u32, valid: Option<u32> },
    Create { sale: usize, seal_once: bool },
    Wait { seconds: u32 },
    Decide { sale: usize, to: LicenceState },
    Pay { sale: usize, what: Payment },
    To { job: usize, what: What },
}

#[derive(Debug, Clone)]
enum Payment {
    Refund(Party),
    Undone,
    Restored,
    RefundedOnChain,
    PaidAgain,
}

#[derive(Debug, Clone)]
enum What {
    BlobWritten,
    BlobLost,
    Cancel,
    Expire,
    /// A nonce from a small bag, and a lease from near the one in force: so that claims come twice and late.
    Claim {
        nonce: u64,
        after: Option<u64>,
        stranger: bool,
    },
    Silent,
    /// The store was restored: its printer may know later leases.
    Restored,
    Decide(Outcome, Party),
    Say {
        status: ReportStatus,
        lease: Option<u64>,
        id: Option<u8>,
        stranger: bool,
    },
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Buyer), Just(Party::Publisher), Just(Party::Operator), Just(Party::Store)]
}

fn what() -> impl Strategy<Value = What> {
    let outcome = prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Cancelled)];
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
    let rare = || proptest::bool::weighted(0.05);
    prop_oneof![
        4 => Just(What::BlobWritten),
        1 => Just(What::BlobLost),
        1 => Just(What::Cancel),
        1 => Just(What::Expire),
        6 => (0u64..4, proptest::option::of(0u64..3), rare())
            .prop_map(|(nonce, after, stranger)| What::Claim { nonce, after, stranger }),
        2 => Just(What::Silent),
        1 => Just(What::Restored),
        1 => (outcome, party()).prop_map(|(outcome, by)| What::Decide(outcome, by)),
        8 => (status, proptest::option::of(0u64..4), proptest::option::of(0u8..6), rare())
            .prop_map(|(status, lease, id, stranger)| What::Say { status, lease, id, stranger }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let payment = prop_oneof![
        1 => party().prop_map(Payment::Refund),
        1 => Just(Payment::Undone),
        2 => Just(Payment::Restored),
        1 => Just(Payment::RefundedOnChain),
        1 => Just(Payment::PaidAgain),
    ];
    let decision = prop_oneof![
        2 => Just(LicenceState::Suspended),
        4 => Just(LicenceState::Active),
        1 => Just(LicenceState::Revoked),
    ];
    let wait = prop_oneof![3 => Just(1), 2 => Just(LEASE_SECONDS), 1 => Just(JOB_SECONDS)];
    let valid = proptest::option::weighted(0.2, Just(2 * JOB_SECONDS));
    let step = prop_oneof![
        2 => (any::<bool>(), 1u32..4, 0u32..3, valid)
            .prop_map(|(chain, prints, free_retries, valid)| Step::Sell { chain, prints, free_retries, valid }),
        6 => (0usize..3, any::<bool>()).prop_map(|(sale, seal_once)| Step::Create { sale, seal_once }),
        3 => wait.prop_map(|seconds| Step::Wait { seconds }),
        1 => (0usize..3, decision).prop_map(|(sale, to)| Step::Decide { sale, to }),
        1 => (0usize..3, payment).prop_map(|(sale, what)| Step::Pay { sale, what }),
        30 => (0usize..6, what()).prop_map(|(job, what)| Step::To { job, what }),
    ];
    proptest::collection::vec(step, 0..160)
}

struct Sale {
    purchase: Purchase,
    licence: Licence,
}

/// What the world saw of a job, apart from what the rules say of it.
#[derive(Default)]
struct Seen {
    keys: u64,
    /// Whether the store was restored meanwhile, so that keys may be out that it never gave.
    lost: bool,
    starts: u32,
    /// Whether its print was given back or used, once it ended.
    settled: Option<bool>,
}

#[derive(Default)]
struct World {
    sales: Vec<Sale>,
    jobs: Vec<(usize, Job)>,
    seen: HashMap<String, Seen>,
    passed: u32,
}

impl World {
    fn now(&self) -> Timestamp {
        NOW.plus_seconds(self.passed)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Sell { chain, prints, free_retries, valid } if self.sales.len() < 3 => {
                let terms = Terms { prints, free_retries, valid_seconds: valid, ..Terms::default() };
                let sale = sell(self.sales.len(), chain, terms, self.now());
                self.sales.push(sale);
            }
            Step::Create { sale, seal_once } if sale < self.sales.len() => self.create(sale, seal_once),
            Step::Wait { seconds } => self.passed = self.passed.saturating_add(seconds),
            Step::Decide { sale, to } if sale < self.sales.len() => self.decide(sale, to),
            Step::Pay { sale, what } if sale < self.sales.len() => self.pay(sale, &what),
            Step::To { job, what } if !self.jobs.is_empty() => {
                let newest = self.jobs.len() - 1;
                // Mostly the newest ones, or all the events go to jobs that ended long ago.
                self.to(newest.saturating_sub(job), what);
            }
            _ => {}
        }
        self.check();
    }

    fn create(&mut self, sale: usize, seal_once: bool) {
        let now = self.now();
        let held = &mut self.sales[sale].licence;
        let (left, active) = (held.left(), held.check_active(now).is_ok());
        let id = format!("j_{}", self.jobs.len());
        let made = create_job(new_job(&id, seal_once, now), held.clone(), now);
        assert_eq!(made.is_ok(), active && left > 0, "a job is made exactly while a print is left");
        if let Ok(made) = made {
            *held = made.licence;
            self.jobs.push((sale, made.job));
            self.seen.insert(id, Seen::default());
        }
    }

    fn decide(&mut self, sale: usize, to: LicenceState) {
        let held = &mut self.sales[sale].licence;
        if let Ok((licence, _)) = held.clone().change_state(to, Party::Operator) {
            assert!(
                held.state != LicenceState::Revoked || to == LicenceState::Revoked,
                "revoked is for ever"
            );
            *held = licence;
        }
    }

    fn pay(&mut self, sale: usize, what: &Payment) {
        let now = self.now();
        let Sale { purchase, licence } = &mut self.sales[sale];
        let event = match what {
            Payment::Refund(by) => PurchaseEvent::Refund { by: *by },
            Payment::Undone => PurchaseEvent::Undone,
            Payment::Restored => PurchaseEvent::Restored,
            Payment::RefundedOnChain => PurchaseEvent::RefundedOnChain,
            Payment::PaidAgain => PurchaseEvent::Paid { licence: "lic_other".parse().expect("id") },
        };
        let before = licence.clone();
        let Ok(done) = purchase.clone().apply(Some(before.clone()), event, now) else { return };
        if let Payment::Refund(by) = what {
            let decided = matches!(by, Party::Publisher | Party::Operator);
            assert!(decided || before.keys_released == 0, "no refund by itself after a key was released");
            assert_ne!(purchase.method, PaymentMethod::Chain, "what was paid on chain is refunded there");
        }
        *purchase = done.purchase;
        *licence = done.licence.expect("it was paid before");
        assert_eq!((licence.used, licence.reserved), (before.used, before.reserved), "money moves no print");
        assert_eq!(licence.id, before.id, "one purchase is one licence");
    }

    fn to(&mut self, index: usize, what: What) {
        let now = self.now();
        let (sale, before) = self.jobs[index].clone();
        let old = self.sales[sale].licence.clone();
        let event = event(&what, now);
        let next = match apply(before.clone(), old.clone(), event.clone(), now) {
            Ok(next) => next,
            Err(refused) => {
                assert!(!resolves(&before, &event), "a late report was refused: {refused}");
                return;
            }
        };
        if next.repeated {
            assert_eq!((&next.job, &next.licence), (&before, &old), "a repetition changes nothing");
            assert!(next.effects.is_empty() && next.facts.is_empty());
        }
        assert!(!before.state.is_final() || next.repeated, "final states are final");
        assert!(next.repeated || !is_stale(&before, &event), "what came twice or too late changes nothing");
        assert!(next.job.key_released || !before.key_released);
        assert!(next.job.started || !before.started);
        if resolves(&before, &event) {
            assert!(next.job.state.is_final(), "a report with the current lease resolves at any time");
        }
        let seen = self.seen.get_mut(before.id.as_str()).expect("made before");
        if event == JobEvent::StoreRestored && !next.repeated {
            seen.lost = true;
            assert_eq!(next.job.state, JobState::Interrupted, "nothing that was open is believed");
            assert_eq!(next.licence.reserved, old.reserved, "its print stays reserved");
        }
        if next.job.lease > before.lease && matches!(event, JobEvent::Report(_)) {
            assert!(before.restored && !before.started, "later leases are believed in restored stores alone");
        }
        for effect in &next.effects {
            if let Effect::ReleaseKey { printer, lease, .. } = effect {
                seen.keys += 1;
                assert_eq!(*printer, before.printer);
                assert_eq!(*lease, before.lease + 1, "each key has a lease of its own");
                assert!(!before.started && !before.cancel_requested && !before.state.is_final());
                assert_eq!(old.check_active(now), Ok(()), "no key under a licence that gives none");
                assert_eq!(self.sales[sale].purchase.state, PurchaseState::Paid, "unpaid is never wrapped");
            }
        }
        seen.starts += u32::from(next.job.started && !before.started);
        assert!(seen.starts <= 1, "one job, one start");
        let ended = old.reserved - next.licence.reserved;
        if ended == 1 {
            assert!(next.job.state.is_final());
            let used = next.licence.used > old.used;
            assert_eq!(seen.settled.replace(used), None, "a print is settled once");
            check_end(&before, &event, &old, &next.licence, used);
        } else {
            assert_eq!(next.licence.used, old.used, "only an end uses a print");
            assert!(!next.job.state.is_final() || before.state.is_final());
        }
        self.jobs[index].1 = next.job;
        self.sales[sale].licence = next.licence;
    }

    fn check(&self) {
        for (index, Sale { licence, .. }) in self.sales.iter().enumerate() {
            assert!(licence.used + licence.reserved <= licence.allowed);
            let jobs = || self.jobs.iter().filter(|(sale, _)| *sale == index).map(|(_, job)| job);
            let seen = || jobs().map(|job| &self.seen[job.id.as_str()]);
            let open = jobs().filter(|job| !job.state.is_final()).count();
            assert_eq!(licence.reserved as usize, open, "every unfinished job holds one print");
            let used = seen().filter(|seen| seen.settled == Some(true)).count();
            assert_eq!(licence.used as usize, used, "used is what the jobs say");
            let successes = jobs().filter(|job| job.state == JobState::Success).count();
            assert!(used >= successes, "a success is a print");
            let given_back = jobs().filter(|job| job.free_retry).count();
            assert_eq!(licence.free_retries_used as usize, given_back, "free retries are counted once");
            assert!(licence.free_retries_used <= licence.free_retries);
            let (keys, lost) = (seen().map(|seen| seen.keys).sum::<u64>(), seen().any(|seen| seen.lost));
            let released = u64::from(licence.keys_released);
            assert!(released == keys || (lost && released > keys), "no key goes out uncounted");
            let begun = jobs().filter(|job| job.started).count();
            assert!(begun <= (licence.allowed + licence.free_retries) as usize, "prints and free retries");
        }
        for (_, job) in &self.jobs {
            let seen = &self.seen[job.id.as_str()];
            assert!(job.key_released == (seen.keys > 0) || (seen.lost && job.key_released));
            assert!(job.lease >= self.seen[job.id.as_str()].keys);
        }
    }
}

fn sell(number: usize, chain: bool, terms: Terms, now: Timestamp) -> Sale {
    let new = NewPurchase {
        id: format!("pu_{number}").parse().expect("id"),
        licence: format!("lic_{number}").parse().expect("id"),
        buyer: "a_1".parse().expect("id"),
        method: if chain { PaymentMethod::Chain } else { PaymentMethod::Free },
        voucher: None,
        version: Some(version("1.0.0")),
        publisher_key: None,
        device: None,
    };
    let price: sealpost_market::Money = "0.5 ETH".parse().expect("money");
    let mut offered = listing(ListingKind::Gcode, Price::Free, terms.prints);
    offered.terms = terms;
    let licence = new.licence.clone();
    let begun =
        if chain { start_chain_purchase(&offered, new, price) } else { start_purchase(&offered, new, now) };
    let mut begun = begun.expect("begun");
    if chain {
        begun = begun.purchase.apply(None, PurchaseEvent::Paid { licence }, now).expect("paid");
    }
    Sale { purchase: begun.purchase, licence: begun.licence.expect("paid") }
}

fn event(what: &What, now: Timestamp) -> JobEvent {
    let other = || "p_2".parse().expect("id");
    match what.clone() {
        What::BlobWritten => JobEvent::BlobWritten,
        What::BlobLost => JobEvent::BlobLost,
        What::Cancel => JobEvent::Cancel { by: Party::Buyer },
        What::Expire => JobEvent::Expire,
        What::Claim { nonce, after, stranger } => {
            let mut claim = claim_with(nonce, after, now);
            if let JobEvent::Claim { printer, .. } = &mut claim
                && stranger
            {
                *printer = other();
            }
            claim
        }
        What::Silent => JobEvent::LeaseSilent,
        What::Restored => JobEvent::StoreRestored,
        What::Decide(outcome, by) => JobEvent::Decide { outcome, by },
        What::Say { status, lease, id, stranger } => {
            let mut said = report(id.map(|id| format!("rep_{id}")).as_deref(), lease, status, now);
            if let JobEvent::Report(report) = &mut said
                && stranger
            {
                report.printer = other();
            }
            said
        }
    }
}

/// Whether it is the printer's word, for the first time and under the lease in force, on how an interrupted job ended.
fn resolves(job: &Job, event: &JobEvent) -> bool {
    let JobEvent::Report(report) = event else { return false };
    job.state == JobState::Interrupted
        && report.printer == job.printer
        && report.status.outcome().is_some()
        && report.lease.is_none_or(|lease| lease > 0 && lease == job.lease)
        && !report.id.as_ref().is_some_and(|id| job.reports.contains(id))
}

/// Whether it came before, was overtaken by another claim, or speaks of an older lease.
fn is_stale(job: &Job, event: &JobEvent) -> bool {
    match event {
        JobEvent::Claim { nonce, after, .. } => {
            let repeated = job.lease > 0 && job.nonce.as_ref() == Some(nonce);
            if repeated { !job.is_broken_off() } else { after.is_some_and(|after| after != job.lease) }
        }
        JobEvent::Report(report) => {
            let repeated = report.id.as_ref().is_some_and(|id| job.reports.contains(id));
            repeated || report.lease.is_some_and(|lease| lease < job.lease)
        }
        _ => false,
    }
}

fn check_end(before: &Job, event: &JobEvent, old: &Licence, new: &Licence, used: bool) {
    // Held jobs have ends as if their key was out: it may be.
    let held = before.is_forgotten();
    let unprinted = match event {
        JobEvent::Report(report) => {
            (held || before.is_broken_off()) && report.status.outcome() != Some(Outcome::Success)
        }
        JobEvent::Decide { outcome, .. } => {
            (before.is_held() || before.is_broken_off()) && *outcome == Outcome::Cancelled
        }
        _ => false,
    };
    if unprinted || !(held || before.key_released) {
        let mut restored = new.clone();
        restored.reserved += 1;
        assert_eq!(&restored, old, "before the key, a job is taken back without a trace");
        return;
    }
    let (outcome, by) = match event {
        JobEvent::Report(report) => (report.status.outcome(), None),
        JobEvent::Decide { outcome, by } => (Some(*outcome), Some(*by)),
        _ => panic!("after the key, silence never gives a print back nor takes it"),
    };
    assert!(by.is_none_or(|by| matches!(by, Party::Publisher | Party::Operator)));
    let free = old.free_retries_used < old.free_retries;
    match outcome.expect("an end has an outcome") {
        Outcome::Success => assert!(used, "a success is a print"),
        Outcome::Failure | Outcome::Cancelled => {
            assert_eq!(used, !free, "given back while free retries last")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn licences_and_jobs_stay_honest(steps in steps()) {
        let mut world = World::default();
        world.step(Step::Sell { chain: false, prints: 2, free_retries: 1, valid: None });
        steps.into_iter().for_each(|step| world.step(step));
    }

    #[test]
    fn an_interrupted_job_is_resolved_by_a_report_however_late(wait in any::<u32>(), started in any::<bool>()) {
        let mut desk = desk::Desk::new(true);
        desk.claim().expect("claim");
        if started {
            desk.say(ReportStatus::Printing).expect("printing");
        }
        desk.after(LEASE_SECONDS).event(JobEvent::LeaseSilent).expect("silent");
        desk.after(wait).say(ReportStatus::Success).expect("late");
        prop_assert_eq!(desk.counts(), [3, 1, 0]);
    }
}

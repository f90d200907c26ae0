//! Every event in every state against the table of design section 4, written out in `jobs.table`.

use crate::desk::{Desk, JOB_SECONDS, LEASE_SECONDS, NOW, claim_with, licence, report};
use sealpost_market::{
    Job, JobEvent, JobState, Licence, LicenceState, Outcome, Party, ReportStatus, Timestamp, apply,
};

const TABLE: &str = include_str!("jobs.table");

/// A job in some state, and what became of it before.
fn desks() -> Vec<(&'static str, Desk)> {
    let claimed = || {
        let mut desk = Desk::with(licence(3, 1), true);
        desk.event(claim_with(1, Some(0), NOW)).expect("claim");
        desk.event(claim_with(2, Some(1), NOW)).expect("claim again");
        desk.event(report(Some("rep_1"), Some(2), ReportStatus::Processing, NOW)).expect("report");
        desk
    };
    let after = |said: &[ReportStatus]| {
        let mut desk = claimed();
        for status in said {
            desk.say(*status).expect("report");
        }
        desk
    };
    let ended = |event: JobEvent| {
        let mut desk = Desk::new(true);
        desk.after(JOB_SECONDS).event(event).expect("ended");
        desk.now = NOW;
        desk
    };
    let restored = || {
        let mut desk = Desk::new(true);
        desk.event(JobEvent::StoreRestored).expect("restored");
        desk
    };
    use ReportStatus::{Cancelled, Failure, Interrupted, Paused, Printing, Success};
    vec![
        ("sealing", Desk::new(false)),
        ("ready_to_print", Desk::new(true)),
        ("processing", claimed()),
        ("processing, asked to stop", {
            let mut desk = claimed();
            desk.event(JobEvent::Cancel { by: Party::Buyer }).expect("asked");
            desk
        }),
        ("printing", after(&[Printing])),
        ("paused", after(&[Paused])),
        ("interrupted, not started", after(&[Interrupted])),
        ("interrupted, started", after(&[Printing, Interrupted])),
        ("interrupted, in a restored store", restored()),
        ("success", after(&[Success])),
        ("failure", after(&[Failure])),
        ("cancelled by the printer", after(&[Cancelled])),
        ("cancelled before the key", ended(JobEvent::Cancel { by: Party::Buyer })),
        ("expired", ended(JobEvent::Expire)),
    ]
}

/// What happens, when, and to a licence in which state.
struct Case {
    name: String,
    event: JobEvent,
    now: Timestamp,
    licence: Option<LicenceState>,
}

fn cases(job: &Job) -> Vec<Case> {
    let late = NOW.plus_seconds(JOB_SECONDS);
    let mut cases = Vec::new();
    let mut add = |name: &str, event: JobEvent, now: Timestamp, licence: Option<LicenceState>| {
        cases.push(Case { name: name.to_owned(), event, now, licence });
    };
    add("blob written", JobEvent::BlobWritten, NOW, None);
    add("blob lost", JobEvent::BlobLost, NOW, None);
    add("cancel", JobEvent::Cancel { by: Party::Buyer }, NOW, None);
    add("expire before its time", JobEvent::Expire, NOW, None);
    add("expire", JobEvent::Expire, late, None);
    let lease = job.lease;
    add("claim", claim_with(9, Some(lease), NOW), NOW, None);
    add("claim that names no lease", claim_with(9, None, NOW), NOW, None);
    add("claim that was overtaken", claim_with(9, Some(lease + 1), NOW), NOW, None);
    add("claim repeated with its nonce", claim_with(2, Some(1), NOW), NOW, None);
    add("claim after it expired", claim_with(9, Some(lease), late), late, None);
    add("claim, licence suspended", claim_with(9, Some(lease), NOW), NOW, Some(LicenceState::Suspended));
    add("claim, licence revoked", claim_with(9, Some(lease), NOW), NOW, Some(LicenceState::Revoked));
    let mut other = claim_with(9, Some(lease), NOW);
    if let JobEvent::Claim { printer, .. } = &mut other {
        *printer = "p_2".parse().expect("id");
    }
    add("claim by another printer", other, NOW, None);
    use ReportStatus::{Cancelled, Failure, Interrupted, Paused, Printing, Processing, Starting, Success};
    let statuses = [Processing, Starting, Printing, Paused, Success, Failure, Cancelled, Interrupted];
    for status in statuses {
        let name = format!("report {}", status.as_str());
        add(&name, report(Some("rep_9"), Some(lease), status, NOW), NOW, None);
    }
    for status in statuses {
        let name = format!("report {} without a lease", status.as_str());
        add(&name, report(None, None, status, NOW), NOW, None);
    }
    for status in [Success, Failure] {
        let name = format!("report {}, licence revoked", status.as_str());
        add(&name, report(None, None, status, NOW), NOW, Some(LicenceState::Revoked));
    }
    add("report under an old lease", report(Some("rep_9"), Some(1), Success, NOW), NOW, None);
    add("report under an unknown lease", report(Some("rep_9"), Some(lease + 1), Success, NOW), NOW, None);
    add("report repeated", report(Some("rep_1"), Some(lease), Success, NOW), NOW, None);
    let mut other = report(None, None, Success, NOW);
    if let JobEvent::Report(report) = &mut other {
        report.printer = "p_2".parse().expect("id");
    }
    add("report by another printer", other, NOW, None);
    add("silence before the lease ends", JobEvent::LeaseSilent, NOW, None);
    add("silence", JobEvent::LeaseSilent, NOW.plus_seconds(LEASE_SECONDS), None);
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Cancelled] {
        let name = format!("publisher decides {}", JobState::from(outcome));
        add(&name, JobEvent::Decide { outcome, by: Party::Publisher }, NOW, None);
    }
    add("buyer decides", JobEvent::Decide { outcome: Outcome::Success, by: Party::Buyer }, NOW, None);
    add("store restored", JobEvent::StoreRestored, NOW, None);
    cases
}

fn outcome(desk: &Desk, case: &Case) -> String {
    let mut before = desk.licence.clone();
    before.state = case.licence.unwrap_or(before.state);
    let next = match apply(desk.job.clone(), before.clone(), case.event.clone(), case.now) {
        Ok(next) => next,
        Err(refused) => return format!("! {}", refused.code()),
    };
    if next.repeated {
        assert_eq!(
            (&next.job, &next.licence),
            (&desk.job, &before),
            "{}: a repetition changes nothing",
            case.name
        );
        return "again".to_owned();
    }
    let counted = counted(&before, &next.licence);
    let asked = if next.job.cancel_requested && !desk.job.cancel_requested { ", asked to stop" } else { "" };
    format!("{}{counted}{asked}", next.job.state)
}

fn counted(before: &Licence, after: &Licence) -> String {
    let mut said = String::new();
    if after.keys_released > before.keys_released {
        said.push_str(", key");
    }
    said.push_str(match (before.reserved - after.reserved, after.used - before.used) {
        (0, 0) => "",
        (1, 1) => ", used",
        (1, 0) if after.free_retries_used > before.free_retries_used => ", free retry",
        (1, 0) => ", given back",
        _ => ", WRONG",
    });
    said
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    let mut table: String = TABLE.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
    for (state, desk) in desks() {
        table.push_str(&format!("\n{state}\n"));
        for case in cases(&desk.job) {
            table.push_str(&format!("    {:<40} {}\n", case.name, outcome(&desk, &case)));
        }
    }
    let wrong: Vec<_> =
        table.lines().zip(TABLE.lines()).filter(|(found, written)| found != written).take(20).collect();
    assert!(wrong.is_empty(), "found, written: {wrong:#?}");
    assert_eq!(table.lines().count(), TABLE.lines().count());
}

#[test]
fn the_table_names_every_state() {
    for state in JobState::ALL {
        assert!(TABLE.lines().any(|line| line.starts_with(state.as_str())), "{state}");
    }
}

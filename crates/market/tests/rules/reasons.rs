//! A job that ends or stands still says why, and never what is no longer true.

use crate::desk::{Desk, LEASE_SECONDS, report};
use sealpost_market::{JobEvent, JobState, Outcome, Party, ReportStatus, RuleError};

fn reason(desk: &Desk) -> &str {
    let said = desk.job.message.as_deref().unwrap_or_default();
    let (code, sentence) = said.split_once(": ").unwrap_or_default();
    assert!(
        code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !sentence.is_empty(),
        "{said}"
    );
    code
}

#[test]
fn who_took_a_job_back_before_its_key_was_out_is_said() {
    for (by, code) in [
        (Party::Buyer, "cancelled_by_buyer"),
        (Party::Publisher, "cancelled_by_publisher"),
        (Party::Operator, "cancelled_by_operator"),
        (Party::Store, "cancelled_by_store"),
    ] {
        let mut desk = Desk::new(true);
        desk.event(JobEvent::Cancel { by }).expect("cancelled");
        assert_eq!(reason(&desk), code);
    }
}

#[test]
fn silence_says_so_until_a_report_says_better() {
    let silent = || {
        let mut desk = Desk::new(true);
        desk.claim().expect("claim");
        desk.say(ReportStatus::Printing).expect("printing");
        desk.after(LEASE_SECONDS).event(JobEvent::LeaseSilent).expect("silent");
        assert_eq!(reason(&desk), "printer_silent");
        desk
    };
    for status in [ReportStatus::Success, ReportStatus::Printing] {
        let mut desk = silent();
        desk.say(status).expect("late");
        assert_eq!(desk.job.message, None, "{status:?}");
    }
    let mut desk = silent();
    desk.decide(Outcome::Failure, Party::Publisher).expect("decided");
    assert_eq!(reason(&desk), "printer_silent");
}

#[test]
fn a_printer_turns_a_job_away_that_it_never_asked_the_key_of() {
    use ReportStatus::{Cancelled, Failure};
    for sealed in [false, true] {
        for (status, state, why) in [
            (Cancelled, JobState::Cancelled, "removed_at_printer"),
            (Failure, JobState::Failure, "not_started"),
        ] {
            let mut desk = Desk::new(sealed);
            let before = desk.counts();
            let now = desk.now;
            desk.event(report(None, None, status, now)).expect("turned away");
            assert_eq!((desk.job.state, reason(&desk)), (state, why));
            assert_eq!(desk.counts(), [before[0], 0, 0]);
            assert!(desk.event(report(None, None, status, now)).expect("again").repeated);
        }
    }
}

#[test]
fn a_printer_says_nothing_else_of_a_job_whose_key_it_never_had() {
    let mut desk = Desk::new(true);
    let now = desk.now;
    for status in [ReportStatus::Success, ReportStatus::Printing] {
        let refused = desk.event(report(None, None, status, now)).expect_err("no key");
        assert!(matches!(refused, RuleError::JobState { .. }), "{refused:?}");
    }
    let refused = desk.event(report(None, Some(1), ReportStatus::Cancelled, now)).expect_err("no such lease");
    assert!(matches!(refused, RuleError::UnknownLease { .. }), "{refused:?}");
}

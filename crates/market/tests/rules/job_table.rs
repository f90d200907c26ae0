//! Each row of the table of jobs, and the sentences around it.

use crate::desk::{Desk, JOB_SECONDS, LEASE_SECONDS, NOW, claim, claim_with, licence, new_job, report};
use sealpost_market::{
    Effect, Job, JobEvent, JobState, LicenceState, Outcome, Party, ReportStatus, RuleError, create_job,
};

use JobState::{
    Cancelled, Expired, Failure, Interrupted, Paused, Printing, Processing, ReadyToPrint, Sealing, Success,
};

fn running(state: JobState) -> Desk {
    let mut desk = Desk::new(true);
    desk.claim().expect("claim");
    match state {
        Processing => {}
        Printing => drop(desk.say(ReportStatus::Printing).expect("printing")),
        Paused => drop(desk.say(ReportStatus::Paused).expect("paused")),
        Interrupted => {
            desk.after(LEASE_SECONDS).event(JobEvent::LeaseSilent).expect("silent");
        }
        _ => unreachable!("only running states"),
    }
    assert_eq!(desk.job.state, state);
    desk
}

#[test]
fn created_job_waits_for_sealing_and_reserves_a_print() {
    let made = create_job(new_job("j_1", false, NOW), licence(1, 1), NOW).expect("job");
    assert_eq!((made.job.state, made.licence.reserved), (Sealing, 1));
    assert_eq!(made.effects, [Effect::StartSealing]);
}

#[test]
fn created_job_of_a_listing_sealed_once_is_ready() {
    let made = create_job(new_job("j_1", true, NOW), licence(1, 1), NOW).expect("job");
    assert_eq!((made.job.state, made.licence.reserved), (ReadyToPrint, 1));
    assert_eq!(made.effects, [Effect::TellPrinter]);
}

#[test]
fn creating_is_refused_when_used_and_reserved_fill_the_licence() {
    let mut full = licence(3, 1);
    (full.used, full.reserved) = (2, 1);
    let refused = create_job(new_job("j_1", true, NOW), full, NOW).expect_err("full");
    assert_eq!(refused, RuleError::LicenceExhausted { allowed: 3, used: 2, reserved: 1 });
    assert_eq!(refused.code(), "licence_exhausted");
}

#[test]
fn written_blob_makes_a_sealing_job_ready() {
    let mut desk = Desk::new(false);
    let next = desk.event(JobEvent::BlobWritten).expect("written");
    assert_eq!((desk.job.state, next.effects), (ReadyToPrint, vec![Effect::TellPrinter]));
    assert!(desk.event(JobEvent::BlobWritten).expect("again").repeated);
}

#[test]
fn sealing_and_ready_jobs_are_taken_back_without_a_trace() {
    for seal_once in [true, false] {
        let before = licence(3, 1);
        for (event, state) in
            [(JobEvent::Cancel { by: Party::Buyer }, Cancelled), (JobEvent::Expire, Expired)]
        {
            let mut desk = Desk::with(before.clone(), seal_once);
            desk.after(JOB_SECONDS).event(event).expect("taken back");
            assert_eq!(desk.job.state, state);
            assert_eq!(desk.licence, before);
        }
    }
}

#[test]
fn expiry_is_refused_before_its_time() {
    let mut desk = Desk::new(true);
    assert_eq!(desk.after(JOB_SECONDS - 1).event(JobEvent::Expire), Err(RuleError::NotDue));
}

#[test]
fn claim_releases_the_key_under_a_first_lease() {
    let mut desk = Desk::new(true);
    let next = desk.claim().expect("claim");
    assert_eq!((desk.job.state, desk.job.lease, desk.job.key_released), (Processing, 1, true));
    assert!(matches!(next.effects[..], [Effect::ReleaseKey { lease: 1, .. }]));
    assert_eq!(desk.licence.keys_released, 1);
}

#[test]
fn claim_by_another_printer_is_refused() {
    let mut desk = Desk::new(true);
    let JobEvent::Claim { nonce, after, lease_until, .. } = claim(NOW) else { unreachable!("a claim") };
    let other = JobEvent::Claim { printer: "p_2".parse().expect("id"), nonce, after, lease_until };
    assert_eq!(desk.event(other), Err(RuleError::OtherPrinter));
}

#[test]
fn claim_is_refused_while_sealing_after_expiry_and_on_a_licence_that_gives_no_keys() {
    assert_eq!(Desk::new(false).claim().expect_err("sealing").code(), "job_state");
    assert_eq!(Desk::new(true).after(JOB_SECONDS).claim(), Err(RuleError::JobFinished(Expired)));
    let mut revoked = Desk::new(true);
    revoked.licence.state = LicenceState::Revoked;
    assert_eq!(revoked.claim(), Err(RuleError::LicenceInactive(LicenceState::Revoked)));
    let mut late = Desk::new(true);
    late.licence.expires_at = Some(NOW);
    assert_eq!(late.claim(), Err(RuleError::LicenceExpired));
}

#[test]
fn starting_and_printing_reports_make_it_print() {
    for status in [ReportStatus::Starting, ReportStatus::Printing] {
        let mut desk = running(Processing);
        desk.say(status).expect("report");
        assert_eq!((desk.job.state, desk.job.started), (Printing, true));
    }
}

#[test]
fn claim_again_before_the_start_raises_the_lease() {
    let mut desk = running(Processing);
    let next = desk.claim().expect("again");
    assert_eq!((desk.job.state, desk.job.lease), (Processing, 2));
    assert!(matches!(next.effects[..], [Effect::ReleaseKey { lease: 2, .. }]));
    assert_eq!(desk.counts(), [3, 0, 1]);
}

#[test]
fn a_claim_that_is_repeated_with_its_nonce_is_the_same_claim() {
    let mut desk = Desk::new(true);
    desk.event(claim_with(7, Some(0), NOW)).expect("claim");
    let before = (desk.job.clone(), desk.licence.clone());
    for after in [Some(0), Some(1), None] {
        assert!(desk.event(claim_with(7, after, NOW)).expect("again").repeated);
    }
    assert_eq!((desk.job.clone(), desk.licence.clone()), before);
    desk.licence.state = LicenceState::Revoked;
    let refused = desk.event(claim_with(7, Some(0), NOW));
    assert_eq!(refused, Err(RuleError::LicenceInactive(LicenceState::Revoked)), "no key after it is revoked");
}

#[test]
fn a_claim_that_was_overtaken_takes_no_lease_from_the_one_that_was_answered() {
    let mut desk = Desk::new(true);
    let overtaken = claim_with(1, Some(0), NOW);
    desk.event(claim_with(2, Some(0), NOW)).expect("claim");
    assert_eq!(desk.event(overtaken), Err(RuleError::LeaseMoved { given: 0, current: 1 }));
    desk.event(report(Some("rep_1"), Some(1), ReportStatus::Starting, NOW)).expect("its lease holds");
    // An answer that was lost: the printer learns of lease 1 from the list, and claims after it.
    let mut desk = Desk::new(true);
    desk.event(claim_with(1, Some(0), NOW)).expect("its answer is lost");
    assert_eq!(desk.event(claim_with(2, Some(0), NOW)).expect_err("stale").code(), "lease_moved");
    assert_eq!(desk.event(claim_with(3, Some(1), NOW)).expect("claim").job.lease, 2);
}

#[test]
fn claim_after_the_start_is_refused() {
    for state in [Printing, Paused] {
        assert_eq!(running(state).claim(), Err(RuleError::AlreadyStarted));
    }
}

#[test]
fn pause_and_resume_go_back_and_forth() {
    let mut desk = running(Printing);
    desk.say(ReportStatus::Paused).expect("pause");
    assert_eq!(desk.job.state, Paused);
    desk.say(ReportStatus::Printing).expect("resume");
    assert_eq!(desk.job.state, Printing);
}

#[test]
fn success_turns_the_reserved_print_into_a_used_one() {
    for state in [Processing, Printing, Paused, Interrupted] {
        let mut desk = running(state);
        let next = desk.say(ReportStatus::Success).expect("success");
        assert_eq!((desk.job.state, desk.counts()), (Success, [3, 1, 0]));
        assert_eq!(next.effects, [Effect::DiscardKey]);
    }
}

#[test]
fn failure_and_cancellation_are_given_back_while_free_retries_last() {
    for (status, end) in [(ReportStatus::Failure, Failure), (ReportStatus::Cancelled, Cancelled)] {
        for state in [Processing, Printing, Paused, Interrupted] {
            let mut desk = running(state);
            desk.say(status).expect("report");
            assert_eq!((desk.job.state, desk.counts(), desk.job.free_retry), (end, [3, 0, 0], true));
            let mut second = Desk::with(desk.licence, true);
            second.claim().expect("claim");
            second.say(status).expect("report");
            assert_eq!((second.counts(), second.job.free_retry), ([3, 1, 0], false));
        }
    }
}

#[test]
fn silence_interrupts_and_keeps_the_print_reserved() {
    for state in [Processing, Printing, Paused] {
        let mut desk = running(state);
        assert_eq!(desk.after(LEASE_SECONDS - 1).event(JobEvent::LeaseSilent), Err(RuleError::NotDue));
        desk.after(1).event(JobEvent::LeaseSilent).expect("silent");
        assert_eq!((desk.job.state, desk.counts()), (Interrupted, [3, 0, 1]));
    }
}

#[test]
fn reports_renew_the_lease() {
    let mut desk = running(Printing);
    desk.after(LEASE_SECONDS - 1).say(ReportStatus::Printing).expect("alive");
    assert_eq!(desk.after(LEASE_SECONDS - 1).event(JobEvent::LeaseSilent), Err(RuleError::NotDue));
}

#[test]
fn an_agent_that_cannot_tell_interrupts() {
    for state in [Processing, Printing, Paused] {
        let mut desk = running(state);
        desk.say(ReportStatus::Interrupted).expect("report");
        assert_eq!((desk.job.state, desk.counts()), (Interrupted, [3, 0, 1]));
    }
}

#[test]
fn a_late_report_with_the_current_lease_resolves_at_any_time() {
    let mut desk = running(Interrupted);
    desk.after(u32::MAX);
    desk.event(report(Some("rep_1"), Some(1), ReportStatus::Success, desk.now)).expect("late");
    assert_eq!((desk.job.state, desk.counts()), (Success, [3, 1, 0]));
}

#[test]
fn an_agent_that_comes_back_goes_on_where_it_is() {
    for (status, state) in [
        (ReportStatus::Printing, Printing),
        (ReportStatus::Paused, Paused),
        (ReportStatus::Processing, Processing),
    ] {
        let mut desk = running(Interrupted);
        desk.say(status).expect("alive");
        assert_eq!((desk.job.state, desk.counts()), (state, [3, 0, 1]));
    }
    let mut started = running(Printing);
    started.say(ReportStatus::Interrupted).expect("interrupted");
    started.say(ReportStatus::Processing).expect("alive");
    assert_eq!(started.job.state, Printing, "a started print is never prepared again");
}

#[test]
fn an_interrupted_job_is_never_claimed() {
    assert!(running(Interrupted).claim().is_err());
    let mut started = running(Printing);
    started.say(ReportStatus::Interrupted).expect("interrupted");
    assert_eq!(started.claim(), Err(RuleError::AlreadyStarted));
}

#[test]
fn a_person_decides_an_interrupted_job() {
    for (outcome, state, used) in
        [(Outcome::Success, Success, 1), (Outcome::Failure, Failure, 0), (Outcome::Cancelled, Cancelled, 0)]
    {
        let mut desk = running(Interrupted);
        assert!(desk.decide(outcome, Party::Buyer).is_err());
        desk.decide(outcome, Party::Publisher).expect("decided");
        assert_eq!((desk.job.state, desk.counts()), (state, [3, used, 0]));
        assert_eq!(desk.say(ReportStatus::Printing), Err(RuleError::JobFinished(state)));
    }
    assert_eq!(
        running(Printing).decide(Outcome::Success, Party::Operator).expect_err("runs").code(),
        "job_state"
    );
}

#[test]
fn a_report_is_accepted_once() {
    let mut desk = running(Printing);
    let failure = report(Some("rep_1"), Some(1), ReportStatus::Paused, desk.now);
    assert!(!desk.event(failure.clone()).expect("first").repeated);
    desk.say(ReportStatus::Printing).expect("resumed");
    assert!(desk.event(failure).expect("again").repeated);
    assert_eq!(desk.job.state, Printing, "the repetition changed nothing");
    let end = report(Some("rep_2"), Some(1), ReportStatus::Success, desk.now);
    desk.event(end.clone()).expect("end");
    assert!(desk.event(end).expect("again").repeated);
    assert_eq!(desk.counts(), [3, 1, 0]);
}

#[test]
fn an_outcome_repeated_without_an_id_is_no_error_and_another_outcome_is() {
    let mut desk = running(Printing);
    desk.say(ReportStatus::Success).expect("end");
    assert!(desk.say(ReportStatus::Success).expect("again").repeated);
    assert_eq!(desk.say(ReportStatus::Failure), Err(RuleError::JobFinished(Success)));
    assert_eq!(desk.counts(), [3, 1, 0]);
}

#[test]
fn an_old_lease_is_refused_and_an_unknown_one_too() {
    let mut desk = running(Processing);
    desk.claim().expect("again");
    let say = |lease| report(None, Some(lease), ReportStatus::Success, NOW);
    assert_eq!(desk.event(say(1)), Err(RuleError::OldLease { given: 1, current: 2 }));
    assert_eq!(desk.event(say(3)), Err(RuleError::UnknownLease { given: 3 }));
    assert_eq!(desk.event(say(0)), Err(RuleError::UnknownLease { given: 0 }));
    assert_eq!(desk.job.state, Processing);
}

#[test]
fn a_report_without_a_lease_means_the_current_one() {
    let mut desk = running(Processing);
    desk.claim().expect("again");
    desk.event(report(None, None, ReportStatus::Printing, NOW)).expect("report");
    assert_eq!(desk.job.state, Printing);
}

#[test]
fn a_report_before_the_claim_or_from_another_printer_is_refused() {
    assert_eq!(Desk::new(true).say(ReportStatus::Success).expect_err("unclaimed").code(), "job_state");
    let mut desk = running(Printing);
    let JobEvent::Report(mut foreign) = report(None, None, ReportStatus::Success, NOW) else {
        unreachable!("a report")
    };
    foreign.printer = "p_2".parse().expect("id");
    assert_eq!(desk.event(JobEvent::Report(foreign)), Err(RuleError::OtherPrinter));
}

#[test]
fn cancelling_a_job_whose_key_is_out_asks_the_printer_to_stop() {
    for state in [Processing, Printing, Paused, Interrupted] {
        let mut desk = running(state);
        let next = desk.event(JobEvent::Cancel { by: Party::Buyer }).expect("asked");
        assert_eq!(next.effects, [Effect::AskToStop]);
        assert_eq!((desk.job.state, desk.job.cancel_requested, desk.counts()), (state, true, [3, 0, 1]));
        assert!(desk.event(JobEvent::Cancel { by: Party::Buyer }).expect("again").repeated);
    }
}

#[test]
fn a_job_whose_key_is_out_does_not_expire() {
    let mut desk = running(Printing);
    assert_eq!(desk.after(JOB_SECONDS).event(JobEvent::Expire), Err(RuleError::KeyReleased));
}

#[test]
fn running_jobs_end_on_a_licence_that_was_revoked_meanwhile() {
    let mut desk = running(Printing);
    desk.licence.state = LicenceState::Revoked;
    desk.say(ReportStatus::Success).expect("end");
    assert_eq!(desk.counts(), [3, 1, 0]);
}

#[test]
fn remembered_reports_and_messages_are_bounded() {
    let mut desk = running(Printing);
    for n in 0..200 {
        let JobEvent::Report(mut long) = report(Some(&format!("rep_{n}")), None, ReportStatus::Printing, NOW)
        else {
            unreachable!("a report")
        };
        long.message = Some("ü".repeat(10_000));
        desk.event(JobEvent::Report(long)).expect("report");
    }
    assert_eq!(desk.job.reports.len(), Job::REPORTS_KEPT);
    assert_eq!(desk.job.reports.last().map(ToString::to_string).as_deref(), Some("rep_199"));
    assert_eq!(desk.job.message.map(|m| m.chars().count()), Some(Job::MESSAGE_CHARS));
}

#[test]
fn heartbeats_leave_no_line_in_the_audit_log() {
    let mut desk = running(Printing);
    assert!(desk.say(ReportStatus::Printing).expect("alive").facts.is_empty());
    assert_eq!(desk.say(ReportStatus::Paused).expect("pause").facts.len(), 1);
}

#[test]
fn the_audit_log_tells_a_jobs_whole_life() {
    let made = create_job(new_job("j_1", false, NOW), licence(1, 1), NOW).expect("job");
    let mut facts = made.facts;
    let mut desk = Desk { job: made.job, licence: made.licence, now: NOW };
    facts.extend(desk.event(JobEvent::BlobWritten).expect("written").facts);
    facts.extend(desk.claim().expect("claim").facts);
    facts.extend(desk.say(ReportStatus::Printing).expect("printing").facts);
    facts.extend(desk.say(ReportStatus::Interrupted).expect("interrupted").facts);
    facts.extend(desk.decide(Outcome::Failure, Party::Operator).expect("decided").facts);
    let names: Vec<_> = facts
        .iter()
        .map(|fact| serde_json::to_value(fact).expect("json")["fact"].as_str().expect("name").to_owned())
        .collect();
    let life = [
        "job_created",
        "print_reserved",
        "job_sealed",
        "key_released",
        "job_reported",
        "job_reported",
        "job_interrupted",
        "job_decided",
        "print_released",
        "job_ended",
    ];
    assert_eq!(names, life);
}

#[test]
fn lmnt_clients_read_unknown_ends_as_failure_with_a_reason() {
    for state in JobState::ALL {
        let outcome = state.lmnt_outcome();
        match state {
            Success => assert_eq!(outcome.map(|o| (o.outcome, o.reason)), Some(("success", None))),
            Failure => assert_eq!(outcome.map(|o| (o.outcome, o.reason)), Some(("failure", None))),
            Cancelled | Expired | Interrupted => {
                let outcome = outcome.expect("an end");
                assert_eq!(outcome.outcome, "failure");
                assert!(outcome.reason.is_some());
            }
            _ => assert_eq!(outcome, None),
        }
    }
}

#[test]
fn words_of_lmnt_clients_are_understood() {
    for (word, status) in [
        ("processing", ReportStatus::Processing),
        ("printing", ReportStatus::Printing),
        ("paused", ReportStatus::Paused),
        ("success", ReportStatus::Success),
        ("failure", ReportStatus::Failure),
        ("cancelled", ReportStatus::Cancelled),
    ] {
        assert_eq!(word.parse(), Ok(status));
        assert_eq!(status.as_str(), word);
    }
    assert!("done".parse::<ReportStatus>().is_err());
    for state in JobState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).expect("json"), state.as_str());
    }
}

//! Somebody ends a job, here or at the store.

use sealpost_api::printer::ReportStatus;
use sealpost_market::JobState;

use super::{super::*, printing, world::World};

#[test]
fn a_job_that_is_taken_off_the_queue_while_it_is_claimed_is_given_back_unprinted() {
    let mut world = World::new();
    world.store.add("j_a");
    while !world.pending.iter().any(|effect| matches!(effect, Effect::Claim { .. })) {
        world.answer(0, true);
    }
    world.handle(Event::Remove { job: "j_a".to_owned() });
    world.settle();
    assert!(world.printer.starts.is_empty());
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Cancelled]);
}

#[test]
fn a_cancel_before_the_start_takes_the_file_back_from_klipper() {
    let mut world = World::new();
    world.store.add("j_a");
    world.until(|world| world.core.stage_of("j_a") == Some(Stage::Announcing));
    world.store.offline = true;
    world.handle(Event::Remove { job: "j_a".to_owned() });
    world.settle();
    assert_eq!(world.printer.extra.state, "idle");
    assert!(world.printer.starts.is_empty());
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Cancelled]);
}

#[test]
fn a_cancel_that_did_not_get_through_is_sent_again_while_it_prints_and_not_afterwards() {
    let mut world = printing();
    world.store.cancel("j_a");
    let cancels = |world: &World| {
        world.pending.iter().filter(|effect| matches!(effect, Effect::CancelPrint { .. })).count()
    };
    let mut sent = 0;
    for turn in 0..40 {
        world.tick(4_001);
        world.handle(Event::Signal);
        for _ in 0..8 {
            sent += cancels(&world);
            // An odd time: what fails did not arrive.
            let lost = cancels(&world) > 0 && turn < 10;
            world.answer(0, !lost);
        }
        world.observe();
    }
    assert!(sent >= 3, "{sent}");
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Cancelled]);
    assert_eq!(cancels(&world), 0);
}

#[test]
fn a_job_that_is_taken_off_the_queue_while_it_waits_is_cancelled_at_the_store() {
    for works in [true, false] {
        let mut world = World::new();
        world.settle();
        // Somebody prints a file of their own.
        let busy = Observation { print_state: "printing".to_owned(), ..world.core.observed.clone() };
        world.handle(Event::Observed(Box::new(busy)));
        world.store.add("j_a");
        world.tick(1_000);
        world.handle(Event::Signal);
        while world.core.queue.is_empty() {
            world.tick(1_000);
            world.answer(0, true);
        }
        world.handle(Event::Remove { job: "j_a".to_owned() });
        // The report, or its answer, may get lost, and the program after it.
        world.answer(0, works);
        world.crash(false);
        world.settle();
        assert_eq!(world.store.state("j_a"), JobState::Cancelled);
        assert!(world.reason("j_a").starts_with("removed_at_printer: "), "{}", world.reason("j_a"));
        let licence = &world.store.jobs["j_a"].1;
        assert_eq!((licence.used, licence.reserved, licence.keys_released), (0, 0, 0));
        assert!(world.printer.starts.is_empty());
    }
}

#[test]
fn how_the_last_job_ended_is_known_after_a_restart() {
    let mut world = printing();
    world.print_on("cancelled");
    world.settle();
    world.crash(false);
    let ended = world.core.view(world.now()).ended.unwrap();
    assert_eq!((ended.id.as_str(), ended.outcome), ("j_a", ReportStatus::Cancelled));
    assert_eq!(ended.reason.as_deref(), Some(world.reason("j_a")));
}

#[test]
fn no_report_quotes_a_line_of_the_file() {
    let mut world = printing();
    world.printer.extra.state = "idle".to_owned();
    world.printer.extra.job = None;
    world.printer.extra.last = Some(LastPrint {
        job: "j_a".to_owned(),
        outcome: "error".to_owned(),
        position: 49,
        size: 100,
        message: "Error on 'SET_X SECRET=1': unable to parse 1".to_owned(),
    });
    world.observe();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Failure]);
    assert_eq!(world.reason("j_a"), "print_error: Error on 'SET_X…'");
    assert!(!serde_json::to_string(world.core.document()).unwrap().contains("SECRET"));
}

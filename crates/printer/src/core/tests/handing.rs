//! The hand-over, and agents and printers that are gone before or after it.

use sealpost_api::printer::ReportStatus;
use sealpost_market::JobState;

use super::{super::*, YEAR, printing, world::World};

/// What a board without a clock may believe after a week without power.
const CLOCKS: [i64; 3] = [0, -60 * YEAR, 70 * YEAR];

#[test]
fn how_an_earlier_hand_over_ended_is_not_the_end_of_the_print() {
    let mut world = printing();
    // It was handed over twice: the first time was taken back.
    let last = LastPrint { job: "j_a".to_owned(), outcome: "dropped".to_owned(), ..LastPrint::default() };
    world.printer.extra.last = Some(last);
    world.observe();
    while !world.pending.is_empty() {
        world.answer(0, true);
    }
    assert!(world.store.terminal("j_a").is_empty());
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

/// The world until a job is about to be handed over, and then without its agent.
fn lost_before_it_arrived() -> World {
    let mut world = World::new();
    world.store.add("j_a");
    while world.core.stage_of("j_a") != Some(Stage::Loading) {
        world.tick(100);
        while world.pending.front().is_some_and(|effect| !matches!(effect, Effect::Load { .. })) {
            world.answer(0, true);
        }
    }
    world.crash(false);
    world
}

#[test]
fn a_hand_over_that_never_arrived_is_made_again() {
    let mut world = lost_before_it_arrived();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn a_hand_over_to_a_klipper_that_is_gone_may_have_been_printed() {
    let mut world = lost_before_it_arrived();
    world.printer.kill();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Interrupted]);
}

#[test]
fn a_printer_that_was_off_for_a_week_tells_that_nothing_was_started() {
    for clock_off in CLOCKS {
        let mut world = World::new();
        world.store.add("j_a");
        while !world.pending.iter().any(|effect| matches!(effect, Effect::Prepare { .. })) {
            world.tick(100);
            world.answer(0, true);
        }
        world.off_for_a_week(clock_off);
        assert_eq!(world.store.state("j_a"), JobState::Interrupted);
        assert!(world.reason("j_a").starts_with("printer_silent: "), "{}", world.reason("j_a"));
        world.settle();
        assert_eq!(world.store.terminal("j_a"), [ReportStatus::Failure]);
        assert!(world.reason("j_a").starts_with("not_started: "), "{}", world.reason("j_a"));
    }
}

#[test]
fn a_printer_whose_power_failed_in_mid_print_cannot_tell_after_a_week() {
    for clock_off in CLOCKS {
        let mut world = printing();
        world.printer.kill();
        world.off_for_a_week(clock_off);
        assert_eq!(world.store.state("j_a"), JobState::Interrupted);
        world.settle();
        assert_eq!(world.store.terminal("j_a"), [ReportStatus::Interrupted]);
        assert!(world.reason("j_a").starts_with("outcome_unknown: "), "{}", world.reason("j_a"));
        assert_eq!(world.printer.starts["j_a"], 1);
        // The next job is a job like any other.
        world.store.add("j_b");
        world.handle(Event::Signal);
        world.settle();
        assert_eq!(world.store.terminal("j_b"), [ReportStatus::Success], "with a clock {clock_off} s off");
    }
}

//! A print from its start to its end, as the extra tells it.

use sealpost_api::printer::ReportStatus;
use sealpost_market::JobState;

use super::{super::*, printing, world::World};

#[test]
fn a_job_goes_through_processing_starting_printing_to_success() {
    let mut world = printing();
    world.tick(10);
    world.answer(0, true);
    world.print_on("complete");
    world.settle();

    let said: Vec<_> = world.store.applied.iter().map(|(_, report)| report.status).collect();
    use ReportStatus::{Printing, Processing, Starting, Success};
    assert_eq!(said, [Processing, Starting, Printing, Success]);
}

#[test]
fn a_klipper_that_came_back_without_the_print_is_no_success() {
    let mut world = printing();
    world.kill_klipper();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Interrupted]);
}

#[test]
fn a_print_that_ran_on_while_the_agent_was_away_is_reported() {
    let mut world = printing();
    world.crash(false);
    world.print_on("complete");
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
    assert_eq!(world.printer.starts["j_a"], 1);
}

#[test]
fn complete_before_the_last_byte_is_not_believed() {
    let mut world = printing();
    world.printer.extra.size = 50;
    world.printer.extra.job = None;
    world.printer.extra.last = Some(LastPrint {
        job: "j_a".to_owned(),
        outcome: "complete".to_owned(),
        position: 49,
        size: 50,
        message: String::new(),
    });
    world.printer.extra.state = "idle".to_owned();
    world.observe();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Interrupted]);
}

#[test]
fn signs_of_life_come_while_it_prints() {
    let mut world = printing();
    let before = world.store.applied.len();
    for _ in 0..30 {
        world.tick(10_000);
        world.observe();
        while !world.pending.is_empty() {
            world.answer(0, true);
        }
    }
    // 300 seconds at one in 30.
    let signs = world.store.applied.len() - before;
    assert!((10..=12).contains(&signs), "{signs}");
}

#[test]
fn an_hour_without_the_store_costs_no_report_and_no_second_start() {
    let mut world = printing();
    world.store.offline = true;
    for minute in 0..60 {
        world.tick(60_000);
        world.observe();
        if minute == 20 {
            world.print_on("complete");
        }
        for _ in 0..6 {
            world.answer(0, true);
        }
    }
    world.settle();
    // The lease fell silent meanwhile: the late report resolves it.
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
    assert_eq!(world.store.state("j_a"), JobState::Success);
}

#[test]
fn a_file_that_somebody_started_at_the_printer_is_followed_and_not_started_again() {
    let mut world = World::new();
    world.store.add("j_a");
    world.until(|world| world.core.stage_of("j_a") == Some(Stage::Announcing));
    world.printer.extra.state = "printing".to_owned();
    world.observe();
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
    assert!(world.printer.starts.is_empty());
}

#[test]
fn an_opened_job_waits_for_a_print_that_somebody_started_meanwhile() {
    let mut world = World::new();
    world.store.add("j_a");
    world.until(|world| world.core.stage_of("j_a").is_some());
    let mut busy = Observation { print_state: "printing".to_owned(), ..world.core.observed.clone() };
    world.handle(Event::Observed(Box::new(busy.clone())));
    while !world.pending.is_empty() {
        world.answer(0, true);
    }
    assert_eq!(world.core.stage_of("j_a"), Some(Stage::Waiting));

    busy.print_state = "complete".to_owned();
    world.handle(Event::Observed(Box::new(busy)));
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

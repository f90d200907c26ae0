//! What keeps a job from being printed for a while costs nobody a print.

use sealpost_api::{Problem, printer::ReportStatus};
use sealpost_market::JobState;

use super::{super::*, world::World};

/// Lets `minutes` pass; everything that is asked is answered at once.
fn pass(world: &mut World, minutes: u64) {
    for _ in 0..minutes * 60 {
        world.tick(1_000);
        world.observe();
        while !world.pending.is_empty() {
            world.answer(0, true);
        }
        if world.printer.extra.state == "printing" {
            world.print_on("complete");
        }
    }
}

fn away() -> Event {
    Event::Custodian(Err(Problem::new(503, "cws_unreachable", "down")))
}

#[test]
fn a_job_whose_key_is_sealed_anew_is_claimed_again_and_prints() {
    let mut world = World::new();
    world.store.add("j_a");
    world.store.lost.insert("j_a".to_owned(), false);
    pass(&mut world, 2);
    assert_eq!((world.store.state("j_a"), world.claims.len()), (JobState::Sealing, 1));
    let document = world.core.document();
    assert!(document.outbox.is_empty() && document.started.is_empty() && document.job.is_none());

    assert!(world.store.seal());
    world.handle(Event::Signal);
    pass(&mut world, 1);
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn a_claim_that_never_arrived_is_no_reason_to_give_up_what_is_sealed_anew() {
    let mut world = World::new();
    world.store.add("j_a");
    world.until(|world| !world.claims.is_empty());
    world.store.offline = true;
    pass(&mut world, 1);
    world.store.offline = false;
    world.store.lost.insert("j_a".to_owned(), false);
    pass(&mut world, 10);
    assert_eq!(world.store.state("j_a"), JobState::Sealing);
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn a_file_that_the_store_lost_while_it_was_fetched_is_claimed_again_and_prints() {
    let mut world = World::new();
    world.store.add("j_a");
    world.until(|world| world.core.stage_of("j_a") == Some(Stage::Preparing));
    world.store.lost.insert("j_a".to_owned(), false);
    pass(&mut world, 1);
    assert!(world.claims.len() > 1 && world.store.terminal("j_a").is_empty());
    assert!(world.cached.is_empty() && world.core.document().started.is_empty());

    assert!(world.store.seal());
    world.handle(Event::Signal);
    pass(&mut world, 2);
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn a_job_without_a_key_holds_up_no_other_and_is_asked_for_ever_more_seldom() {
    let mut world = World::new();
    for job in ["j_a", "j_b", "j_c"] {
        world.store.add(job);
    }
    world.store.lost.insert("j_a".to_owned(), true);
    pass(&mut world, 10);
    for job in ["j_b", "j_c"] {
        assert_eq!(world.store.terminal(job), [ReportStatus::Success]);
    }
    let asked = world.claims.iter().filter(|job| *job == "j_a").count();
    assert!((5..=14).contains(&asked), "{asked}");
    assert_eq!(world.store.state("j_a"), JobState::ReadyToPrint);

    world.store.lost.clear();
    pass(&mut world, 10);
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn nothing_is_claimed_while_whoever_keeps_the_printers_key_is_away() {
    let mut world = World::new();
    for job in ["j_a", "j_b", "j_c"] {
        world.store.add(job);
    }
    world.custodian_away = true;
    world.handle(away());
    pass(&mut world, 60);
    assert!(world.claims.is_empty(), "{:?}", world.claims);
    let problem = world.core.view(world.now()).last_error.unwrap().problem;
    assert_eq!(problem.code, "cws_unreachable");

    world.custodian_away = false;
    pass(&mut world, 5);
    for job in ["j_a", "j_b", "j_c"] {
        assert_eq!(world.store.terminal(job), [ReportStatus::Success]);
    }
    assert!(world.core.view(world.now()).last_error.is_none());
}

#[test]
fn a_job_that_waits_for_its_key_shows_life_and_says_why_and_can_be_taken_back() {
    let mut world = World::new();
    for job in ["j_a", "j_b"] {
        world.store.add(job);
    }
    world.until(|world| world.core.stage_of("j_a") == Some(Stage::Preparing));
    // The work is never done.
    world.pending.retain(|effect| !matches!(effect, Effect::Prepare { .. }));
    world.custodian_away = true;
    let problem = Problem::new(503, "cws_unreachable", "down");
    world.handle(Event::Delayed { job: "j_a".to_owned(), problem });
    world.handle(away());
    pass(&mut world, 60);
    assert_eq!((world.store.state("j_a"), world.claims.len()), (JobState::Processing, 1));
    assert!(world.store.applied.len() > 100, "{}", world.store.applied.len());
    assert!(world.core.view(world.now()).last_error.is_some());

    world.store.cancel("j_a");
    pass(&mut world, 10);
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Cancelled]);
    assert_eq!(world.claims.len(), 1, "the next one is not claimed before the key can be had");
    world.custodian_away = false;
    pass(&mut world, 5);
    assert_eq!(world.store.terminal("j_b"), [ReportStatus::Success]);
}

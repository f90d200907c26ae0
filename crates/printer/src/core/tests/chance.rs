//! Whatever happens, in any order.

use proptest::prelude::*;
use sealpost_market::JobState;

use super::{super::*, YEAR, world::World};

#[derive(Clone, Debug)]
enum Step {
    Answer { skip: usize, works: bool },
    Tick { millis: u64 },
    Hours { hours: u64 },
    Crash { effects: u32, arrived: bool },
    KillKlipper,
    RestartKlipper,
    Moonraker { reached: bool },
    PrintOn { outcome: &'static str },
    PauseOrResume,
    StartByHand { job: usize },
    Signal,
    VoidToken,
    NewKeys,
    Offline { offline: bool },
    DiskFull { full: bool },
    Clock { off: i64 },
    CancelAtStore { job: usize },
    OfferAnyway { job: usize },
    LoseKey { job: usize, for_good: bool },
    FindKeys,
    Custodian { away: bool },
    Remove { job: usize },
    Observe,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        24 => (0..4usize, prop::bool::weighted(0.8)).prop_map(|(skip, works)| Step::Answer { skip, works }),
        8 => (1..90_000u64).prop_map(|millis| Step::Tick { millis }),
        1 => (1..200u64).prop_map(|hours| Step::Hours { hours }),
        3 => (0..5u32, any::<bool>()).prop_map(|(effects, arrived)| Step::Crash { effects, arrived }),
        1 => Just(Step::KillKlipper),
        1 => Just(Step::RestartKlipper),
        1 => any::<bool>().prop_map(|reached| Step::Moonraker { reached }),
        4 => prop_oneof![Just("complete"), Just("cancelled"), Just("error"), Just("shutdown")]
            .prop_map(|outcome| Step::PrintOn { outcome }),
        1 => Just(Step::PauseOrResume),
        1 => (0..3usize).prop_map(|job| Step::StartByHand { job }),
        2 => Just(Step::Signal),
        2 => Just(Step::VoidToken),
        1 => Just(Step::NewKeys),
        1 => any::<bool>().prop_map(|offline| Step::Offline { offline }),
        1 => any::<bool>().prop_map(|full| Step::DiskFull { full }),
        1 => prop_oneof![Just(0), Just(-60 * YEAR), Just(70 * YEAR), -YEAR..YEAR].prop_map(|off| Step::Clock { off }),
        2 => (0..3usize).prop_map(|job| Step::CancelAtStore { job }),
        1 => (0..3usize).prop_map(|job| Step::OfferAnyway { job }),
        2 => (0..3usize, any::<bool>()).prop_map(|(job, for_good)| Step::LoseKey { job, for_good }),
        1 => Just(Step::FindKeys),
        1 => any::<bool>().prop_map(|away| Step::Custodian { away }),
        2 => (0..3usize).prop_map(|job| Step::Remove { job }),
        6 => Just(Step::Observe),
    ];
    prop::collection::vec(step, 0..160)
}

const JOBS: [&str; 3] = ["j_a", "j_b", "j_c"];

fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for job in JOBS {
        world.store.add(job);
    }
    for step in steps {
        take(&mut world, step);
    }
    world
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Answer { skip, works } => world.answer(*skip, *works),
        Step::Tick { millis } => world.tick(*millis),
        Step::Hours { hours } => world.tick(hours * 3_600_000),
        Step::Crash { effects: 0, arrived } => world.crash(*arrived),
        Step::Crash { effects, arrived } => world.crash_after(*effects, *arrived),
        Step::KillKlipper => world.kill_klipper(),
        Step::RestartKlipper => {
            world.printer.restart();
            world.observe();
        }
        Step::Moonraker { reached } => {
            world.printer.moonraker = *reached;
            world.observe();
        }
        Step::PrintOn { outcome } => world.print_on(outcome),
        Step::PauseOrResume => {
            world.printer.pause();
            world.observe();
        }
        Step::StartByHand { job } => {
            world.printer.start(JOBS[*job]);
        }
        Step::Signal => world.handle(Event::Signal),
        Step::VoidToken => world.store.token_void = true,
        Step::NewKeys => world.store.key_set_version += 1,
        Step::Offline { offline } => world.store.offline = *offline,
        Step::DiskFull { full } => {
            world.disk_full = *full;
            world.handle(Event::Tick);
        }
        Step::Clock { off } => world.clock_off = *off,
        Step::CancelAtStore { job } => world.store.cancel(JOBS[*job]),
        Step::OfferAnyway { job } => drop(world.store.mistaken.insert(JOBS[*job].to_owned())),
        Step::LoseKey { job, for_good } => drop(world.store.lost.insert(JOBS[*job].to_owned(), *for_good)),
        Step::FindKeys => {
            world.store.lost.clear();
            let _ = world.store.seal();
        }
        Step::Custodian { away } => {
            world.custodian_away = *away;
            let problem = || Problem::new(503, "cws_unreachable", "down");
            world.handle(Event::Custodian(if *away { Err(problem()) } else { Ok(()) }));
        }
        Step::Remove { job } => world.handle(Event::Remove { job: JOBS[*job].to_owned() }),
        Step::Observe => world.observe(),
    }
}

/// What the rules leave open is nothing: each job has the end that it really had, or nobody can know it.
fn at_rest(world: &World) {
    let document = world.core.document();
    assert!(document.outbox.is_empty() && document.job.is_none() && world.core.current.is_none());
    assert!(world.opened.is_none() && world.cached.is_empty(), "{:?} {:?}", world.opened, world.cached);
    assert_eq!(world.printer.extra.state, "idle", "Klipper still holds {:?}", world.printer.extra.job);
    for id in world.store.jobs.keys() {
        let (state, ends) = (world.store.state(id), world.store.terminal(id));
        let started = world.printer.starts.contains_key(id);
        let really = world.printer.ends.get(id).map(String::as_str);
        assert!(ends.len() <= 1, "{id} ended {ends:?}");
        match state {
            JobState::Success => assert_eq!(really, Some("complete"), "{id}"),
            JobState::Cancelled | JobState::Failure if started => {
                // A stop that comes from a person can look either way: `cancelled` or an error while cancelling.
                assert!(
                    matches!(really, Some("cancelled" | "error" | "shutdown")),
                    "{id} {state:?}: {really:?}"
                );
            }
            JobState::Cancelled | JobState::Failure => {}
            JobState::Interrupted => {
                assert!(document.started.contains(id), "{id} is interrupted and surely was not started");
                // Only where nobody could see the end, or where the hand-over got lost with Klipper.
                assert!(matches!(really, None | Some("lost")) || !ends.is_empty(), "{id}: {really:?}");
            }
            other => panic!("{id} rests in {other:?}, really {really:?}"),
        }
    }
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    /// With what [`World`] looks at after every step: one start for each job, nothing leaves before it is durable, one report
    /// id for each outcome, no report lost unanswered, no file open for a job that is not at hand.
    #[test]
    fn whatever_happens_each_job_has_the_end_it_really_had(steps in steps()) {
        let mut world = run(&steps);
        world.settle();
        at_rest(&world);
    }

    #[test]
    fn a_job_that_was_taken_off_the_queue_before_it_was_claimed_is_never_started(
        before in prop::collection::vec(any::<bool>(), 0..6),
        steps in steps(),
    ) {
        let mut world = World::new();
        world.store.add("j_a");
        for works in before {
            world.answer(0, works);
        }
        let claimed = world.core.current.is_some();
        world.handle(Event::Remove { job: "j_a".to_owned() });
        world.store.add("j_b");
        world.store.add("j_c");
        for step in &steps {
            if !matches!(step, Step::StartByHand { .. }) {
                take(&mut world, step);
            }
        }
        world.settle();
        prop_assert!(claimed || !world.printer.starts.contains_key("j_a"));
    }

    #[test]
    fn a_signal_is_always_followed_by_a_poll_that_begins_after_it(steps in steps()) {
        let mut world = run(&steps);
        let before = world.polls;
        world.handle(Event::Signal);
        world.settle();
        prop_assert!(world.polls > before);
    }

    #[test]
    fn the_document_survives_its_own_json(steps in steps()) {
        let world = run(&steps);
        let text = serde_json::to_vec(world.core.document()).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Document>(&text).unwrap(), world.core.document());
    }
}

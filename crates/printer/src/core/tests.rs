mod world;

use proptest::prelude::*;
use sealpost_api::printer::ReportStatus;

use self::world::{World, claimed, life, rules};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Answer { skip: usize, works: bool },
    Tick { millis: u64 },
    Crash { arrived: bool },
    RestartKlipper,
    PrintOn { outcome: &'static str },
    Signal,
    VoidToken,
    CancelAtStore { job: usize },
    Remove { job: usize },
    Observe,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..4usize, prop::bool::weighted(0.8)).prop_map(|(skip, works)| Step::Answer { skip, works }),
        4 => (1..90_000u64).prop_map(|millis| Step::Tick { millis }),
        1 => any::<bool>().prop_map(|arrived| Step::Crash { arrived }),
        1 => Just(Step::RestartKlipper),
        2 => prop_oneof![Just("complete"), Just("cancelled"), Just("error"), Just("shutdown")]
            .prop_map(|outcome| Step::PrintOn { outcome }),
        1 => Just(Step::Signal),
        1 => Just(Step::VoidToken),
        1 => (0..3usize).prop_map(|job| Step::CancelAtStore { job }),
        1 => (0..3usize).prop_map(|job| Step::Remove { job }),
        2 => Just(Step::Observe),
    ];
    prop::collection::vec(step, 0..120)
}

const JOBS: [&str; 3] = ["j_a", "j_b", "j_c"];

fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for job in JOBS {
        world.store.add(job);
    }
    for step in steps {
        match step {
            Step::Answer { skip, works } => world.answer(*skip, *works),
            Step::Tick { millis } => world.tick(*millis),
            Step::Crash { arrived } => world.crash(*arrived),
            Step::RestartKlipper => world.restart_klipper(),
            Step::PrintOn { outcome } => world.print_on(outcome),
            Step::Signal => world.handle(Event::Signal),
            Step::VoidToken => world.store.token_void = true,
            Step::CancelAtStore { job } => world.store.cancel.push(JOBS[*job].to_owned()),
            Step::Remove { job } => world.handle(Event::Remove { job: JOBS[*job].to_owned() }),
            Step::Observe => world.observe(),
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_job_starts_at_most_once_whatever_happens(steps in steps()) {
        let mut world = run(&steps);
        world.settle();
        for (job, starts) in &world.printer.starts {
            prop_assert_eq!(*starts, 1, "{} was started {} times", job, starts);
        }
    }

    #[test]
    fn every_claimed_job_ends_once_at_the_store(steps in steps()) {
        let mut world = run(&steps);
        world.settle();
        for (id, job) in &world.store.jobs {
            let ends = world.store.terminal(id);
            prop_assert!(ends.len() <= 1, "{} ended {} times", id, ends.len());
            let started = world.printer.starts.contains_key(id);
            prop_assert!(!started || ends.len() == 1, "{} was started and never ended: {:?}", id, job.state);
            if ends.contains(&ReportStatus::Success) {
                prop_assert!(started, "{} succeeded without a start", id);
            }
        }
        prop_assert!(world.core.document().outbox.is_empty());
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

/// The world until a job is being printed.
fn printing() -> World {
    let mut world = World::new();
    world.store.add("j_a");
    for _ in 0..20 {
        world.tick(100);
        while !world.pending.is_empty() {
            world.answer(0, true);
        }
    }
    world.observe();
    assert_eq!(world.core.stage_of("j_a"), Some(Stage::Watching));
    world
}

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
    world.restart_klipper();
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
fn a_token_is_renewed_in_its_last_week_and_by_the_key_once_it_is_over() {
    let day = 24 * 3600;
    let rules = rules(0);
    let document = World::new().disk;
    let renewals = |unix: u64| {
        let mut core = Core::new(document.clone(), life(), rules);
        core.handle(Event::Tick, Now { mono: 0, unix })
    };
    let start = life().unwrap().issued;
    let has = |effects: &[Effect], wanted: fn(&Effect) -> bool| effects.iter().any(wanted);
    let refresh = |effect: &Effect| matches!(effect, Effect::Refresh);
    let reissue = |effect: &Effect| matches!(effect, Effect::Reissue);
    assert!(!has(&renewals(start + 20 * day), refresh));
    assert!(has(&renewals(start + 24 * day), refresh));
    assert!(has(&renewals(start + 31 * day), reissue));
    // A clock at the epoch: the build's time counts.
    assert!(!has(&renewals(0), reissue));
}

#[test]
fn a_401_asks_for_a_token_by_the_key_and_forgets_nothing() {
    let mut world = World::new();
    world.store.add("j_a");
    world.store.token_void = true;
    world.tick(100);
    world.settle();
    assert!(world.core.document().pairing.is_some());
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
}

#[test]
fn only_newer_key_sets_of_the_pinned_root_are_taken() {
    let mut world = World::new();
    let now = world.now();
    let mut fetch = |jws: String| world.core.handle(Event::KeysFetched(Ok(jws)), now);
    let saves = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Save));
    assert!(saves(fetch(world::key_set(5))));
    assert!(!saves(fetch(world::key_set(4))));
    assert!(saves(fetch(world::key_set(6))));
    assert_eq!(world.core.document().pairing.as_ref().unwrap().key_set_version, 6);
    let error = world.core.view(now).last_error;
    assert!(error.is_none(), "{error:?}");
}

#[test]
fn a_fresh_manifest_tells_the_time_to_a_machine_without_a_clock() {
    let mut world = World::new();
    world.settle();
    let answer = |world: &World, nonce: &str| {
        let mut core = world.core.clone();
        core.claiming = Some("j_a".to_owned());
        let late = claimed("j_a", 1, nonce, |manifest| manifest.iat += 30 * 24 * 3600);
        let event =
            Event::Claimed { job: "j_a".to_owned(), nonce: "n".to_owned(), result: Ok(Box::new(late)) };
        let effects = core.handle(event, world.now());
        (effects.iter().any(|effect| matches!(effect, Effect::Prepare { .. })), core.wall(world.now()))
    };
    let before = world.core.wall(world.now());
    assert_eq!(answer(&world, "n"), (true, before.max(life().unwrap().issued + 30 * 24 * 3600)));
    assert!(!answer(&world, "old").0);
}

#[test]
fn keys_that_were_changed_between_poll_and_claim_are_fetched_before_a_job_is_refused() {
    let mut world = World::new();
    world.settle();
    let unknown = || {
        let mut job = claimed("j_a", 1, "n", |_| {});
        let manifest: Vec<_> = job.job_manifest.split('.').map(str::to_owned).collect();
        // The same claims under a key of another name.
        job.job_manifest = world::signed_by_another(&manifest[1]);
        Box::new(job)
    };
    let mut core = world.core.clone();
    core.claiming = Some("j_a".to_owned());
    let now = world.now();
    let effects = core
        .handle(Event::Claimed { job: "j_a".to_owned(), nonce: "n".to_owned(), result: Ok(unknown()) }, now);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::FetchKeys)));
    let mut newer = core.clone();

    let effects = newer.handle(Event::KeysFetched(Ok(world::key_set_of_another(7))), now);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare { .. })));

    core.handle(Event::KeysFetched(Ok(world::key_set(7))), now);
    let report = &core.document().outbox.back().unwrap().report;
    assert!(report.message.as_ref().unwrap().starts_with("manifest_unknown_key"), "{report:?}");
}

#[test]
fn a_file_that_somebody_started_at_the_printer_is_followed_and_not_started_again() {
    let mut world = World::new();
    world.store.add("j_a");
    while world.core.stage_of("j_a") != Some(Stage::Announcing) {
        world.tick(1_000);
        while !world.pending.is_empty() && world.core.stage_of("j_a") != Some(Stage::Announcing) {
            world.answer(0, true);
        }
    }
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
    while world.core.stage_of("j_a").is_none() {
        world.tick(1_000);
        while !world.pending.is_empty() && world.core.stage_of("j_a").is_none() {
            world.answer(0, true);
        }
    }
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

#[test]
fn a_week_of_polls_and_prints_leaves_nothing_behind_but_ids() {
    let mut world = World::new();
    let mut size_after_a_day = 0;
    for minute in 0..7 * 24 * 60 {
        if minute % 60 == 0 {
            world.store.add(&format!("j_{minute}"));
            world.handle(Event::Signal);
        }
        world.tick(60_000);
        for turn in 0..40 {
            let works = (minute + turn) % 7 > 0;
            if world.pending.is_empty() {
                break;
            }
            world.answer(0, works);
            world.observe();
        }
        world.print_on("complete");
        if minute == 24 * 60 {
            size_after_a_day = serde_json::to_vec(world.core.document()).unwrap().len();
        }
    }
    world.settle();
    let document = world.core.document();
    assert!(document.outbox.is_empty() && world.core.errors.len() < 8 && world.core.queue.is_empty());
    // 24 jobs a day, an id and a nonce each.
    let size = serde_json::to_vec(document).unwrap().len();
    assert!(size < size_after_a_day + 6 * 24 * 100, "{size} after {size_after_a_day}");
}

#[test]
fn each_kind_of_wrong_manifest_has_its_own_code() {
    let mut world = World::new();
    world.settle();
    let now = world.now();
    let code = |answer: sealpost_api::printer::ClaimedJob| {
        let mut core = world.core.clone();
        core.claiming = Some("j_a".to_owned());
        let event =
            Event::Claimed { job: "j_a".to_owned(), nonce: "n".to_owned(), result: Ok(Box::new(answer)) };
        let effects = core.handle(event, now);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Prepare { .. })));
        let report = &core.document().outbox.back().unwrap().report;
        assert_eq!(report.status, ReportStatus::Failure);
        report.message.clone().unwrap().split(':').next().unwrap().to_owned()
    };
    let mut codes = vec![
        code(claimed("j_a", 1, "n", |manifest| manifest.aud = "p_2".to_owned())),
        code(claimed("j_a", 1, "n", |manifest| manifest.job = "j_b".to_owned())),
        code(claimed("j_a", 1, "old", |_| {})),
        code(claimed("j_a", 1, "n", |manifest| manifest.exp = manifest.iat)),
        code(claimed("j_a", 1, "n", |manifest| manifest.iss = "https://other.example".to_owned())),
        code(claimed("j_a", 1, "n", |manifest| manifest.key_sha256 = [9; 32])),
    ];
    let mut answer = claimed("j_a", 1, "n", |_| {});
    answer.gcode_iv_hex = Some("00".repeat(16));
    codes.push(code(answer));
    let mut answer = claimed("j_a", 1, "n", |_| {});
    answer.cipher = "aes-256-cbc".to_owned();
    codes.push(code(answer));
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len(), "{codes:?}");
}

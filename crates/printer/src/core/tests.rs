mod world;

use proptest::prelude::*;
use sealpost_api::printer::ReportStatus;
use sealpost_market::JobState;

use self::world::{World, claimed, life, rules};
use super::*;

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
    Remove { job: usize },
    Observe,
}

const YEAR: i64 = 365 * 24 * 3600;

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

/// A claim that was sent and not answered.
fn asked() -> Option<job::Claiming> {
    Some(job::Claiming { job: "j_a".to_owned(), again: false })
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
    while world.core.stage_of("j_a") != Some(Stage::Announcing) {
        world.tick(1_000);
        while !world.pending.is_empty() && world.core.stage_of("j_a") != Some(Stage::Announcing) {
            world.answer(0, true);
        }
    }
    world.store.offline = true;
    world.handle(Event::Remove { job: "j_a".to_owned() });
    world.settle();
    assert_eq!(world.printer.extra.state, "idle");
    assert!(world.printer.starts.is_empty());
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Cancelled]);
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
    let mut world = World::new();
    world.store.add("j_a");
    while !world.pending.iter().any(|effect| matches!(effect, Effect::Prepare { .. })) {
        world.tick(100);
        world.answer(0, true);
    }
    world.crash(false);
    world.mono += 7 * 24 * 3_600_000;
    world.tick(1_000);
    world.settle();
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Failure]);
    assert!(world.store.jobs["j_a"].0.message.as_ref().unwrap().starts_with("not_started"));
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
        core.claiming = asked();
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
fn a_clock_that_is_years_ahead_neither_begs_for_tokens_nor_refuses_fresh_jobs() {
    let mut world = World::new();
    world.clock_off = 60 * YEAR;
    world.store.add("j_a");
    let mut renewals = 0;
    for _ in 0..120 {
        world.tick(60_000);
        world.observe();
        world.print_on("complete");
        while let Some(effect) = world.pending.front() {
            renewals += u32::from(matches!(effect, Effect::Reissue | Effect::Refresh));
            world.answer(0, true);
        }
    }
    assert_eq!(renewals, 1);
    assert_eq!(world.store.terminal("j_a"), [ReportStatus::Success]);
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
    core.claiming = asked();
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

/// Bytes of everything that the core holds, as text.
fn size(world: &World) -> usize {
    format!("{:?}", world.core).len()
}

#[test]
fn neither_document_nor_memory_grow_over_ten_thousand_jobs() {
    let mut world = World::new();
    world.light = true;
    let mut full = (0, 0);
    for number in 0..10_000_usize {
        let job = format!("j_{number:05}");
        world.store.add(&job);
        world.handle(Event::Signal);
        let mut turns = 0;
        while !world.store.state(&job).is_final() || !world.core.document().outbox.is_empty() {
            turns += 1;
            assert!(turns < 200, "{job} does not end");
            let wake = world.core.wake_at(world.now()).saturating_sub(world.mono);
            world.tick(wake.clamp(300, 600_000));
            // Each seventh answer gets lost, on a network that is good enough for nothing to be given up.
            while !world.pending.is_empty() {
                let fragile = matches!(
                    world.pending[0],
                    Effect::Prepare { .. } | Effect::Load { .. } | Effect::Start { .. }
                );
                world.answer(0, fragile || (number + turns) % 7 > 0);
            }
            world.observe();
            let outcome = if number % 5 == 0 { "cancelled" } else { "complete" };
            world.print_on(outcome);
        }
        world.store.jobs.remove(&job);
        world.store.applied.clear();
        world.store.outcomes.clear();
        world.printer.starts.clear();
        world.printer.ends.clear();
        if number == 5_000 {
            full = (serde_json::to_vec(world.core.document()).unwrap().len(), size(&world));
        }
    }
    world.settle();
    let document = serde_json::to_vec(world.core.document()).unwrap().len();
    // Ids of the same length come and go; counters, times and a job at hand are a few bytes longer or shorter.
    assert!(document <= full.0 + 1_000, "{document} bytes after {} of them", full.0);
    assert!(size(&world) <= full.1 + 4_000, "{} bytes after {} of them", size(&world), full.1);
    assert!(document < 600_000, "{document}");
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
        core.claiming = asked();
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

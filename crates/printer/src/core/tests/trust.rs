//! Tokens, keys, manifests and clocks.

use sealpost_api::printer::ReportStatus;

use super::{
    super::*,
    YEAR,
    world::{self, World, claimed, life, rules},
};

/// A claim that was sent and not answered.
fn asked() -> Option<job::Claiming> {
    Some(job::Claiming { job: "j_a".to_owned(), again: false, untouched: true })
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

//! Schedules drawn by chance: `cargo xtask test faults --seed N --schedules N --lanes N --seconds N`, or `--schedule TEXT` to see
//! one again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::env;
use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use sealpost_tests::dice::Dice;
use tokio::runtime;

use crate::draw::{Passings, draw};
use crate::rules;
use crate::schedule::Schedule;
use crate::stage::{Played, Stage};

/// How many are played where nobody says.
const FEW: u64 = 30;
/// How many stages stand side by side where nobody says.
const LANES: u64 = 2;

#[test]
fn whatever_goes_wrong_by_chance_the_rules_hold() -> Result<()> {
    let schedules = Mutex::new(wanted()?);
    let count = schedules.lock().map_err(|_| anyhow!("somebody panicked"))?.len();
    let figures = Mutex::new(Figures::default());
    let lanes = number("SEALPOST_FAULTS_LANES")?.unwrap_or(LANES).min(count as u64);
    let begin = Instant::now();
    let end = number("SEALPOST_FAULTS_SECONDS")?.map(|seconds| begin + Duration::from_secs(seconds));
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(|| lane(&schedules, &figures, end))).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane panicked"))?)
    })?;
    let figures = figures.into_inner().map_err(|_| anyhow!("somebody panicked"))?;
    say(&figures.to_text(begin));
    ensure!(figures.broken.is_empty(), "rules were broken:\n{}", figures.broken.join("\n"));
    ensure!(end.is_some() || figures.played == count, "{} of {count} were played", figures.played);
    Ok(())
}

/// Plays schedules on stages of its own until none is left, or no time.
fn lane(
    schedules: &Mutex<VecDeque<(String, Schedule)>>,
    figures: &Mutex<Figures>,
    end: Option<Instant>,
) -> Result<()> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build()?;
    runtime.block_on(async {
        // One on SQLite, one on PostgreSQL.
        let mut stages: [Option<Stage>; 2] = [None, None];
        loop {
            let next = schedules.lock().map_err(|_| anyhow!("somebody panicked"))?.pop_front();
            let next = next.filter(|_| end.is_none_or(|end| Instant::now() < end));
            let Some((seed, schedule)) = next else { return Ok(()) };
            let postgres = schedule.needs_postgres();
            let begin = Instant::now();
            let played = play(&mut stages[usize::from(postgres)], postgres, &schedule).await;
            let outcome = match &played {
                Ok(played) => match &played.job.message {
                    Some(reason) => format!("{} ({reason})", played.job.state),
                    None => played.job.state.to_string(),
                },
                Err(error) => {
                    // What is left of this one is not the next one's.
                    stages[usize::from(postgres)] = None;
                    format!("BROKEN: {error:#}")
                }
            };
            say(&format!("{seed}: {schedule}\n  {outcome} after {} ms", begin.elapsed().as_millis()));
            figures.lock().map_err(|_| anyhow!("somebody panicked"))?.note(&schedule, played);
        }
    })
}

async fn play(stage: &mut Option<Stage>, postgres: bool, schedule: &Schedule) -> Result<Played> {
    if stage.is_none() {
        *stage = Some(if postgres { Stage::set_on_postgres().await? } else { Stage::set().await? });
    }
    let stage = stage.as_mut().context("set a moment ago")?;
    let played = stage.play(schedule).await?;
    if let Err(error) = rules::check(stage, schedule, &played).await {
        bail!("{error:#}\n{}\npassed:\n{}", stage.stands().await?, played.passed.join("\n"));
    }
    Ok(played)
}

#[derive(Default)]
struct Figures {
    played: usize,
    acts: usize,
    ends: BTreeMap<String, u64>,
    /// Faults met, by what they did.
    kinds: BTreeMap<String, u64>,
    /// Faults met, by point.
    points: BTreeMap<String, u64>,
    happened: BTreeMap<&'static str, u64>,
    passed: BTreeSet<String>,
    broken: Vec<String>,
}

impl Figures {
    fn note(&mut self, schedule: &Schedule, played: Result<Played>) {
        self.played += 1;
        self.acts += schedule.acts.len();
        let played = match played {
            Ok(played) => played,
            Err(error) => return self.broken.push(format!("--schedule '{schedule}': {error:#}")),
        };
        *self.ends.entry(played.job.state.to_string()).or_default() += 1;
        for line in &played.passed {
            let mut words = line.split(' ');
            let (Some(point), _, action) = (words.next(), words.next(), words.next()) else { continue };
            self.passed.insert(point.to_owned());
            if let Some(action) = action {
                *self.kinds.entry(action.to_owned()).or_default() += 1;
                *self.points.entry(point.to_owned()).or_default() += 1;
            }
        }
        *self.kinds.entry("kill from outside".to_owned()).or_default() += played.killed;
        for meanwhile in played.happened {
            *self.happened.entry(meanwhile.name()).or_default() += 1;
        }
    }

    fn to_text(&self, begin: Instant) -> String {
        let met: u64 = self.kinds.values().sum();
        let missed: Vec<_> =
            crate::schedule::points().filter(|point| !self.points.contains_key(*point)).collect();
        format!(
            "{} schedules in {} s, {} broken; {met} of {} faults met\n  how it ended: {:?}\n  by kind: {:?}\n  meanwhile: {:?}\n  \
             by point ({} of them, {} passed): {:?}\n  nothing happened at: {missed:?}",
            self.played,
            begin.elapsed().as_secs(),
            self.broken.len(),
            self.acts,
            self.ends,
            self.kinds,
            self.happened,
            self.points.len(),
            self.passed.len(),
            self.points,
        )
    }
}

fn wanted() -> Result<VecDeque<(String, Schedule)>> {
    if let Ok(text) = env::var("SEALPOST_FAULTS_SCHEDULE") {
        return Ok([("as given".to_owned(), text.parse()?)].into());
    }
    let count = number("SEALPOST_FAULTS_SCHEDULES")?.unwrap_or(FEW);
    let seed = match number("SEALPOST_FAULTS_SEED")? {
        Some(seed) => seed,
        None => getrandom::u64().context("no randomness")? % 1_000_000,
    };
    let passings = Passings::known();
    // Each has a seed of its own, so that one can be seen again without those before it.
    let one = |seed: u64| (format!("seed {seed}"), draw(&mut Dice::new(seed), &passings));
    Ok((seed..seed.saturating_add(count)).map(one).collect())
}

fn number(name: &str) -> Result<Option<u64>> {
    env::var(name).ok().map(|text| text.parse().context(text)).transpose()
}

/// Also when the test passes: the figures are what is looked for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

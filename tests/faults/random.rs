//! Schedules drawn by chance: `cargo xtask test faults --seed N --schedules N --lanes N --seconds N`, or `--schedule TEXT` to see
//! one again. Without an option they are always the same ones, so that a red run is the doing of a change.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use sealpost_tests::dice::Dice;

use crate::draw::{Passings, draw};
use crate::lanes::{Work, number, say, side_by_side};
use crate::rules;
use crate::schedule::Schedule;
use crate::stage::{Played, Stage};

/// How many are played where nobody says.
const FEW: u64 = 30;
/// How many are drawn where only the time is given.
const MANY: u64 = 10_000;
/// Where the draw begins when nobody asks for anything.
const SEED: u64 = 1;
/// None is begun after so many seconds when nobody asks for anything.
const SECONDS: u64 = 90;

#[test]
fn whatever_goes_wrong_by_chance_the_rules_hold() -> Result<()> {
    let wanted = Wanted::read()?;
    let count = wanted.schedules.len();
    let work = Work::new(wanted.schedules, wanted.seconds);
    let figures = Mutex::new(Figures::default());
    let begin = Instant::now();
    side_by_side(|| lane(&work, &figures))?;
    let figures = figures.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&figures.to_text(begin));
    if let (Some((first, _)), left) = (work.left().pop_front(), count - figures.played) {
        say(&format!(
            "left out, as the time was over: {left} schedules from {first} on; `cargo xtask test faults --seed N --schedules {left}` \
             plays them"
        ));
    }
    ensure!(figures.broken.is_empty(), "rules were broken:\n{}", figures.broken.join("\n"));
    ensure!(figures.played > 0, "none was played");
    Ok(())
}

/// Plays schedules on stages of its own until none is left, or no time.
async fn lane(work: &Work<(String, Schedule)>, figures: &Mutex<Figures>) -> Result<()> {
    // One on SQLite, one on PostgreSQL.
    let mut stages: [Option<Stage>; 2] = [None, None];
    while let Some((seed, schedule)) = work.next() {
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
        figures.lock().unwrap_or_else(PoisonError::into_inner).note(&schedule, played);
    }
    Ok(())
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

/// What was asked for.
struct Wanted {
    /// With what they are called.
    schedules: Vec<(String, Schedule)>,
    seconds: Option<u64>,
}

impl Wanted {
    fn read() -> Result<Self> {
        let seconds = number("SEALPOST_FAULTS_SECONDS")?;
        if let Ok(text) = env::var("SEALPOST_FAULTS_SCHEDULE") {
            return Ok(Self { schedules: vec![("as given".to_owned(), text.parse()?)], seconds });
        }
        let count = number("SEALPOST_FAULTS_SCHEDULES")?;
        let many = if seconds.is_some() { MANY } else { FEW };
        let (seed, seconds) = match (number("SEALPOST_FAULTS_SEED")?, count, seconds) {
            (None, None, None) => (SEED, Some(SECONDS)),
            (Some(seed), ..) => (seed, seconds),
            _ => (getrandom::u64().context("no randomness")? % 1_000_000, seconds),
        };
        let passings = Passings::known();
        // Each has a seed of its own, so that one can be seen again without those before it.
        let one = |seed: u64| (format!("seed {seed}"), draw(&mut Dice::new(seed), &passings));
        let schedules = (seed..seed.saturating_add(count.unwrap_or(many))).map(one).collect();
        Ok(Self { schedules, seconds })
    }
}

//! Schedules drawn by chance: `cargo xtask test faults --seed N --schedules N`, or `--schedule TEXT` to see one again.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::rules;
use crate::schedule::{Random, Schedule};
use crate::stage::{Stage, names};

/// How many are played where nobody says.
const FEW: u64 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_by_chance_the_rules_hold() -> Result<()> {
    let schedules = wanted()?;
    let mut stage = Stage::set().await?;
    let (mut states, mut met, mut acts) = (BTreeMap::new(), 0, 0);
    let mut seen = std::collections::BTreeSet::new();
    let begin = Instant::now();
    let mut broken = Vec::new();
    for (seed, schedule) in &schedules {
        say(&format!("{seed}: {schedule}"));
        let result = async {
            let played = stage.play(schedule).await?;
            rules::check(&stage, schedule, &played).await?;
            anyhow::Ok(played)
        };
        match result.await {
            Ok(played) => {
                let fired = played.passed.iter().filter(|line| line.split(' ').count() > 2).count();
                say(&format!("  {} ({} of {} faults met)", played.job.state, fired, schedule.acts.len()));
                *states.entry(played.job.state.to_string()).or_insert(0_u64) += 1;
                seen.extend(names(&played.passed));
                met += fired;
                acts += schedule.acts.len();
            }
            Err(error) => {
                say(&format!("  BROKEN: {error:#}"));
                broken.push(format!("--schedule '{schedule}': {error:#}"));
                // What is left of this one is not the next one's.
                stage = Stage::set().await?;
            }
        }
    }
    say(&format!(
        "{} schedules in {} s, {} broken; {met} of {acts} faults met at {} points; ends {states:?}",
        schedules.len(),
        begin.elapsed().as_secs(),
        broken.len(),
        seen.len(),
    ));
    ensure!(broken.is_empty(), "rules were broken:\n{}", broken.join("\n"));
    Ok(())
}

fn wanted() -> Result<Vec<(String, Schedule)>> {
    if let Ok(text) = env::var("SEALPOST_FAULTS_SCHEDULE") {
        return Ok(vec![("as given".to_owned(), text.parse()?)]);
    }
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().context(text)).transpose();
    let count = number("SEALPOST_FAULTS_SCHEDULES")?.unwrap_or(FEW);
    let seed = match number("SEALPOST_FAULTS_SEED")? {
        Some(seed) => seed,
        None => getrandom::u64().context("no randomness")? % 1_000_000,
    };
    // Each has a seed of its own, so that one can be seen again without those before it.
    let one = |seed: u64| (format!("seed {seed}"), Schedule::draw(&mut Random(seed)));
    Ok((seed..seed.saturating_add(count)).map(one).collect())
}

/// Also when the test passes: the figures are what is looked for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

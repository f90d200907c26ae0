//! Many printers, several processes of one store, one PostgreSQL: everything is killed by chance and everything is counted right.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sealpost_api::job::Job;
use sealpost_market::JobState;
use sealpost_tests::dice::Dice;

use crate::books::Books;
use crate::chaos::{Chaos, Kills};
use crate::orders::{self, Orders, asked};
use crate::park::{Fleet, Park};
use crate::rules;
use crate::wanted::Wanted;

/// How long everything may need to come to rest once nothing is killed any more.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(500);
/// How long after the last order things are still killed, at most.
const LAST: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_every_job_is_printed_at_most_once_and_counted_right() -> Result<()> {
    let wanted = Wanted::read()?;
    say(&format!("cargo xtask test cluster {wanted}"));
    let mut dice = Dice::new(wanted.seed);
    let begin = Instant::now();
    let (park, fleet) = Park::open(&wanted).await?;
    say(&format!("  ready in {} s", begin.elapsed().as_secs()));

    let printers: Vec<String> = fleet.units.iter().map(|unit| unit.id.clone()).collect();
    let chaos = Chaos::begin(fleet, &mut dice);
    let orders = orders::place(&park, &printers, &wanted, &mut dice).await?;
    say(&format!("  {} jobs ordered after {} s", orders.placed.len(), begin.elapsed().as_secs()));
    // Whatever still waits then is printed in peace.
    let _ = tokio::time::timeout(LAST, all_ended(&park, &orders)).await;
    let (fleet, kills) = tokio::task::spawn_blocking(move || chaos.end()).await??;
    say(&format!("  nothing is killed any more after {} s", begin.elapsed().as_secs()));

    let rest = tokio::time::timeout(PATIENCE, come_to_rest(&park, &fleet, &orders)).await;
    let books = Books::read(&park.database).await?;
    figures(&park, &orders, &books, &kills, begin);
    let held = rules::check(&park, &fleet, &orders, &books);
    let result = match rest {
        Ok(rest) => rest.and(held),
        Err(_) => held.context("it did not come to rest"),
    };
    result.with_context(|| format!("cargo xtask test cluster {wanted}"))
}

async fn all_ended(park: &Park, orders: &Orders) -> Result<()> {
    for order in &orders.placed {
        loop {
            let job: Job = asked(&park.owner, &format!("/api/v1/jobs/{}", order.job)).await?;
            if job.state.is_final() || job.state == JobState::Interrupted {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn come_to_rest(park: &Park, fleet: &Fleet, orders: &Orders) -> Result<()> {
    all_ended(park, orders).await?;
    for unit in &fleet.units {
        while !unit.rests()? {
            tokio::time::sleep(LOOK).await;
        }
    }
    // Sweeps follow a moment later.
    let mut blobs = rules::needless(park, &Books::read(&park.database).await?)?;
    while !blobs.is_empty() {
        tokio::time::sleep(LOOK).await;
        blobs = rules::needless(park, &Books::read(&park.database).await?)?;
    }
    Ok(())
}

fn figures(park: &Park, orders: &Orders, books: &Books, kills: &Kills, begin: Instant) {
    let mut states = BTreeMap::new();
    for job in books.jobs.values() {
        *states.entry(job.state.to_string()).or_insert(0_u64) += 1;
    }
    let mut why = BTreeMap::new();
    for job in books.jobs.values().filter(|job| job.state != JobState::Success) {
        *why.entry(job.message.clone().unwrap_or_default()).or_insert(0_u64) += 1;
    }
    let keys = books.facts.iter().filter(|fact| fact["fact"] == "key_released").count();
    say(&format!(
        "  {} jobs {states:?}, {} refused, {} cancelled by the buyer; {} licences; {keys} keys released; \
         {} orders sent again; {} requests in all; {} blobs being written were left behind",
        orders.placed.len(),
        orders.refused,
        orders.placed.iter().filter(|order| order.cancelled).count(),
        orders.licences,
        orders.repeated,
        park.proxy.seen().len(),
        books.pending.len(),
    ));
    say(&format!("  killed: {kills:?}; {} s in all", begin.elapsed().as_secs()));
    for (reason, jobs) in why {
        say(&format!("    {jobs} x {reason}"));
    }
}

/// Also when the test passes: the figures are what is looked for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

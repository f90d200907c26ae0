//! The watcher: follows the contract, so that what is paid becomes a licence whether or not anybody tells the store.

use std::time::{Duration, Instant};

use sea_orm::ActiveValue::Set;
use sealpost_api::Problem;

use super::pace::Pace;
use super::port::ChainPort;
use super::{pending, read};
use crate::fault::{Fault, Result};
use crate::state::AppState;

/// How soon a ring is followed.
const RING: Duration = Duration::from_millis(250);
/// The longest pause after failures.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds that something came between, one after the other, until that is a failure.
const STUCK: u32 = 10;

/// Follows the contract until the store stops. Several processes may do so at once: whoever reads first counts.
pub(crate) async fn work(state: AppState) {
    let Some(port) = state.chain.clone() else { return };
    let poll = Duration::from_millis(state.config.chain_poll_ms.max(1));
    let (mut pace, mut failures, mut stuck) = (Pace::default(), 0, Stuck::default());
    let (mut rung, mut looked): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        let looks = looked.is_none_or(|at| at.elapsed() >= poll);
        match round_at(&state, &*port, pace, looks).await {
            Ok(more) => {
                (pace, failures, stuck) = (pace.faster(), 0, Stuck::default());
                if looks || !more {
                    looked = Some(Instant::now());
                }
                if more {
                    continue;
                }
                tokio::select! {
                    () = tokio::time::sleep(poll) => {}
                    () = async {
                        state.watching.rung().await;
                        tokio::time::sleep(until_heard(poll, rung.map(|at| at.elapsed()))).await;
                    } => rung = Some(Instant::now()),
                }
            }
            Err(fault) if read::is_overtaken(&fault) && !stuck.again(standing(&state, &*port).await) => {
                tokio::time::sleep(poll).await;
            }
            Err(fault) => {
                let problem = if read::is_overtaken(&fault) { at_odds(fault) } else { fault.problem() };
                tracing::warn!(%problem, failures, "the chain cannot be read");
                fail(&state, &*port, problem).await;
                tokio::time::sleep(pause(poll, failures)).await;
                (pace, failures) = (pace.slower(), failures.saturating_add(1));
            }
        }
    }
}

/// One look at the chain. Whether there is more to read at once.
#[cfg(test)]
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort) -> Result<bool> {
    round_at(state, port, Pace::default(), true).await
}

/// One look at the chain, at this pace. While there is more to read, transactions that somebody named are looked for only if
/// `looks`: whoever names many does not make the store ask without end.
pub(crate) async fn round_at(
    state: &AppState,
    port: &dyn ChainPort,
    pace: Pace,
    looks: bool,
) -> Result<bool> {
    let heads = port.heads().await?;
    let more = read::round(state, port, heads, pace).await?;
    if looks || !more {
        pending::round(state, port, heads).await?;
    }
    Ok(more)
}

/// Rounds that something came between while nobody read on.
#[derive(Debug, Default)]
struct Stuck {
    at: Option<i64>,
    times: u32,
}

impl Stuck {
    /// Counts one more, where reading stands; whether that is too often.
    fn again(&mut self, at: Option<i64>) -> bool {
        let times = if self.at == at { self.times + 1 } else { 1 };
        *self = Self { at, times };
        times >= STUCK
    }
}

async fn standing(state: &AppState, port: &dyn ChainPort) -> Option<i64> {
    read::step(state, port).await.ok().flatten()
}

fn at_odds(fault: Fault) -> Problem {
    Problem::new(409, "chain_conflicts", "Something always comes between").detail(format!(
        "Reading the chain ended {STUCK} times in a row where it began: {}.",
        fault.problem().title.to_lowercase()
    ))
}

/// How long after a ring it is followed: soon, and not before `poll` has passed since the last one was.
fn until_heard(poll: Duration, since_last: Option<Duration>) -> Duration {
    let left = since_last.map_or(Duration::ZERO, |since| poll.saturating_sub(since));
    left.max(poll.min(RING))
}

/// Shows why the chain cannot be read, also where it never was; what was read stays.
pub(crate) async fn fail(state: &AppState, port: &dyn ChainPort, problem: Problem) {
    let error = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let shown = async {
        let cursor = read::cursor(state, port).await?;
        read::show(state, &cursor.id, move |row| {
            row.caught_up = Set(false);
            row.error = Set(Some(error.clone()));
        })
        .await
    };
    if let Err(fault) = shown.await {
        tracing::error!(problem = %fault.problem(), "the state of the chain cannot be written");
    }
}

fn pause(poll: Duration, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.min(10));
    poll.saturating_mul(factor).min(PATIENCE.max(poll))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_always_comes_between_is_a_failure_in_the_end_unless_somebody_reads_on() {
        let mut stuck = Stuck::default();
        let calls: Vec<_> = (0..10).map(|_| stuck.again(Some(3))).collect();
        assert_eq!(calls.iter().position(|is_failure| *is_failure), Some(9));
        let mut stuck = Stuck::default();
        assert!((0..100).all(|step| !stuck.again(Some(step))));
    }

    #[test]
    fn whoever_rings_without_end_is_heard_once_in_each_pause() {
        let poll = Duration::from_secs(4);
        assert_eq!(until_heard(poll, None), RING);
        assert_eq!(until_heard(poll, Some(Duration::from_secs(1))), Duration::from_secs(3));
        assert_eq!(until_heard(poll, Some(Duration::from_secs(60))), RING);
        let fast = Duration::from_millis(10);
        assert_eq!(until_heard(fast, Some(Duration::from_secs(60))), fast);
    }
}

//! The watcher: follows the contract, so that what is paid becomes a licence whether or not anybody tells the store.

use std::time::Duration;

use sea_orm::ActiveValue::Set;

use super::port::ChainPort;
use super::{pending, read};
use crate::fault::{Fault, Result};
use crate::state::AppState;

/// How soon a ring is followed.
const RING: Duration = Duration::from_millis(250);
/// The longest pause after failures.
const PATIENCE: Duration = Duration::from_secs(60);

/// Follows the contract until the store stops. Several processes may do so at once: whoever reads first counts.
pub(crate) async fn work(state: AppState) {
    let Some(port) = state.chain.clone() else { return };
    let poll = Duration::from_millis(state.config.chain_poll_ms.max(1));
    let mut failures = 0;
    loop {
        match round(&state, &*port).await {
            Ok(true) => failures = 0,
            Ok(false) => {
                failures = 0;
                tokio::select! {
                    () = tokio::time::sleep(poll) => {}
                    // Whoever rings again and again is heard so often and no more.
                    () = async {
                        state.watching.notified().await;
                        tokio::time::sleep(poll.min(RING)).await;
                    } => {}
                }
            }
            Err(fault) if is_overtaken(&fault) => tokio::time::sleep(poll).await,
            Err(fault) => {
                let problem = fault.problem();
                tracing::warn!(%problem, failures, "the chain cannot be read");
                fail(&state, &*port, problem).await;
                tokio::time::sleep(pause(poll, failures)).await;
                failures = failures.saturating_add(1);
            }
        }
    }
}

/// One look at the chain. Whether there is more to read at once.
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort) -> Result<bool> {
    let heads = port.heads().await?;
    let more = read::round(state, port, heads).await?;
    pending::round(state, port, heads).await?;
    Ok(more)
}

/// Whether another process did the same at the same time.
fn is_overtaken(fault: &Fault) -> bool {
    match fault {
        Fault::Conflict => true,
        Fault::Problem(problem) => problem.code == read::MOVED,
        _ => false,
    }
}

/// Shows why the chain cannot be read; what was read stays.
async fn fail(state: &AppState, port: &dyn ChainPort, problem: sealpost_api::Problem) {
    let source = super::source(port.terms());
    let error = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let shown = read::show(state, &source, move |row| {
        row.caught_up = Set(false);
        row.error = Set(Some(error.clone()));
    });
    if let Err(fault) = shown.await {
        tracing::error!(problem = %fault.problem(), "the state of the chain cannot be written");
    }
}

fn pause(poll: Duration, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.min(10));
    poll.saturating_mul(factor).min(PATIENCE.max(poll))
}

//! Whether the endpoints can ask the contract at a settled block: many keep the state of the newest blocks alone, and on chains
//! where blocks are final late no payment would ever settle by them.

use std::time::Duration;

use sealpost_market::chain::{BuyerKey, ChainHash};
use tokio::sync::Mutex;

use super::port::ChainPort;
use crate::state::AppState;

/// How long what was found holds.
const LIFE_MS: i64 = 600_000;
const EVERY: Duration = Duration::from_secs(600);
/// How long it holds where there is something to tell, or nothing was found out.
const SOON_MS: i64 = 60_000;

/// What was found, and until when it holds.
#[derive(Debug, Default)]
pub(crate) struct Archive(Mutex<(i64, Option<String>)>);

/// Looks when the store starts and every now and then, and tells the log.
pub(crate) async fn work(state: AppState) {
    if state.chain.is_none() {
        return;
    }
    loop {
        warning(&state).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// What operators should know, if anything.
pub(crate) async fn warning(state: &AppState) -> Option<String> {
    let port = state.chain.as_deref()?;
    let mut kept = state.questions.archive.0.lock().await;
    let now = state.clock.now_ms();
    if now < kept.0 && now + LIFE_MS >= kept.0 {
        return kept.1.clone();
    }
    // Whoever goes away while asking does not make the next one ask at once.
    kept.0 = now + SOON_MS;
    let Some(found) = look(port).await else { return kept.1.clone() };
    if let Some(warning) = found.as_ref().filter(|found| kept.1.as_ref() != Some(found)) {
        tracing::warn!(warning, "payments on chain would not settle");
    }
    *kept = (now + if found.is_some() { SOON_MS } else { LIFE_MS }, found);
    kept.1.clone()
}

/// Nothing where the chain cannot be asked at all, which is told elsewhere.
async fn look(port: &dyn ChainPort) -> Option<Option<String>> {
    let heads = port.heads().await.ok()?;
    let (nothing, nobody) = (ChainHash::new([0; 32]), BuyerKey::from_chain([2; 33]));
    let Err(fault) = port.verified(nothing, &nobody, heads.settled).await else { return Some(None) };
    // Where the newest block cannot be asked either, it is not its age.
    port.verified(nothing, &nobody, heads.latest).await.ok()?;
    Some(Some(format!(
        "The endpoints cannot ask the contract at settled block {}, so payments would not settle: {fault}. Use endpoints that keep \
         the state of settled blocks (archive nodes), or a `finality` that they reach.",
        heads.settled.number
    )))
}

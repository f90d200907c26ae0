//! Webhooks out: sellers' and operators' own programs are told what happens.
//!
//! What happened becomes a message for each endpoint in the transaction in which it is crossed off; a message is sent until it is
//! taken. So nothing is lost, and a message may come twice, under the same id: when the store was killed between sending it and
//! noting that.

mod deliveries;
mod endpoints;
pub(crate) mod fan;
mod send;
pub(crate) mod signature;
mod turns;
mod view;

use std::time::Duration;

use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;

use crate::happenings;
use crate::state::AppState;

pub(crate) use endpoints::{OVERLAP_MS, forget_of, rest};

/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(endpoints::router()).merge(deliveries::router())
}

/// Makes messages and sends them, until the store stops.
pub(crate) async fn work(state: AppState) {
    let sender = send::Sender::new(&state);
    let mut forget_at = Instant::now();
    loop {
        // Before looking, so that what happens meanwhile is not slept over.
        let bell = happenings::wait(&state);
        if let Err(fault) = fan::out(&state).await {
            tracing::error!(problem = %fault.problem(), "webhooks are not told what happened");
        }
        if let Err(fault) = sender.send_due().await {
            tracing::error!(problem = %fault.problem(), "messages to webhooks are not sent");
        }
        if Instant::now() >= forget_at {
            forget_at = Instant::now() + FORGET_EVERY;
            if let Err(fault) = fan::forget(&state).await {
                tracing::error!(problem = %fault.problem(), "old messages to webhooks are not forgotten");
            }
        }
        bell.await;
    }
}

//! The store's event stream: a hint to poll, nothing more. Every event but a heartbeat polls; silence ends the
//! connection.

use std::{convert::Infallible, time::Duration};

use eventsource_stream::Eventsource;
use futures::{StreamExt, stream};
use sealpost_envelope::SecretText;
use tokio::time::timeout;

use super::{Store, check, network};
use crate::core::Trouble;

/// The event that only says that the connection lives.
const HEARTBEAT: &str = "ping";
/// Longest silence, heartbeats included.
const SILENCE: Duration = Duration::from_secs(75);
/// A stream is given up after this long, whatever it says: connections can die on one side only.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Listens until the stream ends; calls `signal` once at the beginning and for every event.
pub(crate) async fn listen(
    store: &Store,
    token: &SecretText,
    mut signal: impl FnMut(),
) -> Result<(), Trouble> {
    let request = store.http.get(store.at("api/printer-agent/events")?).header("accept", "text/event-stream");
    let connected = timeout(SILENCE, store.authorized(request, token).send()).await;
    let response = match connected {
        Ok(response) => check(response.map_err(network)?).await?,
        Err(_) => return Ok(()),
    };
    signal();
    let bytes = stream::unfold(response, |mut response| async move {
        let chunk = timeout(SILENCE, response.chunk()).await.ok()?.ok()??;
        Some((Ok::<_, Infallible>(chunk), response))
    });
    let mut events = std::pin::pin!(bytes.eventsource());
    let listening = async {
        while let Some(Ok(event)) = events.next().await {
            if event.event != HEARTBEAT {
                signal();
            }
        }
    };
    // The end of its life is as good as any other end.
    let _ = timeout(LIFE, listening).await;
    Ok(())
}

//! The event stream of a printer: hints to ask, and heartbeats with the store's time.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::{HeaderValue, header};
use sealpost_api::Problem;
use sealpost_database::clock::rfc3339;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::queue;
use crate::fault::Result;
use crate::hub::{Rings, Waiting};
use crate::identity::AgentAuth;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Listen: `jobs` when a job waits, `cancel` when someone asks to stop one, `ping` with the store's time in between.
#[utoipa::path(get, path = "/api/printer-agent/events", tag = "printers", responses(
    (status = 200, content_type = "text/event-stream", description = "Server-sent events"),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn events(State(state): State<AppState>, agent: AgentAuth) -> Result<Response> {
    let waiting = state.hub.wait(agent.id.as_str());
    let sse = Sse::new(listen(state, agent, waiting));
    let unbuffered = [("x-accel-buffering", HeaderValue::from_static("no"))];
    Ok((unbuffered, [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))], sse).into_response())
}

struct Listening {
    state: AppState,
    agent: AgentAuth,
    waiting: Waiting,
    heard: Rings,
    beat: Instant,
    ready: Vec<Event>,
}

fn listen(
    state: AppState,
    agent: AgentAuth,
    waiting: Waiting,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let listening = Listening {
        beat: Instant::now(),
        state,
        agent,
        waiting,
        heard: Rings::default(),
        ready: vec![event("jobs", &json!({}))],
    };
    stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok(event), listening))
    })
}

impl Listening {
    /// The next event; `None` when the store stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            tokio::select! {
                // In a box, so that ten thousand waiting printers do not hold its queries' room.
                rings = self.waiting.ring() => Box::pin(self.rang(rings?)).await,
                () = sleep_until(self.beat) => {
                    self.beat = Instant::now() + Duration::from_secs(self.state.config.heartbeat_s);
                    let now = self.state.clock.now_ms();
                    return Some(event("ping", &json!({"time": rfc3339(now), "unix": now.div_euclid(1000)})));
                }
            }
        }
    }

    async fn rang(&mut self, rings: Rings) {
        if rings.cancels != self.heard.cancels {
            let (printer, owner) = (self.agent.id.as_str(), self.agent.owner.as_str());
            let open = queue::open(&self.state, printer, owner).await.unwrap_or_default();
            let asked = open.into_iter().filter(|row| row.cancel_requested);
            self.ready.extend(asked.map(|row| event("cancel", &json!({"print_job_id": row.id}))));
        }
        if rings.jobs != self.heard.jobs {
            self.ready.push(event("jobs", &json!({})));
        }
        self.heard = rings;
    }
}

fn event(name: &str, data: &serde_json::Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

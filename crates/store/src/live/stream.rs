//! One stream: what waits in its mailbox, as events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use futures::stream::{self, Stream};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use sealpost_accounts::UserAuth;
use sealpost_database::clock::rfc3339;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::mailbox::Taken;
use super::{Seat, Topic};
use crate::fault::{Fault, Result};
use crate::jobs;
use crate::schema::job;
use crate::state::AppState;

/// Between two looks at what waits: a job is told of so often at most.
const PACE: Duration = Duration::from_millis(500);
/// After a look that failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Jobs read and sent together.
const TOGETHER: usize = 200;
/// When a browser that lost the stream comes back.
const RETRY: Duration = Duration::from_secs(2);

struct Listening {
    state: AppState,
    user: UserAuth,
    seat: Seat,
    /// When the next look may be.
    due: Instant,
    beat: Instant,
    ready: VecDeque<Event>,
    is_over: bool,
}

/// The events of one person, until the sign-in ends or the store stops.
pub(super) fn listen(
    state: AppState,
    user: UserAuth,
    seat: Seat,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let mut listening = Listening {
        due: Instant::now(),
        beat: Instant::now(),
        ready: VecDeque::new(),
        is_over: false,
        state,
        user,
        seat,
    };
    listening.hello();
    stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok(event), listening))
    })
}

impl Listening {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            let (seat, due) = (&self.seat, self.due);
            let filled = async {
                let goes_on = seat.filled().await;
                if goes_on {
                    sleep_until(due).await;
                }
                goes_on
            };
            tokio::select! {
                goes_on = filled => match goes_on {
                    true => self.look().await,
                    false => return None,
                },
                () = sleep_until(self.beat) => self.beat().await,
            }
        }
    }

    /// Reads what was told of, unless the sign-in has ended.
    async fn look(&mut self) {
        self.due = Instant::now() + PACE;
        if !self.still_signed_in().await {
            return;
        }
        let taken = self.seat.mailbox.take(TOGETHER);
        if taken.missed {
            return self.hello();
        }
        if let Err(fault) = self.read(taken).await {
            tracing::warn!(problem = %fault.problem(), "a page could not be told what changed; it is told to ask");
            self.seat.mailbox.miss();
            self.due = Instant::now() + PATIENCE;
        }
    }

    async fn read(&mut self, taken: Taken) -> Result<()> {
        for view in self.jobs(&taken.jobs).await? {
            self.ready.push_back(event("job", &view));
        }
        for id in taken.printers {
            self.ready.push_back(event("printer", &json!({"id": id})));
        }
        for topic in taken.said {
            self.ready.push_back(match topic {
                Topic::Sale { purchase, listing } => {
                    event("sale", &json!({"purchase": purchase, "listing": listing}))
                }
                Topic::Notice { kind, about } => event("notice", &json!({"kind": kind, "about": about})),
                Topic::Job { .. } | Topic::Printer { .. } => continue,
            });
        }
        Ok(())
    }

    /// As this person sees them now, whoever told of them.
    async fn jobs(&self, ids: &[String]) -> Result<Vec<Value>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let me = self.user.id().as_str();
        let mine = Condition::any().add(job::Column::Owner.eq(me)).add(job::Column::Publisher.eq(me));
        let select = job::Entity::find()
            .filter(job::Column::Id.is_in(ids))
            .filter(mine)
            .order_by_asc(job::Column::UpdatedAt);
        let rows = select.all(self.state.db.read()).await?;
        rows.iter().map(|row| Ok(serde_json::to_value(jobs::shown(row, &self.user)?)?)).collect()
    }

    async fn beat(&mut self) {
        self.beat = Instant::now() + Duration::from_secs(self.state.config.heartbeat_s);
        if self.still_signed_in().await {
            let now = self.state.clock.now_ms();
            self.ready.push_back(event("ping", &json!({"time": rfc3339(now)})));
        }
    }

    /// Nothing is said to a session that was ended; a database that is away for a moment ends none.
    async fn still_signed_in(&mut self) -> bool {
        match self.state.accounts.still(&self.user.0).await {
            Ok(person) => {
                self.user = UserAuth(person);
                true
            }
            Err(error) if error.problem().status < 500 => {
                self.is_over = true;
                false
            }
            Err(error) => {
                tracing::warn!(problem = %Fault::from(error).problem(), "a session could not be looked at");
                self.due = Instant::now() + PATIENCE;
                false
            }
        }
    }

    fn hello(&mut self) {
        let hello = json!({
            "account": self.user.id().as_str(),
            "time": rfc3339(self.state.clock.now_ms()),
            "heartbeat_s": self.state.config.heartbeat_s,
        });
        self.ready.push_back(event("hello", &hello).retry(RETRY));
    }
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

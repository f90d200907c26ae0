//! Words between processes that share a PostgreSQL database, by LISTEN and NOTIFY.
//!
//! What is said is JSON, `{"from", "told": [[account, topic], ...]}`; without `told`, everybody asks anew.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use sealpost_database::Tx;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Live, Topic};
use crate::fault::Result;
use crate::state::AppState;

pub(crate) const CHANNEL: &str = "sealpost_live";
/// What waits to be said at most.
const MOST: usize = 8_192;
/// Said together: PostgreSQL takes less than 8000 bytes.
const TOGETHER: usize = 32;
/// How long words are gathered.
const GATHER: Duration = Duration::from_millis(20);

/// What other processes are still to be told.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Whether there may be other processes.
    is_on: AtomicBool,
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    told: VecDeque<(String, Topic)>,
    missed: bool,
}

#[derive(Deserialize, Serialize)]
struct Message {
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Vec<(String, Topic)>>,
}

impl Outgoing {
    pub(super) fn put(&self, account: &str, topic: &Topic) {
        if !self.is_on.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(whose, what): &(String, Topic)| whose == account && what == topic;
        // Those that were told last are the ones that repeat.
        if waiting.missed || waiting.told.iter().rev().take(TOGETHER).any(same) {
            return;
        }
        waiting.told.push_back((account.to_owned(), topic.clone()));
        if waiting.told.len() > MOST {
            *waiting = Waiting { missed: true, ..Waiting::default() };
        }
        drop(waiting);
        self.bell.notify_one();
    }

    fn take(&self) -> Option<Option<Vec<(String, Topic)>>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.missed {
            *waiting = Waiting::default();
            return Some(None);
        }
        let some: Vec<_> = std::iter::from_fn(|| waiting.told.pop_front()).take(TOGETHER).collect();
        (!some.is_empty()).then_some(Some(some))
    }

    fn miss(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) =
            Waiting { missed: true, ..Waiting::default() };
    }
}

/// Tells the other processes, in the transaction of what there is to tell.
pub(super) async fn tell(tx: &Tx, live: &Live, account: &str, topic: &Topic) -> Result<()> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let message =
        Message { from: live.0.name.clone(), told: Some(vec![(account.to_owned(), topic.clone())]) };
    tx.query_one_raw(notify(&message)?).await?;
    Ok(())
}

/// Says what waits, until the store stops.
pub(crate) async fn say(state: AppState) {
    if state.db.backend() != DbBackend::Postgres {
        return;
    }
    let outgoing = &state.live.0.outgoing;
    outgoing.is_on.store(true, Ordering::Release);
    loop {
        outgoing.bell.notified().await;
        tokio::time::sleep(GATHER).await;
        while let Some(told) = outgoing.take() {
            let message = Message { from: state.live.0.name.clone(), told };
            let Ok(statement) = notify(&message) else { continue };
            if let Err(error) = state.db.read().query_one_raw(statement).await {
                tracing::warn!(%error, "pages at other processes are not told for a moment");
                outgoing.miss();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Tells here what another process said.
pub(crate) fn heard(live: &Live, message: &str) {
    let Ok(message) = serde_json::from_str::<Message>(message) else { return };
    if message.from == live.0.name {
        return;
    }
    match message.told {
        Some(told) => told.iter().for_each(|(account, topic)| live.tell_here(account, topic)),
        None => live.missed(),
    }
}

/// The words of others were not heard for a while.
pub(crate) fn deaf(live: &Live) {
    live.missed();
}

fn notify(message: &Message) -> Result<Statement, DbErr> {
    let text = serde_json::to_string(message).map_err(|error| DbErr::Custom(error.to_string()))?;
    let values = [CHANNEL.into(), text.into()];
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: usize) -> Topic {
        Topic::Job { id: format!("j_{id}") }
    }

    #[tokio::test]
    async fn words_of_another_process_are_heard_and_own_ones_and_nonsense_are_not() {
        let live = Live::default();
        let seat = live.listen("a_1").unwrap();
        heard(&live, "nonsense");
        let told = Some(vec![("a_1".to_owned(), job(1)), ("a_2".to_owned(), job(2))]);
        let said =
            |from: &str, told| serde_json::to_string(&Message { from: from.to_owned(), told }).unwrap();
        heard(&live, &said(&live.0.name, told.clone()));
        assert!(!seat.mailbox.is_filled());
        heard(&live, &said("another", told));
        assert_eq!(seat.mailbox.take(9).jobs, ["j_1"]);
        heard(&live, &said("another", None));
        assert!(seat.mailbox.take(9).missed);
    }

    #[test]
    fn words_fit_into_what_postgres_takes_and_too_many_become_one() {
        let outgoing = Outgoing { is_on: true.into(), ..Outgoing::default() };
        let long = "x".repeat(64);
        (0..TOGETHER * 2).for_each(|n| {
            outgoing.put(&long, &Topic::Sale { purchase: format!("{n}{long}"), listing: long.clone() });
        });
        let told = outgoing.take().unwrap();
        let message = serde_json::to_string(&Message { from: "0".repeat(16), told }).unwrap();
        assert!(message.len() < 8_000, "{}", message.len());
        (0..=MOST).for_each(|n| outgoing.put("a_1", &job(n)));
        assert_eq!(outgoing.take(), Some(None));
        assert_eq!(outgoing.take(), None);
    }
}

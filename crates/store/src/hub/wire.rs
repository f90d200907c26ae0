//! Rings between processes that share a PostgreSQL database, by LISTEN and NOTIFY.
//!
//! What is said is `STORE KIND PRINTER`; it is sent when the transaction of what it tells of commits. A process that was cut
//! off meanwhile missed some: its printers' waits end at their deadlines and ask then.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sealpost_database::Tx;

use super::Hub;
use crate::fault::Result;
use crate::live::wire as live;
use crate::state::AppState;

const CHANNEL: &str = "sealpost_rings";
/// Before a broken connection is made anew.
const PAUSE: Duration = Duration::from_secs(2);

/// What a ring is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A job waits.
    Jobs,
    /// A job is to be stopped.
    Cancels,
}

/// Tells the other processes, in the transaction of what there is to tell.
pub(crate) async fn tell(tx: &Tx, hub: &Hub, kind: Kind, printer: &str) -> Result<()> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let message = format!("{} {} {printer}", hub.0.name, kind.letter());
    let values = [CHANNEL.into(), message.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    tx.query_one_raw(notify).await?;
    Ok(())
}

/// Rings here what other processes tell, until the store stops.
pub(crate) async fn hear(state: AppState) {
    if state.db.backend() != DbBackend::Postgres {
        return;
    }
    loop {
        if let Err(error) = listen(&state).await {
            tracing::warn!(%error, "rings of other processes are not heard for a moment");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(state: &AppState) -> Result<(), sea_orm::sqlx::Error> {
    let pool = state.db.read().get_postgres_connection_pool();
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([CHANNEL, live::CHANNEL]).await?;
    // What was said before this connection is lost.
    live::deaf(&state.live);
    loop {
        match listener.try_recv().await? {
            Some(told) if told.channel() == CHANNEL => ring(&state.hub, told.payload()),
            Some(told) => live::heard(&state.live, told.payload()),
            None => live::deaf(&state.live),
        }
    }
}

fn ring(hub: &Hub, message: &str) {
    let mut words = message.splitn(3, ' ');
    let (Some(from), Some(kind), Some(printer)) = (words.next(), words.next(), words.next()) else { return };
    if from == hub.0.name {
        return;
    }
    match kind {
        "j" => hub.ring_jobs(printer),
        "c" => hub.ring_cancels(printer),
        _ => {}
    }
}

impl Kind {
    fn letter(self) -> &'static str {
        match self {
            Self::Jobs => "j",
            Self::Cancels => "c",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Live;

    #[tokio::test]
    async fn a_ring_of_another_process_is_heard_and_nonsense_is_not() {
        let hub = Hub::new(Live::default());
        let mut waiting = hub.wait("p_1");
        ring(&hub, "nonsense");
        ring(&hub, &format!("{} j p_1", hub.0.name));
        ring(&hub, "other c p_1");
        let rings = waiting.ring().await.unwrap();
        assert_eq!((rings.jobs, rings.cancels), (0, 1));
    }
}

//! Writing on SQLite: one task, one connection, one commit for all that wait.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::sync::{mpsc, oneshot};

use crate::tx::Effect;
use crate::{Failure, Tx, retry};

/// Closures in one transaction at most.
const GROUP: usize = 128;
/// Closures that wait at most; more make their callers wait.
const WAITING: usize = 1024;

/// Handle on the writing task; the task ends with the last handle.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    calls: mpsc::Sender<Box<dyn Call>>,
    connection: Arc<DatabaseConnection>,
}

impl Group {
    pub(crate) fn start(connection: DatabaseConnection) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING);
        tokio::spawn(serve(connection.clone(), waiting));
        Self { calls, connection: Arc::new(connection) }
    }

    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (answer, answered) = oneshot::channel();
        let call = Pending { work, outcome: None, effects: Vec::new(), answer };
        if self.calls.send(Box::new(call)).await.is_err() {
            return Err(stopped().into());
        }
        answered.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    pub(crate) async fn close(self) -> Result<(), DbErr> {
        drop(self.calls);
        self.connection.close_by_ref().await
    }
}

fn stopped() -> DbErr {
    DbErr::Custom("the database was closed".to_owned())
}

async fn serve(connection: DatabaseConnection, mut waiting: mpsc::Receiver<Box<dyn Call>>) {
    let mut calls = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut calls, GROUP).await > 0 {
        let committed = together(&connection, &mut calls).await;
        if committed.is_err() {
            renew(&connection).await;
        }
        for call in calls.drain(..) {
            call.finish(committed.as_ref().err());
        }
    }
}

/// A full or failing disk makes SQLite end a transaction by itself, which leaves whoever counts them with one too many: what comes next
/// would be a part of one that nobody commits. A new connection has none.
async fn renew(connection: &DatabaseConnection) {
    let closed = match connection.get_sqlite_connection_pool().acquire().await {
        Ok(used) => used.close().await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        tracing::warn!(%error, "the connection that failed did not end well");
    }
}

/// Runs all calls in one transaction; their outcomes count only if this is `Ok`.
async fn together(connection: &DatabaseConnection, calls: &mut [Box<dyn Call>]) -> Result<(), DbErr> {
    let tx = begin(connection).await?;
    let mut failed = false;
    for call in calls.iter_mut() {
        if !call.attempt(&tx).await {
            failed = true;
            break;
        }
    }
    if !failed && tx.flush().await.is_ok() {
        return tx.commit().await.map(drop);
    }
    tx.rollback().await?;
    if failed && calls.len() == 1 {
        return Ok(());
    }
    let tx = begin(connection).await?;
    for call in calls.iter_mut() {
        let savepoint = Tx::new(tx.inner().begin().await?);
        if call.attempt(&savepoint).await && call.settle(savepoint.flush().await) {
            savepoint.commit().await?;
        } else {
            savepoint.rollback().await?;
        }
    }
    tx.commit().await.map(drop)
}

async fn begin(connection: &DatabaseConnection) -> Result<Tx, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(Tx::new(connection.begin_with_options(options).await?))
}

trait Call: Send {
    /// Runs the closure and keeps its outcome; whether that is `Ok`.
    fn attempt<'t>(&'t mut self, tx: &'t Tx) -> BoxFuture<'t, bool>;

    /// Makes a failure at the end of the closure its outcome; whether there was none.
    fn settle(&mut self, flushed: Result<(), DbErr>) -> bool;

    /// Runs the effects and answers; `lost` says why nothing was committed.
    fn finish(self: Box<Self>, lost: Option<&DbErr>);
}

struct Pending<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    effects: Vec<Effect>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Call for Pending<T, E, F>
where
    F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    T: Send,
    E: Failure,
{
    fn attempt<'t>(&'t mut self, tx: &'t Tx) -> BoxFuture<'t, bool> {
        async move {
            let outcome = AssertUnwindSafe((self.work)(tx)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err(retry::panicked().into()));
            let fine = outcome.is_ok();
            self.effects = tx.take_effects();
            self.outcome = Some(outcome);
            fine
        }
        .boxed()
    }

    fn settle(&mut self, flushed: Result<(), DbErr>) -> bool {
        match flushed {
            Ok(()) => true,
            Err(error) => {
                self.outcome = Some(Err(error.into()));
                false
            }
        }
    }

    fn finish(self: Box<Self>, lost: Option<&DbErr>) {
        let answer = match (lost, self.outcome) {
            (None, Some(Ok(value))) => {
                self.effects.into_iter().for_each(|effect| effect());
                Ok(value)
            }
            (None, Some(Err(error))) => Err(error),
            (Some(error), _) => {
                tracing::error!(%error, "a group of writes was lost");
                Err(DbErr::Custom(format!("the write was not committed: {error}")).into())
            }
            (None, None) => Err(stopped().into()),
        };
        let _ = self.answer.send(answer);
    }
}

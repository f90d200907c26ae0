//! Writing on PostgreSQL: a transaction, and another one when that was given up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, TransactionTrait};

use crate::{Failure, Tx};

/// How often a closure runs before its failure is the answer.
const ATTEMPTS: u32 = 20;

pub(crate) async fn run<T, E, F>(pool: DatabaseConnection, work: F) -> Result<T, E>
where
    F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    T: Send + 'static,
    E: Failure,
{
    tokio::spawn(async move {
        let work = Arc::new(work);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match once(&pool, &*work).await {
                Err(error) if attempt < ATTEMPTS && error.is_transient() => {
                    tokio::time::sleep(pause(attempt)).await;
                }
                done => return done,
            }
        }
    })
    .await
    .unwrap_or_else(|_| Err(panicked().into()))
}

pub(crate) fn is_serialization_failure(error: &DbErr) -> bool {
    matches!(sqlstate(error).as_deref(), Some("40001" | "40P01"))
}

pub(crate) fn is_unstorable_text(error: &DbErr) -> bool {
    matches!(sqlstate(error).as_deref(), Some("22021" | "22P05"))
}

fn sqlstate(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    inner.as_database_error().and_then(|database| database.code()).map(|code| code.into_owned())
}

pub(crate) fn panicked() -> DbErr {
    DbErr::Custom("a write stopped with a panic".to_owned())
}

async fn once<T, E, F>(pool: &DatabaseConnection, work: &F) -> Result<T, E>
where
    F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>>,
    E: Failure,
{
    let tx = Tx::new(pool.begin().await?);
    match AssertUnwindSafe(work(&tx)).catch_unwind().await {
        Ok(Ok(value)) => {
            if let Err(error) = tx.flush().await {
                let _ = tx.rollback().await;
                return Err(error.into());
            }
            for effect in tx.commit().await? {
                effect();
            }
            Ok(value)
        }
        Ok(Err(error)) => {
            let _ = tx.rollback().await;
            Err(error)
        }
        Err(_) => {
            let _ = tx.rollback().await;
            Err(panicked().into())
        }
    }
}

/// Grows to a quarter of a second; the odd factor keeps two writers from meeting again.
fn pause(attempt: u32) -> Duration {
    let spread = u64::from(std::process::id() % 7) + 1;
    Duration::from_millis((u64::from(attempt) * 3 + spread).min(250))
}

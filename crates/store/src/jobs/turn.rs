//! Whose turn it is to seal a job: of several processes of a store, one does.

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbBackend, DbErr, EntityTrait, QueryFilter, SqlErr};
use tokio::task::AbortHandle;

use crate::fault::{Fault, Result};
use crate::schema::sealing::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// How long a process that says nothing keeps others from sealing a job.
const TURN_MS: i64 = 15_000;
/// How often it says that it is at it.
const AGAIN: Duration = Duration::from_secs(5);

/// This process seals the job; given back when dropped.
pub(crate) struct Turn {
    state: AppState,
    job: String,
    renewing: Option<AbortHandle>,
}

impl Turn {
    /// Takes it; `None` while another process has it. SQLite has one process.
    pub(crate) async fn take(state: &AppState, job: &str) -> Result<Option<Self>> {
        let mut turn = Self { state: state.clone(), job: job.to_owned(), renewing: None };
        if state.db.backend() == DbBackend::Sqlite {
            return Ok(Some(turn));
        }
        let (now, id) = (state.clock.now_ms(), job.to_owned());
        let taken: Result<()> = state
            .db
            .write(move |tx| {
                let row = ActiveModel { job: Set(id.clone()), until: Set(now + TURN_MS) };
                Box::pin(async move {
                    Entity::delete_many().filter(Column::Until.lt(now)).exec(tx).await?;
                    Entity::insert(row).exec_without_returning(tx).await?;
                    Ok(())
                })
            })
            .await;
        match taken {
            Ok(()) => {
                let renewing = tokio::spawn(renew(state.clone(), job.to_owned()));
                turn.renewing = Some(renewing.abort_handle());
                Ok(Some(turn))
            }
            Err(Fault::Database(error)) if is_taken(&error) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(renewing) = self.renewing.take() else { return };
        renewing.abort();
        let (state, job) = (self.state.clone(), self.job.clone());
        // Where that fails, it runs out.
        tokio::spawn(async move {
            let given_back: Result<(), DbErr> = state
                .db
                .write(move |tx| {
                    let job = job.clone();
                    Box::pin(async move { Entity::delete_by_id(job).exec(tx).await.map(drop) })
                })
                .await;
            if let Err(error) = given_back {
                tracing::debug!(%error, "the turn to seal a job was not given back");
            }
        });
    }
}

async fn renew(state: AppState, job: String) {
    loop {
        tokio::time::sleep(AGAIN).await;
        let (until, id) = (state.clock.now_ms() + TURN_MS, job.clone());
        let renewed: Result<(), DbErr> = state
            .db
            .write(move |tx| {
                let renewed = Entity::update_many()
                    .col_expr(Column::Until, Expr::value(until))
                    .filter(Column::Job.eq(&id));
                Box::pin(async move { renewed.exec(tx).await.map(drop) })
            })
            .await;
        if let Err(error) = renewed {
            tracing::debug!(%error, "the turn to seal a job was not renewed");
        }
    }
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

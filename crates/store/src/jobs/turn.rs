//! Whose turn it is to seal a job: of several processes of a store, one does.

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::fault::Result;
use crate::random;
use crate::schema::sealing::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// How long a process that says nothing keeps others from sealing a job.
const TURN_MS: i64 = 15_000;
/// How often it says that it is at it.
const AGAIN: Duration = Duration::from_secs(5);
/// How often at most: what takes longer hangs, and another process may do better.
const LONGEST: u32 = 6 * 3_600 / 5;
/// After which turns of processes that were killed are forgotten, whatever became of their jobs.
const FORGOTTEN_MS: i64 = 86_400_000;

/// This process seals the job; given back when dropped.
pub(crate) struct Turn {
    state: AppState,
    job: String,
    owner: String,
    renewing: Option<AbortHandle>,
    lost: Option<oneshot::Receiver<()>>,
}

impl Turn {
    /// Takes it; `None` while another process has it. SQLite has one process.
    pub(crate) async fn take(state: &AppState, job: &str) -> Result<Option<Self>> {
        let owner = hex::encode(random::bytes::<16>()?);
        let mut turn = Self { state: state.clone(), job: job.to_owned(), owner, renewing: None, lost: None };
        if state.db.backend() == DbBackend::Sqlite {
            return Ok(Some(turn));
        }
        let now = state.clock.now_ms();
        let row = ActiveModel {
            job: Set(turn.job.clone()),
            until: Set(now + TURN_MS),
            owner: Set(turn.owner.clone()),
        };
        let taken: Result<u64, DbErr> = state
            .db
            .write(move |tx| {
                let row = row.clone();
                Box::pin(async move {
                    Entity::delete_many().filter(Column::Until.lt(now - FORGOTTEN_MS)).exec(tx).await?;
                    let over = OnConflict::column(Column::Job)
                        .update_columns([Column::Until, Column::Owner])
                        .action_and_where(Expr::col((Entity, Column::Until)).lt(now))
                        .to_owned();
                    Entity::insert(row).on_conflict(over).exec_without_returning(tx).await
                })
            })
            .await;
        if taken? == 0 {
            return Ok(None);
        }
        let (tell, lost) = oneshot::channel();
        let renewing = tokio::spawn(renew(state.clone(), turn.job.clone(), turn.owner.clone(), tell));
        turn.renewing = Some(renewing.abort_handle());
        turn.lost = Some(lost);
        Ok(Some(turn))
    }

    /// Returns when it is this process's turn no more.
    pub(crate) async fn lost(&mut self) {
        match &mut self.lost {
            Some(lost) => drop(lost.await),
            None => std::future::pending().await,
        }
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(renewing) = self.renewing.take() else { return };
        renewing.abort();
        let (state, job, owner) = (self.state.clone(), self.job.clone(), self.owner.clone());
        // Where that fails, it runs out.
        tokio::spawn(async move {
            if let Err(error) = give_back(&state, &job, &owner).await {
                tracing::debug!(%error, "the turn to seal a job was not given back");
            }
        });
    }
}

/// Ends the turn of this owner, if it still has it.
pub(crate) async fn give_back(state: &AppState, job: &str, owner: &str) -> Result<(), DbErr> {
    let (job, owner) = (job.to_owned(), owner.to_owned());
    state
        .db
        .write(move |tx| {
            let its = Entity::delete_many().filter(Column::Job.eq(&job)).filter(Column::Owner.eq(&owner));
            Box::pin(async move { its.exec(tx).await.map(drop) })
        })
        .await
}

async fn renew(state: AppState, job: String, owner: String, lost: oneshot::Sender<()>) {
    for _ in 0..LONGEST {
        tokio::time::sleep(AGAIN).await;
        let until = state.clock.now_ms() + TURN_MS;
        let (id, whose) = (job.clone(), owner.clone());
        let renewed: Result<u64, DbErr> = state
            .db
            .write(move |tx| {
                let renewed = Entity::update_many()
                    .col_expr(Column::Until, Expr::value(until))
                    .filter(Column::Job.eq(&id))
                    .filter(Column::Owner.eq(&whose));
                Box::pin(async move { renewed.exec(tx).await.map(|done| done.rows_affected) })
            })
            .await;
        match renewed {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the turn to seal a job was not renewed"),
        }
    }
    let _ = lost.send(());
}

//! How much one person may have here.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use sealpost_api::Problem;
use sealpost_market::JobState;

use crate::fault::Result;
use crate::schema::{job, listing, release};
use crate::state::AppState;

/// Refuses another listing to a seller who has as many as they may.
pub(crate) async fn listing(state: &AppState, db: &impl ConnectionTrait, seller: &str) -> Result<()> {
    let most = u64::from(state.settings.get().listings);
    if most == 0
        || listing::Entity::find().filter(listing::Column::Publisher.eq(seller)).count(db).await? < most
    {
        return Ok(());
    }
    Err(Problem::new(409, "too_many_listings", "You have as many listings as this store allows")
        .detail(format!("One seller may have {most} listings here."))
        .hint("Ask the store's operator for more.")
        .into())
}

/// Refuses another release of `more` sealed bytes to a seller whose releases would take more than they may.
pub(crate) async fn storage(
    state: &AppState,
    db: &impl ConnectionTrait,
    seller: &str,
    more: u64,
) -> Result<()> {
    let most = state.settings.get().storage_bytes;
    if most == 0 {
        return Ok(());
    }
    let taken = stored(db, Some(seller)).await?;
    if taken.saturating_add(more) <= most {
        return Ok(());
    }
    Err(Problem::new(413, "storage_full", "Your files take as much as this store allows")
        .detail(format!("One seller's files may take {most} bytes here, and yours take {taken}."))
        .hint("Ask the store's operator for more room.")
        .into())
}

/// Refuses another job to somebody who has as many open ones as they may.
pub(crate) async fn job(state: &AppState, db: &impl ConnectionTrait, owner: &str) -> Result<()> {
    let most = u64::from(state.settings.get().open_jobs);
    if most == 0 {
        return Ok(());
    }
    let ended =
        [JobState::Success, JobState::Failure, JobState::Cancelled, JobState::Expired].map(JobState::as_str);
    let open =
        job::Entity::find().filter(job::Column::Owner.eq(owner)).filter(job::Column::State.is_not_in(ended));
    if open.count(db).await? < most {
        return Ok(());
    }
    Err(Problem::new(409, "too_many_jobs", "You have as many prints under way as this store allows")
        .detail(format!("One person may have {most} jobs that have not ended."))
        .hint("Wait for a print to end, or cancel one that waits.")
        .into())
}

/// Sealed bytes of the releases of one seller, or of all.
pub(super) async fn stored(db: &impl ConnectionTrait, seller: Option<&str>) -> Result<u64> {
    let mut releases = release::Entity::find().select_only().column_as(bytes(), "bytes");
    if let Some(seller) = seller {
        releases = releases.inner_join(listing::Entity).filter(listing::Column::Publisher.eq(seller));
    }
    let bytes: Option<Option<i64>> = releases.into_tuple().one(db).await?;
    Ok(bytes.flatten().unwrap_or_default().unsigned_abs())
}

/// PostgreSQL adds up 64-bit numbers to something larger.
pub(super) fn bytes() -> SimpleExpr {
    let sum = Func::sum(Expr::col((release::Entity, release::Column::BlobSize)));
    Expr::expr(sum).cast_as(Alias::new("bigint"))
}

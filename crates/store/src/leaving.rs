//! How somebody leaves a store: what it costs them, their data to take along, and the end of their account.
//!
//! What others rely on stays, under the account's id: what they bought, receipts, the audit log.

mod end;
mod export;
mod routes;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_accounts::UserAuth;
use sealpost_api::mail::Leaving;
use sealpost_market::JobState;
use utoipa_axum::router::OpenApiRouter;

use crate::fault::Result;
use crate::identity::ids_of_owner;
use crate::schema::{job, licence, listing, purchase};
use crate::state::AppState;

/// States in which a printer is at it.
const AT_IT: [JobState; 3] = [JobState::Processing, JobState::Printing, JobState::Paused];
/// States in which nothing was given out.
const WAITING: [JobState; 2] = [JobState::Sealing, JobState::ReadyToPrint];

pub(crate) fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// What it costs to leave.
async fn costs(state: &AppState, user: &UserAuth) -> Result<Leaving> {
    let (db, id) = (state.db.read(), user.id().as_str());
    let jobs = |states: &[JobState]| {
        job::Entity::find()
            .filter(job::Column::Owner.eq(id))
            .filter(job::Column::State.is_in(states.iter().map(|state| state.as_str())))
            .count(db)
    };
    let mut hindrances = Vec::new();
    if jobs(&AT_IT).await? > 0 {
        hindrances.push("jobs_printing".to_owned());
    }
    if user.0.operator && state.accounts.count_people().await?.1 <= 1 {
        hindrances.push("last_operator".to_owned());
    }
    let licences = licence::Entity::find().filter(licence::Column::Holder.eq(id)).all(db).await?;
    let left = licences.iter().filter(|row| row.state == "active");
    let left = left.map(|row| u64::try_from(row.allowed - row.used - row.reserved).unwrap_or_default()).sum();
    let listings = listing::Entity::find().filter(listing::Column::Publisher.eq(id)).all(db).await?;
    let ids = listings.iter().map(|row| row.id.as_str());
    let sales = purchase::Entity::find().filter(purchase::Column::Listing.is_in(ids)).count(db).await?;
    Ok(Leaving {
        hindrances,
        licences: licences.len() as u64,
        prints_left: left,
        printers: ids_of_owner(db, user.id()).await?.len() as u64,
        jobs: jobs(&WAITING).await?,
        listings: listings.iter().filter(|row| row.state != "suspended").count() as u64,
        sales,
        purchases: purchase::Entity::find().filter(purchase::Column::Buyer.eq(id)).count(db).await?,
    })
}
